"""How a table becomes a file: piece by piece, in bytes that depend on its rows and columns alone."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pyarrow as pa
    import pyarrow.csv as pc_csv
    import pyarrow.parquet as pq

ROW_GROUP = 65_536
"""Rows of a Parquet row group: fixed, so that the pieces' sizes leave no trace."""

_FORMULA = r"^('*[=+\-@\t\r\n\x{FF1D}\x{FF0B}\x{FF0D}\x{FF20}])"
"""Text that a spreadsheet takes for a formula, full-width forms included, however often it was escaped."""


class TableWriter:
    """Collects pieces of a table and writes Parquet row groups of `ROW_GROUP` rows."""

    def __init__(self, parquet: pq.ParquetWriter) -> None:
        self._parquet = parquet
        self._waiting = parquet.schema.empty_table()

    def write(self, table: pa.Table) -> None:
        """Add the rows of *table*, whose columns must be those that the file was opened with."""
        import pyarrow as pa

        self._waiting = pa.concat_tables([self._waiting, table.replace_schema_metadata(None)])
        while self._waiting.num_rows >= ROW_GROUP:
            self._parquet.write_table(self._waiting.slice(0, ROW_GROUP).combine_chunks())
            self._waiting = self._waiting.slice(ROW_GROUP)

    def flush(self) -> None:
        """Write the rows that do not fill a row group."""
        if self._waiting.num_rows:
            self._parquet.write_table(self._waiting.combine_chunks())
        self._waiting = self._waiting.slice(0, 0)


class CsvWriter:
    """Writes pieces of a table as CSV that a spreadsheet can open without running anything.

    Text that begins like a formula (``= + - @``, their full-width forms, tab, CR, LF) gets a ``'`` in
    front, and so does such text with ``'`` in front: take one away to read what was there.
    """

    def __init__(self, csv: pc_csv.CSVWriter, schema: pa.Schema) -> None:
        self._csv = csv
        self._schema = schema

    def write(self, table: pa.Table) -> None:
        """Add the rows of *table*, whose columns must be those that the file was opened with."""
        import pyarrow as pa
        import pyarrow.compute as pc

        table = table.cast(self._schema)
        for number, field in enumerate(self._schema):
            if pa.types.is_string(field.type) or pa.types.is_large_string(field.type):
                safe = pc.replace_substring_regex(table.column(number), _FORMULA, r"'\1")
                table = table.set_column(number, field, safe)
        self._csv.write_table(table)


@contextmanager
def parquet(path: Path, schema: pa.Schema) -> Iterator[TableWriter]:
    """A new Parquet file, compressed with zstd, each page with a checksum."""
    import pyarrow.parquet as pq

    plain = schema.remove_metadata()
    with (
        path.open("xb") as sink,
        pq.ParquetWriter(sink, plain, compression="zstd", write_page_checksum=True) as file,
    ):
        writer = TableWriter(file)
        yield writer
        writer.flush()


@contextmanager
def csv(path: Path, schema: pa.Schema) -> Iterator[CsvWriter]:
    """A new CSV file in UTF-8: a header, commas, text in quotes, missing values empty."""
    import pyarrow.csv as pc_csv

    with path.open("xb") as sink, pc_csv.CSVWriter(sink, schema) as file:
        yield CsvWriter(file, schema)
