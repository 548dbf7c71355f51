"""What purchase models say of each row of a feature table: columns for the value model, and baselines.

The history of purchases is in the table as four columns. Bills and other money that comes by itself is no
purchase, which customers decide on anew each time: it goes on at its past rate.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from cxml.errors import ConfigError, ModelError
from cxml.models.calibration import number
from cxml.models.purchase_spend import PurchaseHistory
from cxml.models.purchase_value import PurchaseValue
from cxml.sampling import hash_share

Floats = NDArray[np.float64]
EXTRA = 4
"""Columns that an outlook adds for the trees."""
MOST_CUSTOMERS = 10_000
_LEAST = 1e-6
_WEEK = 7.0


@dataclass(frozen=True)
class PurchaseColumns:
    """Where a feature table holds the purchases of each customer, and how far to look ahead.

    Attributes
    ----------
    frequency, recency, T : str
        Repeat purchases; days from the first purchase to the last, and to the cutoff.
    mean_spend : str
        Mean money of every purchase, the first included.
    lead, horizon : float
        Days from the cutoff to the start of the window, and its length.
    steady : tuple of (str, float)
        Further money of a past window, and the days of that window: it goes on at that rate.
    """

    frequency: str
    recency: str
    T: str
    mean_spend: str
    lead: float
    horizon: float
    steady: tuple[tuple[str, float], ...] = ()

    @property
    def names(self) -> tuple[str, ...]:
        """All columns that are looked at."""
        own = (self.frequency, self.recency, self.T, self.mean_spend)
        return tuple(dict.fromkeys((*own, *(name for name, _ in self.steady))))

    def history(self, X: pd.DataFrame) -> tuple[PurchaseHistory, NDArray[np.bool_]]:
        """The history of the rows that have one, and which they are."""
        names = (self.frequency, self.recency, self.T, self.mean_spend)
        x, t_x, end, mean = (np.round(_column(X, name), 3) for name in names)
        known = np.isfinite(x) & np.isfinite(end) & np.isfinite(mean)
        x, end, mean = x[known], end[known], np.maximum(mean[known], 0.0)
        # Two purchases of one day are one: it has no length, and a second day comes later than the first.
        t_x = np.where(x > 0, np.clip(np.nan_to_num(t_x[known]), 1e-3, np.maximum(end, 1e-3)), 0.0)
        end = np.maximum(end, np.maximum(t_x, 1e-3))
        return PurchaseHistory(np.flatnonzero(known), x, t_x, end, x + 1, mean), known

    def going_on(self, X: pd.DataFrame) -> Floats:
        """The steady money of each row within the horizon."""
        total = np.zeros(len(X))
        for name, days in self.steady:
            total += np.nan_to_num(_column(X, name)) * (self.horizon / days)
        return total


@dataclass(frozen=True)
class PurchaseOutlook:
    """Purchase models fitted on the customers of a training table.

    Attributes
    ----------
    columns : PurchaseColumns
    pareto, bg : PurchaseValue
        Fitted on the latest row of each customer, of 10,000 customers at most.
    newcomer : float
        Mean money of the training rows without a purchase: what is said of such rows.
    """

    columns: PurchaseColumns
    pareto: PurchaseValue
    bg: PurchaseValue
    newcomer: float

    @classmethod
    def fit(cls, columns: PurchaseColumns, X: pd.DataFrame, value: Floats, keys: NDArray[Any]) -> Self:
        """Learn from the rows *X* with values *value* of the customers *keys*.

        Raises
        ------
        NotEnoughDataError
            Nobody bought again, or all spend the same.
        ModelError
            No parameters fit.
        """
        _, known = columns.history(X)
        age = _column(X, columns.T)
        drawn = hash_share(keys, 3) < MOST_CUSTOMERS / max(len(pd.unique(pd.Series(keys))), 1)
        rows = pd.DataFrame({"key": keys, "age": age, "row": np.arange(len(X))})[known & drawn]
        latest = rows.sort_values(["key", "age"], kind="stable").groupby("key", sort=True)["row"].last()
        history, _ = columns.history(X.iloc[np.sort(latest.to_numpy())])
        pareto, bg = _both(_sorted(history).tobytes())
        newcomer = float(np.maximum(value[~known], 0).mean()) if (~known).any() else 0.0
        return cls(columns, pareto, bg, newcomer)

    def value(self, X: pd.DataFrame, kind: str = "pareto_nbd") -> Floats:
        """Expected money of each row within the horizon by ``pareto_nbd`` or ``bg_nbd``, above 0."""
        return self._said(X, self.pareto if kind == "pareto_nbd" else self.bg)[2]

    def pace(self, X: pd.DataFrame) -> Floats:
        """Expected money of each row within the horizon if the customer stays, and so buys at least once, above 0.

        Purchases go on at the customer's own rate, whatever the chance to have left by now. It is the mean of what both
        models say: customers leave after a purchase in the one, at any time in the other, and nobody sees which.
        """
        history, known = self.columns.history(X)
        numbers = history.frequency, history.recency, history.T
        found = np.full(len(X), self.newcomer)
        found[known] = self.columns.going_on(X)[known]
        for model in (self.pareto, self.bg):
            expected = np.maximum(model.process.expected_rate(*numbers) * self.columns.horizon, _LEAST)
            found[known] += expected / -np.expm1(-expected) * model.per_purchase(history) / 2
        return np.asarray(np.maximum(found, _LEAST))

    def look(self, X: pd.DataFrame) -> Sight:
        """What both models say of each row, ready for trees and for a regression."""
        history, known = self.columns.history(X)
        count, each, value = self._said(X, self.pareto)
        by_bg = self._said(X, self.bg)[2]
        logs = np.full((len(X), 5), np.nan)
        logs[:, 0], logs[:, 1] = np.log(np.maximum(count, _LEAST)), np.log(np.maximum(each, _LEAST))
        silence = (history.T - history.recency) / _WEEK
        for i, one in enumerate((history.frequency, silence, history.T / _WEEK)):
            logs[known, 2 + i] = np.log1p(one)
        features = np.column_stack([count, each, value, by_bg]).astype(np.float32)
        return Sight(features, value, logs)

    def to_dict(self) -> dict[str, Any]:
        """The parameters as JSON values."""
        own = self.columns
        names = {n: getattr(own, n) for n in ("frequency", "recency", "T", "mean_spend", "lead", "horizon")}
        return {
            "columns": {**names, "steady": [list(one) for one in own.steady]},
            "pareto_nbd": self.pareto.to_dict(),
            "bg_nbd": self.bg.to_dict(),
            "newcomer": self.newcomer,
        }

    @classmethod
    def from_dict(cls, raw: Any) -> Self:
        """The outlook held by JSON values; ModelError when a part is missing or impossible."""
        told = raw.get("columns") if isinstance(raw, dict) else None
        if not isinstance(told, dict):
            raise ModelError(
                "the columns of purchases are missing",
                where="calibrator.json",
                expected="frequency, recency, T, mean_spend",
                fix="use a bundle that cxml wrote",
            )
        names = {n: str(told.get(n, "")) for n in ("frequency", "recency", "T", "mean_spend")}
        lead, horizon = number(told, "lead"), number(told, "horizon", least=0.0)
        columns = PurchaseColumns(**names, lead=lead, horizon=horizon, steady=_steady(told.get("steady", [])))
        pareto, bg = (PurchaseValue.from_dict(raw.get(kind)) for kind in ("pareto_nbd", "bg_nbd"))
        return cls(columns, pareto, bg, number(raw, "newcomer"))

    def _said(self, X: pd.DataFrame, model: PurchaseValue) -> tuple[Floats, Floats, Floats]:
        """Expected purchases and money of one (NaN without a purchase), and all expected money."""
        history, known = self.columns.history(X)
        lead, end = self.columns.lead, self.columns.lead + self.columns.horizon
        count, each = np.full(len(X), np.nan), np.full(len(X), np.nan)
        ahead = model.count(history, end)
        count[known] = ahead - model.count(history, lead) if lead else ahead
        each[known] = model.per_purchase(history)
        value = np.where(known, count * each + self.columns.going_on(X), self.newcomer)
        return count, each, np.maximum(value, _LEAST)


@dataclass(frozen=True)
class Sight:
    """Of each row of a table.

    Attributes
    ----------
    features : float32 array of shape (rows, 4)
        Expected purchases, money of one, and all money by Pareto/NBD and by BG/NBD.
    value : array of shape (rows,)
        Expected money by Pareto/NBD, above 0.
    logs : array of shape (rows, 5)
        Expected purchases, money of one, repeat purchases, weeks of silence and weeks since the first purchase,
        on a log scale; NaN without a purchase.
    """

    features: NDArray[np.float32]
    value: Floats
    logs: Floats


@lru_cache(maxsize=1)
def _both(columns: bytes) -> tuple[PurchaseValue, PurchaseValue]:
    """Pareto/NBD and BG/NBD with their Gamma-Gamma, from the bytes of a history: see ``_sorted``.

    The value model and its baselines learn from the same customers one after the other: they are fitted once.
    """
    x, t_x, end, mean = np.frombuffer(columns).reshape(4, -1)
    history = PurchaseHistory(np.arange(len(x)), x, t_x, end, x + 1, mean)
    pareto = PurchaseValue.fit(history)
    return pareto, pareto.with_process(history, "bg_nbd")


def _sorted(history: PurchaseHistory) -> Floats:
    """Frequency, recency, T and mean spend in an order that the order of rows plays no part in."""
    columns = np.array([history.frequency, history.recency, history.T, history.mean_spend])
    return columns[:, np.lexsort(columns)]


def _steady(raw: Any) -> tuple[tuple[str, float], ...]:
    """Columns of money that goes on, and the days each looks back, from JSON values."""
    whole = isinstance(raw, list) and all(
        isinstance(one, list) and len(one) == 2 and isinstance(one[0], str) for one in raw
    )
    if not whole:
        raise ModelError(
            "the columns of money that goes on are damaged",
            where="calibrator.json",
            expected="pairs of a column and its days",
            fix="use a bundle that cxml wrote",
        )
    return tuple((name, number({"days": days}, "days", least=0.0)) for name, days in raw)


def _column(X: pd.DataFrame, name: str) -> Floats:
    if name not in X:
        raise ConfigError(
            f"the purchase models ask for {name}, which was not built",
            where="the table to forecast",
            expected="a feature column",
            fix="build the column, or leave the purchase models out",
        )
    # As the schema encodes it, so that any table of the same numbers gives the same bytes.
    return X[name].to_numpy(dtype=np.float32, na_value=np.nan).astype(np.float64)
