"""What every column of the tables said of each customer: at the cutoffs, and when the extract ended."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import NDArray

from cxml.audit import sample
from cxml.contracts import TABLES, Column, Table
from cxml.errors import NotEnoughDataError
from cxml.factors.declare import Factor, Feature, Lookup, column_name, count, latest
from cxml.features import planner
from cxml.labels import targets
from cxml.snapshots import population
from cxml.snapshots.cutoffs import seconds
from cxml.tables.opening import Tables

WINDOW = 90
"""Days in which the last row of a log counts; a contract counts since it began."""
_ROWS = "rows_of_"


@dataclass(frozen=True)
class Asked:
    """One column of a table, and how it is read: its value on the last row of *log* that has one.

    Attributes
    ----------
    table : str
    column : Column
    log : str
        The table whose rows show the value: the table itself, or the contacts for what it says of their agents.
    feature : Feature
    """

    table: str
    column: Column
    log: str
    feature: Feature

    @property
    def name(self) -> str:
        """``table.column``."""
        return f"{self.table}.{self.column.name}"

    @property
    def window(self) -> int:
        """Days; 0 for a value that stands since its row."""
        return self.feature.lookbacks[0]


@dataclass(frozen=True)
class Values:
    """Snapshots of some customers at every cutoff whose label is known and, without a label, at observation_end.

    Attributes
    ----------
    keys : DataFrame
        ``customer_id``, ``cutoff``, ``arrived`` (both seconds since 1970), ``churned`` (missing when the extract
        ends); who left within the lead is not in it.
    asked : tuple of Asked
    """

    keys: pd.DataFrame
    asked: tuple[Asked, ...]
    _matrix: pa.Table

    @property
    def at_end(self) -> NDArray[np.bool_]:
        """The snapshots at which the extract ended."""
        return self.keys["churned"].isna().to_numpy()

    def of(self, one: Asked) -> pd.Series:
        """What the column says at each snapshot: a text, else a number."""
        values: pd.Series = self._matrix.column(column_name(one.feature.name, one.window)).to_pandas()
        return values if one.column.kind == "text" else values.astype("float64")

    def there(self, one: Asked) -> NDArray[np.bool_]:
        """The snapshots with a row from which the column could speak."""
        name = column_name(_ROWS + one.log, one.window)
        return np.asarray(self._matrix.column(name).to_numpy() > 0)


def read(tables: Tables, cutoffs: Sequence[datetime], customers: int, seed: int) -> Values:
    """The values at *cutoffs* and at observation_end, of that many customers drawn by *seed*."""
    end = seconds(tables.config.project.observation_end)
    asked = tuple(_asked(tables))
    plan = planner.plan(tables.columns, [_factor(asked)])
    built = {column.feature.name for column in plan.columns}
    try:
        everybody = population.take(tables, [*cutoffs, tables.config.project.observation_end])
    except NotEnoughDataError:  # nobody is left when the extract ends
        everybody = population.take(tables, cutoffs)
    with (
        everybody,
        sample.draw(everybody, customers, seed) as snapshots,
        planner.built(snapshots, plan) as features,
        targets.labelled(tables, snapshots) as labels,
    ):
        matrix = snapshots.arrow(
            f"select m.*, a.t as arrived, cast(l.churned as double) as churned from {features} m"
            f" left join (select * from {labels} where cutoff < {end}) l using (customer_id, cutoff)"
            " join customer_keys using (customer_id) join arrivals a using (ci)"
            f" where m.cutoff >= {end} or l.left_in_lead = 0 order by customer_id, cutoff"
        )
    keys = matrix.select(["customer_id", "cutoff", "arrived", "churned"]).to_pandas()
    return Values(keys, tuple(one for one in asked if one.feature.name in built), matrix)


def _factor(asked: Sequence[Asked]) -> Factor:
    """The values, and beside each whether there was a row at all, as something that the planner can build."""
    logs = sorted({(one.log, one.window) for one in asked})
    rows = [_feature(_ROWS + log, log, count(), window, empty=0) for log, window in logs]
    agents = tuple((one.feature.name, one.column.name) for one in asked if one.table == "agents")
    lookups = (Lookup("interactions", "agents", "agent_id", _inner(agents)),) if agents else ()
    return Factor(
        name="values",
        en="values",
        ko="값",
        kind="context",
        family="other",
        tier=6,
        says="What columns say.",
        features=(*(one.feature for one in asked), *rows),
        lookups=lookups,
    )


def _inner(agents: Sequence[tuple[str, str]]) -> tuple[tuple[str, str], ...]:
    """The words under which a contact knows what is said of its agent."""
    return tuple((f"agent_{name}", column) for name, column in agents)


def _feature(name: str, table: str, sql: str, window: int, empty: int | None = None) -> Feature:
    return Feature(
        name=name,
        table=table,
        sql=sql,
        unit="text",
        row="",
        direction="±",
        en=name,
        ko=name,
        lookbacks=(window,),
        empty=empty,
    )


def _asked(tables: Tables) -> Iterator[Asked]:
    """Every column that could have been written after its row; tables that say when are none of them.

    Attributes and other columns of the customers are features of their own.
    """
    for name, table in TABLES.items():
        present = tables.columns.get(name, frozenset())
        if not present or "recorded_at" in present or name == "customers":
            continue
        if name == "agents" and "agent_id" not in tables.columns.get("interactions", frozenset()):
            continue
        for column in table.columns:
            if column.name in present and _could_be_written_late(table, column):
                yield _one(table, column)


def _could_be_written_late(table: Table, column: Column) -> bool:
    if column.target or column.name in (table.id, table.owner, table.event):
        return False
    if table.name == "agents" or column.kind == "instant" or column.name.endswith("_id"):
        return column.overwritten and (column.kind != "text" or column.name not in _PLACES)
    return True


_PLACES = ("issue_id", "order_id")
"""Ids that are new on nearly every row: nothing can be said of those who share one."""


def _one(table: Table, column: Column) -> Asked:
    name = f"said_{table.name}_{column.name}"
    log = "interactions" if table.name == "agents" else table.name
    value = f"agent_{name}" if table.name == "agents" else column.name
    value = f"{value} - t" if column.kind == "instant" else value
    window = 0 if table.name == "subscriptions" else WINDOW
    return Asked(table.name, column, log, _feature(name, log, latest(value), window))
