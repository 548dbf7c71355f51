"""Frustration against plain Python, written from what each feature says."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from oracle import Case, Row, biggest, called_off, check, gap, halved, last, mean, promised, told

from cxml.factors.frustration import FRUSTRATION
from cxml.features import planner


def fading(points: Callable[[Row, list[Row]], Any]) -> Callable[..., Any]:
    """The points of all rows, each halved every 30 days; missing where there are no rows."""
    return lambda w, k, c: sum(float(points(r, k) or 0) * halved(c - r["t"], 30) for r in w) if w else None


def kept_waiting(r: Row) -> bool:
    return r["channel"] is not None and (r["wait_s"] or 0) > promised(r)


def other_language(r: Row) -> bool:
    both = r["agent_language"], r["customer_language"]
    return None not in both and both[0].lower() != both[1].lower()


def missed_or_late(r: Row) -> bool:
    late = None not in (r["arrived_at"], r["window_end"]) and r["arrived_at"] > r["window_end"]
    return (r["no_show"] is True or late) and not called_off(r)


def unexpected(r: Row) -> bool:
    above = None not in (r["amount"], r["expected_amount"]) and r["amount"] > r["expected_amount"]
    return r["disputed_at"] is not None or above


def late(r: Row) -> bool:
    return None not in (r["delivered_at"], r["promised_at"]) and r["delivered_at"] > r["promised_at"]


def trouble(r: Row) -> int | None:
    if {r["abandoned"], r["wait_s"], r["transfers"], r["context_carried"]} == {None}:
        return None
    failed = 3 * (r["abandoned"] is True) + kept_waiting(r)
    return failed + (r["transfers"] or 0) + 2 * (r["context_carried"] is False)


ORACLE = {
    "frustration_waits": fading(lambda r, k: kept_waiting(r)),
    "frustration_given_up": fading(lambda r, k: r["abandoned"]),
    "frustration_repeats": fading(lambda r, k: gap(r, k, "topic", 7) is not None),
    "frustration_retold": fading(lambda r, k: r["context_carried"] is False),
    "frustration_language": fading(lambda r, k: other_language(r)),
    "frustration_scripted": fading(lambda r, k: r["scripted"]),
    "frustration_abuse": fading(lambda r, k: r["abusive"]),
    "frustration_wrong": fading(lambda r, k: r["corrected_at"] is not None),
    "frustration_visits": fading(lambda r, k: missed_or_late(r)),
    "frustration_charges": fading(lambda r, k: unexpected(r)),
    "frustration_deliveries": fading(lambda r, k: late(r)),
    "frustration_returns": fading(lambda r, k: r["accepted"] is False),
    "frustration_transfers": fading(lambda r, k: r["transfers"]),
    "frustration_checks": fading(lambda r, k: max((r["verifications"] or 0) - 1, 0)),
    "trouble_peak": lambda w, k, c: biggest(told(trouble(r) for r in w)),
    "trouble_end": lambda w, k, c: last(w, trouble),
    "trouble_mean": lambda w, k, c: mean(told(trouble(r) for r in w)),
}
WEIGHTS = {
    "waits": 1,
    "transfers": 1,
    "checks": 1,
    "scripted": 1,
    "repeats": 2,
    "retold": 2,
    "language": 2,
    "deliveries": 2,
    "given_up": 3,
    "wrong": 3,
    "visits": 3,
    "charges": 3,
    "returns": 3,
    "abuse": 5,
}


def weighted(*names: str) -> Callable[[Case, int], float]:
    return lambda x, w: sum(WEIGHTS[name] * (x.of(f"frustration_{name}", w) or 0) for name in names)


def peak_end(x: Case, w: int) -> float | None:
    peak, end = x.of("trouble_peak", w), x.of("trouble_end", w)
    return None if peak is None else (peak + end) / 2


FORMULAS = {
    "frustration_index": weighted(*WEIGHTS),
    "peak_end": peak_end,
}


def test_every_column_is_what_it_says() -> None:
    sums = [stem for stem in (*ORACLE, *FORMULAS) if stem.startswith("frustration")]
    check(FRUSTRATION, ORACLE, FORMULAS, loose=sums)


def test_the_index_goes_on_without_what_is_not_there() -> None:
    columns = {"interaction_id", "customer_id", "started_at", "channel", "wait_s", "topic"}
    planned = planner.plan({"interactions": frozenset(columns)}, (FRUSTRATION,))
    assert {c.feature.name for c in planned.columns} == {
        "frustration_waits",
        "frustration_repeats",
        "frustration_index",
    }
    assert len(planned.reduced["frustration"]) == len(WEIGHTS) - 2
