"""The page: the content said in one language and set in the templates."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable
from functools import cache
from importlib.resources import files
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from cxml.report import charts
from cxml.report.call_list import Call, ReasonToSay
from cxml.report.content import HARDLY, Content, FactorNumbers, compute
from cxml.report.coverage import Gap, Name
from cxml.report.factor_evidence_text import BehindText
from cxml.report.figures import Figure, Figures, Language
from cxml.report.how_tested_text import how_tested
from cxml.report.inputs import SMALL_GROUP, ReportInputs
from cxml.report.plan_text import PlanText
from cxml.report.promise_cliffs_text import PromisesText
from cxml.report.reasons import instead, reason_text
from cxml.report.sentences import inside, lower_first, starting
from cxml.report.story_text import StoryText
from cxml.report.voice import Voice
from cxml.report.what_if_text import GainsText

CALL_LIST_FILE = "call_list.xlsx"
_TO_RECORD = 3
"""Factors, and columns of each, that are named as worth recording first."""
_BARS = 12
"""Factors that are drawn, so that a drawing fits a printed page; the table below it has all."""
_CHURN_MEASURES = ("auc", "pr_auc", "top_decile_lift", "log_loss", "brier", "ece")
_VALUE_MEASURES = ("gini", "spearman", "decile_mape", "total_error", "mae")
_MEANT = {"churn": ("auc", "pr_auc", "top_decile_lift", "ece", "log_loss", "brier"), "value": _VALUE_MEASURES}


@cache
def _script() -> Markup:
    """The small script of the call list, as it stands in the page."""
    text = files("cxml.report").joinpath("templates/call_list.js").read_text(encoding="utf-8")
    return Markup(text)  # noqa: S704 (a file of the package, nothing is filled in)


@cache
def environment() -> Environment:
    """Templates of the package; everything is escaped and nothing may be undefined."""
    return Environment(
        loader=PackageLoader("cxml.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def render(inputs: ReportInputs, lang: Language) -> str:
    """The report as one HTML page that loads nothing.

    Parameters
    ----------
    inputs : ReportInputs
    lang : {"en", "ko"}

    Returns
    -------
    str
        The same inputs give the same text, byte for byte.
    """
    return render_content(compute(inputs), inputs, lang)


def render_content(
    content: Content, inputs: ReportInputs, lang: Language, workbook: str = CALL_LIST_FILE
) -> str:
    """The page of a content that is already computed; *workbook*: the file beside it with the longer list."""
    voice = _Voice(content, inputs, lang, workbook)
    template = environment().get_template("report.html.j2")
    return template.render(c=content, v=voice, t=voice.words, f=voice.figures, small=SMALL_GROUP)


def _code(name: str) -> Markup:
    """A name of a column, set apart from the sentence."""
    return Markup("<code>{}</code>").format(name)


class _Voice(Voice):
    """What the templates say: content in one language."""

    def __init__(self, content: Content, inputs: ReportInputs, lang: Language, workbook: str) -> None:
        zone = content.scope.timezone
        super().__init__(lang, Figures(lang, content.scope.currency, zone), zone)
        self.content = content
        self.labels = inputs.labels
        self.story = StoryText(self.words, self.figures)
        self.behind = BehindText(self.labels, self.words, self.figures)
        self.promises = PromisesText(self.words, self.figures)
        self.gains = GainsText(self.labels, content.what_if, self.words, self.figures)
        self.plan = PlanText(inputs.calls, self.words, self.figures)
        self.call_list_file = workbook
        self.script = _script()
        digest = hashlib.sha256(self.script.encode()).digest()
        self.script_digest = f"sha256-{base64.b64encode(digest).decode()}"

    def name(self, name: Name) -> str:
        """A label at the start of a line."""
        return starting(name.en, name.ko, self.lang)

    def inner(self, name: Name) -> str:
        """A label inside a sentence."""
        return inside(name.en, name.ko, self.lang)

    def names(self, of: Iterable[Name]) -> str:
        """Labels in a row."""
        return ", ".join(self.inner(name) for name in of)

    def group(self, customers: int) -> Figure | str:
        """A number of customers, unless they are too few to be shown."""
        if 0 < customers < SMALL_GROUP:
            return self.words.plain("page.few", n=SMALL_GROUP)
        return self.figures.people(customers)

    def one_in(self) -> int:
        """One in how many customers leaves; 0 where that says little."""
        share = self.content.outlook.share
        return round(1 / share) if 0.001 <= share <= 0.4 else 0

    def reason(self, reason: ReasonToSay) -> str:
        """A reason in plain words."""
        return reason_text(reason, self.labels, self.words, self.figures)

    def instead(self, call: Call) -> str:
        """What is said of a customer without a reason."""
        return instead(call, self.labels, self.words, self.figures)

    def unexplained(self) -> Markup:
        """How many of those listed have no reason, and what to record so that there may be one."""
        rows = self.content.calls.rows
        without = sum(not call.reasons for call in rows)
        if not without:
            return Markup()
        n, everybody = self.figures.heads(without), self.figures.people(len(rows))
        if self.content.columns:
            return self.words("calls.unexplained_column", n=n, all=everybody)
        said = self.words("calls.unexplained", n=n, all=everybody)
        return Markup("{} {}").format(said, self.to_record())

    def to_record(self) -> Markup:
        """What to record so that there may be reasons: what takes the fewest columns of tables at hand comes first."""
        there = {table for table, _ in self.content.coverage.rows}

        def effort(gap: Gap) -> tuple[int, int]:
            elsewhere = sum(column.partition(".")[0] not in there for column in gap.missing)
            return elsewhere, len(gap.missing)

        gaps = sorted((gap for gap in self.content.coverage.absent if gap.missing), key=effort)
        if not gaps:
            return Markup()
        columns = [Markup(", ").join(map(_code, gap.missing[:_TO_RECORD])) for gap in gaps[:_TO_RECORD]]
        what = Markup(", ").join(
            self.words("calls.record_one", factor=self.inner(gap.name), columns=mine)
            for gap, mine in zip(gaps, columns, strict=False)
        )
        return self.words("calls.record", what=what)

    def why(self) -> tuple[FactorNumbers, ...]:
        """The three strongest levers that are linked with leaving as one expects."""
        linked = (f for f in self.content.levers if f.share >= HARDLY and not f.small)
        return tuple(f for f in linked if f.direction in ("expected", ""))[:3]

    def why_caution(self) -> Markup:
        """What may be concluded from the three, as far as their badges go."""
        causes = [self.content.behind[x.factor].cause for x in self.why() if x.factor in self.content.behind]
        supported = sum(cause is not None and cause.badge == "supported" for cause in causes)
        way = "" if not supported else "_supported" if supported == len(self.why()) else "_mixed"
        return self.words(f"why.caution{way}")

    def badged(self) -> bool:
        """Whether a factor was asked whether it is a cause."""
        return any(one.cause for one in self.content.behind.values())

    def levers(self) -> tuple[FactorNumbers, ...]:
        """Levers that tell something; all where none does."""
        told = tuple(f for f in self.content.levers if self._tells(f))
        return told or self.content.levers

    def hardly(self) -> tuple[Name, ...]:
        """Levers with little weight, or that hit hardly anybody."""
        untold = (f for f in self.content.levers if not self._tells(f))
        return tuple(f.name for f in untold if f.direction != "reversed")

    def reversed(self) -> tuple[Name, ...]:
        """Levers that go with staying, and so are no reason."""
        return tuple(f.name for f in self.content.levers if f.direction == "reversed")

    def _tells(self, lever: FactorNumbers) -> bool:
        """Whether a lever adds to the risk of some, or is supported as a cause."""
        behind = self.content.behind.get(lever.factor)
        supported = behind is not None and behind.cause is not None and behind.cause.badge == "supported"
        return supported or (lever.share >= HARDLY and not lever.small)

    def areas(self) -> list[tuple[str, float]]:
        """Each area's share of what service adds to the risk, the largest first."""
        shares: dict[str, float] = {}
        for x in (x for x in self.content.levers if not x.small):
            shares[x.area] = shares.get(x.area, 0.0) + x.share
        return [
            (self.words.plain(f"families.{name}"), shares[name])
            for name in sorted(shares, key=lambda n: -shares[n])
            if shares[name] > 0
        ]

    def first_calls(self) -> list[Any]:
        """The first three customers to call."""
        return [call for call in self.content.calls.rows if not call.holdout][:3]

    # ---- charts -------------------------------------------------------------------------------

    def strength_bars(self, factors: Iterable[FactorNumbers]) -> charts.Bars:
        """Share of what service adds to the risk, one bar per factor."""
        percent, shown = self.figures.percent, [x for x in factors if not x.small][:_BARS]
        weights = [
            self.content.behind[x.factor].weight if x.factor in self.content.behind else () for x in shown
        ]
        return charts.bars(
            [(self.name(x.name), percent(x.share).text, x.share, x.share) for x in shown],
            [tuple(x.share * end for end in ends) for x, ends in zip(shown, weights, strict=True)],
        )

    def cost_bars(self) -> charts.Bars:
        """What is at risk among the customers hit, and the factor's part of it."""
        rows = []
        for x in self.levers()[:_BARS]:
            whole, part = (
                (x.value_at_risk, x.avoidable) if self.content.has_value else (x.leavers, x.fewer_leavers)
            )
            say = self.figures.money if self.content.has_value else self.figures.people
            text = (
                self.group(x.customers)
                if x.small
                else self.words.plain("factors.part_of", part=say(part), all=say(whole))
            )
            rows.append((self.name(x.name), str(text), whole, part))
        return charts.bars(rows)

    def calibration(self) -> charts.Plot:
        """Observed over predicted."""
        say = self._point("quality.point", self.figures.percent)
        return charts.calibration(self.content.quality.calibration, self.figures.whole_percent, say)

    def lift(self) -> charts.Plot:
        """Leavers caught."""
        return charts.lift(self.content.quality.lift, self.figures.whole_percent)

    def lift_note(self) -> Markup:
        """The lift curve in one sentence."""
        tenth = charts.tenth_of(self.content.quality.lift)
        if tenth is None:
            return Markup()
        share, captured = self.figures.whole_percent(tenth.share), self.figures.percent(tenth.captured)
        return self.words("quality.lift_note", share=share, captured=captured)

    def deciles(self) -> charts.Plot:
        """Expected and actual value."""
        say = self._point("quality.money_point", self.figures.money)
        return charts.deciles(self.content.quality.deciles, self.figures.money_tick, say)

    def _point(self, key: str, form: charts.Format) -> charts.Say:
        return lambda predicted, seen: self.words.plain(key, predicted=form(predicted), observed=form(seen))

    # ---- model quality ------------------------------------------------------------------------

    def metric_table(self, part: str) -> tuple[list[str], list[tuple[str, list[Figure]]]]:
        """Heads and rows (method, figures) of the metrics that somebody has."""
        rivals = self.content.quality.churn if part == "churn" else self.content.quality.value
        wanted = _CHURN_MEASURES if part == "churn" else _VALUE_MEASURES
        shown = [m for m in wanted if rivals and m in rivals[0].metrics]
        rows = [(self.method(r.name), [self._measure(m, r.get(m)) for m in shown]) for r in rivals]
        return [self.words.plain(f"measures.{m}") for m in shown], rows

    def method(self, name: str) -> str:
        """The model or a simpler rule by name."""
        return self.words.named("baselines", name) if name else self.words.plain("quality.model")

    def suspects(self) -> str:
        """The features to look at where the figures are too good to be believed, each with its AUC alone."""
        told = self.content.quality.too_good
        return ", ".join(f"{self.behind.label(name)} ({self.figures.score(auc, 2)})" for name, auc in told)

    def methods(self, beaten_by: Iterable[tuple[str, str]]) -> str:
        """Simpler rules in a row, each with the measure in which it does better."""
        measures: dict[str, list[str]] = {}
        for name, metric in beaten_by:
            measures.setdefault(name, []).append(lower_first(self.words.plain(f"measures.{metric}")))
        return ", ".join(f"{lower_first(self.method(n))} ({', '.join(m)})" for n, m in measures.items())

    def _measure(self, metric: str, value: float) -> Figure:
        f = self.figures
        if metric == "mae":
            return f.money(value)
        if metric in ("ece", "decile_mape", "total_error"):
            return f.percent(value)
        if metric == "top_decile_lift":
            return f.times(value)
        return f.score(value, 3)

    def how_tested(self) -> Markup:
        """What the test was made with; nothing where it is not known."""
        how = self.content.quality.how
        return how_tested(how, self.words, self.figures) if how else Markup()

    def meanings(self, part: str) -> list[tuple[str, Markup]]:
        """Each measure of the model in plain words, with its figures."""
        rivals = self.content.quality.churn if part == "churn" else self.content.quality.value
        if not rivals:
            return []
        have = [m for m in _MEANT[part] if m in rivals[0].metrics]
        return [(self.words.plain(f"measures.{m}"), self._meaning(m, rivals[0].get)) for m in have]

    def _meaning(self, metric: str, get: Any) -> Markup:
        t, f, value = self.words, self.figures, get(metric)
        match metric:
            case "auc":
                return t("meanings.auc", pairs=f.count(100 * value))
            case "pr_auc":
                return t("meanings.pr_auc", base=f.score(get("base_rate"), 3))
            case "top_decile_lift":
                return t("meanings.top_decile_lift", times=f.times(value))
            case "ece":
                noise = get("ece_noise_p99")
                key = "plain" if noise != noise else "within" if value <= noise else "above"
                return t(f"meanings.ece_{key}", ece=f.points(value), noise=f.points(noise))
            case "decile_mape":
                return t("meanings.decile_mape", share=f.percent(value))
            case "mae":
                return t("meanings.mae", money=f.money(value))
            case "total_error":
                return t(f"meanings.total_{'over' if value >= 0 else 'under'}", share=f.percent(abs(value)))
            case _:
                return t(f"meanings.{metric}")
