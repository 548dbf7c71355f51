"""The log of earlier contacts drawn at random: what its rows must keep to beside the rules of every table.

A row is a customer in a draw, and a draw is a day of the project's zone. Who stands in both groups of a draw was
drawn by nobody knows what: neither row can be believed.
"""

from __future__ import annotations

from collections.abc import Iterator

from cxml.contracts import CONTACTS
from cxml.tables.opened import Opened
from cxml.tables.opening import Tables
from cxml.tables.problems import Problem
from cxml.tables.rule import Rule

MOST_DRAWS = 60
"""Draws that are learned from at most: customers are looked at as of each of them."""

_DAY = f"wall({CONTACTS.event}) // 86400"
_ONE_OF_TWO = {
    "contacted": (
        "was both contacted and kept aside",
        "one group for each customer and draw",
        "keep one row for each customer and day; in a log of calls, 1 is for everybody who was to be called",
    ),
    "churned": ("both left and stayed", "one outcome for each customer and draw", "correct churned"),
}
"""What a customer cannot have been in one draw, by column; what was expected, and how to fix it."""


def rules_of(tables: Tables, opened: Opened) -> Iterator[Rule]:
    """Rules over the rows of a customer and draw, for the log of contacts alone.

    What they need is kept under names of their own: views of cleaned tables go on reading it.
    """
    if opened.table is not CONTACTS:
        return
    for name, (what, expected, fix) in _ONE_OF_TWO.items():
        if name in opened.known:
            kept = f"cxml_contacts_both_{name}"
            both = f"group by all having count(distinct {name}) > 1"
            tables.engine.keep(kept, f"select customer_id, {_DAY} as day from {CONTACTS.name} {both}")
            yield Rule(
                code="contradiction",
                column=name,
                bad=f"(customer_id, {_DAY}) in (select customer_id, day from {kept})",
                what=f"{{n}} rows say that a customer {what} in one draw",
                expected=expected,
                fix=fix,
            )


def too_many_draws(tables: Tables, opened: Opened) -> Iterator[Problem]:
    """Contacts on more days than can be looked at: times of calls, more likely than draws."""
    if opened.table is not CONTACTS:
        return
    days = tables.engine.row(f"select count(distinct {_DAY}) as n from {CONTACTS.name}")["n"]
    if days > MOST_DRAWS:
        yield Problem(
            "many_draws",
            CONTACTS.name,
            CONTACTS.event,
            0,
            0,
            f"contacts on {days:,} days",
            f"at most {MOST_DRAWS} draws",
            f"write into {CONTACTS.event} when the draw was made, the same for all"
            " of it, or keep the latest draws",
        )
