"""Boosted trees for an expectation given controls: one of the two learners behind the causal estimates."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from cxml.models.schema import Schema
from cxml.models.trees import Binned, tree_margins

Floats = NDArray[np.float64]
Rows = NDArray[np.int64]

_SETTINGS: dict[str, Any] = {
    "objective": "regression",
    "num_leaves": 8,
    "learning_rate": 0.07,
    "lambda_l2": 5.0,
}
_SMALL_LEAF, _LARGE_LEAF, _MANY = 40, 100, 50_000
_ROUNDS, _AT, _LEAST, _MOST = 40, 5_000, 20, 150


class MeanForest:
    """Small trees that forecast E[target | C] by least squares, for any target of the same rows.

    The table is binned once. Trees stay small and grow in number with the square root of the rows, so that
    what they leave over is close to noise without being learned by heart.

    Parameters
    ----------
    C : DataFrame of shape (rows, columns)
        Numbers, flags and texts; missing values are a value of their own.
    num_threads : int

    Examples
    --------
    >>> C = pd.DataFrame({"waited": [0.0, 1.0] * 200})
    >>> rows = np.arange(400)
    >>> forest = MeanForest(C)
    >>> forest.forecast(C["waited"].to_numpy() * 4, rows[:300], rows[300:302]).round(1).tolist()
    [0.5, 3.5]
    """

    def __init__(self, C: pd.DataFrame, num_threads: int = 1) -> None:
        schema = Schema.learn(C)
        self._X = schema.encode(C)
        self._binned = Binned(self._X, schema.categorical, num_threads)

    def forecast(self, target: Floats, train: Rows, asked: Rows, seed: int = 0) -> Floats:
        """The expectation in the rows *asked* as learned from the rows *train*."""
        leaf = _LARGE_LEAF if len(train) >= _MANY else _SMALL_LEAF
        rounds = int(np.clip(_ROUNDS * np.sqrt(len(train) / _AT), _LEAST, _MOST))
        settings = {**_SETTINGS, "min_data_in_leaf": leaf}
        booster = self._binned.train(target, settings, rounds, rows=np.sort(train), seed=seed)
        return tree_margins(booster, self._X[asked], num_threads=1)
