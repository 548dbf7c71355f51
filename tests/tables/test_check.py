"""Bad input of every kind: the right error, the right place, how to fix it, and no value of a cell."""

from __future__ import annotations

import datetime as dt
import os
import traceback
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from cxml import jobs
from cxml.config.load import parse_config
from cxml.contracts import TABLES
from cxml.errors import ConfigError, CxmlError, DataError
from cxml.tables.check import check_tables
from cxml.tables.opening import open_tables

CANARY = "kanari"
"""In every id, and in the bad cells: must never be seen in a message."""

ANNA, BODO, CARL = (f"{CANARY}-{name}" for name in "abc")


def company():
    """A few good rows of some tables, all as text."""
    return {
        "customers": pd.DataFrame(
            {
                "customer_id": [ANNA, BODO, CARL],
                "joined_at": ["2019-05-01 08:00:00", "2020-01-01 09:30:00", "1985-02-03 10:00:00"],
                "birth_year": ["1980", "1990", None],
            }
        ),
        "interactions": pd.DataFrame(
            {
                "interaction_id": [f"{CANARY}{n}" for n in range(4)],
                "customer_id": [ANNA, ANNA, BODO, CARL],
                "started_at": [f"2025-03-0{n} 10:00:00" for n in (1, 2, 3, 4)],
                "channel": ["phone.human", "chat.bot", "email", "social.x"],
                "direction": ["inbound", "inbound", "outbound", None],
                "wait_s": ["10", "0", "3.5", None],
                "transfers": ["0", "1", "2", "0"],
                "abandoned": ["true", "false", "false", None],
                "sentiment_end": ["-1", "0.5", "1", None],
                "resolved_at": ["2025-03-01 11:00:00", None, "2025-03-03 10:00:00", None],
            }
        ),
        "orders": pd.DataFrame(
            {
                "order_id": ["1", "2"],
                "customer_id": [ANNA, BODO],
                "ordered_at": ["2025-02-01 12:00:00", "2025-02-02 12:00:00"],
                "revenue": ["10.5", "-2"],
                "delivered_at": ["2025-02-03 09:00:00", None],
            }
        ),
        "surveys": pd.DataFrame(
            {
                "survey_id": ["1", "2"],
                "customer_id": [ANNA, BODO],
                "kind": ["nps", "csat"],
                "sent_at": ["2025-02-01 12:00:00"] * 2,
                "answered_at": ["2025-02-01 12:00:00", None],
                "score": ["9", "3"],
                "scale_min": ["0", "1"],
                "scale_max": ["10", "5"],
            }
        ),
        "subscriptions": pd.DataFrame(
            {
                "subscription_id": ["1", "2"],
                "customer_id": [ANNA, BODO],
                "started_at": ["2019-05-01 09:00:00", "2020-01-01 10:00:00"],
                "ended_at": ["2024-01-01 09:00:00", None],
            }
        ),
        "messages": pd.DataFrame(
            {
                "message_id": ["1"],
                "customer_id": [ANNA],
                "sent_at": ["2025-01-01 09:00:00"],
                "fields_used": ["1"],
                "fields_available": ["2"],
            }
        ),
    }


def config(folder, tables=None, zone="UTC", **sections):
    return parse_config(
        {"project": {"observation_end": "2025-06-01", "timezone": zone}, "tables": tables or {}, **sections},
        folder,
    )


def opened(frames, kind, folder, zone="UTC"):
    if kind == "frame":
        return open_tables(config(folder, zone=zone), frames)
    spec = {}
    for name, frame in frames.items():
        path = folder / f"{name}.{kind}"
        if kind == "csv":
            frame.to_csv(path, index=False)
        else:
            frame.to_parquet(path)
        spec[name] = {"source": path.name}
    return open_tables(config(folder, spec, zone))


def shown(error):
    """Everything that can be printed of an error, as a traceback would."""
    return (
        "".join(traceback.format_exception(error)).split("cxml.errors.")[-1] + repr(vars(error)) + str(error)
    )


def put(frames, where, value, row=1):
    table, column = where.split(".")
    frames[table][column] = [
        value if place == row else old for place, old in enumerate(frames[table][column])
    ]


@dataclass
class Bad:
    """A value put into one cell, and what must be said of it."""

    name: str
    where: str
    value: object
    code: str
    words: str
    row: int = 1
    count: int = 1
    first: int = 0

    def change(self, frames):
        put(frames, self.where, self.value, self.row)

    def holds(self, problem):
        return (problem.count, problem.first_row) == (self.count, self.first or self.row + 1) and (
            self.words in f"{problem.what} {problem.expected} {problem.fix}"
        )


WAIT, SOLVED, START = "interactions.wait_s", "interactions.resolved_at", "interactions.started_at"
ORDERED, WHO, CHANNEL = "orders.ordered_at", "orders.customer_id", "interactions.direction"
BAD = [
    Bad("id missing", "interactions.customer_id", None, "missing_value", "fill"),
    Bad("id blank", "interactions.customer_id", "  ", "missing_value", "fill"),
    Bad("own id missing", "orders.order_id", None, "missing_value", "fill"),
    Bad("event missing", ORDERED, None, "missing_value", "a value in every row"),
    Bad("id long", "orders.order_id", CANARY * 100, "long_id", "right column"),
    Bad("id twice", "orders.order_id", "1", "duplicate_id", "recorded_at", count=2, first=1),
    Bad("customer unknown", WHO, f"{CANARY}-z", "unknown_customer", "add the customers"),
    Bad("customer in other case", WHO, BODO.upper(), "unknown_customer", "case or spaces"),
    Bad("customer with zeros", WHO, f"00{BODO}", "unknown_customer", "leading zeros"),
    Bad("wait negative", WAIT, "-1", "negative", "0 or more"),
    Bad("wait a word", WAIT, CANARY, "wrong_type", "a number"),
    Bad("wait with comma", WAIT, "1.234,5", "wrong_type", "decimal point"),
    Bad("wait with underscore", WAIT, "1_000", "wrong_type", "a number"),
    Bad("wait n/a", WAIT, "n/a", "wrong_type", "empty instead"),
    Bad("wait infinite", WAIT, "inf", "not_finite", "finite"),
    Bad("wait beyond any number", WAIT, "1e400", "not_finite", "finite"),
    Bad("wait NaN as text", WAIT, "NaN", "not_finite", "leave unknown values empty", row=2),
    Bad("money with sign", "orders.revenue", "€ 12", "wrong_type", "currency"),
    Bad("money too large", "orders.revenue", "1e15", "wrong_type", "100 million million"),
    Bad("count broken", "interactions.transfers", "1.5", "not_whole", "whole"),
    Bad("count negative", "interactions.transfers", "-1", "negative", "0 or more"),
    Bad(
        "count without its sign",
        "interactions.transfers",
        "4294967295",
        "out_of_range",
        "from 0 to 1,000,000",
    ),
    Bad("wait without its sign", WAIT, "4294967295", "out_of_range", "from 0 to 316,224,000"),
    Bad("number beyond computing", "surveys.scale_max", "1e31", "out_of_range", "mean something"),
    Bad("flag perhaps", "interactions.abandoned", "perhaps", "wrong_type", "yes or no"),
    Bad("flag two", "interactions.abandoned", "2", "wrong_type", "1 or 0"),
    Bad("word off the list", CHANNEL, CANARY, "unknown_word", "one of inbound, outbound"),
    Bad("word in other case", CHANNEL, "Inbound", "unknown_word", "case counts"),
    Bad("mood above its scale", "interactions.sentiment_end", "1.01", "out_of_range", "from -1 to 1"),
    Bad("born too early", "customers.birth_year", "1066", "out_of_range", "from 1900", row=0),
    Bad("event long ago", ORDERED, "1989-01-01 00:00:00", "implausible_time", "from 1990"),
    Bad("joined with the calendar", "customers.joined_at", "1900-01-01", "implausible_time", "1900-01-01"),
    Bad(
        "joined with the computers",
        "customers.joined_at",
        "1970-01-01 00:00:00",
        "implausible_time",
        "unknown",
    ),
    Bad(
        "end of the calendar",
        ORDERED,
        "9999-12-31",
        "implausible_time",
        "instead of 1900-01-01 or 9999-12-31",
    ),
    Bad("end beyond any plan", ORDERED, "2999-12-31 23:59:59", "implausible_time", "9999-12-31"),
    Bad(
        "no end as the calendar's begin",
        "subscriptions.ended_at",
        "1900-01-01",
        "implausible_time",
        "9999-12-31",
    ),
    Bad("no such year", ORDERED, "0001-01-01 00:00:00", "wrong_type", "a time such as"),
    Bad("day and month", ORDERED, "03/04/2025", "wrong_type", "year first"),
    Bad("leap second", ORDERED, "2025-03-01 23:59:60", "wrong_type", "a time such as"),
    Bad("half day", ORDERED, "2025-03-01 09:00:00 PM", "wrong_type", "24 hours"),
    Bad("zone by a word", ORDERED, "2025-03-01 09:00:00 EST", "wrong_type", "its offset"),
    Bad("epoch seconds", ORDERED, "1735689600", "epoch_number", "from seconds"),
    Bad("epoch milliseconds", ORDERED, "1735689600000", "epoch_number", "from milliseconds"),
    Bad("day of a spreadsheet", ORDERED, "45658", "epoch_number", "spreadsheet"),
    Bad("day in one number", ORDERED, "20250301", "epoch_number", "2025-12-31"),
    Bad("zones mixed", START, "2025-03-02 10:00:00+09:00", "mixed_time_zones", "offset", count=3, first=1),
    Bad("solved before begun", SOLVED, "2025-03-02 09:59:58", "wrong_order", "started_at"),
    Bad(
        "delivered before ordered", "orders.delivered_at", "2025-01-01 00:00:00", "wrong_order", "ordered_at"
    ),
    Bad("answered before asked", "surveys.answered_at", "2025-01-01 00:00:00", "wrong_order", "sent_at"),
    Bad("ended before begun", "subscriptions.ended_at", "2019-12-31", "wrong_order", "started_at"),
    Bad("score above its scale", "surveys.score", "6", "off_scale", "scale_max"),
    Bad("score below its scale", "surveys.score", "0", "off_scale", "scale_min"),
    Bad("scale upside down", "surveys.scale_max", "1", "off_scale", "above scale_min"),
    Bad("more used than there was", "messages.fields_used", "3", "contradiction", "fields_available", row=0),
]


def place(problem):
    return f"{problem.table}.{problem.column}".rstrip(".")


@pytest.mark.parametrize("kind", ["csv", "parquet", "frame"])
def test_good_data_has_no_problem(tmp_path, kind):
    found = check_tables(opened(company(), kind, tmp_path))
    assert found.problems == ()
    assert found.rows == {name: len(frame) for name, frame in company().items()}
    assert all(CANARY not in note for note in found.notes)
    found.raise_if_any()


@pytest.mark.parametrize("bad", BAD, ids=[bad.name for bad in BAD])
def test_bad_cell(tmp_path, bad):
    frames = {
        name: frame for name, frame in company().items() if name in ("customers", bad.where.split(".")[0])
    }
    bad.change(frames)
    found = check_tables(opened(frames, "csv", tmp_path))
    (problem,) = [one for one in found.problems if (one.code, place(one)) == (bad.code, bad.where)]
    assert bad.holds(problem), problem
    assert all(place(one) == bad.where for one in found.problems)
    with pytest.raises(DataError) as caught:
        found.raise_if_any()
    assert caught.value.exit_code == 3
    text = str(caught.value)
    assert all(words in text for words in (bad.where, problem.what, problem.expected, problem.fix, "fix:"))
    assert CANARY not in shown(caught.value)
    assert all(CANARY not in note for note in found.notes)


@pytest.mark.parametrize("batch", range(4))
def test_bad_cells_are_told_alike_whatever_the_source(tmp_path, batch):
    told = []
    for kind in ("csv", "parquet", "frame"):
        frames = company()
        for bad in BAD[batch::4]:
            bad.change(frames)
        found = check_tables(opened(frames, kind, tmp_path))
        told.append([replace(one, place="") for one in found.problems])
        assert CANARY not in "".join(map(str, (*found.problems, *found.notes)))
    assert told[0] == told[1] == told[2]
    assert len(told[0]) >= 7


def with_versions(*recorded):
    """The second contact once more, with other content; *recorded* is when each of the two was written."""
    frames = company()
    frame = frames["interactions"]
    again = pd.concat([frame, frame.iloc[[1]].assign(wait_s="7")], ignore_index=True)
    times = ["2025-03-05 00:00:00"] * 5
    times[1], times[4] = recorded
    return frames | {"interactions": again.assign(recorded_at=times)}


@pytest.mark.parametrize(
    ("recorded", "tied"),
    [
        (("2025-03-05 00:00:00", "2025-03-06 00:00:00"), False),
        (("2025-03-05 00:00:00", "2025-03-05 00:00:00"), True),
        ((None, None), True),  # both known when the contact was
        ((None, "2025-03-02 10:00:00"), True),
    ],
)
def test_versions_recorded_at_one_instant_are_told(tmp_path, recorded, tied):
    found = check_tables(opened(with_versions(*recorded), "csv", tmp_path))
    assert not found.problems
    assert any("2 rows share their id and recorded_at" in note for note in found.notes) == tied


def test_what_lies_after_observation_end_is_told_and_not_refused(tmp_path):
    frames = company()
    frames["orders"].loc[0, ["ordered_at", "delivered_at"]] = ["2025-06-01 00:00:00", None]
    frames["interactions"].loc[3, "resolved_at"] = "2025-07-01 00:00:00"
    found = check_tables(opened(frames, "csv", tmp_path))
    assert not found.problems
    rows = len(frames["orders"])
    assert (
        f"orders.ordered_at: 1 of {rows} rows lie at or after observation_end and are not looked at"
        in found.notes
    )
    assert (
        "interactions.resolved_at: 1 value lies at or after observation_end and count as not known"
        in found.notes
    )


def test_what_shares_an_id_beside_copies_is_a_problem(tmp_path):
    frame = company()["orders"]
    frames = {"orders": pd.concat([frame, frame.iloc[[1]], frame.iloc[[0]].assign(revenue="7")])}
    (problem,) = check_tables(opened(frames, "csv", tmp_path)).problems
    assert (problem.code, problem.count, problem.first_row) == ("duplicate_id", 2, 1)


def test_nps_has_its_scale_by_itself(tmp_path):
    frame = company()["surveys"].drop(columns=["scale_min", "scale_max"]).assign(score=["11", "99"])
    (problem,) = check_tables(opened({"surveys": frame}, "csv", tmp_path)).problems
    assert (problem.code, problem.count, problem.first_row) == ("off_scale", 1, 1)


TYPED = [
    ("orders", {"ordered_at": [45000, 45001]}, "epoch_number", "spreadsheet"),
    ("orders", {"ordered_at": [1.7e9, 1.7e9]}, "epoch_number", "seconds since 1970"),
    ("interactions", {"wait_s": [True, False, True, None]}, "wrong_type", "convert"),
    ("interactions", {"wait_s": pd.to_timedelta([1, 2, 3, 4], unit="s")}, "wrong_type", "convert"),
    ("orders", {"order_id": [b"1", b"2"]}, "wrong_type", "convert"),
    ("orders", {"order_id": [9007199254740993.0, 1.0]}, "inexact_id", "as text"),
    ("orders", {"order_id": [1.5, 2.0]}, "wrong_type", "convert"),
    ("orders", {"revenue": [np.inf, 1.0]}, "not_finite", "finite"),
    ("orders", {"customer_id": [None, None]}, "missing_value", "every row"),
]


@pytest.mark.parametrize("kind", ["parquet", "frame"])
@pytest.mark.parametrize(("table", "columns", "code", "words"), TYPED)
def test_bad_type_of_a_column(tmp_path, kind, table, columns, code, words):
    frames = {table: company()[table].assign(**columns)}
    found = check_tables(opened(frames, kind, tmp_path)).problems
    (problem,) = [one for one in found if (one.code, one.column) == (code, *columns)]
    assert problem.first_row == 1
    assert words in f"{problem.expected} {problem.fix}"


def test_nested_values_are_refused(tmp_path):
    frames = {"orders": company()["orders"].assign(order_id=[["1"], ["2"]])}
    with pytest.raises(DataError, match="type that no table can hold"):
        opened(frames, "frame", tmp_path)
    nested = pa.table({"customer_id": [[ANNA]], "ordered_at": ["2025-01-01"]})
    (problem,) = check_tables(open_tables(config(tmp_path), {"orders": nested})).problems
    assert (problem.code, problem.column) == ("wrong_type", "customer_id")


def test_clock_changes(tmp_path):
    frames = company()
    put(frames, ORDERED, "2025-03-30 02:30:00")
    put(frames, START, "2024-10-27 02:30:00", 0)
    found = check_tables(opened(frames, "csv", tmp_path, "Europe/Berlin"))
    assert [(one.code, place(one), one.first_row) for one in found.problems] == [("skipped_time", ORDERED, 2)]
    assert any(f"{START}: 1 local time came twice" in note for note in found.notes)
    assert check_tables(opened(frames, "csv", tmp_path, "Asia/Seoul")).problems == ()


def test_a_day_without_a_time_may_hold_what_followed_that_day(tmp_path):
    frames = {"interactions": company()["interactions"]}
    put(frames, START, "2025-03-03", 2)  # resolved at 10:00 of that day
    found = check_tables(opened(frames, "csv", tmp_path))
    assert found.problems == ()
    assert any("1 of 4 values are days without a time" in note for note in found.notes)
    put(frames, SOLVED, "2025-03-02 23:00:00", 2)
    assert [one.code for one in check_tables(opened(frames, "csv", tmp_path)).problems] == ["wrong_order"]


def test_agents_have_many_spans_and_no_customer(tmp_path):
    agents = pd.DataFrame({"agent_id": ["1", "1"], "valid_from": ["2020-01-01", "2021-01-01"]})
    frames = {"agents": agents, "customers": company()["customers"]}
    assert check_tables(opened(frames, "csv", tmp_path)).problems == ()


def test_without_customers_nobody_is_unknown(tmp_path):
    frames = {"orders": company()["orders"]}
    assert check_tables(opened(frames, "csv", tmp_path)).problems == ()


def test_rows_without_an_id_may_be_equal(tmp_path):
    frame = company()["orders"].drop(columns="order_id")
    assert check_tables(opened({"orders": pd.concat([frame, frame])}, "csv", tmp_path)).problems == ()


# ---------------------------------------------------------------- all at once


def test_all_problems_at_once_and_not_too_long(tmp_path):
    frames = company()
    for bad in BAD:
        bad.change(frames)
    found = check_tables(opened(frames, "csv", tmp_path))
    assert len(found.problems) > 15
    with pytest.raises(DataError) as caught:
        found.raise_if_any()
    text = str(caught.value)
    assert text.startswith(f"{len(found.problems)} problems in the tables")
    assert f"and {len(found.problems) - 14} more" in text
    assert text.count("\n") <= 32
    assert CANARY not in text


def test_one_unreadable_table_does_not_hide_the_others(tmp_path):
    frames = company()
    put(frames, "orders.revenue", CANARY)
    tables = opened(frames, "csv", tmp_path)
    path = tmp_path / "interactions.csv"
    path.write_text(path.read_text() + f"{CANARY},too,short\n")
    found = check_tables(tables)
    assert [(one.code, one.table) for one in found.problems] == [
        ("unreadable", "interactions"),
        ("wrong_type", "orders"),
    ]
    with pytest.raises(DataError) as caught:
        found.raise_if_any()
    assert "interactions.csv, line 6" in str(caught.value)
    assert CANARY not in shown(caught.value)


@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_first_row_is_counted_in_its_file(tmp_path, kind):
    good = pd.DataFrame({"customer_id": ["a"] * 30_000, "ordered_at": "2025-01-01 00:00:00", "revenue": "1"})
    bad = good.copy()
    bad.loc[20_001:, "revenue"] = "x"
    for name, frame in (("1", good), ("2", bad), ("3", bad[::-1])):
        frame = frame[["revenue", "ordered_at", "customer_id"]] if name == "3" else frame
        frame.to_csv(tmp_path / f"{name}.csv", index=False) if kind == "csv" else frame.to_parquet(
            tmp_path / f"{name}.parquet", row_group_size=5_000
        )
    tables = open_tables(config(tmp_path, {"orders": {"source": f"*.{kind}"}}))
    (problem,) = check_tables(tables).problems
    assert (problem.count, problem.first_row) == (2 * 9_999, 20_002)
    assert problem.place.endswith(f"2.{kind}")


# ---------------------------------------------------------------- empty, and what people should know


@pytest.mark.parametrize(
    ("empty", "sections", "codes"),
    [
        (["orders"], {}, {"empty_table": "orders"}),
        (["surveys"], {}, {}),
        (["subscriptions"], {"churn": {"definition": "subscription"}}, {"empty_table": "subscriptions"}),
        (
            ["orders", "surveys"],
            {"value": {"sources": [{"table": "orders", "column": "revenue"}]}},
            {"empty_table": "orders"},
        ),
        (list(company()), {}, {"no_rows": "all tables"}),
    ],
)
def test_tables_without_rows(tmp_path, empty, sections, codes):
    frames = {name: frame.iloc[:0] if name in empty else frame for name, frame in company().items()}
    for name, frame in frames.items():
        frame.to_csv(tmp_path / f"{name}.csv", index=False)
    tables = open_tables(config(tmp_path, {name: {"source": f"{name}.csv"} for name in frames}, **sections))
    assert {one.code: one.table for one in check_tables(tables).problems} == codes


def test_notes(tmp_path):
    frames = company()
    put(frames, WAIT, "90000")
    put(frames, "interactions.channel", "Email", 0)
    put(frames, "subscriptions.ended_at", "2026-01-01 00:00:00")
    frames["interactions"]["interaction_id"] = [" a", "b", "c", "d"]
    frames["subscriptions"] = pd.concat(
        [
            frames["subscriptions"],
            pd.DataFrame(
                {"subscription_id": ["3"], "customer_id": [BODO], "started_at": ["2021-01-01 09:00:00"]}
            ),
        ]
    )
    frames["orders"]["ordered_at"] = ["2025-02-01 00:00:00", "2025-02-02 00:00:00"]
    found = check_tables(opened(frames, "csv", tmp_path))
    assert found.problems == ()
    text = "\n".join(found.notes)
    assert "wait_s: 1 wait is longer than 24 hours (25.0 % of the rows)" in text
    assert "channel: 25.0 % of the rows have a channel that no feature knows" in text
    assert "channel: 1 spelling differs only in case or spaces" in text
    assert "subscriptions.ended_at: 1 value lies at or after observation_end" in text
    assert "interactions.interaction_id: 1 id begins or ends with a space" in text
    assert "subscriptions: 1 customer has contracts that overlap" in text
    assert "orders.ordered_at: all values are at midnight" in text
    assert "customers has no recorded_at" not in text  # a year of birth never changes
    assert CANARY not in text


def test_a_promise_on_a_channel_that_nobody_uses_is_told(tmp_path):
    channels = {name: f"{name}.csv" for name in company()}
    for name, frame in company().items():
        frame.to_csv(tmp_path / channels[name], index=False)
    used = company()["interactions"].channel.dropna().iloc[0]
    made = config(
        tmp_path,
        {name: {"source": file} for name, file in channels.items()},
        promises={"answer": {used: "1min", "phnoe": "2min", "Social.x": "1D", "chat": "1min"}},
    )
    told = [note for note in check_tables(open_tables(made)).notes if "promises" in note]
    assert told == [
        f"[promises.answer] {name}: no channel of a contact begins so" for name in ("Social.x", "phnoe")
    ]


def test_a_log_without_ids_that_was_exported_twice_is_told():
    frames = company()
    once = frames["interactions"].drop(columns="interaction_id")
    made = config(Path())
    told = [
        note for note in check_tables(open_tables(made, {"interactions": once})).notes if "copies" in note
    ]
    assert told == []
    twice = {"interactions": pd.concat([once, once.head(2)])}
    tables = open_tables(made, twice)
    found = check_tables(tables)
    told = [note for note in found.notes if "copies" in note]
    assert len(told) == 1 and told[0].startswith("interactions: 2 of 6 rows are copies of another row")
    used = tables.engine.row("select count(*) as rows from interactions")["rows"]
    assert found.rows == {"interactions": 4} and used == 4 and sum(found.months["interactions"].values()) == 4
    # A row set aside is no longer counted among the copies.
    some = pd.concat([once] * 5 + [once.head(1).assign(started_at="-")])
    found = check_tables(open_tables(made, {"interactions": some}))
    assert found.rows == {"interactions": 4} and found.set_aside.rows == {"interactions": 1}
    # With ids a copy is known as one, and taken once.
    named = pd.concat([frames["interactions"], frames["interactions"].head(2)])
    found = check_tables(open_tables(made, {"interactions": named}))
    assert found.problems == () and found.rows == {"interactions": 4}
    assert [(one.code, one.count) for one in found.set_aside.problems] == [("duplicate_row", 2)]


def undated(frames, folder, **tables):
    told = check_tables(open_tables(config(folder, tables), frames)).notes
    found = {note.split(" ")[0]: note for note in told if "no recorded_at" in note}
    advice = [note for note in told if "map recorded_at" in note]
    assert len(advice) == bool(found), "said once, for all tables"
    for words in ("leave the column out", "as it was at the time"):
        assert all(words in note for note in advice)
    return found


def test_what_a_source_may_overwrite_is_told_once_for_each_table(tmp_path):
    frames = company()
    frames["customers"] = frames["customers"].assign(region="r", left_at=None, Tier=["1", "2", "3"])
    frames["subscriptions"] = frames["subscriptions"].assign(plan="p", auto_renew="true")
    spec = {"customers": {"source": "x", "attributes": ["Tier"]}}
    told = undated(frames, tmp_path, **spec)
    names = {table: note.split("never changed: ")[1] for table, note in told.items()}
    assert names["customers"] == "region, Tier"
    assert names["subscriptions"].split(", ") == ["plan", "auto_renew"]
    for table, frame in frames.items():
        mapped = {one.name for one in TABLES[table].columns if one.overwritten} & set(frame.columns)
        assert (table in told) == bool(mapped | ({"Tier"} & set(frame.columns))), table


def test_a_table_with_versions_is_not_told_of(tmp_path):
    people = company()["customers"].assign(region="r")
    assert set(undated({"customers": people}, tmp_path)) == {"customers"}
    timed = people.assign(recorded_at=people.joined_at)
    assert undated({"customers": timed}, tmp_path) == {}


# ---------------------------------------------------------------- files that cannot be opened or read


GOOD = b"customer_id,ordered_at\na,2025-01-01 10:00:00\n"


def parquet(folder):
    pq.write_table(
        pa.table({"customer_id": [CANARY] * 500, "ordered_at": ["2025-01-01"] * 500}), folder / "o.parquet"
    )
    return (folder / "o.parquet").read_bytes()


def cut(folder):
    (folder / "o.parquet").write_bytes(parquet(folder)[:-60])


def damaged(folder):
    data = bytearray(parquet(folder))
    data[-200:-20] = bytes(180)
    (folder / "o.parquet").write_bytes(data)


def written(name, data):
    return lambda folder: (folder / name).write_bytes(data)


FILES = [
    ("no such file", "orders.csv", written("order.csv", GOOD), DataError, "did you mean 'order.csv'?"),
    ("no folder", "data/orders.csv", None, DataError, "correct the folder"),
    ("no match", "*.csv", None, DataError, "correct the pattern"),
    ("empty", "o.csv", written("o.csv", b""), DataError, "empty"),
    ("only blanks", "o.csv", written("o.csv", b"\n\n"), DataError, "header"),
    ("folder", "", None, DataError, "*.parquet"),
    ("pipe", "o.csv", lambda folder: os.mkfifo(folder / "o.csv"), DataError, "regular file"),
    ("device", "/dev/zero", None, (DataError, ConfigError), "fix"),
    ("spreadsheet", "o.xlsx", written("o.xlsx", b"PK"), ConfigError, "as CSV"),
    (
        "several kinds",
        "o.*",
        lambda folder: (parquet(folder), written("o.csv", GOOD)(folder)),
        DataError,
        "one kind",
    ),
    ("csv as parquet", "o.parquet", written("o.parquet", GOOD), DataError, "no Parquet"),
    ("parquet as csv", "o.csv", lambda f: written("o.csv", parquet(f))(f), DataError, "UTF-8"),
    ("parquet cut", "o.parquet", cut, DataError, "cut"),
    ("parquet damaged", "o.parquet", damaged, DataError, "damaged"),
    ("no database", "o.duckdb", written("o.duckdb", GOOD * 99), DataError, "write the file anew"),
    ("semicolons", "o.csv", written("o.csv", GOOD.replace(b",", b";")), DataError, 'delimiter = ";"'),
    ("tabs", "o.csv", written("o.csv", GOOD.replace(b",", b"\t")), DataError, 'delimiter = "\\t"'),
    ("utf-16", "o.csv", written("o.csv", GOOD.decode().encode("utf-16")), DataError, "UTF-8"),
    (
        "latin-1 header",
        "o.csv",
        written("o.csv", "größe,customer_id\n".encode("latin-1")),
        DataError,
        "UTF-8",
    ),
    ("latin-1", "o.csv", written("o.csv", GOOD + "größe,2025-01-01\n".encode("latin-1")), DataError, "UTF-8"),
    ("names twice", "o.csv", written("o.csv", b"customer_id,x,x\n"), DataError, "every column name once"),
    (
        "names in two cases",
        "o.csv",
        written("o.csv", b"customer_id,Customer_ID\n"),
        DataError,
        "differ only in case",
    ),
    ("row too long", "o.csv", written("o.csv", GOOD + b"kanari,2025-01-01,kanari\n"), DataError, "3 fields"),
    ("row too short", "o.csv", written("o.csv", GOOD + b"kanari\n"), DataError, "line 3"),
    ("quote open", "o.csv", written("o.csv", GOOD + b'"kanari,2025-01-01\n'), DataError, "never closed"),
    (
        "line ends mixed",
        "o.csv",
        written("o.csv", GOOD + b"kanari,2025-01-01\r\n" * 2),
        DataError,
        "line end",
    ),
    (
        "column missing",
        "o.csv",
        written("o.csv", b"cust_id,ordered_at\n"),
        DataError,
        "did you mean 'cust_id'?",
    ),
    (
        "column with a space",
        "o.csv",
        written("o.csv", b" customer_id,ordered_at\n"),
        DataError,
        "did you mean ' customer_id'?",
    ),
]


@pytest.mark.parametrize(
    ("source", "make", "error", "words"), [case[1:] for case in FILES], ids=[case[0] for case in FILES]
)
def test_bad_file(tmp_path, source, make, error, words):
    if make:
        make(tmp_path)
    with pytest.raises(error) as caught:
        check_tables(open_tables(config(tmp_path, {"orders": {"source": source}}))).raise_if_any()
    assert isinstance(caught.value, CxmlError)
    assert words in str(caught.value)
    assert "where:" in str(caught.value)
    assert "fix:" in str(caught.value)
    assert CANARY not in shown(caught.value)


@pytest.mark.parametrize(
    ("spec", "error", "words"),
    [
        ({"columns": {"revenu": "x"}}, ConfigError, "did you mean 'revenue'?"),
        ({"columns": {"revenue": "umsatz"}}, DataError, "no column 'umsatz'"),
        ({"columns": {"revenue": "Orderd At"}}, DataError, "did you mean 'ordered_at'?"),
        ({"delimiter": "||"}, ConfigError, "one character"),
        ({"source": "d.duckdb", "table": "order"}, DataError, "did you mean 'orders'?"),
    ],
)
def test_bad_mapping(tmp_path, spec, error, words):
    (tmp_path / "o.csv").write_bytes(GOOD)
    import duckdb

    with duckdb.connect(str(tmp_path / "d.duckdb")) as database:
        database.execute("create table orders as select 'a' as customer_id, date '2025-01-01' as ordered_at")
    with pytest.raises(error) as caught:
        open_tables(config(tmp_path, {"orders": {"source": "o.csv", **spec}}))
    assert words in str(caught.value)
    assert caught.value.exit_code == (2 if error is ConfigError else 3)


@pytest.mark.parametrize(
    ("sources", "words"),
    [
        ({}, "there is no table"),
        ({"order": pd.DataFrame()}, "did you mean 'orders'?"),
        ({"orders": [1, 2]}, "a list is no table"),
        ({"orders": pd.DataFrame([[1, 2]], columns=["a", "a"])}, "two columns are called 'a'"),
        (
            {"orders": pd.DataFrame({"customer_id": [1 + 2j], "ordered_at": ["2025-01-01"]})},
            "no table can hold",
        ),
    ],
)
def test_bad_tables_in_memory(sources, words):
    with pytest.raises(CxmlError) as caught:
        open_tables(config(Path()), sources)
    assert words in str(caught.value)


def test_a_file_that_vanishes_after_opening(tmp_path):
    (tmp_path / "o.csv").write_bytes(GOOD)
    tables = open_tables(config(tmp_path, {"orders": {"source": "o.csv"}}))
    (tmp_path / "o.csv").unlink()
    with pytest.raises(DataError) as caught:
        check_tables(tables).raise_if_any()
    assert "o.csv" in str(caught.value)


def test_check_changes_nothing(tmp_path):
    frames = company()
    tables = opened(frames, "frame", tmp_path)
    before = tables.engine.rows("select * from interactions order by all")
    check_tables(tables)
    check_tables(tables)
    assert tables.engine.rows("select * from interactions order by all") == before
    assert before[0][2] == dt.datetime(2025, 3, 1, 10)


def test_rows_that_are_late_are_told_of_a_single_table(tmp_path: Path) -> None:
    days = np.repeat(np.arange(395), 12)
    log = pd.DataFrame(
        {
            "customer_id": [f"c{k % 60}" for k in range(len(days))],
            "started_at": pd.Timestamp("2024-01-01", tz="UTC")
            + pd.to_timedelta(days, unit="D")
            + pd.Timedelta(hours=9),
        }
    )
    log.to_parquet(tmp_path / "contacts.parquet")
    (tmp_path / "cxml.toml").write_text(
        '[project]\nobservation_end = "2025-03-01"\n[tables.interactions]\nsource = "contacts.parquet"\n'
        '[population]\nactivity = ["interactions"]\n[churn]\nactivity = ["interactions"]\n'
    )
    assert any("missing or late" in note for note in jobs.check(tmp_path).check.notes)
