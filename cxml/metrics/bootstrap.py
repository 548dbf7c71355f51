"""How sure a figure is: percentile intervals of a bootstrap that draws customers.

A customer drawn twice counts twice with all its rows, so rows of one customer never stand in for several
customers. Nothing is copied: a draw is a whole number per row, and every figure is computed for a block of
draws at once, from rows that were put in order one time.

References
----------
Efron (1979), Bootstrap methods: another look at the jackknife, Annals of Statistics 7; Field, Welsh (2007),
Bootstrapping clustered data, JRSS B 69 (drawing clusters).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from scipy.special import expit, logit
from scipy.stats import norm

Floats = NDArray[np.float64]
DRAWS = 300
LEVEL = 0.95
_BLOCK = 100_000
_BINS = 10


def churn_draws(
    y: ArrayLike, p: ArrayLike, customers: ArrayLike, *, draws: int = DRAWS, seed: int = 0
) -> Draws:
    """The churn figures of ``metrics.churn_metrics`` under redrawn customers.

    Parameters
    ----------
    y, p : array-like of shape (rows,)
        1 for churned, 0 for stayed, and the probability of leaving.
    customers : array-like of shape (rows,)
        The customer of each row.
    draws, seed : int
        How often the customers are drawn, with replacement, and the seed. The same customers and seed give
        the same draws, so figures of two forecasts of the same rows can be subtracted draw by draw.

    Returns
    -------
    Draws
        ``auc``, ``pr_auc``, ``log_loss``, ``brier``, ``ece``, ``top_decile_lift``, ``base_rate`` and
        ``mean_probability``. NaN in a draw of one class where the figure needs two.
    """
    outcome, prob = np.asarray(y, dtype=np.float64), np.asarray(p, dtype=np.float64)
    small = np.finfo(np.float64).eps
    inside = np.clip(prob, small, 1 - small)
    losses = -np.where(outcome == 1, np.log(inside), np.log1p(-inside))
    means = {
        "log_loss": losses,
        "brier": (prob - outcome) ** 2,
        "base_rate": outcome,
        "mean_probability": prob,
    }
    columns = np.column_stack(list(means.values()))
    order = _Order.by(prob)

    def figures(counts: Floats) -> dict[str, Floats]:
        found = dict(zip(means, (counts @ columns).T / counts.sum(axis=1), strict=True))
        rows, left, expected = order.sums(counts, outcome, prob)
        found["auc"], found["pr_auc"] = _auc(rows, left), _average_precision(rows, left)
        found["top_decile_lift"] = _top_lift(rows, left, 0.1)
        found["ece"] = _calibration_error(*_bins(rows, left, expected))
        return found

    return _drawn(figures, customers, draws, seed)


def value_draws(
    actual: ArrayLike, predicted: ArrayLike, customers: ArrayLike, *, draws: int = DRAWS, seed: int = 0
) -> Draws:
    """The figures of ``metrics.value_metrics`` under redrawn customers: parameters as for ``churn_draws``."""
    truth, forecast = np.asarray(actual, dtype=np.float64), np.asarray(predicted, dtype=np.float64)
    columns = np.column_stack([np.abs(forecast - truth), (forecast - truth) ** 2, truth, forecast])
    # From the highest forecast down: so are the tenths numbered, and so is value added up.
    by_forecast, by_truth = _Order.by(-forecast), _Order.by(-truth)

    def figures(counts: Floats) -> dict[str, Floats]:
        size = counts.sum(axis=1)
        error, square, earned, expected = (counts @ columns).T
        rows, worth, forecasts = by_forecast.sums(counts, truth, forecast)
        own_rows, own = by_truth.sums(counts, truth)
        ranks = by_forecast.spread(_mean_ranks(rows)), by_truth.spread(_mean_ranks(own_rows))
        with np.errstate(divide="ignore", invalid="ignore"):
            best = _gini(own_rows, own)
            gini = np.where((earned > 0) & (best > 1e-12), _gini(rows, worth) / best, np.nan)
            total = np.where(earned > 0, expected / earned - 1, np.nan)
        return {
            "gini": gini,
            "spearman": _correlation(*ranks, counts),
            "decile_mape": _relative_error(*_bins(rows, worth, forecasts)),
            "mae": error / size,
            "rmse": np.sqrt(square / size),
            "total_error": total,
        }

    return _drawn(figures, customers, draws, seed)


@dataclass(frozen=True)
class Draws:
    """Figures by name, one number per draw."""

    figures: Mapping[str, Floats]

    def interval(self, name: str, level: float = LEVEL) -> tuple[float, float]:
        """The percentile interval of a figure; NaN for one that no draw gives."""
        return percentile_interval(self.figures[name], level)

    def difference(self, other: Draws, name: str, level: float = LEVEL) -> tuple[float, float]:
        """The interval of how much the figure exceeds that of *other*, drawn with the same customers and seed."""
        return percentile_interval(self.figures[name] - other.figures[name], level)


def percentile_interval(values: Floats, level: float = LEVEL) -> tuple[float, float]:
    """The two quantiles between which the share *level* of the *values* lies; NaN among them is left out.

    >>> percentile_interval(np.array([1.0, 2.0, np.nan, 3.0, 4.0, 5.0]), 0.5)
    (2.0, 4.0)
    """
    known = values[np.isfinite(values)]
    if not len(known):
        return float("nan"), float("nan")
    low, high = np.quantile(known, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)


def leavers_range(p: ArrayLike, error: float = 0.0, level: float = LEVEL) -> tuple[float, float]:
    """Between which numbers those who leave lie, with the probability *level*.

    Two things move it: chance, as one leaves with probability *p* and another does not; and the level of them all,
    whose log-odds are missed with a standard deviation of *error*. Both are taken as normal and as independent.

    >>> leavers_range([0.1] * 1000)
    (81.4, 118.6)
    >>> leavers_range([0.1] * 1000, error=0.2)
    (64.6, 145.2)
    """
    prob = np.asarray(p, dtype=np.float64)
    reach = float(norm.ppf((1 + level) / 2))
    many, chance = float(prob.sum()), reach * float(np.sqrt(np.sum(prob * (1 - prob))))
    odds = logit(np.clip(prob, 1e-12, 1 - 1e-12))
    low, high = (float(expit(odds + way * reach * error).sum()) for way in (-1, 1))
    ends = many - np.hypot(chance, many - low), many + np.hypot(chance, high - many)
    return round(max(float(ends[0]), 0.0), 1), round(min(float(ends[1]), float(len(prob))), 1)


def draw_counts(customers: ArrayLike, draws: int, seed: int) -> Iterator[Floats]:
    """How often each row counts: blocks of shape (draws in the block, rows), by customers drawn with replacement."""
    codes, names = pd.factorize(np.asarray(customers), use_na_sentinel=False)
    rng, many = np.random.default_rng(seed), len(names)
    step = max(1, _BLOCK // max(1, len(codes)))
    for start in range(0, draws, step):
        size = min(step, draws - start)
        drawn = rng.integers(0, many, size=(size, many)) + many * np.arange(size)[:, None]
        counts = np.bincount(drawn.ravel(), minlength=size * many).reshape(size, many)
        yield counts[:, codes].astype(np.float64)


def _drawn(
    figures: Callable[[Floats], dict[str, Floats]], customers: ArrayLike, draws: int, seed: int
) -> Draws:
    parts = [figures(counts) for counts in draw_counts(customers, draws, seed)]
    return Draws({name: np.concatenate([part[name] for part in parts]) for name in parts[0]})


@dataclass(frozen=True)
class _Order:
    """Rows in rising order of a number, those with the same one as one group."""

    order: NDArray[np.int64]
    starts: NDArray[np.int64]
    group: NDArray[np.int64]

    @classmethod
    def by(cls, number: Floats) -> _Order:
        order = np.argsort(number, kind="stable")
        new = np.r_[True, np.diff(number[order]) != 0]
        group = np.empty(len(order), dtype=np.int64)
        group[order] = np.cumsum(new) - 1
        return cls(order, np.flatnonzero(new), group)

    def sums(self, counts: Floats, *columns: Floats) -> tuple[Floats, ...]:
        """Rows of each group, and the sums of the *columns* over them: arrays of shape (draws, groups)."""
        rows = counts[:, self.order]
        found = (rows, *(rows * column[self.order] for column in columns))
        if len(self.starts) == len(self.order):
            return found
        return tuple(np.add.reduceat(one, self.starts, axis=1) for one in found)

    def spread(self, of_groups: Floats) -> Floats:
        """The number of each row's group, back in the order of the rows."""
        return np.asarray(of_groups[:, self.group])


def _dot(first: Floats, second: Floats) -> Floats:
    return np.asarray(np.einsum("ij,ij->i", first, second))


def _auc(rows: Floats, left: Floats) -> Floats:
    """The share of pairs of a leaver and a stayer with the leaver above; ties count half."""
    stayed = rows - left
    below = np.cumsum(stayed, axis=1)
    leavers, stayers = left.sum(axis=1), below[:, -1]
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray((_dot(left, below) - _dot(left, stayed) / 2) / (leavers * stayers))


def _average_precision(rows: Floats, left: Floats) -> Floats:
    """The precision at each forecast, from the highest down, weighted by the leavers it adds."""
    above = np.cumsum(left[:, ::-1], axis=1)
    everyone = np.cumsum(rows[:, ::-1], axis=1)
    total, size = above[:, -1].copy(), everyone[:, -1]
    precision = np.divide(above, everyone, out=above, where=everyone > 0)
    found = np.full(len(rows), np.nan)
    both = (total > 0) & (total < size)
    return np.asarray(np.divide(_dot(left[:, ::-1], precision), total, out=found, where=both))


def _top_lift(rows: Floats, left: Floats, share: float) -> Floats:
    """Leavers among the *share* with the highest forecasts against those among all; ties at its edge are shared."""
    size, total = rows.sum(axis=1), left.sum(axis=1)
    called = np.maximum(1, np.round(share * size))
    running, gone = np.cumsum(rows, axis=1), np.cumsum(left, axis=1)
    edge = np.array(
        [np.searchsorted(one, at, side="right") for one, at in zip(running, size - called, strict=True)]
    )
    draw = np.arange(len(rows))
    part = (called - (size - running[draw, edge])) / rows[draw, edge]
    found = total - gone[draw, edge] + part * left[draw, edge]
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(found / called / (total / size))


def _gini(rows: Floats, worth: Floats) -> Floats:
    """Twice the mean cumulative share of value, less what a random order gives; equal forecasts share evenly."""
    size = rows.sum(axis=1)
    before = np.cumsum(worth, axis=1)
    total = before[:, -1].copy()
    before -= worth
    running = _dot(rows, before) + (_dot(worth, rows) + total) / 2
    return np.asarray(2 * running / size / total - 1 - 1 / size)


def _mean_ranks(rows: Floats) -> Floats:
    """The mean rank, from 1, of each group."""
    return np.cumsum(rows, axis=1) - (rows - 1) / 2


def _correlation(first: Floats, second: Floats, counts: Floats) -> Floats:
    total = counts.sum(axis=1, keepdims=True)
    first = first - _dot(counts, first)[:, None] / total
    second = second - _dot(counts, second)[:, None] / total
    spread = np.sqrt(_dot(counts, first**2) * _dot(counts, second**2))
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(spread > 1e-12, _dot(counts * first, second) / spread, np.nan)


def _bins(rows: Floats, actual: Floats, predicted: Floats) -> tuple[Floats, Floats, Floats]:
    """The sums in ten bins of equal count, by the mean rank of each group: shape (draws, 10)."""
    place = _BINS * (_mean_ranks(rows) - 0.5) / rows.sum(axis=1, keepdims=True)
    starts = np.array([np.searchsorted(one, np.arange(_BINS)) for one in place])
    ends = np.concatenate([starts[:, 1:], np.full((len(rows), 1), rows.shape[1])], axis=1)

    def sums(column: Floats) -> Floats:
        # Not as differences of running sums: their rounding would make money of nothing.
        padded = np.append(column, np.zeros((len(column), 1)), axis=1)
        found = np.array([np.add.reduceat(one, at) for one, at in zip(padded, starts, strict=True)])
        return np.where(ends > starts, found, 0.0)

    return sums(rows), sums(actual), sums(predicted)


def _calibration_error(rows: Floats, actual: Floats, predicted: Floats) -> Floats:
    return np.asarray(np.abs(actual - predicted).sum(axis=1) / rows.sum(axis=1))


def _relative_error(rows: Floats, actual: Floats, predicted: Floats) -> Floats:
    """The mean of |predicted / actual - 1| over the bins with a positive actual sum."""
    earned = (actual > 0) & (rows > 0)
    with np.errstate(divide="ignore", invalid="ignore"):
        errors = np.where(earned, np.abs(predicted / actual - 1), 0.0).sum(axis=1)
        return np.where(earned.any(axis=1), errors / earned.sum(axis=1), np.nan)
