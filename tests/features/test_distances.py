"""Where a span of time between two rows ends, to the second: one customer per distance."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import pytest
from company import CUSTOMERS, CUTOFFS, DAY, HOUR, Row
from oracle import TABLES, answer

from cxml.factors.behaviour import BEHAVIOUR
from cxml.factors.contacts import CONTACTS
from cxml.factors.declare import Factor
from cxml.factors.feedback import FEEDBACK
from cxml.factors.leaving import LEAVING
from cxml.factors.personalization import PERSONALIZATION
from cxml.factors.posts import POSTS
from cxml.factors.proactive import PROACTIVE
from cxml.factors.recovery import RECOVERY
from cxml.factors.replies import REPLIES

C = CUTOFFS[0]
T = C - 150 * DAY
NO, YES, UNSAID = 0, 1, math.nan
WEEK, MONTH, YEAR = 7 * DAY, 30 * DAY, 365 * DAY

Made = Mapping[str, list[Row]]


@dataclass(frozen=True)
class Span:
    """What *column* of *factor* says of rows that lie ``distance`` seconds apart: *wanted*, by distance."""

    factor: Factor
    column: str
    made: Callable[[int], Made]
    wanted: Mapping[int, float]


def after(days: int) -> dict[int, float]:
    """From the very second up to so many days later."""
    return {-1: NO, 0: YES, 1: YES, days * DAY - 1: YES, days * DAY: YES, days * DAY + 1: NO}


def before(days: int) -> dict[int, float]:
    """Earlier, so many days at most: the same second is not."""
    return {-1: NO, 0: NO, 1: YES, days * DAY - 1: YES, days * DAY: YES, days * DAY + 1: NO}


def no(span: Mapping[int, float]) -> dict[int, float]:
    return {distance: 1 - said for distance, said in span.items()}


def failure(t: int = T, **more: Any) -> Row:
    return {"t": t, "issue_id": "i1", "abandoned": True, "ended_at": t, **more}


def act(action: str, t: int) -> Row:
    return {"t": t, "issue_id": "i1", "action": action}


def step(column: str, action: str) -> Span:
    return Span(
        RECOVERY,
        column,
        lambda d: {"interactions": [failure()], "recoveries": [act(action, T + d)]},
        after(30),
    )


def told(column: str, purpose: str) -> Span:
    return Span(
        PROACTIVE,
        column,
        lambda d: {
            "orders": [{"t": T, "id": "o1"}],
            "messages": [{"t": T + d, "purpose": purpose, "order_id": "o1"}],
        },
        after(30),
    )


def resolved(age: int, **tables: list[Row]) -> Made:
    """An issue resolved *age* seconds before the cutoff."""
    return {"interactions": [{"t": C - age - DAY, "issue_id": "i1", "resolved_at": C - age}], **tables}


SPANS = [
    *(
        step(column, action)
        for column, action in (
            ("understand_share_365d", "understand"),
            ("apology_share_365d", "apology"),
            ("explain_share_365d", "explain"),
            ("fix_share_365d", "fix"),
            ("compensate_share_365d", "compensate"),
            ("prevent_share_365d", "prevent"),
        )
    ),
    Span(
        RECOVERY,
        "unrecovered_n_365d",
        lambda d: {"interactions": [failure()], "recoveries": [act("follow_up", T + d)]},
        no(after(30)),
    ),
    Span(
        RECOVERY,
        "good_end_share_365d",
        lambda d: {
            "interactions": [
                failure(),
                {"t": T + d, "issue_id": "i1", "anything_else": True, "ended_at": T + d},
            ]
        },
        after(30),
    ),
    Span(
        RECOVERY,
        "failed_again_n_365d",
        lambda d: {"interactions": [failure(), failure(T + d)]},
        {1: 1, 90 * DAY: 1, 90 * DAY + 1: 0},
    ),
    Span(
        RECOVERY,
        "upset_apology_share_365d",
        lambda d: {
            "interactions": [{"t": T, "issue_id": "i1", "sentiment_start": -0.5}],
            "recoveries": [act("apology", T + d)],
        },
        after(7),
    ),
    Span(
        RECOVERY,
        "followed_up_share_365d",
        lambda d: resolved(50 * DAY, recoveries=[act("follow_up", C - 50 * DAY + d)]),
        after(7),
    ),
    Span(
        RECOVERY,
        "followed_up_share_365d",
        lambda d: resolved(d),
        {WEEK - 1: UNSAID, WEEK: UNSAID, WEEK + 1: NO},
    ),
    Span(
        RECOVERY,
        "followed_up_share_365d",
        lambda d: {"interactions": [{"t": T, "issue_id": "i1", "resolved_at": T + d}]},
        {90 * DAY: NO, 90 * DAY + 1: UNSAID},
    ),
    Span(
        RECOVERY,
        "back_after_prevent_share_365d",
        lambda d: {"recoveries": [act("prevent", T)], "interactions": [{"t": T + d, "issue_id": "i1"}]},
        after(90),
    ),
    Span(
        RECOVERY,
        "asked_delay_d_mean_365d",
        lambda d: {"recoveries": [{**act("fix", T), "asked_at": T - d, "granted": True}]},
        {-1: UNSAID, 0: 0, 3 * DAY: 3},
    ),
    told("order_told_share_365d", "status"),
    told("order_status_share_365d", "status"),
    Span(
        PROACTIVE,
        "aftercare_share_365d",
        lambda d: {"orders": [{"t": T}], "messages": [{"t": T + d, "purpose": "aftercare"}]},
        after(30),
    ),
    Span(
        PROACTIVE,
        "incident_warned_share_365d",
        lambda d: {
            "interactions": [{"t": T, "topic": "incident.fraud", "proactive": False}],
            "messages": [{"t": T - d, "purpose": "alert"}],
        },
        before(7),
    ),
    Span(
        PROACTIVE,
        "event_contacts_n_180d",
        lambda d: {
            "customers": [{"t": T - YEAR, "life_event_at": T}],
            "interactions": [{"t": T + d, "proactive": True}],
        },
        after(30),
    ),
    Span(
        PROACTIVE,
        "event_messages_n_180d",
        lambda d: {
            "customers": [{"t": T - YEAR, "life_event_at": T}],
            "messages": [{"t": T + d, "purpose": "service"}],
        },
        after(30),
    ),
    Span(
        REPLIES,
        "complaint_made_good_share_365d",
        lambda d: {"posts": [{"t": T, "polarity": -1.0}], "recoveries": [act("fix", T + d)]},
        after(14),
    ),
    Span(
        REPLIES,
        "post_thanked_share_365d",
        lambda d: {"posts": [{"t": T, "polarity": 1.0}], "messages": [{"t": T + d, "purpose": "thanks"}]},
        after(14),
    ),
    *(
        Span(
            REPLIES,
            f"complaint_reply_over_{h}h_share_365d",
            lambda d: {"posts": [{"t": T, "polarity": -1.0, "replied_at": T + d}]},
            {h * HOUR: NO, h * HOUR + 1: YES},
        )
        for h in (1, 5)
    ),
    *(
        Span(
            REPLIES,
            f"complaint_reply_over_{h}h_share_365d",
            lambda d: {"posts": [{"t": C - d, "polarity": -1.0}]},
            {h * HOUR: UNSAID, h * HOUR + 1: YES},
        )
        for h in (1, 5)
    ),
    Span(
        POSTS,
        "complaint_after_contact_n_365d",
        lambda d: {"posts": [{"t": T, "polarity": -1.0}], "interactions": [{"t": T - d}]},
        before(7),
    ),
    Span(
        FEEDBACK,
        "loop_closed_share_365d",
        lambda d: {"surveys": [bad_answer(T)], "recoveries": [act("follow_up", T + DAY + d)]},
        after(7),
    ),
    Span(
        FEEDBACK,
        "loop_closed_share_365d",
        lambda d: {"surveys": [bad_answer(C - DAY - d)]},
        {WEEK: UNSAID, WEEK + 1: NO},
    ),
    Span(
        FEEDBACK,
        "loop_closed_share_365d",
        lambda d: {"surveys": [{**bad_answer(T), "answered_at": T + d}]},
        {90 * DAY: NO, 90 * DAY + 1: UNSAID},
    ),
    Span(
        CONTACTS,
        "contact_without_order_share_180d",
        lambda d: {"interactions": [{"t": T}], "orders": [{"t": T - d}]},
        no(before(30)),
    ),
    Span(
        CONTACTS,
        "issue_gap_d_365d",
        lambda d: {
            "interactions": [
                {"t": C - 350 * DAY, "issue_id": "i1"},
                {"t": C - 350 * DAY + d, "issue_id": "i1"},
            ]
        },
        {180 * DAY: UNSAID, 180 * DAY + 2: 180 + 2 / DAY},
    ),
    Span(
        BEHAVIOUR,
        "order_after_fix_share_365d",
        lambda d: resolved(50 * DAY, orders=[{"t": C - 50 * DAY + d}]),
        {-DAY - 1: NO, -DAY: YES, -1: YES, MONTH: YES, MONTH + 1: NO},
    ),
    Span(BEHAVIOUR, "order_after_fix_share_365d", lambda d: resolved(d), {MONTH: UNSAID, MONTH + 1: NO}),
    Span(
        BEHAVIOUR,
        "order_after_fix_share_365d",
        lambda d: {
            "interactions": [{"t": C - 200 * DAY, "issue_id": "i1", "resolved_at": C - 200 * DAY + d}],
            "orders": [{"t": C - 200 * DAY + 120 * DAY}],
        },
        {90 * DAY: YES, 90 * DAY + 1: UNSAID},
    ),
    Span(
        BEHAVIOUR,
        "new_categories_n_365d",
        lambda d: {"orders": [{"t": C - 5 * DAY - d, "category": "a"}, {"t": C - 5 * DAY, "category": "a"}]},
        {360 * DAY: 1, YEAR: 0, YEAR + 1: 1},
    ),
    Span(
        BEHAVIOUR,
        "visits_before_joining_n_365d",
        lambda d: {"sessions": [{"t": T}], "customers": [{"t": T + d}]},
        after(90),
    ),
    Span(
        BEHAVIOUR,
        "bought_again",
        lambda d: {"orders": [{"t": C - d}, {"t": C - 200 * DAY}]},
        {180 * DAY: YES, 180 * DAY + 1: NO},
    ),
    Span(
        LEAVING,
        "standing_order_ended",
        lambda d: {"orders": [{"t": C - d, "recurring": True}]},
        {90 * DAY: NO, 90 * DAY + 1: YES, YEAR: YES, YEAR + 1: UNSAID},
    ),
    Span(
        PERSONALIZATION,
        "owned_offer_share_365d",
        lambda d: {"messages": [offer(T)], "orders": [{"t": T - d, "category": "a"}]},
        before(30),
    ),
    Span(
        PERSONALIZATION,
        "owned_offer_share_365d",
        lambda d: {
            "messages": [offer(T)],
            "orders": [{"t": T - DAY, "category": "a", "cancelled_at": T + d}],
        },
        {-1: NO, 0: NO, 1: YES},
    ),
    Span(
        PERSONALIZATION,
        "unused_channel_share_365d",
        lambda d: {
            "messages": [offer(T)],
            "interactions": [{"t": T - DAY, "channel": "sms"}, {"t": T - d, "channel": "email"}],
        },
        no(before(365)),
    ),
    Span(
        PERSONALIZATION,
        "unused_channel_share_365d",
        lambda d: {"messages": [offer(T)], "interactions": [{"t": T - d, "channel": "sms"}]},
        {0: UNSAID, 1: YES, YEAR: YES, YEAR + 1: UNSAID},
    ),
    Span(
        PERSONALIZATION,
        "unused_category_share_365d",
        lambda d: {
            "messages": [offer(T)],
            "orders": [{"t": T - DAY, "category": "b"}, {"t": T - d, "category": "a"}],
        },
        no(before(365)),
    ),
    Span(
        PERSONALIZATION,
        "after_opt_out_n_365d",
        lambda d: {"messages": [offer(T), {"t": T - 9 * DAY, "purpose": "service", "opted_out_at": T - d}]},
        {-1: NO, 0: NO, 1: YES},
    ),
    Span(
        PERSONALIZATION,
        "after_opt_out_n_365d",
        lambda d: {"messages": [offer(T), {"t": T - d, "purpose": "service", "opted_out_at": T - DAY}]},
        {YEAR: YES, YEAR + 1: NO},
    ),
    Span(
        PERSONALIZATION,
        "cancelled_order_messages_n_365d",
        lambda d: {
            "messages": [{"t": T, "purpose": "status", "order_id": "o1"}],
            "orders": [{"t": T - 9 * DAY, "id": "o1", "cancelled_at": T - d}],
        },
        {-1: NO, 0: NO, 1: YES},
    ),
    Span(
        PERSONALIZATION,
        "wrong_language_share_365d",
        lambda d: {"messages": [{"t": T, "language": "ko"}], "customers": [{"t": T - d, "language": "en"}]},
        {-1: UNSAID, 0: YES, YEAR: YES},
    ),
]


def bad_answer(t: int) -> Row:
    scale = {"scale_min": 0.0, "scale_max": 10.0, "higher_is": "good"}
    return {"t": t, "kind": "csat", "score": 1.0, "answered_at": t + DAY, **scale}


def offer(t: int) -> Row:
    return {"t": t, "purpose": "offer", "channel": "email", "category": "a"}


def trimmed(factor: Factor, column: str) -> Factor:
    """The factor with what is wanted alone; formulas keep all."""
    features = tuple(f for f in factor.features if column.startswith(f"{f.name}_"))
    wanted = tuple(d for d in factor.derived if d.name == column)
    return replace(factor, features=factor.features if wanted else features, derived=wanted)


@pytest.mark.parametrize("span", SPANS, ids=lambda span: span.column)
def test_a_span_ends_where_it_says(span: Span) -> None:
    tables: dict[str, list[Row]] = {}
    for customer, distance in zip(CUSTOMERS, span.wanted, strict=False):
        for table, rows in span.made(distance).items():
            contract = TABLES[table]
            names = [c.name for c in contract.columns if not c.target and c.name != "recorded_at"]
            empty = {"t" if name == contract.event else name: None for name in names if name != contract.id}
            for row in rows:
                made = {**empty, **row, "customer_id": customer}
                made["id"] = customer + row.get("id", str(len(tables.get(table, []))))
                if made.get("order_id") is not None:
                    made["order_id"] = customer + made["order_id"]
                if table == "customers":
                    del made["customer_id"]
                    made["id"] = customer
                tables.setdefault(table, []).append(made)
    for table in (
        "customers",
        "orders",
        "messages",
        "recoveries",
        "interactions",
        "surveys",
        "sessions",
        "posts",
    ):
        tables.setdefault(table, [nobody(table)])
    frame = answer(tables, (C,), (trimmed(span.factor, span.column),))[1].set_index("customer_id")
    found = [float(frame[span.column].get(customer, math.nan)) for customer in CUSTOMERS[: len(span.wanted)]]
    assert found == pytest.approx(list(span.wanted.values()), nan_ok=True), list(span.wanted)


def nobody(table: str) -> Row:
    """A row of a customer who is not looked at, so that the table is there."""
    contract = TABLES[table]
    names = [c.name for c in contract.columns if not c.target and c.name != "recorded_at"]
    empty: Row = {"t" if name == contract.event else name: None for name in names}
    own = {} if table == "customers" else {"customer_id": "nobody"}
    return {**{k: v for k, v in empty.items() if k != contract.id}, "id": "nobody", "t": T, **own}
