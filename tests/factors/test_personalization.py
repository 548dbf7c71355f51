"""Lack of personalization against plain Python, written from what each feature says."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import company
import numpy as np
import pytest
from gathered import gather
from oracle import (
    DAY,
    Case,
    Row,
    answer,
    bought,
    check,
    col,
    credit,
    last,
    mean,
    n,
    per,
    share,
    tables_of,
    told,
)

from cxml.contracts import TABLES
from cxml.factors.personalization import PARTS, PERSONALIZATION, PERSONALIZATION_INDEX
from cxml.features import planner


def unused(rows: list[Row]) -> float | None:
    both = [r for r in rows if None not in (r["fields_used"], r["fields_available"])]
    available = sum(r["fields_available"] for r in both)
    used = sum(min(r["fields_used"], r["fields_available"]) for r in both)
    return 1 - used / available if available else None


def chances_missed(rows: list[Row]) -> float | None:
    """Of the times when recognition, or the use of the name, is on record, those in which it failed."""
    return share([not x for name in ("recognised", "name_used") for x in col(rows, name)])


def asked_who(r: Row) -> bool | None:
    """Of a contact; nothing is said where it is unknown whether the customer was recognised."""
    if r["recognised"] is None:
        return None
    if r["recognised"]:
        return False
    if r["verifications"] is None and r["context_carried"] is None:
        return None
    return (r["verifications"] or 0) > 0 or r["context_carried"] is False


def stated(r: Row, x: Case, name: str) -> Any:
    """What the customer had stated when the row happened."""
    customer = x.lookup(r, "customers", "customer_id")
    return None if customer is None else customer[name]


def within(inner: str, outer: str) -> bool:
    return inner == outer or inner.startswith(outer + ".")


def off_channel(r: Row, x: Case) -> bool | None:
    wish = stated(r, x, "preferred_channel")
    if wish is None or r["channel"] is None:
        return None
    return not within(r["channel"], wish) and not within(wish, r["channel"])


def wrong_language(r: Row, x: Case) -> bool | None:
    spoken = stated(r, x, "language")
    return None if spoken is None or r["language"] is None else r["language"].lower() != spoken.lower()


def after_opt_out(r: Row, x: Case) -> bool | None:
    if r["purpose"] not in ("nurture", "offer", "survey", "review_request"):
        return None
    earlier = [m for m in x.rows("messages") if r["t"] - 365 * DAY <= m["t"] <= r["t"]]
    return any(out < r["t"] for out in col(earlier, "opted_out_at"))


def about_cancelled(r: Row, x: Case) -> bool | None:
    order = x.lookup(r, "orders", "order_id")
    if order is None or r["purpose"] in (None, "transactional"):
        return None
    return order["cancelled_at"] is not None and order["cancelled_at"] < r["t"]


def just_bought(r: Row, x: Case) -> bool | None:
    if r["purpose"] != "offer" or r["category"] is None:
        return None

    def kept(order: Row) -> bool:
        return not credit(order) and (order["cancelled_at"] is None or order["cancelled_at"] > r["t"])

    return x.last_before(r, "orders", 30, kept, on="category") is not None


def contradicts(r: Row, x: Case) -> bool | None:
    checks = (wrong_language, off_channel, after_opt_out, about_cancelled, just_bought)
    found = told(check(r, x) for check in checks)
    return any(found) if found else None


def unused_channel(r: Row, x: Case) -> bool | None:
    year = [
        q for q in x.rows("interactions") if 0 < r["t"] - q["t"] <= 365 * DAY and q["direction"] != "outbound"
    ]
    channels = set(col(year, "channel"))
    return r["channel"] not in channels if channels and r["channel"] is not None else None


def unused_category(r: Row, x: Case) -> bool | None:
    year = [o for o in x.rows("orders") if not credit(o) and 0 < r["t"] - o["t"] <= 365 * DAY]
    categories = set(col(year, "category"))
    return r["category"] not in categories if categories and r["category"] is not None else None


def share_of(says: Callable[[Row, Case], bool | None]) -> Callable[..., Any]:
    return lambda w, k, c, x: share(told(says(r, x) for r in w))


def count_of(says: Callable[[Row, Case], bool | None]) -> Callable[..., Any]:
    return lambda w, k, c, x: n(says(r, x) for r in w)


def of_purpose(rows: list[Row], purpose: str) -> list[Row]:
    return [r for r in rows if r["purpose"] == purpose]


def opened(rows: list[Row]) -> list[bool]:
    return [r["opened_at"] is not None for r in rows]


ORACLE = {
    "personalization_gap": lambda w, k, c: unused(w),
    "personalization_gap_last": lambda w, k, c: last(w, lambda r: unused([r])),
    "generic_share": lambda w, k, c: share(
        [x == 0 for x in col([r for r in w if (r["fields_available"] or 0) > 0], "fields_used")]
    ),
    "message_name_share": lambda w, k, c: share(col(w, "name_used")),
    "contact_gap": lambda w, k, c: chances_missed(w),
    "unrecognised_share": lambda w, k, c: share([not x for x in col(w, "recognised")]),
    "asked_who_share": lambda w, k, c: share(told(asked_who(r) for r in w)),
    "wrong_language_share": share_of(wrong_language),
    "off_channel_share": share_of(off_channel),
    "contact_off_channel_share": share_of(off_channel),
    "after_opt_out_n": count_of(after_opt_out),
    "cancelled_order_messages_n": count_of(about_cancelled),
    "owned_offer_share": share_of(just_bought),
    "contradiction_share": share_of(contradicts),
    "contradictions_n": count_of(contradicts),
    "irrelevant_n": lambda w, k, c: n(r["relevant"] is False for r in w),
    "irrelevant_share": lambda w, k, c: share([not x for x in col(w, "relevant")]),
    "unused_channel_share": share_of(unused_channel),
    "unused_category_share": share_of(unused_category),
    "recommended_order_share": lambda w, k, c: share(col(bought(w, k), "recommended")),
    "offer_clicked_share": lambda w, k, c: share(
        [r["clicked_at"] is not None for r in of_purpose(w, "offer")]
    ),
    "opened_share": lambda w, k, c: share(opened(w)),
    "nurture_opened_share": lambda w, k, c: share(opened(of_purpose(w, "nurture"))),
    "nurture_sends_per_open": lambda w, k, c: per(
        len(of_purpose(w, "nurture")), n(opened(of_purpose(w, "nurture")))
    ),
    "opt_outs_n": lambda w, k, c: len(col(w, "opted_out_at")),
    "preference_known": lambda w, k, c: int(w[-1]["preferred_channel"] is not None) if w else None,
    "profile_fill": lambda w, k, c: (
        mean([w[-1][name] is not None for name in ("language", "preferred_channel", "region")]) if w else None
    ),
}
FORMULAS = {
    "personalization_trend": lambda x, w: per(
        x.of("personalization_gap", 30), x.of("personalization_gap", 180)
    ),
}


def test_every_column_is_what_it_says(monkeypatch: pytest.MonkeyPatch) -> None:
    gather(monkeypatch, 30, 365)
    check(PERSONALIZATION, ORACLE, FORMULAS)


@pytest.mark.parametrize("versions", [False, True])
@pytest.mark.parametrize("seed", [1, 2])
def test_the_index_is_the_average_of_the_parts_that_are_there(seed: int, versions: bool) -> None:
    parts = replace(
        PERSONALIZATION, features=tuple(f for f in PERSONALIZATION.features if f.name in PARTS), derived=()
    )
    factors = (parts, PERSONALIZATION_INDEX)
    frame = answer(company.company(seed, versions, tables_of(factors)), company.CUTOFFS, factors)[1]
    for days in (90, 365):
        shares = frame[[f"{part}_{days}d" for part in PARTS]]
        measured = shares.notna().sum(axis=1)
        assert measured.nunique() > 3
        assert (frame[f"personalization_parts_{days}d"] == measured).all()
        np.testing.assert_allclose(frame[f"personalization_index_{days}d"], shares.mean(axis=1), rtol=1e-6)


def test_without_a_table_its_parts_are_left_out_by_name() -> None:
    present = {name: frozenset(TABLES[name].by_name) for name in ("messages", "interactions", "customers")}
    planned = planner.plan(present, (PERSONALIZATION, PERSONALIZATION_INDEX))
    built = {column.feature.name for column in planned.columns}
    assert {"personalization_gap", "wrong_language_share", "unused_channel_share", "contact_gap"} <= built
    assert planned.left_out["unused_category_share"] == ("orders",)
    # The index goes on without that part, and says so.
    assert {"personalization_index", "personalization_parts"} <= built
    assert planned.reduced == {"personalization_index": ("contradiction_share", "unused_category_share")}
    (index,) = (c for c in planned.columns if c.name == "personalization_index_90d")
    assert "unused_category_share" not in index.feature.sql
    assert "generic" not in index.feature.sql and "personalization_gap_90d" in index.feature.sql


def test_without_any_part_there_is_no_index() -> None:
    planned = planner.plan(
        {"orders": frozenset(TABLES["orders"].by_name)}, (PERSONALIZATION, PERSONALIZATION_INDEX)
    )
    assert {column.factor for column in planned.columns} == {"personalization"}
    assert {"personalization_index", "personalization_parts"} <= planned.left_out.keys()
