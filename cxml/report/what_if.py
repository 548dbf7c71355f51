"""What if: how many fewer would leave, and what value is kept, were one thing brought to its promise or its best."""

from __future__ import annotations

import math
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from cxml.report.inputs import SMALL_GROUP, ReportInputs
from cxml.report.safe_text import visible

_LEAST = 0.5
"""Fewer leavers that the model must see before a row is worth drawing: less rounds to nobody."""
_MOST = 10
_CARRIED = ("supported", "contradicted")
_NEXT_ANSWER = re.compile(r" (?=answer\.)")


@dataclass(frozen=True)
class Gain:
    """One thing made good. Customers and money per forecast window, of the customers scored; nan: unknown.

    What was learned about customers of earlier cutoffs is scaled to those scored now, as if as large a share of them
    were concerned, and as large a share of their leavers stayed: shares of the leavers carry over between times with
    more and with fewer leavers better than differences do.

    Attributes
    ----------
    asked : tuple of str
        Names of promises, or the one column that is varied.
    factor, badge : str
    by : {"cause", "model"}
        An estimate that the badge carries, or the view of the prediction model, which has no interval.
    lack : {"", "rows", "leavers", "beyond", "few"}
        Why nothing is told.
    target : float
        The promised time in seconds; 0 where none is about it.
    reached : float
        Share of what was seen that is as good already.
    concerned : float
        Customers whom it is about.
    fewer, fewer_low, fewer_high : float
        Customers who would stay; below 0: more would leave.
    value, value_low, value_high : float
        Money kept with them.

    References
    ----------
    Deeks (2002), Issues in the selection of a summary statistic for meta-analysis of clinical trials with binary
    outcomes, Statistics in Medicine 21.
    """

    asked: tuple[str, ...]
    factor: str
    badge: str
    by: str
    lack: str
    target: float
    reached: float
    concerned: float
    fewer: float
    fewer_low: float
    fewer_high: float
    value: float
    value_low: float
    value_high: float

    @property
    def clear(self) -> bool:
        """Whether chance alone does not explain that fewer leave."""
        return self.fewer_low > 0


@dataclass(frozen=True)
class WhatIf:
    """All that was asked, the most gain first.

    Attributes
    ----------
    found : tuple of Gain
        Estimated, and carried by a badge.
    model : tuple of Gain
        The model's view, where it sees a difference.
    slight : tuple of Gain
        The model's view, where it sees little or none.
    untold : tuple of Gain
        About which nothing can be told.
    best : Gain or None
        The one for the first screen: what is supported and beyond chance, else what the model expects most of.
    """

    found: tuple[Gain, ...]
    model: tuple[Gain, ...]
    slight: tuple[Gain, ...]
    untold: tuple[Gain, ...]
    best: Gain | None


def gains_of(inputs: ReportInputs, backwards: Collection[str] = ()) -> WhatIf:
    """What would change, by how it is known.

    Parameters
    ----------
    backwards : collection of str
        Factors that go with staying: they stand in for something else, and fixing them is never the best.
    """
    known = {"value"} if inputs.has_value else set[str]()
    leaving = float(inputs.scores["churn_probability"].mean())
    rows = [
        _gain(
            row,
            str(inputs.causes.get(row["factor"], {}).get("badge", "")),
            known,
            len(inputs.scores),
            leaving,
        )
        for row in inputs.what_if
    ]
    told = sorted((row for row in rows if not row.lack), key=lambda row: -row.fewer)
    found = tuple(row for row in told if row.by == "cause" and row.badge in _CARRIED)
    model = [row for row in told if row.by == "model"]
    drawn = tuple(row for row in model if row.fewer >= _LEAST)[:_MOST]
    hopeful = (row for row in drawn if row.badge != "contradicted" and row.factor not in backwards)
    sure = next((row for row in found if row.badge == "supported" and row.clear), None)
    return WhatIf(
        found=found,
        model=drawn,
        slight=tuple(row for row in model if row not in drawn),
        untold=tuple(row for row in rows if row.lack),
        best=sure or next(hopeful, None),
    )


def _gain(told: Mapping[str, Any], badge: str, known: set[str], customers: int, leaving: float) -> Gain:
    then = float(told.get("concerned", math.nan))
    as_many = customers / float(told.get("among", customers))
    now = as_many * leaving / float(told.get("leaving") or leaving)
    concerned, few = then * as_many, 0 < then < SMALL_GROUP
    lack = told["lack"] or ("few" if few else "")
    shown = {"fewer", *known} if not lack else set[str]()

    def number(name: str) -> float:
        return now * float(told.get(name, math.nan)) if name.partition("_")[0] in shown else math.nan

    asked = visible(told["asked"])
    return Gain(
        asked=tuple(_NEXT_ANSWER.split(asked)) if told["target"] else (asked,),
        factor=str(told["factor"]),
        badge=badge,
        by=told["by"],
        lack=lack,
        target=float(told["target"]),
        reached=float(told.get("reached", math.nan)),
        concerned=math.nan if few else concerned,
        fewer=number("fewer"),
        fewer_low=number("fewer_low"),
        fewer_high=number("fewer_high"),
        value=number("value"),
        value_low=number("value_low"),
        value_high=number("value_high"),
    )
