"""Whether what a value says about leaving drifts with the nearness of the extract.

What was known at the cutoff says as much about leaving at one cutoff as at the next. A value written when
somebody leaves does not: near the extract all who have it leave, long before it only some of them do yet.
A sum up to the extract is the other way round: those who left early missed most of it. So the risk of those
who share a value, against that of customers of the same age, must not drift with the nearness of the extract.

References
----------
Grambsch, Therneau (1994), Proportional hazards tests and diagnostics based on weighted residuals,
Biometrika 81 (the question, for continuous time); Breslow, Day (1987), Statistical methods in cancer
research, volume 2 (expected numbers by strata).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.stats import poisson, rankdata

from cxml.audit.sample import Sample
from cxml.audit.value_groups import ValueGroups

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]

HIGHEST_DRIFT = {"undated": 4.0, "standing": 5.0}
"""Standard errors of drift that chance does not reach: of attributes without a date, of which there are few,
and of all other values that stand since they were first said."""
LEAST_FOLD = {"undated": 2.0, "standing": 3.0}
"""By which factor the relative risk must have changed from the first cutoff to the last to matter."""
LEAST_SHIFT = 0.3
"""The same for the mean rank of leavers, in standard deviations."""
LOWEST_RISK = 0.1
"""Against all of their age, the risk of those who lack a value that all leavers seem to have."""
CHANCE = 1e-6
"""How seldom chance may leave so few leavers to them."""
SOME_WITHOUT = f"at least {LOWEST_RISK:g} of the usual risk for those who lack a value that is known before customers leave"
LEAST_LEAVERS = 20
LEAST_CUTOFFS = 3
_AGES = 5


@dataclass(frozen=True)
class Drift:
    """How what a column says about leaving changes from the first cutoff to the last.

    Attributes
    ----------
    column : str
    z : float
        Standard errors; positive when the relative risk of a group rises, or leavers rank higher later.
    change : float
        Relative risk at the last cutoff over that at the first; or the shift of the mean rank between them.
    by_rank : bool
        Which of the two.
    share : float
        Share of customers in the group at the last cutoff over that at the first; 1 for ranks.
    """

    column: str
    z: float
    change: float
    by_rank: bool
    share: float = 1.0

    def counts(self, dated: bool) -> bool:
        """Whether the change is both sure and large; more is asked of values with a date."""
        kind = "standing" if dated else "undated"
        large = (
            abs(self.change) >= LEAST_SHIFT
            if self.by_rank
            else abs(np.log(self.change)) >= np.log(LEAST_FOLD[kind])
        )
        return bool(large and abs(self.z) >= HIGHEST_DRIFT[kind])

    @property
    def used_up(self) -> bool:
        """Whether the group dwindles as its risk rises: what leavers were given later, nobody has who is left.

        Where times change for those who have a plan, its risk rises and they are as many as before.
        """
        return not self.by_rank and bool(
            -np.log(self.share) * np.sign(np.log(self.change)) >= abs(np.log(self.change)) / 2
        )

    @property
    def said(self) -> str:
        """The change in words."""
        if self.by_rank:
            return f"the mean rank of leavers moved by {self.change:+.1f} standard deviations"
        return f"the relative risk of those who share one of its values changed {self.change:.2g}-fold"

    @property
    def guess(self) -> str:
        """How it may have come about."""
        if self.by_rank or self.change < 1:
            return "as if it summed up what happened after the cutoffs"
        return "as if it was written when the customer left"


@dataclass(frozen=True)
class Risk:
    """Snapshots of customers as the drift test wants them.

    ``place`` is the cutoff's place, ``age`` the stratum of the time since the customer came, ``expected`` the
    share of leavers among customers of that age at that cutoff, ``time`` the cutoffs from 0 to 1, ``who`` the
    number of the customer.
    """

    churned: Floats
    place: Ints
    age: Ints
    expected: Floats
    time: Floats
    who: Ints

    @property
    def times_seen(self) -> float:
        """At how many cutoffs a leaver is seen to leave: label windows may overlap."""
        left = self.churned == 1
        return float(left.sum() / max(len(np.unique(self.who[left])), 1))


def risks(churned: Floats, cutoff: pd.Series, arrived: Ints, who: pd.Series) -> Risk:
    """The risk of snapshots in any order.

    Parameters
    ----------
    churned : float array
        0 or 1.
    cutoff, who : Series
        The cutoff and the customer of each snapshot.
    arrived : int array
        Seconds since 1970 of the first row about the customer.
    """
    place, cutoffs = pd.factorize(cutoff, sort=True)
    since = pd.to_datetime(cutoff, utc=True).to_numpy(dtype="datetime64[s]").astype(np.int64) - arrived
    age = np.searchsorted(np.quantile(since, np.linspace(0, 1, _AGES + 1)[1:-1]), since)
    cell = place * _AGES + age
    rows = np.bincount(cell)
    expected = (np.bincount(cell, churned) / np.maximum(rows, 1))[cell]
    return Risk(churned, place, age, expected, np.linspace(0, 1, len(cutoffs)), pd.factorize(who)[0])


def of_sample(sample: Sample) -> Risk:
    """The risk of the rows of a sample, in their order."""
    frame = sample.frame
    return risks(
        frame["churned"].to_numpy(dtype=np.float64), frame["cutoff"], sample.arrived, frame["customer_id"]
    )


def of_groups(risk: Risk, made: ValueGroups, column: str) -> Iterator[Drift]:
    """Each group in which enough customers leave, and how its relative risk drifts."""
    for group in range(made.count):
        rows = made.of == group
        if risk.churned[rows].sum() >= LEAST_LEAVERS and risk.expected[rows].sum() > 0:
            yield _of_risk(risk, rows, column)


@dataclass(frozen=True)
class Sole:
    """A value without which hardly anybody leaves.

    In customers: all ``leavers``, those ``without`` the value, and how many of these would be ``usual``.
    """

    leavers: float
    without: float
    usual: float

    @property
    def said(self) -> str:
        """The same in words."""
        return (
            f"{self.leavers - self.without:,.0f} of {self.leavers:,.0f} who leave share one of its values,"
            f" and of all others {self.without:,.0f} leave where {self.usual:,.0f} are usual"
        )


def sole(risk: Risk, made: ValueGroups) -> Sole | None:
    """The group without which surely less than ``LOWEST_RISK`` of the usual leavers leave, if there is one."""
    each = risk.times_seen
    for group in range(made.count):
        others = made.of != group
        left, usual = risk.churned[others].sum() / each, risk.expected[others].sum() / each
        if poisson.cdf(left, LOWEST_RISK * usual) < CHANCE:
            return Sole(float(risk.churned.sum() / each), float(left), float(usual))
    return None


def _of_risk(risk: Risk, rows: Bools, column: str) -> Drift:
    """Leavers among *rows* against those expected by age, tested for a trend over the cutoffs.

    A score test whose variance counts each customer once, divided by how much the cutoffs scatter
    around their own trend.
    """
    left, expected, place = risk.churned[rows], risk.expected[rows], risk.place[rows]
    usual = left.sum() / expected.sum()
    time = risk.time[place] - np.average(risk.time[place], weights=expected)
    parts = np.bincount(risk.who[rows], (left - usual * expected) * time)
    z = parts.sum() / max(np.sqrt((parts**2).sum()), 1e-12)
    seen, wanted = (
        np.bincount(place, one, minlength=len(risk.time)).astype(np.float64)
        for one in (left, usual * expected)
    )
    slope, scatter = trend(seen, wanted, risk.time)
    had, everyone = (
        np.bincount(one, minlength=len(risk.time)).astype(np.float64) for one in (place, risk.place)
    )
    dwindling, _ = trend(had, everyone * had.sum() / everyone.sum(), risk.time)
    return Drift(
        column,
        float(z / np.sqrt(scatter)),
        float(np.exp(slope)),
        by_rank=False,
        share=float(np.exp(dwindling)),
    )


def trend(seen: Floats, expected: Floats, time: Floats) -> tuple[float, float]:
    """The log-linear trend of *seen* over *expected*, and how many times the variance of chance is left around it.

    The latter is at least 1.
    """
    level, slope = 0.0, 0.0
    there = expected > 0
    seen, expected, time = seen[there], expected[there], time[there] - time[there].mean()
    for _ in range(30):
        mean = expected * np.exp(np.clip(level + slope * time, -20, 20))
        gradient = np.array([(seen - mean).sum(), ((seen - mean) * time).sum()])
        hessian = np.array([[mean.sum(), (mean * time).sum()], [(mean * time).sum(), (mean * time**2).sum()]])
        step = np.linalg.solve(hessian + 1e-9 * np.eye(2), gradient)
        step /= max(1.0, float(np.abs(step).max()))
        level, slope = level + step[0], slope + step[1]
        if np.abs(step).max() < 1e-7:
            break
    mean = expected * np.exp(np.clip(level + slope * time, -20, 20))
    pearson = ((seen - mean) ** 2 / np.maximum(mean, 0.5)).sum()
    return float(np.clip(slope, -5, 5)), max(1.0, float(pearson / max(len(seen) - 2, 1)))


def of_ranks(risk: Risk, number: Floats, column: str) -> Drift:
    """The mean rank of leavers among customers of their age, tested for a trend over the cutoffs."""
    score = np.full(len(number), np.nan)
    cell = risk.place * _AGES + risk.age
    for one in np.unique(cell):
        rows = (cell == one) & np.isfinite(number)
        rank = rankdata(number[rows])
        if len(rank) > 1 and rank.std() > 0:
            score[rows] = (rank - rank.mean()) / rank.std()
    rows = np.isfinite(score) & (risk.churned == 1)
    time = risk.time[risk.place[rows]]
    if len(time) < LEAST_LEAVERS or not time.std():
        return Drift(column, 0.0, 0.0, by_rank=True)
    time = time - time.mean()
    spread = (time**2).sum()
    slope = (time * score[rows]).sum() / spread
    rest = score[rows] - score[rows].mean() - slope * time
    parts = np.bincount(risk.who[rows], time * rest)
    # Leavers at least as scattered as all customers are: a sum up to the extract draws them together.
    error = np.sqrt(max((parts**2).sum(), spread)) / spread
    return Drift(column, float(slope / error), float(slope), by_rank=True)
