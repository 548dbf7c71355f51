"""What the company got to see of a life: the rows before the customer left."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from cxml.simulate.rows import NEVER, IntArray, Rows, take

EVENTS = {
    "interactions": "started_at",
    "recoveries": "at",
    "orders": "ordered_at",
    "returns": "requested_at",
    "charges": "charged_at",
    "visits": "window_start",
    "sessions": "started_at",
    "surveys": "sent_at",
    "messages": "sent_at",
    "posts": "posted_at",
}
"""The tables of events, and what says when they happened."""

_STOP_WITH_THE_CUSTOMER = {
    "interactions": ("resolved_at", "reopened_at"),
    "charges": ("disputed_at",),
    "visits": ("arrived_at",),
    "surveys": ("answered_at", "recorded_at"),
    "messages": ("opened_at", "clicked_at", "opted_out_at", "accepted_at"),
}
_ACTIVITY = ("interactions", "orders", "sessions", "posts")


def seen(name: str, rows: Rows, until: IntArray) -> Rows:
    """The rows before each customer's *until*; what was still to come of them never comes."""
    gone = until[rows["customer_id"]]
    kept = rows[EVENTS[name]] < gone
    if "recorded_at" in rows:
        kept &= (rows["recorded_at"] == NEVER) | (rows["recorded_at"] < gone)
    rows, gone = take(rows, kept), gone[kept]
    for column in _STOP_WITH_THE_CUSTOMER.get(name, ()):
        rows[column] = np.where(rows[column] >= gone, NEVER, rows[column])
    return rows


def last_seen(tables: Mapping[str, Rows], joined: IntArray) -> IntArray:
    """The last time that each customer did anything."""
    last = joined.copy()
    for name in _ACTIVITY:
        rows = tables[name]
        own = np.full(len(rows["customer_id"]), True) if name != "interactions" else rows["direction"] == 0
        np.maximum.at(last, rows["customer_id"][own], rows[EVENTS[name]][own])
    return last
