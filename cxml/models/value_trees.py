"""The boosted trees behind a value model: who brings anything, how much a buyer brings, and Tweedie trees of both."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import log_expit

from cxml.models.boosted_trees import BoostedTrees, Task, finish, grow, margins_apart
from cxml.models.tree_sizes import TreeSize

Floats = NDArray[np.float64]
Rows = NDArray[np.int64]
CHANCES = (
    TreeSize(name="small", leaves=4, rows_share=0.7, columns_share=0.4, l2=10, rate=0.1, most=500),
    TreeSize(name="middle", leaves=15, rows_share=0.8, columns_share=0.8, l2=5, rate=0.06, most=400),
)
AMOUNTS = (
    TreeSize(
        name="small, log",
        leaves=4,
        rows_share=0.7,
        columns_share=0.7,
        l2=10,
        rate=0.1,
        most=500,
        objective="regression",
    ),
    TreeSize(
        name="small, gamma",
        leaves=4,
        rows_share=0.7,
        columns_share=0.7,
        l2=10,
        rate=0.1,
        most=500,
        objective="gamma",
    ),
    TreeSize(
        name="middle, gamma",
        leaves=15,
        rows_share=0.8,
        columns_share=0.8,
        l2=5,
        rate=0.06,
        most=400,
        objective="gamma",
    ),
)
TWEEDIES = {
    leaves: replace(rung, name=f"{name}, tweedie", objective="tweedie")
    for leaves, name, rung in ((4, "small", AMOUNTS[1]), (15, "middle", AMOUNTS[2]))
}
_POWER = 1.5
_FAR = 50.0


@dataclass(frozen=True)
class Nursery:
    """Trains the boosted trees of one training table.

    Attributes
    ----------
    task : Task
        The table with its folds; targets and losses are set for each model.
    value : array of shape (rows,)
        Money.
    seeds, seed, num_threads : int
        As for ``cxml.models.boosted_trees.grow``.
    """

    task: Task
    value: Floats
    seeds: int
    seed: int
    num_threads: int

    def chance(self) -> tuple[Task, BoostedTrees]:
        """Who has a positive value."""
        positive = self.value > 0

        def loss(margin: Floats, rows: Rows) -> Floats:
            return np.asarray(-np.where(positive[rows], log_expit(margin), log_expit(-margin)))

        task = replace(self.task, target={"binary": positive.astype(np.float64)}, loss=loss)
        events = min(positive.sum(), (~positive).sum())
        return task, grow(task, CHANCES, events=events, seeds=self.seeds, **self._common())

    def amount(self) -> tuple[Task, BoostedTrees]:
        """What those with a positive value bring; trees on all rows are not grown yet."""
        positive = self.value > 0
        amounts = np.where(positive, self.value, 1.0)
        task = replace(
            self.task,
            target={"gamma": amounts, "regression": np.log(amounts)},
            learn=positive,
            loss=lambda margin, rows: gamma_loss(margin, amounts[rows]),
        )
        return task, grow(task, AMOUNTS, events=positive.sum(), seeds=0, **self._common())

    def tweedie(self, leaves: int, offset: Floats | None = None) -> tuple[Task, BoostedTrees]:
        """What anybody brings, on top of the log-money *offset*; trees on all rows are not grown yet."""
        earned = np.maximum(self.value, 0.0)

        def loss(margin: Floats, rows: Rows) -> Floats:
            return tweedie_loss(margin if offset is None else margin + offset[rows], earned[rows])

        task = replace(self.task, target={"tweedie": earned}, loss=loss, offset=offset)
        events = (earned > 0).sum()
        return task, grow(task, (TWEEDIES[leaves],), events=events, seeds=0, **self._common())

    def finish(self, task: Task, boosted: BoostedTrees) -> BoostedTrees:
        """The boosted trees, grown on all rows."""
        return finish(task, boosted, _rung(boosted), seeds=self.seeds, seed=self.seed)

    def apart(self, task: Task, boosted: BoostedTrees, parts: Rows) -> Floats:
        """Margins of every row by trees of the same size that saw no row of its part."""
        return margins_apart(task, boosted, _rung(boosted), parts, **self._common())

    def _common(self) -> dict[str, Any]:
        return {"seed": self.seed, "num_threads": self.num_threads}


def _rung(boosted: BoostedTrees) -> TreeSize:
    return next(one for one in (*CHANCES, *AMOUNTS, *TWEEDIES.values()) if one.name == boosted.rung)


def gamma_loss(margin: Floats, amount: Floats) -> Floats:
    """Gamma deviance of each row, without its constant, after the total is met.

    The mean is what minimises it, and errors count relative to the amount: heavy tails do not rule.
    """
    mean = np.exp(np.clip(margin, -_FAR, _FAR))
    mean *= np.mean(amount / mean)
    return np.asarray(np.log(mean) + amount / mean)


def tweedie_loss(margin: Floats, value: Floats) -> Floats:
    """Tweedie deviance of each row with power 1.5, halved and without its constant."""
    log_mean = np.clip(margin, -_FAR, _FAR)
    low, high = np.exp((1 - _POWER) * log_mean), np.exp((2 - _POWER) * log_mean)
    return np.asarray(value * low / (_POWER - 1) + high / (2 - _POWER))
