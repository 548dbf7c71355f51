"""The driver report: a page per language, a call list and a table of factors."""

from cxml.report.call_list import call_list_xlsx
from cxml.report.drivers_table import drivers_csv
from cxml.report.gather import gather
from cxml.report.inputs import ReportInputs
from cxml.report.outputs import build, languages
from cxml.report.page import render

__all__ = ["ReportInputs", "build", "call_list_xlsx", "drivers_csv", "gather", "languages", "render"]
