"""Sources to tables: whatever the format, the same values; ids exact; instants as an oracle computes them."""

from __future__ import annotations

import datetime as dt
import decimal
import gzip
import uuid
from pathlib import Path
from zoneinfo import ZoneInfo

import duckdb
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings, strategies as st

from cxml.config.load import parse_config
from cxml.contracts import TABLES
from cxml.engine import Engine
from cxml.errors import ConfigError, DataError
from cxml.tables.opening import customer_ids, fingerprint, open_tables

STRANGE_IDS = [
    *("00123", "123", "9007199254740993", "18446744073709551617", "1e5", "-0", "NA", "null", "nan", "None"),
    *("a b", " x", "é", "日本", "=cmd|'/c'!A0", "<script>", "../../x", "';--", "${x}", "a,b", 'say "hi"'),
]


def config(folder=Path(), zone="UTC", **tables):
    return parse_config(
        {"project": {"observation_end": "2026-01-01", "timezone": zone}, "tables": tables}, Path(folder)
    )


def interactions(**columns):
    rows = len(next(iter(columns.values())))
    base = {"customer_id": ["a"] * rows, "started_at": ["2025-03-01 10:00:00"] * rows}
    return pd.DataFrame({**base, **columns})


def opened(frame, zone="UTC", table="interactions", spec=None):
    tables = {table: {"source": "unused", **spec}} if spec else {}
    return open_tables(config(zone=zone, **tables), {table: frame})


def values(frame, column, zone="UTC", table="interactions", order=None):
    """The column of the view, in order of a column that no reading changes."""
    tables = opened(frame, zone, table)
    rows = tables.engine.rows(f'select "{column}" from {table} order by {order or "started_at"}')
    return [row[0] for row in rows]


def written(frame, kind, folder):
    """The frame as a file of a kind; the keys of its table in the configuration."""
    path = folder / f"interactions.{kind}"
    if kind == "csv":
        frame.to_csv(path, index=False)
    elif kind == "csv.gz":
        path.write_bytes(gzip.compress(frame.to_csv(index=False).encode()))
    elif kind == "parquet":
        frame.to_parquet(path)
    else:
        with duckdb.connect(str(path)) as database:
            database.register("given", pa.Table.from_pandas(frame, preserve_index=False))
            database.execute("create table interactions as select * from given")
    return {"source": path.name}


# ---------------------------------------------------------------- one table, many sources


@pytest.mark.parametrize("kind", ["csv", "csv.gz", "parquet", "duckdb"])
def test_every_file_gives_what_the_frame_gives(tmp_path, kind):
    frame = interactions(
        customer_id=STRANGE_IDS,
        interaction_id=[f"i{n}" for n in range(len(STRANGE_IDS))],
        started_at=pd.date_range("2025-01-01", periods=len(STRANGE_IDS), freq="7h11min"),
        wait_s=np.arange(len(STRANGE_IDS)) / 3,
        transfers=np.arange(len(STRANGE_IDS)),
        abandoned=[n % 2 == 0 for n in range(len(STRANGE_IDS))],
    )
    tables = open_tables(config(tmp_path, interactions=written(frame, kind, tmp_path)))
    given = opened(frame)
    assert fingerprint(tables) == fingerprint(given)
    rows = tables.engine.rows(
        "select customer_id, started_at, wait_s, transfers, abandoned from interactions order by started_at"
    )
    want = frame.drop(columns="interaction_id")[
        ["customer_id", "started_at", "wait_s", "transfers", "abandoned"]
    ]
    assert rows == [tuple(row) for row in want.itertuples(index=False)]


def test_columns_always_name_id_owner_and_event():
    tables = opened(interactions(wait_s=[1.0]))
    assert tables.columns == {
        "interactions": frozenset({"interaction_id", "customer_id", "started_at", "wait_s"})
    }
    assert any("no interaction_id" in note for note in tables.notes)


def test_mapping_and_unmapped_names_together():
    frame = pd.DataFrame(
        {"Kunde": ["007"], "started_at": ["2025-01-01 00:00:00"], "Wartezeit": ["1.5"], "x": [1]}
    )
    tables = opened(frame, spec={"columns": {"customer_id": "Kunde", "wait_s": "Wartezeit"}})
    assert tables.engine.rows("select customer_id, wait_s from interactions") == [("007", 1.5)]
    assert "interactions: columns not used: x" in tables.notes


WORDS = {"전화": "phone.human", "it's": "chat.bot", "=1+1": "email", "a\\b": "app", "1": "sms"}


@pytest.mark.parametrize("kind", ["csv", "parquet", "duckdb"])
def test_words_of_the_source_are_read_as_those_of_cxml(tmp_path, kind):
    channels = [*WORDS, *(f" {word} " for word in WORDS), "phone.ivr", "전화기", None, ""]
    told = interactions(
        channel=channels, started_at=pd.date_range("2025-01-01", periods=len(channels), freq="7h11min")
    )
    stripped = [channel and channel.strip() for channel in channels]
    meant = told.assign(
        channel=[WORDS.get(one, channel) for one, channel in zip(stripped, channels, strict=True)]
    )
    spec = {**written(told, kind, tmp_path), "words": {"channel": WORDS}}
    assert fingerprint(open_tables(config(tmp_path, interactions=spec))) == fingerprint(opened(meant))


def test_codes_of_any_type_can_have_a_meaning():
    frame = interactions(
        Kanal=[1, 2, 3],
        abandoned=["예", "아니오", "예"],
        wait_s=["5", "없음", "7"],
        started_at=pd.date_range("2025-01-01", periods=3, freq="D"),
    )
    words = {
        "channel": {"1": "phone", "2": "chat"},
        "abandoned": {"예": "true", "아니오": "false"},
        "wait_s": {"없음": ""},
    }
    tables = opened(frame, spec={"columns": {"channel": "Kanal"}, "words": words})
    rows = tables.engine.rows("select channel, abandoned, wait_s from interactions order by started_at")
    assert rows == [("phone", True, 5.0), ("chat", False, None), ("3", True, 7.0)]


@pytest.mark.parametrize(
    ("words", "error", "text"),
    [
        ({"chanel": {"a": "phone"}}, ConfigError, "did you mean 'channel'"),
        ({"topic": {"a": "billing"}}, DataError, "there is no column 'topic'"),
        ({"channel": "phone"}, ConfigError, "a table of tables by column"),
        ({"channel": {"a": 1}}, ConfigError, "a table of names"),
    ],
)
def test_words_that_cannot_be(words, error, text):
    with pytest.raises(error) as caught:
        opened(interactions(channel=["a"]), spec={"words": words})
    assert text in str(caught.value)


def test_source_in_memory_replaces_that_of_the_configuration(tmp_path):
    made = config(tmp_path, interactions={"source": "not-there.csv", "columns": {"customer_id": "who"}})
    frame = pd.DataFrame({"who": ["a"], "started_at": ["2025-01-01 01:00:00"]})
    orders = pa.table({"customer_id": ["b"], "ordered_at": ["2025-01-02 01:00:00"]})
    tables = open_tables(made, {"interactions": frame, "orders": orders})
    assert set(tables.columns) == {"interactions", "orders"}
    assert tables.engine.rows(f"select customer_id from {customer_ids(tables)} order by 1") == [
        ("a",),
        ("b",),
    ]


def test_known_customers_come_from_the_table_of_customers_when_there_is_one():
    customers = pd.DataFrame({"customer_id": ["a", "b", None], "joined_at": ["2020-01-01"] * 3})
    tables = open_tables(
        config(), {"customers": customers, "interactions": interactions(customer_id=["a", "z"])}
    )
    assert tables.engine.rows(f"select customer_id from {customer_ids(tables)} order by 1") == [
        ("a",),
        ("b",),
    ]


def test_every_table_of_the_contract_opens_with_every_column():
    made = {
        "text": "x",
        "instant": "2025-01-01 00:00:00",
        "number": 1.5,
        "money": 2.25,
        "count": 3,
        "flag": True,
    }
    frames = {
        name: pd.DataFrame({column.name: [made[column.kind]] for column in table.columns})
        for name, table in TABLES.items()
    }
    tables = open_tables(config(), frames)
    kinds = {
        "text": "VARCHAR",
        "instant": "TIMESTAMP",
        "number": "DOUBLE",
        "money": "DECIMAL(18,4)",
        "count": "BIGINT",
        "flag": "BOOLEAN",
    }
    for name, table in TABLES.items():
        assert tables.columns[name] == frozenset(table.by_name)
        days = ("day_only", *(f"day_only_{column}" for column in table.spans.values()))
        beside = {**dict.fromkeys(days, "BOOLEAN"), "cxml_order": "BIGINT"}
        assert (
            tables.engine.columns(name)
            == {column.name: kinds[column.kind] for column in table.columns} | beside
        )
        assert len(tables.engine.rows(f"select * from {name}")) == 1


# ---------------------------------------------------------------- ids


@pytest.mark.parametrize(
    "ids",
    [
        pd.Series([123, 9007199254740993], dtype="int64"),
        pd.array([123, 9007199254740993], dtype="Int64"),
        pd.Series([123, 9007199254740993], dtype="uint64"),
        pd.Series([123, 9007199254740993], dtype=object),
        pd.Series(["123", "9007199254740993"], dtype="category"),
        pd.Categorical([123, 9007199254740993]),
        pd.Series([decimal.Decimal(123), decimal.Decimal(9007199254740993)]),
        pd.array(["123", "9007199254740993"], dtype="string"),
    ],
    ids=["int", "Int64", "uint", "object", "category of text", "category of int", "decimal", "string"],
)
def test_ids_of_any_type_are_exact_text(ids):
    frame = interactions(customer_id=ids, started_at=["2025-01-01 00:00:00", "2025-01-02 00:00:00"])
    assert values(frame, "customer_id") == ["123", "9007199254740993"]


def test_int_ids_with_a_gap_keep_their_digits():
    """pandas makes a float of such a column; one that was made before 2**53 is exact, beyond it is none."""
    frame = interactions(
        customer_id=[12.0, None, 9007199254740993.0],
        started_at=[f"2025-01-0{day} 00:00:00" for day in (1, 2, 3)],
    )
    assert values(frame, "customer_id") == ["12", None, None]


def test_ids_beyond_64_bits_and_uuids():
    one = uuid.UUID(int=5)
    frame = interactions(
        customer_id=[2**70, one, "x"], started_at=[f"2025-01-0{d} 00:00:00" for d in (1, 2, 3)]
    )
    assert values(frame, "customer_id") == [str(2**70), str(one), "x"]


@pytest.mark.parametrize("frame_of", [lambda f: f, lambda f: pa.Table.from_pandas(f, preserve_index=False)])
def test_nothing_given_is_missing_in_every_form(frame_of):
    frame = interactions(
        customer_id=["a", None, "", "  "], topic=["", " ", None, "t"], interaction_id=list("1234")
    )
    tables = opened(frame_of(frame))
    assert tables.engine.rows("select customer_id, topic from interactions order by interaction_id") == [
        ("a", None),
        (None, None),
        (None, None),
        (None, "t"),
    ]


# ---------------------------------------------------------------- instants


def oracle(local, zone):
    """UTC of a local time: the later of two, the time moved on where clocks skip."""
    return local.replace(tzinfo=ZoneInfo(zone), fold=1).astimezone(dt.UTC).replace(tzinfo=None)


def exists(local, zone):
    there = local.replace(tzinfo=ZoneInfo(zone), fold=1)
    return there.astimezone(dt.UTC).astimezone(ZoneInfo(zone)).replace(tzinfo=None) == local


@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    zone=st.sampled_from(
        ["Europe/Berlin", "America/New_York", "Asia/Seoul", "Australia/Lord_Howe", "Asia/Kathmandu"]
    ),
    times=st.lists(
        st.datetimes(dt.datetime(1991, 1, 1), dt.datetime(2030, 1, 1)), min_size=1, max_size=20, unique=True
    ),
)
def test_local_times_are_moved_to_utc_as_zoneinfo_does(zone, times):
    times = [time for time in times if exists(time, zone)]
    frame = pd.DataFrame(
        {"customer_id": [str(n) for n in range(len(times))], "started_at": [str(t) for t in times]}
    )
    frame["resolved_at"] = pd.Series(times, dtype="datetime64[us]")
    if not times:
        return
    tables = opened(frame, zone)
    found = tables.engine.rows("select cast(customer_id as int), started_at, resolved_at from interactions")
    rows = {n: (one, two) for n, one, two in found}
    assert rows == {n: (oracle(time, zone), oracle(time, zone)) for n, time in enumerate(times)}


@pytest.mark.parametrize(
    ("text", "zone", "utc"),
    [
        ("2025-01-01 10:00:00", "Asia/Seoul", "2025-01-01 01:00:00"),
        ("2025-01-01T10:00", "Asia/Seoul", "2025-01-01 01:00:00"),
        ("2025/01/01 10:00:00.25", "UTC", "2025-01-01 10:00:00.25"),
        ("2025-01-01 10:00:00Z", "Asia/Seoul", "2025-01-01 10:00:00"),
        ("2025-01-01T10:00:00z", "Asia/Seoul", "2025-01-01 10:00:00"),
        ("2025-01-01 10:00:00 UTC", "Asia/Seoul", "2025-01-01 10:00:00"),
        ("2025-01-01 10:00+09", "UTC", "2025-01-01 01:00:00"),  # as long as a time without an offset
        ("2025-01-01 10:00:00+0900", "UTC", "2025-01-01 01:00:00"),
        ("2025-01-01T10:00:00.123456789-03:30", "UTC", "2025-01-01 13:30:00.123456"),
        ("2025-07-01", "UTC", "2025-07-01 23:59:59"),  # a day is known when it is over
        ("2025-07-01", "Asia/Seoul", "2025-07-01 14:59:59"),
        (" 2025-07-01 ", "UTC", "2025-07-01 23:59:59"),
        ("2025-10-26 02:30:00", "Europe/Berlin", "2025-10-26 01:30:00"),  # comes twice: the later
        ("2025-10-26 02:30:00+02:00", "Europe/Berlin", "2025-10-26 00:30:00"),  # the offset says which
        ("01/02/2025", "UTC", None),
        ("2025-01-01 10:00:00 PM", "UTC", None),
        ("2025-01-01 10:00:00 EST", "UTC", None),
        ("2025-01-01 23:59:60", "UTC", None),
        ("2025-02-30", "UTC", None),
        ("2025-01-10 10:00:00 +09:00", "UTC", "2025-01-10 01:00:00"),  # a space before the offset
        ("2025-01-10 9:05 +09", "UTC", "2025-01-10 00:05:00"),
        ("2025/03/01 10:00:00 -0330", "Asia/Seoul", "2025-03-01 13:30:00"),
        ("2025-03-01T09:00:00.000Z", "Asia/Seoul", "2025-03-01 09:00:00"),
        ("2025/03/01", "UTC", "2025-03-01 23:59:59"),
        ("2025.03.01", "UTC", "2025-03-01 23:59:59"),
        ("2025. 3. 1.", "Asia/Seoul", "2025-03-01 14:59:59"),
        ("2025년 3월 1일", "UTC", "2025-03-01 23:59:59"),
        ("2025.03.01 09:00:00", "UTC", "2025-03-01 09:00:00"),
        ("2025-03-01 오전 9:05", "Asia/Seoul", "2025-03-01 00:05:00"),
        ("2025-03-01 오전 12:05", "UTC", "2025-03-01 00:05:00"),
        ("2025-03-01 오후 12:05", "UTC", "2025-03-01 12:05:00"),
        ("2025. 3. 1. 오후 3:20:15", "UTC", "2025-03-01 15:20:15"),
        ("2025년 3월 1일 오후 11:59", "UTC", "2025-03-01 23:59:00"),
        ("2025-03-01 오후 13:05", "UTC", None),
        ("오전 9:05", "UTC", None),
        ("25.03.01", "UTC", None),
        ("01.03.2025", "UTC", None),
        ("2025.13.01", "UTC", None),
        ("2025.03.011", "UTC", None),
        ("infinity", "UTC", None),
        ("9999-12-31 23:59:59", "UTC", None),
        ("epoch", "UTC", "1970-01-01 23:59:59"),
        ("1735689600", "UTC", None),
        ("20250101", "UTC", None),
    ],
)
def test_written_instants(text, zone, utc):
    want = dt.datetime.fromisoformat(utc) if utc else None
    assert values(interactions(started_at=[text]), "started_at", zone) == [want]


@pytest.mark.parametrize("unit", ["s", "ms", "us", "ns"])
@pytest.mark.parametrize("aware", [False, True])
def test_typed_instants_of_any_unit(unit, aware):
    times = pd.Series(pd.to_datetime(["2025-01-01 10:00:00", None])).astype(f"datetime64[{unit}]")
    frame = interactions(resolved_at=times.dt.tz_localize("America/New_York") if aware else times)
    want = dt.datetime(2025, 1, 1, 15 if aware else 1)
    assert sorted(values(frame, "resolved_at", "Asia/Seoul"), key=str)[0] == want


def test_typed_days_are_their_last_second():
    days = [dt.date(2025, 1, 1), None]
    for frame in (interactions(resolved_at=days), interactions(resolved_at=pa.array(days).to_pandas())):
        assert values(frame, "resolved_at", "Asia/Seoul", order="resolved_at")[0] == dt.datetime(
            2025, 1, 1, 14, 59, 59
        )
    table = pa.table({"customer_id": ["a"], "started_at": pa.array([dt.date(2025, 1, 1)])})
    tables = opened(table)
    assert any("days without a time" in note for note in tables.notes)


def test_objects_with_and_without_zone_each_keep_their_meaning():
    """Arrow alone would take the zone of the first for all."""
    naive, aware = (
        dt.datetime(2025, 1, 1, 10),
        dt.datetime(2025, 1, 1, 10, tzinfo=ZoneInfo("America/New_York")),
    )
    frame = interactions(started_at=[aware, naive], customer_id=["aware", "naive"])
    assert values(frame, "started_at", "Asia/Seoul", order="customer_id") == [
        dt.datetime(2025, 1, 1, 15),
        dt.datetime(2025, 1, 1, 1),
    ]


# ---------------------------------------------------------------- numbers, money, flags


@pytest.mark.parametrize(
    ("column", "given_", "want"),
    [
        (
            "wait_s",
            ["1.5", " 2 ", "1e3", "", "1,5", "1_000", "inf", "nan", "1e400"],
            [1.5, 2.0, 1000.0, None, None, None, None, None, None],
        ),
        ("wait_s", [1, True, np.inf], [1.0, None, None]),
        ("transfers", ["2", "2.0", "2.5", "-1", "x"], [2, 2, None, -1, None]),
        ("transfers", [2.0, 2.5, np.nan], [2, None, None]),
        (
            "abandoned",
            ["true", "FALSE", "1", "0", "0.0", "ja", "2"],
            [True, False, True, False, False, None, None],
        ),
        ("abandoned", ["yes", "No", " Y ", "n", "T", "f", "On", "OFF"], [True, False] * 4),
        ("abandoned", ["예", "아니오", "네", "아니요"], [True, False] * 2),
        ("abandoned", [1.0, 0.0, 2.0, np.nan], [True, False, None, None]),
        ("abandoned", [True, None, False], [True, None, False]),
    ],
)
def test_numbers_counts_and_flags(column, given_, want):
    if column == "wait_s" and True in given_:
        given_ = pd.Series(given_, dtype=object)  # a truth value among numbers is no number
    frame = interactions(**{column: given_})
    frame["customer_id"] = [f"{n:03}" for n in range(len(frame))]
    assert values(frame, column, order="customer_id") == want


def test_money_is_exact():
    frame = pd.DataFrame(
        {"customer_id": list("abc"), "ordered_at": ["2025-01-01"] * 3, "revenue": ["0.1", "-3", "1e20"]}
    )
    assert values(frame, "revenue", table="orders", order="customer_id") == [
        decimal.Decimal("0.1000"),
        decimal.Decimal("-3.0000"),
        None,
    ]


# ---------------------------------------------------------------- attributes


def test_attributes_of_customers():
    frame = pd.DataFrame(
        {
            "customer_id": ["a", "b"],
            "joined_at": ["2020-01-01", "2020-01-02"],
            "Seat Count": ["10", "12.5"],
            "zip": ["06236", "12345"],
            "group": ["x", None],
            "age": [40, 41],
            "none": ["", ""],
        }
    )
    spec = {"attributes": ["Seat Count", "zip", "group", "age", "none"]}
    tables = opened(frame, table="customers", spec=spec)
    assert tables.attributes == {
        "attribute_seat_count": "number",
        "attribute_zip": "text",
        "attribute_group": "text",
        "attribute_age": "number",
        "attribute_none": "text",
    }
    assert tables.columns["customers"] == {"customer_id", "joined_at"}
    rows = tables.engine.rows(
        "select attribute_seat_count, attribute_zip, attribute_group, attribute_age, attribute_none"
        " from customers order by customer_id"
    )
    assert rows == [(10.0, "06236", "x", 40.0, None), (12.5, "12345", None, 41.0, None)]


@pytest.mark.parametrize(
    ("table", "attributes", "error", "words"),
    [
        ("interactions", ["x"], ConfigError, "only customers"),
        ("customers", ["region"], ConfigError, "contract already"),
        ("customers", ["Region"], ConfigError, "contract already"),
        ("customers", ["A b", "a-b"], ConfigError, "'A b' and 'a-b' have one name"),
        ("customers", ["--"], ConfigError, "no letter"),
        ("customers", ["segmnet"], DataError, "did you mean 'segment'"),
    ],
)
def test_attributes_that_cannot_be(table, attributes, error, words):
    frame = pd.DataFrame(
        {"customer_id": ["a"], "joined_at": ["2020-01-01"], "started_at": ["2020-01-01"], "segment": ["s"]}
    )
    with pytest.raises(error, match=words):
        opened(frame, table=table, spec={"attributes": attributes})


# ---------------------------------------------------------------- order and split do not matter


def log(rows=60):
    rng = np.random.default_rng(3)
    return interactions(
        customer_id=[f"{n:02}" for n in rng.integers(0, 5, rows)],
        started_at=[
            f"2025-01-0{n}" for n in rng.integers(1, 4, rows)
        ],  # many equal rows, of days: each counts
        topic=rng.choice(["a", "b"], rows),
    )


def ids_of(tables):
    return sorted(
        tables.engine.rows("select customer_id, started_at, topic, interaction_id from interactions")
    )


def test_made_ids_are_distinct_and_follow_the_content_not_the_place():
    frame = log()
    first, second = opened(frame), opened(frame.sample(frac=1, random_state=1))
    assert ids_of(first) == ids_of(second)
    assert fingerprint(first) == fingerprint(second)
    assert len({row[-1] for row in ids_of(first)}) == len(frame)


def test_copies_in_a_log_without_ids_are_taken_once_where_they_have_a_time():
    frame = interactions(
        customer_id=["a", "a", "a", "b", "a", "a"],
        started_at=["2025-01-01 10:00:00"] * 4 + ["2025-01-01"] * 2,
        topic=["x", "x", "y", "x", "x", "x"],
    )
    rows = opened(frame).engine.rows(
        "select customer_id, topic, count(*) from interactions group by all order by all"
    )
    assert rows == [("a", "x", 3), ("a", "y", 1), ("b", "x", 1)]


def test_made_ids_order_rows_alike_whatever_the_customer_is_called():
    frame = log()
    renamed = frame.assign(customer_id="x" + frame.customer_id)

    def order(made):
        rows = opened(made).engine.rows(
            "select customer_id, topic from interactions order by started_at, interaction_id"
        )
        return {who[-2:]: [topic for other, topic in rows if other == who] for who, _ in rows}

    assert order(frame) == order(renamed)


def test_rows_alike_at_first_are_numbered_by_what_was_known_of_them_first():
    """Only the earliest difference counts: nothing later, seen or unseen, changes the order."""
    day = ["2025-01-01 10:00:00"] * 3
    frame = interactions(
        customer_id=["a"] * 3,
        started_at=day,
        wait_s=[10, 10, 10],
        handle_s=[0, 0, 5],
        resolved_at=["2025-01-03 00:00:00", "2025-01-02 00:00:00", None],
    )

    def order(made):
        tables = opened(made)
        return [
            row[0]
            for row in tables.engine.rows(
                "select coalesce(cast(resolved_at as varchar), '-') from interactions order by interaction_id"
            )
        ]

    assert order(frame) == ["2025-01-02 00:00:00", "2025-01-03 00:00:00", "-"]
    assert order(frame.iloc[::-1]) == order(frame)


@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_split_files_equal_one_file(tmp_path, kind):
    frame = log()
    whole = opened(frame)
    for place, rows in enumerate(np.array_split(np.arange(len(frame)), 4)):
        part = frame.iloc[rows]
        if place == 1:
            part = part[["topic", "started_at", "customer_id"]]  # another order of columns
        written(part, kind, tmp_path)
        (tmp_path / f"interactions.{kind}").rename(tmp_path / f"part-{place}.{kind}")
    parts = open_tables(config(tmp_path, interactions={"source": f"part-*.{kind}"}))
    assert fingerprint(parts) == fingerprint(whole)
    assert ids_of(parts) == ids_of(whole)


def test_parts_of_different_types_and_columns_meet_after_casting(tmp_path):
    pq.write_table(
        pa.table({"customer_id": [9007199254740993], "started_at": ["2025-01-01 00:00:00"]}),
        tmp_path / "1.parquet",
    )
    pq.write_table(
        pa.table(
            {"customer_id": ["007"], "started_at": pa.array([dt.datetime(2025, 1, 2)]), "wait_s": [2.5]}
        ),
        tmp_path / "2.parquet",
    )
    pq.write_table(
        pa.table(
            {"customer_id": ["8"], "started_at": pa.array([dt.date(2025, 1, 3)]), "wait_s": pa.nulls(1)}
        ),
        tmp_path / "3.parquet",
    )
    tables = open_tables(config(tmp_path, interactions={"source": "*.parquet"}))
    assert tables.engine.rows(
        "select * exclude (interaction_id, day_only) from interactions order by started_at"
    ) == [
        ("9007199254740993", dt.datetime(2025, 1, 1), None),
        ("007", dt.datetime(2025, 1, 2), 2.5),
        ("8", dt.datetime(2025, 1, 3, 23, 59, 59), None),
    ]


def test_fingerprint_sees_a_changed_cell_and_a_doubled_row():
    frame = log()
    changed = frame.assign(topic=["z", *frame.topic[1:]])
    doubled = pd.concat([frame, frame.iloc[:2]])
    assert len({fingerprint(opened(one))["interactions"] for one in (frame, changed, doubled)}) == 3


# ---------------------------------------------------------------- odd but right files


def test_csv_with_mark_quotes_and_lines_in_cells(tmp_path):
    (tmp_path / "i.csv").write_bytes(
        b'\xef\xbb\xbfcustomer_id,"started_at",topic\r\n"a,b","2025-01-01 00:00:00","two\r\nlines"\r\n'
        b'"say ""hi""","2025-01-02 00:00:00",""\r\n#c,2025-01-03 00:00:00,x\r\n'
    )
    tables = open_tables(config(tmp_path, interactions={"source": "i.csv"}))
    assert tables.engine.rows("select customer_id, topic from interactions order by started_at") == [
        ("a,b", "two\r\nlines"),
        ('say "hi"', None),
        ("#c", "x"),
    ]


def test_other_delimiter_and_names_with_brackets(tmp_path):
    (tmp_path / "x[1].csv").write_text("customer_id;started_at\na;2025-01-01 00:00:00\n")
    tables = open_tables(config(tmp_path, interactions={"source": "x[1].csv", "delimiter": ";"}))
    assert tables.engine.rows("select customer_id from interactions") == [("a",)]


def test_two_tables_of_one_duckdb_file_opened_twice(tmp_path):
    with duckdb.connect(str(tmp_path / "house.duckdb")) as database:
        database.execute("create schema crm")
        database.execute(
            "create table crm.calls as select 'a' as customer_id, date '2025-01-01' as started_at"
        )
        database.execute("create view orders as select 'b' as customer_id, date '2025-01-01' as ordered_at")
    calls = {"source": "house.duckdb", "table": "crm.calls"}
    made = config(tmp_path, interactions=calls, orders={"source": "house.duckdb"})
    engine = Engine()
    for _ in range(2):
        tables = open_tables(made, engine=engine)
        assert tables.engine.rows("select customer_id from orders") == [("b",)]
        assert tables.engine.rows("select customer_id from interactions") == [("a",)]


def test_glob_goes_up_and_down(tmp_path):
    (tmp_path / "data" / "2025").mkdir(parents=True)
    (tmp_path / "config").mkdir()
    for name in ("one", "two"):
        (tmp_path / "data" / "2025" / f"{name}.csv").write_text(
            f"customer_id,started_at\n{name},2025-01-01\n"
        )
    tables = open_tables(config(tmp_path / "config", interactions={"source": "../data/**/*.csv"}))
    assert tables.engine.rows("select customer_id from interactions order by 1") == [("one",), ("two",)]


# ---------------------------------------------------------------- what cannot be opened


def test_all_tables_are_reported_at_once(tmp_path):
    (tmp_path / "o.csv").write_text("Customer ID,date\nsecret,2025-01-01\n")
    (tmp_path / "i.csv").write_text("customer_id,started,Wait S\nsecret,2025-01-01,2\n")
    made = config(
        tmp_path, orders={"source": "o.csv"}, interactions={"source": "i.csv"}, visits={"source": "v.csv"}
    )
    with pytest.raises(DataError) as caught:
        open_tables(made)
    text = str(caught.value)
    for words in (
        "4 problems",
        "orders.customer_id",
        "did you mean 'Customer ID'",
        "orders.ordered_at",
        "interactions.started_at",
        "did you mean 'started'",
        "v.csv",
        "no such file",
    ):
        assert words in text, words
    assert "secret" not in text
