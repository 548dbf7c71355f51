"""Text from outside, made safe for a spreadsheet cell and for a page."""

from __future__ import annotations

import unicodedata

_LEADS = frozenset("=+-@\t\r\n\uff1d\uff0b\uff0d\uff20'")
_LONGEST = 32_000


def safe_cell(text: str) -> str:
    """*text* with an apostrophe in front where a spreadsheet could read a formula.

    That is text which begins (after blanks) with ``= + - @``, their full-width forms, a tab or a line
    break, or with an apostrophe itself, so that taking one leading apostrophe away always gives the
    text back.

    >>> safe_cell("=1+1"), safe_cell("'tis"), safe_cell("A-17")
    ("'=1+1", "''tis", 'A-17')
    """
    text = text[:_LONGEST]
    starts = {
        text[:1],
        text.lstrip(" \N{NO-BREAK SPACE}\N{IDEOGRAPHIC SPACE}\N{ZERO WIDTH NO-BREAK SPACE}")[:1],
    }
    return "'" + text if starts & _LEADS else text


def visible(text: object) -> str:
    r"""*text* without control characters and lone surrogates, which no page or workbook can hold.

    >>> visible("A\x001")
    'A�1'
    """
    return "".join(
        "\N{REPLACEMENT CHARACTER}" if unicodedata.category(c) in ("Cc", "Cs") and c not in "\t\n\r" else c
        for c in str(text)
    )
