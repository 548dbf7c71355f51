"""Which of several forecasts of value is kept: by ranking and by level together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata

from cxml.metrics.forecasts import value_metrics

Floats = NDArray[np.float64]
_FIGURES = ("gini", "decile_mape", "total_error", "rmse", "mae")


def ranked(trials: Sequence[tuple[Floats, Mapping[str, Floats]]]) -> list[dict[str, Any]]:
    """Figures of each forecast, the kept one first.

    Gini and decile error are averaged over the trials. A forecast's rank by the one (highest first) and by
    the other (lowest first) are added up; the least sum is kept, of equal ones that with the least squared
    error, and of those the first named.

    Parameters
    ----------
    trials : sequence of (actual, forecasts)
        Per backtest the values that came, and each candidate's forecast of them by name (money), from the
        simplest candidate to the richest. All trials name the same candidates.

    Returns
    -------
    list of dict
        ``name``, ``gini``, ``decile_mape``, ``total_error``, ``rmse``, ``mae`` (means over the trials) and
        ``rank_sum``, in order of ``rank_sum``.

    Examples
    --------
    >>> actual = np.array([0.0, 10.0, 20.0, 90.0] * 10)
    >>> found = ranked([(actual, {"all alike": np.full(40, 30.0), "near": actual + 1})])
    >>> [one["name"] for one in found], found[0]["rank_sum"]
    (['near', 'all alike'], 3.0)
    """
    names = list(trials[0][1])
    rows = []
    for name in names:
        each = [value_metrics(actual, forecasts[name]) for actual, forecasts in trials]
        rows.append({f: float(np.mean([one[f] for one in each])) for f in _FIGURES})
    ginis = [np.nan_to_num(row["gini"], nan=-1.0) for row in rows]
    errors = [np.nan_to_num(row["decile_mape"], nan=np.inf) for row in rows]
    sums = rankdata(np.negative(ginis), method="min") + rankdata(errors, method="min")
    order = sorted(
        range(len(names)), key=lambda i: (sums[i], rows[i]["rmse"])
    )  # stable: the simpler comes first
    return [{"name": names[i], **rows[i], "rank_sum": float(sums[i])} for i in order]
