"""The input tables as data: what a column holds, its unit, when its value is known, who it is about.

A table needs its customer and its event time; every other column is optional. What is here is
read by the check, by the as-of views, by the simulator and by the documentation.
"""

from __future__ import annotations

from cxml.contracts.columns import (
    CONTACT_END,
    WAIT_END,
    Column,
    Table,
    declared,
    holds,
    holds_after,
    holds_today,
)

CUSTOMERS = declared(
    "customers",
    "a customer",
    "customer_id",
    "joined_at",
    holds("birth_year", "count", "year of birth", low=1900, high=2100, personal=True),
    holds_today("language", "text", "language the customer speaks"),
    holds_today("preferred_channel", "text", "channel the customer asked for"),
    holds_today("region", "text", "where the customer lives"),
    holds_today("member_tier", "text", "level in the membership scheme"),
    holds("acquired_via", "text", "how the customer came"),
    holds("referred_by", "text", "the customer who recommended us", personal=True),
    holds_today("store_distance_km", "number", "way to the nearest store", "km", low=0),
    holds("life_event_at", "instant", "last change or hardship the customer told us of"),
    holds("left_at", "instant", "when the customer left", target=True),
    holds("last_seen_at", "instant", "last activity anywhere, also outside these tables", target=True),
    holds(
        "churned",
        "text",
        "whether the customer left, where that is all that is known: yes or no",
        target=True,
    ),
)

INTERACTIONS = declared(
    "interactions",
    "a contact",
    "interaction_id",
    "started_at",
    holds_today("issue_id", "text", "the problem the contact is about"),
    holds("channel", "text", "phone.human, phone.ivr, chat.bot, chat.live, email, social.*, sms, store ..."),
    holds(
        "direction", "text", "who began: inbound (the customer) or outbound", one_of=("inbound", "outbound")
    ),
    holds_today("topic", "text", "what the contact is about"),
    holds_today("agent_id", "text", "who served", known=CONTACT_END, personal=True),
    holds("wait_s", "number", "time until an agent or an answer was there", known=WAIT_END),
    holds("promised_wait_s", "number", "wait that was announced"),
    holds("first_reply_at", "instant", "first answer by a person or a bot"),
    holds_after("handle_s", "number", "time of service, hold included"),
    holds_after("hold_s", "number", "time on hold during service"),
    holds("ended_at", "instant", "end of the contact"),
    holds("abandoned", "flag", "the customer gave up before being served", known=WAIT_END),
    holds_after("transfers", "count", "times the contact was handed on"),
    holds_after("verifications", "count", "times the customer had to prove who they are"),
    holds_after("context_carried", "flag", "the customer did not have to explain again"),
    holds_today(
        "resolved_at",
        "instant",
        "when the issue of this contact was resolved (on its last contact at least); no longer"
        " so from a later reopened_at on",
        undone_by="reopened_at",
    ),
    holds("reopened_at", "instant", "when the issue came back after it was resolved"),
    holds("customer_language", "text", "language the customer used"),
    holds_after("agent_language", "text", "language the agent used"),
    holds_after("scripted", "flag", "the answer followed a script"),
    holds("corrected_at", "instant", "when wrong information given here was put right"),
    holds_after("abusive", "flag", "rude or abusive conduct of the agent"),
    holds("sentiment_start", "number", "mood as the contact began", "-1..1", low=-1, high=1),
    holds_after("sentiment_end", "number", "mood as the contact ended", "-1..1", low=-1, high=1),
    holds("proactive", "flag", "the company contacted before the customer had to"),
    holds("device", "text", "device the customer used: mobile, desktop ..."),
    holds_after("unassigned_s", "number", "time during which nobody was in charge of the contact"),
    holds_after("wrap_up_s", "number", "work of the agent after the contact, not part of handle_s"),
    holds_after("recognised", "flag", "the customer was recognised without having to say who they are"),
    holds_after("name_used", "flag", "the customer was addressed by name"),
    holds_after("history_shown", "flag", "the agent saw the history of the customer"),
    holds_after("escalated", "flag", "handed to a supervisor or specialist"),
    holds_after("empathy", "number", "kindness and empathy of the agent, as judged", "0..1", low=0, high=1),
    holds_after("anything_else", "flag", "the agent asked whether anything else could be done"),
    holds_after("competitor", "flag", "the customer named a competitor"),
    holds_after("documents_asked", "count", "forms and documents the customer was asked for"),
)

RECOVERIES = declared(
    "recoveries",
    "an act of making good",
    "recovery_id",
    "at",
    holds("issue_id", "text", "the problem that is made good"),
    holds(
        "action",
        "text",
        "what was done",
        one_of=("understand", "apology", "explain", "fix", "compensate", "follow_up", "prevent", "gift"),
    ),
    holds("amount", "money", "what was given", low=0),
    holds("asked_at", "instant", "the customer asked for it"),
    holds_today("granted", "flag", "given as asked"),
    holds_today("damage", "money", "value of what went wrong", low=0),
)

ORDERS = declared(
    "orders",
    "an order; it is a purchase when it was not cancelled and brought money (revenue, or margin where there is no"
    " revenue, above 0), on a day on which the customer spent more than was given back",
    "order_id",
    "ordered_at",
    holds_today("revenue", "money", "what the customer paid; 0 for a free order, below 0 for a credit note"),
    holds_today("margin", "money", "what the company earned"),
    holds("discount", "money", "what was taken off", low=0),
    holds("shipping_fee", "money", "what the customer paid for shipping", low=0),
    holds_today("promised_at", "instant", "delivery promised by", known=""),
    holds("delivered_at", "instant", "delivered"),
    holds("wrong_item", "flag", "something else arrived", known="delivered_at"),
    holds_today("category", "text", "what was bought"),
    holds("device", "text", "device the order came from"),
    holds("one_click", "flag", "ordered from a saved profile"),
    holds("edited_at", "instant", "changed by the customer"),
    holds("cancelled_at", "instant", "cancelled: from then on it is no purchase and brings nothing"),
    holds("recommended", "flag", "bought on a recommendation of ours"),
    holds("recurring", "flag", "placed by a standing order"),
    holds("return_slip", "flag", "the parcel held a return slip and instructions", known="delivered_at"),
)

RETURNS = declared(
    "returns",
    "a return",
    "return_id",
    "requested_at",
    holds("order_id", "text", "the order that is returned"),
    holds("decided_at", "instant", "accepted or refused"),
    holds("accepted", "flag", "the return was accepted", known="decided_at"),
    holds("refunded_at", "instant", "money back"),
    holds("refund", "money", "how much", low=0, known="refunded_at"),
    holds("shipping_paid_by", "text", "who paid for posting it back", one_of=("company", "customer")),
    holds("exchanged", "flag", "exchanged for another item", known="decided_at"),
    holds("channel", "text", "how it came back: post, store ..."),
)

CHARGES = declared(
    "charges",
    "a bill line",
    "charge_id",
    "charged_at",
    holds_today("amount", "money", "what was charged; below 0 for a credit, which is no charge"),
    holds("expected_amount", "money", "what the customer could expect"),
    holds("notified_at", "instant", "announced to the customer"),
    holds("disputed_at", "instant", "disputed by the customer"),
    holds_today("kind", "text", "kind of charge"),
)

VISITS = declared(
    "visits",
    "a field visit",
    "visit_id",
    "window_start",
    holds_today("window_end", "instant", "end of the promised window", known=""),
    holds("arrived_at", "instant", "arrival"),
    holds("no_show", "flag", "nobody came", known="window_end"),
    holds(
        "rescheduled_at", "instant", "moved to another day; before window_end, the visit is judged no more"
    ),
    holds("cancelled_by_customer", "flag", "the customer cancelled", known="window_end"),
    event_day="first second",
)

SUBSCRIPTIONS = declared(
    "subscriptions",
    "a contract span",
    "subscription_id",
    "started_at",
    holds_today("plan", "text", "what is subscribed"),
    holds_today("price", "money", "price a month", low=0),
    holds(
        "ended_at",
        "instant",
        "end of the contract; empty while it runs; as started_at where it never began",
        day_is="over",
    ),
    holds("cancel_requested_at", "instant", "the customer asked to end it"),
    holds_today("auto_renew", "flag", "renews by itself"),
    event_day="first second",
)

SURVEYS = declared(
    "surveys",
    "an invitation",
    "survey_id",
    "sent_at",
    holds("kind", "text", "what is asked", one_of=("nps", "csat", "ces", "other")),
    holds("answered_at", "instant", "answered"),
    holds_today("score", "number", "the answer, between scale_min and scale_max", known="answered_at"),
    holds("scale_min", "number", "lowest score of the scale"),
    holds("scale_max", "number", "highest score of the scale"),
    holds("higher_is", "text", "whether a high score is good or bad", one_of=("good", "bad")),
    holds("issue_id", "text", "the problem it is about"),
    holds(
        "about",
        "text",
        "what is asked where the kind is other: courtesy, trust, listened, understood, quality,"
        " expectation, store, packaging ...",
    ),
)

SESSIONS = declared(
    "sessions",
    "a digital or store visit, whose facts count as known from its start",
    "session_id",
    "started_at",
    holds("kind", "text", "where", one_of=("web", "app", "portal", "faq", "store")),
    holds("device", "text", "device"),
    holds("errors", "count", "error pages and failed actions"),
    holds("rage_clicks", "count", "bursts of clicks at one spot"),
    holds("help_search", "flag", "the customer looked for help"),
    holds("help_found", "flag", "and found it"),
    holds("checkout_steps", "count", "steps taken in the checkout"),
    holds("cart_value", "money", "value of the cart", low=0),
    holds("ordered", "flag", "ended in an order"),
    holds("ended_in_contact", "flag", "ended in a service contact"),
    holds("help_views", "count", "help pages, tutorials and guides seen"),
    holds("no_results", "count", "searches without a result"),
    holds("out_of_stock", "count", "items wanted that were not available"),
    holds("payment_failures", "count", "payments that failed"),
    holds("queue_s", "number", "time in the queue of a store"),
    holds("booked", "flag", "a trial, visit or appointment was booked"),
)

MESSAGES = declared(
    "messages",
    "an outbound message",
    "message_id",
    "sent_at",
    holds_today("purpose", "text", "why it was sent"),
    holds("channel", "text", "how it was sent"),
    holds("fields_used", "count", "attributes of the customer that the message used"),
    holds_today("fields_available", "count", "attributes that were there to be used"),
    holds_today("relevant", "flag", "fits what is known of the customer"),
    holds("opened_at", "instant", "opened"),
    holds("clicked_at", "instant", "clicked"),
    holds("opted_out_at", "instant", "the customer opted out"),
    holds("accepted_at", "instant", "the offer in it was accepted"),
    holds("language", "text", "language it was written in"),
    holds("category", "text", "category of goods it was about"),
    holds("order_id", "text", "the order it was about"),
    holds("name_used", "flag", "the customer was addressed by name"),
)

POSTS = declared(
    "posts",
    "a public review or post",
    "post_id",
    "posted_at",
    holds("site", "text", "where"),
    holds_today("polarity", "number", "from -1 (complaint) to 1 (praise)", "-1..1", low=-1, high=1),
    holds_today("reach", "count", "people reached", high=10**12),
    holds("replied_at", "instant", "answered by the company"),
    holds("contacted_at", "instant", "the author was contacted by the company"),
)

AGENTS = declared(
    "agents",
    "an agent's span",
    "agent_id",
    "valid_from",
    holds("valid_to", "instant", "end of the span; empty while it lasts", day_is="over"),
    holds_today("skills", "text", "topics the agent is trained for, separated by ';'"),
    holds_today("languages", "text", "languages the agent speaks, separated by ';'"),
    holds_today("training_h", "number", "training so far", "h", low=0),
    holds("hired_at", "instant", "hired", known=""),
    holds_today("satisfaction", "number", "the agent's own satisfaction", "0..1", low=0, high=1),
    holds_today("team", "text", "team or department"),
    holds_today("onshore", "flag", "works in the customers' country"),
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
