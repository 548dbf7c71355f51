"""What a customer brings: one row expression that serves the target and the history features."""

from __future__ import annotations

from cxml.sections import ValueSource


def amount(source: ValueSource, present: frozenset[str]) -> str:
    """Margin of one row of a value source; a row that was cancelled brings nothing.

    >>> amount(ValueSource(table="charges", column="amount", share=0.6), frozenset({"amount"}))
    'amount * cast(0.6 as decimal(9,6))'
    """
    money = source.column if source.share == 1 else f"{source.column} * cast({source.share} as decimal(9,6))"
    return f"case when cancelled_at is null then {money} else 0 end" if "cancelled_at" in present else money


def columns(source: ValueSource, present: frozenset[str]) -> list[str]:
    """The columns that ``amount`` reads."""
    return [source.column, *(["cancelled_at"] if "cancelled_at" in present else [])]
