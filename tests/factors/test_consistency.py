"""Inconsistent service against plain Python, written from what each feature says."""

from __future__ import annotations

import statistics
from collections.abc import Callable
from typing import Any

from oracle import Case, Row, check, col, mean, per, told

from cxml.factors.consistency import CONSISTENCY


def deviation(values: list[float]) -> float | None:
    return statistics.stdev(values) if len(values) > 1 else None


def relative(values: list[float]) -> float | None:
    return per(deviation(values), mean(values))


def durations(rows: list[Row], end: str) -> list[float]:
    return [r[end] - r["t"] for r in rows if r[end] is not None]


def score(r: Row) -> float | None:
    """From 0 (bad) to 1 (good)."""
    low, high = r["scale_min"], r["scale_max"]
    if None in (r["score"], low, high) or low == high:
        return None
    up = (r["score"] - low) / (high - low)
    return 1 - up if r["higher_is"] == "bad" else up


def kind_of(channel: str | None) -> str | None:
    if channel is None:
        return None
    return next((kind for kind in ("phone", "chat", "email", "social") if channel.startswith(kind)), "other")


def apart(pairs: list[tuple[Any, Any]]) -> float | None:
    """The highest average of a kind of channel minus the lowest; pairs are kind and value."""
    full = [(kind, value) for kind, value in pairs if None not in (kind, value)]
    means = [mean([v for other, v in full if other == kind]) or 0.0 for kind in {kind for kind, _ in full}]
    return max(means) - min(means) if len(means) > 1 else None


def channel_met(r: Row, x: Case) -> str | None:
    contact = x.lookup(r, "interactions", "issue_id", "channel")
    return contact and contact["channel"]


def index(x: Case, w: int) -> float | None:
    parts = {"wait_spread": 1, "resolve_spread": 1, "score_spread": 2}
    there = [(x.of(stem, w), weight) for stem, weight in parts.items() if x.of(stem, w) is not None]
    return per(sum(value * weight for value, weight in there), sum(weight for _, weight in there))


def scores(rows: list[Row]) -> list[float]:
    return told(score(r) for r in rows)


ORACLE: dict[str, Callable[..., Any]] = {
    "wait_spread": lambda w, k, c: relative([int(v) for v in col(w, "wait_s")]),  # whole seconds
    "reply_spread": lambda w, k, c: relative(durations(w, "first_reply_at")),
    "resolve_spread": lambda w, k, c: relative(durations(w, "resolved_at")),
    "mood_spread": lambda w, k, c: deviation(col(w, "sentiment_end")),
    "score_spread": lambda w, k, c: deviation(scores(w)),
    "wait_channel_gap": lambda w, k, c: apart([(kind_of(r["channel"]), r["wait_s"]) for r in w]),
    "score_channel_gap": lambda w, k, c, x: apart([(kind_of(channel_met(r, x)), score(r)) for r in w]),
}
FORMULAS = {
    "inconsistency_index": index,
}


def test_every_column_is_what_it_says() -> None:
    check(CONSISTENCY, ORACLE, FORMULAS, loose=["score_spread", "inconsistency_index"])
