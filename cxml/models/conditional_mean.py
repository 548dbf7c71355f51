"""Boosted trees for an expectation given controls: one of the two learners behind the causal estimates."""

from __future__ import annotations

from collections.abc import Sequence
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
_LEAF, _COLUMNS, _MOST_ROWS = 40, 30, 20_000
_ROUNDS, _AT, _LEAST = 40, 5_000, 20


class MeanTrees:
    """Small trees that forecast E[target | C] by least squares, for any target and some of the columns.

    The table is binned once. Trees stay small, look at thirty columns each, and grow in number with the
    square root of the rows, so that what they leave over is close to noise without being learned by heart.

    Parameters
    ----------
    C : DataFrame of shape (rows, columns)
        Numbers, flags and texts; missing values are a value of their own.
    num_threads : int

    Examples
    --------
    >>> C = pd.DataFrame({"waited": [0.0, 1.0] * 200, "same": 1.0})
    >>> rows = np.arange(400)
    >>> boosted = MeanTrees(C)
    >>> boosted.forecast(C["waited"].to_numpy() * 4, rows[:300], rows[300:302], [0]).round(1).tolist()
    [0.5, 3.5]
    """

    def __init__(self, C: pd.DataFrame, num_threads: int = 1) -> None:
        schema = Schema.learn(C)
        self._X = schema.encode(C)
        self._binned = Binned(self._X, schema.categorical, num_threads)

    def forecast(
        self, target: Floats, train: Rows, asked: Rows, columns: Sequence[int], seed: int = 0
    ) -> Floats:
        """The expectation in the rows *asked*, learned from the rows *train* and by nothing but *columns*.

        Of more than 20,000 rows some are passed over, evenly.
        """
        rows = np.sort(train)[:: -(-len(train) // _MOST_ROWS)]
        settings = {
            **_SETTINGS,
            "min_data_in_leaf": _LEAF,
            "feature_fraction": min(1.0, _COLUMNS / len(columns)),
            "interaction_constraints": [sorted(columns)],
        }
        rounds = max(_LEAST, round(_ROUNDS * np.sqrt(len(rows) / _AT)))
        booster = self._binned.train(target, settings, rounds, rows=rows, seed=seed)
        return tree_margins(booster, self._X[asked], num_threads=1)
