"""Giving up in the queue against plain Python, written from what each feature says."""

from __future__ import annotations

from oracle import (
    HOUR,
    Case,
    Row,
    biggest,
    check,
    col,
    difference,
    last,
    mean,
    n,
    number,
    off_hours,
    promised,
    share,
    since,
    told,
)

from cxml.factors.abandonment import ABANDONMENT


def recalled(r: Row, k: list[Row], c: int) -> bool | None:
    if not r["abandoned"] or c - r["t"] <= HOUR:
        return None
    return any(x["n"] > r["n"] and x["t"] - r["t"] <= HOUR for x in k)


def unserved(r: Row, k: list[Row]) -> bool:
    return bool(r["abandoned"]) and not any(x["n"] > r["n"] and x["abandoned"] is False for x in k)


def given_up(rows: list[Row]) -> list[Row]:
    return [r for r in rows if r["abandoned"]]


def gave_up(r: Row) -> float | None:
    return None if r["abandoned"] is None else float(r["abandoned"])


def above_usual(r: Row, x: Case) -> float | None:
    return difference(gave_up(r), x.norm(r, "interactions", gave_up, "channel"))


ORACLE = {
    "abandoned_n": lambda w, k, c: n(col(w, "abandoned")),
    "abandoned_share": lambda w, k, c: share(col(w, "abandoned")),
    "abandon_wait_mean": lambda w, k, c: mean(col([r for r in w if r["abandoned"]], "wait_s")),
    "abandoned_after_5m_n": lambda w, k, c: n(r["abandoned"] and (r["wait_s"] or 0) > 300 for r in w),
    "recalled_1h_share": lambda w, k, c: share([x for r in w if (x := recalled(r, k, c)) is not None]),
    "abandoned_unserved_n": lambda w, k, c: n(unserved(r, k) for r in w),
    "abandoned_last": lambda w, k, c: last(w, lambda r: number(r["abandoned"])),
    "abandoned_days_since": lambda w, k, c: since([r for r in w if r["abandoned"]], c),
    "abandoned_after_10m_n": lambda w, k, c: n((r["wait_s"] or 0) > 600 for r in given_up(w)),
    "abandoned_breach_share": lambda w, k, c: share(
        [r["wait_s"] > promised(r) for r in given_up(w) if None not in (r["wait_s"], r["channel"])]
    ),
    "abandon_wait_max": lambda w, k, c: biggest(col(given_up(w), "wait_s")),
    "abandoned_vs_channel": lambda w, k, c, x: mean(told(above_usual(r, x) for r in w)),
    "ivr_abandoned_share": lambda w, k, c: share(
        col([r for r in w if r["channel"] == "phone.ivr"], "abandoned")
    ),
    "off_hours_abandoned_share": lambda w, k, c: share(col([r for r in w if off_hours(r["t"])], "abandoned")),
}


def test_every_column_is_what_it_says() -> None:
    check(ABANDONMENT, ORACLE)
