"""Cutoffs, who is at risk at them, and whether their label windows are complete.

A snapshot is one row per (customer, cutoff). ``take`` makes two relations for everything that follows:
``customer_keys(customer_id, ci)`` and ``snapshots(customer_id, ci, k, c, g)``, where ``c`` is the cutoff in
whole seconds and ``g`` the dense number of the snapshot.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from itertools import islice

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from cxml import purchases
from cxml.config.load import Config
from cxml.contracts import TABLES
from cxml.engine import Engine
from cxml.errors import ConfigError, ImmatureCutoffError, NotEnoughDataError
from cxml.snapshots import as_of
from cxml.tables import ready_label, volumes
from cxml.tables.opening import Tables, customer_ids

DAY = 86400


@dataclass(frozen=True)
class Population:
    """How many customers were at risk at a cutoff, how many not yet there, how many no longer."""

    cutoff: datetime
    at_risk: int
    new: int
    gone: int


def maturity(config: Config) -> timedelta:
    """How long after its cutoff a label is known: lead, horizon, and the grace time of a contract.

    A ready label is there at once.
    """
    grace = config.churn.grace if config.churn.definition == "subscription" else timedelta(0)
    return config.churn.lead + config.churn.horizon + grace


def last_matured(config: Config) -> datetime:
    """The latest cutoff whose label is known at observation_end."""
    return config.project.observation_end - maturity(config)


def training_cutoffs(config: Config) -> tuple[datetime, ...]:
    """The cutoffs of the config, or the last matured month starts, in order.

    Raises
    ------
    ImmatureCutoffError
        A label window ends after observation_end; the last usable date is named.
    """
    latest = last_matured(config)
    given = tuple(sorted(set(config.training.cutoffs)))
    local = latest.astimezone(config.zone)
    usable = local.replace(hour=0, minute=0, second=0)
    end = config.project.observation_end.astimezone(config.zone)
    for cutoff in given:
        if cutoff > latest:
            raise ImmatureCutoffError(
                f"the label of cutoff {cutoff.astimezone(config.zone):%Y-%m-%d} is not known yet",
                where="[training] cutoffs",
                expected=f"label windows that end by observation_end ({end:%Y-%m-%d})",
                fix=f"use cutoffs up to {usable:%Y-%m-%d}, or shorten [churn] horizon, lead or grace",
            )
    if ready_label.is_static(config):
        return (ready_label.moment(config),)
    return given or _enough_to_train(config, latest)


def with_history(tables: Tables, cutoffs: Sequence[datetime]) -> tuple[datetime, ...]:
    """Those of *cutoffs* before which there is at least one row about a customer."""
    first = first_row(tables)
    found = tuple(cutoff for cutoff in cutoffs if first is not None and cutoff > first)
    if not found:
        raise NotEnoughDataError(
            "no label is known yet for any customer",
            where="[training] cutoffs",
            expected=f"rows before {cutoffs[-1]:%Y-%m-%d}, the last cutoff whose label is known",
            fix="extract a longer history, or shorten [churn] horizon, lead or grace",
        )
    return found


def usable_cutoffs(tables: Tables) -> tuple[datetime, ...]:
    """The training cutoffs of the config, or the matured month starts that have a history.

    Where a log breaks off, those after it are left out (``learnable``).

    Raises
    ------
    ImmatureCutoffError, NotEnoughDataError
    """
    known, broken = learnable(tables)
    if broken is not None:
        _refuse_after(broken, known.config)
    cutoffs = training_cutoffs(known.config)
    return cutoffs if known.config.training.cutoffs else with_history(known, cutoffs)


def complete(tables: Tables) -> Tables:
    """The tables as of where a log that labels stand on breaks off; as they are where none does."""
    broken = volumes.complete_until(tables)
    return tables if broken is None else _as_of(tables, broken.start)


def learnable(tables: Tables) -> tuple[Tables, volumes.Stretch | None]:
    """The tables with the ``observation_end`` up to which can be learned, and the log that breaks off there.

    A label must be known before its logs break off; a cutoff itself must lie before the contacts, or what tells
    who is at risk, do.
    """
    ends = [(one.start, one) for one in [volumes.complete_until(tables)] if one is not None]
    ends += [
        (one.start + maturity(tables.config), one) for one in [volumes.seen_until(tables)] if one is not None
    ]
    end, broken = min(ends, key=lambda one: one[0], default=(tables.config.project.observation_end, None))
    if broken is None or end >= tables.config.project.observation_end:
        return tables, None
    return _as_of(tables, end), broken


def _as_of(tables: Tables, end: datetime) -> Tables:
    project = replace(tables.config.project, observation_end=end)
    return replace(tables, config=replace(tables.config, project=project))


def _refuse_after(broken: volumes.Stretch, config: Config) -> None:
    """Refuse cutoffs of the config that reach beyond where a log breaks off."""
    latest = last_matured(config)
    for cutoff in sorted(config.training.cutoffs):
        if cutoff > latest:
            raise ImmatureCutoffError(
                f"cutoff {cutoff.astimezone(config.zone):%Y-%m-%d} cannot be learned from: {broken.what}",
                where="[training] cutoffs",
                expected=f"cutoffs up to {latest.astimezone(config.zone):%Y-%m-%d}",
                fix=f"export {broken.about} again, or use earlier cutoffs",
            )


def first_row(tables: Tables) -> datetime | None:
    """The instant of the first row about a customer; None when there is no row."""
    first = tables.engine.rows(f"select min(t) from ({_firsts(tables)}) f")[0][0]
    return None if first is None else datetime.fromtimestamp(first, UTC)


def scoring_cutoff(config: Config, cutoff: str | datetime | None) -> datetime:
    """The cutoff asked for, by default observation_end; never later than it."""
    at = config.instant(cutoff) if cutoff is not None else config.project.observation_end
    if at > (end := config.project.observation_end):
        here = config.zone
        raise ConfigError(
            f"the cutoff {at.astimezone(here):%Y-%m-%d %H:%M} lies after the data",
            where="--cutoff",
            expected=f"at most observation_end, {end.astimezone(here):%Y-%m-%d %H:%M} ({here.key})",
            fix="score at an earlier cutoff, or extract newer data and move observation_end",
        )
    return at


def take(tables: Tables, cutoffs: Sequence[datetime]) -> tuple[Population, ...]:
    """Make ``customer_keys`` and ``snapshots`` for *cutoffs*, by the population rule of the config.

    Raises
    ------
    NotEnoughDataError
        Nobody is at risk at one of the cutoffs.
    """
    found = take_if_any(tables, cutoffs)
    for population in found:
        if not population.at_risk:
            raise NotEnoughDataError(
                f"nobody is at risk at {population.cutoff.astimezone(tables.config.zone):%Y-%m-%d}",
                where="[population]",
                expected="customers known before the cutoff, with an active contract or activity as [population] asks",
                fix="choose a cutoff inside the data, or widen [population] within",
            )
    return found


def take_if_any(tables: Tables, cutoffs: Sequence[datetime]) -> tuple[Population, ...]:
    """``take``, where at some of the cutoffs nobody may be at risk."""
    engine = tables.engine
    people = customer_ids(tables)
    engine.keep(
        "customer_keys",
        f"select customer_id, cast(row_number() over (order by customer_id) - 1 as int) as ci from {people}",
    )
    values = ", ".join(f"({k}, {seconds(c)})" for k, c in enumerate(cutoffs))
    engine.keep(
        "cutoffs", f"select cast(k as int) as k, cast(c as bigint) as c from (values {values}) v(k, c)"
    )
    engine.keep(
        "candidates",
        f"select customer_id, ci, k, c, cast(ci as bigint) * {len(cutoffs)} + k as g from customer_keys cross join cutoffs",
    )
    engine.keep(
        "snapshots",
        f"select * from candidates where g in ({_at_risk(tables)}) and g not in ({_gone(tables)})",
    )
    engine.keep("arrivals", _arrivals(tables))
    counts = engine.rows(
        "select k, (select count(*) from snapshots s where s.k = u.k),"
        " (select count(*) from arrivals a where a.t is null or a.t >= u.c), (select count(*) from customer_keys)"
        " from cutoffs u order by k"
    )
    engine.drop("candidates")
    return tuple(
        Population(cutoffs[k], here, new, everyone - here - new) for k, here, new, everyone in counts
    )


def narrow(engine: Engine, start: int, stop: int) -> None:
    """Keep, of the snapshots of one cutoff, those of the *start*-th to the *stop*-th customer (half-open).

    ``everyone`` holds all of them after the first call, so that a chunk costs one chunk.
    """
    engine.keep(
        "snapshots",
        f"select customer_id, ci, k, c, g from everyone where place >= {start} and place < {stop}",
    )
    engine.keep("customer_keys", "select distinct customer_id, ci from snapshots")


def ids(engine: Engine, start: int, stop: int) -> list[str]:
    """Whose the *start*-th to the *stop*-th snapshot of ``everyone`` are (half-open), in their order."""
    rows = engine.rows(
        f"select customer_id from everyone where place >= {start} and place < {stop} order by place"
    )
    return [str(row[0]) for row in rows]


def pick(engine: Engine, places: NDArray[np.int64]) -> None:
    """Keep those of ``everyone`` at these places, as ``narrow`` keeps a stretch of them."""
    engine.register("picked_places", pa.table({"place": pa.array(places, pa.int64())}))
    engine.keep("snapshots", "select customer_id, ci, k, c, g from everyone join picked_places using (place)")
    engine.keep("customer_keys", "select distinct customer_id, ci from snapshots")


def look_back(engine: Engine, seconds: int) -> None:
    """See the same customers as they were *seconds* before each cutoff, as at the start of an exposure window."""
    engine.keep("snapshots", f"select customer_id, ci, k, c - {seconds} as c, g from snapshots")


def set_aside(engine: Engine) -> int:
    """Remember all snapshots for ``narrow``; returns how many there are."""
    engine.keep(
        "everyone", "select *, row_number() over (order by customer_id, k) - 1 as place from snapshots"
    )
    return int(engine.rows("select count(*) from everyone")[0][0])


def seconds(instant: datetime) -> int:
    """Whole seconds since 1970."""
    return int(instant.timestamp())


def _at_risk(tables: Tables) -> str:
    """The snapshots that the population rule holds for, from what was known at their cutoff."""
    rule = tables.config.population
    if rule.by == "customers":
        _require(tables, "customers", "[population] by")
        return f"select g from ({_known(tables, 'customers', [])}) s"
    if rule.by == "subscription":
        _require(tables, "subscriptions", "[population] by")
        if "ended_at" not in tables.columns["subscriptions"]:
            return f"select g from ({_known(tables, 'subscriptions', [])}) s"
        # An end that lies before the cutoff is known; one in the future is masked, and so is not an end.
        return f"select g from ({_known(tables, 'subscriptions', ['ended_at'])}) s where ended_at is null"
    names = [name for name in rule.activity if name in tables.columns]
    if not names:
        raise ConfigError(
            "no table tells who is active",
            where="[population] activity",
            expected=f"one of the tables at hand: {', '.join(sorted(tables.columns))}",
            fix='name a table of events, or use by = "subscription"',
        )
    reach = int(rule.within.total_seconds())
    return " union ".join(
        f"select g from ({_active(tables, name, reach)}) a where age <= {reach}" for name in names
    )


def _gone(tables: Tables) -> str:
    """The snapshots of customers of whom a date column already said at the cutoff that they had left."""
    table, _, column = tables.config.churn.column.partition(".")
    if tables.config.churn.definition != "date" or column not in tables.columns.get(table, frozenset()):
        return "select g from candidates where false"
    return f"select g from ({_known(tables, table, [column])}) d where {column} is not null"


def _known(tables: Tables, name: str, need: list[str]) -> str:
    table, present = TABLES[name], tables.columns[name]
    rows = as_of.rows_select(table, present, need)
    return as_of.known_select(table, present, need, source=f"({rows})", snapshots="candidates")


def _active(tables: Tables, name: str, reach: int) -> str:
    """The rows of a table that were activity as known at the cutoff, *reach* seconds back and a day before."""
    table, present = TABLES[name], tables.columns[name]
    need = purchases.need(name, present)
    rows = as_of.rows_select(table, present, need, wall=True)
    # A day is judged whole, also where the reach begins in the middle of it.
    known = as_of.known_select(
        table,
        present,
        need,
        source=f"({rows})",
        snapshots="candidates",
        reach=reach + 2 * DAY,
        extra=["wall"],
    )
    return purchases.active(name, present, known, who="g")


def _arrivals(tables: Tables) -> str:
    """When each customer first appeared: ``ci`` and ``t``, the earliest row about them in any table."""
    return (
        "select ci, min(t) as t from customer_keys"
        f" left join ({_firsts(tables)}) f using (customer_id) group by ci"
    )


def _firsts(tables: Tables) -> str:
    """The first row about each customer in each table: ``customer_id`` and ``t``."""
    names = [name for name in tables.columns if TABLES[name].owner == "customer_id"]
    return " union all ".join(
        f"select s.customer_id, min(seconds(s.{TABLES[name].event})) as t from {name} s group by s.customer_id"
        for name in names
    )


def month_starts(config: Config, latest: datetime, count: int) -> tuple[datetime, ...]:
    """The last *count* month starts up to *latest*, by the clock of the project's zone, in order."""
    return tuple(reversed(list(islice(_months_back(config, latest), count))))


def _months_back(config: Config, latest: datetime) -> Iterator[datetime]:
    """Month starts up to *latest*, the last one first."""
    local = latest.astimezone(config.zone)
    year, month = local.year, local.month
    while True:
        start = datetime(year, month, 1, tzinfo=config.zone).astimezone(UTC)
        year, month = (year, month - 1) if month > 1 else (year - 1, 12)
        if start <= latest:
            yield start


def _enough_to_train(config: Config, latest: datetime) -> tuple[datetime, ...]:
    """The last month starts up to *latest*, so many that ``count`` of them can train.

    The last one tests; those whose label was known by then train: with a long horizon that takes more months
    than with a short one.
    """
    window = config.churn.lead + config.churn.horizon
    found: list[datetime] = []
    trained = 0
    for start in _months_back(config, latest):
        found.append(start)
        trained += start + window <= found[0]
        if trained == config.training.count:
            break
    return tuple(reversed(found))


def _require(tables: Tables, name: str, where: str) -> None:
    if name not in tables.columns:
        raise ConfigError(
            f"the table {name!r} is needed and missing",
            where=where,
            expected=f"[tables.{name}] in cxml.toml",
            fix=f"add the table, or choose another rule; there are: {', '.join(sorted(tables.columns))}",
        )
