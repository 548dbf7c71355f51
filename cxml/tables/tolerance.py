"""How many rows that break a rule are stray rows, and what to say of more."""

from __future__ import annotations

from dataclasses import dataclass

_SMALL = 10
"""Rows from which on a table may lose one row to a rule, whatever its share."""
GROUP, _MOST = 20, 0.5
"""Of a file or a day with at least so many values, the share from which on bad ones are no stray rows."""


@dataclass(frozen=True)
class Refusal:
    """Why the rows that break a rule are not set aside: words behind what is wrong and behind how to fix it."""

    what: str = ""
    fix: str = ""


CROWDED = Refusal(" (most of what a file or a day holds: these are not stray rows)")


def most(share: float) -> float:
    """The share of a group of ``GROUP`` values or more above which bad ones are no stray rows."""
    return max(_MOST, share)


def too_large_a_share(table: str, count: int, *, given: int, rows: int, share: float) -> Refusal | None:
    """What to say where *count* of the *given* values are more than *share* of them; *rows* are those of the table."""
    if not share:
        return Refusal()
    if count <= max(share * given, 1 if rows >= _SMALL else 0):
        return None
    return Refusal(
        f" ({100 * count / given:.1f} % of those given; up to {100 * share:g} % are set aside)",
        f"; to set more of them aside, raise tolerate in [tables.{table}]",
    )
