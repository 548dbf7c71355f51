"""The page of the label workbench: what leaving could mean, how often it happens, when it is known."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from cxml.report import charts
from cxml.report.figures import Figure, Figures, Language
from cxml.report.inputs import SMALL_GROUP
from cxml.report.page import environment
from cxml.report.sentences import Words
from cxml.report.voice import Voice

Row = dict[str, Any]


@dataclass(frozen=True)
class LabelInputs:
    """What the page shows.

    Attributes
    ----------
    project, timezone : str
    observation_end : datetime
    rates, definitions, returns, ways : list of dict
        The rows of the tables of ``cxml.labels.study_results.Workbench``.
    reach : int
        Days after a silence in which a return was looked for.
    suggestion : dict or None
        ``days``, ``rule`` and ``figure``.
    horizons : list of dict
        ``days``, ``cutoffs`` and ``tests``, as in ``cxml.labels.study_results.Horizon``.
    without : int
        Customers without a ready label.
    broken : dict or None
        ``log`` and ``day``: where a log breaks off, after which nothing was looked at.
    """

    project: str
    timezone: str
    observation_end: datetime
    rates: list[Row]
    definitions: list[Row]
    returns: list[Row]
    reach: int
    ways: list[Row]
    suggestion: Row | None
    horizons: list[Row]
    without: int = 0
    broken: dict[str, str] | None = None


def label_page(inputs: LabelInputs, lang: Language) -> str:
    """The workbench as one HTML page that loads nothing; the same inputs give the same text."""
    voice = _Voice(inputs, lang)
    template = environment().get_template("label.html.j2")
    return template.render(w=inputs, v=voice, t=voice.words, f=voice.figures, small=SMALL_GROUP)


def advice(found: Mapping[str, Any]) -> list[str]:
    """What the workbench advises, in English and plain text: the horizon, then a line for each that was compared.

    Parameters
    ----------
    found : mapping
        As in ``label.json``; beside a ready label there is nothing to advise.
    """
    words, figures = Words("en"), Figures("en")
    if not found["horizons"]:
        return []
    told = found["suggestion"] or {"rule": "none", "days": 0, "figure": 0.0}
    said = {"days": figures.days(told["days"]), "reach": figures.days(found["reach"])}
    lines = [words.plain(f"suggestions.{told['rule']}", figure=_figure(told, figures), **said)]
    for one in found["horizons"]:
        later = "one later to test on" if one["tests"] else "none later to test on"
        left = f"{one['cutoffs']:,} cutoffs, {later}" if one["cutoffs"] else "no outcome is known yet"
        lines.append(f"{one['days']:>4} days: {left}")
    return lines


def _figure(told: Mapping[str, Any], figures: Figures) -> Figure:
    """What a suggestion rests on: a share of silences, or customers who left."""
    shares = told["rule"] in ("return", "longest")
    return figures.percent(told["figure"]) if shares else figures.people(told["figure"])


class _Voice(Voice):
    """What the template says, in one language."""

    def __init__(self, inputs: LabelInputs, lang: Language) -> None:
        super().__init__(lang, Figures(lang, timezone=inputs.timezone), inputs.timezone)
        self.own = next(row for row in inputs.definitions if row["in_force"])
        self._inputs = inputs

    def group(self, customers: int) -> Figure | str:
        """As ``heads``, with the noun."""
        return self.heads(customers) if 0 < customers < SMALL_GROUP else self.figures.people(customers)

    def figure(self) -> Figure:
        """What the suggestion rests on."""
        return _figure(self._inputs.suggestion or {"rule": "", "figure": 0.0}, self.figures)

    def rates(self) -> charts.Plot:
        """Churn by cutoff, under the definition in force."""
        own = [row for row in self._inputs.rates if row["in_force"]]
        points = [(row["cutoff"][:7], row["rate"], row["low"], row["high"]) for row in own]
        return charts.over_time(points, self.figures.percent)

    def rate_now(self) -> Row:
        """Churn at the last cutoff, under the definition in force."""
        return next(row for row in reversed(self._inputs.rates) if row["in_force"])

    def returns(self) -> charts.Plot:
        """Who came back, by the length of the silence."""
        points = [(str(row["silent"]), row["back"], row["back"], row["back"]) for row in self._inputs.returns]
        return charts.over_time(points, self.figures.percent)

    def asked_share(self) -> float:
        """Of all whose contract ended, the share that had asked for it."""
        asked = sum(row["asked"] for row in self._inputs.ways)
        everyone = asked + sum(row["not_asked"] for row in self._inputs.ways)
        return float(asked / max(1, everyone))
