"""Attributes that were made from the rows of a table up to the extract, those after the cutoff included.

What analysts keep beside each customer: how many rows, of one kind, in the last year; totals, means, largest
values; days since the last row and what it said; how many different topics or products.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from cxml.audit.findings import Finding
from cxml.contracts import ATTRIBUTE, TABLES, Column
from cxml.snapshots.cutoffs import seconds
from cxml.sql import literal, quoted
from cxml.tables.opening import Tables

DAY = 86400
LEAST_EQUAL = 0.8
"""Share of customers whose attribute is the sum up to the extract, of those whose sum changed after the cutoff."""
LEAST_BEYOND_CHANCE = 0.5
"""By how much that share exceeds the one of attributes handed out at random."""
LEAST_CUSTOMERS = 30
_NEAR = 1e-4
_WINDOWS = (30, 90, 180, 365)
_MOST_LEVELS = 12
_ASKED = "cxml_asked_customers"


@dataclass(frozen=True)
class _Sum:
    """One way to sum up a table: what it is called, and the SQL of one customer's rows, a number.

    ``{end}`` in the SQL stands for the end of the rows, in seconds since 1970. A text is its ``_code``.
    """

    says: str
    sql: str
    tolerance: float


def findings(tables: Tables, customers: Iterable[str], cutoff: datetime) -> Iterator[Finding]:
    """The attributes that are sums up to observation_end rather than up to *cutoff*, among these customers."""
    attributes = sorted(tables.attributes)
    if not attributes or "recorded_at" in tables.columns.get("customers", frozenset()):
        return
    tables.engine.register(_ASKED, pa.table({"customer_id": pa.array(customers, pa.string())}))
    found: dict[str, Finding] = {}
    for name in tables.columns:
        if name != "customers" and TABLES[name].owner == "customer_id":
            for one, sums in _columns(tables, name, attributes, cutoff).items():
                if one not in found and sums:
                    found[one] = _finding(tables, one, sums[0], sums[1], name)
    yield from found.values()


def _columns(
    tables: Tables, name: str, attributes: list[str], cutoff: datetime
) -> Mapping[str, tuple[str, float] | None]:
    """For each attribute the sum that it is, and for which share of customers; None when it is none."""
    ways = list(_ways(tables, name))
    event, at, end = (
        quoted(TABLES[name].event),
        seconds(cutoff),
        seconds(tables.config.project.observation_end),
    )
    rows = f"(select *, seconds({event}) as cxml_t from {_latest_versions(tables, name)}) s"

    def summed(until: int, ends: str) -> str:
        picks = ", ".join(
            f"cast({way.sql.format(end=until)} as double) as sum_{i}" for i, way in enumerate(ways)
        )
        return (
            f"select customer_id, {picks} from {rows} join {_ASKED} using (customer_id)"
            f" where cxml_t < {until} group by customer_id {ends}"
        )

    picks = [
        f"c.{quoted(one)}" if tables.attributes[one] == "number" else _code(f"c.{quoted(one)}")
        for one in attributes
    ]
    picks += [f"{side}.sum_{i}" for side in ("x", "y") for i in range(len(ways))]
    found = tables.engine.rows(
        f"select {', '.join(picks)} from customers c join {_ASKED} using (customer_id)"
        f" join ({summed(end, f'having max(cxml_t) >= {at}')}) x using (customer_id)"
        f" left join ({summed(at, '')}) y using (customer_id) order by customer_id"
    )
    table = np.array(found, dtype=np.float64).reshape(len(found), len(picks))
    values, later, before = np.split(table, [len(attributes), len(attributes) + len(ways)], axis=1)
    are: dict[str, tuple[str, float] | None] = dict.fromkeys(attributes)
    for i, one in enumerate(attributes):
        best, explained = 0.0, 0.0
        for k, way in enumerate(ways):
            grew = ~np.isclose(later[:, k], before[:, k], rtol=_NEAR, atol=way.tolerance)
            share = _equal(values[grew, i], later[grew, k], way.tolerance)
            if share:
                are[one] = are[one] or (way.says, share)
                best = max(best, _equal(values[:, i], later[:, k], way.tolerance))
            explained = max(explained, _equal(values[:, i], before[:, k], way.tolerance))
        if explained >= max(best, LEAST_EQUAL):  # what it says was known at the cutoff, in some other way
            are[one] = None
    return are


def _ways(tables: Tables, name: str) -> Iterator[_Sum]:
    yield _Sum("the number of rows", "count(*)", 1e-9)
    yield _Sum("the days since the last row", f"({{end}} - max(cxml_t)) / {DAY}e0", 1.0)
    for days in _WINDOWS:
        recent = f"cxml_t >= {{end}} - {days * DAY}"
        yield _Sum(f"the number of rows of {days} days", f"count(case when {recent} then 1 end)", 1e-9)
    for column in TABLES[name].columns:
        if column.name in tables.columns[name] and not column.target:
            yield from _of_column(tables, name, column)


def _of_column(tables: Tables, name: str, column: Column) -> Iterator[_Sum]:
    """What one column is summed up to, by its kind."""
    cell, says = quoted(column.name), column.name
    if column.kind in ("money", "number", "count"):
        number = f"cast({cell} as double)"
        for word, function in (("sum", "sum"), ("mean", "avg"), ("largest value", "max")):
            yield _Sum(f"the {word} of {says}", f"{function}({number})", 0.01)
        yield _Sum(f"the last {says}", _last(number, cell), 0.01)
    if column.kind == "money":
        for days in _WINDOWS:
            recent = f"case when cxml_t >= {{end}} - {days * DAY} then {cell} end"
            yield _Sum(
                f"the sum of {says} of {days} days", f"coalesce(sum(cast({recent} as double)), 0)", 0.01
            )
    if column.kind == "flag":
        yield _Sum(f"the number of rows with {says}", f"count(case when {cell} then 1 end)", 1e-9)
        yield _Sum(
            f"the share of rows with {says}",
            f"avg(case when {cell} then 1e0 when not {cell} then 0e0 end)",
            1e-4,
        )
    if column.kind == "text" and says not in (TABLES[name].id, TABLES[name].owner):
        yield _Sum(f"the number of different {says}", f"count(distinct {cell})", 1e-9)
        yield _Sum(f"the last {says}", _last(_code(cell), cell), 1e-9)
        if not says.endswith("_id"):
            for level in _levels(tables, name, cell):
                yield _Sum(
                    f"the number of rows of one {says}", f"count(case when {cell} = {level} then 1 end)", 1e-9
                )


def _levels(tables: Tables, name: str, cell: str) -> list[str]:
    """The commonest texts, as SQL that stands inside a template."""
    found = tables.engine.rows(
        f"select {cell} from {name} where {cell} is not null group by 1 order by count(*) desc, 1 limit {_MOST_LEVELS}"
    )
    return [literal(level).replace("{", "{{").replace("}", "}}") for (level,) in found]


def _last(value: str, cell: str) -> str:
    """The value of the last row that has one."""
    return f"max_by({value}, case when {cell} is not null then cxml_t end)"


def _code(text: str) -> str:
    """A text as a number that is equal for equal texts, and nearly never near for others."""
    return f"cast(code({text}) % 1000003 as double)"


def _latest_versions(tables: Tables, name: str) -> str:
    """The table with one row per id, as far as rows say when they were recorded."""
    if "recorded_at" not in tables.columns[name]:
        return name
    table = TABLES[name]
    order = f"order by coalesce(recorded_at, {quoted(table.event)}) desc"
    place = f"row_number() over (partition by {quoted(table.id)} {order}) as cxml_place"
    return f"(select * from (select *, {place} from {name}) v where cxml_place = 1)"


def _equal(attribute: NDArray[np.float64], total: NDArray[np.float64], tolerance: float) -> float:
    """Share of customers for whom the two are equal; 0 when chance alone could explain it."""
    there = np.isfinite(attribute) & np.isfinite(total)
    attribute, total = attribute[there], total[there]
    if len(attribute) < LEAST_CUSTOMERS:
        return 0.0
    share = float(np.isclose(attribute, total, rtol=_NEAR, atol=tolerance).mean())
    # Each against the total of somebody else: values that nearly all share would be equal then too.
    other = np.roll(total, len(total) // 2 + 1)
    chance = float(np.isclose(attribute, other, rtol=_NEAR, atol=tolerance).mean())
    return share if share >= LEAST_EQUAL and share - chance >= LEAST_BEYOND_CHANCE else 0.0


def _finding(tables: Tables, attribute: str, says: str, share: float, name: str) -> Finding:
    place = tables.opened["customers"].places.get(attribute, attribute)
    return Finding(
        about=f"customer_{attribute.removeprefix(ATTRIBUTE)}",
        what=f"the attribute {place!r} is {says} of {name} up to observation_end, for {100 * share:.0f} % of those"
        " for whom it changed after the last cutoff",
        where=f"customers.{place}",
        expected="attributes as they were before the cutoff",
        fix="leave it out of attributes: cxml sums the tables up itself, up to each cutoff",
        figures={"equal": round(share, 4)},
    )
