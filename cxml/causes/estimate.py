"""The effect of a treatment on leaving, in a partially linear model, and how far it can be trusted.

What controls say about leaving and about the treatment is taken off both; what is left of the one is laid
against what is left of the other. All rows of a customer count as one draw.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]

WIDTH = 1.959963984540054
"""Standard errors on each side of a 95 % interval."""

_CLIP = 0.01


@dataclass(frozen=True)
class Effect:
    """What one more unit of the treatment does to the probability of leaving.

    Attributes
    ----------
    theta : float
        Change of the probability (1 is certainty) per unit of the treatment, weighted by how much the
        treatment varies given the controls.
    se : float
        Standard error, clustered by customer.
    u, v : arrays of shape (rows,)
        Leaving and treatment without what the controls say about them.
    customers : int array of shape (rows,)
        Whose row it is, as numbers.
    """

    theta: float
    se: float
    u: Floats
    v: Floats
    customers: NDArray[np.int64]

    @property
    def low(self) -> float:
        """Lower end of the 95 % interval."""
        return self.theta - WIDTH * self.se

    @property
    def high(self) -> float:
        """Upper end of the 95 % interval."""
        return self.theta + WIDTH * self.se

    @property
    def t(self) -> float:
        """The effect in standard errors."""
        return self.theta / self.se if self.se > 0 else 0.0

    @cached_property
    def influence(self) -> Floats:
        """By how much each row moves ``theta``; sums to 0."""
        return np.asarray((self.u - self.theta * self.v) * self.v / np.sum(self.v**2))

    @property
    def scale(self) -> float:
        """The most that hidden traits could shift ``theta``, per unit of their strength: S of the reference.

        References
        ----------
        Chernozhukov, Cinelli, Newey, Sharma, Syrgkanis (2022), Long story short: omitted variable bias in
        causal machine learning, NBER working paper 30302.
        """
        return float(np.sqrt(np.mean((self.u - self.theta * self.v) ** 2) / np.mean(self.v**2)))


def partially_linear(
    y: ArrayLike, d: ArrayLike, expected_y: ArrayLike, expected_d: ArrayLike, customers: ArrayLike
) -> Effect:
    """The effect of *d* on *y*, given what controls say about both.

    Parameters
    ----------
    y : array of shape (rows,)
        Whether the customer left, 0 or 1.
    d : array of shape (rows,)
        The treatment.
    expected_y, expected_d : arrays of shape (rows,)
        E[y | controls] and E[d | controls], each out of fold (``cxml.causes.nuisance.cross_fitted``).
    customers : array of shape (rows,)
        Whose row it is.

    References
    ----------
    Robinson (1988), Root-n-consistent semiparametric regression, Econometrica 56. Chernozhukov et al. (2018),
    Double/debiased machine learning for treatment and structural parameters, Econometrics Journal 21. Chiang,
    Kato, Ma, Sasaki (2022), Multiway cluster robust double/debiased machine learning, JBES 40.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> usage, noise = rng.normal(size=4000), rng.normal(size=4000)
    >>> waited = usage + noise
    >>> left = 0.3 + 0.02 * waited + 0.1 * usage + 0.1 * rng.normal(size=4000)
    >>> found = partially_linear(left, waited, 0.3 + 0.12 * usage, usage, np.arange(4000) // 2)
    >>> f"{found.theta:.3f} in {found.low:.3f} to {found.high:.3f}"
    '0.021 in 0.018 to 0.024'
    """
    u = np.asarray(y, dtype=np.float64) - np.asarray(expected_y, dtype=np.float64)
    v = np.asarray(d, dtype=np.float64) - np.asarray(expected_d, dtype=np.float64)
    codes = np.asarray(pd.factorize(np.asarray(customers))[0], dtype=np.int64)
    squares = float(np.sum(v**2))
    if squares <= 0.0:
        return Effect(0.0, float("inf"), u, v, codes)
    theta = float(np.sum(u * v)) / squares
    return Effect(theta, by_customer((u - theta * v) * v / squares, codes), u, v, codes)


def by_customer(influence: Floats, customers: NDArray[np.int64]) -> float:
    """Standard error of a sum of influences, each customer being one draw."""
    return float(np.sqrt(np.sum(np.bincount(customers, influence) ** 2)))


def doubly_robust(effect: Effect, d: ArrayLike, expected_d: ArrayLike) -> tuple[float, float]:
    """The plain average effect of a treatment that is 0 or 1, and its standard error.

    The score leans on the partially linear model for what would have been, and on E[d | controls], kept
    within 0.01 and 0.99, to correct it; it is right where either of them is.

    References
    ----------
    Robins, Rotnitzky, Zhao (1994), Estimation of regression coefficients when some regressors are not always
    observed, JASA 89.
    """
    given = np.asarray(d, dtype=np.float64)
    e = np.clip(np.asarray(expected_d, dtype=np.float64), _CLIP, 1 - _CLIP)
    left = effect.u - effect.theta * effect.v
    score = effect.theta + left * (given / e - (1 - given) / (1 - e))
    average = float(np.mean(score))
    return average, by_customer((score - average) / len(score), effect.customers)


def robustness_value(effect: Effect, sure: float = WIDTH) -> float:
    """How much a hidden trait would have to explain of what is left of leaving and of the treatment.

    With less, the interval of *sure* standard errors keeps its side of 0; in [0, 1], and 0 where it does
    not keep it now.

    References
    ----------
    Chernozhukov, Cinelli et al. (2022), as for ``Effect.scale``. Cinelli, Hazlett (2020), Making sense of
    sensitivity, JRSS B 82.
    """
    f = max(abs(effect.theta) - sure * effect.se, 0.0) / effect.scale if np.isfinite(effect.se) else 0.0
    return float((np.sqrt(f**4 + 4 * f**2) - f**2) / 2)


def bias_like(effect: Effect, shorter: Effect) -> float:
    """By how much a hidden trait as strong as the controls that *shorter* leaves out could shift the effect.

    The larger of what leaving them out does to it, and the most that a trait with their gain in explaining
    leaving and treatment could do.

    References
    ----------
    Chernozhukov, Cinelli et al. (2022), as for ``Effect.scale``, section on benchmarks.
    """
    full, short = ((one.u - one.theta * one.v) for one in (effect, shorter))
    gain_y = max(float(np.mean(short**2) / np.mean(full**2)) - 1.0, 0.0)
    gain_d = max(float(np.mean(shorter.v**2) / np.mean(effect.v**2)) - 1.0, 0.0)
    return max(abs(effect.theta - shorter.theta), effect.scale * float(np.sqrt(gain_y * gain_d)))
