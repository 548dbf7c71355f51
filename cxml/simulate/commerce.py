"""The shop and the contract: orders, returns, bills, subscriptions, and what they are worth."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from cxml.simulate.months import HOUR, Months, draw_counts, draw_times
from cxml.simulate.population import Population
from cxml.simulate.rows import DAY, NEVER, FloatArray, IntArray, Rows, by_time, take

CATEGORIES = ("accessory", "device", "media", "gift", "home")
DEVICES = ("mobile", "desktop", "app")
PAYERS = ("company", "customer")
KINDS = ("subscription",)
CHARGE_SHARE = 0.6
"""Part of a bill that is margin."""

_ORDERS_A_DAY = 1.0 / 30
_CATEGORY_SHARE = np.array([0.35, 0.15, 0.25, 0.1, 0.15])
_MARGIN_SHARE = np.array([0.34, 0.14, 0.28, 0.30, 0.22])
_LOWEST, _RANGE = 10_000.0, 190_000.0
_SEASON = np.array([0.95, 0.9, 0.97, 1.0, 1.03, 1.0, 0.97, 0.95, 1.0, 1.03, 1.12, 1.2])
_HOURS = np.array([2, 1, 0.5, 0.4, 0.4, 0.6, 1, 2, 3, 4, 5, 5, 6, 5, 4, 4, 4, 5, 6, 7, 8, 8, 6, 4.0])
BILLING_S = 9 * HOUR
"""Bills are written at nine in the morning of the billing day."""


@dataclass(frozen=True)
class Spending:
    """How each customer orders while they stay.

    Attributes
    ----------
    a_day : float array (customers, months + 1)
        Orders expected a day in each month, and in the month after the last.
    mean_revenue, mean_margin : float array (customers)
        Of one order, in money.
    """

    a_day: FloatArray
    mean_revenue: FloatArray
    mean_margin: FloatArray

    @classmethod
    def of(cls, people: Population, months: Months) -> Spending:
        """What follows from the traits."""
        base = _ORDERS_A_DAY * np.exp(0.5 * people.usage - 0.125)
        revenue = _LOWEST + _RANGE * _revenue_level(people)
        margin = revenue * float(_CATEGORY_SHARE @ _MARGIN_SHARE)
        return cls(base[:, None] * _SEASON[months.calendar_month], revenue, margin)


def draw_orders(
    rng: np.random.Generator, people: Population, months: Months, spending: Spending
) -> tuple[Rows, Rows]:
    """The tables ``orders`` and ``returns``."""
    who, month = draw_counts(rng, spending.a_day[:, :-1] * months.days)
    rows: Rows = {"customer_id": who, "ordered_at": draw_times(rng, months, month, np.tile(_HOURS, 7))}
    rows = by_time(take(rows, people.had_joined(who, rows["ordered_at"])), "ordered_at")
    size = len(rows["ordered_at"])
    rows = {"order_id": np.arange(size), **rows}
    rows |= _money(rng, people, rows["customer_id"])
    rows |= _delivery(rng, months, rows["ordered_at"])
    rows["device"] = rng.choice(len(DEVICES), size, p=[0.5, 0.3, 0.2])
    return rows, _returns(rng, rows)


def _revenue_level(people: Population) -> FloatArray:
    """Where in the range of prices a customer's mean order lies, 0 to 1."""
    return np.asarray(1 / (1 + np.exp(1.6 - 0.6 * people.value)))


def _money(rng: np.random.Generator, people: Population, who: IntArray) -> Rows:
    """Revenue, margin, discount and shipping of each order; means as ``Spending`` has them."""
    level = _revenue_level(people)[who]
    revenue = _LOWEST + _RANGE * rng.beta(4 * level, 4 * (1 - level))
    category = rng.choice(len(CATEGORIES), len(who), p=_CATEGORY_SHARE)
    share = _MARGIN_SHARE[category] + rng.uniform(-0.05, 0.05, len(who))
    discount = revenue * rng.choice([0.0, 0.05, 0.1, 0.2], len(who), p=[0.6, 0.2, 0.15, 0.05])
    fee = np.where(rng.random(len(who)) < 0.35, 3_000.0, 0.0)
    return {
        "revenue": np.rint(revenue), "margin": np.rint(revenue * share), "discount": np.rint(discount),
        "shipping_fee": fee, "category": category,
    }  # fmt: skip


def _delivery(rng: np.random.Generator, months: Months, ordered: IntArray) -> Rows:
    """Promise and arrival; carriers have bad weeks, customers have no luck of their own."""
    size = len(ordered)
    days = rng.integers(2, 6, size)
    promised = (ordered // DAY + days) * DAY + 20 * HOUR
    slow = rng.normal(0.0, 0.22, months.weeks)[months.week(ordered)]
    took = (0.62 * days + 0.2) * DAY * np.exp(slow + rng.normal(0, 0.35, size))
    return {
        "promised_at": promised, "delivered_at": ordered + HOUR + took.astype(np.int64),
        "wrong_item": (rng.random(size) < 0.01).astype(np.int64),
    }  # fmt: skip


def _returns(rng: np.random.Generator, orders: Rows) -> Rows:
    """One order in twenty-five goes back."""
    size = len(orders["order_id"])
    back = np.flatnonzero(rng.random(size) < np.where(orders["wrong_item"] == 1, 0.8, 0.035))
    chosen, size = take(orders, back), len(back)
    requested = chosen["delivered_at"] + (DAY * rng.uniform(0.2, 10, size)).astype(np.int64)
    decided = requested + (DAY * rng.uniform(0.5, 4, size)).astype(np.int64)
    accepted = (rng.random(size) < 0.88).astype(np.int64)
    paid = decided + (DAY * rng.uniform(1, 7, size)).astype(np.int64)
    rows: Rows = {
        "customer_id": chosen["customer_id"], "requested_at": requested, "order_id": chosen["order_id"],
        "decided_at": decided, "accepted": accepted, "refunded_at": np.where(accepted == 1, paid, NEVER),
        "refund": chosen["revenue"], "shipping_paid_by": rng.integers(0, 2, size),
    }  # fmt: skip
    rows = by_time(rows, "requested_at")
    return {"return_id": np.arange(size), **rows}


def charge_rows(people: Population, months: Months) -> Rows:
    """The table ``charges``: a bill a month, on the customer's billing day, as if nobody left."""
    at = months.starts[:-1] + ((people.billing_day - 1) * DAY + BILLING_S)[:, None]
    who = np.repeat(np.arange(people.count), months.count)
    amount = people.price[who]
    rows: Rows = {
        "customer_id": who, "charged_at": at.ravel(), "amount": amount, "expected_amount": amount,
        "kind": np.zeros(len(who), dtype=np.int64),
    }  # fmt: skip
    rows = by_time(take(rows, people.had_joined(who, at.ravel())), "charged_at")
    return {"charge_id": np.arange(len(rows["charged_at"])), **rows}


def subscription_rows(people: Population, left: IntArray, asked: IntArray) -> Rows:
    """The table ``subscriptions``: one contract per customer, from joining to leaving."""
    number = np.arange(people.count)
    return {
        "subscription_id": number, "customer_id": number, "started_at": people.joined, "plan": people.plan,
        "price": people.price, "ended_at": left, "cancel_requested_at": asked,
    }  # fmt: skip


def expected_margin(
    people: Population, spending: Spending, month: int, hazard: FloatArray, horizon_d: int
) -> FloatArray:
    """Exact expected margin of each customer in ``[start, start + horizon)`` of a month.

    Orders are a Poisson stream whose rate is constant within an hour of the day, the bill comes on a
    known day, and the customer is there at time t with probability exp(-hazard t).

    Parameters
    ----------
    hazard : float array (customers)
        Leaving per day, constant over the horizon.
    horizon_d : int
        Days; at least 28, so that the bill is in it, and within one month.
    """
    weight = _HOURS / _HOURS.sum()
    small = np.maximum(hazard, 1e-12)[:, None]
    within_hour = -np.expm1(-small / 24) * 24 / small
    day = (weight * within_hour * np.exp(-small * np.arange(24) / 24)).sum(axis=1)
    days = np.expm1(-small[:, 0] * horizon_d) / np.expm1(-small[:, 0])
    orders = spending.a_day[:, month] * spending.mean_margin * day * days
    billed_d = people.billing_day - 1 + BILLING_S / DAY
    return np.asarray(orders + CHARGE_SHARE * people.price * np.exp(-hazard * billed_d))
