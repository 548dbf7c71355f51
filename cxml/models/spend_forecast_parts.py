"""What a spend forecast is made of: parts that learn from days of a purchase log whose future is in it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from cxml.errors import ModelError, NotEnoughDataError
from cxml.models.calibration import number
from cxml.models.purchase_log import COLUMNS, WEEK, LogAsOf
from cxml.models.trees import Binned, read_trees, tree_margins, tree_text
from cxml.models.tweedie import TweedieRegression

Floats = NDArray[np.float64]
PURCHASES, REGRESSION, ON_PURCHASES, TREES = "pareto_nbd", "regression", "trees_on_pareto_nbd", "trees"
_ROUNDS = {ON_PURCHASES: 60, TREES: 120}
_SETTINGS = {
    "objective": "tweedie",
    "tweedie_variance_power": 1.5,
    "num_leaves": 8,
    "learning_rate": 0.05,
    "bagging_fraction": 0.7,
    "feature_fraction": 0.7,
    "lambda_l2": 10.0,
}
_LEAF_SHARE = 0.004
_LEAST_LEAF = 60
_LEAST = 1e-6


@dataclass(frozen=True)
class Log:
    """A log and its states as of days, each made once."""

    daily: pd.DataFrame
    made: dict[float, LogAsOf]

    def at(self, day: float) -> LogAsOf:
        """The customers as of the start of *day*."""
        if day not in self.made:
            self.made[day] = LogAsOf.of(self.daily, day)
        return self.made[day]


class Purchases:
    """The purchase model alone."""

    def value(self, as_of: LogAsOf, weeks: float) -> Floats:
        """Expected money of each customer within *weeks*."""
        return as_of.value(weeks)

    def to_dict(self) -> dict[str, Any]:
        """What is no tree, as JSON values."""
        return {}


@dataclass(frozen=True)
class Regression:
    """A Tweedie regression on the purchase model."""

    line: TweedieRegression

    def value(self, as_of: LogAsOf, weeks: float) -> Floats:
        """Expected money of each customer within *weeks*."""
        return self.line.value(as_of.logs(weeks), as_of.value(weeks))

    def to_dict(self) -> dict[str, Any]:
        """What is no tree, as JSON values."""
        return self.line.to_dict()


@dataclass(frozen=True)
class Trees:
    """Tweedie trees, on the purchase model or on the horizon alone."""

    boosters: tuple[Any, ...]
    scale: float
    by_time: bool
    num_threads: int

    def value(self, as_of: LogAsOf, weeks: float) -> Floats:
        """Expected money of each customer within *weeks*."""
        X = as_of.features(weeks)
        margin = np.mean([tree_margins(one, X, self.num_threads) for one in self.boosters], axis=0)
        offset = weeks if self.by_time else as_of.value(weeks)
        return np.asarray(self.scale * offset * np.exp(margin))

    def texts(self) -> list[str]:
        """The trees as text, one per seed."""
        return [tree_text(one) for one in self.boosters]

    def to_dict(self) -> dict[str, Any]:
        """What is no tree, as JSON values."""
        return {"scale": self.scale}


Part = Purchases | Regression | Trees


@dataclass(frozen=True)
class Teacher:
    """Learns parts from days of a log.

    Attributes
    ----------
    log : Log
    seeds, seed, num_threads : int
        Boosted trees of a part, the first seed, and threads.
    horizon : float
        Days ahead that are learned, or until the end where that comes first.
    """

    log: Log
    seeds: int
    seed: int
    num_threads: int
    horizon: float

    def ahead(self, day: float, end: float) -> float:
        """Days from *day* whose money is learned, or forecast in a test."""
        return min(end - day, self.horizon)

    def parts(self, cutoffs: Sequence[float], end: float) -> dict[str, Part]:
        """What the *cutoffs* teach with their futures of a horizon, known until *end*.

        Raises
        ------
        NotEnoughDataError
            Nobody spent anything after the cutoffs.
        """
        rows = [(self.log.at(day), self.ahead(day, end) / WEEK) for day in cutoffs]
        actual = np.concatenate([a.came(self.log.daily, a.day + WEEK * weeks)[1] for a, weeks in rows])
        if not actual.any():
            raise NotEnoughDataError(
                "nobody spent anything after the cutoffs",
                where="SpendForecast.fit",
                expected="purchases between the cutoffs and the end of the log",
                fix="observe longer",
            )
        alone = np.concatenate([as_of.value(weeks) for as_of, weeks in rows])
        logs = np.concatenate([as_of.logs(weeks) for as_of, weeks in rows])
        ahead = np.concatenate([np.full(len(as_of.last_spend), weeks) for as_of, weeks in rows])
        binned = Binned(np.concatenate([a.features(weeks) for a, weeks in rows]), (), self.num_threads)
        return {
            PURCHASES: Purchases(),
            REGRESSION: Regression(TweedieRegression.fit(logs, alone, actual)),
            ON_PURCHASES: self._grown(ON_PURCHASES, binned, alone, actual),
            TREES: self._grown(TREES, binned, ahead, actual),
        }

    def counts(self, cutoffs: Sequence[float], end: float) -> TweedieRegression:
        """How purchases differ from the purchase model."""
        rows = [(self.log.at(day), self.ahead(day, end) / WEEK) for day in cutoffs]
        alone = np.concatenate([np.maximum(a.model.count(a.history, weeks), _LEAST) for a, weeks in rows])
        bought = np.concatenate([a.came(self.log.daily, a.day + WEEK * weeks)[0] for a, weeks in rows])
        return TweedieRegression.fit(
            np.concatenate([as_of.logs(weeks) for as_of, weeks in rows]), alone, bought
        )

    def _grown(self, name: str, binned: Binned, offset: Floats, actual: Floats) -> Trees:
        """Trees on an offset whose total is met before the first of them."""
        scale = float(actual.sum() / offset.sum())
        params = {**_SETTINGS, "min_data_in_leaf": max(_LEAST_LEAF, int(_LEAF_SHARE * len(actual)))}
        start = np.log(scale * offset)
        boosters = tuple(
            binned.train(actual, params, _ROUNDS[name], seed=self.seed + s, offset=start)
            for s in range(self.seeds)
        )
        return Trees(boosters, scale, name == TREES, self.num_threads)


def expected_count(as_of: LogAsOf, weeks: float, line: TweedieRegression) -> Floats:
    """Expected purchases: the geometric mean of the purchase model and what a regression makes of it."""
    alone = np.maximum(as_of.model.count(as_of.history, weeks), _LEAST)
    return np.asarray(np.sqrt(alone * line.value(as_of.logs(weeks), alone)))


def read_part(name: str, texts: Sequence[str], numbers: Any, num_threads: int) -> Part:
    """The part held by *texts* and *numbers*; ModelError when it is damaged."""
    if name == PURCHASES:
        return Purchases()
    if name == REGRESSION:
        return Regression(TweedieRegression.from_dict(numbers))
    if not texts:
        raise ModelError(
            f"the trees of {name} are missing",
            where="spend forecast",
            expected="a text a seed",
            fix="use texts that cxml wrote",
        )
    boosters = tuple(read_trees(text, len(COLUMNS)) for text in texts)
    return Trees(boosters, number(numbers, "scale", least=0.0), name == TREES, num_threads)
