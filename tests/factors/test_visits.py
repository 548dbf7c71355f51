"""Field visits against plain Python, written from what each feature says."""

from __future__ import annotations

from oracle import HOUR, Row, biggest, called_off, check, col, last, mean, n, number, share, since, told

from cxml.factors.visits import VISITS


def kept(r: Row, c: int) -> bool | None:
    """Whether the visit came before its window was over; what was called off is not judged."""
    if called_off(r) or r["window_end"] is None:
        return None
    if r["arrived_at"] is not None:
        return r["arrived_at"] <= r["window_end"]
    return False if r["window_end"] < c else None


def delays(rows: list[Row]) -> list[float]:
    return [
        max(r["arrived_at"] - r["window_end"], 0) / HOUR
        for r in rows
        if not called_off(r) and None not in (r["arrived_at"], r["window_end"])
    ]


ORACLE = {
    "visit_kept_share": lambda w, k, c: share(told(kept(r, c) for r in w)),
    "visit_kept_last": lambda w, k, c: last(w, lambda r: number(kept(r, c))),
    "late_visits_n": lambda w, k, c: n(x > 0 for x in delays(w)),
    "visit_delay_h_mean": lambda w, k, c: mean(delays(w)),
    "visit_delay_h_max": lambda w, k, c: biggest(delays(w)),
    "no_shows_n": lambda w, k, c: n(r["no_show"] and not called_off(r) for r in w),
    "visits_moved_n": lambda w, k, c: len(col(w, "rescheduled_at")),
    "visits_given_up_n": lambda w, k, c: n(col(w, "cancelled_by_customer")),
    "visit_window_h_mean": lambda w, k, c: mean(
        [(r["window_end"] - r["t"]) / HOUR for r in w if r["window_end"] is not None]
    ),
    "visit_broken_days_since": lambda w, k, c: since([r for r in w if kept(r, c) is False], c),
}


def test_every_column_is_what_it_says() -> None:
    check(VISITS, ORACLE)
