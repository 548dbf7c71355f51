"""What a model expects of its columns: names, kinds and category levels.

A table becomes a float32 array by column *name*; order plays no part. Numbers stay numbers with NaN
for missing; a category becomes the position of its level in sorted order, NaN for missing and for
a level that training never saw. Of a category with very many levels the frequent ones are kept, and all
others are one more level. LightGBM gets that array alone, so no level reaches a model's text.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pandas.api import types as kinds

from cxml.errors import DataError, ModelError

Matrix = NDArray[np.float32]
MOST_LEVELS = 1000
"""Levels that a category keeps; one with more is *grouped*."""
MANY_LEVELS = 100
"""A category with more levels is grouped where they have fewer than ``LEAST_ROWS`` rows on average."""
LEAST_ROWS = 20
"""Rows that a level of a grouped category needs to be kept: nothing can be learned from fewer, and a value that
one customer has, such as a name, never becomes part of a model."""
_SHOWN = 12


@dataclass(frozen=True)
class Strange:
    """Rows by category whose text is not as training knew it; counts of several tables add up.

    Attributes
    ----------
    unseen : Counter of str
        Of no level that training saw: missing.
    respelt : Counter of str
        Like one level but for case, spaces around it or a ".0" behind a whole number: taken as that level.
    rare : Counter of str
        Of no level that a grouped category keeps: "other".
    """

    unseen: Counter[str] = field(default_factory=Counter)
    respelt: Counter[str] = field(default_factory=Counter)
    rare: Counter[str] = field(default_factory=Counter)

    def __add__(self, more: Strange) -> Strange:
        return Strange(self.unseen + more.unseen, self.respelt + more.respelt, self.rare + more.rare)


@dataclass(frozen=True)
class Schema:
    """Names and kinds of a model's columns.

    Attributes
    ----------
    columns : tuple of str
        The columns in the order of the encoded array.
    levels : mapping of str to tuple of str
        The categories among them, each with its sorted levels.
    grouped : mapping of str to float
        Categories that had too many levels, with the share of the training rows whose level was not kept.
        Those rows, and later rows with any other unknown level, are one level, "other", after the last of ``levels``.

    Examples
    --------
    >>> frame = pd.DataFrame({"wait_s_30d": [5, None], "plan_last": ["pro", "basic"]})
    >>> schema = Schema.learn(frame)
    >>> schema.encode(frame[["plan_last", "wait_s_30d"]]).tolist()
    [[5.0, 1.0], [nan, 0.0]]
    """

    columns: tuple[str, ...]
    levels: Mapping[str, tuple[str, ...]]
    grouped: Mapping[str, float] = field(default_factory=dict)

    @classmethod
    def learn(cls, frame: pd.DataFrame, columns: Sequence[str] | None = None) -> Schema:
        """The schema of *columns* (all when None) of a training table.

        Numbers and flags are numeric. Text, objects and pandas categories are categories; their
        levels are the texts that occur. Of more than 1,000 levels, or more than 100 with fewer than 20 rows on
        average, the most frequent 1,000 are kept, as far as each has 20 rows.

        Raises
        ------
        DataError
            A column is absent or twice there, or is neither number nor text (dates, lists). All such
            columns are named at once.
        """
        names = [str(c) for c in (frame.columns if columns is None else columns)]
        wrong: list[str] = []
        levels: dict[str, tuple[str, ...]] = {}
        grouped: dict[str, float] = {}
        for name in names:
            count = list(frame.columns).count(name)
            if count != 1:
                wrong.append(f"{name} (is there {count} times)")
                continue
            kind = _kind(frame[name])
            if kind == "category":
                counts = _counted(frame[name])
                levels[name] = tuple(sorted(counts))
                if _too_many(counts):
                    levels[name] = _frequent(counts)
                    places = _Places(levels[name])
                    grouped[name] = sum(n for text, n in counts.items() if places.of(text) is None) / len(
                        frame
                    )
            elif kind == "other":
                wrong.append(f"{name} (holds {frame[name].dtype})")
        if wrong or not names:
            raise DataError(
                f"{len(wrong)} columns cannot be learned from: {_list(wrong)}",
                where="training table",
                expected="numbers, flags or text, each column once",
                fix="leave these columns out ([features] leave_out) or turn them into numbers",
            )
        return cls(tuple(names), levels, grouped)

    @property
    def categorical(self) -> tuple[int, ...]:
        """Positions of the categories in the encoded array."""
        return tuple(i for i, name in enumerate(self.columns) if name in self.levels)

    def encode(self, frame: pd.DataFrame) -> Matrix:
        """The table as a float32 array of shape (rows, columns).

        Columns that the model does not know are ignored. Whole numbers, floats, flags and their
        nullable kinds are all numbers; a column without any value fits every kind.

        Raises
        ------
        ModelError
            A column is missing, is there twice, holds text where numbers belong (or the other
            way), or holds an infinite number. All differences are named at once.
        """
        self._compare(frame)
        encoded = np.empty((len(frame), len(self.columns)), dtype=np.float32)
        infinite: list[str] = []
        for i, name in enumerate(self.columns):
            column = frame[name]
            if name in self.levels:
                encoded[:, i] = _codes(column, self.levels[name], name in self.grouped)
            else:
                with np.errstate(over="ignore"):
                    encoded[:, i] = _numbers(column)
                count = int(np.isinf(encoded[:, i]).sum())
                if count:
                    infinite.append(f"{name} ({count:,} rows)")
        if infinite:
            raise ModelError(
                f"infinite numbers in {_list(infinite)}",
                where="table to score",
                expected="finite numbers below 3.4e38, or missing",
                fix="fix or empty these cells",
            )
        return encoded

    def coded(self, frame: pd.DataFrame, columns: Collection[str]) -> pd.DataFrame:
        """The table with the texts of *columns* as the places of their levels, missing where they are unknown.

        Examples
        --------
        >>> frame = pd.DataFrame({"wait": [5.0, 7.0], "plan": ["pro", "basic"]})
        >>> Schema.learn(frame).coded(frame, ["plan"]).to_numpy().tolist()
        [[5.0, 1.0], [7.0, 0.0]]
        """
        codes = {name: _codes(frame[name], self.levels[name], name in self.grouped) for name in columns}
        return frame.assign(**codes)

    def strange(self, frame: pd.DataFrame) -> Strange:
        """How many rows hold texts that are not as training knew them."""
        found = Strange()
        for name, levels in self.levels.items():
            places = _Places(levels)
            for text, rows in _counted(frame[name]).items():
                place = places.of(text)
                if place is None:
                    (found.rare if name in self.grouped else found.unseen)[name] += rows
                elif levels[place] != text:
                    found.respelt[name] += rows
        return found

    def to_dict(self) -> dict[str, Any]:
        """The schema as JSON values."""
        levels = {name: list(found) for name, found in self.levels.items()}
        plain = {"columns": list(self.columns), "levels": levels}
        return plain | ({"grouped": dict(self.grouped)} if self.grouped else {})

    @classmethod
    def from_dict(cls, raw: Any) -> Schema:
        """The schema held by JSON values.

        Raises
        ------
        ModelError
            The values do not describe a schema.
        """
        plain = raw if isinstance(raw, dict) else {}
        columns, levels, grouped = plain.get("columns"), plain.get("levels"), plain.get("grouped", {})
        if (
            not isinstance(columns, list)
            or not isinstance(levels, dict)
            or not isinstance(grouped, dict)
            or not columns
            or not all(_texts(v) for v in (columns, *levels.values()))
            or len(set(columns)) < len(columns)
            or not set(levels) <= set(columns)
            or not set(grouped) <= set(levels)
            or not all(isinstance(v, float) and 0 <= v <= 1 for v in grouped.values())
        ):
            raise ModelError(
                "the schema is damaged",
                where="schema.json",
                expected="columns and levels of text",
                fix="use a bundle that cxml wrote",
            )
        return cls(tuple(columns), {k: tuple(v) for k, v in levels.items()}, grouped)

    def _compare(self, frame: pd.DataFrame) -> None:
        """Raise with every difference between *frame* and the schema."""
        there = list(frame.columns)
        counts = {name: there.count(name) for name in self.columns}
        missing = [n for n, c in counts.items() if c == 0]
        wrong = [f"{n} (is there {c} times)" for n, c in counts.items() if c > 1]
        for name in (n for n, c in counts.items() if c == 1):
            kind, expected = _kind(frame[name]), "category" if name in self.levels else "number"
            if kind != expected and not frame[name].isna().all():
                wrong.append(f"{name} (holds {frame[name].dtype}, expected {_WORDS[expected]})")
        if not missing and not wrong:
            return
        parts = [f"missing: {_list(missing)}"] if missing else []
        parts += [f"different: {_list(wrong)}"] if wrong else []
        raise ModelError(
            f"the table does not fit the model; {'; '.join(parts)}",
            where="table to score",
            expected=f"the {len(self.columns)} columns of training, by name",
            fix="build the features with the configuration that the model was trained with",
        )


_POINT_ZERO = re.compile(r"^(-?\d+)\.0+$")
_WORDS = {"number": "numbers", "category": "text"}


def _kind(column: pd.Series[Any]) -> str:
    """``number``, ``category`` or ``other``."""
    dtype = column.dtype
    if kinds.is_object_dtype(dtype):
        return _kind_of_objects(column.dropna())
    if isinstance(dtype, pd.CategoricalDtype) or kinds.is_string_dtype(dtype):
        return "category"
    if kinds.is_bool_dtype(dtype) or (kinds.is_numeric_dtype(dtype) and not kinds.is_complex_dtype(dtype)):
        return "number"
    return "other"


def _kind_of_objects(values: pd.Series[Any]) -> str:
    inferred = kinds.infer_dtype(values, skipna=True)
    if inferred in ("integer", "floating", "mixed-integer-float", "boolean", "decimal"):
        return "number"
    return "category" if inferred in ("string", "empty") else "other"


def _numbers(column: pd.Series[Any]) -> NDArray[np.float64] | Matrix:
    if column.dtype in (np.dtype(np.float32), np.dtype(np.float64)):
        return column.to_numpy()
    if kinds.is_object_dtype(column.dtype) or _kind(column) != "number":
        column = pd.to_numeric(column, errors="coerce")
    return column.to_numpy(dtype=np.float64, na_value=np.nan)


class _Places:
    """Where the levels of a category stand, also for a text that is spelt a little otherwise."""

    def __init__(self, levels: Sequence[str]) -> None:
        self._exact = {level: i for i, level in enumerate(levels)}
        spellings = Counter(map(_plain, levels))
        self._alike = {_plain(level): i for i, level in enumerate(levels) if spellings[_plain(level)] == 1}

    def of(self, text: str) -> int | None:
        """The position of the level that *text* is, else of the only one that it is like; None where there is none."""
        place = self._exact.get(text)
        return self._alike.get(_plain(text)) if place is None else place


def _plain(text: str) -> str:
    """A text without its case, the spaces around it, and what a float adds to a whole number.

    >>> [_plain(text) for text in ("Flex ", "100.0", "v1.0", "01")]
    ['flex', '100', 'v1.0', '01']
    """
    return _POINT_ZERO.sub(r"\1", text.strip().casefold())


def _counted(column: pd.Series[Any]) -> Counter[str]:
    """How many rows have each text."""
    counts: Counter[str] = Counter()
    for value, rows in column.value_counts().items():
        if rows:
            counts[str(value)] += int(rows)
    return counts


def _too_many(counts: Counter[str]) -> bool:
    """Whether a category has more levels than can be learned from."""
    return len(counts) > MOST_LEVELS or MANY_LEVELS < len(counts) > counts.total() / LEAST_ROWS


def _frequent(counts: Counter[str]) -> tuple[str, ...]:
    """The levels that a grouped category keeps, sorted."""
    order = sorted(counts, key=lambda text: (-counts[text], text))[:MOST_LEVELS]
    return tuple(sorted(text for text in order if counts[text] >= LEAST_ROWS))


def _codes(column: pd.Series[Any], levels: tuple[str, ...], grouped: bool) -> Matrix:
    codes, seen = pd.factorize(column)
    places, other = _Places(levels), float(len(levels)) if grouped else np.nan
    found = [places.of(str(value)) for value in seen]
    table = np.array([*(other if place is None else place for place in found), np.nan], dtype=np.float32)
    return table[codes]


def _texts(values: Any) -> bool:
    return isinstance(values, list) and all(isinstance(v, str) for v in values)


def _list(names: Sequence[str]) -> str:
    rest = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return ", ".join(names[:_SHOWN]) + rest
