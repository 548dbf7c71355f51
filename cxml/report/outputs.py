"""All files of a report."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import cast, get_args

from cxml.errors import ConfigError, did_you_mean
from cxml.report.content import compute
from cxml.report.drivers_table import drivers_csv
from cxml.report.figures import Language
from cxml.report.inputs import ReportInputs
from cxml.report.json_report import as_json
from cxml.report.page import CALL_LIST_FILE, render_content
from cxml.report.workbook import workbook


def build(inputs: ReportInputs, langs: Sequence[Language] = ("en", "ko")) -> dict[str, bytes]:
    """File name to bytes: ``report.<lang>.html`` and a workbook per language, ``drivers.csv``, ``report.json``.

    The workbook is ``call_list.xlsx`` in the first language and ``call_list.<lang>.xlsx`` in others. Nothing is
    written to disk.
    """
    content = compute(inputs)
    files = {}
    for lang in langs:
        book = CALL_LIST_FILE if lang == langs[0] else f"call_list.{lang}.xlsx"
        files[f"report.{lang}.html"] = render_content(content, inputs, lang, book).encode()
        files[book] = workbook(content, inputs, lang)
    files["drivers.csv"] = drivers_csv(inputs).encode()
    text = json.dumps(as_json(content), ensure_ascii=False, allow_nan=False, indent=1)
    files["report.json"] = f"{text}\n".encode()
    return files


def languages(names: Sequence[str]) -> tuple[Language, ...]:
    """The languages called so, each once.

    Raises
    ------
    ConfigError
        A language in which no report is written.
    """
    known = get_args(Language)
    for name in names:
        if name not in known:
            raise ConfigError(
                f"there is no report in {name!r}",
                where="--lang",
                expected=f"one of {', '.join(known)}",
                fix=did_you_mean(name, known),
            )
    return tuple(dict.fromkeys(cast(Language, name) for name in names))
