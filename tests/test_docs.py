"""The documentation: generated pages are up to date, links lead somewhere, commands and examples exist."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path

import pytest

from cxml.config import parse_config
from cxml.contracts import TABLES
from cxml.features import FACTORS
from cxml.starter import starter

HOME = Path(__file__).parents[1]
PAGES = [
    HOME / "README.md",
    *sorted((HOME / "docs").rglob("*.md")),
    *sorted((HOME / "pipelines").rglob("*.md")),
]


def generated() -> dict[str, str]:
    spec = importlib.util.spec_from_file_location("generate", HOME / "docs" / "generate.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return {name: page().rstrip() + "\n" for name, page in module.PAGES.items()}


def test_the_reference_is_what_the_declarations_say() -> None:
    pages = generated()
    for name, text in pages.items():
        assert (HOME / "docs" / "reference" / name).read_text(encoding="utf-8") == text, "run make docs"
    assert all(f"## {table}\n" in pages["tables.md"] for table in TABLES)
    assert all(f"`{f.name}`" in pages["features.md"] for factor in FACTORS for f in factor.features)


@pytest.mark.parametrize("page", PAGES, ids=lambda p: str(p.relative_to(HOME)))
def test_links_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)#]+)\)", page.read_text(encoding="utf-8")):
        if not target.startswith("http"):
            assert (page.parent / target).exists(), target


def test_the_starter_loads_as_it_is() -> None:
    import tomllib

    config = parse_config(tomllib.loads(starter()), Path())
    assert config.tables["interactions"].source == "interactions.csv"
