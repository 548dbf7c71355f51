"""Texts and names written into SQL, quoted so that nothing in them can run."""

from __future__ import annotations


def literal(text: str) -> str:
    """*text* as a SQL literal.

    >>> literal("it's")
    "'it''s'"
    """
    return "'" + str(text).replace("'", "''") + "'"


def quoted(name: str) -> str:
    """*name* as a SQL identifier.

    >>> quoted("first name")
    '"first name"'
    """
    return '"' + str(name).replace('"', '""') + '"'
