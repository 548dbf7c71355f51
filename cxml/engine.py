"""Where SQL runs: the one door to DuckDB.

Everything is UTC inside. The statements that cxml writes name no engine; what differs between
engines is the macros made here (``seconds``, ``wall`` and ``code``) and how a step is kept.
"""

from __future__ import annotations

import os
import re
import tempfile
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa

from cxml.errors import BadLineError, ConfigError, CxmlError, DataError
from cxml.sql import literal

_MACROS = (
    # Whole seconds, floored also before 1970: exact for half-open windows, since cutoffs are whole seconds.
    "create or replace temp macro seconds(x) as cast(floor(epoch_us(x) / 1e6) as bigint)",
    # The same of the clock on the wall in the project's zone: for hours of the day and days of the week.
    "create or replace temp macro wall(x) as seconds(timezone({zone}, timezone('UTC', x)))",
    # Ids are compared, never shown.
    "create or replace temp macro code(x) as hash(x)",
)
_LIMITS = {
    "memory_limit": ("memory", "a size such as 4GB", 'write for example memory = "4GB"'),
    "threads": ("threads", "a number of threads, 0 for all", "write for example threads = 2"),
}
WRONG_SQL = (duckdb.BinderException, duckdb.CatalogException, duckdb.ParserException)
"""A statement that cannot be read; what is said of it quotes the statement, and no cell."""
_TROUBLE = (duckdb.Error, pa.ArrowException, OSError, RuntimeError)
"""What a statement, or the streaming of its batches, can end in."""
_STOPPED = ("Query interrupted", "INTERRUPT Error")
"""How the engine says that Ctrl-C was pressed during a statement."""
WRONG_FIELDS = (
    "a row has {found} fields, the header {header}",
    "put fields that hold the delimiter into double quotes",
)
NOT_UTF8 = "the text is not UTF-8", "save the file as UTF-8"
"""What can be wrong with one line of a CSV file, and how to fix it."""
_OUR_OWN_FAULTS = (
    *WRONG_SQL,
    duckdb.InternalException,
    duckdb.ResourceInUseException,
)


class Engine:
    """An embedded DuckDB with its settings.

    Parameters
    ----------
    memory : str
        Limit such as ``"4GB"``; empty for DuckDB's own default. What does not fit is spilled to disk.
    threads : int
        0 for all.
    zone : str
        IANA name of the zone whose clock ``wall`` shows.

    Raises
    ------
    ConfigError
        *memory* or *threads* is nothing that the engine takes.
    """

    def __init__(self, memory: str = "", threads: int = 0, zone: str = "UTC") -> None:
        settings: dict[str, Any] = {
            "TimeZone": "UTC",
            "preserve_insertion_order": False,
            "temp_directory": str(Path(tempfile.gettempdir()) / f"cxml-{os.getpid()}"),
            # Nothing is fetched from outside, whatever a source is called.
            "autoinstall_known_extensions": False,
            "autoload_known_extensions": False,
        }
        if memory:
            settings["memory_limit"] = memory
        if threads:
            settings["threads"] = threads
        self._db = duckdb.connect(":memory:")
        self._named: Counter[str] = Counter()
        for name, value in settings.items():
            self._set(name, value)
        self._hide_bar()
        for macro in _MACROS:
            self._db.execute(macro.format(zone=literal(zone)))

    @staticmethod
    def macros(zone: str) -> str:
        """The statements that other statements of cxml stand on, to be run before them elsewhere in DuckDB."""
        macros = "".join(f"{macro.format(zone=literal(zone))};\n" for macro in _MACROS)
        return f"set TimeZone = 'UTC';\n{macros}"

    def _set(self, name: str, value: Any) -> None:
        try:
            self._db.execute(f"set {name} = {literal(value)}")
        except duckdb.Error:
            if name not in _LIMITS:
                raise
            key, expected, fix = _LIMITS[name]
            raise ConfigError(
                f"{value!r} cannot be used", where=f"[engine] {key}", expected=expected, fix=fix
            ) from None

    def _hide_bar(self) -> None:
        """Turn off the engine's bar, which would go to standard output, where machines read.

        Where it is off already it is left alone: in Jupyter it cannot even be turned off without ipywidgets.
        """
        if self._db.execute("select current_setting('enable_progress_bar')").fetchall()[0][0]:
            self._set("enable_progress_bar", False)

    def run(self, sql: str) -> None:
        """Execute one statement."""
        with _in_plain_words(sql):
            self._db.execute(sql)

    def fresh(self, stem: str) -> str:
        """A name that no relation has yet: *stem* and a number."""
        self._named[stem] += 1
        return f"{stem}_no_{self._named[stem]}"

    def keep(self, name: str, select: str) -> None:
        """Compute *select* once and keep it as the relation *name*."""
        self.run(f"create or replace temp table {name} as {select}")

    def view(self, name: str, select: str) -> None:
        """Give *select* the name *name*; it is computed each time it is read."""
        self.run(f"create or replace temp view {name} as {select}")

    def drop(self, name: str) -> None:
        """Forget a kept relation."""
        self.run(f"drop table if exists {name}")

    def register(self, name: str, data: object) -> None:
        """Make a pandas or Arrow table readable as the relation *name*."""
        self._db.register(name, data)

    def attach(self, path: str, name: str) -> None:
        """Open a DuckDB file for reading under *name*; once open it stays."""
        self.run(f"attach if not exists {literal(path)} as {name} (read_only)")

    def arrow(self, sql: str) -> pa.Table:
        """The whole result as an Arrow table."""
        with _in_plain_words(sql):
            return self._db.sql(sql).to_arrow_table()

    def batches(self, sql: str, rows: int = 65536) -> Iterator[pa.RecordBatch]:
        """The result in batches of about *rows* rows; until the last is taken, nothing else can be asked."""
        with _in_plain_words(sql):
            reader: pa.RecordBatchReader = self._db.sql(sql).to_arrow_reader(rows)
            with reader:
                yield from reader

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        """The result as tuples; for small results."""
        with _in_plain_words(sql):
            return self._db.execute(sql).fetchall()

    def row(self, sql: str) -> dict[str, Any]:
        """The only row of a result, by column name."""
        with _in_plain_words(sql):
            result = self._db.execute(sql)
            names = [column[0] for column in result.description or ()]
            (found,) = result.fetchall()  # all of it: a result left open would block the next statement
        return dict(zip(names, found, strict=True))

    def columns(self, relation: str) -> Mapping[str, str]:
        """Column names of a relation or a ``read_...()`` call, with the engine's type names."""
        return {name: kind for name, kind, *_ in self.rows(f"describe select * from {relation}")}


@contextmanager
def _in_plain_words(sql: str) -> Iterator[None]:
    """Failures of a statement or of fetching its result, as errors that a user can act on.

    The engine's own text may quote cells, so only what is known to hold none of them is passed on,
    and the original error is not shown with the new one. A statement that is itself wrong is a
    fault of cxml, not of the data, and passes as it is.
    """
    try:
        yield
    except duckdb.OutOfMemoryException:
        raise _too_large() from None
    except _OUR_OWN_FAULTS:
        raise
    except _TROUBLE as error:
        if str(error).startswith(_STOPPED):
            raise KeyboardInterrupt from None
        if isinstance(error, RuntimeError):
            raise
        if str(error).startswith("Out of Memory"):
            raise _too_large() from None
        what, where, fix = _unreadable(str(error))
        kind = BadLineError if fix in (WRONG_FIELDS[1], NOT_UTF8[1]) else DataError
        raise kind(
            what, where=where or _source_of(sql), fix=fix, expected="a readable CSV, Parquet or DuckDB file"
        ) from None


def _too_large() -> CxmlError:
    return CxmlError(
        "the work does not fit into the memory allowed",
        where="[engine] memory",
        fix="allow more memory, or score in smaller chunks",
    )


def _unreadable(text: str) -> tuple[str, str, str]:
    """What is wrong with a source, where and how to fix it, from the engine's message.

    Only fixed words, numbers and the name of the file are taken from it.
    """
    files = re.findall(r"^\s*file = (.+)$", text, re.MULTILINE)  # the last: a cell may hold such words
    line = re.search(r"CSV Error on Line: (\d+)", text)
    where = (files[-1] if files else "") + (f", line {line[1]}" if line else "")
    fields = re.search(r"Expected Number of Columns: (\d+) Found: (\d+)", text)
    if fields:
        return WRONG_FIELDS[0].format(found=fields[2], header=fields[1]), where, WRONG_FIELDS[1]
    if "unterminated quote" in text:
        return "a double quote is opened and never closed", where, "close it; inside a field write it twice"
    if "utf-8" in text:
        return NOT_UTF8[0], where, NOT_UTF8[1]
    if "state machine" in text:
        return "quotes or line ends break the rules of CSV", where, "write it anew, with one kind of line end"
    if text.startswith("Out of Range") or "out of range" in text:
        return "a number is too large to be computed with", where, "correct it: 'cxml check' may name it"
    gone = re.match(r'IO Error: (?:No files found|Cannot open|Could not open)[^"\n]*"([^"\n]+)"', text)
    if gone:
        return "a file cannot be opened any more", gone[1], "see that it is there and may be read"
    kind = text.partition(" Error:")[0] if " Error:" in text[:40] else "damaged"
    return f"a source cannot be read ({kind.lower()})", where, "write the file anew; it may be cut or damaged"


def _source_of(sql: str) -> str:
    """The file that a statement reads, as far as it names one."""
    _, _, rest = sql.partition("read_")
    return rest.split("'")[1] if rest.count("'") > 1 else "the tables of the configuration"
