"""Resolution against plain Python, written from what each feature says."""

from __future__ import annotations

import numpy as np
from oracle import (
    DAY,
    HOUR,
    RESOLVED_WITHIN,
    Case,
    Row,
    after,
    before,
    biggest,
    check,
    gap,
    last,
    mean,
    n,
    number,
    per,
    share,
    told,
    upto,
)

from cxml.factors.resolution import RESOLUTION


def issues(w: list[Row], k: list[Row]) -> list[tuple[Row, int]]:
    """The last contact of each issue, and when the issue began (at most 180 days earlier)."""
    return [
        (r, min(x["t"] for x in upto(r, k, 180, "issue_id")))
        for r in w
        if r["issue_id"] is not None and after(r, k, "issue_id") is None
    ]


def held(r: Row, k: list[Row], c: int) -> bool | None:
    if r["topic"] is None or gap(r, k, "topic", 7) is not None or c - r["t"] <= 7 * DAY:
        return None
    later = after(r, k, "topic")
    return r["resolved_at"] is not None and (later is None or later["t"] - r["t"] > 7 * DAY)


def within_day(r: Row, start: int, c: int) -> bool | None:
    if r["resolved_at"] is not None:
        return r["resolved_at"] - start <= DAY
    return False if c - start > DAY else None


def within_promise(r: Row, start: int, c: int) -> bool | None:
    if r["resolved_at"] is not None:
        return r["resolved_at"] - start <= RESOLVED_WITHIN
    return False if c - start > RESOLVED_WITHIN else None


def hours(w: list[Row], k: list[Row]) -> list[float]:
    """How long the resolved issues took."""
    return [(r["resolved_at"] - start) / HOUR for r, start in issues(w, k) if r["resolved_at"] is not None]


def came_after_fix(r: Row, k: list[Row]) -> bool:
    earlier = before(r, k, "issue_id")
    if earlier is None or earlier["once_resolved_at"] is None or gap(r, k, "issue_id", 90) is None:
        return False
    return bool(earlier["once_resolved_at"] <= r["t"])


def in_vain(r: Row, c: int) -> bool | None:
    if (r["wait_s"] or 0) <= 300 or c - r["t"] <= DAY:
        return None
    return r["resolved_at"] is None or r["resolved_at"] - r["t"] > DAY


def came_back(w: list[Row]) -> float | None:
    back = {r["issue_id"] for r in w if r["reopened_at"] is not None} - {None}
    solved = {r["issue_id"] for r in w if r["resolved_at"] is not None} - {None}
    return per(len(back), len(back | solved))


def took(r: Row) -> float | None:
    return None if r["resolved_at"] is None else r["resolved_at"] - r["t"]


def against_norm(w: list[Row], x: Case) -> float | None:
    both = [
        (took(r), usual)
        for r in w
        if took(r) is not None and (usual := x.norm(r, "interactions", took, "topic")) is not None
    ]
    return per(mean([v for v, _ in both]), mean([usual for _, usual in both]))


ORACLE = {
    "first_contact_resolution": lambda w, k, c: share([x for r in w if (x := held(r, k, c)) is not None]),
    "resolved_share": lambda w, k, c: share([r["resolved_at"] is not None for r, _ in issues(w, k)]),
    "resolved_1d_share": lambda w, k, c: share(
        [x for r, start in issues(w, k) if (x := within_day(r, start, c)) is not None]
    ),
    "resolve_h_mean": lambda w, k, c: mean(
        [(r["resolved_at"] - start) / HOUR for r, start in issues(w, k) if r["resolved_at"] is not None]
    ),
    "resolve_h_max": lambda w, k, c: biggest(
        [(r["resolved_at"] - start) / HOUR for r, start in issues(w, k) if r["resolved_at"] is not None]
    ),
    "resolve_so_far_h_mean": lambda w, k, c: mean(
        [((r["resolved_at"] or c) - start) / HOUR for r, start in issues(w, k)]
    ),
    "resolve_so_far_h_max": lambda w, k, c: biggest(
        [((r["resolved_at"] or c) - start) / HOUR for r, start in issues(w, k)]
    ),
    "open_issues_n": lambda w, k, c: n(r["resolved_at"] is None for r, _ in issues(w, k)),
    "open_oldest_d": lambda w, k, c: biggest(
        [(c - start) / DAY for r, start in issues(w, k) if r["resolved_at"] is None]
    ),
    "unresolved_last": lambda w, k, c: last(
        [r for r, _ in issues(w, k)], lambda r: number(r["resolved_at"] is None)
    ),
    "reopened_n": lambda w, k, c: len({r["issue_id"] for r in w if r["reopened_at"] is not None} - {None}),
    "reopened_share": lambda w, k, c: came_back(w),
    "after_fix_n": lambda w, k, c: n(came_after_fix(r, k) for r in w),
    "resolve_promise_share": lambda w, k, c: share(
        told(within_promise(r, start, c) for r, start in issues(w, k))
    ),
    "overdue_issues_n": lambda w, k, c: n(
        r["resolved_at"] is None and c - start > RESOLVED_WITHIN for r, start in issues(w, k)
    ),
    "resolve_h_p90": lambda w, k, c: float(np.quantile(v, 0.9)) if (v := hours(w, k)) else None,
    "resolve_vs_topic": lambda w, k, c, x: against_norm(w, x),
    "wait_in_vain_share": lambda w, k, c: share(told(in_vain(r, c) for r in w)),
}


def test_every_column_is_what_it_says() -> None:
    check(RESOLUTION, ORACLE)
