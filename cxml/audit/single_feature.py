"""Whether a feature alone predicts better than anything known beforehand could."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.stats import binom

from cxml.audit.findings import Figures, Finding, Probe
from cxml.audit.sample import Sample
from cxml.audit.value_groups import ValueGroups, groups
from cxml.metrics.delong import Auc, auc
from cxml.sampling import customer_folds

HIGHEST_AUC = 0.95
"""What a feature known before its customer leaves is not expected to reach alone."""
HIGHEST_ODDS = 50.0
"""Nor are the odds of leaving of those who share a value expected to be so many times those of all."""
CHANCE = 1e-6
"""How seldom chance may put so many leavers into one group: there are thousands of groups."""
LEAST_LEAVERS = 10
_BINS = 20
_FOLDS = 5
_WEIGHT = 20.0
_SHOWN = 10


class Group(NamedTuple):
    """Those who share a value of a column, or lack one.

    ``sure`` is whether more of them leave than chance could make of ``HIGHEST_ODDS``; ``odds`` of leaving are
    against those of all.
    """

    sure: bool = False
    odds: float = 0.0
    rows: int = 0
    missing: bool = False


class Alone(NamedTuple):
    """How one column predicts without any other: its AUC, and its most telling group."""

    column: str
    auc: Auc
    group: Group


def measure(sample: Sample) -> list[Alone]:
    """Every column by itself: groups and their rates from earlier cutoffs, measured at later ones.

    Where no cutoff is early enough, from four fifths of the customers, measured on the rest.
    """
    churned = sample.frame["churned"].to_numpy(dtype=np.float64)
    parts = _parts(sample)
    found = []
    for column in (one.name for one in sample.columns):
        score, asked = scores(sample, column)
        most = Group()
        for learn, ask in parts:
            most = max(most, _most_telling(groups(sample.frame[column], learn, _BINS), churned, ask))
        found.append(Alone(column, auc(churned[asked], score[asked]), most))
    return sorted(found, key=lambda one: (-one.auc.auc, one.column))


def scores(sample: Sample, column: str) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """What a column alone says of each row that is asked: the rate of its group among others; and which are asked."""
    churned = sample.frame["churned"].to_numpy(dtype=np.float64)
    score, asked = np.zeros(len(churned)), np.zeros(len(churned), dtype=bool)
    for learn, ask in _parts(sample):
        made = groups(sample.frame[column], learn, _BINS)
        score[ask] = _rates(made, churned, learn)[made.of[ask]]
        asked |= ask
    return score, asked


def probe(sample: Sample, measured: list[Alone]) -> Probe:
    """What predicts too well, of the columns that models learn from."""
    name, asks = "single features", "Does a feature alone, or its being missing, predict leaving too well?"
    columns = [one for one in measured if sample.kind(one.column) not in ("consequence", "index")]
    left, stayed = (columns[0].auc.leavers, columns[0].auc.stayers) if columns else (0, 0)
    if min(left, stayed) < LEAST_LEAVERS:
        return Probe(
            name, asks, note=f"{left:,} left and {stayed:,} stayed after the later cutoffs: too few to say."
        )
    findings = [_too_good(sample, one) for one in columns if one.auc.at_least > HIGHEST_AUC]
    known = {one.about for one in findings}
    findings += [_too_pure(sample, one) for one in columns if one.group.sure and one.column not in known]
    rows = tuple(_row(sample, one) for one in columns[:_SHOWN])
    figures = {"features": len(columns), "leavers": left, "stayers": stayed, "highest": HIGHEST_AUC}
    return Probe(name, asks, tuple(findings), figures, rows)


def _parts(sample: Sample) -> list[tuple[NDArray[np.bool_], NDArray[np.bool_]]]:
    """Rows to learn from and rows to ask, once by time or several times by customer."""
    frame = sample.frame
    if sample.split.mode == "time":
        train = sample.split.train
        # Two later cutoffs are asked where that leaves something to learn from: more leavers, surer figures.
        learn = frame["cutoff"].isin(train[:-1] or train).to_numpy()
        later = frame["cutoff"].isin([*train[-1:], sample.split.test]).to_numpy()
        return [(learn, later & ~learn)]
    folds = customer_folds(frame["customer_id"], _FOLDS)
    test = (frame["cutoff"] == sample.split.test).to_numpy()
    return [(test & (folds != fold), test & (folds == fold)) for fold in range(_FOLDS)]


def _rates(made: ValueGroups, churned: NDArray[np.float64], learn: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Share of leavers in each group, small groups drawn towards that of all."""
    rows, leavers = made.total(np.ones(len(churned)), learn), made.total(churned, learn)
    return np.asarray((leavers + _WEIGHT * churned[learn].mean()) / (rows + _WEIGHT))


def _most_telling(made: ValueGroups, churned: NDArray[np.float64], ask: NDArray[np.bool_]) -> Group:
    """The group whose odds of leaving are highest, of those that are sure where there is one."""
    rows, leavers = made.total(np.ones(len(churned)), ask), made.total(churned, ask)
    left = churned[ask].sum()
    if not 0 < left < ask.sum():
        return Group()
    base = left / (ask.sum() - left)
    limit = HIGHEST_ODDS * base
    chance = binom.sf(leavers - 1, rows, limit / (1 + limit))
    odds = (leavers + 0.5) / (rows - leavers + 0.5) / base
    return max(
        Group(bool(chance[one] < CHANCE), float(odds[one]), int(rows[one]), bool(one == made.missing))
        for one in np.flatnonzero(rows)
    )


def _where(sample: Sample, column: str) -> str:
    return f"factor {sample.labels['features'][column]['factor']}"


def _too_good(sample: Sample, one: Alone) -> Finding:
    return Finding(
        about=one.column,
        what=f"{one.column} alone tells leavers from stayers: AUC {one.auc.auc:.3f}, at least {one.auc.at_least:.3f}",
        where=f"{_where(sample, one.column)}, {one.auc.leavers:,} leavers of {one.auc.leavers + one.auc.stayers:,}",
        expected=f"an AUC of at most {HIGHEST_AUC} for anything that is known before a customer leaves",
        fix="find out from when its values are known; leave it out ([features] leave_out) if that is after the cutoff",
        figures={"auc": one.auc.auc, "at_least": one.auc.at_least, "leavers": one.auc.leavers},
    )


def _too_pure(sample: Sample, one: Alone) -> Finding:
    who = "those for whom it is missing" if one.group.missing else "those who share one of its values"
    return Finding(
        about=one.column,
        what=f"{one.column} gives leavers away: the odds that {who} leave are {one.group.odds:,.0f} times those of all",
        where=f"{_where(sample, one.column)}, {one.group.rows:,} rows",
        expected=f"at most {HIGHEST_ODDS:.0f} times for anything that is known before a customer leaves",
        fix="find out from when its values are known; leave it out ([features] leave_out) if that is after the cutoff",
        figures={"odds": one.group.odds, "rows": one.group.rows, "auc": one.auc.auc},
    )


def _row(sample: Sample, one: Alone) -> Figures:
    factor = sample.labels["features"][one.column]["factor"]
    return {
        "feature": one.column,
        "factor": factor,
        "auc": round(one.auc.auc, 3),
        "at least": round(one.auc.at_least, 3),
        "odds": round(one.group.odds, 1),
    }
