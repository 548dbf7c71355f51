"""Whether an attribute of a flat table knows more of leaving than all others together, is named after it, or marks it.

A score that somebody computed from who left, or a code that was set when they did, need not be perfect: it is written down
with errors, or rounded. But what is known beforehand is known in several columns, and no honest one is far ahead of all
others together. A code that was set when people left need not be on every leaver, but hardly anybody who stayed has it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray
from scipy.stats import binom

from cxml.audit.findings import Finding
from cxml.audit.sample import Sample
from cxml.audit.single_feature import LEAST_LEAVERS, Alone, scores
from cxml.metrics.delong import difference
from cxml.models.baselines import LogisticBaseline
from cxml.sampling import customer_folds

AHEAD, ERRORS = 0.02, 4.0
"""By how much AUC, and by how many standard errors, one column must be ahead of all others together."""
LEAST, LEAST_NAMED = 0.85, 0.7
"""AUC that a column must reach alone, and one whose name speaks of leaving (its lower bound)."""
STAYED, MARKED, MARK_ODDS = 0.03, 0.1, 3.0
"""A mark of leaving: of those who have the value at most so large a share stayed (or one of them), of all who left at
least so large a share have it, and the odds that they leave are surely more than so many times those of all."""
_CHANCE = 1e-4
"""How seldom chance may make a mark: a table has some hundreds of values, and few of them are shared by many leavers."""
_CODES = 20
"""Different numbers up to which a column is one of codes: of many numbers, those at an end may well be without stayers."""
_ASKED, _FOLDS = 2, 5
_LEAVING = re.compile(
    r"(?i)churn|attrition|propensity|exited|cancell?ed|cancellation|terminat|이탈|해지|탈퇴"
)
_FIX = "find out when it is written; leave it out ([features] leave_out) if that is after a customer has left"


def findings(sample: Sample, measured: list[Alone]) -> Iterator[Finding]:
    """What is ahead of all others, is named after leaving and tells of it, or is a mark of leaving."""
    for one in measured:
        if sample.kind(one.column) not in ("consequence", "index"):
            yield from _mark(sample, one.column)
        name = str(sample.labels["features"][one.column]["en"])
        if sample.kind(one.column) == "column" and _LEAVING.search(name) and one.auc.at_least > LEAST_NAMED:
            yield Finding(
                about=one.column,
                what=f"{name!r} speaks of leaving by its name, and alone tells leavers from stayers: AUC {one.auc.auc:.3f}",
                where=f"{one.auc.leavers:,} leavers of {one.auc.leavers + one.auc.stayers:,}",
                expected="columns that were written before anybody knew who leaves",
                fix=_FIX,
                figures={"auc": one.auc.auc},
            )
    for one in measured[:_ASKED]:
        others = [column.name for column in sample.columns if column.name != one.column]
        if sample.kind(one.column) == "column" and one.auc.auc > LEAST and others:
            yield from _ahead(sample, one, others)


def _mark(sample: Sample, column: str) -> Iterator[Finding]:
    """The value that hardly anybody who stayed has: a leak where many of those who left have it, else a remark."""
    values, churned = sample.frame[column], sample.frame["churned"].astype(float)
    if sample.labels["features"][column]["unit"] != "text" and values.nunique() > _CODES:
        return
    found = churned.groupby(values, dropna=False, observed=True).agg(["size", "sum"])
    rows, left = found["size"].to_numpy(), found["sum"].to_numpy()
    limit = MARK_ODDS * left.sum() / max(rows.sum() - left.sum(), 1)
    chance = binom.sf(left - 1, rows, limit / (1 + limit))
    pure = (left >= LEAST_LEAVERS) & (rows - left <= np.maximum(1, STAYED * rows)) & (chance < _CHANCE)
    if not pure.any():
        return
    most = int(np.argmax(np.where(pure, left, 0)))
    share = float(left[most] / left.sum())
    yield Finding(
        about=column,
        what=f"{sample.labels['features'][column]['en']!r} has a value that is a mark of leaving: of {rows[most]:,.0f} who"
        f" have it {left[most]:,.0f} left, {share:.0%} of all leavers",
        where=f"{left.sum():,.0f} leavers of {rows.sum():,}",
        expected="no value that hardly anybody who stayed has",
        fix=_FIX,
        leak=share >= MARKED,
        figures={"rows": int(rows[most]), "leavers": int(left[most]), "share": share},
    )


def _ahead(sample: Sample, one: Alone, others: list[str]) -> Iterator[Finding]:
    churned = sample.frame["churned"].to_numpy(dtype=np.float64)
    score, asked = scores(sample, one.column)
    gap, error = difference(churned[asked], score[asked], _together(sample, others)[asked])
    if gap > AHEAD and gap > ERRORS * error:
        name = str(sample.labels["features"][one.column]["en"])
        yield Finding(
            about=one.column,
            what=f"{name!r} alone knows more of leaving than all {len(others):,} other columns together: AUC"
            f" {one.auc.auc:.3f} against {one.auc.auc - gap:.3f}",
            where=f"{one.auc.leavers:,} leavers of {one.auc.leavers + one.auc.stayers:,}",
            expected="columns of which none is far ahead of all others",
            fix=_FIX,
            figures={"auc": one.auc.auc, "ahead": gap, "error": error},
        )


def _together(sample: Sample, columns: list[str]) -> NDArray[np.float64]:
    """What a logistic regression on *columns* expects of each customer, who is held out from it."""
    frame, found = sample.frame, np.zeros(len(sample.frame))
    folds = customer_folds(frame["customer_id"], _FOLDS)
    for fold in range(_FOLDS):
        train, held = frame[folds != fold], folds == fold
        model = LogisticBaseline(columns=columns)
        model.fit(train[columns], train["churned"].to_numpy(), groups=train["customer_id"].to_numpy())
        found[held] = model.predict_proba(frame.loc[held, columns])[:, 1]
    return found
