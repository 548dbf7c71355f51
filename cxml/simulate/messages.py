"""Messages to customers, more or less personal, and those about their orders: the table ``messages``."""

from __future__ import annotations

import numpy as np

from cxml.simulate.commerce import CATEGORIES
from cxml.simulate.customers import REGIONS, People
from cxml.simulate.months import HOUR, Months, draw_counts, draw_times
from cxml.simulate.rows import (
    DAY,
    NEVER,
    BoolArray,
    FloatArray,
    IntArray,
    Rows,
    codes,
    days_s,
    flag,
    joined,
    numbered,
    take,
)

PURPOSES = (
    "nurture",
    "offer",
    "review_request",
    "gift",
    "service",
    "alert",
    "survey",
    "thanks",
    "transactional",
    "status",
    "aftercare",
)
CHANNELS = ("email", "sms", "app")
_MARKETING = 4
_PURPOSE_SHARE = np.array([0.31, 0.29, 0.08, 0.04, 0.12, 0.06, 0.05, 0.05])
_NURTURE, _OFFER, _REVIEW, _GIFT = range(4)
_TRANSACTIONAL, _STATUS, _AFTERCARE = 8, 9, 10
_A_MONTH = 2.6
_CAMPAIGNS = np.array([-1.3, -0.4, 0.5, 1.4])
_QUARTER = 3
_WRONG_LANGUAGE, _ACCEPTED = 0.15, 0.2
_CONFIRMED, _TOLD_STATUS, _CARED_FOR = 0.6, 0.4, 0.12


def draw_messages(rng: np.random.Generator, people: People, months: Months, orders: Rows) -> Rows:
    """All messages by time; marketing stops once the customer has opted out."""
    rate = np.full((people.count, months.count), _A_MONTH)
    who, month = draw_counts(rng, rate)
    weights = np.tile(np.where((np.arange(24) >= 8) & (np.arange(24) < 21), 1.0, 0.02), 7)
    sent = draw_times(rng, months, month, weights)
    personal = _personal(rng, people, months)[who, month]
    rows: Rows = {"customer_id": who, "sent_at": sent}
    rows |= _content(rng, people.coverage[who], personal)
    rows = take(rows, people.had_joined(who, sent))
    rows |= _reactions(rng, rows)
    rows = joined([rows, *_about_orders(rng, orders)])
    allowed = np.flatnonzero(_allowed(rows, people.count))
    rows = take(rows, allowed[np.argsort(rows["sent_at"][allowed], kind="stable")])
    rows["language"] = _language(rng, people.language[rows["customer_id"]])
    return numbered(rows, "message_id")


def _personal(rng: np.random.Generator, people: People, months: Months) -> FloatArray:
    """Chance that a message uses a field that is there, by customer and month.

    It hangs on how good the profile is, on the campaign of the quarter, which changes for each
    customer, and on the region, where new templates arrive in different months.
    """
    quarters = months.count // _QUARTER + 1
    campaign = _CAMPAIGNS[rng.integers(0, len(_CAMPAIGNS), (people.count, quarters))]
    by_month = campaign[:, np.arange(months.count) // _QUARTER]
    arrives = rng.integers(0, months.count, len(REGIONS))
    new = np.arange(months.count) >= arrives[people.region][:, None]
    return np.asarray(1 / (1 + np.exp(-(0.85 * people.coverage[:, None] + by_month + 0.3 * new))))


def _content(rng: np.random.Generator, coverage: FloatArray, personal: FloatArray) -> Rows:
    size = len(coverage)
    available = np.clip(np.rint(6 + 0.8 * coverage + rng.normal(0, 1, size)), 3, 10).astype(np.int64)
    purpose = codes(rng, size, _PURPOSE_SHARE)
    category = codes(rng, size, np.ones(len(CATEGORIES)))
    return {
        "purpose": purpose,
        "channel": codes(rng, size, (0.5, 0.2, 0.3)),
        "fields_available": available,
        "fields_used": rng.binomial(available, personal),
        "name_used": flag(rng.random(size) < personal),
        "category": np.where(purpose <= _OFFER, category, -1).astype(np.int8),
        "order_id": np.full(size, -1),
    }


def _reactions(rng: np.random.Generator, rows: Rows) -> Rows:
    """Relevance and what the customer did with it; personal messages do better."""
    sent: IntArray = rows["sent_at"]
    used = rows["fields_used"] / rows["fields_available"]
    size = len(sent)
    opened = sent + days_s(rng.exponential(0.7, size)) + 1
    opened = np.where(rng.random(size) < 0.2 + 0.25 * used, opened, NEVER)
    clicked = np.where(rng.random(size) < 0.1 + 0.15 * used, opened + 30, NEVER)
    clicked = np.where(opened == NEVER, NEVER, clicked)
    out = (rng.random(size) < 0.004 * (1.3 - used)) & (rows["purpose"] < _MARKETING)
    takes = (rows["purpose"] == _OFFER) & (clicked < NEVER) & (rng.random(size) < _ACCEPTED)
    return {
        "relevant": flag(rng.random(size) < 0.45 + 0.45 * used),
        "opened_at": opened,
        "clicked_at": clicked,
        "opted_out_at": np.where(out, sent + HOUR, NEVER),
        "accepted_at": np.where(takes, clicked + rng.integers(60, DAY, size), NEVER),
    }


def _about_orders(rng: np.random.Generator, orders: Rows) -> list[Rows]:
    """Confirmations, news of the delivery and care afterwards, for a part of the orders each."""
    at, size = orders["ordered_at"], len(orders["order_id"])
    arrives = orders["delivered_at"]
    comes = arrives < NEVER
    under_way = at + ((np.minimum(arrives, at + 30 * DAY) - at) * rng.uniform(0.3, 0.9, size)).astype(
        np.int64
    )
    later = np.minimum(arrives, NEVER - 30 * DAY) + days_s(rng.uniform(3, 12, size))
    told = (
        (_TRANSACTIONAL, rng.random(size) < _CONFIRMED, at + rng.integers(30, 4 * HOUR, size)),
        (_STATUS, comes & (rng.random(size) < _TOLD_STATUS), under_way),
        (_AFTERCARE, comes & (rng.random(size) < _CARED_FOR), later),
    )
    return [
        {
            "customer_id": orders["customer_id"][chosen],
            "sent_at": sent[chosen],
            "order_id": orders["order_id"][chosen],
            "purpose": np.full(chosen.sum(), purpose, dtype=np.int8),
            "channel": codes(rng, int(chosen.sum()), (0.3, 0.5, 0.2)),
        }
        for purpose, chosen, sent in told
    ]


def _language(rng: np.random.Generator, own: IntArray) -> IntArray:
    """The customer's language; sometimes the first of the house instead."""
    return np.where(rng.random(len(own)) < _WRONG_LANGUAGE, 0, own).astype(np.int8)


def _allowed(rows: Rows, customers: int) -> BoolArray:
    """Which messages may be sent: no marketing once the customer has opted out."""
    out = np.full(customers, NEVER)
    np.minimum.at(out, rows["customer_id"], rows["opted_out_at"])
    return np.asarray((rows["sent_at"] < out[rows["customer_id"]]) | (rows["purpose"] >= _MARKETING))
