"""What the times do to everybody: a season, and a level that wanders."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from cxml.simulate.months import Months
from cxml.simulate.rows import FloatArray

_COLDEST, _YEAR = 0, 12
"""January, at the top of the wave."""


@dataclass(frozen=True, kw_only=True)
class Climate:
    """How much leaving and spending move with the times, beside what customers experience.

    No table shows it: all customers feel it alike. The usual seasons of the company come on top.

    Attributes
    ----------
    season : float
        Height of a yearly wave in the log-hazard of leaving, highest in January.
    drift : float
        Standard deviation of the steps, from month to month, of a random walk in the log-hazard.
    spending_season, spending_drift : float
        The same of the logarithm of orders a day.

    Examples
    --------
    >>> wave = Climate(season=0.5).leaving(Months.of(12), np.random.default_rng(0))
    >>> wave.round(2).tolist()[:7]
    [0.5, 0.43, 0.25, 0.0, -0.25, -0.43, -0.5]
    """

    season: float = 0.0
    drift: float = 0.0
    spending_season: float = 0.0
    spending_drift: float = 0.0

    def leaving(self, months: Months, rng: np.random.Generator) -> FloatArray:
        """What each of the month starts (the end included) adds to the log-hazard of leaving."""
        return _moved(months, rng, self.season, self.drift)

    def spending(self, months: Months, rng: np.random.Generator) -> FloatArray:
        """By what the orders a day of each month are multiplied."""
        return np.exp(_moved(months, rng, self.spending_season, self.spending_drift))


def _moved(months: Months, rng: np.random.Generator, season: float, drift: float) -> FloatArray:
    wave = np.cos(2 * np.pi * (months.calendar_month - _COLDEST) / _YEAR)
    walk = np.cumsum(rng.normal(0.0, 1.0, len(months.starts)))
    return np.asarray(season * wave + drift * (walk - walk[0]), dtype=np.float64)
