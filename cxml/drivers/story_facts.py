"""What can be told of a customer's reasons: facts with dates and figures that a caller can say aloud.

A story is one small entry: the table it is about, which of its rows count, which of these is told, and the facts
taken of it. ``cxml.drivers.stories`` tells it of the rows *as known at the cutoff*; the sentences, with the same names, are
in the report's catalogue. The texts are SQL in the words of ``cxml.factors.declare``: the columns of the table,
``t``, ``age``, ``c`` and ``pos``, the promises, and the words that the story itself makes before.
"""

from __future__ import annotations

from cxml.drivers.contact_stories import CONTACT_STORIES
from cxml.drivers.story import (
    AGAIN,
    AT,
    OF_ALL,
    SINCE,
    TIMES,
    Clause,
    Fact,
    Story,
    within,
)
from cxml.factors.declare import DAY, wide
from cxml.factors.proactive import ORDER_TOLD

_DUE = ("due", "coalesce(promised_at, t + cast(delivery_promise_s as bigint))")

_GOODS = (
    Story(
        "not_delivered",
        "orders",
        ("delivery",),
        f"delivered_at is null and kept and not credit_note and {within(180)}",
        (Fact("ordered", "day", "t"), Fact("due", "day", "due"), Fact("late", "s", "c - due")),
        (Clause("not_delivered"), Clause("late_by")),
        words=(_DUE,),
        told="due < c",
        first="due",
        near=("overdue",),
        optional=("promised_at",),
    ),
    Story(
        "late_delivery",
        "orders",
        ("delivery",),
        f"delivered_at is not null and {within(180)}",
        (
            Fact("due", "day", "due"),
            Fact("delivered", "day", "delivered_at"),
            Fact("late", "s", "delivered_at - due"),
        ),
        (Clause("late_delivery"),),
        words=(_DUE,),
        told="delivered_at > due",
        near=("late",),
        optional=("promised_at",),
    ),
    Story(
        "wrong_item",
        "orders",
        ("delivery",),
        f"wrong_item and {within(180)}",
        (Fact("delivered", "day", "delivered_at"),),
        (Clause("wrong_item"),),
        near=("wrong",),
    ),
    Story(
        "order_untold",
        "orders",
        ("proactive",),
        f"order_told_at is null and not credit_note and age > {3 * DAY} and {within(365)}",
        (Fact("ordered", "day", "t"), TIMES),
        (Clause("order_untold"), Clause("times_year")),
        near=("order_",),
        joins=(ORDER_TOLD,),
    ),
    Story(
        "refund_due",
        "returns",
        ("returns",),
        f"refunded_at is null and coalesce(accepted, true) and not coalesce(exchanged, false) and age > refund_promise_s"
        f" and {within(365)}",
        (Fact("requested", "day", "t"), Fact("late", "s", "age - refund_promise_s")),
        (Clause("refund_due"), Clause("late_by")),
        first="t",
        near=("refund",),
        optional=("accepted", "exchanged"),
    ),
    Story(
        "return_refused",
        "returns",
        ("returns",),
        f"not accepted and {within(365)}",
        (Fact("requested", "day", "t"), Fact("decided", "day", "decided_at")),
        (Clause("return_refused"),),
        first="decided_at desc",
        near=("return",),
    ),
    Story(
        # A charge where none was expected is a fee or has no bill to lie above.
        "bill_above",
        "charges",
        ("billing",),
        f"amount > expected_amount and expected_amount > 0 and {within(180)}",
        (
            AT,
            Fact("amount", "money", "amount"),
            Fact("expected", "money", "expected_amount"),
            Fact("above", "money", f"{wide('amount')} - expected_amount"),
            Fact("disputed", "day", "disputed_at"),
        ),
        (Clause("bill_above"), Clause("disputed")),
        first=f"{wide('amount')} - expected_amount desc, t desc",
        near=("charge", "dispute"),
    ),
    Story(
        "fee_untold",
        "charges",
        ("billing",),
        f"kind like 'fee%' and not credit_note and coalesce(notified_at > t, true) and {within(180)}",
        (AT, Fact("amount", "money", "amount"), Fact("disputed", "day", "disputed_at")),
        (Clause("fee_untold"), Clause("disputed")),
        near=("fee",),
    ),
    Story(
        "price_rise",
        "subscriptions",
        ("price",),
        "plan is not null",
        (
            AT,
            Fact("plan", "text", "plan"),
            Fact("price", "money", "price"),
            Fact("before", "money", "before"),
        ),
        (Clause("price_rise"),),
        words=(("before", "lag(price) over (partition by g, plan order by t, pos)"),),
        told=f"before > 0 and price > before and {within(365)}",
        near=("price_rise",),
    ),
)

_ELSEWHERE = (
    Story(
        "no_show",
        "visits",
        ("visits",),
        f"no_show and not called_off and {within(365)}",
        (AT, TIMES),
        (Clause("no_show"), Clause("times_year")),
        near=("no_show", "visit_kept"),
    ),
    Story(
        "late_visit",
        "visits",
        ("visits",),
        f"arrived_at > window_end and not called_off and {within(365)}",
        (Fact("end", "day", "window_end"), Fact("late", "s", "arrived_at - window_end"), TIMES),
        (Clause("late_visit"), Clause("times_year")),
        near=("late", "visit_delay"),
    ),
    Story(
        "unanswered_post",
        "posts",
        ("replies",),
        f"polarity < 0 and replied_at is null and {within(365)}",
        (AT, Fact("site", "text", "site"), TIMES),
        (Clause("unanswered_post"), Clause("on_site"), Clause("times_unanswered")),
        first="t",
    ),
    Story(
        "digital_errors",
        "sessions",
        ("digital",),
        f"errors >= 1 and {within(90)}",
        (SINCE, Fact("errors", "count", f"sum(errors) {OF_ALL}"), Fact("last", "day", "t")),
        (Clause("digital_errors"),),
    ),
    Story(
        "help_not_found",
        "sessions",
        ("self_service",),
        f"help_search and not help_found and {within(90)}",
        (AT, TIMES),
        (Clause("help_not_found"), AGAIN),
    ),
    Story(
        "store_queue",
        "sessions",
        ("store",),
        f"kind = 'store' and queue_s >= 300 and {within(365)}",
        (AT, Fact("wait", "s", "queue_s")),
        (Clause("store_queue"),),
        first="queue_s desc, t desc",
    ),
    Story(
        "irrelevant",
        "messages",
        ("personalization",),
        f"relevant is not null and {within(90)}",
        (
            SINCE,
            Fact("sent", "count", f"count(*) {OF_ALL}"),
            Fact("irrelevant", "count", "irrelevant"),
        ),
        (Clause("irrelevant"),),
        words=(("irrelevant", f"sum(case when relevant then 0 else 1 end) {OF_ALL}"),),
        told="irrelevant >= 1",
    ),
    Story(
        "refused_request",
        "recoveries",
        ("recovery",),
        f"asked_at is not null and not granted and {within(365)}",
        (Fact("asked", "day", "asked_at"), Fact("at", "day", "t")),
        (Clause("refused_request"),),
        near=("refused", "granted"),
    ),
)

STORIES: tuple[Story, ...] = (*CONTACT_STORIES, *_GOODS, *_ELSEWHERE)
"""All stories; of those of a factor, the first ones that are near the reason, then the first ones, are told."""

BY_NAME = {story.name: story for story in STORIES}
