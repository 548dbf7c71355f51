"""A purchase log as people have it, as one row a customer and day: what is bought, and what is given back."""

from __future__ import annotations

from datetime import date
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from cxml.errors import DataError, NotEnoughDataError
from cxml.models.purchase_checks import numbers

Floats = NDArray[np.float64]
_NAMES = (("customer", "customer_id"), ("day", "date"), ("amount",))
_EPOCH = pd.Timestamp("1970-01-01")
Day = float | str | date | pd.Timestamp
"""A day: its number, or a date."""


def log_of(purchases: pd.DataFrame, last_day: Day) -> pd.DataFrame:
    """The log as ``daily_purchases`` gives it, from a frame with ``customer_id`` or ``customer``, ``date`` or ``day``.

    Raises
    ------
    DataError
        A column is absent, a value is missing, or days are numbers and *last_day* is a date, or the other way round.
    NotEnoughDataError
        Nobody bought until *last_day*.
    """
    found = [next((name for name in names if name in purchases), None) for names in _NAMES]
    absent = [" or ".join(names) for names, name in zip(_NAMES, found, strict=True) if name is None]
    if absent:
        raise DataError(
            f"the log has no column {', '.join(absent)}",
            where="SpendForecast",
            expected="customer_id, date, amount",
            fix="rename the columns",
        )
    customer, day, amount = (purchases[name] for name in found)
    days = days_of(day)
    if (days is not day) != _is_date(last_day):
        raise DataError(
            "days of the log and last_day are of two kinds",
            where="SpendForecast",
            expected="both dates, or both numbers of days",
            fix="give last_day as the log gives its days",
        )
    return daily_purchases(customer, days, amount, number_of(last_day))


def days_of(day: pd.Series[Any]) -> Any:
    """Dates as numbers of days since 1970, by the clock that they are told in; numbers as they are."""
    if pd.api.types.is_numeric_dtype(day):
        return day
    try:
        read = pd.to_datetime(day)
    except (ValueError, TypeError):
        raise DataError(
            "a day is neither a number nor a date",
            where="SpendForecast",
            expected="dates such as 2025-03-01",
            fix="convert the column with pandas.to_datetime",
        ) from None
    return (read.dt.tz_localize(None).dt.normalize() - _EPOCH) / pd.Timedelta(days=1)


def number_of(day: Day) -> float:
    """The number of a day: days since 1970 of a date."""
    if not _is_date(day):
        return float(day)  # type: ignore[arg-type]
    return float((pd.Timestamp(day).tz_localize(None).normalize() - _EPOCH) / pd.Timedelta(days=1))


def _is_date(day: Any) -> bool:
    return isinstance(day, str | date | np.datetime64)


def daily_purchases(customer: ArrayLike, day: ArrayLike, amount: ArrayLike, last_day: float) -> pd.DataFrame:
    """One row per customer and day until *last_day*: customer, day, amount, bought.

    ``amount`` is what was spent less what was given back. ``bought`` is false on a day on which nothing is left of what
    was spent, or something was given back alone: it is no purchase, and its money is deducted. Customers who never
    bought have no row.

    Raises
    ------
    DataError
        Lengths differ, or a value is missing.
    NotEnoughDataError
        Nobody bought until *last_day*.
    """
    who, days, money = np.asarray(customer), np.floor(numbers("day", day)), numbers("amount", amount)
    if len({column.shape for column in (who, days, money)}) > 1 or who.ndim != 1:
        raise DataError(
            "customer, day and amount differ in length",
            where="PurchaseHistory",
            expected="one of each a row",
            fix="take them from one table",
        )
    if pd.isna(who).any() or not (np.isfinite(days).all() and np.isfinite(money).all()):
        raise DataError(
            "a customer, day or amount is missing",
            where="PurchaseHistory",
            expected="all three in every row",
            fix="correct or leave out the rows",
        )
    rows = pd.DataFrame({"customer": who, "day": days, "amount": money})
    rows = rows[rows["day"] <= last_day].assign(back=lambda r: r["amount"] < 0)
    rows = rows.sort_values(["customer", "day", "amount"])  # a sum's last bits hang on the order of adding
    daily = (
        rows.groupby(["customer", "day"], sort=True)
        .agg(amount=("amount", "sum"), back=("back", "any"))
        .reset_index()
    )
    daily["bought"] = (daily["amount"] > 0) | ~daily.pop("back")
    daily = daily[daily.groupby("customer")["bought"].transform("any")].reset_index(drop=True)
    if daily.empty:
        raise NotEnoughDataError(
            "nobody bought until last_day",
            where="PurchaseHistory",
            expected="purchases on it or before",
            fix="choose a later day",
        )
    return daily
