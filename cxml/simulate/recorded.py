"""Rows that are written down late, and rows that are corrected: ``recorded_at`` and versions."""

from __future__ import annotations

import numpy as np

from cxml.simulate.rows import DAY, NEVER, IntArray, Rows, by_time, days_s, joined, take
from cxml.simulate.topics import PROBLEMS

_LATE, _RETAGGED, _MOVED = 0.06, 0.03, 0.08


def late_contacts(rng: np.random.Generator, contacts: Rows, end: int) -> Rows:
    """Some contacts are in the log days later; some stand under a wrong topic first."""
    at, size = contacts["started_at"], len(contacts["started_at"])
    draw = rng.random(size)
    recorded = np.where(draw < _LATE, at + 60 + days_s(rng.exponential(1.0, size)), NEVER)
    wrong = (draw >= _LATE) & (draw < _LATE + _RETAGGED) & (contacts["direction"] == 0)
    again = take(contacts, wrong)
    again["recorded_at"] = again["ended_at"] + days_s(rng.uniform(0.2, 5, len(again["topic"])))
    first = contacts | {"recorded_at": recorded, "topic": contacts["topic"].copy()}
    other = PROBLEMS.start + rng.integers(0, len(PROBLEMS), int(wrong.sum()))
    first["topic"][wrong] = other
    return by_time(_until(joined([first, again]), end), "started_at")


def late_customers(rng: np.random.Generator, customers: Rows, start: int, end: int, regions: int) -> Rows:
    """Some customers have moved: the profile has two versions, the second from when it was recorded."""
    size = len(customers["joined_at"])
    at = start + days_s(rng.random(size) * (end - start) / DAY)
    moved = (rng.random(size) < _MOVED) & (at > customers["joined_at"]) & (at < customers["left_at"])
    again = take(customers, moved) | {"recorded_at": at[moved]}
    first = customers | {"recorded_at": np.full(size, NEVER), "region": customers["region"].copy()}
    before: IntArray = rng.integers(0, regions, int(moved.sum()))
    first["region"][moved] = before
    return joined([first, again])


def _until(rows: Rows, end: int) -> Rows:
    """What had been recorded when the tables were extracted."""
    return take(rows, (rows["recorded_at"] < end) | (rows["recorded_at"] == NEVER))
