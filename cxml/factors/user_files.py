"""Factors of a user's own: Python files named in ``[features] files``, of the same form as those of cxml.

A file is run when it is named, so name only files that you trust. Every ``Factor`` at its top level counts::

    from cxml.factors.declare import Factor, Feature, share

    NIGHT = Factor(
        name="night_calls", en="Calls at night", ko="야간 문의", kind="lever", family="process", tier=1,
        says="Contacts outside the day.",
        features=(
            Feature("night_share", "interactions", share("mod(wall, 86400) < 21600"), "share", "", "+",
                    "share of contacts before six in the morning", "오전 6시 이전 문의 비율", (90,)),
        ),
    )
"""

from __future__ import annotations

import hashlib
import importlib.util
import sys
from collections.abc import Sequence
from pathlib import Path

from cxml.errors import ConfigError
from cxml.factors.declare import Factor

_WHERE = "[features] files"


def own_factors(files: Sequence[str], folder: Path) -> tuple[Factor, ...]:
    """The factors declared in *files*, in their order.

    Parameters
    ----------
    files : sequence of str
        Paths, relative to *folder*.

    Raises
    ------
    ConfigError
        A file that is not there, that cannot be run, or that declares no factor.
    """
    return tuple(factor for file in files for factor in _declared(folder / file))


def fingerprints(files: Sequence[str], folder: Path) -> dict[str, str]:
    """SHA-256 of each file, by its name."""
    return {file: hashlib.sha256((folder / file).read_bytes()).hexdigest() for file in files}


def _declared(path: Path) -> tuple[Factor, ...]:
    if not path.is_file():
        raise ConfigError(
            "there is no such file",
            where=f"{_WHERE}: {path}",
            expected="a Python file with factors",
            fix="correct the path; it starts at the folder of cxml.toml",
        )
    name = f"cxml_own_{hashlib.sha256(str(path.resolve()).encode()).hexdigest()[:12]}"
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise ConfigError(
            "this is no Python file",
            where=f"{_WHERE}: {path}",
            expected="a file that ends in .py",
            fix="name a Python file with factors",
        )
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # dataclasses declared in the file look themselves up here
    try:
        spec.loader.exec_module(module)
    except Exception as error:  # whatever the file does wrong is for its author to see
        del sys.modules[name]
        line = _line(error, path)
        raise ConfigError(
            f"the file cannot be run: {type(error).__name__}: {error}",
            where=f"{_WHERE}: {path}{line}",
            expected="Python that declares factors",
            fix="correct the line; 'python FILE' shows the whole error",
        ) from error
    found = tuple(value for value in vars(module).values() if isinstance(value, Factor))
    if not found:
        raise ConfigError(
            "the file declares no factor",
            where=f"{_WHERE}: {path}",
            expected="NAME = Factor(...) at its top level",
            fix="declare one, or drop the file",
        )
    return found


def _line(error: Exception, path: Path) -> str:
    """The last line of the file that the error went through."""
    if isinstance(error, SyntaxError):
        return f", line {error.lineno}"
    line, trace = "", error.__traceback__
    while trace is not None:
        if trace.tb_frame.f_code.co_filename == str(path):
            line = f", line {trace.tb_lineno}"
        trace = trace.tb_next
    return line
