"""Visits of a technician to customers with equipment at home: the table ``visits``."""

from __future__ import annotations

import numpy as np

from cxml.simulate.customers import People
from cxml.simulate.luck import Luck, chance
from cxml.simulate.months import HOUR, Months, draw_counts, draw_times
from cxml.simulate.rows import NEVER, Rows, by_time, days_s, flag, numbered, take

_A_MONTH = 0.16
_WINDOWS = np.tile(np.where((np.arange(24) >= 8) & (np.arange(24) < 18), 1.0, 0.0), 7)
_MISSED_ODDS, _LATE_ODDS, _BY_LUCK = -3.2, -1.5, 1.5
_MOVED, _CANCELLED = 0.06, 0.04


def draw_visits(rng: np.random.Generator, people: People, months: Months, luck: Luck) -> Rows:
    """All visits by the start of their window, on the hour and two to four hours long."""
    who, month = draw_counts(rng, np.where(people.equipped, _A_MONTH, 0.0)[:, None] * np.ones(months.count))
    at = draw_times(rng, months, month, _WINDOWS) // HOUR * HOUR
    rows = by_time({"customer_id": who, "window_start": at}, "window_start")
    rows = take(rows, people.had_joined(rows["customer_id"], rows["window_start"] - 7 * 24 * HOUR))
    at, size = rows["window_start"], len(rows["window_start"])
    bad = _BY_LUCK * luck.at("visits", rows["customer_id"], at)
    end = at + rng.integers(2, 5, size) * HOUR
    cancelled = rng.random(size) < _CANCELLED
    missed = ~cancelled & (rng.random(size) < chance(_MISSED_ODDS + bad))
    late = rng.random(size) < chance(_LATE_ODDS + bad)
    in_time = at + ((end - at) * rng.random(size)).astype(np.int64)
    arrived = np.where(late, end + 60 + days_s(rng.exponential(1.2, size) / 24), in_time)
    moved = at - days_s(rng.uniform(1, 6, size))
    rows |= {
        "window_end": end,
        "arrived_at": np.where(cancelled | missed, NEVER, arrived),
        "no_show": flag(missed),
        "cancelled_by_customer": flag(cancelled),
        "rescheduled_at": np.where(rng.random(size) < _MOVED, moved, NEVER),
    }
    return numbered(rows, "visit_id")
