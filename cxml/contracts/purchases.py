"""What a purchase is, and which rows of other tables came to nothing: one rule for all who count them.

A purchase is an order that

- was not cancelled, as far as was known at the instant looked from: at a cutoff, an order that is cancelled
  later still stands;
- brought money: an order of 0 (a sample, a replacement) and a credit note (below 0) are no purchases. The money
  of an order is its ``revenue``, or its ``margin`` where the table has no ``revenue``; an order whose money is
  missing counts;
- lies on a day, by the clock of the project's zone, on which the customer spent more than was given back: what
  was rung up and taken back on one day is no purchase.

The population, leaving, behaviour and the history of the value models all count purchases. What an order brings is
another matter (:mod:`cxml.config.value`): the money of a credit note is deducted from value.
"""

from __future__ import annotations

from collections.abc import Mapping

ORDERS, RETURNS = "orders", "returns"
_DAY = "floor(wall / 86400e0)"
_ACTIVITY = {ORDERS: "purchase", "charges": "not credit_note", "visits": "not given_up"}
"""Of a table, the word that makes a row activity of its customer; any row, where there is none."""


def money(present: frozenset[str]) -> str:
    """The column that says what an order brought; empty where none does."""
    return next((name for name in ("revenue", "margin") if name in present), "")


def kept(present: frozenset[str]) -> str:
    """Whether an order was not cancelled: a truth value over its columns.

    >>> kept(frozenset({"cancelled_at"})), kept(frozenset())
    ('cancelled_at is null', 'true')
    """
    return "cancelled_at is null" if "cancelled_at" in present else "true"


def words(table: str, present: frozenset[str], *, who: str = "g") -> Mapping[str, str]:
    """What can be said of a row beside its columns: names and SQL, each after those that it uses.

    Of orders, ``kept``: not cancelled; ``credit_note``: money below 0, nothing to deliver; ``day_spend``: the
    customer's money of its day, cancelled orders apart, missing where no money is known; ``purchase``. Of charges,
    ``credit_note``: an amount below 0. Of visits, ``given_up``: the customer cancelled it; ``called_off``: given up,
    or moved before the end of its window.

    Parameters
    ----------
    present : frozenset of str
        The columns at hand of the table.
    who : str
        The column that says whose rows, as known at one instant, make a day.
    """
    if table == ORDERS:
        return _of_orders(present, who)
    if table == "charges":
        return {"credit_note": _below_zero("amount" if "amount" in present else "")}
    if table == "visits":
        given_up = "coalesce(cancelled_by_customer, false)" if "cancelled_by_customer" in present else "false"
        moved = "coalesce(rescheduled_at <= window_end, false)"
        both = f"given_up or {moved}" if {"rescheduled_at", "window_end"} <= present else "given_up"
        return {"given_up": given_up, "called_off": both}
    return {}


def need(table: str, present: frozenset[str]) -> list[str]:
    """The columns that ``active`` reads, beside the row's ``wall``."""
    read = {
        ORDERS: ("cancelled_at", money(present)),
        "charges": ("amount",),
        "visits": ("cancelled_by_customer",),
    }
    return [name for name in read.get(table, ()) if name in present]


def active(table: str, present: frozenset[str], rows: str, *, who: str) -> str:
    """Those *rows* of a table that are activity of their customer.

    Purchases, of orders; a credit on a bill and a visit that the customer cancelled are no activity either.

    Parameters
    ----------
    rows : str
        A select with the columns of ``need``, ``wall`` and *who*: the rows as known at one instant.
    """
    if table not in _ACTIVITY:
        return rows
    for name, sql in words(table, frozenset(need(table, present)), who=who).items():
        rows = f"select *, {sql} as {name} from ({rows}) w"
    return f"select * from ({rows}) a where {_ACTIVITY[table]}"


def _of_orders(present: frozenset[str], who: str) -> Mapping[str, str]:
    own = money(present)
    spent = f"sum(case when kept then {own} end) over (partition by {who}, {_DAY})" if own else "null"
    return {
        "kept": kept(present),
        "credit_note": _below_zero(own),
        "day_spend": f"cast({spent} as decimal(38,4))",
        "purchase": f"kept and ({own} is null or {own} > 0 and day_spend > 0)" if own else "kept",
    }


def _below_zero(column: str) -> str:
    return f"coalesce({column} < 0, false)" if column else "false"
