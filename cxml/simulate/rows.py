"""Rows as columns of numbers, and the one place where they become the tables of the contract.

While a company is simulated a table is a dict of NumPy arrays of one length: instants are whole
seconds since 1970 (``NEVER`` when they do not come), ids and customers are row numbers, texts are
codes into a list of words. A code, id, flag or count of -1 and a number of NaN mean "none".
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from cxml.contracts import CONTACT_END, TABLES, Column

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
BoolArray = NDArray[np.bool_]
Rows = dict[str, NDArray[Any]]

DAY = 86_400
NEVER = 1 << 60
"""An instant (seconds) that does not come; far enough from the end of int64 to add a delay to it."""

_PREFIX = {
    "customer_id": "C", "interaction_id": "I", "issue_id": "P", "agent_id": "A", "recovery_id": "G",
    "order_id": "O", "return_id": "R", "charge_id": "B", "subscription_id": "S", "survey_id": "Q",
    "message_id": "M",
}  # fmt: skip
_WIDTH = 8
_TYPES = {"number": pa.float64(), "money": pa.float64(), "count": pa.int32(), "flag": pa.bool_()}


def take(rows: Rows, chosen: NDArray[Any]) -> Rows:
    """The *chosen* rows: a mask, or row numbers."""
    return {name: values[chosen] for name, values in rows.items()}


def joined(parts: list[Rows]) -> Rows:
    """All rows of *parts*, one after the other; all have the same columns."""
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


def by_time(rows: Rows, event: str) -> Rows:
    """The rows in the order of their instant *event*; equal instants keep their order."""
    return take(rows, np.argsort(rows[event], kind="stable"))


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
    known = "ended_at" if column.known == CONTACT_END else column.known
    hidden = rows[known] >= end if known else np.zeros(len(values), dtype=bool)
    if column.kind == "text":
        codes = np.where(hidden, -1, values)
        if words is None:
            return ids(column.name, codes)
        return pa.array(words, pa.string()).take(pa.array(codes, mask=codes < 0))
    missing = np.isnan(values) if values.dtype.kind == "f" else values < 0
    clean = np.where(hidden | missing, 0, values)
    return pa.array(clean, mask=hidden | missing).cast(_TYPES[column.kind])
