"""Agent conduct against plain Python, written from what each feature says."""

from __future__ import annotations

from oracle import HOUR, Case, Row, check, col, last, mean, n, per, share, since, smallest, total

from cxml.factors.agent_conduct import CONDUCT


def handled(r: Row) -> float | None:
    return r["handle_s"]


def against_norm(rows: list[Row], x: Case) -> float | None:
    both = [
        (r["handle_s"], usual)
        for r in rows
        if r["handle_s"] is not None and (usual := x.norm(r, "interactions", handled, "topic")) is not None
    ]
    return per(mean([v for v, _ in both]), mean([usual for _, usual in both]))


def wrap_up(rows: list[Row]) -> float | None:
    both = [r for r in rows if None not in (r["handle_s"], r["wrap_up_s"])]
    return per(total(col(both, "wrap_up_s")), total([r["handle_s"] + r["wrap_up_s"] for r in both]))


ORACLE = {
    "scripted_share": lambda w, k, c: share(col(w, "scripted")),
    "abusive_n": lambda w, k, c: n(col(w, "abusive")),
    "abusive_days_since": lambda w, k, c: since([r for r in w if r["abusive"]], c),
    "wrong_information_n": lambda w, k, c: len(col(w, "corrected_at")),
    "wrong_information_share": lambda w, k, c: share([r["corrected_at"] is not None for r in w]),
    "corrected_h_mean": lambda w, k, c: mean(
        [(r["corrected_at"] - r["t"]) / HOUR for r in w if r["corrected_at"] is not None]
    ),
    "empathy_mean": lambda w, k, c: mean(col(w, "empathy")),
    "empathy_min": lambda w, k, c: smallest(col(w, "empathy")),
    "empathy_last": lambda w, k, c: last(w, lambda r: r["empathy"]),
    "empathy_after_wait_mean": lambda w, k, c: mean(
        col([r for r in w if (r["wait_s"] or 0) > 600], "empathy")
    ),
    "name_used_share": lambda w, k, c: share(col(w, "name_used")),
    "anything_else_share": lambda w, k, c: share(col(w, "anything_else")),
    "history_shown_share": lambda w, k, c: share(col(w, "history_shown")),
    "escalated_share": lambda w, k, c: share(col(w, "escalated")),
    "escalated_n": lambda w, k, c: n(col(w, "escalated")),
    "handle_vs_topic": lambda w, k, c, x: against_norm(w, x),
    "wrap_up_share": lambda w, k, c: wrap_up(w),
}


def test_every_column_is_what_it_says() -> None:
    check(CONDUCT, ORACLE)
