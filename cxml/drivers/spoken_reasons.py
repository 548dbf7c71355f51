"""What a caller may say to a customer: the features behind the strongest hits, and what else raises the risk."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from cxml.drivers import hits
from cxml.drivers.contributions import Floats
from cxml.factors.declare import NAMED


def reasons(
    added: pd.DataFrame, hit: pd.DataFrame, frame: pd.DataFrame, labels: Mapping[str, Any], top: int = 3
) -> pd.DataFrame:
    """The *top* reasons of each row: what hits the customer and the company can change, or perhaps can, the largest first.

    Each is shown by its strongest feature that can be said aloud, with a number. What nobody says aloud, such as a
    spread, shows a factor only where nothing else does.

    Parameters
    ----------
    added : DataFrame
        As from ``hits.amounts``: what features add by being worse than usual.
    hit : DataFrame
        As from ``hits.by_factor``, of the same rows.
    frame : DataFrame
        The features of these rows, as from ``Bundle.as_told``.

    Returns
    -------
    DataFrame
        ``reason_1``, ``reason_1_value``, ...: a feature column and its value; missing when there are fewer.
    """
    levers = [name for name, label in labels["factors"].items() if label["kind"] in NAMED]
    weights = hit[[hits.PREFIX + factor for factor in levers]].to_numpy(dtype=np.float64)
    return _shown(added, frame, labels, levers, weights, [f"reason_{k + 1}" for k in range(top)])


def other_reason(contributions: pd.DataFrame, frame: pd.DataFrame, labels: Mapping[str, Any]) -> pd.DataFrame:
    """What raises the risk of each row most that is no lever: it explains the forecast, and nobody can make it good.

    *frame* is as from ``Bundle.as_told``.

    Returns
    -------
    DataFrame
        ``other_reason``: of the factor that adds most, the strongest feature with a number, and
        ``other_reason_value``; missing where no such factor multiplies the odds by more than 1.1.
    """
    others = [name for name, label in labels["factors"].items() if label["kind"] not in NAMED]
    weights = np.zeros((len(contributions), len(others)))
    for k, factor in enumerate(others):
        mine = [name for name in contributions if labels["features"][name]["factor"] == factor]
        weights[:, k] = contributions[mine].to_numpy(dtype=np.float64).sum(axis=1)
    weights[weights <= hits.LEAST] = 0.0
    return _shown(contributions, frame, labels, others, weights, ["other_reason"])


def _shown(
    added: pd.DataFrame,
    frame: pd.DataFrame,
    labels: Mapping[str, Any],
    factors: Sequence[str],
    weights: Floats,
    called: Sequence[str],
) -> pd.DataFrame:
    """The first factors of each row by their *weights* (rows, factors), each by its strongest feature.

    A weight of 0 says nothing, and so does a factor none of whose features has a number that adds. Columns are
    those *called*, each with its value beside it.
    """
    totals = weights.copy()
    names, values = np.full(weights.shape, None, dtype=object), np.full(weights.shape, np.nan)
    for k, factor in enumerate(factors):
        mine = [name for name in added if labels["features"][name]["factor"] == factor]
        names[:, k], values[:, k] = _strongest(added[mine], frame[mine], labels)
        totals[~np.isfinite(values[:, k]), k] = 0.0
    order = np.argsort(-totals, axis=1, kind="stable")
    found: dict[str, Any] = {}
    for k, column in enumerate(called):
        name, value = np.full(len(totals), None, dtype=object), np.full(len(totals), np.nan)
        if k < len(factors):
            at = (np.arange(len(totals)), order[:, k])
            there = totals[at] > 0
            name[there], value[there] = names[at][there], values[at][there]
        found[column], found[f"{column}_value"] = name, value
    return pd.DataFrame(found, index=added.index).astype(dict.fromkeys(called, "str"))


def _strongest(
    added: pd.DataFrame, frame: pd.DataFrame, labels: Mapping[str, Any]
) -> tuple[NDArray[np.object_], Floats]:
    """Of each row, the feature that adds most of those said aloud, else of all, and its value; NaN where none adds."""
    if not len(added.columns):
        return np.full(len(added), None, dtype=object), np.full(len(added), np.nan)
    shown = frame.apply(pd.to_numeric, errors="coerce").to_numpy(dtype=np.float64)
    own = added.to_numpy(dtype=np.float64)
    sayable = np.where(np.isfinite(shown) & (own > 0), own, -np.inf)
    aloud = np.array([labels["features"][name].get("aloud", True) for name in added])
    spoken = np.where(aloud, sayable, -np.inf)
    best = np.where(spoken.max(axis=1) > 0, spoken.argmax(axis=1), sayable.argmax(axis=1))
    at = (np.arange(len(own)), best)
    return np.asarray(added.columns, dtype=object)[best], np.where(sayable[at] > 0, shown[at], np.nan)
