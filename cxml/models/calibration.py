"""From a margin to a probability that keeps its word.

A sigmoid keeps the ranking and, because logit(p) = a * margin + b, keeps contributions exact: every
contribution to the margin times *a* is its contribution to the calibrated log-odds.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from scipy.special import expit, log_expit

from cxml.errors import ModelError, NotEnoughDataError
from cxml.models.churn_level import Ahead

Floats = NDArray[np.float64]
LEAST_SLOPE = 1e-3
_STEPS = 100
_LARGEST = 1e300


@dataclass(frozen=True)
class SigmoidCalibrator:
    """logit(p) = a * margin + b, with a > 0.

    The level of leaving moves: where that was followed over cutoffs, ``ahead`` holds the shift by day.

    Attributes
    ----------
    a : float
        Slope; 1 says that the margins were log-odds already, less that they were too extreme.
    b : float
        Shift, in log-odds.
    ahead : Ahead or None
        The shift forecast for later days; None where the level was not followed.

    References
    ----------
    Platt (1999), Probabilistic outputs for support vector machines and comparisons to regularized
    likelihood methods; Lin, Lin, Weng (2007), A note on Platt's probabilistic outputs for support
    vector machines, Machine Learning 68 (Newton's method).

    Examples
    --------
    >>> found = SigmoidCalibrator.fit([-2, -1, 0, 1, 2, 3], [0, 0, 1, 0, 1, 1])
    >>> found.probability([-2, 3]).round(2).tolist()
    [0.21, 0.79]
    """

    a: float = 1.0
    b: float = 0.0
    ahead: Ahead | None = None

    def at_rate(self, rate: float, among: float) -> SigmoidCalibrator:
        """The sigmoid for a population of which *rate* leave, fitted where *among* did: drawn by outcome, else alike.

        A constant is added to every log-odds, so ranking and contributions stay as they are.

        References
        ----------
        King, Zeng (2001), Logistic regression in rare events data, Political Analysis 9 (prior correction).

        Examples
        --------
        >>> SigmoidCalibrator().at_rate(0.02, among=0.5).probability([0.0]).round(6).tolist()
        [0.02]
        """
        shift = math.log(rate / (1 - rate)) - math.log(among / (1 - among))
        return SigmoidCalibrator(self.a, self.b + shift)

    @classmethod
    def fit(cls, margin: ArrayLike, y: ArrayLike) -> SigmoidCalibrator:
        """The most likely sigmoid for outcomes *y* (0 or 1) at these margins.

        Targets are (n1 + 1) / (n1 + 2) and 1 / (n0 + 2) instead of 1 and 0, as Platt has it, so
        that margins without any overlap still give a finite slope. Margins that rank the wrong way
        get the least positive slope: nearly everyone has the base rate then.

        Raises
        ------
        NotEnoughDataError
            There is only one class, or no row.
        """
        x, hit = np.asarray(margin, dtype=np.float64), np.asarray(y, dtype=np.float64) == 1
        ones, zeros = int(hit.sum()), int((~hit).sum())
        if not ones or not zeros:
            raise NotEnoughDataError(
                f"{ones:,} of {ones + zeros:,} rows are events",
                where="calibration",
                expected="rows of both classes",
                fix="calibrate on more customers or another cutoff",
            )
        target = np.where(hit, (ones + 1) / (ones + 2), 1 / (zeros + 2))
        middle, scale = float(x.mean()), float(x.std()) or 1.0
        slope, shift = _newton((x - middle) / scale, target)
        a = slope / scale
        if a < LEAST_SLOPE:
            a = LEAST_SLOPE
            _, shift = _newton(np.zeros_like(x), target, offset=a * (x - middle))
        return cls(float(a), float(shift - a * middle))

    def levelled(self, margin: ArrayLike, y: ArrayLike) -> SigmoidCalibrator:
        """The same slope with the shift that gives outcomes *y* at these margins their mean probability.

        >>> found = SigmoidCalibrator(a=0.5).levelled([-2, 0, 1, 3], [0, 0, 1, 0])
        >>> found.a, found.probability([-2, 0, 1, 3]).mean().round(6)
        (0.5, np.float64(0.25))
        """
        x, hit = np.asarray(margin, dtype=np.float64), np.asarray(y, dtype=np.float64)
        _, shift = _newton(np.zeros_like(x), hit, offset=self.a * (x - x.mean()))
        return SigmoidCalibrator(self.a, float(shift - self.a * x.mean()))

    def following(self, ahead: Ahead) -> SigmoidCalibrator:
        """The same slope with the shifts that are forecast; that of the first day holds."""
        return SigmoidCalibrator(self.a, ahead.shifts[0], ahead)

    def at(self, instant: datetime | pd.Timestamp) -> SigmoidCalibrator:
        """The same with the shift of *instant*; as it is where the level was not followed."""
        return self if self.ahead is None else replace(self, b=self.ahead.at(instant).shift)

    def log_odds(self, margin: ArrayLike) -> Floats:
        """Calibrated log-odds of each margin."""
        return self.a * np.asarray(margin, dtype=np.float64) + self.b

    def probability(self, margin: ArrayLike) -> Floats:
        """Calibrated probability of each margin."""
        return np.asarray(expit(self.log_odds(margin)), dtype=np.float64)

    def to_dict(self) -> dict[str, Any]:
        """The numbers as JSON values."""
        ahead = {"ahead": self.ahead.to_dict()} if self.ahead is not None else {}
        return {"a": self.a, "b": self.b, **ahead}

    @classmethod
    def from_dict(cls, raw: Any) -> SigmoidCalibrator:
        """The calibrator held by JSON values.

        Raises
        ------
        ModelError
            A number is missing, is not finite, or the slope is not positive.
        """
        a, b = number(raw, "a", least=0.0), number(raw, "b")
        return cls(a, b, Ahead.from_dict(raw.get("ahead")))


def number(raw: Any, key: str, *, least: float | None = None) -> float:
    """The finite number *key* of a JSON object, above *least* where given.

    Raises
    ------
    ModelError
        It is not there, is no finite number, or is too small.
    """
    value = raw.get(key) if isinstance(raw, dict) else None
    found = math.nan
    if isinstance(value, int | float) and not isinstance(value, bool) and abs(value) <= _LARGEST:
        found = float(value)
    if math.isnan(found) or (least is not None and found <= least):
        raise ModelError(
            f"the number {key!r} is missing or impossible",
            where="calibrator.json",
            expected="a finite number" + (f" above {least:g}" if least is not None else ""),
            fix="use a bundle that cxml wrote",
        )
    return found


def _newton(x: Floats, target: Floats, offset: Floats | float = 0.0) -> tuple[float, float]:
    """Slope and shift with the least log loss of *target*, by Newton's method with halved steps."""
    theta = np.array([0.0, math.log(target.mean() / (1 - target.mean()))])

    def loss(at: Floats) -> float:
        z = at[0] * x + at[1] + offset
        return -float(np.mean(target * log_expit(z) + (1 - target) * log_expit(-z)))

    for _ in range(_STEPS):
        p = expit(theta[0] * x + theta[1] + offset)
        gap, weight = p - target, p * (1 - p)
        slope = np.array([np.mean(gap * x), np.mean(gap)])
        bend = np.array(
            [[np.mean(weight * x * x), np.mean(weight * x)], [np.mean(weight * x), np.mean(weight)]]
        )
        step = np.linalg.solve(bend + 1e-12 * np.eye(2), slope)
        here, size = loss(theta), 1.0
        while loss(theta - size * step) > here and size > 1e-10:
            size /= 2
        theta = theta - size * step
        if np.abs(size * step).max() < 1e-12:
            break
    return float(theta[0]), float(theta[1])
