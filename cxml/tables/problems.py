"""What is wrong with the input, gathered: all of it is told at once.

No text in here ever holds a value of a cell.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from cxml.errors import CxmlError, DataError

_SHOWN = 14
"""Problems that one error shows; each takes two lines."""


@dataclass(frozen=True)
class Problem:
    """One way in which a table breaks its contract. No field ever holds a value of a cell.

    Attributes
    ----------
    code : str
        Short name of the kind of problem.
    table, column : str
        *column* is empty when it is about the whole table.
    count : int
        Rows concerned; 0 when rows do not matter.
    first_row : int
        Place of the first of them in its source, from 1, a header not counted; 0 when unknown.
    what, expected, fix : str
        For people: what is wrong, what was expected, how to fix it.
    place : str
        Where, when it is not a table or a column; or the file of *first_row*.
    """

    code: str
    table: str
    column: str
    count: int
    first_row: int
    what: str
    expected: str
    fix: str
    place: str = ""

    @property
    def where(self) -> str:
        """Table and column, the first row and its file, as far as they are known."""
        parts = [f"{self.table}.{self.column}" if self.column else self.table]
        parts += [f"first in row {self.first_row}"] if self.first_row else []
        return ", ".join(parts + ([self.place] if self.place else []))

    def __str__(self) -> str:
        return f"{self.where}: {self.what}\n    expected {self.expected}; fix: {self.fix}"


@dataclass(frozen=True)
class SetAside:
    """The rows that were left out of the tables: they break a rule, or stand there twice.

    Attributes
    ----------
    rows : Mapping[str, int]
        How many of each table; tables without such a row are not named.
    problems : tuple of Problem
        What is wrong with them. A row that breaks several rules is counted under each.
    """

    rows: Mapping[str, int] = field(default_factory=dict)
    problems: tuple[Problem, ...] = ()

    def lines(self) -> Iterator[str]:
        """For people: the rules, and what becomes of the rows."""
        for one in self.problems:
            yield f"{one.where}: {one.what}; set aside; {one.fix}"
        for table, count in self.rows.items():
            yield f"{table}: {counted('{n} rows set aside in all', count)}"

    def as_info(self) -> dict[str, Any]:
        """For the manifest of a run: nothing where nothing was set aside."""
        if not self.rows:
            return {}
        broken = [
            {"table": one.table, "rule": one.code, "column": one.column, "rows": one.count}
            for one in self.problems
        ]
        return {"set_aside": {"rows": dict(self.rows), "rules": broken}}


def unreadable(table: str, error: CxmlError) -> Problem:
    """A source that cannot be read, as a problem among others."""
    expected = error.expected or "a source that can be read"
    return Problem("unreadable", table, "", 0, 0, error.what, expected, error.fix, place=error.where)


def one_error(problems: Sequence[Problem]) -> DataError:
    """All problems as one error, of some thirty lines at most."""
    if len(problems) == 1:
        one = problems[0]
        return DataError(one.what, where=one.where, expected=one.expected, fix=one.fix)
    lines = [f"  {problem}" for problem in problems[:_SHOWN]]
    if len(problems) > _SHOWN:
        lines.append(f"  and {len(problems) - _SHOWN} more")
    return DataError(
        f"{len(problems)} problems in the tables:\n" + "\n".join(lines),
        fix="fix each of them; 'cxml check' shows what is left",
    )


_OF_ONE = {
    "are": "is",
    "begin": "begins",
    "carry": "carries",
    "do": "does",
    "end": "ends",
    "have": "has",
    "hold": "holds",
    "lie": "lies",
    "share": "shares",
    "their": "its",
    "they": "it",
    "were": "was",
    "differ": "differs",
}


def counted(what: str, n: int, **more: str) -> str:
    """A sentence on ``{n}`` things with its numbers filled in, and worded for one where *n* is 1.

    >>> counted("{n} rows have no customer_id", 1), counted("{n} rows have no customer_id", 2)
    ('1 row has no customer_id', '2 rows have no customer_id')
    >>> counted("{n} times carry no zone, others in the column do", 1)
    '1 time carries no zone, others in the column do'
    """
    if n == 1 and what.startswith("{n} ") and not what.startswith("{n} of "):
        said, *rest = re.split("(?=[,:])", what, maxsplit=1)
        words = said.split(" ")
        noun = next(i for i, word in enumerate(words) if word.endswith("s"))
        words[noun] = words[noun].removesuffix("s")
        what = " ".join(_OF_ONE.get(word, word) for word in words) + "".join(rest)
    # Not format(): names and values of a user's own data may hold braces.
    for name, text in {"n": f"{n:,}", **more}.items():
        what = what.replace(f"{{{name}}}", text)
    return what
