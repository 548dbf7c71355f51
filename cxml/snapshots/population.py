"""Who is at risk at each cutoff, and who of a static table is still there to be scored."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from cxml.contracts import TABLES, purchases
from cxml.errors import ConfigError, NotEnoughDataError
from cxml.snapshots import as_of
from cxml.snapshots.cutoffs import firsts, seconds
from cxml.snapshots.handle import Population, Snapshots
from cxml.tables import ready_label
from cxml.tables.opening import Tables, customer_ids

DAY = 86400


def customers(tables: Tables) -> Snapshots:
    """A handle on the ``customer_keys`` of all customers of the tables, without any snapshot."""
    numbered = "select customer_id, cast(row_number() over (order by customer_id) - 1 as int) as ci"
    return Snapshots(tables.engine).extended(customer_keys=f"{numbered} from {customer_ids(tables)}")


def take(tables: Tables, cutoffs: Sequence[datetime]) -> Snapshots:
    """The snapshots of everybody at risk at each of *cutoffs*, by the population rule of the config.

    Raises
    ------
    NotEnoughDataError
        Nobody is at risk at one of the cutoffs.
    """
    found = take_if_any(tables, cutoffs)
    for population in found.populations:
        if not population.at_risk:
            found.close()
            raise NotEnoughDataError(
                f"nobody is at risk at {population.cutoff.astimezone(tables.config.zone):%Y-%m-%d}",
                where="[population]",
                expected="customers known before the cutoff, with an active contract or activity as [population] asks",
                fix="choose a cutoff inside the data, or widen [population] within",
            )
    return found


def take_if_any(tables: Tables, cutoffs: Sequence[datetime]) -> Snapshots:
    """``take``, where at some of the cutoffs nobody may be at risk."""
    values = ", ".join(f"({k}, {seconds(c)})" for k, c in enumerate(cutoffs))
    everybody = replace(customers(tables), cutoffs=tuple(cutoffs)).extended(
        cutoffs=f"select cast(k as int) as k, cast(c as bigint) as c from (values {values}) v(k, c)",
        arrivals=_arrivals(tables),
    )
    g = f"cast(ci as bigint) * {len(cutoffs)} + k as g"
    pairs = f"select customer_id, ci, k, c, {g} from customer_keys cross join cutoffs"
    with everybody.kept("candidates", pairs) as candidates:
        chosen = f"g in ({_at_risk(tables, candidates)}) and g not in ({_gone(tables, candidates)})"
        found = everybody.extended(snapshots=f"select * from {candidates} where {chosen}")
    counts = found.rows(
        "select k, (select count(*) from snapshots s where s.k = u.k),"
        " (select count(*) from arrivals a where a.t is null or a.t >= u.c), (select count(*) from customer_keys)"
        " from cutoffs u order by k"
    )
    populations = (Population(cutoffs[k], here, new, all_ - here - new) for k, here, new, all_ in counts)
    return replace(found, populations=tuple(populations))


@dataclass(frozen=True)
class StillThere:
    """Of the snapshots to be scored beside a ready label, how many were ``kept``; all 0 where no label tells.

    Where every row carries a value of the label, also those who had ``left``, and those ``labelled`` as staying.
    """

    kept: int = 0
    left: int = 0
    labelled: int = 0


def still_there(tables: Tables, snapshots: Snapshots) -> tuple[Snapshots, StillThere]:
    """Of the *snapshots* to be scored, those whose ready label is missing; where none is, those who have not left.

    A value of the label that means neither leaving nor staying is not missing: where every row has a value, those
    who have it are scored beside those who stayed.
    """
    if not ready_label.is_static(tables.config) or ready_label.LABEL not in tables.columns["customers"]:
        return snapshots, StillThere()
    told = told_customers(tables)
    empty = f"select ci from ({_ready_label(tables)}) t where {ready_label.LABEL} is null"
    chosen = {
        "everybody": "true",
        "empty": f"ci in ({empty})",
        "untold": f"ci not in (select ci from ({told}) t)",
        "stayed": f"ci in (select ci from ({told}) t where churned = 0)",
        "here": f"ci not in (select ci from ({told}) t where churned = 1)",
    }
    counts = ", ".join(f"count(case when {rows} then 1 end) as {name}" for name, rows in chosen.items())
    n = {name: int(count) for name, count in snapshots.row(f"select {counts} from snapshots").items()}
    kept = "untold" if n["empty"] else "here"
    if not n[kept]:  # all have left: there is nobody else to look at
        return snapshots, StillThere()
    told_apart = (
        StillThere(n[kept]) if n["empty"] else StillThere(n[kept], n["everybody"] - n["here"], n["stayed"])
    )
    return snapshots.where(chosen[kept]), told_apart


def told_customers(tables: Tables) -> str:
    """The customers with a ready label, as SQL for a ``Snapshots`` handle: ``ci`` and ``churned``."""
    said = ready_label.says_left(tables.config)
    return f"select * from (select ci, {said} as churned from ({_ready_label(tables)}) t) s where churned is not null"


def _ready_label(tables: Tables) -> str:
    """What the ready label says as of observation_end, the one moment of a static table: ``ci`` and the label."""
    end = seconds(tables.config.project.observation_end)
    return as_of.known_at(TABLES["customers"], tables.columns["customers"], [ready_label.LABEL], end)


def _at_risk(tables: Tables, candidates: str) -> str:
    """The snapshots that the population rule holds for, from what was known at their cutoff."""
    rule = tables.config.population
    if rule.by == "customers":
        _require(tables, "customers", "[population] by")
        return f"select g from ({_known(tables, 'customers', [], candidates)}) s"
    if rule.by == "subscription":
        _require(tables, "subscriptions", "[population] by")
        if "ended_at" not in tables.columns["subscriptions"]:
            return f"select g from ({_known(tables, 'subscriptions', [], candidates)}) s"
        # An end that lies before the cutoff is known; one in the future is masked, and so is not an end.
        return f"select g from ({_known(tables, 'subscriptions', ['ended_at'], candidates)}) s where ended_at is null"
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
        f"select g from ({_active(tables, name, reach, candidates)}) a where age <= {reach}" for name in names
    )


def _gone(tables: Tables, candidates: str) -> str:
    """The snapshots of customers of whom a date column already said at the cutoff that they had left."""
    table, _, column = tables.config.churn.column.partition(".")
    if tables.config.churn.definition != "date" or column not in tables.columns.get(table, frozenset()):
        return f"select g from {candidates} where false"
    return f"select g from ({_known(tables, table, [column], candidates)}) d where {column} is not null"


def _known(tables: Tables, name: str, need: list[str], candidates: str) -> str:
    table, present = TABLES[name], tables.columns[name]
    rows = as_of.rows_select(table, present, need)
    return as_of.known_select(table, present, need, source=f"({rows})", snapshots=candidates)


def _active(tables: Tables, name: str, reach: int, candidates: str) -> str:
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
        snapshots=candidates,
        reach=reach + 2 * DAY,
        extra=["wall"],
    )
    return purchases.active(name, present, known, who="g")


def _arrivals(tables: Tables) -> str:
    """When each customer first appeared: ``ci`` and ``t``, the earliest row about them in any table."""
    return (
        "select ci, min(t) as t from customer_keys"
        f" left join ({firsts(tables)}) f using (customer_id) group by ci"
    )


def _require(tables: Tables, name: str, where: str) -> None:
    if name not in tables.columns:
        raise ConfigError(
            f"the table {name!r} is needed and missing",
            where=where,
            expected=f"[tables.{name}] in cxml.toml",
            fix=f"add the table, or choose another rule; there are: {', '.join(sorted(tables.columns))}",
        )
