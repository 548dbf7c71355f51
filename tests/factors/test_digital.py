"""Digital friction against plain Python, written from what each feature says."""

from __future__ import annotations

import pytest
from company import CUSTOMERS, CUTOFFS
from gathered import gather
from oracle import (
    DAY,
    Case,
    Row,
    answer,
    check,
    col,
    credit,
    difference,
    mean,
    n,
    share,
    since,
    smallest,
    told,
)

from cxml.factors.digital import DIGITAL


def on(rows: list[Row], device: str) -> list[Row]:
    return [r for r in rows if (r["device"] or "").startswith(device)]


def errors(rows: list[Row]) -> float | None:
    return share([x > 0 for x in col(rows, "errors")])


def ordered(rows: list[Row]) -> float | None:
    return share(col(rows, "ordered"))


def cart(r: Row) -> bool:
    return (r["cart_value"] or 0) > 0


def left(r: Row) -> bool | None:
    return not r["ordered"] if cart(r) and r["ordered"] is not None else None


def bought(r: Row, x: Case) -> bool:
    return x.first_after(r, "orders", 1, lambda o: not credit(o)) is not None


def lost(r: Row, x: Case) -> bool | None:
    """Judged once 24 hours have passed."""
    return None if not cart(r) or x.c - r["t"] <= DAY else not r["ordered"] and not bought(r, x)


def regained(r: Row, x: Case) -> bool | None:
    return bought(r, x) if left(r) and x.c - r["t"] > DAY else None


def solved_at(r: Row, k: list[Row]) -> int | None:
    """When the problem was solved, on this contact or on a later one of the issue."""
    if r["issue_id"] is None:
        return r["resolved_at"]
    return smallest(col([x for x in k if x["issue_id"] == r["issue_id"] and x["t"] >= r["t"]], "resolved_at"))


def open_question(r: Row, x: Case) -> bool:
    """The customer has asked in the last 7 days, and it was not solved when the visit began."""

    def unsolved(q: Row) -> bool:
        solved = solved_at(q, x.rows("interactions"))
        return q["direction"] != "outbound" and (solved is None or solved > r["t"])

    return x.last_before(r, "interactions", 7, unsolved) is not None


def in_trouble(r: Row) -> bool:
    return any((r[name] or 0) > 0 for name in ("errors", "rage_clicks", "payment_failures"))


def checkouts(rows: list[Row]) -> list[Row]:
    return [r for r in rows if (r["checkout_steps"] or 0) > 0]


ORACLE = {
    "error_share": lambda w, k, c: errors(w),
    "app_error_share": lambda w, k, c: errors([r for r in w if r["kind"] == "app"]),
    "mobile_error_share": lambda w, k, c: errors(on(w, "mobile")),
    "mobile_error_gap": lambda w, k, c: difference(errors(on(w, "mobile")), errors(on(w, "desktop"))),
    "mobile_order_gap": lambda w, k, c: difference(ordered(on(w, "mobile")), ordered(on(w, "desktop"))),
    "rage_share": lambda w, k, c: share([x > 0 for x in col(w, "rage_clicks")]),
    "checkout_steps_mean": lambda w, k, c: mean(col(checkouts(w), "checkout_steps")),
    "payment_failures_n": lambda w, k, c: sum(col(w, "payment_failures")),
    "payment_failure_share": lambda w, k, c: share([x > 0 for x in col(checkouts(w), "payment_failures")]),
    "digital_trouble_days_since": lambda w, k, c: since([r for r in w if in_trouble(r)], c),
    "cart_left_share": lambda w, k, c: share(told(left(r) for r in w)),
    "cart_lost_share": lambda w, k, c, x: share(told(lost(r, x) for r in w)),
    "cart_regained_share": lambda w, k, c, x: share(told(regained(r, x) for r in w)),
    "cart_left_question_n": lambda w, k, c, x: n(left(r) and open_question(r, x) for r in w),
    "one_click_share": lambda w, k, c: share(col([r for r in w if not credit(r)], "one_click")),
    "booked_share": lambda w, k, c: share(col(w, "booked")),
}


def test_every_column_is_what_it_says(monkeypatch: pytest.MonkeyPatch) -> None:
    gather(monkeypatch, 1, 7)
    check(DIGITAL, ORACLE)


TWICE = [("i1", 0, None), ("i1", 1, 2)]
OPEN = [  # contacts (issue, day, day on which it was solved); the day of a visit; whether a question was open
    (TWICE, 0, 0),
    (TWICE, 0.5, 1),
    (TWICE, 2 - 1 / DAY, 1),
    (TWICE, 2, 0),
    ([*TWICE, ("i1", 3, 4)], 2.5, 0),
    ([*TWICE, ("i1", 3, 4)], 3.5, 1),
    ([*TWICE, ("i1", 3, 4)], 4, 0),
    ([("i1", 0, None), ("i2", 1, 2)], 2.5, 1),
    ([(None, 0, None), (None, 1, 2)], 2.5, 1),
    ([(None, 0, 1)], 1, 0),
    ([("i1", 0, None)], 7, 1),
    ([("i1", 0, None)], 7 + 1 / DAY, 0),
]


def test_a_question_is_open_until_its_issue_is_solved() -> None:
    def at(day: float | None) -> int | None:
        return None if day is None else CUTOFFS[0] - 20 * DAY + round(day * DAY)

    cases = [(owner, *case) for owner, case in zip(CUSTOMERS, OPEN, strict=False)]
    tables = {
        "interactions": [
            {
                "id": f"{owner}{day}",
                "customer_id": owner,
                "t": at(day),
                "issue_id": issue,
                "direction": None,
                "resolved_at": at(solved),
            }
            for owner, contacts, _, _ in cases
            for issue, day, solved in contacts
        ],
        "sessions": [
            {"id": owner, "customer_id": owner, "t": at(day), "cart_value": 10.0, "ordered": False}
            for owner, _, day, _ in cases
        ],
    }
    _, frame = answer(tables, CUTOFFS[:1], (DIGITAL,))
    assert frame["cart_left_question_n_90d"].tolist()[: len(OPEN)] == [found for *_, found in cases]
