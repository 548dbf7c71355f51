"""The way out against plain Python, written from what each feature says."""

from __future__ import annotations

import company
import pytest
from oracle import DAY, Case, Row, biggest, check, col, credit, current, last, n, share, since

from cxml.factors.leaving import LEAVING


def about(rows: list[Row], *words: str) -> list[Row]:
    return [r for r in rows if any(word in (r["topic"] or "") for word in words)]


def staying(rows: list[Row]) -> list[Row]:
    return [r for r in rows if (r["topic"] or "").startswith("retention")]


def ended(x: Case, w: int) -> int | None:
    """A standing order that placed something in the year."""
    placed = [r["t"] for r in x.window("orders", 365) if r["recurring"] and not credit(r)]
    return int(x.c - max(placed) > 90 * DAY) if placed else None


ORACLE = {
    "cancel_requested": lambda w, k, c: last(current(w), lambda r: int(r["cancel_requested_at"] is not None)),
    "cancel_request_days_since": lambda w, k, c: (
        None if (at := biggest(col(w, "cancel_requested_at"))) is None else (c - at) / DAY
    ),
    "retention_contacts_n": lambda w, k, c: len(staying(w)),
    "retention_days_since": lambda w, k, c: since(staying(w), c),
    "leaving_contacts_n": lambda w, k, c: len(about(w, "cancel", "port_out")),
    "competitor_named_n": lambda w, k, c: n(col(w, "competitor")),
    "competitor_named_share": lambda w, k, c: share(col(w, "competitor")),
    "price_match_n": lambda w, k, c: len(about(w, "price_match")),
    "standing_cancelled_n": lambda w, k, c: n(r["recurring"] and r["cancelled_at"] is not None for r in w),
    "standing_orders_n": lambda w, k, c: n(r["recurring"] and not credit(r) for r in w),
}
FORMULAS = {"standing_order_ended": ended}


def test_every_column_is_what_it_says(monkeypatch: pytest.MonkeyPatch) -> None:
    topics = (
        "retention",
        "retention.offer",
        "sales.price_match",
        "account.cancel",
        "account.port_out",
        "billing",
    )
    monkeypatch.setitem(company.WORDS, "topic", (*topics, None))
    check(LEAVING, ORACLE, FORMULAS)
