"""What changes within a table: files or months that lack a column or leave it empty, and instants without a zone."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from cxml.contracts import CONTACT_END, Column
from cxml.sql import quoted
from cxml.tables.opened import Opened
from cxml.tables.opening import Tables

_CHANCE = 1e-6
"""How seldom chance may leave a column empty in a whole file."""
_SHOWN = 3


def notes(tables: Tables, opened: Opened) -> Iterator[str]:
    """What people should know of the files of a table."""
    yield from _utc(opened)
    if len(opened.files) > 1:
        yield from _lacking(opened)
        yield from _empty_files(tables, opened)
    elif opened.table.owner == "customer_id" and opened.table.name != "customers":
        yield from _empty_months(tables, opened)


def _utc(opened: Opened) -> Iterator[str]:
    taken = [
        column.name
        for column in opened.columns
        if any(opened.places[column.name] in part.utc for part in opened.source.parts)
    ]
    if taken:
        yield (
            f"{opened.table.name}: instants of an old Parquet type that names no zone are taken as UTC, as Spark and"
            f" Hive write them: {', '.join(taken)}"
        )


def _lacking(opened: Opened) -> Iterator[str]:
    """Columns that some files have and others have not, told once for the same files."""
    lacking: dict[tuple[str, ...], list[str]] = {}
    for column in opened.columns:
        place = opened.places[column.name]
        files = tuple(
            file for part in opened.source.parts if place not in part.columns for file in part.files
        )
        if files:
            lacking.setdefault(files, []).append(place)
    for files, places in lacking.items():
        also = dict.fromkeys(
            near
            for part in opened.source.parts
            if set(part.files) & set(files)
            for near in difflib.get_close_matches(
                places[0], [one for one in part.columns if _spare(opened, one)], n=1
            )
        )
        near = f" (is {', '.join(map(repr, also))} the same?)" if len(places) == 1 and also else ""
        yield (
            f"{opened.table.name}: {_named(opened, files)} no column {', '.join(places)}, which the others have; it is"
            f" unknown there{near}"
        )


def _spare(opened: Opened, place: str) -> bool:
    return place not in opened.places.values()


def _empty_files(tables: Tables, opened: Opened) -> Iterator[str]:
    """Columns that are empty in whole files and filled in others."""
    counts = ", ".join(
        f"count(case when {quoted(f'{column.name}:given')} then 1 end)" for column in opened.columns
    )
    counted = tables.engine.rows(
        f"select cxml_file, count(*), {counts} from ({opened.probe(numbered=True)}) p group by 1"
    )
    found = sorted((opened.files[number - 1], *numbers) for number, *numbers in counted)
    for files, columns in _empty(opened.columns, found).items():
        there = [name for name in columns if any(name in _columns_of(opened, file) for file in files)]
        if there:
            yield (
                f"{opened.table.name}: {_named(opened, files)} nothing in {', '.join(there)}, which others fill; it is"
                " unknown there"
            )


def _empty_months(tables: Tables, opened: Opened) -> Iterator[str]:
    """Columns of a log in one piece that are empty in whole months and filled in others."""
    columns = [column for column in opened.columns if column.name not in opened.table.required]
    counts = "".join(f", count({quoted(column.name)})" for column in columns)
    name, event = opened.table.name, quoted(opened.table.event)
    found = tables.engine.rows(
        f"select strftime({event}, '%Y-%m') as month, count(*){counts} from {name} where {event} is not null"
        " group by 1 order by 1"
    )
    for months, places in _empty(columns, found).items():
        are = "is" if len(places) == 1 else "are"
        some = ", ".join(months[:_SHOWN]) + (", ..." if len(months) > _SHOWN else "")
        share = f"{len(months)} of {len(found)} months ({some})"
        yield f"{name}: {', '.join(places)} {are} empty in {share} and filled in others: unknown there"


def _empty(columns: Sequence[Column], found: Sequence[tuple[Any, ...]]) -> dict[tuple[str, ...], list[str]]:
    """Columns by the groups in which they are empty, more surely than chance allows.

    A row of *found* is the name of a group, its rows, and how many of them each column fills, groups in the order of
    time. What comes later than its row, a delivery say or who left, may well be missing in the last groups.
    """
    empty: dict[tuple[str, ...], list[str]] = {}
    for place, column in enumerate(columns, start=2):
        filled = [row for row in found if row[place]]
        if not filled:
            continue
        share = sum(row[place] for row in filled) / sum(row[1] for row in filled)
        later = column.target or column.known not in ("", CONTACT_END)
        groups = tuple(
            row[0]
            for row in found
            if not row[place] and (1 - share) ** row[1] < _CHANCE and (row[0] < filled[-1][0] or not later)
        )
        if groups:
            empty.setdefault(groups, []).append(column.name)
    return empty


def _columns_of(opened: Opened, file: str) -> set[str]:
    """The columns of the contract that a file has."""
    there = {name for part in opened.source.parts if file in part.files for name in part.columns}
    return {name for name, place in opened.places.items() if place in there}


def _named(opened: Opened, files: tuple[str, ...]) -> str:
    names = ", ".join(Path(file).name for file in files[:_SHOWN])
    more = ", ..." if len(files) > _SHOWN else ""
    has = "has" if len(files) == 1 else "have"
    return f"{len(files)} of {len(opened.files)} files ({names}{more}) {has}"
