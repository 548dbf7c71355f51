"""One round of contacts: wait, hang up or be served, handed on, asked again, solved or not."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from cxml.simulate.contact_centre import ContactCentre
from cxml.simulate.months import Months
from cxml.simulate.population import Population
from cxml.simulate.rows import DAY, NEVER, BoolArray, FloatArray, IntArray, Rows

CHANNELS = ("phone.human", "chat.live", "email", "chat.bot", "social.messenger", "store")
PHONE, CHAT, EMAIL, BOT, SOCIAL, STORE = range(6)
_HANDLE_S = np.array([330.0, 480.0, 500.0, 110.0, 260.0, 560.0])
_REPLY_S = np.array([0.0, 0.0, 9 * 3600.0, 1.0, 5400.0, 240.0])
_REPLY_SPREAD = np.array([0.0, 0.0, 0.9, 0.3, 1.0, 0.6])
_TRANSFERS = np.array([0.42, 0.25, 0.2, 0.0, 0.1, 0.12])
_TRANSFERS_BY_TOPIC = np.array([0.3, 0.3, 0.4, 0.3, 0.3, 0.5, 1.6, 1.3, 1.1, 1.6])
_VERIFIED = np.array([0.55, 0.25, 0.2, 0.0, 0.15, 0.3])
_SAME_SEAT = 0.12
_ROUTED_BY_LANGUAGE = 0.3
_PATIENCE_S = 840.0


@dataclass(frozen=True)
class Company:
    """Who is served, when, and by whom."""

    people: Population
    months: Months
    centre: ContactCentre


@dataclass(frozen=True)
class Contacts:
    """Contacts as they begin: customer, topic, channel, instant, seat met before (-1: none), round."""

    who: IntArray
    topic: IntArray
    channel: IntArray
    at: IntArray
    seat: IntArray
    turn: int

    def __len__(self) -> int:
        return len(self.who)


def has_queue(channel: IntArray) -> BoolArray:
    """Whether one waits for an agent there: on the phone and in live chat."""
    return channel <= CHAT


def handle(rng: np.random.Generator, contacts: Contacts, company: Company, solving: FloatArray) -> Rows:
    """What becomes of *contacts*: the columns of ``interactions``, ``solved`` and ``seat``.

    A queue, and so a ``wait_s``, exists on the phone and in live chat only. Elsewhere ``wait_s`` is
    NaN and ``first_reply_at`` tells how long the answer took.

    Parameters
    ----------
    solving : float array
        Probability that a contact which is served solves the issue.
    """
    people, months, centre = company.people, company.months, company.centre
    wait, promised = _wait(rng, contacts, company)
    patience = (
        _PATIENCE_S * np.exp(0.35 * people.patience[contacts.who]) * rng.lognormal(0, 0.6, len(contacts))
    )
    gone = wait > np.maximum(patience, 20.0)
    wait = np.where(gone, np.ceil(np.maximum(patience, 20.0)), wait)
    reply_s = np.where(np.isnan(wait), _reply_s(rng, contacts), np.nan_to_num(wait)).astype(np.int64)
    transfers, verifications = _effort(rng, contacts, centre.clumsy[months.week(contacts.at)], gone)
    handle_s = _handle_s(rng, contacts.channel, transfers)
    seat, spoken = _seats(rng, contacts, company)
    agent = centre.agent_of[seat, months.index(contacts.at)]
    served = ~gone
    solved = served & (rng.random(len(contacts)) < solving)
    start, end = _moods(rng, contacts.turn, np.nan_to_num(wait), transfers, solved)
    bot = contacts.channel == BOT
    carries = (contacts.turn > 0) | (transfers > 0)
    carried = (rng.random(len(contacts)) < np.where(transfers > 0, 0.45, 0.6)).astype(np.int64)
    return {
        "customer_id": contacts.who, "started_at": contacts.at, "channel": contacts.channel,
        "topic": contacts.topic, "agent_id": np.where(gone | bot, -1, agent), "wait_s": wait,
        "promised_wait_s": promised, "first_reply_at": np.where(gone, NEVER, contacts.at + reply_s),
        "handle_s": np.where(gone, np.nan, handle_s),
        "hold_s": np.where(gone, np.nan, _hold_s(rng, contacts.channel, handle_s)),
        "ended_at": contacts.at + reply_s + np.where(gone, 0, handle_s).astype(np.int64),
        "abandoned": gone.astype(np.int64), "transfers": transfers, "verifications": verifications,
        "context_carried": np.where(carries & served, carried, -1),
        "agent_language": np.where(gone, -1, np.where(bot, people.language[contacts.who], spoken)),
        "scripted": np.where(gone, -1, rng.random(len(contacts)) < np.where(bot, 1.0, 0.25)).astype(np.int64),
        "sentiment_start": start, "sentiment_end": end, "solved": solved.astype(np.int64),
        "seat": seat,
    }  # fmt: skip


def _wait(rng: np.random.Generator, contacts: Contacts, company: Company) -> tuple[FloatArray, FloatArray]:
    """Wait and announced wait in seconds; NaN where there is no queue."""
    queue = np.where(contacts.channel == PHONE, 0, 1)
    hour, centre = company.months.hour(contacts.at), company.centre
    queued = has_queue(contacts.channel)
    expected = centre.expected_wait_s(queue, hour)
    said = np.ceil(expected * rng.lognormal(0, 0.25, len(contacts)) / 60) * 60
    wait = np.where(queued, centre.wait_s(rng, queue, hour), np.nan)
    return wait, np.where(queued & (rng.random(len(contacts)) < 0.8), said, np.nan)


def _reply_s(rng: np.random.Generator, contacts: Contacts) -> FloatArray:
    """Seconds to the first answer where nobody queues; slower at the weekend, whole seconds, at least 1."""
    weekend = (contacts.at // DAY + 3) % 7 >= 5
    slow = np.where(weekend & ((contacts.channel == EMAIL) | (contacts.channel == SOCIAL)), 1.8, 1.0)
    spread = np.exp(_REPLY_SPREAD[contacts.channel] * rng.standard_normal(len(contacts)))
    return np.asarray(np.ceil(np.maximum(_REPLY_S[contacts.channel] * slow * spread, 1.0)))


def _effort(
    rng: np.random.Generator, contacts: Contacts, clumsy: FloatArray, gone: BoolArray
) -> tuple[IntArray, IntArray]:
    """Transfers and verifications; *clumsy* says how badly calls were routed and callers recognised."""
    transfers = rng.poisson(_TRANSFERS[contacts.channel] * _TRANSFERS_BY_TOPIC[contacts.topic] * clumsy)
    asked = rng.poisson(_VERIFIED[contacts.channel] * clumsy)
    asked = asked + rng.binomial(np.minimum(transfers, 4), 0.35)
    return np.where(gone, 0, np.minimum(transfers, 5)), np.where(gone, 0, np.minimum(asked, 5))


def _handle_s(rng: np.random.Generator, channel: IntArray, transfers: IntArray) -> FloatArray:
    seconds = _HANDLE_S[channel] * (1 + 0.35 * transfers) * rng.lognormal(0, 0.5, len(channel))
    return np.asarray(np.ceil(np.maximum(seconds, 10.0)))


def _hold_s(rng: np.random.Generator, channel: IntArray, handle_s: FloatArray) -> FloatArray:
    """Time on hold, part of the handling; on the phone only."""
    held = rng.random(len(channel)) < 0.4
    seconds = np.floor(handle_s * rng.beta(1.5, 6, len(channel)))
    return np.where(channel == PHONE, np.where(held, seconds, 0.0), np.nan)


def _seats(rng: np.random.Generator, contacts: Contacts, company: Company) -> tuple[IntArray, IntArray]:
    """Where a contact is served, and in which language: the customer's when the team speaks it."""
    language, centre = company.people.language[contacts.who], company.centre
    seat = centre.seats(rng, language, _ROUTED_BY_LANGUAGE)
    same = (contacts.seat >= 0) & (rng.random(len(contacts)) < _SAME_SEAT)
    seat = np.where(same, contacts.seat, seat)
    return seat, np.where(centre.speaks[seat, language], language, 0)


def _moods(
    rng: np.random.Generator, turn: int, wait: FloatArray, transfers: IntArray, solved: BoolArray
) -> tuple[FloatArray, FloatArray]:
    """Sentiment in -1..1 as a contact begins and as it ends."""
    start: FloatArray = rng.normal(0.1 - 0.25 * min(turn, 2), 0.3, len(wait))
    change: FloatArray = np.where(solved, 0.35, -0.25) - 0.015 * np.minimum(wait / 60, 20) - 0.1 * transfers
    end: FloatArray = start + change + rng.normal(0, 0.2, len(wait))
    return np.round(start.clip(-1.0, 1.0), 2), np.round(end.clip(-1.0, 1.0), 2)
