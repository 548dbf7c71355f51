"""From a margin to a probability that keeps its word.

A sigmoid keeps the ranking and, because logit(p) = a * margin + b, keeps contributions exact: every
contribution to the margin times *a* is its contribution to the calibrated log-odds.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import expit, log_expit

from cxml.errors import ModelError, NotEnoughDataError

Floats = NDArray[np.float64]
LEAST_SLOPE = 1e-3
_STEPS = 100
_LEAST_OF_A_PERIOD = 10


@dataclass(frozen=True)
class SigmoidCalibrator:
    """logit(p) = a * margin + b, with a > 0.

    Attributes
    ----------
    a : float
        Slope; 1 says that the margins were log-odds already, less that they were too extreme.
    b : float
        Shift, in log-odds.

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
                f"{ones:,} of {ones + zeros:,} rows are events", where="calibration",
                expected="rows of both classes", fix="calibrate on more customers or another cutoff",
            )  # fmt: skip
        target = np.where(hit, (ones + 1) / (ones + 2), 1 / (zeros + 2))
        middle, scale = float(x.mean()), float(x.std()) or 1.0
        slope, shift = _newton((x - middle) / scale, target)
        a = slope / scale
        if a < LEAST_SLOPE:
            a = LEAST_SLOPE
            _, shift = _newton(np.zeros_like(x), target, offset=a * (x - middle))
        return cls(float(a), float(shift - a * middle))

    def levelled(
        self, margin: ArrayLike, y: ArrayLike, periods: ArrayLike | None = None
    ) -> SigmoidCalibrator:
        """The same slope with the shift that gives outcomes *y* at these margins their mean probability.

        With *periods*, the mean of the shifts of each: a period counts by how well its shift is known beside how
        much the shifts of periods differ anyhow (a season, a good month). Periods with fewer than ten rows of a
        class do not count, unless there is no other.

        References
        ----------
        DerSimonian, Laird (1986), Meta-analysis in clinical trials, Controlled Clinical Trials 7.

        >>> found = SigmoidCalibrator(a=0.5).levelled([-2, 0, 1, 3], [0, 0, 1, 0])
        >>> found.a, found.probability([-2, 0, 1, 3]).mean().round(6)
        (0.5, np.float64(0.25))
        """
        x, hit = np.asarray(margin, dtype=np.float64), np.asarray(y, dtype=np.float64)
        which = np.zeros(len(x)) if periods is None else np.asarray(periods)
        parts = [which == one for one in np.unique(which)]
        known = [part for part in parts if min(hit[part].sum(), (1 - hit[part]).sum()) >= _LEAST_OF_A_PERIOD]
        shifts = np.array(
            [self._shift(x[part], hit[part]) for part in known or [np.ones(len(x), dtype=bool)]]
        )
        return SigmoidCalibrator(self.a, _typical(*shifts.T))

    def _shift(self, x: Floats, hit: Floats) -> tuple[float, float]:
        """The shift that gives *hit* its mean probability, and its variance."""
        _, shift = _newton(np.zeros_like(x), hit, offset=self.a * (x - x.mean()))
        b = float(shift - self.a * x.mean())
        p = expit(self.a * x + b)
        return b, 1 / float(np.sum(p * (1 - p)))

    def log_odds(self, margin: ArrayLike) -> Floats:
        """Calibrated log-odds of each margin."""
        return self.a * np.asarray(margin, dtype=np.float64) + self.b

    def probability(self, margin: ArrayLike) -> Floats:
        """Calibrated probability of each margin."""
        return np.asarray(expit(self.log_odds(margin)), dtype=np.float64)

    def to_dict(self) -> dict[str, float]:
        """The two numbers as JSON values."""
        return {"a": self.a, "b": self.b}

    @classmethod
    def from_dict(cls, raw: Any) -> SigmoidCalibrator:
        """The calibrator held by JSON values.

        Raises
        ------
        ModelError
            A number is missing, is not finite, or the slope is not positive.
        """
        return cls(a=number(raw, "a", least=0.0), b=number(raw, "b"))


def number(raw: Any, key: str, *, least: float | None = None) -> float:
    """The finite number *key* of a JSON object, above *least* where given.

    Raises
    ------
    ModelError
        It is not there, is no finite number, or is too small.
    """
    value = raw.get(key) if isinstance(raw, dict) else None
    found = float(value) if isinstance(value, int | float) and not isinstance(value, bool) else math.nan
    if not math.isfinite(found) or (least is not None and found <= least):
        raise ModelError(
            f"the number {key!r} is missing or impossible", where="calibrator.json",
            expected="a finite number" + (f" above {least:g}" if least is not None else ""),
            fix="use a bundle that cxml wrote",
        )  # fmt: skip
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


def _typical(shifts: Floats, variances: Floats) -> float:
    """The mean of shifts that are known with these variances and differ by more than that, by their moments."""
    weight = 1 / variances
    fixed = float(weight @ shifts / weight.sum())
    excess = float(weight @ (shifts - fixed) ** 2) - (len(shifts) - 1)
    spare = float(weight.sum() - weight @ weight / weight.sum())
    between = max(0.0, excess / spare) if len(shifts) > 1 else 0.0
    weight = 1 / (variances + between)
    return float(weight @ shifts / weight.sum())
