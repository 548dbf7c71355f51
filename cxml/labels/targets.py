"""Churn and future value: the only module that may read a row at or after a cutoff.

Labels look at everything that is known at observation_end; features never do, and neither imports the
other.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime

import pandas as pd

from cxml.config import value as money
from cxml.contracts import TABLES, purchases
from cxml.errors import ConfigError, DataError, did_you_mean
from cxml.snapshots import as_of
from cxml.snapshots.cutoffs import seconds
from cxml.snapshots.handle import Snapshots, frame_of
from cxml.snapshots.population import take, told_customers
from cxml.tables import ready_label
from cxml.tables.opening import Tables

DAY = 86400
_LEAST_GAPS = 3


@contextmanager
def labelled(tables: Tables, snapshots: Snapshots) -> Iterator[str]:
    """The labels of *snapshots* as a relation, there until the block ends.

    Its columns are ``customer_id``, ``cutoff`` (whole seconds), ``churned``, ``left_in_lead``, ``value`` and
    ``left_after_days``. ``churned`` is 1 when the customer left in ``[cutoff + lead, cutoff + lead + horizon)`` by the
    definition of the config, else 0. ``value`` is the discounted margin of that window (missing when no
    value is configured). ``left_in_lead`` marks those who were gone before anybody could have acted.
    ``left_after_days`` counts from the beginning of the window to the moment of leaving, if it was seen before
    observation_end; silence has no such moment, and it is missing there. With a ready label, customers whose
    label is missing have no row.

    Raises
    ------
    ConfigError, DataError
        A table or column that the label is made of is missing.
    """
    _need_all(tables)
    config = tables.config
    lead = int(config.churn.lead.total_seconds())
    horizon = int(config.churn.horizon.total_seconds())
    definition = _DEFINITIONS[config.churn.definition]
    windows = f"select *, c + {lead} as w0, c + {lead + horizon} as w1 from snapshots"
    reads = {name: make(tables) for name, make in definition.reads.items()}
    labels = (
        "select s.customer_id, s.c as cutoff, l.churned, l.left_in_lead, v.value,"
        f" cast((l.left_at - s.w0) / {DAY}e0 as double) as left_after_days"
        " from label_windows s join leaving l using (g) left join future_value v using (g)"
    )
    with (
        snapshots.beside(label_windows=windows, **reads) as seen,
        seen.beside(leaving=definition.leaving(tables), future_value=_value(tables)) as known,
        known.kept("labels", labels) as relation,
    ):
        yield relation


def labels(tables: Tables, snapshots: Snapshots) -> pd.DataFrame:
    """The labels of *snapshots* as a frame, ordered by customer and cutoff (in UTC); columns as in ``labelled``."""
    with labelled(tables, snapshots) as relation:
        return frame_of(tables.engine, f"select * from {relation}")


def one_sided(tables: Tables, cutoffs: Sequence[datetime]) -> frozenset[datetime]:
    """Those of *cutoffs* after which none of the customers at risk left, or all: a model cannot be tested on them.

    A ready label is not asked: it has one cutoff.
    """
    if ready_label.is_static(tables.config):
        return frozenset()
    with take(tables, cutoffs) as snapshots, labelled(tables, snapshots) as relation:
        both = tables.engine.rows(
            f"select cutoff from {relation} where left_in_lead = 0 group by cutoff having count(distinct churned) = 2"
        )
    known = {int(second) for (second,) in both}
    return frozenset(cutoff for cutoff in cutoffs if seconds(cutoff) not in known)


def lack(tables: Tables) -> ConfigError | None:
    """What keeps the label of the config from being made of these tables; None when nothing does.

    A ready label that is missing is no lack: ``cxml.tables.check`` tells of it.
    """
    try:
        _need_all(tables)
    except ConfigError as found:
        return found
    return None


def _need_all(tables: Tables) -> None:
    """Raise where something that the label is made of is missing."""
    churn = tables.config.churn
    match churn.definition:
        case "subscription":
            _need(tables, "subscriptions", "ended_at", "[churn] definition")
        case "date":
            _need(tables, *_column_of_leaving(tables), "[churn] column")
        case "inactivity" | "rhythm":
            activity(tables)
    for source in tables.config.value.sources:
        _need(tables, source.table, source.column, "[[value.sources]]")


def _column_of_leaving(tables: Tables) -> tuple[str, str]:
    table, _, column = tables.config.churn.column.partition(".")
    return table, column


def _final(tables: Tables, name: str, need: list[str], *, wall: bool = False) -> str:
    """A table as known at observation_end, in whole seconds: ``ci``, ``t``, *need* and, if asked for, ``wall``.

    What comes or becomes known later is hidden by the same wall as at any cutoff: an extract may reach further
    than observation_end.
    """
    end = seconds(tables.config.project.observation_end)
    return as_of.known_at(TABLES[name], tables.columns[name], need, end, wall=wall)


def _left_contract(tables: Tables) -> str:
    """A contract ends and no other runs on, or follows within the grace time.

    Whose contract counted at the cutoff and was later dated back, or taken back, had left before anybody could have
    acted: neither stayed nor left in the window.
    """
    before = "false"
    if tables.config.population.by == "subscription":
        runs = "b.ci = s.ci and b.t < s.c and (b.ended_at is null or b.ended_at >= s.c)"
        before = f"not exists (select 1 from contract_spans b where {runs})"
    return (
        f"select g, churned, cast(in_lead = 1 or (churned = 0 and {before}) as int) as left_in_lead, left_at from ("
        " select s.g, s.ci, s.c, coalesce(max(case when e.gone >= s.w0 and e.gone < s.w1 then 1 end), 0) as churned,"
        " coalesce(max(case when e.gone >= s.c and e.gone < s.w0 then 1 end), 0) as in_lead,"
        " min(case when e.gone >= s.w0 then e.gone end) as left_at"
        f" from label_windows s left join ({_ends(tables)}) e on e.ci = s.ci and e.gone >= s.c group by s.g, s.ci, s.c) s"
    )


def _contract_spans(tables: Tables) -> str:
    """The contracts: ``ci``, ``t``, ``ended_at``, whether the customer had ``asked``, ``first_day`` and ``last_day``."""
    asks = ["cancel_requested_at"] if "cancel_requested_at" in tables.columns["subscriptions"] else []
    spans = _final(tables, "subscriptions", ["ended_at", *asks])
    asked = "cancel_requested_at is not null" if asks else "cast(null as boolean)"
    return (
        f"select ci, t, ended_at, {asked} as asked, {_day_of('t')} as first_day,"
        f" {_day_of('ended_at - 1')} as last_day from ({spans}) s"
    )


def _ends(tables: Tables) -> str:
    """When the last of a customer's contracts ended, of ``contract_spans``: ``ci``, ``gone``, and whether ``asked``.

    A contract that begins within the grace time, or by the end of the next day, goes on with the one before: who
    pays month by month and is billed for days has no second without a contract.
    """
    grace = int(tables.config.churn.grace.total_seconds())
    return (
        "select a.ci, a.ended_at as gone, a.asked from contract_spans a where a.ended_at is not null and not exists"
        " (select 1 from contract_spans b where b.ci = a.ci"
        f" and (b.t <= a.ended_at + {grace} or b.first_day <= a.last_day + 1)"
        " and (b.ended_at is null or b.ended_at > a.ended_at))"
    )


def _day_of(second: str) -> str:
    """The day of an instant in seconds, by the clock of the project's zone, as a number."""
    return f"cast(floor(wall(make_timestamp(({second}) * 1000000)) / {DAY}e0) as bigint)"


def ways_of_leaving(tables: Tables, snapshots: Snapshots) -> list[tuple[str, int, int]]:
    """Of the customers whose contract ends in the label window: how many had asked to end it, and how many had not.

    A customer is counted once, and had asked if that was so for any of the contracts that
    ended. A contract that ends without being asked to was not renewed or not paid: not the customer's word. The
    result is empty where ``ended_at`` or ``cancel_requested_at`` is missing.

    Returns
    -------
    list of (cutoff as an ISO day, asked, not asked)
    """
    if not {"ended_at", "cancel_requested_at"} <= tables.columns.get("subscriptions", frozenset()):
        return []
    churn = tables.config.churn
    first = int(churn.lead.total_seconds())
    last = first + int(churn.horizon.total_seconds())
    leavers = (
        f"select s.ci, s.c, max(cast(e.asked as int)) as asked from snapshots s join ({_ends(tables)}) e"
        f" on e.ci = s.ci and e.gone >= s.c + {first} and e.gone < s.c + {last} group by s.ci, s.c"
    )
    with snapshots.beside(contract_spans=_contract_spans(tables)) as known:
        found = known.rows(
            "select strftime(to_timestamp(c), '%Y-%m-%d'), sum(asked), sum(1 - asked)"
            f" from ({leavers}) l group by c order by c"
        )
    return [(str(day), int(asked), int(silent)) for day, asked, silent in found]


def silences(tables: Tables, snapshots: Snapshots, within: int) -> list[tuple[int, int | None, int]]:
    """How long customers had been silent at each cutoff, and when they came back.

    Parameters
    ----------
    within : int
        Days before a cutoff in which a customer must have been active to be looked at.

    Returns
    -------
    list of (silent, back, how many)
        Whole days since the last activity; whole days until the next one, None where none is seen; how many such
        silences, of a customer one at each cutoff.
    """
    per = (
        f"select a.ci, u.c, floor((u.c - max(case when a.t < u.c then a.t end)) / {DAY}e0) as silent,"
        f" floor((min(case when a.t >= u.c then a.t end) - u.c) / {DAY}e0) as back"
        " from activity a cross join cutoffs u group by a.ci, u.c"
    )
    with snapshots.beside(activity=activity(tables)) as known:
        found = known.rows(
            f"select silent, back, count(*) from ({per}) p where silent <= {within} group by 1, 2 order by 1, 2"
        )
    return [(int(silent), None if back is None else int(back), int(n)) for silent, back, n in found]


def _silent(tables: Tables) -> str:
    """No listed activity in the label window."""
    return (
        "select s.g, cast(count(a.t) = 0 as int) as churned, 0 as left_in_lead,"
        " cast(null as bigint) as left_at from label_windows s"
        f" left join ({activity(tables)}) a on a.ci = s.ci and a.t >= s.w0 and a.t < s.w1 group by s.g"
    )


def _out_of_rhythm(tables: Tables) -> str:
    """No listed activity for longer than the customer's own gaps have it, within the label window.

    The gaps are those between the days with activity before the cutoff. Who has fewer than three of them is
    waited for as long as the window is.
    """
    gaps = (
        "select g, day - lag(day) over (partition by g order by day) as gap from (select distinct s.g,"
        f" cast(floor(a.t / {DAY}e0) as int) as day from label_windows s join activity a on a.ci = s.ci and a.t < s.c) d"
    )
    usual = f"select g, median(gap) as gap from ({gaps}) d group by g having count(gap) >= {_LEAST_GAPS}"
    wait = f"least(s.w1, s.w0 + coalesce(u.gap * {tables.config.churn.times} * {DAY}, s.w1 - s.w0))"
    return (
        "select s.g, cast(count(a.t) = 0 as int) as churned, 0 as left_in_lead,"
        " cast(null as bigint) as left_at from label_windows s"
        f" left join ({usual}) u using (g)"
        f" left join activity a on a.ci = s.ci and a.t >= s.w0 and a.t < {wait} group by s.g"
    )


def activity(tables: Tables) -> str:
    """Every listed activity as known at observation_end: ``ci`` and ``t``; of orders, the purchases.

    Raises
    ------
    ConfigError
        None of the tables is there.
    """
    parts = []
    for name in tables.config.churn.activity:
        table, _, column = name.partition(".")
        if column:
            _need(tables, table, column, "[churn] activity")
            parts.append(
                f"select ci, {column} as t from ({_final(tables, table, [column])}) a where {column} is not null"
            )
        elif table in tables.columns:
            present = tables.columns[table]
            rows = _final(tables, table, purchases.need(table, present), wall=True)
            parts.append(f"select ci, t from ({purchases.active(table, present, rows, who='ci')}) a")
    if not parts:
        raise ConfigError(
            "no table tells who is active",
            where="[churn] activity",
            expected=f"one of the tables at hand: {', '.join(sorted(tables.columns))}",
            fix="name a table of events",
        )
    return " union all ".join(parts)


def _left_at(tables: Tables) -> str:
    """A column says when the customer left; who was at risk and had left before, dated back later, left too early."""
    table, column = _column_of_leaving(tables)
    gone = f"select ci, min({column}) as gone from ({_final(tables, table, [column])}) a group by ci"
    return (
        "select s.g, cast(coalesce(e.gone >= s.w0 and e.gone < s.w1, false) as int) as churned,"
        " cast(coalesce(e.gone < s.w0, false) as int) as left_in_lead,"
        " case when e.gone >= s.w0 then e.gone end as left_at"
        f" from label_windows s left join ({gone}) e on e.ci = s.ci"
    )


def _told(tables: Tables) -> str:
    """A ready label says who left; whom it says nothing of has no row."""
    if ready_label.LABEL not in tables.columns["customers"]:
        place = tables.config.churn.column
        names = tables.opened["customers"].source.names
        raise DataError(
            "no column says who left",
            where=f"[churn] column: {place}",
            expected=f"a label; customers has {', '.join(names[:20])}" + (" ..." if len(names) > 20 else ""),
            fix=did_you_mean(place.partition(".")[2], names),
        )
    return (
        "select s.g, e.churned, 0 as left_in_lead, cast(null as bigint) as left_at from label_windows s"
        f" join ({told_customers(tables)}) e on e.ci = s.ci"
    )


def _value(tables: Tables) -> str:
    """Discounted margin of the label window, 0 where nothing was bought."""
    rule = tables.config.value
    if not rule.sources:
        return "select g, cast(null as double) as value from label_windows"
    parts = []
    for source in rule.sources:
        need = money.columns(source, tables.columns[source.table])
        parts.append(
            f"select ci, t, cast({money.amount(source, tables.columns[source.table])} as double) as amount"
            f" from ({_final(tables, source.table, need)}) m"
        )
    daily = f"pow(cast({1 + rule.discount_rate} as double), (s.c - m.t) / {86400 * 365}e0)"
    # Added as decimals, so that the order of adding cannot show.
    return (
        f"select s.g, cast(coalesce(sum(cast(m.amount * {daily} as decimal(38,4))), 0) as double) as value"
        f" from label_windows s left join ({' union all '.join(parts)}) m on m.ci = s.ci and m.t >= s.w0 and m.t < s.w1"
        " group by s.g"
    )


def _need(tables: Tables, table: str, column: str, where: str) -> None:
    present = tables.columns.get(table, frozenset())
    if column not in present:
        raise ConfigError(
            f"{table}.{column} is needed for the label and missing",
            where=where,
            expected=f"the column {column!r} in [tables.{table}]",
            fix="add the column, or choose another definition",
        )


@dataclass(frozen=True)
class _Definition:
    """A definition of leaving: SQL of who left in the ``label_windows``, and the relations that it reads beside them."""

    leaving: Callable[[Tables], str]
    reads: Mapping[str, Callable[[Tables], str]] = field(default_factory=dict)


_DEFINITIONS = {
    "subscription": _Definition(_left_contract, {"contract_spans": _contract_spans}),
    "inactivity": _Definition(_silent),
    "rhythm": _Definition(_out_of_rhythm, {"activity": activity}),
    "date": _Definition(_left_at),
    "label": _Definition(_told),
}
