"""What a model has to beat: the base rate, a recency rule, logistic regression, boosted trees, past spend, purchase models.

All take the calls of the models: ``fit(X, y, groups)`` on a feature table, then ``predict_proba`` for
leaving or ``predict`` for value.
"""

from __future__ import annotations

import contextlib
from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Self

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.impute import MissingIndicator, SimpleImputer
from sklearn.isotonic import IsotonicRegression
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder, QuantileTransformer, StandardScaler
from threadpoolctl import threadpool_limits

from cxml.errors import ConfigError, ModelError, NotEnoughDataError
from cxml.models.encoding import refuse_missing
from cxml.models.purchase_features import PurchaseColumns, PurchaseOutlook
from cxml.models.schema import Schema
from cxml.sampling import hash_share

Floats = NDArray[np.float64]
_BIN_ROWS = 50
_MOST_BINS = 20
_MOST_BOOSTED_LEVELS = 255
_LEAST_LEAF = 20
"""Rows that scikit-learn leaves in a leaf at least, by default."""


class ChurnBaseline(ABC):
    """A plain forecast of who leaves."""

    @abstractmethod
    def fit(self, X: pd.DataFrame, y: ArrayLike, groups: ArrayLike | None = None) -> Self:
        """Learn from rows *X*, outcomes *y* (0 or 1) and the customer of each row."""

    @abstractmethod
    def leave(self, X: pd.DataFrame) -> Floats:
        """Probability of leaving."""

    def predict_proba(self, X: pd.DataFrame) -> Floats:
        """Probabilities of shape (rows, 2): to stay, to leave."""
        leave = self.leave(X)
        return np.column_stack([1 - leave, leave])


class BaseRate(ChurnBaseline):
    """Everybody has the probability of the training rows."""

    def fit(self, X: pd.DataFrame, y: ArrayLike, groups: ArrayLike | None = None) -> Self:
        """Learn the share of churned."""
        self.rate_ = float(_outcome(y).mean())
        return self

    def leave(self, X: pd.DataFrame) -> Floats:
        """The same probability for every row."""
        return np.full(len(X), self.rate_)


class RecencyRule(ChurnBaseline):
    """The longer a customer has been silent, the likelier to leave: one column, in bins.

    The probability of a bin is the share of churned among its training rows, made to rise with silence
    (isotonic regression).

    Parameters
    ----------
    column : str
        Days since the last activity; missing (never active) counts as the longest silence.
    """

    def __init__(self, column: str) -> None:
        self.column = column

    def fit(self, X: pd.DataFrame, y: ArrayLike, groups: ArrayLike | None = None) -> Self:
        """Learn the share of churned by days of silence: bins of 50 rows or more, at most 20."""
        silence, outcome = self._silence(X), _outcome(y)
        bins = int(np.clip(len(outcome) // _BIN_ROWS, 1, _MOST_BINS))
        self.edges_ = np.unique(np.quantile(silence, np.arange(1, bins) / bins, method="lower"))
        which = self._bins(silence)
        rows = np.bincount(which, minlength=len(self.edges_) + 1)
        share = np.bincount(which, weights=outcome, minlength=len(rows)) / np.maximum(rows, 1)
        order = np.arange(len(rows))
        self.rate_ = IsotonicRegression().fit(order, share, sample_weight=rows).predict(order)
        return self

    def leave(self, X: pd.DataFrame) -> Floats:
        """Share of churned in the bin of each row."""
        return np.asarray(self.rate_[self._bins(self._silence(X))], dtype=np.float64)

    def _bins(self, silence: Floats) -> NDArray[np.int64]:
        return np.asarray(np.searchsorted(self.edges_, silence, side="left"))

    def _silence(self, X: pd.DataFrame) -> Floats:
        days = _column(X, self.column)
        return np.where(np.isnan(days), np.finfo(np.float64).max, days)


class LogisticBaseline(ChurnBaseline):
    """Logistic regression on the same features.

    Numbers are filled with their median beside a flag for missing, and brought to a normal shape by
    their ranks; a category becomes one column per level. Ridge penalty, C = 0.1. Where no column tells
    rows apart, everybody has the share of churned among the rows learnt from.

    Parameters
    ----------
    columns : sequence of str
        Columns to learn from; all when empty.
    most_rows : int
        Above so many rows, it learns from customers drawn at random with about that many.
    random_state : int
        Seed of the draw.
    """

    def __init__(
        self, *, columns: Sequence[str] = (), most_rows: int = 50_000, random_state: int = 0
    ) -> None:
        self.columns = columns
        self.most_rows = most_rows
        self.random_state = random_state

    def fit(self, X: pd.DataFrame, y: ArrayLike, groups: ArrayLike | None = None) -> Self:
        """Learn from rows *X* and outcomes *y*."""
        outcome = _outcome(y)
        self.schema_ = Schema.learn(X[list(self.columns)] if self.columns else X)
        keys = np.arange(len(X)) if groups is None else np.asarray(groups)
        drawn = hash_share(keys, self.random_state + 2) < self.most_rows / len(X)
        encoded = self.schema_.encode(X.loc[drawn])
        self.rate_ = float(outcome[drawn].mean())
        telling = self.schema_.categorical or any(_varies(column) for column in encoded.T)
        with threadpool_limits(1, user_api="blas"):  # the same digits whatever the machine
            self.model_ = self._pipeline(encoded).fit(encoded, outcome[drawn]) if telling else None
        return self

    def leave(self, X: pd.DataFrame) -> Floats:
        """Probability of leaving."""
        if self.model_ is None:
            return np.full(len(X), self.rate_)
        with threadpool_limits(1, user_api="blas"):
            return np.asarray(self.model_.predict_proba(self.schema_.encode(X))[:, 1], dtype=np.float64)

    def _pipeline(self, encoded: NDArray[np.float32]) -> Pipeline:
        categories = self.schema_.categorical
        numbers = [i for i in range(encoded.shape[1]) if i not in categories and _varies(encoded[:, i])]
        gaps = np.isnan(encoded[:, numbers])
        # Columns of one table are missing together: one flag for all that are equal.
        _, first = np.unique(gaps, axis=1, return_index=True)
        flags = [numbers[i] for i in sorted(first) if gaps[:, i].any()]
        normal = QuantileTransformer(
            n_quantiles=min(200, len(encoded)), output_distribution="normal", random_state=0
        )
        shape = make_pipeline(
            SimpleImputer(strategy="median"),
            normal,
            # Ties at the ends, such as the many zeros of a count, would lie five deviations out.
            FunctionTransformer(np.clip, kw_args={"a_min": -3, "a_max": 3}),
            StandardScaler(),
        )
        parts = ColumnTransformer(
            [
                ("numbers", shape, numbers),
                ("missing", MissingIndicator(features="all"), flags),
                ("levels", OneHotEncoder(handle_unknown="ignore"), list(categories)),
            ],
            sparse_threshold=0,
        )
        return make_pipeline(parts, LogisticRegression(C=0.1, solver="newton-cholesky"))


class BoostedBaseline(ChurnBaseline):
    """scikit-learn's histogram gradient boosting on the same features, with its defaults.

    Parameters
    ----------
    most_rows : int
        Above so many rows, it learns from customers drawn at random with about that many.
    random_state : int
        Seed of the draw, and of the rows that it stops early on.

    References
    ----------
    Pedregosa et al. (2011), Scikit-learn: machine learning in Python, JMLR 12.
    """

    def __init__(self, *, most_rows: int = 50_000, random_state: int = 0) -> None:
        self.most_rows = most_rows
        self.random_state = random_state

    def fit(self, X: pd.DataFrame, y: ArrayLike, groups: ArrayLike | None = None) -> Self:
        """Learn from rows *X* and outcomes *y*."""
        outcome = _outcome(y)
        self.schema_ = Schema.learn(X)
        keys = np.arange(len(X)) if groups is None else np.asarray(groups)
        drawn = hash_share(keys, self.random_state + 2) < self.most_rows / len(X)
        encoded = self.schema_.encode(X.loc[drawn])
        # A column that is always missing cannot be cut into bins. With so few values none can be split on.
        encoded[:, (~np.isnan(encoded)).sum(axis=0) < _LEAST_LEAF] = 0
        names, levels = self.schema_.columns, self.schema_.levels
        few = [i for i in self.schema_.categorical if len(levels[names[i]]) < _MOST_BOOSTED_LEVELS]
        self.model_ = HistGradientBoostingClassifier(categorical_features=few, random_state=self.random_state)
        with threadpool_limits(1):  # the same digits whatever the machine
            self.model_.fit(encoded, outcome[drawn])
        return self

    def leave(self, X: pd.DataFrame) -> Floats:
        """Probability of leaving."""
        with threadpool_limits(1):
            return np.asarray(self.model_.predict_proba(self.schema_.encode(X))[:, 1], dtype=np.float64)


class NaiveValue:
    """Past value goes on at the same rate.

    Parameters
    ----------
    column : str
        Value earned in the window before the cutoff (money); missing counts as 0.
    window_days, horizon_days : float
        Length of that window and of the horizon, in days.
    """

    def __init__(self, column: str, window_days: float, horizon_days: float) -> None:
        self.column = column
        self.window_days = window_days
        self.horizon_days = horizon_days

    def fit(self, X: pd.DataFrame, y: ArrayLike, groups: ArrayLike | None = None) -> Self:
        """Nothing is learned; the column must be there."""
        _column(X, self.column)
        return self

    def predict(self, X: pd.DataFrame) -> Floats:
        """Past value per day times the days of the horizon (money)."""
        return np.asarray(np.nan_to_num(_column(X, self.column)) * (self.horizon_days / self.window_days))


class PurchaseBaseline:
    """Purchases and their money by Pareto/NBD or BG/NBD with Gamma-Gamma, and nothing else.

    Where no purchase model can be fitted, everybody has the mean value of the training rows.

    Parameters
    ----------
    kind : {"pareto_nbd", "bg_nbd"}
    purchases : PurchaseColumns
        Which columns hold the history of purchases.
    """

    def __init__(self, kind: str, purchases: PurchaseColumns) -> None:
        self.kind = kind
        self.purchases = purchases

    def fit(self, X: pd.DataFrame, y: ArrayLike, groups: ArrayLike | None = None) -> Self:
        """Learn when and for how much customers buy, from the history up to the cutoffs of *X* alone."""
        value = np.asarray(y, dtype=np.float64)
        keys = np.arange(len(X)) if groups is None else np.asarray(groups)
        self.mean_ = float(value.mean())
        self.outlook_: PurchaseOutlook | None = None
        with contextlib.suppress(NotEnoughDataError, ModelError):
            self.outlook_ = PurchaseOutlook.fit(self.purchases, X, value, keys)
        return self

    def predict(self, X: pd.DataFrame) -> Floats:
        """Expected money in the horizon."""
        return np.full(len(X), self.mean_) if self.outlook_ is None else self.outlook_.value(X, self.kind)


def _outcome(y: ArrayLike) -> Floats:
    outcome = np.asarray(y, dtype=np.float64)
    refuse_missing(outcome, "churned")
    return outcome


def _column(X: pd.DataFrame, name: str) -> Floats:
    if name not in X:
        raise ConfigError(
            f"the baseline asks for {name}, which was not built",
            where="baseline",
            expected="a feature column",
            fix="build the column, or leave the baseline out",
        )
    return X[name].to_numpy(dtype=np.float64, na_value=np.nan)


def _varies(column: NDArray[np.float32]) -> bool:
    known = column[~np.isnan(column)]
    return bool(len(known)) and bool((known != known[0]).any())
