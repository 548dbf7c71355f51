"""Whom a factor hits: what is worse than usual today, and raises the odds of leaving, the way that was declared.

A contribution compares a customer with the average of the training. When service drifts, it raises everybody's odds,
and says nothing about whom to call. A hit compares customers with one another, as of one time: a value counts where it is
worse than what is usual then, or than its promise, and only what the customer's contribution has above the usual one.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

Floats = NDArray[np.float64]
PREFIX = "hit_"
LEAST = float(np.log(1.1))
"""A factor hits a customer when it multiplies the odds of leaving by more than 1.1."""
_NEARLY_AS_USUAL = 0.05
"""By so much what is told as so many times the usual must differ from 1: it would read "1.0 times"."""


@dataclass(frozen=True)
class Usual:
    """What is usual among the customers of one time, by feature; what nobody has is missing.

    Attributes
    ----------
    value : mapping of str to float
        The median of the values that are known; texts have none.
    contribution : mapping of str to float
        The median contribution (calibrated log-odds).
    """

    value: Mapping[str, float]
    contribution: Mapping[str, float]

    @classmethod
    def among(cls, contributions: pd.DataFrame, frame: pd.DataFrame) -> Usual:
        """What is usual among the customers of these rows.

        Parameters
        ----------
        contributions, frame : DataFrame
            Of the same rows, as from ``Bundle.explain`` and for it.

        Examples
        --------
        >>> frame = pd.DataFrame({"wait": [30.0, 60.0, 400.0]})
        >>> Usual.among(pd.DataFrame({"wait": [-0.2, 0.1, 0.6]}), frame)
        Usual(value={'wait': 60.0}, contribution={'wait': 0.1})
        """
        values = {str(name): float(_numbers(frame[name]).median()) for name in contributions}
        return cls(
            {name: value for name, value in values.items() if np.isfinite(value)},
            {str(name): float(own) for name, own in contributions.median().items() if np.isfinite(own)},
        )

    @classmethod
    def of(cls, info: Mapping[str, Any]) -> Usual:
        """What was usual at the test cutoff, as the info of a bundle has it."""
        told = info.get("usual", {})
        return cls(told.get("value", {}), told.get("contribution", {}))


def backwards(info: Mapping[str, Any], labels: Mapping[str, Any]) -> frozenset[str]:
    """Of a bundle, the features that act the other way round than declared, or whose factor as a whole does."""
    ways = info.get("directions", {})
    factors = {factor for factor, way in ways.items() if way is not None and way < 0}
    mine = (name for name, label in labels["features"].items() if label["factor"] in factors)
    return frozenset((*info.get("backwards", ()), *mine))


def amounts(
    contributions: pd.DataFrame,
    frame: pd.DataFrame,
    labels: Mapping[str, Any],
    usual: Usual,
    against: Collection[str] = (),
) -> pd.DataFrame:
    """How much each feature adds to the log-odds of each row by being worse than usual, or than promised.

    0 where the value is missing, where it is not worse, where it adds no more than is usual, and for the features
    *against*, which act the other way round. A value is worse on the bad side, by its declared direction, of the promise
    it is about (``kept`` of its label), else of the usual value (today's, else ``typical`` of its label, else 0).
    Against a promise the whole contribution counts, since all may be served badly at once. Of a feature without a
    declared direction, texts included, what adds more than usual is worse.
    """
    found = np.zeros(contributions.shape)
    for k, name in enumerate(contributions.columns):
        label = labels["features"][name]
        if name in against:
            continue
        kept = label.get("kept")
        own = contributions[name].to_numpy(dtype=np.float64)
        above = own if kept is not None else own - max(usual.contribution.get(name, 0.0), 0.0)
        sign = {"+": 1.0, "-": -1.0}.get(label["direction"], 0.0)
        if sign:
            limit = kept if kept is not None else usual.value.get(name, label.get("typical") or 0.0)
            value = _numbers(frame[name]).to_numpy(dtype=np.float64)
            worse = sign * (value - limit) > 0
            if label.get("unit") == "times":
                worse &= sign * (value - 1.0) >= _NEARLY_AS_USUAL
        else:
            worse = frame[name].notna().to_numpy()
        found[:, k] = np.where(worse & (above > 0), above, 0.0)
    return pd.DataFrame(found, columns=contributions.columns, index=contributions.index)


def by_factor(
    contributions: pd.DataFrame, added: pd.DataFrame, labels: Mapping[str, Any], factors: Collection[str]
) -> pd.DataFrame:
    """What each of *factors* adds to the log-odds of each row by its hit; 0 where it does not hit.

    The sum of the ``amounts`` *added* by its features, at most its whole contribution: what is better than usual in
    the same factor is set off. It hits above ``LEAST``.

    Returns
    -------
    DataFrame
        ``hit_<factor>`` for each of *factors*.
    """
    found = {}
    for factor in factors:
        mine = [name for name in contributions if labels["features"][name]["factor"] == factor]
        total = contributions[mine].to_numpy(dtype=np.float64).sum(axis=1)
        part = np.minimum(added[mine].to_numpy(dtype=np.float64).sum(axis=1), total)
        found[PREFIX + factor] = np.where(part > LEAST, part, 0.0)
    return pd.DataFrame(found, index=contributions.index)


def hit_factors(
    contributions: pd.DataFrame,
    frame: pd.DataFrame,
    labels: Mapping[str, Any],
    info: Mapping[str, Any],
    usual: Usual | None = None,
) -> pd.DataFrame:
    """Whom each factor hits, and by how much: ``hit_<factor>`` in log-odds, 0 where it does not hit.

    Parameters
    ----------
    contributions, frame : DataFrame
        Of the same rows, as from ``Bundle.explain`` and for it.
    labels, info : mapping
        Of the bundle.
    usual : Usual, optional
        What customers are compared with; by default what is usual among those of *frame*.
    """
    usual = usual or Usual.among(contributions, frame)
    added = amounts(contributions, frame, labels, usual, backwards(info, labels))
    return by_factor(contributions, added, labels, list(labels["factors"]))


def _numbers(column: pd.Series) -> pd.Series:
    return pd.to_numeric(column, errors="coerce").astype(np.float64)
