"""The hazard of leaving: constant within a month, set by the state at its start."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from cxml.simulate.customers import People
from cxml.simulate.effects import Effects
from cxml.simulate.factors import FACTORS
from cxml.simulate.months import Months
from cxml.simulate.rows import DAY, NEVER, BoolArray, FloatArray, IntArray
from cxml.simulate.subscriptions import Plans

_BASE = -6.87
_NEWNESS, _NEWNESS_D = 0.9, 180.0
_USAGE = -1.0
_PLAN = np.array([0.30, 0.12, 0.0, -0.12, -0.25])
_SEASON = np.array([0.12, 0.05, 0.10, 0.0, -0.05, -0.05, 0.0, 0.05, 0.08, 0.0, -0.08, -0.12])
_HIDDEN = 0.75
_ASKS_FIRST = 0.5
_LONGEST_NOTICE_S = 10 * DAY


@dataclass(frozen=True)
class Hazard:
    """Log of leaving per day, shape (months + 1, customers): one row per month start.

    Attributes
    ----------
    total : float array
        The whole of it.
    observable : float array
        Without the trait that no table shows.
    service : dict of str to float array
        What each factor adds to the usual.
    hidden : float array (customers)
        What the hidden trait adds.
    """

    total: FloatArray
    observable: FloatArray
    service: dict[str, FloatArray]
    hidden: FloatArray

    @property
    def a_day(self) -> FloatArray:
        """Leaving per day."""
        return np.asarray(np.exp(self.total))


def hazard_of(
    people: People,
    months: Months,
    plans: Plans,
    exposures: Mapping[str, FloatArray],
    effects: Effects,
    moved: FloatArray,
) -> Hazard:
    """The hazard of every customer in every month; for those who join within a month, from then on.

    *moved* is what the times add at each month start.
    """
    tenure_d = np.maximum(months.starts[:, None] - people.joined, 0) / DAY
    context = (
        _BASE
        + _NEWNESS * np.exp(-tenure_d / _NEWNESS_D)
        + _USAGE * people.usage
        + _PLAN[plans.before.T]
        + (_SEASON[months.calendar_month] + moved)[:, None]
    )
    service = {
        factor.name: effects.of(factor.name) * (exposures[factor.name] - factor.usual) for factor in FACTORS
    }
    observable = context + sum(service.values())
    hidden = _HIDDEN * people.hidden
    return Hazard(observable + hidden, observable, service, hidden)


def draw_leaving(
    rng: np.random.Generator, people: People, months: Months, hazard: Hazard
) -> tuple[IntArray, IntArray]:
    """When each customer leaves and, for some, when they ask to; ``NEVER`` for those who stay.

    A request falls into the month of leaving: before its start nobody has announced anything.
    """
    a_day = hazard.a_day
    left = np.full(people.count, NEVER)
    asked = np.full(people.count, NEVER)
    for month, (start, stop) in enumerate(zip(months.starts[:-1], months.starts[1:], strict=True)):
        from_s = np.maximum(people.joined, start)
        after = DAY * rng.exponential(1, people.count) / a_day[month]
        at = from_s + 1 + np.minimum(after, NEVER / 4).astype(np.int64)
        notice = np.minimum(at - from_s, _LONGEST_NOTICE_S) * rng.random(people.count)
        asks = rng.random(people.count) < _ASKS_FIRST
        goes = (left == NEVER) & (people.joined < stop) & (at < stop)
        left = np.where(goes, at, left)
        asked = np.where(goes & asks, at - notice.astype(np.int64), asked)
    return left, asked


def at_risk(people: People, left: IntArray, start: int) -> BoolArray:
    """Who had joined before *start* and had not left before it."""
    return (people.joined < start) & (left >= start)
