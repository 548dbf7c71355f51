"""What was known just before a cutoff, in plain words: the tables as a clerk would have copied them."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

from company import Row

END = (
    "handle_s",
    "hold_s",
    "transfers",
    "verifications",
    "context_carried",
    "agent_language",
    "agent_id",
    "scripted",
    "abusive",
    "sentiment_end",
    "unassigned_s",
    "wrap_up_s",
    "recognised",
    "name_used",
    "history_shown",
    "escalated",
    "empathy",
    "anything_else",
    "competitor",
    "documents_asked",
)
KNOWN_FROM = {
    "surveys": {"score": "answered_at"},
    "orders": {"wrong_item": "delivered_at", "return_slip": "delivered_at"},
    "returns": {"accepted": "decided_at", "exchanged": "decided_at", "refund": "refunded_at"},
    "visits": {"no_show": "window_end", "cancelled_by_customer": "window_end"},
}
KNOWN_AT_ONCE = {"orders": ("promised_at",), "visits": ("window_end",), "agents": ("hired_at",)}


def contact_end(row: Row) -> float:
    """A contact without an end is not over."""
    return math.inf if row["ended_at"] is None else row["ended_at"]


def wait_end(row: Row) -> float:
    waited = math.inf if row["wait_s"] is None else row["t"] + math.ceil(row["wait_s"])
    return min(waited, contact_end(row))


def known_from(table: str, row: Row, column: str) -> float:
    """The instant from which a value is known; infinite for what never happened."""
    if table == "interactions" and column in END:
        return contact_end(row)
    if table == "interactions" and column in ("wait_s", "abandoned"):
        return wait_end(row)
    instant = KNOWN_FROM.get(table, {}).get(column)
    if instant is None and column.endswith("_at") and column not in KNOWN_AT_ONCE.get(table, ()):
        instant = column
    if instant is None:
        return -math.inf
    return math.inf if row[instant] is None else row[instant]


def hidden(table: str, row: Row, column: str, c: int) -> bool:
    """Whether a value was not known before *c*."""
    return column not in ("t", "id", "recorded_at") and known_from(table, row, column) >= c


def masked(table: str, row: Row, c: int) -> Row:
    seen = {name: None if hidden(table, row, name, c) else value for name, value in row.items()}
    if table == "interactions":
        seen["once_resolved_at"] = solved = seen["resolved_at"]
        if None not in (solved, seen["reopened_at"]) and seen["reopened_at"] > solved:
            seen["resolved_at"] = None
    return seen


def known(table: str, rows: Iterable[Row], cutoff: int) -> list[Row]:
    """Rows as a clerk saw them just before *cutoff*, in order, numbered by ``n``."""
    seen: dict[Any, Row] = {}
    for row in sorted(rows, key=lambda r: r.get("recorded_at") or 0):
        if row["t"] < cutoff and max(row["t"], row.get("recorded_at") or 0) < cutoff:
            seen[identity(table, row)] = row
    if table == "subscriptions":  # what ends as it begins was never a contract
        seen = {
            one: row for one, row in seen.items() if row["ended_at"] is None or row["ended_at"] > row["t"]
        }
    found = sorted((masked(table, row, cutoff) for row in seen.values()), key=lambda r: (r["t"], r["id"]))
    return [{**row, "n": n} for n, row in enumerate(found)]


def identity(table: str, row: Row) -> Any:
    """What tells rows apart: an agent has one row per span."""
    return (row["id"], row["t"]) if table == "agents" else row["id"]
