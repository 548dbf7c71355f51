"""Where rows come from: CSV and Parquet files, a table of a DuckDB file, a pandas or Arrow table.

Opening a source reads names and types only. A source may fall into parts, each with its own names
and types: files whose headers or schemas differ are read side by side and meet again once their
columns have been mapped and cast.
"""

from __future__ import annotations

import csv
import gzip
import hashlib
import io
import json
from collections.abc import Sequence
from pathlib import Path
from typing import IO, TYPE_CHECKING, cast

import pyarrow as pa
import pyarrow.parquet as pq

from cxml.config.sections import TableSource
from cxml.engine import Engine
from cxml.errors import ConfigError, DataError, did_you_mean
from cxml.sql import literal, quoted
from cxml.tables.source_parts import CsvFiles, Part, Source, file_list, refuse_twice

if TYPE_CHECKING:
    import pandas as pd

_CSV = (".csv", ".tsv", ".txt", ".csv.gz", ".tsv.gz", ".txt.gz")
_PARQUET = (".parquet", ".pq")
_DUCKDB = (".duckdb", ".ddb", ".db")
_HEADER_BYTES = 1 << 20
_UTC_UNSAID = "an instant in UTC, of a type that names no zone"
_OWN_TYPES = {"halffloat": "FLOAT16", _UTC_UNSAID: "TIMESTAMP WITH TIME ZONE"}
"""Types that the engine reads as another one, which knows less of the values."""


def open_source(engine: Engine, folder: Path, table: str, spec: TableSource) -> Source:
    """Open what ``[tables.NAME]`` of the configuration points to.

    Raises
    ------
    DataError
        Nothing there, an empty file, another format than the name says, a header that cannot be used.
    ConfigError
        A kind of file that cannot be read.
    """
    where = f"[tables.{table}] source"
    paths = _found(folder, spec.source, where)
    kinds = {_kind(path, where) for path in paths}
    if len(kinds) > 1:
        raise DataError(
            "files of several kinds",
            where=f"{where}: {spec.source}",
            expected="one kind of file",
            fix="name one, for example '*.parquet'",
        )
    kind = kinds.pop()
    if kind == "duckdb":
        return _open_duckdb(engine, paths, table, spec)
    if kind == "csv":
        return _open_csv(engine, paths, table, spec)
    return Source(spec.source, _open_parquet(engine, paths, spec))


def open_frame(engine: Engine, table: str, data: pd.DataFrame | pa.Table) -> Source:
    """Open a pandas or Arrow table; values are read where they lie, as far as their type allows.

    Raises
    ------
    DataError
        Columns with one name, or of a type that no table of the contract can hold.
    ConfigError
        Neither a pandas nor an Arrow table.
    """
    label = f"the table given as {table!r}"
    if isinstance(data, pa.Table):
        columns = [(str(name), data.column(place)) for place, name in enumerate(data.column_names)]
    else:
        import pandas as pd

        if not isinstance(data, pd.DataFrame):
            raise ConfigError(
                f"a {type(data).__name__} is no table",
                where=label,
                fix="convert it",
                expected="a pandas.DataFrame or a pyarrow.Table",
            )
        columns = [(str(name), data.iloc[:, place]) for place, name in enumerate(data.columns)]
    refuse_twice([name for name, _ in columns], label)
    arrows = {name: _column(values, f"{label}, column {name!r}") for name, values in columns}
    halves = {
        one: _OWN_TYPES["halffloat"] for one, values in arrows.items() if pa.types.is_float16(values.type)
    }
    arrow = pa.table({one: _readable(values) for one, values in arrows.items()})
    name = f"cxml_given_{table}"
    engine.register(name, arrow)
    numbered = f"select *, 1 as cxml_file, row_number() over () as cxml_row from {name}"
    return Source(label, (Part(name, {**engine.columns(name), **halves}, numbered),))


def _found(folder: Path, source: str, where: str) -> list[Path]:
    """The files that *source* names, sorted."""
    path = folder / source
    if any(mark in source for mark in "*?[") and not path.exists():
        paths = sorted(Path(path.anchor).glob(str(path.relative_to(path.anchor))))
    else:
        paths = [path]
    for path in paths:
        if path.is_dir():
            raise DataError(
                "this is a folder",
                where=f"{where}: {path}",
                expected="a file or a glob",
                fix=f"write '{source.rstrip('/')}/*.parquet' or '*.csv'",
            )
        if path.exists() and not path.is_file():
            raise DataError("this is no regular file", where=f"{where}: {path}", fix="name a file")
        if not path.exists():
            near = sorted(other.name for other in path.parent.glob("*"))[:30]
            raise DataError(
                "there is no such file",
                where=f"{where}: {path}",
                expected="a file that exists; a relative path starts at cxml.toml",
                fix=did_you_mean(path.name, near) if near else "correct the folder",
            )
        if path.stat().st_size == 0:
            raise DataError(
                "the file is empty",
                where=f"{where}: {path}",
                expected="a header at least",
                fix="export it again, or take the table out of the configuration",
            )
    if not paths:
        raise DataError(
            "no file matches",
            where=f"{where}: {path}",
            expected="at least one file",
            fix="correct the pattern; a relative path starts at cxml.toml",
        )
    return paths


def _kind(path: Path, where: str) -> str:
    name = path.name.lower()
    for kind, endings in (("csv", _CSV), ("parquet", _PARQUET), ("duckdb", _DUCKDB)):
        if name.endswith(endings):
            return kind
    fix = "save the sheet as CSV" if name.endswith((".xlsx", ".xls")) else "save it as CSV or Parquet"
    known = ", ".join((*_CSV[:3], *_PARQUET, *_DUCKDB))
    raise ConfigError(
        "this kind of file cannot be read",
        where=f"{where}: {path}",
        expected=f"a name that ends in {known}",
        fix=fix,
    )


def _open_csv(engine: Engine, paths: Sequence[Path], table: str, spec: TableSource) -> Source:
    """All columns as text: an id must not pass through a number."""
    if len(spec.delimiter) != 1:
        raise ConfigError(
            "the delimiter is one character",
            where=f"delimiter of {spec.source}",
            fix='write for example delimiter = ";"',
        )
    groups: dict[tuple[str, ...], list[Path]] = {}
    for path in paths:
        groups.setdefault(_header(path, spec.delimiter), []).append(path)
    parts, csv_files, before = list[Part](), list[CsvFiles](), 0
    for names, files in groups.items():
        one = CsvFiles(f"cxml_csv_{table}_{len(parts)}", names, spec.delimiter, tuple(files), before)
        one.show(engine)
        kinds = dict.fromkeys(names, "VARCHAR")
        parts.append(Part(one.name, kinds, f"select * from {one.numbered}", tuple(map(str, files))))
        csv_files.append(one)
        before += len(files)
    return Source(spec.source, tuple(parts), tuple(csv_files))


def raw(path: Path) -> IO[bytes]:
    """The bytes of a CSV file, unpacked."""
    return cast(IO[bytes], gzip.open(path) if path.name.lower().endswith(".gz") else path.open("rb"))


def _header(path: Path, delimiter: str) -> tuple[str, ...]:
    """The names in the first record of a CSV file."""
    try:
        with raw(path) as stream:
            head = stream.read(_HEADER_BYTES)
        if b"\0" in head:  # UTF-16, or no text at all
            raise ValueError
        text = io.TextIOWrapper(io.BytesIO(head), "utf-8-sig", errors="surrogateescape", newline="")
        names = next(csv.reader(text, delimiter=delimiter), [])
        if not any(names):
            raise ValueError
        "".join(names).encode()  # of the lines behind it some may not be UTF-8
    except (OSError, EOFError, ValueError, TypeError, csv.Error):
        raise DataError(
            "the header cannot be read",
            where=str(path),
            expected="names in the first line, text in UTF-8",
            fix="save the file as CSV in UTF-8, with a header",
        ) from None
    if len(names) == 1:
        for other in sorted((set(";\t|,") - {delimiter}) & set(names[0])):
            raise DataError(
                "the file reads as one column",
                where=str(path),
                expected=f"columns separated by {delimiter!r}",
                fix=f"add to its table in cxml.toml: delimiter = {json.dumps(other)}",
            )
    refuse_twice(names, str(path))
    return tuple(name or f"unnamed {place}" for place, name in enumerate(names, start=1))


def _open_parquet(engine: Engine, paths: Sequence[Path], spec: TableSource) -> tuple[Part, ...]:
    """Files of one schema together; the engine casts parts of a differing schema one by one."""
    groups: dict[tuple[tuple[str, str], ...], list[Path]] = {}
    for path in paths:
        try:
            metadata = pq.read_metadata(path)
            read = metadata.schema.to_arrow_schema()
        except (pa.ArrowException, OSError):
            raise DataError(
                "this is not a whole Parquet file",
                where=str(path),
                expected="a Parquet file",
                fix="write it again: it is cut or damaged, or no Parquet",
            ) from None
        refuse_twice(read.names, str(path))
        unsaid = _utc_unsaid(metadata)
        types = ((field.name, _UTC_UNSAID if field.name in unsaid else str(field.type)) for field in read)
        groups.setdefault(tuple(types), []).append(path)
    parts = []
    for schema, files in groups.items():
        scan = f"read_parquet({file_list(files)}, hive_partitioning = false)"
        numbered = (
            f"select *, list_position({file_list(files, escape=False)}, filename) as cxml_file,"
            f" file_row_number + 1 as cxml_row from {scan}"
        )
        # The engine would read a span of time as a whole number of some unit.
        spans = {name: "INTERVAL" for name, kind in schema if kind.startswith("duration")}
        own = {name: _OWN_TYPES[kind] for name, kind in schema if kind in _OWN_TYPES}
        utc = frozenset(name for name, kind in schema if kind == _UTC_UNSAID)
        columns = {**engine.columns(scan), **spans, **own}
        parts.append(Part(scan, columns, numbered, tuple(str(file) for file in files), utc))
    return tuple(parts)


def _utc_unsaid(metadata: pq.FileMetaData) -> set[str]:
    """The columns of a Parquet file whose instants are UTC although their type names no zone.

    Spark and Hive write INT96 in UTC, as do most others; only Impala writes the clock on its wall. Java
    before parquet-mr 1.11 had no way to say UTC, and meant it; other writers of that time meant either.
    """
    writer = str(metadata.created_by or "").lower()
    found = set()
    for place in range(metadata.num_columns):
        column = metadata.schema.column(place)
        kind = json.loads(column.logical_type.to_json())
        old = kind.get("is_from_converted_type", False) and writer.startswith("parquet-mr")
        if (column.physical_type == "INT96" and not writer.startswith("impala")) or (
            kind["Type"] == "Timestamp" and old
        ):
            found.add(column.path)
    return found


def _open_duckdb(engine: Engine, paths: Sequence[Path], table: str, spec: TableSource) -> Source:
    if len(paths) > 1:
        raise DataError(
            "several DuckDB files",
            where=f"[tables.{table}] source: {spec.source}",
            expected="one file",
            fix="name one",
        )
    path = paths[0].resolve()
    name = f"cxml_file_{hashlib.sha256(str(path).encode()).hexdigest()[:12]}"
    engine.attach(str(path), name)
    rows = engine.rows(
        "select table_schema, table_name from information_schema.tables"
        f" where table_catalog = {literal(name)}"
    )
    found = {(schema if schema != "main" else "", known) for schema, known in rows}
    schema, _, wanted = (spec.table or table).rpartition(".")
    if (schema if schema != "main" else "", wanted) not in found:
        names = sorted(".".join(filter(None, parts)) for parts in found)
        raise DataError(
            f"there is no table {spec.table or table!r}",
            where=f"[tables.{table}], in {path}",
            expected=f"one of {', '.join(names)}" if names else "a file with tables",
            fix=did_you_mean(wanted, names) if names else "name another file",
        )
    scan = f"{name}.{quoted(schema or 'main')}.{quoted(wanted)}"
    numbered = f"select *, 1 as cxml_file, row_number() over () as cxml_row from {scan}"
    label = f"{spec.source}, table {spec.table or table}"
    return Source(label, (Part(scan, engine.columns(scan), numbered, (label,)),))


def _column(values: pd.Series | pa.ChunkedArray, where: str) -> pa.Array | pa.ChunkedArray:
    """A column as Arrow, in a type that the engine can read.

    What Arrow would read by guess - a column of Python objects that are not all numbers, texts or
    truth values - becomes text, so that 00123 stays what it is and a zone is not taken from the first row.
    """
    try:
        if not isinstance(values, pa.ChunkedArray):
            values = _from_pandas(values)
        return values.cast(pa.string()) if pa.types.is_decimal256(values.type) else values
    except (pa.ArrowException, TypeError, OverflowError):
        raise DataError(
            "values of a type that no table can hold",
            where=where,
            expected="texts, numbers, instants or flags",
            fix="convert the column, or drop it",
        ) from None


def _readable(values: pa.Array | pa.ChunkedArray) -> pa.Array | pa.ChunkedArray:
    """The engine reads no floats of 16 bits from memory."""
    return values.cast(pa.float32()) if pa.types.is_float16(values.type) else values


def _from_pandas(values: pd.Series) -> pa.Array | pa.ChunkedArray:
    import pandas as pd

    if isinstance(values.dtype, pd.PeriodDtype | pd.IntervalDtype):
        return pa.array(values.astype(str), pa.string())
    if isinstance(values.dtype, pd.DatetimeTZDtype):
        naive = pa.Array.from_pandas(values.dt.tz_convert(None))
        return naive.cast(pa.timestamp(naive.type.unit, "UTC"))
    if values.dtype != object:
        return pa.Array.from_pandas(values)
    kind = pd.api.types.infer_dtype(values, skipna=True)
    if kind in {"string", "boolean", "floating", "decimal", "empty", "bytes", "timedelta", "time"}:
        return pa.Array.from_pandas(values)
    if kind == "mixed" and any(pd.api.types.is_list_like(value) for value in values):
        raise TypeError("nested values")
    return pa.array(
        [None if missing else str(value) for value, missing in zip(values, pd.isna(values), strict=True)]
    )
