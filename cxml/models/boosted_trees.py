"""Boosted trees whose size is chosen inside the training rows, on customers held out.

A short ladder goes from simple to rich, from the curves of a logistic regression to deep trees. With few rows the
sizes are compared by folds of customers, with many on one quarter of the customers; the number of rounds and the
penalty of the curves are chosen there as well. The simplest size within one standard error of the best is kept; nothing
richer is tried once two sizes in a row were worse than that, the last of them trees of a dozen leaves or more. Up to
30,000 rows every row ends with a margin by a model that never saw its customer; above, that quarter does.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.utils.validation import check_consistent_length

from cxml.errors import NotEnoughDataError
from cxml.metrics.forecasts import clustered_error
from cxml.models.additive import Additive
from cxml.models.ridge import PENALTIES, Ridge
from cxml.models.tree_sizes import TreeSize
from cxml.models.trees import Binned, read_trees, tree_contributions, tree_margins, tree_text
from cxml.sampling import hash_share

if TYPE_CHECKING:
    import lightgbm as lgb

Floats = NDArray[np.float64]
Matrix = NDArray[np.float32]
Rows = NDArray[np.int64]
HOLDOUT_ROWS = 10_000
CROSS_ROWS = 30_000
LADDER_ROWS = 20_000
LADDER_EVENTS = 1_000
CURVE_ROWS = 30_000
"""About so many rows at most, of customers drawn at random, are what curves are learned from."""
_HOLDOUT_FOLDS = 4
_RICH = 12
"""Leaves of trees that find what several columns only say together; while only smaller ones lost, richer ones are tried."""


@dataclass(frozen=True)
class Task:
    """What is learned from.

    Attributes
    ----------
    X : float32 array of shape (rows, features)
    binned : Binned
        The same rows.
    target : mapping from objective to array of shape (rows,)
        What boosted trees of that objective predict.
    learn : bool array of shape (rows,)
        Rows to learn from and to compare sizes on; margins of held-out rows are made for all.
    loss : callable
        Losses of rows, from their margins and row numbers.
    folds, keys : int arrays of shape (rows,)
        Fold of each row, and a number for its customer.
    signs : tuple of int
        Per feature 1, -1 or 0: predictions may only rise, only fall, or do either with it. Empty: all 0.
    offset : array of shape (rows,), optional
        Raw scores that the trees start from; margins do not hold them. Not together with additive sizes.
    categorical : tuple of int
        Columns of *X* that hold codes.
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
    categorical: tuple[int, ...] = ()

    def params(self, rung: TreeSize) -> dict[str, Any]:
        """Settings of *rung* for LightGBM, with the directions that features must keep to."""
        found = rung.params(self.X.shape[1])
        if any(self.signs):
            found |= {"monotone_constraints": [*self.signs], "monotone_constraints_method": "intermediate"}
        return found

    def sample(self, events: float, seed: int) -> Rows:
        """Rows of enough customers to compare sizes on."""
        share = max(LADDER_ROWS / len(self.keys), LADDER_EVENTS / events)
        return np.flatnonzero(hash_share(self.keys, seed + 1) < share)

    def ridge(self, pool: Rows, seed: int) -> tuple[Ridge, Rows]:
        """The rows of *pool* for curves, or of customers drawn from it with about ``CURVE_ROWS``, and which these are."""
        drawn = pool[hash_share(self.keys[pool], seed + 2) < CURVE_ROWS / len(pool)]
        return Ridge.learn(self.X[drawn], self.categorical, self.signs), drawn


@dataclass(frozen=True)
class BoostedTrees:
    """Boosted trees of one size with different seeds, whose margins are averaged, and the curves that they start from.

    Attributes
    ----------
    boosters : tuple of Booster
        None where the curves are all.
    rung, rounds : str, int
        The size kept.
    ladder : list of dict
        Per size tried ``name``, ``loss`` on held-out rows, ``standard_error`` of its difference
        from the best, by customer, and ``rounds``.
    held_rows, held_margins : arrays
        Rows held out while sizes were compared, and their margins by a model that never saw them.
    additive : Additive or None
    penalty : float
        With which the curves were learned; NaN without.
    gains : array of shape (features,)
        How much each feature lowered the loss in training, on average over the seeds. Empty when read from a file.
    """

    boosters: tuple[lgb.Booster, ...]
    rung: str
    rounds: int
    ladder: list[dict[str, Any]]
    held_rows: Rows
    held_margins: Floats
    additive: Additive | None = None
    penalty: float = math.nan
    gains: Floats = field(default_factory=lambda: np.zeros(0))

    def margin(self, X: Matrix, num_threads: int = 0) -> Floats:
        """Raw score of each row: the mean of the trees, and the curves."""
        found = np.zeros(len(X)) if self.additive is None else self.additive.margin(X)
        if self.boosters:
            found += np.mean([tree_margins(b, X, num_threads) for b in self.boosters], axis=0)
        return found

    def contributions(self, X: Matrix, num_threads: int = 0) -> Floats:
        """What each feature adds to the raw score; the last column is the base."""
        parts = [tree_contributions(b, X, num_threads) for b in self.boosters[:1]]
        for booster in self.boosters[1:]:
            parts[0] += tree_contributions(booster, X, num_threads)
        parts = [part / len(self.boosters) for part in parts]
        if self.additive is not None:
            parts.append(self.additive.contributions(X))
        return np.asarray(sum(parts[1:], start=parts[0]))

    def texts(self) -> list[str]:
        """The trees as text, one per seed."""
        return [tree_text(b) for b in self.boosters]

    @classmethod
    def read(cls, texts: Sequence[str], features: int, curves: Any = None) -> BoostedTrees:
        """The trees held by *texts*, on top of *curves* as JSON values: they predict, and keep nothing of their training.

        Raises
        ------
        ModelError
            A text does not hold whole trees over *features* columns, or the curves are damaged.
        """
        boosters = tuple(read_trees(text, features) for text in texts)
        additive = None if curves is None else Additive.from_dict(curves, features)
        return cls(boosters, "", 0, [], np.zeros(0, dtype=np.int64), np.zeros(0), additive)


def grow(
    task: Task, rungs: Sequence[TreeSize], *, events: float, seeds: int, seed: int, num_threads: int
) -> BoostedTrees:
    """Choose a size on held-out customers, then train it on every row, once per seed.

    Raises
    ------
    NotEnoughDataError
        The rows to learn from belong to so few customers that none can be held out.
    """
    few = len(task.keys) <= HOLDOUT_ROWS
    kept, ladder = _compared(task, rungs, events, seed, num_threads)
    if not few and len(kept.rows) < (task.folds == 0).sum():
        every = _Held.out(task, np.arange(len(task.keys)), seed)
        kept = every.tried(task, kept.rung, num_threads)
    elif not few and len(task.keys) <= CROSS_ROWS:
        kept = _completed(task, kept, seed, num_threads)
    found = BoostedTrees(
        (), kept.rung.name, kept.rounds, ladder, kept.rows, kept.margins, penalty=kept.penalty
    )
    return finish(task, found, kept.rung, seeds=seeds, seed=seed)


def finish(task: Task, boosted: BoostedTrees, rung: TreeSize, *, seeds: int, seed: int) -> BoostedTrees:
    """The trees learned from every row, one set per seed: what ``grow`` does last; nothing for 0 seeds."""
    if not seeds:
        return boosted
    rows = np.flatnonzero(task.learn)
    additive, offset, gains = None, task.offset, np.zeros(task.X.shape[1])
    if rung.additive:
        additive = _curves(task, rows, boosted.penalty, seed)
        offset = additive.margin(task.X)
        gains += additive.gains(task.X, task.target["binary"])
    boosters = tuple(
        task.binned.train(
            task.target[rung.objective],
            task.params(rung),
            boosted.rounds,
            rows=rows,
            seed=seed + s,
            offset=offset,
        )
        for s in range(seeds if rung.leaves else 0)
    )
    if boosters:
        gains += np.mean([b.feature_importance("gain") for b in boosters], axis=0)
    return replace(boosted, boosters=boosters, additive=additive, gains=gains)


def margins_apart(
    task: Task, boosted: BoostedTrees, rung: TreeSize, parts: Rows, *, seed: int, num_threads: int
) -> Floats:
    """Margins of every row by trees of the same size that saw no row of its part.

    Parameters
    ----------
    parts : int array of shape (rows,)
        What each row belongs to. Rows of a negative part are not learned from, and their margin is 0.
    """
    task = replace(task, learn=task.learn & (parts >= 0))
    kept = _Tried(rung, boosted.held_margins, boosted.held_rows, boosted.rounds, boosted.penalty)
    found = np.zeros(len(parts))
    for part in np.unique(parts[parts >= 0]):
        out = parts == part
        found[out] = _apart(task, kept, out, seed, num_threads)
    return found


def losses(
    task: Task, rungs: Sequence[TreeSize], *, events: float, seed: int, num_threads: int
) -> list[dict[str, Any]]:
    """How each size does on held-out customers, as in ``BoostedTrees.ladder``; nothing is grown on all rows.

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

    rung: TreeSize
    margins: Floats
    rows: Rows
    rounds: int
    penalty: float


@dataclass
class _Held:
    """A *pool* of rows, held out part by part: per part whom to learn from and who is held out, and curves on demand."""

    pool: Rows
    splits: list[tuple[Rows, Rows]]
    seed: int
    lines: tuple[list[Floats], float] | None = None

    @classmethod
    def out(cls, task: Task, pool: Rows, seed: int) -> _Held:
        """Every fold of *pool* with few rows, else the first."""
        folds = np.unique(task.folds) if len(task.keys) <= HOLDOUT_ROWS else (0,)
        held = [pool[task.folds[pool] == fold] for fold in folds]
        inside = [pool[(task.folds[pool] != fold) & task.learn[pool]] for fold in folds]
        return cls(pool, [*zip(inside, held, strict=True)], seed)

    def tried(self, task: Task, rung: TreeSize, num_threads: int) -> _Tried:
        """The rung with the number of rounds, and with the penalty, that is best on average over what is held out."""
        offsets, penalty = (
            self.curves(task) if rung.additive else ([task.offset] * len(self.splits), math.nan)
        )
        boosters, rounds = self._boosters(task, rung, offsets)
        margins = [
            _margin(task, rung, out, booster, offset, num_threads)
            for (_, out), booster, offset in zip(self.splits, boosters, offsets, strict=True)
        ]
        rows = np.concatenate([out for _, out in self.splits])
        order = np.argsort(rows)
        return _Tried(rung, np.concatenate(margins)[order], rows[order], rounds, penalty)

    def curves(self, task: Task) -> tuple[list[Floats], float]:
        """Per part the margins of all rows by curves that learned from that part's rows, and their penalty."""
        if self.lines is None:
            ridge, drawn = task.ridge(self.pool, self.seed)
            hit, lost, paths = task.target["binary"], np.zeros(len(PENALTIES)), []
            for rows, out in self.splits:
                inside = np.flatnonzero(np.isin(drawn, rows))
                held = np.flatnonzero(np.isin(drawn, out))
                paths.append(ridge.lines(inside, hit[drawn[inside]], PENALTIES))
                lost += [
                    float(task.loss(ridge.columns[held] @ weights + base, drawn[held]).sum())
                    for weights, base in paths[-1]
                ]
            best = int(np.argmin(lost))
            margins = [ridge.curves(path[best]).margin(task.X) for path in paths]
            self.lines = margins, PENALTIES[best]
        return self.lines

    def _boosters(
        self, task: Task, rung: TreeSize, offsets: Sequence[Floats | None]
    ) -> tuple[list[lgb.Booster | None], int]:
        if not rung.leaves:
            return [None] * len(self.splits), 0
        target, params = task.target[rung.objective], task.params(rung)
        checks = [out[task.learn[out]] for _, out in self.splits]
        judged = [i for i, check in enumerate(checks) if len(check)]
        found = task.binned.train_until_worse(
            target,
            params,
            rung.most,
            splits=[(self.splits[i][0], checks[i]) for i in judged],
            offsets=[offsets[i] for i in judged],
            seed=self.seed,
        )
        by_part: dict[int, lgb.Booster] = dict(zip(judged, found, strict=True))
        rounds = found[0].best_iteration
        for i, (rows, _) in enumerate(self.splits):
            if i not in by_part:  # nobody in it to judge by
                by_part[i] = task.binned.train(
                    target, params, rounds, rows=rows, seed=self.seed, offset=offsets[i]
                )
        return [by_part[i] for i in range(len(self.splits))], rounds


def _compared(
    task: Task, rungs: Sequence[TreeSize], events: float, seed: int, num_threads: int
) -> tuple[_Tried, list[dict[str, Any]]]:
    """The size to keep, and what each size loses: by folds of customers, or on a sample with one part held out."""
    few = len(task.keys) <= HOLDOUT_ROWS
    parts = set(np.unique(task.folds[task.learn]).tolist())
    if len(parts) < 2 or (not few and 0 not in parts):
        raise NotEnoughDataError(
            "nearly all rows to learn from belong to one customer",
            where="training set",
            expected="rows of many customers",
            fix="add customers, or check that customer_id tells them apart",
        )
    held = _Held.out(task, np.arange(len(task.keys)) if few else task.sample(events, seed), seed)
    tried: list[_Tried] = []
    for rung in rungs:
        tried.append(held.tried(task, rung, num_threads))
        kept, ladder = _choose(tried, task)
        if rung.leaves >= _RICH and all(_clearly_worse(step, ladder) for step in ladder[-2:]):
            break
    return kept, ladder


def _clearly_worse(step: dict[str, Any], ladder: list[dict[str, Any]]) -> bool:
    """Whether a size loses to the best by more than a standard error."""
    return bool(step["loss"] - min(one["loss"] for one in ladder) > step["standard_error"])


def _curves(task: Task, rows: Rows, penalty: float, seed: int) -> Additive:
    """The curves that *rows* teach with this penalty."""
    ridge, drawn = task.ridge(rows, seed)
    (line,) = ridge.lines(np.arange(len(drawn)), task.target["binary"][drawn], [penalty])
    return ridge.curves(line)


def _completed(task: Task, kept: _Tried, seed: int, num_threads: int) -> _Tried:
    """The same with margins of the other parts as well, each by a model that never saw it."""
    margins = np.zeros(len(task.keys))
    margins[kept.rows] = kept.margins
    for fold in range(1, _HOLDOUT_FOLDS):
        out = task.folds == fold
        margins[out] = _apart(task, kept, out, seed, num_threads)
    return replace(kept, margins=margins, rows=np.arange(len(task.keys)))


def _apart(task: Task, kept: _Tried, out: NDArray[np.bool_], seed: int, num_threads: int) -> Floats:
    """Margins of the rows *out* by boosted trees of the size *kept* that learned from all others."""
    rows, held = np.flatnonzero(~out & task.learn), np.flatnonzero(out)
    rung, offset, booster = kept.rung, task.offset, None
    if rung.additive:
        offset = _curves(task, rows, kept.penalty, seed).margin(task.X)
    if rung.leaves:
        booster = task.binned.train(
            task.target[rung.objective], task.params(rung), kept.rounds, rows=rows, seed=seed, offset=offset
        )
    return _margin(task, rung, held, booster, offset, num_threads)


def _margin(
    task: Task,
    rung: TreeSize,
    rows: Rows,
    booster: lgb.Booster | None,
    offset: Floats | None,
    num_threads: int,
) -> Floats:
    """Margins of *rows* by trees, and by the curves that they start from; an offset of the task is not in them."""
    found = np.zeros(len(rows)) if booster is None else tree_margins(booster, task.X[rows], num_threads)
    return found + offset[rows] if rung.additive and offset is not None else found


def _choose(tried: list[_Tried], task: Task) -> tuple[_Tried, list[dict[str, Any]]]:
    """The simplest rung within one standard error, by customer, of the best."""
    judged = task.learn[tried[0].rows]
    rows = tried[0].rows[judged]
    losses = [task.loss(one.margins[judged], rows) for one in tried]
    means = [float(loss.mean()) for loss in losses]
    best = int(np.argmin(means))
    errors = [clustered_error(loss - losses[best], task.keys[rows]) for loss in losses]
    ladder = [
        {"name": one.rung.name, "loss": mean, "standard_error": error, "rounds": one.rounds}
        for one, mean, error in zip(tried, means, errors, strict=True)
    ]
    near = [not _clearly_worse(step, ladder) for step in ladder]
    return tried[near.index(True)], ladder
