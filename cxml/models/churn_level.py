"""How the level of leaving moves from cutoff to cutoff, and what that says of the next one.

Each cutoff has a *shift*: what has to be added to the log-odds of a model so that as many leave as it says. A
shift is known with an error, and cutoffs whose label windows overlap share part of it. Beyond that error levels
move: they wander, they follow the seasons, and single periods are good or bad. How much of each is not asked of
the user: every mixture of a small grid forecasts the shifts that were seen, counts by how well it does
(its marginal likelihood is the product of its one-step forecasts), and together they forecast the next one.

References
----------
Harvey (1989), Forecasting, structural time series models and the Kalman filter; Rasmussen, Williams (2006),
Gaussian processes for machine learning, sections 4.2 (Wiener and periodic kernels) and 5.4.1 (marginal
likelihood); Hoeting, Madigan, Raftery, Volinsky (1999), Bayesian model averaging, Statistical Science 14;
Dawid (1984), Statistical theory: the prequential approach, JRSS A 147.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from itertools import product
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import brentq
from scipy.special import expit
from scipy.stats import chi2, norm, t as student

from cxml.errors import ModelError

Floats = NDArray[np.float64]
YEAR_D, DAY_S = 365.25, 86400
_WALKS = (0.0, 0.1, 0.2, 0.4, 0.8, 1.6)
"""Standard deviation of how far a level wanders in a year, in log-odds."""
_SEASONS = (0.0, 0.1, 0.2, 0.4, 0.8)
_PERIODS = (0.0, 0.07, 0.15, 0.3)
"""Standard deviation of what a single label window has of its own."""
_USUAL = (0.3, 0.3, 0.15)
"""Beyond these, walks, seasons and periods are the less likely the larger they are, before anything was seen."""
_MEAN_VARIANCE, _SMOOTH, _JITTER = 100.0, 0.8, 1e-6
_LEAST_SPAN = 0.95
"""Years between the first and the last cutoff from which on a season can be told from a level that moves."""
_LEAST_WINDOWS = 4.0
_LEAST_RATIO = 0.05
_FEWEST = 3
"""Cutoffs from which a forecast of a later one says how far such forecasts miss."""
_NEWTON_STEPS, _NEAR = 30, 1e-6
MOVED = 0.01
"""The chance of such different levels below which it is said that the level moves."""


@dataclass(frozen=True)
class LevelOutlook:
    """A forecast of the shift at one instant.

    Attributes
    ----------
    shift, error : float
        Its mean and its standard deviation, in log-odds (of money: in logarithms).
    """

    shift: float
    error: float


@dataclass(frozen=True)
class Ahead:
    """Forecasts of the shift by day.

    Attributes
    ----------
    days : tuple of float
        Rising, since 1970.
    shifts, errors : tuple of float
        As in ``LevelOutlook``.

    Examples
    --------
    >>> Ahead((0.0, 10.0), (0.25, 0.75), (0.1, 0.1)).at(pd.Timestamp("1970-01-06", tz="UTC"))
    LevelOutlook(shift=0.5, error=0.1)
    """

    days: tuple[float, ...]
    shifts: tuple[float, ...]
    errors: tuple[float, ...]

    def at(self, instant: datetime | pd.Timestamp) -> LevelOutlook:
        """What is forecast for *instant*: between two days in a line, outside them the nearest."""
        day = pd.Timestamp(instant).timestamp() / DAY_S
        shift, error = (float(np.interp(day, self.days, told)) for told in (self.shifts, self.errors))
        return LevelOutlook(shift, error)

    def no_surer_than(self, other: Ahead) -> Ahead:
        """The same shifts, with the errors of *other* where those are larger.

        >>> day = Ahead((0.0,), (0.25,), (0.1,)), Ahead((0.0,), (0.5,), (0.2,))
        >>> day[0].no_surer_than(day[1])
        Ahead(days=(0.0,), shifts=(0.25,), errors=(0.2,))
        """
        return Ahead(self.days, self.shifts, tuple(map(max, self.errors, other.errors)))

    def to_dict(self) -> dict[str, Any]:
        """The numbers as JSON values."""
        return {"days": [*self.days], "shifts": [*self.shifts], "errors": [*self.errors]}

    @classmethod
    def from_dict(cls, raw: Any) -> Ahead | None:
        """The forecasts held by JSON values; None where there are none.

        Raises
        ------
        ModelError
            They are damaged.
        """
        if raw is None:
            return None
        try:
            days, shifts, errors = (tuple(float(one) for one in raw[k]) for k in ("days", "shifts", "errors"))
        except (TypeError, KeyError, ValueError, IndexError):
            raise _damaged() from None
        sound = len(days) == len(shifts) == len(errors) > 0 and bool(
            np.isfinite([*days, *shifts, *errors]).all()
        )
        if not sound or (np.diff(days) <= 0).any():
            raise _damaged()
        return cls(days, shifts, errors)


@dataclass(frozen=True, eq=False)
class Level:
    """The shifts of past cutoffs.

    Attributes
    ----------
    at : array of shape (cutoffs,)
        Rising, in years.
    shift : array of shape (cutoffs,)
        In log-odds.
    covariance : array of shape (cutoffs, cutoffs)
        Of the errors of the shifts, by customer.
    window : float
        Years from a cutoff to the day its label is known.
    """

    at: Floats
    shift: Floats
    covariance: Floats
    window: float

    @classmethod
    def of(
        cls, log_odds: ArrayLike, y: ArrayLike, cutoffs: Any, customers: ArrayLike, window: pd.Timedelta
    ) -> Level:
        """Measured on rows of which the model never saw the customer.

        Parameters
        ----------
        log_odds : array of shape (rows,)
            Before any shift.
        y : array of shape (rows,)
            1 for churned, 0 for stayed.
        cutoffs : aware instants of shape (rows,)
        customers : array of shape (rows,)
        window : Timedelta
            Lead and horizon: a shift is known that long after its cutoff.
        """
        odds, hit = np.asarray(log_odds, dtype=np.float64), np.asarray(y, dtype=np.float64)
        which, names = pd.factorize(pd.Series(cutoffs), sort=True)
        whose, people = pd.factorize(np.asarray(customers))
        shifts, influence = np.zeros(len(names)), np.zeros((len(people), len(names)))
        for place in range(len(names)):
            rows = which == place
            shifts[place] = _shift(odds[rows], hit[rows])
            p = expit(odds[rows] + shifts[place])
            np.add.at(influence[:, place], whose[rows], (hit[rows] - p) / np.sum(p * (1 - p)))
        return cls(_years(names), shifts, influence.T @ influence, window / pd.Timedelta(days=YEAR_D))

    @classmethod
    def of_money(
        cls, expected: ArrayLike, actual: ArrayLike, cutoffs: Any, customers: ArrayLike, window: pd.Timedelta
    ) -> Level:
        """The same of money: a shift is the logarithm of what came over what was expected.

        Parameters
        ----------
        expected, actual : arrays of shape (rows,)
            Money; *expected* is positive.
        cutoffs, customers, window
            As for ``of``.
        """
        told, came = np.asarray(expected, dtype=np.float64), np.asarray(actual, dtype=np.float64)
        which, names = pd.factorize(pd.Series(cutoffs), sort=True)
        whose, people = pd.factorize(np.asarray(customers))
        shifts, influence = np.zeros(len(names)), np.zeros((len(people), len(names)))
        for place in range(len(names)):
            rows = which == place
            ratio = max(came[rows].sum() / told[rows].sum(), _LEAST_RATIO)
            shifts[place] = np.log(ratio)
            gap = (came[rows] - ratio * told[rows]) / (ratio * told[rows].sum())
            np.add.at(influence[:, place], whose[rows], gap)
        return cls(_years(names), shifts, influence.T @ influence, window / pd.Timedelta(days=YEAR_D))

    @property
    def seasonal(self) -> bool:
        """Whether the cutoffs reach back far enough to tell a season from a level that moves."""
        return bool(self.at[-1] - self.at[0] > _LEAST_SPAN)

    @property
    def moves(self) -> bool:
        """Whether the shifts differ by more than their errors explain (Cochran's Q)."""
        if len(self.at) < 2:
            return False
        inverse = np.linalg.inv(self.covariance + _JITTER * np.eye(len(self.at)))
        gap = self.shift - (inverse.sum(axis=0) @ self.shift) / inverse.sum()
        return bool(chi2.sf(gap @ inverse @ gap, len(self.at) - 1) < MOVED)

    @cached_property
    def missed(self) -> float:
        """By what past forecasts missed, over the error they stated; 1 where they missed by less.

        Each past cutoff is forecast by those whose label was known at it.
        """
        scores = []
        for place, at in enumerate(self.at):
            known = np.flatnonzero(self.at + self.window <= at + _JITTER)
            if len(known) >= _FEWEST:
                found = self._only(known)._forecast(float(at))
                error = np.hypot(found.error, np.sqrt(self.covariance[place, place]))
                scores.append((self.shift[place] - found.shift) / error)
        return max(1.0, float(np.sqrt(np.mean(np.square(scores))))) if len(scores) >= _FEWEST else 1.0

    def ahead(self, instants: Sequence[datetime | pd.Timestamp]) -> Ahead:
        """Forecasts for the rising *instants*."""
        found = [self.forecast(one) for one in instants]
        return Ahead(
            tuple(pd.Timestamp(one).timestamp() / DAY_S for one in instants),
            tuple(one.shift for one in found),
            tuple(one.error for one in found),
        )

    def forecast(self, instant: datetime | pd.Timestamp) -> LevelOutlook:
        """The shift at *instant*, with the error that past forecasts turned out to have."""
        found = self._forecast(float(_years([instant])[0]))
        return LevelOutlook(found.shift, found.error * self.missed * self._few())

    def _few(self) -> float:
        """By how much an error is wider as it was learned from few windows that do not overlap: Student's t."""
        windows = max(_LEAST_WINDOWS, (self.at[-1] - self.at[0]) / self.window)
        return float(student.ppf(0.975, windows) / norm.ppf(0.975))

    def _only(self, rows: NDArray[np.int64]) -> Level:
        return Level(self.at[rows], self.shift[rows], self.covariance[np.ix_(rows, rows)], self.window)

    def _forecast(self, at: float) -> LevelOutlook:
        scales = np.array([*product(_WALKS, _SEASONS if self.seasonal else (0.0,), _PERIODS)])
        likely, mean, variance = np.array([self._by(at, *one) for one in scales]).T
        weight = np.exp(likely - likely.max()) / np.prod(1 + (scales / _USUAL) ** 2, axis=1)
        weight /= weight.sum()
        shift = float(weight @ mean)
        return LevelOutlook(shift, float(np.sqrt(max(weight @ (variance + (mean - shift) ** 2), 0.0))))

    def _by(self, at: float, walk: float, season: float, period: float) -> tuple[float, float, float]:
        """The logarithm of the marginal likelihood of one mixture, and its forecast with the variance."""
        times = np.append(self.at, at)
        apart = times[:, None] - times[None, :]
        since = times - times.min()
        whole = (
            _MEAN_VARIANCE
            + walk**2 * np.minimum(since[:, None], since[None, :])
            + season**2 * np.exp(-2 * np.sin(np.pi * apart) ** 2 / _SMOOTH**2)
            + period**2 * np.exp(-((apart / self.window) ** 2))
        )
        seen = whole[:-1, :-1] + self.covariance + _JITTER * np.eye(len(self.at))
        root = np.linalg.cholesky(seen)
        shift, reach = np.linalg.solve(root, np.column_stack([self.shift, whole[:-1, -1]])).T
        likely = -0.5 * shift @ shift - np.log(np.diag(root)).sum()
        return float(likely), float(reach @ shift), float(whole[-1, -1] - reach @ reach)


def at_own_levels(margin: Floats, hit: Floats, periods: NDArray[np.int64]) -> Floats:
    """The margins with a shift per period, fitted to its outcomes *hit*: what is left is how rows differ within a period.

    A shift costs its square over two, which keeps that of a period of a few rows finite.

    Parameters
    ----------
    margin, hit : arrays of shape (rows,)
        Log-odds, and 1 for churned.
    periods : int array of shape (rows,)
        From 0 on.

    Examples
    --------
    >>> hit, periods = np.array([1.0, 0.0] * 500), np.zeros(1000, dtype=np.int64)
    >>> at_own_levels(np.full(1000, 3.0), hit, periods)[:2].round(1).tolist()
    [0.0, 0.0]
    """
    shift = np.zeros(int(periods.max()) + 1)
    for _ in range(_NEWTON_STEPS):
        p = expit(margin + shift[periods])
        slope = np.bincount(periods, hit - p, len(shift)) - shift
        step = slope / (np.bincount(periods, p * (1 - p), len(shift)) + 1)
        shift += np.clip(step, -1, 1)
        if np.abs(step).max() < _NEAR:
            break
    return np.asarray(margin + shift[periods])


def _shift(odds: Floats, hit: Floats) -> float:
    """What is added to *odds* so that they expect as many as were hit; one more row, half hit, keeps it finite."""
    middle = float(odds.mean())

    def gap(shift: float) -> float:
        return float(np.sum(expit(odds + shift) - hit) + expit(middle + shift) - 0.5)

    return float(brentq(gap, -50.0 - middle, 50.0 - middle))


def _years(instants: Sequence[Any] | pd.Index) -> Floats:
    stamps = pd.DatetimeIndex(pd.to_datetime(pd.Index(instants), utc=True))
    return np.asarray((stamps - pd.Timestamp(0, tz="UTC")) / pd.Timedelta(days=YEAR_D), dtype=np.float64)


def _damaged() -> ModelError:
    return ModelError(
        "the forecasts of the level are damaged",
        where="calibrator.json",
        expected="rising days, each with a shift and an error",
        fix="use a bundle that cxml wrote",
    )
