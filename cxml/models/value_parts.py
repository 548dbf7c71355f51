"""What a value forecast can be made of: the parts, the candidates that combine them, and their log-money."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from cxml.models.hurdle import HURDLE
from cxml.models.purchase_features import Sight
from cxml.models.tweedie import TweedieRegression

Floats = NDArray[np.float64]
Rows = NDArray[np.int64]
TWEEDIE, PURCHASES = "tweedie", "pareto_nbd"
REGRESSION, OFFSET = "regression_on_pareto_nbd", "tweedie_on_pareto_nbd"
CANDIDATES: Mapping[str, tuple[str, ...]] = {
    HURDLE: (HURDLE,),
    TWEEDIE: (TWEEDIE,),
    REGRESSION: (REGRESSION,),
    OFFSET: (OFFSET,),
    "mean_of_three": (PURCHASES, REGRESSION, TWEEDIE),
}
"""From simple to rich: the parts whose mean a candidate is."""
BOOSTED = {HURDLE: "amount", TWEEDIE: "tweedie", OFFSET: "offset"}
"""The boosted trees of a part, by the name under which a bundle stores it."""
_BLOCKS = 4
"""Stretches of time that are left out in turn to see how a model does at a time it has not seen."""


def log_money(
    trees: Mapping[str, Floats], sight: Sight | None, earned: Floats, folds: Rows, rows: Rows
) -> dict[str, Floats]:
    """Log-money of *rows* by every part, from the margins of its *trees* there; regressions are fitted out of fold."""
    if sight is None:
        return dict(trees)
    ahead = np.log(sight.value[rows])
    money = {part: margins + ahead if part == OFFSET else margins for part, margins in trees.items()}
    corrected = TweedieRegression.out_of_fold(sight.logs, sight.value, earned, folds)
    return {**money, PURCHASES: ahead, REGRESSION: np.log(corrected[rows])}


def stretches(times: Rows, rows: Rows, value: Floats, *, least: int) -> Rows | None:
    """Stretches of time, so that a model that left one out has not seen it; -1 for all but *rows*.

    None where there is one stretch only, or where without one of them fewer than *least* positive values are left.
    """
    found = np.full(len(times), -1)
    found[rows] = (times * _BLOCKS // (times.max() + 1))[rows]
    blocks = np.unique(found[rows])
    left = [value[(found >= 0) & (found != block)] for block in blocks]
    if len(blocks) < 2 or any((one > 0).sum() < least for one in left):
        return None
    return found
