"""From the sources of a configuration to the tables of the contract: mapped, cast, in UTC, lazy.

``open_tables`` reads names and types and gives each table a view of its own name in the engine; rows
are read when a view is. What a single cell becomes is written in ``cells``.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import pyarrow as pa

from cxml.config.load import Config
from cxml.config.sections import TableSource
from cxml.contracts import ALL_TABLES, ATTRIBUTE, CONTACTS, TABLES, Column, Kind, Table, attribute_name
from cxml.engine import Engine
from cxml.errors import ConfigError, DataError, did_you_mean
from cxml.sql import literal, quoted
from cxml.tables import bad_lines, ready_label, written_numbers as written
from cxml.tables.attributes import kinds_of
from cxml.tables.casting import READ_AS, Cell, absent, at_the_grain_of, cell
from cxml.tables.made_ids import with_made_id
from cxml.tables.mapping import named, places_of, said_of
from cxml.tables.opened import Opened
from cxml.tables.problems import Problem, SetAside, one_error, unreadable
from cxml.tables.source_parts import Part, Source
from cxml.tables.sources import open_frame, open_source

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Tables:
    """The tables of a company, behind views of their names; nothing is read before it is asked for.

    Attributes
    ----------
    engine : Engine
    config : Config
    columns : Mapping[str, frozenset[str]]
        The contract's columns that each present table has; always its id, its owner and its event.
    attributes : Mapping[str, str]
        Further columns of ``customers`` by their name in the view, ``attribute_<name>``: ``text`` or
        ``number``.
    notes : tuple of str
        What was decided on opening, for people.
    opened : Mapping[str, Opened]
        How each table is read from its source.
    contacts : Opened or None
        The log of earlier contacts, which is none of the tables that features, labels and the audit look at.
    set_aside : SetAside
        Rows that a check has left out of the views.
    """

    engine: Engine
    config: Config
    columns: Mapping[str, frozenset[str]]
    attributes: Mapping[str, str]
    notes: tuple[str, ...]
    opened: Mapping[str, Opened]
    contacts: Opened | None = None
    set_aside: SetAside = field(default_factory=SetAside)

    @property
    def inputs(self) -> tuple[Opened, ...]:
        """All that is read: the tables, and then the log of earlier contacts."""
        return (*self.opened.values(), *([self.contacts] if self.contacts else []))

    @property
    def attribute_kinds(self) -> dict[str, str]:
        """``attributes`` by their names in the source: what says how to read the next table of customers."""
        return {self.opened["customers"].places[name]: kind for name, kind in self.attributes.items()}


def open_tables(
    config: Config,
    sources: Mapping[str, pd.DataFrame | pa.Table] | None = None,
    engine: Engine | None = None,
    attributes: Mapping[str, str] | None = None,
) -> Tables:
    """Open the sources of *config* as the tables of the contract.

    Parameters
    ----------
    config : Config
    sources : mapping of table name to pandas.DataFrame or pyarrow.Table, optional
        Tables in memory; they replace or extend those of the configuration, whose column mapping
        holds for them too.
    engine : Engine, optional
        Where the views are made; by default a new one with the limits of *config*.
    attributes : mapping of str to str, optional
        Attributes by their name in the source -> ``text`` or ``number``, as ``Tables.attribute_kinds`` of a training
        has them (``bundle.info["attributes"]``): what is scored must be read as what was learned from. What is not
        named is a number where the source holds numbers only.

    Raises
    ------
    ConfigError
        A table or column name that no contract knows; no table at all; contacts beside a label without a time.
    DataError
        Everything that can be seen without reading rows, for all tables at once: files that are not
        there or not what their name says, missing columns.
    """
    given = dict(sources or {})
    names = _names(config, given)
    engine = engine or Engine(config.engine.memory, config.engine.threads, config.project.timezone)
    _check_zone(engine, config)
    opened: dict[str, Opened] = {}
    problems, notes = list[Problem](), list[str]()
    for name in names:
        table = ALL_TABLES[name]
        spec = ready_label.labelled(config.tables.get(name, TableSource(source="")), table, config)
        _check_names(table, spec)
        try:
            source = (
                open_frame(engine, name, given[name])
                if name in given
                else open_source(engine, config.folder, name, spec)
            )
            found = _described(engine, table, named(table, source, spec), spec, config, attributes)
            bad_lines.forget(engine, name, source)  # only a check counts them
            problems += found.missing
            if found.opened:
                notes += found.notes
                opened[name] = found.opened
        except DataError as error:
            problems.append(unreadable(name, error))
    if problems:
        raise one_error(problems)
    for one in opened.values():
        show(engine, one)
    read_as = [note for one in opened.values() for note in _notes(one)]
    contacts = opened.pop(CONTACTS.name, None)
    return Tables(
        engine=engine,
        config=config,
        columns={name: one.known | {one.table.id} for name, one in opened.items()},
        attributes={
            c.name: c.kind for one in opened.values() for c in one.columns if c.name not in one.known
        },
        notes=(*read_as, *notes),
        opened=opened,
        contacts=contacts,
    )


@dataclass(frozen=True)
class _Described:
    """What is known of a table before its rows are checked; nothing is *opened* where columns are *missing*."""

    missing: Sequence[Problem]
    notes: Sequence[str] = ()
    opened: Opened | None = None


def _described(
    engine: Engine,
    table: Table,
    source: Source,
    spec: TableSource,
    config: Config,
    attributes: Mapping[str, str] | None,
) -> _Described:
    """Find the columns of *table* in *source*; what attributes hold is seen from their rows."""

    def read() -> _Described:
        own, no_features = ready_label.described(engine, spec, table, source, config, attributes)
        _check_names(table, own)
        missing, places = places_of(table, source, own, ready_label.optional(table, config))
        if missing:
            return _Described(missing)
        kinds = kinds_of(engine, source, places, own, attributes)
        opened = _open(table, source, places, kinds, own, config)
        return _Described([], list(said_of(table, source, own, places, no_features)), opened)

    return bad_lines.reading(engine, table.name, source, spec.tolerate, read)


def show(engine: Engine, table: Opened) -> None:
    """Give the rows of *table* its name in the engine."""
    rows = table.select()
    if table.made_id:
        rows = with_made_id(table.table, table.columns, rows, beside=table.beside)
    engine.view(table.table.name, rows)


def customer_ids(tables: Tables) -> str:
    """Make the relation ``known_customers`` (``customer_id``, each once) and return its name.

    These are the customers of the table ``customers``; without that table, everyone whom any table
    is about.
    """
    about = [name for name in tables.columns if TABLES[name].owner == "customer_id"]
    if "customers" in about:
        about = ["customers"]
    union = " union ".join(f"select customer_id from {name} where customer_id is not null" for name in about)
    tables.engine.keep("known_customers", f"select distinct customer_id from ({union}) c")
    return "known_customers"


def fingerprint(tables: Tables, only: Iterable[str] = ()) -> dict[str, str]:
    """A hash of the content of each table, or of *only* these; the same for any order of rows and any kind of source."""
    found = {}
    for name in only or tables.opened:
        table = tables.opened[name]
        columns = sorted(column.name for column in table.columns)
        cells = ", ".join(quoted(column) for column in columns)
        row = tables.engine.row(
            f"select count(*) as rows, cast(sum(hash({cells})) as varchar) as total,"
            f" cast(bit_xor(hash({cells})) as varchar) as mixed from {name}"
        )
        text = "|".join([name, *columns, *(str(row[key]) for key in ("rows", "total", "mixed"))])
        found[name] = hashlib.sha256(text.encode()).hexdigest()
    return found


def _names(config: Config, given: Collection[str]) -> list[str]:
    """The tables that are in the configuration or *given*, in the order of the contract."""
    for name in given:
        if name not in ALL_TABLES:
            raise ConfigError(
                f"unknown table {name!r}",
                where="sources",
                expected=f"one of {', '.join(ALL_TABLES)}",
                fix=did_you_mean(name, ALL_TABLES),
            )
    names = [name for name in ALL_TABLES if name in given or name in config.tables]
    if CONTACTS.name in names and ready_label.is_static(config):
        raise ConfigError(
            "a log of contacts needs a time to look at",
            where=f"[tables.{CONTACTS.name}]",
            expected="customers with dates: a ready label says who left, and not when",
            fix="take the section out",
        )
    if not any(name in TABLES for name in names):
        raise ConfigError(
            "there is no table",
            where="[tables]",
            expected="at least a table of activity",
            fix='write [tables.interactions] and source = "interactions.csv"',
        )
    return names


def _check_zone(engine: Engine, config: Config) -> None:
    name = config.zone.key
    if name != "UTC" and not engine.rows(f"select 1 from pg_timezone_names() where name = {literal(name)}"):
        raise ConfigError(
            f"the engine knows no time zone {name!r}",
            where="[project] timezone",
            expected="a name of the IANA list",
            fix="write an older name",
        )


def _check_names(table: Table, spec: TableSource) -> None:
    """Refuse columns that the contract does not have, and attributes elsewhere than in customers."""
    where = f"[tables.{table.name}]"
    for key, names in (("columns", spec.columns), ("words", spec.words), ("constants", spec.constants)):
        for name in names:
            if name not in table.by_name:
                raise ConfigError(
                    f"the table has no column {name!r}",
                    where=f"{where} {key}",
                    expected="names of cxml on the left, such as wait_s = ...",
                    fix=did_you_mean(name, table.by_name),
                )
    if spec.attributes and table.name != "customers":
        raise ConfigError(
            "only customers have attributes",
            where=f"{where} attributes",
            fix="move the key to [tables.customers]",
        )
    seen: dict[str, str] = {}
    targets = {spec.columns.get(column.name, column.name) for column in table.columns if column.target}
    for name in spec.attributes:
        plain = attribute_name(name).removeprefix(ATTRIBUTE)
        if plain in table.by_name:
            raise ConfigError(
                f"{name!r} is a column of the contract already",
                where=f"{where} attributes",
                fix=f'take it out of attributes; {plain} = "..." in columns can rename it',
            )
        if name in targets:
            raise ConfigError(
                f"{name!r} says what happened to the customer",
                where=f"{where} attributes",
                expected="what was known before the cutoff",
                fix="take it out of attributes",
            )
        if not plain or plain in seen:
            what = f"{seen[plain]!r} and {name!r} have one name" if plain else f"{name!r} has no letter"
            raise ConfigError(
                what,
                where=f"{where} attributes",
                expected="names that differ in letters or digits",
                fix="take one out, or rename its column in the source",
            )
        seen[plain] = name


def _open(
    table: Table,
    source: Source,
    places: Mapping[str, str],
    kinds: Mapping[str, Kind],
    spec: TableSource,
    config: Config,
) -> Opened:
    columns = [table.by_name[name] for name in table.by_name if name in places]
    for name, kind in kinds.items():
        columns.append(Column(name, kind, "an attribute of the customer", personal=True))
    cells = (
        {column.name: _cell(part, places[column.name], column, spec, config) for column in columns}
        for part in source.parts
    )
    known = (_at_one_grain(ready_label.dated(some, table, config), table, columns, config) for some in cells)
    return Opened(table, source, tuple(columns), places, tuple(known), made_id=table.id not in places)


def _at_one_grain(
    cells: Mapping[str, Cell], table: Table, columns: Sequence[Column], config: Config
) -> Mapping[str, Cell]:
    """The cells of a part, with instants no finer than the event of their row."""
    event = table.column(table.event)
    if event.day_is != "last second":
        return cells
    follow = {one.name for one in columns if one.kind == "instant"} - {table.event, "recorded_at"}
    return {
        name: at_the_grain_of(cells[event.name], one, config.zone) if name in follow else one
        for name, one in cells.items()
    }


def _cell(part: Part, place: str, column: Column, spec: TableSource, config: Config) -> Cell:
    """The cell of *column* read from where it lies, its words in the language of the contract."""
    if place not in part.columns:
        return absent(column.kind)
    raw, kind, words = quoted(place), part.columns[place], spec.words.get(column.name, {})
    text = f"cast({quoted(place)} as varchar)"
    decimal = "," if spec.types.get(place) == "comma" else spec.decimal
    number = column.kind in ("number", "money", "count") and kind == "VARCHAR"
    written_so = number and (column.name.startswith(ATTRIBUTE) or decimal == ",")
    if written_so:
        nothing = written.nothing(text, spec.na)
        raw = f"(case when {nothing} then null else {written.plain(text, decimal)} end)"
    elif spec.na:
        raw = f"(case when {written.unknown(text, spec.na)} then null else {raw} end)"
    if words:
        cases = " ".join(f"when {literal(word)} then {literal(meant)}" for word, meant in words.items())
        raw, kind = f"(case trim({text}) {cases} else cast({raw} as varchar) end)", "VARCHAR"
    found = cell(raw, kind, column, config.zone)
    return replace(found, signs={**found.signs, "percent": f"contains({text}, '%')"}) if written_so else found


def _notes(opened: Opened) -> Iterable[str]:
    name = opened.table.name
    if opened.made_id:
        yield f"{name} has no {opened.table.id}: rows are told apart by their content"
    for column in opened.columns:
        if any(
            "day" in signs and "local" not in signs
            for signs in (one[column.name].signs for one in opened.cells)
        ):
            yield f"{name}.{column.name} holds days without a time: {READ_AS[column.day_is]}"
