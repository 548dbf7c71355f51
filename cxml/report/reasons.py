"""A customer's reasons in plain words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from cxml.report.content import Call, Reason
from cxml.report.figures import Figures
from cxml.report.safe_text import visible
from cxml.report.words import Words, lower_first, upper_first


def instead(call: Call, labels: Mapping[str, Any], words: Words, figures: Figures) -> str:
    """What is said of a customer without a reason: that there is none, and what raises the risk most instead."""
    if call.other is None:
        return words.plain("calls.no_reason")
    return words.plain(
        "calls.other_reason", what=lower_first(reason_text(call.other, labels, words, figures))
    )


def reason_text(reason: Reason, labels: Mapping[str, Any], words: Words, figures: Figures) -> str:
    """What is recorded about the customer, and its value in its unit.

    >>> labels = {"features": {"wait_mean_90d": {"en": "average wait, last 90 days", "unit": "s"}}}
    >>> reason_text(Reason("wait_mean_90d", 870), labels, Words("en"), Figures("en"))
    'Average wait, last 90 days: 14 min 30 s'
    """
    feature = labels.get("features", {}).get(reason.feature, {})
    label = visible(feature.get(words.language, reason.feature))
    unit = str(feature.get("unit", "score"))
    if unit != "text":  # the value of a text is a level's code, which tells a reader nothing
        label = words.plain("calls.value", label=label, value=figures.feature(reason.value, unit, label))
    return upper_first(label)
