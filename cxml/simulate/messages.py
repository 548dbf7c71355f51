"""Messages to customers, more or less personal: the table ``messages``."""

from __future__ import annotations

import numpy as np

from cxml.simulate.months import Months, draw_counts, draw_times
from cxml.simulate.population import REGIONS, Population
from cxml.simulate.rows import DAY, NEVER, FloatArray, IntArray, Rows, by_time, take

PURPOSES = ("newsletter", "offer", "recommendation", "service", "billing")
CHANNELS = ("email", "sms", "app")
_MARKETING = 3
_A_MONTH = 2.6
_CAMPAIGNS = np.array([-1.3, -0.4, 0.5, 1.4])
_QUARTER = 3


def draw_messages(rng: np.random.Generator, people: Population, months: Months) -> Rows:
    """All messages by time; marketing stops once the customer has opted out."""
    rate = np.full((people.count, months.count), _A_MONTH)
    who, month = draw_counts(rng, rate)
    weights = np.tile(np.where((np.arange(24) >= 8) & (np.arange(24) < 21), 1.0, 0.02), 7)
    sent = draw_times(rng, months, month, weights)
    personal = _personal(rng, people, months)[who, month]
    rows: Rows = {"customer_id": who, "sent_at": sent} | _content(rng, people.coverage[who], personal)
    rows = by_time(take(rows, people.had_joined(who, sent)), "sent_at")
    rows |= _reactions(rng, rows)
    rows = _without_opted_out(rows, people.count)
    return {"message_id": np.arange(len(rows["sent_at"])), **rows}


def _personal(rng: np.random.Generator, people: Population, months: Months) -> FloatArray:
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
    return {
        "purpose": rng.choice(len(PURPOSES), size, p=[0.28, 0.27, 0.17, 0.13, 0.15]),
        "channel": rng.choice(len(CHANNELS), size, p=[0.5, 0.2, 0.3]), "fields_available": available,
        "fields_used": rng.binomial(available, personal),
    }  # fmt: skip


def _reactions(rng: np.random.Generator, rows: Rows) -> Rows:
    """Relevance and what the customer did with it; personal messages do better."""
    sent: IntArray = rows["sent_at"]
    used = rows["fields_used"] / rows["fields_available"]
    size = len(sent)
    opened = sent + (DAY * rng.exponential(0.7, size)).astype(np.int64) + 1
    opened = np.where(rng.random(size) < 0.2 + 0.25 * used, opened, NEVER)
    clicked = np.where(rng.random(size) < 0.1 + 0.15 * used, opened + 30, NEVER)
    out = (rng.random(size) < 0.004 * (1.3 - used)) & (rows["purpose"] < _MARKETING)
    return {
        "relevant": (rng.random(size) < 0.45 + 0.45 * used).astype(np.int64), "opened_at": opened,
        "clicked_at": np.where(opened == NEVER, NEVER, clicked),
        "opted_out_at": np.where(out, sent + 3_600, NEVER),
    }  # fmt: skip


def _without_opted_out(rows: Rows, customers: int) -> Rows:
    out = np.full(customers, NEVER)
    np.minimum.at(out, rows["customer_id"], rows["opted_out_at"])
    allowed = rows["sent_at"] < out[rows["customer_id"]]
    return take(rows, allowed | (rows["purpose"] >= _MARKETING))
