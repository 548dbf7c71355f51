"""How leaving goes along a wait: the highest jump anywhere near a promise, and how sure it is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from scipy.special import ndtr

from cxml.causes.estimate import WIDTH
from cxml.causes.local_regression import Codes, Floats, Lines, lines

Lack = Literal["", "rows", "leavers", "around"]
"""Why nothing can be said: too few rows, too few who left (or stayed), too few waits around the promise."""

LEVEL = 0.05
"""Of all questions together: one at each promised time, and one search around it."""

DRAWS = 4_999

MOST_ROWS = 100_000
"""Of more rows whole customers are drawn: intervals are narrow enough by then."""

LEAST_ROWS, LEAST_LEAVERS, LEAST_ON_A_SIDE = 1_000, 50, 200
"""What a search needs in all, and what a place needs within its window on each side."""

_STEP, _FROM, _UNTIL, _WINDOW, _BIN = 0.02, 0.4, 3.0, 0.8, 0.2  # in promised times

_USUAL_ROWS, _NARROWER = 12_500, 0.2

_BREAK_DROP, _LEAST_HALF_WIDTH = 7.35, 0.05

NINE_IN_TEN = 1.2815515655446004

_BUNCHED_Z, _BUNCHED_RATIO, _FEW = 3.0, 1.25, 25


@dataclass(frozen=True)
class Untested:
    """Why nothing can be said about a promised time, and how much there was."""

    why: Lack
    rows: int
    customers: int


@dataclass(frozen=True)
class Search:
    """The jump of leaving at every place around a promised time.

    Attributes
    ----------
    promise : float
        The promised time, in the unit of the waits.
    lines : Lines
        At the places with enough rows on both sides.
    clock : Lines or None
        At the promise alone; None where too few rows lie around it.
    highest : float array
        The highest jump, in standard errors, of each draw without any jump; sorted.
    curve : DataFrame
        ``start``, ``stop``, ``wait`` (mean), ``left`` (share of leavers, as if everybody were alike in the
        controls), ``low``, ``high``, ``rows``, ``customers``: a row per bin of waits.
    level : float
        Share of leavers over all rows.
    rows, customers : int
        Those looked at.
    bunched : dict of float to float
        For the promise and the highest jump: rows just beyond over rows just up to it, 1 unless that is
        more than chance and a steady density allow.
    """

    promise: float
    lines: Lines
    clock: Lines | None
    highest: Floats
    curve: pd.DataFrame
    level: float
    rows: int
    customers: int
    bunched: Mapping[float, float]

    @cached_property
    def t(self) -> Floats:
        """The jumps in standard errors."""
        return np.asarray(self.lines.jumps / self.lines.errors)

    @property
    def best(self) -> int:
        """The number of the place with the highest jump in standard errors."""
        return int(self.t.argmax())

    @property
    def p(self) -> float:
        """Share of draws without any jump that show a higher one."""
        return float(1 + np.sum(self.highest >= self.t.max())) / (len(self.highest) + 1)

    @property
    def p_clock(self) -> float | None:
        """The same for the jump at the promise, asked for without a search."""
        return None if self.clock is None else float(ndtr(-self.clock.jumps[0] / self.clock.errors[0]))

    def hurdle(self, level: float) -> float:
        """The standard errors that the highest jump exceeds by chance with probability *level*."""
        return float(np.quantile(self.highest, 1 - level))

    @property
    def around(self) -> tuple[float, float]:
        """Where the break may lie: the places that fit nearly as well as the best, and a step on each side.

        References
        ----------
        Hansen (2000), Sample splitting and threshold estimation, Econometrica 68: the drop of 7.35.
        """
        best, places = self.lines.places[self.best], self.lines.places
        fits = places[self.t.max() ** 2 - np.maximum(self.t, 0.0) ** 2 <= _BREAK_DROP]
        least = _LEAST_HALF_WIDTH * self.promise
        return float(min(fits[0], best - least)), float(max(fits[-1], best + least))


def search(
    wait: ArrayLike,
    left: ArrayLike,
    expected: ArrayLike,
    customers: ArrayLike,
    promise: float,
    *,
    draws: int = DRAWS,
    seed: int = 0,
) -> Search | Untested:
    """Look for a jump of leaving between two fifths of the promised time and three times as long.

    Parameters
    ----------
    wait : array of shape (rows,)
        In any unit; one row per customer and label, as far as there is a choice.
    left : array of shape (rows,)
        Whether the customer left, 0 or 1.
    expected : array of shape (rows,)
        E[left | controls] out of fold; the controls do not hold the wait, nor what came of it.
    customers : array of shape (rows,)
        Whose row it is.
    promise : float
        The promised time, in the unit of the waits.

    Returns
    -------
    Search or Untested

    References
    ----------
    Hansen (1996), Inference when a nuisance parameter is not identified under the null hypothesis,
    Econometrica 64: one normal number per customer on the influence of each jump. Given the data those
    draws are normal with the covariance of the jumps, and are drawn as such.
    """
    codes = np.asarray(pd.factorize(np.asarray(customers))[0], dtype=np.int64)
    waited, gone, by_controls = (np.asarray(x, dtype=np.float64) for x in (wait, left, expected))
    kept = ~np.isnan(waited) & _drawn(codes, seed)
    waited, gone, codes, residual = waited[kept], gone[kept], codes[kept], (gone - by_controls)[kept]
    if why := lack(gone):
        return Untested(why, len(waited), len(np.unique(codes)))
    steps = np.arange(round(_FROM / _STEP), round(_UNTIL / _STEP) + 1, dtype=np.float64)
    places: Floats = steps * _STEP * promise
    windows = _windows(places, promise, len(waited))
    found = lines(waited, residual, codes, places, windows)
    able = (found.rows >= LEAST_ON_A_SIDE).all(axis=0) & (found.errors > 0) & np.isfinite(found.jumps)
    if not able.any():
        return Untested("around", len(waited), len(np.unique(codes)))
    at_clock = int(np.argmin(np.abs(places - promise)))
    clock = found.only(np.arange(len(places)) == at_clock) if able[at_clock] else None
    found = found.only(able)
    best = float(found.places[(found.jumps / found.errors).argmax()])
    return Search(
        promise=promise,
        lines=found,
        clock=clock,
        highest=_highest(found, draws, seed),
        curve=_curve(waited, residual + gone.mean(), codes, promise),
        level=float(gone.mean()),
        rows=len(waited),
        customers=len(np.unique(codes)),
        bunched={place: _bunched(waited, place, promise) for place in (promise, best)},
    )


def lack(left: Floats) -> Lack:
    """What there is too little of to say anything; empty when there is enough."""
    if len(left) < LEAST_ROWS:
        return "rows"
    return "leavers" if min(left.sum(), (1 - left).sum()) < LEAST_LEAVERS else ""


def _drawn(codes: Codes, seed: int) -> NDArray[np.bool_]:
    """All rows, or those of so many customers that there are at most ``MOST_ROWS``."""
    if len(codes) <= MOST_ROWS:
        return np.ones(len(codes), dtype=np.bool_)
    order = np.random.default_rng(seed).permutation(int(codes.max()) + 1)
    rows = np.cumsum(np.bincount(codes)[order])
    return np.isin(codes, order[rows <= MOST_ROWS])


def _windows(places: Floats, promise: float, rows: int) -> Floats:
    """Four fifths of the place or of the promised time, narrower where rows are many, so that bends do not show."""
    narrower = min(1.0, (_USUAL_ROWS / rows) ** _NARROWER)
    return np.asarray(_WINDOW * np.minimum(places, promise) * narrower)


def _highest(found: Lines, draws: int, seed: int) -> Floats:
    """The highest jump in standard errors of each draw, were there no jump anywhere."""
    errors = found.errors
    values, vectors = np.linalg.eigh(found.covariance / np.outer(errors, errors))
    spread = vectors * np.sqrt(np.maximum(values, 0.0))
    normal = np.random.default_rng(seed).standard_normal((draws, len(values)))
    return np.sort((normal @ spread.T).max(axis=1))


def _curve(wait: Floats, left: Floats, customers: Codes, promise: float) -> pd.DataFrame:
    """Leaving by bins of a fifth of the promised time, with intervals clustered by customer."""
    width = _BIN * promise
    frame = pd.DataFrame(
        {
            "bin": np.maximum(np.ceil(wait / width).astype(np.int64), 1) - 1,
            "wait": wait,
            "left": left,
            "customer": customers,
        }
    )
    frame = frame[frame["bin"] < round(_UNTIL / _BIN)]
    bins = frame.groupby("bin")
    found = bins.agg(
        wait=("wait", "mean"), left=("left", "mean"), rows=("left", "size"), customers=("customer", "nunique")
    )
    frame["off"] = frame["left"] - frame["bin"].map(found["left"])
    squares = frame.groupby(["bin", "customer"])["off"].sum().pow(2).groupby("bin").sum()
    half = WIDTH * np.sqrt(squares) / found["rows"]
    found.insert(0, "start", found.index * width)
    found.insert(1, "stop", (found.index + 1) * width)
    found.insert(4, "low", found["left"] - half)
    found.insert(5, "high", found["left"] + half)
    return found.reset_index(drop=True)


def _bunched(wait: Floats, place: float, promise: float) -> float:
    """Rows just beyond a place over rows just up to it, by lines through their counts; 1 when they meet.

    References
    ----------
    McCrary (2008), Manipulation of the running variable in the regression discontinuity design, Journal of
    Econometrics 142.
    """
    reach = round(_BIN / _STEP)
    bins = np.ceil((wait - place) / (_STEP * promise)).astype(np.int64) + reach - 1
    counts = np.bincount(bins[(bins >= 0) & (bins < 2 * reach)], minlength=2 * reach).astype(np.float64)
    up_to, beyond = counts[reach - 1 :: -1], counts[reach:]
    if min(up_to.sum(), beyond.sum()) < _FEW:
        return 1.0
    distance = (np.arange(reach) + 0.5) / reach
    near = 1 - distance
    s0, s1, s2 = (float(np.sum(near * distance**power)) for power in range(3))
    at_place = near * (s2 - s1 * distance) / (s0 * s2 - s1**2)
    levels = np.maximum([at_place @ up_to, at_place @ beyond], 1e-9)
    ratio, error = float(levels[1] / levels[0]), float(np.sqrt(at_place**2 @ (up_to + beyond)))
    clear = abs(levels[1] - levels[0]) > _BUNCHED_Z * error
    return ratio if clear and max(ratio, 1 / ratio) > _BUNCHED_RATIO else 1.0
