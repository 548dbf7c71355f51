"""How one value of cxml.toml is read: its kind, its bounds, and what is refused."""

from __future__ import annotations

import dataclasses
import types
import typing
from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Any, Literal, TypeVar
from zoneinfo import ZoneInfo

from cxml.config.sections import (
    Within,
)
from cxml.config.time_spans import duration
from cxml.errors import ConfigError, did_you_mean

S = TypeVar("S")


def refuse_unknown(raw: Any, names: Any, where: str) -> None:
    """Refuse keys that there are not, and name the nearest."""
    if not isinstance(raw, Mapping):
        raise ConfigError(
            "a section was expected, not a value", where=where, fix=f"write it as a section {where}"
        )
    for key in raw:
        if key not in names:
            raise ConfigError(
                f"unknown key {key!r}",
                where=where,
                expected=f"one of {', '.join(sorted(names))}",
                fix=did_you_mean(key, names),
            )


def read_section(cls: type[S], raw: Any, where: str, zone: ZoneInfo) -> S:
    """*raw* as the dataclass *cls*, every value checked against the type of its field."""
    fields = {f.name: f for f in dataclasses.fields(cls)}  # type: ignore[arg-type]
    refuse_unknown(raw, fields, where)
    hints = typing.get_type_hints(cls)
    missing = [
        n
        for n, f in fields.items()
        if n not in raw and f.default is dataclasses.MISSING and f.default_factory is dataclasses.MISSING
    ]
    if missing:
        raise ConfigError(
            f"the key {missing[0]!r} is missing",
            where=where,
            expected=str(fields[missing[0]].metadata["says"]),
            fix=f"add {missing[0]} = ...",
        )
    found = {n: _value(hints[n], raw[n], f"{where} {n}", zone) for n in raw}
    for name, value in found.items():
        _inside(value, fields[name], f"{where} {name}")
    return cls(**found)


def _inside(value: Any, key: dataclasses.Field[Any], where: str) -> None:
    """Refuse a value, or a value of a table, outside of what its key takes."""
    within: Within | None = key.metadata["within"]
    named = value if isinstance(value, Mapping) else {"": value}
    for name, one in named.items():
        if within and not within.holds(one):
            span = isinstance(one, timedelta)
            raise ConfigError(
                "this value cannot be used",
                where=f"{where}.{name}".rstrip("."),
                expected=f"a time span {within}" if span else str(within),
                fix="write for example '5min'" if span else f"write for example {key.default}",
            )


def _value(kind: Any, raw: Any, where: str, zone: ZoneInfo) -> Any:
    origin, args = typing.get_origin(kind), typing.get_args(kind)
    if origin is tuple:
        if not isinstance(raw, list):
            raise _wrong(raw, where, "a list")
        return tuple(_value(args[0], item, where, zone) for item in raw)
    if origin is Literal:
        if raw not in args:
            raise ConfigError(
                f"{raw!r} is not known",
                where=where,
                expected=f"one of {', '.join(args)}",
                fix=did_you_mean(str(raw), args),
            )
        return raw
    if isinstance(origin, type) and issubclass(origin, Mapping):
        either = typing.get_args(args[1]) if isinstance(args[1], types.UnionType) else ()
        named = args[1] is str or typing.get_origin(args[1]) is Literal
        held = either or (str if named or not typing.get_origin(args[1]) else dict)
        if not isinstance(raw, Mapping) or not all(isinstance(v, held) for v in raw.values()):
            of = "tables by column" if held is dict else "names" if args[1] is str else "time spans"
            raise _wrong(
                raw, where, "a table of texts, numbers, true or false" if either else f"a table of {of}"
            )
        return (
            dict(raw)
            if either
            else {key: _value(args[1], item, f"{where}.{key}", zone) for key, item in raw.items()}
        )
    if dataclasses.is_dataclass(kind) and isinstance(kind, type):
        return read_section(kind, raw, where, zone)
    if kind is datetime:
        return read_instant(raw, zone, where)
    if kind is timedelta:
        if not isinstance(raw, str):
            raise _wrong(raw, where, "a time span in quotes, such as '90D'")
        return duration(raw, where)
    return plain_value(kind, raw, where)


_KINDS: dict[type, str] = {
    str: "a text",
    int: "a whole number",
    float: "a number",
    bool: "true or false",
    list: "a list",
    dict: "a table",
}


def plain_value(kind: Any, raw: Any, where: str) -> Any:
    """A value that is a text, a number or a truth value, as its kind."""
    if kind is float and isinstance(raw, int) and not isinstance(raw, bool):
        return float(raw)
    if not isinstance(raw, kind) or (isinstance(raw, bool) and kind is not bool):
        raise _wrong(raw, where, _KINDS[kind])
    return raw


def _wrong(raw: Any, where: str, expected: str) -> ConfigError:
    return ConfigError(
        f"{_KINDS.get(type(raw), 'a time')} stands where another type belongs",
        where=where,
        expected=expected,
        fix=f"write {expected}",
    )


def read_instant(raw: Any, zone: ZoneInfo, where: str) -> datetime:
    """An instant of the file: with its own zone, or by the clock of the zone of the project."""
    try:
        if isinstance(raw, str):
            raw = datetime.fromisoformat(raw)
        if isinstance(raw, date) and not isinstance(raw, datetime):
            raw = datetime(raw.year, raw.month, raw.day)
        local = raw if raw.tzinfo else raw.replace(tzinfo=zone)
        instant: datetime = local.astimezone(UTC)
    except (ValueError, AttributeError, OverflowError) as error:
        raise ConfigError(
            "this is not an instant",
            where=where,
            expected="a date or a time in ISO form",
            fix="write for example '2026-01-01' or '2026-01-01T00:00:00+09:00'",
        ) from error
    if instant.microsecond:
        raise ConfigError("an instant must be a whole second", where=where, fix="drop the fraction")
    return instant
