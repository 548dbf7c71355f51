"""One round of contacts: wait, hang up or be served, handed on, asked again, solved or not."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from cxml.simulate.agents import Staff
from cxml.simulate.contact_centre import ContactCentre
from cxml.simulate.customers import People
from cxml.simulate.luck import Luck, chance
from cxml.simulate.months import Months
from cxml.simulate.rows import DAY, NEVER, BoolArray, FloatArray, IntArray, Rows, flag
from cxml.simulate.topics import BOT, CHAT, EMAIL, IVR, PHONE, SMS, SOCIAL, TRANSFERS_BY_TOPIC

_HANDLE_S = np.array([330.0, 480.0, 500.0, 110.0, 260.0, 560.0, 90.0, 240.0, 300.0])
_REPLY_S = np.array([0.0, 0.0, 9 * 3600.0, 1.0, 5400.0, 240.0, 2.0, 2400.0, 7200.0])
_REPLY_SPREAD = np.array([0.0, 0.0, 0.9, 0.3, 1.0, 0.6, 0.3, 0.9, 0.9])
_TRANSFERS = np.array([0.42, 0.25, 0.2, 0.0, 0.1, 0.12, 0.0, 0.1, 0.1])
_VERIFIED = np.array([0.55, 0.25, 0.2, 0.0, 0.15, 0.3, 0.3, 0.1, 0.05])
_SAME_SEAT = 0.12
_SKILLED_ODDS, _SKILLED_BY_LUCK = 1.3, -1.5
_FOREIGN_ODDS, _FOREIGN_BY_LUCK = np.array([-3.0, -0.8, -0.6]), 1.3
_PATIENCE_S = 840.0


@dataclass(frozen=True)
class Company:
    """Who is served, when, by whom, and with which luck."""

    people: People
    months: Months
    centre: ContactCentre
    staff: Staff
    luck: Luck


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


def by_machine(channel: IntArray) -> BoolArray:
    """Whether a bot or a voice menu answers there."""
    return np.asarray((channel == BOT) | (channel == IVR))


def handle(rng: np.random.Generator, contacts: Contacts, company: Company, solving: FloatArray) -> Rows:
    """What becomes of *contacts*: columns of ``interactions``, and ``turn``, ``solved``, ``seat``, ``skilled``.

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
    seat = _seats(rng, contacts, company)
    month, language = months.index(contacts.at), people.language[contacts.who]
    spoken = np.where(company.staff.speaks[seat, language], language, _other_language(company.staff, seat))
    machine = by_machine(contacts.channel)
    solved = ~gone & (rng.random(len(contacts)) < solving)
    carries = (contacts.turn > 0) | (transfers > 0)
    carried = flag(rng.random(len(contacts)) < np.where(transfers > 0, 0.45, 0.6))
    knows = flag(company.staff.knows[month, seat, contacts.topic])
    return {
        "customer_id": contacts.who,
        "started_at": contacts.at,
        "channel": contacts.channel.astype(np.int8),
        "topic": contacts.topic.astype(np.int8),
        "wait_s": wait,
        "promised_wait_s": promised,
        "agent_id": np.where(gone | machine, -1, company.staff.agent_of[seat, month]),
        "first_reply_at": np.where(gone, NEVER, contacts.at + reply_s),
        "handle_s": np.where(gone, np.nan, handle_s),
        "hold_s": np.where(gone, np.nan, _hold_s(rng, contacts.channel, handle_s)),
        "ended_at": contacts.at + reply_s + np.where(gone, 0, handle_s).astype(np.int64),
        "abandoned": flag(gone),
        "transfers": transfers,
        "verifications": verifications,
        "context_carried": np.where(carries & ~gone, carried, -1).astype(np.int8),
        "agent_language": np.where(gone, -1, np.where(machine, language, spoken)).astype(np.int8),
        "solved": flag(solved),
        "seat": seat,
        "turn": np.full(len(contacts), contacts.turn, dtype=np.int8),
        "skilled": np.where(gone | machine, -1, knows).astype(np.int8),
    }


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
    written = (contacts.channel == EMAIL) | (contacts.channel == SOCIAL) | (contacts.channel == SMS)
    slow = np.where(weekend & written, 1.8, 1.0)
    spread = np.exp(_REPLY_SPREAD[contacts.channel] * rng.standard_normal(len(contacts)))
    return np.asarray(np.ceil(np.maximum(_REPLY_S[contacts.channel] * slow * spread, 1.0)))


def _effort(
    rng: np.random.Generator, contacts: Contacts, clumsy: FloatArray, gone: BoolArray
) -> tuple[IntArray, IntArray]:
    """Transfers and verifications; *clumsy* says how badly calls were routed and callers recognised."""
    transfers = rng.poisson(_TRANSFERS[contacts.channel] * TRANSFERS_BY_TOPIC[contacts.topic] * clumsy)
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


def _seats(rng: np.random.Generator, contacts: Contacts, company: Company) -> IntArray:
    """Where a contact is served: sometimes where it was served before, else as the customer's luck has it."""
    who, at, luck = contacts.who, contacts.at, company.luck
    language = company.people.language[who]
    skilled = rng.random(len(contacts)) < chance(_SKILLED_ODDS + _SKILLED_BY_LUCK * luck.at("skill", who, at))
    foreign = chance(_FOREIGN_ODDS[language] + _FOREIGN_BY_LUCK * luck.at("language", who, at))
    speaking = rng.random(len(contacts)) >= foreign
    month = company.months.index(at)
    seat = company.staff.seats(rng, month, contacts.topic, language, skilled=skilled, speaking=speaking)
    same = (contacts.seat >= 0) & (rng.random(len(contacts)) < _SAME_SEAT)
    return np.where(same, contacts.seat, seat)


def _other_language(staff: Staff, seat: IntArray) -> IntArray:
    """What a team speaks with those whose language it does not know."""
    return np.asarray(np.argmax(staff.speaks, axis=1)[seat])
