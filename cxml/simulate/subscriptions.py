"""Contracts: plans and what they cost, dearer at some anniversaries. The table ``subscriptions``."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from cxml.simulate.customers import People
from cxml.simulate.months import Months
from cxml.simulate.rows import DAY, NEVER, BoolArray, FloatArray, IntArray, Rows, place_in_time, take

PLANS = ("mini", "basic", "standard", "plus", "premium")
_PRICES = np.array([19_900.0, 33_000.0, 45_000.0, 59_000.0, 89_000.0])
_YEAR = 12
_MOVES, _MOVES_UP = 0.10, 0.7
_RISES = 0.45
_RISE = np.array([0.04, 0.06, 0.08, 0.10])


@dataclass(frozen=True)
class Plans:
    """Plan and price by customer and month, up to the month after the last; as if nobody left.

    A change comes on the billing day of an anniversary, at midnight, and is billed that day.

    Attributes
    ----------
    plan : int array (customers, months + 1)
    price : float array (customers, months + 1)
        Billed that month.
    rise : float array (customers, months + 1)
        By how much that month is dearer on the same plan, as a share of the price before.
    """

    plan: IntArray
    price: FloatArray
    rise: FloatArray

    @property
    def changes(self) -> BoolArray:
        """Whether a month brings another plan or price."""
        return np.asarray(np.diff(self.price, axis=1, prepend=self.price[:, :1]) != 0)

    @property
    def before(self) -> IntArray:
        """The plan in force before each month's start, shape (customers, months + 1)."""
        return np.concatenate([self.plan[:, :1], self.plan[:, :-1]], axis=1)


def draw_plans(rng: np.random.Generator, people: People, months: Months) -> Plans:
    """At an anniversary some move to the plan above or below, and others pay more from then on."""
    shape = (people.count, months.count + 1)
    plan, price = np.zeros(shape, np.int64), np.zeros(shape)
    now, factor = people.plan.copy(), np.ones(people.count)
    since = _calendar(people.joined)
    for month, at in enumerate(_calendar(months.starts)):
        due = (at > since) & ((at - since) % _YEAR == 0) & (month > 0)
        draw, up = rng.random(people.count), rng.random(people.count) < _MOVES_UP
        moves = due & (draw < _MOVES)
        dearer = due & (draw >= _MOVES) & (draw < _MOVES + _RISES)
        now = np.where(moves, np.clip(now + np.where(up, 1, -1), 0, len(PLANS) - 1), now)
        step = _RISE[rng.integers(0, len(_RISE), people.count)]
        factor = np.where(dearer, factor * (1 + step), factor)
        plan[:, month], price[:, month] = now, np.rint(_PRICES[now] * factor / 100) * 100
    rise = np.zeros(shape)
    rise[:, 1:] = np.where(plan[:, 1:] == plan[:, :-1], price[:, 1:] / price[:, :-1] - 1, 0.0)
    return Plans(plan, price, rise)


def _calendar(at: IntArray) -> IntArray:
    """Calendar months since 1970."""
    return at.astype("datetime64[s]").astype("datetime64[M]").astype(np.int64)


def subscription_rows(people: People, months: Months, plans: Plans, left: IntArray, asked: IntArray) -> Rows:
    """The table ``subscriptions``: a span for each plan and price, one after the other without a gap."""
    who, month = np.nonzero(plans.changes[:, :-1])
    first = np.arange(people.count)
    who, month = np.concatenate([first, who]), np.concatenate([np.zeros_like(first), month])
    at = months.starts[month] + (people.billing_day[who] - 1) * DAY
    at[: people.count] = people.joined
    rows: Rows = {
        "customer_id": who,
        "started_at": at,
        "plan": plans.plan[who, month],
        "price": plans.price[who, month],
    }
    rows = take(rows, at < np.minimum(left, months.end)[who])
    rows = take(rows, np.lexsort((rows["started_at"], rows["customer_id"])))
    owner, starts = rows["customer_id"], rows["started_at"]
    goes_on = np.append(owner[1:] == owner[:-1], False)
    rows |= {
        "ended_at": np.where(goes_on, np.append(starts[1:], NEVER), left[owner]),
        "cancel_requested_at": np.where(goes_on, NEVER, np.maximum(asked[owner], starts)),
        "auto_renew": people.renews[owner].astype(np.int8),
    }
    return {"subscription_id": np.arange(len(owner)), **rows}


def with_withdrawn(contracts: Rows, who: IntArray, at: IntArray) -> Rows:
    """The contracts with the requests to end them that customers took back, on the span in force then."""
    spans = place_in_time(contracts["customer_id"], contracts["started_at"])
    span = np.searchsorted(spans, place_in_time(who, at), side="right") - 1
    asked = contracts["cancel_requested_at"].copy()
    kept = asked[span] < NEVER
    asked[span[~kept]] = at[~kept]
    return contracts | {"cancel_requested_at": asked}
