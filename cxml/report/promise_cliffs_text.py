"""Promise cliffs, said and drawn in one language."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from markupsafe import Markup, escape

from cxml.report import channels, charts
from cxml.report.figures import Figure, Figures
from cxml.report.promise_cliffs import Promised
from cxml.report.sentences import Words

SHOWN = 8
"""Promised times that are drawn; of more without a break a line says so."""
KINDS = ("resolution", "delivery", "refund")
"""Promises that are not about an answer on a channel."""
_ANSWER = "answer."
_LACKS = ("rows", "leavers", "around")


class PromisesText:
    """Sentences, drawings and tables about promised times."""

    def __init__(self, words: Words, figures: Figures) -> None:
        self._words = words
        self._figures = figures

    def shown(self, promises: Sequence[Promised]) -> list[Promised]:
        """Those with a paragraph and a drawing of their own."""
        return [one for one in promises if one.answer != "untested"][:SHOWN]

    def channel(self, promise: str) -> Markup:
        """The channel of a promised answer; a name of the company's own stands apart."""
        beginning = promise.removeprefix(_ANSWER)
        if beginning == "*":
            return self._words("promises.others")
        name = channels.kind(self._words, beginning)
        return escape(name) if name else Markup("<bdi>{}</bdi>").format(beginning)

    def name(self, one: Promised) -> Markup:
        """What was promised."""
        if one.name in KINDS:
            return self._words(f"promises.{one.name}")
        return self._words("promises.answer", channel=self.channel(one.name))

    def head(self, one: Promised) -> Markup:
        """What was promised, and within what time."""
        return self._words("promises.head", promise=self.name(one), clock=self._figures.duration(one.clock))

    def sentences(self, one: Promised) -> list[Markup]:
        """Where leaving jumps, by how much, and what to be careful about."""
        t, f = self._words, self._figures
        clock = f.duration(one.clock)
        if not one.found:
            said = [t("promises.none", clock=clock), t("promises.smallest", smallest=f.points(one.smallest))]
        else:
            jump = {
                "jump": f.change(one.jump),
                "low": f.change(one.jump_low),
                "high": f.change(one.jump_high),
            }
            said = [t(f"promises.{one.answer}_jump", clock=clock, at=f.duration(one.at), **jump)]
            low, high = f.duration(one.at_low), f.duration(one.at_high)
            said += [
                t("promises.between", low=low, high=high, at=f.duration(one.at))
                if one.at_low < one.at_high
                else t("promises.unplaced")
            ]
        if one.bunched != 1:
            said.append(t("promises.bunched", times=f.times(one.bunched)))
        return said

    def plot(self, one: Promised) -> charts.CliffShape:
        """Leaving by the wait, with the promise and the break."""
        return charts.cliff(one, self._figures.duration, self._figures.whole_percent, self.rows_said(one))

    def rows_said(self, one: Promised) -> list[str]:
        """Each point of the curve in words."""
        f = self._figures
        return [
            self._words.plain(
                "promises.point",
                wait=f.duration(point.wait),
                left=f.percent(point.left),
                low=f.percent(point.low),
                high=f.percent(point.high),
                customers=f.people(point.customers),
            )
            for point in one.curve
        ]

    def rows(self, one: Promised) -> list[tuple[Figure, Figure, Markup, Figure]]:
        """Wait, share that left, its interval and customers of each point."""
        f = self._figures
        return [
            (
                f.duration(point.wait),
                f.percent(point.left),
                self._words("changes.range", low=f.percent(point.low), high=f.percent(point.high)),
                f.heads(point.customers),
            )
            for point in one.curve
        ]

    def aside(self, promises: Sequence[Promised]) -> list[Markup]:
        """What is not drawn, a line per reason."""
        rest = [one for one in promises if one.answer == "none"][
            max(0, SHOWN - sum(one.found for one in promises)) :
        ]
        lines = [self._words("promises.none_too", names=self._names(rest))] if rest else []
        for why in _LACKS:
            lacking = [one for one in promises if one.answer == "untested" and one.why == why]
            if lacking:
                lines.append(self._words(f"promises.untested_{why}", names=self._names(lacking)))
        return lines

    def _names(self, promises: Iterable[Promised]) -> Markup:
        return Markup(", ").join(self.head(one) for one in promises)
