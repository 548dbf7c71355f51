"""What a customer will bring: expected value, the typical case, and a range.

A hurdle: the probability of any positive value, times the amount when there is one. Expected value
(for ranking and totals) and median value (the typical customer) are two answers, because no
forecast is best at both.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Self

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from scipy.special import log_expit
from sklearn.base import BaseEstimator, RegressorMixin
from sklearn.utils.validation import check_is_fitted, column_or_1d

from cxml.errors import DataError, NotEnoughDataError
from cxml.models.calibration import SigmoidCalibrator
from cxml.models.encoding import encode_new, encode_training, refuse_missing, remember_schema
from cxml.models.forest import Forest, Rung, Task, grow, make_folds
from cxml.models.hurdle import Amounts, Hurdle, Ranges
from cxml.models.schema import Schema
from cxml.models.trees import Binned

Floats = NDArray[np.float64]
Matrix = NDArray[np.float32]
Rows = NDArray[np.int64]
CHANCES = (
    Rung("small", 4, 0.7, 0.4, 10, 0.03, 300, 0.1, 500),
    Rung("middle", 15, 0.8, 0.8, 5, 0.05, 150, 0.06, 400),
)
AMOUNTS = (
    Rung("small, log", 4, 0.7, 0.7, 10, 0.05, 200, 0.1, 500, "regression"),
    Rung("small, gamma", 4, 0.7, 0.7, 10, 0.05, 200, 0.1, 500, "gamma"),
    Rung("middle, gamma", 15, 0.8, 0.8, 5, 0.05, 150, 0.06, 400, "gamma"),
)


class ValueRegressor(RegressorMixin, BaseEstimator):  # type: ignore[misc]
    """Expected, median and likely range of the value that a customer brings in the horizon.

    A hurdle of two forests: a calibrated probability of any positive value, and the amount when it
    is positive, on a log scale (least squares of logarithms, or gamma deviance; whichever has the
    lower gamma deviance on held-out customers). Values at or below zero count as "nothing"
    in both; their mean is added back for the share of customers expected to bring nothing.

    Parameters
    ----------
    min_events : int
        Fewest rows with a positive value. With fewer rows than this at or below zero, the
        probability is one number for all.
    folds, seeds, categorical, num_threads, random_state
        As for ``ChurnClassifier``.

    Attributes
    ----------
    amount_, chance_ : Forest, Forest or None
        The two forests.
    hurdle_ : Hurdle
        The numbers that turn their margins into money.
    ranges_, amounts_ : Ranges, Amounts
        How actual values scatter around the expected ones.
    calibrated_on_ : str
        What P(positive), level and scatter were fitted on, in words.
    schema_ : Schema or None
        Names, kinds and levels when fitted on a DataFrame.

    References
    ----------
    Mullahy (1986), Specification and testing of some modified count data models, Journal of
    Econometrics 33 (hurdle models); Wang, Liu, Miao (2019), arXiv 1912.07753.
    """

    calibrated_on_: str

    def __init__(
        self,
        *,
        min_events: int = 50,
        folds: int = 5,
        seeds: int = 2,
        categorical: Sequence[int] = (),
        num_threads: int = 0,
        random_state: int = 0,
    ) -> None:
        self.min_events = min_events
        self.folds = folds
        self.seeds = seeds
        self.categorical = categorical
        self.num_threads = num_threads
        self.random_state = random_state

    def fit(self, X: pd.DataFrame | ArrayLike, y: ArrayLike, groups: ArrayLike | None = None) -> Self:
        """Learn from rows *X* with values *y* (money); no fold splits the rows of one customer.

        Raises
        ------
        NotEnoughDataError
            No row, a missing value, or fewer than ``min_events`` positive ones.
        DataError
            A value is infinite, or a column is neither number nor text.
        """
        value = self._values(y)
        encoded, categories = encode_training(self, X, y, self.categorical)
        folds, keys = make_folds(groups, len(value), self.folds, self.random_state)
        binned, positive = Binned(encoded, categories, self.num_threads), value > 0
        common = {"seeds": self.seeds, "seed": self.random_state, "num_threads": self.num_threads}

        chance_task = Task(
            encoded, binned, {"binary": positive.astype(np.float64)}, np.ones(len(value), dtype=bool),
            lambda margin, rows: np.asarray(-np.where(positive[rows], log_expit(margin), log_expit(-margin))),
            folds, keys,
        )  # fmt: skip
        nothing = int((~positive).sum())
        self.chance_ = (
            grow(chance_task, CHANCES, events=min(nothing, positive.sum()), **common)
            if nothing >= self.min_events
            else None
        )
        amounts = np.where(positive, value, 1.0)
        amount_task = Task(
            encoded, binned, {"gamma": amounts, "regression": np.log(amounts)}, positive,
            lambda margin, rows: _gamma_loss(margin, amounts[rows]), folds, keys,
        )  # fmt: skip
        self.amount_ = grow(amount_task, AMOUNTS, events=positive.sum(), **common)
        self._remember(value)
        return self.calibrate_out_of_fold()

    def calibrate(self, X: pd.DataFrame | ArrayLike, y: ArrayLike) -> Self:
        """Fit P(positive), the level and the scatter anew on later rows, which training never saw.

        With fewer than ``min_events`` positive values there, what was fitted on held-out customers
        is kept and ``calibrated_on_`` says so.
        """
        check_is_fitted(self, "amount_")
        value = np.asarray(y, dtype=np.float64)
        refuse_missing(value, "value")
        positive = int((value > 0).sum())
        if positive < self.min_events:
            self.calibrate_out_of_fold()
            self.calibrated_on_ += f"; the later rows have only {positive:,} positive values"
            return self
        self._settle(*self._margins(encode_new(self, X)), value)
        self.calibrated_on_ = f"{len(value):,} later rows"
        return self

    def calibrate_out_of_fold(self) -> Self:
        """Fit P(positive), the level and the scatter on customers held out in training."""
        check_is_fitted(self, "amount_")
        chance, amount, value = self._held_out
        self._settle(chance, amount, value)
        self.calibrated_on_ = f"{len(value):,} rows of customers held out in training"
        return self

    def predict(self, X: pd.DataFrame | ArrayLike) -> Floats:
        """Expected value (money): for ranking and for totals."""
        return self._parts(X)[2]

    def predict_median(self, X: pd.DataFrame | ArrayLike) -> Floats:
        """Median value (money): the typical case. Zero where a positive value is unlikely."""
        return self.predict_all(X)["median_value"].to_numpy()

    def predict_interval(self, X: pd.DataFrame | ArrayLike) -> tuple[Floats, Floats]:
        """Low and high end (money) of the range that holds 80 % of such customers' values."""
        found = self.predict_all(X)
        return found["value_low"].to_numpy(), found["value_high"].to_numpy()

    def predict_all(self, X: pd.DataFrame | ArrayLike) -> pd.DataFrame:
        """``expected_value``, ``median_value``, ``value_low``, ``value_high``, one row per row (money)."""
        p, scale, expected = self._parts(X)
        median = self.amounts_.median(p, scale / p)
        low, high = self.ranges_.around(expected, scale)
        return pd.DataFrame(
            {
                "expected_value": expected,
                "median_value": median,
                "value_low": np.minimum(low, median),
                "value_high": np.maximum(high, median),
            }
        )

    @classmethod
    def from_parts(
        cls, chance: Forest | None, amount: Forest, numbers: Any, schema: Schema, num_threads: int = 0
    ) -> ValueRegressor:
        """A fitted regressor made of stored parts; ModelError when the *numbers* are damaged."""
        made = cls(num_threads=num_threads)
        made.chance_, made.amount_, made.calibrated_on_ = chance, amount, "stored numbers"
        made.hurdle_ = Hurdle.from_dict(numbers.get("hurdle"))
        made.ranges_, made.amounts_ = (
            Ranges.from_dict(numbers.get("ranges")),
            Amounts.from_dict(numbers.get("amounts")),
        )
        remember_schema(made, schema)
        return made

    def _parts(self, X: pd.DataFrame | ArrayLike) -> tuple[Floats, Floats, Floats]:
        check_is_fitted(self, "amount_")
        return self.hurdle_.parts(*self._margins(encode_new(self, X)))

    def _margins(self, encoded: Matrix) -> tuple[Floats | None, Floats]:
        chance = self.chance_.margin(encoded, self.num_threads) if self.chance_ else None
        return chance, self.amount_.margin(encoded, self.num_threads)

    def _remember(self, value: Floats) -> None:
        """Keep margins and values of the held-out customers, and what training alone can tell."""
        rows = self.amount_.held_rows
        self._held_out = (
            self.chance_.held_margins if self.chance_ else None,
            self.amount_.held_margins,
            value[rows],
        )
        held, positive = value[rows], value[rows] > 0
        smear = held[positive].sum() / np.exp(np.clip(self.amount_.held_margins[positive], -50, 50)).sum()
        rest = float(value[value <= 0].mean()) if (value <= 0).any() else 0.0
        self._base = Hurdle(None, float((value > 0).mean()), float(smear), 1.0, rest)

    def _settle(self, chance: Floats | None, amount: Floats, value: Floats) -> None:
        """P(positive), level and bands that fit these margins and values."""
        base = self._base
        positive = value > 0
        both = chance is not None and 0 < positive.sum() < len(value)
        sigmoid = SigmoidCalibrator.fit(chance, positive) if both and chance is not None else None
        share = float(positive.mean())
        self.hurdle_ = Hurdle(sigmoid, share, base.smear, 1.0, base.rest).levelled(chance, amount, value)
        p, scale, expected = self.hurdle_.parts(chance, amount)
        self.ranges_ = Ranges.measure(expected, scale, value)
        self.amounts_ = Amounts.measure(scale / p, value)

    def numbers(self) -> dict[str, Any]:
        """All that is not trees, as JSON values."""
        return {
            "hurdle": self.hurdle_.to_dict(),
            "ranges": self.ranges_.to_dict(),
            "amounts": self.amounts_.to_dict(),
        }

    def _values(self, y: ArrayLike) -> Floats:
        value = np.asarray(column_or_1d(y, warn=True), dtype=np.float64)
        refuse_missing(value, "value")
        if not np.isfinite(value).all():
            raise DataError("values are infinite", where="value", expected="finite money",
                            fix="mend the amounts that the value is summed from")  # fmt: skip
        positive = int((value > 0).sum())
        if positive < self.min_events:
            raise NotEnoughDataError(
                f"{positive:,} of {len(value):,} rows have a positive value", where="value",
                expected=f"at least {self.min_events:,}", fix="add cutoffs or customers, or train without [value]",
            )  # fmt: skip
        return value

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        tags.regressor_tags.poor_score = True
        return tags


def _gamma_loss(margin: Floats, amount: Floats) -> Floats:
    """Gamma deviance of each row, without its constant, after the total is met.

    The mean is what minimises it, and errors count relative to the amount: heavy tails do not rule.
    """
    mean = np.exp(np.clip(margin, -50, 50))
    mean *= np.mean(amount / mean)
    return np.asarray(np.log(mean) + amount / mean)
