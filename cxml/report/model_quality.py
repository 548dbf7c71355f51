"""How good the model is, and on what: the metrics of the test beside those of simpler rules."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal
from zoneinfo import ZoneInfo

from cxml.records.how_tested import HowTested

Grade = Literal["too_good", "strong", "useful", "rough", "poor"]
_GRADES: tuple[tuple[float, Grade], ...] = (
    (0.8, "strong"),
    (0.7, "useful"),
    (0.6, "rough"),
    (-math.inf, "poor"),
)


@dataclass(frozen=True)
class CalibrationGroup:
    """Test customers of like probability: mean predicted and observed share of leavers."""

    predicted: float
    observed: float
    rows: int

    @property
    def noise(self) -> float:
        """How far the observed share of a perfect forecast strays by chance: two standard errors."""
        return 2 * math.sqrt(max(0.0, self.predicted * (1 - self.predicted)) / self.rows)


@dataclass(frozen=True)
class LiftPoint:
    """Of all leavers, ``captured`` are among the ``share`` of customers with the highest risk."""

    share: float
    captured: float


@dataclass(frozen=True)
class ValueGroup:
    """Test customers of like expected value: mean predicted and actual money."""

    predicted: float
    actual: float


@dataclass(frozen=True)
class Rival:
    """The metrics of the model (name empty) or of a simpler rule."""

    name: str
    metrics: Mapping[str, float]

    def get(self, metric: str) -> float:
        """The metric, nan where it was not measured."""
        return self.metrics.get(metric, math.nan)


@dataclass(frozen=True)
class Quality:
    """The test of a model.

    Attributes
    ----------
    mode : {"time", "customers", ""}
        Tested on a later cutoff, on customers held out at the same one, or not at all.
    how : HowTested or None
        What was tested on what, and why.
    passed : tuple of datetime
        Later cutoffs on which nothing could be tested, since nobody left after them.
    churn, value : tuple of Rival
        The model first, then the simpler rules.
    beaten_by, value_beaten_by : tuple of (str, str)
        Rules that do better than the model, each with the measure in which they do: in who leaves those whose log
        loss is lower by more than a standard error of the paired difference.
    too_good : tuple of (str, float)
        Features to look at first, each with its AUC alone, where the figures are too good to be believed; else empty.
    """

    mode: str
    cutoff: datetime | None
    passed: tuple[datetime, ...]
    rows: int
    how: HowTested | None
    churn: tuple[Rival, ...]
    value: tuple[Rival, ...]
    beaten_by: tuple[tuple[str, str], ...]
    value_beaten_by: tuple[tuple[str, str], ...]
    calibration: tuple[CalibrationGroup, ...]
    lift: tuple[LiftPoint, ...]
    deciles: tuple[ValueGroup, ...]
    too_good: tuple[tuple[str, float], ...] = ()

    @property
    def auc(self) -> float:
        """Share of pairs of a leaver and a stayer that the model puts in the right order."""
        return self.churn[0].get("auc") if self.churn else math.nan

    @property
    def value_coverage(self) -> float:
        """Share of the values of the test that lay in their 90 % range; NaN where it was not measured."""
        return self.value[0].get("coverage") if self.value else math.nan

    @property
    def grade(self) -> Grade:
        """The AUC in one word."""
        if self.too_good:
            return "too_good"
        return next(grade for least, grade in _GRADES if self.auc >= least)

    @property
    def expected(self) -> float:
        """Leavers that the model expected among the tested customers."""
        return sum(g.predicted * g.rows for g in self.calibration)

    @property
    def observed(self) -> float:
        """Tested customers who left."""
        return sum(g.observed * g.rows for g in self.calibration)


def quality(metrics: Mapping[str, Any], small: int, zone: ZoneInfo) -> Quality:
    """The metrics as the report shows them; groups of fewer than *small* customers are left out."""
    test, tables = metrics.get("test", {}), metrics.get("tables", {})
    baselines = metrics.get("baselines", {})
    churn = _rivals(metrics.get("churn"), baselines.get("churn", {}))
    value = _rivals(metrics.get("value"), baselines.get("value", {}))
    cutoff = _instant(test["cutoff"], zone) if test.get("cutoff") else None
    how = test.get("how")
    return Quality(
        mode=str(test.get("mode", "")) if churn else "",
        cutoff=cutoff,
        passed=tuple(_instant(one, zone) for one in test.get("passed_over", ())),
        rows=int(test.get("rows", 0)),
        how=HowTested.from_json(how, where="metrics") if how else None,
        churn=churn,
        value=value,
        beaten_by=_ahead(churn),
        value_beaten_by=_better(value, high="gini", low="decile_mape"),
        calibration=tuple(
            CalibrationGroup(float(g["predicted"]), float(g["actual"]), int(g["rows"]))
            for g in tables.get("calibration", ())
            if g["rows"] >= small
        ),
        lift=tuple(LiftPoint(float(g["share"]), float(g["recall"])) for g in tables.get("lift", ())),
        deciles=tuple(
            ValueGroup(float(g["predicted"]), float(g["actual"]))
            for g in sorted(tables.get("deciles", ()), key=lambda g: float(g["predicted"]))
            if g["rows"] >= small
        ),
        too_good=tuple(
            (str(one["feature"]), float(one["auc"])) for one in metrics.get("too_good", {}).get("columns", ())
        ),
    )


def _instant(text: Any, zone: ZoneInfo) -> datetime:
    """The ISO instant *text*, local to *zone* where it has no offset."""
    found = datetime.fromisoformat(str(text))
    return found if found.tzinfo else found.replace(tzinfo=zone)


def _rivals(model: Mapping[str, Any] | None, baselines: Mapping[str, Any]) -> tuple[Rival, ...]:
    if not model:
        return ()
    return tuple(
        Rival(name, {k: float(v) for k, v in numbers.items() if isinstance(v, int | float)})
        for name, numbers in {"": model, **baselines}.items()
    )


def _ahead(rivals: tuple[Rival, ...]) -> tuple[tuple[str, str], ...]:
    """Rules whose log loss is lower than the model's by more than chance; by any amount where nobody measured chance."""
    return tuple(
        (rule.name, "log_loss")
        for rule in rivals[1:]
        if rule.metrics.get("log_loss_gap", rivals[0].get("log_loss") - rule.get("log_loss"))
        > rule.metrics.get("log_loss_gap_error", 0.0)
    )


def _better(rivals: tuple[Rival, ...], high: str, low: str) -> tuple[tuple[str, str], ...]:
    """Rules above the model where *high* is good, or below it where *low* is."""
    found = []
    for rule in rivals[1:]:
        found += [(rule.name, high)] if rule.get(high) > rivals[0].get(high) else []
        found += [(rule.name, low)] if rule.get(low) < rivals[0].get(low) else []
    return tuple(found)
