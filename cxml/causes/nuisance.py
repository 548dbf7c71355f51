"""What controls alone say about leaving and about a treatment: expectations out of fold.

Two learners stand for each target, a ridge of hinges and small trees; the one with the lower loss on
customers it has not seen is kept. Nothing of a held-out fold is looked at before it is forecast: neither
which columns are used, nor how strongly they are shrunk, nor what is learned.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from pandas.api import types as kinds
from scipy.linalg import cho_factor, cho_solve

from cxml.models.conditional_mean import MeanTrees
from cxml.sampling import customer_folds

Floats = NDArray[np.float64]
Folds = NDArray[np.int64]

MOST_COLUMNS = 60
"""Columns that the learners see at most; of more, those that say most about the targets."""

_QUANTILES = (0.10, 0.35, 0.65, 0.90)
_KINKS = (1.0, 2.0)
_EDGES = (0.005, 0.995)
_FREQUENT = 0.01
_MOST_LEVELS = 20
_PENALTIES = (1e-4, 1e-3, 1e-2, 1e-1, 1.0, 10.0)
_MIDDLE = 1e-2
_TWICE = 4.0
_LOOKED_AT = 20_000


def folds_of(groups: ArrayLike | pd.Series, folds: int = 4, seed: int = 0) -> Folds:
    """The fold in ``0 .. folds - 1`` of each row; all rows of a customer share one.

    >>> folds_of(["a", "b", "a"]).tolist()
    [2, 3, 2]
    """
    return customer_folds(groups, folds, seed)


def hinges(C: pd.DataFrame) -> Floats:
    """A basis in which a straight line can bend: what the ridge is fitted on.

    Per number: its value, the part of it above its 10, 35, 65 and 90 % quantile (of whole numbers also
    above 1 and 2), and whether it is missing, which counts as the median. Numbers are cut at their 0.5 and
    99.5 % quantile. Per text: whether it is each of the frequent levels. Constant columns are dropped.

    Returns
    -------
    array of shape (rows, basis columns)

    Examples
    --------
    >>> hinges(pd.DataFrame({"contacts": [0, 1, 2, 3], "plan": ["a", "a", "b", "b"]})).tolist()
    [[0.0, 0.0, 0.0, 1.0, 0.0], [1.0, 0.0, 0.0, 1.0, 0.0], [2.0, 1.0, 0.0, 0.0, 1.0], [3.0, 2.0, 1.0, 0.0, 1.0]]
    """
    return _matrix([part for _, column in C.items() for part in _basis(column)], len(C))


def cross_fitted(C: pd.DataFrame, targets: Floats, folds: Folds) -> Floats:
    """E[target | C] of each row, learned on the other folds.

    Parameters
    ----------
    C : DataFrame of shape (rows, columns)
        Controls: numbers, flags and texts. Of more than 60 columns those are used that say most about
        the targets within the training folds.
    targets : array of shape (rows, k)
        What to expect, such as leaving and a treatment; no missing values.
    folds : int array of shape (rows,)
        As ``folds_of`` gives them.

    Returns
    -------
    array of shape (rows, k)

    References
    ----------
    Chernozhukov et al. (2018), Double/debiased machine learning for treatment and structural parameters,
    Econometrics Journal 21. Belloni, Chernozhukov, Hansen (2014), Inference on treatment effects after
    selection among high-dimensional controls, Review of Economic Studies 81: columns are chosen for the
    treatment as well as for the outcome.
    """
    whole = np.asarray(targets, dtype=np.float64)
    return Expectation(C, whole, folds).of(whole)


class Expectation:
    """What controls say about targets, for several targets and sets of controls of the same rows.

    Parameters
    ----------
    C : DataFrame of shape (rows, columns)
        All controls that any of the targets has.
    targets : array of shape (rows, k)
        For what the columns are chosen, where there are more than 60.
    folds : int array of shape (rows,)
    """

    def __init__(self, C: pd.DataFrame, targets: Floats, folds: Folds) -> None:
        self._folds = folds
        chosen = _chosen(C, targets, folds)
        names = sorted({column for part in chosen for column in part})
        place = {column: i for i, column in enumerate(names)}
        self._C = C.iloc[:, names]
        self._parts = [[place[column] for column in part] for part in chosen]
        self._lines = _Lines(self._C, folds)

    @cached_property
    def _boosted(self) -> MeanTrees:
        return MeanTrees(self._C)

    def of(
        self,
        targets: Floats,
        columns: Collection[str] | None = None,
        *,
        trees: bool = True,
    ) -> Floats:
        """E[target | columns] out of fold; all columns when None, and by lines alone without *trees*."""
        parts = self._of(columns)
        if not all(parts):
            return _means(targets, self._folds)
        lines = self._lines.forecast(targets, parts)
        return self._better_of_trees(targets, parts, lines) if trees else lines

    def of_pair(self, targets: Floats, columns: Collection[str]) -> Floats:
        """E[leaving | columns] and E[treatment | columns], with trees where that could matter to the effect.

        The bias that lines leave is at most the product of what they miss of both: trees are grown when, by
        the first fold, that could be more than two standard errors.
        """
        parts = self._of(columns)
        if not all(parts):
            return _means(targets, self._folds)
        lines = self._lines.forecast(targets, parts)
        held, missed, first = np.flatnonzero(self._folds == self._folds.min()), 1.0, list[Floats]()
        for j in (1, 0):
            grown = self._grown(targets[:, [j]], self._folds.min(), parts[0])[:, 0]
            first.insert(0, grown)
            gain = _loss(targets[held, j], lines[held, j], grown)
            missed *= max(gain / float(np.mean((targets[held, j] - grown) ** 2) or 1.0), 0.0)
            if missed * len(targets) <= _TWICE:
                return lines
        return self._better_of_trees(targets, parts, lines, np.column_stack(first))

    def roughly(self, targets: Floats, columns: Collection[str]) -> Floats:
        """The same by lines with one penalty for all: quick, and alike for more and for fewer columns."""
        parts = self._of(columns)
        if not all(parts):
            return _means(targets, self._folds)
        return self._lines.forecast(targets, parts, (_MIDDLE,))

    def _of(self, columns: Collection[str] | None) -> list[list[int]]:
        """Per fold, those of its columns that are among *columns*."""
        names = list(self._C.columns)
        wanted = set(names if columns is None else columns)
        return [[column for column in part if names[column] in wanted] for part in self._parts]

    def _grown(self, targets: Floats, fold: int, part: Sequence[int]) -> Floats:
        """What trees of the other folds say about the rows of one."""
        train, held = np.flatnonzero(self._folds != fold), np.flatnonzero(self._folds == fold)
        return np.column_stack([self._boosted.forecast(target, train, held, part) for target in targets.T])

    def _better_of_trees(
        self, targets: Floats, parts: Sequence[list[int]], lines: Floats, first: Floats | None = None
    ) -> Floats:
        """The forecasts of trees where they lose less than the lines; who loses on the first fold stops there.

        *first* are the trees' forecasts of the first fold, where they are known.
        """
        grown, racing, best = np.full_like(lines, np.nan), np.arange(targets.shape[1]), lines.copy()
        for i, (fold, part) in enumerate(zip(np.unique(self._folds), parts, strict=True)):
            if not len(racing):
                break
            held = np.flatnonzero(self._folds == fold)
            known = first if i == 0 else None
            grown[np.ix_(held, racing)] = (
                self._grown(targets[:, racing], fold, part) if known is None else known
            )
            lost = [_loss(targets[held, j], grown[held, j], lines[held, j]) >= 0 for j in racing]
            racing = racing[~np.array(lost)]
        for j in racing:
            if _loss(targets[:, j], grown[:, j], lines[:, j]) < 0:
                best[:, j] = grown[:, j]
        return best


def _means(targets: Floats, folds: Folds) -> Floats:
    """The mean of the other folds: all there is to say without controls."""
    found = np.empty_like(targets)
    for fold in np.unique(folds):
        found[folds == fold] = targets[folds != fold].mean(axis=0)
    return found


def _loss(actual: Floats, one: Floats, other: Floats) -> float:
    """By how much the mean squared error of the one exceeds that of the other."""
    return float(np.mean((actual - one) ** 2) - np.mean((actual - other) ** 2))


# --- the ridge -------------------------------------------------------------------------------------------


class _Lines:
    """A ridge of hinges: the basis of all columns, and the sums of its products over each fold."""

    def __init__(self, C: pd.DataFrame, folds: Folds) -> None:
        self._order = np.argsort(folds, kind="stable")  # a fold is then one piece of the basis
        edges = np.searchsorted(folds[self._order], np.unique(folds))
        self._held = [slice(a, b) for a, b in zip(edges, [*edges[1:], len(folds)], strict=True)]
        bases = [_basis(column) for _, column in C.iloc[self._order].items()]
        widths = np.cumsum([0, *map(len, bases)])
        self._place = [np.arange(a, b) for a, b in pairwise(widths)]
        self._X = _matrix([_standard(part) for parts in bases for part in parts], len(C))
        self._products = [(X.sum(axis=0), X.T @ X) for X in (self._X[held] for held in self._held)]

    def forecast(
        self, targets: Floats, parts: Sequence[Sequence[int]], penalties: Sequence[float] = _PENALTIES
    ) -> Floats:
        """The targets out of fold; each fold has its own columns.

        The penalty is the one with which the other folds, left out in turn, are forecast best by the rest of them.
        """
        level = targets.mean(axis=0)
        Y = targets[self._order] - level
        sums = [
            _Sums.of(self._X[h], Y[h], *known) for h, known in zip(self._held, self._products, strict=True)
        ]
        found = np.empty_like(targets)
        for f, (held, part) in enumerate(zip(self._held, parts, strict=True)):
            own = np.concatenate([self._place[c] for c in part])
            line = _ridge([one.only(own) for i, one in enumerate(sums) if i != f], penalties)
            slopes = np.zeros((self._X.shape[1], targets.shape[1]))
            slopes[own] = line.slopes
            others = np.delete(Y, held, axis=0)
            straight = np.clip(self._X[held] @ slopes + line.level, others.min(axis=0), others.max(axis=0))
            found[self._order[held]] = straight + level
        return found


class _Sums:
    """What a ridge needs to know of some rows: their number, sums, and sums of products."""

    def __init__(self, n: float, x: Floats, y: Floats, xx: Floats, xy: Floats, yy: Floats) -> None:
        self.n, self.x, self.y, self.xx, self.xy, self.yy = n, x, y, xx, xy, yy

    @classmethod
    def of(cls, X: Floats, Y: Floats, x: Floats | None = None, xx: Floats | None = None) -> _Sums:
        """The sums over rows; those without *Y* may be known."""
        return cls(
            len(X),
            X.sum(axis=0) if x is None else x,
            Y.sum(axis=0),
            X.T @ X if xx is None else xx,
            X.T @ Y,
            (Y**2).sum(axis=0),
        )

    def only(self, columns: NDArray[np.int64]) -> _Sums:
        return _Sums(
            self.n, self.x[columns], self.y, self.xx[np.ix_(columns, columns)], self.xy[columns], self.yy
        )

    def __add__(self, other: _Sums) -> _Sums:
        return _Sums(
            self.n + other.n,
            self.x + other.x,
            self.y + other.y,
            self.xx + other.xx,
            self.xy + other.xy,
            self.yy + other.yy,
        )

    def loss(self, lines: _Line) -> Floats:
        """Sum of squared errors per target of lines that were learned elsewhere."""
        b, a = lines.slopes, lines.level
        squares = self.yy + ((self.xx @ b) * b).sum(axis=0) + self.n * a**2
        return np.asarray(squares - 2 * (self.xy * b).sum(axis=0) - 2 * a * self.y + 2 * a * (self.x @ b))


@dataclass(frozen=True)
class _Line:
    """Slopes of shape (columns, targets) and a level per target."""

    slopes: Floats
    level: Floats


def _ridge(sums: Sequence[_Sums], penalties: Sequence[float]) -> _Line:
    """The ridge on all sums, its penalty per target chosen by leaving out each in turn."""
    paths = _path(_total(sums), penalties)
    if len(penalties) == 1 or len(sums) == 1:
        return paths[len(paths) // 2]
    losses = np.zeros((len(penalties), len(sums[0].y)))
    for i, out in enumerate(sums):
        rest = _path(_total([one for j, one in enumerate(sums) if j != i]), penalties)
        losses += [out.loss(line) for line in rest]
    best = losses.argmin(axis=0)
    slopes = np.column_stack([paths[p].slopes[:, j] for j, p in enumerate(best)])
    return _Line(slopes, np.array([paths[p].level[j] for j, p in enumerate(best)]))


def _total(sums: Sequence[_Sums]) -> _Sums:
    return sum(sums[1:], start=sums[0])


def _path(sums: _Sums, penalties: Sequence[float]) -> list[_Line]:
    """The ridge of each penalty, which is per row and column of unit spread."""
    x, y = sums.x / sums.n, sums.y / sums.n
    products, with_targets = sums.xx / sums.n - np.outer(x, x), sums.xy / sums.n - np.outer(x, y)
    found = []
    for penalty in penalties:
        shrunk = cho_factor(products + penalty * np.eye(len(x)), overwrite_a=True, check_finite=False)
        slopes = np.asarray(cho_solve(shrunk, with_targets, check_finite=False), np.float64)
        found.append(_Line(slopes, np.asarray(y - x @ slopes)))
    return found


# --- which columns, and in which shape -------------------------------------------------------------------


def _chosen(C: pd.DataFrame, targets: Floats, folds: Folds) -> list[list[int]]:
    """Per fold, the columns that are looked at, chosen on the other folds."""
    every, numbers = list(range(C.shape[1])), np.unique(folds)
    if len(every) <= MOST_COLUMNS:
        return [every for _ in numbers]
    numeric = [_is_number(column) for _, column in C.items()]
    texts, others = ([i for i in every if numeric[i] is wanted] for wanted in (False, True))
    seen = slice(None, None, -(-len(C) // _LOOKED_AT))
    X = np.column_stack([_filled(_numbers(column)) for _, column in C.iloc[seen, others].items()])
    X = (X - X.mean(axis=0)) / np.maximum(X.std(axis=0), 1e-12)
    Y = targets[seen] - targets[seen].mean(axis=0)
    sums = [_Sums.of(X[folds[seen] == fold], Y[folds[seen] == fold]) for fold in numbers]
    room = max(1, MOST_COLUMNS - len(texts))
    found = []
    for f in range(len(numbers)):
        rest = [one for i, one in enumerate(sums) if i != f]
        picked = _strongest(_total(rest), room)
        found.append(sorted([*texts, *(others[i] for i in picked)]))
    return found


def _strongest(sums: _Sums, most: int) -> list[int]:
    """Columns one after the other, each that which explains most of a target beside those picked before.

    The targets take turns (orthogonal matching pursuit; Pati et al. 1993), so that of many windows of one
    figure a few are picked, and a column that only tells the treatment is as welcome as one that tells leaving.
    """
    left = sums.xx / sums.n - np.outer(sums.x, sums.x) / sums.n**2
    with_targets = sums.xy / sums.n - np.outer(sums.x, sums.y) / sums.n**2
    first, picked = left.diagonal().copy(), list[int]()
    for turn in range(min(most, len(first))):
        own = left.diagonal()
        gain = with_targets[:, turn % with_targets.shape[1]] ** 2 / np.maximum(own, 1e-12)
        gain[own < 1e-3 * np.maximum(first, 1e-9)] = -1.0
        gain[picked] = -1.0
        best = int(gain.argmax())
        if gain[best] < 0:
            break
        picked.append(best)
        row, own_target = left[best] / left[best, best], with_targets[best].copy()
        with_targets = with_targets - np.outer(row, own_target)
        left = left - np.outer(left[:, best], row)
    return picked


def _is_number(column: pd.Series[Any]) -> bool:
    return kinds.is_numeric_dtype(column.dtype) or kinds.is_bool_dtype(column.dtype)


def _numbers(column: pd.Series[Any]) -> Floats:
    return column.to_numpy(dtype=np.float64, na_value=np.nan)


def _filled(x: Floats) -> Floats:
    """The numbers with the median for missing, cut at the edges where that leaves more than one value."""
    known = x[~np.isnan(x)]
    if not len(known):
        return np.zeros_like(x)
    low, middle, high = np.quantile(known, (_EDGES[0], 0.5, _EDGES[1]), method="nearest")
    whole = np.where(np.isnan(x), middle, x)
    return np.clip(whole, low if low < middle else -np.inf, high if high > middle else np.inf)


def _basis(column: pd.Series[Any]) -> list[Floats]:
    """The basis of one column, each part of shape (rows,); no part at all where it is constant."""
    found = _bends(_numbers(column)) if _is_number(column) else _levels(column)
    return [part for part in found if part.min() < part.max()]


def _bends(x: Floats) -> list[Floats]:
    """A number, its hinges, and whether it is missing."""
    missing, x = np.isnan(x), _filled(x)
    knots = np.quantile(x, _QUANTILES, method="nearest")
    if np.array_equal(x, np.round(x)):
        knots = np.append(knots, _KINKS)
    knots = np.unique(knots[(knots > x.min()) & (knots < x.max())])
    return [x, *(np.maximum(x - knot, 0.0) for knot in knots), missing.astype(np.float64)]


def _levels(column: pd.Series[Any]) -> list[Floats]:
    """Whether the text is each of the frequent levels, and whether it is missing."""
    codes, names = pd.factorize(column)
    counts = np.bincount(codes[codes >= 0], minlength=len(names))
    order = sorted(range(len(names)), key=lambda i: (-counts[i], str(names[i])))
    frequent = [i for i in order[:_MOST_LEVELS] if counts[i] >= _FREQUENT * len(codes)]
    return [(codes == i).astype(np.float64) for i in (*frequent, -1)]


def _standard(x: Floats) -> Floats:
    """The numbers around 0, with a spread of 1."""
    return np.asarray((x - x.mean()) / max(float(x.std()), 1e-9))


def _matrix(columns: Sequence[Floats], rows: int) -> Floats:
    return np.array(columns).T if columns else np.zeros((rows, 0))
