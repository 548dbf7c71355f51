"""Whether one attribute of a flat table knows more of leaving than all others together, or is named after it.

A score that somebody computed from who left, or a code that was set when they did, need not be perfect: it is written down
with errors, or rounded. But what is known beforehand is known in several columns, and no honest one is far ahead of all
others together.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from cxml.audit.alone import Alone, scores
from cxml.audit.findings import Finding
from cxml.audit.ranking import difference
from cxml.audit.sample import Sample
from cxml.models.baselines import LogisticBaseline
from cxml.splits import customer_folds

AHEAD, ERRORS = 0.02, 4.0
"""By how much AUC, and by how many standard errors, one column must be ahead of all others together."""
LEAST, LEAST_NAMED = 0.85, 0.7
"""AUC that a column must reach alone, and one whose name speaks of leaving (its lower bound)."""
_ASKED, _FOLDS = 2, 5
_LEAVING = re.compile(
    r"(?i)churn|attrition|propensity|exited|cancell?ed|cancellation|terminat|이탈|해지|탈퇴"
)
_FIX = "find out when it is written; leave it out ([features] leave_out) if that is after a customer has left"


def findings(sample: Sample, measured: list[Alone]) -> Iterator[Finding]:
    """What is ahead of all others, or is named after leaving and tells of it."""
    for one in measured:
        name = str(sample.labels["features"][one.column]["en"])
        if sample.kind(one.column) == "column" and _LEAVING.search(name) and one.auc.at_least > LEAST_NAMED:
            yield Finding(
                about=one.column,
                what=f"{name!r} speaks of leaving by its name, and alone tells leavers from stayers: AUC {one.auc.auc:.3f}",
                where=f"{one.auc.leavers:,} leavers of {one.auc.leavers + one.auc.stayers:,}",
                expected="columns that were written before anybody knew who leaves", fix=_FIX, figures={"auc": one.auc.auc},
            )  # fmt: skip
    for one in measured[:_ASKED]:
        others = [column.name for column in sample.columns if column.name != one.column]
        if sample.kind(one.column) == "column" and one.auc.auc > LEAST and others:
            yield from _ahead(sample, one, others)


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
            expected="columns of which none is far ahead of all others", fix=_FIX,
            figures={"auc": one.auc.auc, "ahead": gap, "error": error},
        )  # fmt: skip


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
