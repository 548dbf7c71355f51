"""What training itself can see of a leak: figures that nothing which is known beforehand reaches.

The audit asks more, and asks it of every probe. This is the one question that costs nothing, and that nobody who only
trains may miss.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.stats import rankdata

from cxml.sampling import customer_folds

Floats = NDArray[np.float64]
ALL, ALONE = 0.99, 0.97
"""The AUC of the model, and of one column alone, above which figures are too good to be believed."""
FEWEST = 20
"""Leavers, and stayers, from which on an AUC tells."""
_GROUPS, _WEIGHT, _SHOWN = 20, 20.0, 3


def alone(frame: pd.DataFrame, columns: Sequence[str]) -> dict[str, float]:
    """The AUC of each column by itself, the highest first.

    Rates of leaving by value (numbers in 20 groups of like size, what is missing one more) are taken from one half of
    the customers and asked of the other.

    Parameters
    ----------
    frame : DataFrame
        Snapshots of one cutoff: ``customer_id``, ``churned`` (0/1) and the *columns*.

    Examples
    --------
    >>> churned = np.repeat([0, 1], 50)
    >>> frame = pd.DataFrame({"customer_id": range(100), "churned": churned, "score": churned * 5.0, "x": 1.0})
    >>> alone(frame, ["x", "score"])
    {'score': 1.0, 'x': 0.5}
    """
    churned = frame["churned"].to_numpy(dtype=np.float64)
    half = customer_folds(frame["customer_id"].astype(str), 2)
    found = {name: _auc(churned, _rates(_groups(frame[name]), churned, half), half) for name in columns}
    return dict(sorted(found.items(), key=lambda one: -one[1]))


def warning(
    auc: float, frame: pd.DataFrame, columns: Sequence[str], labels: Mapping[str, Any]
) -> dict[str, Any] | None:
    """What is too good: ``auc`` of the model, ``columns`` (``feature``, ``name``, ``auc``) and ``what`` in words.

    None where nothing is, or where too few left to say.
    """
    left = int(frame["churned"].sum())
    if min(left, len(frame) - left) < FEWEST:
        return None
    by_column = alone(frame, columns)
    telling = [name for name, one in by_column.items() if one > ALONE]
    if not auc > ALL and not telling:
        return None
    shown = (telling or list(by_column))[:_SHOWN]
    names = {name: str(labels["features"][name]["en"]) for name in shown}
    listed = ", ".join(f"{names[name]} (alone {by_column[name]:.3f})" for name in shown)
    return {
        "auc": auc,
        "columns": [{"feature": name, "name": names[name], "auc": by_column[name]} for name in shown],
        "what": (
            f"TOO GOOD: an AUC of {auc:.3f} is more than what is known before customers leave can reach. Look at"
            f" {listed}: is it written after they left? Take it out ([features] leave_out) or make sure, and run 'cxml"
            " audit'; do not trust the ranking before"
        ),
    }


def _groups(column: pd.Series) -> NDArray[np.int64]:
    """The group of each row; what is missing is one of its own."""
    if pd.api.types.is_numeric_dtype(column.dtype) or pd.api.types.is_bool_dtype(column.dtype):
        value = column.to_numpy(dtype=np.float64, na_value=np.nan)
        if len(np.unique(value[~np.isnan(value)])) > _GROUPS:
            share = rankdata(value, nan_policy="omit") / max(1, (~np.isnan(value)).sum())
            value = np.ceil(share * _GROUPS)
        return np.asarray(pd.factorize(value, use_na_sentinel=False)[0], dtype=np.int64)
    return np.asarray(pd.factorize(column.astype(object), use_na_sentinel=False)[0], dtype=np.int64)


def _rates(groups: NDArray[np.int64], churned: Floats, half: NDArray[Any]) -> Floats:
    """Of each row the rate of its group among the other half of the customers, small groups drawn towards all."""
    found = np.zeros(len(churned))
    for fold in (0, 1):
        learn, ask = half != fold, half == fold
        rows = np.bincount(groups[learn], minlength=groups.max() + 1)
        leavers = np.bincount(groups[learn], weights=churned[learn], minlength=groups.max() + 1)
        rates = (leavers + _WEIGHT * churned[learn].mean()) / (rows + _WEIGHT)
        found[ask] = rates[groups[ask]]
    return found


def _auc(churned: Floats, score: Floats, half: NDArray[Any]) -> float:
    """The mean of the areas in both halves: rates of two halves are not to be ranked together."""
    areas = []
    for fold in (0, 1):
        left, rank = churned[half == fold] == 1, rankdata(score[half == fold])
        n, m = int(left.sum()), int((~left).sum())
        if n and m:
            areas.append((rank[left].sum() - n * (n + 1) / 2) / (n * m))
    return float(np.mean(areas)) if areas else 0.5
