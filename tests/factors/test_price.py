"""Price and fees against plain Python, written from what each feature says."""

from __future__ import annotations

import math

import company
import pytest
from gathered import gather
from oracle import DAY, Case, Row, before, biggest, bought, check, col, last, n, per, share, since, told

from cxml.factors.price import PRICE

SIXTY = 60 * DAY


def fees(rows: list[Row]) -> float | None:
    both = [r for r in rows if None not in (r["shipping_fee"], r["revenue"])]
    return per(math.fsum(col(both, "shipping_fee")), math.fsum(col(both, "revenue")))


def discount(r: Row) -> float | None:
    return None if None in (r["discount"], r["revenue"]) else per(r["discount"], r["revenue"] + r["discount"])


def rise(r: Row, k: list[Row]) -> float | None:
    """The price over that of the contract of the same plan before, where it is higher."""
    earlier = before(r, k, "plan")
    if earlier is None or not earlier["price"] or (r["price"] or 0) <= earlier["price"]:
        return None
    return r["price"] / earlier["price"]


def kept(r: Row, k: list[Row], c: int) -> bool | None:
    """Judged once sixty days have passed since the rise."""
    if rise(r, k) is None or c - r["t"] <= SIXTY:
        return None
    return r["ended_at"] is None or r["ended_at"] - r["t"] > SIXTY


def price(r: Row) -> float | None:
    return r["price"]


def against_others(r: Row, x: Case) -> float | None:
    return per(r["price"], x.norm(r, "subscriptions", price, "plan"))


ORACLE = {
    "shipping_fee_share": lambda w, k, c: fees(bought(w, k)),
    "free_shipping_share": lambda w, k, c: share([x == 0 for x in col(bought(w, k), "shipping_fee")]),
    "full_price_share": lambda w, k, c: share([x == 0 for x in col(bought(w, k), "discount")]),
    "discount_last": lambda w, k, c: last(bought(w, k), discount),
    "price_rises_n": lambda w, k, c: n(rise(r, k) for r in w),
    "price_rise_last": lambda w, k, c: last(w, lambda r: rise(r, k)),
    "price_rise_new": lambda w, k, c: biggest(told(rise(r, k) for r in w if c - r["t"] <= SIXTY)),
    "price_rise_days_since": lambda w, k, c: since([r for r in w if rise(r, k)], c),
    "price_rise_kept_share": lambda w, k, c: share(told(kept(r, k, c) for r in w)),
    "price_over_plan": lambda w, k, c, x: last(
        [r for r in w if r["ended_at"] is None], lambda r: against_others(r, x)
    ),
}


def test_every_column_is_what_it_says(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(company.WORDS, "plan", ("basic", "basic", "basic", "plus", None))
    gather(monkeypatch, 60)
    check(PRICE, ORACLE)
