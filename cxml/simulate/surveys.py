"""Surveys, most of them unanswered: the table ``surveys``. What is answered reflects what happened.

Some customers answer once more: such a survey has two versions, the second of which counts from when
it was recorded.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from cxml.simulate import sessions
from cxml.simulate.customers import People
from cxml.simulate.months import HOUR, Months, draw_counts, draw_times
from cxml.simulate.rows import (
    NEVER,
    FloatArray,
    IntArray,
    Rows,
    by_time,
    codes,
    days_s,
    joined,
    numbered,
    take,
)
from cxml.simulate.topics import BOT, CHAT, EMAIL

KINDS = ("nps", "csat", "ces", "other")
HIGHER_IS = ("good", "bad")
ABOUT = ("courtesy", "listened", "understood", "store", "trust", "quality", "expectation", "packaging")
_NPS, _CSAT, _CES, _OTHER = range(4)
_COURTESY, _LISTENED, _UNDERSTOOD, _STORE, _TRUST = range(5)
_INVITED, _INVITED_IN_STORE = 0.45, 0.15
_NPS_A_MONTH, _ITEM_A_MONTH = 0.22, 0.03
_LOW = np.array([0.0, 1.0, 1.0, 1.0])
_HIGH = np.array([10.0, 5.0, 7.0, 5.0])
_AGAIN = 0.05


def draw_surveys(
    rng: np.random.Generator,
    people: People,
    months: Months,
    lives: Mapping[str, Rows],
    felt: FloatArray,
) -> Rows:
    """Invitations after contacts and store visits and, four times in 18 months, about the relation.

    Effort is asked in two ways: as trouble after phone and store contacts (high is bad), as ease after
    written ones (high is good). Beyond the columns of the contract: ``replaced_at``, when a version
    gives way to the next.

    Parameters
    ----------
    felt : float array (months + 1, customers)
        What relation surveys look back on: see ``moods.felt``.
    """
    rows = joined(
        [
            _after_contacts(rng, lives["interactions"]),
            _after_store(rng, lives["sessions"]),
            _relations(rng, people, months, felt),
        ]
    )
    who: IntArray = rows["customer_id"]
    feeling: FloatArray = rows["felt"]
    keen = 0.26 * np.exp(0.4 * people.openness[who] + 0.5 * np.abs(np.clip(feeling, 0, 1) - 0.65))
    answers = rng.random(len(who)) < np.minimum(keen, 0.9)
    answered = rows["sent_at"] + 60 + days_s(rng.exponential(1.2, len(who)))
    rows |= {
        "scale_min": _LOW[rows["kind"]],
        "scale_max": _HIGH[rows["kind"]],
        "answered_at": np.where(answers, answered, NEVER),
        "score": _scored(rng, rows),
        "recorded_at": np.full(len(who), NEVER),
        "replaced_at": np.full(len(who), NEVER),
    }
    return _rated_again(rng, numbered(by_time(rows, "sent_at"), "survey_id"))


def _scored(rng: np.random.Generator, rows: Rows) -> FloatArray:
    """The answer to how it felt, with noise, on the scale of the kind."""
    kind = rows["kind"]
    felt = rows["felt"] + rng.normal(0, 0.16, len(kind))
    share = np.clip(np.where(rows["higher_is"] == 0, felt, 1 - felt), 0, 1)
    return np.asarray(np.rint(_LOW[kind] + share * (_HIGH - _LOW)[kind]))


def _rated_again(rng: np.random.Generator, rows: Rows) -> Rows:
    """The rows with a second version of a few answers, days or weeks later."""
    again = (rows["answered_at"] < NEVER) & (rng.random(len(rows["kind"])) < _AGAIN)
    later = take(rows, again)
    at = later["answered_at"] + days_s(rng.uniform(1, 25, len(later["kind"])))
    rows["replaced_at"][again] = at
    later["felt"] = later["felt"] + rng.normal(0, 0.2, len(at))
    later |= {"answered_at": at, "recorded_at": at, "score": _scored(rng, later)}
    return by_time(joined([rows, later]), "sent_at")


def _after_contacts(rng: np.random.Generator, contacts: Rows) -> Rows:
    """Invitations after contacts that were served, and how each contact felt, 0 to 1."""
    served = (contacts["abandoned"] == 0) & (contacts["transfers"] >= 0)
    rows = take(contacts, served & (rng.random(len(served)) < _INVITED))
    size = len(rows["abandoned"])
    person = rows["skilled"] >= 0
    kind = codes(rng, size, (0.0, 0.45, 0.45, 0.10))
    kind = np.where((kind == _OTHER) & ~person, _CSAT, kind)
    item = np.where(kind == _OTHER, codes(rng, size, (0.4, 0.3, 0.3)), -1)
    written = np.isin(rows["channel"], (CHAT, BOT, EMAIL))
    wait_min = np.minimum(np.nan_to_num(rows["wait_s"]) / 60, 20)
    felt = (
        0.86
        - 0.025 * wait_min
        - 0.09 * rows["transfers"]
        - 0.05 * rows["verifications"]
        - 0.35 * (rows["solved"] == 0)
        - 0.12 * rows["repeat"]
    )
    kind_words = 0.3 + 0.75 * np.nan_to_num(rows["empathy"], nan=0.62) - 0.1 * (rows["scripted"] == 1)
    grasped = 0.55 + 0.3 * (rows["skilled"] == 1) - 0.2 * (rows["solved"] == 0)
    felt = np.select([item == _UNDERSTOOD, item >= 0], [grasped, kind_words], felt)
    sent = rows["ended_at"] + (HOUR * rng.uniform(0.5, 20, size)).astype(np.int64)
    return {
        "customer_id": rows["customer_id"],
        "sent_at": sent,
        "kind": kind,
        "felt": felt,
        "higher_is": np.where((kind == _CES) & ~written, 1, 0).astype(np.int8),
        "about": item.astype(np.int8),
        "issue_id": rows["issue_id"],
    }


def _after_store(rng: np.random.Generator, visits: Rows) -> Rows:
    """Invitations after store visits: the queue is what is felt."""
    store = visits["kind"] == sessions.STORE
    rows = take(visits, store & (rng.random(len(store)) < _INVITED_IN_STORE))
    size = len(rows["kind"])
    queue_min = np.minimum(rows["queue_s"] / 60, 20)
    return {
        "customer_id": rows["customer_id"],
        "sent_at": rows["started_at"] + (HOUR * rng.uniform(2, 30, size)).astype(np.int64),
        "kind": np.full(size, _OTHER, dtype=np.int8),
        "felt": 0.85 - 0.03 * queue_min,
        "higher_is": np.zeros(size, dtype=np.int8),
        "about": np.full(size, _STORE, dtype=np.int8),
        "issue_id": np.full(size, -1),
    }


def _relations(rng: np.random.Generator, people: People, months: Months, felt: FloatArray) -> Rows:
    """Invitations about the relation: NPS and single items, answered by how the last 90 days felt."""
    parts: list[Rows] = []
    for kind, rate in ((_NPS, _NPS_A_MONTH), (_OTHER, _ITEM_A_MONTH)):
        who, month = draw_counts(rng, np.full((people.count, months.count), rate))
        sent = draw_times(rng, months, month, np.tile((np.arange(24) // 12).astype(np.float64), 7))
        item = _TRUST + codes(rng, len(who), np.ones(len(ABOUT) - _TRUST))
        parts.append(
            {
                "customer_id": who,
                "sent_at": sent,
                "kind": np.full(len(who), kind, dtype=np.int8),
                "higher_is": np.zeros(len(who), dtype=np.int8),
                "issue_id": np.full(len(who), -1),
                "about": np.where(kind == _OTHER, item, -1).astype(np.int8),
                "felt": felt[month, who],
            }
        )
    rows = joined(parts)
    return take(rows, people.had_joined(rows["customer_id"], rows["sent_at"]))
