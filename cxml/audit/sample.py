"""The customers an audit looks at: all of them, or as many as asked for, drawn by a seed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from cxml.factors.declare import LEARNED
from cxml.features.company import FeaturePlan, plan_features
from cxml.features.statements import FeatureColumn
from cxml.snapshots import population
from cxml.snapshots.cutoffs import usable_cutoffs
from cxml.snapshots.handle import Snapshots
from cxml.snapshots.splits import Split
from cxml.sql import literal
from cxml.tables.opening import Tables
from cxml.training.dataset import plan_of, with_labels


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
    people : tuple of str
        The customers drawn, also those who are in no row of the frame.
    customers, everyone : int
        Customers in the frame, and those at risk at any of the cutoffs.
    """

    frame: pd.DataFrame
    columns: tuple[FeatureColumn, ...]
    labels: Mapping[str, Any]
    split: Split
    arrived: NDArray[np.int64]
    people: tuple[str, ...]
    customers: int
    everyone: int

    @property
    def cutoffs(self) -> list[pd.Timestamp]:
        """The cutoffs in order."""
        return sorted(self.frame["cutoff"].unique())

    def kind(self, column: str) -> str:
        """The kind of the factor that a column belongs to."""
        return str(self.labels["factors"][self.labels["features"][column]["factor"]]["kind"])


def drawn(customers: int, seed: int) -> str:
    """So many customers of the ``snapshots`` of a handle, drawn by their ids and *seed* alone, as SQL for it."""
    order = f"code(concat({literal(str(seed))}, '/', customer_id)), customer_id"
    return f"select distinct customer_id from snapshots order by {order} limit {int(customers)}"


def draw(snapshots: Snapshots, customers: int, seed: int) -> Snapshots:
    """The snapshots of the customers ``drawn``."""
    return snapshots.where(f"customer_id in ({drawn(customers, seed)})")


def take(tables: Tables, customers: int, seed: int, features: FeaturePlan | None = None) -> Sample:
    """Features and labels of the customers drawn, at every cutoff whose label is known.

    Raises
    ------
    ImmatureCutoffError, NotEnoughDataError, ConfigError
    """
    features = features or plan_features(tables)
    plan = features.matrix(LEARNED | {"consequence"})
    cutoffs = usable_cutoffs(tables)
    with population.take(tables, cutoffs) as people, draw(people, customers, seed) as snapshots:
        frame = with_labels(tables, snapshots, plan)
        (everyone,) = people.rows("select count(distinct customer_id) from snapshots")[0]
        first = dict(snapshots.rows("select customer_id, a.t from customer_keys join arrivals a using (ci)"))
    stayed = frame[frame["left_in_lead"] == 0].drop(columns=["left_in_lead", "value"]).reset_index(drop=True)
    ways = stayed.groupby("cutoff")["churned"].nunique()
    one_sided = {cutoff for cutoff in cutoffs if ways.get(pd.Timestamp(cutoff), 0) < 2}
    arrived = np.array([first[one] for one in stayed["customer_id"]], dtype=np.int64)
    return Sample(
        stayed,
        plan.columns,
        features.names(plan),
        plan_of(cutoffs, tables.config, one_sided),
        arrived,
        tuple(first),
        int(stayed["customer_id"].nunique()),
        int(everyone),
    )
