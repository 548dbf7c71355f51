"""What purchase models take: numbers and histories that can be, and parameters that were fitted."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from cxml.errors import DataError, ModelError

Floats = NDArray[np.float64]


def check_parameters(model: Any) -> None:
    """ModelError when a parameter is no positive finite number."""
    for field in dataclasses.fields(model):
        value = getattr(model, field.name)
        if not (np.isfinite(value) and value > 0):
            raise ModelError(
                f"the parameter {field.name} is {value}",
                where=type(model).__name__,
                expected="a positive finite number",
                fix="fit the model, or pass parameters above 0",
            )


def checked_history(frequency: ArrayLike, recency: ArrayLike, T: ArrayLike) -> tuple[Floats, Floats, Floats]:
    """The three numbers of each customer as arrays of floats; DataError when they cannot be."""
    given = {"frequency": frequency, "recency": recency, "T": T}
    x, t_x, end = checked_numbers({name: numbers(name, raw) for name, raw in given.items()})
    for wrong, what in (
        (t_x > end, "a recency exceeds its T"),
        ((x == 0) & (t_x > 0), "a customer without a repeat purchase has a recency above 0"),
        ((x > 0) & (t_x == 0), "a customer with a repeat purchase has a recency of 0"),
    ):
        if wrong.any():
            raise _refused(what, int(np.argmax(wrong)), "repeat purchases only, the last at recency <= T")
    return x, t_x, end


def numbers(name: str, raw: ArrayLike) -> Floats:
    """An array of floats; DataError when something else is in it: text and dates are no numbers."""
    found = np.asarray(raw)
    try:
        if found.dtype.kind in "biufO":
            return found.astype(np.float64)
    except (TypeError, ValueError):
        pass
    raise DataError(
        f"{name} holds something that is no number",
        where="a purchase model",
        expected="numbers",
        fix="convert dates to a number of days first",
    )


def checked_numbers(columns: dict[str, Floats]) -> list[Floats]:
    """Columns of equal length, finite and not negative; DataError otherwise."""
    if len({column.shape for column in columns.values()}) > 1 or any(c.ndim != 1 for c in columns.values()):
        raise DataError(
            f"{', '.join(columns)} do not have one number a customer",
            where="a purchase model",
            expected="columns of one length",
            fix="take them from one table",
        )
    for name, column in columns.items():
        wrong = ~(np.isfinite(column) & (column >= 0))
        if wrong.any():
            raise _refused(f"{name} is missing, infinite or negative", int(np.argmax(wrong)), "0 or more")
    return list(columns.values())


def _refused(what: str, row: int, expected: str) -> DataError:
    return DataError(
        what,
        where=f"a purchase model, row {row} (counted from 0)",
        expected=expected,
        fix="fix or leave out the customer",
    )
