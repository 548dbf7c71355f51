"""Jumps of a level along a number: straight lines on both sides of each place, near rows weighing more."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Codes = NDArray[np.int64]

_BLOCK = 1_024


@dataclass(frozen=True)
class Lines:
    """Straight lines on both sides of each place: arrays of shape (places,), those of a side (2, places).

    Attributes
    ----------
    places, windows : float arrays
        Where the wait is cut, and how far rows count on each side.
    levels, slopes : float arrays
        Of the side up to and including the place, and of the side beyond it: the level at the place, and
        the rise over one window.
    rows : float array
        Rows within the window of each side.
    covariance : float array of shape (places, places)
        Of the jumps, all rows of a customer being one draw.
    """

    places: Floats
    windows: Floats
    levels: Floats
    slopes: Floats
    rows: Floats
    covariance: Floats

    @property
    def jumps(self) -> Floats:
        """The level beyond each place less the level up to it."""
        return np.asarray(self.levels[1] - self.levels[0])

    @property
    def errors(self) -> Floats:
        """Standard errors of the jumps."""
        return np.sqrt(np.diag(self.covariance))

    def only(self, kept: NDArray[np.bool_]) -> Lines:
        """The lines at some of the places."""
        return Lines(
            self.places[kept],
            self.windows[kept],
            self.levels[:, kept],
            self.slopes[:, kept],
            self.rows[:, kept],
            self.covariance[np.ix_(kept, kept)],
        )


def lines(wait: Floats, y: Floats, customers: Codes, places: Floats, windows: Floats) -> Lines:
    """Least squares on each side of each place, rows weighing 1 - distance / window.

    Parameters
    ----------
    wait, y : float arrays of shape (rows,)
    customers : int array of shape (rows,)
        Whose row it is.
    places, windows : float arrays of shape (places,)
        A row at the place itself belongs to the side up to it: a promise kept on the dot is kept.

    Returns
    -------
    Lines
        NaN where a side has no two different waits.

    References
    ----------
    Porter, Yu (2015), Regression discontinuity designs with unknown discontinuity points, Journal of
    Econometrics 189. Calonico, Cattaneo, Farrell, Titiunik (2019), Regression discontinuity designs using
    covariates, Review of Economics and Statistics 101.

    Examples
    --------
    >>> wait = np.arange(1.0, 9.0)
    >>> found = lines(wait, wait + 5 * (wait > 4), np.arange(8), np.array([4.0]), np.array([4.0]))
    >>> found.jumps.round(6).tolist()
    [5.0]
    """
    order = np.argsort(customers, kind="stable")
    wait, y, customers = wait[order], y[order], customers[order]
    sums, rows = np.zeros((2, 5, len(places))), np.zeros((2, len(places)))
    for part in _blocks(customers):
        for side, (distance, weight) in enumerate(_near(wait[part], places, windows)):
            by_distance, known = weight * distance, y[part][:, None]
            products = (weight, by_distance, by_distance * distance, weight * known, by_distance * known)
            sums[side] += [product.sum(axis=0) for product in products]
            rows[side] += (weight > 0).sum(axis=0)
    s0, s1, s2, t0, t1 = sums.swapaxes(0, 1)
    spread = s0 * s2 - s1**2
    with np.errstate(divide="ignore", invalid="ignore"):
        spread = np.where(spread > 1e-9 * s0**2, spread, np.nan)
        levels, slopes = (s2 * t0 - s1 * t1) / spread, (s0 * t1 - s1 * t0) / spread
        on_level, on_slope = s2 / spread, s1 / spread
    covariance = np.zeros((len(places), len(places)))
    for part in _blocks(customers):
        moved = np.zeros((part.stop - part.start, len(places)))
        for side, (distance, weight) in enumerate(_near(wait[part], places, windows)):
            off = y[part][:, None] - levels[side] - slopes[side] * distance
            moved += (-1, 1)[side] * weight * (on_level[side] - on_slope[side] * distance) * off
        firsts = np.flatnonzero(np.diff(customers[part], prepend=-1))
        by_customer = np.add.reduceat(moved, firsts, axis=0)
        covariance += by_customer.T @ by_customer
    return Lines(places, windows, levels, slopes, rows, covariance)


def _near(wait: Floats, places: Floats, windows: Floats) -> Iterator[tuple[Floats, Floats]]:
    """Distance in windows and weight of each row from each place: of the rows up to it, then of those beyond."""
    distance = (wait[:, None] - places) / windows
    weight = np.maximum(1 - np.abs(distance), 0.0)
    beyond = distance > 0
    yield distance, np.where(beyond, 0.0, weight)
    yield distance, np.where(beyond, weight, 0.0)


def _blocks(customers: Codes) -> Iterator[slice]:
    """Rows in the order of customers, some at a time, no customer in two blocks."""
    firsts = np.flatnonzero(np.diff(customers, prepend=-1))
    start = 0
    while start < len(customers):
        later = np.searchsorted(firsts, start + _BLOCK)
        stop = int(firsts[later]) if later < len(firsts) else len(customers)
        yield slice(start, stop)
        start = stop
