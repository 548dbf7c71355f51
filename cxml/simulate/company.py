"""A whole company: lives first, as if nobody left; then who leaves; then what the tables show."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from cxml.errors import ConfigError
from cxml.simulate import commerce, contact_centre, handling, issues, messages, population, recovery, surveys
from cxml.simulate.effects import Effects
from cxml.simulate.exposures import FACTORS, Windows
from cxml.simulate.handling import Company
from cxml.simulate.leaving import draw_leaving, hazard_of
from cxml.simulate.months import Months
from cxml.simulate.pipeline import config_text
from cxml.simulate.rows import NEVER, FloatArray, IntArray, Rows, arrow_table, take
from cxml.simulate.truth import FIRST_SNAPSHOT, effect_truth, snapshot_truth

_LEAST_MONTHS = FIRST_SNAPSHOT + 3
_STREAMS = ("people", "centre", "issues", "recovery", "orders", "messages", "surveys", "leaving", "agents")
_EVENTS = {
    "interactions": "started_at", "recoveries": "at", "orders": "ordered_at", "returns": "requested_at",
    "charges": "charged_at", "surveys": "sent_at", "messages": "sent_at",
}  # fmt: skip
_STOP_WITH_THE_CUSTOMER = {
    "interactions": ("resolved_at", "reopened_at"), "surveys": ("answered_at",),
    "messages": ("opened_at", "clicked_at", "opted_out_at"),
}  # fmt: skip
_WORDS: dict[str, Mapping[str, tuple[str, ...]]] = {
    "customers": population.WORDS,
    "interactions": {
        "channel": handling.CHANNELS, "topic": issues.TOPICS, "direction": ("inbound",),
        "customer_language": population.LANGUAGES, "agent_language": population.LANGUAGES,
    },
    "recoveries": {"action": recovery.ACTIONS},
    "orders": {"category": commerce.CATEGORIES, "device": commerce.DEVICES},
    "returns": {"shipping_paid_by": commerce.PAYERS},
    "charges": {"kind": commerce.KINDS},
    "subscriptions": population.WORDS,
    "surveys": {"kind": surveys.KINDS, "higher_is": surveys.HIGHER_IS},
    "messages": {"purpose": messages.PURPOSES, "channel": messages.CHANNELS},
    "agents": contact_centre.agent_words(issues.TOPICS),
}  # fmt: skip


@dataclass(frozen=True)
class Simulation:
    """What a company's systems hold, and what only the simulator knows.

    Attributes
    ----------
    tables : dict of str to pyarrow.Table
        Tables of the contract, as extracted at the end of the last month.
    truth : dict of str to pyarrow.Table
        ``snapshots`` (true probability and value of each customer at risk at a month's start) and
        ``effects`` (one row per factor). A model never reads them.
    config : str
        The text of a ``cxml.toml`` beside the tables as Parquet files.
    """

    tables: dict[str, pa.Table]
    truth: dict[str, pa.Table]
    config: str


def simulate(customers: int, months: int = 24, seed: int = 0, effects: Effects | None = None) -> Simulation:
    """A subscription company with a shop and a contact centre, from 2024-01-01 (UTC) on.

    The same arguments give the same bytes. Two calls that differ in *effects* only are the same
    company with the same contacts, orders and messages; only leaving differs.

    Parameters
    ----------
    customers : int
        How many people are ever customers; 85 % are there at the start. At least 1.
    months : int
        Calendar months, at least 9: half a year of history, and a month each to train, calibrate and
        test on.
    seed : int
        Not negative.
    effects : Effects, optional
        What each experience does to leaving; the default effects when not given.

    Raises
    ------
    ConfigError
        When a number is too small.
    """
    _check(customers, months, seed)
    effects = effects or Effects()
    seeds = np.random.SeedSequence(seed).spawn(len(_STREAMS))
    draw = {name: np.random.default_rng(part) for name, part in zip(_STREAMS, seeds, strict=True)}
    span = Months.of(months)
    people = population.draw_population(draw["people"], customers, span)
    company = Company(people, span, contact_centre.draw_contact_centre(draw["centre"], customers, span))
    spending = commerce.Spending.of(people, span)
    lives = _lives(draw, company, spending)
    exposures = _exposures(draw["surveys"], company, lives)
    hazard = hazard_of(people, span, exposures, effects)
    left, asked = draw_leaving(draw["leaving"], people, span, hazard)
    tables = {name: _seen(name, rows, np.minimum(left, span.end)) for name, rows in lives.items()}
    tables["customers"] = people.rows()
    tables["subscriptions"] = commerce.subscription_rows(people, left, asked)
    tables["agents"] = contact_centre.agent_rows(draw["agents"], company.centre, span, len(issues.TOPICS))
    extracted = {name: arrow_table(name, tables[name], words, span.end) for name, words in _WORDS.items()}
    truth = {
        "snapshots": snapshot_truth(people, span, hazard, exposures, spending, left),
        "effects": effect_truth(people, span, hazard, effects, left),
    }
    return Simulation(extracted, truth, config_text(span, tuple(extracted)))


def _check(customers: int, months: int, seed: int) -> None:
    for name, value, least in (
        ("customers", customers, 1),
        ("months", months, _LEAST_MONTHS),
        ("seed", seed, 0),
    ):
        if value < least:
            raise ConfigError(
                f"{name} is {value}", where="simulate", expected=f"{least} or more", fix=f"raise {name}"
            )


def _lives(
    draw: Mapping[str, np.random.Generator], company: Company, spending: commerce.Spending
) -> dict[str, Rows]:
    """Every event of every customer up to the end of the last month, as if nobody left."""
    people, months = company.people, company.months
    contacts = issues.draw_interactions(draw["issues"], company)
    orders, returns = commerce.draw_orders(draw["orders"], people, months, spending)
    return {
        "interactions": contacts,
        "recoveries": recovery.draw_recoveries(draw["recovery"], contacts, months),
        "orders": orders,
        "returns": returns,
        "charges": commerce.charge_rows(people, months),
        "messages": messages.draw_messages(draw["messages"], people, months),
    }


def _exposures(rng: np.random.Generator, company: Company, lives: dict[str, Rows]) -> dict[str, FloatArray]:
    """Exposures by factor, shape (months + 1, customers). Adds the surveys, which look back on them."""
    windows = Windows(company.people.count, lives)
    starts = company.months.starts.tolist()
    by_month = [windows.experience(start) for start in starts]
    exposures = {name: np.stack([month[name] for month in by_month]) for name in by_month[0]}
    lives["surveys"] = surveys.draw_surveys(
        rng, company.people, company.months, lives["interactions"], exposures
    )
    exposures["feedback"] = np.stack([windows.feedback(lives["surveys"], start) for start in starts])
    return {factor.name: exposures[factor.name] for factor in FACTORS}


def _seen(name: str, rows: Rows, until: IntArray) -> Rows:
    """The rows before each customer's *until*; what was still to come of a contact never comes."""
    kept = take(rows, rows[_EVENTS[name]] < until[rows["customer_id"]])
    gone: IntArray = until[kept["customer_id"]]
    for column in _STOP_WITH_THE_CUSTOMER.get(name, ()):
        kept[column] = np.where(kept[column] >= gone, NEVER, kept[column])
    return kept
