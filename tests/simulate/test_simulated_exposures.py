"""The exposures of the truth can be counted from the tables by hand, row by row."""

import numpy as np
import pandas as pd
import pytest

from cxml.simulate import simulate

DAYS = pd.Timedelta("1D")
CUTOFFS = ("2024-07-01", "2024-09-01", "2025-01-01")


@pytest.fixture(scope="module")
def company():
    return simulate(250, months=12, seed=11)


def by_customer(frame):
    return dict(list(frame.groupby("customer_id")))


def within(frames, customer, event, cutoff):
    frame = frames.get(customer)
    if frame is None:
        return pd.DataFrame()
    return frame[(frame[event] >= cutoff - 90 * DAYS) & (frame[event] < cutoff)]


def mean(values, none=0.0):
    values = list(values)
    return sum(values) / len(values) if values else none


class ByHand:
    """Counts the exposures of one customer at one cutoff with plain loops."""

    def __init__(self, tables):
        frames = {name: table.to_pandas() for name, table in tables.items()}
        contacts = frames["interactions"].sort_values("started_at", kind="stable")
        earlier = contacts.groupby(["customer_id", "topic"]).started_at.shift(1)
        contacts["repeat"] = contacts.started_at - earlier <= 7 * DAYS
        frames["interactions"] = contacts
        self.rows = {name: by_customer(frame) for name, frame in frames.items() if "customer_id" in frame}

    def at(self, customer, cutoff):
        contacts = within(self.rows["interactions"], customer, "started_at", cutoff)
        over = [c for c in contacts.itertuples() if c.ended_at < cutoff]
        contacts = list(contacts.itertuples())
        messages = list(within(self.rows["messages"], customer, "sent_at", cutoff).itertuples())
        available = sum(m.fields_available for m in messages)
        spoke = [c for c in over if isinstance(c.agent_language, str)]
        orders = within(self.rows["orders"], customer, "ordered_at", cutoff).itertuples()
        arrived = [o for o in orders if o.delivered_at < cutoff]
        return {
            "waiting": min(mean(c.wait_s for c in over if c.wait_s == c.wait_s) / 60, 20),
            "resolution": min(len({c.issue_id for c in contacts if not c.resolved_at < cutoff}), 2),
            "personalization": 1 - sum(m.fields_used for m in messages) / available if available else 0.0,
            "repeats": min(sum(c.repeat for c in contacts), 4),
            "effort": min(mean(c.transfers + c.verifications for c in over), 3),
            "abandonment": float(any(c.abandoned for c in over)),
            "recovery": self.recovery(customer, contacts, cutoff),
            "language": mean(c.agent_language != c.customer_language for c in spoke),
            "delivery": mean(o.delivered_at > o.promised_at for o in arrived),
            "feedback": self.feedback(customer, cutoff),
        }

    def recovery(self, customer, contacts, cutoff):
        acts = self.rows["recoveries"].get(customer)
        done = set() if acts is None else set(acts.issue_id[acts["at"] < cutoff])
        bad = set()
        for c in contacts:
            settled = c.resolved_at if c.resolved_at < cutoff else cutoff
            gave_up = c.ended_at < cutoff and c.abandoned
            if gave_up or c.repeat or settled - c.started_at > 7 * DAYS:
                bad.add(c.issue_id)
        return len(bad & done) / len(bad) if bad else 0.0

    def feedback(self, customer, cutoff):
        scores = []
        for s in within(self.rows["surveys"], customer, "sent_at", cutoff).itertuples():
            if s.answered_at < cutoff:
                share = (s.score - s.scale_min) / (s.scale_max - s.scale_min)
                scores.append(share if s.higher_is == "good" else 1 - share)
        return mean(scores, none=0.5)


def test_exposures_equal_a_count_by_hand(company):
    by_hand = ByHand(company.tables)
    truth = company.truth["snapshots"].to_pandas()
    seen = dict.fromkeys(by_hand.at("C00000000", pd.Timestamp("2024-07-01", tz="UTC")), 0)
    for cutoff in pd.to_datetime(CUTOFFS, utc=True):
        for row in truth[truth.cutoff == cutoff].to_dict("records"):
            counted = by_hand.at(row["customer_id"], cutoff)
            for factor, value in counted.items():
                assert row[f"x_{factor}"] == pytest.approx(value, rel=1e-12, abs=1e-12), (factor, row)
                seen[factor] += value not in {0, 0.5}
    assert min(seen.values()) > 5  # every exposure was met


def test_repeats_of_a_long_history_are_found(company):
    t = company.tables["interactions"].to_pandas()
    snapshots = company.truth["snapshots"].to_pandas()
    assert snapshots.x_repeats.max() >= 3
    hit = snapshots[snapshots.x_repeats > 0]
    some = hit.sample(min(50, len(hit)), random_state=0)
    for row in some.itertuples():
        mine = t[(t.customer_id == row.customer_id) & (t.started_at < row.cutoff)]
        window = mine[mine.started_at >= row.cutoff - 90 * DAYS]
        count = 0
        for c in window.itertuples():
            before = mine[(mine.topic == c.topic) & (mine.started_at < c.started_at)]
            count += bool((c.started_at - before.started_at <= 7 * DAYS).any())
        assert min(count, 4) == row.x_repeats


def test_exposures_are_only_moderately_correlated():
    x = simulate(1_500, seed=2).truth["snapshots"].to_pandas().filter(like="x_")
    correlation = np.abs(np.corrcoef(x.to_numpy().T))
    np.fill_diagonal(correlation, 0)
    assert correlation.max() < 0.65
