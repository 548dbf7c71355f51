"""A table as it was opened: its source, its cells, and the views made of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from cxml.contracts import Column, Table
from cxml.sql import quoted
from cxml.tables.casting import Cell, staged
from cxml.tables.source_parts import Part, Source
from cxml.tables.view_columns import PLACE, beside, days

_FILE = 1 << 40
"""Above any number of rows of a file."""


@dataclass(frozen=True)
class Opened:
    """A table that has been opened: which column of its source holds what, part by part.

    Attributes
    ----------
    table : Table
    source : Source
    columns : tuple of Column
        The columns found, attributes included, in the order of the contract.
    places : Mapping[str, str]
        Their names in the source.
    cells : tuple of Mapping[str, Cell]
        For each part of the source, the cell of each column.
    made_id : bool
        The source has no id: it is made from the content of a row.
    cleaned : str
        A SELECT of the rows that are left when some are set aside; empty: all are there.
    """

    table: Table
    source: Source
    columns: tuple[Column, ...]
    places: Mapping[str, str]
    cells: tuple[Mapping[str, Cell], ...]
    made_id: bool
    cleaned: str = ""

    def select(self) -> str:
        """The rows with their values, and the columns of ``beside``."""
        if self.cleaned:
            return self.cleaned
        selects, before = [], 0
        for part, cells in zip(self.source.parts, self.cells, strict=True):
            words = [_values(cells), *self._beside(cells, before)]
            selects.append(f"select {', '.join(words)} from {staged(cells, self._rows(part))}")
            before += len(part.files) or 1
        return " union all ".join(selects)

    @property
    def beside(self) -> tuple[str, ...]:
        """The columns of the view that are not the contract's, see ``view_columns``."""
        return beside(self.table, self.known)

    def _beside(self, cells: Mapping[str, Cell], before: int) -> list[str]:
        found = [
            f"coalesce({cells[name].signs.get('day', 'false')}, false) as {flag}"
            for flag, name in days(self.table, self.known).items()
        ]
        if PLACE in self.beside:
            found.append(f"(cxml_file + {before}) * {_FILE} + cxml_row as {PLACE}")
        return found

    def _rows(self, part: Part, *, numbered: bool = False) -> str:
        return f"({part.numbered}) n" if numbered or PLACE in self.beside else part.scan

    def probe(self, *, numbered: bool = False) -> str:
        """The rows with their values, ``"column:given"``, ``"column:text"`` and ``"column:<sign>"``.

        With *numbered* also ``cxml_file`` (a place in ``files``, from 1) and ``cxml_row``.
        """
        selects, before = [], 0
        for part, cells in zip(self.source.parts, self.cells, strict=True):
            words = [_values(cells)]
            for column in self.columns:
                one = cells[column.name]
                extra = {
                    "given": f"coalesce({one.given}, false)",
                    "text": one.text or "cast(null as varchar)",
                }
                extra |= {
                    sign: f"coalesce({one.signs.get(sign, 'false')}, false)"
                    for sign in self.signs(column.name)
                }
                words += [f"{sql} as {quoted(f'{column.name}:{key}')}" for key, sql in extra.items()]
            words += self._beside(cells, before)
            if numbered:
                words += [f"cxml_file + {before} as cxml_file", "cxml_row"]
            rows = self._rows(part, numbered=numbered)
            selects.append(f"select {', '.join(words)} from {staged(cells, rows)}")
            before += len(part.files) or 1
        return " union all ".join(selects)

    def signs(self, column: str) -> list[str]:
        """The signs that the cells of *column* may carry."""
        return sorted({sign for cells in self.cells for sign in cells[column].signs})

    @property
    def known(self) -> frozenset[str]:
        """The columns that the contract knows: all but attributes."""
        return frozenset(column.name for column in self.columns) & frozenset(self.table.by_name)

    @property
    def files(self) -> tuple[str, ...]:
        """The files by the numbers of ``probe``, empty names where there are none."""
        return tuple(name for part in self.source.parts for name in part.files or ("",))


def _values(cells: Mapping[str, Cell]) -> str:
    return ", ".join(f"{one.value} as {quoted(name)}" for name, one in cells.items())
