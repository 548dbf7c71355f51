"""A customer's reasons in plain words."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from cxml.report.call_list import Call, ReasonToSay
from cxml.report.figures import Figures, Language
from cxml.report.safe_text import visible
from cxml.report.sentences import Words, inside, starting

Called = Callable[[str, str, Language], str]


def instead(call: Call, labels: Mapping[str, Any], words: Words, figures: Figures) -> str:
    """What is said of a customer without a reason: that there is none, and what raises the risk most instead."""
    flat = any(one.get("kind") == "column" for one in labels["factors"].values())
    of = "_column" if flat else ""
    if call.other is None:
        return words.plain(f"calls.no_reason{of}")
    return words.plain(
        f"calls.other_reason{of}", what=reason_text(call.other, labels, words, figures, called=inside)
    )


def reason_text(
    reason: ReasonToSay, labels: Mapping[str, Any], words: Words, figures: Figures, called: Called = starting
) -> str:
    """What is recorded about the customer, and its value in its unit; the label *called* as its place asks for.

    >>> labels = {"features": {"wait_mean_90d": {"en": "average wait, last 90 days", "unit": "s"}}}
    >>> reason_text(ReasonToSay("wait_mean_90d", 870), labels, Words("en"), Figures("en"))
    'Average wait, last 90 days: 14 min 30 s'
    """
    feature = labels.get("features", {}).get(reason.feature, {})
    en, ko = (visible(feature.get(name, reason.feature)) for name in ("en", "ko"))
    label = called(en, ko, words.language)
    unit = str(feature.get("unit", "score"))
    if unit != "text":
        value: object = figures.feature(reason.value, unit, label)
    elif "levels" in feature:  # the value is the place of a level, or of all that are no level of their own
        place, levels = int(reason.value), feature["levels"]
        value = visible(levels[place]) if place < len(levels) else words.plain("calls.other_level")
    else:
        return label
    return words.plain("calls.value", label=label, value=value)
