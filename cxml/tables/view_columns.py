"""The columns of a table's view beside those of its contract: what the source tells of a row apart from its values."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from cxml.contracts import Table

DAY_ONLY = "day_only"
"""Whether the event of a row is a day without a time. Features say it by this name too."""

PLACE = "cxml_order"
"""The place of a row in its source, by file and line; only where rows have versions."""


def day_only(instant: str) -> str:
    """The column that says whether *instant* is a day without a time."""
    return f"{DAY_ONLY}_{instant}"


def days(table: Table, present: Collection[str]) -> Mapping[str, str]:
    """The columns that tell days from times -> the instant that each is about, for a table with the columns *present*."""
    spans = {day_only(name): name for name in table.spans.values() if name in present}
    return {DAY_ONLY: table.event, **spans}


def beside(table: Table, present: Collection[str]) -> tuple[str, ...]:
    """All columns of the view of *table* that its contract does not name."""
    return (*days(table, present), *([PLACE] if "recorded_at" in present else []))
