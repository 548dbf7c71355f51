"""Survey feedback against plain Python, written from what each feature says."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import company
import pytest
from gathered import gather
from oracle import DAY, Case, Row, biggest, check, col, difference, last, mean, share, told

from cxml.factors.feedback import FEEDBACK


def goodness(r: Row) -> float | None:
    if None in (r["score"], r["scale_min"], r["scale_max"]) or r["scale_max"] == r["scale_min"]:
        return None
    up = (r["score"] - r["scale_min"]) / (r["scale_max"] - r["scale_min"])
    return 1 - up if r["higher_is"] == "bad" else up


def of_kind(rows: list[Row], kind: str) -> list[Row]:
    return [r for r in rows if r["kind"] == kind]


def answered(rows: list[Row]) -> list[Row]:
    return [r for r in rows if r["answered_at"] is not None]


def good(rows: list[Row], kind: str) -> list[float]:
    return told(goodness(r) for r in of_kind(rows, kind))


def bad(rows: list[Row]) -> list[Row]:
    return [r for r in rows if (x := goodness(r)) is not None and x < 0.5]


def item(about: str) -> Callable[..., Any]:
    return lambda w, k, c: mean(told(goodness(r) for r in of_kind(w, "other") if r["about"] == about))


def above_usual(rows: list[Row], x: Case) -> float | None:
    return mean(
        told(difference(goodness(r), x.norm(r, "surveys", goodness, "kind")) for r in of_kind(rows, "csat"))
    )


def streak(rows: list[Row]) -> int:
    """Invitations at the end of the log that have no answer."""
    at = [i for i, r in enumerate(rows) if r["answered_at"] is not None]
    return len(rows) - 1 - at[-1] if at else len(rows)


def days(rows: list[Row], c: int) -> float | None:
    """Since the last answer."""
    at = biggest(col(rows, "answered_at"))
    return None if at is None else (c - at) / DAY


def closed(r: Row, x: Case) -> bool | None:
    """Of a bad answer given within 90 days, once the seven days are over."""
    if r["answered_at"] - r["t"] > 90 * DAY or x.c - r["answered_at"] <= 7 * DAY:
        return None
    next_one = x.first_after(r, "recoveries", 97, lambda q: q["action"] == "follow_up")
    return next_one is not None and 0 <= next_one - r["answered_at"] <= 7 * DAY


def flag_of_nps(says: Callable[[float], bool]) -> Callable[..., Any]:
    def found(x: Case, w: int) -> int | None:
        score = x.of("nps_last", 365)
        return None if score is None else int(says(score))

    return found


ORACLE = {
    "nps_last": lambda w, k, c: last(of_kind(w, "nps"), lambda r: r["score"]),
    "nps_mean": lambda w, k, c: mean(col(of_kind(w, "nps"), "score")),
    "csat_last": lambda w, k, c: (good(w, "csat") or [None])[-1],
    "csat_mean": lambda w, k, c: mean(good(w, "csat")),
    "csat_min": lambda w, k, c: min(good(w, "csat"), default=None),
    "csat_top_share": lambda w, k, c: share([x == 1 for x in good(w, "csat")]),
    "csat_above_usual": lambda w, k, c, x: above_usual(w, x),
    "ease_last": lambda w, k, c: (good(w, "ces") or [None])[-1],
    "ease_mean": lambda w, k, c: mean(good(w, "ces")),
    "bad_scores_n": lambda w, k, c: len(bad(w)),
    "bad_score_days_since": lambda w, k, c: days(bad(w), c),
    "courtesy_mean": item("courtesy"),
    "trust_mean": item("trust"),
    "listened_mean": item("listened"),
    "understood_mean": item("understood"),
    "quality_mean": item("quality"),
    "packaging_mean": item("packaging"),
    "expectation_mean": item("expectation"),
    "surveys_n": lambda w, k, c: len(w),
    "response_share": lambda w, k, c: share([r["answered_at"] is not None for r in w]),
    "csat_response_share": lambda w, k, c: share([r["answered_at"] is not None for r in of_kind(w, "csat")]),
    "nonresponse_streak": lambda w, k, c: streak(w),
    "nps_nonresponse_streak": lambda w, k, c: streak(of_kind(w, "nps")),
    "answer_days_since": lambda w, k, c: days(w, c),
    "nps_days_since": lambda w, k, c: days(of_kind(w, "nps"), c),
    "ease_days_since": lambda w, k, c: days(of_kind(w, "ces"), c),
    "csat_n": lambda w, k, c: len(answered(of_kind(w, "csat"))),
    "ease_n": lambda w, k, c: len(answered(of_kind(w, "ces"))),
    "loop_closed_share": lambda w, k, c, x: share(told(closed(r, x) for r in bad(w))),
}
FORMULAS = {
    "nps_change": lambda x, w: difference(x.of("nps_last", 365), x.of("nps_mean", 365)),
    "promoter": flag_of_nps(lambda score: score >= 9),
    "detractor": flag_of_nps(lambda score: score <= 6),
    "csat_trend": lambda x, w: difference(x.of("csat_mean", 30), x.of("csat_mean", 180)),
    "expectation_gap": lambda x, w: difference(x.of("csat_mean", 365), x.of("expectation_mean", 365)),
}


def test_every_column_is_what_it_says(monkeypatch: pytest.MonkeyPatch) -> None:
    gather(monkeypatch, 7, 90)
    monkeypatch.setitem(company.NUMBERS, "score", (0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 5.0, 6.0, 8.0, 9.0, 10.0))
    monkeypatch.setitem(company.NUMBERS, "scale_max", (5.0, 5.0, 10.0, 10.0, None))
    check(FEEDBACK, ORACLE, FORMULAS, loose=("csat_above_usual",))
