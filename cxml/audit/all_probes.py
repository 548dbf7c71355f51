"""The audit: all probes, one after the other, on the same customers."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import replace
from datetime import datetime
from typing import get_args

from cxml.audit import (
    consequences,
    late_arrival,
    outshines,
    overwritten,
    random_against_time,
    sample,
    scrambled_future,
    single_feature,
    summed_attributes,
    undated_values,
)
from cxml.audit.findings import Audit, Probe
from cxml.errors import ConfigError, NotEnoughDataError, did_you_mean
from cxml.factors.declare import FactorKind
from cxml.features.company import FeaturePlan, plan_features
from cxml.snapshots import population
from cxml.snapshots.cutoffs import usable_cutoffs
from cxml.tables.opening import Tables

Tell = Callable[[str], None]
Progress = Callable[[int, int], None]
CUSTOMERS = 10_000
"""Customers to look at; of more, as many are drawn."""
COMPARED = 2_000
"""Customers whose features are compared under another future."""
_PROBES = 7


def audit(
    tables: Tables,
    *,
    customers: int = CUSTOMERS,
    seed: int = 0,
    allow: Collection[str] = (),
    tell: Tell = lambda text: None,
    progress: Progress = lambda done, everyone: None,
) -> Audit:
    """Put every probe to the data of *tables*.

    Parameters
    ----------
    customers : int
        Customers to look at; of more, that many are drawn by *seed*.
    allow : collection of str
        What is known at the cutoff although a probe says otherwise: findings by their ``about``.

    Raises
    ------
    ImmatureCutoffError, NotEnoughDataError, ConfigError
        There is no cutoff to look from, nobody at risk, or a name in *allow* that nothing is called.
    """
    probes: list[Probe] = []

    def done(probe: Probe) -> None:
        probes.append(_allowed(probe, set(allow)))
        progress(len(probes), _PROBES)

    features = plan_features(tables)
    _refuse_unknown(allow, features)
    cutoffs = usable_cutoffs(tables)
    done(
        scrambled_future.probe(features, _to_scramble(tables, cutoffs), min(customers, COMPARED), seed, tell)
    )
    tell("looking for columns that were overwritten")
    done(overwritten.probe(tables, customers, seed))
    tell("building features and labels")
    taken = sample.take(tables, customers, seed, features)
    if taken.customers < taken.everyone:
        tell(f"looking at {taken.customers:,} customers of {taken.everyone:,}, drawn by seed {seed}")
    tell("asking each feature alone")
    measured = single_feature.measure(taken)
    single = single_feature.probe(taken, measured)
    named = {one.about for one in single.findings}
    if taken.split.mode == "customers" and not single.note:
        ahead = {one.about: one for one in outshines.findings(taken, measured) if one.about not in named}
        single = replace(single, findings=(*single.findings, *ahead.values()))
    done(single)
    tell("looking for values that were written or summed up later")
    summed = tuple(summed_attributes.findings(tables, taken.people, cutoffs[-1]))
    written = undated_values.probe(tables, taken)
    rest = [one for one in written.findings if one.about not in {other.about for other in summed}]
    done(replace(written, findings=(*summed, *rest)))
    done(late_arrival.probe(tables))
    done(consequences.probe(tables, taken, measured))
    tell("training on earlier cutoffs, and on customers drawn at random")
    done(random_against_time.probe(taken, seed, tables.config.model.threads))
    zone = tables.config.zone
    return Audit(
        project=tables.config.project.name,
        cutoffs=tuple(f"{cutoff.astimezone(zone):%Y-%m-%d}" for cutoff in cutoffs),
        split=taken.split.reason,
        customers=taken.customers,
        everyone=taken.everyone,
        seed=seed,
        probes=tuple(probes),
    )


def _to_scramble(tables: Tables, cutoffs: tuple[datetime, ...]) -> tuple[datetime, ...]:
    """The first cutoff and the last; beside one alone, the day a month earlier, when somebody is at risk then."""
    if len(cutoffs) > 1:
        return (cutoffs[0], cutoffs[-1])
    earlier = cutoffs[0] - scrambled_future.LATER
    try:
        population.take(tables, [earlier]).close()
    except NotEnoughDataError:
        return cutoffs
    return (earlier, cutoffs[0])


def _allowed(probe: Probe, allow: set[str]) -> Probe:
    """The probe with what is allowed turned from a leak into a remark."""
    return replace(
        probe,
        findings=tuple(
            replace(one, leak=False, what=f"{one.what} (allowed)") if one.leak and one.about in allow else one
            for one in probe.findings
        ),
    )


def _refuse_unknown(allow: Collection[str], features: FeaturePlan) -> None:
    plan = features.matrix(get_args(FactorKind))
    known = {column.name for column in plan.columns} | {"population", "split"}
    known |= {
        f"{table}.{name}" for table, names in features.tables.columns.items() for name in (*names, "rows")
    }
    for name in allow:
        if name not in known:
            raise ConfigError(
                f"there is nothing called {name!r}",
                where="--allow",
                expected="a column of the features, or table.column",
                fix=did_you_mean(name, known),
            )
