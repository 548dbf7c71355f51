"""Billing against plain Python, written from what each feature says."""

from __future__ import annotations

import math
import statistics

import company
import pytest
from company import CUSTOMERS, CUTOFFS
from gathered import gather
from oracle import DAY, Case, Row, answer, biggest, check, col, credit, last, n, per, same, share, told

from cxml.factors.billing import BILLING

WEEK = 7 * DAY


def usual(r: Row, k: list[Row]) -> float | None:
    """The median of the three charges of the same kind before, credits apart, none older than 180 days."""
    three = [x for x in same(r, k, "kind") if x["n"] < r["n"] and credit(x, "amount") == credit(r, "amount")][
        -3:
    ]
    if len(three) < 3 or r["t"] - three[0]["t"] > 180 * DAY or None in [x["amount"] for x in three]:
        return None
    return statistics.median(x["amount"] for x in three)


def over_usual(r: Row, k: list[Row]) -> float | None:
    return per(r["amount"], usual(r, k)) if (usual(r, k) or 0) > 0 else None


def over_expected(r: Row) -> bool | None:
    return None if None in (r["amount"], r["expected_amount"]) else r["amount"] > r["expected_amount"]


def excess(rows: list[Row]) -> float | None:
    both = [r for r in rows if over_expected(r) is not None]
    beyond = math.fsum(max(r["amount"] - r["expected_amount"], 0) for r in both)
    return per(beyond, math.fsum(r["expected_amount"] for r in both))


def fee(r: Row) -> bool:
    return (r["kind"] or "").startswith("fee")


def unannounced(r: Row) -> bool:
    return fee(r) and not credit(r, "amount") and (r["notified_at"] is None or r["notified_at"] > r["t"])


def fees(rows: list[Row]) -> float | None:
    of_a_kind = [r for r in rows if None not in (r["kind"], r["amount"])]
    return per(math.fsum(r["amount"] for r in of_a_kind if fee(r)), math.fsum(col(of_a_kind, "amount")))


def about_billing(r: Row) -> bool:
    return (r["topic"] or "").startswith("billing") and r["direction"] != "outbound"


def asked_about(r: Row, x: Case) -> bool | None:
    if credit(r, "amount") or x.c - r["t"] <= WEEK:
        return None
    return x.first_after(r, "interactions", 7, about_billing) is not None


ORACLE = {
    "charges_unexpected_n": lambda w, k, c: n(over_expected(r) for r in w),
    "charges_unexpected_share": lambda w, k, c: share(
        told(over_expected(r) for r in w if not credit(r, "amount"))
    ),
    "charge_excess": lambda w, k, c: excess(w),
    "charge_over_usual_max": lambda w, k, c: biggest(told(over_usual(r, k) for r in w)),
    "charge_over_usual_last": lambda w, k, c: last(w, lambda r: over_usual(r, k)),
    "charge_jumps_n": lambda w, k, c: n((over_usual(r, k) or 0) > 1.5 for r in w),
    "fees_unannounced_n": lambda w, k, c: n(unannounced(r) for r in w),
    "fee_share": lambda w, k, c: fees(w),
    "disputes_n": lambda w, k, c: len(col(w, "disputed_at")),
    "disputed_share": lambda w, k, c: share(
        [r["disputed_at"] is not None for r in w if not credit(r, "amount")]
    ),
    "dispute_days_since": lambda w, k, c: (c - max(v)) / DAY if (v := col(w, "disputed_at")) else None,
    "charge_contact_share": lambda w, k, c, x: share(told(asked_about(r, x) for r in w)),
}


def test_every_column_is_what_it_says(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(company.WORDS, "charges.kind", ("use", "use", "use", "use", "fee", None))
    some = (10.0, 15.0, 15.01, 20.0, 30.0, 0.0, 19.99, -15.0, None)
    monkeypatch.setitem(company.NUMBERS, "charges.amount", some)
    gather(monkeypatch, 7, 60)
    monkeypatch.setattr(company, "STEPS", (0, 1, DAY, 7 * DAY, 7 * DAY + 1, 30 * DAY, 60 * DAY, 60 * DAY + 1))
    check(BILLING, ORACLE)


@pytest.mark.parametrize(("late", "usual"), [(0, 2.0), (1, None)])
def test_what_is_usual_is_at_most_180_days_old(late: int, usual: float | None) -> None:
    start = CUTOFFS[0] - 181 * DAY
    charges = [
        {
            "id": f"x{k}",
            "customer_id": CUSTOMERS[0],
            "t": start + k * 60 * DAY,
            "kind": "use",
            "amount": amount,
        }
        for k, amount in enumerate((90.0, 10.0, 15.0, 30.0))
    ]
    charges[3]["t"] += late
    _, frame = answer({"charges": charges}, CUTOFFS[:1], (BILLING,))
    got = frame["charge_over_usual_max_365d"].iloc[0]
    assert got == usual if usual else math.isnan(got)
