"""How long the call list should be and what it brings, said in one language."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
from markupsafe import Markup

from cxml.decisions.call_plan import CallPlan
from cxml.decisions.uplift import Proof
from cxml.report import charts
from cxml.report.figures import Figure, Figures
from cxml.report.sentences import Words

_POINTS = 13


class PlanText:
    """Sentences, a table and drawings of ``call_plan.json``.

    Parameters
    ----------
    calls : mapping
        ``plan`` and ``proof``, as ``ReportInputs.calls`` has them; empty: nothing is said.
    """

    def __init__(self, calls: Mapping[str, Any], words: Words, figures: Figures) -> None:
        self.plan = CallPlan.from_dict(calls["plan"]) if calls.get("plan") else None
        self.proof = Proof.from_dict(calls["proof"]) if calls.get("proof") else None
        self._words = words
        self._figures = figures

    @property
    def money(self) -> bool:
        """Whether profits are known."""
        return self.plan is not None and bool(self.plan.scenarios)

    def sentences(self) -> list[Markup]:
        """What to do, what it brings, and on what it depends."""
        plan, t, f = self.plan, self._words, self._figures
        if plan is None or not plan.scenarios:
            return []
        if not plan.size:
            return [t("plan.nobody")]
        limited = "" if plan.limited_by == "profit" else f"_{plan.limited_by}"
        said = [
            t(f"plan.size{limited}", size=f.people(plan.size), best=f.people(plan.best_size)),
            *([t("plan.skipped", rank=f.count(plan.size + plan.withheld))] if plan.withheld else []),
            t(
                "plan.brings",
                profit=f.money(plan.profit),
                cost=f.money(plan.cost),
                leavers=f.people(plan.leavers),
                saved=f.people(plan.saved),
            ),
        ]
        if plan.cost == 0:
            said.append(t("plan.free"))
        elif plan.break_even <= 1:
            said.append(t("plan.break_even", rate=f.percent(plan.break_even)))
        return said

    def proved(self) -> list[Markup]:
        """What a log of contacts drawn at random has shown."""
        proof, t, f = self.proof, self._words, self._figures
        if proof is None:
            return [t("proofs.no_log")]
        said = [t(f"proofs.{proof.verdict}")]
        if math.isfinite(proof.effect):
            said.append(
                t(
                    "plan.effect",
                    effect=f.points(proof.effect),
                    low=f.points(proof.effect_low),
                    high=f.points(proof.effect_high),
                    customers=f.people(proof.customers),
                )
            )
        if math.isfinite(proof.qini):
            said.append(
                t(
                    "plan.qini",
                    qini=f.score(proof.qini, 3),
                    low=f.score(proof.qini_low, 3),
                    high=f.score(proof.qini_high, 3),
                    risk=f.score(proof.qini_risk, 3),
                )
            )
        return said

    def scenarios(self) -> list[tuple[Figure, Figure, Figure, Figure]]:
        """Save rate, best size, its profit, and the profit of the list as planned."""
        f = self._figures
        return [
            (f.percent(one.save_rate), f.people(one.best_size), f.money(one.best_profit), f.money(one.profit))
            for one in (self.plan.scenarios if self.plan else ())
        ]

    def curve(self) -> charts.ComparisonBars:
        """Profit of the first customers of the list at each save rate, the configured one first."""
        if self.plan is None:
            return charts.ComparisonBars((), (), ())
        # Far beyond the best size all curves only fall: the part where they part is what one looks for.
        far = max(4 * max(one.best_size for one in self.plan.scenarios), 20)
        near = [k for k, size in enumerate(self.plan.sizes) if size <= far]
        shown = sorted({near[round(place)] for place in np.linspace(0, len(near) - 1, _POINTS)})
        order = sorted(self.plan.scenarios, key=lambda one: one.factor != 1)
        series = [
            (
                self._words.plain("plan.rate", rate=self._figures.percent(one.save_rate)),
                [one.curve[k] for k in shown],
            )
            for one in order
        ]
        sizes = [self.plan.sizes[k] for k in shown]
        return charts.curves(sizes, series, self._figures.money_tick, self._figures.count)

    def uplift(self) -> charts.ComparisonBars:
        """The Qini curves: by uplift, and by risk."""
        if self.proof is None or not self.proof.share:
            return charts.ComparisonBars((), (), ())
        t, f = self._words, self._figures
        series = [
            (t.plain("plan.by_uplift"), self.proof.saved),
            (t.plain("plan.by_risk"), self.proof.saved_by_risk),
        ]
        return charts.curves(self.proof.share, series, f.count, f.whole_percent)
