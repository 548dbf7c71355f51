"""The input tables as data: what a column holds, its unit, when its value is known, who it is about.

A table needs its customer and its event time; every other column is optional. What is here is
read by the check, by the as-of views, by the simulator and by the documentation.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

Kind = Literal["text", "instant", "number", "money", "count", "flag"]

YES = ("true", "1", "1.0", "yes", "y", "t", "on", "예", "네")
NO = ("false", "0", "0.0", "no", "n", "f", "off", "아니오", "아니요")
"""How a text may say yes and no, in capital or small letters: in a flag, and in a ready label."""

CONTACT_END = "contact_end"
"""When the outcome of a contact is known: at its end. Without ``ended_at``, at its start plus its wait and handling,
where ``handle_s`` is given. A contact without a known end is not over, and shows no outcome."""

WAIT_END = "wait_end"
"""When the wait of a contact is known: at its start plus the wait, at the latest at the end of the contact."""

MADE_INSTANTS = (CONTACT_END, WAIT_END)
"""Instants of a contact that are no columns: they are worked out for each row."""

ATTRIBUTE = "attribute_"
"""What the names of attributes begin with in the view of the customers."""

DayIs = Literal["last second", "first second", "over"]
"""What a day without a time stands for: its last second, since what is known of a day is not known before the day is
over; its first second, where a span begins; the first second of the next day, where a span ends with the day."""


@dataclass(frozen=True)
class Column:
    """One column of an input table.

    Attributes
    ----------
    name : str
        Ends in ``_s`` for seconds and ``_at`` for instants.
    kind : Kind
        ``text``, ``instant`` (time-zone aware, or local to the configured zone), ``number``,
        ``money`` (the one currency of the config), ``count`` (whole, not negative) or ``flag``.
    says : str
        What the column holds, for people.
    unit : str
        Empty where the kind says it all.
    low, high : float or None
        Closed bounds of the legal values.
    known : str
        The instant from which the value is known: a column of the same table, ``contact_end``, or
        empty when the value is known as soon as its row is.
    one_of : tuple of str
        The legal values of a closed list; empty when any value is legal.
    personal : bool
        Values are never shown in a message, a log or a report.
    target : bool
        Says what happened to the customer: read by labels, never by features.
    day_is : DayIs
        For an instant, what a day without a time stands for.
    undone_by : str
        For an instant, the column of the later instant that takes it back: a resolution is none once the issue came back.
    required : bool
        The table cannot be used without it; so it is with its owner and its event, which need not say so.
    overwritten : bool
        A source may change the value in place after ``known``, as people move, plans change and tickets
        are filed anew. An export without ``recorded_at`` then shows on every row what holds today, also
        of those who have left since.
    """

    name: str
    kind: Kind
    says: str
    unit: str = ""
    low: float | None = None
    high: float | None = None
    known: str = ""
    one_of: tuple[str, ...] = ()
    personal: bool = False
    target: bool = False
    day_is: DayIs = "last second"
    undone_by: str = ""
    required: bool = False
    overwritten: bool = False


@dataclass(frozen=True)
class Table:
    """One input table: a row is ``row_is``, it happened at ``event``, ``id`` tells rows apart.

    ``until`` is the column that says until when a row holds, where rows are spans of time. With ``once_a_day`` rows of
    one day that are alike are copies, since what they tell of happens once.
    """

    name: str
    row_is: str
    id: str
    event: str
    columns: tuple[Column, ...]
    until: str = ""
    once_a_day: bool = False

    @cached_property
    def once(self) -> dict[str, str]:
        """``once_x`` -> ``x``, for each instant that a later one takes back."""
        return {f"once_{column.name}": column.name for column in self.columns if column.undone_by}

    @cached_property
    def spans(self) -> dict[str, str]:
        """``x_after`` -> ``x_at``, for each instant that comes after the event and is known from itself."""
        return {
            f"{column.name.removesuffix('_at')}_after": column.name
            for column in self.columns
            if column.known == column.name and column.name.endswith("_at")
        }

    @cached_property
    def made_of(self) -> dict[str, str]:
        """Words beside the columns, each with the column that it is made of."""
        return {**self.once, **self.spans}

    @property
    def required(self) -> tuple[str, ...]:
        """The columns without which the table cannot be used."""
        also = (column.name for column in self.columns if column.required)
        return tuple(dict.fromkeys((self.owner, self.event, *also)))

    @property
    def owner(self) -> str:
        """The column that says whom a row is about."""
        return "agent_id" if self.name == "agents" else "customer_id"

    def column(self, name: str) -> Column:
        """The column called *name*.

        Raises
        ------
        KeyError
            When the contract has no such column.
        """
        return self.by_name[name]

    @cached_property
    def by_name(self) -> dict[str, Column]:
        """All columns by name."""
        return {column.name: column for column in self.columns}


def _table(
    name: str, row_is: str, id: str, event: str, *columns: Column, event_day: DayIs = "last second"
) -> Table:
    """A table with the columns that every table has: id, customer, event time, recorded_at, version."""
    personal_id = id in ("customer_id", "agent_id")
    common = [Column(id, "text", "tells one row from another", personal=personal_id)]
    if id not in ("customer_id",) and name != "agents":
        common.append(Column("customer_id", "text", "whom the row is about", personal=True))
    common.append(Column(event, "instant", "when it happened", day_is=event_day))
    recorded = Column("recorded_at", "instant", "when the row was written: it is known from then on")
    version = Column("version", "count", "which of several versions recorded at one instant is the later one")
    until = next((column.name for column in columns if column.name == "valid_to"), "")
    return Table(name, row_is, id, event, (*common, *columns, recorded, version), until)


_MOST_COUNTED, _LONGEST_S = 1_000_000, 10 * 366 * 86400
"""What no row counts and no duration lasts: above it lie -1 written without its sign, and other stand-ins."""


def _c(name: str, kind: Kind, says: str, unit: str = "", **more: object) -> Column:
    """A column; instants are known from themselves, durations and counts are neither negative nor beyond belief."""
    if kind == "instant":
        more.setdefault("known", name)
    if kind == "count" or (kind == "number" and name.endswith("_s")):
        more.setdefault("low", 0)
        more.setdefault("high", _MOST_COUNTED if kind == "count" else _LONGEST_S)
        unit = unit or ("s" if name.endswith("_s") else "")
    return Column(name, kind, says, unit, **more)  # type: ignore[arg-type]


def _now(name: str, kind: Kind, says: str, unit: str = "", **more: object) -> Column:
    """A column that sources overwrite with what holds today."""
    return _c(name, kind, says, unit, overwritten=True, **more)


def _end(name: str, kind: Kind, says: str, unit: str = "", **more: object) -> Column:
    """A column whose value is known when the contact is over."""
    return _c(name, kind, says, unit, known=CONTACT_END, **more)


CUSTOMERS = _table(
    "customers",
    "a customer",
    "customer_id",
    "joined_at",
    _c("birth_year", "count", "year of birth", low=1900, high=2100, personal=True),
    _now("language", "text", "language the customer speaks"),
    _now("preferred_channel", "text", "channel the customer asked for"),
    _now("region", "text", "where the customer lives"),
    _now("member_tier", "text", "level in the membership scheme"),
    _c("acquired_via", "text", "how the customer came"),
    _c("referred_by", "text", "the customer who recommended us", personal=True),
    _now("store_distance_km", "number", "way to the nearest store", "km", low=0),
    _c("life_event_at", "instant", "last change or hardship the customer told us of"),
    _c("left_at", "instant", "when the customer left", target=True),
    _c("last_seen_at", "instant", "last activity anywhere, also outside these tables", target=True),
    _c(
        "churned",
        "text",
        "whether the customer left, where that is all that is known: yes or no",
        target=True,
    ),
)

INTERACTIONS = _table(
    "interactions",
    "a contact",
    "interaction_id",
    "started_at",
    _now("issue_id", "text", "the problem the contact is about"),
    _c("channel", "text", "phone.human, phone.ivr, chat.bot, chat.live, email, social.*, sms, store ..."),
    _c("direction", "text", "who began: inbound (the customer) or outbound", one_of=("inbound", "outbound")),
    _now("topic", "text", "what the contact is about"),
    _now("agent_id", "text", "who served", known=CONTACT_END, personal=True),
    _c("wait_s", "number", "time until an agent or an answer was there", known=WAIT_END),
    _c("promised_wait_s", "number", "wait that was announced"),
    _c("first_reply_at", "instant", "first answer by a person or a bot"),
    _end("handle_s", "number", "time of service, hold included"),
    _end("hold_s", "number", "time on hold during service"),
    _c("ended_at", "instant", "end of the contact"),
    _c("abandoned", "flag", "the customer gave up before being served", known=WAIT_END),
    _end("transfers", "count", "times the contact was handed on"),
    _end("verifications", "count", "times the customer had to prove who they are"),
    _end("context_carried", "flag", "the customer did not have to explain again"),
    _now(
        "resolved_at",
        "instant",
        "when the issue of this contact was resolved (on its last contact at least); no longer"
        " so from a later reopened_at on",
        undone_by="reopened_at",
    ),
    _c("reopened_at", "instant", "when the issue came back after it was resolved"),
    _c("customer_language", "text", "language the customer used"),
    _end("agent_language", "text", "language the agent used"),
    _end("scripted", "flag", "the answer followed a script"),
    _c("corrected_at", "instant", "when wrong information given here was put right"),
    _end("abusive", "flag", "rude or abusive conduct of the agent"),
    _c("sentiment_start", "number", "mood as the contact began", "-1..1", low=-1, high=1),
    _end("sentiment_end", "number", "mood as the contact ended", "-1..1", low=-1, high=1),
    _c("proactive", "flag", "the company contacted before the customer had to"),
    _c("device", "text", "device the customer used: mobile, desktop ..."),
    _end("unassigned_s", "number", "time during which nobody was in charge of the contact"),
    _end("wrap_up_s", "number", "work of the agent after the contact, not part of handle_s"),
    _end("recognised", "flag", "the customer was recognised without having to say who they are"),
    _end("name_used", "flag", "the customer was addressed by name"),
    _end("history_shown", "flag", "the agent saw the history of the customer"),
    _end("escalated", "flag", "handed to a supervisor or specialist"),
    _end("empathy", "number", "kindness and empathy of the agent, as judged", "0..1", low=0, high=1),
    _end("anything_else", "flag", "the agent asked whether anything else could be done"),
    _end("competitor", "flag", "the customer named a competitor"),
    _end("documents_asked", "count", "forms and documents the customer was asked for"),
)

RECOVERIES = _table(
    "recoveries",
    "an act of making good",
    "recovery_id",
    "at",
    _c("issue_id", "text", "the problem that is made good"),
    _c(
        "action",
        "text",
        "what was done",
        one_of=("understand", "apology", "explain", "fix", "compensate", "follow_up", "prevent", "gift"),
    ),
    _c("amount", "money", "what was given", low=0),
    _c("asked_at", "instant", "the customer asked for it"),
    _now("granted", "flag", "given as asked"),
    _now("damage", "money", "value of what went wrong", low=0),
)

ORDERS = _table(
    "orders",
    "an order; it is a purchase when it was not cancelled and brought money (revenue, or margin where there is no"
    " revenue, above 0), on a day on which the customer spent more than was given back",
    "order_id",
    "ordered_at",
    _now("revenue", "money", "what the customer paid; 0 for a free order, below 0 for a credit note"),
    _now("margin", "money", "what the company earned"),
    _c("discount", "money", "what was taken off", low=0),
    _c("shipping_fee", "money", "what the customer paid for shipping", low=0),
    _now("promised_at", "instant", "delivery promised by", known=""),
    _c("delivered_at", "instant", "delivered"),
    _c("wrong_item", "flag", "something else arrived", known="delivered_at"),
    _now("category", "text", "what was bought"),
    _c("device", "text", "device the order came from"),
    _c("one_click", "flag", "ordered from a saved profile"),
    _c("edited_at", "instant", "changed by the customer"),
    _c("cancelled_at", "instant", "cancelled: from then on it is no purchase and brings nothing"),
    _c("recommended", "flag", "bought on a recommendation of ours"),
    _c("recurring", "flag", "placed by a standing order"),
    _c("return_slip", "flag", "the parcel held a return slip and instructions", known="delivered_at"),
)

RETURNS = _table(
    "returns",
    "a return",
    "return_id",
    "requested_at",
    _c("order_id", "text", "the order that is returned"),
    _c("decided_at", "instant", "accepted or refused"),
    _c("accepted", "flag", "the return was accepted", known="decided_at"),
    _c("refunded_at", "instant", "money back"),
    _c("refund", "money", "how much", low=0, known="refunded_at"),
    _c("shipping_paid_by", "text", "who paid for posting it back", one_of=("company", "customer")),
    _c("exchanged", "flag", "exchanged for another item", known="decided_at"),
    _c("channel", "text", "how it came back: post, store ..."),
)

CHARGES = _table(
    "charges",
    "a bill line",
    "charge_id",
    "charged_at",
    _now("amount", "money", "what was charged; below 0 for a credit, which is no charge"),
    _c("expected_amount", "money", "what the customer could expect"),
    _c("notified_at", "instant", "announced to the customer"),
    _c("disputed_at", "instant", "disputed by the customer"),
    _now("kind", "text", "kind of charge"),
)

VISITS = _table(
    "visits",
    "a field visit",
    "visit_id",
    "window_start",
    _now("window_end", "instant", "end of the promised window", known=""),
    _c("arrived_at", "instant", "arrival"),
    _c("no_show", "flag", "nobody came", known="window_end"),
    _c("rescheduled_at", "instant", "moved to another day; before window_end, the visit is judged no more"),
    _c("cancelled_by_customer", "flag", "the customer cancelled", known="window_end"),
    event_day="first second",
)

SUBSCRIPTIONS = _table(
    "subscriptions",
    "a contract span",
    "subscription_id",
    "started_at",
    _now("plan", "text", "what is subscribed"),
    _now("price", "money", "price a month", low=0),
    _c(
        "ended_at",
        "instant",
        "end of the contract; empty while it runs; as started_at where it never began",
        day_is="over",
    ),
    _c("cancel_requested_at", "instant", "the customer asked to end it"),
    _now("auto_renew", "flag", "renews by itself"),
    event_day="first second",
)

SURVEYS = _table(
    "surveys",
    "an invitation",
    "survey_id",
    "sent_at",
    _c("kind", "text", "what is asked", one_of=("nps", "csat", "ces", "other")),
    _c("answered_at", "instant", "answered"),
    _now("score", "number", "the answer, between scale_min and scale_max", known="answered_at"),
    _c("scale_min", "number", "lowest score of the scale"),
    _c("scale_max", "number", "highest score of the scale"),
    _c("higher_is", "text", "whether a high score is good or bad", one_of=("good", "bad")),
    _c("issue_id", "text", "the problem it is about"),
    _c(
        "about",
        "text",
        "what is asked where the kind is other: courtesy, trust, listened, understood, quality,"
        " expectation, store, packaging ...",
    ),
)

SESSIONS = _table(
    "sessions",
    "a digital or store visit, whose facts count as known from its start",
    "session_id",
    "started_at",
    _c("kind", "text", "where", one_of=("web", "app", "portal", "faq", "store")),
    _c("device", "text", "device"),
    _c("errors", "count", "error pages and failed actions"),
    _c("rage_clicks", "count", "bursts of clicks at one spot"),
    _c("help_search", "flag", "the customer looked for help"),
    _c("help_found", "flag", "and found it"),
    _c("checkout_steps", "count", "steps taken in the checkout"),
    _c("cart_value", "money", "value of the cart", low=0),
    _c("ordered", "flag", "ended in an order"),
    _c("ended_in_contact", "flag", "ended in a service contact"),
    _c("help_views", "count", "help pages, tutorials and guides seen"),
    _c("no_results", "count", "searches without a result"),
    _c("out_of_stock", "count", "items wanted that were not available"),
    _c("payment_failures", "count", "payments that failed"),
    _c("queue_s", "number", "time in the queue of a store"),
    _c("booked", "flag", "a trial, visit or appointment was booked"),
)

MESSAGES = _table(
    "messages",
    "an outbound message",
    "message_id",
    "sent_at",
    _now("purpose", "text", "why it was sent"),
    _c("channel", "text", "how it was sent"),
    _c("fields_used", "count", "attributes of the customer that the message used"),
    _now("fields_available", "count", "attributes that were there to be used"),
    _now("relevant", "flag", "fits what is known of the customer"),
    _c("opened_at", "instant", "opened"),
    _c("clicked_at", "instant", "clicked"),
    _c("opted_out_at", "instant", "the customer opted out"),
    _c("accepted_at", "instant", "the offer in it was accepted"),
    _c("language", "text", "language it was written in"),
    _c("category", "text", "category of goods it was about"),
    _c("order_id", "text", "the order it was about"),
    _c("name_used", "flag", "the customer was addressed by name"),
)

POSTS = _table(
    "posts",
    "a public review or post",
    "post_id",
    "posted_at",
    _c("site", "text", "where"),
    _now("polarity", "number", "from -1 (complaint) to 1 (praise)", "-1..1", low=-1, high=1),
    _now("reach", "count", "people reached", high=10**12),
    _c("replied_at", "instant", "answered by the company"),
    _c("contacted_at", "instant", "the author was contacted by the company"),
)

AGENTS = _table(
    "agents",
    "an agent's span",
    "agent_id",
    "valid_from",
    _c("valid_to", "instant", "end of the span; empty while it lasts", day_is="over"),
    _now("skills", "text", "topics the agent is trained for, separated by ';'"),
    _now("languages", "text", "languages the agent speaks, separated by ';'"),
    _now("training_h", "number", "training so far", "h", low=0),
    _c("hired_at", "instant", "hired", known=""),
    _now("satisfaction", "number", "the agent's own satisfaction", "0..1", low=0, high=1),
    _now("team", "text", "team or department"),
    _now("onshore", "flag", "works in the customers' country"),
    event_day="first second",
)

TABLES: dict[str, Table] = {
    table.name: table
    for table in (
        CUSTOMERS,
        INTERACTIONS,
        RECOVERIES,
        ORDERS,
        RETURNS,
        CHARGES,
        VISITS,
        SUBSCRIPTIONS,
        SURVEYS,
        SESSIONS,
        MESSAGES,
        POSTS,
        AGENTS,
    )
}
"""The thirteen input tables by name."""

CONTACTS = Table(
    "contacts",
    "a customer in a draw of those to be contacted, or kept aside for comparison",
    "contact_id",
    "contacted_at",
    (
        Column("contact_id", "text", "tells one row from another"),
        Column("customer_id", "text", "who was drawn", personal=True),
        Column(
            "contacted_at",
            "instant",
            "when the draw was made: the same for those kept aside",
            day_is="first second",
        ),
        Column("contacted", "flag", "to be contacted, reached or not; no: kept aside", required=True),
        Column(
            "churned", "flag", "whether the customer has left since; without it, labels say so", target=True
        ),
    ),
    once_a_day=True,
)
"""The log of earlier contacts drawn at random: the call list learns from it, no feature does."""

ALL_TABLES: dict[str, Table] = {**TABLES, CONTACTS.name: CONTACTS}
"""Every table that a configuration may name: the input tables and the log of earlier contacts."""


def attribute_name(name: str) -> str:
    """``attribute_`` and the name in ASCII: it clashes with no column and no word, and needs no quotes.

    >>> [attribute_name(name) for name in ("Seat Count", "group", "등급", "spend_30d")]
    ['attribute_seat_count', 'attribute_group', 'attribute_ub4f1_uae09', 'attribute_spend_30_d']
    """
    spelt = "".join(one if one.isascii() or not one.isalnum() else f"_u{ord(one):x}_" for one in name.lower())
    plain = re.sub(r"[^a-z0-9]+", "_", spelt).strip("_")
    return ATTRIBUTE + re.sub(r"(?<=_)(\d+)d$", r"\1_d", plain)  # a stem must not end like a window
