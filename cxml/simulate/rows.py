"""Rows as columns of numbers, and the one place where they become the tables of the contract.

While a company is simulated a table is a dict of NumPy arrays of one length: instants are whole
seconds since 1970 (``NEVER`` when they do not come), ids and customers are row numbers, texts are
codes into a list of words. A code, id, flag or count of -1 and a number of NaN mean "none".
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from cxml.contracts import MADE_INSTANTS, TABLES, Column

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
SmallArray = NDArray[np.int8]
BoolArray = NDArray[np.bool_]
Rows = dict[str, NDArray[Any]]

DAY = 86_400
NEVER = 1 << 60
"""An instant (seconds) that does not come; far enough from the end of int64 to add a delay to it."""

_PREFIX = {
    "customer_id": "C",
    "referred_by": "C",
    "interaction_id": "I",
    "issue_id": "P",
    "agent_id": "A",
    "recovery_id": "G",
    "order_id": "O",
    "return_id": "R",
    "charge_id": "B",
    "visit_id": "V",
    "subscription_id": "S",
    "survey_id": "Q",
    "session_id": "D",
    "message_id": "M",
    "post_id": "T",
}
_WIDTH = 8
_TYPES = {"number": pa.float64(), "money": pa.float64(), "count": pa.int32(), "flag": pa.bool_()}


def take(rows: Rows, chosen: NDArray[Any]) -> Rows:
    """The *chosen* rows: a mask, or row numbers."""
    places = np.flatnonzero(chosen) if chosen.dtype == bool else chosen
    return {name: values[places] for name, values in rows.items()}


def joined(parts: Sequence[Rows]) -> Rows:
    """All rows of *parts*, one after the other; what a part does not have is "none" there."""
    like = {name: values.dtype for part in parts for name, values in part.items()}
    sizes = [len(next(iter(part.values()))) for part in parts]
    return {
        name: np.concatenate(
            [
                part[name] if name in part else np.full(size, _none(name, kind), dtype=kind)
                for part, size in zip(parts, sizes, strict=True)
            ]
        )
        for name, kind in like.items()
    }


def _none(name: str, kind: np.dtype[Any]) -> float:
    if kind.kind == "f":
        return float("nan")
    return NEVER if name.endswith("_at") else -1


def by_time(rows: Rows, event: str) -> Rows:
    """The rows in the order of their instant *event*; equal instants keep their order."""
    return take(rows, np.argsort(rows[event], kind="stable"))


def numbered(rows: Rows, column: str) -> Rows:
    """The rows with their place as the id in *column*."""
    return {column: np.arange(len(next(iter(rows.values())))), **rows}


def place_in_time(who: IntArray, at: IntArray) -> IntArray:
    """One number for each row that orders by customer, then time."""
    return (who << 34) + at


def flag(condition: NDArray[Any]) -> SmallArray:
    """1 where *condition* holds, else 0."""
    return np.asarray(condition, dtype=np.int8)


def codes(rng: np.random.Generator, size: int, shares: Sequence[float] | FloatArray) -> SmallArray:
    """*size* codes, drawn with the probabilities *shares*, which need not add up to one."""
    upto = np.cumsum(shares) / np.sum(shares)
    return np.searchsorted(upto, rng.random(size), side="right").clip(0, len(upto) - 1).astype(np.int8)


def days_s(days: FloatArray) -> IntArray:
    """Days as whole seconds."""
    return np.asarray(np.floor(days * DAY), dtype=np.int64)


def ids(column: str, numbers: IntArray) -> pa.Array:
    """Ids as text: a letter for the table, then the number with leading zeros; null for -1.

    >>> ids("customer_id", np.array([7, -1])).to_pylist()
    ['C00000007', None]
    """
    digits = pc.utf8_lpad(pc.cast(pa.array(numbers), pa.string()), _WIDTH, "0")
    text = pc.binary_join_element_wise(_PREFIX[column], digits, "")
    return pc.if_else(pa.array(numbers >= 0), text, pa.scalar(None, pa.string()))


def instants(seconds: IntArray, end: int = NEVER) -> pa.Array:
    """Instants in UTC at microseconds; null from *end* on."""
    late = seconds >= end
    micros = np.where(late, 0, seconds) * 1_000_000
    return pa.array(micros, mask=late).cast(pa.timestamp("us", tz="UTC"))


def arrow_table(name: str, rows: Rows, words: Mapping[str, tuple[str, ...]], end: int) -> pa.Table:
    """The rows as the contract's table *name*, as extracted at *end*.

    Parameters
    ----------
    name : str
        A table of ``contracts.TABLES``.
    rows : Rows
        Columns by their names in the contract; ``customer_id`` holds row numbers of customers.
    words : mapping
        For each text column that is not an id, what its codes stand for.
    end : int
        Seconds since 1970. An instant that comes at *end* or later, and a value known from such an
        instant only, is null: nobody knew it when the tables were extracted.
    """
    table = TABLES[name]
    columns = {
        column.name: _column(column, rows, words.get(column.name), end)
        for column in table.columns
        if column.name in rows
    }
    return pa.table(columns)


def _column(column: Column, rows: Rows, words: tuple[str, ...] | None, end: int) -> pa.Array:
    values = rows[column.name]
    if column.kind == "instant":
        return instants(values, end if column.known else NEVER)
    known = "ended_at" if column.known in MADE_INSTANTS else column.known
    hidden = rows[known] >= end if known else np.zeros(len(values), dtype=bool)
    if column.kind == "text":
        numbers = np.where(hidden, -1, values)
        if words is None:
            return ids(column.name, numbers)
        return pa.array(words, pa.string()).take(pa.array(numbers, mask=numbers < 0))
    missing = np.isnan(values) if values.dtype.kind == "f" else values < 0
    clean = np.where(hidden | missing, 0, values)
    return pa.array(clean, mask=hidden | missing).cast(_TYPES[column.kind])
