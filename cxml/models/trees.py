"""The one place that trains, asks and reads LightGBM trees.

Training bins a table once and reuses the bins for every part of it. A stored model is LightGBM's
own text up to ``end of trees``: what follows (parameters, column names of pandas) is never needed
to predict and is dropped. LightGBM aborts the process, or never returns, on many a damaged text, so
``check_text`` proves the structure in plain Python before the text reaches it.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

# Threads that wait must sleep: spinning, two busy processes on two cores train fifty times slower. Read
# by OpenMP when LightGBM loads it.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

import lightgbm as lgb

from cxml.errors import ModelError
from cxml.models.tree_text import check_text

Floats = NDArray[np.float64]
Matrix = NDArray[np.float32]
Rows = NDArray[np.int64]

COMMON: Mapping[str, Any] = {
    "bagging_fraction": 0.7,
    "bagging_freq": 1,
    "feature_fraction": 0.4,
    "lambda_l2": 10.0,
    "min_data_in_leaf": 20,
    "cat_smooth": 100.0,
    "cat_l2": 100.0,
    "deterministic": True,
    "force_col_wise": True,
    "feature_pre_filter": False,
    "verbosity": -1,
}
"""Settings of every training: strong averaging, mild shrinkage, the same result every time. Categories with many
levels are shrunk harder than by LightGBM's own 10: with 51 levels and 483 events those overfit."""

_END = "end of trees\n"
_DIRECTIONS = re.compile(r"^monotone_constraints=.*\n", re.MULTILINE)
_CHUNK = 16_384
_SMALL = 10_000
_PATIENCE = 40


class Binned:
    """A training table, binned once.

    Parameters
    ----------
    X : float32 array of shape (rows, features)
        NaN is missing.
    categorical : sequence of int
        Columns that hold category codes.
    num_threads : int
        Threads of binning and training; 0 takes all. Below 10,000 rows one is faster than several.
    """

    def __init__(self, X: Matrix, categorical: Sequence[int], num_threads: int) -> None:
        self._threads = num_threads if len(X) >= _SMALL else 1
        self._data = lgb.Dataset(
            np.ascontiguousarray(X, dtype=np.float32),
            label=np.zeros(len(X), dtype=np.float32),
            categorical_feature=[int(c) for c in categorical],
            params={**COMMON, "num_threads": self._threads},
            free_raw_data=True,
        ).construct()

    def part(self, target: Floats, rows: Rows | None = None, offset: Floats | None = None) -> lgb.Dataset:
        """The rows (all when None), in rising order, with their *target* and the raw score they start from."""
        every = np.arange(self._data.num_data()) if rows is None else np.sort(rows)
        part = self._data.subset(every.tolist()).construct()
        if offset is not None:
            part.set_init_score(offset[every])
        return part.set_label(np.asarray(target, dtype=np.float32)[every])

    def train(
        self,
        target: Floats,
        params: Mapping[str, Any],
        rounds: int,
        *,
        rows: Rows | None = None,
        seed: int = 0,
        offset: Floats | None = None,
    ) -> lgb.Booster:
        """Boost *rounds* trees on the rows (all when None), on top of *offset*, which they do not hold."""
        data = self.part(target, rows, offset)
        return lgb.train(self._settings(params, seed), data, num_boost_round=rounds)

    def train_until_worse(
        self,
        target: Floats,
        params: Mapping[str, Any],
        most: int,
        *,
        splits: Sequence[tuple[Rows, Rows]],
        offsets: Sequence[Floats | None],
        seed: int = 0,
    ) -> list[lgb.Booster]:
        """Boost side by side on the first rows of each of *splits*, on top of its offset.

        It ends when the mean loss on the second rows of all splits has not fallen for 40 rounds, after *most* rounds at
        the latest. The best number of rounds is ``best_iteration`` of every result: 1 or more, the same for all.
        """
        boosters, shares = [], np.array([len(check) for _, check in splits], dtype=np.float64)
        for (rows, check), offset in zip(splits, offsets, strict=True):
            booster = lgb.Booster(self._settings(params, seed), self.part(target, rows, offset))
            boosters.append(booster.add_valid(self.part(target, check, offset), "held out"))
        best, least = 0, np.inf
        for number in range(1, most + 1):
            for booster in boosters:
                booster.update()
            loss = float(np.average([booster.eval_valid()[0][2] for booster in boosters], weights=shares))
            if loss < least:
                best, least = number, loss
            elif number - best >= _PATIENCE:
                break
        for booster in boosters:
            booster.best_iteration = max(best, 1)
        return boosters

    def _settings(self, params: Mapping[str, Any], seed: int) -> dict[str, Any]:
        return {**COMMON, "num_threads": self._threads, "seed": seed, **params}


def tree_margins(booster: lgb.Booster, X: Matrix, num_threads: int = 0) -> Floats:
    """Raw score of each row: log-odds or log-money, before any calibration.

    Raises
    ------
    ModelError
        The table has another number of columns than the trees.
    """
    _fits(booster, X)
    if not len(X):
        return np.zeros(0)
    found = booster.predict(X, raw_score=True, num_threads=num_threads)
    return np.asarray(found, dtype=np.float64)


def tree_contributions(booster: lgb.Booster, X: Matrix, num_threads: int = 0) -> Floats:
    """Exact Shapley contributions of every feature to the raw score.

    Returns
    -------
    array of shape (rows, features + 1)
        Contributions in the units of the raw score; the last column is the base value. A row sums
        to its raw score.

    References
    ----------
    Lundberg et al. (2020), From local explanations to global understanding with explainable AI for
    trees, Nature Machine Intelligence 2 (path-dependent TreeSHAP).
    """
    _fits(booster, X)
    found = np.empty((len(X), booster.num_feature() + 1))
    for start in range(0, len(X), _CHUNK):
        part = slice(start, start + _CHUNK)
        found[part] = booster.predict(X[part], pred_contrib=True, num_threads=num_threads)
    return found


def tree_text(booster: lgb.Booster) -> str:
    """The trees as text, without parameters and directions: nothing but what predicts, for any number of threads."""
    text = booster.model_to_string(num_iteration=_rounds(booster))
    return _DIRECTIONS.sub("", text[: text.index(_END) + len(_END)], count=1)


def read_trees(text: str, features: int) -> lgb.Booster:
    """The booster held by *text*, whose structure is proven first.

    Raises
    ------
    ModelError
        The text is not a whole model over *features* columns.
    """
    check_text(text, features)
    try:
        return lgb.Booster(model_str=text)
    except lgb.basic.LightGBMError as error:
        raise ModelError(
            "LightGBM cannot read the trees",
            where="model text",
            expected="a text that cxml wrote",
            fix="use another bundle, or train again",
        ) from error


def _rounds(booster: lgb.Booster) -> int:
    return booster.best_iteration if booster.best_iteration > 0 else booster.current_iteration()


def _fits(booster: lgb.Booster, X: Matrix) -> None:
    if X.ndim != 2 or X.shape[1] != booster.num_feature():
        raise ModelError(
            f"the table has shape {X.shape}",
            where="trees",
            expected=f"{booster.num_feature()} columns",
            fix="encode the table with the schema of the model",
        )
