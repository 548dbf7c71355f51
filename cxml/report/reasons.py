"""A customer's reasons in plain words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from cxml.report.content import Reason
from cxml.report.figures import Figures
from cxml.report.safe_text import visible
from cxml.report.words import Words, starting


def reason_text(reason: Reason, labels: Mapping[str, Any], words: Words, figures: Figures) -> str:
    """What is recorded about the customer, and its value in its unit.

    >>> labels = {"features": {"wait_mean_90d": {"en": "average wait, last 90 days", "unit": "s"}}}
    >>> reason_text(Reason("wait_mean_90d", 870), labels, Words("en"), Figures("en"))
    'Average wait, last 90 days: 14 min 30 s'
    """
    feature = labels.get("features", {}).get(reason.feature, {})
    en, ko = (visible(feature.get(name, reason.feature)) for name in ("en", "ko"))
    label = starting(en, ko, words.language)
    unit = str(feature.get("unit", "score"))
    if unit != "text":
        value: object = figures.feature(reason.value, unit, label)
    elif "levels" in feature:  # the value is the place of a level, or of all that are no level of their own
        place, levels = int(reason.value), feature["levels"]
        value = visible(levels[place]) if place < len(levels) else words.plain("calls.other_level")
    else:
        return label
    return words.plain("calls.value", label=label, value=value)
