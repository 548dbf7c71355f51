"""Rows set aside: few enough, of the rules that allow it, counted, listed by their place, and out of every view."""

from __future__ import annotations

import datetime as dt
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from cxml.config.load import parse_config
from cxml.tables import set_aside
from cxml.tables.check import Check, check_tables
from cxml.tables.opening import Tables, fingerprint, open_tables

START = pd.Timestamp("2024-01-01")
CANARY = "kanari"
"""In every id and every bad cell: must be seen in no message and no list."""


def log(rows: int, **columns: object) -> pd.DataFrame:
    """Contacts of fifty customers, six hours apart, all as text."""
    when = START + pd.to_timedelta(np.arange(rows) * 6, unit="h")
    made = {
        "interaction_id": [f"{CANARY}{n}" for n in range(rows)],
        "customer_id": [f"c{n % 50}" for n in range(rows)],
        "started_at": when.strftime("%Y-%m-%d %H:%M:%S"),
        "wait_s": [str(n % 90) for n in range(rows)],
        **columns,
    }
    return pd.DataFrame(made).astype("object")


def opened(folder: Path, tolerate: float | None = None, zone: str = "UTC", **frames: pd.DataFrame) -> Tables:
    """Tables read from CSV files of a folder of their own, each with the share *tolerate*."""
    folder = Path(tempfile.mkdtemp(dir=folder))
    spec: dict[str, dict[str, object]] = {}
    for name, frame in frames.items():
        frame.to_csv(folder / f"{name}.csv", index=False)
        spec[name] = {"source": f"{name}.csv"} | ({} if tolerate is None else {"tolerate": tolerate})
    project = {"observation_end": "2026-01-01", "timezone": zone}
    return open_tables(parse_config({"project": project, "tables": spec}, folder))


def spoilt(frame: pd.DataFrame, column: str, value: object, rows: object) -> pd.DataFrame:
    frame = frame.copy()
    frame.loc[rows, column] = value
    return frame


def left(tables: Tables, table: str = "interactions", column: str = "interaction_id") -> list[object]:
    return [value for (value,) in tables.engine.rows(f"select {column} from {table} order by all")]


def codes(found: Check) -> list[tuple[str, str, int]]:
    return [(one.code, one.column, one.count) for one in found.set_aside.problems]


def lists(tables: Tables, found: Check) -> list[tuple[str, str, str, int]]:
    """Table, rule, column and row of every row of the list."""
    rows: list[tuple[str, str, str, int]] = []
    for name in found.set_aside.rows:
        part = tables.engine.rows(
            f'select "table", "rule", "column", "row" from {set_aside.listing(name)} order by "row"'
        )
        rows += [(str(a), str(b), str(c), int(d)) for a, b, c, d in part]
    return rows


# ---------------------------------------------------------------- how many


@pytest.mark.parametrize(
    ("rows", "bad", "tolerate", "passes"),
    [
        (1000, 10, None, True),
        (1000, 11, None, False),
        (1000, 50, 0.05, True),
        (1000, 1, 0.0, False),
        (50, 1, None, True),  # one stray row is no reason to stop, even where it is 2 %
        (50, 2, None, False),
        (10, 1, None, True),
        (9, 1, None, False),  # a file to try things out with: its faults are all told
        (9, 1, 0.2, True),
    ],
)
def test_up_to_a_share_of_the_rows_and_one_of_a_small_table(tmp_path, rows, bad, tolerate, passes):
    chosen = np.random.default_rng(1).choice(rows, bad, replace=False)
    tables = opened(tmp_path, tolerate, interactions=spoilt(log(rows), "wait_s", f"{CANARY}!", chosen))
    found = check_tables(tables)
    text = "".join(map(str, (*found.problems, *found.notes)))
    assert CANARY not in text
    if passes:
        assert found.problems == () and found.rows == {"interactions": rows - bad}
        assert codes(found) == [("wrong_type", "wait_s", bad)]
        assert found.set_aside.rows == {"interactions": bad}
        assert sorted(left(tables)) == sorted(f"{CANARY}{n}" for n in range(rows) if n not in chosen)
        assert [row for *_, row in lists(tables, found)] == [n + 1 for n in sorted(chosen)]
    else:
        (problem,) = found.problems
        assert (problem.code, problem.count) == ("wrong_type", bad)
        assert ("raise tolerate in [tables.interactions]" in problem.fix) == (tolerate != 0)
        assert len(left(tables)) == rows


def test_the_share_is_of_the_rows_that_give_the_column(tmp_path):
    """Five times in day and month order are 0.5 % of the log, and all that the column holds."""
    frame = spoilt(log(1000, corrected_at=None), "corrected_at", "31/12/2025", range(0, 1000, 200))
    (problem,) = check_tables(opened(tmp_path, interactions=frame)).problems
    assert (problem.code, problem.column, problem.count) == ("wrong_type", "corrected_at", 5)
    assert "100.0 % of those given" in problem.what


@pytest.mark.parametrize("apart", ["days", "files"])
def test_what_fills_a_day_or_a_file_is_no_stray_row(tmp_path, apart):
    """The export writes seconds with a unit since yesterday: 25 of 5,000 rows, and all of the last night."""
    when = pd.Series(START + pd.to_timedelta(np.arange(5000) * 864, unit="s"))  # a hundred a day
    if apart == "days":
        when[-25:] = [START + pd.Timedelta(days=60, minutes=n) for n in range(25)]
    frame = log(5000, started_at=when.dt.strftime("%Y-%m-%d %H:%M:%S"))
    frame = spoilt(frame, "wait_s", "12 s", range(4975, 5000))
    parts = [frame] if apart == "days" else [frame[:4975], frame[4975:]]
    for number, part in enumerate(parts):
        part.to_csv(tmp_path / f"part{number}.csv", index=False)
    config = {
        "project": {"observation_end": "2026-01-01"},
        "tables": {"interactions": {"source": "part*.csv"}},
    }
    (problem,) = check_tables(open_tables(parse_config(config, tmp_path))).problems
    assert (problem.code, problem.count) == ("wrong_type", 25)
    assert "not stray rows" in problem.what
    assert problem.first_row == (4976 if apart == "days" else 1)


def test_rows_with_an_event_that_cannot_be_believed_are_stray_although_they_share_a_day(tmp_path):
    frame = spoilt(log(2500), "started_at", "1900-01-01 00:00:00", range(0, 2500, 100))
    found = check_tables(opened(tmp_path, interactions=frame))
    assert found.problems == () and codes(found) == [("implausible_time", "started_at", 25)]


# ---------------------------------------------------------------- which rules


STRAY = [
    ("wait_s", "-", "wrong_type"),
    ("wait_s", "inf", "not_finite"),
    ("wait_s", "-1", "negative"),
    ("transfers", "1.5", "not_whole"),
    ("sentiment_end", "7", "out_of_range"),
    ("direction", CANARY, "unknown_word"),
    ("abandoned", CANARY, "wrong_type"),
    ("started_at", "", "missing_value"),
    ("started_at", "1735689600", "epoch_number"),
    ("started_at", "1970-01-01 00:00:00", "implausible_time"),
    ("started_at", "9999-12-31", "implausible_time"),
    ("started_at", "infinity", "implausible_time"),
    ("started_at", "2024-03-01 10:00:00+09:00", "mixed_time_zones"),
    ("started_at", "2024-03-31 02:30:00", "skipped_time"),
    ("customer_id", "", "missing_value"),
    ("customer_id", "erased", "unknown_customer"),
    ("interaction_id", " ", "missing_value"),
    ("interaction_id", CANARY * 100, "long_id"),
]
FULL = {"transfers": "1", "sentiment_end": "0.5", "direction": "inbound", "abandoned": "no"}


@pytest.mark.parametrize(("column", "value", "code"), STRAY)
def test_a_stray_row_of_each_kind_is_set_aside(tmp_path, column, value, code):
    frame, people = log(400, **FULL), pd.DataFrame({"customer_id": [f"c{n}" for n in range(50)]})
    people["joined_at"] = "2020-01-01 00:00:00"
    if code == "mixed_time_zones":  # the odd one out is the one without a zone
        value, frame["started_at"] = frame["started_at"][7], frame["started_at"] + "+00:00"
    zone = "Europe/Berlin"  # whose clocks are put forward
    sound = opened(tmp_path, zone=zone, customers=people, interactions=frame.drop(index=7))
    tables = opened(tmp_path, zone=zone, customers=people, interactions=spoilt(frame, column, value, 7))
    found = check_tables(tables)
    assert found.problems == ()
    assert lists(tables, found) == [("interactions", code, column, 8)]
    assert found.rows == {"customers": 50, "interactions": 399}
    text = "\n".join((*found.notes, *found.set_aside.lines(), str(found.set_aside.as_info())))
    assert f"interactions.{column}, first in row 8" in text and "interactions: 1 row set aside" in text
    assert CANARY not in text
    check_tables(sound)
    assert tables.engine.rows("select * from interactions order by all") == sound.engine.rows(
        "select * from interactions order by all"
    )
    assert fingerprint(tables) == fingerprint(sound)


@pytest.mark.parametrize(
    ("columns", "code"),
    [
        ({"interaction_id": f"{CANARY}9"}, "duplicate_id"),
        ({"resolved_at": "2023-12-31 00:00:00"}, "wrong_order"),
    ],
)
def test_what_leaves_nobody_sure_stops_the_work_however_rare(tmp_path, columns, code):
    frame = log(400, resolved_at=None)
    for column, value in columns.items():
        frame = spoilt(frame, column, value, 7)
    found = check_tables(opened(tmp_path, zone="Europe/Berlin", interactions=frame))
    assert [one.code for one in found.problems] == [code] and not found.set_aside.rows


def test_off_scale_scores_and_contradictions(tmp_path):
    rows = 200
    base = log(rows).drop(columns=["wait_s"]).rename(columns={"started_at": "sent_at"})
    surveys = base.rename(columns={"interaction_id": "survey_id"}).assign(kind="nps", score="9")
    messages = base.rename(columns={"interaction_id": "message_id"}).assign(
        fields_used="1", fields_available="2"
    )
    tables = opened(
        tmp_path, surveys=spoilt(surveys, "score", "11", 3), messages=spoilt(messages, "fields_used", "5", 4)
    )
    found = check_tables(tables)
    assert found.problems == ()
    assert lists(tables, found) == [
        ("surveys", "off_scale", "score", 4),
        ("messages", "contradiction", "fields_used", 5),
    ]


def test_a_row_that_breaks_several_rules_is_listed_once_and_no_further_rule_holds_it_against_the_table(
    tmp_path,
):
    frame = log(400, resolved_at=None)
    for column, value in {
        "wait_s": "-",
        "started_at": "1901-01-01 00:00:00",
        "resolved_at": "1900-01-01",
    }.items():
        frame = spoilt(frame, column, value, 7)
    frame = spoilt(frame, "resolved_at", "2025-01-01 00:00:00", 8)
    tables = opened(tmp_path, interactions=frame)
    found = check_tables(tables)
    assert found.problems == ()
    assert {code for code, *_ in codes(found)} == {"wrong_type", "implausible_time"}
    assert found.set_aside.rows == {"interactions": 1} and len(lists(tables, found)) == 1


def test_rows_of_a_customer_whose_own_row_is_set_aside_go_with_it(tmp_path):
    people = pd.DataFrame({"customer_id": [f"c{n}" for n in range(50)], "birth_year": "1980"}).astype(
        "object"
    )
    people["joined_at"] = "2020-01-01 00:00:00"
    people = spoilt(people, "birth_year", "1066", 3)
    tables = opened(tmp_path, customers=people, interactions=log(400))
    found = check_tables(tables)
    assert found.problems == ()
    assert codes(found) == [("out_of_range", "birth_year", 1), ("customer_set_aside", "customer_id", 8)]
    assert found.rows == {"customers": 49, "interactions": 392}
    assert "c3" not in left(tables, column="customer_id") + left(tables, "customers", "customer_id")


# ---------------------------------------------------------------- copies


def test_copies_are_taken_once_however_many(tmp_path):
    frame = log(100)
    tables = opened(tmp_path, interactions=pd.concat([frame, frame, frame.head(3)]))
    found = check_tables(tables)
    assert found.problems == () and found.rows == {"interactions": 100}
    assert codes(found) == [("duplicate_row", "interaction_id", 103)]
    assert [row for *_, row in lists(tables, found)] == list(range(101, 204))
    once = opened(tmp_path, interactions=frame)
    assert fingerprint(tables) == fingerprint(once)
    again = check_tables(tables)
    assert again.set_aside == found.set_aside, "a second check finds what the first found"


def test_copies_of_one_version_leave_the_other_versions(tmp_path):
    frame = log(100, recorded_at="2024-06-01 00:00:00")
    later = frame.head(10).assign(wait_s="7", recorded_at="2024-07-01 00:00:00")
    versions = pd.concat([frame, later])
    tables = opened(tmp_path, interactions=pd.concat([versions, later.head(4), frame.tail(2)]))
    found = check_tables(tables)
    assert found.problems == () and codes(found)[0][2] == 6
    assert fingerprint(tables) == fingerprint(opened(tmp_path, interactions=versions))


def test_a_bad_row_that_reads_like_a_sound_one_is_not_its_copy(tmp_path):
    """What cannot be read is missing, and so is the sound row's value: the sound one stays."""
    frame = spoilt(log(100), "wait_s", None, 5)
    frame = pd.concat([spoilt(frame, "wait_s", "-", 5).loc[[5]], frame])
    tables = opened(tmp_path, interactions=frame)
    found = check_tables(tables)
    assert found.problems == () and lists(tables, found) == [("interactions", "wrong_type", "wait_s", 1)]
    assert len(left(tables)) == 100


# ---------------------------------------------------------------- read otherwise


@pytest.mark.parametrize("before", [0.0, 0.4, 1.0])
def test_up_to_a_second_before_its_event_is_simultaneous(tmp_path, before):
    frame = log(400, first_reply_at=None, ended_at="2025-12-01 00:00:00")
    start = pd.Timestamp(frame["started_at"][7]) + pd.Timedelta("0.2s")
    frame = spoilt(frame, "started_at", str(start), 7)
    frame = spoilt(frame, "first_reply_at", str(start - pd.Timedelta(seconds=before)), 7)
    tables = opened(tmp_path, interactions=frame)
    found = check_tables(tables)
    assert found.problems == () and not found.set_aside.rows
    assert any("up to a second before started_at" in note for note in found.notes) == (before > 0)
    ((seconds, replied),) = tables.engine.rows(
        "select seconds(first_reply_at) - seconds(started_at), first_reply_at from interactions"
        " where first_reply_at is not null"
    )
    assert seconds == 0 and replied == start.to_pydatetime()


def test_more_than_a_second_before_its_event_is_time_travel(tmp_path):
    frame = spoilt(log(400, first_reply_at=None), "first_reply_at", "2024-01-02 17:59:58.9", 7)
    (problem,) = check_tables(opened(tmp_path, interactions=frame)).problems
    assert (problem.code, problem.column, problem.first_row) == ("wrong_order", "first_reply_at", 8)


@pytest.mark.parametrize(
    "never", ["9999-12-31", "9999-12-31 23:59:59", "2999-12-31", "2100-01-01 00:00:00", "infinity"]
)
@pytest.mark.parametrize(("table", "column"), [("subscriptions", "ended_at"), ("agents", "valid_to")])
def test_no_end_written_as_the_end_of_the_calendar_is_an_empty_end(tmp_path, table, column, never):
    frame = pd.DataFrame(
        {"customer_id": ["a", "b"], "agent_id": ["a", "b"], column: [never, "2025-02-10 00:00:00"]}
    )
    frame["started_at"] = frame["valid_from"] = "2024-01-05 10:00:00"
    frame = frame.drop(
        columns=["agent_id", "valid_from"] if table == "subscriptions" else ["customer_id", "started_at"]
    )
    tables = opened(tmp_path, **{table: frame})
    found = check_tables(tables)
    assert found.problems == ()
    assert any(f"{table}.{column}: 1 value lies in 2100 or later" in note for note in found.notes)
    assert left(tables, table, column) == [dt.datetime(2025, 2, 10), None]


def test_no_end_in_typed_columns(tmp_path):
    ends = [dt.datetime(9999, 12, 31, 23, 59, 59), dt.datetime(2025, 2, 10)]
    for kind in (pa.timestamp("us"), pa.timestamp("us", "UTC"), pa.date32()):
        table = pa.table(
            {
                "customer_id": ["a", "b"],
                "started_at": [dt.datetime(2024, 1, 5)] * 2,
                "ended_at": pa.array(ends, kind),
            }
        )
        tables = open_tables(
            parse_config({"project": {"observation_end": "2026-01-01"}}, tmp_path), {"subscriptions": table}
        )
        assert check_tables(tables).problems == ()
        assert [value is None for value in left(tables, "subscriptions", "ended_at")] == [False, True]


# ---------------------------------------------------------------- what is sound stays as it is


def test_views_of_sound_tables_are_not_touched(tmp_path):
    frames = {
        "interactions": log(400),
        "orders": log(30).rename(columns={"interaction_id": "order_id", "started_at": "ordered_at"}),
    }
    tables = opened(
        tmp_path, **(frames | {"orders": spoilt(frames["orders"].assign(revenue="1"), "revenue", "-", 3)})
    )
    views = "select sql from duckdb_views() where view_name = '{}'"
    before = {name: tables.engine.rows(views.format(name)) for name in frames}
    check_tables(tables)
    after = {name: tables.engine.rows(views.format(name)) for name in frames}
    assert after["interactions"] == before["interactions"] and after["orders"] != before["orders"]


def test_ids_made_from_content_are_those_of_the_sound_rows(tmp_path):
    frame = log(400).drop(columns="interaction_id")
    tables = opened(tmp_path, interactions=pd.concat([spoilt(frame.loc[[5]], "wait_s", "-", 5), frame]))
    assert check_tables(tables).problems == ()
    assert left(tables) == left(opened(tmp_path, interactions=frame))
