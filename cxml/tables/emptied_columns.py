"""Columns that a training found filled and a later batch leaves empty: in all its rows, or in the latest.

An empty column is read as missing without a word, so scores would move and nobody would know why.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from cxml.contracts import TABLES
from cxml.sql import quoted
from cxml.tables.opening import Tables

RECENT_DAYS = 30
"""Days before a cutoff whose rows are looked at on their own: a log loses a column from some day on."""
LEAST_OWNERS = 10
_CHANCE = 1e-6
"""How seldom chance may leave a column empty in all rows."""

Shares = dict[str, dict[str, dict[str, float]]]


@dataclass(frozen=True)
class _Filled:
    """How many of the *rows*, which are about *owners* customers or agents, fill each column."""

    rows: int
    owners: int
    columns: Mapping[str, int]


def shares(tables: Tables, until: datetime) -> Shares:
    """The share of rows before *until* that fill each column: table -> ``all`` or ``recent`` -> column, as in a bundle."""
    return {
        name: {
            part: {column: count / one.rows for column, count in one.columns.items() if one.rows}
            for part, one in _filled(tables, name, sorted(_columns(tables, name)), until).items()
        }
        for name in tables.columns
    }


def notes(tables: Tables, then: Shares, cutoff: datetime, reads: Callable[[str, str], bool]) -> Iterator[str]:
    """What is empty before *cutoff* that was filled *then*, of the columns that features read.

    Rows of one customer are alike, so chance is reckoned with one row for each customer.
    """
    for name in tables.columns:
        known = then.get(name, {})
        asked = sorted(
            one for one in _columns(tables, name) & known.get("all", {}).keys() if reads(name, one)
        )
        found = _filled(tables, name, asked, cutoff)
        for column in asked:
            called = tables.opened[name].places.get(column, column) if column in tables.attributes else column
            for part, one in found.items():
                share = known.get(part, {}).get(column, 0.0)
                if one.owners < LEAST_OWNERS or one.columns[column] or (1 - share) ** one.owners >= _CHANCE:
                    continue
                span = "" if part == "all" else f" of the {RECENT_DAYS} days before the cutoff"
                yield (
                    f"{name}.{called} is empty in all {one.rows:,} rows{span}; in training {100 * share:.0f} % had a"
                    " value, and the model learned from it: taken as missing"
                )
                break


def _columns(tables: Tables, name: str) -> frozenset[str]:
    """The columns that may be empty, attributes included."""
    attributes = frozenset(tables.attributes) if name == "customers" else frozenset()
    return (tables.columns[name] | attributes) - {TABLES[name].id, *TABLES[name].required}


def _filled(tables: Tables, name: str, columns: list[str], until: datetime) -> dict[str, _Filled]:
    """All rows before *until*, and the recent ones, in one pass."""
    if not columns:
        return {}
    table = TABLES[name]
    before = f"timestamp '{until.astimezone(UTC):%Y-%m-%d %H:%M:%S}'"
    ages = {"all": "true", "recent": f"{quoted(table.event)} >= {before} - interval {RECENT_DAYS} day"}
    asked = []
    for part, rows in ages.items():
        asked.append(f"count(case when {rows} then 1 end) as {part}_rows")
        asked.append(f"count(distinct case when {rows} then {quoted(table.owner)} end) as {part}_owners")
        asked += [
            f"count(case when {rows} then {quoted(column)} end) as {part}_{place}"
            for place, column in enumerate(columns)
        ]
    found = tables.engine.row(
        f"select {', '.join(asked)} from {name} where {quoted(table.event)} is null or {quoted(table.event)} < {before}"
    )
    return {
        part: _Filled(
            int(found[f"{part}_rows"]),
            int(found[f"{part}_owners"]),
            {column: int(found[f"{part}_{place}"]) for place, column in enumerate(columns)},
        )
        for part in ages
    }
