"""The leak wall: what was known of a table at a cutoff. Every feature sees a table only through here.

Two selects make an as-known table. ``rows_select`` turns a source view into rows of whole seconds,
one per version. ``known_select`` lets each row meet each snapshot of its customer: a row is visible
when it happened and was recorded before the cutoff, and a value is visible when the instant from
which it is known (``contracts.Column.known``) lies before the cutoff. What is not visible is missing.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from cxml.contracts import ATTRIBUTE, CONTACT_END, MADE_INSTANTS, WAIT_END, Column, Table
from cxml.tables.casting import LAST_SECOND
from cxml.tables.contact_ends import ends_known, made_instant
from cxml.tables.view_columns import DAY_ONLY, PLACE, day_only

_NEVER_BEGAN = {"subscriptions": "ended_at"}
"""The end of spans that are left out where they end as they begin: a contract taken back was never one."""


def rows_select(
    table: Table, present: frozenset[str], need: Iterable[str], *, place: bool = False, wall: bool = False
) -> str:
    """One row per version of each row of *table*: ``ci``, ``t`` and the columns *need*.

    Instants are whole seconds (BIGINT), numbers FLOAT, money DECIMAL(18,4), counts BIGINT, ids codes.
    With ``recorded_at`` also ``known_at`` and ``replaced_at``; without it, ``pos`` (when *place*). With
    *wall*, the event on the clock of the project's zone.
    """
    parts = ["k.ci", *_picked(table, present, need)]
    if wall:
        parts.append(f"wall(s.{table.event}) as wall")
    if place and not versioned(present):
        order = f"seconds(s.{table.event}), s.{table.id}"
        parts.append(f"cast(row_number() over (partition by k.ci order by {order}) as int) as pos")
    keys = "join customer_keys k on s.customer_id = k.customer_id"
    return f"select {', '.join(parts)} from {_origin(table, present)} s {keys}"


def fleet_select(table: Table, present: frozenset[str], need: Iterable[str]) -> str:
    """The rows of ``rows_select`` of everyone, not of the customers at hand alone: without ``ci``."""
    return f"select {', '.join(_picked(table, present, need))} from {_origin(table, present)} s"


def _picked(table: Table, present: frozenset[str], need: Iterable[str]) -> list[str]:
    """What is read of a row, narrow."""
    need = set(need)
    wanted = needed(table, present, need)
    parts = [f"seconds(s.{table.event}) as t"]
    parts += [
        f"{made_instant(name, present) if name in MADE_INSTANTS else _narrow(table.by_name[name])} as {name}"
        for name in wanted
    ]
    parts += [f"{_after(table, table.spans[word])} as {word}" for word in sorted(need & table.spans.keys())]
    parts += [f"s.{DAY_ONLY}"] if DAY_ONLY in need else []
    return [*parts, f"s.{table.id} as row_id", "s.known_at", "s.replaced_at"] if versioned(present) else parts


def _after(table: Table, instant: str) -> str:
    """Seconds from the event to *instant*, at the coarser grain of the two: between days where one of them is a day."""
    event = f"s.{table.event}"
    to_the_last = f"{LAST_SECOND} - cast(mod(wall({event}), {LAST_SECOND + 1}) as bigint)"
    day = f"case when s.{day_only(instant)} and not s.{DAY_ONLY} then {to_the_last} else 0 end"
    return f"seconds(s.{instant}) - seconds({event}) - {day}"


def _origin(table: Table, present: frozenset[str]) -> str:
    rows = f"({_versions(table, present)})" if versioned(present) else table.name
    end = _NEVER_BEGAN.get(table.name, "")
    if end not in present:
        return rows
    return f"(select * from {rows} o where {end} is null or {end} > {table.event})"


def _versions(table: Table, present: frozenset[str]) -> str:
    """Every row with the second from which it was known and the one in which the next version replaced it.

    Over the whole table, before any customer is chosen: a version may move a row to another customer.
    A version replaced within the second in which it was recorded was never seen by anybody. Of versions
    recorded at one instant, as in a log that writes minutes, the one with the higher ``version`` is the later,
    else the one further down in its source.
    """
    recorded = f"coalesce(v.recorded_at, v.{table.event})"
    known = f"select v.*, seconds({recorded}) as known_at from {table.name} v"
    # Rows that are spans of time share the id of whom they are about.
    row = f"v.{table.id}, v.{table.event}" if table.until else f"v.{table.id}"
    sequence = ["v.version nulls first"] if "version" in present else []
    order = ", ".join([recorded, *sequence, f"v.{PLACE}"])
    following = f"lead(v.known_at) over (partition by {row} order by {order}) as replaced_at"
    return (
        f"select * from (select v.*, {following} from ({known}) v) w"
        " where replaced_at is null or replaced_at > known_at"
    )


def known_select(
    table: Table,
    present: frozenset[str],
    need: Iterable[str],
    *,
    source: str,
    snapshots: str = "snapshots",
    reach: int | None = None,
    extra: Sequence[str] = (),
    ahead: Sequence[str] = (),
) -> str:
    """Row x snapshot as known at the cutoff: ``g``, ``c``, ``t``, ``age``, ``pos`` and *need*, masked.

    Parameters
    ----------
    source : str
        The relation made by ``rows_select`` (with flags, perhaps).
    snapshots : str
        A relation with ``g``, ``ci`` and ``c``.
    reach : int or None
        Seconds before the cutoff from which rows are wanted; None for all.
    extra : sequence of str
        Columns of *source* to pass on as they are.
    ahead : sequence of str
        Columns of *source* that are instants of later rows: hidden until they have happened.
    """
    parts = ["n.g", "n.c", *_visible(table, present, need)]
    parts += [f"r.{name}" for name in extra]
    parts += [f"case when r.{name} < n.c then r.{name} end as {name}" for name in ahead]
    if versioned(present):
        parts.append("cast(row_number() over (partition by n.g order by r.t, r.row_id) as int) as pos")
    on = ["r.ci = n.ci", *_in_time(present, reach)]
    return f"select {', '.join(parts)} from {source} r join {snapshots} n on {' and '.join(on)}"


def known_at(
    table: Table, present: frozenset[str], need: Sequence[str], at: int, *, wall: bool = False
) -> str:
    """A table as known at one instant *at*, of every customer: ``ci``, ``t``, *need* and, if asked for, ``wall``.

    Read through a ``Snapshots`` handle, whose ``customer_keys`` say who is every customer.
    """
    rows = rows_select(table, present, need, wall=wall)
    also = ["wall"] if wall else []
    everyone = f"(select ci, ci as g, cast({at} as bigint) as c from customer_keys)"
    known = known_select(table, present, need, source=f"({rows})", snapshots=everyone, extra=also)
    return f"select {', '.join(['g as ci', 't', *need, *also])} from ({known}) k"


def fleet_known_select(
    table: Table, present: frozenset[str], need: Iterable[str], reach: int | None = None
) -> str:
    """Row x cutoff of everyone as known at the cutoff: ``c``, ``t``, ``age`` and *need*, masked."""
    parts = ["n.c", *_visible(table, present, need)]
    rows, cutoffs = fleet_select(table, present, need), "select distinct c from snapshots"
    return f"select {', '.join(parts)} from ({rows}) r join ({cutoffs}) n on {' and '.join(_in_time(present, reach))}"


def lookup_select(
    table: Table, present: frozenset[str], columns: Mapping[str, str], *, on: str, rows: str
) -> str:
    """What *table* said when each row of the relation *rows* happened: ``ci``, ``at``, ``shared`` and *columns*.

    Of its rows that share *on*, the last that began, and was recorded, at or before the row's event; where the
    table says until when a row holds, it must hold still.

    Parameters
    ----------
    columns : mapping of str to str
        New name -> column of *table*. An instant named as the ``known`` of a column must be among them.
    on : str
        Column of both; ``customer_id`` for the customer's own rows.
    """
    own = table.owner == "customer_id"
    need = {*columns.values(), *([] if on == "customer_id" else [on]), *filter(None, [table.until])}
    source = (rows_select if own else fleet_select)(table, present, need - {table.event})
    shared = "p.ci" if on == "customer_id" else f"p.{on}"
    keys = f"select distinct ci, t as at{'' if on == 'customer_id' else f', {on}'} from {rows}"
    where = ["s.t <= p.at"]
    where += ["s.ci = p.ci"] if own else []
    where += [] if on == "customer_id" else [f"s.{on} = p.{on}"]
    order = ["s.t desc"]
    if versioned(present):
        where += ["s.known_at <= p.at", "(s.replaced_at is null or s.replaced_at > p.at)"]
        order += ["s.known_at desc", "s.row_id desc"]
    if table.until and table.until in present:
        where.append(f"(s.{table.until} is null or s.{table.until} > p.at)")
    said = {name: "s.t" if column == table.event else f"s.{column}" for name, column in columns.items()}
    # Of two that began together any would do, but it must be the same one every time.
    order += [f"{text} desc" for text in said.values()]
    picks = ", ".join(f"{text} as {name}" for name, text in said.items())
    rank = f"row_number() over (partition by p.ci, p.at, {shared} order by {', '.join(order)}) as place"
    return (
        f"select * from (select p.ci, p.at, {shared} as shared, {picks}, {rank}"
        f" from ({keys}) p join ({source}) s on {' and '.join(where)}) l where place = 1"
    )


def _visible(table: Table, present: frozenset[str], need: Iterable[str]) -> list[str]:
    """The row's event and its values, hidden until they are known."""
    need = set(need)
    parts = [f"r.{DAY_ONLY}"] if DAY_ONLY in need else []
    parts += [
        f"{masked(table.by_name[name], present)} as {name}" for name in sorted(need) if name in table.by_name
    ]
    parts += [
        f"{masked(table.by_name[table.once[name]])} as {name}" for name in sorted(need & table.once.keys())
    ]
    parts += [
        f"{masked(table.by_name[table.spans[name]], present, shown=name)} as {name}"
        for name in sorted(need & table.spans.keys())
    ]
    return ["r.t", "n.c - r.t as age", *parts]


def _in_time(present: frozenset[str], reach: int | None) -> list[str]:
    """When a row is visible at a cutoff."""
    found = ["r.t < n.c"]
    if reach is not None:
        found.append(f"r.t >= n.c - {reach}")
    if versioned(present):
        found += ["r.known_at < n.c", "(r.replaced_at is null or r.replaced_at >= n.c)"]
    return found


def masked(column: Column, present: frozenset[str] = frozenset(), *, shown: str = "") -> str:
    """The column ``r.x``, hidden until it is known and, as far as *present* tells, from when it is undone.

    With *shown*, what is made of it is hidden with it.
    """
    if not column.known:
        return f"r.{column.name}"
    known = f"r.{column.known} < n.c"
    if column.undone_by in present:
        known += (
            f" and not coalesce(r.{column.undone_by} < n.c and r.{column.undone_by} > r.{column.name}, false)"
        )
    return f"case when {known} then r.{shown or column.name} end"


def late(table: Table, names: Iterable[str]) -> bool:
    """Whether any of the columns may become known after its row."""
    own = table.by_name
    return any(
        own[column].known for column in (table.made_of.get(name, name) for name in names) if column in own
    )


def versioned(present: frozenset[str]) -> bool:
    """Whether the table says when its rows were recorded."""
    return "recorded_at" in present


def needed(table: Table, present: frozenset[str], need: Iterable[str]) -> list[str]:
    """*need* and the instants from which it is known, as far as the table has them, sorted."""
    asked = {table.made_of.get(name, name) for name in need}
    found = {name for name in asked if name in present and name in table.by_name}
    found |= {table.by_name[name].known for name in found} | {table.by_name[name].undone_by for name in found}
    return sorted(name for name in found if name in present or name in MADE_INSTANTS)


def undated(column: Column, present: frozenset[str]) -> str:
    """The column without which nothing says when the values of *column* become known; empty when something does.

    >>> from cxml.contracts import INTERACTIONS
    >>> undated(INTERACTIONS.column("transfers"), frozenset({"started_at", "transfers"}))
    'ended_at'
    """
    if not column.known or column.known in present:
        return ""
    if column.known == WAIT_END:
        return "" if "wait_s" in present or ends_known(present) else "wait_s"
    if column.known == CONTACT_END:
        return "" if ends_known(present) else "ended_at"
    return column.known


def _narrow(column: Column) -> str:
    name = f"s.{column.name}"
    if column.name.endswith("_id") and not column.name.startswith(ATTRIBUTE):
        return f"case when {name} is not null then code({name}) end"
    casts: Mapping[str, str] = {
        "instant": f"seconds({name})",
        "number": f"cast({name} as float)",
        "money": f"cast({name} as decimal(18,4))",
        "count": name,
    }
    return casts.get(column.kind, name)
