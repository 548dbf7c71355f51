"""The shop: orders and returns, and what customers are worth."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from cxml.simulate.bills import BILLING_S, CHARGE_SHARE, Fees
from cxml.simulate.customers import People
from cxml.simulate.luck import Luck, chance
from cxml.simulate.months import HOUR, Months, draw_counts, draw_times
from cxml.simulate.rows import (
    DAY,
    NEVER,
    FloatArray,
    IntArray,
    Rows,
    by_time,
    codes,
    days_s,
    flag,
    numbered,
    take,
)
from cxml.simulate.subscriptions import Plans

CATEGORIES = ("accessory", "device", "media", "gift", "home")
DEVICES = ("mobile", "desktop", "app")
PAYERS = ("company", "customer")
WAYS_BACK = ("post", "store")

_ORDERS_A_DAY = 1.0 / 30
_CATEGORY_SHARE = np.array([0.35, 0.15, 0.25, 0.1, 0.15])
_MARGIN_SHARE = np.array([0.34, 0.14, 0.28, 0.30, 0.22])
_LOWEST, _RANGE = 10_000.0, 190_000.0
_SEASON = np.array([0.95, 0.9, 0.97, 1.0, 1.03, 1.0, 0.97, 0.95, 1.0, 1.03, 1.12, 1.2])
_HOURS = np.array([2, 1, 0.5, 0.4, 0.4, 0.6, 1, 2, 3, 4, 5, 5, 6, 5, 4, 4, 4, 5, 6, 7, 8, 8, 6, 4.0])
_SHIPPING_FEE = 3_000.0
_SHIPPING_ODDS, _SHIPPING_BY_LUCK = -0.85, 1.7
_SLOW_BY_LUCK, _WITHOUT_PROMISE = 0.22, 0.06
_EDITED, _CANCELLED, _RECOMMENDED, _RECURRING, _WITH_SLIP = 0.04, 0.02, 0.15, 0.4, 0.88
_ONE_CLICK = (1.2, 2.0)
_RETURNED, _RETURNED_WRONG = 0.10, 0.8
_REFUSED_ODDS, _SLOW_ODDS, _RETURNS_BY_LUCK = -2.3, -1.2, 1.5
_EXCHANGED, _TO_STORE = 0.15, 0.25


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
    def of(cls, people: People, months: Months, moved: FloatArray) -> Spending:
        """What follows from the traits, and from the times, which multiply orders by *moved* at each month start."""
        base = _ORDERS_A_DAY * np.exp(0.5 * people.usage - 0.125)
        revenue = _LOWEST + _RANGE * _revenue_level(people)
        margin = revenue * float(_CATEGORY_SHARE @ _MARGIN_SHARE)
        return cls(base[:, None] * (_SEASON[months.calendar_month] * moved), revenue, margin)


def draw_orders(
    rng: np.random.Generator, people: People, months: Months, spending: Spending, luck: Luck
) -> Rows:
    """The table ``orders``: all by time."""
    who, month = draw_counts(rng, spending.a_day[:, :-1] * months.days)
    rows: Rows = {"customer_id": who, "ordered_at": draw_times(rng, months, month, np.tile(_HOURS, 7))}
    rows = by_time(take(rows, people.had_joined(who, rows["ordered_at"])), "ordered_at")
    who, at, size = rows["customer_id"], rows["ordered_at"], len(rows["ordered_at"])
    rows |= _money(rng, people, who)
    paid = rng.random(size) < chance(_SHIPPING_ODDS + _SHIPPING_BY_LUCK * luck.at("price", who, at))
    rows |= {"shipping_fee": np.where(paid, _SHIPPING_FEE, 0.0)}
    rows |= _delivery(rng, months, at, luck.at("delivery", who, at))
    one_click = rng.beta(*_ONE_CLICK, people.count)[who]
    rows |= {
        "device": codes(rng, size, (0.5, 0.3, 0.2)),
        "one_click": flag(rng.random(size) < one_click),
        "recommended": flag(rng.random(size) < _RECOMMENDED),
        "recurring": flag(people.standing[who] & (rng.random(size) < _RECURRING)),
    }
    return numbered(rows, "order_id")


def _revenue_level(people: People) -> FloatArray:
    """Where in the range of prices a customer's mean order lies, 0 to 1."""
    return np.asarray(1 / (1 + np.exp(1.6 - 0.6 * people.value)))


def _money(rng: np.random.Generator, people: People, who: IntArray) -> Rows:
    """Revenue, margin and discount of each order; means as ``Spending`` has them."""
    level = _revenue_level(people)[who]
    revenue = _LOWEST + _RANGE * rng.beta(4 * level, 4 * (1 - level))
    category = codes(rng, len(who), _CATEGORY_SHARE)
    share = _MARGIN_SHARE[category] + rng.uniform(-0.05, 0.05, len(who))
    discount = revenue * np.array([0.0, 0.05, 0.1, 0.2])[codes(rng, len(who), (0.6, 0.2, 0.15, 0.05))]
    return {
        "revenue": np.rint(revenue),
        "margin": np.rint(revenue * share),
        "discount": np.rint(discount),
        "category": category,
    }


def _delivery(rng: np.random.Generator, months: Months, ordered: IntArray, luck: FloatArray) -> Rows:
    """Promise and arrival: carriers have bad weeks, and some routes are slow for half a year."""
    size = len(ordered)
    days = rng.integers(2, 6, size)
    promised = (ordered // DAY + days) * DAY + 20 * HOUR
    slow = rng.normal(0.0, 0.2, months.weeks)[months.week(ordered)] + _SLOW_BY_LUCK * luck
    took = np.asarray((0.62 * days + 0.2) * np.exp(slow + rng.normal(0, 0.3, size)), dtype=np.float64)
    delivered = ordered + HOUR + days_s(took)
    edited = ordered + days_s(took * rng.uniform(0.02, 0.5, size))
    cancels = rng.random(size) < _CANCELLED
    return {
        "promised_at": np.where(rng.random(size) < _WITHOUT_PROMISE, NEVER, promised),
        "delivered_at": np.where(cancels, NEVER, delivered),
        "wrong_item": flag(rng.random(size) < 0.01),
        "return_slip": flag(rng.random(size) < _WITH_SLIP),
        "edited_at": np.where(~cancels & (rng.random(size) < _EDITED), edited, NEVER),
        "cancelled_at": np.where(cancels, ordered + days_s(took * rng.uniform(0.02, 0.9, size)), NEVER),
    }


def draw_returns(rng: np.random.Generator, orders: Rows, luck: Luck) -> Rows:
    """The table ``returns``: one order in ten goes back; some are refused, and some refunds take weeks."""
    size = len(orders["order_id"])
    goes_back = rng.random(size) < np.where(orders["wrong_item"] == 1, _RETURNED_WRONG, _RETURNED)
    back = take(orders, goes_back & (orders["delivered_at"] < NEVER))
    who, size = back["customer_id"], len(back["order_id"])
    requested = back["delivered_at"] + days_s(rng.uniform(0.2, 10, size))
    bad = _RETURNS_BY_LUCK * luck.at("returns", who, requested)
    accepted = rng.random(size) >= chance(_REFUSED_ODDS + bad)
    slow = rng.random(size) < chance(_SLOW_ODDS + bad)
    decided = requested + days_s(rng.uniform(0.5, 4, size) * np.where(slow, 2.0, 1.0))
    paid = decided + days_s(np.where(slow, rng.uniform(13, 30, size), rng.uniform(0.5, 7, size)))
    exchanged = accepted & ~slow & (rng.random(size) < _EXCHANGED)
    money = accepted & ~exchanged
    rows: Rows = {
        "customer_id": who,
        "requested_at": requested,
        "order_id": back["order_id"],
        "decided_at": decided,
        "accepted": flag(accepted),
        "refunded_at": np.where(money, paid, NEVER),
        "refund": np.where(money, back["revenue"], np.nan),
        "exchanged": flag(exchanged),
        "shipping_paid_by": codes(rng, size, (0.5, 0.5)),
        "channel": codes(rng, size, (1 - _TO_STORE, _TO_STORE)),
    }
    return numbered(by_time(rows, "requested_at"), "return_id")


@dataclass(frozen=True)
class Worth:
    """What makes up the expected margin of a customer: orders, and the bill of each month."""

    people: People
    spending: Spending
    plans: Plans
    fees: Fees

    def expected_margin(self, month: int, hazard: FloatArray, horizon_d: int) -> FloatArray:
        """Exact expected margin of each customer in ``[start, start + horizon)`` of a month.

        Orders are a Poisson stream whose rate is constant within an hour of the day, the bill comes
        on a known day, and the customer is there at time t with probability exp(-hazard t).

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
        orders = self.spending.a_day[:, month] * self.spending.mean_margin * day * days
        billed_d = self.people.billing_day - 1 + BILLING_S / DAY
        bill = self.plans.price[:, month] + self.fees.expected[:, month]
        return np.asarray(orders + CHARGE_SHARE * bill * np.exp(-hazard * billed_d))
