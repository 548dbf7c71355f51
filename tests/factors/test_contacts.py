"""Contact volume against plain Python, written from what each feature says."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from typing import Any

import pytest
from gathered import gather
from oracle import DAY, ZONE, Case, Row, bought, check, col, credit, gap, mean, n, per, share, since

from cxml.factors.behaviour import BEHAVIOUR
from cxml.factors.contacts import CONTACTS


def rate_trend(stem: str) -> Callable[..., Any]:
    return lambda x, w: per(x.of(stem, 30) / 30, x.of(stem, 180) / 180)


def days_of(rows: list[Row]) -> set[Any]:
    return {datetime.fromtimestamp(r["t"], ZONE).date() for r in rows}


def spacing(rows: list[Row]) -> float | None:
    """Average days from one row to the next."""
    return per(rows[-1]["t"] - rows[0]["t"], (len(rows) - 1) * DAY) if len(rows) > 1 else None


def beginnings(rows: list[Row], k: list[Row]) -> list[Row]:
    """First contacts of issues, or the first for half a year."""
    return [r for r in rows if r["issue_id"] is not None and gap(r, k, "issue_id", 180) is None]


def ordered_before(r: Row, x: Case) -> bool:
    return x.last_before(r, "orders", 30, lambda o: not credit(o)) is not None


def counted(x: Case, w: int, *tables: str) -> int:
    """The rows in the window; of orders, the purchases."""
    found = {table: x.window(table, w) for table in tables}
    if "orders" in found:
        found["orders"] = bought(found["orders"], x.rows("orders"))
    return sum(map(len, found.values()))


ORACLE = {
    "contacts_n": lambda w, k, c: len(w),
    "has_contact": lambda w, k, c: int(bool(w)),
    "contact_days_since": lambda w, k, c: since(w, c),
    "service_days_n": lambda w, k, c: len(days_of(w)),
    "contact_gap_d": lambda w, k, c: spacing(w),
    "issues_n": lambda w, k, c: len(set(col(w, "issue_id"))),
    "issue_gap_d": lambda w, k, c: spacing(beginnings(w, k)),
    "topics_n": lambda w, k, c: len(set(col(w, "topic"))),
    "handle_mean": lambda w, k, c: mean(col(w, "handle_s")),
    "contact_without_order_share": lambda w, k, c, x: share([not ordered_before(r, x) for r in w]),
    "own_data_after_order_n": lambda w, k, c, x: n(
        (r["topic"] or "").startswith("account") and ordered_before(r, x) for r in w
    ),
    "messages_n": lambda w, k, c: len(w),
}
FORMULAS = {
    "contact_trend": rate_trend("contacts_n"),
    "contacts_per_order": lambda x, w: per(x.of("contacts_n", w), counted(x, w, "orders")),
    "contacts_per_visit": lambda x, w: per(x.of("contacts_n", w), counted(x, w, "sessions")),
    "service_touch_share": lambda x, w: per(
        x.of("contacts_n", w), counted(x, w, "interactions", "orders", "sessions")
    ),
    "touches_per_order": lambda x, w: per(
        counted(x, w, "interactions", "sessions", "messages"), counted(x, w, "orders")
    ),
}


def test_every_column_is_what_it_says(monkeypatch: pytest.MonkeyPatch) -> None:
    gather(monkeypatch, 30)
    others = tuple(f for f in BEHAVIOUR.features if f.name in ("orders_n", "sessions_n"))
    beside = replace(BEHAVIOUR, features=others, derived=(), flags=(), matches=())
    check(CONTACTS, ORACLE, FORMULAS, beside=(beside,))
