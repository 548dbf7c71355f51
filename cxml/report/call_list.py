"""The call list: who is on it, in which order, and why."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pandas as pd

from cxml.decisions.call_plan import list_order
from cxml.report.inputs import ReportInputs
from cxml.report.safe_text import visible

PAGE_ROWS = 50
"""Rows of the call list in the page."""
Order = Literal["uplift", "profit", "money", "risk"]
"""What the list is in the order of: what a contact brings, by uplift or by risk x value less cost; value at risk; risk."""
_LEADS: dict[str, Order] = {
    "expected_profit": "profit",
    "value_at_risk": "money",
    "churn_probability": "risk",
}


@dataclass(frozen=True)
class ReasonToSay:
    """A feature of a lever that raises a customer's risk, with its value before the cutoff."""

    feature: str
    value: float


@dataclass(frozen=True)
class Call:
    """A row of the call list; stories and recovery as ``cxml.drivers.stories.tell_stories`` gives them.

    ``other`` is what raises the risk most and is no lever.
    """

    rank: int
    customer_id: str
    probability: float
    value_if_stays: float
    value_at_risk: float
    expected_profit: float
    holdout: bool
    reasons: tuple[ReasonToSay, ...]
    other: ReasonToSay | None = None
    stories: tuple[Mapping[str, Any], ...] = ()
    recovery: Mapping[str, Any] | None = None

    def about(self, place: int) -> tuple[Mapping[str, Any], ...]:
        """The stories behind the reason at *place*, from 1."""
        return tuple(story for story in self.stories if story["reason"] == place)


@dataclass(frozen=True)
class Calls:
    """The top of the call list and what it holds. ``top`` are the first customers: a tenth of all."""

    order: Order
    rows: tuple[Call, ...]
    top: int
    top_share: float
    held: float
    holdout: int
    paying: int | None
    profit: float


def order(inputs: ReportInputs) -> Order:
    """What the list is in the order of."""
    by = _LEADS[_lead(inputs)]
    plan = inputs.calls.get("plan") or {}
    return "uplift" if by == "profit" and plan.get("ranked_by") == "uplift" else by


def _lead(inputs: ReportInputs) -> str:
    """The column whose largest values come first."""
    money = ("expected_profit", "value_at_risk") if inputs.has_value else ()
    rows = inputs.scores
    return next((name for name in money if name in rows and rows[name].notna().any()), "churn_probability")


def ranked(inputs: ReportInputs, limit: int) -> pd.DataFrame:
    """The first *limit* rows of the call list: by expected profit, or else value at risk, or else probability."""
    rows = inputs.scores.assign(customer_id=inputs.scores["customer_id"].astype(str))
    lead = rows[_lead(inputs)]
    if len(rows) > limit:  # sort only what can be in the list, ties at its end included
        known_or_last = lead.fillna(-math.inf).to_numpy()
        kept = known_or_last >= np.sort(known_or_last)[-limit]
        rows, lead = rows[kept], lead[kept]
    order = list_order(rows["customer_id"], lead, rows["churn_probability"])
    return rows.iloc[order[:limit]]


def worth_of(scores: pd.DataFrame) -> str:
    """The column that value at risk is a part of: what customers bring if they stay, where the scores tell it."""
    return "value_if_stays" if "value_if_stays" in scores else "expected_value"


def calls_of(rows: pd.DataFrame, stories: Mapping[str, Any]) -> tuple[Call, ...]:
    """The rows of a ranked frame as calls, in their order, with what is told of their customers."""
    get = {name: rows[name].tolist() for name in rows.columns}
    nothing = [math.nan] * len(rows)
    money = {
        n: [_number(v) for v in get.get(n, nothing)]
        for n in (worth_of(rows), "value_at_risk", "expected_profit")
    }
    holdout = [bool(v) if pd.notna(v) else False for v in get.get("holdout", nothing)]
    named = ("reason_1", "reason_2", "reason_3", "other_reason")
    *reasons, other = ((get.get(name, nothing), get.get(f"{name}_value", nothing)) for name in named)
    return tuple(
        Call(
            rank=i + 1,
            customer_id=visible(get["customer_id"][i]),
            probability=float(get["churn_probability"][i]),
            value_if_stays=money[worth_of(rows)][i],
            value_at_risk=money["value_at_risk"][i],
            expected_profit=money["expected_profit"][i],
            holdout=holdout[i],
            reasons=tuple(ReasonToSay(str(n[i]), _number(v[i])) for n, v in reasons if pd.notna(n[i])),
            other=ReasonToSay(str(other[0][i]), _number(other[1][i])) if pd.notna(other[0][i]) else None,
            stories=tuple(stories.get(get["customer_id"][i], {}).get("stories", ())),
            recovery=stories.get(get["customer_id"][i], {}).get("recovery"),
        )
        for i in range(len(rows))
    )


def calls_at_top(inputs: ReportInputs) -> Calls:
    """The top of the call list, for the page."""
    scores = inputs.scores
    weight = (
        scores["value_at_risk" if inputs.has_value else "churn_probability"].fillna(0).to_numpy(np.float64)
    )
    top = max(1, len(scores) // 10)
    first = float(pd.Series(weight, index=scores.index)[ranked(inputs, top).index].sum())
    total = float(weight.sum())
    paying, profit = None, math.nan
    gains = pd.to_numeric(scores["expected_profit"]).fillna(0) if "expected_profit" in scores else None
    if gains is not None and (gains < 0).any():  # where no call can lose, that a call pays says nothing
        if "holdout" in scores:
            gains = gains.where(~scores["holdout"].fillna(False).astype(bool), 0)
        paying, profit = int((gains > 0).sum()), float(gains.clip(lower=0).sum())
    return Calls(
        order=order(inputs),
        rows=calls_of(ranked(inputs, PAGE_ROWS), inputs.stories),
        top=top,
        top_share=top / len(scores),
        held=first / total if total > 0 else math.nan,
        holdout=int(scores["holdout"].fillna(False).astype(bool).sum()) if "holdout" in scores else 0,
        paying=paying,
        profit=profit,
    )


def _number(value: Any) -> float:
    return float(value) if value is not None and pd.notna(value) else math.nan
