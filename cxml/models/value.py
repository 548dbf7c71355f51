"""What a customer will bring: expected value, the typical case, and a range.

A hurdle: the probability of any positive value, times the amount when there is one. Expected value
(for ranking and totals) and median value (the typical customer) are two answers, because no
forecast is best at both.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from scipy.special import log_expit
from sklearn.base import BaseEstimator, RegressorMixin
from sklearn.utils.validation import check_is_fitted, column_or_1d

from cxml.errors import DataError, ModelError, NotEnoughDataError
from cxml.models.calibration import SigmoidCalibrator, number
from cxml.models.encoding import encode_new, encode_training, refuse_missing
from cxml.models.forest import Forest, Rung, Task, grow, make_folds
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
COVERAGE = 0.8
_BAND_ROWS = 200
_MOST_BANDS = 20
_LEVEL = (0.2, 5.0)


@dataclass(frozen=True)
class Bands:
    """How actual values scatter around the expected one, by band of expected value.

    A row's score is (actual - expected) / scale, where scale is its expected positive part.

    Attributes
    ----------
    edges : array of shape (bands - 1,)
        Rising expected values (money); band k covers ``[edges[k - 1], edges[k])``.
    low, median, high : arrays of shape (bands,)
        Quantiles of the score: 10 %, 50 % and 90 % with the finite-sample correction of
        split-conformal prediction, so that a new row of a band lies within low and high with a
        probability of at least 80 % when it is exchangeable with the rows measured here.

    References
    ----------
    Vovk, Gammerman, Shafer (2005), Algorithmic learning in a random world (Mondrian conformal
    prediction); Lei et al. (2018), Distribution-free predictive inference for regression, JASA 113.
    """

    edges: Floats
    low: Floats
    median: Floats
    high: Floats

    @classmethod
    def measure(cls, expected: Floats, scale: Floats, actual: Floats) -> Bands:
        """The bands of rows that the model did not learn from: at least 200 rows each, at most 20."""
        count = int(np.clip(len(expected) // _BAND_ROWS, 1, _MOST_BANDS))
        edges = np.unique(np.quantile(expected, np.arange(1, count) / count))
        which = np.searchsorted(edges, expected, side="right")
        score = (actual - expected) / scale
        rows = [np.sort(score[which == k]) for k in range(len(edges) + 1)]
        rows = [r if len(r) else np.sort(score) for r in rows]
        tail = (1 - COVERAGE) / 2
        return cls(
            edges,
            np.array([r[max(int(np.floor(tail * (len(r) + 1))) - 1, 0)] for r in rows]),
            np.array([float(np.median(r)) for r in rows]),
            np.array([r[min(int(np.ceil((1 - tail) * (len(r) + 1))) - 1, len(r) - 1)] for r in rows]),
        )

    def of(self, expected: Floats) -> Rows:
        """The band of each expected value."""
        return np.asarray(np.searchsorted(self.edges, expected, side="right"))

    def to_dict(self) -> dict[str, list[float]]:
        """The numbers as JSON values."""
        return {name: [float(v) for v in getattr(self, name)] for name in ("edges", "low", "median", "high")}

    @classmethod
    def from_dict(cls, raw: Any) -> Bands:
        """The bands held by JSON values.

        Raises
        ------
        ModelError
            A list is missing, too long, not finite, or the edges do not rise.
        """
        try:
            edges, low, median, high = (
                np.array(raw[name], dtype=np.float64) for name in ("edges", "low", "median", "high")
            )
            sound = all(a.ndim == 1 and len(a) == len(edges) + 1 for a in (low, median, high))
            sound = sound and edges.ndim == 1 and len(low) <= _MOST_BANDS and bool((np.diff(edges) > 0).all())
            sound = sound and all(bool(np.isfinite(a).all()) for a in (edges, low, median, high))
        except (TypeError, KeyError, ValueError, IndexError):
            sound = False
        if not sound:
            raise ModelError("the value bands are damaged", where="calibrator.json",
                             expected="finite quantiles by rising bands", fix="use a bundle that cxml wrote")  # fmt: skip
        return cls(edges, low, median, high)


@dataclass(frozen=True)
class Hurdle:
    """The numbers that turn two margins into money.

    Expected value = P(positive) * level * smear * exp(amount margin) + (1 - P(positive)) * rest.

    Attributes
    ----------
    chance : SigmoidCalibrator or None
        From the margin of the first forest to P(positive); None when that is the same for all.
    share : float
        P(positive) when it is the same for all.
    smear : float
        Mean of actual amounts over exponentiated margins, on held-out customers: what a mean of
        logarithms loses (Duan 1983, Smearing estimate, JASA 78).
    level : float
        Correction of the total, fitted on held-out customers or a later cutoff; within [0.2, 5].
    rest : float
        Mean value of the training rows without a positive one: 0, or a loss.
    """

    chance: SigmoidCalibrator | None
    share: float
    smear: float
    level: float
    rest: float

    def parts(self, chance: Floats | None, amount: Floats) -> tuple[Floats, Floats, Floats]:
        """P(positive), the expected positive part (money) and the expected value (money)."""
        p = np.full(len(amount), self.share)
        if self.chance is not None and chance is not None:
            p = self.chance.probability(chance)
        scale = np.maximum(p * self.level * self.smear * np.exp(np.clip(amount, -50, 50)), 1e-12)
        return p, scale, scale + (1 - p) * self.rest

    def levelled(self, chance: Floats | None, amount: Floats, actual: Floats) -> Hurdle:
        """The same with the total of these rows met."""
        p, scale, _ = Hurdle(self.chance, self.share, self.smear, 1.0, self.rest).parts(chance, amount)
        level = (actual.sum() - float(np.sum((1 - p) * self.rest))) / scale.sum()
        return Hurdle(self.chance, self.share, self.smear, float(np.clip(level, *_LEVEL)), self.rest)

    def to_dict(self) -> dict[str, Any]:
        """The numbers as JSON values."""
        plain: dict[str, Any] = {n: getattr(self, n) for n in ("share", "smear", "level", "rest")}
        return {**plain, "chance": self.chance.to_dict() if self.chance else None}

    @classmethod
    def from_dict(cls, raw: Any) -> Hurdle:
        """The numbers held by JSON values; ModelError when one is missing or impossible."""
        found = {n: number(raw, n, least=0.0) for n in ("share", "smear", "level")}
        chance = SigmoidCalibrator.from_dict(raw["chance"]) if raw.get("chance") is not None else None
        return cls(chance, rest=number(raw, "rest"), **found)


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
    bands_ : Bands
        The scatter of actual values around the expected one.
    calibrated_on_ : str
        What the level and the bands were fitted on, in words.
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
        """Fit P(positive), the level and the bands anew on later rows, which training never saw.

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
        """Fit P(positive), the level and the bands on customers held out in training."""
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
        band = self.bands_.of(expected)
        median = np.where(p < 0.5, 0.0, expected + self.bands_.median[band] * scale)
        low, high = (expected + quantile[band] * scale for quantile in (self.bands_.low, self.bands_.high))
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
        cls, chance: Forest | None, amount: Forest, *, hurdle: Hurdle, bands: Bands, features: int
    ) -> ValueRegressor:
        """A fitted regressor over encoded arrays, made of stored parts."""
        made = cls()
        made.chance_, made.amount_, made.hurdle_, made.bands_ = chance, amount, hurdle, bands
        made.schema_, made.n_features_in_, made.calibrated_on_ = None, features, "stored numbers"
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
        self._held_out = (self.chance_.held_margins if self.chance_ else None, self.amount_.held_margins, value[rows])
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
        _, scale, expected = self.hurdle_.parts(chance, amount)
        self.bands_ = Bands.measure(expected, scale, value)

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
