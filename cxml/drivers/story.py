"""What a story is made of: facts that can be said aloud, and the clauses that say them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from cxml.factors.declare import DAY, Lookup, Match

FactKind = Literal["day", "s", "count", "money", "text", "channel", "flag"]
"""A day or an instant, seconds, a whole number, money, a name from the data, a channel, yes or no."""

STEPS = ("apology", "explain", "fix", "compensate", "follow_up")
"""The steps of making good that a caller can still take, in their order."""


@dataclass(frozen=True)
class Fact:
    """One thing told: its name in the sentence, its kind, and the SQL of the told row. Missing: left unsaid."""

    name: str
    kind: FactKind
    sql: str


@dataclass(frozen=True)
class Clause:
    """A sentence of the catalogue, said where all it names is known and the fact *when*, if any, is true."""

    key: str
    when: str = ""


@dataclass(frozen=True)
class Story:
    """What is told of one row of a table.

    Attributes
    ----------
    name, table : str
    factors : tuple of str
        The factors whose reasons it explains.
    rows : str
        Which rows play a part: a condition on the columns, joined ones among them. Windows run over these.
    facts : tuple of Fact
    says : tuple of Clause
        Sentences in their order.
    words : tuple of (str, str)
        Names and SQL of what is made of these rows, windows over ``g`` among it, each after those that it uses.
    told : str
        Which of the rows can be told, words included; empty: all.
    first : str
        The order whose first row is told; of equals the last row of the log.
    near : tuple of str
        Beginnings of features that it explains before other stories of its factors do.
    optional : tuple of str
        Columns that *rows*, *told* and *first* see as missing where the data do not have them. All others that
        they name must be there, or the story is not told.
    joins : tuple of Lookup or Match
        What other tables say of a row.
    """

    name: str
    table: str
    factors: tuple[str, ...]
    rows: str
    facts: tuple[Fact, ...]
    says: tuple[Clause, ...]
    words: tuple[tuple[str, str], ...] = ()
    told: str = ""
    first: str = "t desc"
    near: tuple[str, ...] = ()
    optional: tuple[str, ...] = ()
    joins: tuple[Lookup | Match, ...] = ()


def within(days: int) -> str:
    """Rows of the last *days* before the cutoff, as SQL."""
    return f"age <= {days * DAY}"


OF_ALL = "over (partition by g)"

TIMES = Fact("times", "count", f"nullif(count(*) {OF_ALL}, 1)")
"""How many such rows there are; unsaid for one."""

SINCE = Fact("since", "day", f"min(t) {OF_ALL}")

AT = Fact("at", "day", "t")

CHANNEL = Fact("channel", "channel", "channel")

TOPIC = Fact("topic", "text", "topic")

OPEN = Clause("open", when="open")

ABOUT = Clause("about")

AGAIN = Clause("times_90")
