"""Values that carry no date: whether they were written when the customer left, or summed up later.

What says less or more about leaving the nearer the extract is (``drift``) was not known at the cutoff.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd

from cxml.audit import drift
from cxml.audit.drift import LEAST_CUTOFFS, Drift, Risk, Sole
from cxml.audit.findings import Figures, Finding, Probe
from cxml.audit.sample import Sample
from cxml.audit.value_groups import ValueGroups, groups
from cxml.contracts import ATTRIBUTE, TABLES
from cxml.factors.declare import Feature
from cxml.features.vocabulary import words
from cxml.tables.opening import Tables

_BINS = 6


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
    risk = drift.of_sample(sample)
    findings, shown = [], []
    for column, dated in columns:
        values = sample.frame[column]
        made = groups(values, np.ones(len(values), dtype=bool), _BINS)
        sole = None if dated else drift.sole(risk, made)
        drifts = list(_drifts(sample, risk, made, column, by_rank=not dated))
        worst = max(drifts, key=lambda one: (one.counts(dated), abs(one.z)), default=None)
        if worst and not dated:
            shown.append(worst)
        if sole:
            findings.append(_gives_away(sample, column, sole))
        elif worst and worst.counts(dated):
            findings.append(_drifting(sample, worst))
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


def _drifts(sample: Sample, risk: Risk, made: ValueGroups, column: str, *, by_rank: bool) -> Iterator[Drift]:
    values = sample.frame[column]
    yield from drift.of_groups(risk, made, column)
    if by_rank and pd.api.types.is_numeric_dtype(values):
        yield drift.of_ranks(risk, values.to_numpy(dtype=np.float64, na_value=np.nan), column)


def _gives_away(sample: Sample, column: str, sole: Sole) -> Finding:
    return _finding(
        sample,
        column,
        what=f"{column} gives leavers away: {sole.said}",
        expected=drift.SOME_WITHOUT,
        figures={"without": sole.without, "usual": round(sole.usual, 1)},
    )


def _drifting(sample: Sample, one: Drift) -> Finding:
    return _finding(
        sample,
        one.column,
        what=f"{one.column} seems to know the future: from the first cutoffs to the last {one.said}, {one.guess}",
        expected="the same say about leaving at every cutoff, whether the extract was near or far",
        figures={"z": round(one.z, 2), "change": round(one.change, 3)},
    )


def _finding(sample: Sample, column: str, *, what: str, expected: str, figures: Figures) -> Finding:
    return Finding(
        about=column,
        what=what,
        where=f"factor {sample.labels['features'][column]['factor']}, {len(sample.cutoffs)} cutoffs",
        expected=expected,
        fix="add recorded_at to its table, a row per change; or leave it out ([features] leave_out)",
        figures=figures,
    )


def _row(one: Drift) -> Figures:
    return {
        "value": one.column,
        "standard errors": round(one.z, 2),
        "change": round(one.change, 2),
        "measured by": "rank" if one.by_rank else "risk",
    }
