"""Behaviour and plan against plain Python, written from what each feature says."""

from __future__ import annotations

import itertools
import math
import statistics
from collections.abc import Callable
from datetime import date
from typing import Any

import pytest
from gathered import gather
from oracle import (
    DAY,
    HOUR,
    Case,
    Row,
    after,
    before,
    biggest,
    bought,
    check,
    col,
    credit,
    current,
    day_of,
    kept_spend,
    last,
    mean,
    n,
    number,
    per,
    share,
    since,
    told,
    total,
)

from cxml.factors.behaviour import BEHAVIOUR


def days_of(rows: list[Row]) -> list[date]:
    return sorted({day_of(r) for r in rows})


def repeat_spend(rows: list[Row]) -> float | None:
    days = days_of(bought(rows, rows))
    spent = [spend for day, spend in kept_spend(rows).items() if spend > 0 and day > days[0]] if days else []
    return mean(spent)


def irregularity(rows: list[Row]) -> float | None:
    gaps = [(b["t"] - a["t"]) // HOUR for a, b in itertools.pairwise(rows)]
    return per(statistics.stdev(gaps), statistics.fmean(gaps)) if len(gaps) > 1 else None


def ratio_of(rows: list[Row], part: str, whole: Callable[[Row], float]) -> float | None:
    both = [r for r in rows if None not in (r[part], r["revenue"])]
    return per(math.fsum(r[part] for r in both), math.fsum(whole(r) for r in both)) if both else None


def price_change(rows: list[Row]) -> float | None:
    """The change at the last current contract that has a price and follows one with a price above 0."""
    counts = [r["id"] for r in current(rows)]
    changes = [
        b["price"] / a["price"] - 1
        for a, b in itertools.pairwise(rows)
        if b["price"] is not None and a["price"] and b["id"] in counts
    ]
    return changes[-1] if changes else None


def upgrades(rows: list[Row]) -> int:
    return n(
        a["price"]
        and b["price"] is not None
        and b["price"] > a["price"]
        and None not in (a["plan"], b["plan"])
        and a["plan"] != b["plan"]
        for a, b in itertools.pairwise(rows)
    )


def first_in_a_year(r: Row, k: list[Row]) -> bool:
    earlier = before(r, bought(k, k), "category")
    return r["category"] is not None and (earlier is None or r["t"] - earlier["t"] > 365 * DAY)


def ordered_after_fix(r: Row, k: list[Row], c: int, x: Case) -> bool | None:
    """Of the last contact of an issue, once the thirty days are over."""
    if r["issue_id"] is None or after(r, k, "issue_id") is not None or r["resolved_at"] is None:
        return None
    if r["resolved_at"] - r["t"] > 90 * DAY or c - r["resolved_at"] <= 30 * DAY:
        return None
    return any(
        r["t"] <= o["t"] <= r["resolved_at"] + 30 * DAY for o in bought(x.rows("orders"), x.rows("orders"))
    )


def joined_after(r: Row, x: Case) -> bool:
    return any(0 <= q["t"] - r["t"] <= 90 * DAY for q in x.rows("customers"))


def event_days(rows: list[Row], c: int) -> float | None:
    at = biggest(col(rows, "life_event_at"))
    return None if at is None else (c - at) / DAY


def bought_again(x: Case, w: int) -> int | None:
    rows = x.rows("orders")
    before_that = [o for o in bought(x.window("orders", 365), rows) if o["t"] < x.c - 180 * DAY]
    return int(bool(bought(x.window("orders", 180), rows))) if before_that else None


def rate_trend(stem: str) -> Callable[..., Any]:
    return lambda x, w: per(x.of(stem, 30) / 30, x.of(stem, 180) / 180)


def of_purchases(value: Callable[[list[Row]], Any]) -> Callable[..., Any]:
    return lambda w, k, c: value(bought(w, k))


ORACLE = {
    "frequency": of_purchases(lambda w: len(days_of(w)) - 1 if w else None),
    "recency": of_purchases(lambda w: (w[-1]["t"] - w[0]["t"]) / DAY if w else None),
    "T": lambda w, k, c: (c - bought(w, k)[0]["t"]) / DAY if bought(w, k) else None,
    "monetary_value": lambda w, k, c: repeat_spend(w),
    "orders_n": of_purchases(len),
    "order_days_since": lambda w, k, c: since(bought(w, k), c),
    "order_gap_cv": of_purchases(irregularity),
    "margin_sum": lambda w, k, c: total(col([r for r in w if r["cancelled_at"] is None], "margin")),
    "discount_share": of_purchases(lambda w: ratio_of(w, "discount", lambda r: r["revenue"] + r["discount"])),
    "categories_n": of_purchases(lambda w: len(set(col(w, "category")))),
    "new_categories_n": lambda w, k, c: n(first_in_a_year(r, k) for r in bought(w, k)),
    "mobile_order_share": of_purchases(lambda w: share([x == "mobile" for x in col(w, "device")])),
    "standing_order_share": of_purchases(lambda w: share(col(w, "recurring"))),
    "order_after_fix_share": lambda w, k, c, x: share(told(ordered_after_fix(r, k, c, x) for r in w)),
    "offer_accepted_share": lambda w, k, c: share(
        [r["accepted_at"] is not None for r in w if r["purpose"] == "offer"]
    ),
    "upgrades_n": lambda w, k, c: upgrades(w),
    "visits_before_joining_n": lambda w, k, c, x: n(joined_after(r, x) for r in w),
    "member": lambda w, k, c: int(w[-1]["member_tier"] is not None) if w else None,
    "referred": lambda w, k, c: int(w[-1]["referred_by"] is not None) if w else None,
    "life_event_days_since": lambda w, k, c: event_days(w, c),
    "cancelled_orders_n": lambda w, k, c: len(col(w, "cancelled_at")),
    "subscription_tenure_d": lambda w, k, c: (c - w[0]["t"]) / DAY if w else None,
    "contract_age_d": lambda w, k, c: since(current(w), c),
    "contracts_n": lambda w, k, c: len(w),
    "plan": lambda w, k, c: last(current(w), lambda r: r["plan"]),
    "price": lambda w, k, c: last(current(w), lambda r: r["price"]),
    "price_change": lambda w, k, c: price_change(w),
    "auto_renew": lambda w, k, c: last(current(w), lambda r: number(r["auto_renew"])),
    "charge_mean": lambda w, k, c: mean([amount for amount in col(w, "amount") if amount >= 0]),
    "charge_days_since": lambda w, k, c: since([r for r in w if not credit(r, "amount")], c),
    "sessions_n": lambda w, k, c: len(w),
    "portal_sessions_n": lambda w, k, c: n(r["kind"] == "portal" for r in w),
    "session_days_since": lambda w, k, c: since(w, c),
    "customer_tenure_d": lambda w, k, c: (c - w[0]["t"]) / DAY if w else None,
}
FORMULAS = {
    "order_overdue": lambda x, w: per(x.of("order_days_since"), per(x.of("recency"), x.of("frequency"))),
    "bought_again": bought_again,
    "orders_trend": rate_trend("orders_n"),
}


def test_every_column_is_what_it_says(monkeypatch: pytest.MonkeyPatch) -> None:
    gather(monkeypatch, 30, 90, 365)
    check(BEHAVIOUR, ORACLE, FORMULAS)
