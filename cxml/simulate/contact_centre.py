"""The contact centre: how long the queue is in every hour.

A wait comes from the load of the hour against the people planned for it, never from who calls.
Load and staffing follow the hour and the weekday; weeks, days and hours have their own shocks (a
campaign, a wave of sick leave). The delay is that of an M/M/c queue [1]_; above full load a backlog
adds to it.

References
----------
.. [1] N. Gans, G. Koole, A. Mandelbaum, "Telephone call centers: tutorial, review, and research
   prospects", Manufacturing & Service Operations Management 5 (2003), 79-141, section 3.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from cxml.simulate.months import HOUR, Months, hour_of_week
from cxml.simulate.rows import DAY, FloatArray, IntArray

_OPEN_FROM, _OPEN_TO = 8, 22
_LOAD_BY_HOUR = np.array([0.7, 0.86, 0.98, 0.97, 0.9, 0.95, 0.92, 0.87, 0.86, 0.93, 0.99, 0.92, 0.82, 0.72])
_LOAD_BY_WEEKDAY = np.array([1.07, 1.0, 0.97, 0.95, 1.0, 0.97, 0.9])
_DEMAND_BY_HOUR = np.array([3, 6, 9, 9, 7, 7, 8, 8, 7, 7, 8, 6, 4, 2.0])
_DEMAND_BY_WEEKDAY = np.array([1.3, 1.1, 1.0, 1.0, 1.05, 0.7, 0.5])
_LEVELS = (1.05, 1.02)
_SERVERS = 25
_FULL = 0.985
_BACKLOG_S = 5_400.0
_CLUMSY_SPREAD = 0.45


@dataclass(frozen=True)
class ContactCentre:
    """The queue of each hour and how well each week goes.

    Attributes
    ----------
    queued : float array (2, hours)
        Probability of having to wait: row 0 phone, row 1 live chat.
    queue_s : float array (2, hours)
        Mean wait in seconds of those who have to wait.
    clumsy : float array (weeks)
        How badly calls are routed and callers recognised, 1 on average.
    """

    queued: FloatArray
    queue_s: FloatArray
    clumsy: FloatArray

    def expected_wait_s(self, queue: IntArray, hour: IntArray) -> FloatArray:
        """Mean wait of an hour in seconds: what an announcement would say."""
        return np.asarray(self.queued[queue, hour] * self.queue_s[queue, hour])

    def wait_s(self, rng: np.random.Generator, queue: IntArray, hour: IntArray) -> FloatArray:
        """A wait in whole seconds for each call of *queue* (0 phone, 1 live chat) in *hour*."""
        waits = rng.random(len(hour)) < self.queued[queue, hour]
        return np.where(waits, np.ceil(rng.exponential(self.queue_s[queue, hour])), 0.0)


def draw_contact_centre(rng: np.random.Generator, months: Months) -> ContactCentre:
    """A centre: its load and staffing over *months*."""
    load = np.stack([_load(rng, months, level) for level in _LEVELS])
    handling_s = np.array([[360.0], [300.0]])
    calm = np.minimum(load, _FULL)
    queue_s = handling_s / (_SERVERS * (1 - calm)) + _BACKLOG_S * np.maximum(load - _FULL, 0)
    clumsy = _weekly(rng, months, _CLUMSY_SPREAD, 0.6)
    return ContactCentre(erlang_c(calm * _SERVERS, _SERVERS), np.minimum(queue_s, 2_700.0), clumsy)


def erlang_c(load: FloatArray, servers: int) -> FloatArray:
    """Probability of waiting in an M/M/c queue with *load* Erlangs on *servers*; load < servers.

    >>> round(float(erlang_c(np.array([20.0]), 25)[0]), 3)
    0.209
    """
    blocked = np.ones_like(load)
    for n in range(1, servers + 1):
        blocked = load * blocked / (n + load * blocked)
    use = load / servers
    return blocked / (1 - use * (1 - blocked))


def open_hours() -> FloatArray:
    """Calls by hour of the week (168), zero while the lines are closed."""
    week = np.zeros((7, 24))
    week[:, _OPEN_FROM:_OPEN_TO] = _DEMAND_BY_WEEKDAY[:, None] * _DEMAND_BY_HOUR
    return week.ravel()


def into_opening(at: IntArray) -> IntArray:
    """Instants while the lines are closed move to the same minute after they open."""
    hour = at // HOUR % 24
    ahead = np.where(hour < _OPEN_FROM, _OPEN_FROM - hour, 24 - hour + _OPEN_FROM)
    closed = (hour < _OPEN_FROM) | (hour >= _OPEN_TO)
    return np.where(closed, at + ahead * HOUR, at)


def _load(rng: np.random.Generator, months: Months, level: float) -> FloatArray:
    """Offered load over planned staffing in each hour; 1 is full."""
    week_load = np.full((7, 24), 0.7)
    week_load[:, _OPEN_FROM:_OPEN_TO] = _LOAD_BY_WEEKDAY[:, None] * _LOAD_BY_HOUR
    day = (months.hours - months.start) // DAY
    weeks = np.log(_weekly(rng, months, 0.055, 0.4))
    shock = weeks[day // 7] + rng.normal(0, 0.06, int(day[-1]) + 1)[day] + rng.normal(0, 0.04, len(day))
    return np.asarray(level * week_load.ravel()[hour_of_week(months.hours)] * np.exp(shock))


def _weekly(rng: np.random.Generator, months: Months, spread: float, memory: float) -> FloatArray:
    """A factor around 1 for each week: log-normal with *spread*, and a *memory* of the week before."""
    shock = rng.normal(0, spread, months.weeks)
    for week in range(1, months.weeks):
        shock[week] = memory * shock[week - 1] + np.sqrt(1 - memory**2) * shock[week]
    return np.asarray(np.exp(shock - spread**2 / 2))
