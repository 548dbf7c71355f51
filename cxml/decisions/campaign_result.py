"""What a campaign brought: an earlier call list judged by those who were held out of it."""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from scipy.stats import binomtest

from cxml.errors import DataError
from cxml.store.manifest import plain

LEVEL = 0.95


@dataclass(frozen=True)
class Judgement:
    """What a campaign brought, by those of its list who were held out.

    Attributes
    ----------
    contacted, held : int
        Customers of the list who were to be contacted, and who were held out.
    left_contacted, left_held : int
        How many of them have left since.
    saved, saved_low, saved_high : float
        Customers kept by contacting, with its 95 % interval; below 0: contacting drove some away.
    save_rate, save_rate_low, save_rate_high : float
        Share of the leavers who stayed for being contacted, with its interval: what ``[decisions] save_rate``
        should say. NaN where nobody of the holdout left.
    """

    contacted: int
    held: int
    left_contacted: int
    left_held: int
    saved: float
    saved_low: float
    saved_high: float
    save_rate: float
    save_rate_low: float
    save_rate_high: float

    def to_dict(self) -> dict[str, Any]:
        """The figures as JSON values; what is not known is None."""
        found: dict[str, Any] = plain(dataclasses.asdict(self))
        return found


def judge_campaign(held: ArrayLike, left: ArrayLike) -> Judgement:
    """Judge an earlier list by who left since.

    Parameters
    ----------
    held : bool array of shape (customers,)
        Of everybody on the list, who was in its holdout. All others count as contacted, reached or not: who
        could not be reached is no fair comparison.
    left : bool array of shape (customers,)
        Who left since, under the same definition and over the same time for both groups.

    Raises
    ------
    DataError
        One of the groups is empty, or the arrays are not equally long.

    References
    ----------
    Newcombe (1998), Interval estimation for the difference between independent proportions, Statistics in
    Medicine 17, method 10; Donner, Zou (2012), Closed-form confidence intervals for functions of the normal
    mean and standard deviation, Statistical Methods in Medical Research 21 (the ratio).

    Examples
    --------
    >>> found = judge_campaign([True] * 100 + [False] * 400, [True] * 20 + [False] * 80 + [True] * 40 + [False] * 360)
    >>> round(found.saved), round(found.saved_low), round(found.saved_high), found.save_rate
    (40, 10, 77, 0.5)
    """
    aside, gone = np.asarray(held, dtype=bool), np.asarray(left, dtype=bool)
    if aside.shape != gone.shape or aside.all() or not aside.any():
        raise DataError(
            "a list cannot be judged without both groups",
            where="judge held, left",
            expected="everybody on the list: some held out, some contacted",
            fix="keep [decisions] holdout above 0, and judge the whole list",
        )
    n, m = int((~aside).sum()), int(aside.sum())
    x, y = int(gone[~aside].sum()), int(gone[aside].sum())
    rate, other = x / n, y / m
    (low, high), (other_low, other_high) = _wilson(x, n), _wilson(y, m)
    ratio, ratio_low, ratio_high = _ratio((rate, low, high), (other, other_low, other_high))
    return Judgement(
        contacted=n,
        held=m,
        left_contacted=x,
        left_held=y,
        saved=n * (other - rate),
        saved_low=n * (other - rate - math.hypot(other - other_low, high - rate)),
        saved_high=n * (other - rate + math.hypot(other_high - other, rate - low)),
        save_rate=1 - ratio,
        save_rate_low=1 - ratio_high,
        save_rate_high=1 - ratio_low,
    )


def _wilson(hits: int, rows: int) -> tuple[float, float]:
    """Wilson's score interval of a share."""
    found = binomtest(hits, rows).proportion_ci(LEVEL, method="wilson")
    return float(found.low), float(found.high)


def _ratio(
    above: tuple[float, float, float], below: tuple[float, float, float]
) -> tuple[float, float, float]:
    """Ratio of two shares with its interval, from each share with its own."""
    (x, x_low, x_high), (y, y_low, y_high) = above, below
    if not y:
        return math.nan, math.nan, math.nan
    low = x * y - math.sqrt(max(0.0, (x * y) ** 2 - x_low * y_high * (2 * x - x_low) * (2 * y - y_high)))
    high = x * y + math.sqrt(max(0.0, (x * y) ** 2 - x_high * y_low * (2 * x - x_high) * (2 * y - y_low)))
    return x / y, low / (y_high * (2 * y - y_high)), high / (y_low * (2 * y - y_low))
