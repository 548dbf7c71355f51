"""Whether a model is much better on customers held out at random than on a later time.

What only holds at its own time, because it was summed up or filled in there, helps a model that learned at random and not
one that learned in time. A true change of the times looks the same: the gap is an alarm, not a proof.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from cxml.audit.findings import Finding, Probe
from cxml.audit.sample import Sample
from cxml.metrics.delong import auc, difference
from cxml.training.random_split import LEAST_GAP, LEAST_LEAVERS, learn_twice

Floats = NDArray[np.float64]
ERRORS = 4.0
"""Standard errors by which the gap must exceed nothing."""


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
    figures = {
        "time": round(later.auc, 4),
        "random": round(mixed.auc, 4),
        "gap": round(gap, 4),
        "error": round(error, 4),
        "leavers": later.leavers,
    }
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
