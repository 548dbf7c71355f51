"""Whether the features of a cutoff are the same to the last bit when its future is another one."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import get_args

from cxml.audit.findings import Figures, Finding, Probe
from cxml.audit.sample import drawn
from cxml.audit.scramble import EVERY_CHANGE, Change, scrambled
from cxml.contracts import TABLES
from cxml.engine import Engine
from cxml.errors import NotEnoughDataError
from cxml.factors.declare import FactorKind, Feature
from cxml.features import planner
from cxml.features.company import FeaturePlan
from cxml.features.planner import MatrixPlan
from cxml.snapshots import population
from cxml.snapshots.cutoffs import seconds
from cxml.snapshots.handle import Snapshots
from cxml.sql import quoted
from cxml.tables.opening import Tables

LATER = timedelta(days=30)
"""How long after the cutoff the features must have moved: a scramble that moves nothing proves nothing."""

_FIX: Mapping[Change, str] = {
    "at the cutoff": "end the window before the cutoff: a row counts when it happened before it, not at it",
    "after the cutoff": "build it from rows before the cutoff alone; a norm over all time is not known at it",
    "values known later": "say from which instant the value is known, and show it from then on only",
    "recorded later": "count a row, and a version of a row, from its recorded_at on",
}
_KNOWN, _PEOPLE, _DRAWN = "cxml_known_matrix", "cxml_known_people", "cxml_drawn_people"


@dataclass(frozen=True)
class _Found:
    """Customers compared; for how many each column moved, at the cutoff and later; who came or went."""

    customers: int
    columns: Mapping[str, int]
    later: Mapping[str, int]
    population: int


def probe(
    features: FeaturePlan, cutoffs: Sequence[datetime], customers: int, seed: int, tell: Callable[[str], None]
) -> Probe:
    """Scramble the future of each cutoff and compare.

    Parameters
    ----------
    cutoffs : sequence of datetime
        Instants to look from.
    customers : int
        Customers to compare at each cutoff; of more, that many are drawn by *seed*.
    """
    name, tables = "another future", features.tables
    asks = "Are the features of a cutoff the same when everything unknown at it is changed, dropped or added?"
    if not any(TABLES[table].event in columns for table, columns in tables.columns.items()):
        return Probe(
            name, asks, note="The tables carry no dates: nothing is known later that could be changed."
        )
    plan = features.matrix(get_args(FactorKind))
    tell("building features to compare")
    _keep_as_known(tables, plan, cutoffs, customers, seed)
    findings: list[Finding] = []
    rows: list[Figures] = []
    for cutoff in cutoffs:
        tell(f"scrambling what was not known at {_day(tables, cutoff)}")
        found = _compare(tables, plan, cutoff, EVERY_CHANGE)
        rows.append(
            {
                "cutoff": _day(tables, cutoff),
                "customers": found.customers,
                "features": len(plan.columns),
                "moved": len(found.columns),
                "moved 30 days later": len(found.later),
            }
        )
        known = {one.about for one in findings}
        if found.population:
            findings.append(_came_or_went(found.population, _day(tables, cutoff)))
        if set(found.columns) - known:
            alone = {change: _compare(tables, plan, cutoff, (change,)).columns for change in EVERY_CHANGE}
            findings += [
                _moved(plan, name, n, found.customers, [c for c, some in alone.items() if name in some])
                for name, n in found.columns.items()
                if name not in known
            ]
    for relation in (_KNOWN, _PEOPLE, _DRAWN):
        tables.engine.drop(relation)
    idle = [str(row["cutoff"]) for row in rows if not row["moved 30 days later"]]
    note = f"After {', '.join(idle)} nothing moved later either: there was nothing to change." if idle else ""
    figures = {"cutoffs": len(cutoffs), "features": len(plan.columns)}
    return Probe(name, asks, tuple(findings), figures, tuple(rows), note)


def _keep_as_known(
    tables: Tables, plan: MatrixPlan, cutoffs: Sequence[datetime], customers: int, seed: int
) -> None:
    """Keep who is at risk at the cutoffs and some time later, and the features of those drawn."""
    with population.take(tables, cutoffs) as everybody:
        everybody.keep(_PEOPLE, "select customer_id, c from snapshots")
        everybody.keep(_DRAWN, drawn(customers, seed))
        with _now_and_later(everybody) as snapshots, planner.built(snapshots, plan) as features:
            tables.engine.keep(_KNOWN, f"select * from {features}")


def _now_and_later(everybody: Snapshots) -> Snapshots:
    """The customers drawn at their cutoffs, and some time later, too."""
    later, some = int(LATER.total_seconds()), f"from snapshots join {_DRAWN} using (customer_id)"
    return everybody.among(
        f"select customer_id, ci, k, c, g {some} union all"
        f" select customer_id, ci, k, c + {later} as c, -1 - g as g {some}"
    )


def _compare(tables: Tables, plan: MatrixPlan, cutoff: datetime, changes: Collection[Change]) -> _Found:
    """What is different at the cutoff, and some time later, after some changes of its future."""
    engine = tables.engine
    known = f"select customer_id from {_PEOPLE} where c = {seconds(cutoff)}"
    with scrambled(tables, cutoff, changes):
        try:
            everybody = population.take(tables, [cutoff])
        except NotEnoughDataError:
            return _Found(0, {}, {}, int(engine.rows(f"select count(*) from ({known}) p")[0][0]))
        here = "select customer_id from snapshots"
        differ = f"({here} except {known}) union all ({known} except {here})"
        with everybody, _now_and_later(everybody) as snapshots, planner.built(snapshots, plan) as features:
            came_or_went = everybody.rows(f"select count(*) from ({differ}) d")[0][0]
            now, later = _moves(engine, plan, features, cutoff)
    return _Found(int(now[0]), _by_column(plan, now), _by_column(plan, later), int(came_or_went))


def _moves(engine: Engine, plan: MatrixPlan, features: str, cutoff: datetime) -> Sequence[Sequence[int]]:
    """Customers compared, and for how many each column moved: at the cutoff, and some time later."""
    differs = ", ".join(
        f"count(case when a.{quoted(one.name)} is distinct from b.{quoted(one.name)} then 1 end)"
        for one in plan.columns
    )
    return [
        engine.rows(
            f"select count(*), {differs} from {_KNOWN} a join {features} b"
            f" on a.customer_id = b.customer_id and a.cutoff = b.cutoff where a.cutoff = {seconds(at)}"
        )[0]
        for at in (cutoff, cutoff + LATER)
    ]


def _by_column(plan: MatrixPlan, counts: Sequence[int]) -> dict[str, int]:
    """The columns that moved for anybody, after the number of customers compared."""
    return {one.name: int(n) for one, n in zip(plan.columns, counts[1:], strict=True) if n}


def _day(tables: Tables, cutoff: datetime) -> str:
    return f"{cutoff.astimezone(tables.config.zone):%Y-%m-%d}"


def _moved(plan: MatrixPlan, name: str, n: int, customers: int, changes: Sequence[Change]) -> Finding:
    column = next(one for one in plan.columns if one.name == name)
    table = column.feature.table if isinstance(column.feature, Feature) else "a formula"
    said = " or ".join(changes) if changes else "several at once"
    return Finding(
        about=name,
        what=f"{name} knows what was not known: it moved for {n:,} of {customers:,} customers"
        f" when the data were changed ({said})",
        where=f"factor {column.factor}, {table}",
        expected="the same value to the last bit, whatever happens or becomes known from the cutoff on",
        fix="; ".join(_FIX[change] for change in changes)
        or "compare its SQL ('cxml features --sql') with the contract",
        figures={"moved": n, "customers": customers, "changes": ", ".join(changes)},
    )


def _came_or_went(customers: int, day: str) -> Finding:
    return Finding(
        about="population",
        what=f"who is at risk knows what was not known: {customers:,} customers came or went with another future",
        where=f"[population], at {day}",
        expected="the same customers at risk, whatever happens from the cutoff on",
        fix="choose a rule of [population] that rests on what is known at the cutoff",
        figures={"moved": customers},
    )
