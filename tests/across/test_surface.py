"""What a data scientist types: the public names are there, light, named on the pages, and shown by code that runs."""

from __future__ import annotations

import doctest
import importlib
import inspect
import re
from pathlib import Path

import pytest

HOME = Path(__file__).parents[2]
PAGE = HOME / "docs" / "python.md"
FOLDERS = ("causes", "decisions", "drivers", "factors", "features", "jobs", "metrics", "models", "snapshots")
MODULES = [importlib.import_module(name) for name in ("cxml", *(f"cxml.{folder}" for folder in FOLDERS))]


def public() -> list[tuple[str, str, object]]:
    return [(module.__name__, name, getattr(module, name)) for module in MODULES for name in module.__all__]


def test_every_public_name_is_there_and_said_once() -> None:
    for module in MODULES:
        assert len(set(module.__all__)) == len(module.__all__)
        assert set(module.__all__) <= set(dir(module))
    assert all(thing is not None for _, _, thing in public())


def test_the_page_names_what_the_package_hands_out() -> None:
    page = PAGE.read_text(encoding="utf-8")
    missing = [name for name in MODULES[0].__all__ if not re.search(rf"`{name}`", page)]
    assert set(missing) <= {"CxmlError", "__version__"}
    assert "docs/python.md" in (HOME / "README.md").read_text(encoding="utf-8")


@pytest.mark.usefixtures("small_forests")
def test_the_page_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    test = doctest.DocTestParser().get_doctest(PAGE.read_text("utf-8"), {}, "python.md", str(PAGE), 0)
    assert len(test.examples) > 40
    assert doctest.DocTestRunner(optionflags=doctest.NORMALIZE_WHITESPACE).run(test).failed == 0


def test_every_public_class_and_function_has_an_example() -> None:
    """In its docstring, on the page, or in a notebook: all three are run by the tests."""
    shown = PAGE.read_text("utf-8") + "".join(
        path.read_text("utf-8") for path in (HOME / "notebooks").glob("*.py")
    )
    bare = [
        f"{module}.{name}"
        for module, name, thing in public()
        if callable(thing)
        and not inspect.ismodule(thing)
        and ">>>" not in (thing.__doc__ or "")
        and not re.search(rf"\b{name}\b", shown)
    ]
    assert bare == []
