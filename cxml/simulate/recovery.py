"""What the company does to make good: the table ``recoveries``."""

from __future__ import annotations

import numpy as np

from cxml.simulate.months import Months
from cxml.simulate.rows import DAY, NEVER, FloatArray, IntArray, Rows, by_time

ACTIONS = ("understand", "apology", "explain", "fix", "compensate", "follow_up")
SLOW_S = 7 * DAY
"""An issue that is not resolved for longer than this is bad."""

_COMPENSATE = ACTIONS.index("compensate")
_ACTION_SHARE = np.array([0.3, 0.75, 0.4, 0.25, 0.25, 0.3])
_AMOUNTS = np.array([3_000.0, 5_000.0, 10_000.0, 20_000.0, 30_000.0])


def draw_recoveries(rng: np.random.Generator, contacts: Rows, months: Months) -> Rows:
    """One row per act, for a part of the bad issues that changes from month to month."""
    issue, who, since = _bad_issues(contacts)
    capacity = np.clip(rng.normal(0.45, 0.12, months.count), 0.15, 0.75)
    handled = rng.random(len(issue)) < capacity[months.index(since)]
    acts = rng.random((len(issue), len(ACTIONS))) < _ACTION_SHARE
    acts[~acts.any(axis=1), ACTIONS.index("apology")] = True
    delay = DAY * rng.lognormal(0.0, 0.8, len(issue))
    order = np.cumsum(rng.exponential(0.4 * DAY, acts.shape), axis=1)
    at = since[:, None] + (delay[:, None] + order).astype(np.int64)
    row, action = np.nonzero(acts & handled[:, None])
    amount: FloatArray = np.where(action == _COMPENSATE, rng.choice(_AMOUNTS, len(row)), np.nan)
    rows: Rows = {
        "customer_id": who[row], "at": at[row, action], "issue_id": issue[row], "action": action,
        "amount": amount,
    }  # fmt: skip
    rows = by_time(rows, "at")
    return {"recovery_id": np.arange(len(rows["at"])), **rows}


def _bad_issues(contacts: Rows) -> tuple[IntArray, IntArray, IntArray]:
    """Issues that went wrong, their customers, and the first instant at which each was seen to be bad."""
    ended, at = contacts["ended_at"], contacts["started_at"]
    slow = contacts["resolved_at"] > at + SLOW_S
    seen = np.minimum.reduce([
        np.where(contacts["abandoned"] == 1, ended, NEVER),
        np.where(contacts["repeat"] == 1, ended, NEVER),
        np.where(slow, at + SLOW_S, NEVER),
    ])  # fmt: skip
    issue: IntArray = contacts["issue_id"]
    first = np.full(int(issue.max(initial=-1)) + 1, NEVER)
    np.minimum.at(first, issue, seen)
    who = np.zeros(len(first), dtype=np.int64)
    who[issue] = contacts["customer_id"]
    bad = np.flatnonzero(first < NEVER)
    return bad, who[bad], first[bad]
