"""A customer's reasons in plain words."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from cxml.report.content import Reason
from cxml.report.figures import Figures
from cxml.report.safe_text import visible
from cxml.report.words import Words, upper_first

_WINDOW = re.compile(r"_(\d+)d$")


def reason_text(reason: Reason, labels: Mapping[str, Any], words: Words, figures: Figures) -> str:
    """What is recorded about the customer, with its window and its value in its unit.

    >>> labels = {"features": {"wait_mean_90d": {"en": "average wait", "unit": "s"}}}
    >>> reason_text(Reason("wait_mean_90d", 870), labels, Words("en"), Figures("en"))
    'Average wait, last 90 days: 14 min 30 s'
    """
    feature = labels.get("features", {}).get(reason.feature, {})
    label = visible(feature.get(words.language, reason.feature))
    unit = str(feature.get("unit", "score"))
    window = _WINDOW.search(reason.feature)
    when = words.plain("calls.window", label=label, n=window[1]) if window else label
    if unit != "text":  # the value of a text is a level's code, which tells a reader nothing
        when = words.plain("calls.value", label=when, value=figures.feature(reason.value, unit, label))
    return upper_first(when)
