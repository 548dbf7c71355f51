"""The page of the backtest: how the model would have done, beside simpler rules, and whether more data would help."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from cxml.report import charts
from cxml.report.figures import MINUS, Figure, Figures, Language
from cxml.report.inputs import SMALL_GROUP
from cxml.report.page import environment
from cxml.report.sentences import lower_first
from cxml.report.voice import Voice

Row = dict[str, Any]
ALL = "all"
_SHOWN = {
    "churn": ("auc", "pr_auc", "top_decile_lift", "log_loss", "brier", "ece"),
    "value": ("gini", "spearman", "decile_mape", "total_error", "mae"),
}
_JUDGED = {"churn": ("auc", "log_loss"), "value": ("gini", "decile_mape")}
_PLOTTED = {"churn": ("auc", "top_decile_lift", "log_loss"), "value": ("gini", "decile_mape")}
_LOWER = {"log_loss", "brier", "ece", "decile_mape", "mae"}
_NO_RANKING = {"base_rate"}
"""The baseline that says the same of everybody: a line of its own in a plot of ranking would only take room."""
_RANKING = {"auc", "pr_auc", "top_decile_lift", "gini", "spearman"}
_CURVES = {"cutoffs": "backtest.by_cutoffs", "lookback": "backtest.by_lookback"}
_RANDOM = {
    "none": "backtest.random_none",
    "small": "backtest.random_small",
    "alarm": "backtest.random_alarm",
    "untested": "backtest.random_untested",
}


@dataclass(frozen=True)
class BacktestInputs:
    """What the page shows: the rows of the tables of ``cxml.training.backtest.Backtest``, with None for what is not known.

    Attributes
    ----------
    project, timezone, currency : str
    observation_end : datetime
    figures, differences, curves, folds, skipped : list of dict
    random, verdict : dict
    """

    project: str
    timezone: str
    currency: str
    observation_end: datetime
    figures: list[Row]
    differences: list[Row]
    curves: list[Row]
    folds: list[Row]
    random: Row
    skipped: list[Row] = field(default_factory=list)
    verdict: Row = field(default_factory=dict)


def backtest_page(inputs: BacktestInputs, lang: Language) -> str:
    """The backtest as one HTML page that loads nothing; the same inputs give the same text."""
    voice = _Voice(inputs, lang)
    template = environment().get_template("backtest.html.j2")
    return template.render(w=inputs, v=voice, t=voice.words, f=voice.figures, small=SMALL_GROUP)


class _Voice(Voice):
    """What the template says, in one language."""

    def __init__(self, inputs: BacktestInputs, lang: Language) -> None:
        super().__init__(lang, Figures(lang, inputs.currency, inputs.timezone), inputs.timezone)
        self._inputs = inputs
        self._known = {(row["cutoff"], row["model"], row["metric"]): row for row in inputs.figures}
        self.targets = [name for name in _SHOWN if (ALL, "model", f"{name}.{_SHOWN[name][0]}") in self._known]

    def expected(self, cutoff: str) -> Figure | str:
        """How many the model expected to leave at a cutoff."""
        row = self._known[cutoff, "model", "churn.mean_probability"]
        return self.heads(row["value"] * row["rows"])

    def pair(self) -> Row:
        """The AUC over all test cutoffs."""
        return self._known[ALL, "model", "churn.auc"]

    def pairs(self, share: float | None) -> str:
        """A share of pairs as so many of 100."""
        return f"{100 * _number(share):.0f}"

    def methods(self, target: str) -> list[str]:
        """The model, then its baselines as they were fitted."""
        found = [row["model"] for row in self._inputs.figures if row["metric"].startswith(f"{target}.")]
        return ["model", *dict.fromkeys(name for name in found if name != "model")]

    def method(self, name: str) -> str:
        """What a method is called."""
        return self.words.plain("quality.model") if name == "model" else self.words.named("baselines", name)

    def measure(self, name: str) -> str:
        """What a figure is called."""
        return self.words.named("measures", name.rpartition(".")[2])

    def judged(self, target: str) -> list[str]:
        """For each judged figure, which baselines are clearly behind the model, alike, or clearly ahead."""
        said: list[str] = []
        for metric in _JUDGED[target]:
            rows = [
                r
                for r in self._inputs.differences
                if (r["cutoff"], r["metric"]) == (ALL, f"{target}.{metric}")
            ]
            for better, key in (
                ("model", "backtest.ahead"),
                ("neither", "backtest.even"),
                ("baseline", "backtest.behind"),
            ):
                found = [lower_first(self.method(row["model"])) for row in rows if row["better"] == better]
                names = ", ".join(found)
                if names:
                    said.append(self.words(key, measure=self.measure(metric), names=names))
        return said

    def heads_of(self, target: str) -> list[str]:
        """The head of each column of the table of methods."""
        return [self.measure(metric) for metric in _SHOWN[target]]

    def table(self, target: str) -> list[tuple[str, list[tuple[Figure, str]], str]]:
        """Each method with its figures over all cutoffs and their intervals, and how far the model is ahead of it."""
        first = f"{target}.{_JUDGED[target][0]}"
        ahead = {
            r["model"]: r for r in self._inputs.differences if (r["cutoff"], r["metric"]) == (ALL, first)
        }
        rows = []
        for name in self.methods(target):
            cells = []
            for metric in _SHOWN[target]:
                row = self._known.get((ALL, name, f"{target}.{metric}"), {})
                cells.append((self.show(metric, row.get("value")), self.between(metric, row)))
            lead = ahead.get(name)
            rows.append((self.method(name), cells, self.lead(lead) if lead else ""))
        return rows

    def lead(self, row: Row) -> str:
        """A difference with its interval."""
        low, high = _signed(row["low"]), _signed(row["high"])
        return f"{_signed(row['value'])} ({self.words.plain('page.from_to', start=low, end=high)})"

    def between(self, metric: str, row: Row) -> str:
        """An interval, empty where there is none."""
        if row.get("low") is None:
            return ""
        ends = (self.show(metric, row["low"]).text, self.show(metric, row["high"]).text)
        return self.words.plain("page.from_to", start=ends[0], end=ends[1])

    def show(self, metric: str, value: float | None) -> Figure:
        """A figure as it is written for that measure."""
        number = _number(value)
        match metric.rpartition(".")[2]:
            case "ece" | "decile_mape" | "total_error":
                return self.figures.percent(number)
            case "top_decile_lift":
                return self.figures.times(number)
            case "mae" | "rmse":
                return self.figures.money(number)
            case _:
                return self.figures.score(number, 3)

    def random(self) -> list[str]:
        """What the random split says."""
        found = self._inputs.random
        key = _RANDOM[found["grade"]]
        if found["grade"] == "untested":
            return [self.words(key)]
        values = {
            name: self.figures.score(found[name], 3) for name in ("time", "random", "gap", "low", "high")
        }
        how = self.words(
            "backtest.random_how",
            rows=self.figures.count(found["rows"]),
            time=values["time"],
            random=values["random"],
        )
        return [how, self.words(key, gap=values["gap"], low=values["low"], high=values["high"])]

    def skipped(self) -> str:
        """The days that could not be tested."""
        return ", ".join(self.day(row["cutoff"]) for row in self._inputs.skipped)

    def titled(self, metric: str, curve: str) -> str:
        """What is drawn: a learning curve or, over cutoffs, which way is good."""
        if curve in _CURVES:
            return self.words.plain(_CURVES[curve], measure=self.measure(metric))
        key = "backtest.lower" if metric.rpartition(".")[2] in _LOWER else "backtest.higher"
        return self.words.plain(key, measure=self.measure(metric))

    def plots(self, target: str) -> list[tuple[str, charts.ComparisonBars]]:
        """Figures by cutoff: the model beside its baselines, with the metric that is drawn."""
        days = [fold["cutoff"] for fold in self._inputs.folds]
        found = []
        for metric in _PLOTTED[target]:
            telling = [name for name in self.methods(target) if name not in _NO_RANKING]
            others = [name for name in self.methods(target) if name in _NO_RANKING]
            names = telling if metric in _RANKING else [*telling, *others]
            series = [
                (self.method(n), [_point(self._known.get((d, n, f"{target}.{metric}"))) for d in days])
                for n in names
            ]
            plot = charts.compared(_short(days), series, lambda value, m=metric: self.show(m, value))  # type: ignore[misc]
            found.append((f"{target}.{metric}", plot))
        return found

    def legend(self, plot: charts.ComparisonBars) -> list[tuple[int, str]]:
        """Which line is which."""
        return [(line.tone, line.name) for line in plot.lines]

    def curves(self, curve: str) -> list[tuple[str, charts.ComparisonBars]]:
        """The model's figures by how much it learned from; the first judged figure of each target."""
        found = []
        for target in self.targets:
            metric = f"{target}.{_JUDGED[target][0]}"
            rows = [r for r in self._inputs.curves if (r["curve"], r["metric"]) == (curve, metric)]
            if len(rows) > 1:
                points = [_point(row) for row in rows]
                plot = charts.compared(
                    [str(row["step"]) for row in rows],
                    [(self.method("model"), points)],
                    lambda value, m=metric: self.show(m, value),  # type: ignore[misc]
                )
                found.append((metric, plot))
        return found


def _number(value: float | None) -> float:
    return math.nan if value is None else float(value)


def _point(row: Row | None) -> charts.Point | None:
    if row is None or row["value"] is None:
        return None
    return (row["value"], _number(row["low"]), _number(row["high"]))


def _signed(value: float | None) -> str:
    return f"{_number(value):+.3f}".replace("-", MINUS)


def _short(days: Sequence[str]) -> list[str]:
    """Months, where they tell the cutoffs apart."""
    months = [day[:7] for day in days]
    return months if len(set(months)) == len(days) else [day[2:10] for day in days]
