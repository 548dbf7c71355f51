"""Values that carry no date: whether they were written when the customer left, or summed up later.

What holds since the customer came says as much about leaving at one cutoff as at the next. A value
written when somebody leaves does not: near the extract all who have it leave, long before it only
some of them do yet. A sum up to the extract is the other way round: those who left early missed most
of it. So the risk of those who share a value, against that of customers of the same age, must not
drift with the nearness of the extract.

References
----------
Grambsch, Therneau (1994), Proportional hazards tests and diagnostics based on weighted residuals,
Biometrika 81 (the question, for continuous time); Breslow, Day (1987), Statistical methods in cancer
research, volume 2 (expected numbers by strata).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.stats import rankdata

from cxml.attributes import ATTRIBUTE
from cxml.audit.findings import Figures, Finding, Probe
from cxml.audit.groups import groups
from cxml.audit.sample import Sample
from cxml.contracts import TABLES
from cxml.features.declare import Feature
from cxml.features.vocabulary import words
from cxml.tables import Tables

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

HIGHEST_DRIFT = {"undated": 4.0, "standing": 5.0}
"""Standard errors of drift that chance does not reach: of attributes without a date, of which there are few,
and of all other values that stand since they were first said."""
LEAST_FOLD = {"undated": 2.0, "standing": 3.0}
"""By which factor the relative risk must have changed from the first cutoff to the last to matter."""
LEAST_SHIFT = 0.3
"""The same for the mean rank of leavers, in standard deviations."""
LEAST_LEAVERS = 20
LEAST_CUTOFFS = 3
_AGES = 5
_BINS = 6


@dataclass(frozen=True)
class Drift:
    """How what a column says about leaving changes from the first cutoff to the last.

    Attributes
    ----------
    column : str
    z : float
        Standard errors; positive when the relative risk of a group rises, or leavers rank higher later.
    change : float
        Relative risk at the last cutoff over that at the first; or the shift of the mean rank between them.
    by_rank : bool
        Which of the two.
    """

    column: str
    z: float
    change: float
    by_rank: bool

    def counts(self, dated: bool) -> bool:
        """Whether the change is both sure and large; more is asked of values with a date."""
        kind = "standing" if dated else "undated"
        large = (
            abs(self.change) >= LEAST_SHIFT
            if self.by_rank
            else abs(np.log(self.change)) >= np.log(LEAST_FOLD[kind])
        )
        return bool(large and abs(self.z) >= HIGHEST_DRIFT[kind])


@dataclass(frozen=True)
class _Risk:
    """The rows of a sample as the drift test wants them.

    ``place`` is the cutoff's place, ``age`` the stratum of the time since the customer came, ``expected`` the
    share of leavers among customers of that age at that cutoff, ``time`` the cutoffs from 0 to 1.
    """

    churned: Floats
    place: Ints
    age: Ints
    expected: Floats
    time: Floats
    who: Ints


def probe(tables: Tables, sample: Sample) -> Probe:
    """Values without a date whose say about leaving drifts with the nearness of the extract."""
    name = "values without a date"
    asks = "Does what a standing value says about leaving change with the nearness of the extract?"
    columns = list(_standing(tables, sample))
    undated = [column for column, dated in columns if not dated]
    figures = {"values": len(columns), "undated": len(undated), "cutoffs": len(sample.cutoffs)}
    if len(sample.cutoffs) < LEAST_CUTOFFS:
        note = f"Only {len(sample.cutoffs)} cutoffs are matured: a drift needs {LEAST_CUTOFFS}."
        return Probe(name, asks, figures=figures, note=note)
    risk = _risk(sample)
    findings, shown = [], []
    for column, dated in columns:
        drifts = list(_drifts(sample, risk, column, by_rank=not dated))
        if not drifts:
            continue
        worst = max(drifts, key=lambda one: (one.counts(dated), abs(one.z)))
        if not dated:
            shown.append(worst)
        if worst.counts(dated):
            findings.append(_finding(sample, worst))
    rows = tuple(_row(one) for one in sorted(shown, key=lambda one: -abs(one.z)))
    return Probe(name, asks, tuple(findings), figures, rows)


def _standing(tables: Tables, sample: Sample) -> Iterator[tuple[str, bool]]:
    """Columns over all history, and whether their values carry a date: when they were recorded, or happened."""
    recorded = "recorded_at" in tables.columns.get("customers", frozenset())
    for column in sample.columns:
        feature = column.feature
        if isinstance(feature, Feature) and not column.lookback and sample.kind(column.name) != "consequence":
            yield column.name, recorded or feature.table != "customers" or not _undated(feature)


def _undated(feature: Feature) -> bool:
    """Whether a feature of the customers rests on a column that does not say from when it holds."""
    table, used = TABLES["customers"], words(feature.sql)
    own = {column.name for column in table.columns if not column.known and column.name not in table.required}
    return bool(used & own) or any(name.startswith(ATTRIBUTE) for name in used)


def _risk(sample: Sample) -> _Risk:
    frame = sample.frame
    churned = frame["churned"].to_numpy(dtype=np.float64)
    place = pd.factorize(frame["cutoff"], sort=True)[0]
    since = frame["cutoff"].to_numpy(dtype="datetime64[s]").astype(np.int64) - sample.arrived
    age = np.searchsorted(np.quantile(since, np.linspace(0, 1, _AGES + 1)[1:-1]), since)
    cell = place * _AGES + age
    rows = np.bincount(cell)
    expected = (np.bincount(cell, churned) / np.maximum(rows, 1))[cell]
    time = np.linspace(0, 1, len(sample.cutoffs))
    return _Risk(churned, place, age, expected, time, pd.factorize(frame["customer_id"])[0])


def _drifts(sample: Sample, risk: _Risk, column: str, *, by_rank: bool) -> Iterator[Drift]:
    values = sample.frame[column]
    made = groups(values, np.ones(len(values), dtype=bool), _BINS)
    for group in range(made.count):
        rows = made.of == group
        if risk.churned[rows].sum() >= LEAST_LEAVERS and risk.expected[rows].sum() > 0:
            yield _risk_drift(risk, rows, column)
    if by_rank and pd.api.types.is_numeric_dtype(values):
        yield _rank_drift(risk, values.to_numpy(dtype=np.float64, na_value=np.nan), column)


def _risk_drift(risk: _Risk, rows: NDArray[np.bool_], column: str) -> Drift:
    """Leavers among *rows* against those expected by age, tested for a trend over the cutoffs.

    A score test whose variance counts each customer once, divided by how much the cutoffs scatter
    around their own trend.
    """
    left, expected, place = risk.churned[rows], risk.expected[rows], risk.place[rows]
    usual = left.sum() / expected.sum()
    time = risk.time[place] - np.average(risk.time[place], weights=expected)
    parts = np.bincount(risk.who[rows], (left - usual * expected) * time)
    z = parts.sum() / np.sqrt((parts**2).sum())
    seen, wanted = (
        np.bincount(place, one, minlength=len(risk.time)).astype(np.float64)
        for one in (left, usual * expected)
    )
    slope, scatter = _trend(seen, wanted, risk.time)
    return Drift(column, float(z / np.sqrt(scatter)), float(np.exp(slope)), by_rank=False)


def _trend(seen: Floats, expected: Floats, time: Floats) -> tuple[float, float]:
    """The log-linear trend of *seen* over *expected*, and how many times the variance of chance is left around it.

    The latter is at least 1.
    """
    level, slope = 0.0, 0.0
    there = expected > 0
    seen, expected, time = seen[there], expected[there], time[there] - time[there].mean()
    for _ in range(30):
        mean = expected * np.exp(np.clip(level + slope * time, -20, 20))
        gradient = np.array([(seen - mean).sum(), ((seen - mean) * time).sum()])
        hessian = np.array([[mean.sum(), (mean * time).sum()], [(mean * time).sum(), (mean * time**2).sum()]])
        step = np.linalg.solve(hessian + 1e-9 * np.eye(2), gradient)
        step /= max(1.0, float(np.abs(step).max()))
        level, slope = level + step[0], slope + step[1]
        if np.abs(step).max() < 1e-7:
            break
    mean = expected * np.exp(np.clip(level + slope * time, -20, 20))
    pearson = ((seen - mean) ** 2 / np.maximum(mean, 0.5)).sum()
    return float(np.clip(slope, -5, 5)), max(1.0, float(pearson / max(len(seen) - 2, 1)))


def _rank_drift(risk: _Risk, number: Floats, column: str) -> Drift:
    """The mean rank of leavers among customers of their age, tested for a trend over the cutoffs."""
    score = np.full(len(number), np.nan)
    cell = risk.place * _AGES + risk.age
    for one in np.unique(cell):
        rows = (cell == one) & np.isfinite(number)
        rank = rankdata(number[rows])
        if len(rank) > 1 and rank.std() > 0:
            score[rows] = (rank - rank.mean()) / rank.std()
    rows = np.isfinite(score) & (risk.churned == 1)
    time = risk.time[risk.place[rows]]
    if len(time) < LEAST_LEAVERS or not time.std():
        return Drift(column, 0.0, 0.0, by_rank=True)
    time = time - time.mean()
    spread = (time**2).sum()
    slope = (time * score[rows]).sum() / spread
    rest = score[rows] - score[rows].mean() - slope * time
    parts = np.bincount(risk.who[rows], time * rest)
    # Leavers at least as scattered as all customers are: a sum up to the extract draws them together.
    error = np.sqrt(max((parts**2).sum(), spread)) / spread
    return Drift(column, float(slope / error), float(slope), by_rank=True)


def _finding(sample: Sample, one: Drift) -> Finding:
    if one.by_rank or one.change < 1:
        guess = "as if it summed up what happened after the cutoffs"
    else:
        guess = "as if it was written when the customer left"
    change = (
        f"the mean rank of leavers moved by {one.change:+.1f} standard deviations"
        if one.by_rank
        else f"the relative risk of those who share one of its values changed {one.change:.2g}-fold"
    )
    names = sample.labels["features"][one.column]
    return Finding(
        about=one.column,
        what=f"{one.column} seems to know the future: from the first cutoffs to the last {change}, {guess}",
        where=f"factor {names['factor']}, {len(sample.cutoffs)} cutoffs",
        expected="the same say about leaving at every cutoff, whether the extract was near or far",
        fix="add recorded_at to its table, a row per change; or leave it out ([features] leave_out)",
        figures={"z": round(one.z, 2), "change": round(one.change, 3)},
    )


def _row(one: Drift) -> Figures:
    return {"value": one.column, "standard errors": round(one.z, 2),
            "change": round(one.change, 2), "measured by": "rank" if one.by_rank else "risk"}  # fmt: skip
