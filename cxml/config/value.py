"""What a customer brings: one row expression that serves the target and the history features.

Money is net: an order that was cancelled brings nothing, the money of a credit note is deducted, and so is what the
table of returns gave back, where it is a value source. Each counts at its own row, by what was known at the instant
looked from: a refund counts on the day on which the return was asked for, once it was paid.
"""

from __future__ import annotations

from cxml.config.sections import ValueSource
from cxml.contracts.purchases import RETURNS, kept


def amount(source: ValueSource, present: frozenset[str]) -> str:
    """Margin of one row of a value source; a row that was cancelled brings nothing, a return takes its refund back.

    Exact for every amount of the contract, with room to add up a fleet of them.

    >>> amount(ValueSource(table="charges", column="amount", share=0.6), frozenset({"amount"}))
    'cast(amount as decimal(28,4)) * cast(0.6 as decimal(10,6))'
    >>> amount(ValueSource(table="returns", column="refund"), frozenset({"refund"}))
    '-cast(refund as decimal(28,4))'
    """
    money = f"cast({source.column} as decimal(28,4))"
    money = money if source.share == 1 else f"{money} * cast({source.share} as decimal(10,6))"
    money = f"-{money}" if source.table == RETURNS else money
    return f"case when {kept(present)} then {money} else 0 end" if "cancelled_at" in present else money


def columns(source: ValueSource, present: frozenset[str]) -> list[str]:
    """The columns that ``amount`` reads."""
    return [source.column, *(["cancelled_at"] if "cancelled_at" in present else [])]
