"""The workbench, put to the tables of one company."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NamedTuple

import pandas as pd
from scipy.stats import binomtest

from cxml.config.load import Config
from cxml.config.sections import Definition
from cxml.errors import ConfigError, ImmatureCutoffError, NotEnoughDataError
from cxml.labels import targets
from cxml.labels.study_results import Horizon, Suggestion, Workbench
from cxml.snapshots import population
from cxml.snapshots.cutoffs import (
    complete,
    first_row,
    last_matured,
    learnable,
    maturity,
    month_starts,
    training_cutoffs,
    with_history,
)
from cxml.snapshots.handle import Snapshots
from cxml.snapshots.splits import plan_splits
from cxml.tables import ready_label
from cxml.tables.opening import Tables
from cxml.tables.volumes import Stretch

Tell = Callable[[str], None]
LENGTHS = (30, 60, 90, 180, 365)
"""Horizons to compare, in days; that of the config comes on top."""
SILENCES = (7, 14, 30, 45, 60, 90, 120, 180, 270, 365)
FEW_COME_BACK = 0.1
"""Of those silent for long enough to be called gone, at most this share comes back."""
ENOUGH_LEAVERS = 300
"""Customers who left, over all cutoffs, from which a model can choose its size; with fewer it stays simple."""
REACH = 180
"""Days after a silence in which a return is looked for, or a third of the history where that is shorter."""
_MONTHS, _MEMORY = 12, 730
_HISTORY = 120
"""Month starts that are counted as cutoffs at most."""
_LEAST_SILENT = 50


@dataclass(frozen=True)
class _Definition:
    name: Definition
    days: int
    in_force: bool


class _Customers(NamedTuple):
    """How many customers were at risk at any of the cutoffs, and how many of them left."""

    at_risk: int
    left: int


def workbench(tables: Tables, tell: Tell = lambda text: None) -> Workbench:
    """Rates by definition and cutoff, the return curve, maturity, ways of leaving, and a suggested horizon.

    Raises
    ------
    ConfigError, NotEnoughDataError
        The definition of the config needs what is not there; no label of any definition is known yet.
    """
    if ready_label.is_static(tables.config):
        return _at_one_moment(tables, tell)
    own, broken = learnable(tables)
    if broken is not None:
        tell(f"{broken.what}; what comes after it is left out")
    rates, definitions = [], []
    for one in _definitions(tables):
        tell(f"churn by {one.name}, {one.days} days")
        here, _ = learnable(_with(tables, one))
        with _taken(here, _cutoffs(here)) as snapshots:
            if snapshots is None:
                continue
            found, customers = _labelled(here, snapshots, one)
            rates.append(found)
            definitions.append(_summary(here, found, customers, one))
    if not rates:
        raise NotEnoughDataError(
            "no label of any definition is known yet",
            where="[project] observation_end",
            expected=f"at least {min(LENGTHS)} days of data after a month start with customers at risk",
            fix="extract a longer history, or shorten [churn] horizon",
        )
    tell("who comes back after a silence")
    returns, reach = _returns(tables)
    table, horizons = pd.DataFrame(definitions), _horizons(tables)
    suggestion = _suggestion(tables.config.churn.definition, horizons, table, returns)
    return Workbench(
        pd.concat(rates, ignore_index=True),
        table,
        returns,
        reach,
        _ways(own),
        suggestion,
        horizons,
        broken=_told(broken),
    )


def _at_one_moment(tables: Tables, tell: Tell) -> Workbench:
    """What a ready label tells: how many left. Nothing else can be compared, for it carries no dates."""
    one = _Definition(tables.config.churn.definition, 0, in_force=True)
    tell("churn by the ready label")
    with population.take(tables, training_cutoffs(tables.config)) as snapshots:
        rates, customers = _labelled(tables, snapshots, one)
        (at_risk,) = [one.at_risk for one in snapshots.populations]
    if rates.empty:
        raise NotEnoughDataError(
            "no customer has a label",
            where=f"[churn] column: {tables.config.churn.column}",
            expected="customers of whom it is known whether they left",
            fix="fill in the label of those who are known",
        )
    without = at_risk - int(rates["at_risk"].sum())
    definitions = pd.DataFrame([_summary(tables, rates, customers, one)])
    return Workbench(rates, definitions, pd.DataFrame(), 0, pd.DataFrame(), None, without=without)


def _told(broken: Stretch | None) -> dict[str, str] | None:
    """Where a log breaks off, for people and machines."""
    return (
        None
        if broken is None
        else {"log": broken.about, "day": f"{broken.start:%Y-%m-%d}", "what": broken.what}
    )


def _definitions(tables: Tables) -> list[_Definition]:
    """What the tables allow: the definition of the config first, then every other, by length."""
    churn, present = tables.config.churn, tables.columns
    names: list[Definition] = []
    if "ended_at" in present.get("subscriptions", frozenset()):
        names.append("subscription")
    if any(name.partition(".")[0] in present for name in churn.activity):
        names += ["inactivity", "rhythm"]
    table, _, column = churn.column.partition(".")
    if column in present.get(table, frozenset()):
        names.append("date")
    own = max(1, churn.horizon // timedelta(days=1))
    in_force = _Definition(churn.definition, own, in_force=True)
    others = [
        _Definition(name, days, in_force=False)
        for name in names
        for days in sorted({own, *(LENGTHS if name != "rhythm" else ())})
        if (name, days) != (in_force.name, own)
    ]
    return [in_force, *others]


def _with(tables: Tables, one: _Definition) -> Tables:
    """The same tables under another definition of leaving."""
    config = tables.config
    horizon = config.churn.horizon if one.in_force else timedelta(days=one.days)
    churn = dataclasses.replace(config.churn, definition=one.name, horizon=horizon)
    value = dataclasses.replace(config.value, sources=())
    return dataclasses.replace(tables, config=dataclasses.replace(config, churn=churn, value=value))


def _labelled(tables: Tables, snapshots: Snapshots, one: _Definition) -> tuple[pd.DataFrame, _Customers]:
    """Churn of the snapshots, a row per cutoff, and how many customers those are."""
    with targets.labelled(tables, snapshots) as labels:
        known = f"from {labels} where left_in_lead = 0"
        found = tables.engine.rows(
            f"select cutoff, count(*), sum(churned) {known} group by cutoff order by cutoff"
        )
        leavers = "case when churned = 1 then customer_id end"
        counts = tables.engine.rows(f"select count(distinct customer_id), count(distinct {leavers}) {known}")[
            0
        ]
    rows = []
    for cutoff, at_risk, left in found:
        interval = binomtest(int(left), int(at_risk)).proportion_ci(method="wilson")
        rows.append(
            {
                "definition": one.name,
                "days": one.days,
                "in_force": one.in_force,
                "cutoff": _day(datetime.fromtimestamp(cutoff, tables.config.zone), tables.config),
                "at_risk": int(at_risk),
                "left": int(left),
                "rate": left / at_risk,
                "low": interval.low,
                "high": interval.high,
            }
        )
    return pd.DataFrame(rows), _Customers(*map(int, counts))


def _cutoffs(tables: Tables) -> tuple[datetime, ...]:
    latest = last_matured(tables.config)
    try:
        return with_history(tables, month_starts(tables.config, latest, _MONTHS))
    except NotEnoughDataError:
        return ()


@contextmanager
def _taken(tables: Tables, cutoffs: Sequence[datetime]) -> Iterator[Snapshots | None]:
    """The snapshots at the latest of *cutoffs* at all of which somebody is at risk; None where there is none."""
    for first in range(len(cutoffs)):
        try:
            snapshots = population.take(tables, cutoffs[first:])
        except NotEnoughDataError:
            continue
        with snapshots:
            yield snapshots
        return
    yield None


def _summary(
    tables: Tables, rates: pd.DataFrame, customers: _Customers, one: _Definition
) -> dict[str, object]:
    """One line for all cutoffs: who is in several windows is one customer."""
    at_risk, left = int(rates["at_risk"].sum()), int(rates["left"].sum())
    return {
        "definition": one.name,
        "days": one.days,
        "in_force": one.in_force,
        "cutoffs": len(rates),
        "at_risk": at_risk,
        "left": left,
        "customers": customers.at_risk,
        "leavers": customers.left,
        "rate": left / at_risk,
        "lowest": float(rates["rate"].min()),
        "highest": float(rates["rate"].max()),
        "last_usable": _day(last_matured(tables.config), tables.config),
    }


def _returns(tables: Tables) -> tuple[pd.DataFrame, int]:
    """Of those silent for at least so long at a cutoff, who came back afterwards, and how long was looked."""
    tables = complete(_with(tables, _Definition("inactivity", 1, in_force=False)))
    end = tables.config.project.observation_end
    first = first_row(tables)
    reach = 0 if first is None else min(REACH, (end - first) // timedelta(days=3))
    cutoffs = [end - timedelta(days=reach + 30 * back) for back in (2, 1, 0)]
    if not reach or not _tells_activity(tables):
        return pd.DataFrame(), 0
    with _taken(tables, with_history(tables, cutoffs)) as snapshots:
        if snapshots is None:
            return pd.DataFrame(), 0
        found = targets.silences(tables, snapshots, _MEMORY)
    spans = {f"back_{days}": days for days in (30, 90) if days < reach} | {"back": reach}
    rows = []
    for least in SILENCES:
        silent = [(back, n) for days, back, n in found if days >= least]
        silences = sum(n for _, n in silent)
        if silences < _LEAST_SILENT:
            break
        shares = {
            name: sum(n for back, n in silent if back is not None and back < days) / silences
            for name, days in spans.items()
        }
        rows.append({"silent": least, "silences": silences, **shares})
    return pd.DataFrame(rows), reach


def _tells_activity(tables: Tables) -> bool:
    try:
        targets.activity(tables)
    except ConfigError:
        return False
    return True


def _ways(tables: Tables) -> pd.DataFrame:
    """Asked to end the contract or not, where leaving is the end of a contract."""
    if tables.config.churn.definition != "subscription":
        return pd.DataFrame()
    with _taken(tables, _cutoffs(tables)) as snapshots:
        found = targets.ways_of_leaving(tables, snapshots) if snapshots else []
    return pd.DataFrame(found, columns=["cutoff", "asked", "not_asked"]) if found else pd.DataFrame()


def _suggestion(
    definition: Definition, horizons: Sequence[Horizon], definitions: pd.DataFrame, returns: pd.DataFrame
) -> Suggestion | None:
    """The shortest silence after which few come back; for contracts and dates, the shortest with enough leavers.

    Only of those that leave a cutoff to test on: what cannot be tested cannot be advised.
    """
    tested = [one.days for one in horizons if one.tests]
    if definition in ("inactivity", "rhythm"):
        if returns.empty or (returns := returns[returns["silent"].isin(tested)]).empty:
            return None
        few = returns[returns["back"] <= FEW_COME_BACK]
        chosen, rule = (few.iloc[0], "return") if len(few) else (returns.iloc[-1], "longest")
        return Suggestion(int(chosen["silent"]), rule, float(chosen["back"]))
    same = definitions[(definitions["definition"] == definition) & definitions["days"].isin(tested)]
    if same.empty:
        return None
    same = same.sort_values("days")
    enough = same[same["leavers"] >= ENOUGH_LEAVERS]
    chosen, rule = (enough.iloc[0], "leavers") if len(enough) else (same.iloc[-1], "most")
    return Suggestion(int(chosen["days"]), rule, float(chosen["leavers"]))


def _horizons(tables: Tables) -> tuple[Horizon, ...]:
    """What each of the usual horizons, and that of the config, leaves to learn from and to test on."""
    own = max(1, tables.config.churn.horizon // timedelta(days=1))
    return tuple(_horizon(tables, days, days == own) for days in sorted({own, *LENGTHS, *SILENCES}))


def _horizon(tables: Tables, days: int, in_force: bool) -> Horizon:
    """The month starts whose outcome is known under this horizon, and how a training would split them."""
    here, _ = learnable(_with(tables, _Definition(tables.config.churn.definition, days, in_force)))
    latest, churn = last_matured(here.config), here.config.churn
    try:
        known = with_history(here, month_starts(here.config, latest, _HISTORY))
        cutoffs = with_history(here, training_cutoffs(_by_month(here.config)))
    except (ImmatureCutoffError, NotEnoughDataError):
        return Horizon(days, 0, tests=False)
    window = maturity(here.config) - churn.lead
    return Horizon(days, len(known), tests=plan_splits(cutoffs, churn.lead, window).mode == "time")


def _by_month(config: Config) -> Config:
    """The configuration without cutoffs of its own: they were chosen for another horizon."""
    return dataclasses.replace(config, training=dataclasses.replace(config.training, cutoffs=()))


def _day(instant: datetime, config: Config) -> str:
    return f"{instant.astimezone(config.zone):%Y-%m-%d}"
