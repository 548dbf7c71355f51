"""Another future: the same tables with everything that nobody knew at a cutoff changed, dropped or added.

What was known when is said here once more, from the contract alone and not through ``cxml.snapshots.as_of``: a
fault in the one must not hide in the other. A value that has an instant of its own is known once that instant is
past; the outcome of a contact once the contact is over. Where nothing proves that a contact was over - no end, and
no duration in its place - any outcome is still possible. Each table is a view over its source, so nothing is copied.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from typing import Literal, get_args

from cxml.contracts import CONTACT_END, TABLES, WAIT_END, Column, Table
from cxml.sql import literal, quoted
from cxml.tables.opening import Tables
from cxml.tables.view_columns import beside

Change = Literal["at the cutoff", "after the cutoff", "values known later", "recorded later"]
"""What is changed: rows added exactly at the cutoff; rows from the cutoff on; values of earlier rows that
were not yet known; rows and versions of rows that were not yet recorded."""

EVERY_CHANGE: tuple[Change, ...] = get_args(Change)
BEFORE = "cxml_before_"
"""What the name of an untouched table begins with while its place is taken."""


@contextmanager
def scrambled(tables: Tables, cutoff: datetime, changes: Collection[Change] = EVERY_CHANGE) -> Iterator[None]:
    """While this lasts, the views of *tables* show another future from *cutoff* on."""
    engine = tables.engine
    moved: list[str] = []
    try:
        for name in tables.columns:
            engine.run(f"alter view {name} rename to {BEFORE}{name}")
            moved.append(name)
            engine.view(name, _OneTable(tables, name, cutoff).select(changes))
        yield
    finally:
        for name in moved:
            engine.run(f"drop view if exists {name}")
            engine.run(f"alter view {BEFORE}{name} rename to {name}")


class _OneTable:
    """The statements of one table, whose untouched rows stand behind ``BEFORE`` and its name."""

    def __init__(self, tables: Tables, name: str, cutoff: datetime) -> None:
        self.table: Table = TABLES[name]
        self.source = f"{BEFORE}{name}"
        self.types = tables.engine.columns(self.source)
        self.beside = beside(self.table, self.types)
        self.columns = [self._column(one, tables.attributes) for one in self.types if one not in self.beside]
        self.at = f"timestamp '{cutoff:%Y-%m-%d %H:%M:%S}'"
        self.levels = self._levels(tables)
        self.event = quoted(self.table.event)
        self.recorded = f"coalesce(recorded_at, {self.event})" if "recorded_at" in self.types else ""

    def select(self, changes: Collection[Change]) -> str:
        """All rows of the other future."""
        event = self.event
        late = f"{self.recorded} >= {self.at}" if self.recorded else "false"
        salt = f"cast({event} as varchar)" + (", cast(recorded_at as varchar)" if self.recorded else "")
        rows = (
            f"select *, cast(code(concat({quoted(self.table.id)}, '/', {salt})) % 60 as int) as cxml_draw,"
            f" coalesce({event} >= {self.at}, false) as cxml_ahead, coalesce({late}, false) as cxml_late,"
            f" {self._over()} as cxml_over, {self._waited()} as cxml_waited from {self.source}"
        )
        parts = [self._kept(changes), *self._added(changes)]
        return f"with cxml_rows as ({rows}) {' union all '.join(parts)}"

    def _kept(self, changes: Collection[Change]) -> str:
        """What becomes of the rows that are there."""
        ahead = "cxml_ahead" if "after the cutoff" in changes else "false"
        late = "(cxml_late and not cxml_ahead)" if "recorded later" in changes else "false"
        cells = []
        for column in self.columns:
            name, changed = quoted(column.name), f"{ahead} or {late}"
            if column.name in (self.table.id, self.table.owner):
                cells.append(name)
            elif column.name == self.table.event:
                cells.append(
                    f"case when {ahead} and cxml_draw % 4 = 1 then {self.at}"
                    f" when {ahead} and cxml_draw % 4 = 2 then {name} + interval 9 day"
                    f" when {late} and cxml_draw % 4 = 1 then {name} - interval 3 day else {name} end as {name}"
                )
            elif column.name == "recorded_at":
                cells.append(
                    f"case when {late} and cxml_draw % 3 = 1 then {self.at} else {name} end as {name}"
                )
            else:
                hidden = self._hidden(column) if "values known later" in changes else "false"
                other = self._other(column, f"{self.at} + interval 2 day")
                cells.append(
                    f"case when {changed} then {other} when {hidden} then {self._later(column)} else {name} end as {name}"
                )
        # Whoever is no longer in the table of customers is no customer: there, rows are only changed.
        drop = "false" if self.table.name == "customers" else f"({ahead} or {late}) and cxml_draw % 4 = 0"
        return f"select {', '.join([*cells, *self.beside])} from cxml_rows where not ({drop})"

    def _added(self, changes: Collection[Change]) -> Iterator[str]:
        """Rows that were not there, made from rows that were known at the cutoff."""
        event = self.event
        at, past = self.at, f"{event} - interval 1 day"
        if "at the cutoff" in changes:
            yield self._copies(0, prefix="cxml-at-", event=at, recorded=at)
        if "after the cutoff" in changes:
            later = f"{at} + (cxml_draw + 1) * interval 1 day"
            yield self._copies(1, prefix="cxml-later-", event=later, recorded=later)
        if "recorded later" in changes and self.recorded:
            if self.table.name != "customers":  # a customer known late is none of those compared
                yield self._copies(2, prefix="cxml-late-", event=past, recorded=at)
            yield self._copies(3, prefix="", event=event, recorded=f"{at} + (cxml_draw % 2) * interval 1 day")

    def _copies(self, draw: int, *, prefix: str, event: str, recorded: str) -> str:
        """A quarter of the known rows once more, with other values; without a prefix they are versions."""
        cells = []
        for column in self.columns:
            name = quoted(column.name)
            if column.name == self.table.event:
                text = event
            elif column.name == "recorded_at":
                text = recorded
            elif column.name == self.table.id and self.table.name != "agents":
                text = f"{literal(prefix)} || {name}"
            elif column.name in (self.table.owner, self.table.id):
                text = name
            else:
                text = self._other(column, f"{event} + interval 1 day")
            cells.append(f"{text} as {name}")
        chosen = f"cxml_draw % 4 = {draw} and not cxml_ahead and not cxml_late"
        return f"select {', '.join([*cells, *self.beside])} from cxml_rows where {chosen}"

    def _hidden(self, column: Column) -> str:
        """Whether the value of a row from before the cutoff was unknown at it."""
        if column.known == CONTACT_END:
            return "not cxml_over"
        if column.known == WAIT_END:
            return "not (cxml_over or cxml_waited)"
        if not column.known:
            return "false"
        if column.known not in self.types:
            return "true"
        return f"({quoted(column.known)} is null or {quoted(column.known)} >= {self.at})"

    def _later(self, column: Column) -> str:
        """Another value for one that was not known yet: what has not come by the cutoff comes no earlier."""
        if column.known == column.name:
            return (
                f"case cxml_draw % 4 when 0 then {self.at} when 1 then {self.at} + interval 4 day"
                f" when 2 then null else {quoted(column.name)} end"
            )
        if column.name in ("wait_s", "handle_s"):
            return f"cast({_seconds(self.event, self.at)} + 17 + cxml_draw as {self.types[column.name]})"
        return self._other(column, self.at)

    def _other(self, column: Column, instant: str) -> str:
        """Another value of the kind of the column."""
        name, kind = quoted(column.name), column.kind
        if kind == "text":
            low, high = self.levels[column.name]
            return f"case when {name} is distinct from {high} then {high} else {low} end"
        if kind == "flag":
            return f"not coalesce({name}, cxml_draw % 2 = 0)"
        if kind == "instant":
            return instant
        return f"cast(coalesce({name}, 0) + 17 + cxml_draw as {self.types[column.name]})"

    def _levels(self, tables: Tables) -> Mapping[str, tuple[str, str]]:
        """The first and the last level of each text column, as literals."""
        texts = [column.name for column in self.columns if column.kind == "text"]
        picks = ", ".join(f"min({quoted(name)}), max({quoted(name)})" for name in texts)
        found = tables.engine.rows(f"select {picks} from {self.source}")[0] if texts else ()
        shown = [literal(value if value is not None else "cxml") for value in found]
        return {name: (shown[2 * i], shown[2 * i + 1]) for i, name in enumerate(texts)}

    def _over(self) -> str:
        """Whether a contact was surely over before the cutoff."""
        if self.table.name != "interactions":
            return "false"
        if "ended_at" in self.types:
            return f"coalesce(ended_at < {self.at}, false)"
        if "handle_s" not in self.types:
            return "false"
        served = f"handle_s is not null and {self._after('wait_s', 'handle_s')} < {self.at}"
        return f"coalesce({served}, false) or coalesce({self._gave_up()}, false)"

    def _waited(self) -> str:
        """Whether the wait of a contact was surely over before the cutoff."""
        if self.table.name != "interactions" or "wait_s" not in self.types:
            return "false"
        return f"coalesce(wait_s is not null and {self._after('wait_s')} < {self.at}, false)"

    def _gave_up(self) -> str:
        """Whether the customer surely gave up waiting before the cutoff."""
        if not {"abandoned", "wait_s"} <= self.types.keys():
            return "false"
        return f"abandoned and wait_s is not null and {self._after('wait_s')} < {self.at}"

    def _after(self, *spans: str) -> str:
        """The instant of the event and some durations after it."""
        seconds = " + ".join(f"coalesce({name}, 0)" for name in spans if name in self.types)
        return f"{self.event} + cast(ceil({seconds}) as bigint) * interval 1 second"

    def _column(self, name: str, attributes: Mapping[str, str]) -> Column:
        if name in self.table.by_name:
            return self.table.by_name[name]
        return Column(name, "number" if attributes.get(name) == "number" else "text", "an attribute")


def _seconds(start: str, end: str) -> str:
    """Seconds from one instant to another."""
    return f"ceil((epoch_us({end}) - epoch_us({start})) / 1e6)"
