"""From a training set to a badge per factor: exposures, controls, effects, checks."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from cxml.causes import checks
from cxml.causes.badge_rules import Evidence, badges
from cxml.causes.checks import LEAST
from cxml.causes.estimate import WIDTH, Effect, bias_like, doubly_robust, partially_linear, robustness_value
from cxml.causes.nuisance import Expectation, folds_of
from cxml.causes.study import Study, study_of
from cxml.causes.treatments import Question, questions
from cxml.features.company import FeaturePlan, plan_features
from cxml.tables.opening import Tables
from cxml.tables.ready_label import is_static

Floats = NDArray[np.float64]
Tell = Callable[[str], None]

POINTS = 100.0
"""Points of probability: hundredths."""

_NUMBERS = (
    "effect",
    "low",
    "high",
    "average",
    "average_low",
    "average_high",
    "reason_value",
    "reason_limit",
    "p",
    "step",
    "base",
    "detectable",
    "explained",
    "outside",
    "robustness",
    "benchmark",
    "negative_t",
)
_COUNTS = ("rows", "customers", "exposed", "leavers", "placebos", "window", "drawn", "everyone", "young")
_TEXTS = ("factor", "kind", "badge", "reason", "column", "told")


@dataclass(frozen=True)
class FactorBadge:
    """What was found about one factor: the question, the evidence, and the figures behind it."""

    question: Question
    evidence: Evidence
    enough: checks.Enough | None = None
    overlap: checks.Overlap | None = None
    effect: Effect | None = None
    average: tuple[float, float] = (float("nan"), float("nan"))


def find(
    tables: Tables, frame: pd.DataFrame, *, seed: int = 0, tell: Tell = lambda text: None
) -> pd.DataFrame:
    """Whether each factor is a cause of leaving, as far as the snapshots can tell.

    Parameters
    ----------
    tables : Tables
    frame : DataFrame
        ``customer_id``, ``cutoff``, ``churned`` and the feature columns, as ``cxml.training.dataset.assemble`` makes them.
    seed : int
        Draws folds and placebos, and customers where there are more than 40,000 snapshots.
    tell : callable
        Told in a sentence when customers are drawn.

    Returns
    -------
    DataFrame
        As from ``badges_of``; where nothing can be said at all, every factor is *not testable* with the reason.
    """
    features = plan_features(tables)
    study = study_of(tables, frame, seed, tell, features)
    return untested(features, frame) if study is None else badges_of(study, seed, tables.config.model.threads)


def untested(features: FeaturePlan, frame: pd.DataFrame, why: str = "") -> pd.DataFrame:
    """Every factor as *not testable*: for its own reason, else for *why*, by default that nothing says what came first."""
    config = features.tables.config
    asked = questions(features.factors, frame.columns, config.features.lookbacks)
    common = why or ("static" if is_static(config) else "history")
    return _table([_unasked(q, q.reason or common) for q in asked], {})


def badges_of(study: Study, seed: int = 0, threads: int = 1) -> pd.DataFrame:
    """The badge of each factor of a study; 0 threads: one per core.

    Returns
    -------
    DataFrame
        One row per factor: ``factor``, ``kind``, ``badge``, ``reason`` (see ``badges.Reason``) with
        ``reason_value`` and ``reason_limit``; ``column`` and ``told``: what is varied, and per what the effect is
        told; ``effect``, ``low``, ``high``: points of probability per that unit with the 95 % interval, and the
        plain ``average`` of a treatment that is any or none; ``p``: corrected for the number of factors. Behind
        it ``rows``, ``customers``, ``exposed``, ``leavers``, ``base`` (points), ``step`` (in units told), the checks
        (``detectable``, ``benchmark`` in points, ``explained``, ``outside``, ``robustness`` in [0, 1], ``negative_t``,
        ``placebos`` of 20), and of the study ``window`` (days), ``drawn`` of ``everyone`` (customers), ``young`` (rows).
    """
    found = {q.factor: _unasked(q, q.reason) for q in study.questions if q.reason}
    for finding in _asked(study, seed, threads):
        found[finding.question.factor] = finding
    about = {"window": study.window, "drawn": study.drawn, "everyone": study.everyone, "young": study.young}
    return _table([found[q.factor] for q in study.questions], about)


def short(found: pd.DataFrame) -> dict[str, dict[str, Any]]:
    """The result by factor, without what is missing: what a bundle carries along."""
    names = [
        "badge",
        "reason",
        "reason_value",
        "reason_limit",
        "column",
        "told",
        "effect",
        "low",
        "high",
        "customers",
    ]
    rows = found.set_index("factor")[names].to_dict("index")
    return {
        str(factor): {str(name): value for name, value in row.items() if not pd.isna(value) and value != ""}
        for factor, row in rows.items()
    }


def _unasked(question: Question, reason: str) -> FactorBadge:
    return FactorBadge(question, Evidence(question.kind, question.direction, reason))


def _asked(study: Study, seed: int, threads: int) -> Iterator[FactorBadge]:
    """The findings of every question that can be asked, one population beside the other."""
    populations: dict[bytes, list[Question]] = {}
    for question in study.questions:
        if not question.reason:
            concerned = study.exposures[question.factor].notna().to_numpy()
            populations.setdefault(np.packbits(concerned).tobytes(), []).append(question)

    def findings(members: list[Question]) -> list[FactorBadge]:
        rows = np.flatnonzero(study.exposures[members[0].factor].notna().to_numpy())
        return list(_Population(study, rows, seed).findings(members))

    with ThreadPoolExecutor(threads or os.cpu_count()) as pool:
        for found in pool.map(findings, populations.values()):
            yield from found


class _Population:
    """The rows that some questions are about, with the expectations that these share."""

    def __init__(self, study: Study, rows: NDArray[np.int64], seed: int) -> None:
        self.study, self.rows, self.seed = study, rows, seed
        self.customers = study.customers.iloc[rows].reset_index(drop=True)
        self.y = study.churned[rows]
        self.folds = folds_of(self.customers, seed=seed)

    def findings(self, members: Sequence[Question]) -> Iterator[FactorBadge]:
        """What is found about each of *members*."""
        testable = []
        for question in members:
            there = checks.enough(self.y, self._d(question), self.customers)
            if there.lacks:
                lacks = Evidence(
                    question.kind,
                    question.direction,
                    there.lacks,
                    getattr(there, there.lacks),
                    LEAST[there.lacks],
                )
                yield FactorBadge(question, lacks, there)
            else:
                testable.append((question, there))
        if not testable:
            return
        asked = [question for question, _ in testable]
        targets = np.column_stack([self.y, *(self._d(question) for question in asked)])
        expected = Expectation(self._controls(self.study.before, asked), targets, self.folds)
        first = [self._first(*one, expected) for one in testable]
        matter = [f.question for f in first if not f.evidence.lacks and _matters(f.evidence)]
        negative = self._negative(matter) if matter else {}
        for finding in first:
            evidence = finding.evidence
            if finding.question in matter:
                shift = self._benchmark(finding.question, expected)
                evidence = replace(evidence, benchmark=shift, negative=negative[finding.question.factor])
            yield replace(finding, evidence=evidence)

    def _first(self, question: Question, there: checks.Enough, expected: Expectation) -> FactorBadge:
        """The effect, and the checks that cost little."""
        d = self._d(question)
        outcome, m = expected.of_pair(np.column_stack([self.y, d]), self._columns(question)).T
        effect = partially_linear(self.y, d, outcome, m, self.customers)
        shared, seen = checks.overlap(d, m), checks.detectable(effect) * there.step
        evidence = Evidence(
            question.kind,
            question.direction,
            theta=effect.theta,
            se=effect.se,
            base=there.base,
            step=there.step,
            robustness=robustness_value(effect),
            placebos=checks.placebos_fired(effect, m, self.seed),
        )
        if shared.explained > checks.MOST_EXPLAINED:
            evidence = replace(evidence, lacks="overlap", value=shared.explained, limit=checks.MOST_EXPLAINED)
        elif not seen <= there.base / 2:
            evidence = replace(evidence, lacks="power", value=seen * POINTS, limit=there.base / 2 * POINTS)
        average = doubly_robust(effect, d, m) if question.any else (float("nan"), float("nan"))
        return FactorBadge(question, evidence, there, shared, effect, average)

    def _benchmark(self, question: Question, expected: Expectation) -> float:
        """The largest shift that a trait as strong as a group of controls could bring."""
        columns, groups, d = self._columns(question), self.study.groups, self._d(question)

        def without(group: str) -> Effect:
            kept = [column for column in columns if groups.get(column, "") != group or not group]
            outcome, m = expected.roughly(np.column_stack([self.y, d]), kept).T
            return partially_linear(self.y, d, outcome, m, self.customers)

        whole = without("")
        return max((bias_like(whole, without(group)) for group in sorted({*groups.values()})), default=0.0)

    def _negative(self, asked: Sequence[Question]) -> dict[str, float]:
        """By factor, the effect on what was done before the exposure window, in standard errors."""
        study, nothing = self.study, dict.fromkeys((q.factor for q in asked), float("nan"))
        if study.activity is None or study.earlier is None:
            return nothing
        known = ~np.isnan(study.activity[self.rows])
        outcome, customers = study.activity[self.rows][known], self.customers[known]
        if len(outcome) < LEAST["rows"] or np.var(outcome) == 0:
            return nothing
        controls = self._controls(study.earlier, asked).loc[known].reset_index(drop=True)
        targets = np.column_stack([outcome, *(self._d(question)[known] for question in asked)])
        expected, found = Expectation(controls, targets, self.folds[known]), dict[str, float]()
        for i, question in enumerate(asked, 1):
            both = targets[:, [0, i]]
            before, m = expected.of(both, self._columns(question), trees=False).T
            found[question.factor] = partially_linear(both[:, 0], both[:, 1], before, m, customers).t
        return found

    def _d(self, question: Question) -> Floats:
        return self.study.exposures[question.factor].to_numpy(dtype=np.float64)[self.rows]

    def _columns(self, question: Question) -> list[str]:
        return [*self.study.before.columns, *self.study.during[question.factor]]

    def _controls(self, before: pd.DataFrame, members: Sequence[Question]) -> pd.DataFrame:
        """What was known before, and of the window what any of the *members* has as a control."""
        inside = sorted({column for question in members for column in self.study.during[question.factor]})
        both = [part.iloc[self.rows].reset_index(drop=True) for part in (before, self.study.inside[inside])]
        return pd.concat(both, axis=1)


def _matters(evidence: Evidence) -> bool:
    """Whether the checks that take long can change the badge."""
    return abs(evidence.theta) > WIDTH * evidence.se or evidence.edge < evidence.worth


def _table(found: list[FactorBadge], about: Mapping[str, int]) -> pd.DataFrame:
    """The findings with their badges, a row per factor."""
    rows = []
    for one, verdict in zip(found, badges([one.evidence for one in found]), strict=True):
        told, evidence = one.question.per * POINTS, one.evidence
        row: dict[str, Any] = {
            **about,
            "factor": one.question.factor,
            "kind": one.question.kind,
            "badge": verdict.badge,
            "reason": verdict.reason,
            "reason_value": verdict.value,
            "reason_limit": verdict.limit,
            "p": verdict.p,
            "column": one.question.column,
            "told": one.question.told if one.question.column else "",
        }
        if one.enough:
            row |= asdict(one.enough) | {
                "base": one.enough.base * POINTS,
                "step": one.enough.step / one.question.per,
            }
        if one.overlap:
            row |= asdict(one.overlap)
        if one.effect:
            effect, (average, error) = one.effect, one.average
            row |= {
                "effect": effect.theta * told,
                "low": effect.low * told,
                "high": effect.high * told,
                "average": average * told,
                "average_low": (average - WIDTH * error) * told,
                "average_high": (average + WIDTH * error) * told,
                "detectable": checks.detectable(effect) * told,
                "robustness": evidence.robustness,
                "benchmark": evidence.benchmark * told,
                "negative_t": evidence.negative,
                "placebos": evidence.placebos,
            }
        rows.append(row)
    table = pd.DataFrame(rows, columns=[*_TEXTS, *_NUMBERS, *_COUNTS])
    return table.astype(
        dict.fromkeys(_TEXTS, str) | dict.fromkeys(_NUMBERS, float) | dict.fromkeys(_COUNTS, "Int64")
    )
