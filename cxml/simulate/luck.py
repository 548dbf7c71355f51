"""Luck: what a customer happens to meet of one kind of service, better or worse for half a year at a time.

Every factor has its own, so that no two exposures have a common cause beyond the customer's contacts.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from cxml.simulate.months import Months
from cxml.simulate.rows import FloatArray, IntArray

KINDS = (
    "skill",
    "language",
    "conduct",
    "product",
    "visits",
    "returns",
    "billing",
    "price",
    "delivery",
    "digital",
    "self_service",
    "store",
    "proactive",
    "replies",
    "consistency",
)
_SPELL_MONTHS = 6
_LASTING = 0.35


@dataclass(frozen=True)
class Luck:
    """Bad luck by kind: arrays of shape (customers, months + 1), 0 on average with a spread of 1."""

    months: Months
    kinds: Mapping[str, FloatArray]

    def at(self, kind: str, who: IntArray, when: IntArray) -> FloatArray:
        """Bad luck of each customer at the instant beside it."""
        return np.asarray(self.kinds[kind][who, self.months.index(when)])


def draw_luck(rng: np.random.Generator, customers: int, months: Months) -> Luck:
    """A part of luck stays with a customer, the other changes every six months, for each at another time."""
    spells = (months.count + _SPELL_MONTHS) // _SPELL_MONTHS + 1
    kinds = {}
    for kind in KINDS:
        since = rng.integers(0, _SPELL_MONTHS, (customers, 1))
        spell = (np.arange(months.count + 1) + since) // _SPELL_MONTHS
        changing = np.take_along_axis(rng.standard_normal((customers, spells)), spell, axis=1)
        lasting = rng.standard_normal((customers, 1))
        kinds[kind] = np.sqrt(_LASTING) * lasting + np.sqrt(1 - _LASTING) * changing
    return Luck(months, kinds)


def chance(odds: FloatArray) -> FloatArray:
    """The probability that belongs to log-odds.

    >>> chance(np.array([0.0])).tolist()
    [0.5]
    """
    return np.asarray(1 / (1 + np.exp(-odds)))
