"""Labels against a slow recomputation, customer by customer, and at the exact edges of their window."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from at_cutoffs import labels_at
from small_history import CUTOFFS, END, HORIZON, LEAD, SECOND, START, at, orders

from cxml.config.load import parse_config
from cxml.labels import targets
from cxml.tables.opening import open_tables


def make(
    frames: dict[str, pd.DataFrame], cutoffs: tuple[datetime, ...] = CUTOFFS, **sections: Any
) -> pd.DataFrame:
    churn = {"lead": "5D", "horizon": "30D", "grace": "10D", **sections.pop("churn", {})}
    config = parse_config({"project": {"observation_end": END}, "churn": churn, **sections}, Path())
    tables = open_tables(config, frames)
    return labels_at(tables, cutoffs)


def spans(seed: int) -> pd.DataFrame:
    """Contracts that touch, overlap, follow each other within the grace time or not, and end on edges."""
    rng = np.random.default_rng(seed)
    rows = []
    for customer in range(60):
        begin = float(rng.integers(-20, 90))
        for _ in range(rng.integers(1, 4)):
            long = float(rng.integers(5, 90))
            end = begin + long if rng.random() < 0.8 else np.nan
            if rng.random() < 0.3:
                end = float(rng.choice([60, 65, 95, 100, 105, 135]))
            rows.append((f"c{customer:03d}", begin, end if end > begin or np.isnan(end) else begin + 1))
            begin = (end if not np.isnan(end) else begin + 30) + float(rng.choice([-5, 0, 9, 10, 11, 40]))
    frame = pd.DataFrame(rows, columns=["customer_id", "a", "b"])
    return pd.DataFrame(
        {
            "subscription_id": [f"s{i}" for i in range(len(frame))],
            "customer_id": frame.customer_id,
            "started_at": [at(a) for a in frame.a],
            "ended_at": [at(b) if not np.isnan(b) else pd.NaT for b in frame.b],
        }
    )


@pytest.mark.parametrize("seed", range(4))
def test_subscription_churn_is_an_end_that_nothing_follows(seed: int) -> None:
    frame = spans(seed)
    frame = frame[frame.started_at < pd.Timestamp(END)]
    frame.loc[frame.ended_at >= pd.Timestamp(END), "ended_at"] = pd.NaT
    found = make(
        {"subscriptions": frame}, population={"by": "subscription"}, churn={"definition": "subscription"}
    )
    grace = pd.Timedelta(days=10)
    expected = {}
    for customer, own in frame.groupby("customer_id"):
        for cutoff in map(pd.Timestamp, CUTOFFS):
            if not ((own.started_at < cutoff) & (own.ended_at.isna() | (own.ended_at >= cutoff))).any():
                continue
            gone = []
            for end in own.ended_at.dropna():
                runs_on = (own.started_at <= end + grace) & (own.ended_at.isna() | (own.ended_at > end))
                if end >= cutoff and not runs_on.any():
                    gone.append(end)
            window = cutoff + LEAD, cutoff + LEAD + HORIZON
            expected[customer, cutoff] = (
                int(any(window[0] <= end < window[1] for end in gone)),
                int(any(cutoff <= end < window[0] for end in gone)),
            )
    got = {(r.customer_id, r.cutoff): (r.churned, r.left_in_lead) for r in found.itertuples()}
    assert got == expected
    assert {a for a, _ in expected.values()} == {0, 1}


@pytest.mark.parametrize(
    ("day", "silent"),
    [(59.9, 1), (60, 1), (65 - SECOND, 1), (65, 0), (80, 0), (95 - SECOND, 0), (95, 1), (120, 1)],
)
def test_the_label_window_is_half_open(day: float, silent: int) -> None:
    found = make(
        {"orders": orders({"a": [30, day], "b": [31]})},
        CUTOFFS[:1],
        population={"by": "activity", "within": "60D", "activity": ["orders"]},
        churn={"definition": "inactivity", "activity": ["orders"]},
        value={"discount_rate": 0.0, "sources": [{"table": "orders", "column": "margin"}]},
    )
    row = found[found.customer_id == "a"].iloc[0]
    assert row.churned == silent
    assert row.value == (0 if silent else 100)


def test_cutoffs_after_which_nobody_left_or_everybody_are_known() -> None:
    """After day 60 both are silent, after 100 and 135 only b; at 165 a is alone, and comes back."""
    days = {"a": [50, 95, 101, 130, 140, 170], "b": [51, 99, 131]}
    config = parse_config(
        {
            "project": {"observation_end": END, "timezone": "Asia/Seoul"},
            "churn": {"horizon": "30D", "definition": "inactivity", "activity": ["orders"]},
            "population": {"by": "activity", "within": "30D", "activity": ["orders"]},
        },
        Path(),
    )
    cutoffs = [START + timedelta(days=d) for d in (60, 100, 135, 165)]
    found = targets.one_sided(open_tables(config, {"orders": orders(days)}), cutoffs)
    assert found == {cutoffs[0], cutoffs[3]}


@pytest.mark.parametrize("seed", range(4))
def test_rhythm_churn_is_silence_for_so_many_of_ones_own_gaps(seed: int) -> None:
    rng = np.random.default_rng(seed)
    rhythms = rng.choice([1.0, 2.5, 7.0, 20.0], 60)
    days = {
        f"c{i:02d}": sorted({float(d) for d in np.round(np.cumsum(rng.exponential(gap, 40)), 2) if d < 160})
        for i, gap in enumerate(rhythms)
    }
    found = make(
        {"orders": orders(days)},
        population={"by": "activity", "within": "60D", "activity": ["orders"]},
        churn={"definition": "rhythm", "activity": ["orders"], "times": 2.0},
    )
    waited = []
    for row in found.itertuples():
        c = (row.cutoff.to_pydatetime() - START) / timedelta(days=1)
        before = sorted({int(np.floor(d)) for d in days[row.customer_id] if d < c})
        gaps = np.diff(before)
        wait = min(30.0, 2.0 * np.median(gaps)) if len(gaps) >= 3 else 30.0
        waited.append(wait)
        assert row.churned == (not any(c + 5 <= d < c + 5 + wait for d in days[row.customer_id]))
    assert min(waited) < 5 and max(waited) == 30 and 0 < found.churned.mean() < 1


def test_value_is_discounted_from_the_cutoff_and_shares_are_taken() -> None:
    frame = orders({"a": [10, 70, 80], "b": [12]})
    charges = pd.DataFrame(
        {"charge_id": ["x"], "customer_id": ["a"], "charged_at": [at(90)], "amount": [50.0]}
    )
    found = make(
        {"orders": frame, "charges": charges},
        CUTOFFS[:1],
        population={"by": "activity", "within": "60D", "activity": ["orders"]},
        churn={"definition": "inactivity", "activity": ["orders"]},
        value={
            "discount_rate": 0.2,
            "sources": [
                {"table": "orders", "column": "margin"},
                {"table": "charges", "column": "amount", "share": 0.6},
            ],
        },
    ).set_index("customer_id")
    expected = 100 * 1.2 ** (-10 / 365) + 100 * 1.2 ** (-20 / 365) + 30 * 1.2 ** (-30 / 365)
    assert found.value["a"] == pytest.approx(expected, abs=1e-3)
    assert found.value["b"] == 0


def test_a_cancelled_order_brings_nothing() -> None:
    frame = orders({"a": [10, 70, 80]}).assign(cancelled_at=[pd.NaT, at(71), pd.NaT])
    found = make(
        {"orders": frame},
        CUTOFFS[:1],
        population={"by": "activity", "activity": ["orders"]},
        churn={"definition": "inactivity", "activity": ["orders"]},
        value={"discount_rate": 0.0, "sources": [{"table": "orders", "column": "margin"}]},
    )
    assert found.value.tolist() == [100]


def test_a_date_column_says_when_the_customer_left() -> None:
    people = pd.DataFrame(
        {
            "customer_id": list("abcdef"),
            "joined_at": at(0),
            "left_at": [pd.NaT, at(59), at(60), at(65), at(94.9), at(95)],
        }
    )
    found = make(
        {"customers": people, "orders": orders({c: [55.0] for c in "abcdef"})},
        CUTOFFS[:1],
        population={"by": "activity", "activity": ["orders"]},
        churn={"definition": "date"},
    ).set_index("customer_id")
    # b had left before the cutoff and is nobody's risk; c leaves while nobody could have acted.
    assert found.churned.to_dict() == {"a": 0, "c": 0, "d": 1, "e": 1, "f": 0}
    assert found.left_in_lead.to_dict() == {"a": 0, "c": 1, "d": 0, "e": 0, "f": 0}


def test_activity_may_be_a_column_of_instants() -> None:
    people = pd.DataFrame({"customer_id": ["a", "b"], "joined_at": at(0), "last_seen_at": [at(64), at(70)]})
    found = make(
        {"customers": people, "orders": orders({"a": [50.0], "b": [50.0]})},
        CUTOFFS[:1],
        population={"by": "activity", "activity": ["orders"]},
        churn={"definition": "inactivity", "activity": ["customers.last_seen_at"]},
    ).set_index("customer_id")
    assert found.churned.to_dict() == {"a": 1, "b": 0}


def test_a_contract_that_ends_as_it_begins_never_was_one() -> None:
    """Neither does it keep a customer, nor is it one that ended; an hour would be."""
    rows = [
        ("left", 0, 70),
        ("left", 75, 75),  # taken back within the grace time of 10 days
        ("kept", 0, 70),
        ("kept", 75, 75 + 1 / 24),
        ("new", 55, 55),
        ("stays", 0, None),
        ("stays", 70, 70),
    ]
    frame = pd.DataFrame(
        {
            "subscription_id": [str(k) for k in range(len(rows))],
            "customer_id": [who for who, *_ in rows],
            "started_at": [at(start) for _, start, _ in rows],
            "ended_at": pd.to_datetime([None if end is None else at(end) for *_, end in rows], utc=True),
        }
    )
    found = make(
        {"subscriptions": frame},
        CUTOFFS[:1],
        population={"by": "subscription"},
        churn={"definition": "subscription"},
    ).set_index("customer_id")
    assert found.churned.to_dict() == {"left": 1, "kept": 1, "stays": 0}
    assert found.left_after_days.to_dict() == pytest.approx(
        {"left": 5, "kept": 10 + 1 / 24, "stays": np.nan}, nan_ok=True
    )
