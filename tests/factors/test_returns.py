"""Returns against plain Python, written from what each feature says."""

from __future__ import annotations

import company
import pytest
from gathered import gather
from oracle import DAY, Case, Row, biggest, check, col, credit, mean, n, share, told

from cxml.factors.returns import RETURNS

PROMISE, MONTH, WINDOW = 14 * DAY, 30 * DAY, 365 * DAY


def overdue(r: Row, c: int) -> bool:
    """Money is owed, and the promised time is over; nothing is owed when refused or exchanged."""
    owed = r["accepted"] is not False and not r["exchanged"]
    return owed and r["refunded_at"] is None and c - r["t"] > PROMISE


def refund_late(r: Row, c: int) -> bool | None:
    if r["refunded_at"] is not None:
        return r["refunded_at"] - r["t"] > PROMISE
    return True if overdue(r, c) else None


def in_time(r: Row, x: Case) -> bool:
    """Asked for within the time for returns after delivery, or after the order where no delivery is known."""
    order = x.lookup(r, "orders", "order_id")
    if order is None:
        return False
    start = order["t"] if order["delivered_at"] is None else order["delivered_at"]
    return r["t"] - start <= WINDOW


def full(r: Row, x: Case) -> bool | None:
    order = x.lookup(r, "orders", "order_id")
    if order is None or None in (r["refund"], order["revenue"]):
        return None
    return r["refund"] >= order["revenue"]


def about_a_return(r: Row) -> bool:
    return (r["topic"] or "").startswith("return") and r["direction"] != "outbound"


def sent_back(r: Row, x: Case) -> bool | None:
    if r["cancelled_at"] is not None or credit(r) or x.c - r["t"] <= MONTH:
        return None
    order = {**r, "order_id": r["id"]}
    return x.first_after(order, "returns", 30, lambda other: True, on="order_id") is not None


def asked_about(r: Row, x: Case) -> bool | None:
    if x.c - r["t"] <= MONTH:
        return None
    return x.first_after(r, "interactions", 30, about_a_return) is not None


def days(rows: list[Row], instant: str) -> list[float]:
    return [(r[instant] - r["t"]) / DAY for r in rows if r[instant] is not None]


def after_order(r: Row, x: Case) -> float | None:
    """Days from the delivery, or the order where none is known, to the request."""
    order = x.lookup(r, "orders", "order_id")
    if order is None:
        return None
    return (r["t"] - (order["t"] if order["delivered_at"] is None else order["delivered_at"])) / DAY


def revenue(w: list[Row]) -> float | None:
    return added(col([r for r in w if r["cancelled_at"] is None and not credit(r)], "revenue"))


def added(values: list[float]) -> float | None:
    return sum(values) if values else None


def given_back(x: Case, w: int) -> float | None:
    back, sold = added(col(x.window("returns", 365), "refund")), revenue(x.window("orders", 365))
    return float(back) / float(sold) if back is not None and sold else None


ORACLE = {
    "returns_n": lambda w, k, c: len(w),
    "return_d_mean": lambda w, k, c, x: mean(told(after_order(r, x) for r in w)),
    "refund_sum": lambda w, k, c: added(col(w, "refund")),
    "revenue_sum": lambda w, k, c: revenue(w),
    "returned_share": lambda w, k, c, x: share(told(sent_back(r, x) for r in w)),
    "return_accepted_share": lambda w, k, c: share(col(w, "accepted")),
    "returns_refused_n": lambda w, k, c: n(r["accepted"] is False for r in w),
    "returns_refused_in_time_n": lambda w, k, c, x: n(r["accepted"] is False and in_time(r, x) for r in w),
    "return_decided_d_mean": lambda w, k, c: mean(days(w, "decided_at")),
    "refund_d_mean": lambda w, k, c: mean(days(w, "refunded_at")),
    "refund_so_far_d_mean": lambda w, k, c: mean(
        [
            ((r["refunded_at"] or c) - r["t"]) / DAY
            for r in w
            if r["refunded_at"] is not None or (r["accepted"] is not False and not r["exchanged"])
        ]
    ),
    "refund_late_share": lambda w, k, c: share(told(refund_late(r, c) for r in w)),
    "refunds_overdue_n": lambda w, k, c: n(overdue(r, c) for r in w),
    "refund_overdue_d_max": lambda w, k, c: biggest(
        [(c - r["t"] - PROMISE) / DAY for r in w if overdue(r, c)]
    ),
    "refund_full_share": lambda w, k, c, x: share(told(full(r, x) for r in w)),
    "return_own_cost_share": lambda w, k, c: share([p == "customer" for p in col(w, "shipping_paid_by")]),
    "return_posted_share": lambda w, k, c: share([p.startswith("post") for p in col(w, "channel")]),
    "return_exchanged_share": lambda w, k, c: share(col(w, "exchanged")),
    "return_contact_share": lambda w, k, c, x: share(told(asked_about(r, x) for r in w)),
}


def test_every_column_is_what_it_says(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(company.WORDS, "topic", ("return.status", "return", "billing", None))
    gather(monkeypatch, 14, 30)
    check(RETURNS, ORACLE, {"refund_share": given_back})
