"""The text of a new ``cxml.toml``: every choice with its default, from the declarations themselves."""

from __future__ import annotations

import dataclasses
import typing
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

from cxml.config.load import Config
from cxml.config.sections import OwnFactor, TableSource, ValueSource
from cxml.contracts import ALL_TABLES

_HEAD = """\
# What is commented out is optional and shows its default. 'cxml check .' says what is wrong or missing.
"""
_UNITS = {"D": 86_400, "h": 3_600, "min": 60, "s": 1}
_EXAMPLES = {
    "project.observation_end": '"2026-01-01"',
    "tables.source": '"interactions.csv"',
    "factors.columns": '["complaints"]',
    "value.table": '"orders"',
    "value.column": '"margin"',
}


def starter() -> str:
    """A configuration to fill in.

    >>> 'observation_end = "2026-01-01"' in starter()
    True
    """
    hints = typing.get_type_hints(Config)
    lines = [_HEAD]
    for section in dataclasses.fields(Config):
        if section.name == "folder":
            continue
        if section.name == "tables":
            lines += list(_tables())
            continue
        if section.name == "factors":
            lines += [
                "\n# Columns of the customers that speak of one theme: a section each.",
                "# [factors.NAME]",
            ]
            lines += [f"# {line.removeprefix('# ')}" for line in _keys(OwnFactor, "factors")]
            continue
        lines += [f"\n[{section.name}]", *_keys(hints[section.name], section.name)]
        if section.name == "value":
            lines += ["\n# [[value.sources]]", *(f"# {line}" for line in _keys(ValueSource, "value"))]
    return "\n".join(lines) + "\n"


def _tables() -> Iterator[str]:
    yield "\n# One section a table; an activity (interactions or orders, say) is enough to begin with."
    yield "# So is a table with a row per customer and a column that says who left: call its section [tables.customers],"
    yield '# say columns = { customer_id = "its name there" }, and in [churn] definition = "label", column = "customers.X".'
    yield "[tables.interactions]"
    yield from _keys(TableSource, "tables")
    yield "# tables:"
    for table in ALL_TABLES.values():
        yield f"#   {table.name}: {table.row_is}; needs {', '.join(table.required)}"


def _keys(cls: Any, section: str) -> Iterator[str]:
    for field in dataclasses.fields(cls):
        if section == "value" and field.name == "sources":
            continue
        example = _EXAMPLES.get(f"{section}.{field.name}")
        if example:
            yield f"{field.name} = {example}  # {field.metadata['says']}"
        else:
            yield f"# {field.name} = {_text(_default(field))}  # {field.metadata['says']}"


def shown(field: dataclasses.Field[Any]) -> str:
    """The default of a key as TOML; empty when the key has none."""
    required = field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING
    return "" if required else _text(_default(field))


def _default(field: dataclasses.Field[Any]) -> Any:
    return (
        field.default
        if field.default is not dataclasses.MISSING
        else typing.cast(Any, field.default_factory)()
    )


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, timedelta):
        return f'"{_span(value)}"'
    if isinstance(value, datetime):
        return f'"{value:%Y-%m-%d}"'
    if isinstance(value, tuple | list):
        return "[" + ", ".join(_text(item) for item in value) + "]"
    if isinstance(value, dict):
        return "{" + ", ".join(f'"{name}" = {_text(item)}' for name, item in value.items()) + "}"
    return f'"{value}"' if isinstance(value, str) else str(value)


def _span(value: timedelta) -> str:
    """The span in the largest unit that holds it whole.

    >>> _span(timedelta(hours=44)), _span(timedelta(days=90)), _span(timedelta())
    ('44h', '90D', '0D')
    """
    seconds = round(value.total_seconds())
    unit, size = next((unit, size) for unit, size in _UNITS.items() if seconds % size == 0)
    return f"{seconds // size}{unit}"
