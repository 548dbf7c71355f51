"""Attributes that are a sum of the tables up to the extract, rows after the cutoff included."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime

import numpy as np
from numpy.typing import NDArray

from cxml.attributes import ATTRIBUTE
from cxml.audit.findings import Finding
from cxml.audit.sample import DRAWN
from cxml.contracts import TABLES
from cxml.engine import quoted
from cxml.snapshots import seconds
from cxml.tables import Tables

DAY = 86400
LEAST_EQUAL = 0.8
"""Share of customers whose attribute is the sum up to the extract, of those whose sum changed after the cutoff."""
LEAST_BEYOND_CHANCE = 0.5
"""By how much that share exceeds the one of attributes handed out at random."""
LEAST_CUSTOMERS = 30
_NEAR = 1e-4


@dataclass(frozen=True)
class _Sum:
    """One way to sum up a table: what it is called, and the SQL of one customer's rows."""

    says: str
    sql: str
    tolerance: float


def findings(tables: Tables, cutoff: datetime) -> Iterator[Finding]:
    """The attributes that are sums up to observation_end rather than up to *cutoff*, among the customers drawn."""
    attributes = sorted(name for name, kind in tables.attributes.items() if kind == "number")
    if not attributes or "recorded_at" in tables.columns.get("customers", frozenset()):
        return
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
        quoted(TABLES[name].event), seconds(cutoff), seconds(tables.config.project.observation_end)
    )  # fmt: skip
    rows = f"(select *, seconds({event}) as cxml_t from {_latest_versions(tables, name)}) s"

    def summed(until: int, ends: str) -> str:
        picks = ", ".join(
            f"cast({way.sql.format(end=until)} as double) as sum_{i}" for i, way in enumerate(ways)
        )
        return f"select customer_id, {picks} from {rows} where cxml_t < {until} group by customer_id {ends}"

    picks = [f"c.{quoted(one)}" for one in attributes]
    picks += [f"{side}.sum_{i}" for side in ("x", "y") for i in range(len(ways))]
    found = tables.engine.rows(
        f"select {', '.join(picks)} from customers c join {DRAWN} using (customer_id)"
        f" join ({summed(end, f'having max(cxml_t) >= {at}')}) x using (customer_id)"
        f" left join ({summed(at, '')}) y using (customer_id) order by customer_id"
    )
    table = np.array(found, dtype=np.float64).reshape(len(found), len(picks))
    values, later, before = np.split(table, [len(attributes), len(attributes) + len(ways)], axis=1)
    are: dict[str, tuple[str, float] | None] = dict.fromkeys(attributes)
    for i, one in enumerate(attributes):
        for k, way in enumerate(ways):
            grew = ~np.isclose(later[:, k], before[:, k], rtol=_NEAR, atol=way.tolerance)
            share = _equal(values[grew, i], later[grew, k], way.tolerance)
            if share:
                are[one] = are[one] or (way.says, share)
    return are


def _ways(tables: Tables, name: str) -> Iterator[_Sum]:
    yield _Sum("the number of rows", "count(*)", 1e-9)
    yield _Sum("the days since the last row", f"({{end}} - max(cxml_t)) / {DAY}e0", 1.0)
    for column in TABLES[name].columns:
        if column.kind in ("money", "number", "count") and column.name in tables.columns[name]:
            cell = f"cast({quoted(column.name)} as double)"
            yield _Sum(f"the sum of {column.name}", f"sum({cell})", 0.01)
            yield _Sum(f"the mean of {column.name}", f"avg({cell})", 0.01)


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
