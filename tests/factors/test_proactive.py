"""Proactive service against plain Python, written from what each feature says."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from gathered import gather
from oracle import DAY, HOUR, Case, Row, biggest, check, col, credit, mean, n, share, since, told

from cxml.factors.behaviour import BEHAVIOUR
from cxml.factors.proactive import PROACTIVE


def incidents(rows: list[Row]) -> list[Row]:
    return [r for r in rows if (r["topic"] or "").startswith("incident")]


def warned(r: Row, x: Case) -> bool:
    return (
        bool(r["proactive"]) or x.last_before(r, "messages", 7, lambda m: m["purpose"] == "alert") is not None
    )


def after_event(r: Row, x: Case) -> bool:
    """Within 30 days after the life event that was on record when the row happened."""
    customer = x.lookup(r, "customers", "customer_id")
    event = customer and customer["life_event_at"]
    return event is not None and 0 <= r["t"] - event <= 30 * DAY


def told_after(r: Row, x: Case, *purposes: str, named: bool = True) -> int | None:
    """Seconds from an order to the first message of these kinds, about that order if *named*, within 30 days."""
    return next(
        (
            m["t"] - r["t"]
            for m in x.rows("messages")
            if 0 <= m["t"] - r["t"] <= 30 * DAY
            and m["purpose"] in purposes
            and (m["order_id"] == r["id"] or not named)
        ),
        None,
    )


def told_share(*purposes: str, named: bool = True) -> Callable[..., Any]:
    return lambda w, k, c, x: share(
        [told_after(r, x, *purposes, named=named) is not None for r in w if not credit(r)]
    )


def unhelped(x: Case, w: int) -> int | None:
    event = biggest(col(x.rows("customers"), "life_event_at"))
    if event is None or x.c - event > 180 * DAY:
        return None
    return int(x.of("event_contacts_n", 180) + x.of("event_messages_n", 180) == 0)


ORACLE = {
    "proactive_share": lambda w, k, c: share(col(w, "proactive")),
    "proactive_days_since": lambda w, k, c: since([r for r in w if r["proactive"]], c),
    "proactive_solved_share": lambda w, k, c: share(
        [r["resolved_at"] is not None for r in w if r["proactive"]]
    ),
    "incidents_n": lambda w, k, c: len(incidents(w)),
    "incident_warned_share": lambda w, k, c, x: share([warned(r, x) for r in incidents(w)]),
    "event_contacts_n": lambda w, k, c, x: n(r["proactive"] and after_event(r, x) for r in w),
    "event_messages_n": lambda w, k, c, x: n(
        r["purpose"] in ("service", "aftercare") and after_event(r, x) for r in w
    ),
    "service_message_share": lambda w, k, c: share(
        [p in ("transactional", "status", "aftercare", "alert", "service") for p in col(w, "purpose")]
    ),
    "alerts_n": lambda w, k, c: n(r["purpose"] == "alert" for r in w),
    "order_told_share": told_share("transactional", "status"),
    "order_status_share": told_share("status"),
    "order_confirm_h_mean": lambda w, k, c, x: mean(
        [s / HOUR for s in told(told_after(r, x, "transactional") for r in w)]
    ),
    "order_date_share": lambda w, k, c: share([r["promised_at"] is not None for r in w if not credit(r)]),
    "aftercare_share": told_share("aftercare", named=False),
    "aftercare_days_since": lambda w, k, c: since([r for r in w if r["purpose"] == "aftercare"], c),
}
FORMULAS = {"life_event_unhelped": unhelped}


def test_every_column_is_what_it_says(monkeypatch: pytest.MonkeyPatch) -> None:
    gather(monkeypatch, 7, 30, 180)
    events = tuple(f for f in BEHAVIOUR.features if f.name == "life_event_days_since")
    beside = replace(BEHAVIOUR, features=events, derived=(), flags=(), matches=())
    check(PROACTIVE, ORACLE, FORMULAS, beside=(beside,))
