"""What no model may read: true probabilities, true values, true effects."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pyarrow as pa

from cxml.simulate.commerce import Worth
from cxml.simulate.customers import People
from cxml.simulate.effects import Effects
from cxml.simulate.factors import FACTORS
from cxml.simulate.leaving import Hazard, at_risk
from cxml.simulate.months import Months
from cxml.simulate.rows import BoolArray, FloatArray, IntArray, ids, instants

FIRST_SNAPSHOT = 6
"""The month at whose start the first true snapshot is taken: half a year of history lies before it."""
HORIZON_D = 28


def snapshot_truth(
    worth: Worth, months: Months, hazard: Hazard, exposures: Mapping[str, FloatArray], left: IntArray
) -> pa.Table:
    """One row per customer at risk at each month start from the sixth month on, the end included.

    Columns: ``customer_id``, ``cutoff``, ``churn_probability`` (within 28 days), ``log_hazard`` and
    ``observable_log_hazard`` (a day; the second without the hidden trait), ``expected_value`` (margin
    expected within 28 days) and one ``x_<factor>`` each.
    """
    parts = []
    for month in range(FIRST_SNAPSHOT, months.count + 1):
        start = int(months.starts[month])
        who = np.flatnonzero(at_risk(worth.people, left, start))
        total = hazard.total[month, who]
        value = worth.expected_margin(month, hazard.a_day[month], HORIZON_D)[who]
        columns = {
            "customer_id": ids("customer_id", who),
            "cutoff": instants(np.full(len(who), start)),
            "churn_probability": -np.expm1(-HORIZON_D * np.exp(total)),
            "log_hazard": total,
            "observable_log_hazard": hazard.observable[month, who],
            "expected_value": value,
        }
        columns |= {f"x_{factor.name}": exposures[factor.name][month, who] for factor in FACTORS}
        parts.append(pa.table(columns))
    return pa.concat_tables(parts).combine_chunks()


def effect_truth(
    people: People, months: Months, hazard: Hazard, effects: Effects, left: IntArray
) -> pa.Table:
    """One row per factor: its effect and how much of leaving it makes up, over all true snapshots.

    Columns: ``factor``, ``kind`` (effect, null, outcome), ``beta`` (log-hazard per unit), ``per_unit``,
    ``days`` (how far the exposure looks back), ``usual`` (the exposure from which the effect counts),
    ``mean_contribution``, ``sd_of_contribution``, ``mean_abs_contribution`` (around its mean; what an
    importance by mean absolute contribution should come to), ``variance_share`` and
    ``hidden_variance_share`` (parts of the variance of the log-hazard).
    """
    seen = _snapshots(people, months, left)
    spread = float(np.var(hazard.total[seen])) or 1.0
    hidden = np.broadcast_to(hazard.hidden, hazard.total.shape)[seen]
    rows = [_effect_row(hazard.service[factor.name][seen], spread) for factor in FACTORS]
    columns: dict[str, list[object]] = {
        "factor": [factor.name for factor in FACTORS],
        "kind": [effects.kind(factor.name) for factor in FACTORS],
        "beta": [effects.of(factor.name) for factor in FACTORS],
        "per_unit": [factor.per_unit for factor in FACTORS],
        "days": [factor.days for factor in FACTORS],
        "usual": [factor.usual for factor in FACTORS],
    }
    columns |= {name: [row[name] for row in rows] for name in rows[0]}
    columns["hidden_variance_share"] = [float(np.var(hidden)) / spread] * len(FACTORS)
    return pa.table(columns)


def _snapshots(people: People, months: Months, left: IntArray) -> BoolArray:
    """Mask of shape (months + 1, customers): the true snapshots."""
    starts = months.starts[:, None]
    there = (people.joined < starts) & (left >= starts)
    there[:FIRST_SNAPSHOT] = False
    return np.asarray(there)


def _effect_row(values: FloatArray, spread: float) -> dict[str, float]:
    mean = float(np.mean(values)) if len(values) else 0.0
    return {
        "mean_contribution": mean,
        "sd_of_contribution": float(np.std(values)) if len(values) else 0.0,
        "mean_abs_contribution": float(np.mean(np.abs(values - mean))) if len(values) else 0.0,
        "variance_share": float(np.var(values)) / spread if len(values) else 0.0,
    }
