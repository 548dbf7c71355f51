"""Attributes made from the rows of a table: up to the extract they know the future, up to the cutoff they do not."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from cxml.audit import summed_attributes
from cxml.config.load import parse_config
from cxml.tables.opening import open_tables

END, CUTOFF = pd.Timestamp("2026-01-01", tz="UTC"), datetime(2025, 7, 1, tzinfo=UTC)
Frames = dict[str, pd.DataFrame]
Made = Callable[[Frames, pd.Timestamp], pd.Series]


@pytest.fixture(scope="module")
def tables() -> Frames:
    rng, n = np.random.default_rng(0), 200

    def at(rows: int) -> Any:
        return END - pd.to_timedelta(rng.uniform(0, 700, rows), unit="D")

    def who(rows: int) -> Any:
        return [f"c{i}" for i in rng.integers(0, n, rows)]

    topics, often = [f"t{i}" for i in range(60)], 1 / np.arange(1, 61)
    contacts = pd.DataFrame(
        {
            "customer_id": who(3_000),
            "started_at": at(3_000),
            "topic": rng.choice(topics, 3_000, p=often / often.sum()),
            "escalated": rng.random(3_000) < 0.3,
            "transfers": rng.poisson(1.5, 3_000),
        }
    )
    contacts["ended_at"] = contacts.started_at
    orders = pd.DataFrame(
        {"customer_id": who(3_000), "ordered_at": at(3_000), "revenue": rng.integers(10, 9_000, 3_000) / 10}
    )
    return {"interactions": contacts.sort_values("started_at"), "orders": orders.sort_values("ordered_at")}


def contacts(frames: Frames, end: pd.Timestamp) -> Any:
    rows = frames["interactions"]
    return rows[rows.started_at < end].groupby("customer_id")


def orders(frames: Frames, end: pd.Timestamp, days: int = 9_999) -> Any:
    rows = frames["orders"]
    recent = (rows.ordered_at < end) & (rows.ordered_at >= end - pd.Timedelta(days=days))
    return rows[recent].groupby("customer_id")


KEPT: dict[str, Made] = {
    "the number of rows": lambda f, end: contacts(f, end).size(),
    "the number of rows of 365 days": lambda f, end: orders(f, end, 365).size(),
    "the days since the last row": lambda f, end: (end - orders(f, end).ordered_at.max()).dt.days,
    "the sum of revenue": lambda f, end: orders(f, end).revenue.sum(),
    "the sum of revenue of 365 days": lambda f, end: orders(f, end, 365).revenue.sum(),
    "the mean of revenue": lambda f, end: orders(f, end).revenue.mean(),
    "the largest value of revenue": lambda f, end: orders(f, end).revenue.max(),
    "the last revenue": lambda f, end: orders(f, end).revenue.last(),
    "the number of different topic": lambda f, end: contacts(f, end).topic.nunique(),
    "the last topic": lambda f, end: contacts(f, end).topic.last(),
    "the number of rows of one topic": lambda f, end: contacts(f, end).topic.agg(lambda s: (s == "t2").sum()),
    "the number of rows with escalated": lambda f, end: contacts(f, end).escalated.sum(),
    "the share of rows with escalated": lambda f, end: contacts(f, end).escalated.mean(),
    "the sum of transfers": lambda f, end: contacts(f, end).transfers.sum(),
}


def found(frames: Frames, kept: pd.Series) -> list[str]:
    people = pd.DataFrame({"customer_id": sorted(set(frames["orders"].customer_id))})
    people = people.assign(joined_at=END - pd.Timedelta(days=800), kept=people.customer_id.map(kept))
    raw = {
        "project": {"observation_end": "2026-01-01"},
        "tables": {"customers": {"source": "", "attributes": ["kept"]}},
    }
    opened = open_tables(parse_config(raw, Path()), {"customers": people, **frames})
    return [one.what for one in summed_attributes.findings(opened, people.customer_id, CUTOFF)]


@pytest.mark.parametrize("says", KEPT)
def test_what_analysts_keep_beside_a_customer_is_named(tables: Frames, says: str) -> None:
    (what,) = found(tables, KEPT[says](tables, END))
    assert f"is {says} of " in what


@pytest.mark.parametrize("says", KEPT)
def test_the_same_up_to_the_cutoff_is_not(tables: Frames, says: str) -> None:
    assert found(tables, KEPT[says](tables, pd.Timestamp(CUTOFF))) == []


def test_texts_with_braces_and_quotes_are_counted(tables: Frames) -> None:
    odd = {"t0": "{end}", "t1": "it's", "t2": "{0}"}
    changed = tables | {"interactions": tables["interactions"].replace({"topic": odd})}
    kept = contacts(changed, END).topic.agg(lambda s: (s == "{end}").sum())
    assert len(found(changed, kept)) == 1
