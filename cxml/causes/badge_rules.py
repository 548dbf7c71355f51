"""Which badge a factor gets: *supported*, *contradicted*, *association only* or *not testable*.

A badge comes with the key of what decided it and the number that was held against a limit; the words are
left to the caller.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from cxml.causes.checks import MOST_FIRED
from cxml.causes.estimate import WIDTH
from cxml.factors.declare import Direction, FactorKind

Badge = Literal["supported", "contradicted", "association_only", "not_testable"]
Reason = Literal[
    "kind",
    "treatment",
    "window",
    "column",
    "static",
    "history",
    "unable",
    "rows",
    "exposed",
    "leavers",
    "overlap",
    "power",
    "volume",
    "uncertain",
    "robustness",
    "benchmark",
    "negative_control",
    "no_negative_control",
    "placebo",
    "no_effect",
    "opposite",
    "passed",
]
"""Why a factor has its badge.

not_testable: ``kind`` (an outcome, a consequence, or nothing to do with service), ``treatment`` (nothing of it can
be varied), ``window`` (not measured within the exposure window), ``column`` (not measured in these data), ``static``
(nothing says what came first), ``history`` (no record is older than the exposure window),
``unable`` (the study could not be made of these data), ``rows``, ``exposed``,
``leavers`` (too few), ``overlap`` (controls tell the treatment), ``power`` (too few to say). association_only:
``volume`` (never a lever), ``uncertain`` (could be chance), or the check that failed. contradicted: ``no_effect``
(none worth acting on), ``opposite``. supported: ``passed``.
"""

ALPHA = 0.025
"""One-sided level of the whole family of factors."""

LEAST_ROBUSTNESS = 0.01
"""What a hidden trait must explain at least before an effect could vanish."""

WORTH = 0.05
"""An effect of less than this share of the base rate, for a usual difference, is not worth acting on."""


@dataclass(frozen=True)
class Evidence:
    """What was found about one factor.

    Attributes
    ----------
    kind : FactorKind
    direction : Direction
    lacks : str
        Why it cannot be tested; empty when it can.
    value, limit : float
        The number that ``lacks`` is about, and what it is held against; NaN where there is none.
    theta, se : float
        Effect on the probability of leaving per unit of the treatment, and its standard error.
    base, step : float
        Share of rows that left, and a usual difference in the treatment.
    robustness, benchmark : float
        Robustness value, and the shift of ``theta`` that a trait like the strongest observed could bring.
    negative : float
        Standard errors of the effect on what cannot have been caused; NaN where nothing was recorded.
    placebos : int
        Placebo drivers that looked like a cause.
    """

    kind: FactorKind
    direction: Direction
    lacks: str = ""
    value: float = math.nan
    limit: float = math.nan
    theta: float = math.nan
    se: float = math.nan
    base: float = math.nan
    step: float = 1.0
    robustness: float = math.nan
    benchmark: float = math.nan
    negative: float = math.nan
    placebos: int = 0

    @property
    def edge(self) -> float:
        """The most that a usual difference may do to the probability of leaving, either way."""
        return (abs(self.theta) + WIDTH * self.se) * self.step

    @property
    def worth(self) -> float:
        """The least that is worth acting on."""
        return WORTH * self.base

    @property
    def t(self) -> float:
        """The effect in standard errors, above 0 where it has the direction declared."""
        signed = self.theta / self.se
        return {"+": signed, "-": -signed}.get(self.direction, abs(signed))

    @property
    def p(self) -> float:
        """One-sided, in the direction declared; half the two-sided one where none is."""
        return math.erfc(self.t / math.sqrt(2)) / 2


@dataclass(frozen=True)
class Verdict:
    """A badge, why, and the numbers of the check that decided: *value* was held against *limit*.

    ``p`` is the one-sided probability of chance, corrected for the number of factors (Holm); NaN where nothing
    was tested.
    """

    badge: Badge
    reason: Reason
    value: float = math.nan
    limit: float = math.nan
    p: float = math.nan


def holm(p: Sequence[float]) -> list[float]:
    """The probabilities, corrected for how many there are.

    References
    ----------
    Holm (1979), A simple sequentially rejective multiple test procedure, Scandinavian Journal of Statistics 6.

    Examples
    --------
    >>> holm([0.01, 0.04, 0.03])
    [0.03, 0.06, 0.06]
    """
    found, least = [0.0] * len(p), 0.0
    for place, i in enumerate(sorted(range(len(p)), key=lambda i: p[i])):
        least = max(least, min(1.0, p[i] * (len(p) - place)))
        found[i] = least
    return found


def badges(family: Sequence[Evidence]) -> list[Verdict]:
    """The badge of each factor; the testable ones are one family of tests."""
    tested = [one for one in family if not one.lacks]
    along = iter(holm([one.p for one in tested]))
    against = iter(holm([1.0 if one.direction == "±" else 1 - one.p for one in tested]))
    return [
        Verdict("not_testable", one.lacks, one.value, one.limit)  # type: ignore[arg-type]
        if one.lacks
        else _badge(one, next(along), next(against))
        for one in family
    ]


def _badge(one: Evidence, along: float, against: float) -> Verdict:
    if one.kind == "volume":
        return Verdict("association_only", "volume", p=along)
    failed = _failed(one)
    if min(along, against) < ALPHA:
        if failed:
            return Verdict("association_only", *failed, p=min(along, against))
        if along < ALPHA:
            return Verdict("supported", "passed", p=along)
        return Verdict("contradicted", "opposite", p=against)
    slight = failed is None or failed[0] in (
        "robustness",
        "benchmark",
    )  # both are about an effect that is there
    if one.edge < one.worth and slight:
        return Verdict("contradicted", "no_effect", one.edge, one.worth, along)
    return Verdict("association_only", "uncertain", along, ALPHA, along)


def _failed(one: Evidence) -> tuple[Reason, float, float] | None:
    """The first check that an effect does not pass, with its number and its limit."""
    sure = abs(one.theta) - WIDTH * one.se
    if one.placebos > MOST_FIRED:
        return "placebo", float(one.placebos), float(MOST_FIRED)
    if math.isnan(one.negative):
        return "no_negative_control", math.nan, WIDTH
    if abs(one.negative) >= WIDTH:
        return "negative_control", abs(one.negative), WIDTH
    if not one.robustness > LEAST_ROBUSTNESS:
        return "robustness", one.robustness, LEAST_ROBUSTNESS
    return None if sure > one.benchmark else ("benchmark", one.benchmark, sure)
