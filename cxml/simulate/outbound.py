"""What the company begins itself, and what belongs to leaving: further rows of ``interactions``.

Proactive contacts (a check, a warning of fraud) are settled as they end; nobody waits in them. Retention
contacts are those in which a customer wants to cancel: some stay, the others are a part of leaving.
"""

from __future__ import annotations

import numpy as np

from cxml.simulate.handling import Company
from cxml.simulate.months import draw_counts, draw_times
from cxml.simulate.rows import NEVER, IntArray, Rows, by_time, codes, flag, joined, take
from cxml.simulate.topics import COMPANY, PHONE, RETENTION, SMS

_INBOUND, _OUTBOUND = 0, 1
_PROACTIVE_RATE, _PROACTIVE_BY_LUCK = 0.08, -1.2
_RETENTION_RATE = 0.006
_DAYTIME = np.tile(np.where((np.arange(24) >= 9) & (np.arange(24) < 20), 1.0, 0.0), 7)
_QUIET_S = 10 * 86_400
_NAMES_COMPETITOR = 0.3


def company_contacts(rng: np.random.Generator, company: Company, first_issue: int) -> Rows:
    """Proactive contacts, and retention contacts of customers who stay; issues count from *first_issue*."""
    rows = by_time(joined([_proactive(rng, company), _changed_their_mind(rng, company)]), "started_at")
    return rows | {"issue_id": first_issue + np.arange(len(rows["started_at"]))}


def retention_contacts(rng: np.random.Generator, contacts: Rows, asked: IntArray) -> Rows:
    """*contacts* and, for everybody who asks to leave, the call in which they do; issues and ids go on."""
    who = np.flatnonzero(asked < NEVER)
    call = _retention(rng, who, asked[who]) | {
        "issue_id": int(contacts["issue_id"].max(initial=-1)) + 1 + np.arange(len(who)),
        "interaction_id": len(contacts["issue_id"]) + np.arange(len(who)),
        "resolved_at": np.full(len(who), NEVER),
    }
    return by_time(joined([contacts, call]), "started_at")


def withdrawn(contacts: Rows) -> tuple[IntArray, IntArray]:
    """Who wanted to cancel and stayed, and when they asked."""
    stayed = (contacts["topic"] == RETENTION) & (contacts["resolved_at"] < NEVER)
    return contacts["customer_id"][stayed], contacts["started_at"][stayed]


def _proactive(rng: np.random.Generator, company: Company) -> Rows:
    luck = company.luck.kinds["proactive"][:, :-1]
    rate = _PROACTIVE_RATE * np.exp(_PROACTIVE_BY_LUCK * luck - _PROACTIVE_BY_LUCK**2 / 2)
    who, month = draw_counts(rng, rate)
    at = draw_times(rng, company.months, month, _DAYTIME)
    rows = by_time({"who": who, "at": at}, "at")
    rows = take(rows, company.people.had_joined(rows["who"], rows["at"]) & ~_soon_after(rows))
    who, at, size = rows["who"], rows["at"], len(rows["at"])
    ended = at + np.ceil(rng.lognormal(4.8, 0.5, size)).astype(np.int64)
    return {
        "customer_id": who,
        "started_at": at,
        "ended_at": ended,
        "resolved_at": ended,
        "handle_s": (ended - at).astype(np.float64),
        "reopened_at": np.full(size, NEVER),
        "channel": np.where(rng.random(size) < 0.5, PHONE, SMS).astype(np.int8),
        "topic": (COMPANY.start + codes(rng, size, (0.3, 0.7))).astype(np.int8),
        "direction": np.full(size, _OUTBOUND, dtype=np.int8),
        "proactive": np.ones(size, dtype=np.int8),
    }


def _soon_after(rows: Rows) -> IntArray:
    """Whether a row comes within ten days of the customer's row before."""
    order = np.lexsort((rows["at"], rows["who"]))
    soon = np.zeros(len(order), dtype=bool)
    soon[order[1:]] = (np.diff(rows["who"][order]) == 0) & (np.diff(rows["at"][order]) <= _QUIET_S)
    return soon


def _changed_their_mind(rng: np.random.Generator, company: Company) -> Rows:
    shape = (company.people.count, company.months.count)
    who, month = draw_counts(rng, np.full(shape, _RETENTION_RATE))
    at = draw_times(rng, company.months, month, _DAYTIME)
    joined_by_then = company.people.had_joined(who, at)
    rows = _retention(rng, who[joined_by_then], at[joined_by_then])
    return rows | {"resolved_at": rows["ended_at"]}


def _retention(rng: np.random.Generator, who: IntArray, at: IntArray) -> Rows:
    """Inbound contacts about leaving, taken by a desk of its own."""
    size = len(who)
    ended = at + np.ceil(rng.lognormal(5.8, 0.4, size)).astype(np.int64)
    return {
        "customer_id": who,
        "started_at": at,
        "ended_at": ended,
        "handle_s": (ended - at).astype(np.float64),
        "reopened_at": np.full(size, NEVER),
        "channel": np.full(size, PHONE, dtype=np.int8),
        "topic": np.full(size, RETENTION, dtype=np.int8),
        "abandoned": np.zeros(size, dtype=np.int8),
        "direction": np.full(size, _INBOUND, dtype=np.int8),
        "proactive": np.zeros(size, dtype=np.int8),
        "competitor": flag(rng.random(size) < _NAMES_COMPETITOR),
    }
