"""Files of one table that differ: columns that some of them lack or leave empty, and instants without a zone."""

from __future__ import annotations

import difflib
from collections.abc import Iterator
from pathlib import Path

from cxml.contracts import CONTACT_END
from cxml.engine import quoted
from cxml.tables import Opened, Tables

_CHANCE = 1e-6
"""How seldom chance may leave a column empty in a whole file."""
_SHOWN = 3


def notes(tables: Tables, name: str) -> Iterator[str]:
    """What people should know of the files of a table."""
    opened = tables.opened[name]
    yield from _utc(opened)
    if len(opened.files) > 1:
        yield from _lacking(opened)
        yield from _empty(tables, opened)


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


def _empty(tables: Tables, opened: Opened) -> Iterator[str]:
    """Columns that are empty in whole files and filled in others, told once for the same files.

    What comes later than its row, a delivery say, may well be missing in the last files.
    """
    counts = ", ".join(
        f"count(case when {quoted(f'{column.name}:given')} then 1 end)" for column in opened.columns
    )
    counted = tables.engine.rows(
        f"select cxml_file, count(*), {counts} from ({opened.probe(numbered=True)}) p group by 1"
    )
    found = sorted((opened.files[number - 1], *numbers) for number, *numbers in counted)
    empty: dict[tuple[str, ...], list[str]] = {}
    for place, column in enumerate(opened.columns, start=2):
        filled = [row for row in found if row[place]]
        if not filled:
            continue
        share = sum(row[place] for row in filled) / sum(row[1] for row in filled)
        later = column.known not in ("", CONTACT_END)
        files = tuple(
            file
            for file, rows, *_ in (row for row in found if not row[place])
            if (1 - share) ** rows < _CHANCE
            and (file < filled[-1][0] or not later)
            and opened.places[column.name] in _columns_of(opened, file)
        )
        if files:
            empty.setdefault(files, []).append(opened.places[column.name])
    for files, places in empty.items():
        yield (
            f"{opened.table.name}: {_named(opened, files)} nothing in {', '.join(places)}, which others fill; it is"
            " unknown there"
        )


def _columns_of(opened: Opened, file: str) -> set[str]:
    return {name for part in opened.source.parts if file in part.files for name in part.columns}


def _named(opened: Opened, files: tuple[str, ...]) -> str:
    names = ", ".join(Path(file).name for file in files[:_SHOWN])
    more = ", ..." if len(files) > _SHOWN else ""
    has = "has" if len(files) == 1 else "have"
    return f"{len(files)} of {len(opened.files)} files ({names}{more}) {has}"
