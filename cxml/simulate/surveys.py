"""Surveys, most of them unanswered: the table ``surveys``. What is answered reflects what happened."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from cxml.simulate.handling import BOT, CHAT, EMAIL
from cxml.simulate.months import HOUR, Months, draw_counts, draw_times
from cxml.simulate.population import Population
from cxml.simulate.rows import DAY, NEVER, FloatArray, IntArray, Rows, by_time, joined, take

KINDS = ("nps", "csat", "ces")
HIGHER_IS = ("good", "bad")
_NPS, _CSAT, _CES = range(3)
_INVITED = 0.45
_NPS_A_MONTH = 0.22
_LOW = np.array([0.0, 1.0, 1.0])
_HIGH = np.array([10.0, 5.0, 7.0])


def draw_surveys(
    rng: np.random.Generator, people: Population, months: Months, contacts: Rows,
    exposures: Mapping[str, FloatArray],
) -> Rows:  # fmt: skip
    """Invitations after contacts (CSAT, effort) and, about four times in 18 months, NPS.

    Effort is asked in two ways: as trouble after phone, e-mail and store contacts (high is bad), as
    ease after chats and bots (high is good).

    Parameters
    ----------
    exposures : mapping of str to float array (months + 1, customers)
        What NPS looks back on: the state at the start of the month.
    """
    rows = joined([
        _after_contacts(rng, contacts), _relations(rng, people, months, exposures),
    ])  # fmt: skip
    who: IntArray = rows["customer_id"]
    kind: IntArray = rows["kind"]
    felt: FloatArray = rows.pop("felt")
    felt = felt + rng.normal(0, 0.16, len(felt))
    share = np.clip(np.where(rows["higher_is"] == 0, felt, 1 - felt), 0, 1)
    keen = 0.26 * np.exp(0.4 * people.openness[who] + 0.5 * np.abs(np.clip(felt, 0, 1) - 0.65))
    answered = rows["sent_at"] + 60 + (DAY * rng.exponential(1.2, len(felt))).astype(np.int64)
    rows |= {
        "score": np.rint(_LOW[kind] + share * (_HIGH - _LOW)[kind]), "scale_min": _LOW[kind],
        "scale_max": _HIGH[kind],
        "answered_at": np.where(rng.random(len(felt)) < np.minimum(keen, 0.9), answered, NEVER),
    }  # fmt: skip
    rows = by_time(rows, "sent_at")
    return {"survey_id": np.arange(len(rows["sent_at"])), **rows}


def _after_contacts(rng: np.random.Generator, contacts: Rows) -> Rows:
    """Invitations after contacts that were served, and how each contact felt, 0 to 1."""
    asked = (contacts["abandoned"] == 0) & (rng.random(len(contacts["abandoned"])) < _INVITED)
    rows = take(contacts, asked)
    size = len(rows["abandoned"])
    kind = np.where(rng.random(size) < 0.5, _CSAT, _CES)
    digital = (rows["channel"] == CHAT) | (rows["channel"] == BOT) | (rows["channel"] == EMAIL)
    wait_min = np.minimum(np.nan_to_num(rows["wait_s"]) / 60, 20)
    felt = (
        0.86 - 0.025 * wait_min - 0.09 * rows["transfers"] - 0.05 * rows["verifications"]
        - 0.35 * (rows["solved"] == 0) - 0.12 * rows["repeat"]
    )  # fmt: skip
    sent = rows["ended_at"] + (HOUR * rng.uniform(0.5, 20, size)).astype(np.int64)
    return {
        "customer_id": rows["customer_id"], "sent_at": sent, "kind": kind,
        "higher_is": np.where((kind == _CES) & ~digital, 1, 0), "issue_id": rows["issue_id"], "felt": felt,
    }  # fmt: skip


def _relations(
    rng: np.random.Generator, people: Population, months: Months, exposures: Mapping[str, FloatArray]
) -> Rows:
    """NPS invitations and how the last 90 days felt."""
    who, month = draw_counts(rng, np.full((people.count, months.count), _NPS_A_MONTH))
    sent = draw_times(rng, months, month, np.tile((np.arange(24) // 12).astype(np.float64), 7))
    felt = (
        0.95 - 0.02 * exposures["waiting"] - 0.16 * exposures["resolution"] - 0.07 * exposures["repeats"]
        - 0.05 * exposures["effort"] - 0.3 * exposures["personalization"] - 0.1 * exposures["abandonment"]
        + 0.1 * exposures["recovery"] - 0.1 * exposures["delivery"]
    )[month, who]  # fmt: skip
    zero = np.zeros(len(who), dtype=np.int64)
    rows: Rows = {
        "customer_id": who, "sent_at": sent, "kind": zero + _NPS, "higher_is": zero,
        "issue_id": zero - 1, "felt": felt,
    }  # fmt: skip
    return take(rows, people.had_joined(who, sent))
