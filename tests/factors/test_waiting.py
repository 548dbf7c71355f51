"""Waiting against plain Python, written from what each feature says."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from oracle import (
    DAY,
    HOUR,
    Case,
    Row,
    bad,
    biggest,
    check,
    col,
    last,
    mean,
    n,
    off_hours,
    per,
    promised,
    share,
    since,
    told,
    total,
    weekend,
)

from cxml.factors.waiting import WAITING


def asked(r: Row) -> bool:
    channel = r["channel"]
    spoken = channel is None or channel.startswith(("phone", "store", "field"))
    return not spoken and r["direction"] in (None, "inbound")


def unanswered(r: Row) -> bool:
    return asked(r) and r["first_reply_at"] is None


def unanswered_after(r: Row, c: int, seconds: float | None) -> bool | None:
    """Whether a written contact had no answer within so many seconds, as soon as that is settled."""
    if not asked(r) or seconds is None:
        return None
    if r["first_reply_at"] is not None:
        return r["first_reply_at"] - r["t"] > seconds
    return True if c - r["t"] > seconds else None


def unanswered_share(rows: list[Row], c: int, limit: Callable[[Row], float | None]) -> float | None:
    return share(told(unanswered_after(r, c, limit(r)) for r in rows))


def of_channel(rows: list[Row], *prefixes: str) -> list[Row]:
    return [r for r in rows if r["channel"] is not None and r["channel"].startswith(prefixes)]


def reply_h(rows: list[Row]) -> float | None:
    return mean([(r["first_reply_at"] - r["t"]) / HOUR for r in rows if asked(r) and not unanswered(r)])


def beyond(r: Row, limit: float | None) -> float | None:
    """Seconds by which a wait is longer than its limit."""
    return None if None in (r["wait_s"], limit) else max(r["wait_s"] - limit, 0)


def kept_promise(r: Row) -> bool | None:
    over = beyond(r, promised(r))
    return None if over is None else over == 0


def reply_overrun(r: Row, c: int) -> float:
    end = c if r["first_reply_at"] is None else r["first_reply_at"]
    return max(end - r["t"] - promised(r), 0) / HOUR


def late_hours(rows: list[Row]) -> list[Row]:
    return [r for r in rows if off_hours(r["t"])]


def at_weekends(rows: list[Row]) -> list[Row]:
    return [r for r in rows if weekend(r["t"])]


def waited(r: Row) -> float | None:
    return r["wait_s"]


def answered_after(r: Row) -> float | None:
    return None if r["first_reply_at"] is None else r["first_reply_at"] - r["t"]


def against_norm(rows: list[Row], x: Case, value: Callable[[Row], float | None]) -> float | None:
    both = [
        (value(r), usual)
        for r in rows
        if value(r) is not None and (usual := x.norm(r, "interactions", value, "channel")) is not None
    ]
    return per(mean([v for v, _ in both]), mean([usual for _, usual in both]))


def newcomer(r: Row, x: Case) -> bool:
    customer = x.lookup(r, "customers", "customer_id")
    return customer is not None and r["t"] - customer["t"] <= 30 * DAY


def in_queue(r: Row, x: Case) -> bool:
    """Nobody has served them, and the contact is not over, on a channel whose waits are on record.

    It began within a day, or within 20 usual waits of the channel: later, the end was not recorded.
    """
    open_ = r["wait_s"] is None and r["ended_at"] is None and r["direction"] != "outbound"
    usual = x.norm(r, "interactions", waited, "channel")
    return open_ and usual is not None and x.c - r["t"] <= max(DAY, 20 * usual)


def so_far(r: Row, x: Case) -> float | None:
    return x.c - r["t"] if in_queue(r, x) else r["wait_s"]


def reply_so_far(rows: list[Row], c: int) -> list[float]:
    return [((c if unanswered(r) else r["first_reply_at"]) - r["t"]) / HOUR for r in rows if asked(r)]


def queue(rows: list[Row], x: Case) -> list[Row]:
    return [r for r in rows if in_queue(r, x)]


def beyond_announced(r: Row, c: int) -> float | None:
    announced = r["promised_wait_s"]
    return None if announced is None else max(c - r["t"] - announced, 0) / HOUR


ORACLE = {
    "wait_so_far_mean": lambda w, k, c, x: mean(told(so_far(r, x) for r in w)),
    "wait_so_far_max": lambda w, k, c, x: biggest(told(so_far(r, x) for r in w)),
    "waiting_now_n": lambda w, k, c, x: n(in_queue(r, x) for r in w),
    "waiting_now_h_max": lambda w, k, c, x: biggest([(c - r["t"]) / HOUR for r in queue(w, x)]),
    "waiting_now_announced_h_max": lambda w, k, c, x: biggest(
        [s / HOUR for s in col(queue(w, x), "promised_wait_s")]
    ),
    "waiting_now_over_h_max": lambda w, k, c, x: biggest(told(beyond_announced(r, c) for r in queue(w, x))),
    "reply_so_far_h_mean": lambda w, k, c: mean(reply_so_far(w, c)),
    "reply_so_far_h_max": lambda w, k, c: biggest(reply_so_far(w, c)),
    "wait_mean": lambda w, k, c: mean(col(w, "wait_s")),
    "wait_p90": lambda w, k, c: float(np.quantile(v, 0.9)) if (v := col(w, "wait_s")) else None,
    "wait_max": lambda w, k, c: biggest(col(w, "wait_s")),
    "bad_events_n": lambda w, k, c: n(bad(r) for r in w),
    "bad_days_since": lambda w, k, c: since([r for r in w if bad(r)], c),
    "wait_last": lambda w, k, c: last(w, lambda r: r["wait_s"]),
    "wait_over_5m_share": lambda w, k, c: share([x > 300 for x in col(w, "wait_s")]),
    "wait_over_10m_share": lambda w, k, c: share([x > 600 for x in col(w, "wait_s")]),
    "wait_over_promise_share": lambda w, k, c: share(
        [r["wait_s"] > r["promised_wait_s"] for r in w if None not in (r["wait_s"], r["promised_wait_s"])]
    ),
    "wait_faded": lambda w, k, c: total(
        [r["wait_s"] * 0.5 ** ((c - r["t"]) / (30 * DAY)) for r in w if r["wait_s"] is not None]
    ),
    "wait_over_announced_max": lambda w, k, c: biggest(told(beyond(r, r["promised_wait_s"]) for r in w)),
    "wait_breach_share": lambda w, k, c: share([not x for x in told(kept_promise(r) for r in w)]),
    "wait_breach_n": lambda w, k, c: n(kept_promise(r) is False for r in w),
    "wait_overrun_max": lambda w, k, c: biggest(told(beyond(r, promised(r)) for r in w)),
    "phone_wait_mean": lambda w, k, c: mean(col(of_channel(w, "phone"), "wait_s")),
    "chat_wait_mean": lambda w, k, c: mean(col(of_channel(w, "chat"), "wait_s")),
    "early_wait_mean": lambda w, k, c, x: mean(col([r for r in w if newcomer(r, x)], "wait_s")),
    "hold_mean": lambda w, k, c: mean(col(w, "hold_s")),
    "hold_max": lambda w, k, c: biggest(col(w, "hold_s")),
    "hold_share": lambda w, k, c: per(
        total([r["hold_s"] for r in w if None not in (r["hold_s"], r["handle_s"])]),
        total([r["handle_s"] for r in w if None not in (r["hold_s"], r["handle_s"])]),
    ),
    "reply_h_mean": lambda w, k, c: reply_h(w),
    "email_reply_h_mean": lambda w, k, c: reply_h(of_channel(w, "email")),
    "social_reply_h_mean": lambda w, k, c: reply_h(of_channel(w, "social")),
    "reply_over_1h_share": lambda w, k, c: unanswered_share(w, c, lambda r: HOUR),
    "social_over_5h_share": lambda w, k, c: unanswered_share(of_channel(w, "social"), c, lambda r: 5 * HOUR),
    "reply_over_44h_share": lambda w, k, c: unanswered_share(w, c, lambda r: 44 * HOUR),
    "answered_5m_share": lambda w, k, c: share(
        [
            not x
            for x in told(unanswered_after(r, c, 300) for r in of_channel(w, "chat", "web", "app", "portal"))
        ]
    ),
    "reply_breach_share": lambda w, k, c: unanswered_share(w, c, promised),
    "reply_breach_n": lambda w, k, c: n(unanswered_after(r, c, promised(r)) for r in w),
    "reply_overrun_h_max": lambda w, k, c: biggest([reply_overrun(r, c) for r in w if asked(r)]),
    "unanswered_n": lambda w, k, c: n(unanswered(r) for r in w),
    "unanswered_oldest_h": lambda w, k, c: biggest([(c - r["t"]) / HOUR for r in w if unanswered(r)]),
    "off_hours_wait_mean": lambda w, k, c: mean(col(late_hours(w), "wait_s")),
    "off_hours_breach_share": lambda w, k, c: share(
        [not x for x in told(kept_promise(r) for r in late_hours(w))]
    ),
    "weekend_reply_h_mean": lambda w, k, c: reply_h(at_weekends(w)),
    "weekend_over_1h_share": lambda w, k, c: unanswered_share(at_weekends(w), c, lambda r: HOUR),
    "wait_vs_channel": lambda w, k, c, x: against_norm(w, x, waited),
    "reply_vs_channel": lambda w, k, c, x: against_norm(w, x, answered_after),
    "wait_last_vs_own": lambda w, k, c: per(
        last(w, lambda r: r["wait_s"]), float(np.median(v)) if (v := col(w, "wait_s")) else None
    ),
}
FORMULAS = {
    "wait_trend": lambda x, w: per(x.of("wait_mean", 30), x.of("wait_mean", 180)),
    "bad_event_first": lambda x, w: int(0 < x.of("bad_events_n", 30) == x.of("bad_events_n", 180)),
}


def test_every_column_is_what_it_says() -> None:
    check(WAITING, ORACLE, FORMULAS, loose=["wait_faded"])
