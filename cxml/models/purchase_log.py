"""A purchase log cut at a day: what was known then of each customer, and what came after."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from cxml.errors import NotEnoughDataError
from cxml.models.purchase_spend import PurchaseHistory
from cxml.models.purchase_value import PurchaseValue

Floats = NDArray[np.float64]
WEEK = 7.0
LAST_WEEKS = (4, 13)
COLUMNS = (
    "frequency",
    "recency",
    "T",
    "silence",
    "mean_spend",
    "total_spend",
    "last_spend",
    "alive",
    "count_a_week",
    "per_purchase",
    "value_a_week",
    "purchases_4w",
    "spend_4w",
    "purchases_13w",
    "spend_13w",
)
_LEAST = 1e-6


@dataclass(frozen=True)
class LogAsOf:
    """The customers of a purchase log as of the start of a day; time in weeks.

    Attributes
    ----------
    day : float
        Rows of this day and later were not seen.
    history : PurchaseHistory
        Customers who had bought by then, every purchase counted.
    recent : dict from weeks to (purchases, spend)
        Within so many weeks before *day*.
    last_spend : array of shape (customers,)
        Money of the last purchase.
    model : PurchaseValue
        Pareto/NBD and Gamma-Gamma, fitted on this history or handed in.
    """

    day: float
    history: PurchaseHistory
    recent: dict[int, tuple[Floats, Floats]]
    last_spend: Floats
    model: PurchaseValue

    @classmethod
    def of(cls, daily: pd.DataFrame, day: float, model: PurchaseValue | None = None) -> Self:
        """The customers of *daily*, as ``daily_purchases`` makes it, as of *day*: who had bought by then."""
        seen = daily[daily["day"] < day]
        if not seen["bought"].any():
            raise NotEnoughDataError(
                "nobody had bought yet",
                where="a purchase log",
                expected="purchases before each day",
                fix="choose later days",
            )
        history = PurchaseHistory.of_daily(seen, day - 1, WEEK)
        recent = {
            weeks: _sums(seen[seen["day"] >= day - WEEK * weeks], history.customer) for weeks in LAST_WEEKS
        }
        last = seen[seen["bought"]].groupby("customer", sort=True)["amount"].last().to_numpy(dtype=np.float64)
        return cls(day, history, recent, last, model or PurchaseValue.fit(history))

    def came(self, daily: pd.DataFrame, until: float) -> tuple[Floats, Floats]:
        """Purchases of each customer in ``[day, until)``, and their money less what was given back, 0 or more."""
        ahead = daily[(daily["day"] >= self.day) & (daily["day"] < until)]
        return _sums(ahead, self.history.customer)

    def features(self, horizon: float) -> NDArray[np.float32]:
        """``COLUMNS`` of each customer for a *horizon* in weeks."""
        h, process = self.history, self.model.process
        count, each = self.model.count(h, horizon), self.model.per_purchase(h)
        columns = [
            h.frequency,
            h.recency,
            h.T,
            h.T - h.recency,
            h.mean_spend,
            h.mean_spend * h.purchases,
            self.last_spend,
            process.probability_alive(h.frequency, h.recency, h.T),
            count / horizon,
            each,
            count * each / horizon,
            *(column for weeks in LAST_WEEKS for column in self.recent[weeks]),
        ]
        return np.column_stack(columns).astype(np.float32)

    def logs(self, horizon: float) -> Floats:
        """A few numbers on a log scale for a regression: no number leaves the trained range by much."""
        h = self.history
        rate = np.maximum(self.model.count(h, horizon) / horizon, _LEAST)
        each = np.maximum(self.model.per_purchase(h), _LEAST)
        times = [h.frequency, h.T - h.recency, h.T, *(self.recent[weeks][0] for weeks in LAST_WEEKS)]
        return np.column_stack([np.log(rate), np.log(each), *(np.log1p(one) for one in times)])

    def value(self, horizon: float) -> Floats:
        """Expected money of each customer by the purchase model, within *horizon* weeks; above 0."""
        return np.maximum(self.model.value(self.history, horizon), _LEAST)


def bg_nbd(as_of: LogAsOf) -> PurchaseValue:
    """BG/NBD in the place of Pareto/NBD, for comparison."""
    return as_of.model.with_process(as_of.history, "bg_nbd")


def _sums(rows: pd.DataFrame, customers: NDArray[Any]) -> tuple[Floats, Floats]:
    by = rows.groupby("customer", sort=True)
    found = by.agg(count=("bought", "sum"), money=("amount", "sum")).reindex(customers).fillna(0.0)
    return found["count"].to_numpy(dtype=np.float64), np.maximum(
        found["money"].to_numpy(dtype=np.float64), 0.0
    )
