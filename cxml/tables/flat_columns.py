"""What is checked and told of the attributes of customers: columns of which no contract says what they hold."""

from __future__ import annotations

from dataclasses import dataclass, replace

from cxml.contracts import ATTRIBUTE
from cxml.sql import quoted
from cxml.tables.opening import Tables
from cxml.tables.rule import Rule

MANY, PER_LEVEL = 100, 20
"""A text with more levels than the first teaches little where they have fewer rows than the second on average."""


@dataclass(frozen=True)
class Seen:
    """A column of the customers as it is taken.

    Attributes
    ----------
    column : str
        As its source calls it.
    kind : str
        ``number`` or ``text``.
    levels : int
        Different values.
    missing : float
        Share of the rows without a value, words for a missing value included.
    remark : str
        What to know of it; empty where nothing is.
    """

    column: str
    kind: str
    levels: int
    missing: float
    remark: str = ""


def of_attribute(rule: Rule, place: str) -> Rule:
    """*rule* with advice for an attribute called *place* in its source, where values cannot be read as numbers."""
    if not rule.column.startswith(ATTRIBUTE) or rule.code != "wrong_type":
        return rule
    text, where = quoted(f"{rule.column}:text"), "in [tables.customers]"
    commas = f"regexp_matches({text}, '^[-+]?[0-9]+,[0-9]+$')"
    points = f"starts_with({text}, '?')"
    return replace(
        rule,
        what="{n} values of " + repr(place) + " cannot be read as a number, as the others can",
        fix=f'say {where} which word means that nothing is known, such as na = ["unknown"]; or use the column as text:'
        f" types = {{ {place!r} = 'text' }}",
        advice=(
            (
                commas,
                f"these have a decimal comma: say {where} types = {{ {place!r} = 'comma' }}, or decimal = ',' where all"
                " columns have one",
            ),
            (
                points,
                f"these have a decimal point: take decimal out {where}, and say types = {{ NAME = 'comma' }} of those"
                " that have a decimal comma",
            ),
        ),
    )


def mixed_percent(column: str, place: str) -> Rule:
    """12 % and 0.12 in one column would be read as 12 and 0.12."""
    sign = quoted(f"{column}:percent")
    return Rule(
        code="mixed_units",
        column=column,
        bad=f"{quoted(column)} is not null and not {sign}",
        what="{n} values of " + repr(place) + " have no percent sign, others in the column do",
        expected="one unit in a column",
        fix=f"write all with the sign or none; or use the column as text: types = {{ {place!r} = 'text' }}",
        beside=sign,
    )


def seen(tables: Tables) -> tuple[Seen, ...]:
    """Every attribute of the customers as it is taken, read in one go."""
    if not tables.attributes:
        return ()
    places = tables.opened["customers"].places
    counts = ", ".join(
        f"count({quoted(name)}) as known_{k}, count(distinct {quoted(name)}) as levels_{k}"
        for k, name in enumerate(tables.attributes)
    )
    found = tables.engine.row(f"select count(*) as row_count, {counts} from customers")
    rows = max(1, int(found["row_count"]))
    return tuple(
        _seen(places[name], kind, int(found[f"known_{k}"]), int(found[f"levels_{k}"]), rows)
        for k, (name, kind) in enumerate(tables.attributes.items())
    )


def _seen(place: str, kind: str, known: int, levels: int, rows: int) -> Seen:
    remark = ""
    if levels <= 1:
        remark = "the same everywhere: it teaches nothing" if known else "empty: it teaches nothing"
    elif kind == "text" and levels > MANY and levels > known / PER_LEVEL:
        remark = f"{levels:,} different texts: those of fewer than {PER_LEVEL} rows are taken as one"
    return Seen(place, kind, levels, 1 - known / rows, remark)
