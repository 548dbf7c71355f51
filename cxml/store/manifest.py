"""What a finished folder holds: every file's SHA-256 in ``manifest.json``, and whether that still stands.

The checksums find accidents and changed files; they do not stop someone who can rewrite the manifest
as well.
"""

from __future__ import annotations

import hashlib
import json
import math
import os
import re
import stat
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from cxml.errors import CxmlError, ModelError
from cxml.version import __version__

MANIFEST = "manifest.json"
RUN_NAME = re.compile(r"run-[0-9a-f]{16}")

_PART = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,199}")


def seal(folder: Path, info: dict[str, Any]) -> dict[str, Any]:
    """Write ``manifest.json`` into *folder*: every file's SHA-256, bytes and rows, and *info*.

    No clock is read: the same files and info give the same manifest.
    """
    contents = {name: _entry(path) for name, path in files(folder).items()}
    manifest = {"cxml": __version__, "files": contents, "info": info}
    (folder / MANIFEST).write_text(as_json(manifest, sort_keys=True), encoding="utf-8", newline="\n")
    return manifest


def verify(folder: Path | str, *, error: type[CxmlError] = ModelError) -> dict[str, Any]:
    """Check every file of a sealed folder against its manifest, and return the manifest.

    Of a run folder the name is checked too: it is derived from the manifest.

    Raises
    ------
    error
        When the manifest is missing or damaged, or a file is missing, changed, added, or not plain.
    """
    folder = Path(folder).resolve()
    try:
        manifest = _read(folder)
        _compare(folder, manifest["files"])
    except CxmlError as damage:
        raise error(
            damage.what,
            where=damage.where,
            expected=f"the files that {MANIFEST} lists, unchanged",
            fix="make the folder again, or copy it again from its source",
        ) from damage.__cause__
    return manifest


def run_name(folder: Path) -> str:
    """The name that a sealed folder gets from its manifest, and with it from all its content."""
    return f"run-{_sha256(folder / MANIFEST)[:16]}"


def files(folder: Path) -> dict[str, Path]:
    """All files below *folder* but its manifest: relative path with ``/`` to path, sorted.

    Raises
    ------
    CxmlError
        When there is a link or a special file: neither can be vouched for.
    """
    found = {}
    for parent, folders, names in os.walk(folder):
        for path in (Path(parent, name) for name in (*folders, *names)):
            mode = path.lstat().st_mode
            if stat.S_ISREG(mode):
                found[path.relative_to(folder).as_posix()] = path
            elif not stat.S_ISDIR(mode):
                raise CxmlError(
                    "there is a link or a special file",
                    where=str(path),
                    expected="plain files and folders",
                    fix="put the file itself there",
                )
    found.pop(MANIFEST, None)
    return dict(sorted(found.items()))


def is_plain(name: str) -> bool:
    """Whether *name* is a relative path of harmless parts that stays inside its folder.

    >>> [is_plain(name) for name in ("truth/effects.parquet", "../x", "/x", "a//b", ".hidden", "")]
    [True, False, False, False, False, False]
    """
    return all(_PART.fullmatch(part) for part in name.split("/"))


def safe_name(text: str) -> str:
    """A file name for any text: itself when harmless, else a readable part and a hash.

    Different texts give different names, also where the file system ignores case.

    >>> safe_name("gold-2026")
    'gold-2026'
    >>> safe_name("../../etc/passwd")
    'etc-passwd.3754d6cb'
    """
    readable = re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")[:40]
    if readable and readable == text:
        return text
    digest = hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:8]
    return f"{readable or 'x'}.{digest}"


def as_json(value: Any, *, sort_keys: bool = False) -> str:
    """JSON for a file; NaN and infinity have no place in it (ValueError)."""
    return json.dumps(value, indent=2, sort_keys=sort_keys, ensure_ascii=False, allow_nan=False) + "\n"


def plain(value: Any) -> Any:
    """JSON values with None in the place of NaN and infinity, for ``as_json``.

    >>> plain({"share": float("nan"), "ends": (0.5, 1)})
    {'share': None, 'ends': [0.5, 1]}
    """
    if isinstance(value, Mapping):
        return {str(name): plain(part) for name, part in value.items()}
    if isinstance(value, list | tuple):
        return [plain(part) for part in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _read(folder: Path) -> dict[str, Any]:
    """The manifest of *folder*, of the right shape."""
    path = folder / MANIFEST
    try:
        manifest = json.loads(path.read_bytes(), object_pairs_hook=_unique)
        shaped = all(isinstance(entry, dict) for entry in manifest["files"].values())
    except OSError as problem:
        raise CxmlError(f"the manifest cannot be read ({problem.strerror})", where=str(path)) from problem
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as problem:
        raise CxmlError("the manifest is damaged", where=str(path)) from problem
    if not shaped:
        raise CxmlError("the manifest is damaged", where=str(path))
    if RUN_NAME.fullmatch(folder.name) and folder.name != run_name(folder):
        raise CxmlError("the manifest was changed: it does not fit the folder's name", where=str(path))
    return dict(manifest)


def _compare(folder: Path, listed: dict[str, dict[str, Any]]) -> None:
    """Refuse the first difference between what is listed and what is there."""
    found = files(folder)
    for name in sorted(listed.keys() | found.keys()):
        if not is_plain(name):
            raise CxmlError(
                "there is a name that is not plain, or leads out of the folder", where=str(folder)
            )
        path = folder / name
        if name not in found:
            raise CxmlError("a file is missing", where=str(path))
        if name not in listed:
            raise CxmlError("there is a file that the manifest does not list", where=str(path))
        if listed[name].get("bytes") != path.stat().st_size or listed[name].get("sha256") != _sha256(path):
            raise CxmlError("a file was changed or damaged", where=str(path))


def _entry(path: Path) -> dict[str, Any]:
    """What the manifest says about a file."""
    entry: dict[str, Any] = {"sha256": _sha256(path), "bytes": path.stat().st_size}
    if path.suffix == ".parquet":
        import pyarrow.parquet as pq

        entry["rows"] = pq.read_metadata(path).num_rows
    return entry


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """A JSON object; a key that occurs twice is an error."""
    if len(dict(pairs)) < len(pairs):
        raise ValueError("a key occurs twice")
    return dict(pairs)
