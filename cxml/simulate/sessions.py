"""Visits to the web site, the app and the store: the table ``sessions``.

Trouble on the site, help that is not found and queues in the store each have their own luck. Of those
who find no help some ask a person: those sessions end in a contact.
"""

from __future__ import annotations

import numpy as np

from cxml.simulate.customers import People
from cxml.simulate.luck import Luck, chance
from cxml.simulate.months import HOUR, Months, draw_counts, draw_times
from cxml.simulate.rows import (
    BoolArray,
    FloatArray,
    Rows,
    by_time,
    codes,
    flag,
    joined,
    numbered,
    place_in_time,
    take,
)

KINDS = ("web", "app", "portal", "faq", "store")
DEVICES = ("mobile", "desktop", "tablet")
WEB, APP, PORTAL, FAQ, STORE = range(len(KINDS))

_BROWSING_A_MONTH, _BROWSING_BY_USAGE = 1.5, 0.3
_STORE_A_MONTH, _STORE_BY_KM = 0.4, 0.25
_ORDERED_ONLINE = 0.4
_KIND_SHARE = np.array([0.42, 0.34, 0.14, 0.10])
_HOURS = np.array([1, 0.5, 0.3, 0.2, 0.2, 0.4, 1, 2, 3, 4, 4, 4, 5, 4, 4, 4, 4, 5, 6, 7, 8, 8, 6, 3.0])
_SHOP_HOURS = np.where((np.arange(24) >= 10) & (np.arange(24) < 21), 1.0, 0.0)
_ERRORS, _RAGE, _TROUBLE_BY_LUCK = 0.22, 0.12, 1.0
_PAYMENT_ODDS, _PAYMENT_BY_LUCK = -3.0, 1.0
_ON_MOBILE = 1.2
_SEARCHES = np.array([0.18, 0.18, 0.45, 0.7])
_FAILS_ODDS, _FAILS_BY_LUCK = -0.7, 1.6
_ASKS_A_PERSON = 0.15
_CART, _OUT_OF_STOCK, _BOOKED, _NO_RESULTS = 0.35, 0.06, 0.02, 0.08
_QUEUE_S, _QUEUE_BY_LUCK, _QUEUE_SPREAD = 210.0, 0.65, 0.5


def draw_sessions(rng: np.random.Generator, people: People, months: Months, orders: Rows, luck: Luck) -> Rows:
    """All sessions by time; ``asks`` says which are followed by a question to a person."""
    parts = [
        _browsing(rng, people, months),
        _ordering(rng, orders),
        _in_store(rng, people, months, luck),
    ]
    rows = joined(parts)
    rows = by_time(take(rows, people.had_joined(rows["customer_id"], rows["started_at"])), "started_at")
    online = rows["kind"] != STORE
    rows |= _trouble(rng, luck, rows, online)
    rows |= _help(rng, luck, rows, online)
    rows["booked"] = flag(rng.random(len(online)) < _BOOKED)
    return numbered(rows, "session_id")


def helpless(sessions: Rows) -> Rows:
    """``customer_id`` and ``at`` of those who found no help and ask a person."""
    asks = sessions["asks"] == 1
    return {"customer_id": sessions["customer_id"][asks], "at": sessions["started_at"][asks]}


def with_contacts(sessions: Rows, contacts: Rows) -> Rows:
    """The sessions with ``ended_in_contact``: the customer is in touch with a person within the hour."""
    inbound = contacts["direction"] == 0
    who, at = contacts["customer_id"][inbound], contacts["started_at"][inbound]
    key = np.sort(place_in_time(who, at))
    own = place_in_time(sessions["customer_id"], sessions["started_at"])
    following = np.searchsorted(key, own)
    gap = np.append(key, np.iinfo(np.int64).max)[following] - own
    return sessions | {"ended_in_contact": flag((gap <= HOUR) & (sessions["asks"] == 1))}


def _browsing(rng: np.random.Generator, people: People, months: Months) -> Rows:
    rate = _BROWSING_A_MONTH * np.exp(_BROWSING_BY_USAGE * people.usage - _BROWSING_BY_USAGE**2 / 2)
    who, month = draw_counts(rng, np.repeat(rate[:, None], months.count, axis=1))
    size = len(who)
    has_cart = rng.random(size) < _CART
    cart = np.rint(rng.lognormal(10.4, 0.7, size))
    return {
        "customer_id": who,
        "started_at": draw_times(rng, months, month, np.tile(_HOURS, 7)),
        "kind": codes(rng, size, _KIND_SHARE),
        "device": codes(rng, size, (0.55, 0.38, 0.07)),
        "cart_value": np.where(has_cart, cart, np.nan),
        "ordered": np.zeros(size, dtype=np.int8),
        "checkout_steps": np.where(has_cart, rng.poisson(1.5, size), 0),
    }


def _ordering(rng: np.random.Generator, orders: Rows) -> Rows:
    """The sessions in which a part of the orders was placed, minutes before."""
    size = len(orders["order_id"])
    seen = take(orders, (rng.random(size) < _ORDERED_ONLINE) & (orders["recurring"] == 0))
    size = len(seen["order_id"])
    return {
        "customer_id": seen["customer_id"],
        "started_at": seen["ordered_at"] - rng.integers(120, 1_500, size),
        "kind": np.where(seen["device"] == 2, APP, WEB).astype(np.int8),
        "device": np.where(seen["device"] == 1, 1, 0).astype(np.int8),
        "cart_value": seen["revenue"].astype(np.float64),
        "ordered": np.ones(size, dtype=np.int8),
        "checkout_steps": np.where(seen["one_click"] == 1, 1, 3 + rng.poisson(0.8, size)),
    }


def _in_store(rng: np.random.Generator, people: People, months: Months, luck: Luck) -> Rows:
    """Visits to a store, more by those who live near; the queue follows luck."""
    rate = _STORE_A_MONTH * np.exp(-_STORE_BY_KM * (np.log(people.store_km) - 1))
    who, month = draw_counts(rng, np.repeat(rate[:, None], months.count, axis=1))
    at = draw_times(rng, months, month, np.tile(_SHOP_HOURS, 7))
    size = len(who)
    longer: FloatArray = np.exp(
        _QUEUE_BY_LUCK * luck.at("store", who, at) + rng.normal(0, _QUEUE_SPREAD, size)
    )
    return {
        "customer_id": who,
        "started_at": at,
        "kind": np.full(size, STORE, dtype=np.int8),
        "queue_s": np.ceil(_QUEUE_S * longer),
        "device": np.full(size, -1, dtype=np.int8),
        "ordered": np.full(size, -1, dtype=np.int8),
    }


def _trouble(rng: np.random.Generator, luck: Luck, rows: Rows, online: BoolArray) -> Rows:
    """Errors, bursts of clicks, failed payments and what is out of stock; none of it in a store but the last."""
    size = len(online)
    bad = luck.at("digital", rows["customer_id"], rows["started_at"])
    more = np.exp(_TROUBLE_BY_LUCK * bad - _TROUBLE_BY_LUCK**2 / 2)
    more = more * np.where(rows["device"] == 0, _ON_MOBILE, 1.0)
    pays = online & (rows["checkout_steps"] > 0)
    failed = pays & (rng.random(size) < chance(_PAYMENT_ODDS + _PAYMENT_BY_LUCK * bad))
    return {
        "errors": np.where(online, rng.poisson(_ERRORS * more), -1),
        "rage_clicks": np.where(online, rng.poisson(_RAGE * more), -1),
        "payment_failures": np.where(online, flag(failed), -1),
        "out_of_stock": rng.poisson(_OUT_OF_STOCK, size),
    }


def _help(rng: np.random.Generator, luck: Luck, rows: Rows, online: BoolArray) -> Rows:
    """Who looks for help, and whether it is there."""
    size = len(online)
    bad = luck.at("self_service", rows["customer_id"], rows["started_at"])
    looks = online & (rng.random(size) < np.append(_SEARCHES, 0.0)[rows["kind"]])
    fails = looks & (rng.random(size) < chance(_FAILS_ODDS + _FAILS_BY_LUCK * bad))
    pages = np.where(looks, 1 + rng.poisson(1.0, size), 0)
    return {
        "help_search": np.where(online, flag(looks), -1).astype(np.int8),
        "help_found": np.where(looks, flag(~fails), -1).astype(np.int8),
        "help_views": np.where(online, pages, -1),
        "no_results": np.where(online, rng.poisson(_NO_RESULTS, size), -1),
        "asks": flag(fails & (rng.random(size) < _ASKS_A_PERSON)),
    }
