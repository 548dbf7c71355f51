"""When will they leave: the chance to stay beyond each of several times.

Time is cut into periods. A customer gives one row for each period that was watched, with the period
as one more feature, and boosted trees learn who leaves in a period among those who entered it. What it
predicts is a hazard in (0, 1); survival is the product of staying, so it can only fall.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from scipy.special import expit, log_expit
from sklearn.base import BaseEstimator
from sklearn.utils.validation import check_is_fitted

from cxml.errors import ConfigError, DataError, ModelError, NotEnoughDataError
from cxml.metrics.survival import concordance, observed
from cxml.models.boosted_trees import BoostedTrees, Task, grow, make_folds
from cxml.models.encoding import encode_new, encode_training, remember_schema
from cxml.models.schema import Schema
from cxml.models.tree_sizes import TreeSize
from cxml.models.trees import Binned

if TYPE_CHECKING:
    import lightgbm as lgb

Floats = NDArray[np.float64]
Matrix = NDArray[np.float32]
Rows = NDArray[np.int64]
LADDER = (
    TreeSize(name="small", leaves=4, rows_share=0.8, columns_share=1.0, l2=1, rate=0.1, most=600),
    TreeSize(name="middle", leaves=6, rows_share=0.8, columns_share=1.0, l2=1, rate=0.1, most=600),
    TreeSize(name="large", leaves=12, rows_share=0.8, columns_share=1.0, l2=1, rate=0.06, most=500),
    TreeSize(name="deep", leaves=31, rows_share=0.8, columns_share=1.0, l2=1, rate=0.05, most=400),
)
"""From simple to rich. Trees see all columns, for hardly any is of use without the period."""

_CHUNK = 131_072


class SurvivalClassifier(BaseEstimator):  # type: ignore[misc]
    """A hazard per period from gradient-boosted trees, and the survival that follows from it.

    Durations are counted from the cutoff, in any unit as long as it is one. A period holds its end but
    not its begin: ``periods=[30, 60]`` makes (0, 30], with 0 itself, and (30, 60]. Where every duration
    learned from is an end of a period, time is counted in whole periods and survival falls in steps;
    else the rate of leaving is constant inside a period. A customer censored inside a period counts by
    the part of it that was watched, which is exact under that constant rate.

    Parameters
    ----------
    periods : int or sequence of float
        Ends of the periods, rising. A number makes at most so many with about as many leavers each,
        and the last ends where the last one left; all durations up to there when they are no more.
        Who is watched beyond the last end is known to have stayed until then, no more.
    rung : str, optional
        Size of the trees: ``small``, ``middle``, ``large`` or ``deep``. None: the simplest within one
        standard error of the best on customers held out.
    min_events : int
        Fewest customers who leave within the periods.
    folds : int
        Folds by customer in which sizes are compared. Above 10,000 rows of customers and periods one
        quarter of the customers is held out instead, and the number of rounds is chosen on it.
    seeds : int
        Boosted trees whose margins are averaged.
    num_threads : int
        Threads; 0 takes all. The result does not depend on it.
    random_state : int
        Seed of everything random.

    Attributes
    ----------
    ends_ : array of shape (periods,)
        Ends of the periods.
    steps_ : bool
        Whether time is counted in whole periods.
    trees_ : BoostedTrees
        The trees; their last feature is the number of the period, from 0.
    rung_, rounds_, ladder_ : str, int, list of dict
        The size kept, and the sizes tried, as in ``ChurnClassifier``.
    schema_ : Schema or None
        Names, kinds and levels when fitted on a DataFrame.

    References
    ----------
    Singer, Willett (1993), It's about time: using discrete-time survival analysis to study duration
    and the timing of events, Journal of Educational Statistics 18; Friedman (1982), Piecewise
    exponential models for survival data with covariates, Annals of Statistics 10.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> frame = pd.DataFrame({"wait_s_30d": rng.exponential(60, 400)})
    >>> days = rng.exponential(6000 / (20 + frame["wait_s_30d"]))
    >>> y = pd.DataFrame({"duration": np.minimum(days, 90), "event": days < 90})
    >>> model = SurvivalClassifier(periods=[30, 60, 90], rung="small", num_threads=1).fit(frame, y)
    >>> model.survival(frame).shape
    (400, 3)
    """

    def __init__(
        self,
        *,
        periods: int | Sequence[float] = 12,
        rung: str | None = None,
        min_events: int = 50,
        folds: int = 5,
        seeds: int = 2,
        num_threads: int = 0,
        random_state: int = 0,
    ) -> None:
        self.periods = periods
        self.rung = rung
        self.min_events = min_events
        self.folds = folds
        self.seeds = seeds
        self.num_threads = num_threads
        self.random_state = random_state

    def fit(
        self, X: pd.DataFrame | ArrayLike, y: pd.DataFrame | NDArray[Any], groups: ArrayLike | None = None
    ) -> Self:
        """Learn from rows *X* with durations and events *y*; no fold splits the rows of one customer.

        Parameters
        ----------
        X : DataFrame or array of shape (rows, features)
            What is known at the cutoff. Missing is NaN. Text columns of a DataFrame are categories.
        y : DataFrame or structured array of shape (rows,)
            ``duration`` (time watched, at least 0) and ``event`` (whether the customer left at its end).
        groups : array-like of shape (rows,), optional
            The customer of each row. None: every row is a customer of its own.

        Raises
        ------
        ConfigError
            Periods do not rise, or the rung is unknown.
        DataError
            A column of *y* is not there or impossible, or one of *X* is neither number nor text.
        NotEnoughDataError
            Fewer than ``min_events`` customers leave within the periods.
        """
        rungs = self._rungs()
        duration, left = _outcomes(y)
        self._enough(left)
        ends = _ends(self.periods, duration, left)
        self._enough(left & (duration <= ends[-1]))
        encoded, categories = encode_training(self, X, y, ())
        self.ends_ = ends
        self.steps_ = bool(np.isin(duration[duration <= ends[-1]], ends).all())
        at_risk = _at_risk(duration, left, ends)
        rows = _with_period(encoded[at_risk.customer], at_risk.period)
        customers = np.arange(len(duration)) if groups is None else np.asarray(groups)
        folds, keys = make_folds(customers[at_risk.customer], len(rows), self.folds, self.random_state)

        def loss(margin: Floats, which: Rows) -> Floats:
            hit = at_risk.hit[which] == 1
            return np.asarray(-at_risk.watched[which] * np.where(hit, log_expit(margin), log_expit(-margin)))

        task = Task(
            X=rows,
            binned=_Watched(rows, categories, self.num_threads, at_risk.watched),
            target={"binary": at_risk.hit},
            learn=np.ones(len(rows), dtype=bool),
            loss=loss,
            folds=folds,
            keys=keys,
        )
        self.trees_ = grow(
            task,
            rungs,
            events=at_risk.hit.sum(),
            seeds=self.seeds,
            seed=self.random_state,
            num_threads=self.num_threads,
        )
        self.rung_, self.rounds_, self.ladder_ = self.trees_.rung, self.trees_.rounds, self.trees_.ladder
        return self

    def hazard(self, X: pd.DataFrame | ArrayLike) -> Floats:
        """Probability of leaving in each period, for those who entered it: shape (rows, periods)."""
        check_is_fitted(self, "trees_")
        encoded, periods = encode_new(self, X), len(self.ends_)
        found = np.empty((len(encoded), periods))
        size = max(1, _CHUNK // periods)
        for start in range(0, len(encoded), size):
            part = encoded[start : start + size]
            period = np.tile(np.arange(periods), len(part))
            margin = self.trees_.margin(
                _with_period(np.repeat(part, periods, axis=0), period), self.num_threads
            )
            found[start : start + size] = expit(margin).reshape(len(part), periods)
        return found

    def survival(self, X: pd.DataFrame | ArrayLike) -> Floats:
        """Probability to stay beyond the end of each period: shape (rows, periods), never rising."""
        return np.asarray(np.cumprod(1 - self.hazard(X), axis=1), dtype=np.float64)

    def survival_at(self, X: pd.DataFrame | ArrayLike, times: ArrayLike) -> Floats:
        """Probability to stay beyond each of *times*: shape (rows, times).

        Raises
        ------
        ConfigError
            A time lies before 0 or beyond the last period.
        """
        check_is_fitted(self, "trees_")
        asked = self._within(np.atleast_1d(np.asarray(times, dtype=np.float64)))
        return self._between(self.survival(X), asked)

    def expected_lifetime(self, X: pd.DataFrame | ArrayLike, horizon: float | None = None) -> Floats:
        """Expected time until leaving or until *horizon*, whichever comes first.

        The area under the survival curve, in the unit of the durations: what is called restricted
        mean. Time beyond the horizon, by default the end of the last period, is not guessed.

        Raises
        ------
        ConfigError
            The horizon lies before 0 or beyond the last period.

        References
        ----------
        Royston, Parmar (2013), Restricted mean survival time: an alternative to the hazard ratio,
        BMC Medical Research Methodology 13.
        """
        check_is_fitted(self, "trees_")
        return self._area(self.survival(X), self.ends_[-1] if horizon is None else float(horizon))

    def predict(self, X: pd.DataFrame | ArrayLike) -> Floats:
        """Risk for ranking: the probability to have left, averaged over the ends of the periods."""
        return np.asarray(1 - self.survival(X).mean(axis=1), dtype=np.float64)

    def score(self, X: pd.DataFrame | ArrayLike, y: pd.DataFrame | NDArray[Any]) -> float:
        """Harrell's concordance of the risk with durations and events *y*."""
        duration, left = _outcomes(y)
        return concordance(duration, left, self.predict(X))

    def to_dict(self) -> dict[str, Any]:
        """What is needed beside the texts of the trees and the schema, as JSON values."""
        check_is_fitted(self, "trees_")
        return {"ends": self.ends_.tolist(), "steps": self.steps_}

    @classmethod
    def from_parts(
        cls, boosted: BoostedTrees, raw: Any, schema: Schema, num_threads: int = 0
    ) -> SurvivalClassifier:
        """A fitted model made of stored parts: trees, the values of ``to_dict``, and the schema.

        Raises
        ------
        ModelError
            The values are damaged.
        """
        ends, steps = (raw.get("ends"), raw.get("steps")) if isinstance(raw, dict) else (None, None)
        numbers = isinstance(ends, list) and all(type(v) in (int, float) for v in ends)
        if not numbers or not isinstance(steps, bool) or not _rise(np.array(ends, dtype=np.float64)):
            raise ModelError(
                "the periods are damaged",
                where="calibrator.json",
                expected="rising ends, and whether time has steps",
                fix="use a bundle that cxml wrote",
            )
        made = cls(num_threads=num_threads)
        made.trees_, made.ends_, made.steps_ = boosted, np.array(ends, dtype=np.float64), steps
        remember_schema(made, schema)
        return made

    def _between(self, survival: Floats, asked: Floats) -> Floats:
        """Survival at times inside the periods, from survival at their ends."""
        known = np.column_stack([np.ones(len(survival)), survival])
        if self.steps_:
            return np.asarray(known[:, np.searchsorted(self.ends_, asked, side="right")])
        begins = np.r_[0.0, self.ends_[:-1]]
        which = np.minimum(np.searchsorted(self.ends_, asked, side="left"), len(self.ends_) - 1)
        width = (self.ends_ - begins)[which]
        part = np.divide(asked - begins[which], width, out=np.ones_like(asked), where=width > 0)
        with np.errstate(divide="ignore"):
            rate = np.log(known[:, which + 1]) - np.log(known[:, which])
        return np.asarray(known[:, which] * np.exp(rate * part))

    def _area(self, survival: Floats, horizon: float) -> Floats:
        """Area under survival from 0 to *horizon*."""
        self._within(np.array([horizon]))
        knots = np.r_[0.0, self.ends_[(self.ends_ < horizon) & (self.ends_ > 0)], horizon]
        at, width = self._between(survival, knots), np.diff(knots)
        first, last = at[:, :-1], at[:, 1:]
        if self.steps_:
            return np.asarray(first @ width)
        fall = np.log(first) - np.log(last)
        # A constant rate: (first - last) / fall, which tends to first as the fall tends to nothing.
        mean = np.where(fall > 1e-8, (first - last) / np.where(fall > 1e-8, fall, 1.0), (first + last) / 2)
        return np.asarray(mean @ width)

    def _within(self, times: Floats) -> Floats:
        if not ((times >= 0) & (times <= self.ends_[-1])).all():
            raise ConfigError(
                "a time lies outside what was learned",
                where="survival",
                expected=f"times from 0 to {self.ends_[-1]:g}, the end of the last period",
                fix="ask for earlier times, or train with longer periods",
            )
        return times

    def _rungs(self) -> tuple[TreeSize, ...]:
        found = tuple(rung for rung in LADDER if self.rung in (None, rung.name))
        if not found:
            raise ConfigError(
                f"unknown rung {self.rung!r}",
                where="SurvivalClassifier",
                expected=f"None or one of {', '.join(rung.name for rung in LADDER)}",
                fix="rung=None",
            )
        return found

    def _enough(self, leaves: NDArray[np.bool_]) -> None:
        if leaves.sum() < max(self.min_events, 1):
            raise NotEnoughDataError(
                f"{int(leaves.sum()):,} of {len(leaves):,} rows leave within the periods",
                where="duration, event",
                expected=f"at least {self.min_events:,}",
                fix="take earlier cutoffs or longer periods",
            )

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        tags.target_tags.required = True
        return tags


class _Watched(Binned):
    """Binned rows that count by the part of their period that was watched."""

    def __init__(self, X: Matrix, categorical: Sequence[int], num_threads: int, watched: Floats) -> None:
        super().__init__(X, categorical, num_threads)
        self._watched = watched

    def part(self, target: Floats, rows: Rows | None = None, offset: Floats | None = None) -> lgb.Dataset:
        weight = self._watched if rows is None else self._watched[np.sort(rows)]
        return super().part(target, rows, offset).set_weight(weight)


@dataclass(frozen=True)
class _AtRisk:
    """One row per customer and period: who, which, whether they left in it, and how much was watched."""

    customer: Rows
    period: Rows
    hit: Floats
    watched: Floats


def _at_risk(duration: Floats, left: NDArray[np.bool_], ends: Floats) -> _AtRisk:
    """The periods that each customer entered while watched, in the order of customers."""
    last = np.searchsorted(ends, duration, side="left")
    entered = np.minimum(last + 1, len(ends))
    customer = np.repeat(np.arange(len(duration)), entered)
    period = np.arange(len(customer)) - np.repeat(np.cumsum(entered) - entered, entered)
    ending = period == last[customer]
    begin = np.r_[0.0, ends[:-1]][period]
    width = ends[period] - begin
    share = np.divide(duration[customer] - begin, width, out=np.ones(len(period)), where=width > 0)
    hit = ending & left[customer]
    watched = np.where(ending & ~hit, share, 1.0)
    kept = watched > 0
    return _AtRisk(customer[kept], period[kept], hit[kept].astype(np.float64), watched[kept])


def _with_period(X: Matrix, period: Rows) -> Matrix:
    return np.column_stack([X, period.astype(np.float32)])


def _ends(periods: int | Sequence[float], duration: Floats, left: NDArray[np.bool_]) -> Floats:
    """Ends of the periods: as given, or such that about as many leave in each."""
    if isinstance(periods, int | np.integer):
        if periods < 1:
            return _refuse_periods()
        leaving = duration[left]
        different = np.unique(duration[duration <= leaving.max()])
        if len(different) <= periods:
            return different
        shares = np.arange(1, periods + 1) / periods
        return np.unique(np.quantile(leaving, shares, method="inverted_cdf"))
    ends = np.asarray(periods, dtype=np.float64)
    return ends if _rise(ends) else _refuse_periods()


def _rise(ends: Floats) -> bool:
    rising = ends.ndim == 1 and len(ends) > 0 and np.isfinite(ends).all() and (np.diff(ends) > 0).all()
    return bool(rising and ends[0] >= 0)


def _refuse_periods() -> Floats:
    raise ConfigError(
        "the periods do not rise from 0 or later",
        where="SurvivalClassifier",
        expected="a number from 1 on, or the ends of the periods in rising order",
        fix="periods=12",
    )


def _outcomes(y: pd.DataFrame | NDArray[Any]) -> tuple[Floats, NDArray[np.bool_]]:
    """Durations and events, after everything impossible is refused."""
    names = (
        list(y.columns) if isinstance(y, pd.DataFrame) else getattr(getattr(y, "dtype", None), "names", None)
    )
    if not {"duration", "event"} <= set(names or ()):
        raise DataError(
            "y has no columns duration and event",
            where="y",
            expected="a DataFrame or structured array with both",
            fix="pass the time watched and whether the customer left at its end",
        )
    return observed(y["duration"], y["event"])
