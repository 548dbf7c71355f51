"""Columns and rows that have not settled when the extract ends.

A value that is filled in days after its row, without a column that says when, is missing in the last
days before observation_end and nowhere else. So are rows that arrive late without ``recorded_at``.
At a cutoff in the past both are there, as nobody had them at the time. The last days are therefore
held against earlier weeks and the same days of earlier months: they must not lie outside anything seen
there. Rows are counted against what was usual on the same weekdays of the eight weeks before.
"""

from __future__ import annotations

import calendar
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy.stats import binom, poisson

from cxml.audit.findings import Figures, Finding, Probe
from cxml.contracts import MADE_INSTANTS, TABLES, Column
from cxml.snapshots.cutoffs import seconds
from cxml.sql import literal, quoted
from cxml.tables.opening import Tables

Floats = NDArray[np.float64]
CHANCE, CHANCE_OF_ROWS = 1e-6, 1e-4
"""How seldom chance may put the last days so far outside: of some thousand shares, and of a few dozen counts."""
FEWER_ROWS = 0.65
"""Rows of the last days over what was usual on such weekdays, against the lowest such ratio of any earlier days:
from here on, rows are missing."""
ODDS = 2.0
"""Odds of a share in the last days, over or under any earlier ones, from which on the column is not settled."""
SPANS = (1, 2, 4, 7, 14, 28)
"""Lengths of the last days, in days."""
LEAST_BEFORE = 5
DAY = 86400
_HISTORY = 420
_MOST_LEVELS = 8
_WEEKS, _MONTHS, _USUAL = 12, 12, 63


@dataclass(frozen=True)
class _Share:
    """A share of the rows of a table: of those where *among* holds, those where *holds* does."""

    column: str
    says: str
    holds: str
    among: str


@dataclass(frozen=True)
class _Break:
    """The last *span* days lie outside all earlier ones: *now* against *before*, by the odds or the ratio *size*."""

    table: str
    share: _Share | None
    span: int
    now: float
    before: float
    size: float


def probe(tables: Tables) -> Probe:
    """The columns and tables whose last days before observation_end are unlike any others."""
    breaks: list[_Break] = []
    looked = 0
    for name in _logs(tables):
        shares = list(_shares(tables, name))
        looked += len(shares) + 1
        breaks += _of_table(tables, name, shares)
    findings = [_finding(one) for one in breaks]
    return Probe(
        "settled by the extract",
        "Are the last days before observation_end like all others, or are values or rows still to come?",
        tuple(findings),
        {"shares": looked},
        tuple(_row(one) for one in breaks),
        "" if looked else "There is no table of events.",
    )


def late_rows(tables: Tables) -> tuple[Finding, ...]:
    """The tables whose last days hold far too few rows: as of an extract that is older than observation_end."""
    return tuple(_finding(one) for name in _logs(tables) for one in _of_table(tables, name, []))


def _logs(tables: Tables) -> list[str]:
    """The tables of what happened to customers."""
    return [name for name in tables.columns if TABLES[name].owner == "customer_id" and name != "customers"]


def _of_table(tables: Tables, name: str, shares: list[_Share]) -> list[_Break]:
    """For the rows of a table and each of its columns, the span of last days that breaks out furthest."""
    days = _by_day(tables, name, shares)
    there = np.flatnonzero(days[:, 0])
    if not len(there):
        return []
    upto = np.vstack([np.zeros(days.shape[1]), np.cumsum(days, axis=0)])
    worst: dict[str, _Break] = {}
    for span in SPANS:
        starts = _earlier(
            span, int(there.max()), tables.config.project.observation_end.astimezone(tables.config.zone)
        )
        if len(starts) < LEAST_BEFORE:
            continue
        now, before = upto[span], upto[starts + span] - upto[starts]
        found = list(_missing_rows(tables, name, span, days[:, 0], starts))
        for i, share in enumerate(shares):
            at = slice(1 + 2 * i, 3 + 2 * i)
            found += _unsettled(name, share, span, now[at], before[:, at])
        for one in found:
            key = one.share.column if one.share else ""
            worst[key] = max(worst.get(key, one), one, key=lambda b: b.size)
    return list(worst.values())


def _shares(tables: Tables, name: str) -> Iterator[_Share]:
    """What to count: given, true, other than 0, and the commonest levels of each column without its own instant."""
    table = TABLES[name]
    for column in table.columns:
        undated = column.known in ("", *MADE_INSTANTS) and not column.target
        if column.name not in tables.columns[name] or not undated:
            continue
        if column.name in (table.id, table.owner, table.event, "recorded_at"):
            continue
        cell = quoted(column.name)
        among = "true"
        if column.known in MADE_INSTANTS and "ended_at" in tables.columns[name]:
            among = "ended_at is not null"
        yield _Share(column.name, "given", f"{cell} is not null", among)
        among = f"{among} and {cell} is not null"
        if column.kind == "flag":
            yield _Share(column.name, "true", cell, among)
        elif column.kind in ("number", "count", "money"):
            yield _Share(column.name, "other than 0", f"{cell} <> 0", among)
        elif column.kind == "text" and not column.name.endswith("_id"):
            yield from _levels(tables, name, column, among)


def _levels(tables: Tables, name: str, column: Column, among: str) -> Iterator[_Share]:
    cell = quoted(column.name)
    levels = tables.engine.rows(
        f"select {cell} from {name} where {cell} is not null group by 1 order by count(*) desc, 1 limit {_MOST_LEVELS}"
    )
    for (level,) in levels:
        yield _Share(column.name, "one of its values", f"{cell} = {literal(level)}", among)


def _by_day(tables: Tables, name: str, shares: list[_Share]) -> Floats:
    """Counts per day before observation_end, the last day first: all rows, then two columns per share."""
    end, event = seconds(tables.config.project.observation_end), quoted(TABLES[name].event)
    counts = ["count(*)"]
    for share in shares:
        counts += [
            f"count(case when ({share.among}) and ({share.holds}) then 1 end)",
            f"count(case when {share.among} then 1 end)",
        ]
    day = f"cast(floor(({end - 1} - seconds({event})) / {DAY}e0) as int)"
    found = tables.engine.rows(
        f"select {day} as day, {', '.join(counts)} from {name}"
        f" where seconds({event}) < {end} and seconds({event}) >= {end - _HISTORY * DAY} group by 1"
    )
    days = np.zeros((_HISTORY, len(counts)))
    for number, *values in found:
        days[number] = values
    return days


def _earlier(span: int, oldest: int, end: datetime) -> NDArray[np.int64]:
    """Where earlier stretches of *span* days start, in days before the end: whole weeks and calendar months back."""
    step = 7 if span <= 7 else span
    weeks = [step * (back + 1) for back in range(_WEEKS)]
    months = []
    for back in range(1, _MONTHS + 1):
        year, month = divmod(end.year * 12 + end.month - 1 - back, 12)
        day = min(end.day, calendar.monthrange(year, month + 1)[1])
        months.append((end - end.replace(year=year, month=month + 1, day=day)).days)
    usable = {start for start in (*weeks, *months) if start >= span and start + span <= oldest}
    return np.array(sorted(usable), dtype=np.int64)


def _missing_rows(
    tables: Tables, name: str, span: int, rows: Floats, starts: NDArray[np.int64]
) -> Iterator[_Break]:
    """Too few rows; where the table says when rows were recorded, late ones are no surprise."""
    if "recorded_at" in tables.columns[name]:
        return
    oldest = int(np.flatnonzero(rows).max())
    usual = {
        int(start): _usual(rows, int(start), span)
        for start in (0, *starts)
        if start + span + _USUAL <= oldest
    }
    ratios = [rows[start : start + span].sum() / one for start, one in usual.items() if start and one > 0]
    if 0 not in usual or len(ratios) < LEAST_BEFORE:
        return
    now, fewest = rows[:span].sum(), min(ratios) * usual[0]
    if now < FEWER_ROWS * fewest and poisson.cdf(now, fewest) < CHANCE_OF_ROWS:
        yield _Break(name, None, span, now, fewest, fewest / max(now, 0.5))


def _usual(rows: Floats, start: int, span: int) -> float:
    """Rows that *span* days would hold at the pace of the same weekdays of the eight weeks before."""
    before = start + span
    first = before + (np.arange(start, before) - before) % 7
    return float(rows[first[:, None] + 7 * np.arange(_USUAL // 7 - 1)].mean(axis=1).sum())


def _unsettled(name: str, share: _Share, span: int, now: Floats, before: Floats) -> Iterator[_Break]:
    """A share below the lowest or above the highest seen before."""
    before = before[before[:, 1] > 0]
    holds, rows = now
    if not rows or len(before) < LEAST_BEFORE:
        return
    low = float((before[:, 0] / (before[:, 1] + 1)).min())
    high = float(((before[:, 0] + 1) / (before[:, 1] + 1)).max())
    for bound, chance in ((low, binom.cdf(holds, rows, low)), (high, binom.sf(holds - 1, rows, high))):
        odds = (holds + 0.5) / (rows - holds + 0.5) * (1 - bound + 1e-9) / (bound + 1e-9)
        if chance < CHANCE and max(odds, 1 / odds) >= ODDS:
            yield _Break(name, share, span, holds / rows, bound, max(odds, 1 / odds))


def _finding(one: _Break) -> Finding:
    days = f"{one.span} days" if one.span > 1 else "day"
    if one.share is None:
        return Finding(
            about=f"{one.table}.rows",
            what=f"rows of {one.table} are missing or late: the last {days} before observation_end hold {one.now:,.0f},"
            f" at least {one.before:,.0f} are usual",
            where=f"tables.{one.table}",
            expected="an extract that is complete up to observation_end, or a column recorded_at",
            fix="map recorded_at, or move observation_end back to where the extract is complete",
            figures={"days": one.span, "rows": one.now, "usual": round(one.before, 1)},
        )
    return Finding(
        about=f"{one.table}.{one.share.column}",
        what=f"{one.table}.{one.share.column} is filled in late: the share of rows where it is {one.share.says} is"
        f" {100 * one.now:.0f} % in the last {days} before observation_end, {_bound(one)} in any {days} before",
        where=f"{one.table}.{one.share.column}",
        expected="values that are known with their row, or a column that says from when they are known",
        fix=f"take {one.share.column} out of [tables.{one.table}] columns, or map the value as it was at first",
        figures={"days": one.span, "share": round(one.now, 4), "bound_before": round(one.before, 4)},
    )


def _bound(one: _Break) -> str:
    word: Literal["at least", "at most"] = "at least" if one.now < one.before else "at most"
    return f"{word} {100 * one.before:.0f} %"


def _row(one: _Break) -> Figures:
    return {
        "column": f"{one.table}.{one.share.column if one.share else 'rows'}",
        "share": one.share.says if one.share else "rows",
        "last days": one.span,
        "now": round(one.now, 3),
        "before": round(one.before, 3),
    }
