"""Boosted trees that saw no row of a part: what came there cannot move what they say of it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.special import log_expit

from cxml.models import boosted_trees
from cxml.models.boosted_trees import Task
from cxml.models.tree_sizes import TreeSize
from cxml.models.trees import Binned
from cxml.models.tweedie import TweedieRegression

ROWS = 1200
RUNG = TreeSize(
    name="small", leaves=4, rows_share=0.8, columns_share=0.8, l2=5, rate=0.1, most=40, additive=True
)


def task(hit: NDArray[np.float64]) -> Task:
    X = np.random.default_rng(0).normal(size=(ROWS, 3)).astype(np.float32)

    def loss(margin: NDArray[np.float64], rows: NDArray[np.int64]) -> NDArray[np.float64]:
        return np.asarray(-np.where(hit[rows] > 0, log_expit(margin), log_expit(-margin)))

    keys = np.arange(ROWS)
    learn = np.ones(ROWS, dtype=bool)
    return Task(X, Binned(X, [], 1), {"binary": hit}, learn, loss, keys % 4, keys)


def outcomes() -> NDArray[np.float64]:
    X, rng = task(np.zeros(ROWS)).X, np.random.default_rng(1)
    return np.asarray(X[:, 0] + rng.normal(size=ROWS) > 0.5, dtype=np.float64)


def test_margins_apart_come_from_other_parts_alone() -> None:
    parts = np.repeat([0, 1, 2, -1], ROWS // 4)
    hit = outcomes()
    grown = boosted_trees.grow(task(hit), [RUNG], events=hit.sum(), seeds=1, seed=0, num_threads=1)

    def apart(hit: NDArray[np.float64]) -> NDArray[np.float64]:
        return boosted_trees.margins_apart(task(hit), grown, RUNG, parts, seed=0, num_threads=1)

    told = apart(hit)
    assert (told[parts < 0] == 0).all() and np.corrcoef(told[parts >= 0], hit[parts >= 0])[0, 1] > 0.4
    for part in range(3):
        other = apart(np.where(parts == part, 1 - hit, hit))
        np.testing.assert_array_equal(other[parts == part], told[parts == part])
        assert (other[(parts != part) & (parts >= 0)] != told[(parts != part) & (parts >= 0)]).mean() > 0.9
    np.testing.assert_array_equal(apart(np.where(parts < 0, 1 - hit, hit)), told)


def test_a_regression_out_of_fold_is_the_one_of_the_other_folds() -> None:
    rng = np.random.default_rng(2)
    Z, offset, folds = rng.normal(size=(300, 2)), rng.uniform(5, 50, 300), np.repeat([0, 1, -1], 100)
    actual = rng.poisson(1.0, 300) * offset
    found = TweedieRegression.out_of_fold(Z, offset, actual, folds)
    assert (found[folds < 0] == 0).all()
    for fold in (0, 1):
        out, other = folds == fold, folds == 1 - fold
        alone = TweedieRegression.fit(Z[other], offset[other], actual[other])
        np.testing.assert_array_equal(found[out], alone.value(Z[out], offset[out]))
