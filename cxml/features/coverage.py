"""What of the experience factors can be measured with the data at hand, and what the rest would need."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from cxml.contracts import TABLES
from cxml.factors.declare import MEASURED
from cxml.features.company import FeaturePlan

_WINDOW = re.compile(r"_(\d+d|ever)$")


def coverage_of(features: FeaturePlan, rows: Mapping[str, int]) -> dict[str, Any]:
    """What can be measured with the data at hand, and what each missing factor would need.

    Returns ``measured``, ``partly`` and ``not_measured`` (each a list of factors with their labels, the missing
    ``table.column`` and how many features there are), and the ``rows`` of each table. What the config leaves out
    is not missing.
    """
    factors = [factor for factor in features.factors if factor.kind in MEASURED]
    plan = features.matrix(MEASURED)
    built = {column.feature.name for column in plan.columns}
    found: dict[str, Any] = {"measured": [], "partly": [], "not_measured": [], "rows": dict(rows)}
    for factor in factors:
        names = [f.name for f in factor.features] + [d.name for d in factor.derived]
        lacks = {m for name in names for m in _lacking(name, plan.left_out)}
        for part in plan.reduced.get(factor.name, ()):
            lacks |= {part} if "." in part else _lacking(part, plan.left_out)
        missing = sorted(m for m in lacks if m.partition(".")[0] in TABLES)
        have = sum(name in built for name in names)
        entry = {
            "factor": factor.name,
            "en": factor.en,
            "ko": factor.ko,
            "missing": missing,
            "features": have,
        }
        if have or missing:  # else the config leaves it out
            found["partly" if have and missing else "measured" if have else "not_measured"].append(entry)
    return found


def _lacking(name: str, left_out: Mapping[str, Sequence[str]]) -> set[str]:
    """What the feature *name* was left out for; for a formula also what the features in it were left out for."""
    found = set(left_out.get(name, ()))
    stems = {stem for part in found if (stem := _WINDOW.sub("", part)) in left_out and stem != name}
    return found.union(*(_lacking(stem, left_out) for stem in stems))
