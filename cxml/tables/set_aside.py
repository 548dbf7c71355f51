"""Rows set aside: a few that break a rule, and copies of a row, are left out of a table before anybody reads it.

How many a rule may break is the table's ``tolerate``. What is left out is counted, and listed by its place in the
source, never by its content.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import pyarrow as pa

from cxml.config.sections import TableSource
from cxml.engine import Engine
from cxml.sql import literal, quoted
from cxml.tables import bad_lines
from cxml.tables.opened import Opened
from cxml.tables.opening import Tables, show
from cxml.tables.problems import Problem
from cxml.tables.rule import Rule
from cxml.tables.tolerance import CROWDED, GROUP, Refusal, most, too_large_a_share
from cxml.tables.view_columns import PLACE

FILE = "set_aside.parquet"
"""The list of the rows set aside, in the folder of a run."""
SCHEMA = pa.schema(
    [
        ("table", pa.string()),
        ("rule", pa.string()),
        ("column", pa.string()),
        ("file", pa.string()),
        ("row", pa.int64()),
        ("expected", pa.string()),
        ("fix", pa.string()),
    ]
)
"""A row of the list: each row set aside once, under the first rule that it breaks. ``row`` is its place in its file,
from 1, a header not counted."""

COPY = "duplicate_row"
"""The code of what is left out for being a copy: no share limits it, since nothing is lost."""
_UNLIMITED = "customer_set_aside"
"""What follows from a row that another table has set aside already."""
_OF_ALL, _OF_FILES, _OF_DAYS = 3, 1, 2
"""How the engine numbers the groups of all rows, of the rows of a file, and of those of a day."""


@dataclass(frozen=True)
class Cleaning:
    """What is done to the rows of a table: nothing, for most.

    Attributes
    ----------
    opened : Opened
    aside : tuple of Rule
        Rows that break one of them are left out.
    reread : tuple of Rule
        In the rows that they are about, their columns are read as ``Rule.instead``.
    once : bool
        Of rows that are alike one is kept.
    """

    opened: Opened
    aside: tuple[Rule, ...] = ()
    reread: tuple[Rule, ...] = ()
    once: bool = False

    def probe(self, *, numbered: bool = False) -> str:
        """``Opened.probe`` without the rows that break a rule."""
        probe = self.opened.probe(numbered=numbered)
        return f"select * from ({probe}) c where not {_any(self.aside)}" if self.aside else probe

    def show(self, engine: Engine) -> None:
        """Let the table's name stand for the rows that are left."""
        if self.left is not self.opened:
            show(engine, self.left)

    @property
    def left(self) -> Opened:
        """The table with the rows that are left."""
        changed = self.aside or self.reread or self.once
        return replace(self.opened, cleaned=self._select()) if changed else self.opened

    def take_once(self, engine: Engine, twice: Rule) -> Cleaning:
        """The cleaning that keeps one of rows that are alike; *twice* is true for rows that share their id."""
        id_, rows = quoted(self.opened.table.id), self._select()
        ids = f"select {id_} from ({rows}) r where {twice.bad}"
        # Of copies of a version the last counts: another version may stand between them.
        alike = ", ".join(name for name in self._names if name != PLACE)
        last = f", max({PLACE}) as {PLACE}" if PLACE in self._names else ""
        engine.keep(
            self._kept, f"select {alike}{last} from ({rows}) r where {id_} in ({ids}) group by {alike}"
        )
        made = replace(self, once=True)
        made.show(engine)
        return made

    def list_rows(self, engine: Engine, problems: Sequence[Problem], folder: Path) -> None:
        """Make the relation ``listing(table)`` with the columns of ``SCHEMA``.

        *problems* tell what is wrong: those of lines that cannot be read, then one for each rule of *aside*, and one for
        the copies.
        """
        unread = [one.code for one in problems if one.code in bad_lines.RULES]
        bad = " ".join(
            f"when {rule.bad} then {place}" for place, rule in enumerate(self.aside, len(unread) + 1)
        )
        places = (
            [
                f"select case {bad} end as place, cxml_file, cxml_row"
                f" from ({self.opened.probe(numbered=True)}) p"
            ]
            if bad
            else []
        )
        if unread:
            lines = bad_lines.relation(self.opened.table.name)
            place = f"list_position([{', '.join(map(literal, unread))}], rule)"
            places.append(f"select {place} as place, cxml_file, cxml_row from {lines}")
        if self.once:
            id_, copy = quoted(self.opened.table.id), len(unread) + len(self.aside) + 1
            alike = [name for name in self._names if name != PLACE]
            order = f"partition by {', '.join(alike)} order by cxml_file, cxml_row"
            ids = f"select {id_} from {self._kept}"
            numbered = (
                f"select row_number() over ({order}) as cxml_place, cxml_file, cxml_row"
                f" from ({self.probe(numbered=True)}) p where {id_} in ({ids})"
            )
            places.append(
                f"select case when cxml_place > 1 then {copy} end as place, cxml_file, cxml_row from ({numbered}) n"
            )
        files = [_shown(name, folder) for name in self.opened.files]
        columns = {
            "table": literal(self.opened.table.name),
            "rule": _nth("place", [one.code for one in problems]),
            "column": _nth("place", [one.column for one in problems]),
            "file": _nth("cxml_file", files),
            "row": "cast(cxml_row as bigint)",
            "expected": _nth("place", [one.expected for one in problems]),
            "fix": _nth("place", [one.fix for one in problems]),
        }
        picks = ", ".join(f"{sql} as {quoted(name)}" for name, sql in columns.items())
        engine.view(
            listing(self.opened.table.name),
            f"select {picks} from ({' union all '.join(places)}) a where place is not null",
        )

    @property
    def _names(self) -> list[str]:
        return [*map(quoted, self.opened.cells[0]), *self.opened.beside]

    @property
    def _kept(self) -> str:
        return f"cxml_once_{self.opened.table.name}"

    def _select(self) -> str:
        """The rows that are left, as ``Opened.select`` has them."""
        cells = []
        for name in self._names:
            about = [rule for rule in self.reread if quoted(rule.column) == name]
            other = " ".join(f"when {rule.bad} then {rule.instead}" for rule in about)
            cells.append(f"case {other} else {name} end as {name}" if other else name)
        rows = f"select {', '.join(cells)} from ({self.probe()}) p"
        if not self.once:
            return rows
        id_, ids = quoted(self.opened.table.id), f"select {quoted(self.opened.table.id)} from {self._kept}"
        return f"select * from ({rows}) r where {id_} not in ({ids}) union all select * from {self._kept}"


def listing(table: str) -> str:
    """The relation that lists what was set aside of *table*."""
    return f"cxml_aside_{table}"


def listed(tables: Tables) -> Iterator[pa.Table]:
    """The list of all rows set aside, piece by piece, in the order of tables, files and rows."""
    for name in tables.set_aside.rows:
        for batch in tables.engine.batches(f'select * from {listing(name)} order by "file", "row"'):
            yield pa.Table.from_batches([batch]).cast(SCHEMA)


def tolerated(tables: Tables, opened: Opened) -> float:
    """The share of rows of a table that may break a rule."""
    return tables.config.tables.get(opened.table.name, TableSource(source="")).tolerate


def too_many(
    tables: Tables, opened: Opened, broken: Sequence[tuple[Rule, int]], rows: int
) -> dict[Rule, Refusal]:
    """Which of the *broken* tolerable rules are broken by more than stray rows, and what to say of each.

    The share is of the rows that give the rule's column: where few do, a wrong format of all of them is no stray row.
    Nor is one that fills a file or a day, such as what the export writes since yesterday.
    """
    share = tolerated(tables, opened)
    limited = [(rule, count) for rule, count in broken if rule.code != _UNLIMITED]
    if not (limited and share):
        return {rule: Refusal() for rule, _ in limited}
    found = tables.engine.row(_crowds(opened, [rule for rule, _ in limited], most(share)))
    refused = {}
    for place, (rule, count) in enumerate(limited):
        given = int(found[f"given_{place}"])
        why = too_large_a_share(opened.table.name, count, given=given, rows=rows, share=share)
        if why or found[f"crowd_{place}"]:
            refused[rule] = why or CROWDED
    return refused


def _crowds(opened: Opened, rules: Sequence[Rule], above: float) -> str:
    """For each rule, how many rows give its column, and whether it is broken by most rows of a file or a day."""
    event = opened.table.event
    counts, picks = [], []
    for place, rule in enumerate(rules):
        given = quoted(f"{rule.column}:given") if rule.code != "missing_value" else "true"
        counts += [
            f"count(case when {given} then 1 end) as given_{place}",
            f"count(case when {rule.bad} then 1 end) as bad_{place}",
        ]
        # An event that cannot be believed makes a day of its own.
        groups = f"{_OF_FILES}" if rule.column == event else f"{_OF_FILES}, {_OF_DAYS}"
        crowd = f"given_{place} >= {GROUP} and bad_{place} > {above} * given_{place}"
        picks += [
            f"max(case when groups = {_OF_ALL} then given_{place} end) as given_{place}",
            f"coalesce(bool_or(groups in ({groups}) and {crowd}), false) as crowd_{place}",
        ]
    days = f"select *, date_trunc('day', {quoted(event)}) as cxml_date from ({opened.probe(numbered=True)}) p"
    grouped = (
        f"select grouping(cxml_file, cxml_date) as groups, {', '.join(counts)} from ({days}) d"
        " group by grouping sets ((), (cxml_file), (cxml_date))"
        f" having groups <> {_OF_DAYS} or cxml_date is not null"
    )
    return f"select {', '.join(picks)} from ({grouped}) g"


def _any(rules: Sequence[Rule]) -> str:
    return f"coalesce({' or '.join(f'coalesce({rule.bad}, false)' for rule in rules)}, false)"


def _nth(place: str, words: Sequence[str]) -> str:
    return f"list_extract([{', '.join(map(literal, words))}], {place})"


def _shown(file: str, folder: Path) -> str:
    """The file as it is called from the configuration's folder, so that the list is the same wherever both lie."""
    return os.path.relpath(file, folder) if file and Path(file).is_absolute() else file
