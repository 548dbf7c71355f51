"""Self-service against plain Python, written from what each feature says."""

from __future__ import annotations

import company
import pytest
from gathered import gather
from oracle import DAY, HOUR, Case, Row, check, col, machine, mean, n, share, told

from cxml.factors.self_service import SELF_SERVICE


def inbound(r: Row) -> bool:
    return r["direction"] != "outbound"


def contacted(r: Row, x: Case) -> bool:
    """A contact by the customer within 24 hours after the visit began."""
    return x.first_after(r, "interactions", 1, inbound) is not None


def followed(rows: list[Row], x: Case) -> float | None:
    """Judged once 24 hours have passed."""
    return share([contacted(r, x) for r in rows if x.c - r["t"] > DAY])


def searches(rows: list[Row]) -> list[Row]:
    return [r for r in rows if r["help_search"]]


def portal(rows: list[Row], device: str = "") -> list[Row]:
    return [r for r in rows if r["kind"] == "portal" and (r["device"] or "").startswith(device)]


def errors(rows: list[Row]) -> float | None:
    return share([x > 0 for x in col(rows, "errors")])


def person(r: Row) -> bool:
    return r["channel"] is not None and not machine(r)


def asked_robot(r: Row) -> bool:
    return machine(r) and inbound(r)


def contained(r: Row, k: list[Row], c: int) -> bool | None:
    if not asked_robot(r) or c - r["t"] <= DAY:
        return None
    return not any(person(x) and r["t"] <= x["t"] <= r["t"] + DAY for x in k)


def in_a_row(r: Row, k: list[Row]) -> int:
    """Contacts with a robot in the 24 hours up to this one."""
    return sum(asked_robot(x) and r["t"] - DAY <= x["t"] <= r["t"] for x in k)


def goodness(r: Row) -> float | None:
    if None in (r["score"], r["scale_min"], r["scale_max"]) or r["scale_max"] == r["scale_min"]:
        return None
    up = (r["score"] - r["scale_min"]) / (r["scale_max"] - r["scale_min"])
    return 1 - up if r["higher_is"] == "bad" else up


def only_robots(r: Row, x: Case) -> bool:
    """In the 30 days before the survey, robots dealt with its issue and no person did."""

    def met(who: bool) -> bool:
        return (
            x.last_before(r, "interactions", 30, lambda q: machine(q) if who else person(q), on="issue_id")
            is not None
        )

    return met(True) and not met(False)


ORACLE = {
    "help_found_share": lambda w, k, c: share(col(searches(w), "help_found")),
    "help_missed_n": lambda w, k, c: n(r["help_found"] is False for r in searches(w)),
    "help_contact_share": lambda w, k, c, x: followed(searches(w), x),
    "help_views_before_contact": lambda w, k, c, x: mean(
        col([r for r in w if contacted(r, x)], "help_views")
    ),
    "guides_share": lambda w, k, c: share([x > 0 for x in col(w, "help_views")]),
    "ended_in_contact_share": lambda w, k, c: share(col(w, "ended_in_contact")),
    "portal_error_share": lambda w, k, c: errors(portal(w)),
    "portal_mobile_error_share": lambda w, k, c: errors(portal(w, "mobile")),
    "portal_contact_share": lambda w, k, c, x: followed(portal(w), x),
    "robot_contained_share": lambda w, k, c: share(told(contained(r, k, c) for r in w)),
    "robot_loops_n": lambda w, k, c: n(asked_robot(r) and in_a_row(r, k) >= 3 for r in w),
    "robot_dead_ends_n": lambda w, k, c: n(contained(r, k, c) and r["abandoned"] for r in w),
    "robot_score_mean": lambda w, k, c, x: mean(told(goodness(r) for r in w if only_robots(r, x))),
}


def test_every_column_is_what_it_says(monkeypatch: pytest.MonkeyPatch) -> None:
    channels = ("chat.bot", "chat.bot", "social.messenger.bot", "phone.ivr", "phone.human", "email", None)
    monkeypatch.setitem(company.WORDS, "interactions.channel", channels)
    monkeypatch.setitem(company.WORDS, "issue_id", ("i1", "i2"))
    monkeypatch.setitem(company.NUMBERS, "scale_min", (0.0, 1.0, 5.0, None))
    gather(monkeypatch, 1, 30)
    monkeypatch.setattr(company, "STEPS", (0, 1, HOUR, DAY // 2, DAY - 1, DAY, DAY + 1, 30 * DAY))
    check(SELF_SERVICE, ORACLE)
