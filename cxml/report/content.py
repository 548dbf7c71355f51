"""The numbers of the report, computed once and free of language."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from cxml.config.time_spans import duration
from cxml.drivers.hits import PREFIX
from cxml.errors import DataError
from cxml.factors.declare import NAMED
from cxml.metrics.bootstrap import leavers_range
from cxml.report.call_list import Calls, calls_at_top, worth_of
from cxml.report.coverage import Coverage, Name, coverage_of, name_of
from cxml.report.factor_evidence import Behind, Stays, behind_of, stays_of
from cxml.report.inputs import SMALL_GROUP, ReportInputs
from cxml.report.model_quality import Quality, quality
from cxml.report.promise_cliffs import Promised, promises_of
from cxml.report.safe_text import visible
from cxml.report.what_if import WhatIf, gains_of

_CLEAR = 0.2
"""A rank correlation nearer to 0 than this says nothing of the direction."""
HARDLY = 0.02
"""A factor with a smaller share of what service adds is named as hardly linked."""

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Scope:
    """What the report is about. Instants are aware; the forecast window is ``[start, end)``.

    ``in_sample`` are the customers scored whom the model learned from. ``base_rate``: of labels drawn by outcome, the
    share that left, and that of all customers.
    """

    project: str
    currency: str
    timezone: str
    cutoff: datetime
    start: datetime
    end: datetime
    churn_definition: str
    customers: int
    new: int | None
    gone: int | None
    observation_end: datetime | None
    training_cutoffs: tuple[datetime, ...]
    refit: bool
    model_version: str
    data_fingerprint: str
    in_sample: int = 0
    base_rate: tuple[float, float] | None = None


@dataclass(frozen=True)
class LeavingOutlook:
    """How many will leave and what it costs; money is nan when no value is configured.

    ``low`` and ``high`` hold chance and, where ``followed``, how far forecasts of the level missed at past cutoffs.
    ``value`` is what all would bring if nobody left, ``value_share`` the part of it that is at risk.
    """

    leavers: float
    share: float
    low: float
    high: float
    followed: bool
    value_at_risk: float
    value: float
    value_share: float


@dataclass(frozen=True)
class FactorNumbers:
    """One factor. Money, and all numbers of a factor that hits fewer than ten, are nan.

    Attributes
    ----------
    direction : {"expected", "reversed", "unclear", ""}
        Whether worse service goes with leaving; empty where no direction is declared, or nobody asked.
    share : float
        Of all that levers and columns add to the odds by being worse than usual; nan for what is neither.
    weight : float
        Of all movement in the forecast.
    risk, risk_without : float
        Mean churn probability of the customers hit, as it is and without what the factor adds there.
    leavers, fewer_leavers : float
        Expected leavers among the customers hit, and how many of them the factor accounts for.
    value_at_risk, avoidable : float
        Money at risk among the customers hit, and the part that the factor accounts for.
    """

    factor: str
    name: Name
    kind: str
    family: str
    direction: str
    share: float
    weight: float
    customers: int
    small: bool
    hit_share: float
    odds_ratio: float
    risk: float
    risk_without: float
    leavers: float
    fewer_leavers: float
    value_at_risk: float
    avoidable: float

    @property
    def area(self) -> str:
        """Its family; of a column of a flat table, that it is one."""
        return "column" if self.kind == "column" else self.family

    @property
    def value_without(self) -> float:
        """Value at risk among the customers hit if the factor added nothing."""
        return self.value_at_risk - self.avoidable


@dataclass(frozen=True)
class AuditState:
    """An audit that is missing or failed: ``state`` says which, ``names`` what leaks."""

    state: str
    names: tuple[str, ...]


@dataclass(frozen=True)
class Content:
    """All numbers of the report.

    Attributes
    ----------
    levers : tuple of FactorNumbers
        What the company can change, and columns of a flat table of which nobody said whether it can.
    """

    scope: Scope
    has_value: bool
    outlook: LeavingOutlook
    levers: tuple[FactorNumbers, ...]
    others: tuple[FactorNumbers, ...]
    change: FactorNumbers | None
    behind: Mapping[str, Behind]
    stays: Stays | None
    what_if: WhatIf
    promises: tuple[Promised, ...]
    calls: Calls
    quality: Quality
    coverage: Coverage
    audit: AuditState | None = None

    @property
    def columns(self) -> bool:
        """Whether columns of a flat table stand among the levers."""
        return any(x.kind == "column" for x in self.levers)


def compute(inputs: ReportInputs) -> Content:
    """All numbers of the report from its inputs."""
    factors = _factors(inputs)
    levers = tuple(f for f in factors if f.kind in NAMED)
    # Where better service goes with leaving, the factor stands in for something else, such as little use:
    # fixing it would change nothing. Nobody said that a column of a flat table can be made good at all.
    gain = [
        0.0
        if f.direction == "reversed" or f.kind != "lever"
        else f.avoidable
        if inputs.has_value
        else f.fewer_leavers
        for f in levers
    ]
    best = max(range(len(gain)), key=lambda k: (gain[k] if gain[k] > 0 else 0.0, -k), default=None)
    return Content(
        scope=_scope(inputs),
        has_value=inputs.has_value,
        outlook=_outlook(inputs),
        levers=levers,
        others=tuple(sorted((f for f in factors if f.kind not in NAMED), key=lambda f: -f.weight)),
        change=levers[best] if best is not None and gain[best] > 0 else None,
        behind=behind_of(inputs),
        stays=stays_of(inputs.groups),
        what_if=gains_of(inputs, {f.factor for f in levers if f.direction == "reversed"}),
        promises=promises_of(inputs),
        calls=calls_at_top(inputs),
        quality=quality(inputs.metrics, SMALL_GROUP, ZoneInfo(str(inputs.meta.get("timezone", "UTC")))),
        coverage=coverage_of(inputs),
        audit=_audit(inputs),
    )


def _audit(inputs: ReportInputs) -> AuditState | None:
    """The audit, where there is something to say of it."""
    told = inputs.meta.get("audit") or {}
    if told.get("state") not in ("missing", "failed"):
        return None
    features = inputs.labels.get("features", {})
    names = (str(features.get(name, {}).get("en", name)) for name in told.get("leaks", ()))
    return AuditState(told["state"], tuple(visible(name) for name in names))


def factor_name(labels: Mapping[str, Any], factor: str) -> Name:
    """The label of a factor; its key where it has none."""
    return name_of(labels.get("factors", {}).get(factor, {}), factor)


def _scope(inputs: ReportInputs) -> Scope:
    meta = inputs.meta
    zone = ZoneInfo(str(meta.get("timezone", "UTC")))
    cutoff = instant(meta["cutoff"], zone)
    start = cutoff + duration(str(meta["lead"]))
    population = meta.get("population", {})
    seen = meta.get("observation_end")
    return Scope(
        project=visible(meta["project"]),
        currency=visible(meta.get("currency", "")),
        timezone=str(zone),
        cutoff=cutoff,
        start=start,
        end=start + duration(str(meta["horizon"])),
        churn_definition=str(meta.get("churn_definition", "")),
        customers=len(inputs.scores),
        new=population.get("new"),
        gone=population.get("gone"),
        observation_end=instant(seen, zone) if seen else None,
        training_cutoffs=tuple(instant(c, zone) for c in meta.get("training_cutoffs", ())),
        refit=bool(meta.get("refit")),
        model_version=visible(meta.get("model_version", "")),
        data_fingerprint=visible(meta.get("data_fingerprint", "")),
        in_sample=int(meta.get("in_sample", 0)),
        base_rate=(rates["data"], rates["said"]) if (rates := meta.get("base_rate")) else None,
    )


def instant(text: Any, zone: ZoneInfo) -> datetime:
    """An ISO text as an aware instant; a time without an offset is in *zone*."""
    try:
        read = text if isinstance(text, datetime) else datetime.fromisoformat(str(text))
    except ValueError as error:
        raise DataError(
            "a time cannot be read",
            where="report inputs",
            expected="ISO 8601",
            fix="write for example '2026-05-01T00:00:00+09:00'",
        ) from error
    return read if read.tzinfo else read.replace(tzinfo=zone)


def _outlook(inputs: ReportInputs) -> LeavingOutlook:
    p = inputs.scores["churn_probability"].to_numpy(np.float64)
    at_risk = value = math.nan
    if inputs.has_value:
        at_risk = float(inputs.scores["value_at_risk"].sum())
        value = float(inputs.scores[worth_of(inputs.scores)].sum())
    error = inputs.meta.get("level_error")
    low, high = leavers_range(p, float(error or 0.0))
    return LeavingOutlook(
        leavers=float(p.sum()),
        share=float(p.mean()),
        low=low,
        high=high,
        followed=error is not None,
        value_at_risk=at_risk,
        value=value,
        value_share=at_risk / value if value > 0 else math.nan,
    )


def _factors(inputs: ReportInputs) -> tuple[FactorNumbers, ...]:
    p = inputs.scores["churn_probability"].to_numpy(np.float64)
    with np.errstate(divide="ignore"):
        logit = np.log(p) - np.log1p(-p)
    by = ["strength", "importance"]
    rows = inputs.drivers.sort_values(by, ascending=False, kind="stable").to_dict("records")
    return tuple(_factor(inputs, {str(k): v for k, v in row.items()}, p, logit) for row in rows)


def _factor(inputs: ReportInputs, row: dict[str, Any], p: Floats, logit: Floats) -> FactorNumbers:
    factor = str(row["factor"])
    customers = int(row["customers_hit"])
    small = customers < SMALL_GROUP
    added = inputs.scores[PREFIX + factor].to_numpy(np.float64)
    hit = added > 0
    now, rest = p[hit], 1 / (1 + np.exp(added[hit] - logit[hit]))

    def shown(value: Any) -> float:
        return math.nan if small else _number(value)

    def money(name: str) -> float:
        return shown(row.get(name)) if inputs.has_value else math.nan

    return FactorNumbers(
        factor=factor,
        name=factor_name(inputs.labels, factor),
        kind=str(row["kind"]),
        family=str(row["family"]),
        direction=_direction(row["direction"]) if "direction" in row else "",
        share=shown(row["share_of_strength"]),
        weight=_number(row["share_of_importance"]),
        customers=customers,
        small=small,
        hit_share=shown(row["share_hit"]),
        odds_ratio=shown(row["odds_ratio"]),
        risk=shown(now.mean()) if now.size else math.nan,
        risk_without=shown(rest.mean()) if now.size else math.nan,
        leavers=shown(now.sum()),
        fewer_leavers=shown((now - rest).sum()),
        value_at_risk=money("value_at_risk"),
        avoidable=money("avoidable"),
    )


def _direction(value: Any) -> str:
    number = _number(value)
    if math.isnan(number):
        return ""
    return "expected" if number > _CLEAR else "reversed" if number < -_CLEAR else "unclear"


def _number(value: Any) -> float:
    return float(value) if value is not None and pd.notna(value) else math.nan
