"""How the agent behaved in each contact, and what else is noted of it."""

from __future__ import annotations

import numpy as np

from cxml.simulate.handling import Company, by_machine
from cxml.simulate.luck import chance
from cxml.simulate.months import HOUR
from cxml.simulate.rows import NEVER, BoolArray, IntArray, Rows, codes, days_s, flag
from cxml.simulate.topics import DOCUMENTS_BY_TOPIC, EMAIL, PORTAL, SOCIAL

DEVICES = ("mobile", "desktop", "app")
_SCRIPTED_ODDS, _SCRIPTED_BY_LUCK = -1.4, 1.5
_EMPATHY, _EMPATHY_BY_LUCK, _EMPATHY_SPREAD = 0.62, -0.13, 0.12
_ABUSIVE_ODDS, _ABUSIVE_BY_LUCK = -6.0, 1.2
_WRONG, _NAMED, _ANYTHING_ELSE, _HISTORY = 0.012, 0.55, 0.5, 0.6
_RECOGNISED, _COMPETITOR, _ESCALATED = 0.6, 0.015, 0.03


def with_conduct(rng: np.random.Generator, company: Company, rows: Rows) -> Rows:
    """The contacts with the columns that tell of conduct; bots and unserved contacts have none.

    Scripts, coldness and abuse follow the customer's luck; the other columns are chance.
    """
    who, at, size = rows["customer_id"], rows["started_at"], len(rows["started_at"])
    served = rows["abandoned"] == 0
    person = served & ~by_machine(rows["channel"])
    luck = company.luck.at("conduct", who, at)
    abusive = rng.random(size) < chance(_ABUSIVE_ODDS + _ABUSIVE_BY_LUCK * luck)
    empathy = _EMPATHY + _EMPATHY_BY_LUCK * luck + rng.normal(0, _EMPATHY_SPREAD, size) - 0.3 * abusive
    escalated = rng.random(size) < _ESCALATED + 0.2 * (rows["transfers"] > 1)
    wrong = person & (rng.random(size) < _WRONG)
    corrected = rows["ended_at"] + days_s(rng.exponential(4, size)) + HOUR
    return (
        rows
        | {
            "scripted": _of(person, rng.random(size) < chance(_SCRIPTED_ODDS + _SCRIPTED_BY_LUCK * luck)),
            "abusive": _of(person, abusive),
            "empathy": np.where(person, np.round(empathy.clip(0.0, 1.0), 2), np.nan),
            "corrected_at": np.where(wrong, corrected, NEVER),
            "escalated": _of(person, escalated),
            "name_used": _of(person, rng.random(size) < _NAMED),
            "anything_else": _of(person, rng.random(size) < _ANYTHING_ELSE),
            "history_shown": _of(person, rng.random(size) < _HISTORY),
            "recognised": _of(served, (rows["verifications"] == 0) & (rng.random(size) < _RECOGNISED)),
            "competitor": _of(person, rng.random(size) < _COMPETITOR),
        }
        | _paperwork(rng, rows, person)
    )


def _paperwork(rng: np.random.Generator, rows: Rows, person: BoolArray) -> Rows:
    """Device, forms, work after the contact, and time without anybody in charge."""
    size = len(person)
    written = np.isin(rows["channel"], (EMAIL, SOCIAL, PORTAL))
    waited = np.where(rows["first_reply_at"] < NEVER, rows["first_reply_at"] - rows["started_at"], 0)
    unassigned = np.floor(waited * rng.beta(2, 2, size))
    wrap_up = np.ceil(np.nan_to_num(rows["handle_s"]) * rng.beta(2, 10, size))
    documents: IntArray = rng.poisson(DOCUMENTS_BY_TOPIC[rows["topic"]])
    return {
        "device": codes(rng, size, (0.55, 0.3, 0.15)),
        "documents_asked": np.where(person, documents, -1),
        "wrap_up_s": np.where(person, wrap_up, np.nan),
        "unassigned_s": np.where(person & written, unassigned, np.nan),
    }


def _of(chosen: BoolArray, condition: BoolArray) -> IntArray:
    """1 or 0 for the chosen contacts, none for the others."""
    return np.where(chosen, flag(condition), -1).astype(np.int8)
