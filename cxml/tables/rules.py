"""What rows must keep to: one rule is a truth value in SQL over the probe of a table, and its words.

A rule is *hard* when rows that break it make the table unusable, *tolerable* when a few such rows can be set
aside, *soft* when people should only know.
The columns of a probe are described in ``tables.Opened.probe``.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime

from cxml.contracts import Column, Table
from cxml.contracts.purchases import money
from cxml.tables.cell_rules import (
    must_be_a_time,
    must_be_read,
    must_be_there,
    must_end,
    must_follow_the_event,
    must_lie_inside,
)
from cxml.tables.rule import Rule, note_rule, value_of

DUPLICATE = "duplicate_id"
"""The code of rows that share their id, and their version where rows have versions."""


_CHANNELS = "^(phone|chat|email|social|sms|store|portal|app|web|letter|video)([.].+)?$"
_DAY_S = 86400


def rules(
    table: Table,
    columns: tuple[Column, ...],
    signs: Mapping[str, list[str]],
    *,
    end: datetime,
    made_id: bool,
    known: str,
    aside: str = "",
) -> Iterator[Rule]:
    """All rules of a table.

    Parameters
    ----------
    table : Table
    columns : tuple of Column
        The columns that are there.
    signs : Mapping[str, list of str]
        For each column, the signs that its cells may carry.
    end : datetime
        observation_end, exclusive.
    made_id : bool
        The id is not from the source.
    known : str
        Relation of the customers that exist; empty when there is no table of customers.
    aside : str
        Relation of the customers whose rows in ``customers`` were all set aside; empty when there are none.
    """
    names = {column.name for column in columns}
    for column in columns:
        yield from must_be_there(table, column)
        yield from must_be_read(column, signs[column.name])
        if "endless" in signs[column.name]:
            yield must_end(table, column)
        if column.kind == "instant":
            yield from must_be_a_time(table, column, signs[column.name], end)
        elif column.kind != "flag":
            yield from must_lie_inside(column)
        if column.kind == "instant" and column.name != table.event:
            yield from must_follow_the_event(table, column, signs)
    if not made_id and table.name != "agents":
        yield _duplicates(table, names)
    if known and table.name != "customers" and table.owner == "customer_id":
        who = value_of("customer_id")
        unknown = f"{who} is not null and {who} not in (select customer_id from {known})"
        if aside:
            left_out = f"coalesce({who} in (select customer_id from {aside}), false)"
            unknown += f" and not {left_out}"
            yield Rule(
                code="customer_set_aside",
                column="customer_id",
                bad=left_out,
                what="{n} rows are about customers whose own row was set aside",
                expected="customers with a sound row",
                fix="correct the rows of the table customers",
            )
        yield Rule(
            code="unknown_customer",
            column="customer_id",
            bad=unknown,
            what="{n} rows are about customers who are not in the table customers",
            expected="ids of the table customers",
            fix="add the customers, or take the table customers out of the configuration",
            advice=(
                (
                    f"ltrim({who}, '0') in (select ltrim(customer_id, '0') from {known})",
                    "leading zeros were lost on one side: write ids as text everywhere",
                ),
                (
                    f"regexp_replace({who}, '[.]0+$', '') in"
                    f" (select regexp_replace(customer_id, '[.]0+$', '') from {known})",
                    "some end in .0, as numbers that went through a float do: write ids as text everywhere",
                ),
                (
                    f"lower(trim({who})) in (select lower(trim(customer_id)) from {known})",
                    "write ids alike everywhere: some differ only in case or spaces",
                ),
            ),
        )
    yield from _across(table, names)


def _duplicates(table: Table, names: set[str]) -> Rule:
    id_, event = value_of(table.id), value_of(table.event)
    key = [id_]
    if "recorded_at" in names:
        key.append(f"coalesce(recorded_at, {event})")
        key += ["version"] if "version" in names else []
    columns = ", ".join(key)
    twice = (
        f"select {columns} from {table.name} where {id_} is not null group by {columns} having count(*) > 1"
    )
    bad = f"{id_} is not null and ({columns}) in ({twice})"
    if len(key) > 1:
        return Rule(
            code=DUPLICATE,
            column=table.id,
            bad=bad,
            what="{n} rows share their id and recorded_at with another row: the one further down in its file counts as the"
            " later version; map version to say which is",
            expected="",
            fix="",
            soft=True,
        )
    return Rule(
        code=DUPLICATE,
        column=table.id,
        bad=bad,
        what="{n} rows share their id with another row",
        expected="every id once",
        fix="keep one row for each id, or give recorded_at if they are versions",
    )


def _across(table: Table, names: set[str]) -> Iterator[Rule]:
    """Rules over several columns, and what people should know of a table."""
    if table.name == "surveys" and "score" in names:
        yield from _scores(names)
    if table.name == "messages" and {"fields_used", "fields_available"} <= names:
        yield Rule(
            code="contradiction",
            column="fields_used",
            bad="fields_used > fields_available",
            what="{n} messages used more attributes than there were",
            expected="fields_used up to fields_available",
            fix="correct one of the two columns",
        )
    if table.name == "subscriptions" and "ended_at" in names:
        yield note_rule(
            "ended_at",
            "ended_at = started_at",
            "{n} contracts end as they begin: they never began and are left out",
        )
    if table.name == "orders" and (own := money(frozenset(names))):
        yield note_rule(
            own,
            f"{own} < 0",
            "{n} of {rows} orders are credit notes (below 0): no purchases, and what they"
            " give back is deducted from value",
        )
        yield note_rule(own, f"{own} = 0", "{n} of {rows} orders brought nothing (0): no purchases")
    if table.name == "charges" and "amount" in names:
        yield note_rule(
            "amount",
            "amount < 0",
            "{n} of {rows} charges are credits (below 0): no charges, and what they"
            " give back is deducted from value",
        )
    if table.name == "interactions" and "wait_s" in names:
        yield note_rule(
            "wait_s", f"wait_s > {_DAY_S}", "{n} waits are longer than 24 hours ({share} of the rows)"
        )
    if table.name == "interactions" and "channel" in names:
        yield note_rule(
            "channel",
            f"not regexp_matches(channel, '{_CHANNELS}')",
            "{share} of the rows have a channel that no feature knows; known are phone, chat,"
            " email, social, sms, store, portal, app, web, letter, video, also with a point and"
            " more behind them; what yours mean can be said in [tables.interactions] words",
        )


def _scores(names: set[str]) -> Iterator[Rule]:
    """A score is on its scale; nps has one by definition. Where the scale is wrong, that alone is told."""
    ends = {}
    for name, of_nps in (("scale_min", 0), ("scale_max", 10)):
        said = [name] if name in names else []
        said += [f"case when kind = 'nps' then {of_nps} end"] if "kind" in names else []
        ends[name] = f"coalesce({', '.join(said)})" if said else "cast(null as double)"
    low, high = ends.values()
    yield Rule(
        code="off_scale",
        column="score",
        bad=f"(score < {low} or score > {high}) and coalesce({low} < {high}, true)",
        what="{n} scores are outside their scale",
        expected="a score from scale_min to scale_max (0 to 10 for nps)",
        fix="correct the score or the scale",
    )
    if {"scale_min", "scale_max"} <= names:
        yield Rule(
            code="off_scale",
            column="scale_max",
            bad="scale_max <= scale_min",
            what="{n} scales end where they begin, or before",
            expected="scale_max above scale_min",
            fix="correct the scale",
        )
