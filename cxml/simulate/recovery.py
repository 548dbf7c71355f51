"""What the company does to make good: the table ``recoveries``."""

from __future__ import annotations

import numpy as np

from cxml.simulate.handling import Company
from cxml.simulate.months import draw_counts, draw_times
from cxml.simulate.rows import (
    DAY,
    NEVER,
    FloatArray,
    IntArray,
    Rows,
    by_time,
    flag,
    joined,
    numbered,
    take,
)

ACTIONS = ("understand", "apology", "explain", "fix", "compensate", "follow_up", "prevent", "gift")
SLOW_S = 7 * DAY
"""An issue that is not resolved for longer than this is bad."""

_COMPENSATE, _GIFT = ACTIONS.index("compensate"), ACTIONS.index("gift")
_ACTION_SHARE = np.array([0.3, 0.75, 0.4, 0.25, 0.25, 0.3, 0.1])
_AMOUNTS = np.array([3_000.0, 5_000.0, 10_000.0, 20_000.0, 30_000.0])
_ASKED, _REFUSED = 0.5, 0.3
_GIFTS_A_MONTH = 0.012
_DAYTIME = np.tile(np.where((np.arange(24) >= 9) & (np.arange(24) < 18), 1.0, 0.0), 7)


def draw_recoveries(rng: np.random.Generator, contacts: Rows, company: Company) -> Rows:
    """One row per act, for a part of the bad issues that changes from month to month, and some gifts."""
    rows = by_time(joined([_acts(rng, contacts, company), _gifts(rng, company)]), "at")
    return numbered(rows, "recovery_id")


def _acts(rng: np.random.Generator, contacts: Rows, company: Company) -> Rows:
    months = company.months
    issue, who, since = _bad_issues(contacts)
    capacity = np.clip(rng.normal(0.45, 0.12, months.count), 0.15, 0.75)
    handled = rng.random(len(issue)) < capacity[months.index(since)]
    acts = rng.random((len(issue), len(_ACTION_SHARE))) < _ACTION_SHARE
    acts[~acts.any(axis=1), ACTIONS.index("apology")] = True
    delay = DAY * rng.lognormal(0.0, 0.8, len(issue))
    order = np.cumsum(rng.exponential(0.4 * DAY, acts.shape), axis=1)
    at = since[:, None] + (delay[:, None] + order).astype(np.int64)
    row, action = np.nonzero(acts & handled[:, None])
    rows: Rows = {"customer_id": who[row], "at": at[row, action], "issue_id": issue[row], "action": action}
    return rows | _money(rng, action, at[row, action], since[row])


def _money(rng: np.random.Generator, action: IntArray, at: IntArray, since: IntArray) -> Rows:
    """What was asked for and given: half of the compensations were asked for, and of these some refused."""
    size = len(action)
    pays = action == _COMPENSATE
    asked = pays & (rng.random(size) < _ASKED)
    refused = asked & (rng.random(size) < _REFUSED)
    amount: FloatArray = rng.choice(_AMOUNTS, size)
    damage = np.rint(amount * rng.lognormal(0.3, 0.5, size) / 100) * 100
    return {
        "amount": np.where(pays, np.where(refused, 0.0, amount), np.nan),
        "asked_at": np.where(asked, since + ((at - since) * rng.random(size)).astype(np.int64), NEVER),
        "granted": np.where(asked, flag(~refused), -1).astype(np.int8),
        "damage": np.where(pays, damage, np.nan),
    }


def _gifts(rng: np.random.Generator, company: Company) -> Rows:
    """Small gifts without an occasion."""
    people, months = company.people, company.months
    who, month = draw_counts(rng, np.full((people.count, months.count), _GIFTS_A_MONTH))
    at = draw_times(rng, months, month, _DAYTIME)
    rows: Rows = {
        "customer_id": who,
        "at": at,
        "issue_id": np.full(len(who), -1),
        "action": np.full(len(who), _GIFT),
        "amount": rng.choice(_AMOUNTS[:2], len(who)),
    }
    return take(rows, people.had_joined(who, at))


def _bad_issues(contacts: Rows) -> tuple[IntArray, IntArray, IntArray]:
    """Issues that went wrong, their customers, and the first instant at which each was seen to be bad."""
    ended, at = contacts["ended_at"], contacts["started_at"]
    slow = contacts["resolved_at"] > at + SLOW_S
    seen = np.minimum.reduce(
        [
            np.where(contacts["abandoned"] == 1, ended, NEVER),
            np.where(contacts["repeat"] == 1, ended, NEVER),
            np.where(slow, at + SLOW_S, NEVER),
        ]
    )
    issue: IntArray = contacts["issue_id"]
    first = np.full(int(issue.max(initial=-1)) + 1, NEVER)
    np.minimum.at(first, issue, seen)
    who = np.zeros(len(first), dtype=np.int64)
    who[issue] = contacts["customer_id"]
    bad = np.flatnonzero(first < NEVER)
    return bad, who[bad], first[bad]
