"""A forest whose size is chosen inside the training rows, on customers held out.

A short ladder goes from simple to rich. With few rows the sizes are compared by folds of customers,
with a fixed number of rounds; with many, on one quarter of the customers, where the number of rounds
is chosen as well. The simplest size within one standard error of the best is kept. Up to 30,000 rows
every row ends with a margin by trees that never saw its customer; above, that quarter does.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.utils.validation import check_consistent_length

from cxml.errors import NotEnoughDataError
from cxml.models.trees import Binned, read_trees, tree_contributions, tree_margins, tree_text
from cxml.splits import hash_share

if TYPE_CHECKING:
    import lightgbm as lgb

Floats = NDArray[np.float64]
Matrix = NDArray[np.float32]
Rows = NDArray[np.int64]
HOLDOUT_ROWS = 10_000
CROSS_ROWS = 30_000
LADDER_ROWS = 20_000
LADDER_EVENTS = 1_000
TREE_COLUMNS = 150
_HOLDOUT_FOLDS = 4


@dataclass(frozen=True)
class Rung:
    """One size of forest. *rounds* is fixed; *rate* and *most* apply when rounds are chosen inside."""

    name: str
    leaves: int
    rows_share: float
    columns_share: float
    l2: float
    fixed_rate: float
    rounds: int
    rate: float
    most: int
    objective: str = "binary"

    def params(self, fixed: bool, columns: int) -> dict[str, Any]:
        """Settings for LightGBM, with the rate that belongs to *fixed* rounds or to chosen ones.

        With many *columns* a tree sees about ``TREE_COLUMNS`` of them: more cost time and gained nothing.
        """
        return {
            "objective": self.objective,
            "num_leaves": self.leaves,
            "learning_rate": self.fixed_rate if fixed else self.rate,
            "bagging_fraction": self.rows_share,
            "feature_fraction": min(self.columns_share, max(TREE_COLUMNS / columns, 0.1)),
            "lambda_l2": self.l2,
        }


@dataclass(frozen=True)
class Task:
    """What is learned from.

    Attributes
    ----------
    X : float32 array of shape (rows, features)
    binned : Binned
        The same rows.
    target : mapping from objective to array of shape (rows,)
        What a forest of that objective predicts.
    learn : bool array of shape (rows,)
        Rows to learn from and to compare sizes on; margins of held-out rows are made for all.
    loss : callable
        Losses of rows, from their margins and row numbers.
    folds, keys : int arrays of shape (rows,)
        Fold of each row, and a number for its customer.
    signs : tuple of int
        Per feature 1, -1 or 0: predictions may only rise, only fall, or do either with it. Empty: all 0.
    offset : array of shape (rows,), optional
        Raw scores that the trees start from; margins do not hold them.
    """

    X: Matrix
    binned: Binned
    target: dict[str, Floats]
    learn: NDArray[np.bool_]
    loss: Callable[[Floats, Rows], Floats]
    folds: Rows
    keys: Rows
    signs: tuple[int, ...] = ()
    offset: Floats | None = None

    def params(self, rung: Rung, fixed: bool) -> dict[str, Any]:
        """Settings of *rung* for LightGBM, with the directions that features must keep to."""
        found = rung.params(fixed, self.X.shape[1])
        if any(self.signs):
            found |= {"monotone_constraints": [*self.signs], "monotone_constraints_method": "intermediate"}
        return found

    def sample(self, events: float, seed: int) -> Rows:
        """Rows of enough customers to compare sizes on."""
        share = max(LADDER_ROWS / len(self.keys), LADDER_EVENTS / events)
        return np.flatnonzero(hash_share(self.keys, seed + 1) < share)


@dataclass(frozen=True)
class Forest:
    """Forests of one size with different seeds, whose margins are averaged.

    Attributes
    ----------
    boosters : tuple of Booster
    rung, rounds : str, int
        The size kept.
    ladder : list of dict
        Per size tried ``name``, ``loss`` on held-out rows, ``standard_error`` of its difference
        from the best, by customer, and ``rounds``.
    held_rows, held_margins : arrays
        Rows held out while sizes were compared, and their margins by trees that never saw them.
    """

    boosters: tuple[lgb.Booster, ...]
    rung: str
    rounds: int
    ladder: list[dict[str, Any]]
    held_rows: Rows
    held_margins: Floats

    def margin(self, X: Matrix, num_threads: int = 0) -> Floats:
        """Mean raw score of each row."""
        return np.asarray(np.mean([tree_margins(b, X, num_threads) for b in self.boosters], axis=0))

    def contributions(self, X: Matrix, num_threads: int = 0) -> Floats:
        """Mean contribution of each feature to the raw score; the last column is the base."""
        total = tree_contributions(self.boosters[0], X, num_threads)
        for booster in self.boosters[1:]:
            total += tree_contributions(booster, X, num_threads)
        return total / len(self.boosters)

    def gains(self) -> Floats:
        """How much each feature lowered the loss while the trees grew, on average over the seeds."""
        return np.asarray(np.mean([b.feature_importance("gain") for b in self.boosters], axis=0))

    def texts(self) -> list[str]:
        """The trees as text, one per seed."""
        return [tree_text(b) for b in self.boosters]

    @classmethod
    def read(cls, texts: Sequence[str], features: int) -> Forest:
        """The forest held by *texts*; it predicts, but keeps nothing of its training.

        Raises
        ------
        ModelError
            A text is no whole forest over *features* columns.
        """
        boosters = tuple(read_trees(text, features) for text in texts)
        return cls(boosters, "", 0, [], np.zeros(0, dtype=np.int64), np.zeros(0))


def grow(
    task: Task, rungs: Sequence[Rung], *, events: float, seeds: int, seed: int, num_threads: int
) -> Forest:
    """Choose a size on held-out customers, then train it on every row, once per seed.

    Raises
    ------
    NotEnoughDataError
        The rows to learn from belong to so few customers that none can be held out.
    """
    few = len(task.keys) <= HOLDOUT_ROWS
    kept, ladder = _compared(task, rungs, events, seed, num_threads)
    if not few and len(kept.rows) < (task.folds == 0).sum():
        kept = _by_holdout(task, kept.rung, np.arange(len(task.keys)), seed, num_threads)
    elif not few and len(task.keys) <= CROSS_ROWS:
        kept = _completed(task, kept, seed, num_threads)
    found = Forest((), kept.rung.name, kept.rounds, ladder, kept.rows, kept.margins)
    return finish(task, found, kept.rung, seeds=seeds, seed=seed)


def finish(task: Task, forest: Forest, rung: Rung, *, seeds: int, seed: int) -> Forest:
    """The forest with trees on every row, one set per seed: what ``grow`` does last, and not at all for 0 seeds."""
    few, rows = len(task.keys) <= HOLDOUT_ROWS, np.flatnonzero(task.learn)
    boosters = tuple(
        task.binned.train(
            task.target[rung.objective], task.params(rung, few), forest.rounds, rows=rows, seed=seed + s,
            offset=task.offset,
        )
        for s in range(seeds)
    )  # fmt: skip
    return replace(forest, boosters=boosters)


def losses(
    task: Task, rungs: Sequence[Rung], *, events: float, seed: int, num_threads: int
) -> list[dict[str, Any]]:
    """How each size does on held-out customers, as in ``Forest.ladder``; no forest is grown on all rows.

    Raises
    ------
    NotEnoughDataError
        As ``grow``.
    """
    return _compared(task, rungs, events, seed, num_threads)[1]


def make_folds(groups: ArrayLike | None, rows: int, n: int, seed: int) -> tuple[Rows, Rows]:
    """Fold of each row, and a number per customer; None makes every row a customer of its own.

    Folds hold equally many customers, drawn by a hash of their ids: row order plays no part. Above
    10,000 rows the folds are quarters, of which the first is held out.
    """
    if groups is not None:
        check_consistent_length(range(rows), groups)
    names, keys = np.unique(
        np.arange(rows) if groups is None else np.asarray(groups).astype(str), return_inverse=True
    )
    place = np.argsort(np.argsort(hash_share(names, seed), kind="stable"), kind="stable")
    count = n if rows <= HOLDOUT_ROWS else _HOLDOUT_FOLDS
    return np.asarray((place % count)[keys], dtype=np.int64), np.asarray(keys, dtype=np.int64)


@dataclass(frozen=True)
class _Tried:
    """A rung with the margins of the *rows* that it was not trained on."""

    rung: Rung
    margins: Floats
    rows: Rows
    rounds: int


def _compared(
    task: Task, rungs: Sequence[Rung], events: float, seed: int, num_threads: int
) -> tuple[_Tried, list[dict[str, Any]]]:
    """The size to keep, and what each size loses: by folds of customers, or on a sample with one part held out."""
    few = len(task.keys) <= HOLDOUT_ROWS
    held = set(np.unique(task.folds[task.learn]).tolist())
    if len(held) < 2 or (not few and 0 not in held):
        raise NotEnoughDataError(
            "nearly all rows to learn from belong to one customer", where="training set",
            expected="rows of many customers", fix="add customers, or check that customer_id tells them apart",
        )  # fmt: skip
    if few:
        return _choose([_by_folds(task, rung, seed, num_threads) for rung in rungs], task)
    sample = task.sample(events, seed)
    return _choose([_by_holdout(task, rung, sample, seed, num_threads) for rung in rungs], task)


def _by_folds(task: Task, rung: Rung, seed: int, num_threads: int) -> _Tried:
    """Out-of-fold margins with a fixed number of rounds."""
    margins, target = np.zeros(len(task.keys)), task.target[rung.objective]
    for fold in np.unique(task.folds):
        out = np.flatnonzero(task.folds == fold)
        rows = np.flatnonzero((task.folds != fold) & task.learn)
        booster = task.binned.train(
            target, task.params(rung, True), rung.rounds, rows=rows, seed=seed, offset=task.offset
        )
        margins[out] = tree_margins(booster, task.X[out], num_threads)
    return _Tried(rung, margins, np.arange(len(task.keys)), rung.rounds)


def _by_holdout(task: Task, rung: Rung, pool: Rows, seed: int, num_threads: int) -> _Tried:
    """Margins of one held-out part of *pool*, with the number of rounds that is best there."""
    out, inside = pool[task.folds[pool] == 0], pool[task.folds[pool] != 0]
    booster = task.binned.train_until_worse(
        task.target[rung.objective], task.params(rung, False), rung.most,
        rows=inside[task.learn[inside]], check=out[task.learn[out]], seed=seed, offset=task.offset,
    )  # fmt: skip
    return _Tried(rung, tree_margins(booster, task.X[out], num_threads), out, booster.best_iteration)


def _completed(task: Task, kept: _Tried, seed: int, num_threads: int) -> _Tried:
    """The same with margins of the other parts as well, each by trees that never saw it."""
    margins = np.zeros(len(task.keys))
    margins[kept.rows] = kept.margins
    target, params = task.target[kept.rung.objective], task.params(kept.rung, False)
    for fold in range(1, _HOLDOUT_FOLDS):
        out, rows = np.flatnonzero(task.folds == fold), np.flatnonzero((task.folds != fold) & task.learn)
        booster = task.binned.train(target, params, kept.rounds, rows=rows, seed=seed, offset=task.offset)
        margins[out] = tree_margins(booster, task.X[out], num_threads)
    return _Tried(kept.rung, margins, np.arange(len(task.keys)), kept.rounds)


def _choose(tried: list[_Tried], task: Task) -> tuple[_Tried, list[dict[str, Any]]]:
    """The simplest rung within one standard error, by customer, of the best."""
    judged = task.learn[tried[0].rows]
    rows = tried[0].rows[judged]
    losses = [task.loss(one.margins[judged], rows) for one in tried]
    means = [float(loss.mean()) for loss in losses]
    best = int(np.argmin(means))
    errors = [_clustered_error(loss - losses[best], task.keys[rows]) for loss in losses]
    ladder = [
        {"name": one.rung.name, "loss": mean, "standard_error": error, "rounds": one.rounds}
        for one, mean, error in zip(tried, means, errors, strict=True)
    ]
    near = [mean - means[best] <= error for mean, error in zip(means, errors, strict=True)]
    return tried[near.index(True)], ladder


def _clustered_error(difference: Floats, keys: Rows) -> float:
    """Standard error of the mean of *difference* when rows of one customer hang together."""
    sums = np.bincount(keys, weights=difference - difference.mean())
    return float(np.sqrt(np.sum(sums**2)) / len(difference))
