"""What a customer went through before a month, as the tables know it then.

Each exposure can be counted from the tables by anybody: rows of ``[start - 90 d, start)`` (or as long
as ``factors.FACTORS`` says), and of them only what was known before the start of the month.
"""

from __future__ import annotations

import numpy as np

from cxml.simulate.factors import BY_NAME
from cxml.simulate.months import Months
from cxml.simulate.recovery import SLOW_S
from cxml.simulate.rows import DAY, NEVER, FloatArray, IntArray, Rows, take
from cxml.simulate.sessions import STORE
from cxml.simulate.subscriptions import Plans
from cxml.simulate.topics import PRODUCT
from cxml.simulate.windows import Windows, ratio

LONGEST_WAIT_MIN = 20.0
MOST_OPEN, MOST_REPEATS, MOST_PRODUCT, MOST_BILLS, MOST_PROACTIVE, MOST_POSTS = 2, 4, 3, 3, 2, 3
MOST_EFFORT, MOST_UNEVEN = 3.0, 2.5
REFUND_S = 14 * DAY
RISE_UNIT = 0.1

_CONTACT = (
    "issue_id",
    "topic",
    "ended_at",
    "resolved_at",
    "wait_s",
    "transfers",
    "verifications",
    "abandoned",
    "repeat",
    "agent_language",
    "customer_language",
    "skilled",
    "empathy",
    "scripted",
    "proactive",
    "sentiment_end",
)


def usual(factor: str) -> float:
    """Where an exposure stands of which a customer had nothing."""
    return BY_NAME[factor].usual


def _days(factor: str) -> int:
    return BY_NAME[factor].days


def experience(windows: Windows, start: int) -> dict[str, FloatArray]:
    """The exposures at *start* (seconds since 1970) that lives bring, one number per customer."""
    return {
        **_contacts(windows, start),
        **_served(windows, start),
        **_sessions(windows, start),
        "personalization": _gap(windows, start),
        "delivery": _late(windows, start),
        "price": _paid_shipping(windows, start),
        "returns": _bad_returns(windows, start),
        "billing": _unexpected(windows, start),
        "visits": _bad_visits(windows, start),
    }


def outcomes(windows: Windows, start: int) -> dict[str, FloatArray]:
    """The exposures at *start* that come from surveys and posts."""
    return {
        "feedback": _feedback(windows, start),
        "posts": np.minimum(windows.sum(_complaints(windows, start, "posts")["customer_id"]), MOST_POSTS),
        "replies": _unanswered(windows, start),
    }


def price_rises(plans: Plans, billed: IntArray, months: Months) -> FloatArray:
    """The rises of the monthly price in the window before each month's start; shape (months + 1, customers)."""
    found = np.zeros((months.count + 1, len(billed)))
    at = billed // DAY * DAY
    for month, start in enumerate(months.starts.tolist()):
        recent = at[:, :month] >= start - _days("price") * DAY
        found[month] = (plans.rise[:, :month] * recent).sum(axis=1)
    return found / RISE_UNIT


def _contacts(windows: Windows, start: int) -> dict[str, FloatArray]:
    """What all contacts show."""
    rows = windows.rows("interactions", "started_at", start, _CONTACT)
    who, over = rows["customer_id"], take(rows, rows["ended_at"] < start)
    still_open = rows["resolved_at"] >= start
    goods = np.isin(rows["topic"], PRODUCT)
    done: IntArray = over["customer_id"]
    queued = ~np.isnan(over["wait_s"])
    wait = windows.mean(done[queued], over["wait_s"][queued]) / 60
    asked = over["transfers"] >= 0
    steps = (over["transfers"] + over["verifications"])[asked]
    felt = ~np.isnan(over["sentiment_end"])
    return {
        "waiting": np.minimum(wait, LONGEST_WAIT_MIN),
        "resolution": np.minimum(windows.distinct(who[still_open], rows["issue_id"][still_open]), MOST_OPEN),
        "repeats": np.minimum(windows.sum(who, rows["repeat"] == 1), MOST_REPEATS),
        "effort": np.minimum(windows.mean(done[asked], steps), MOST_EFFORT),
        "abandonment": np.minimum(windows.sum(done, over["abandoned"] == 1), 1.0),
        "recovery": _recovered(windows, rows, start),
        "product": np.minimum(windows.distinct(who[goods], rows["issue_id"][goods]), MOST_PRODUCT),
        "proactive": np.minimum(windows.sum(who, rows["proactive"] == 1), MOST_PROACTIVE),
        "sentiment": windows.mean(done[felt], over["sentiment_end"][felt], usual("sentiment")),
        "consistency": _uneven(windows, start),
    }


def _served(windows: Windows, start: int) -> dict[str, FloatArray]:
    """What contacts show that were served: skill and conduct by a person, language by a bot too."""
    rows = windows.rows("interactions", "started_at", start, _CONTACT)
    over = take(rows, rows["ended_at"] < start)
    by_person = take(over, over["skilled"] >= 0)
    spoke = take(over, over["agent_language"] >= 0)
    who: IntArray = by_person["customer_id"]
    cold = 1 - by_person["empathy"] + (by_person["scripted"] == 1)
    return {
        "skill": windows.mean(who, by_person["skilled"] == 0, usual("skill")),
        "conduct": windows.mean(who, cold, usual("conduct")),
        "language": windows.mean(spoke["customer_id"], spoke["agent_language"] != spoke["customer_language"]),
    }


def _uneven(windows: Windows, start: int) -> FloatArray:
    """Relative spread of the waits of a year."""
    rows = windows.rows(
        "interactions", "started_at", start, ("ended_at", "wait_s"), days=_days("consistency")
    )
    rows = take(rows, (rows["ended_at"] < start) & ~np.isnan(rows["wait_s"]))
    found = windows.spread(rows["customer_id"], rows["wait_s"], usual("consistency"))
    return np.minimum(found, MOST_UNEVEN)


def _recovered(windows: Windows, contacts: Rows, start: int) -> FloatArray:
    """Share of bad issues (abandoned, repeated, or not resolved for 7 days) with a recovery."""
    at, resolved = contacts["started_at"], contacts["resolved_at"]
    slow = np.minimum(resolved, start) - at > SLOW_S
    gone = (contacts["abandoned"] == 1) & (contacts["ended_at"] < start)
    bad = take(contacts, slow | gone | (contacts["repeat"] == 1))
    recoveries = windows.tables["recoveries"]
    done = recoveries["issue_id"][: np.searchsorted(recoveries["at"], start)]
    good = np.isin(bad["issue_id"], done)
    who: IntArray = bad["customer_id"]
    return ratio(windows.distinct(who[good], bad["issue_id"][good]), windows.distinct(who, bad["issue_id"]))


def _gap(windows: Windows, start: int) -> FloatArray:
    rows = windows.rows("messages", "sent_at", start, ("fields_used", "fields_available"))
    rows = take(rows, rows["fields_available"] >= 0)
    who: IntArray = rows["customer_id"]
    used = ratio(windows.sum(who, rows["fields_used"]), windows.sum(who, rows["fields_available"]), none=1.0)
    return 1 - used


def _late(windows: Windows, start: int) -> FloatArray:
    rows = windows.rows("orders", "ordered_at", start, ("promised_at", "delivered_at"))
    rows = take(rows, (rows["delivered_at"] < start) & (rows["promised_at"] < NEVER))
    return windows.mean(rows["customer_id"], rows["delivered_at"] > rows["promised_at"])


def _paid_shipping(windows: Windows, start: int) -> FloatArray:
    rows = windows.rows("orders", "ordered_at", start, ("shipping_fee",), days=_days("price"))
    return windows.mean(rows["customer_id"], rows["shipping_fee"] > 0, usual("price"))


def _bad_returns(windows: Windows, start: int) -> FloatArray:
    columns = ("decided_at", "accepted", "exchanged", "refunded_at")
    rows = windows.rows("returns", "requested_at", start, columns, days=_days("returns"))
    decided = rows["decided_at"] < start
    refused = decided & (rows["accepted"] == 0)
    settled = refused | (decided & (rows["exchanged"] == 1))
    waits = ~settled & (np.minimum(rows["refunded_at"], start) - rows["requested_at"] > REFUND_S)
    return windows.mean(rows["customer_id"], refused | waits)


def _unexpected(windows: Windows, start: int) -> FloatArray:
    rows = windows.rows("charges", "charged_at", start, ("amount", "expected_amount"))
    return np.minimum(windows.sum(rows["customer_id"], rows["amount"] > rows["expected_amount"]), MOST_BILLS)


def _bad_visits(windows: Windows, start: int) -> FloatArray:
    columns = ("window_end", "arrived_at", "no_show", "cancelled_by_customer")
    rows = windows.rows("visits", "window_start", start, columns, days=_days("visits"))
    rows = take(rows, (rows["window_end"] < start) & (rows["cancelled_by_customer"] == 0))
    late = (rows["arrived_at"] > rows["window_end"]) & (rows["arrived_at"] < start)
    return windows.mean(rows["customer_id"], late | (rows["no_show"] == 1))


def _sessions(windows: Windows, start: int) -> dict[str, FloatArray]:
    """What sessions show: trouble online, help that is not there, the queue in the store."""
    columns = ("kind", "errors", "rage_clicks", "payment_failures", "help_found", "queue_s")
    rows = windows.rows("sessions", "started_at", start, columns)
    store = rows["kind"] == STORE
    online, shop = take(rows, ~store), take(rows, store)
    looked = take(online, online["help_found"] >= 0)
    kinds = ("errors", "rage_clicks", "payment_failures")
    trouble = sum((online[kind] > 0).astype(np.float64) for kind in kinds)
    queue = windows.mean(shop["customer_id"], shop["queue_s"] / 60, usual("store"))
    return {
        "digital": windows.mean(online["customer_id"], np.asarray(trouble), usual("digital")),
        "self_service": windows.mean(looked["customer_id"], looked["help_found"] == 0, usual("self_service")),
        "store": np.minimum(queue, LONGEST_WAIT_MIN),
    }


def _complaints(windows: Windows, start: int, factor: str) -> Rows:
    rows = windows.rows("posts", "posted_at", start, ("polarity", "replied_at"), days=_days(factor))
    return take(rows, rows["polarity"] < 0)


def _unanswered(windows: Windows, start: int) -> FloatArray:
    rows = _complaints(windows, start, "replies")
    return windows.mean(rows["customer_id"], rows["replied_at"] >= start)


def _feedback(windows: Windows, start: int) -> FloatArray:
    """Mean score of the surveys sent in the window, as answered last before *start*."""
    columns = ("answered_at", "recorded_at", "replaced_at", "score", "scale_min", "scale_max", "higher_is")
    rows = windows.rows("surveys", "sent_at", start, columns)
    rows = take(rows, (rows["answered_at"] < start) & (rows["replaced_at"] >= start))
    share = (rows["score"] - rows["scale_min"]) / (rows["scale_max"] - rows["scale_min"])
    good = np.where(rows["higher_is"] == 0, share, 1 - share)
    return windows.mean(rows["customer_id"], good, none=0.5)
