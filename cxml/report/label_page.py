"""The page of the label workbench: what leaving could mean, how often it happens, when it is known."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from cxml.report import charts
from cxml.report.figures import Figure, Figures, Language
from cxml.report.inputs import SMALL_GROUP
from cxml.report.page import environment
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
        The rows of the tables of ``cxml.workbench.Workbench``.
    reach : int
        Days after a silence in which a return was looked for.
    suggestion : dict or None
        ``days``, ``rule`` and ``figure``.
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
    without: int = 0
    broken: dict[str, str] | None = None


def label_page(inputs: LabelInputs, lang: Language) -> str:
    """The workbench as one HTML page that loads nothing; the same inputs give the same text."""
    voice = _Voice(inputs, lang)
    template = environment().get_template("label.html.j2")
    return template.render(w=inputs, v=voice, t=voice.words, f=voice.figures, small=SMALL_GROUP)


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
        found = self._inputs.suggestion or {"rule": "", "figure": 0.0}
        shares = found["rule"] in ("return", "longest")
        return self.figures.percent(found["figure"]) if shares else self.figures.people(found["figure"])

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
