"""Calendar months in UTC, the hours in them, and events that fall into them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from cxml.simulate.rows import DAY, FloatArray, IntArray

HOUR = 3_600
FIRST_MONTH = "2024-01"


@dataclass(frozen=True)
class Months:
    """The months that are simulated, from ``FIRST_MONTH`` on.

    Attributes
    ----------
    starts : int64 array
        Start of each month and, last, the instant at which the simulation ends; seconds since 1970.
    """

    starts: IntArray

    @classmethod
    def of(cls, count: int) -> Months:
        """*count* months.

        >>> Months.of(2).texts
        ['2024-01-01', '2024-02-01', '2024-03-01']
        """
        first = np.datetime64(FIRST_MONTH, "M")
        return cls((first + np.arange(count + 1)).astype("datetime64[s]").astype(np.int64))

    @property
    def count(self) -> int:
        """How many months."""
        return len(self.starts) - 1

    @property
    def start(self) -> int:
        """Where the first month starts."""
        return int(self.starts[0])

    @property
    def end(self) -> int:
        """Where the last month ends, exclusive."""
        return int(self.starts[-1])

    @property
    def texts(self) -> list[str]:
        """The starts as dates."""
        return [str(day) for day in self.starts.astype("datetime64[s]").astype("datetime64[D]")]

    @property
    def days(self) -> IntArray:
        """Length of each month in days."""
        return np.diff(self.starts) // DAY

    @property
    def calendar_month(self) -> IntArray:
        """0 for January ... 11 for December, for each of ``starts``."""
        return self.starts.astype("datetime64[s]").astype("datetime64[M]").astype(np.int64) % 12

    def index(self, at: IntArray) -> IntArray:
        """The month in which each instant lies; instants outside count to the first or last."""
        return np.asarray(
            self._month_of_day[np.clip((at - self.start) // DAY, 0, len(self._month_of_day) - 1)]
        )

    @cached_property
    def _month_of_day(self) -> IntArray:
        return np.repeat(np.arange(self.count), self.days)

    def week(self, at: IntArray) -> IntArray:
        """Whole weeks from the start to each instant; instants outside count to the first or last."""
        return np.clip((at - self.start) // (7 * DAY), 0, self.weeks - 1)

    @property
    def weeks(self) -> int:
        """How many weeks, the last one perhaps cut."""
        return (self.end - self.start) // (7 * DAY) + 1

    @cached_property
    def hours(self) -> IntArray:
        """Start of each hour."""
        return np.arange(self.start, self.end, HOUR)

    def hour(self, at: IntArray) -> IntArray:
        """The hour in which each instant lies; instants outside count to the first or last."""
        return np.clip((at - self.start) // HOUR, 0, len(self.hours) - 1)


def hour_of_week(at: IntArray) -> IntArray:
    """0 for Monday 00 h ... 167 for Sunday 23 h, UTC.

    >>> int(hour_of_week(np.array([0]))[0]) // 24     # 1970 began on a Thursday
    3
    """
    return (at // HOUR + 3 * 24) % 168


def draw_counts(rng: np.random.Generator, rate: FloatArray) -> tuple[IntArray, IntArray]:
    """Poisson events: the customer and the month of each, for rates of shape (customers, months)."""
    counts = rng.poisson(rate)
    flat = np.repeat(np.arange(rate.size), counts.ravel())
    who, month = np.divmod(flat, rate.shape[1])
    return who, month


def draw_times(
    rng: np.random.Generator, months: Months, month: IntArray, hour_weights: FloatArray
) -> IntArray:
    """An instant in each month of *month*, spread over its hours like *hour_weights* (168 a week)."""
    weight = hour_weights[hour_of_week(months.hours)]
    upto = np.concatenate([[0.0], np.cumsum(weight)])
    first = months.hour(months.starts[:-1])
    last = np.append(first[1:], len(months.hours))
    low, high = upto[first][month], upto[last][month]
    hour = np.searchsorted(upto, low + rng.random(len(month)) * (high - low), side="right") - 1
    hour = np.clip(hour, first[month], last[month] - 1)
    return np.asarray(months.hours[hour] + rng.integers(0, HOUR, len(month)))
