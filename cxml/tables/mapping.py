"""Which column of a source holds which of the contract: by its name, by the configuration, or the same in every row."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator, Mapping, Sequence

from cxml.config.sections import TableSource
from cxml.contracts import Table, attribute_name
from cxml.errors import ConfigError, did_you_mean
from cxml.tables import ready_label
from cxml.tables.attributes import untaught
from cxml.tables.problems import Problem
from cxml.tables.source_parts import Source, with_constants, without


def named(table: Table, source: Source, spec: TableSource) -> Source:
    """*source* with the constants of *spec* as columns, and without those that it ignores.

    Raises
    ------
    ConfigError
        A column to ignore that is not there, or that is used; a constant for what differs from row to row, or for a
        column that the source has.
    """
    where = f"[tables.{table.name}]"
    used = {*spec.columns.values(), *spec.attributes}
    for name in spec.ignore:
        if name not in source.names:
            raise ConfigError(
                f"the source has no column {name!r}",
                where=f"{where} ignore",
                expected="columns of the source that play no part",
                fix=did_you_mean(name, source.names),
            )
        if name in used:
            raise ConfigError(
                f"{name!r} is ignored and used",
                where=f"{where} ignore",
                expected="a column that neither columns nor attributes name",
                fix="take it out of one of them",
            )
    source = without(source, spec.ignore)
    there = {name.lower(): name for name in source.names}
    for name in spec.constants:
        if name in table.required:
            raise ConfigError(
                f"{name!r} differs from row to row",
                where=f"{where} constants",
                expected="a column that is the same in every row",
                fix="map it in columns",
            )
        if name in spec.columns or name.lower() in there:
            has = spec.columns.get(name) or there[name.lower()]
            raise ConfigError(
                f"{name!r} is a constant, and the source holds it in {has!r}",
                where=f"{where} constants",
                expected="one of the two",
                fix=f'take the constant out; or write ignore = ["{has}"]',
            )
    return with_constants(source, {name: _text(value) for name, value in spec.constants.items()})


def _text(value: str | bool | float) -> str:
    """A constant as a cell of a text file holds it."""
    return str(value).lower() if isinstance(value, bool) else str(value)


def places_of(
    table: Table, source: Source, spec: TableSource, optional: frozenset[str]
) -> tuple[list[Problem], dict[str, str]]:
    """Which column of the source holds which of the contract, and what is missing."""
    names = source.names
    places = {name: spec.columns.get(name, name) for name in table.by_name}
    if places.get("recorded_at") not in names and "version" not in spec.columns:
        places.pop("version", None)  # without versions it is something else that has this name
    places.update({attribute_name(name): name for name in spec.attributes})
    problems = []
    for name, place in places.items():
        asked_for = name in {*spec.columns, *spec.words, *table.required} or name not in table.by_name
        if place in names or not asked_for or name in optional:
            continue
        near = _nearest(place, _free(names, spec), close=True)
        what = f"there is no column {place!r}"
        has = f"the source has {', '.join(names[:20])}" + (" ..." if len(names) > 20 else "")
        fix = f"did you mean {near!r}? " if near else ""
        if name in table.by_name:
            fix += f'say it in [tables.{table.name}]: columns = {{ {name} = "{near or "their name"}" }}'
            fix += ready_label.perhaps_a_label(table, name)
        else:
            fix += "correct the name in attributes"
        problems.append(
            Problem(
                "missing_column",
                table.name,
                name,
                0,
                0,
                what,
                f"a column for {name}; {has}",
                fix,
                source.label,
            )
        )
    return problems, {name: place for name, place in places.items() if place in names}


def said_of(
    table: Table,
    source: Source,
    spec: TableSource,
    places: Mapping[str, str],
    no_features: Mapping[str, str],
) -> Iterator[str]:
    """What is to be known of the columns: constants, those that resemble one of the contract, and those not used.

    *no_features* are the columns that teach nothing, and why.
    """
    if no_features:
        yield f"{table.name}: {untaught(no_features)}"
    for name, value in spec.constants.items():
        said = "given" if table.by_name[name].personal else repr(_text(value))
        yield f"{table.name}.{name} is {said} in every row (constants)"
    free, like = _free(source.names, spec), dict[str, str]()
    for name in table.by_name:
        if name not in places and (near := _nearest(name, free, close=False)):
            like.setdefault(near, name)
    for near, name in like.items():
        yield (
            f"{table.name}: the column {near!r} resembles {name} and is not used; if it is the same, write"
            f' columns = {{ {name} = "{near}" }} in [tables.{table.name}], if not: ignore = ["{near}"]'
        )
    used = {*places.values(), *like, *no_features}
    extra = [one for one in source.names if one not in used]
    if extra:
        yield f"{table.name}: columns not used: {', '.join(extra)}"


def _free(names: Sequence[str], spec: TableSource) -> list[str]:
    return [one for one in names if one not in {*spec.columns.values(), *spec.attributes}]


def _nearest(name: str, names: Sequence[str], *, close: bool) -> str:
    """The name that differs only in case, spaces and punctuation; with *close* also a similar one."""

    def plain(text: str) -> str:
        return re.sub(r"[\W_]", "", text.lower())

    same = [other for other in names if other != name and plain(other) == plain(name)]
    return next(iter(same or (difflib.get_close_matches(name, names, n=1) if close else [])), "")
