"""The driver report: a page per language, a call list and a table of factors."""

from cxml.report.backtest_page import BacktestInputs, backtest_page
from cxml.report.drivers_table import drivers_csv
from cxml.report.gather import gather
from cxml.report.inputs import ReportInputs
from cxml.report.label_page import LabelInputs, advice, label_page
from cxml.report.outputs import build, languages
from cxml.report.page import render
from cxml.report.pseudonyms import pseudonym, without_ids
from cxml.report.workbook import call_list_xlsx

__all__ = [
    "BacktestInputs",
    "LabelInputs",
    "ReportInputs",
    "advice",
    "backtest_page",
    "build",
    "call_list_xlsx",
    "drivers_csv",
    "gather",
    "label_page",
    "languages",
    "pseudonym",
    "render",
    "without_ids",
]
