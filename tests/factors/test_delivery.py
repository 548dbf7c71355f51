"""Delivery against plain Python, written from what each feature says."""

from __future__ import annotations

import pytest
from gathered import gather
from oracle import (
    DAY,
    HOUR,
    Case,
    Row,
    biggest,
    check,
    col,
    credit,
    last,
    mean,
    n,
    number,
    share,
    since,
    told,
)

from cxml.factors.delivery import DELIVERY

PROMISE, MONTH, YEAR = 5 * DAY, 30 * DAY, 365 * DAY


def due(r: Row) -> int:
    return r["t"] + PROMISE if r["promised_at"] is None else r["promised_at"]


def delay(r: Row) -> float | None:
    return None if credit(r) or r["delivered_at"] is None else max(r["delivered_at"] - due(r), 0) / DAY


def late(r: Row) -> bool | None:
    return None if credit(r) or r["delivered_at"] is None else r["delivered_at"] > due(r)


def overdue(r: Row, c: int) -> bool:
    return r["delivered_at"] is None and r["cancelled_at"] is None and not credit(r) and due(r) < c


def inbound(r: Row) -> bool:
    return r["direction"] != "outbound"


def about_delivery(r: Row) -> bool:
    return (r["topic"] or "").startswith("delivery") and inbound(r)


def asked_on_the_way(r: Row, x: Case) -> bool | None:
    """Judged when the order has come, or after thirty days."""
    if credit(r) or (r["delivered_at"] is None and x.c - r["t"] <= MONTH):
        return None
    asked = x.first_after(r, "interactions", 30, about_delivery)
    return asked is not None and (r["delivered_at"] is None or asked < r["delivered_at"])


def untold(r: Row, x: Case) -> bool | None:
    if not late(r) and not overdue(r, x.c):
        return None
    order = {**r, "order_id": r["id"]}
    return (
        x.first_after(order, "messages", 60, lambda m: m["purpose"] in ("status", "alert"), on="order_id")
        is None
    )


def after_late_delivery(r: Row, x: Case) -> bool:
    # Of orders of the year before.
    return (
        x.last_before(r, "orders", 14, lambda o: late(o) and o["t"] >= r["t"] - YEAR, instant="delivered_at")
        is not None
    )


def took(rows: list[Row], instant: str) -> list[int]:
    return [r[instant] - r["t"] for r in rows if r[instant] is not None]


ORACLE = {
    "late_deliveries_n": lambda w, k, c: n(late(r) for r in w),
    "late_delivery_share": lambda w, k, c: share(told(late(r) for r in w)),
    "delay_d_mean": lambda w, k, c: mean(told(delay(r) for r in w)),
    "delay_d_max": lambda w, k, c: biggest(told(delay(r) for r in w)),
    "late_delivery_last": lambda w, k, c: last(w, lambda r: number(late(r))),
    "late_delivery_days_since": lambda w, k, c: since([r for r in w if late(r)], c),
    "overdue_n": lambda w, k, c: n(overdue(r, c) for r in w),
    "overdue_d_max": lambda w, k, c: biggest([(c - due(r)) / DAY for r in w if overdue(r, c)]),
    "delivery_d_mean": lambda w, k, c: mean([s / DAY for s in took(w, "delivered_at")]),
    "delivery_so_far_d_mean": lambda w, k, c: mean(
        [
            ((r["delivered_at"] or c) - r["t"]) / DAY
            for r in w
            if r["delivered_at"] is not None or (r["cancelled_at"] is None and not credit(r))
        ]
    ),
    "slow_delivery_share": lambda w, k, c: share([s > PROMISE for s in took(w, "delivered_at")]),
    "wrong_items_n": lambda w, k, c: n(col(w, "wrong_item")),
    "wrong_item_share": lambda w, k, c: share(col(w, "wrong_item")),
    "slip_missing_share": lambda w, k, c: share([not s for s in col(w, "return_slip")]),
    "status_contact_share": lambda w, k, c, x: share(told(asked_on_the_way(r, x) for r in w)),
    "late_untold_share": lambda w, k, c, x: share(told(untold(r, x) for r in w)),
    "cancelled_late_n": lambda w, k, c: n((r["cancelled_at"] or 0) > due(r) and not credit(r) for r in w),
    "edited_share": lambda w, k, c: share([r["edited_at"] is not None for r in w if not credit(r)]),
    "edit_h_mean": lambda w, k, c: mean([s / HOUR for s in took(w, "edited_at")]),
    "status_contacts_n": lambda w, k, c: n(about_delivery(r) for r in w),
    "late_delivery_contacts_n": lambda w, k, c, x: n(inbound(r) and after_late_delivery(r, x) for r in w),
}


def test_every_column_is_what_it_says(monkeypatch: pytest.MonkeyPatch) -> None:
    gather(monkeypatch, 5, 14, 30)
    check(DELIVERY, ORACLE)
