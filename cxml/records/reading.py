"""Frozen dataclasses as JSON: one writer, any number of readers, and a door that says which key is not as written."""

from __future__ import annotations

import dataclasses
import json
import math
from collections.abc import Callable, Mapping
from datetime import datetime
from functools import cache
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, ClassVar, Literal, Self, Union, get_args, get_origin, get_type_hints

from cxml.errors import CxmlError, DataError

_FORMAT = "format"
_AGAIN = "make the file again with this version of cxml: train or score again"


class Record:
    """A frozen dataclass whose fields are JSON values, instants or other records.

    A field that is None by default is left out while it is None. A float that is not finite is written as null, and
    null is read into a float as NaN. What has a default may be missing; keys that the record does not know are
    passed over. A record that is a file of its own has a ``FORMAT``, which is written and has to fit.

    Examples
    --------
    >>> @dataclasses.dataclass(frozen=True)
    ... class Wait(Record):
    ...     seconds: float
    ...     channel: str | None = None
    >>> Wait(math.nan).to_json(), Wait.from_json({"seconds": 30}, where="wait.json")
    ({'seconds': None}, Wait(seconds=30.0, channel=None))
    """

    FORMAT: ClassVar[int] = 0

    def to_json(self) -> dict[str, object]:
        """The record as JSON values."""
        fields = dataclasses.fields(self)  # type: ignore[arg-type]  # a mixin of dataclasses
        told = {field.name: (getattr(self, field.name), field.default) for field in fields}
        found = {
            name: _written(value)
            for name, (value, default) in told.items()
            if value is not None or default is not None
        }
        return {_FORMAT: self.FORMAT, **found} if self.FORMAT else found

    @classmethod
    def from_json(
        cls, value: object, *, where: str, error: type[CxmlError] = DataError, fix: str = _AGAIN
    ) -> Self:
        """The record that ``to_json`` gave.

        Parameters
        ----------
        value : object
            JSON values, as ``json.loads`` gives them.
        where : str
            The file, for the error.
        error : type of CxmlError
            What is raised.
        fix : str
            What the user can do about it.

        Raises
        ------
        error
            A key is missing or holds something else, or another version of cxml wrote it. It names the key and never
            shows the value.
        """
        try:
            made: Self = _record(cls, value, "")
            return made
        except _UnfitError as unfit:
            raise error(unfit.what, where=where, expected=unfit.expected, fix=fix) from None

    @classmethod
    def from_file(cls, path: Path, *, error: type[CxmlError] = DataError, fix: str = _AGAIN) -> Self:
        """The record in the JSON file *path*.

        Raises
        ------
        error
            The file cannot be read or is no JSON, or as ``from_json``.
        """
        try:
            value = json.loads(path.read_text(encoding="utf-8"), parse_constant=_no_constant)
        except (OSError, ValueError, RecursionError):
            raise error(
                f"{path.name} is missing or damaged", where=str(path), expected="a JSON file", fix=fix
            ) from None
        return cls.from_json(value, where=str(path), error=error, fix=fix)


class _UnfitError(Exception):
    """A value that is not as the record says: where, and what was expected."""

    def __init__(self, at: str, is_: str, expected: str) -> None:
        super().__init__(at)
        self.what, self.expected = f"{at or 'the content'} is {is_}", expected


def _no_constant(text: str) -> float:
    """JSON has no NaN and no infinity."""
    raise ValueError(text)


def _written(value: object) -> object:
    match value:
        case Record():
            return value.to_json()
        case Mapping():
            return {str(name): _written(part) for name, part in value.items()}
        case tuple() if hasattr(value, "_asdict"):
            return _written(value._asdict())
        case list() | tuple():
            return [_written(part) for part in value]
        case datetime():
            return value.isoformat()
        case float() if not math.isfinite(value):
            return None
        case _:
            return value


def _read(kind: Any, value: object, at: str) -> Any:
    """*value* as the type *kind*; *at* is its path of keys."""
    origin, args = get_origin(kind), get_args(kind)
    if kind is object:
        return value
    if origin in (Union, UnionType):
        return None if value is None else _read(next(a for a in args if a is not NoneType), value, at)
    if origin is Literal:
        if value not in args:
            raise _UnfitError(at, "something else", f"one of {', '.join(map(repr, args))}")
        return value
    if origin is tuple:
        return _tuple(args, value, at)
    if origin is Mapping:
        items = _mapping(value, at).items()
        return {name: _read(args[1], part, f"{at}.{name}" if at else name) for name, part in items}
    if dataclasses.is_dataclass(kind) or hasattr(kind, "_fields"):
        return _record(kind, value, at)
    return _scalar(kind, value, at)


def _scalar(kind: Any, value: object, at: str) -> object:
    if kind is float and value is None:
        return math.nan
    fits, expected, make = _SCALARS[kind]
    if not fits(value):
        raise _UnfitError(at, _said(value), expected)
    try:
        return make(value)
    except ValueError:
        raise _UnfitError(at, "something else", expected) from None


def _tuple(args: tuple[Any, ...], value: object, at: str) -> tuple[Any, ...]:
    if not isinstance(value, list | tuple):
        raise _UnfitError(at, _said(value), "a list")
    kinds = [args[0]] * len(value) if args[-1] is Ellipsis else list(args)
    if len(kinds) != len(value):
        raise _UnfitError(at, f"a list of {len(value)}", f"a list of {len(kinds)}")
    return tuple(
        _read(kind, part, f"{at}[{k}]") for k, (kind, part) in enumerate(zip(kinds, value, strict=True))
    )


def _record(kind: Any, value: object, at: str) -> Any:
    given, hints = _mapping(value, at), _hints(kind)
    if (wanted := getattr(kind, "FORMAT", 0)) and given.get(_FORMAT) != wanted:
        raise _UnfitError(
            f"{at}.{_FORMAT}".lstrip("."),
            "missing or another one",
            f"{wanted}, as this version of cxml writes",
        )
    found = {}
    for name, (hint, needed) in hints.items():
        here = f"{at}.{name}" if at else name
        if name in given:
            found[name] = _read(hint, given[name], here)
        elif needed:
            raise _UnfitError(here, "missing", "a key of that name")
    return kind(**found)


@cache
def _hints(kind: Any) -> dict[str, tuple[Any, bool]]:
    """The type of each field, and whether it has to be there."""
    hints = get_type_hints(kind)
    if not dataclasses.is_dataclass(kind):  # a NamedTuple
        return {name: (hint, True) for name, hint in hints.items()}
    nothing = dataclasses.MISSING
    return {
        field.name: (hints[field.name], field.default is nothing and field.default_factory is nothing)
        for field in dataclasses.fields(kind)
    }


def _mapping(value: object, at: str) -> Mapping[str, object]:
    if not isinstance(value, Mapping):
        raise _UnfitError(at, _said(value), "a table of keys")
    return value


def _said(value: object) -> str:
    """What kind of value it is; the value itself is never shown."""
    if value is None:
        return "empty"
    for kind, name in ((bool, "yes or no"), (str, "a text"), (list, "a list"), (Mapping, "a table of keys")):
        if isinstance(value, kind):
            return name
    return "a number"


def _number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


_SCALARS: dict[Any, tuple[Callable[[object], bool], str, Callable[[Any], object]]] = {
    str: (lambda value: isinstance(value, str), "a text", str),
    bool: (lambda value: isinstance(value, bool), "true or false", bool),
    int: (lambda value: _number(value) and value == int(value), "a whole number", int),  # type: ignore[call-overload]
    float: (_number, "a number", float),
    datetime: (lambda value: isinstance(value, str), "an instant in ISO 8601", datetime.fromisoformat),
}
