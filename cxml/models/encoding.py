"""What every estimator does with its input first: tables to arrays, outcomes that can be learned."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from sklearn.utils.validation import check_consistent_length, validate_data

from cxml.errors import NotEnoughDataError, UnseenWarning
from cxml.models.schema import Matrix, Schema


def encode_training(
    estimator: Any, X: pd.DataFrame | ArrayLike, y: ArrayLike, categorical: Sequence[int]
) -> tuple[Matrix, tuple[int, ...]]:
    """The training rows as float32, and the positions of the categories.

    A DataFrame leaves its schema on the estimator (``schema_``), an array leaves None; both leave
    ``n_features_in_``.
    """
    if isinstance(X, pd.DataFrame) and all(isinstance(c, str) for c in X.columns) and X.shape[1]:
        check_consistent_length(X, y)
        schema = Schema.learn(X)
        remember_schema(estimator, schema)
        return schema.encode(X), schema.categorical
    estimator.schema_ = None
    encoded: Matrix = validate_data(estimator, X, dtype=np.float32, ensure_all_finite="allow-nan")
    check_consistent_length(encoded, y)
    return encoded, tuple(int(c) for c in categorical)


def remember_schema(estimator: Any, schema: Schema) -> None:
    """Leave the schema and what scikit-learn expects of it on a fitted estimator."""
    estimator.schema_ = schema
    estimator.feature_names_in_ = np.array(schema.columns, dtype=object)
    estimator.n_features_in_ = len(schema.columns)


def encode_new(estimator: Any, X: pd.DataFrame | ArrayLike) -> Matrix:
    """New rows as float32: a DataFrame by the schema, an array as it stands.

    Levels that training never saw become missing, with a warning that counts them. An estimator fitted
    on a DataFrame takes a float32 array as already encoded by its schema.
    """
    if isinstance(X, pd.DataFrame) and estimator.schema_ is not None:
        there = set(estimator.schema_.levels) <= set(X.columns)
        if there and (unseen := estimator.schema_.strange(X).unseen):
            warnings.warn(UnseenWarning(unseen), stacklevel=3)
        encoded: Matrix = estimator.schema_.encode(X)
        return encoded
    if isinstance(X, np.ndarray) and X.dtype == np.float32 and estimator.schema_ is not None:
        return X
    checked: Matrix = validate_data(
        estimator, X, dtype=np.float32, ensure_all_finite="allow-nan", reset=False, ensure_min_samples=0
    )
    return checked


def refuse_missing(outcome: NDArray[Any], where: str) -> None:
    """Refuse a target without rows or with a missing value.

    Raises
    ------
    NotEnoughDataError
        There is no row, or a row without a target.
    """
    missing = int(pd.isna(outcome).sum())
    if missing or not outcome.size:
        raise NotEnoughDataError(
            f"{missing:,} of {outcome.size:,} rows have no outcome",
            where=where,
            expected="at least one row, and an outcome in every row",
            fix="train on matured cutoffs with customers at risk",
        )
