"""Spend ahead from a purchase log alone: expected and typical money and purchases, for any horizon."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.base import BaseEstimator
from sklearn.utils.validation import check_is_fitted

from cxml.errors import DataError, ModelError, NotEnoughDataError
from cxml.models.calibration import number
from cxml.models.purchase_log import WEEK, LogAsOf
from cxml.models.purchase_rows import Day, log_of, number_of
from cxml.models.purchase_value import PurchaseValue
from cxml.models.spend_forecast_parts import (
    ON_PURCHASES,
    PURCHASES,
    REGRESSION,
    TREES,
    Log,
    Part,
    Teacher,
    Trees,
    expected_count,
    read_part,
)
from cxml.models.tweedie import TweedieRegression
from cxml.models.typical_value import Typical
from cxml.models.value_choice import ranked

Floats = NDArray[np.float64]
CANDIDATES: Mapping[str, tuple[str, ...]] = {
    PURCHASES: (PURCHASES,),
    REGRESSION: (REGRESSION,),
    ON_PURCHASES: (ON_PURCHASES,),
    TREES: (TREES,),
    "regression_trees": (REGRESSION, TREES),
    "pareto_nbd_regression_trees": (PURCHASES, REGRESSION, TREES),
    "pareto_nbd_both_trees": (PURCHASES, ON_PURCHASES, TREES),
}
"""From simple to rich: the parts whose mean a candidate is."""

_BACK = (4 / 12, 3 / 12, 2 / 12, 1 / 12, 0.0)
"""How far the days to learn from lie before the last of them, in parts of the time observed."""
_LATEST = 8 / 12
_APART = 1 / 7
_LEAST = 1e-6


class SpendForecast(BaseEstimator):  # type: ignore[misc]
    """What each customer of a purchase log will buy and spend.

    Pareto/NBD with Gamma-Gamma is fitted with every purchase counted, the first included. At earlier days
    of the same log, whose future is in it, a Tweedie regression and Tweedie trees learn how spend differs
    from that. Days and their futures follow the *horizon*: as late as it allows, so that what is learned is about
    now. Where the log is shorter than that, futures are shorter than the horizon, which enters as an offset, so that
    nothing is extrapolated by a tree. Which of them are averaged is chosen by forecasts made at later ones of those
    days by what was known on them: by Gini and decile error together, of equals the one with the least
    squared error. The same forecasts say how the median follows from the expectation, and whether the level was wrong so
    consistently (mean log error beyond its standard deviation) that it is corrected.

    Parameters
    ----------
    horizon : float, optional
        Days ahead that forecasts will be asked for. None: as far as the log reaches.
    cutoffs : sequence of float or dates
        Days to learn from. Empty: five days, a twelfth of the time observed apart, the last of them a *horizon*
        before the end of the log, or at two thirds of the time observed where that comes later.
    seeds : int
        Boosted trees whose margins are averaged.
    num_threads : int
        Threads; 0 takes all. The result does not depend on it.
    random_state : int
        Seed of everything random.

    Attributes
    ----------
    kept_ : str
        The name of the candidate kept, one of ``CANDIDATES``.
    ladder_ : list of dict
        Figures of every candidate in the backtest, best first; see ``cxml.models.value_choice.ranked``.
    drift_ : list of dict
        Per backtest ``day`` and ``log_error`` of the kept candidate's total: how the level drifts.
    level_ : float
        What forecasts are multiplied by; 1 unless the level was consistently wrong.
    pareto_, bg_ : PurchaseValue
        The purchase models as of the end of the log.

    References
    ----------
    Schmittlein, Morrison, Colombo (1987); Fader, Hardie, Lee (2005), RFM and CLV: using iso-value curves
    for customer base analysis, Journal of Marketing Research 42.

    Examples
    --------
    >>> from cxml.models.spend_forecast import SpendForecast
    >>> SpendForecast(horizon=90, cutoffs=["2025-03-01", "2025-06-01"]).get_params()["horizon"]
    90
    """

    def __init__(
        self,
        *,
        horizon: float | None = None,
        cutoffs: Sequence[Day] = (),
        seeds: int = 2,
        num_threads: int = 0,
        random_state: int = 0,
    ) -> None:
        self.horizon = horizon
        self.cutoffs = cutoffs
        self.seeds = seeds
        self.num_threads = num_threads
        self.random_state = random_state

    def fit(self, purchases: pd.DataFrame, last_day: Day) -> Self:
        """Learn from *purchases* until *last_day*; later rows are not looked at.

        Parameters
        ----------
        purchases : DataFrame
            A row a purchase: ``customer_id`` (or ``customer``), ``date`` (or ``day``: dates, texts such as
            2025-03-01, or numbers of days) and ``amount`` (money). An amount below 0 was given back: a day on which
            nothing is left is no purchase, and the money is deducted from the day on which it was given back.
        last_day : float or date
            Last day that is observed, itself included; a date where the log has dates.

        Raises
        ------
        DataError
            A column is absent, a value is missing or no day, or the horizon is not above 0.
        NotEnoughDataError
            Too few customers bought again, at one of the cutoffs or at all.
        """
        daily, end = log_of(purchases, last_day), float(np.floor(number_of(last_day))) + 1
        horizon = _checked(self.horizon) if self.horizon is not None else np.inf
        learn, tests = self._days(daily, end, horizon)
        log = Log(daily, {})
        teacher = Teacher(log, self.seeds, self.random_state, self.num_threads, horizon)
        tried = []
        for day in tests:
            known = [one for one in learn if one <= day - _APART * (end - daily["day"].min())]
            tried.append(_due(teacher, day, end, teacher.parts(known, day), teacher.counts(known, day)))
        self.ladder_ = ranked(
            [(one.came, {name: _mean(one.money, of) for name, of in CANDIDATES.items()}) for one in tried]
        )
        self.kept_ = str(self.ladder_[0]["name"])
        self._level(tried)
        self.parts_, self.counts_ = teacher.parts(learn, end), teacher.counts(learn, end)
        # Each day once: where a forecast was made without its future, that one.
        learned = [_due(teacher, day, end, self.parts_, self.counts_) for day in learn if day not in tests]
        self._medians([*learned, *tried])
        whole = log.at(end)
        self.pareto_, self.bg_ = whole.model, whole.model.with_process(whole.history, "bg_nbd")
        return self

    def predict(
        self, purchases: pd.DataFrame, last_day: Day, horizon: float | None = None
    ) -> pd.Series[float]:
        """Expected money of each customer within *horizon* days after *last_day*: for ranking and totals."""
        return self.predict_all(purchases, last_day, horizon)["expected_value"]

    def predict_median(
        self, purchases: pd.DataFrame, last_day: Day, horizon: float | None = None
    ) -> pd.Series[float]:
        """Median money of each customer: the typical case, 0 where a purchase is unlikely."""
        return self.predict_all(purchases, last_day, horizon)["median_value"]

    def predict_all(
        self, purchases: pd.DataFrame, last_day: Day, horizon: float | None = None
    ) -> pd.DataFrame:
        """All that is known of each customer who had bought until *last_day*.

        Parameters
        ----------
        purchases : DataFrame
            As in ``fit``; rows after *last_day* are not looked at.
        last_day : float or date
            Last day observed, itself included; the forecast starts on the day after.
        horizon : float, optional
            Days ahead, above 0; None: the horizon that it was made for.

        Returns
        -------
        DataFrame
            By customer, sorted: ``expected_value``, ``median_value`` (money), ``expected_count``,
            ``median_count`` (purchases), and the money by ``pareto_nbd`` and ``bg_nbd`` alone.
        """
        check_is_fitted(self, "parts_")
        ahead = _checked(self.horizon if horizon is None else horizon)
        as_of = self._as_of(purchases, last_day)
        weeks, history = ahead / WEEK, as_of.history
        kept = CANDIDATES[self.kept_]
        money = {name: self.parts_[name].value(as_of, weeks) for name in kept}
        expected = self.level_ * _mean(money, kept)
        count = expected_count(as_of, weeks, self.counts_)
        return pd.DataFrame(
            {
                "expected_value": expected,
                "median_value": self.typical_value_.median(count, expected),
                "expected_count": count,
                "median_count": np.round(self.typical_count_.median(count, count)),
                "pareto_nbd": self.pareto_.value(history, weeks),
                "bg_nbd": self.bg_.value(history, weeks),
            },
            index=pd.Index(history.customer, name="customer"),
        )

    def predict_candidates(self, purchases: pd.DataFrame, last_day: Day, horizon: float) -> pd.DataFrame:
        """Expected money by every candidate, as it would be without the choice: a column each, by customer.

        Parameters as in ``predict_all``. A forecast made of stored parts has only what its own candidate needs.
        """
        check_is_fitted(self, "parts_")
        as_of = self._as_of(purchases, last_day)
        money = {name: part.value(as_of, horizon / WEEK) for name, part in self.parts_.items()}
        found = {name: _mean(money, of) for name, of in CANDIDATES.items() if set(of) <= set(money)}
        return pd.DataFrame(found, index=pd.Index(as_of.history.customer, name="customer"))

    def texts(self) -> dict[str, list[str]]:
        """The trees as text, by part; empty where no trees were kept."""
        check_is_fitted(self, "parts_")
        kept = {name: self.parts_[name] for name in CANDIDATES[self.kept_]}
        return {name: part.texts() for name, part in kept.items() if isinstance(part, Trees)}

    def to_dict(self) -> dict[str, Any]:
        """All that is not trees, as JSON values."""
        check_is_fitted(self, "parts_")
        return {
            "kept": self.kept_,
            "level": self.level_,
            "pareto_nbd": self.pareto_.to_dict(),
            "bg_nbd": self.bg_.to_dict(),
            "counts": self.counts_.to_dict(),
            "typical_value": self.typical_value_.to_dict(),
            "typical_count": self.typical_count_.to_dict(),
            "parts": {name: self.parts_[name].to_dict() for name in CANDIDATES[self.kept_]},
            "ladder": self.ladder_,
            "drift": self.drift_,
        }

    @classmethod
    def from_parts(
        cls, texts: Mapping[str, Sequence[str]], numbers: Any, num_threads: int = 0
    ) -> SpendForecast:
        """A fitted forecast made of stored parts; ModelError when they are damaged."""
        made = cls(num_threads=num_threads)
        kept = numbers.get("kept") if isinstance(numbers, dict) else None
        if not isinstance(kept, str) or kept not in CANDIDATES or not isinstance(numbers.get("parts"), dict):
            raise ModelError(
                "the kept candidate is missing or unknown",
                where="spend forecast",
                expected=f"one of {', '.join(CANDIDATES)}",
                fix="use numbers that cxml wrote",
            )
        made.kept_, made.level_ = kept, number(numbers, "level", least=0.0)
        made.pareto_, made.bg_ = (PurchaseValue.from_dict(numbers.get(n)) for n in ("pareto_nbd", "bg_nbd"))
        made.counts_ = TweedieRegression.from_dict(numbers.get("counts"))
        made.typical_value_, made.typical_count_ = (
            Typical.from_dict(numbers.get(name)) for name in ("typical_value", "typical_count")
        )
        made.ladder_, made.drift_ = numbers.get("ladder", []), numbers.get("drift", [])
        made.parts_ = {
            name: read_part(name, texts.get(name, ()), numbers["parts"].get(name), num_threads)
            for name in CANDIDATES[kept]
        }
        return made

    def _as_of(self, purchases: pd.DataFrame, last_day: Day) -> LogAsOf:
        return LogAsOf.of(log_of(purchases, last_day), float(np.floor(number_of(last_day))) + 1, self.pareto_)

    def _days(self, daily: pd.DataFrame, end: float, horizon: float) -> tuple[list[float], list[float]]:
        """Days to learn from, and later ones to test on: the last two of them and, where that tells, one step further."""
        first = float(daily["day"].min())
        span = end - first
        last = max(first + span * _LATEST, end - horizon)
        days = [float(np.floor(number_of(c))) for c in self.cutoffs] or [
            float(np.floor(last - back * span)) for back in _BACK
        ]
        days = sorted({day for day in days if first < day < end})
        late = {*days[-2:]}
        if len(days) > 1 and end - (further := 2 * days[-1] - days[-2]) >= min(end - days[-1], horizon) / 2:
            late.add(further)
        tests = sorted(t for t in late if t < end and days[0] <= t - _APART * span)
        if not tests:
            raise NotEnoughDataError(
                "the log is too short to test a forecast on",
                where="SpendForecast.fit",
                expected="cutoffs of which a later one can test what an earlier one teaches",
                fix="observe longer, or pass other cutoffs",
            )
        return days, tests

    def _level(self, tried: Sequence[_Due]) -> None:
        """How far the kept candidate's totals were off, and the correction where that was consistent."""
        kept = CANDIDATES[self.kept_]
        errors = [float(np.log(_mean(one.money, kept).sum() / max(one.came.sum(), _LEAST))) for one in tried]
        self.drift_ = [{"day": one.day, "log_error": e} for one, e in zip(tried, errors, strict=True)]
        consistent = len(errors) > 1 and abs(np.mean(errors)) > np.std(errors, ddof=1)
        self.level_ = float(np.exp(-np.mean(errors))) if consistent else 1.0

    def _medians(self, due: Sequence[_Due]) -> None:
        """How medians follow from expectations, from forecasts that have come due."""
        kept = CANDIDATES[self.kept_]
        count = np.concatenate([one.count for one in due])
        value = self.level_ * np.concatenate([_mean(one.money, kept) for one in due])
        self.typical_value_ = Typical.measure(count, value, np.concatenate([one.came for one in due]))
        self.typical_count_ = Typical.measure(count, count, np.concatenate([one.bought for one in due]))


@dataclass(frozen=True)
class _Due:
    """A forecast of one day beside what came: money of every part, purchases, actual money and purchases."""

    day: float
    money: Mapping[str, Floats]
    count: Floats
    came: Floats
    bought: Floats


def _mean(money: Mapping[str, Floats], names: Sequence[str]) -> Floats:
    total = money[names[0]].copy()
    for name in names[1:]:
        total += money[name]
    return total / len(names)


def _due(
    teacher: Teacher, day: float, end: float, parts: Mapping[str, Part], counts: TweedieRegression
) -> _Due:
    """What *parts* and *counts* forecast on *day* for the horizon, or the time until *end*, beside what came."""
    as_of, ahead = teacher.log.at(day), teacher.ahead(day, end)
    bought, came = as_of.came(teacher.log.daily, day + ahead)
    money = {name: part.value(as_of, ahead / WEEK) for name, part in parts.items()}
    return _Due(day, money, expected_count(as_of, ahead / WEEK, counts), came, bought)


def _checked(horizon: float | None) -> float:
    if horizon is None or not (np.isfinite(horizon) and horizon > 0):
        raise DataError(
            f"the horizon is {horizon}",
            where="SpendForecast",
            expected="days, more than 0",
            fix="pass the number of days ahead",
        )
    return float(horizon)
