"""A source that was opened: its parts, the names of its columns, and their kinds."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from cxml.engine import Engine
from cxml.errors import DataError
from cxml.sql import literal, quoted


@dataclass(frozen=True)
class Part:
    """Rows that share names and types.

    Attributes
    ----------
    scan : str
        What stands behind FROM.
    columns : Mapping[str, str]
        Names in the source and the engine's type names.
    numbered : str
        A SELECT of all columns, ``cxml_file`` (place in *files*, from 1) and ``cxml_row``: the place of
        a row in its file, from 1, a header not counted.
    files : tuple of str
        The files, as they are shown to people; empty where there are none.
    utc : frozenset of str
        Columns whose instants are taken as UTC although their type names no zone.
    """

    scan: str
    columns: Mapping[str, str]
    numbered: str
    files: tuple[str, ...] = ()
    utc: frozenset[str] = frozenset()


@dataclass(frozen=True)
class CsvFiles:
    """CSV files of one header, behind views in the engine that can be changed to leave lines out.

    Attributes
    ----------
    name : str
        The view of their rows.
    columns : tuple of str
    delimiter : str
    files : tuple of Path
    before : int
        Files of the table's source that come before these.
    """

    name: str
    columns: tuple[str, ...]
    delimiter: str
    files: tuple[Path, ...]
    before: int

    @property
    def numbered(self) -> str:
        """The view of their rows with ``cxml_file`` and ``cxml_row``, see ``Part``."""
        return f"{self.name}_numbered"

    def read(self, files: Sequence[Path], *, first: Sequence[str] = (), more: str = "") -> str:
        """What reads *files* of these columns, behind the columns *first*: any fault stops it."""
        columns = ", ".join(f"{literal(name)}: 'VARCHAR'" for name in (*first, *self.columns))
        return (
            f"read_csv({file_list(files)}, columns = {{{columns}}}, auto_detect = false, header = true,"
            f" delim = {literal(self.delimiter)}, quote = '\"', escape = '\"', strict_mode = true{more})"
        )

    def show(self, engine: Engine, *, instead: Mapping[Path, str] | None = None) -> None:
        """Make the views; *instead* has SELECTs of all columns, numbered, for files that are not to be read."""
        other = instead or {}
        files = [file for file in self.files if file not in other]
        names = ", ".join(map(quoted, self.columns))
        rows = [f"select {names} from ({select}) r" for select in other.values()]
        numbered = list(other.values())
        if files:
            rows.append(f"select * from {self.read(files)}")
            numbered.append(self._number(files))
        engine.view(self.name, " union all ".join(rows))
        engine.view(self.numbered, " union all ".join(numbered))

    def _number(self, files: Sequence[Path]) -> str:
        place = f"list_position({file_list(self.files, escape=False)}, cxml_file)"
        read = self.read(files, more=", filename = 'cxml_file'")
        numbered = f"select * replace (cast({place} as bigint) as cxml_file), row_number() over () as cxml_row from {read}"
        if len(files) == 1:
            return numbered
        # Rows come in the order of the files.
        in_file = "row_number() over (partition by cxml_file order by cxml_row)"
        return f"select * replace ({in_file} as cxml_row) from ({numbered})"


@dataclass(frozen=True)
class Source:
    """An opened source of a table: ``label`` says to people what it is, ``csv`` are the files behind its parts."""

    label: str
    parts: tuple[Part, ...]
    csv: tuple[CsvFiles, ...] = ()

    @property
    def names(self) -> tuple[str, ...]:
        """All column names, in order of first appearance."""
        return tuple(dict.fromkeys(name for part in self.parts for name in part.columns))


def with_constants(source: Source, values: Mapping[str, str]) -> Source:
    """*source* with a further column of text for each of *values*, the same in every row."""
    if not values:
        return source
    more = "".join(f", {literal(value)} as {quoted(name)}" for name, value in values.items())
    kinds = dict.fromkeys(values, "VARCHAR")
    return replace(
        source, parts=tuple(_seen(part, "*" + more, {**part.columns, **kinds}) for part in source.parts)
    )


def without(source: Source, names: Collection[str]) -> Source:
    """*source* as if it did not have the columns *names*."""
    parts = []
    for part in source.parts:
        gone = [quoted(name) for name in part.columns if name in names]
        kept = {name: kind for name, kind in part.columns.items() if name not in names}
        parts.append(_seen(part, f"* exclude ({', '.join(gone)})", kept) if gone else part)
    return replace(source, parts=tuple(parts))


def _seen(part: Part, picks: str, columns: Mapping[str, str]) -> Part:
    """The rows of *part* with the columns that *picks* selects."""
    scan, numbered = f"(select {picks} from {part.scan})", f"select {picks} from ({part.numbered}) n"
    return replace(part, columns=columns, scan=scan, numbered=numbered)


def file_list(files: Iterable[Path], *, escape: bool = True) -> str:
    """Paths as a SQL list; with *escape*, so that a name with ``[`` in it is not taken as a pattern."""
    marks = str.maketrans({mark: f"[{mark}]" for mark in "[*?"}) if escape else {}
    return f"[{', '.join(literal(str(file).translate(marks)) for file in files)}]"


def refuse_twice(names: Sequence[str], where: str) -> None:
    """Refuse names that the engine could not tell apart: SQL knows no upper and lower case."""
    seen: dict[str, str] = {}
    for name in filter(None, names):
        if name.lower() in seen:
            other = seen[name.lower()]
            twice = (
                f"two columns are called {name!r}"
                if name == other
                else f"{other!r} and {name!r} differ only in case"
            )
            raise DataError(twice, where=where, expected="every column name once", fix="rename one of them")
        seen[name.lower()] = name
