"""What the report is made from: scores, drivers, labels, metrics, coverage and the run's own facts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pandas as pd

from cxml.errors import DataError

SMALL_GROUP = 10
"""Numbers about fewer customers than this are not shown, in any file."""
_SCORES = ("customer_id", "churn_probability")
_DRIVERS = (
    "factor",
    "kind",
    "family",
    "strength",
    "share_of_strength",
    "importance",
    "share_of_importance",
    "customers_hit",
    "share_hit",
    "odds_ratio",
)
_LEGAL = {
    "kind": ("lever", "outcome", "context", "volume", "column"),
    "family": ("people", "process", "product", "price", "other"),
}
_META = ("project", "cutoff", "lead", "horizon")


@dataclass(frozen=True)
class ReportInputs:
    """Everything a report shows is computed from these; there is no clock and no other source.

    Attributes
    ----------
    scores : DataFrame
        One row per customer at risk, the columns of ``scores.parquet``: ``customer_id``,
        ``churn_probability``, ``contribution_<factor>`` and ``hit_<factor>`` (calibrated log-odds) are needed;
        ``expected_value``, ``value_if_stays`` and ``value_at_risk`` (money in the horizon), ``reason_1`` ..
        ``reason_3_value``, ``expected_profit`` and ``holdout`` may be absent or null.
    drivers : DataFrame
        One row per factor, as ``drivers.summary`` gives it; ``direction`` may be added: above 0 worse
        service goes with leaving, below 0 it is the other way round, NaN when nobody knows.
    labels : mapping
        ``{"factors": {factor: {"en", "ko", "kind", "family"}},
        "features": {column: {"factor", "en", "ko", "unit", "direction"}}}``.
    metrics : mapping
        ``test``: ``{"cutoff", "rows", "mode": "time" | "customers", "note": {"en", "ko"}}``;
        ``churn``: auc, pr_auc, log_loss, brier, ece, ece_noise_p99, top_decile_lift, base_rate, rows,
        events; ``value``: gini, spearman, decile_mape, mae, total_error (shares, money for mae);
        ``baselines``: ``{"churn": {name: {...}}, "value": {name: {...}}}``; ``tables``:
        ``calibration`` (predicted, actual, rows), ``lift`` (share, recall), ``deciles`` (predicted,
        actual, rows), as ``cxml.metrics.forecasts`` gives them. Every part may be missing: the page then says
        that it is. Whether the model beats its baselines is read off the numbers.
    coverage : mapping
        ``measured``, ``partly`` and ``not_measured``: ``[{"factor", "en", "ko", "features", "missing"}]``
        where ``features`` counts what could be measured and ``missing`` holds ``table.column``; ``rows`` and
        ``set_aside``: ``{table: rows}``, those that were used and those that were left out.
    meta : mapping
        Needed: ``project``, ``cutoff`` (ISO), ``lead`` and ``horizon`` (``"28D"``). Optional:
        ``currency`` (ISO code), ``timezone`` (IANA name, default UTC), ``churn_definition``
        (``subscription``, ``inactivity``, ``date``), ``model_version``, ``data_fingerprint``,
        ``population`` (``{"at_risk", "new", "gone"}``), ``observation_end``, ``training_cutoffs``, ``level_error``
        (by how much the level of leaving is missed, in log-odds; None where past cutoffs do not tell), ``refit``
        (whether the model was trained again after its test), ``in_sample`` (customers scored whom the model learned
        from), ``audit`` (``{"state": "passed" | "failed" | "missing", "leaks"}``).
    calls : mapping
        ``plan``: ``cxml.decisions.call_plan.CallPlan`` and ``proof``: ``cxml.decisions.uplift.Proof``, as
        ``call_plan.json`` has them. May be empty.
    stories : mapping
        Customer id -> ``stories`` and ``recovery``, as ``cxml.drivers.stories.tell_stories`` gives them. May be empty.

    evidence : mapping
        What stands behind the factors, as ``cxml.drivers.evidence.evidence_of`` gives it; empty: nothing is said of it.
    groups : mapping
        Whom factors hit, as ``cxml.drivers.segments.Segments.as_json`` gives it; empty: nothing is said of it.
    causes : mapping
        Factor -> badge, reason and effect, as ``cxml.causes.factor_badges.short`` gives them; empty: association is all
        that is claimed.
    cliffs : sequence of mapping
        How leaving goes along the waits about each promised time, as ``cxml.causes.examination.Examined.short`` has it;
        empty: nothing is said of it.
    what_if : sequence of mapping
        What would change if one thing were made good, as there; empty: the model's contributions speak alone.

    Raises
    ------
    DataError
        A needed column or fact is missing, a factor is of no known kind or family, or there is no
        scored customer.
    """

    scores: pd.DataFrame
    drivers: pd.DataFrame
    labels: Mapping[str, Any]
    metrics: Mapping[str, Any]
    coverage: Mapping[str, Any]
    meta: Mapping[str, Any]
    calls: Mapping[str, Any] = field(default_factory=dict)
    stories: Mapping[str, Any] = field(default_factory=dict)
    evidence: Mapping[str, Any] = field(default_factory=dict)
    groups: Mapping[str, Any] = field(default_factory=dict)
    causes: Mapping[str, Any] = field(default_factory=dict)
    cliffs: Sequence[Mapping[str, Any]] = ()
    what_if: Sequence[Mapping[str, Any]] = ()

    def __post_init__(self) -> None:
        _needed(_DRIVERS, self.drivers.columns, "drivers")
        for name, legal in _LEGAL.items():
            if not self.drivers[name].isin(legal).all():
                raise DataError(
                    f"a factor is of no known {name}",
                    where=f"drivers.{name}",
                    expected=", ".join(legal),
                    fix="correct the declaration of the factor and train again",
                )
        factors = tuple(
            f"{part}_{name}" for name in self.drivers["factor"] for part in ("contribution", "hit")
        )
        _needed(_SCORES + factors, self.scores.columns, "scores")
        _needed(_META, self.meta, "meta")
        if self.scores.empty:
            raise DataError(
                "there is no scored customer",
                where="scores",
                expected="at least one row",
                fix="score a cutoff at which customers are at risk",
            )
        unnamed = {*self.scores.filter(regex="^contribution_")} - {*factors}
        if unnamed:
            raise DataError(
                f"{len(unnamed)} contributions belong to no factor",
                where="scores",
                expected=", ".join(factors),
                fix="score again with the bundle that the labels come from",
            )
        probable = pd.to_numeric(self.scores["churn_probability"], errors="coerce").between(0, 1)
        if self.scores["customer_id"].isna().any() or not probable.all():
            raise DataError(
                "a customer has no id, or no probability",
                where="scores",
                expected="an id and a probability from 0 to 1 in every row",
                fix="score again",
            )

    @property
    def has_value(self) -> bool:
        """Whether money is known: some customer has an expected value and a value at risk."""
        names = ("expected_value", "value_at_risk")
        return all(name in self.scores and bool(self.scores[name].notna().any()) for name in names)


def _needed(names: tuple[str, ...], present: Any, where: str) -> None:
    missing = [name for name in names if name not in present]
    if missing:
        raise DataError(
            f"missing: {', '.join(missing)}",
            where=where,
            expected=", ".join(names),
            fix="score again with the bundle that the drivers come from",
        )
