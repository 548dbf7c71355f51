"""Promise cliffs: how leaving goes along the waits about each promised time, and whether it jumps somewhere."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from cxml.report.inputs import SMALL_GROUP, ReportInputs
from cxml.report.safe_text import visible

_ORDER = {"promise": 0, "elsewhere": 0, "none": 1, "untested": 2}


@dataclass(frozen=True)
class Waited:
    """Customers who waited about as long.

    Attributes
    ----------
    wait : float
        Mean, seconds.
    left, low, high : float
        Share that left, as if all were alike in what was known before, with its 95 % interval.
    customers : int
    """

    wait: float
    left: float
    low: float
    high: float
    customers: int


@dataclass(frozen=True)
class Promised:
    """One promised time. Times are in seconds, shares of 1; nan where there is none.

    Attributes
    ----------
    name : str
        As in ``cxml.causes.waits.Promise``.
    clock : float
        The promised time.
    answer : {"promise", "elsewhere", "none", "untested"}
        Where leaving jumps.
    why : {"", "rows", "leavers", "around"}
        Why it could not be tested.
    at, at_low, at_high : float
        The break, and between where it may lie.
    jump, jump_low, jump_high : float
        What crossing it adds to the share that leaves.
    smallest : float
        The jump at the promise that would have been seen in nine of ten such data sets.
    bunched : float
        Waits just beyond the break (or the promise) over those just up to it; 1 unless they pile up.
    customers : int
    curve : tuple of Waited
        The shortest waits first; of fewer than ten customers nothing is known.
    fitted : tuple of (wait, left)
        The lines up to the break and beyond it, two points each; empty where there is none.
    """

    name: str
    clock: float
    answer: str
    why: str
    at: float
    at_low: float
    at_high: float
    jump: float
    jump_low: float
    jump_high: float
    smallest: float
    bunched: float
    customers: int
    curve: tuple[Waited, ...]
    fitted: tuple[tuple[float, float], ...]

    @property
    def found(self) -> bool:
        """Whether there is a break."""
        return self.answer in ("promise", "elsewhere")


def promises_of(inputs: ReportInputs) -> tuple[Promised, ...]:
    """All promised times: those with a break first, then those without one, then those that could not be tested."""
    return tuple(sorted(map(_promised, inputs.cliffs), key=lambda one: _ORDER[one.answer]))


def _promised(told: Mapping[str, Any]) -> Promised:
    everybody = int(told["customers"])
    few = told["answer"] != "untested" and everybody < SMALL_GROUP
    numbers = {
        name: math.nan if few else float(told.get(name, math.nan))
        for name in ("at", "at_low", "at_high", "jump", "jump_low", "jump_high", "smallest")
    }
    curve = told.get("curve", {})
    points = zip(*(curve.get(name, ()) for name in ("wait", "left", "low", "high", "customers")), strict=True)
    fitted = told.get("fitted", {})
    return Promised(
        name=visible(told["promise"]),
        clock=float(told["clock"]),
        answer="untested" if few else told["answer"],
        why="rows" if few else told["why"],
        bunched=1.0 if few else float(told["bunched"]),
        customers=everybody,
        **numbers,
        curve=tuple(_waited(*point) for point in points if point[-1] >= SMALL_GROUP and not few),
        fitted=() if few else tuple(zip(fitted.get("wait", ()), fitted.get("left", ()), strict=True)),
    )


def _waited(wait: float, left: float, low: float, high: float, customers: int) -> Waited:
    """A point of the curve within [0, 1]: what is taken off for the controls can leave less than nobody.

    Where nobody left, an interval from the spread would claim certainty; three over their number is what such a
    sample leaves open (Hanley, Lippman-Hand 1983, If nothing goes wrong, is everything all right?, JAMA 249).
    """
    share, least, most = (min(max(value, 0.0), 1.0) for value in (left, low, max(high, 3 / customers)))
    return Waited(wait, share, least, most, customers)
