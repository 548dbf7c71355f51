"""What can be told of a customer's reasons: facts with dates and figures that a caller can say aloud.

A story is one small entry: the table it is about, which of its rows count, which of these is told, and the facts
taken of it. ``cxml.drivers.stories`` tells it of the rows *as known at the cutoff*; the sentences, with the same names, are
in the report's catalogue. The texts are SQL in the words of ``cxml.factors.declare``: the columns of the table,
``t``, ``age``, ``c`` and ``pos``, the promises, and the words that the story itself makes before.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from cxml.factors.declare import DAY, Lookup, Match, wide
from cxml.factors.proactive import ORDER_TOLD, WARNED
from cxml.factors.product import INBOUND
from cxml.factors.skill import AGENT_MET, UNSKILLED
from cxml.factors.waiting import WRITTEN

FactKind = Literal["day", "s", "count", "money", "text", "channel", "flag"]
"""A day or an instant, seconds, a whole number, money, a name from the data, a channel, yes or no."""

STEPS = ("apology", "explain", "fix", "compensate", "follow_up")
"""The steps of making good that a caller can still take, in their order."""


@dataclass(frozen=True)
class Fact:
    """One thing told: its name in the sentence, its kind, and the SQL of the told row. Missing: left unsaid."""

    name: str
    kind: FactKind
    sql: str


@dataclass(frozen=True)
class Clause:
    """A sentence of the catalogue, said where all it names is known and the fact *when*, if any, is true."""

    key: str
    when: str = ""


@dataclass(frozen=True)
class Story:
    """What is told of one row of a table.

    Attributes
    ----------
    name, table : str
    factors : tuple of str
        The factors whose reasons it explains.
    rows : str
        Which rows play a part: a condition on the columns, joined ones among them. Windows run over these.
    facts : tuple of Fact
    says : tuple of Clause
        Sentences in their order.
    words : tuple of (str, str)
        Names and SQL of what is made of these rows, windows over ``g`` among it, each after those that it uses.
    told : str
        Which of the rows can be told, words included; empty: all.
    first : str
        The order whose first row is told; of equals the last row of the log.
    near : tuple of str
        Beginnings of features that it explains before other stories of its factors do.
    optional : tuple of str
        Columns that *rows*, *told* and *first* see as missing where the data do not have them. All others that
        they name must be there, or the story is not told.
    joins : tuple of Lookup or Match
        What other tables say of a row.
    """

    name: str
    table: str
    factors: tuple[str, ...]
    rows: str
    facts: tuple[Fact, ...]
    says: tuple[Clause, ...]
    words: tuple[tuple[str, str], ...] = ()
    told: str = ""
    first: str = "t desc"
    near: tuple[str, ...] = ()
    optional: tuple[str, ...] = ()
    joins: tuple[Lookup | Match, ...] = ()


def _within(days: int) -> str:
    return f"age <= {days * DAY}"


_OF_ALL = "over (partition by g)"
_TIMES = Fact("times", "count", f"nullif(count(*) {_OF_ALL}, 1)")
"""How many such rows there are; unsaid for one."""
_SINCE = Fact("since", "day", f"min(t) {_OF_ALL}")
_AT = Fact("at", "day", "t")
_CHANNEL = Fact("channel", "channel", "channel")
_TOPIC = Fact("topic", "text", "topic")
_OPEN = Clause("open", when="open")
_ABOUT = Clause("about")
_AGAIN = Clause("times_90")

_OF_ISSUE = (
    ("place", "row_number() over (partition by g, issue_id order by t desc, pos desc)"),
    ("since", "min(t) over (partition by g, issue_id)"),
)

_CONTACTS = (
    Story(
        "repeated",
        "interactions",
        ("repeats", "effort"),
        f"topic is not null and {INBOUND} and {_within(90)}",
        (
            _TOPIC,
            Fact("contacts", "count", "contacts"),
            Fact("since", "day", "min(t) over (partition by g, topic)"),
            Fact("agents", "count", "case when agents > 1 then agents end"),
            Fact("hold", "s", "case when hold_s >= 60 then hold_s end"),
            Fact("open", "flag", "resolved_at is null"),
        ),
        (Clause("repeated"), Clause("agents"), Clause("last_hold"), _OPEN),
        words=(
            ("contacts", "count(*) over (partition by g, topic)"),
            ("met", "row_number() over (partition by g, topic, agent_id order by t, pos)"),
            ("new_agent", "case when agent_id is not null and met = 1 then 1 else 0 end"),
            ("agents", "sum(new_agent) over (partition by g, topic)"),
        ),
        told="contacts >= 2",
        first="contacts desc, t desc",
        near=("repeat", "issue_contacts", "agents"),
        optional=("direction",),
    ),
    Story(
        "long_wait",
        "interactions",
        ("waiting",),
        f"wait_s is not null and {_within(365)}",
        (
            _AT,
            _CHANNEL,
            Fact("wait", "s", "wait_s"),
            Fact("usual", "s", "usual"),
            Fact("promise", "s", "case when wait_s > promised_s then promised_s end"),
        ),
        (Clause("long_wait"), Clause("usual_wait"), Clause("promised_wait")),
        words=(
            ("others", f"count(*) {_OF_ALL} - 1"),
            (
                "usual",
                f"case when others >= 2 then (sum(cast(wait_s as double)) {_OF_ALL} - wait_s) / others end",
            ),
        ),
        told=f"wait_s > 300 and {_within(90)}",
        first="wait_s desc, t desc",
        near=("wait", "phone_wait", "chat_wait"),
    ),
    Story(
        "long_hold",
        "interactions",
        ("waiting",),
        f"hold_s >= 300 and {_within(90)}",
        (_AT, _CHANNEL, Fact("hold", "s", "hold_s"), _TIMES),
        (Clause("long_hold"), _AGAIN),
        first="hold_s desc, t desc",
        near=("hold",),
    ),
    Story(
        "unanswered",
        "interactions",
        ("waiting",),
        f"{INBOUND} and {_within(90)}",
        (
            _AT,
            _CHANNEL,
            _TOPIC,
            Fact("times", "count", f"nullif(count(case when silent then 1 end) {_OF_ALL}, 1)"),
        ),
        (Clause("unanswered"), _ABOUT, Clause("times_unanswered")),
        words=(
            ("met", "case when first_reply_at is not null or resolved_at is not null then t end"),
            # Who hung up, or was helped on the same issue since, is not waiting for an answer.
            ("settled", "case when issue_id is not null then max(met) over (partition by g, issue_id) end"),
            (
                "silent",
                f"{WRITTEN} and first_reply_at is null and resolved_at is null and age > promised_s"
                " and not coalesce(abandoned, false) and coalesce(settled < t, true)",
            ),
        ),
        told="silent",
        first="t",
        near=("reply", "unanswered", "email_reply", "social"),
        optional=("direction", "abandoned", "issue_id", "resolved_at"),
    ),
    Story(
        "gave_up",
        "interactions",
        ("abandonment",),
        f"abandoned and {_within(90)}",
        (_AT, _CHANNEL, Fact("wait", "s", "wait_s"), _TIMES),
        (Clause("gave_up"), Clause("gave_up_after"), _AGAIN),
    ),
    Story(
        "open_issue",
        "interactions",
        ("resolution",),
        f"issue_id is not null and {_within(365)}",
        (
            _TOPIC,
            Fact("since", "day", "since"),
            Fact("contacts", "count", "nullif(contacts, 1)"),
            Fact("last", "day", "case when contacts > 1 then t end"),
            Fact("promise", "s", "case when c - since > resolve_promise_s then resolve_promise_s end"),
        ),
        (Clause("open_issue"), _ABOUT, Clause("contacts_so_far"), Clause("overdue")),
        words=(*_OF_ISSUE, ("contacts", "count(*) over (partition by g, issue_id)")),
        told=f"place = 1 and resolved_at is null and {_within(180)}",
        first="since",
        near=("open", "unresolved", "overdue", "resolve", "first_contact"),
    ),
    Story(
        "slow_resolution",
        "interactions",
        ("resolution",),
        f"issue_id is not null and {_within(365)}",
        (
            _TOPIC,
            Fact("since", "day", "since"),
            Fact("took", "s", "resolved_at - since"),
            Fact("promise", "s", "resolve_promise_s"),
        ),
        (Clause("slow_resolution"), _ABOUT),
        words=_OF_ISSUE,
        told=f"place = 1 and resolved_at - since > resolve_promise_s and {_within(180)}",
        first="resolved_at - since desc, t desc",
        near=("resolve", "resolved", "first_contact"),
    ),
    Story(
        "reopened",
        "interactions",
        ("resolution", "repeats"),
        f"reopened_at is not null and {_within(365)}",
        (
            _TOPIC,
            Fact("back", "day", "reopened_at"),
            Fact("resolved", "day", "case when once_resolved_at <= reopened_at then once_resolved_at end"),
        ),
        (Clause("reopened"), _ABOUT, Clause("resolved_before")),
        first="reopened_at desc",
        near=("reopened", "recurred"),
    ),
    Story(
        "handed_on",
        "interactions",
        ("effort",),
        f"transfers >= 1 and {_within(90)}",
        (_AT, _CHANNEL, Fact("transfers", "count", "transfers")),
        (Clause("handed_on"),),
        first="transfers desc, t desc",
        near=("transfer",),
    ),
    Story(
        "identity",
        "interactions",
        ("effort", "personalization"),
        f"verifications >= 1 and {_within(90)}",
        (_SINCE, Fact("proofs", "count", f"sum(verifications) {_OF_ALL}")),
        (Clause("identity"),),
        words=(("proofs_n", f"sum(verifications) {_OF_ALL}"),),
        told="proofs_n >= 2",
        near=("verif", "reverif", "asked_who", "unrecognised"),
    ),
    Story(
        "explained_again",
        "interactions",
        ("effort", "personalization"),
        f"not context_carried and {_within(90)}",
        (_AT, _CHANNEL, _TIMES),
        (Clause("explained_again"), _AGAIN),
        near=("explain", "contact_gap"),
    ),
    Story(
        "rude",
        "interactions",
        ("conduct",),
        f"abusive and {_within(180)}",
        (_AT, _CHANNEL),
        (Clause("rude"),),
        near=("abusive",),
    ),
    Story(
        "wrong_information",
        "interactions",
        ("conduct",),
        f"corrected_at is not null and {_within(180)}",
        (_AT, _TOPIC, Fact("corrected", "day", "corrected_at")),
        (Clause("wrong_information"), _ABOUT),
        first="corrected_at desc",
        near=("wrong", "corrected"),
    ),
    Story(
        "scripted",
        "interactions",
        ("conduct",),
        f"scripted and {_within(90)}",
        (_AT, _CHANNEL, _TIMES),
        (Clause("scripted"), _AGAIN),
        near=("scripted",),
    ),
    Story(
        "wrong_language",
        "interactions",
        ("language",),
        f"lower(customer_language) <> lower(agent_language) and {_within(180)}",
        (_AT, _CHANNEL),
        (Clause("wrong_language"),),
    ),
    Story(
        "unskilled",
        "interactions",
        ("skill",),
        f"({UNSKILLED}) and {_within(180)}",
        (_AT, _CHANNEL, _TOPIC, _TIMES),
        (Clause("unskilled"), Clause("times_half_year")),
        near=("unskilled",),
        joins=(AGENT_MET,),
    ),
    Story(
        "ever_new_agents",
        "interactions",
        ("skill",),
        f"agent_id is not null and {INBOUND} and {_within(180)}",
        (_SINCE, Fact("contacts", "count", "contacts")),
        (Clause("ever_new_agents"),),
        words=(
            ("contacts", f"count(*) {_OF_ALL}"),
            ("met", "row_number() over (partition by g, agent_id order by t, pos)"),
            ("again", f"sum(case when met > 1 then 1 else 0 end) {_OF_ALL}"),
        ),
        told="contacts >= 3 and again = 0",
        near=("same_agent",),
        optional=("direction",),
    ),
    Story(
        "uneven_waits",
        "interactions",
        ("consistency",),
        f"wait_s is not null and {_within(365)}",
        (
            _SINCE,
            Fact("contacts", "count", "contacts"),
            Fact("least", "s", "least"),
            Fact("most", "s", "most"),
        ),
        (Clause("uneven_waits"),),
        words=(
            ("contacts", f"count(*) {_OF_ALL}"),
            ("least", f"min(wait_s) {_OF_ALL}"),
            ("most", f"max(wait_s) {_OF_ALL}"),
        ),
        told="contacts >= 3 and most > 60 and most >= 3 * least",
        near=("wait_", "inconsistency"),
    ),
    Story(
        "uneven_resolution",
        "interactions",
        ("consistency",),
        f"resolved_at is not null and {_within(365)}",
        (
            _SINCE,
            Fact("contacts", "count", "contacts"),
            Fact("least", "s", "least"),
            Fact("most", "s", "most"),
        ),
        (Clause("uneven_resolution"),),
        words=(
            ("contacts", f"count(*) {_OF_ALL}"),
            ("least", f"min(resolved_at - t) {_OF_ALL}"),
            ("most", f"max(resolved_at - t) {_OF_ALL}"),
        ),
        told=f"contacts >= 3 and most > {DAY} and most >= 3 * least",
        near=("resolve_",),
    ),
    Story(
        "unwarned",
        "interactions",
        ("proactive",),
        f"topic like 'incident%' and not coalesce(proactive, false) and warned_at is null and {_within(365)}",
        (_AT, _CHANNEL),
        (Clause("unwarned"),),
        near=("incident",),
        optional=("proactive",),
        joins=(WARNED,),
    ),
    Story(
        "defect",
        "interactions",
        ("product",),
        f"topic like 'product.defect%' and {_within(90)}",
        (_AT, _TIMES, Fact("open", "flag", "resolved_at is null")),
        (Clause("defect"), _AGAIN, _OPEN),
    ),
)

_DUE = ("due", "coalesce(promised_at, t + cast(delivery_promise_s as bigint))")

_GOODS = (
    Story(
        "not_delivered",
        "orders",
        ("delivery",),
        f"delivered_at is null and kept and not credit_note and {_within(180)}",
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
        f"delivered_at is not null and {_within(180)}",
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
        f"wrong_item and {_within(180)}",
        (Fact("delivered", "day", "delivered_at"),),
        (Clause("wrong_item"),),
        near=("wrong",),
    ),
    Story(
        "order_untold",
        "orders",
        ("proactive",),
        f"order_told_at is null and not credit_note and age > {3 * DAY} and {_within(365)}",
        (Fact("ordered", "day", "t"), _TIMES),
        (Clause("order_untold"), Clause("times_year")),
        near=("order_",),
        joins=(ORDER_TOLD,),
    ),
    Story(
        "refund_due",
        "returns",
        ("returns",),
        f"refunded_at is null and coalesce(accepted, true) and not coalesce(exchanged, false) and age > refund_promise_s"
        f" and {_within(365)}",
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
        f"not accepted and {_within(365)}",
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
        f"amount > expected_amount and expected_amount > 0 and {_within(180)}",
        (
            _AT,
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
        f"kind like 'fee%' and not credit_note and coalesce(notified_at > t, true) and {_within(180)}",
        (_AT, Fact("amount", "money", "amount"), Fact("disputed", "day", "disputed_at")),
        (Clause("fee_untold"), Clause("disputed")),
        near=("fee",),
    ),
    Story(
        "price_rise",
        "subscriptions",
        ("price",),
        "plan is not null",
        (
            _AT,
            Fact("plan", "text", "plan"),
            Fact("price", "money", "price"),
            Fact("before", "money", "before"),
        ),
        (Clause("price_rise"),),
        words=(("before", "lag(price) over (partition by g, plan order by t, pos)"),),
        told=f"before > 0 and price > before and {_within(365)}",
        near=("price_rise",),
    ),
)

_ELSEWHERE = (
    Story(
        "no_show",
        "visits",
        ("visits",),
        f"no_show and not called_off and {_within(365)}",
        (_AT, _TIMES),
        (Clause("no_show"), Clause("times_year")),
        near=("no_show", "visit_kept"),
    ),
    Story(
        "late_visit",
        "visits",
        ("visits",),
        f"arrived_at > window_end and not called_off and {_within(365)}",
        (Fact("end", "day", "window_end"), Fact("late", "s", "arrived_at - window_end"), _TIMES),
        (Clause("late_visit"), Clause("times_year")),
        near=("late", "visit_delay"),
    ),
    Story(
        "unanswered_post",
        "posts",
        ("replies",),
        f"polarity < 0 and replied_at is null and {_within(365)}",
        (_AT, Fact("site", "text", "site"), _TIMES),
        (Clause("unanswered_post"), Clause("on_site"), Clause("times_unanswered")),
        first="t",
    ),
    Story(
        "digital_errors",
        "sessions",
        ("digital",),
        f"errors >= 1 and {_within(90)}",
        (_SINCE, Fact("errors", "count", f"sum(errors) {_OF_ALL}"), Fact("last", "day", "t")),
        (Clause("digital_errors"),),
    ),
    Story(
        "help_not_found",
        "sessions",
        ("self_service",),
        f"help_search and not help_found and {_within(90)}",
        (_AT, _TIMES),
        (Clause("help_not_found"), _AGAIN),
    ),
    Story(
        "store_queue",
        "sessions",
        ("store",),
        f"kind = 'store' and queue_s >= 300 and {_within(365)}",
        (_AT, Fact("wait", "s", "queue_s")),
        (Clause("store_queue"),),
        first="queue_s desc, t desc",
    ),
    Story(
        "irrelevant",
        "messages",
        ("personalization",),
        f"relevant is not null and {_within(90)}",
        (
            _SINCE,
            Fact("sent", "count", f"count(*) {_OF_ALL}"),
            Fact("irrelevant", "count", "irrelevant"),
        ),
        (Clause("irrelevant"),),
        words=(("irrelevant", f"sum(case when relevant then 0 else 1 end) {_OF_ALL}"),),
        told="irrelevant >= 1",
    ),
    Story(
        "refused_request",
        "recoveries",
        ("recovery",),
        f"asked_at is not null and not granted and {_within(365)}",
        (Fact("asked", "day", "asked_at"), Fact("at", "day", "t")),
        (Clause("refused_request"),),
        near=("refused", "granted"),
    ),
)

STORIES: tuple[Story, ...] = (*_CONTACTS, *_GOODS, *_ELSEWHERE)
"""All stories; of those of a factor, the first ones that are near the reason, then the first ones, are told."""

BY_NAME = {story.name: story for story in STORIES}
