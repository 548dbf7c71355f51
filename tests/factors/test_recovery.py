"""Service recovery against plain Python, written from what each feature says."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import company
import numpy as np
import pytest
from gathered import gather
from oracle import (
    DAY,
    HOUR,
    Case,
    Row,
    after,
    bad,
    biggest,
    check,
    col,
    mean,
    n,
    per,
    same,
    share,
    since,
    told,
    total,
)

from cxml.contracts import Column
from cxml.factors.recovery import RECOVERY
from cxml.factors.waiting import WAITING

STEPS = ("understand", "apology", "explain", "fix", "compensate", "prevent")


def failed(r: Row) -> bool:
    wrong = bad(r) or r["reopened_at"] is not None or r["corrected_at"] is not None
    return r["issue_id"] is not None and wrong


def failures(rows: list[Row]) -> list[Row]:
    return [r for r in rows if failed(r)]


def failed_again(r: Row, k: list[Row]) -> bool:
    earlier = [q for q in same(r, k, "issue_id") if q["n"] < r["n"] and failed(q)]
    return failed(r) and any(r["t"] - q["t"] <= 90 * DAY for q in earlier)


def given(r: Row) -> bool:
    """A refused compensation is no act."""
    return r["action"] is not None and (r["action"] != "compensate" or r["granted"] is not False)


def act(r: Row, x: Case, *actions: str) -> int | None:
    """Seconds from a contact to the first such act on its issue within 30 days."""
    found = x.first_after(r, "recoveries", 30, lambda q: q["action"] in actions and given(q), on="issue_id")
    return None if found is None else found - r["t"]


def any_act(r: Row, x: Case) -> int | None:
    return act(r, x, *STEPS, "follow_up")


def ended_well(r: Row, k: list[Row]) -> bool:
    """A contact of the issue, this one or one of the next 30 days, ended well."""
    near = [q for q in same(r, k, "issue_id") if 0 <= q["t"] - r["t"] <= 30 * DAY]
    return any(q["anything_else"] or (q["sentiment_end"] or 0) > 0 for q in near)


def steps_done(r: Row, k: list[Row], x: Case) -> int:
    return n(act(r, x, step) is not None for step in STEPS) + ended_well(r, k)


def left(rows: list[Row], x: Case) -> list[Row]:
    """Failures that nothing has been done about."""
    return [r for r in failures(rows) if any_act(r, x) is None]


def upset(rows: list[Row]) -> list[Row]:
    return [r for r in rows if r["sentiment_start"] is not None and r["sentiment_start"] <= -0.5]


def soon(seconds: int | None) -> bool:
    return seconds is not None and seconds <= 7 * DAY


def followed_up(r: Row, k: list[Row], c: int, x: Case) -> bool | None:
    """Of the last contact of an issue, once the seven days are over."""
    if r["issue_id"] is None or after(r, k, "issue_id") is not None or r["resolved_at"] is None:
        return None
    if r["resolved_at"] - r["t"] > 90 * DAY or c - r["resolved_at"] <= 7 * DAY:
        return None
    next_one = x.first_after(r, "recoveries", 97, lambda q: q["action"] == "follow_up", on="issue_id")
    return next_one is not None and 0 <= next_one - r["resolved_at"] <= 7 * DAY


def came_back(r: Row, x: Case) -> bool:
    return x.first_after(r, "interactions", 90, lambda q: True, on="issue_id") is not None


def asked_d(r: Row) -> float | None:
    ready = r["granted"] and r["asked_at"] is not None and r["asked_at"] <= r["t"]
    return (r["t"] - r["asked_at"]) / DAY if ready else None


def against_damage(rows: list[Row]) -> float | None:
    both = [
        r for r in rows if (r["damage"] or 0) > 0 and r["amount"] is not None and r["granted"] is not False
    ]
    return per(total(col(both, "amount")), total(col(both, "damage")))


def steps(rows: list[Row]) -> list[Row]:
    return [r for r in rows if r["action"] != "gift" and given(r)]


def acts(action: str) -> Callable[..., Any]:
    return lambda w, k, c: n(r["action"] == action and given(r) for r in w)


def step_share(action: str) -> Callable[..., Any]:
    return lambda w, k, c, x: share([act(r, x, action) is not None for r in failures(w)])


def delay_h(*actions: str) -> Callable[..., Any]:
    return lambda w, k, c, x: mean([s / HOUR for s in told(act(r, x, *actions) for r in failures(w))])


def recovered_since_bad(x: Case, w: int) -> int | None:
    bad_at, made_good = x.of("bad_days_since", 365), x.of("recovery_days_since", 365)
    if bad_at is None or made_good is None:
        return None if bad_at is None else 0
    # Finished columns are FLOAT: exact to some seconds.
    return int(np.float32(made_good) <= np.float32(bad_at))


ORACLE = {
    "bad_events_n": lambda w, k, c: n(bad(r) for r in w),
    "bad_days_since": lambda w, k, c: since([r for r in w if bad(r)], c),
    "failed_again_n": lambda w, k, c: n(failed_again(r, k) for r in w),
    "unrecovered_n": lambda w, k, c, x: len(left(w, x)),
    "unrecovered_share": lambda w, k, c, x: share([any_act(r, x) is None for r in failures(w)]),
    "unrecovered_oldest_d": lambda w, k, c, x: biggest([(c - r["t"]) / DAY for r in left(w, x)]),
    "understand_share": step_share("understand"),
    "apology_share": step_share("apology"),
    "explain_share": step_share("explain"),
    "fix_share": step_share("fix"),
    "compensate_share": step_share("compensate"),
    "prevent_share": step_share("prevent"),
    "good_end_share": lambda w, k, c: share([ended_well(r, k) for r in failures(w)]),
    "recovery_completeness": lambda w, k, c, x: mean([steps_done(r, k, x) / 7 for r in failures(w)]),
    "recovery_delay_h": delay_h(*STEPS, "follow_up"),
    "apology_delay_h": delay_h("apology"),
    "fix_delay_h": delay_h("fix"),
    "upset_apology_share": lambda w, k, c, x: share([soon(act(r, x, "apology")) for r in upset(w)]),
    "upset_empathy_mean": lambda w, k, c: mean(col(upset(w), "empathy")),
    "followed_up_share": lambda w, k, c, x: share(told(followed_up(r, k, c, x) for r in w)),
    "back_after_prevent_share": lambda w, k, c, x: share(
        [came_back(r, x) for r in w if r["action"] == "prevent"]
    ),
    "granted_share": lambda w, k, c: share(col([r for r in w if r["asked_at"] is not None], "granted")),
    "refused_n": lambda w, k, c: n(r["asked_at"] is not None and r["granted"] is False for r in w),
    "asked_delay_d_mean": lambda w, k, c: mean(told(asked_d(r) for r in w)),
    "amount_to_damage": lambda w, k, c: against_damage(w),
    "gift_messages_n": lambda w, k, c: n(r["purpose"] in ("gift", "thanks") for r in w),
    "recoveries_n": lambda w, k, c: len(steps(w)),
    "recovery_steps_n": lambda w, k, c: len({r["action"] for r in steps(w)}),
    "recovery_steps_per_issue": lambda w, k, c: per(
        len({(r["issue_id"], r["action"]) for r in steps(w) if r["issue_id"] is not None}),
        len(set(col(steps(w), "issue_id"))),
    ),
    "understand_n": acts("understand"),
    "apology_n": acts("apology"),
    "explain_n": acts("explain"),
    "fix_n": acts("fix"),
    "compensate_n": acts("compensate"),
    "follow_up_n": acts("follow_up"),
    "prevent_n": acts("prevent"),
    "gifts_n": acts("gift"),
    "recovery_amount": lambda w, k, c: total(col([r for r in w if r["granted"] is not False], "amount")),
    "recovery_days_since": lambda w, k, c: since(steps(w), c),
}
FORMULAS = {
    "recovery_ratio": lambda x, w: per(x.of("recoveries_n", w), x.of("bad_events_n", w)),
    "recovery_missing_n": lambda x, w: max(x.of("bad_events_n", w) - x.of("recoveries_n", w), 0),
    "recovered_since_bad": recovered_since_bad,
}


def test_every_column_is_what_it_says(monkeypatch: pytest.MonkeyPatch) -> None:
    gather(monkeypatch, 7, 30, 90)
    usual = company.value

    def value(r: random.Random, table: str, column: Column, t: int) -> Any:
        """What is asked for is mostly asked before it is given."""
        if column.name == "asked_at" and r.random() < 0.7:
            return r.choice((None, t, t - 1, t - r.randrange(20 * DAY)))
        return usual(r, table, column, t)

    monkeypatch.setattr(company, "value", value)
    bad_events = tuple(feature for feature in WAITING.features if feature.name.startswith("bad_"))
    check(RECOVERY, ORACLE, FORMULAS, beside=(replace(WAITING, features=bad_events, derived=()),))
