"""Write the reference pages from the declarations they describe: ``python docs/generate.py [--check]``.

With ``--check`` nothing is written, and the exit code says whether a page is out of date.
"""

from __future__ import annotations

import dataclasses
import sys
import tomllib
import typing
from functools import partial
from pathlib import Path

from cxml.config.load import Config
from cxml.config.sections import OwnFactor, TableSource, ValueSource
from cxml.config.template import shown
from cxml.contracts import ALL_TABLES, CONTACT_END, CONTACTS, WAIT_END
from cxml.factors import FACTORS, LOOKBACKS
from cxml.factors.catalogue import feature_rows
from cxml.factors.customer_value import worth
from cxml.factors.profile import profile

HERE = Path(__file__).parent / "reference"

ALL_FACTORS = (*FACTORS, profile({}), worth([ValueSource(table="orders", column="margin")], {}))
"""The factors that come with cxml, and those that a config makes, as examples."""


def tables_page() -> str:
    """The input tables and their columns."""
    lines = [
        "# Tables",
        "",
        "Generated from `cxml/contracts/tables.py`. A table needs the columns in bold; all others are optional, and a",
        "feature whose column is missing is left out by name. *Known from* is the instant at which a value counts as known:",
        "before it, no feature sees the value. Where it is empty, a value is known as soon as its row is.",
        "",
        "*Overwritten* marks what systems change in place, as people move, plans change and tickets are filed anew. An",
        "export of such a column shows today's value on old rows, and that gives away who left since. Map `recorded_at`",
        "and give a row for each version, or leave the column out, or make sure that the export holds it as it was at the",
        "time of the row. [`cxml audit`](../audit.md) looks for columns that know too much.",
        "",
    ]
    for table in ALL_TABLES.values():
        lines += [f"## {table.name}", "", f"A row is {table.row_is}.", ""]
        if table is CONTACTS:
            lines += [
                "The [call list](../call-list.md#ranked-by-persuadability) alone learns from it: no feature and no label",
                "reads it.",
                "",
            ]
        lines += [
            "| column | type | known from | what it holds |",
            "|---|---|---|---|",
        ]
        for column in table.columns:
            name = f"**{column.name}**" if column.name in table.required else column.name
            known = {
                "": "",
                column.name: "itself",
                CONTACT_END: "end of the contact",
                WAIT_END: "end of the wait",
            }.get(column.known, column.known)
            limits = [
                column.unit,
                *(f"one of {', '.join(column.one_of)}" for _ in [0] if column.one_of),
                *(["personal"] if column.personal else []),
                *(["an outcome: never a feature"] if column.target else []),
                *(["overwritten"] if column.overwritten else []),
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
        "Generated from `cxml/config/sections.py`. `cxml init DIR` writes a file with all of them.",
        "",
    ]
    hints = typing.get_type_hints(Config)
    for section in dataclasses.fields(Config):
        if section.name == "folder":
            continue
        cls = {"tables": TableSource, "factors": OwnFactor}.get(section.name) or hints[section.name]
        title = f"{section.name}.NAME" if section.name in ("tables", "factors") else section.name
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


_FEATURES = {
    "en": (
        "# Features",
        "Generated from `cxml/factors/`; [한국어](features.ko.md). A feature with windows becomes one column per window,"
        " such as `wait_mean_30d`: the days are those named, or [features] lookbacks (by default {}). *Direction* is"
        " what the literature expects: + raises churn, - lowers it, ± unsure; the report tests it. *Rows* are those of"
        " the [factor map](factors.md).",
        "| feature | measures | unit | direction | windows | table | rows |",
    ),
    "ko": (
        "# 지표 목록",
        "`cxml/factors/`에서 생성한 문서입니다. [English](features.md). 기간이 있는 지표는 기간마다 열이 하나씩 생깁니다"
        "(예: `wait_mean_30d`). 기간은 표에 적힌 일수이며, 없으면 [features] lookbacks(기본값 {})를 따릅니다."
        " *방향*은 문헌에서 예상하는 방향으로, +는 이탈을 높이고 -는 낮추며 ±는 불분명합니다. 보고서에서 실제"
        " 데이터로 확인합니다.",
        "| 지표 | 측정하는 것 | 단위 | 방향 | 기간(일) | 표 | 근거 |",
    ),
}


def features_page(lang: str = "en") -> str:
    """The catalogue of features."""
    title, intro, head = _FEATURES[lang]
    lines = [title, "", intro.format(", ".join(map(str, LOOKBACKS))), ""]
    for factor in ALL_FACTORS:
        about = f"`{factor.name}`, {factor.kind}, {factor.family}, tier {factor.tier}. {factor.says}"
        lines += [
            f"## {factor.en if lang == 'en' else factor.ko}",
            "",
            about if lang == "en" else f"`{factor.name}`",
            "",
        ]
        lines += [head, "|---|---|---|---|---|---|---|"]
        for row in feature_rows([factor]):
            windows = _windows(row["lookbacks"], lang) if row["table"] or row["lookbacks"] != (0,) else ""
            table = row["table"] or {"en": "formula", "ko": "계산식"}[lang]
            cells = (
                f"`{row['feature']}`",
                row[lang],
                row["unit"],
                row["direction"],
                windows,
                table,
                " ".join(row["rows"]),
            )
            lines.append(f"| {' | '.join(cells)} |")
        lines.append("")
    return "\n".join(lines)


def _windows(lookbacks: tuple[int, ...], lang: str) -> str:
    if not lookbacks:
        return {"en": "standard", "ko": "기본 기간"}[lang]
    return (
        {"en": "all history", "ko": "전체 기간"}[lang]
        if lookbacks == (0,)
        else ", ".join(map(str, lookbacks))
    )


def factors_page() -> str:
    """Where each row of the source documents went."""
    measured: dict[str, list[str]] = {}
    for row in feature_rows(ALL_FACTORS):
        for name in row["rows"]:
            measured.setdefault(name, []).append(f"`{row['feature']}`")
    rows = factor_map()
    lines = [
        "# Factor map",
        "",
        "Generated from the features' own declarations and `docs/factor_map.toml`. Five Korean documents say how customers",
        f"experience service and why they leave; they name {len(rows)} things. {len(measured.keys() & rows.keys())} of them"
        " are measured by features. The others",
        "are a label, a metric, a parameter or a line of the report, or, openly, context.",
        "",
        "| row | what the documents name | where it went |",
        "|---|---|---|",
    ]
    for name, row in rows.items():
        places = [", ".join(measured[name])] if name in measured else []
        places += [
            _PLACES[kind].format(what) for kind, _, what in (p.partition(":") for p in row.get("place", ()))
        ]
        if "because" in row:
            places.append(f"context: {row['because']}")
        lines.append(f"| {name} | {row['title']} | {'; '.join(places)} |")
    return "\n".join(lines)


def factor_map() -> dict[str, dict[str, typing.Any]]:
    """The rows of the documents, and the places that are no feature."""
    with (Path(__file__).parent / "factor_map.toml").open("rb") as file:
        return tomllib.load(file)


_PLACES = {
    "config": "`{}` in cxml.toml",
    "metric": "`{}` in metrics.json",
    "label": "the target `{}`",
    "report": "the report (`{}`)",
    "table": "the check of `{}`",
}

PAGES = {
    "tables.md": tables_page,
    "config.md": config_page,
    "features.md": features_page,
    "features.ko.md": partial(features_page, "ko"),
    "factors.md": factors_page,
}


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
