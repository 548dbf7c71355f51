"""The features of one company: which factors its tables allow, what they lack, and the matrix."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from cxml.config.load import Config
from cxml.contracts import TABLES, Column, Table
from cxml.errors import ConfigError, did_you_mean
from cxml.factors.catalogue import FACTORS, labels
from cxml.factors.customer_value import worth
from cxml.factors.declare import LEARNED, MEASURED, Derived, Factor, FactorKind, Feature
from cxml.factors.profile import feature_of, profile, themes
from cxml.factors.user_files import fingerprints, own_factors
from cxml.features import planner
from cxml.features.promises import promise_flags
from cxml.features.validate import validate
from cxml.snapshots import population
from cxml.tables.opening import Tables

_WINDOW = re.compile(r"_(\d+d|ever)$")


def factors_of(tables: Tables) -> tuple[Factor, ...]:
    """All factors for these tables: the catalogue, the attributes and the money of the config, its own files.

    Raises
    ------
    ConfigError
        Declarations that are unsound together, such as an attribute with the name of a feature; a name
        in ``leave_out`` that is no factor, feature or column.
    """
    config = tables.config
    names = _customer_columns(tables)
    for name in {factor.name for factor in FACTORS} & config.factors.keys():
        raise ConfigError(
            f"cxml has a factor {name!r} of its own",
            where=f"[factors.{name}]",
            expected="a name of your own",
            fix=f"write for example [factors.our_{name}]",
        )
    who = themes(
        profile(tables.attributes, names), names, config.factors, flat=set(tables.columns) == {"customers"}
    )
    company = (worth(config.value.sources, tables.columns), *who)
    factors = (*FACTORS, *company, *own_factors(config.features.files, config.folder))
    validate(factors, _contracts(tables))
    known = {name for factor in factors for name in (factor.name, *_names(factor, config.features.lookbacks))}
    left_out = _left_out(tables)
    for name, feature in left_out.items():
        if feature not in known:
            raise ConfigError(
                f"there is no factor, feature or column {name!r}",
                where="[features] leave_out",
                expected="names that 'cxml features --list' shows, or columns, such as wait_mean_30d",
                fix=did_you_mean(name, {*known, *names.values()}),
            )
    return planner.without(factors, left_out.values())


def _customer_columns(tables: Tables) -> dict[str, str]:
    """The columns of the customers by their names in the view, and what their source calls them."""
    opened = tables.opened.get("customers")
    there = tables.columns.get("customers", frozenset()) | set(tables.attributes)
    return {name: opened.places.get(name, name) for name in sorted(there)} if opened else {}


def _left_out(tables: Tables) -> dict[str, str]:
    """What the config leaves out: as it names it, and the factor, feature or column that it means.

    A column of the customers may be named as its source calls it.
    """
    places = {
        place: feature_of(name)
        for name, place in _customer_columns(tables).items()
        if name in tables.attributes
    }
    return {name: places.get(name, name) for name in tables.config.features.leave_out}


def declared(config: Config) -> dict[str, str]:
    """What of the config shapes features beside their columns: own files and promises as fingerprints, and the zone.

    Two configs with the same answer measure the same under the same column names.
    """
    promises = "".join(flag.sql for flag in promise_flags(config.promises))
    lasting = {
        "[promises]": hashlib.sha256(promises.encode()).hexdigest(),
        "[project] timezone": config.project.timezone,
    }
    return {**lasting, **fingerprints(config.features.files, config.folder)}


def terms(config: Config) -> dict[str, str]:
    """What a model takes for granted: how features are ``declared``, who is at risk, and in what money values are."""
    who = config.population
    within = (
        f" within {who.within / timedelta(days=1):g} days in {', '.join(sorted(who.activity))}"
        if who.by == "activity"
        else ""
    )
    return {
        **declared(config),
        "[population]": f"{who.by}{within}",
        "[project] currency": config.project.currency,
    }


def planned(
    tables: Tables, kinds: Collection[FactorKind] = LEARNED, factors: Sequence[Factor] | None = None
) -> planner.MatrixPlan:
    """The plan for these tables, with the lookbacks and promises of the config, of the factors of *kinds*.

    Of all factors of these tables, or of those given.

    Raises
    ------
    ConfigError
        Everything is left out.
    """
    present = dict(tables.columns)
    if tables.attributes:
        present["customers"] = present["customers"] | set(tables.attributes)
    config = tables.config.features
    flags = promise_flags(tables.config.promises)
    chosen = [factor for factor in factors or factors_of(tables) if factor.kind in kinds]
    plan = planner.plan(present, chosen, config.lookbacks, _contracts(tables), flags)
    left = _without_columns(plan, set(_left_out(tables).values()))
    if config.leave_out and not left.columns:
        raise ConfigError(
            "no feature is left to build",
            where="[features] leave_out",
            expected="a factor or column that is not left out",
            fix="leave out fewer",
        )
    return left


def _contracts(tables: Tables) -> dict[str, Table]:
    """The contracts, with the attributes of the customers."""
    if not tables.attributes:
        return dict(TABLES)
    own = tuple(
        Column(name, "number" if kind == "number" else "text", "an attribute of the customer")
        for name, kind in tables.attributes.items()
    )
    customers = TABLES["customers"]
    return {**TABLES, "customers": replace(customers, columns=(*customers.columns, *own))}


def _names(factor: Factor, lookbacks: Sequence[int]) -> Iterator[str]:
    """What the features of a factor and their columns are called."""
    for item in factor.items:
        yield item.name
        if isinstance(item, Feature) or "{w}" in item.sql:
            yield from (f"{item.name}_{days}d" for days in item.lookbacks or lookbacks if days)


def _without_columns(plan: planner.MatrixPlan, leave_out: set[str]) -> planner.MatrixPlan:
    """The plan whose matrix lacks single columns; formulas may still use them."""
    kept = tuple(column for column in plan.columns if column.name not in leave_out)
    if len(kept) == len(plan.columns):
        return plan
    *before, last = plan.steps
    names = ", ".join(["customer_id", "cutoff", *(column.name for column in kept)])
    step = replace(last, select=f"select {names} from ({last.select}) a")
    return replace(plan, steps=(*before, step), columns=kept)


def labels_of(plan: planner.MatrixPlan, tables: Tables) -> dict[str, Any]:
    """What the columns of the plan and their factors are called for people."""
    return labels([column.name for column in plan.columns], factors_of(tables))


def reaches(plan: planner.MatrixPlan) -> dict[str, int]:
    """How many days before the cutoff each column looks, 0 for all history; a formula as far as its windows."""
    found = {}
    for column in plan.columns:
        formula = column.feature.sql if isinstance(column.feature, Derived) else ""
        windows = [int(days) for days in re.findall(r"_(\d+)d\b", formula)]
        found[column.name] = column.lookback or max(windows, default=0)
    return found


def read(tables: Tables, relation: str = "matrix") -> pd.DataFrame:
    """A relation with ``customer_id`` and ``cutoff`` as a frame, ordered by both, cutoffs in UTC."""
    frame: pd.DataFrame = tables.engine.arrow(
        f"select * from {relation} order by customer_id, cutoff"
    ).to_pandas()
    frame["cutoff"] = pd.to_datetime(frame["cutoff"], unit="s", utc=True).dt.as_unit("us")
    return frame


class Chunks:
    """The feature matrix of the ``snapshots``, *chunk* of them at a time, ordered by customer.

    What features need to know of everybody is computed once, when this is made.
    """

    def __init__(self, tables: Tables, chunk: int) -> None:
        self._tables, self._chunk, self._plan = tables, chunk, planned(tables)
        planner.prepare(tables.engine, self._plan)
        self._everyone = population.set_aside(tables.engine)
        self._whole: pd.DataFrame | None = None

    def __iter__(self) -> Iterator[pd.DataFrame]:
        if self._whole is not None:
            yield self._whole
            return
        for start in range(0, self._everyone, self._chunk):
            population.narrow(self._tables.engine, start, start + self._chunk)
            yield self._made()

    def sample(self, drawn: Callable[[Sequence[str]], NDArray[np.bool_]]) -> pd.DataFrame:
        """The matrix of the snapshots that are *drawn* by their customers' ids.

        Where that is everybody in one chunk, it is kept and not computed again.
        """
        engine, at = self._tables.engine, range(0, self._everyone, self._chunk)
        chosen = [drawn(population.ids(engine, start, start + self._chunk)) for start in at]
        everyone = np.concatenate(chosen)
        population.pick(engine, np.flatnonzero(everyone))
        found = self._made()
        if len(chosen) == 1 and everyone.all():
            self._whole = found
        return found

    def _made(self) -> pd.DataFrame:
        planner.run_chunk(self._tables.engine, self._plan)
        return read(self._tables)


def coverage(tables: Tables, rows: Mapping[str, int]) -> dict[str, Any]:
    """What can be measured with the data at hand, and what each missing factor would need.

    Returns ``measured``, ``partly`` and ``not_measured`` (each a list of factors with their labels, the missing
    ``table.column`` and how many features there are), and the ``rows`` of each table. What the config leaves out
    is not missing.
    """
    factors = [factor for factor in factors_of(tables) if factor.kind in MEASURED]
    plan = planned(tables, MEASURED, factors)
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
