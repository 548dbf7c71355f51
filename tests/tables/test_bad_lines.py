"""Lines of a CSV file that cannot be read: few are set aside and listed, no other row is lost, moved or changed."""

from __future__ import annotations

import csv
import gzip
import io
import random
import tempfile
from pathlib import Path
from typing import Any

import duckdb
import pyarrow.parquet as pq
import pytest

from cxml.config.load import Config, parse_config
from cxml.errors import BadLineError
from cxml.jobs.context import checked_tables
from cxml.store import writer
from cxml.tables import bad_lines
from cxml.tables.check import Check, check_tables
from cxml.tables.opening import Tables, open_tables
from cxml.tables.source_parts import CsvFiles

CANARY = "kanari"
HEADER = "interaction_id,customer_id,started_at,wait_s,topic"


def row(n: int, *, wait: str = "", topic: str = "bill") -> str:
    return f"i{n},c{n % 50},2025-0{1 + n % 9}-1{n % 10} 10:00:00,{wait or n % 90},{topic}"


def hostile(rows: int, start: int = 0) -> list[str]:
    """Sound rows with all that CSV allows: quoted delimiters, line ends and quotes, empty fields at the end."""
    topics = (
        "bill",
        '"a, b"',
        '"two\nlines"',
        '"said ""no"""',
        '""',
        '"새 요금, 할인"',
        "bill,",
        '"x",""',
        ' "a,b"',
    )
    return [row(n, topic=topics[n % len(topics)]) for n in range(start, start + rows)]


def config(folder: Path, source: str = "log*.csv*", **table: Any) -> Config:
    tables = {"interactions": {"source": source, **table}}
    return parse_config({"project": {"observation_end": "2026-01-01"}, "tables": tables}, folder)


def written(
    folder: Path, lines: list[str | bytes], name: str = "log.csv", *, end: str = "\n", bom: bool = False
) -> None:
    data = b"".join(
        (one if isinstance(one, bytes) else one.encode()) + end.encode() for one in [HEADER, *lines]
    )
    data = b"\xef\xbb\xbf" * bom + data
    (folder / name).write_bytes(gzip.compress(data) if name.endswith(".gz") else data)


def codes(found: Check) -> list[tuple[str, int, int]]:
    return [(one.code, one.count, one.first_row) for one in found.set_aside.problems]


def listed(tables: Tables) -> list[tuple[Any, ...]]:
    return tables.engine.rows(
        'select rule, "file", "row" from cxml_aside_interactions order by "file", "row"'
    )


def left(tables: Tables) -> list[tuple[Any, ...]]:
    return tables.engine.rows("select interaction_id, wait_s, topic from interactions order by all")


def by_python(rows: list[str]) -> list[tuple[Any, ...]]:
    """Sound rows as Python's own reader has them."""
    read = csv.reader(io.StringIO("".join(one + "\n" for one in rows), newline=""), skipinitialspace=True)
    return sorted((one[0], float(one[3]), one[4] or None) for one in read)


TOO_MANY, TOO_FEW = f"i900,{CANARY},2025-01-01,5,a,b,{CANARY}", f"i901,{CANARY},2025-01-01"
NOT_UTF8 = f"i902,{CANARY},2025-01-01,5,".encode() + "요금".encode("cp949")


@pytest.mark.parametrize(
    ("name", "end", "bom"),
    [
        ("log.csv", "\n", False),
        ("log.csv", "\r\n", False),
        ("log.csv", "\n", True),
        ("log.csv.gz", "\n", False),
        ("log.csv.gz", "\r\n", True),
    ],
)
def test_bad_lines_go_alone(tmp_path: Path, name: str, end: str, bom: bool) -> None:
    good = hostile(600)
    bad_value = row(700, wait=f"{CANARY}!")
    lines = [NOT_UTF8, *good[:300], TOO_MANY, "", bad_value, *good[300:], TOO_FEW]
    written(tmp_path, lines, name, end=end, bom=bom)
    tables = open_tables(config(tmp_path))
    found = check_tables(tables)
    assert found.problems == () and found.rows == {"interactions": 600}
    assert codes(found) == [("not_utf8", 1, 1), ("wrong_fields", 2, 302), ("wrong_type", 1, 303)]
    assert found.set_aside.rows == {"interactions": 4}
    assert left(tables) == by_python(good)
    rules = ["not_utf8", "wrong_fields", "wrong_type", "wrong_fields"]
    assert listed(tables) == [(rule, name, at) for rule, at in zip(rules, (1, 302, 303, 604), strict=True)]
    said = "\n".join(found.notes)
    assert CANARY not in said and "interactions: 4 rows set aside in all" in said
    assert f"first in row 1, {tmp_path / name}, line 2: 1 line is not text in UTF-8; set aside" in said
    again = check_tables(tables)
    assert (codes(again), again.set_aside, left(tables)) == (codes(found), found.set_aside, by_python(good))


def test_files_keep_their_order_and_their_rows(tmp_path: Path) -> None:
    """Of three files the second has a bad line; a bad value behind it is listed by its own place."""
    written(tmp_path, hostile(200), "log1.csv")
    middle = hostile(200, 200)
    written(tmp_path, [*middle[:9], TOO_FEW, *middle[9:], row(990, wait="?")], "log2.csv")
    written(tmp_path, [*hostile(200, 400), row(991, wait="?")], "log3.csv")
    tables = open_tables(config(tmp_path))
    found = check_tables(tables)
    assert found.problems == () and left(tables) == by_python(hostile(600))
    assert listed(tables) == [
        ("wrong_fields", "log2.csv", 10),
        ("wrong_type", "log2.csv", 202),
        ("wrong_type", "log3.csv", 201),
    ]


def test_files_of_two_headers(tmp_path: Path) -> None:
    written(tmp_path, [*hostile(200), TOO_MANY], "log1.csv")
    other = [HEADER.replace("topic", "channel"), *(row(n, topic="phone") for n in range(200, 400)), TOO_FEW]
    (tmp_path / "log2.csv").write_text("\n".join(other))
    tables = open_tables(config(tmp_path))
    assert codes(check_tables(tables)) == [("wrong_fields", 2, 201)]
    assert listed(tables) == [("wrong_fields", "log1.csv", 201), ("wrong_fields", "log2.csv", 201)]
    assert len(left(tables)) == 400


@pytest.mark.parametrize(
    ("rows", "bad", "table", "passes"),
    [
        (990, 10, {}, True),
        (989, 11, {}, False),
        (950, 50, {"tolerate": 0.05}, True),
        (999, 1, {"tolerate": 0}, False),
        (49, 1, {}, True),
        (48, 2, {}, False),
        (8, 1, {}, False),
    ],
)
def test_up_to_the_share_of_the_table(
    tmp_path: Path, rows: int, bad: int, table: dict[str, Any], passes: bool
) -> None:
    lines = [row(n) for n in range(rows)] + [TOO_MANY] * bad
    random.Random(1).shuffle(lines)
    written(tmp_path, [*lines])
    tables = open_tables(config(tmp_path, **table))
    found = check_tables(tables)
    if passes:
        assert (
            found.problems == ()
            and found.set_aside.rows == {"interactions": bad}
            and len(left(tables)) == rows
        )
    else:
        (problem,) = found.problems
        assert problem.what.startswith("a row has") and found.set_aside.rows == {}
        assert problem.place == f"{tmp_path / 'log.csv'}, line {lines.index(TOO_MANY) + 2}"
        assert ("raise tolerate in [tables.interactions]" in problem.fix) == (table.get("tolerate") != 0)


def test_most_of_a_file_is_no_stray_line(tmp_path: Path) -> None:
    """Since yesterday the export has a column more, below the old header: 25 of 5,000 lines."""
    written(tmp_path, [row(n) for n in range(4975)], "log1.csv")
    written(tmp_path, [row(n) + ",new" for n in range(4975, 5000)], "log2.csv")
    (problem,) = check_tables(open_tables(config(tmp_path))).problems
    assert "a row has 6 fields, the header 5 (most of what a file" in problem.what
    assert problem.place.endswith("log2.csv, line 2")


@pytest.mark.parametrize(
    "bad",
    [
        'i1,"c1,2025-01-01,5,a',  # swallows what follows, to the end
        'i1,"c1,2025-01-01,5,a\ni2,c2,2025-01-01,5,"a"',  # to the next quote
        'i1,c1,2025-01-01,5,"a\nb",c',  # may be one row, or two
        'i1,"c1"c,2025-01-01,5,a,b',
        'i1,"c1"c,2025-01-01,5,a',
        "i1,c1,2025-01-01\ri2,c2,2025-01-01,5,a",
        "i1,c1,2025-01-01,5,a,b\r",
    ],
)
@pytest.mark.parametrize("beside", [True, False])
def test_quotes_and_line_ends_stop(tmp_path: Path, bad: str, beside: bool) -> None:
    """A row that may have swallowed lines is never set aside, beside a bad line or alone."""
    written(
        tmp_path,
        [*(row(n) for n in range(500)), *[TOO_MANY] * beside, bad, *(row(n) for n in range(500, 999))],
    )
    found = check_tables(open_tables(config(tmp_path)))
    assert [one.code for one in found.problems] == ["unreadable"] and found.set_aside.rows == {}
    assert str(tmp_path / "log.csv") in found.problems[0].place


def test_a_header_that_is_not_utf8_stops(tmp_path: Path) -> None:
    (tmp_path / "log.csv").write_bytes((HEADER + ",요금\n" + row(1) + ",5\n").encode("cp949"))
    with pytest.raises(Exception, match="the header cannot be read"):
        open_tables(config(tmp_path))


@pytest.mark.parametrize("column", ["topic", "memo"])
def test_a_bad_byte_is_counted_before_anybody_reads_its_column(tmp_path: Path, column: str) -> None:
    """In a column without a rule of its own, and in one of several that nobody mapped."""
    lines = [HEADER.replace("topic", f"{column},status")] + [row(n) + ",done" for n in range(200)]
    data = "\n".join([*lines, row(200, topic="요금") + ",done"]).encode("cp949")
    (tmp_path / "log.csv").write_bytes(data)
    tables = open_tables(config(tmp_path))
    found = check_tables(tables)
    if column == "topic":
        assert codes(found) == [("not_utf8", 1, 201)]
    assert found.problems == () and found.rows == {"interactions": 201 - len(codes(found))}
    assert tables.engine.rows("select count(*), max(columns(*)) from interactions")


def test_attributes_are_read_when_the_tables_are_opened(tmp_path: Path) -> None:
    people = ["customer_id,joined_at,seats", *(f"c{n},2024-01-01,{n}" for n in range(50))]
    (tmp_path / "people.csv").write_text("\n".join([*people[:20], "c50,2024-01-01,5,x", *people[20:]]))
    written(tmp_path, [row(n) for n in range(500)])
    spec = {
        "customers": {"source": "people.csv", "attributes": ["seats"]},
        "interactions": {"source": "log.csv"},
    }
    read = parse_config({"project": {"observation_end": "2026-01-01"}, "tables": spec}, tmp_path)
    tables = open_tables(read)
    assert tables.attributes == {"attribute_seats": "number"}
    with pytest.raises(BadLineError):  # nobody has counted it yet
        tables.engine.rows("select count(*) from customers")
    found = check_tables(tables)
    assert codes(found) == [("wrong_fields", 1, 20)] and found.rows == {"customers": 50, "interactions": 500}


def test_jobs_list_them(tmp_path: Path) -> None:
    written(tmp_path, [*hostile(200), TOO_MANY])
    told: list[str] = []
    with writer.run(tmp_path / "out") as run:
        checked_tables(config(tmp_path), run=run, tell=told.append)
    assert told[-1] == "interactions: 1 row set aside in all"
    (only,) = pq.read_table(next(tmp_path.rglob("set_aside.parquet"))).to_pylist()
    assert only == {
        "table": "interactions",
        "rule": "wrong_fields",
        "column": "",
        "file": "log.csv",
        "row": 201,
        "expected": "as many fields as the header",
        "fix": "put fields that hold the delimiter into double quotes",
    }


def test_a_copy_of_personal_data_does_not_stay(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "temp"))
    (tmp_path / "temp").mkdir()
    written(tmp_path, [*hostile(200), TOO_MANY])
    tables = open_tables(config(tmp_path))
    assert codes(check_tables(tables)) == [("wrong_fields", 1, 201)]
    assert len(left(tables)) == 200 and not list((tmp_path / "temp").rglob("*.csv"))


def test_only_what_the_engine_refuses_for_its_fields_is_a_bad_line(tmp_path: Path) -> None:
    """The engine alone judges here, line by line, of lines made at random."""
    draw = random.Random(7)
    files, path = CsvFiles("x", ("id", "a", "b"), ",", (), 0), tmp_path / "one.csv"
    bad = 0
    for _ in range(1500):
        pieces = ("x", ",", ",", " ", '"', '""', "é", ",,", "\t", "\\", '"y"')
        line = "".join(draw.choice(pieces) for _ in range(draw.randint(1, 9))) + "\n"
        path.write_text("id,a,b\n" + line, encoding="utf-8")
        with path.open("rb") as stream:
            (header, (record, _, text)) = bad_lines._records(stream, ",")
        if bad_lines._fault(record, text, files) and bad_lines._alone(text, header[2], ","):
            bad += 1
            with pytest.raises(duckdb.Error, match="Expected Number of Columns"):
                duckdb.sql(f"select * from {files.read([path])}").fetchall()
    assert bad > 100
