"""The leak wall: what was known of a table at a cutoff. Every feature sees a table only through here.

Two selects make an as-known table. ``rows_select`` turns a source view into rows of whole seconds,
one per version. ``known_select`` lets each row meet each snapshot of its customer: a row is visible
when it happened and was recorded before the cutoff, and a value is visible when the instant from
which it is known (``contracts.Column.known``) lies before the cutoff. What is not visible is missing.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from cxml.contracts import CONTACT_END, Column, Table
from cxml.tables import ATTRIBUTE, contact_end

OPEN_END = "replaced_at is null"
"""The rows that are the latest version: what is known when nothing more is to come."""


def rows_select(
    table: Table, present: frozenset[str], need: Iterable[str], *, place: bool = False, wall: bool = False
) -> str:
    """One row per version of each row of *table*: ``ci``, ``t`` and the columns *need*.

    Instants are whole seconds (BIGINT), numbers FLOAT, money DECIMAL(18,4), counts INT, ids codes.
    With ``recorded_at`` also ``known_at`` and ``replaced_at``; without it, ``pos`` (when *place*). With
    *wall*, the event on the clock of the project's zone.
    """
    wanted = needed(table, present, need)
    parts = ["k.ci", f"seconds(s.{table.event}) as t"]
    parts += [f"{_narrow(table.by_name[name])} as {name}" for name in wanted if name != CONTACT_END]
    if wall:
        parts.append(f"wall(s.{table.event}) as wall")
    if CONTACT_END in wanted:
        parts.append(f"{contact_end(present)} as {CONTACT_END}")
    keys = "join customer_keys k on s.customer_id = k.customer_id"
    if not versioned(present):
        if place:
            order = f"seconds(s.{table.event}), s.{table.id}"
            parts.append(f"cast(row_number() over (partition by k.ci order by {order}) as int) as pos")
        return f"select {', '.join(parts)} from {table.name} s {keys}"
    parts += [f"s.{table.id} as row_id", "s.known_at", "s.replaced_at"]
    return f"select {', '.join(parts)} from ({_versions(table)}) s {keys}"


def _versions(table: Table) -> str:
    """Every row with the second from which it was known and the one in which the next version replaced it.

    Over the whole table, before any customer is chosen: a version may move a row to another customer.
    A version replaced within the second in which it was recorded was never seen by anybody.
    """
    recorded = f"coalesce(v.recorded_at, v.{table.event})"
    known = f"select v.*, seconds({recorded}) as known_at from {table.name} v"
    following = f"lead(v.known_at) over (partition by v.{table.id} order by {recorded}) as replaced_at"
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
    parts = ["n.g", "n.c", "r.t", "n.c - r.t as age"]
    parts += [
        f"{masked(table.by_name[name])} as {name}" for name in sorted(set(need)) if name in table.by_name
    ]
    parts += [f"r.{name}" for name in extra]
    parts += [f"case when r.{name} < n.c then r.{name} end as {name}" for name in ahead]
    on = ["r.ci = n.ci", "r.t < n.c"]
    if reach is not None:
        on.append(f"r.t >= n.c - {reach}")
    if versioned(present):
        on += ["r.known_at < n.c", "(r.replaced_at is null or r.replaced_at >= n.c)"]
        parts.append("cast(row_number() over (partition by n.g order by r.t, r.row_id) as int) as pos")
    return f"select {', '.join(parts)} from {source} r join {snapshots} n on {' and '.join(on)}"


def masked(column: Column) -> str:
    """The column ``r.x``, hidden until it is known."""
    if not column.known:
        return f"r.{column.name}"
    return f"case when r.{column.known} < n.c then r.{column.name} end"


def late(table: Table, names: Iterable[str]) -> bool:
    """Whether any of the columns may become known after its row."""
    return any(name in table.by_name and table.by_name[name].known for name in names)


def versioned(present: frozenset[str]) -> bool:
    """Whether the table says when its rows were recorded."""
    return "recorded_at" in present


def needed(table: Table, present: frozenset[str], need: Iterable[str]) -> list[str]:
    """*need* and the instants from which it is known, as far as the table has them, sorted."""
    found = {name for name in need if name in present and name in table.by_name}
    found |= {table.by_name[name].known for name in found} - {""}
    return sorted(name for name in found if name in present or name == CONTACT_END)


def _narrow(column: Column) -> str:
    name = f"s.{column.name}"
    if column.name.endswith("_id") and not column.name.startswith(ATTRIBUTE):
        return f"case when {name} is not null then code({name}) end"
    casts: Mapping[str, str] = {
        "instant": f"seconds({name})", "number": f"cast({name} as float)",
        "money": f"cast({name} as decimal(18,4))", "count": f"cast({name} as int)",
    }  # fmt: skip
    return casts.get(column.kind, name)
