"""Cutoffs: which ones a training can use, when their labels are known, and at which one is scored."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import islice

from cxml.config.load import Config
from cxml.contracts import TABLES
from cxml.errors import ConfigError, ImmatureCutoffError, NotEnoughDataError
from cxml.tables import ready_label, volumes
from cxml.tables.opening import Tables


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
    first = tables.engine.rows(f"select min(t) from ({firsts(tables)}) f")[0][0]
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


def seconds(instant: datetime) -> int:
    """Whole seconds since 1970."""
    return int(instant.timestamp())


def firsts(tables: Tables) -> str:
    """The first row about each customer in each table: ``customer_id`` and ``t``."""
    names = [name for name in tables.columns if TABLES[name].owner == "customer_id"]
    return " union all ".join(
        f"select s.customer_id, min(seconds(s.{TABLES[name].event})) as t from {name} s group by s.customer_id"
        for name in names
    )
