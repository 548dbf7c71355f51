"""Columns that were written after their row, on the rows of those who left.

A source that overwrites shows on old rows what holds today: contracts that renewed themselves until their
customer left no longer do, and the last contacts of leavers carry the code that their file got when it was
closed. Three things give that away, and none of them holds of a value that was known at the time, however
much it says about leaving:

*drift*     the nearer the extract, the surer the value, and the fewer customers have it: who has it, leaves.
*vanishing* the customers who are there when the extract ends hardly have it, although at every cutoff many
            had it and left: those of today who will leave have not been written to yet.
*all*       nobody leaves without it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.stats import binom, poisson

from cxml.audit import columns, drift
from cxml.audit.columns import Asked, Values
from cxml.audit.drift import LEAST_CUTOFFS, Drift, Risk
from cxml.audit.findings import Figures, Finding, Probe
from cxml.audit.value_groups import ValueGroups, groups_by_value
from cxml.contracts import TABLES
from cxml.snapshots.cutoffs import usable_cutoffs
from cxml.sql import quoted
from cxml.tables.opening import Tables

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
HIGHEST_DRIFT = 4.0
"""Standard errors of drift that chance does not reach while a group is used up, of values that contracts carry."""
LEAST_FOLD = 1.5
"""By which factor the relative risk must have changed meanwhile."""
LEAST_RISK = 2.0
"""How many times the usual risk those with a value must have for its vanishing to matter."""
VANISHED = 0.5
"""Share of customers who have the value when the extract ends, over the lowest at any cutoff."""
VANISHING_CHANCE = 1e-4
"""How seldom chance may bring the share so low, when it scatters as it did around its trend."""
LEAST_CHANGES = 200
"""Contracts that follow another of their customer, from which on one that never differs is strange."""
_BINS = 6
_MOST_LEVELS = 24
_NAME = "overwritten columns"
_ASKS = "Does a column know who left later, as if it had been written anew since?"


@dataclass(frozen=True)
class _Told:
    """What the values of a column say, group by group: the drifts, and what gives the future away."""

    asked: Asked
    drifts: tuple[Drift, ...]
    findings: tuple[Finding, ...]


@dataclass(frozen=True)
class _Base:
    """The snapshots with a row of a log: those with a label, as risk, and those at which the extract ended."""

    there: Bools
    labelled: Bools
    risk: Risk


def probe(tables: Tables, customers: int, seed: int) -> Probe:
    """The columns of contracts, contacts and other logs that know who left after the cutoff."""
    cutoffs = usable_cutoffs(tables)
    if len(cutoffs) < LEAST_CUTOFFS:
        note = (
            f"Only {len(cutoffs)} cutoffs are matured: what was written later shows from {LEAST_CUTOFFS} on."
        )
        return Probe(_NAME, _ASKS, figures={"cutoffs": len(cutoffs)}, note=note)
    return probe_values(tables, columns.read(tables, cutoffs, customers, seed), cutoffs)


def probe_values(tables: Tables, values: Values, cutoffs: tuple[datetime, ...]) -> Probe:
    """The probe of values that have been read."""
    bases: dict[tuple[str, int], _Base | None] = {}
    told = []
    for one in values.asked:
        key = (one.log, one.window)
        if key not in bases:
            bases[key] = _base(values, one)
        base = bases[key]
        if base is not None:
            told.append(_of_column(values, one, base, len(cutoffs)))
    findings = (*(one.findings[0] for one in told if one.findings), *_never_changing(tables))
    figures = {
        "columns": len(told),
        "overwritten": sum(one.asked.column.overwritten for one in told),
        "cutoffs": len(cutoffs),
    }
    rows = [row for one in told if one.asked.column.overwritten for row in _row(one)]
    rows.sort(key=lambda row: -abs(float(str(row["standard errors"]))))
    note = "" if told else "There is no column that could have been overwritten."
    return Probe(_NAME, _ASKS, findings, figures, tuple(rows), note)


def _base(values: Values, one: Asked) -> _Base | None:
    """None where too few have a row, or nobody or everybody of them leaves."""
    there = values.there(one)
    labelled = there & ~values.at_end
    keys = values.keys[labelled]
    churned = keys["churned"].to_numpy(dtype=np.float64)
    if keys["cutoff"].nunique() < LEAST_CUTOFFS or not drift.LEAST_LEAVERS <= churned.sum() < len(churned):
        return None
    moments = pd.to_datetime(keys["cutoff"], unit="s", utc=True)
    risk = drift.risks(churned, moments, keys["arrived"].to_numpy(dtype=np.int64), keys["customer_id"])
    return _Base(there, labelled, risk)


def _of_column(values: Values, one: Asked, base: _Base, cutoffs: int) -> _Told:
    series = values.of(one)[base.there].reset_index(drop=True)
    labelled = base.labelled[base.there]
    leavers = values.keys["churned"].to_numpy()[base.there] == 1
    made = groups_by_value(series, leavers, _BINS, _MOST_LEVELS)
    past = ValueGroups(made.of[labelled], made.count, made.missing)
    drifts = tuple(drift.of_groups(base.risk, past, one.name))
    found = [*_all_leavers(base.risk, past, one)]
    found += _vanishing(base.risk, past, made.of[~labelled], one) if one.window else []
    found += [_drifting(one, moved, cutoffs) for moved in drifts if _knows(one, moved)]
    return _Told(one, drifts, tuple(found))


def _all_leavers(risk: Risk, made: ValueGroups, one: Asked) -> Iterator[Finding]:
    """A value without which nobody leaves."""
    found = drift.sole(risk, made)
    if found:
        yield _finding(
            one,
            what=f"gives leavers away: {found.said}",
            expected=drift.SOME_WITHOUT,
            figures={"without": found.without, "usual": round(found.usual, 1)},
        )


def _vanishing(risk: Risk, made: ValueGroups, at_end: NDArray[np.int64], one: Asked) -> Iterator[Finding]:
    """A value that many had and left, and that hardly anybody has who is there when the extract ends."""
    if not len(at_end):
        return
    rows = np.bincount(risk.place, minlength=len(risk.time)).astype(np.float64)
    for group in range(made.count):
        here = made.of == group
        left, usual = risk.churned[here].sum(), risk.expected[here].sum()
        each = risk.times_seen
        if poisson.sf(np.ceil(left / each) - 1, LEAST_RISK * usual / each) > drift.CHANCE:
            continue
        had = np.bincount(risk.place[here], minlength=len(rows)).astype(np.float64)
        has, lowest = int((at_end == group).sum()), float((had / rows).min())
        share = has / len(at_end)
        if share < VANISHED * lowest and _chance(had, rows, has, len(at_end)) < VANISHING_CHANCE:
            yield _finding(
                one,
                what=f"is written late on the rows of leavers: {100 * share:.1f} % of those who are customers at"
                f" observation_end share one of its values, at least {100 * lowest:.1f} % did at every cutoff, and"
                f" of them {left / max(usual, 1e-9):.1f} times as many left as usual",
                expected="those who will leave to have it when the extract ends, as those before them had",
                figures={"share": round(share, 5), "lowest": round(lowest, 5)},
            )


def _chance(had: Floats, rows: Floats, has: int, everyone: int) -> float:
    """That so few have it by chance; shares that scatter around their trend are worth as many fewer customers.

    The last cutoff does not count: where values are written late, some of its customers lack them already.
    """
    had, rows = had[:-1], rows[:-1]
    share = had.sum() / rows.sum()
    _, scatter = drift.trend(had, rows * share, np.arange(len(rows), dtype=np.float64))
    return float(binom.cdf(np.floor(has / scatter), max(round(everyone / scatter), 1), share))


def _knows(one: Asked, moved: Drift) -> bool:
    """Whether a group is used up as its risk rises; of what may mean more at some times than at others, much faster."""
    if one.window or not one.column.overwritten:
        return moved.used_up and moved.counts(dated=True)
    return moved.used_up and abs(moved.z) >= HIGHEST_DRIFT and abs(np.log(moved.change)) >= np.log(LEAST_FOLD)


def _drifting(one: Asked, moved: Drift, cutoffs: int) -> Finding:
    return _finding(
        one,
        what=f"seems to know the future: from the first cutoffs to the last {moved.said}, {moved.guess}",
        expected=f"the same say about leaving at all {cutoffs} cutoffs, whether the extract was near or far",
        figures={"z": round(moved.z, 2), "change": round(moved.change, 3)},
    )


def _finding(one: Asked, *, what: str, expected: str, figures: Figures, leak: bool = True) -> Finding:
    return Finding(
        about=one.name,
        what=f"{one.name} {what}",
        where=f"{one.name} in {'contracts' if not one.window else f'the last {one.window} days'}",
        expected=expected,
        fix=f"map recorded_at in [tables.{one.table}] and give a row for each version; else take {one.column.name}"
        " out of the columns, or export it as it was at the time of the row",
        figures=figures,
        leak=leak,
    )


def _never_changing(tables: Tables) -> Iterator[Finding]:
    """Plans and prices that differ between customers and never from one contract of a customer to the next."""
    present = tables.columns.get("subscriptions", frozenset())
    if "recorded_at" in present:
        return
    for column in TABLES["subscriptions"].columns:
        if not column.overwritten or column.kind == "flag" or column.name not in present:
            continue
        cell = quoted(column.name)
        ((followed, changed, levels),) = tables.engine.rows(
            f"select count(b), count(case when {cell} <> b then 1 end), count(distinct {cell}) from (select {cell},"
            f" lag({cell}) over (partition by customer_id order by started_at, subscription_id) as b from subscriptions) s"
        )
        if followed >= LEAST_CHANGES and not changed and levels > 1:
            name = f"subscriptions.{column.name}"
            yield Finding(
                about=name,
                what=f"{name} never changes: {followed:,} contracts follow another of their customer, all with its value,"
                " as if each showed the customer's present one",
                where=name,
                expected="contracts that show what was agreed when they began",
                fix="make sure that the export holds the value of each contract, not the one of today",
                figures={"contracts": followed},
                leak=False,
            )


def _row(told: _Told) -> Iterator[Figures]:
    if told.drifts:
        worst = max(told.drifts, key=lambda one: abs(one.z))
        yield {
            "column": told.asked.name,
            "standard errors": round(worst.z, 2),
            "change": round(worst.change, 2),
            "measured by": "rank" if worst.by_rank else "risk",
        }
