"""What a model expects of its columns: names, kinds and category levels.

A table becomes a float32 array by column *name*; order plays no part. Numbers stay numbers with NaN
for missing; a category becomes the position of its level in sorted order, NaN for missing and for
a level that training never saw. LightGBM gets that array alone, so no level reaches a model's text.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pandas.api import types as kinds

from cxml.errors import DataError, ModelError

Matrix = NDArray[np.float32]
MOST_LEVELS = 1000
_SHOWN = 12


@dataclass(frozen=True)
class Schema:
    """Names and kinds of a model's columns.

    Attributes
    ----------
    columns : tuple of str
        The columns in the order of the encoded array.
    levels : mapping of str to tuple of str
        The categories among them, each with its sorted levels.

    Examples
    --------
    >>> frame = pd.DataFrame({"wait_s_30d": [5, None], "plan_last": ["pro", "basic"]})
    >>> schema = Schema.learn(frame)
    >>> schema.encode(frame[["plan_last", "wait_s_30d"]]).tolist()
    [[5.0, 1.0], [nan, 0.0]]
    """

    columns: tuple[str, ...]
    levels: Mapping[str, tuple[str, ...]]

    @classmethod
    def learn(cls, frame: pd.DataFrame, columns: Sequence[str] | None = None) -> Schema:
        """The schema of *columns* (all when None) of a training table.

        Numbers and flags are numeric. Text, objects and pandas categories are categories; their
        levels are the texts that occur.

        Raises
        ------
        DataError
            A column is absent or twice there, is neither number nor text (dates, lists), or has
            more than 1,000 levels. All such columns are named at once.
        """
        names = [str(c) for c in (frame.columns if columns is None else columns)]
        wrong: list[str] = []
        levels: dict[str, tuple[str, ...]] = {}
        for name in names:
            count = list(frame.columns).count(name)
            if count != 1:
                wrong.append(f"{name} (is there {count} times)")
                continue
            kind = _kind(frame[name])
            if kind == "category":
                found = sorted({str(v) for v in frame[name].dropna().unique()})
                if len(found) > MOST_LEVELS:
                    wrong.append(f"{name} (has {len(found):,} different texts)")
                levels[name] = tuple(found)
            elif kind == "other":
                wrong.append(f"{name} (holds {frame[name].dtype})")
        if wrong or not names:
            raise DataError(
                f"{len(wrong)} columns cannot be learned from: {_list(wrong)}", where="training table",
                expected=f"numbers, flags, or text with at most {MOST_LEVELS:,} levels, each column once",
                fix="leave these columns out ([features] leave_out) or turn them into numbers",
            )  # fmt: skip
        return cls(tuple(names), levels)

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
                encoded[:, i] = _codes(column, self.levels[name])
            else:
                with np.errstate(over="ignore"):
                    encoded[:, i] = _numbers(column)
                count = int(np.isinf(encoded[:, i]).sum())
                if count:
                    infinite.append(f"{name} ({count:,} rows)")
        if infinite:
            raise ModelError(
                f"infinite numbers in {_list(infinite)}", where="table to score",
                expected="finite numbers below 3.4e38, or missing", fix="mend or empty these cells",
            )  # fmt: skip
        return encoded

    def unseen(self, frame: pd.DataFrame) -> dict[str, int]:
        """Rows per category whose level training never saw; categories without any are left out."""
        found = {}
        for name, levels in self.levels.items():
            known, counts = set(levels), frame[name].dropna().value_counts()
            strange = int(counts[[str(v) not in known for v in counts.index]].sum())
            if strange:
                found[name] = strange
        return found

    def to_dict(self) -> dict[str, Any]:
        """The schema as JSON values."""
        return {"columns": list(self.columns), "levels": {k: list(v) for k, v in self.levels.items()}}

    @classmethod
    def from_dict(cls, raw: Any) -> Schema:
        """The schema held by JSON values.

        Raises
        ------
        ModelError
            The values do not describe a schema.
        """
        columns, levels = (raw.get("columns"), raw.get("levels")) if isinstance(raw, dict) else (None, None)
        if (
            not isinstance(columns, list)
            or not isinstance(levels, dict)
            or not columns
            or not all(_texts(v) for v in (columns, *levels.values()))
            or len(set(columns)) < len(columns)
            or not set(levels) <= set(columns)
        ):
            raise ModelError("the schema is damaged", where="schema.json", expected="columns and levels of text",
                             fix="use a bundle that cxml wrote")  # fmt: skip
        return cls(tuple(columns), {k: tuple(v) for k, v in levels.items()})

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
            f"the table does not fit the model; {'; '.join(parts)}", where="table to score",
            expected=f"the {len(self.columns)} columns of training, by name",
            fix="build the features with the configuration that the model was trained with",
        )  # fmt: skip


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


def _codes(column: pd.Series[Any], levels: tuple[str, ...]) -> Matrix:
    codes, seen = pd.factorize(column)
    index = {level: float(i) for i, level in enumerate(levels)}
    table = np.array([index.get(str(v), np.nan) for v in seen] + [np.nan], dtype=np.float32)
    return table[codes]


def _texts(values: Any) -> bool:
    return isinstance(values, list) and all(isinstance(v, str) for v in values)


def _list(names: Sequence[str]) -> str:
    rest = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return ", ".join(names[:_SHOWN]) + rest
