"""Waits about which something was promised, against a clerk who reads the tables row by row."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pandas as pd
import pytest

from cxml.causes.waits import CONTEXT, context, promises_of, waits
from cxml.config.load import parse_config
from cxml.config.sections import Promises
from cxml.simulate import simulate
from cxml.tables.opening import Tables, open_tables

DAY = pd.Timedelta(days=1)
WINDOW = timedelta(days=90)
CUTOFFS = [pd.Timestamp(day, tz="UTC") for day in ("2024-09-01", "2024-11-01")]
PREFIXES = {
    "phone": 300,
    "chat": 300,
    "web": 300,
    "app": 300,
    "portal": 300,
    "social": 3600,
    "sms": 3600,
    "email": 3600,
}
Row = tuple[str, str, pd.Timestamp, float]


@pytest.fixture(scope="module")
def company() -> dict[str, pd.DataFrame]:
    made = simulate(customers=150, months=12, seed=3)
    return {name: table.to_pandas() for name, table in made.tables.items()}


def opened(frames: dict[str, pd.DataFrame]) -> Tables:
    raw = {
        "project": {"observation_end": "2025-01-01"},
        "population": {"by": "subscription"},
        "churn": {"definition": "subscription", "horizon": "28D", "grace": "0D"},
    }
    return open_tables(parse_config(raw, Path()), frames)


def found(frames: dict[str, pd.DataFrame]) -> tuple[pd.DataFrame, pd.DataFrame]:
    tables = opened(frames)
    keys = pd.DataFrame(
        [(customer, cutoff) for customer in sorted(frames["customers"]["customer_id"]) for cutoff in CUTOFFS],
        columns=["customer_id", "cutoff"],
    )
    return keys, waits(tables, keys, WINDOW)


def clerk(frames: dict[str, pd.DataFrame]) -> Iterator[Row]:
    """Promise, customer, cutoff and seconds of every wait."""
    for cutoff in CUTOFFS:
        yield from answers(frames["interactions"], cutoff)
        yield from resolutions(frames["interactions"], cutoff)
        for name, start, end in (
            ("orders", "ordered_at", "delivered_at"),
            ("returns", "requested_at", "refunded_at"),
        ):
            for row in frames[name].to_dict("records"):
                if cutoff - 90 * DAY <= row[start] < cutoff and row[end] < cutoff:
                    if name == "returns":
                        yield "refund", row["customer_id"], cutoff, (row[end] - row[start]).total_seconds()
                        continue
                    due = row["promised_at"] if pd.notna(row["promised_at"]) else row[start] + 5 * DAY
                    yield "delivery", row["customer_id"], cutoff, (row[end] - due + 5 * DAY).total_seconds()


def answers(contacts: pd.DataFrame, cutoff: pd.Timestamp) -> Iterator[Row]:
    seen = set()
    for row in contacts.sort_values(["started_at", "wait_s"]).to_dict("records"):
        if not cutoff - 90 * DAY <= row["started_at"] < cutoff or row["direction"] == "outbound":
            continue
        wait = float("nan")
        waited = (
            row["started_at"] + pd.Timedelta(seconds=row["wait_s"]) if pd.notna(row["wait_s"]) else pd.NaT
        )
        if waited.ceil("s") < cutoff if pd.notna(waited) else False:
            wait = row["wait_s"]
        elif not row["channel"].startswith(("phone", "store", "field")) and row["first_reply_at"] < cutoff:
            wait = (row["first_reply_at"] - row["started_at"]).total_seconds()
        name = next((prefix for prefix in PREFIXES if row["channel"].startswith(prefix)), "*")
        key = name, row["customer_id"], row["issue_id"] if pd.notna(row["issue_id"]) else None
        if pd.notna(wait) and key not in seen:
            seen.add(key)
            yield f"answer.{name}", row["customer_id"], cutoff, wait


def resolutions(contacts: pd.DataFrame, cutoff: pd.Timestamp) -> Iterator[Row]:
    for (customer, _), issue in contacts[contacts["started_at"] < cutoff].groupby(
        ["customer_id", "issue_id"]
    ):
        back = (issue["reopened_at"] < cutoff) & (issue["reopened_at"] > issue["resolved_at"])
        begun = issue["started_at"].min()
        done = issue.loc[(issue["resolved_at"] < cutoff) & ~back, "resolved_at"].max()
        if begun >= cutoff - 90 * DAY and pd.notna(done):
            yield "resolution", customer, cutoff, (done - begun).total_seconds()


def test_every_wait_is_the_one_the_clerk_finds(company: dict[str, pd.DataFrame]) -> None:
    keys, table = found(company)
    place = {(customer, cutoff): i for i, (customer, cutoff) in enumerate(keys.itertuples(index=False))}
    expected: dict[tuple[str, int], list[float]] = defaultdict(list)
    for name, customer, cutoff, seconds in clerk(company):
        expected[name, place[customer, cutoff]].append(seconds)
    made = table.groupby(["promise", "row"])["wait_s"].apply(sorted).to_dict()
    assert {key: pytest.approx(sorted(waited)) for key, waited in expected.items()} == made
    assert {"answer.phone", "answer.chat", "answer.email", "resolution", "delivery", "refund"} <= {
        name for name, _ in made
    }


def test_one_wait_of_each_promise_is_the_first(company: dict[str, pd.DataFrame]) -> None:
    _, table = found(company)
    assert (table.groupby(["promise", "row"])["first"].sum() == 1).all()
    assert table.loc[~table.duplicated(["promise", "row"]), "first"].all()


def test_what_happens_after_the_cutoff_changes_nothing(company: dict[str, pd.DataFrame]) -> None:
    later = {name: frame.copy() for name, frame in company.items()}
    contacts, orders = later["interactions"], later["orders"]
    for column in ("resolved_at", "first_reply_at"):
        contacts.loc[contacts[column] >= CUTOFFS[-1], column] += 3 * DAY
    contacts.loc[contacts["ended_at"] >= CUTOFFS[-1], "wait_s"] = 99.0
    orders.loc[orders["delivered_at"] >= CUTOFFS[-1], "delivered_at"] += 9 * DAY
    later["interactions"] = contacts[contacts["started_at"] < CUTOFFS[-1] + 5 * DAY]
    pd.testing.assert_frame_equal(found(company)[1], found(later)[1])


def test_what_is_not_recorded_is_left_out(company: dict[str, pd.DataFrame]) -> None:
    few = {name: company[name] for name in ("customers", "subscriptions", "interactions")}
    few["interactions"] = few["interactions"].drop(
        columns=["resolved_at", "issue_id", "topic", "first_reply_at"]
    )
    _, table = found(few)
    assert set(table["promise"]) == {"answer.phone", "answer.chat"}
    assert (
        table.groupby(["promise", "row"]).size() == 1
    ).all()  # without issues the first contact stands for all
    assert list(context(table).columns) == [name for name in CONTEXT if name != "topic"]
    bare = {name: company[name] for name in ("customers", "subscriptions")}
    assert found(bare)[1].empty


def test_promises_are_those_of_the_config() -> None:
    own = Promises(answer={"chat": timedelta(minutes=2), "fax": timedelta(days=1)}, refund=timedelta(days=7))
    spans = {promise.name: promise.seconds for promise in promises_of(own)}
    assert (spans["answer.chat"], spans["answer.fax"], spans["answer.phone"]) == (120.0, 86400.0, 300.0)
    assert (spans["refund"], spans["resolution"], spans["answer.*"]) == (
        7 * 86400.0,
        44 * 3600.0,
        44 * 3600.0,
    )
