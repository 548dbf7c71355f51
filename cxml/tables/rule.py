"""One rule of a table: SQL that is true for rows that break it, and its words."""

from __future__ import annotations

from dataclasses import dataclass

from cxml.sql import quoted

TOLERABLE = frozenset(
    {
        "missing_value",
        "wrong_type",
        "not_finite",
        "not_whole",
        "epoch_number",
        "implausible_time",
        "mixed_time_zones",
        "long_id",
        "unknown_word",
        "negative",
        "out_of_range",
        "off_scale",
        "contradiction",
        "unknown_customer",
        "customer_set_aside",
        "skipped_time",
    }
)
"""Codes of the rules that a stray row may break. Others are never a stray row: a digit lost by one id is lost by its
neighbours too, and an answer before its question or a second story under one id leaves nobody sure which row to
believe."""


@dataclass(frozen=True)
class Rule:
    """What the rows of a table must keep to.

    Attributes
    ----------
    code, column : str
    bad : str
        SQL, true for the rows that break the rule.
    what, expected, fix : str
        For people. ``{n}`` in *what* stands for the number of rows that break the rule, ``{rows}`` for
        all and ``{share}`` for their share.
    advice : tuple of (str, str)
        SQL over the same row and what to do instead of *fix* when it is true for one of the bad rows;
        the first that is counts.
    beside : str
        SQL: the rule only holds when this is true for some row of the table.
    least : float
        The rule only holds when at least this share of the rows breaks it.
    soft : bool
        People should know, and nothing is wrong.
    instead : str
        SQL: what the column is read as in the rows that a soft rule is about; empty: as it is.
    """

    code: str
    column: str
    bad: str
    what: str
    expected: str
    fix: str
    advice: tuple[tuple[str, str], ...] = ()
    beside: str = ""
    least: float = 0.0
    soft: bool = False
    instead: str = ""

    @property
    def tolerable(self) -> bool:
        """Whether a few rows that break the rule can be set aside."""
        return self.code in TOLERABLE


def note_rule(column: str, when: str, what: str, least: float = 0.0, instead: str = "") -> Rule:
    """What people should know of the rows for which *when* is true: nothing is wrong with them."""
    return Rule(
        code="note",
        column=column,
        bad=when,
        what=what,
        expected="",
        fix="",
        least=least,
        soft=True,
        instead=instead,
    )


def value_of(column: str) -> str:
    """The value of a column in the probe of a table."""
    return quoted(column)


def sign_of(column: str, name: str) -> str:
    """What the probe says of the cells of a column, such as ``given`` or ``zoned``."""
    return quoted(f"{column}:{name}")
