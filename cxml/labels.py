"""Churn and future value: the only module that may read a row at or after a cutoff.

Labels look at everything that is known at observation_end; features never do, and neither imports the
other. ``make`` reads the relation ``snapshots`` and makes ``labels(customer_id, cutoff, churned, value,
left_in_lead)``.
"""

from __future__ import annotations

from cxml import asof
from cxml import value as money
from cxml.contracts import TABLES
from cxml.errors import ConfigError
from cxml.snapshots import seconds
from cxml.tables import Tables


def make(tables: Tables) -> None:
    """Label every snapshot of the relation ``snapshots``.

    ``churned`` is 1 when the customer left in ``[cutoff + lead, cutoff + lead + horizon)`` by the
    definition of the config, else 0. ``value`` is the discounted margin of that window (missing when no
    value is configured). ``left_in_lead`` marks those who were gone before anybody could have acted.
    """
    config = tables.config
    lead = int(config.churn.lead.total_seconds())
    horizon = int(config.churn.horizon.total_seconds())
    engine = tables.engine
    engine.keep("label_windows", f"select *, c + {lead} as w0, c + {lead + horizon} as w1 from snapshots")
    definition = {"subscription": _left_contract, "inactivity": _silent, "date": _left_at}[
        config.churn.definition
    ]
    engine.keep("leaving", definition(tables))
    engine.keep("future_value", _value(tables))
    engine.keep(
        "labels",
        "select s.customer_id, s.c as cutoff, l.churned, l.left_in_lead, v.value"
        " from label_windows s join leaving l using (g) left join future_value v using (g)",
    )
    for name in ("label_windows", "leaving", "future_value"):
        engine.drop(name)


def _final(tables: Tables, name: str, need: list[str]) -> str:
    """A table as known at observation_end: the last version of each row, in whole seconds."""
    present = tables.columns[name]
    rows = asof.rows_select(TABLES[name], present, need)
    end = seconds(tables.config.project.observation_end)
    if asof.versioned(present):
        return f"select * from ({rows}) v where {asof.OPEN_END} and t < {end}"
    return f"select * from ({rows}) v where t < {end}"


def _left_contract(tables: Tables) -> str:
    """A contract ends and no other runs on, or follows within the grace time."""
    _need(tables, "subscriptions", "ended_at", "[churn] definition")
    grace = int(tables.config.churn.grace.total_seconds())
    spans = _final(tables, "subscriptions", ["ended_at"])
    tables.engine.keep("contract_spans", f"select ci, t, ended_at from ({spans}) s")
    ends = (
        "select a.ci, a.ended_at as gone from contract_spans a where a.ended_at is not null and not exists"
        " (select 1 from contract_spans b where b.ci = a.ci"
        f" and b.t <= a.ended_at + {grace} and (b.ended_at is null or b.ended_at > a.ended_at))"
    )
    return (
        f"select s.g, coalesce(max(case when e.gone >= s.w0 and e.gone < s.w1 then 1 end), 0) as churned,"
        " coalesce(max(case when e.gone >= s.c and e.gone < s.w0 then 1 end), 0) as left_in_lead"
        f" from label_windows s left join ({ends}) e on e.ci = s.ci and e.gone >= s.c and e.gone < s.w1 group by s.g"
    )


def _silent(tables: Tables) -> str:
    """No listed activity in the label window."""
    parts = []
    for name in tables.config.churn.activity:
        table, _, column = name.partition(".")
        if column:
            _need(tables, table, column, "[churn] activity")
            parts.append(
                f"select ci, {column} as t from ({_final(tables, table, [column])}) a where {column} is not null"
            )
        elif table in tables.columns:
            parts.append(f"select ci, t from ({_final(tables, table, [])}) a")
    if not parts:
        raise ConfigError(
            "no table tells who is active",
            where="[churn] activity",
            expected=f"one of the tables at hand: {', '.join(sorted(tables.columns))}",
            fix="name a table of events",
        )
    return (
        "select s.g, cast(count(a.t) = 0 as int) as churned, 0 as left_in_lead from label_windows s"
        f" left join ({' union all '.join(parts)}) a on a.ci = s.ci and a.t >= s.w0 and a.t < s.w1 group by s.g"
    )


def _left_at(tables: Tables) -> str:
    """A column says when the customer left."""
    table, _, column = tables.config.churn.column.partition(".")
    _need(tables, table, column, "[churn] column")
    gone = f"select ci, min({column}) as gone from ({_final(tables, table, [column])}) a group by ci"
    return (
        "select s.g, cast(coalesce(e.gone >= s.w0 and e.gone < s.w1, false) as int) as churned,"
        " cast(coalesce(e.gone >= s.c and e.gone < s.w0, false) as int) as left_in_lead"
        f" from label_windows s left join ({gone}) e on e.ci = s.ci"
    )


def _value(tables: Tables) -> str:
    """Discounted margin of the label window, 0 where nothing was bought."""
    rule = tables.config.value
    if not rule.sources:
        return "select g, cast(null as double) as value from label_windows"
    parts = []
    for source in rule.sources:
        _need(tables, source.table, source.column, "[[value.sources]]")
        need = money.columns(source, tables.columns[source.table])
        parts.append(
            f"select ci, t, cast({money.amount(source, tables.columns[source.table])} as double) as amount"
            f" from ({_final(tables, source.table, need)}) m"
        )
    daily = f"pow(cast({1 + rule.discount_rate} as double), (s.c - m.t) / {86400 * 365}e0)"
    # Added as decimals, so that the order of adding cannot show.
    return (
        f"select s.g, cast(coalesce(sum(cast(m.amount * {daily} as decimal(18,4))), 0) as double) as value"
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
