"""Mood in contacts against plain Python, written from what each feature says."""

from __future__ import annotations

from oracle import (
    DAY,
    Case,
    Row,
    before,
    check,
    col,
    difference,
    last,
    mean,
    promised,
    share,
    since,
    smallest,
    told,
)

from cxml.factors.sentiment import SENTIMENT


def change(r: Row) -> float | None:
    return difference(r["sentiment_end"], r["sentiment_start"])


def changes(rows: list[Row]) -> list[float]:
    return told(change(r) for r in rows)


def after_bad(rows: list[Row], k: list[Row]) -> list[Row]:
    """Those that follow, within 7 days, a contact that went wrong."""
    return [
        r
        for r in rows
        if (x := before(r, k))
        and r["t"] - x["t"] <= 7 * DAY
        and (x["abandoned"] or (x["channel"] and (x["wait_s"] or 0) > promised(x)))
    ]


def early(rows: list[Row], x: Case) -> list[Row]:
    return [
        r
        for r in rows
        if (found := x.lookup(r, "customers", "customer_id")) and r["t"] - found["t"] <= 30 * DAY
    ]


def mood(r: Row) -> float | None:
    return r["sentiment_end"]


def above_usual(r: Row, x: Case) -> float | None:
    return difference(r["sentiment_end"], x.norm(r, "interactions", mood, "channel"))


def negative(rows: list[Row]) -> list[Row]:
    return [r for r in rows if r["sentiment_end"] is not None and r["sentiment_end"] < 0]


ORACLE = {
    "mood_mean": lambda w, k, c: mean(col(w, "sentiment_end")),
    "mood_min": lambda w, k, c: smallest(col(w, "sentiment_end")),
    "mood_last": lambda w, k, c: last(w, mood),
    "mood_start_mean": lambda w, k, c: mean(col(w, "sentiment_start")),
    "mood_change_mean": lambda w, k, c: mean(changes(w)),
    "mood_worse_share": lambda w, k, c: share([d < 0 for d in changes(w)]),
    "mood_negative_share": lambda w, k, c: share([m < 0 for m in col(w, "sentiment_end")]),
    "mood_negative_days_since": lambda w, k, c: since(negative(w), c),
    "mood_after_bad_mean": lambda w, k, c: mean(col(after_bad(w, k), "sentiment_start")),
    "mood_recovered_mean": lambda w, k, c: mean(changes(after_bad(w, k))),
    "early_mood_mean": lambda w, k, c, x: mean(col(early(w, x), "sentiment_end")),
    "mood_vs_channel": lambda w, k, c, x: mean(told(above_usual(r, x) for r in w)),
}
FORMULAS = {
    "mood_trend": lambda x, w: difference(x.of("mood_mean", 30), x.of("mood_mean", 180)),
}


def test_every_column_is_what_it_says() -> None:
    check(SENTIMENT, ORACLE, FORMULAS)
