"""Values as a few groups: ranges of a number, levels of a text, and missing as a group of its own."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pandas.api.types import is_bool_dtype, is_numeric_dtype

LEAST_ROWS = 20
"""Rows that a level of a text needs to be a group; rarer ones are one group together."""

LEAST_SHARED = 0.05
"""Share of the rows that a number needs to be a group of its own rather than a part of a range."""


@dataclass(frozen=True)
class ValueGroups:
    """The group of each row.

    Attributes
    ----------
    of : int array
        0 .. count - 1.
    count : int
    missing : int
        The group of missing values.
    """

    of: NDArray[np.int64]
    count: int
    missing: int

    def total(
        self, weight: NDArray[np.float64], rows: NDArray[np.bool_] | None = None
    ) -> NDArray[np.float64]:
        """Sum of *weight* in each group, over *rows* (all when None)."""
        chosen = slice(None) if rows is None else rows
        return np.bincount(self.of[chosen], weight[chosen], minlength=self.count).astype(np.float64)


def groups(values: pd.Series, learn: NDArray[np.bool_], bins: int) -> ValueGroups:
    """Group *values* by the edges and levels of the rows *learn*: at most *bins* ranges, or a level each.

    >>> found = groups(pd.Series([1.0, 2.0, 3.0, None]), np.ones(4, bool), bins=2)
    >>> found.of.tolist(), found.missing
    ([0, 1, 1, 2], 2)
    """
    if is_numeric_dtype(values) or is_bool_dtype(values):
        number = values.to_numpy(dtype=np.float64, na_value=np.nan)
        seen = number[learn & np.isfinite(number)]
        edges = np.unique(np.quantile(seen, np.linspace(0, 1, bins + 1)[1:-1])) if len(seen) else np.zeros(0)
        of = np.searchsorted(edges, number, side="right")
        of[np.isnan(number)] = len(edges) + 1
        return ValueGroups(of.astype(np.int64), len(edges) + 2, len(edges) + 1)
    counts = values[learn].value_counts()
    levels = sorted(str(level) for level, n in counts.items() if n >= LEAST_ROWS)
    place = {level: i + 1 for i, level in enumerate(levels)}
    missing = len(levels) + 1
    of = np.array(
        [missing if value is None or value != value else place.get(str(value), 0) for value in values]
    )
    return ValueGroups(of.astype(np.int64), missing + 1, missing)


def groups_by_value(values: pd.Series, among: NDArray[np.bool_], bins: int, most: int) -> ValueGroups:
    """Group *values* by what many of the rows *among* share: at most *most* levels or numbers, the rest by ranges.

    >>> found = groups_by_value(pd.Series([0.0, 0.0, 0.0, 1.5, 2.5, 9.5, None]), np.ones(7, bool), bins=2, most=1)
    >>> found.of.tolist(), found.missing
    ([0, 0, 0, 1, 2, 2, 3], 3)
    """
    if not is_numeric_dtype(values):
        common = values[among].value_counts().index[:most]
        return groups(values.where(values.isin(common) | values.isna(), ""), np.ones(len(values), bool), bins)
    number = values.to_numpy(dtype=np.float64, na_value=np.nan)
    there = np.isfinite(number)
    seen, count = np.unique(number[there & among], return_counts=True)
    often = np.argsort(-count, kind="stable")[:most]
    own = np.sort(seen[often[count[often] >= max(LEAST_SHARED * count.sum(), 2)]])
    rest = number[there & ~np.isin(number, own)]
    edges = np.unique(np.quantile(rest, np.linspace(0, 1, bins + 1)[1:-1])) if len(rest) else np.zeros(0)
    of = len(own) + np.searchsorted(edges, number, side="right")
    for place, value in enumerate(own):
        of[number == value] = place
    missing = len(own) + len(edges) + 1
    of[np.isnan(number)] = missing
    return ValueGroups(of.astype(np.int64), missing + 1, missing)
