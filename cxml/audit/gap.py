"""Whether a model is much better on customers held out at random than on a later time.

The same trees learn twice, and both times the same rows are asked, those of the test cutoff. Once they
learn from earlier cutoffs; once from four fifths of the customers at every cutoff, that one included,
to ask the rest; each time from equally many rows. What only holds at its own time, because it was summed up
or filled in there, helps the second and not the first. A true change of the times looks the same: the gap is
an alarm, not a proof.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from cxml.audit.findings import Finding, Probe
from cxml.audit.ranking import auc, difference
from cxml.audit.sample import Sample
from cxml.models.schema import Schema
from cxml.models.trees import Binned, tree_margins
from cxml.sampling import customer_folds
from cxml.splits import Plan as Split

Floats = NDArray[np.float64]
ERRORS = 4.0
"""Standard errors by which the gap must exceed nothing."""
LEAST_GAP = 0.03
"""AUC that the gap must reach to matter: rows of the same time and training itself move it a little."""
LEAST_LEAVERS = 10
ROUNDS = 120
TREES: Mapping[str, Any] = {
    "objective": "binary", "num_leaves": 4, "learning_rate": 0.08, "bagging_fraction": 0.7,
    "feature_fraction": 0.3, "lambda_l2": 10.0,
}  # fmt: skip
_FOLDS = 5


@dataclass(frozen=True)
class Twice:
    """Outcomes of the test rows, in the order of the frame, and their margins by trees that learned each way.

    ``learned`` is the number of rows that each learned from.
    """

    churned: Floats
    in_time: Floats
    at_random: Floats
    learned: int


def learn_twice(
    frame: pd.DataFrame, columns: Sequence[str], split: Split, *, seed: int, threads: int
) -> Twice:
    """Ask the rows of the test cutoff of trees that learned from earlier cutoffs, and of others at random.

    Parameters
    ----------
    frame : DataFrame
        ``customer_id``, ``cutoff``, the feature *columns* and ``churned`` (0/1).
    split : splits.Plan
        A split by time.
    """
    test = (frame["cutoff"] == split.test).to_numpy()
    earlier = frame["cutoff"].isin([c for c in split.train if c != split.test]).to_numpy()
    churned = frame["churned"].to_numpy(dtype=np.float64)
    schema = Schema.learn(frame[list(columns)])
    encoded = schema.encode(frame[list(columns)])
    binned = Binned(encoded, schema.categorical, threads)
    asked = np.flatnonzero(test)
    folds = customer_folds(frame["customer_id"], _FOLDS, seed)
    pools = [(earlier | test) & (folds != fold) for fold in range(_FOLDS)]
    size = int(min(earlier.sum(), *(pool.sum() for pool in pools)))
    turn = np.random.default_rng(seed).permutation(len(frame))

    def margins(pool: NDArray[np.bool_], rows: NDArray[np.int64]) -> Floats:
        among = np.flatnonzero(pool)
        drawn = np.sort(among[np.argsort(turn[among])[:size]])
        return tree_margins(
            binned.train(churned, TREES, ROUNDS, rows=drawn, seed=seed), encoded[rows], threads
        )

    in_time, at_random = margins(earlier, asked), np.zeros(len(asked))
    for fold, pool in enumerate(pools):
        held = folds[asked] == fold
        if held.any():
            at_random[held] = margins(pool, asked[held])
    return Twice(churned[asked], in_time, at_random, size)


def probe(sample: Sample, seed: int, threads: int) -> Probe:
    """The area under the curve at the test cutoff, learned in time and learned at random."""
    name = "random against time"
    asks = "Does the model do much better on customers held out at random than on a later time?"
    frame, split = sample.frame, sample.split
    test = (frame["cutoff"] == split.test).to_numpy()
    earlier = frame["cutoff"].isin(split.train).to_numpy() & ~test
    churned = frame["churned"].to_numpy(dtype=np.float64)
    if split.mode != "time":
        return Probe(
            name, asks, note="No earlier label is known by the last cutoff: nothing to compare with."
        )
    fewest = min(churned[rows].sum() for rows in (test, earlier))
    if fewest < LEAST_LEAVERS or churned[test].all():
        return Probe(name, asks, note=f"Only {fewest:.0f} leavers: too few to say.")
    # A consequence and an index are no models' business.
    columns = [c.name for c in sample.columns if sample.kind(c.name) not in ("consequence", "index")]
    found = learn_twice(frame, columns, split, seed=seed, threads=threads)
    return _judged(name, asks, found.churned, found.in_time, found.at_random)


def _judged(name: str, asks: str, churned: Any, in_time: Any, at_random: Any) -> Probe:
    later, mixed = auc(churned, in_time), auc(churned, at_random)
    gap, error = difference(churned, at_random, in_time)
    figures = {"time": round(later.auc, 4), "random": round(mixed.auc, 4), "gap": round(gap, 4),
               "error": round(error, 4), "leavers": later.leavers}  # fmt: skip
    findings: tuple[Finding, ...] = ()
    if gap > LEAST_GAP and gap > ERRORS * error:
        findings = (
            Finding(
                about="split",
                what=f"the model is better on customers held out at random than on a later time:"
                f" AUC {mixed.auc:.3f} against {later.auc:.3f}, a gap of {gap / max(error, 1e-9):.0f} standard errors",
                where=f"the test cutoff, {later.leavers:,} leavers",
                expected=f"a gap of at most {LEAST_GAP}, or within {ERRORS:.0f} standard errors",
                fix="look for values that were summed up or filled in later; if the times have changed, train on"
                " later cutoffs",
                figures=figures,
            ),
        )
    return Probe(name, asks, findings, figures, (dict(figures),))
