"""Ids for tables whose source has none."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from cxml.contracts import MADE_INSTANTS, Column, Table
from cxml.engine import Engine
from cxml.sql import quoted
from cxml.tables.contact_ends import made_instant
from cxml.tables.view_columns import DAY_ONLY

_NEVER = 2**62
"""Seconds since 1970 of what is never known."""


def with_made_id(table: Table, columns: Sequence[Column], rows: str, *, beside: Sequence[str]) -> str:
    """The *rows*, a select, with an id made from their content, so that the order of rows and files does not matter.

    An id breaks ties of time, so nothing that is known later may decide on it before it is known. The
    id is therefore a hash of what is known with the row, and rows that are alike in that are numbered
    by what came to be known of them, the earliest first: where two of them differ before a cutoff,
    nothing from the cutoff on changes their order, and where they do not, they are alike in everything
    that can be seen. The customer comes last in the id: whose rows they are does not change the order.

    Copies of a row are one row, where its event has a time: nothing happens twice in one instant and is alike in all.
    Of a day, or of midnight, which may stand for one, rows that are alike each count, unless there can be but one a day.
    """
    apart = (table.owner, "recorded_at")
    first = [column for column in columns if not (column.known or column.target or column.name in apart)]
    content = ", ".join(quoted(column.name) for column in first)
    own = quoted(table.owner)
    facts = ", ".join(_facts(table, columns)) or "null"
    made = "printf('%016x-%06d-%016x', cxml_hash, cxml_place, hash(" + own + "))"
    names = ", ".join([*(quoted(column.name) for column in columns), *beside])
    order = f"partition by {own}, cxml_hash order by cxml_facts"
    alike = ", ".join(quoted(column.name) for column in columns)
    once = f"select *, row_number() over (partition by {alike}) as cxml_copy from ({rows}) r"
    rows = f"select * from ({once}) o where cxml_copy = 1 or {of_a_day(table)}"
    hashed = f"select *, hash({content}) as cxml_hash, list_sort([{facts}]) as cxml_facts from ({rows}) s"
    placed = f"select *, row_number() over ({order}) as cxml_place from ({hashed}) h"
    return f"select {made} as {quoted(table.id)}, {names} from ({placed}) p"


@dataclass(frozen=True)
class Copies:
    """Rows that are alike in all, beyond the first of each kind: *once* are taken once, *each* count each."""

    once: int = 0
    each: int = 0


def count_copies(engine: Engine, table: Table, columns: Sequence[Column], rows: str) -> Copies:
    """How many of the *rows*, a select, are copies by the rule of ``with_made_id``."""
    cells = ", ".join(quoted(column.name) for column in columns)
    kinds = f"select {of_a_day(table)} as of_a_day, count(*) - count(distinct hash({cells})) as more"
    found = {bool(day): int(more) for day, more in engine.rows(f"{kinds} from ({rows}) s group by 1")}
    return Copies(once=found.get(False, 0), each=found.get(True, 0))


def of_a_day(table: Table) -> str:
    """Whether only the day of a row may be known, of several a day: a truth value over the rows of its view."""
    if table.once_a_day:
        return "false"
    return f"({DAY_ONLY} or mod(wall({quoted(table.event)}), 86400) = 0)"


def _facts(table: Table, columns: Sequence[Column]) -> Iterable[str]:
    """For each column that is known late: the second from which it is known, its place, its value."""
    has = frozenset(column.name for column in columns) & frozenset(table.by_name)
    for place, column in enumerate(columns):
        if not column.known or (column.known not in MADE_INSTANTS and column.known not in has):
            continue
        made = column.known in MADE_INSTANTS
        known = made_instant(column.known, has) if made else f"seconds(s.{column.known})"
        value = f"s.{quoted(column.name)}"
        there = f"{value} is not null and {known} is not null"
        yield (
            f"{{'known': case when {there} then {known} else {_NEVER} end,"
            f" 'place': case when {there} then {place} else -1 end,"
            f" 'value': case when {there} then cast({value} as varchar) else '' end}}"
        )
