"""A whole company: lives first, as if nobody left; then who leaves; then what the tables show."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from cxml.errors import ConfigError
from cxml.simulate import (
    agents,
    bills,
    commerce,
    contact_centre,
    customers as population,
    exposures,
    issues,
    leaving,
    luck,
    messages,
    moods,
    outbound,
    posts,
    recorded,
    recovery,
    sessions,
    subscriptions,
    surveys,
    visits,
)
from cxml.simulate.climate import Climate
from cxml.simulate.effects import Effects
from cxml.simulate.factors import FACTORS
from cxml.simulate.handling import Company
from cxml.simulate.months import Months
from cxml.simulate.observed import EVENTS, last_seen, seen
from cxml.simulate.pipeline import config_text
from cxml.simulate.rows import FloatArray, IntArray, Rows, arrow_table
from cxml.simulate.truth import FIRST_SNAPSHOT, effect_truth, snapshot_truth
from cxml.simulate.windows import Windows
from cxml.simulate.words import WORDS

_LEAST_MONTHS = FIRST_SNAPSHOT + 3
_STREAMS = (
    "people",
    "luck",
    "plans",
    "centre",
    "staff",
    "orders",
    "returns",
    "sessions",
    "issues",
    "recovery",
    "visits",
    "charges",
    "messages",
    "surveys",
    "posts",
    "leaving",
    "retention",
    "agents",
    "late",
    "climate",
)


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


def simulate(
    customers: int,
    months: int = 24,
    seed: int = 0,
    effects: Effects | None = None,
    *,
    late: bool = False,
    climate: Climate | None = None,
) -> Simulation:
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
    late : bool
        Contacts are recorded late or under a wrong topic first, and customers move: their tables carry
        ``recorded_at``. What was lived through acts on leaving at once all the same.
    climate : Climate, optional
        How leaving and spending move with the times; without it they hardly do.

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
    company = Company(
        people,
        span,
        contact_centre.draw_contact_centre(draw["centre"], span),
        agents.draw_staff(draw["staff"], customers, span),
        luck.draw_luck(draw["luck"], customers, span),
    )
    climate = climate or Climate()
    moved = climate.leaving(span, draw["climate"]), climate.spending(span, draw["climate"])
    worth = commerce.Worth(
        people,
        commerce.Spending.of(people, span, moved[1]),
        subscriptions.draw_plans(draw["plans"], people, span),
        bills.Fees.of(company.luck),
    )
    lives = _lives(draw, company, worth)
    truth, left, asked = _truth(draw, company, worth, lives, effects, moved[0])
    lives["interactions"] = outbound.retention_contacts(draw["retention"], lives["interactions"], asked)
    tables = _tables(draw, company, lives, (left, asked), worth.plans, late=late)
    return Simulation(tables, truth, config_text(span, tuple(tables)))


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
    draw: Mapping[str, np.random.Generator], company: Company, worth: commerce.Worth
) -> dict[str, Rows]:
    """Every event of every customer up to the end of the last month, as if nobody left."""
    people, months, lucky = company.people, company.months, company.luck
    orders = commerce.draw_orders(draw["orders"], people, months, worth.spending, lucky)
    online = sessions.draw_sessions(draw["sessions"], people, months, orders, lucky)
    contacts = issues.draw_interactions(draw["issues"], company, sessions.helpless(online))
    return {
        "interactions": contacts,
        "recoveries": recovery.draw_recoveries(draw["recovery"], contacts, company),
        "orders": orders,
        "returns": commerce.draw_returns(draw["returns"], orders, lucky),
        "charges": bills.draw_charges(draw["charges"], people, months, worth.plans, worth.fees),
        "visits": visits.draw_visits(draw["visits"], people, months, lucky),
        "sessions": sessions.with_contacts(online, contacts),
        "messages": messages.draw_messages(draw["messages"], people, months, orders),
    }


def _truth(
    draw: Mapping[str, np.random.Generator],
    company: Company,
    worth: commerce.Worth,
    lives: dict[str, Rows],
    effects: Effects,
    moved: FloatArray,
) -> tuple[dict[str, pa.Table], IntArray, IntArray]:
    """The tables of the truth, when each customer leaves, and when they ask to."""
    people, months = company.people, company.months
    found = _exposures(draw, company, worth, lives)
    hazard = leaving.hazard_of(people, months, worth.plans, found, effects, moved)
    left, asked = leaving.draw_leaving(draw["leaving"], people, months, hazard)
    truth = {
        "snapshots": snapshot_truth(worth, months, hazard, found, left),
        "effects": effect_truth(people, months, hazard, effects, left),
    }
    return truth, left, asked


def _exposures(
    draw: Mapping[str, np.random.Generator], company: Company, worth: commerce.Worth, lives: dict[str, Rows]
) -> dict[str, FloatArray]:
    """Exposures by factor, shape (months + 1, customers). Adds surveys and posts, which look back on them."""
    people, months = company.people, company.months
    windows = Windows(people.count, lives)
    starts = months.starts.tolist()
    found = _by_factor([exposures.experience(windows, start) for start in starts])
    found["price"] += exposures.price_rises(worth.plans, bills.billed_at(people, months), months)
    felt = moods.felt(found)
    lives["surveys"] = surveys.draw_surveys(draw["surveys"], people, months, lives, felt)
    lives["posts"] = posts.draw_posts(draw["posts"], people, months, company.luck, felt)
    found |= _by_factor([exposures.outcomes(windows, start) for start in starts])
    return {factor.name: found[factor.name] for factor in FACTORS}


def _by_factor(by_month: list[dict[str, FloatArray]]) -> dict[str, FloatArray]:
    return {name: np.stack([month[name] for month in by_month]) for name in by_month[0]}


def _tables(
    draw: Mapping[str, np.random.Generator],
    company: Company,
    lives: dict[str, Rows],
    leavers: tuple[IntArray, IntArray],
    plans: subscriptions.Plans,
    *,
    late: bool,
) -> dict[str, pa.Table]:
    """The tables as extracted at the end. Empties *lives*, so that no row is held twice."""
    people, months = company.people, company.months
    left, asked = leavers
    until = np.minimum(left, months.end)
    rows = {name: seen(name, lives.pop(name), until) for name in EVENTS if name in lives}
    rows["customers"] = people.rows(left, last_seen(rows, people.joined))
    contracts = subscriptions.subscription_rows(people, months, plans, left, asked)
    rows["subscriptions"] = subscriptions.with_withdrawn(contracts, *outbound.withdrawn(rows["interactions"]))
    rows["agents"] = agents.agent_rows(draw["agents"], company.staff, months)
    if late:
        _write_late(draw["late"], rows, months)
    return {name: arrow_table(name, rows.pop(name), words, months.end) for name, words in WORDS.items()}


def _write_late(rng: np.random.Generator, rows: dict[str, Rows], months: Months) -> None:
    rows["interactions"] = recorded.late_contacts(rng, rows["interactions"], months.end)
    regions = len(population.REGIONS)
    rows["customers"] = recorded.late_customers(rng, rows["customers"], months.start, months.end, regions)
