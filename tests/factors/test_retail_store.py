"""Stores against plain Python, written from what each feature says."""

from __future__ import annotations

import company
import pytest
from oracle import Row, biggest, check, col, last, mean, share, told

from cxml.factors.retail_store import STORE


def goodness(r: Row) -> float | None:
    """What a survey about the store says, from 0 (bad) to 1 (good)."""
    scale = (r["score"], r["scale_min"], r["scale_max"])
    if r["about"] != "store" or None in scale or r["scale_max"] == r["scale_min"]:
        return None
    up = (r["score"] - r["scale_min"]) / (r["scale_max"] - r["scale_min"])
    return 1 - up if r["higher_is"] == "bad" else up


def solved(r: Row, k: list[Row]) -> bool:
    """On this contact or on a later one of the issue."""
    mine = [r] if r["issue_id"] is None else [x for x in k if x["issue_id"] == r["issue_id"]]
    return any(x["resolved_at"] is not None for x in mine if x["t"] >= r["t"])


ORACLE = {
    "store_queue_mean": lambda w, k, c: mean(col(w, "queue_s")),
    "store_queue_max": lambda w, k, c: biggest(col(w, "queue_s")),
    "store_queue_last": lambda w, k, c: last(w, lambda r: r["queue_s"]),
    "store_out_of_stock_share": lambda w, k, c: share(
        [x > 0 for x in col([r for r in w if r["kind"] == "store"], "out_of_stock")]
    ),
    "store_solved_share": lambda w, k, c: share(
        [solved(r, k) for r in w if (r["channel"] or "").startswith("store")]
    ),
    "store_score_mean": lambda w, k, c: mean(told(goodness(r) for r in w)),
    "store_score_last": lambda w, k, c: last(w, goodness),
    "store_distance_km": lambda w, k, c: last(w, lambda r: r["store_distance_km"]),
}


def test_every_column_is_what_it_says(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(company.WORDS, "about", ("store", "store", "store", "quality", None))
    monkeypatch.setitem(company.NUMBERS, "scale_min", (0.0, 1.0, 5.0, None))
    check(STORE, ORACLE)
