"""The checks beside an effect: whether there is enough to see it by, and whether the machinery is sound."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from cxml.causes.estimate import WIDTH, Effect, by_customer

Floats = NDArray[np.float64]

LEAST = {"rows": 1000, "exposed": 100, "leavers": 25}
"""Rows, exposed customers and leavers among the exposed rows, below which nothing is asked."""

MOST_EXPLAINED = 0.95
"""Above it the controls leave too little of the treatment to compare."""

SURE_TO_SEE = 2.8
"""Standard errors of the smallest effect that is found in four of five times."""

PLACEBOS, MOST_FIRED = 20, 4
"""Placebo drivers that are drawn, and how many of them may look like a cause."""

_EDGES = (0.02, 0.98)
_STRATA = 5


@dataclass(frozen=True)
class Enough:
    """What there is to see a factor by.

    Attributes
    ----------
    rows, customers : int
    exposed, leavers : int
        Customers with more than the least of the treatment, and rows of such that left.
    base : float
        Share of rows that left.
    step : float
        A usual difference in the treatment: any against none, or from the lower to the upper quartile.
    """

    rows: int
    customers: int
    exposed: int
    leavers: int
    base: float
    step: float

    @property
    def lacks(self) -> str:
        """What there is too little of: ``rows``, ``exposed``, ``leavers``; empty when there is enough."""
        return next((name for name, least in LEAST.items() if getattr(self, name) < least), "")


def enough(y: Floats, d: Floats, customers: pd.Series) -> Enough:
    """What there is to see the effect of *d* on *y* by."""
    if not len(d):
        return Enough(0, 0, 0, 0, 0.0, 1.0)
    more = d > d.min()
    spread = np.quantile(d, 0.75) - np.quantile(d, 0.25)
    whole = np.array_equal(d, np.round(d))
    step = float(spread) or (1.0 if whole else float(np.std(d))) or 1.0
    return Enough(
        rows=len(d),
        customers=customers.nunique(),
        exposed=customers[more].nunique(),
        leavers=int(y[more].sum()),
        base=float(y.mean()),
        step=1.0 if set(np.unique(d)) <= {0.0, 1.0} else step,
    )


@dataclass(frozen=True)
class Overlap:
    """How far customers with the same controls had different treatments.

    Attributes
    ----------
    explained : float
        Share of the variance of the treatment that the controls explain, in [0, 1].
    outside : float
        Of a treatment that is 0 or 1: share of rows for which it was all but certain; else ``explained``.
    """

    explained: float
    outside: float


def overlap(d: Floats, m: Floats) -> Overlap:
    """The overlap of a treatment *d* with expectation *m*.

    References
    ----------
    Crump, Hotz, Imbens, Mitnik (2009), Dealing with limited overlap in estimation of average treatment
    effects, Biometrika 96.
    """
    spread = float(np.var(d))
    explained = max(0.0, 1 - float(np.mean((d - m) ** 2)) / spread) if spread > 0 else 1.0
    binary = set(np.unique(d)) <= {0.0, 1.0}
    outside = float(np.mean((m < _EDGES[0]) | (m > _EDGES[1]))) if binary else explained
    return Overlap(explained, outside)


def detectable(effect: Effect) -> float:
    """The smallest effect, in probability per unit, that would have been found in four of five times."""
    return SURE_TO_SEE * effect.se


def placebos_fired(effect: Effect, m: Floats, seed: int = 0) -> int:
    """How many of 20 placebo drivers look like a cause.

    A placebo is what the controls say about the treatment and, of the rest, that of another customer: whole
    customers are swapped within fifths of the expected treatment. A customer with more rows than the other goes
    round again, from any row on: who left has fewer rows, and left at the last.

    Parameters
    ----------
    effect : Effect
    m : array of shape (rows,)
        The expected treatment.
    """
    customers = effect.customers
    counts = np.bincount(customers)
    order = np.argsort(customers, kind="stable")
    starts = np.concatenate([[0], np.cumsum(counts)[:-1]])
    place = np.empty_like(order)
    place[order] = np.arange(len(order)) - np.repeat(starts, counts)
    expected = np.bincount(customers, m) / counts
    inner = np.quantile(expected, np.linspace(0, 1, _STRATA + 1)[1:-1])
    strata = [np.flatnonzero(np.searchsorted(inner, expected) == part) for part in range(_STRATA)]
    rng, fired = np.random.default_rng(seed), 0
    for _ in range(PLACEBOS):
        giver = np.empty_like(counts)
        for stratum in strata:
            giver[stratum] = rng.permutation(stratum)
        turn = rng.integers(0, counts[giver])
        theirs = giver[customers]
        v = effect.v[order[starts[theirs] + (place + turn[customers]) % counts[theirs]]]
        squares = float(np.sum(v**2))
        theta = float(np.sum(effect.u * v)) / squares
        fired += abs(theta) > WIDTH * by_customer((effect.u - theta * v) * v / squares, customers)
    return int(fired)
