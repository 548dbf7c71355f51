"""The call list and the factors as a workbook for people."""

from __future__ import annotations

import io
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import xlsxwriter
from xlsxwriter.format import Format
from xlsxwriter.worksheet import Worksheet

from cxml.report.call_list import Call, calls_of, order, ranked
from cxml.report.content import Content, compute
from cxml.report.figures import Figures, Language
from cxml.report.inputs import ReportInputs
from cxml.report.reasons import instead, reason_text
from cxml.report.safe_text import safe_cell, visible
from cxml.report.sentences import Words, starting
from cxml.report.story_text import StoryText

CALL_LIST_ROWS = 10_000
"""Rows of the list at most, in the order to contact."""
Cell = str | float | int | None


@dataclass(frozen=True)
class _Column:
    head: str
    width: int
    style: str
    cells: Sequence[Cell]


def call_list_xlsx(inputs: ReportInputs, lang: Language) -> bytes:
    """The first ``CALL_LIST_ROWS`` customers to call, the factors and the glossary, a sheet each.

    Text is written as text, never as a formula (see ``safe_cell``); the same inputs give the same bytes.

    Parameters
    ----------
    inputs : ReportInputs
    lang : {"en", "ko"}

    Returns
    -------
    bytes
        An XLSX workbook.
    """
    return workbook(compute(inputs), inputs, lang)


def workbook(content: Content, inputs: ReportInputs, lang: Language) -> bytes:
    """The workbook of a content that is already computed."""
    words = Words(lang)
    file = io.BytesIO()
    options = {
        "in_memory": True,
        "strings_to_formulas": False,
        "strings_to_urls": False,
        "strings_to_numbers": False,
    }
    with xlsxwriter.Workbook(file, options) as book:
        book.set_properties(
            {"title": words.plain("page.title"), "created": content.scope.cutoff.replace(tzinfo=None)}
        )
        font = {"font_name": "Malgun Gothic" if lang == "ko" else "Calibri", "font_size": 10, "valign": "top"}
        styles = {
            "head": book.add_format(
                {
                    **font,
                    "bold": True,
                    "bg_color": "#1f5f7f",
                    "font_color": "#ffffff",
                    "text_wrap": True,
                    "valign": "vcenter",
                }
            ),
            "text": book.add_format({**font, "text_wrap": True}),
            "id": book.add_format({**font, "num_format": "@"}),
            "share": book.add_format({**font, "num_format": "0.0%"}),
            "money": book.add_format({**font, "num_format": "#,##0"}),
            "count": book.add_format({**font, "num_format": "#,##0"}),
            "ratio": book.add_format({**font, "num_format": "0.00"}),
        }
        for name, columns in (
            ("sheets.list", _list(inputs, words)),
            ("sheets.factors", _factors(content, words)),
            ("glossary.sheet", _glossary(content, inputs, words)),
        ):
            sheet = book.add_worksheet(words.plain(name))
            _sheet(sheet, columns, styles)
            sheet.set_header(_on_paper(content, inputs, words))
    return file.getvalue()


def _sheet(sheet: Worksheet, columns: Sequence[_Column], styles: dict[str, Format]) -> None:
    """Columns with a frozen, filterable head, fit for landscape paper."""
    last = len(columns[0].cells)
    for k, column in enumerate(columns):
        sheet.set_column(k, k, column.width, styles[column.style])
        sheet.write_string(0, k, safe_cell(column.head), styles["head"])
        for row, cell in enumerate(column.cells, start=1):
            if isinstance(cell, str):
                sheet.write_string(row, k, safe_cell(cell), styles[column.style])
            elif cell is not None and math.isfinite(cell):
                sheet.write_number(row, k, cell, styles[column.style])
    sheet.set_row(0, 32)
    sheet.freeze_panes(1, 2)
    sheet.autofilter(0, 0, max(last, 1), len(columns) - 1)
    sheet.ignore_errors({"number_stored_as_text": f"A1:Z{last + 1}"})
    sheet.repeat_rows(0)
    sheet.set_landscape()
    sheet.set_paper(9)
    sheet.fit_to_pages(1, 0)


def _list(inputs: ReportInputs, words: Words) -> list[_Column]:
    t, figures = words.plain, _figures(inputs, words)
    calls = calls_of(ranked(inputs, CALL_LIST_ROWS), inputs.stories)
    money = f" ({figures.unit})" if figures.currency else ""

    def reasons(k: int) -> list[Cell]:
        said = (inputs.labels, words, figures)
        return [
            reason_text(c.reasons[k], *said) if len(c.reasons) > k else None if k else instead(c, *said)
            for c in calls
        ]

    columns = [
        _Column(
            f"{t('calls.rank')} ({t(f'orders.by_{order(inputs)}')})", 14, "count", [c.rank for c in calls]
        ),
        _Column(t("calls.customer"), 18, "id", [c.customer_id for c in calls]),
        _Column(
            t("calls.status"),
            22,
            "text",
            [t(status) for status in _statuses(inputs, calls)],
        ),
        _Column(t("calls.probability"), 12, "share", [c.probability for c in calls]),
    ]
    if inputs.has_value:
        columns += [
            _Column(t("calls.worth") + money, 16, "money", [c.value_if_stays for c in calls]),
            _Column(t("calls.at_risk") + money, 16, "money", [c.value_at_risk for c in calls]),
        ]
    if any(math.isfinite(c.expected_profit) for c in calls):
        columns.append(_Column(t("calls.profit") + money, 16, "money", [c.expected_profit for c in calls]))
    columns += [_Column(t("calls.reason", n=k + 1), 42, "text", reasons(k)) for k in range(3)]
    say = StoryText(words, figures)
    told = [[say.plain(story) for story in c.stories] for c in calls]
    missing = [say.missing(c.recovery) or None for c in calls]
    if any(told) or any(missing):
        columns += [
            _Column(
                t("calls.facts", n=figures.people(len(inputs.stories))),
                60,
                "text",
                ["\n".join(filter(None, one)) or None for one in told],
            ),
            _Column(t("calls.next"), 36, "text", missing),
        ]
    return columns


def _statuses(inputs: ReportInputs, calls: Sequence[Call]) -> Iterator[str]:
    """Whether each call is planned, as a key of the catalogue; where no money is known all are but those held out."""
    plan = inputs.calls.get("plan") or {}
    left = plan["size"] if plan.get("scenarios") else len(calls)
    for call in calls:
        yield "calls.holdout" if call.holdout else "calls.contact" if left > 0 else "calls.unplanned"
        left -= not call.holdout


def _factors(content: Content, words: Words) -> list[_Column]:
    t = words.plain
    rows = content.levers + content.others
    names = [starting(x.name.en, x.name.ko, words.language) for x in rows]
    areas = [t(f"families.{x.area}") if x in content.levers else t("others.title") for x in rows]
    columns = [
        _Column(t("factors.factor"), 26, "text", names),
        _Column(t("factors.area"), 20, "text", areas),
        _Column(t("factors.share"), 14, "share", [x.share for x in rows]),
        _Column(t("factors.weight"), 14, "share", [x.weight for x in rows]),
    ]
    causes = [content.behind[x.factor].cause if x.factor in content.behind else None for x in rows]
    if any(causes):
        badges = [t(f"badges.{cause.badge}") if cause else None for cause in causes]
        columns.append(_Column(t("factors.badge"), 22, "text", badges))
    hit = [x if x in content.levers and not x.small else None for x in rows]
    columns += [
        _Column(
            t("factors.hit"),
            14,
            "count",
            [
                x.customers if x in content.levers and (not x.small or x.customers == 0) else None
                for x in rows
            ],
        ),
        _Column(t("factors.hit_share"), 14, "share", [x.hit_share if x else None for x in hit]),
        _Column(t("factors.risk"), 14, "share", [x.risk if x else None for x in hit]),
        _Column(t("factors.risk_without"), 14, "share", [x.risk_without if x else None for x in hit]),
        _Column(t("factors.odds"), 12, "ratio", [x.odds_ratio if x else None for x in hit]),
        _Column(t("factors.fewer"), 14, "count", [x.fewer_leavers if x else None for x in hit]),
    ]
    if content.has_value:
        columns += [
            _Column(t("factors.value"), 18, "money", [x.value_at_risk if x else None for x in hit]),
            _Column(t("factors.value_without"), 18, "money", [x.value_without if x else None for x in hit]),
            _Column(t("factors.difference"), 18, "money", [x.avoidable if x else None for x in hit]),
        ]
    return columns


def _on_paper(content: Content, inputs: ReportInputs, words: Words) -> str:
    """Whose list it is and of which day, at the head of every printed page."""
    whose, day = visible(content.scope.project)[:60], str(_figures(inputs, words).date(content.scope.cutoff))
    return f"&L{whose.replace('&', '&&')}&R{words.plain('page.as_of')} {day}"


def _glossary(content: Content, inputs: ReportInputs, words: Words) -> list[_Column]:
    """First of which day the workbook is, what it looks ahead to and how it is ordered, then the terms."""
    t, figures, scope = words.plain, _figures(inputs, words), content.scope
    ahead = t("page.undated")
    if scope.end > scope.start:
        ahead = t("page.from_to", start=figures.date(scope.start), end=figures.last_day(scope.end))
    terms = [
        (t("page.as_of"), str(figures.date(scope.cutoff))),
        (t("page.window"), ahead),
        (t("orders.title"), t(f"orders.{order(inputs)}")),
        *words.terms(money=content.has_value),
    ]
    return [
        _Column(words.plain("glossary.term"), 26, "text", [term for term, _ in terms]),
        _Column(words.plain("glossary.meaning"), 100, "text", [meaning for _, meaning in terms]),
    ]


def _figures(inputs: ReportInputs, words: Words) -> Figures:
    return Figures(
        words.language, str(inputs.meta.get("currency", "")), str(inputs.meta.get("timezone", "UTC"))
    )
