"""What stands behind each factor: its rank, how it moved, a plain comparison, and whom it hits most."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from cxml.report.inputs import SMALL_GROUP, ReportInputs
from cxml.report.safe_text import visible

_FEWEST = 100
"""Customers of a segment that may be called the best, the worst, or drawn as a curve."""
_CURVES = 5
_WEIGHT = ("weight_low", "weight_high")


@dataclass(frozen=True)
class Contrast:
    """Customers beyond a plain threshold beside the others: what was seen, and how many there are today.

    Attributes
    ----------
    feature, unit : str
        A column and its unit.
    threshold : float
    above : bool
        Whether the bad side lies above the threshold.
    left, others : float
        Shares that left on the bad side and on the other.
    ratio, low, high : float
        How many times as often, with the 95 % interval.
    customers : float
        Beyond the threshold today; nan where nobody counted.
    value_at_risk : float
        Of these customers (money); nan where unknown.
    level : str
        The value of a text that is compared with all others; empty for a number.
    """

    feature: str
    unit: str
    threshold: float
    above: bool
    left: float
    others: float
    ratio: float
    low: float
    high: float
    customers: float
    value_at_risk: float
    level: str = ""

    @property
    def clear(self) -> bool:
        """Whether chance alone does not explain the difference."""
        return self.low > 1 or self.high < 1


@dataclass(frozen=True)
class Cause:
    """Whether the factor is a cause of leaving, as ``cxml.causes`` found it.

    Attributes
    ----------
    badge, reason : str
        Keys, as in ``cxml.causes.badge_rules``.
    feature : str
        The column that was varied; empty where nobody said.
    per : str
        What the effect is told for, such as ``minute``; empty where nothing was estimated.
    effect, low, high : float
        On the probability of leaving (a share), with the 95 % interval; nan where nothing was estimated.
    """

    badge: str
    reason: str
    feature: str
    per: str
    effect: float
    low: float
    high: float


@dataclass(frozen=True)
class Spot:
    """A segment, and the share of its customers that a factor hits."""

    attribute: str
    level: str
    share: float
    customers: int


@dataclass(frozen=True)
class Behind:
    """One factor.

    Attributes
    ----------
    rank, rank_low, rank_high : int
        Among the levers at the test cutoff; lowest and highest rank in 9 of 10 redraws of its customers and at
        the cutoffs before.
    weight : tuple of two floats, or empty
        The ends of its weight's interval (9 of 10 redraws of the customers), over the weight itself.
    curve : tuple of (value, share, low, high)
        How often customers left by the value of the feature of ``contrast``; empty where there is no curve.
    trend : tuple of (instant, share)
        Share of customers hit at each of the last cutoffs.
    """

    factor: str
    rank: int
    rank_low: int
    rank_high: int
    weight: tuple[float, ...]
    curve: tuple[tuple[float, float, float, float], ...]
    trend: tuple[tuple[datetime, float], ...]
    contrast: Contrast | None
    cause: Cause | None
    worst: Spot | None
    best: Spot | None


@dataclass(frozen=True)
class Stays:
    """Share of customers still there after each of ``days``, by the levels of one attribute."""

    attribute: str
    days: tuple[int, ...]
    everybody: tuple[float, ...]
    levels: tuple[tuple[str, int, tuple[float, ...]], ...]


def behind_of(inputs: ReportInputs) -> dict[str, Behind]:
    """What is known about each factor; empty where the model was trained without it."""
    told = inputs.evidence
    zone = ZoneInfo(str(inputs.meta.get("timezone", "UTC")))
    found = {}
    for factor, rank in told.get("ranks", {}).items():
        past = [row for row in told.get("history", ()) if row["factor"] == factor]
        trend = tuple(
            (datetime.fromisoformat(row["cutoff"]).astimezone(zone), float(row["share_hit"])) for row in past
        )
        places = [rank["rank_low"], rank["rank_high"], *(row["rank"] for row in past)]
        own = inputs.labels["factors"].get(factor, {}).get("kind") == "column"
        worst, best = (
            (None, None) if own else _spots(inputs.groups, factor)
        )  # a column by columns says little
        found[factor] = Behind(
            factor=factor,
            rank=int(rank["rank"]),
            rank_low=int(min(places)),
            rank_high=int(max(places)),
            weight=tuple(rank[name] for name in _WEIGHT if name in rank),
            curve=_curve(inputs.evidence.get("curves", {}).get(factor, {})),
            trend=trend,
            contrast=_contrast(inputs, factor),
            cause=_cause(inputs.causes.get(factor)),
            worst=worst,
            best=best,
        )
    return found


def _curve(told: Mapping[str, Any]) -> tuple[tuple[float, float, float, float], ...]:
    points = zip(*(told.get(name, ()) for name in ("value", "left", "low", "high", "customers")), strict=True)
    return tuple(
        (value, left, low, high) for value, left, low, high, customers in points if customers >= SMALL_GROUP
    )


def _contrast(inputs: ReportInputs, factor: str) -> Contrast | None:
    told = inputs.evidence.get("comparisons", {}).get(factor)
    if told is None:
        return None
    now = inputs.groups.get("beyond", {}).get(factor, {})
    customers = now.get("customers", math.nan)
    money = now.get("value_at_risk") if inputs.has_value else None
    few = 0 < customers < SMALL_GROUP
    return Contrast(
        feature=told["feature"],
        unit=str(inputs.labels["features"].get(told["feature"], {}).get("unit", "score")),
        threshold=float(told["threshold"]),
        above=bool(told["above"]),
        left=told["left"],
        others=told["left_others"],
        ratio=told["ratio"],
        low=told["low"],
        high=told["high"],
        customers=float(customers),
        value_at_risk=math.nan if money is None or few else float(money),
        level=visible(told.get("level", "")),
    )


def _cause(told: Mapping[str, Any] | None) -> Cause | None:
    if told is None:
        return None
    effect, low, high = (float(told.get(name, math.nan)) / 100 for name in ("effect", "low", "high"))
    return Cause(
        told["badge"], told["reason"], told.get("column", ""), told.get("told", ""), effect, low, high
    )


def _spots(groups: Mapping[str, Any], factor: str) -> tuple[Spot | None, Spot | None]:
    """The segments that the factor hits most and least, where they differ beyond chance."""
    spots = [
        Spot(
            row["attribute"],
            visible(row["level"]),
            row["hit"].get(factor, 0) / row["customers"],
            row["customers"],
        )
        for row in groups.get("segments", ())
        if row["customers"] >= _FEWEST and row["level"] != "*"
    ]
    if not spots:
        return None, None
    worst = max(spots, key=lambda spot: spot.share)
    # The best is looked for in the same attribute: a region beside a plan would say little.
    best = min((s for s in spots if s.attribute == worst.attribute), key=lambda spot: spot.share)
    spread = sum(s.share * (1 - s.share) / s.customers for s in (worst, best))
    if best is worst or worst.share - best.share <= 3 * math.sqrt(spread):
        return None, None
    return worst, best


def stays_of(groups: Mapping[str, Any]) -> Stays | None:
    """Survival by the largest levels of the attribute where these differ most; None where curves are unknown."""
    everybody = groups.get("everybody", {}).get("stays")
    if not everybody:
        return None
    by_attribute: dict[str, list[dict[str, Any]]] = {}
    for row in groups.get("segments", ()):
        if row["customers"] >= _FEWEST and row["stays"] and row["level"] != "*":
            by_attribute.setdefault(row["attribute"], []).append(row)

    def spread(rows: list[dict[str, Any]]) -> float:
        whole = sum(row["customers"] for row in rows)
        mean = sum(row["customers"] * row["stays"][-1] for row in rows) / whole
        return float(sum(row["customers"] * (row["stays"][-1] - mean) ** 2 for row in rows) / whole)

    several = {name: rows[:_CURVES] for name, rows in by_attribute.items() if len(rows) > 1}
    attribute = max(sorted(several), key=lambda name: spread(several[name]), default="")
    rows = sorted(several.get(attribute, []), key=lambda row: -row["stays"][-1])
    return Stays(
        attribute=attribute,
        days=tuple(groups["days"]),
        everybody=tuple(everybody),
        levels=tuple((visible(row["level"]), row["customers"], tuple(row["stays"])) for row in rows),
    )
