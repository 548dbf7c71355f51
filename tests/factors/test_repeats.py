"""Repeat contacts against plain Python, written from what each feature says."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from oracle import DAY, Row, after, before, biggest, check, col, gap, mean, n, per, share, since, upto

from cxml.factors.repeats import REPEATS


def repeat_after(r: Row, k: list[Row], given_up: bool) -> bool:
    earlier = before(r, k, "topic")
    return gap(r, k, "topic", 7) is not None and earlier is not None and earlier["abandoned"] is given_up


def recurred(r: Row, k: list[Row]) -> bool:
    earlier = before(r, k, "topic")
    solved = earlier and earlier["once_resolved_at"] is not None and earlier["once_resolved_at"] <= r["t"]
    return bool(solved) and gap(r, k, "topic", 90) is not None


def chased(r: Row, k: list[Row]) -> bool:
    earlier = before(r, k, "issue_id")
    if earlier is None or gap(r, k, "issue_id", 30) is None:
        return False
    return earlier["once_resolved_at"] is None or earlier["once_resolved_at"] > r["t"]


def elsewhere(r: Row, k: list[Row]) -> bool:
    earlier = before(r, k, "topic")
    if earlier is None or gap(r, k, "topic", 7) is None or None in (earlier["channel"], r["channel"]):
        return False
    return bool(earlier["channel"] != r["channel"])


def mails(rows: list[Row]) -> list[Row]:
    return [r for r in rows if r["channel"] == "email"]


def mails_to_resolve(w: list[Row], k: list[Row]) -> list[int]:
    done = [
        r for r in w if r["resolved_at"] is not None and r["issue_id"] and after(r, k, "issue_id") is None
    ]
    return [len(mails(upto(r, k, 90, "issue_id"))) for r in done if mails(upto(r, k, 90, "issue_id"))]


def rate_trend(stem: str) -> Callable[..., Any]:
    return lambda x, w: per(x.of(stem, 30) / 30, x.of(stem, 180) / 180)


ORACLE = {
    "repeats_week_n": lambda w, k, c: n(gap(r, k, "topic", 7) is not None for r in w),
    "repeats_month_n": lambda w, k, c: n(gap(r, k, "topic", 30) is not None for r in w),
    "repeat_share": lambda w, k, c: share(
        [gap(r, k, "topic", 30) is not None for r in w if r["topic"] is not None]
    ),
    "repeats_after_abandon_n": lambda w, k, c: n(repeat_after(r, k, True) for r in w),
    "repeats_after_answer_n": lambda w, k, c: n(repeat_after(r, k, False) for r in w),
    "recurred_n": lambda w, k, c: n(recurred(r, k) for r in w),
    "issue_contacts_max": lambda w, k, c: biggest(
        [len(upto(r, k, 30, "issue_id")) for r in w if r["issue_id"] is not None]
    ),
    "topic_contacts_max": lambda w, k, c: biggest(
        [len(upto(r, k, 30, "topic")) for r in w if r["topic"] is not None]
    ),
    "repeat_gap_d_mean": lambda w, k, c: mean(
        [x / DAY for r in w if (x := gap(r, k, "topic", 30)) is not None]
    ),
    "repeat_days_since": lambda w, k, c: since([r for r in w if gap(r, k, "topic", 30) is not None], c),
    "issue_again_share": lambda w, k, c: share(
        [gap(r, k, "issue_id", 30) is not None for r in w if r["issue_id"] is not None]
    ),
    "chased_n": lambda w, k, c: n(chased(r, k) for r in w),
    "repeats_elsewhere_n": lambda w, k, c: n(elsewhere(r, k) for r in w),
    "mails_per_issue": lambda w, k, c: per(
        len(col(mails(w), "issue_id")), len(set(col(mails(w), "issue_id")))
    ),
    "mails_to_resolve_mean": lambda w, k, c: mean(mails_to_resolve(w, k)),
}
FORMULAS = {
    "repeat_trend": rate_trend("repeats_week_n"),
}


def test_every_column_is_what_it_says() -> None:
    check(REPEATS, ORACLE, FORMULAS)
