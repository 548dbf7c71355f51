"""Opening sources: the zone of an instant is kept whatever holds it, and old Parquet types are read as meant."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

import duckdb
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from cxml.config.load import Config, parse_config
from cxml.tables.check import check_tables
from cxml.tables.opening import open_tables


def config(folder: Path, zone: str, **tables: Any) -> Config:
    return parse_config(
        {"project": {"observation_end": "2026-01-01", "timezone": zone}, "tables": tables}, folder
    )


NOON = dt.datetime(2025, 3, 1, 12)


def instants_of(folder: Path, source: str = "*.parquet") -> tuple[list[Any], list[str]]:
    """The instants read, in order, and what is said of them."""
    tables = open_tables(config(folder, "Asia/Seoul", interactions={"source": source}))
    found = [row[0] for row in tables.engine.rows("select started_at from interactions order by customer_id")]
    return found, [note for note in check_tables(tables).notes if "taken as UTC" in note]


def of_instant(at: dt.datetime, kind: Any = None) -> pa.Table:
    """One contact at *at*, as an Arrow table."""
    return pa.table({"customer_id": ["a"], "started_at": pa.array([at], kind or pa.timestamp("us"))})


@pytest.mark.parametrize("unit", ["s", "ms", "us", "ns"])
def test_the_old_instants_of_spark_are_utc(tmp_path: Path, unit: str) -> None:
    table = of_instant(NOON, pa.timestamp(unit))
    pq.write_table(table, tmp_path / "a.parquet", use_deprecated_int96_timestamps=True)
    assert pq.read_metadata(tmp_path / "a.parquet").schema.column(1).physical_type == "INT96"
    assert instants_of(tmp_path) == (
        [NOON],
        [
            "interactions: instants of an old Parquet type that names no zone are taken as UTC, as Spark and Hive write"
            " them: started_at"
        ],
    )


def test_files_of_old_and_new_instants_keep_their_zones(tmp_path: Path) -> None:
    old, plain, utc = (of_instant(NOON, pa.timestamp("us", zone)) for zone in (None, None, "UTC"))
    for name, table in {"a": old, "b": plain, "c": utc}.items():
        table = table.set_column(0, "customer_id", pa.array([name]))
        pq.write_table(table, tmp_path / f"{name}.parquet", use_deprecated_int96_timestamps=name == "a")
    found, notes = instants_of(tmp_path)
    assert found == [NOON, NOON - dt.timedelta(hours=9), NOON], "local to Seoul where the type says no zone"
    assert len(notes) == 1


def test_a_day_far_ahead_and_a_missing_one_survive_in_old_instants(tmp_path: Path) -> None:
    far = dt.datetime(9998, 12, 31)
    table = pa.table({"customer_id": ["a", "b"], "started_at": pa.array([far, None], pa.timestamp("us"))})
    pq.write_table(table, tmp_path / "a.parquet", use_deprecated_int96_timestamps=True)
    assert instants_of(tmp_path)[0] == [far, None]


def written_by(writer: str, path: Path) -> None:
    """The file with another writer's name in its footer, of the same length."""
    data = path.read_bytes()
    own = pq.read_metadata(path).created_by.encode()
    path.write_bytes(data.replace(own, writer.encode().ljust(len(own))))


@pytest.mark.parametrize(
    ("writer", "utc"), [("parquet-mr version 1.10.1", True), ("impala version 3.2.0", False)]
)
def test_impala_writes_the_clock_on_its_wall(tmp_path: Path, writer: str, utc: bool) -> None:
    pq.write_table(of_instant(NOON), tmp_path / "a.parquet", use_deprecated_int96_timestamps=True)
    written_by(writer, tmp_path / "a.parquet")
    found, notes = instants_of(tmp_path)
    assert (found, len(notes)) == ([NOON], 1) if utc else ([NOON - dt.timedelta(hours=9)], 0)


@pytest.mark.parametrize(
    ("writer", "utc"), [("parquet-mr version 1.10.1", True), ("parquet-cpp version 1.5", False)]
)
def test_java_meant_utc_before_a_file_could_say_so(tmp_path: Path, writer: str, utc: bool) -> None:
    path = tmp_path / "a.parquet"
    pq.write_table(of_instant(NOON, pa.timestamp("us", "UTC")), path, store_schema=False)
    # The field logicalType of the thrift footer, which older writers did not know: instant, UTC, microseconds.
    logical, data = bytes.fromhex("4c8c111c2c00000000"), path.read_bytes()
    assert data.count(logical) == 1
    footer = int.from_bytes(data[-8:-4], "little") - len(logical)
    path.write_bytes(data.replace(logical, b"")[:-8] + footer.to_bytes(4, "little") + b"PAR1")
    written_by(writer, path)
    found, notes = instants_of(tmp_path)
    assert (found, len(notes)) == ([NOON], 1) if utc else ([NOON - dt.timedelta(hours=9)], 0)


def test_old_instants_inside_a_nested_column_are_left_alone(tmp_path: Path) -> None:
    nested = pa.array([{"started_at": NOON}], pa.struct([("started_at", pa.timestamp("us"))]))
    table = of_instant(NOON, pa.timestamp("us", "UTC")).append_column("more", nested)
    pq.write_table(table, tmp_path / "a.parquet", use_deprecated_int96_timestamps=False)
    assert instants_of(tmp_path) == ([NOON], [])
    pq.write_table(table, tmp_path / "a.parquet", use_deprecated_int96_timestamps=True)
    assert instants_of(tmp_path)[0] == [NOON]


@pytest.mark.parametrize(
    ("kind", "at"),
    [
        ("TIMESTAMP", NOON - dt.timedelta(hours=9)),
        ("TIMESTAMP_NS", NOON - dt.timedelta(hours=9)),
        ("TIMESTAMP_S", NOON - dt.timedelta(hours=9)),
        ("TIMESTAMPTZ", NOON),
        ("TIMESTAMPTZ_NS", NOON),
    ],
)
def test_instants_of_a_duckdb_file_keep_their_zone(tmp_path: Path, kind: str, at: dt.datetime) -> None:
    with duckdb.connect(str(tmp_path / "a.duckdb")) as database:
        database.execute("set TimeZone = 'UTC'")
        database.execute(
            f"create table interactions as select 'a' as customer_id, cast('2025-03-01 12:00:00' as {kind}) as started_at"
        )
    assert instants_of(tmp_path, source="a.duckdb")[0] == [at]


@pytest.mark.parametrize(
    "values",
    [
        pytest.param(pd.Series([NOON]).dt.tz_localize("UTC").dt.tz_convert("Asia/Tokyo"), id="pandas"),
        pytest.param(
            pd.Series([NOON]).dt.tz_localize("UTC").astype("timestamp[us, tz=UTC][pyarrow]"), id="arrow"
        ),
        pytest.param(pd.Series([NOON.replace(tzinfo=dt.UTC)], dtype=object), id="objects"),
        pytest.param(pd.Series(["2025-03-01T21:00:00+09:00"]), id="text"),
    ],
)
def test_zones_of_values_in_memory_are_kept(values: Any) -> None:
    frame = pd.DataFrame({"customer_id": ["a"], "started_at": values})
    tables = open_tables(config(Path(), "America/New_York"), {"interactions": frame})
    assert tables.engine.rows("select started_at from interactions") == [(NOON,)]
