"""The features of one company: which factors its tables allow, what they lack, and the matrix."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

import pandas as pd

from cxml.contracts import TABLES, Column
from cxml.features import planner
from cxml.features.catalogue import FACTORS, labels
from cxml.features.declare import Factor
from cxml.features.profile import profile
from cxml.features.worth import worth
from cxml.tables import Tables


def factors_of(tables: Tables) -> tuple[Factor, ...]:
    """All factors for these tables: the catalogue, the attributes and the money of the config."""
    config = tables.config
    own = (worth(config.value.sources, tables.columns), profile(tables.attributes))
    return planner.without((*FACTORS, *own), config.features.leave_out)


def planned(tables: Tables) -> planner.Plan:
    """The plan for these tables, with the lookbacks of the config."""
    present, contracts = dict(tables.columns), dict(TABLES)
    if tables.attributes:
        own = tuple(
            Column(name, "number" if kind == "number" else "text", "an attribute of the customer")
            for name, kind in tables.attributes.items()
        )
        contracts["customers"] = replace(TABLES["customers"], columns=(*TABLES["customers"].columns, *own))
        present["customers"] = present["customers"] | set(tables.attributes)
    return planner.plan(present, factors_of(tables), tables.config.features.lookbacks, contracts)


def labels_of(plan: planner.Plan, tables: Tables) -> dict[str, Any]:
    """What the columns of the plan and their factors are called for people."""
    return labels([column.name for column in plan.columns], factors_of(tables))


def read(tables: Tables, relation: str = "matrix") -> pd.DataFrame:
    """A relation with ``customer_id`` and ``cutoff`` as a frame, ordered by both, cutoffs in UTC."""
    frame: pd.DataFrame = tables.engine.arrow(
        f"select * from {relation} order by customer_id, cutoff"
    ).to_pandas()
    frame["cutoff"] = pd.to_datetime(frame["cutoff"], unit="s", utc=True).dt.as_unit("us")
    return frame


def coverage(plan: planner.Plan, factors: Iterable[Factor], rows: Mapping[str, int]) -> dict[str, Any]:
    """What can be measured with the data at hand, and what each missing factor would need.

    Returns ``measured`` (names), ``partly`` and ``not_measured`` (each with labels and the missing
    ``table.column``), and the ``rows`` of each table.
    """
    built = {column.feature.name for column in plan.columns}
    found: dict[str, Any] = {"measured": [], "partly": [], "not_measured": [], "rows": dict(rows)}
    for factor in factors:
        names = [f.name for f in factor.features] + [d.name for d in factor.derived]
        lacks = {m for name in names for m in plan.left_out.get(name, ())}
        missing = sorted(m for m in lacks if m.partition(".")[0] in TABLES)
        have = sum(name in built for name in names)
        entry = {
            "factor": factor.name,
            "en": factor.en,
            "ko": factor.ko,
            "missing": missing,
            "features": have,
        }
        if not names:
            continue
        where = "not_measured" if not have else "measured" if have == len(names) else "partly"
        found[where].append(factor.name if where == "measured" else entry)
    return found
