"""Numbers as people and spreadsheets write them: 1,234.50, $12.30, 12 %, ₩5,000원, and with a decimal comma 1.234,50."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from cxml.sql import literal
from cxml.tables.casting import says_nothing

Decimal = Literal[".", ","]
_SIGNS = "$€£¥₩%원"
"""What may stand before or behind a number: a currency, or a percent sign."""
_FRAMED = rf"^([-+]?) *[$€£¥₩]? *([-+]?[0-9.,]*[0-9]) *[{_SIGNS}]?$"


def plain(text: str, decimal: Decimal) -> str:
    """SQL: the SQL *text* as the engine reads numbers, where it is a number that somebody wrote; else as it is.

    With a decimal point, commas must part thousands: ``4,6`` stays a text, for it would be a wrong number. With a
    decimal comma it is the other way round.
    """
    bare = f"regexp_replace(trim({text}), {literal(_FRAMED)}, '\\1\\2')"
    group, point = (",", "[.]") if decimal == "." else ("[.]", ",")
    grouped = f"regexp_matches({bare}, '^[-+]?[0-9]{{1,3}}({group}[0-9]{{3}})+({point}[0-9]+)?$')"
    joined = f"replace({bare}, {literal(',' if decimal == '.' else '.')}, '')"
    if decimal == ".":
        return f"case when {grouped} then {joined} else {bare} end"
    # A point that does not part thousands is none of this way of writing.
    pointed = f"when contains({bare}, '.') then concat('?', {bare})"
    return (
        f"case when {grouped} then replace({joined}, ',', '.') {pointed} else replace({bare}, ',', '.') end"
    )


def reads(text: str, decimal: Decimal) -> str:
    """SQL: whether *text* is such a number."""
    return f"(try_cast({plain(text, decimal)} as double) is not null and not contains({text}, '_'))"


def unknown(text: str, words: Sequence[str]) -> str:
    """SQL: whether *text* is one of the *words* that the config names for a missing value; false where there are none."""
    return f"trim({text}) in ({', '.join(map(literal, words))})" if words else "false"


def nothing(text: str, words: Sequence[str]) -> str:
    """SQL: whether *text* stands for a missing number: a word of the config, or one that is known for it."""
    return f"({unknown(text, words)} or {says_nothing(text)})"
