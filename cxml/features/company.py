"""The features of one company: the factors that its tables and its config declare, and what can be built of them."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

from cxml.config.load import Config
from cxml.contracts import TABLES, Column, Table
from cxml.errors import ConfigError, did_you_mean
from cxml.factors.catalogue import FACTORS, labels
from cxml.factors.customer_value import worth
from cxml.factors.declare import LEARNED, Factor, FactorKind, Feature
from cxml.factors.profile import feature_of, profile, themes
from cxml.factors.user_files import fingerprints, own_factors
from cxml.features import planner
from cxml.features.planner import MatrixPlan
from cxml.features.promises import promise_flags
from cxml.features.validate import validate
from cxml.tables.opening import Tables


@dataclass(frozen=True)
class FeaturePlan:
    """The features of one company, validated once per job and passed on.

    Attributes
    ----------
    tables : Tables
    factors : tuple of Factor
        All that these tables and their config declare, without what the config leaves out.
    """

    tables: Tables
    factors: tuple[Factor, ...]
    _built: dict[frozenset[FactorKind], MatrixPlan] = field(default_factory=dict, compare=False, repr=False)

    def matrix(self, kinds: Collection[FactorKind] = LEARNED) -> MatrixPlan:
        """What builds the features of the factors of *kinds*, with the lookbacks and promises of the config.

        Raises
        ------
        ConfigError
            Everything is left out.
        """
        asked = frozenset(kinds)
        if asked not in self._built:
            self._built[asked] = self.matrix_of([factor for factor in self.factors if factor.kind in asked])
        return self._built[asked]

    def matrix_of(self, factors: Sequence[Factor]) -> MatrixPlan:
        """What builds the features of *factors*, which may be others than those of the company.

        Raises
        ------
        ConfigError
            Everything is left out.
        """
        tables, config = self.tables, self.tables.config.features
        present = dict(tables.columns)
        if tables.attributes:
            present["customers"] = present["customers"] | set(tables.attributes)
        flags = promise_flags(tables.config.promises)
        plan = planner.plan(present, factors, config.lookbacks, _contracts(tables), flags)
        left = _without_columns(plan, set(_left_out(tables).values()))
        if config.leave_out and not left.columns:
            raise ConfigError(
                "no feature is left to build",
                where="[features] leave_out",
                expected="a factor or column that is not left out",
                fix="leave out fewer",
            )
        return left

    def names(self, plan: MatrixPlan) -> dict[str, Any]:
        """What the columns of *plan* and their factors are called for people."""
        return labels([column.name for column in plan.columns], self.factors)


def plan_features(tables: Tables) -> FeaturePlan:
    """Collect and validate the factors of a company.

    Raises
    ------
    ConfigError
        Declarations that are unsound together, such as an attribute with the name of a feature; a name
        in ``leave_out`` that is no factor, feature or column.
    """
    return FeaturePlan(tables, _factors_of(tables))


def _factors_of(tables: Tables) -> tuple[Factor, ...]:
    """All factors for these tables: the catalogue, the attributes and the money of the config, its own files."""
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
