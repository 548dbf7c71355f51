"""Write the reference pages from the declarations they describe: ``python docs/generate.py [--check]``.

With ``--check`` nothing is written, and the exit code says whether a page is out of date.
"""

from __future__ import annotations

import dataclasses
import sys
import typing
from pathlib import Path

from cxml.config import Config
from cxml.contracts import CONTACT_END, TABLES
from cxml.features import FACTORS, LOOKBACKS, catalogue
from cxml.sections import TableSource, ValueSource
from cxml.starter import shown

HERE = Path(__file__).parent / "reference"


def tables_page() -> str:
    """The input tables and their columns."""
    lines = [
        "# Tables",
        "",
        "Generated from `cxml/contracts.py`. A table needs the columns in bold; all others are optional, and a feature",
        "whose column is missing is left out by name. *Known from* is the instant at which a value counts as known:",
        "before it, no feature sees the value. Where it is empty, a value is known as soon as its row is.",
        "",
    ]
    for table in TABLES.values():
        lines += [
            f"## {table.name}",
            "",
            f"A row is {table.row_is}.",
            "",
            "| column | type | known from | what it holds |",
            "|---|---|---|---|",
        ]
        for column in table.columns:
            name = f"**{column.name}**" if column.name in table.required else column.name
            known = {"": "", column.name: "itself", CONTACT_END: "end of the contact"}.get(
                column.known, column.known
            )
            limits = [
                column.unit,
                *(f"one of {', '.join(column.one_of)}" for _ in [0] if column.one_of),
                *(["personal"] if column.personal else []),
                *(["labels only"] if column.target else []),
            ]
            more = "; ".join(part for part in limits if part)
            lines.append(
                f"| {name} | {column.kind} | {known} | {column.says}{f' ({more})' if more else ''} |"
            )
        lines.append("")
    return "\n".join(lines)


def config_page() -> str:
    """Every key of ``cxml.toml``."""
    lines = [
        "# Keys of cxml.toml",
        "",
        "Generated from `cxml/config.py`. `cxml init DIR` writes a file with all of them.",
        "",
    ]
    hints = typing.get_type_hints(Config)
    for section in dataclasses.fields(Config):
        if section.name == "folder":
            continue
        cls = TableSource if section.name == "tables" else hints[section.name]
        title = "tables.NAME" if section.name == "tables" else section.name
        lines += [f"## [{title}]", "", *_key_rows(cls), ""]
        if section.name == "value":
            lines += ["## [[value.sources]]", "", *_key_rows(ValueSource), ""]
    return "\n".join(lines)


def _key_rows(cls: type) -> list[str]:
    rows = ["| key | default | meaning |", "|---|---|---|"]
    for field in dataclasses.fields(cls):
        if field.name != "sources":
            default = shown(field)
            rows.append(
                f"| {field.name} | {f'`{default}`' if default else '**required**'} | {field.metadata['says']} |"
            )
    return rows


def features_page() -> str:
    """The catalogue of features."""
    lines = [
        "# Features",
        "",
        "Generated from `cxml/features/`. A feature with windows becomes one column per window, such as `wait_mean_30d`:",
        f"the days are those named, or [features] lookbacks (by default {', '.join(map(str, LOOKBACKS))}). *Direction* is",
        "what the literature expects: + raises churn, - lowers it, ± unsure; the report tests it.",
        "",
    ]
    for factor in FACTORS:
        lines += [
            f"## {factor.en} / {factor.ko}",
            "",
            f"`{factor.name}`, {factor.kind}, {factor.family}, tier {factor.tier}. {factor.says}",
            "",
            "| feature | measures | 한국어 | unit | direction | windows | table | rows |",
            "|---|---|---|---|---|---|---|---|",
        ]
        for row in catalogue([factor]):
            cells = (
                f"`{row['feature']}`",
                row["en"],
                row["ko"],
                row["unit"],
                row["direction"],
                _windows(row["lookbacks"]) if row["table"] or row["lookbacks"] != (0,) else "",
                row["table"] or "formula",
                " ".join(row["rows"]),
            )
            lines.append(f"| {' | '.join(cells)} |")
        lines.append("")
    return "\n".join(lines)


def _windows(lookbacks: tuple[int, ...]) -> str:
    if not lookbacks:
        return "standard"
    return "all history" if lookbacks == (0,) else ", ".join(map(str, lookbacks))


PAGES = {"tables.md": tables_page, "config.md": config_page, "features.md": features_page}


def main(check: bool) -> int:
    """Write or compare all pages; returns the number that differ."""
    HERE.mkdir(exist_ok=True)
    stale = 0
    for name, page in PAGES.items():
        text = page().rstrip() + "\n"
        if not (HERE / name).exists() or (HERE / name).read_text(encoding="utf-8") != text:
            stale += 1
            if not check:
                (HERE / name).write_text(text, encoding="utf-8")
    return stale


if __name__ == "__main__":
    check = "--check" in sys.argv[1:]
    stale = main(check)
    sys.exit(f"{stale} pages are out of date: run make docs" if check and stale else 0)
