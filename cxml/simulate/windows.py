"""The rows before an instant, and what they come to for each customer; all customers at once."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cxml.simulate.factors import WINDOW_D
from cxml.simulate.rows import DAY, FloatArray, IntArray, Rows


class Windows:
    """The last days before an instant, for each table of a company.

    Parameters
    ----------
    customers : int
        How many customers; row numbers in ``customer_id`` lie in ``[0, customers)``.
    tables : mapping of str to Rows
        Each in the order of its event.
    """

    def __init__(self, customers: int, tables: Mapping[str, Rows]) -> None:
        self.customers = customers
        self.tables = tables

    def rows(
        self, table: str, event: str, start: int, columns: tuple[str, ...], *, days: int = WINDOW_D
    ) -> Rows:
        """*columns*, ``customer_id`` and *event* of the rows of ``[start - days, start)``."""
        rows = self.tables[table]
        low, high = np.searchsorted(rows[event], [start - days * DAY, start])
        return {name: rows[name][low:high] for name in ("customer_id", event, *columns)}

    def sum(self, who: IntArray, weights: NDArray[Any] | None = None) -> FloatArray:
        """Rows, or the sum of their weights, of each customer."""
        values = None if weights is None else np.asarray(weights, dtype=np.float64)
        return np.bincount(who, values, minlength=self.customers).astype(np.float64)

    def mean(self, who: IntArray, weights: NDArray[Any], none: float = 0.0) -> FloatArray:
        """Mean of the weights of each customer; *none* for those without a row."""
        return ratio(self.sum(who, weights), self.sum(who), none)

    def spread(self, who: IntArray, values: FloatArray, none: float) -> FloatArray:
        """Standard deviation over mean of each customer's values; *none* below two, or where all are 0."""
        count, mean = self.sum(who), self.mean(who, values)
        squares = self.sum(who, (values - mean[who]) ** 2)
        deviation = np.sqrt(squares / np.maximum(count - 1, 1))
        return np.where(count > 1, ratio(deviation, mean, none), none)

    def distinct(self, who: IntArray, what: IntArray) -> FloatArray:
        """How many different things each customer has; nothing belongs to two customers."""
        first = np.unique(what, return_index=True)[1]
        return self.sum(who[first])


def ratio(part: FloatArray, whole: FloatArray, none: float = 0.0) -> FloatArray:
    """*part* over *whole*, and *none* where *whole* is zero."""
    return np.asarray(np.divide(part, whole, out=np.full(len(whole), none), where=whole > 0))
