"""Ids that an export has rewritten: named where digits are lost, and where two tables spell one id in two ways."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from cxml.config.load import parse_config
from cxml.contracts import TABLES
from cxml.tables.check import Check, check_tables
from cxml.tables.opening import open_tables

AT = "2025-03-01 10:00:00"
IDS = [
    (table.name, column.name)
    for table in TABLES.values()
    for column in table.columns
    if column.name.endswith("_id")
]


def checked(**frames: pd.DataFrame) -> Check:
    config = parse_config({"project": {"observation_end": "2025-06-01"}}, Path())
    return check_tables(open_tables(config, frames))


def rows(table: str, column: str, ids: Any) -> pd.DataFrame:
    """Rows of a table with *ids* in a column, and else what it needs."""
    n = len(ids)
    frame = pd.DataFrame({TABLES[table].owner: [f"c{i}" for i in range(n)], TABLES[table].event: AT})
    return frame.assign(**{column: ids})


def codes(found: Check) -> set[tuple[str, str, str, int]]:
    return {(one.code, one.table, one.column, one.count) for one in found.problems}


# ---------------------------------------------------------------- through floats of any width


def through_floats(table: str, column: str, kind: Any) -> None:
    bits = np.finfo(kind).nmant + 1
    good = np.array([2**bits - 1 - i for i in range(4)], dtype=kind)
    assert codes(checked(**{table: rows(table, column, good)})) == set()
    bad = np.array([2**bits - 1, 2**bits, 2**bits + 4, 2**bits + 8], dtype=kind)
    assert codes(checked(**{table: rows(table, column, bad)})) == {("inexact_id", table, column, 3)}


@pytest.mark.parametrize("kind", [np.float16, np.float32, np.float64])
def test_ids_through_floats_are_named_from_where_two_share_one(kind: Any) -> None:
    through_floats("orders", "customer_id", kind)


@pytest.mark.parametrize(("table", "column"), IDS)
def test_so_are_the_ids_of_every_table(table: str, column: str) -> None:
    through_floats(table, column, np.float32)
    found = checked(**{table: rows(table, column, ["a1", "4.00123E+11", "77"])})
    assert codes(found) == {("scientific_id", table, column, 1)}


@pytest.mark.parametrize("kind", ["parquet", "duckdb"])
@pytest.mark.parametrize("width", [np.float32, np.float64])
def test_files_keep_the_width_of_a_float(tmp_path: Path, kind: str, width: Any) -> None:
    import duckdb

    ids = np.array([2**24 + 2 * i for i in range(5)], dtype=width)
    frame = rows("orders", "customer_id", ids)
    path = tmp_path / f"orders.{kind}"
    if kind == "parquet":
        frame.to_parquet(path)
    else:
        with duckdb.connect(str(path)) as database:
            database.execute("create table orders as select * from frame")
    config = parse_config(
        {"project": {"observation_end": "2025-06-01"}, "tables": {"orders": {"source": path.name}}}, tmp_path
    )
    found = check_tables(open_tables(config))
    assert codes(found) == ({("inexact_id", "orders", "customer_id", 5)} if width is np.float32 else set())


def test_half_floats_of_a_parquet_file_keep_their_width(tmp_path: Path) -> None:
    frame = rows("orders", "customer_id", np.array([2046, 2048, 2050, 1], dtype=np.float16))
    frame.to_parquet(tmp_path / "orders.parquet")
    raw = {"project": {"observation_end": "2025-06-01"}, "tables": {"orders": {"source": "orders.parquet"}}}
    assert codes(check_tables(open_tables(parse_config(raw, tmp_path)))) == {
        ("inexact_id", "orders", "customer_id", 2)
    }


# ---------------------------------------------------------------- as a spreadsheet or a float writes them


@pytest.mark.parametrize(
    "text", ["7.65432E+11", "7,65432E+11", "7E+11", "7.65432e+11", "7.65432E11", "-7.5E+20"]
)
def test_ids_in_scientific_notation_are_refused(text: str) -> None:
    found = checked(orders=rows("orders", "customer_id", ["a1", text, "77"]))
    assert codes(found) == {("scientific_id", "orders", "customer_id", 1)}
    assert "formatted as text" in found.problems[0].fix and text not in str(found.problems[0])


@pytest.mark.parametrize("text", ["1e5", "4e11", "12E5", "e+1", "1E+", "A1.5E+3", "1.5E+3-7", "0x1e+5"])
def test_ids_that_only_look_a_little_like_it_are_taken(text: str) -> None:
    found = checked(orders=rows("orders", "customer_id", [text, "b", "c"]))
    assert found.problems == ()
    assert [note for note in found.notes if "ids" in note and "order_id" not in note] == []


@pytest.mark.parametrize(
    ("text", "words"),
    [("123.0", "1 id ends in .0"), ("1,234,567", "1 id is written with thousands separators")],
)
def test_ids_that_match_no_others_are_told(text: str, words: str) -> None:
    found = checked(orders=rows("orders", "customer_id", [text, "b", "c"]))
    assert found.problems == ()
    assert [note for note in found.notes if words in note and note.startswith("orders.customer_id")] != []


def test_a_text_of_a_large_float_has_lost_digits() -> None:
    found = checked(orders=rows("orders", "customer_id", ["9007199254740994.0", "9007199254740990.0"]))
    assert codes(found) == {("inexact_id", "orders", "customer_id", 1)}


# ---------------------------------------------------------------- one id in two spellings

NUMBERS = np.arange(1_000_001, 1_000_201)
SPELT = {
    "whole floats": [f"{n}.0" for n in NUMBERS],
    "zeros lost": [f"000{n}" for n in NUMBERS],
    "thousands": [f"{n:,}" for n in NUMBERS],
    "spaces": [f" {n} " for n in NUMBERS],
}


@pytest.mark.parametrize("there", SPELT)
@pytest.mark.parametrize(
    ("home", "other", "column"),
    [
        ("interactions", "orders", "customer_id"),
        ("orders", "returns", "order_id"),
        ("orders", "messages", "order_id"),
        ("interactions", "recoveries", "issue_id"),
        ("interactions", "surveys", "issue_id"),
        ("agents", "interactions", "agent_id"),
    ],
)
def test_ids_in_two_spellings_are_refused(home: str, other: str, column: str, there: str) -> None:
    plain = [str(n) for n in NUMBERS]
    for mine, theirs in ((plain, SPELT[there]), (SPELT[there], plain)):
        found = checked(**{home: rows(home, column, mine), other: rows(other, column, theirs)})
        assert {(one.code, one.table, one.column) for one in found.problems} == {
            ("spelt_apart", other, column)
        }
        assert "200 of 200 ids" in found.problems[0].what
    assert checked(**{home: rows(home, column, plain), other: rows(other, column, plain)}).problems == ()


def test_a_tenth_of_the_ids_that_lost_their_zeros_is_told() -> None:
    ids = [f"{n:07d}" for n in range(900_000, 1_000_000, 100)]
    ids += [f"{n}" for n in range(1_000_000, 9_000_000, 1_000)]
    found = checked(
        interactions=rows("interactions", "customer_id", ids),
        orders=rows("orders", "customer_id", [one.lstrip("0") for one in ids]),
    )
    assert found.problems == ()
    (note,) = [note for note in found.notes if "another spelling" in note]
    assert note.startswith("orders.customer_id: 1,000 of 9,000 ids are in interactions in another spelling")


def test_two_spellings_within_a_table_are_two_ids() -> None:
    both = [f"00{n}" for n in NUMBERS] + [str(n) for n in NUMBERS]
    found = checked(
        interactions=rows("interactions", "customer_id", both),
        orders=rows("orders", "customer_id", both[:300]),
    )
    assert found.problems == () and not any("spelling" in note for note in found.notes)


def test_ids_of_two_systems_have_nothing_to_do_with_each_other() -> None:
    found = checked(
        interactions=rows("interactions", "customer_id", [f"a{n}" for n in NUMBERS]),
        orders=rows("orders", "customer_id", [f"b{n}" for n in NUMBERS]),
    )
    assert found.problems == () and not any("spelling" in note for note in found.notes)


def test_point_zero_beside_a_table_of_customers_is_explained() -> None:
    people = pd.DataFrame({"customer_id": ["1", "2"], "joined_at": AT})
    found = checked(customers=people, orders=rows("orders", "customer_id", ["1.0", "2.0"]))
    (one,) = found.problems
    assert one.code == "unknown_customer" and "end in .0" in one.fix
