"""Product trouble against plain Python, written from what each feature says."""

from __future__ import annotations

import company
import pytest
from gathered import gather
from oracle import DAY, Case, Row, check, col, credit, n, share, since, smallest, told

from cxml.factors.product import PRODUCT

MONTH = 30 * DAY


def about(r: Row, *topics: str) -> bool:
    return r["topic"] is not None and r["topic"].startswith(topics)


def defect(r: Row) -> bool:
    return about(r, "product.defect", "product.warranty")


def technical(r: Row) -> bool:
    return about(r, "technical", "product.install")


def solved_at(r: Row, k: list[Row]) -> int | None:
    """When the problem was solved, on this contact or on a later one of the issue."""
    if r["issue_id"] is None:
        return r["resolved_at"]
    return smallest(col([x for x in k if x["issue_id"] == r["issue_id"] and x["t"] >= r["t"]], "resolved_at"))


def after_order(r: Row, x: Case) -> bool:
    return x.last_before(r, "orders", 30, lambda o: not credit(o)) is not None


def trouble(r: Row) -> bool:
    return about(r, "product", "technical") and r["direction"] != "outbound"


def troubled(r: Row, x: Case) -> bool | None:
    if r["cancelled_at"] is not None or credit(r):
        return None
    return None if x.c - r["t"] <= MONTH else x.first_after(r, "interactions", 30, trouble) is not None


ORACLE = {
    "product_contact_share": lambda w, k, c: share([t.startswith("product") for t in col(w, "topic")]),
    "defects_n": lambda w, k, c: n(defect(r) for r in w),
    "defect_days_since": lambda w, k, c: since([r for r in w if defect(r)], c),
    "install_contacts_n": lambda w, k, c, x: n(technical(r) and after_order(r, x) for r in w),
    "technical_contact_share": lambda w, k, c: share([technical(r) for r in w if r["topic"] is not None]),
    "technical_open_share": lambda w, k, c: share([solved_at(r, k) is None for r in w if technical(r)]),
    "trouble_share": lambda w, k, c, x: share(told(troubled(r, x) for r in w)),
    "out_of_stock_n": lambda w, k, c: sum(col(w, "out_of_stock")),
    "out_of_stock_share": lambda w, k, c: share([x > 0 for x in col(w, "out_of_stock")]),
    "no_results_share": lambda w, k, c: share([x > 0 for x in col(w, "no_results")]),
}


def test_every_column_is_what_it_says(monkeypatch: pytest.MonkeyPatch) -> None:
    topics = ("product.defect", "product.warranty", "product.install", "technical", "billing", None)
    monkeypatch.setitem(company.WORDS, "topic", topics)
    gather(monkeypatch, 30)
    check(PRODUCT, ORACLE)
