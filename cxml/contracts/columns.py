"""A column of an input table and a table, and how they are declared."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

Kind = Literal["text", "instant", "number", "money", "count", "flag"]

YES = ("true", "1", "1.0", "yes", "y", "t", "on", "예", "네")

NO = ("false", "0", "0.0", "no", "n", "f", "off", "아니오", "아니요")
"""How a text may say yes and no, in capital or small letters: in a flag, and in a ready label."""

CONTACT_END = "contact_end"
"""When the outcome of a contact is known: at its end. Without ``ended_at``, at its start plus its wait and handling,
where ``handle_s`` is given. A contact without a known end is not over, and shows no outcome."""

WAIT_END = "wait_end"
"""When the wait of a contact is known: at its start plus the wait, at the latest at the end of the contact."""

MADE_INSTANTS = (CONTACT_END, WAIT_END)
"""Instants of a contact that are no columns: they are worked out for each row."""

ATTRIBUTE = "attribute_"
"""What the names of attributes begin with in the view of the customers."""

DayIs = Literal["last second", "first second", "over"]
"""What a day without a time stands for: its last second, since what is known of a day is not known before the day is
over; its first second, where a span begins; the first second of the next day, where a span ends with the day."""


@dataclass(frozen=True)
class Column:
    """One column of an input table.

    Attributes
    ----------
    name : str
        Ends in ``_s`` for seconds and ``_at`` for instants.
    kind : Kind
        ``text``, ``instant`` (time-zone aware, or local to the configured zone), ``number``,
        ``money`` (the one currency of the config), ``count`` (whole, not negative) or ``flag``.
    says : str
        What the column holds, for people.
    unit : str
        Empty where the kind says it all.
    low, high : float or None
        Closed bounds of the legal values.
    known : str
        The instant from which the value is known: a column of the same table, ``contact_end``, or
        empty when the value is known as soon as its row is.
    one_of : tuple of str
        The legal values of a closed list; empty when any value is legal.
    personal : bool
        Values are never shown in a message, a log or a report.
    target : bool
        Says what happened to the customer: read by labels, never by features.
    day_is : DayIs
        For an instant, what a day without a time stands for.
    undone_by : str
        For an instant, the column of the later instant that takes it back: a resolution is none once the issue came back.
    required : bool
        The table cannot be used without it; so it is with its owner and its event, which need not say so.
    overwritten : bool
        A source may change the value in place after ``known``, as people move, plans change and tickets
        are filed anew. An export without ``recorded_at`` then shows on every row what holds today, also
        of those who have left since.
    """

    name: str
    kind: Kind
    says: str
    unit: str = ""
    low: float | None = None
    high: float | None = None
    known: str = ""
    one_of: tuple[str, ...] = ()
    personal: bool = False
    target: bool = False
    day_is: DayIs = "last second"
    undone_by: str = ""
    required: bool = False
    overwritten: bool = False


@dataclass(frozen=True)
class Table:
    """One input table: a row is ``row_is``, it happened at ``event``, ``id`` tells rows apart.

    ``until`` is the column that says until when a row holds, where rows are spans of time. With ``once_a_day`` rows of
    one day that are alike are copies, since what they tell of happens once.
    """

    name: str
    row_is: str
    id: str
    event: str
    columns: tuple[Column, ...]
    until: str = ""
    once_a_day: bool = False

    @cached_property
    def once(self) -> dict[str, str]:
        """``once_x`` -> ``x``, for each instant that a later one takes back."""
        return {f"once_{column.name}": column.name for column in self.columns if column.undone_by}

    @cached_property
    def spans(self) -> dict[str, str]:
        """``x_after`` -> ``x_at``, for each instant that comes after the event and is known from itself."""
        return {
            f"{column.name.removesuffix('_at')}_after": column.name
            for column in self.columns
            if column.known == column.name and column.name.endswith("_at")
        }

    @cached_property
    def made_of(self) -> dict[str, str]:
        """Words beside the columns, each with the column that it is made of."""
        return {**self.once, **self.spans}

    @property
    def required(self) -> tuple[str, ...]:
        """The columns without which the table cannot be used."""
        also = (column.name for column in self.columns if column.required)
        return tuple(dict.fromkeys((self.owner, self.event, *also)))

    @property
    def owner(self) -> str:
        """The column that says whom a row is about."""
        return "agent_id" if self.name == "agents" else "customer_id"

    def column(self, name: str) -> Column:
        """The column called *name*.

        Raises
        ------
        KeyError
            When the contract has no such column.
        """
        return self.by_name[name]

    @cached_property
    def by_name(self) -> dict[str, Column]:
        """All columns by name."""
        return {column.name: column for column in self.columns}


def declared(
    name: str, row_is: str, id: str, event: str, *columns: Column, event_day: DayIs = "last second"
) -> Table:
    """A table with the columns that every table has: id, customer, event time, recorded_at, version."""
    personal_id = id in ("customer_id", "agent_id")
    common = [Column(id, "text", "tells one row from another", personal=personal_id)]
    if id not in ("customer_id",) and name != "agents":
        common.append(Column("customer_id", "text", "whom the row is about", personal=True))
    common.append(Column(event, "instant", "when it happened", day_is=event_day))
    recorded = Column("recorded_at", "instant", "when the row was written: it is known from then on")
    version = Column("version", "count", "which of several versions recorded at one instant is the later one")
    until = next((column.name for column in columns if column.name == "valid_to"), "")
    return Table(name, row_is, id, event, (*common, *columns, recorded, version), until)


_MOST_COUNTED, _LONGEST_S = 1_000_000, 10 * 366 * 86400
"""What no row counts and no duration lasts: above it lie -1 written without its sign, and other stand-ins."""


def holds(name: str, kind: Kind, says: str, unit: str = "", **more: object) -> Column:
    """A column; instants are known from themselves, durations and counts are neither negative nor beyond belief."""
    if kind == "instant":
        more.setdefault("known", name)
    if kind == "count" or (kind == "number" and name.endswith("_s")):
        more.setdefault("low", 0)
        more.setdefault("high", _MOST_COUNTED if kind == "count" else _LONGEST_S)
        unit = unit or ("s" if name.endswith("_s") else "")
    return Column(name, kind, says, unit, **more)  # type: ignore[arg-type]


def holds_today(name: str, kind: Kind, says: str, unit: str = "", **more: object) -> Column:
    """A column that sources overwrite with what holds today."""
    return holds(name, kind, says, unit, overwritten=True, **more)


def holds_after(name: str, kind: Kind, says: str, unit: str = "", **more: object) -> Column:
    """A column whose value is known when the contact is over."""
    return holds(name, kind, says, unit, known=CONTACT_END, **more)


def attribute_name(name: str) -> str:
    """``attribute_`` and the name in ASCII: it clashes with no column and no word, and needs no quotes.

    >>> [attribute_name(name) for name in ("Seat Count", "group", "등급", "spend_30d")]
    ['attribute_seat_count', 'attribute_group', 'attribute_ub4f1_uae09', 'attribute_spend_30_d']
    """
    spelt = "".join(one if one.isascii() or not one.isalnum() else f"_u{ord(one):x}_" for one in name.lower())
    plain = re.sub(r"[^a-z0-9]+", "_", spelt).strip("_")
    return ATTRIBUTE + re.sub(r"(?<=_)(\d+)d$", r"\1_d", plain)  # a stem must not end like a window
