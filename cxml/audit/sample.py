"""The customers an audit looks at: all of them, or as many as asked for, drawn by a seed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from cxml.config.load import Config
from cxml.factors.declare import LEARNED
from cxml.features import matrix, planner
from cxml.features.statements import FeatureColumn
from cxml.labels import targets as labels
from cxml.snapshots import population
from cxml.snapshots.splits import Split, plan_splits
from cxml.sql import literal
from cxml.tables import ready_label
from cxml.tables.opening import Tables

DRAWN = "cxml_drawn"
"""The relation of the customers drawn."""


@dataclass(frozen=True)
class Sample:
    """Snapshots of some customers at every training cutoff, with features and labels.

    Attributes
    ----------
    frame : DataFrame
        ``customer_id``, ``cutoff``, the feature columns and ``churned`` (0/1); who left within the lead is
        not in it.
    columns : tuple of FeatureColumn
        How each feature column is declared.
    labels : mapping
        How columns and factors are called, and of which kind the factors are.
    split : splits.Split
        Which cutoffs a model would learn from, and which test it.
    arrived : int array
        Seconds since 1970 of the first row about the customer of each row of the frame.
    customers, everyone : int
        Customers drawn, and those at risk at any of the cutoffs.
    """

    frame: pd.DataFrame
    columns: tuple[FeatureColumn, ...]
    labels: Mapping[str, Any]
    split: Split
    arrived: NDArray[np.int64]
    customers: int
    everyone: int

    @property
    def cutoffs(self) -> list[pd.Timestamp]:
        """The cutoffs in order."""
        return sorted(self.frame["cutoff"].unique())

    def kind(self, column: str) -> str:
        """The kind of the factor that a column belongs to."""
        return str(self.labels["factors"][self.labels["features"][column]["factor"]]["kind"])


def draw(tables: Tables, relation: str, customers: int, seed: int) -> int:
    """Draw that many of the customers in *relation* by their ids and *seed* alone; how many there are."""
    order = f"code(concat({literal(str(seed))}, '/', customer_id)), customer_id"
    tables.engine.keep(
        DRAWN, f"select distinct customer_id from {relation} order by {order} limit {int(customers)}"
    )
    return int(tables.engine.rows(f"select count(distinct customer_id) from {relation}")[0][0])


def narrow(tables: Tables) -> None:
    """Go on with the customers drawn: ``snapshots`` and ``customer_keys`` hold nobody else."""
    for name in ("snapshots", "customer_keys"):
        tables.engine.keep(name, f"select s.* from {name} s join {DRAWN} using (customer_id)")


def take(tables: Tables, customers: int, seed: int) -> Sample:
    """Features and labels of the customers drawn, at every cutoff whose label is known.

    Raises
    ------
    ImmatureCutoffError, NotEnoughDataError, ConfigError
    """
    engine = tables.engine
    cutoffs = population.usable_cutoffs(tables)
    population.take(tables, cutoffs)
    everyone = draw(tables, "snapshots", customers, seed)
    narrow(tables)
    plan = matrix.planned(tables, LEARNED | {"consequence"})
    planner.run(engine, plan)
    labels.make(tables)
    engine.keep("training_set", "select * from matrix join labels using (customer_id, cutoff)")
    frame = matrix.read(tables, "training_set")
    for name in ("matrix", "training_set"):
        engine.drop(name)
    stayed = frame[frame["left_in_lead"] == 0].drop(columns=["left_in_lead", "value"]).reset_index(drop=True)
    ways = stayed.groupby("cutoff")["churned"].nunique()
    one_sided = {cutoff for cutoff in cutoffs if ways.get(pd.Timestamp(cutoff), 0) < 2}
    first = dict(engine.rows("select customer_id, a.t from customer_keys join arrivals a using (ci)"))
    arrived = np.array([first[one] for one in stayed["customer_id"]], dtype=np.int64)
    return Sample(
        stayed,
        plan.columns,
        matrix.labels_of(plan, tables),
        _split(cutoffs, tables.config, one_sided),
        arrived,
        int(stayed["customer_id"].nunique()),
        everyone,
    )


def _split(cutoffs: tuple[datetime, ...], config: Config, one_sided: set[datetime]) -> Split:
    """Who trains and who tests; its sentence shows the days of the project's zone."""
    if ready_label.is_static(config):
        moment = pd.Timestamp(cutoffs[0])
        return Split((moment,), moment, "customers", ready_label.NO_LATER_TIME)
    lead, horizon = config.churn.lead, population.maturity(config) - config.churn.lead
    local = [cutoff.astimezone(config.zone) for cutoff in cutoffs]
    said = plan_splits(local, lead, horizon, one_sided).reason
    return replace(plan_splits(cutoffs, lead, horizon, one_sided), reason=said)
