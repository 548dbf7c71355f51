"""How well a number tells leavers from stayers, and how sure that is.

References
----------
DeLong, DeLong, Clarke-Pearson (1988), Comparing the areas under two or more correlated receiver
operating characteristic curves: a nonparametric approach, Biometrics 44.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata

Floats = NDArray[np.float64]
CERTAIN = 2.33
"""Standard errors below an estimate of the bound that it exceeds in 99 of 100 samples."""


@dataclass(frozen=True)
class Auc:
    """The area under the curve, its standard error, and the outcomes it rests on."""

    auc: float
    error: float
    leavers: int
    stayers: int

    @property
    def at_least(self) -> float:
        """A lower bound (99 %).

        One more leaver is counted, placed by chance: otherwise a few leavers in perfect order would leave no
        doubt at all.
        """
        n = self.leavers
        auc = (n * self.auc + 0.5) / (n + 1)
        error = np.sqrt((n * self.error / (n + 1)) ** 2 + n * (self.auc - 0.5) ** 2 / (n + 1) ** 3)
        return float(auc - CERTAIN * error)


def auc(churned: Floats, score: Floats) -> Auc:
    """The area under the curve of *score*, which is higher for leavers; NaN when all left or all stayed.

    >>> found = auc(np.array([0, 0, 1, 1]), np.array([0.1, 0.4, 0.3, 0.8]))
    >>> found.auc, found.leavers, round(found.at_least, 2)
    (0.75, 2, 0.1)
    """
    n_left = int((churned == 1).sum())
    if not 0 < n_left < len(churned):
        return Auc(float("nan"), float("nan"), n_left, len(churned) - n_left)
    left, stayed = _placements(churned, score)
    return Auc(float(left.mean()), _error(left, stayed), len(left), len(stayed))


def difference(churned: Floats, score: Floats, other: Floats) -> tuple[float, float]:
    """By how much the area of *score* exceeds that of *other* on the same rows, and its standard error."""
    left, stayed = _placements(churned, score)
    left_other, stayed_other = _placements(churned, other)
    return float(left.mean() - left_other.mean()), _error(left - left_other, stayed - stayed_other)


def _placements(churned: Floats, score: Floats) -> tuple[Floats, Floats]:
    """For each leaver the share of stayers below, for each stayer the share of leavers above; ties count half."""
    rank, hit = rankdata(score), churned == 1
    n_left, n_stayed = int(hit.sum()), int((~hit).sum())
    left = (rank[hit] - rankdata(score[hit])) / n_stayed
    stayed = 1 - (rank[~hit] - rankdata(score[~hit])) / n_left
    return left, stayed


def _error(left: Floats, stayed: Floats) -> float:
    parts = [part.var(ddof=1) / len(part) for part in (left, stayed) if len(part) > 1]
    return float(np.sqrt(sum(parts)))
