"""A static table: the customers as they were at one moment, and a ready label that says who left.

With ``[churn] definition = "label"`` the table ``customers`` may be all there is. Nothing says when a customer
joined or left: every row counts as known just before the one cutoff, every column that the contract does
not know is an attribute, and the column of the label is read by labels alone.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Literal

from cxml.config.load import Config
from cxml.config.sections import TableSource
from cxml.contracts import CUSTOMERS, NO, YES, Table
from cxml.engine import Engine
from cxml.errors import ConfigError
from cxml.sql import literal
from cxml.tables.attributes import look
from cxml.tables.casting import Cell
from cxml.tables.rule import Rule
from cxml.tables.source_parts import Source

LABEL = "churned"
"""The label's column of the contract."""

_FEW, _SHOWN = 10, 8
"""Rows of a value of the label that may be shown, and such values at most."""
_DATES = ("DATE", "TIMESTAMP", "TIME")


def is_static(config: Config) -> bool:
    """Whether leaving is told by a ready label."""
    return config.churn.definition == "label"


def perhaps_a_label(table: Table, missing: str) -> str:
    """What to add to the advice for customers of whom nothing says when they joined: the table may be a flat one."""
    if table is not CUSTOMERS or missing != table.event:
        return ""
    return (
        '; or, where nothing has a date and a column says who left: [churn] definition = "label" and'
        ' column = "customers.NAME OF THAT COLUMN"'
    )


def moment(config: Config) -> datetime:
    """The one cutoff: that of the config, or observation_end."""
    return (*config.training.cutoffs, config.project.observation_end)[0]


def optional(table: Table, config: Config) -> frozenset[str]:
    """Columns that may be missing: nothing dates the rows, and customers to be scored have no label yet."""
    return frozenset({table.event, LABEL}) if _concerns(table, config) else frozenset()


def labelled(spec: TableSource, table: Table, config: Config) -> TableSource:
    """*spec* with the column that ``[churn] column`` names as the label."""
    place = config.churn.column.partition(".")[2]
    if not _concerns(table, config) or place == LABEL:
        return spec
    if spec.columns.get(LABEL, place) != place:
        raise ConfigError(
            "two columns say who left",
            where=f"[churn] column and [tables.customers] columns.{LABEL}",
            expected="one label",
            fix="take one of them out",
        )
    return replace(spec, columns={**spec.columns, LABEL: place})


def described(
    engine: Engine,
    spec: TableSource,
    table: Table,
    source: Source,
    config: Config,
    known: Mapping[str, str] | None,
) -> tuple[TableSource, dict[str, str]]:
    """*spec* with every further column as an attribute where it names none, and why others teach nothing.

    Dates, ids and numbers of rows are left out, unless ``types`` of the config or *known*, the kinds of a training, have
    them.
    """
    if not _concerns(table, config) or spec.attributes:
        return spec, {}
    taken = {spec.columns.get(name, name) for name in table.by_name}
    dated = {
        name
        for part in source.parts
        for name, kind in part.columns.items()
        if kind.upper().startswith(_DATES)
    }
    further = [name for name in source.names if name not in taken]
    told = {*spec.types, *(known or ())}
    looks = look(engine, source, [name for name in further if name not in told | dated], spec)
    no_feature = {name: one.no_feature for name, one in looks.items() if one.no_feature}
    no_feature |= {name: "dates" for name in further if name in dated}
    kinds: dict[str, Literal["number", "comma", "text"]] = {
        name: "number" if one.kind == "number" else "text" for name, one in looks.items()
    }
    attributes = tuple(name for name in further if name not in no_feature)
    return replace(spec, attributes=attributes, types={**kinds, **spec.types}), no_feature


def dated(cells: Mapping[str, Cell], table: Table, config: Config) -> dict[str, Cell]:
    """*cells* with the second before the cutoff as the event of every row, where nothing else dates them."""
    if not _concerns(table, config) or table.event in cells:
        return dict(cells)
    known = f"timestamp '{moment(config).astimezone(UTC):%Y-%m-%d %H:%M:%S}' - interval 1 second"
    return {**cells, table.event: Cell(known, "true")}


def says_left(config: Config, column: str = LABEL) -> str:
    """SQL: 1 where the label says that the customer left, 0 where it says that they stayed, missing where neither."""
    churn = config.churn
    left = (
        f"{column} = {literal(churn.positive)}"
        if churn.positive
        else f"lower(trim({column})) in ({_listed(YES)})"
    )
    stayed = f"{column} in ({_listed(churn.negative)})" if churn.negative else f"{column} is not null"
    return f"case when {left} then 1 when {stayed} then 0 end"


def label_rules(config: Config) -> Iterator[Rule]:
    """What a label must keep to: two values, and it is known which of them means leaving."""
    churn = config.churn
    if not churn.positive:
        yield Rule(
            code="unknown_label",
            column=LABEL,
            bad=f"lower(trim({LABEL})) not in ({_listed((*YES, *NO))})",
            what="{n} labels are neither true or false, 1 or 0, nor yes or no",
            expected="a label of two values, empty where unknown",
            fix='say which value means leaving, such as positive = "gone" in [churn], and with more than two values'
            ' which mean staying, such as negative = ["here"]',
        )
        return
    positive = literal(churn.positive)
    rows = f"from customers where {LABEL} is not null"
    yield Rule(
        code="unknown_label",
        column=LABEL,
        bad=f"{LABEL} is not null and not exists (select 1 {rows} and {LABEL} = {positive})",
        what="none of {n} labels is the value that [churn] positive names",
        expected="the value as the table has it; case counts",
        fix="correct [churn] positive",
    )
    for value in churn.negative:
        yield Rule(
            code="unknown_label",
            column=LABEL,
            bad=f"{LABEL} is not null and not exists (select 1 {rows} and {LABEL} = {literal(value)})",
            what="none of {n} labels is a value that [churn] negative names",
            expected="the values as the table has them; case counts",
            fix="correct [churn] negative",
        )
    if not churn.negative:
        yield Rule(
            code="third_class",
            column=LABEL,
            bad=f"{LABEL} <> {positive} and {LABEL} <> (select min({LABEL}) {rows} and {LABEL} <> {positive})",
            what="{n} labels are a third value, beside the one that means leaving and another",
            expected="a label of two values",
            fix='say in [churn] which values mean staying, such as negative = ["here"]: the others then carry no label',
            beside=f"{LABEL} = {positive}",
        )


def label_values(engine: Engine) -> str:
    """The values of the label with how many rows have each, those of few rows together: a few may be personal."""
    rows = engine.rows(
        f"select {LABEL}, count(*) as n from customers where {LABEL} is not null group by 1 order by n desc, 1"
    )
    shown = [(value, n) for value, n in rows if n >= _FEW][:_SHOWN]
    rest = sum(n for _, n in rows) - sum(n for _, n in shown)
    said = [f"{value!r} ({n:,} rows)" for value, n in shown]
    return ", ".join([*said, *([f"others ({rest:,} rows)"] if rest else [])])


def _concerns(table: Table, config: Config) -> bool:
    return table is CUSTOMERS and is_static(config)


def _listed(words: tuple[str, ...]) -> str:
    return ", ".join(literal(word) for word in words)
