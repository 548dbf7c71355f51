"""Who serves: seats in teams, and the agents on them month by month. The table ``agents``."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from cxml.simulate.customers import LANGUAGES
from cxml.simulate.months import Months
from cxml.simulate.rows import (
    DAY,
    NEVER,
    BoolArray,
    IntArray,
    Rows,
    days_s,
    flag,
)
from cxml.simulate.topics import RETENTION, TOPICS

TEAM_TOPICS = 5
_SERVED_TOPICS = RETENTION
"""Agents are trained for the topics before this one; retention is known to all."""

_LANGUAGE_SHARE = np.array([1.0, 0.35, 0.1])
_OFFSHORE_EVERY = 8
_TURNOVER, _TRAINED = 0.03, 0.025
_CUSTOMERS_A_SEAT = 150
_LEAST_SEATS = 30


@dataclass(frozen=True)
class Staff:
    """The agents of a contact centre.

    Attributes
    ----------
    agent_of : int array (seats, months)
        Who sits on a seat in a month.
    training : int array (seats, months)
        How often that agent has been trained for further topics.
    knows : bool array (months, seats, topics)
        Whether that agent is trained for a topic.
    speaks : bool array (seats, languages)
        The languages of a seat's team, kept by the agent who sits there.
    onshore : bool array (seats)
        The team works in the customers' country.
    order, first, count : int arrays
        Seats sorted into groups by month, topic, language, trained for the topic, speaks the language:
        where each group begins in *order*, and how many are in it.
    """

    agent_of: IntArray
    training: IntArray
    knows: BoolArray
    speaks: BoolArray
    onshore: BoolArray
    order: IntArray
    first: IntArray
    count: IntArray

    def seats(
        self,
        rng: np.random.Generator,
        month: IntArray,
        topic: IntArray,
        language: IntArray,
        *,
        skilled: BoolArray,
        speaking: BoolArray,
    ) -> IntArray:
        """A seat for each contact, of somebody who is (or is not) trained for it and speaks the language.

        Where there is nobody like that, anybody.
        """
        place = ((month * self.knows.shape[2] + topic) * len(LANGUAGES) + language) * 4
        place = place + 2 * skilled + speaking
        draw = rng.random(len(month))
        within = (draw * self.count[place]).astype(np.int64)
        seat = self.order[np.minimum(self.first[place] + within, len(self.order) - 1)]
        anybody = (draw * len(self.agent_of)).astype(np.int64)
        return np.where(self.count[place] > 0, seat, anybody)


def draw_staff(rng: np.random.Generator, customers: int, months: Months) -> Staff:
    """Enough agents for *customers*; each month a few seats pass on and a few agents are trained further."""
    seats = max(_LEAST_SEATS, customers // _CUSTOMERS_A_SEAT)
    agent_of = _staff(rng, seats, months)
    training = _training(rng, agent_of)
    home = np.arange(seats)[:, None] % _SERVED_TOPICS
    topic = np.arange(len(TOPICS))
    reach = TEAM_TOPICS + training.T
    knows = ((topic - home) % _SERVED_TOPICS)[None] < reach[:, :, None]
    knows[:, :, RETENTION] = True
    onshore = np.arange(seats) % _OFFSHORE_EVERY < _OFFSHORE_EVERY - 1
    speaks = rng.random((seats, len(LANGUAGES))) < _LANGUAGE_SHARE
    speaks[~onshore] = [False, True, False]
    speaks[:3] = True
    return Staff(agent_of, training, knows, speaks, onshore, *_groups(knows, speaks))


def _groups(knows: BoolArray, speaks: BoolArray) -> tuple[IntArray, IntArray, IntArray]:
    """The seats of each group: in one list, where each group begins, and how many it has."""
    months, seats, topics = knows.shape
    skilled = np.moveaxis(knows, 1, 2)[:, :, None, :]
    group = 2 * skilled + speaks.T[None, None]
    place = np.arange(months * topics * len(LANGUAGES)).reshape(months, topics, -1, 1) * 4 + group
    flat = place.ravel()
    order = np.argsort(flat, kind="stable") % seats
    count = np.bincount(flat, minlength=months * topics * len(LANGUAGES) * 4)
    return order, np.cumsum(count) - count, count


def agent_rows(rng: np.random.Generator, staff: Staff, months: Months) -> Rows:
    """The table ``agents``: a span for each agent and state of training; texts are codes."""
    agents, level = staff.agent_of.ravel(), staff.training.ravel()
    _, first = np.unique(np.stack([agents, level]), axis=1, return_index=True)
    seat, month = np.divmod(first, months.count)
    agent, trained = agents[first], level[first]
    start = months.starts[month]
    hired = start - rng.integers(1, 60, len(first)) * DAY
    early = month == 0
    hired = np.where(early, hired - days_s(rng.exponential(500, len(first))), hired)
    size = int(agents.max()) + 1
    hired_of = np.full(size, NEVER)
    np.minimum.at(hired_of, agent, hired)
    hired = hired_of[agent]
    base = np.rint(rng.gamma(4.0, 12.0, size))[agent]
    mood = rng.beta(5, 3, size)[agent] + rng.normal(0, 0.05, len(first))
    return {
        "agent_id": agent,
        "valid_from": np.where(early, hired, start),
        "valid_to": _until(staff.agent_of, agent, months, np.append(agent[1:] == agent[:-1], False), start),
        "skills": (seat % _SERVED_TOPICS) * len(TOPICS) + np.minimum(trained, _SERVED_TOPICS - TEAM_TOPICS),
        "languages": staff.speaks[seat] @ (1 << np.arange(len(LANGUAGES))),
        "training_h": base + 8.0 * trained,
        "hired_at": hired,
        "satisfaction": np.round(mood.clip(0.0, 1.0), 2),
        "team": seat % len(TEAMS),
        "onshore": flag(staff.onshore[seat]),
    }


TEAMS = ("first line", "care", "evening line", "experts")


def agent_words() -> dict[str, tuple[str, ...]]:
    """What the codes of ``skills``, ``languages`` and ``team`` stand for; lists are separated by ';'."""
    ring = TOPICS[:_SERVED_TOPICS] * 2
    known = range(TEAM_TOPICS, TEAM_TOPICS + len(TOPICS))
    skills = tuple(
        ";".join(sorted({*ring[code : code + min(reach, _SERVED_TOPICS)], TOPICS[RETENTION]}))
        for code in range(_SERVED_TOPICS)
        for reach in known
    )
    mixes = [[word for bit, word in enumerate(LANGUAGES) if mix >> bit & 1] for mix in range(8)]
    return {"skills": skills, "languages": tuple(";".join(mix) for mix in mixes), "team": TEAMS}


def _until(
    agent_of: IntArray, agent: IntArray, months: Months, goes_on: BoolArray, start: IntArray
) -> IntArray:
    """When each span ends: with the agent's next span, or when the seat passes on."""
    follows = np.full(int(agent_of.max()) + 1, NEVER)
    changes = np.argwhere(agent_of[:, 1:] != agent_of[:, :-1])
    follows[agent_of[changes[:, 0], changes[:, 1]]] = months.starts[changes[:, 1] + 1]
    return np.where(goes_on, np.append(start[1:], NEVER), follows[agent])


def _staff(rng: np.random.Generator, seats: int, months: Months) -> IntArray:
    """Agents by seat and month; each month a few seats pass to somebody new."""
    leaves = rng.random((seats, months.count)) < _TURNOVER
    leaves[:, 0] = True
    return np.cumsum(leaves.ravel()).reshape(leaves.shape) - 1


def _training(rng: np.random.Generator, agent_of: IntArray) -> IntArray:
    """How often each agent has been trained further since they came, by seat and month."""
    trained = rng.random(agent_of.shape) < _TRAINED
    level = np.zeros(agent_of.shape, dtype=np.int64)
    for month in range(1, agent_of.shape[1]):
        same = agent_of[:, month] == agent_of[:, month - 1]
        level[:, month] = np.where(same, level[:, month - 1] + trained[:, month], 0)
    return level
