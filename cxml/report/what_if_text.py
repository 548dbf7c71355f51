"""What if, said in one language; bars of all rows share one scale."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from markupsafe import Markup

from cxml.report import charts
from cxml.report.content import factor_name
from cxml.report.figures import Figures
from cxml.report.promise_cliffs_text import KINDS, PromisesText
from cxml.report.safe_text import visible
from cxml.report.sentences import Words, lower_first, upper_first
from cxml.report.what_if import Gain, WhatIf

_LACKS = ("beyond", "few", "rows", "leavers")


class GainsText:
    """Sentences, bars and lists about what would change."""

    def __init__(self, labels: Mapping[str, Any], told: WhatIf, words: Words, figures: Figures) -> None:
        self._labels = labels
        self._told = told
        self._words = words
        self._figures = figures
        self._promises = PromisesText(words, figures)

    def factor(self, gain: Gain) -> str:
        """The factor at the start of a line."""
        name = factor_name(self._labels, gain.factor)
        return upper_first(name.ko if self._words.language == "ko" else name.en)

    def done(self, gain: Gain) -> Markup:
        """What is made good."""
        t = self._words
        if gain.target:
            clock = self._figures.duration(gain.target)
            if gain.asked[0] in KINDS:
                return t(f"changes.{gain.asked[0]}", clock=clock)
            channels = Markup(", ").join(self._promises.channel(name) for name in gain.asked)
            return t("changes.answer", clock=clock, channels=channels)
        if gain.by == "model":
            return t("changes.best")
        label = self._labels.get("features", {}).get(gain.asked[0], {})
        feature = Markup("<bdi>{}</bdi>").format(lower_first(visible(label.get(t.language, gain.asked[0]))))
        return t("changes.always" if label.get("direction") == "-" else "changes.never", feature=feature)

    def fewer(self, gain: Gain) -> Markup:
        """How many fewer leave; where it goes the other way, how many more."""
        if round(gain.fewer) < 0:
            return self._words("changes.more_leave", n=self._figures.heads(-gain.fewer))
        return Markup("{}").format(self._figures.heads(gain.fewer))

    def fewer_range(self, gain: Gain) -> Markup:
        """Its interval; nothing where there is none."""
        return self._range(gain.fewer_low, gain.fewer_high, self._figures.count)

    def value_range(self, gain: Gain) -> Markup:
        """The interval of the money kept."""
        return self._range(gain.value_low, gain.value_high, self._figures.money)

    def _range(self, low: float, high: float, show: charts.Format) -> Markup:
        return Markup() if math.isnan(low) else self._words("changes.range", low=show(low), high=show(high))

    def bar(self, gain: Gain) -> charts.Reach:
        """The bar of a row, on the scale of all."""
        ends = [end for one in (*self._told.found, *self._told.model) for end in _ends(one)]
        return charts.reach(_ends(gain), (min(0.0, *ends), max(0.0, *ends)))

    def slight(self) -> str:
        """Factors in which the model sees little or no difference."""
        return ", ".join(
            lower_first(name) for name in dict.fromkeys(self.factor(one) for one in self._told.slight)
        )

    def untold(self) -> list[Markup]:
        """What cannot be told, a line per reason."""
        lines = []
        for lack in _LACKS:
            rows = [one for one in self._told.untold if one.lack == lack]
            if rows:
                names = Markup("; ").join(self._item(one) for one in rows)
                lines.append(self._words(f"changes.untold_{lack}", names=names))
        return lines

    def _item(self, gain: Gain) -> Markup:
        values: dict[str, object] = {"factor": self.factor(gain), "done": self.done(gain)}
        if gain.lack == "beyond" and not math.isnan(gain.reached):
            return self._words("changes.item_reached", reached=self._figures.percent(gain.reached), **values)
        return self._words("changes.item", **values)


def _ends(gain: Gain) -> charts.Point:
    """The figure, and the ends of its interval where there is one."""
    known = math.isfinite(gain.fewer_low)
    return gain.fewer, gain.fewer_low if known else gain.fewer, gain.fewer_high if known else gain.fewer
