"""Who will leave: a calibrated probability, and what each feature adds to it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from copy import copy
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, Self

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from scipy.special import log_expit
from sklearn.base import BaseEstimator, ClassifierMixin, clone
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_consistent_length, check_is_fitted, column_or_1d

from cxml.errors import ConfigError, DataError, NotEnoughDataError
from cxml.models.boosted_trees import BoostedTrees, Task, grow, losses, make_folds
from cxml.models.calibration import SigmoidCalibrator
from cxml.models.churn_level import Level, at_own_levels
from cxml.models.encoding import encode_new, encode_training, refuse_missing, remember_schema
from cxml.models.schema import Schema
from cxml.models.tree_sizes import TreeSize
from cxml.models.trees import Binned

Floats = NDArray[np.float64]
LADDER = (
    TreeSize(name="linear", additive=True),
    TreeSize(name="stumps", leaves=2, rows_share=0.7, columns_share=0.4, l2=10, rate=0.1, most=600),
    TreeSize(
        name="linear and small",
        leaves=4,
        rows_share=0.7,
        columns_share=0.4,
        l2=10,
        rate=0.05,
        most=500,
        additive=True,
    ),
    TreeSize(name="small", leaves=4, rows_share=0.7, columns_share=0.4, l2=10, rate=0.1, most=500),
    TreeSize(name="middle", leaves=15, rows_share=0.8, columns_share=0.8, l2=5, rate=0.06, most=600),
    TreeSize(name="large", leaves=31, rows_share=0.8, columns_share=0.8, l2=20, rate=0.06, most=1000),
    TreeSize(name="whole", leaves=15, rows_share=1.0, columns_share=1.0, l2=0, rate=0.06, most=1500),
    TreeSize(
        name="deep", leaves=31, rows_share=1.0, columns_share=0.7, l2=0, rate=0.06, most=2000, least_rows=5
    ),
)
"""From simple to rich."""


class ChurnClassifier(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """Gradient-boosted trees of a size chosen inside, calibrated by a sigmoid on their margin.

    ``fit`` tries a short ladder of sizes, from a logistic regression up to deep trees, on customers held
    out, and keeps the simplest whose log loss is within one standard error of the best. The margins of
    boosted trees with different seeds are averaged. Nothing is resampled or weighted, so probabilities mean
    what they say.

    Parameters
    ----------
    min_events : int
        Fewest rows of each class to learn from, and to calibrate on.
    folds : int
        Folds by customer in which sizes are compared, each with the number of rounds that is best on average
        over the folds. Above 10,000 rows one quarter of the customers is held out instead, and sizes are
        compared on a sample of customers with 20,000 rows or 1,000 events, whichever is more.
    seeds : int
        Boosted trees whose margins are averaged.
    ladder : sequence of TreeSize, optional
        Sizes to choose from, from simple to rich. None: ``LADDER``.
    monotone : mapping of str to int, optional
        Column of a DataFrame -> 1 where more of it may only raise the probability, -1 where it may only
        lower it. ``monotone_price_`` says what that costs. Columns that are not there are ignored.
    categorical : sequence of int
        Columns of an array that hold category codes. A DataFrame says so itself: text is category.
    num_threads : int
        Threads; 0 takes all. The result does not depend on it.
    random_state : int
        Seed of everything random.

    Attributes
    ----------
    classes_ : array of shape (2,)
        The classes; probabilities and contributions speak of the second.
    calibrator_ : SigmoidCalibrator
        logit(p) = a * margin + b.
    calibrated_on_ : str
        What the sigmoid was fitted on, in words.
    trees_ : BoostedTrees
        The trees and the curves of the logistic regression, and what was held out.
    rung_, rounds_ : str, int
        The size kept.
    ladder_ : list of dict
        The sizes tried: ``name``, ``loss`` (log loss on held-out customers; where ``fit`` was given cutoffs, each at
        the level that came), ``standard_error`` of its difference from the best, ``rounds``.
    monotone_price_ : float or None
        Log loss on held-out customers with the directions minus that without them, at the size kept; None
        without directions.
    level_ : Level
        How the level moved over the cutoffs; set by ``follow``.
    schema_ : Schema or None
        Names, kinds and levels when fitted on a DataFrame.

    References
    ----------
    Ke et al. (2017), LightGBM: a highly efficient gradient boosting decision tree, NeurIPS; Breiman,
    Friedman, Olshen, Stone (1984), Classification and regression trees (one standard error);
    Platt (1999).
    """

    calibrated_on_: str

    def __init__(
        self,
        *,
        min_events: int = 50,
        folds: int = 5,
        seeds: int = 2,
        ladder: Sequence[TreeSize] | None = None,
        monotone: Mapping[str, int] | None = None,
        categorical: Sequence[int] = (),
        num_threads: int = 0,
        random_state: int = 0,
    ) -> None:
        self.min_events = min_events
        self.folds = folds
        self.seeds = seeds
        self.ladder = ladder
        self.monotone = monotone
        self.categorical = categorical
        self.num_threads = num_threads
        self.random_state = random_state

    def fit(
        self,
        X: pd.DataFrame | ArrayLike,
        y: ArrayLike,
        groups: ArrayLike | None = None,
        cutoffs: ArrayLike | None = None,
    ) -> Self:
        """Learn from rows *X* with outcomes *y*; no fold splits the rows of one customer.

        The result is calibrated on the rows held out inside; ``calibrate`` does it on later ones.

        Parameters
        ----------
        X : DataFrame or array of shape (rows, features)
            Missing is NaN. Text columns of a DataFrame are categories.
        y : array-like of shape (rows,)
            Two classes; the larger one is churned.
        groups : array-like of shape (rows,), optional
            The customer of each row. None: every row is a customer of its own.
        cutoffs : array-like of shape (rows,), optional
            The cutoff of each row, where ``follow`` is to forecast the level. Sizes and penalties are then compared
            with every cutoff at the level that came: else those would win that tell from a row when it was, which says
            nothing of a later one.

        Raises
        ------
        NotEnoughDataError
            No row, one class, a missing outcome, or fewer than ``min_events`` rows of a class.
        DataError
            A column is neither number nor text.
        """
        task = self.task(X, y, groups, cutoffs)
        hit = task.target["binary"]
        rungs = self.ladder or LADDER
        common = {"events": hit.sum(), "seed": self.random_state, "num_threads": self.num_threads}
        self.trees_ = grow(task, rungs, seeds=self.seeds, **common)
        self.rung_, self.rounds_, self.ladder_ = self.trees_.rung, self.trees_.rounds, self.trees_.ladder
        self.monotone_price_ = None
        if any(task.signs):
            kept = [rung for rung in rungs if rung.name == self.rung_]
            (free,) = losses(replace(task, signs=()), kept, **common)
            self.monotone_price_ = self._loss_of(self.rung_) - free["loss"]
        self._held_out = (self.trees_.held_margins, hit[self.trees_.held_rows])
        return self.calibrate_out_of_fold()

    def task(
        self,
        X: pd.DataFrame | ArrayLike,
        y: ArrayLike,
        groups: ArrayLike | None = None,
        cutoffs: ArrayLike | None = None,
    ) -> Task:
        """The rows in the form in which trees of any size are grown and compared: the first step of ``fit``."""
        hit = self._outcomes(y)
        encoded, categories = encode_training(self, X, y, self.categorical)
        folds, keys = make_folds(groups, len(hit), self.folds, self.random_state)

        periods = None if cutoffs is None else pd.factorize(pd.Series(cutoffs))[0]
        check_consistent_length(hit, periods)

        def log_loss(margin: Floats, rows: NDArray[np.int64]) -> Floats:
            if periods is not None:
                margin = at_own_levels(margin, hit[rows], periods[rows])
            return np.asarray(-np.where(hit[rows] == 1, log_expit(margin), log_expit(-margin)))

        return Task(
            X=encoded,
            binned=Binned(encoded, categories, self.num_threads),
            target={"binary": hit},
            learn=np.ones(len(hit), dtype=bool),
            loss=log_loss,
            folds=folds,
            keys=keys,
            signs=self._signs(),
            categorical=categories,
        )

    def calibrate(self, X: pd.DataFrame | ArrayLike, y: ArrayLike) -> Self:
        """Fit the sigmoid anew, with later rows which training never saw.

        The slope belongs to the trees and comes from the later rows and the customers held out in training
        together: from one cutoff alone it would be mostly chance. The level drifts, and comes from the later
        rows. With fewer than ``min_events`` of them of a class, the calibration on all held-out customers is
        kept and ``calibrated_on_`` says so.

        Parameters
        ----------
        X : DataFrame or array of shape (later rows, features)
        y : array-like of shape (later rows,)

        Raises
        ------
        NotEnoughDataError
            A missing outcome, or no row.
        DataError
            An outcome is of no class of ``fit``.
        """
        check_is_fitted(self, "trees_")
        hit = self._known(y)
        later, (held, outcomes) = self.margin(X), self._held_out
        check_consistent_length(later, hit)
        fewest = int(min(hit.sum(), len(hit) - hit.sum()))
        if fewest < self.min_events:
            self.calibrate_out_of_fold()
            self.calibrated_on_ += f"; the later rows have only {fewest:,} of one class"
            return self
        both = SigmoidCalibrator.fit(np.concatenate([later, held]), np.concatenate([hit, outcomes]))
        self.calibrator_ = both.levelled(later, hit)
        self.calibrated_on_ = f"{len(hit):,} later rows and {len(held):,} of customers held out in training"
        return self

    def follow(
        self,
        cutoffs: pd.Series | Sequence[datetime],
        customers: ArrayLike,
        window: timedelta,
        ahead: Sequence[datetime],
    ) -> Self:
        """Let the level be what its way over the cutoffs forecasts; the slope stays.

        Each cutoff is measured on customers held out in training: no cutoff is given away for it.

        Parameters
        ----------
        cutoffs, customers : of shape (training rows,)
            Of the rows of ``fit``.
        window : timedelta
            Lead and horizon: the level of a cutoff is known that long after it.
        ahead : sequence of aware instants
            Rising; the level is forecast for these. ``predict_proba`` speaks of the first, ``at`` moves on.
        """
        check_is_fitted(self, "trees_")
        held, (margins, hit) = self.trees_.held_rows, self._held_out
        self.calibrate_out_of_fold()
        self.level_ = Level.of(
            self.calibrator_.a * margins,
            hit,
            pd.Series(cutoffs).iloc[held],
            np.asarray(customers)[held],
            pd.Timedelta(window),
        )
        self.calibrator_ = self.calibrator_.following(self.level_.ahead(ahead))
        self.calibrated_on_ += f", the level as it moved over {len(self.level_.at)} cutoffs"
        return self

    def at(self, instant: datetime) -> Self:
        """The same with the level forecast for *instant*; as it is where the level was not followed."""
        found = copy(self)
        found.calibrator_ = self.calibrator_.at(instant)
        return found

    def at_rate(self, rate: float, among: float) -> Self:
        """The same for a population of which *rate* leave, fitted where *among* did; see ``SigmoidCalibrator.at_rate``."""
        found = copy(self)
        found.calibrator_ = self.calibrator_.at_rate(rate, among)
        return found

    def again(self) -> Self:
        """The same, not fitted, that keeps to the size chosen: for a refit on more rows."""
        kept = [rung for rung in self.ladder or LADDER if rung.name == self.rung_]
        again: Self = clone(self).set_params(ladder=kept)
        return again

    def calibrate_out_of_fold(self) -> Self:
        """Fit the sigmoid on the margins of the rows held out while sizes were compared."""
        check_is_fitted(self, "trees_")
        margins, hit = self._held_out
        self.calibrator_ = SigmoidCalibrator.fit(margins, hit)
        self.calibrated_on_ = f"{len(hit):,} rows of customers held out in training"
        return self

    def margin(self, X: pd.DataFrame | ArrayLike) -> Floats:
        """Log-odds before calibration: the mean of the boosted trees."""
        check_is_fitted(self, "trees_")
        return self.trees_.margin(encode_new(self, X), self.num_threads)

    def log_odds(self, X: pd.DataFrame | ArrayLike) -> Floats:
        """Calibrated log-odds of leaving."""
        margin = self.margin(X)
        return self.calibrator_.log_odds(margin)

    def decision_function(self, X: pd.DataFrame | ArrayLike) -> Floats:
        """Calibrated log-odds of leaving, under the name that scikit-learn looks for."""
        return self.log_odds(X)

    def predict_proba(self, X: pd.DataFrame | ArrayLike) -> Floats:
        """Calibrated probabilities of shape (rows, 2): to stay, to leave."""
        margin = self.margin(X)
        leave = self.calibrator_.probability(margin)
        return np.column_stack([1 - leave, leave])

    def predict(self, X: pd.DataFrame | ArrayLike) -> NDArray[Any]:
        """The more probable class."""
        leaves = self.log_odds(X) > 0
        found: NDArray[Any] = self.classes_[leaves.astype(int)]
        return found

    def contributions(self, X: pd.DataFrame | ArrayLike) -> Floats:
        """What each feature adds to the calibrated log-odds.

        Returns
        -------
        array of shape (rows, features + 1)
            The last column is the base. A row sums to ``log_odds``.
        """
        check_is_fitted(self, "trees_")
        found = self.calibrator_.a * self.trees_.contributions(encode_new(self, X), self.num_threads)
        found[:, -1] += self.calibrator_.b
        return np.asarray(found)

    @classmethod
    def from_parts(
        cls, boosted: BoostedTrees, calibrator: SigmoidCalibrator, schema: Schema, num_threads: int = 0
    ) -> ChurnClassifier:
        """A fitted classifier made of stored parts."""
        made = cls(num_threads=num_threads)
        made.trees_, made.calibrator_, made.calibrated_on_ = boosted, calibrator, "stored numbers"
        made.classes_ = np.array([0, 1])
        remember_schema(made, schema)
        return made

    def _signs(self) -> tuple[int, ...]:
        """The direction of each feature, 0 where it is free."""
        if not self.monotone or self.schema_ is None:
            return ()
        if not set(self.monotone.values()) <= {-1, 0, 1}:
            raise ConfigError(
                "a direction is not 1, -1 or 0",
                where="ChurnClassifier monotone",
                expected="1 where more may only raise the probability, -1 where it may only lower it",
                fix="write for example monotone={'wait_s_30d': 1}",
            )
        free = self.schema_.levels
        return tuple(0 if name in free else self.monotone.get(name, 0) for name in self.schema_.columns)

    def _loss_of(self, name: str) -> float:
        return float(next(one["loss"] for one in self.ladder_ if one["name"] == name))

    def _outcomes(self, y: ArrayLike) -> Floats:
        """1 for the larger class, after everything that makes learning senseless is refused."""
        outcome = column_or_1d(y, warn=True)
        refuse_missing(outcome, "churned")
        check_classification_targets(outcome)
        self.classes_, which = np.unique(outcome, return_inverse=True)
        counts = np.bincount(which)
        if len(counts) != 2 or counts.min() < self.min_events:
            names = [str(name).removesuffix(".0") for name in self.classes_]
            words = ", ".join(f"{n:,} of class {name}" for name, n in zip(names, counts, strict=True))
            raise NotEnoughDataError(
                f"{len(outcome):,} rows hold {words}: there is nothing to learn from",
                where="churned",
                expected=f"two classes with at least {self.min_events:,} rows each",
                fix="take other cutoffs, a longer horizon or another [churn] definition",
            )
        return np.asarray(which, dtype=np.float64)

    def _known(self, y: ArrayLike) -> Floats:
        """1 for the larger of the classes of ``fit``; other outcomes are refused."""
        outcome = column_or_1d(y, warn=True)
        refuse_missing(outcome, "churned")
        if not np.isin(outcome, self.classes_).all():
            raise DataError(
                "there are outcomes of no class that was learnt",
                where="churned",
                expected=f"{self.classes_[0]} or {self.classes_[1]}",
                fix="label later rows as the training rows are",
            )
        return np.asarray(outcome == self.classes_[1], dtype=np.float64)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        tags.classifier_tags.multi_class = False
        return tags
