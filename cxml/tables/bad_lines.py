"""Lines of a CSV file that cannot be read, few enough to go on without them: found, counted, listed, left out.

The engine reads CSV strictly, and nothing here is done before a line stops it. Its own way to go on (``ignore_errors``)
is not used: behind a stray quote it drops good rows without listing them. Instead Python finds the bad lines, and the
engine reads a copy without them as strictly as before: a fault that nobody counted still stops everything.
"""

from __future__ import annotations

import csv
import io
import re
import tempfile
import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TypeVar

import pyarrow as pa

from cxml.engine import NOT_UTF8, WRONG_FIELDS, Engine
from cxml.errors import BadLineError, DataError
from cxml.sql import quoted
from cxml.tables.problems import Problem, counted
from cxml.tables.source_parts import CsvFiles, Source
from cxml.tables.sources import raw
from cxml.tables.tolerance import CROWDED, GROUP, Refusal, most, too_large_a_share

_T = TypeVar("_T")
_UTF8, _FIELDS = "not_utf8", "wrong_fields"
RULES = {
    _UTF8: ("{n} lines are not text in UTF-8", "UTF-8 in every line", NOT_UTF8[1]),
    _FIELDS: (
        "{n} lines have more or fewer fields than the header",
        "as many fields as the header",
        WRONG_FIELDS[1],
    ),
}
"""What is wrong with the lines, what was expected and how to fix it."""


@dataclass(frozen=True)
class BadLine:
    """A line that is left out: its row counts from 1 without the header, its line with it."""

    rule: str
    row: int
    line: int
    fields: int


@dataclass(frozen=True)
class _Read:
    """A file that was read: *rows* in all, and a *copy* of those that are not *bad*."""

    files: CsvFiles
    path: Path
    rows: int
    bad: tuple[BadLine, ...]
    copy: Path

    @property
    def number(self) -> int:
        """The file's place in its source, from 1."""
        return self.files.before + self.files.files.index(self.path) + 1

    def count(self, rule: str) -> int:
        return sum(one.rule == rule for one in self.bad)


def reading(engine: Engine, table: str, source: Source, share: float, read: Callable[[], _T]) -> _T:
    """What *read* returns, which reads *source*; where bad lines stop it, without these.

    Raises
    ------
    DataError
        More bad lines than *share* of the table, or most of a file; a row over several lines that cannot be read, since an
        open quote may have swallowed them; or whatever else *read* raises.
    """
    try:
        return read()
    except BadLineError as error:
        if not (source.csv and share):
            raise
        _leave_out(engine, table, source, share, error)
    return read()


def told(engine: Engine, table: str, source: Source) -> list[Problem]:
    """What was left out of *source*: a problem for each kind of bad line."""
    if not source.csv:
        return []
    found = engine.rows(
        "select rule, count(*), arg_min(struct_pack(f := cxml_file, r := cxml_row, l := line), (cxml_file, cxml_row))"
        f" from {relation(table)} group by rule order by rule"
    )
    files = [file for one in source.csv for file in one.files]
    problems = []
    for rule, count, first in found:
        what, expected, fix = RULES[rule]
        place = f"{files[first['f'] - 1]}, line {first['l']}"
        problems.append(
            Problem(
                rule,
                table,
                "",
                count,
                first["r"],
                counted(what, count),
                expected,
                fix,
                place,
            )
        )
    return problems


def relation(table: str) -> str:
    """The relation of the lines left out: ``rule``, ``cxml_file``, ``cxml_row`` and ``line``."""
    return f"cxml_lines_{table}"


def forget(engine: Engine, table: str, source: Source) -> None:
    """Leave nothing out of *source* any more: a bad line stops who reads it, until it is counted."""
    for one in source.csv:
        one.show(engine)
    if source.csv:
        numbers = ", ".join(f"cast(0 as bigint) as {name}" for name in ("cxml_file", "cxml_row", "line"))
        engine.keep(relation(table), f"select '' as rule, {numbers} where false")


def _leave_out(engine: Engine, table: str, source: Source, share: float, error: BadLineError) -> None:
    with tempfile.TemporaryDirectory(prefix="cxml-") as folder:
        files = [(one, path) for one in source.csv for path in one.files]
        read = [
            _read(one, path, Path(folder, f"{place}.csv"), error) for place, (one, path) in enumerate(files)
        ]
        if not any(one.bad for one in read):
            raise error
        _refuse_too_many(table, read, share)
        for csv_files in source.csv:
            _show(engine, csv_files, [one for one in read if one.files is csv_files and one.bad])
    _list_lines(engine, table, read)


def _show(engine: Engine, files: CsvFiles, read: Sequence[_Read]) -> None:
    """Let the rows that could be read stand for the files that have been *read*."""
    instead = {}
    names = ", ".join(map(quoted, files.columns))
    for one in read:
        kept = f"{files.name}_{one.number}"
        place = files.files.index(one.path) + 1
        copy = files.read([one.copy], first=["cxml_row"])
        try:
            engine.keep(
                kept,
                f"select {names}, cast({place} as bigint) as cxml_file,"
                f" cast(cxml_row as bigint) as cxml_row from {copy}",
            )
        except DataError as error:
            raise DataError(error.what, where=str(one.path), expected=error.expected, fix=error.fix) from None
        if engine.row(f"select count(*) as n from {kept}")["n"] != one.rows - len(one.bad):
            raise _broken(one.path)
        instead[one.path] = f"select * from {kept}"
    files.show(engine, instead=instead)


def _read(files: CsvFiles, path: Path, copy: Path, error: BadLineError) -> _Read:
    """Read a file line by line, and write those that can be read to *copy*, each behind the number of its row."""
    bad, rows = [], 0
    try:
        with raw(path) as stream, copy.open("w", encoding="utf-8", newline="") as out:
            records = _records(stream, files.delimiter)
            _, _, header = next(records)
            out.write(f"cxml_row{files.delimiter}{header}")
            for record, line, text in records:
                if not record and len(files.columns) > 1:
                    continue  # the engine passes over empty lines, too
                rows += 1
                rule = _fault(record, text, files)
                if not rule:
                    out.write(f"{rows}{files.delimiter}{text}")
                elif _alone(text, header, files.delimiter):
                    bad.append(BadLine(rule, rows, line, len(record)))
                else:
                    raise _broken(path, line)
    except csv.Error:
        raise _broken(path) from None
    except (OSError, EOFError, zlib.error):
        raise error from None
    if not bad:
        copy.unlink()
    return _Read(files, path, rows, tuple(bad), copy)


def _records(stream: IO[bytes], delimiter: str) -> Iterator[tuple[list[str], int, str]]:
    """The fields of each row, its first line and its text."""
    lines: list[str] = []

    def kept(text: Iterable[str]) -> Iterator[str]:
        for line in text:
            lines.append(line)
            yield line

    with io.TextIOWrapper(stream, "utf-8-sig", errors="surrogateescape", newline="") as text:
        reader = csv.reader(kept(text), delimiter=delimiter, skipinitialspace=delimiter != " ")
        line = 1
        for record in reader:
            yield record, line, "".join(lines)
            line = reader.line_num + 1
            lines.clear()


def _fault(record: Sequence[str], text: str, files: CsvFiles) -> str:
    """The rule that a row breaks; empty for none."""
    if not text.isascii():
        try:
            text.encode()
        except UnicodeEncodeError:
            return _UTF8
    more = len(record) - len(files.columns)
    if not more or not record:
        return ""
    # The engine takes empty fields at the end of a line as none.
    empty = rf'(?:{re.escape(files.delimiter)}(?: *"" *)?){{{more}}}[\r\n]*\Z'
    return "" if more > 0 and not any(record[-more:]) and re.search(empty, text) else _FIELDS


def _alone(text: str, header: str, delimiter: str) -> bool:
    """Whether a bad row is a line by itself: its quotes are closed, and it ends as the header does or with the file."""
    body = text.removesuffix(header[len(header.rstrip("\r\n")) :])
    try:
        list(csv.reader([body], delimiter=delimiter, skipinitialspace=delimiter != " ", strict=True))
    except csv.Error:
        return False
    return "\n" not in body and "\r" not in body


def _broken(path: Path, line: int = 0) -> DataError:
    return DataError(
        "quotes or line ends break the rules of CSV",
        expected="quotes that are closed, one kind of line end",
        where=f"{path}, line {line}" if line else str(path),
        fix="close each double quote; inside a field write it twice",
    )


def _refuse_too_many(table: str, read: Sequence[_Read], share: float) -> None:
    """Raise where the bad lines are more than stray ones."""
    rows = sum(one.rows for one in read)
    for rule in RULES:
        count = sum(one.count(rule) for one in read)
        why = too_large_a_share(table, count, given=rows, rows=rows, share=share) if count else None
        crowded = any(one.rows >= GROUP and one.count(rule) > most(share) * one.rows for one in read)
        if why or crowded:
            raise _refused(rule, read, why or CROWDED)


def _refused(rule: str, read: Sequence[_Read], why: Refusal) -> DataError:
    file, first = next((one, bad) for one in read for bad in one.bad if bad.rule == rule)
    what, fix = NOT_UTF8 if rule == _UTF8 else WRONG_FIELDS
    what = what.format(found=first.fields, header=len(file.files.columns))
    return DataError(
        what + why.what.replace("those given", "the rows"),
        where=f"{file.path}, line {first.line}",
        expected="a readable CSV file",
        fix=fix + why.fix,
    )


def _list_lines(engine: Engine, table: str, read: Sequence[_Read]) -> None:
    lines = [(one.number, bad) for one in read for bad in one.bad]
    given = f"{relation(table)}_given"
    engine.register(
        given,
        pa.table(
            {
                "rule": pa.array([bad.rule for _, bad in lines], pa.string()),
                "cxml_file": pa.array([number for number, _ in lines], pa.int64()),
                "cxml_row": pa.array([bad.row for _, bad in lines], pa.int64()),
                "line": pa.array([bad.line for _, bad in lines], pa.int64()),
            }
        ),
    )
    engine.keep(relation(table), f"select * from {given}")
