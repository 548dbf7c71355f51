"""The one writer: a job's output is the old one or the new one, whole.

A run is written to a hidden folder of its own, flushed to the disk, listed in a manifest, and named
after its content by one rename. A second rename moves the link ``CURRENT`` to it. Whoever reads
through ``CURRENT`` meets no half-written file and no mixture of two runs, wherever the writer was
stopped. ::

    out/
      .lock                    held while a run writes
      .run-4711.tmp/           a run being written, or what a dead one left: the next run sweeps it
      run-1f0c5e8a9b3d7e62/    the latest finished run
      run-c9d2a40711b6f835/    the one before, for readers that still hold it
      CURRENT -> run-1f0c5e8a9b3d7e62

This holds on local POSIX file systems.
"""

from __future__ import annotations

import errno
import fcntl
import os
import re
import shutil
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cxml.errors import CxmlError, LockedError
from cxml.store import table_files
from cxml.store.manifest import (
    MANIFEST,
    RUN_NAME,
    as_json,
    files,
    is_plain,
    run_name,
    safe_name,
    seal,
    verify,
)
from cxml.store.table_files import CsvWriter, TableWriter

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = [
    "CURRENT",
    "CsvWriter",
    "Run",
    "TableWriter",
    "current",
    "replace_table",
    "replace_text",
    "run",
    "safe_name",
    "seal",
    "verify",
]

CURRENT = "CURRENT"

_LEFTOVER = re.compile(r"\.run-[0-9a-f]+\.tmp|\.CURRENT\.tmp")
_DISK = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS, errno.EIO}


class Run:
    """The folder of one run while it is written.

    Attributes
    ----------
    path : Path
        Files may also be written below it by other means: all that is there when the run ends belongs
        to the run. After the run it is the folder's final name.
    info : dict
        Goes into the manifest as it is; must be JSON.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.info: dict[str, Any] = {}

    def write_text(self, name: str, text: str) -> None:
        """Write *text* as UTF-8 to the file *name*, a relative path with ``/``."""
        with self._file(name).open("x", encoding="utf-8", newline="\n") as file:
            file.write(text)

    def write_json(self, name: str, value: Any) -> None:
        """Write *value* as JSON; NaN and infinity have no place in it (ValueError)."""
        self.write_text(name, as_json(value))

    def write_bytes(self, name: str, content: bytes) -> None:
        """Write *content* as it is."""
        with self._file(name).open("xb") as file:
            file.write(content)

    def write_table(self, name: str, table: pa.Table) -> None:
        """Write an Arrow table as Parquet; the same rows give the same bytes."""
        with self.table_writer(name, table.schema) as writer:
            writer.write(table)

    def table_writer(self, name: str, schema: pa.Schema) -> AbstractContextManager[TableWriter]:
        """Write a table as Parquet, piece by piece; the pieces' sizes leave no trace in the file."""
        return table_files.parquet(self._file(name), schema)

    def csv_writer(self, name: str, schema: pa.Schema) -> AbstractContextManager[CsvWriter]:
        """Write a table as CSV, piece by piece; text that looks like a formula gets a ``'`` in front."""
        return table_files.csv(self._file(name), schema)

    def _file(self, name: str) -> Path:
        if not is_plain(name) or name == MANIFEST:
            raise CxmlError(
                f"{name!r} cannot name an output file",
                where=str(self.path),
                expected=f"a relative path of letters, digits, '.', '_' and '-'; not {MANIFEST}",
                fix="make a part from free text with store.safe_name",
            )
        path = self.path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        return path


@contextmanager
def run(out: Path | str) -> Iterator[Run]:
    """Write a new run into the folder *out* and make it the current one.

    On an exception nothing becomes visible and the earlier output stands. The run before is kept for
    readers that still hold it, older ones are removed. A run of the same content keeps its name.

    Raises
    ------
    LockedError
        When another run is writing to *out*.
    CxmlError
        When *out* cannot be written: no permission, a full disk, a file where a folder should be.
    """
    out = Path(out).absolute()
    with _disk_trouble(out):
        out.mkdir(parents=True, exist_ok=True)
        with _locked(out):
            before = _link(out)
            _sweep(out)
            writing = Run(out / f".run-{os.getpid()}.tmp")
            writing.path.mkdir()
            try:
                yield writing
                writing.path = _publish(out, writing, before)
            finally:
                _sweep(out)


def current(out: Path | str) -> Path:
    """The folder of the latest finished run in *out*.

    The folder stays as it is when a new run ends: take it once, then read all files from it.

    Raises
    ------
    CxmlError
        When nothing was finished there, or CURRENT does not lead to a run in *out*.
    """
    out = Path(out).absolute()
    name = _link(out)
    if name is None:
        raise CxmlError(
            "there is no finished output",
            where=str(out),
            expected=f"a link {CURRENT} to a finished run",
            fix="run the job that writes this folder, or name its --out folder",
        )
    folder = out / name
    if not RUN_NAME.fullmatch(name) or folder.is_symlink() or not folder.is_dir():
        raise CxmlError(
            f"{CURRENT} does not lead to a finished run of this folder",
            where=str(out / CURRENT),
            expected="a link to run-<16 hexadecimal digits> beside it",
            fix="run the job again: it sets the link anew",
        )
    return folder


def replace_text(path: Path | str, text: str) -> None:
    """Write *text* as UTF-8 to the single file *path*, which is the old one or the new one, whole."""
    with _replacing(Path(path)) as temporary:
        temporary.write_text(text, encoding="utf-8", newline="\n")


def replace_table(path: Path | str, table: pa.Table) -> None:
    """Write *table* as Parquet to the single file *path*, which is the old one or the new one, whole."""
    with _replacing(Path(path)) as temporary, table_files.parquet(temporary, table.schema) as writer:
        writer.write(table)


@contextmanager
def _replacing(path: Path) -> Iterator[Path]:
    """A temporary file beside *path* that takes its place at the end, or vanishes."""
    path = path.absolute()
    with _disk_trouble(path.parent):
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
        temporary.unlink(missing_ok=True)
        try:
            yield temporary
            _sync(temporary)
            temporary.replace(path)
            _sync(path.parent)
        finally:
            temporary.unlink(missing_ok=True)


def _publish(out: Path, finished: Run, before: str | None) -> Path:
    """Make *finished* the current run: two renames, each after all before it is on the disk."""
    seal(finished.path, finished.info)
    _sync_tree(finished.path)
    final = out / run_name(finished.path)
    if os.path.lexists(final) and not _whole(final):
        _remove(final)
    if not final.exists():
        finished.path.rename(final)
        _sync(out)
    link = out / f".{CURRENT}.tmp"
    link.symlink_to(final.name)
    link.replace(out / CURRENT)
    _sync(out)
    if before != final.name:
        for folder in sorted(out.iterdir()):
            if RUN_NAME.fullmatch(folder.name) and folder.name not in (final.name, before):
                with suppress(OSError):
                    _remove(folder)
    return final


def _link(out: Path) -> str | None:
    """What CURRENT points to, as it is written there; None when there is no CURRENT."""
    path = out / CURRENT
    if path.is_symlink():
        return str(path.readlink())
    if path.exists():
        raise CxmlError(
            f"{CURRENT} is not a link",
            where=str(path),
            expected="a link that a finished run set",
            fix="choose another --out folder, or move this file away",
        )
    return None


def _whole(folder: Path) -> bool:
    try:
        verify(folder)
    except CxmlError:
        return False
    return True


def _sweep(out: Path) -> None:
    """Remove what dead or failed runs left. The lock is ours, so nothing here is alive."""
    for path in out.iterdir():
        if _LEFTOVER.fullmatch(path.name):
            _remove(path)


def _remove(path: Path) -> None:
    """Remove a folder or link; a half-removed run does not bear a run's name."""
    if RUN_NAME.fullmatch(path.name):
        path = path.rename(path.with_name(f".{path.name}.tmp"))
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink()


@contextmanager
def _locked(out: Path) -> Iterator[None]:
    """Hold the folder's lock; the system lets go of it when the process ends, however it ends."""
    lock = os.open(out / ".lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o666)
    try:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as problem:
            raise LockedError(
                "another run is writing to the folder",
                where=str(out),
                expected="one run at a time",
                fix="wait until it ends, or choose another --out folder",
            ) from problem
        yield
    finally:
        os.close(lock)


@contextmanager
def _disk_trouble(out: Path) -> Iterator[None]:
    """Turn a failure to write below *out* into a CxmlError that names the path."""
    try:
        yield
    except OSError as problem:
        path = Path(os.fsdecode(problem.filename)).absolute() if problem.filename else out
        ours = problem.filename and (path.is_relative_to(out) or out.is_relative_to(path))
        if problem.errno not in _DISK and not ours:
            raise
        raise CxmlError(
            f"the output cannot be written ({problem.strerror})",
            where=str(path),
            expected="a folder with enough space and the right to write; the earlier output stands",
            fix="make room or fix the permissions, or choose another --out folder",
        ) from problem


def _sync_tree(folder: Path) -> None:
    """Wait until all files below *folder*, and the lists of their names, are on the disk."""
    for path in (*files(folder).values(), folder / MANIFEST):
        _sync(path)
    for inner, _, _ in os.walk(folder):
        _sync(Path(inner))


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
