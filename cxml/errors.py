"""The errors a user can meet.

::

    CxmlError                  exit code 1
    |-- ConfigError            2   wrong use, wrong key or value in cxml.toml
    |   `-- ImmatureCutoffError    a cutoff whose label window is not yet complete
    |-- DataError              3   rows that break a table's contract
    |   |-- BadLineError       a line of a CSV file that cannot be read, beside others that can
    |   `-- NotEnoughDataError     too few customers, events or classes to learn from
    |-- ModelError             4   a bundle that is damaged, foreign or does not fit the data
    `-- LockedError           75   another run holds the folder

Every message says what is wrong, where, what was expected and how to fix it, and never shows
a value of a personal column.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping


class CxmlError(Exception):
    """What went wrong, where, what was expected and how to fix it.

    >>> print(ConfigError("unknown key 'horison'", where="cxml.toml [churn]",
    ...                   expected="one of grace, horizon", fix="write 'horizon'"))
    unknown key 'horison'
      where:    cxml.toml [churn]
      expected: one of grace, horizon
      fix:      write 'horizon'
    """

    exit_code = 1

    def __init__(self, what: str, *, where: str = "", expected: str = "", fix: str = "") -> None:
        self.what, self.where, self.expected, self.fix = what, where, expected, fix
        super().__init__(what)

    def __str__(self) -> str:
        lines = [("where:   ", self.where), ("expected:", self.expected), ("fix:     ", self.fix)]
        return "\n".join([self.what, *(f"  {name} {text}" for name, text in lines if text)])


class ConfigError(CxmlError):
    """The command or the configuration is wrong."""

    exit_code = 2


class ImmatureCutoffError(ConfigError):
    """The label window of a cutoff ends after observation_end."""


class DataError(CxmlError):
    """A source breaks its contract."""

    exit_code = 3


class BadLineError(DataError):
    """A line of a CSV file has more or fewer fields than the header, or is not UTF-8."""


class NotEnoughDataError(DataError):
    """There is too little to learn from: rows, events or classes."""


class ModelError(CxmlError):
    """A model cannot be trusted or does not fit the data."""

    exit_code = 4


class LockedError(CxmlError):
    """Another run is writing to the folder."""

    exit_code = 75


class UnseenWarning(UserWarning):
    """Rows hold levels of a category that training never saw; they are scored as missing.

    Attributes
    ----------
    counts : mapping of str to int
        Column -> such rows.
    """

    def __init__(self, counts: Mapping[str, int]) -> None:
        self.counts = dict(counts)
        told = ", ".join(f"{name} ({rows:,} rows)" for name, rows in counts.items())
        super().__init__(f"levels that training never saw count as missing: {told}")


_SHOWN = 20


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """The nearest right name as an instruction, or the right names, of many the first twenty.

    >>> did_you_mean("horison", ["horizon", "lead"])
    "did you mean 'horizon'?"
    >>> did_you_mean("x", ["horizon", "lead"])
    'use one of: horizon, lead'
    """
    names = sorted(known)
    near = difflib.get_close_matches(name, names, n=1)
    if near:
        return f"did you mean '{near[0]}'?"
    more = f" and {len(names) - _SHOWN:,} more" if len(names) > _SHOWN else ""
    return f"use one of: {', '.join(names[:_SHOWN])}{more}"
