"""What looks odd and may be right: told where names and values bear it out, and not otherwise."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from cxml.config.load import parse_config
from cxml.simulate import simulate
from cxml.tables import hints
from cxml.tables.check import check_tables
from cxml.tables.opening import open_tables

N = 400
RNG = np.random.default_rng(0)


def contacts(**columns: Any) -> pd.DataFrame:
    at = pd.Timestamp("2025-01-01") + pd.to_timedelta(np.sort(RNG.integers(0, 86400 * 100, N)), unit="s")
    ids = {"interaction_id": [f"i{n}" for n in range(N)], "customer_id": [f"c{n % 40}" for n in range(N)]}
    return pd.DataFrame({**ids, "started_at": at, **columns})


def orders(**columns: Any) -> pd.DataFrame:
    frame = contacts(**columns).rename(columns={"interaction_id": "order_id", "started_at": "ordered_at"})
    return frame if "revenue" in frame else frame.assign(revenue=RNG.integers(100, 9_999, N) / 100)


def told(table: str, frame: pd.DataFrame, currency: str = "EUR", **spec: Any) -> list[str]:
    raw = {
        "project": {"observation_end": "2025-05-01", "currency": currency},
        "tables": {table: {"source": "none", **spec}},
    }
    tables = open_tables(parse_config(raw, Path()), {table: frame})
    found = check_tables(tables)
    assert found.problems == ()
    said = list(hints.notes(tables, tables.opened[table]))
    assert set(said) <= set(found.notes)
    return said


# ---------------------------------------------------------------- units by name


@pytest.mark.parametrize(
    ("name", "unit"),
    [
        *(("wait_minutes", "minutes"), ("WaitMin", "minutes"), ("wait_m", "minutes"), ("대기_분", "minutes")),
        *(("waitMs", "milliseconds"), ("wait_msec", "milliseconds"), ("queue millis", "milliseconds")),
        *(("wait_h", "hours"), ("waiting hours", "hours"), ("대기(시간)", "hours"), ("wait_days", "days")),
    ],
)
def test_a_duration_that_is_called_another_unit_is_told(name: str, unit: str) -> None:
    (note,) = told("interactions", contacts(**{name: RNG.integers(1, 9, N)}), columns={"wait_s": name})
    assert note == (
        f"interactions.wait_s: the name {name!r} says {unit}, and it is read as seconds; convert it in the source, if so"
    )


@pytest.mark.parametrize(
    "name",
    [
        "wait",
        "wait_sec",
        "min_wait_seconds",
        "대기시간",
        "대기시간(초)",
        "처리시간",
        "wartezeit",
        "hold",
        "mean",
        "mhd",
        "wait_S",
    ],
)
def test_a_duration_that_says_seconds_or_nothing_is_not(name: str) -> None:
    assert told("interactions", contacts(**{name: RNG.integers(1, 900, N)}), columns={"wait_s": name}) == []


def test_money_and_hours_have_units_too() -> None:
    assert "hundredths" in told("orders", orders(total_cents=range(N)), columns={"revenue": "total_cents"})[0]
    assert "thousands" in told("orders", orders(매출_천원=range(N)), columns={"revenue": "매출_천원"})[0]
    assert told("orders", orders(percent=range(N)), columns={"revenue": "percent"}) == []
    agents = pd.DataFrame({"agent_id": ["a"], "valid_from": ["2025-01-01 10:00:00"], "training_days": [3]})
    assert (
        "says days, and it is read as hours"
        in told("agents", agents, columns={"training_h": "training_days"})[0]
    )


# ---------------------------------------------------------------- units by size


def test_service_times_that_cannot_be_seconds_are_told() -> None:
    seconds = RNG.lognormal(5.6, 0.6, N)  # some five minutes
    phone = {"channel": "phone.human"}
    assert told("interactions", contacts(handle_s=seconds, **phone)) == []
    assert "if these are minutes" in told("interactions", contacts(handle_s=seconds / 60, **phone))[0]
    assert "if these are milliseconds" in told("interactions", contacts(handle_s=seconds * 1000, **phone))[0]


def test_service_times_that_can_be_are_not() -> None:
    brief = RNG.lognormal(1.5, 0.4, N)
    assert told("interactions", contacts(handle_s=brief, channel="phone.ivr")) == [], "a machine is quick"
    assert told("interactions", contacts(handle_s=brief * 20_000, channel="email")) == [], (
        "a letter lies for days"
    )
    long_tail = np.where(np.arange(N) % 20 == 0, 900, 12)
    assert told("interactions", contacts(handle_s=long_tail, channel="chat.live")) == [], "most hang up"
    few = contacts(handle_s=brief, channel="phone.human").head(50)
    assert told("interactions", few) == []


def test_prices_in_hundredths_are_told_where_the_currency_has_them() -> None:
    prices = RNG.choice([1999, 4995, 999, 12950, 2500, 599], N)
    (note,) = told("orders", orders(revenue=prices))
    assert note.startswith("orders.revenue: all amounts are whole") and "hundredths of EUR" in note
    assert told("orders", orders(revenue=prices), currency="KRW") == []
    assert told("orders", orders(revenue=prices / 100)) == []
    assert told("orders", orders(revenue=RNG.integers(5, 400, N))) == [], "whole euros"
    assert told("orders", orders(revenue=RNG.integers(1, 90, N) * 100)) == [], "round euros"


# ---------------------------------------------------------------- columns that nobody mapped


@pytest.mark.parametrize(
    ("table", "name", "values", "words"),
    [
        ("orders", "livemode", [True, False], "are of a test mode"),
        ("interactions", "is_test", [0, 1], "are marked as tests"),
        ("orders", "Test Order", ["no", "Yes"], "are marked as tests"),
        ("interactions", "isDeleted", ["N", "Y"], "are marked as deleted"),
        ("interactions", "deleted_at", [None, pd.Timestamp("2025-02-01")], "were deleted"),
        ("orders", "voided", ["0", "1"], "are marked as deleted, void"),
        ("interactions", "status", ["closed", "Spam"], "are tests, drafts, void"),
        ("orders", "status", ["paid", "CANCELLED"], "are cancelled, refunded or never paid"),
        ("orders", "financial_status", ["paid", "refunded"], "are cancelled, refunded or never paid"),
        ("orders", "주문상태", ["완료", "취소"], "are cancelled, refunded or never paid"),
        ("orders", "canceledAt", [None, "2025-02-01 10:00:00"], "were cancelled"),
        ("orders", "type", ["sale", "refund"], "are refunds, credits"),
        ("interactions", "public", [True, False], "are not public"),
        ("customers", "is_internal", [False, True], "are marked as internal"),
    ],
)
def test_rows_that_a_column_nobody_mapped_speaks_against(
    table: str, name: str, values: list[Any], words: str
) -> None:
    column = [values[1] if n % 4 == 0 else values[0] for n in range(N)]
    frame = {"orders": orders, "interactions": contacts}.get(table, contacts)(**{name: column})
    if table == "customers":
        frame = (
            frame.rename(columns={"started_at": "joined_at"})
            .drop_duplicates("customer_id")
            .drop(columns="interaction_id")
        )
    (note,) = told(table, frame)
    rows = sum(value == values[1] for value in frame[name])
    assert note.startswith(
        f"{table}: by the column {name!r}, which is not used, {rows:,} of {len(frame):,} rows {words}"
    )
    frame[name] = values[0]
    assert told(table, frame) == []


@pytest.mark.parametrize(
    "name", ["status", "state", "type", "tested", "contest", "undeleted", "kind", "publication"]
)
def test_words_of_daily_work_are_not_told(name: str) -> None:
    words = ["open", "closed", "solved", "pending", "new", "sale", "TX", "active", "1", "true"]
    for table, frame in (("orders", orders), ("interactions", contacts)):
        assert told(table, frame(**{name: RNG.choice(words, N)})) == []


def test_a_contract_that_was_cancelled_says_so_by_its_end() -> None:
    spans = contacts(status="canceled").rename(columns={"interaction_id": "subscription_id"})
    assert told("subscriptions", spans.assign(price=9.5)) == []


def test_a_column_that_is_mapped_is_not_told() -> None:
    assert told("orders", orders(status="cancelled"), columns={"category": "status"}) == []


def test_other_currencies_than_that_of_the_project() -> None:
    mixed = np.where(np.arange(N) < 30, "USD", "eur")
    (note,) = told("orders", orders(currency=mixed))
    assert "30 of 400 rows are in another currency than EUR" in note
    assert told("orders", orders(currency="eur")) == []
    assert told("interactions", contacts(currency="USD")) == [], "no money there"


def test_parts_of_a_source_are_counted_together(tmp_path: Path) -> None:
    orders(is_test=True).head(10).to_csv(tmp_path / "a.csv", index=False)
    orders().tail(30).to_csv(tmp_path / "b.csv", index=False)
    orders(is_test=False).iloc[50:60].to_parquet(tmp_path / "c.parquet")
    raw = {"project": {"observation_end": "2025-05-01"}, "tables": {"orders": {"source": "*.csv"}}}
    tables = open_tables(parse_config(raw, tmp_path))
    assert [
        note
        for note in hints.notes(tables, tables.opened["orders"])
        if "10 of 40 rows are marked as tests" in note
    ] != []


# ---------------------------------------------------------------- and nothing on good data


def test_a_simulated_company_has_nothing_odd() -> None:
    import tomllib

    company = simulate(300, months=18, seed=5)
    tables = open_tables(parse_config(tomllib.loads(company.config) | {"tables": {}}, Path()), company.tables)
    notes = check_tables(tables).notes
    # What its customers are worth is known before refunds.
    expected = "taken as never changed|have no end|refunds are not deducted"
    assert [note for note in notes if not re.search(expected, note)] == []
