"""Logistic regression with a ridge penalty, learned as curves.

Amounts, counts and durations count by their logarithm, a number that may be below 0 is brought to a normal shape by its
ranks, either straight between at most 30 knots; columns that are missing together share a flag; a category has a
column per level. A weight against a declared direction is held at 0. The penalty is for the caller to choose, on
customers held out.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import cho_factor, cho_solve
from scipy.special import expit, log_expit, ndtri
from threadpoolctl import threadpool_limits

from cxml.models.additive import Additive, FeatureCurve

Floats = NDArray[np.float64]
Matrix = NDArray[np.float32]
PENALTIES = (10_000.0, 3_000.0, 1_000.0, 300.0, 100.0, 30.0, 10.0, 3.0, 1.0)
"""From strong to weak. Half of one times the sum of squared weights is added to the summed log loss."""
_KNOTS = 30
_WIDEST = 3.0
_SMALL = 0.1
_LEVEL_ROWS = 10
"""Rows that a level needs for a weight of its own; fewer would be shrunk to nearly nothing."""
_STEPS, _LEAST_STEP, _ENOUGH = 100, 1e-4, 1e-6


Line = tuple[Floats, float]
"""The weights of a linear model, and its base."""


@dataclass(frozen=True, eq=False)
class Ridge:
    """Rows as the columns of a linear model, each with mean 0.

    Attributes
    ----------
    columns : array of shape (rows, columns)
    directions : int array of shape (columns,)
        1 or -1 where a weight may not be below or above 0.
    features : int

    References
    ----------
    Hoerl, Kennard (1970), Ridge regression, Technometrics 12; Böhning, Lindsay (1988), Monotonicity of
    quadratic-approximation algorithms, Annals of the Institute of Statistical Mathematics 40 (one matrix, many steps).
    """

    columns: Floats
    directions: NDArray[np.int64]
    features: int
    _blocks: dict[int, _Block]

    @classmethod
    def learn(cls, X: Matrix, categorical: Sequence[int] = (), signs: Sequence[int] = ()) -> Ridge:
        """The columns of the rows *X*, which say nothing of outcomes.

        Parameters
        ----------
        X : float32 array of shape (rows, features)
            Missing is NaN.
        categorical : sequence of int
            Features that hold codes.
        signs : sequence of int
            Per feature 1 or -1 where more of it may only raise or lower the score, else 0. Empty: all 0. What is
            missing is free.
        """
        blocks, directions = _blocks(X, set(categorical), signs)
        columns = np.zeros((len(X), len(directions)))
        for i, block in blocks.items():
            block.add(X[:, i], columns)
        return cls(columns, directions, X.shape[1], blocks)

    def lines(self, rows: NDArray[np.int64], hit: Floats, penalties: Sequence[float]) -> list[Line]:
        """One logistic regression per penalty on *rows* with outcomes *hit* (0 or 1), each starting from the one before."""
        columns = self.columns[rows]
        rate = np.clip(hit.mean(), 0.5 / len(hit), 1 - 0.5 / len(hit))
        found, weights, base = [], np.zeros(columns.shape[1]), float(np.log(rate / (1 - rate)))
        with threadpool_limits(1, user_api="blas"):  # the same digits whatever the machine
            problem = _Problem(columns, columns.T @ columns, hit)
            for penalty in penalties:
                weights, base = problem.solve(penalty, weights, base)
                against = weights * self.directions < 0
                while against.any():
                    kept = ~against
                    part = _Problem(columns[:, kept], problem.gram[np.ix_(kept, kept)], hit)
                    weights[against] = 0.0
                    weights[kept], base = part.solve(penalty, weights[kept], base)
                    if not (weights * self.directions < 0).any():
                        break
                    against |= weights * self.directions < 0
                found.append((weights.copy(), base))
        return found

    def curves(self, line: Line) -> Additive:
        """A line as a curve per feature."""
        weights, base = line
        curves = (self._blocks[i].curve(weights) if i in self._blocks else None for i in range(self.features))
        return Additive(base, tuple(curves))


@dataclass(frozen=True, eq=False)
class _Block:
    """The columns of the linear model that a feature has a part in.

    Attributes
    ----------
    at : array of shape (knots,)
    values : array of shape (knots + 1, its columns)
        What the feature puts into each column at each knot, and in the last row where it is missing.
    which : int array of shape (its columns,)
    """

    at: Floats
    values: Floats
    which: NDArray[np.int64]

    def add(self, feature: NDArray[np.float32], columns: Floats) -> None:
        """Put the feature into its *columns*."""
        for j, values in zip(self.which, self.values.T, strict=True):
            columns[:, j] += FeatureCurve(tuple(self.at), tuple(values[:-1]), values[-1]).of(feature)

    def curve(self, weights: Floats) -> FeatureCurve:
        adds = self.values @ weights[self.which]
        return FeatureCurve(tuple(self.at.tolist()), tuple(adds[:-1].tolist()), float(adds[-1]))


def _blocks(
    X: Matrix, categorical: set[int], signs: Sequence[int]
) -> tuple[dict[int, _Block], NDArray[np.int64]]:
    """The blocks by feature, and the direction that each column must keep to."""
    missing = np.isnan(X)
    shaped: dict[int, tuple[Floats, Floats]] = {}
    together: dict[bytes, list[int]] = defaultdict(list)
    for i in range(X.shape[1]):
        known = X[~missing[:, i], i].astype(np.float64)
        if not len(known):
            continue
        at, values = _levels(known, len(X)) if i in categorical else _shape(known)
        if missing[:, i].any():
            together[missing[:, i].tobytes()].append(i)
        elif not values.shape[1]:
            continue
        shaped[i] = at, values
    flags = {i: (number, len(alike)) for number, alike in enumerate(together.values()) for i in alike}
    directions, blocks = [0] * len(together), {}
    for i, (at, values) in shaped.items():
        which = [len(directions) + j for j in range(values.shape[1])]
        directions += [signs[i] if signs else 0] * len(which)
        if i in flags:
            number, alike = flags[i]
            share = float(missing[:, i].mean())
            flag = np.append(np.full(len(at), -share), 1 - share) / alike
            values, which = np.column_stack([values, flag]), [*which, number]
        blocks[i] = _Block(at, values, np.array(which, dtype=np.int64))
    return blocks, np.array(directions, dtype=np.int64)


def _shape(known: Floats) -> tuple[Floats, Floats]:
    """Knots, and the score of each: one column of mean 0 and variance 1 over the *known* rows, 0 where missing."""
    unique, counts = np.unique(known, return_counts=True)
    middle = (np.cumsum(counts) - counts / 2) / len(known)
    if len(unique) > _KNOTS:
        wanted = np.quantile(known, np.linspace(0, 1, _KNOTS), method="nearest")
        kept = np.unique(np.searchsorted(unique, wanted))
        unique, middle = unique[kept], middle[kept]
    if len(unique) < 2:
        return unique, np.zeros((len(unique) + 1, 0))
    score = ndtri(middle) if unique[0] < 0 else _standard(_multiples(unique, known), unique, known)
    score = _standard(np.clip(score, -_WIDEST, _WIDEST), unique, known)
    return unique, np.append(score, 0.0)[:, None]


def _multiples(at: Floats, known: Floats) -> Floats:
    """The logarithm of 1 and of how many times a small one of the *known* values each is: alike in every unit.

    Ranks would stretch the middle of a crowded range, where customers hardly differ, and change with who else is there.
    """
    return np.asarray(np.log1p(at / np.quantile(known[known > 0], _SMALL)))


def _standard(score: Floats, at: Floats, known: Floats) -> Floats:
    """The *score* at each knot with mean 0 and variance 1 over the *known* rows."""
    there = np.interp(known, at, score)
    return np.asarray((score - there.mean()) / there.std())


def _levels(known: Floats, rows: int) -> tuple[Floats, Floats]:
    """The codes, and a column for each that has enough rows, less its share of all *rows*."""
    codes, counts = np.unique(known, return_counts=True)
    enough = counts >= _LEVEL_ROWS
    own = np.vstack([np.eye(len(codes))[:, enough], np.zeros(int(enough.sum()))])
    return codes, own - counts[enough] / rows


@dataclass(frozen=True, eq=False)
class _Problem:
    """Log loss of *hit* by a weighted sum of *columns*, whose products among each other are *gram*."""

    columns: Floats
    gram: Floats
    hit: Floats

    def solve(self, penalty: float, weights: Floats, base: float) -> Line:
        """The best weights and base, from those given."""
        margin = self.columns @ weights + base
        loss, factor, scale = self._loss(margin, weights, penalty), None, 0.0
        for _ in range(_STEPS):
            p = expit(margin)
            bend = float(np.mean(p * (1 - p))) + 1e-9
            if factor is None or not 0.7 < bend / scale < 1.4:
                scale, matrix = bend, bend * self.gram
                matrix[np.diag_indices_from(matrix)] += penalty
                factor = cho_factor(matrix, overwrite_a=True, check_finite=False)
            slope = self.columns.T @ (p - self.hit) + penalty * weights
            step = cho_solve(factor, slope, check_finite=False)
            up = float((p - self.hit).sum()) / (scale * len(p))
            along, size = self.columns @ step + up, 1.0
            while (there := self._loss(margin - size * along, weights - size * step, penalty)) > loss:
                size /= 2
                if size < _LEAST_STEP:
                    return weights, base
            weights, base, margin = weights - size * step, base - size * up, margin - size * along
            if loss - there < _ENOUGH * len(p):
                break
            loss = there
        return weights, base

    def _loss(self, margin: Floats, weights: Floats, penalty: float) -> float:
        data = -float(np.sum(np.where(self.hit == 1, log_expit(margin), log_expit(-margin))))
        return data + penalty / 2 * float(weights @ weights)
