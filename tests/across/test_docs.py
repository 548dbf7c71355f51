"""The documentation: generated pages are up to date, links lead somewhere, the example of an own factor runs."""

from __future__ import annotations

import dataclasses
import importlib.util
import re
import tomllib
import typing
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import typer

from cxml.cli.commands import app
from cxml.config.load import Config, parse_config
from cxml.config.template import starter
from cxml.contracts import TABLES
from cxml.factors import FACTORS
from cxml.factors.catalogue import feature_rows
from cxml.metrics.forecasts import churn_metrics, value_metrics

HOME = Path(__file__).parents[2]
PAGES = [
    HOME / "README.md",
    *sorted((HOME / "docs").rglob("*.md")),
    *sorted((HOME / "pipelines").rglob("*.md")),
]


def generator() -> ModuleType:
    spec = importlib.util.spec_from_file_location("generate", HOME / "docs" / "generate.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def generated() -> dict[str, str]:
    return {name: page().rstrip() + "\n" for name, page in generator().PAGES.items()}


def test_the_reference_is_what_the_declarations_say() -> None:
    pages = generated()
    for name, text in pages.items():
        assert (HOME / "docs" / "reference" / name).read_text(encoding="utf-8") == text, "run make docs"
    assert all(f"## {table}\n" in pages["tables.md"] for table in TABLES)
    assert all(f"`{f.name}`" in pages["features.md"] for factor in FACTORS for f in factor.features)


COUNTS = {"A": 18, "B": 31, "C": 35, "D": 40, "G": 44, "R": 14, "J": 12, "K": 19}
ROWS = [f"{letter}{k}" for letter, count in COUNTS.items() for k in range(1, count + 1)]


def test_every_row_of_the_documents_has_a_place() -> None:
    module = generator()
    rows = module.factor_map()
    assert sorted(rows) == sorted(ROWS)
    assert len(rows) == 213
    declared = {row for item in feature_rows(module.ALL_FACTORS) for row in item["rows"]}
    assert declared <= rows.keys(), "a feature names a row that is not there"
    for name, row in rows.items():
        assert row.keys() <= {"title", "place", "because"}, name
        assert row["title"]
        assert name in declared or row.get("place") or row.get("because"), f"{name} has no place"
        # What is measured is not called context.
        assert not (name in declared and "because" in row), name
    assert len(declared) >= 120


def test_every_place_exists() -> None:
    texts = tomllib.loads((HOME / "cxml" / "report" / "sentences.toml").read_text(encoding="utf-8"))
    hints = typing.get_type_hints(Config)
    there = {
        "config": lambda section, key: key in {f.name for f in dataclasses.fields(hints[section])},
        "report": lambda section, key: key in texts[section],
        "metric": lambda group, key: (
            key in {"churn": churn_metrics([0, 1], [0.1, 0.9]), "value": value_metrics([0, 1], [0, 1])}[group]
        ),
        "label": lambda name, _: name in ("churned", "value"),
        "table": lambda table, column: column in TABLES[table].by_name,
    }
    places = [place for row in generator().factor_map().values() for place in row.get("place", ())]
    assert len(places) > 20
    for place in places:
        kind, _, what = place.partition(":")
        first, _, second = what.partition(".")
        assert there[kind](first, second), place


@pytest.mark.parametrize("page", PAGES, ids=lambda p: str(p.relative_to(HOME)))
def test_links_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)#]+)\)", page.read_text(encoding="utf-8")):
        if not target.startswith("http"):
            assert (page.parent / target).exists(), target


@pytest.mark.parametrize("page", PAGES, ids=lambda p: str(p.relative_to(HOME)))
def test_commands_that_a_page_names_exist(page: Path) -> None:
    """Each ``cxml NAME ...`` in code, with every option that follows it."""
    text = page.read_text(encoding="utf-8")
    blocks = re.findall(r"^```.*?^```", text, re.M | re.S)
    spans = re.findall(r"`([^`\n]+)`", re.sub(r"^```.*?^```", "", text, flags=re.M | re.S))
    known: Any = typer.main.get_command(app)
    for line in [*"\n".join(blocks).splitlines(), *spans]:
        words = line.partition("#")[0].strip().removeprefix("$ ").split()
        words = words[1:] if words[:1] == ["python"] and "cxml" in words else words
        if words[:1] != ["cxml"] or len(words) == 1:
            continue
        name = next(word for word in words[1:] if not word.startswith("-"))
        if name.isupper():  # a placeholder
            continue
        assert name in known.commands, line
        taken = {one for part in (known, known.commands[name]) for p in part.params for one in p.opts}
        named = {word.partition("=")[0] for word in words if word.startswith("--")} - {"--help"}
        assert named <= taken, line


def test_the_starter_loads_as_it_is() -> None:
    config = parse_config(tomllib.loads(starter()), Path())
    assert config.tables["interactions"].source == "interactions.csv"
