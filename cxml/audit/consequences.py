"""What customers do on the way out: it is known in time, and yet no reason why they leave.

Two things are looked at: the factors declared as consequences, which no model learns from; and every
value of the text columns of events, such as a topic or a purpose, that nearly all who leave share and
nobody else: contacts of that kind are part of leaving, whatever they are called.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import binom

from cxml.audit.findings import Figures, Finding, Probe
from cxml.audit.sample import Sample
from cxml.audit.single_feature import CHANCE, Alone
from cxml.contracts import TABLES
from cxml.factors.declare import Factor, Feature
from cxml.features import matrix, planner
from cxml.snapshots import population
from cxml.sql import literal, quoted
from cxml.tables.opening import Tables

HIGHEST_ODDS = 20.0
"""So many times the odds of all, those of customers with such an event make it a part of leaving."""
WINDOW = 90
"""Days before the cutoff in which the event lies."""
_MOST_LEVELS = 24
_LEAST_ROWS = 20
_SHOWN = 10


@dataclass(frozen=True)
class _Level:
    """One value of a text column of events, and its column in the matrix."""

    name: str
    table: str
    column: str
    value: str


def probe(tables: Tables, sample: Sample, measured: list[Alone]) -> Probe:
    """Declared consequences and how well they foretell, and events that are consequences by what they say.

    Nothing here makes the audit fail.
    """
    declared = [one for one in measured if sample.kind(one.column) == "consequence"]
    findings = [_declared(sample, one) for one in declared if one.group.sure]
    told: list[tuple[float, Figures]] = [
        (
            one.group.odds,
            {
                "what": one.column,
                "kind": "declared",
                "auc": round(one.auc.auc, 3),
                "odds": round(one.group.odds, 1),
            },
        )
        for one in declared
    ]
    levels = list(_levels(tables))
    for level, odds, sure, had in _odds(tables, sample, levels):
        if sure:
            findings.append(_event(level, odds, had))
        what = f"{level.table}.{level.column} = {level.value}"
        told.append((odds, {"what": what, "kind": "event", "auc": None, "odds": round(odds, 1)}))
    rows = [row for odds, row in sorted(told, key=lambda one: -one[0]) if odds > 1]
    note = "Models do not learn from declared consequences." if declared else ""
    return Probe(
        "consequences of leaving",
        "Which events are a part of leaving rather than a reason for it?",
        tuple(findings),
        {"declared": len(declared), "values": len(levels)},
        tuple(rows[:_SHOWN]),
        note if told else "There is no event to look at; the probe of single features looks at attributes.",
    )


def _levels(tables: Tables) -> Iterator[_Level]:
    """The commonest values of the text columns of events that are known with their row or its contact."""
    found = 0
    for name, table in TABLES.items():
        if name not in tables.columns or table.owner != "customer_id" or name == "customers":
            continue
        for column in table.columns:
            plain = column.kind == "text" and not column.personal and not column.name.endswith("_id")
            if not plain or column.name not in tables.columns[name]:
                continue
            cell = quoted(column.name)
            for (value,) in tables.engine.rows(
                f"select {cell} from {name} where {cell} is not null group by 1"
                f" having count(*) >= {_LEAST_ROWS} order by count(*) desc, 1 limit {_MOST_LEVELS}"
            ):
                yield _Level(f"level_{found}", name, column.name, str(value))
                found += 1


def _odds(tables: Tables, sample: Sample, levels: list[_Level]) -> Iterator[tuple[_Level, float, bool, int]]:
    """For each value: odds of leaving of those with such an event against all, whether sure, how many snapshots."""
    if not levels:
        return
    features = tuple(
        Feature(
            name=one.name,
            table=one.table,
            sql=f"max(case when {one.column} = {literal(one.value)} then 1 else 0 end)",
            unit="flag",
            row="",
            direction="±",
            en=one.name,
            ko=one.name,
            lookbacks=(WINDOW,),
            empty=0,
        )
        for one in levels
    )
    factor = Factor(
        name="levels",
        en="levels",
        ko="levels",
        kind="consequence",
        family="other",
        tier=6,
        says="Values of events.",
        features=features,
    )
    plan = planner.plan(tables.columns, [factor])
    cutoffs = [cutoff.to_pydatetime() for cutoff in sample.cutoffs]
    with (
        population.take(tables, cutoffs) as everybody,
        everybody.only(sample.frame["customer_id"]) as snapshots,
    ):
        found = matrix.build_features(snapshots, plan)
    both = sample.frame[["customer_id", "cutoff", "churned"]].merge(found, on=["customer_id", "cutoff"])
    churned = both["churned"].to_numpy(dtype=np.float64)
    for one in levels:
        had = both[f"{one.name}_{WINDOW}d"].to_numpy() > 0
        yield one, *_lift(churned, had), int(had.sum())


def _lift(churned: NDArray[np.float64], had: NDArray[np.bool_]) -> tuple[float, bool]:
    base, rows, left = churned.mean(), int(had.sum()), churned[had].sum()
    if not rows or not 0 < base < 1:
        return 0.0, False
    odds = (left + 0.5) / (rows - left + 0.5) / (base / (1 - base))
    limit = HIGHEST_ODDS * base / (1 - base)
    return float(odds), bool(binom.sf(left - 1, rows, limit / (1 + limit)) < CHANCE)


def _declared(sample: Sample, one: Alone) -> Finding:
    return Finding(
        about=one.column,
        what=f"{one.column} is a consequence of leaving, and says so: the odds of some who share a value are"
        f" {one.group.odds:,.0f} times those of all",
        where=f"factor {sample.labels['features'][one.column]['factor']}",
        expected="consequences stay out of the models",
        fix="nothing: no model learns from it",
        figures={"auc": one.auc.auc, "odds": one.group.odds},
        leak=False,
    )


def _event(level: _Level, odds: float, had: int) -> Finding:
    return Finding(
        about=f"{level.table}.{level.column}",
        what=f"{level.table} with {level.column} {level.value!r} are part of leaving: the odds of those {had:,} with one"
        f" in {WINDOW} days are {odds:,.0f} times those of all",
        where=f"{level.table}.{level.column}",
        expected="events that service or behaviour bring about, not the way out itself",
        fix="take such rows out of the table, so that they do not count as contacts or visits",
        figures={"odds": round(odds, 1), "snapshots": had},
        leak=False,
    )
