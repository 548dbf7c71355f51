"""Bills: the price of the plan each month, and now and then a fee. The table ``charges``."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from cxml.simulate.customers import People
from cxml.simulate.luck import Luck, chance
from cxml.simulate.months import HOUR, Months
from cxml.simulate.rows import DAY, NEVER, FloatArray, IntArray, Rows, by_time, days_s, joined, numbered, take
from cxml.simulate.subscriptions import Plans

KINDS = ("subscription", "fee", "overage", "correction")
CHARGE_SHARE = 0.6
"""Part of a bill that is margin."""
BILLING_S = 9 * HOUR
"""Bills are written at nine in the morning of the billing day."""

_FEE_ODDS, _FEE_BY_LUCK = -2.9, 1.35
_FEES = np.array([2_000.0, 3_500.0, 5_000.0, 12_000.0, 25_000.0])
_FEE_SHARE = np.array([0.3, 0.3, 0.2, 0.12, 0.08])
_ANNOUNCED, _TOLD_AFTER = 0.25, 0.2
_DISPUTED = 0.25
_NOTICE_D = 3


@dataclass(frozen=True)
class Fees:
    """The chance of a fee on each month's bill, shape (customers, months + 1)."""

    chance: FloatArray

    @classmethod
    def of(cls, luck: Luck) -> Fees:
        """What follows from the customers' luck with bills."""
        return cls(chance(_FEE_ODDS + _FEE_BY_LUCK * luck.kinds["billing"]))

    @property
    def expected(self) -> FloatArray:
        """Fees expected on each month's bill, in money."""
        return self.chance * float(_FEES @ _FEE_SHARE)


def billed_at(people: People, months: Months) -> IntArray:
    """When each month's bill is written, shape (customers, months)."""
    return np.asarray(months.starts[:-1] + ((people.billing_day - 1) * DAY + BILLING_S)[:, None])


def draw_charges(rng: np.random.Generator, people: People, months: Months, plans: Plans, fees: Fees) -> Rows:
    """All bill lines by time, as if nobody left.

    A fee that was announced is expected; one that was not is unexpected, and some are disputed.
    """
    at = billed_at(people, months)
    who, month = np.nonzero(at > people.joined[:, None])
    amount = plans.price[who, month]
    bills: Rows = {
        "customer_id": who,
        "charged_at": at[who, month],
        "amount": amount,
        "expected_amount": amount,
        "notified_at": at[who, month] - _NOTICE_D * DAY,
        "disputed_at": np.full(len(who), NEVER),
        "kind": np.zeros(len(who), dtype=np.int8),
    }
    charged = rng.random(len(who)) < fees.chance[who, month]
    return numbered(by_time(joined([bills, _fees(rng, take(bills, charged))]), "charged_at"), "charge_id")


def _fees(rng: np.random.Generator, bills: Rows) -> Rows:
    """A fee on each of *bills*."""
    at: IntArray = bills["charged_at"]
    size = len(at)
    amount = rng.choice(_FEES, size, p=_FEE_SHARE)
    announced = rng.random(size) < _ANNOUNCED
    told = np.where(rng.random(size) < _TOLD_AFTER, at + days_s(rng.uniform(0.5, 5, size)), NEVER)
    disputes = ~announced & (rng.random(size) < _DISPUTED)
    return {
        "customer_id": bills["customer_id"],
        "charged_at": at,
        "amount": amount,
        "expected_amount": np.where(announced, amount, 0.0),
        "notified_at": np.where(announced, bills["notified_at"], told),
        "disputed_at": np.where(disputes, at + days_s(rng.exponential(6, size)) + HOUR, NEVER),
        "kind": rng.integers(1, len(KINDS), size).astype(np.int8),
    }
