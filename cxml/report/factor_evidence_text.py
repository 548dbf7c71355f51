"""What stands behind the factors, said in one language."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any

from markupsafe import Markup

from cxml.report import channels, charts
from cxml.report.content import HARDLY, FactorNumbers
from cxml.report.factor_evidence import Behind, Cause, Contrast, Spot, Stays
from cxml.report.figures import Figures
from cxml.report.inputs import SMALL_GROUP
from cxml.report.safe_text import visible
from cxml.report.sentences import Words, inside

SHOWN = 8
"""Factors that are told one by one."""
DRAWN = 4
"""Factors of which a curve is drawn."""
_CHANNELS = ("channel_first", "channel_last")
"""Features whose segments are channels."""


class BehindText:
    """Sentences and drawings about what stands behind a factor."""

    def __init__(self, labels: Mapping[str, Any], words: Words, figures: Figures) -> None:
        self._labels = labels
        self._words = words
        self._figures = figures

    def shown(self, levers: Iterable[FactorNumbers], behind: Mapping[str, Behind]) -> list[FactorNumbers]:
        """The levers worth a paragraph of their own, the strongest first."""
        return [x for x in levers if x.factor in behind and x.share >= HARDLY and not x.small][:SHOWN]

    def label(self, feature: str) -> str:
        """What a column is called, inside a sentence."""
        told = self._labels.get("features", {}).get(feature, {})
        en, ko = (visible(told.get(language, feature)) for language in ("en", "ko"))
        return inside(en, ko, self._words.language)

    def rank(self, x: Behind) -> Markup:
        """The rank, and between which ranks chance moves it."""
        here = "" if len(x.trend) > 1 else "_here"  # a flat table has one moment, and no others to say it of
        if x.rank_low == x.rank_high:
            return self._words(f"behind.rank{here}_sure", rank=x.rank)
        return self._words(f"behind.rank{here}", rank=x.rank, low=x.rank_low, high=x.rank_high)

    def contrast(self, x: Contrast) -> Markup:
        """How much more often those beyond the threshold left."""
        f, label = self._figures, self.label(x.feature)
        key = "above" if x.above else "below"
        if x.unit == "flag" or (x.threshold == 0 and x.above):
            key = "any"
        key = "level" if x.level else key
        way = "" if x.clear else "_unclear"
        return self._words(
            f"contrasts.{key}{way}",
            feature=label,
            threshold=f.feature(x.threshold, x.unit, label),
            ratio=f.times(x.ratio),
            low=f.score(x.low, 1),
            high=f.score(x.high, 1),
            left=f.percent(x.left),
            others=f.percent(x.others),
            level=_apart(x.level),
        )

    def today(self, x: Contrast) -> Markup:
        """How many there are today, and what is at risk with them; nothing where they are too few to be counted."""
        f = self._figures
        if not x.customers >= SMALL_GROUP:
            return Markup()
        if math.isnan(x.value_at_risk):
            return self._words("behind.today", customers=f.people(x.customers))
        return self._words(
            "behind.today_money", customers=f.people(x.customers), money=f.money(x.value_at_risk)
        )

    def badge(self, x: Cause) -> str:
        """Whether the factor is a cause, in two words."""
        return self._words.plain(f"badges.{x.badge}")

    def cause(self, x: Cause) -> Markup:
        """Why it has its badge, and the effect where the badge carries one, or else the difference seen."""
        said = self._words(f"verdicts.{x.reason}")
        if math.isnan(x.effect) or x.badge == "not_testable":
            return said
        points, per = self._figures.change, self._words(f"per.{x.per}")
        if x.feature:
            per = self._words("badges.of", per=per, feature=_apart(self.label(x.feature)))
        low, high = points(x.low), points(x.high)
        if x.badge == "association_only":
            line = self._words("badges.difference", per=per, effect=points(x.effect), low=low, high=high)
        else:
            way = "badges.effect_up" if x.effect >= 0 else "badges.effect_down"
            line = self._words(way, per=per, effect=self._figures.points(abs(x.effect)), low=low, high=high)
        return Markup("{} {}").format(said, line)

    def spots(self, worst: Spot, best: Spot) -> Markup:
        """Where the factor hits most and least."""
        percent = self._figures.percent
        most, least = (_apart(self._level(spot.attribute, spot.level)) for spot in (worst, best))
        return self._words(
            "behind.spots",
            attribute=self.label(worst.attribute),
            worst=most,
            worst_share=percent(worst.share),
            best=least,
            best_share=percent(best.share),
        )

    def trend(self, x: Behind) -> Markup:
        """The share hit at the first and at the last cutoff that was looked at."""
        (first, then), (last, now) = x.trend[0], x.trend[-1]
        f = self._figures
        return self._words(
            "behind.trend", then=f.percent(then), first=f.date(first), now=f.percent(now), last=f.date(last)
        )

    def curve(self, x: Behind) -> charts.Plot | None:
        """How often customers left by what they went through; None beyond the first factors, or where there is no curve."""
        if x.contrast is None or not x.curve or x.rank > DRAWN:
            return None
        f, (name, unit) = self._figures, (self.label(x.contrast.feature), x.contrast.unit)
        points = [(f.feature(value, unit, name).text, left, low, high) for value, left, low, high in x.curve]
        return charts.over_time(points, f.percent)

    def line(self, x: Behind) -> charts.Spark:
        """The share hit over the cutoffs, as a small line."""
        return charts.spark([share for _, share in x.trend])

    def staying(self, stays: Stays) -> charts.ComparisonBars:
        """Survival by segment."""
        series = [(self._level(stays.attribute, level), curve) for level, _, curve in stays.levels] or [
            (self._words.plain("behind.everybody"), stays.everybody)
        ]
        return charts.curves(stays.days, series, self._figures.whole_percent, self._figures.count)

    def _level(self, attribute: str, level: str) -> str:
        """A segment by its name; a channel as people call it."""
        return channels.whole(self._words, level) if attribute.startswith(_CHANNELS) else level


def _apart(name: str) -> Markup:
    """A name of the company's own, whose direction of writing stays its own."""
    return Markup("<bdi>{}</bdi>").format(name)
