"""The exposures of the truth can be counted from the tables by hand, row by row."""

import itertools
import math
from collections import defaultdict

import numpy as np
import pandas as pd
import pytest

from cxml.contracts import TABLES
from cxml.simulate import simulate
from cxml.simulate.factors import BY_NAME, FACTORS

DAY = 86_400.0
CUTOFFS = ("2024-07-01", "2024-09-01", "2025-01-01")


@pytest.fixture(scope="module")
def company():
    return simulate(220, months=12, seed=11)


def by_customer(table):
    """The rows of each customer as tuples; instants are seconds, and what never comes is infinite."""
    frame = table.to_pandas()
    for name in frame.columns:
        if isinstance(frame[name].dtype, pd.DatetimeTZDtype):
            stamps = frame[name].astype("int64") / 1e6
            frame[name] = stamps.where(frame[name].notna(), math.inf)
    found = defaultdict(list)
    for row in frame.itertuples(index=False):
        found[row.customer_id if "customer_id" in frame else row.agent_id].append(row)
    return found


def within(rows, event, cutoff, days=90):
    return [row for row in rows if cutoff - days * DAY <= getattr(row, event) < cutoff]


def mean(values, none=0.0):
    values = list(values)
    return sum(values) / len(values) if values else none


def usual(factor):
    return BY_NAME[factor].usual


class ByHand:
    """Counts the exposures of one customer at one cutoff with plain loops."""

    def __init__(self, tables):
        self.tables = {name: by_customer(table) for name, table in tables.items()}

    def at(self, customer, cutoff):
        own = {name: rows.get(customer, []) for name, rows in self.tables.items()}
        return {
            **self.contacts(own, cutoff),
            **self.served(own, cutoff),
            **self.digital(own, cutoff),
            **self.commerce(own, cutoff),
            **self.said(own, cutoff),
        }

    @staticmethod
    def is_repeat(contact, contacts):
        before = [c for c in contacts if c.topic == contact.topic and c.started_at < contact.started_at]
        return bool(before) and contact.started_at - max(c.started_at for c in before) <= 7 * DAY

    def contacts(self, own, cutoff):
        every = own["interactions"]
        contacts = within(every, "started_at", cutoff)
        over = [c for c in contacts if c.ended_at < cutoff]
        waits = [c.wait_s for c in over if c.wait_s == c.wait_s]
        steps = [c.transfers + c.verifications for c in over if c.transfers == c.transfers]
        year = within(every, "started_at", cutoff, 365)
        long = [c.wait_s for c in year if c.ended_at < cutoff and c.wait_s == c.wait_s]
        uneven = usual("consistency")
        if len(long) > 1 and sum(long):
            uneven = np.std(long, ddof=1) / np.mean(long)
        return {
            "waiting": min(mean(waits) / 60, 20),
            "resolution": min(len({c.issue_id for c in contacts if not c.resolved_at < cutoff}), 2),
            "repeats": min(sum(self.is_repeat(c, every) for c in contacts), 4),
            "effort": min(mean(steps), 3),
            "abandonment": float(any(c.abandoned is True for c in over)),
            "product": min(len({c.issue_id for c in contacts if c.topic.startswith("product.")}), 3),
            "proactive": min(sum(c.proactive is True for c in contacts), 2),
            "consistency": min(uneven, 2.5),
            "recovery": self.recovery(own, contacts, cutoff),
        }

    def recovery(self, own, contacts, cutoff):
        done = {a.issue_id for a in own["recoveries"] if a.at < cutoff}
        bad = set()
        for c in contacts:
            gave_up = c.ended_at < cutoff and c.abandoned is True
            slow = min(c.resolved_at, cutoff) - c.started_at > 7 * DAY
            if gave_up or slow or self.is_repeat(c, own["interactions"]):
                bad.add(c.issue_id)
        return len(bad & done) / len(bad) if bad else 0.0

    def served(self, own, cutoff):
        over = [c for c in within(own["interactions"], "started_at", cutoff) if c.ended_at < cutoff]
        person = [c for c in over if isinstance(c.agent_id, str)]
        spoke = [c for c in over if isinstance(c.agent_language, str)]
        moods = [c.sentiment_end for c in over if c.sentiment_end == c.sentiment_end]
        return {
            "skill": mean((not self.knows(c) for c in person), usual("skill")),
            "conduct": mean((1 - c.empathy + c.scripted for c in person), usual("conduct")),
            "language": mean(c.agent_language != c.customer_language for c in spoke),
            "sentiment": mean(moods, usual("sentiment")),
        }

    def knows(self, contact):
        spans = self.tables["agents"][contact.agent_id]
        (held,) = [s for s in spans if s.valid_from <= contact.started_at < s.valid_to]
        return contact.topic in held.skills.split(";")

    def digital(self, own, cutoff):
        sessions = within(own["sessions"], "started_at", cutoff)
        online = [s for s in sessions if s.kind != "store"]
        trouble = [(s.errors > 0) + (s.rage_clicks > 0) + (s.payment_failures > 0) for s in online]
        looked = [not s.help_found for s in online if s.help_search]
        queues = [s.queue_s / 60 for s in sessions if s.kind == "store"]
        messages = [m for m in within(own["messages"], "sent_at", cutoff) if m.fields_used == m.fields_used]
        available = sum(m.fields_available for m in messages)
        used = sum(m.fields_used for m in messages)
        return {
            "digital": mean(trouble, usual("digital")),
            "self_service": mean(looked, usual("self_service")),
            "store": min(mean(queues, usual("store")), 20),
            "personalization": 1 - used / available if available else 0.0,
        }

    def commerce(self, own, cutoff):
        arrived = [o for o in within(own["orders"], "ordered_at", cutoff) if o.delivered_at < cutoff]
        promised = [o for o in arrived if o.promised_at < math.inf]
        paid = [o.shipping_fee > 0 for o in within(own["orders"], "ordered_at", cutoff, 365)]
        charges = within(own["charges"], "charged_at", cutoff)
        visits = [v for v in within(own["visits"], "window_start", cutoff, 180) if v.window_end < cutoff]
        visits = [v for v in visits if not v.cancelled_by_customer]
        returns = within(own["returns"], "requested_at", cutoff, 180)
        return {
            "delivery": mean(o.delivered_at > o.promised_at for o in promised),
            "price": mean(paid, usual("price")) + self.rise(own["subscriptions"], cutoff) / 0.1,
            "billing": min(sum(c.amount > c.expected_amount for c in charges), 3),
            "visits": mean(v.no_show or v.window_end < v.arrived_at < cutoff for v in visits),
            "returns": mean(self.is_bad(r, cutoff) for r in returns),
        }

    @staticmethod
    def is_bad(back, cutoff):
        if back.decided_at < cutoff:
            if not back.accepted:
                return True
            if back.exchanged:
                return False
        return min(back.refunded_at, cutoff) - back.requested_at > 14 * DAY

    @staticmethod
    def rise(spans, cutoff):
        spans = sorted(spans, key=lambda span: span.started_at)
        found = 0.0
        for before, after in itertools.pairwise(spans):
            if cutoff - 365 * DAY <= after.started_at < cutoff and before.plan == after.plan:
                found += after.price / before.price - 1
        return found

    def said(self, own, cutoff):
        scores, latest = [], {}
        for s in within(own["surveys"], "sent_at", cutoff):
            recorded = s.recorded_at if s.recorded_at < math.inf else s.sent_at
            if recorded < cutoff and recorded >= latest.get(s.survey_id, (0,))[0]:
                latest[s.survey_id] = (recorded, s)
        for _, s in latest.values():
            if s.answered_at < cutoff:
                share = (s.score - s.scale_min) / (s.scale_max - s.scale_min)
                scores.append(share if s.higher_is == "good" else 1 - share)
        complaints = [p for p in within(own["posts"], "posted_at", cutoff, 180) if p.polarity < 0]
        recent = [p for p in complaints if p.posted_at >= cutoff - 90 * DAY]
        return {
            "feedback": mean(scores, none=0.5),
            "posts": min(len(recent), 3),
            "replies": mean(not p.replied_at < cutoff for p in complaints),
        }


def test_exposures_equal_a_count_by_hand(company):
    by_hand = ByHand(company.tables)
    truth = company.truth["snapshots"].to_pandas()
    met = {factor.name: set() for factor in FACTORS}
    for cutoff in pd.to_datetime(CUTOFFS, utc=True):
        for row in truth[truth.cutoff == cutoff].to_dict("records"):
            counted = by_hand.at(row["customer_id"], cutoff.timestamp())
            assert set(counted) == set(met)
            for factor, value in counted.items():
                assert row[f"x_{factor}"] == pytest.approx(value, rel=1e-12, abs=1e-12), (factor, row)
                met[factor].add(round(value, 6))
    assert min(len(values) for values in met.values()) > 1  # every exposure was met, and not


def test_what_was_usual_is_usual():
    """Rounded means and spreads that stand in the list of factors hold for another company."""
    truth = simulate(2_500, seed=21).truth["snapshots"].to_pandas()
    for factor in FACTORS:
        x = truth[f"x_{factor.name}"]
        assert x.std() == pytest.approx(factor.spread, rel=0.15), factor
        assert abs(x.mean() - factor.usual) < 0.15 * factor.spread, factor


def test_exposures_have_no_common_cause_but_the_contacts():
    x = simulate(2_000, seed=2).truth["snapshots"].to_pandas().filter(like="x_")
    levers = x[[f"x_{factor.name}" for factor in FACTORS if not factor.outcome]]
    correlation = levers.corr().abs() - np.eye(levers.shape[1])
    assert correlation.max().max() < 0.65
    together = [f"x_{name}" for name in ("waiting", "resolution", "repeats", "abandonment", "recovery")]
    correlation.loc[together, together] = 0  # one bad contact brings the others with it
    assert correlation.max().max() < 0.25


def test_late_tables_tell_of_the_same_lives(company):
    """What was written down late changes no truth, and once all is known the tables say the same."""
    late = simulate(220, months=12, seed=11, late=True)
    assert late.truth["snapshots"].equals(company.truth["snapshots"])
    for name in TABLES:
        one, two = company.tables[name].to_pandas(), late.tables[name].to_pandas()
        if name not in ("interactions", "customers"):
            pd.testing.assert_frame_equal(one, two)
            continue
        event, own = TABLES[name].event, TABLES[name].id
        two = two.assign(known=two.recorded_at.fillna(two[event])).sort_values("known", kind="stable")
        assert two[own].duplicated().sum() > 3 and two.recorded_at.notna().sum() > 10
        last = two.drop_duplicates(own, keep="last").set_index(own)[one.columns.drop(own)]
        missing = set(one[own]) - set(last.index)  # recorded after the extract
        assert len(missing) < 0.01 * len(one)
        kept = one[~one[own].isin(missing)].set_index(own)
        differ = (kept != last.loc[kept.index]) & ~(kept.isna() & last.loc[kept.index].isna())
        assert differ.sum().sum() <= 0.002 * len(kept)  # a correction after the extract
