"""The factors as a CSV for machines."""

from __future__ import annotations

import csv
import io
import math
from typing import Any

from cxml.report.content import factor_name
from cxml.report.inputs import SMALL_GROUP, ReportInputs
from cxml.report.safe_text import safe_cell, visible

_NUMBERS = ("importance", "share_of_importance", "direction")
_GROUP = (
    "strength",
    "share_of_strength",
    "customers_hit",
    "share_hit",
    "odds_ratio",
    "value_at_risk",
    "value_at_risk_without",
    "avoidable",
)


def drivers_csv(inputs: ReportInputs) -> str:
    """One line per factor, in the order of ``inputs.drivers``; lines end in CR LF.

    Numbers that describe fewer than ten customers are empty, as are missing ones; text is made safe
    by ``safe_cell``. The first character is a byte order mark, so that spreadsheets read Korean.
    """
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\r\n")
    numbers = [n for n in _NUMBERS + _GROUP if n in inputs.drivers]
    writer.writerow(["factor", "name_en", "name_ko", "kind", "family", *numbers])
    for raw in inputs.drivers.to_dict("records"):
        row = {str(key): value for key, value in raw.items()}
        name = factor_name(inputs.labels, str(row["factor"]))
        small = 0 < int(row["customers_hit"]) < SMALL_GROUP
        text = (str(row["factor"]), name.en, name.ko, str(row["kind"]), str(row["family"]))
        writer.writerow(
            [
                *(safe_cell(visible(t)) for t in text),
                *("" if small and n in _GROUP else _number(row[n]) for n in numbers),
            ]
        )
    return "\N{ZERO WIDTH NO-BREAK SPACE}" + file.getvalue()


def _number(value: Any) -> str:
    """The shortest text that reads back as the same number; empty where there is none."""
    if value is None or not math.isfinite(float(value)):
        return ""
    return str(int(value)) if float(value).is_integer() else repr(float(value))
