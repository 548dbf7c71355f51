"""The training set: snapshots with features and labels, and which of their cutoffs train and test."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import pandas as pd

from cxml.config.load import Config
from cxml.features import planner, values
from cxml.features.company import FeaturePlan, plan_features
from cxml.features.planner import MatrixPlan
from cxml.labels import targets
from cxml.snapshots import population
from cxml.snapshots.cutoffs import maturity, usable_cutoffs
from cxml.snapshots.handle import Population, Snapshots, frame_of
from cxml.snapshots.splits import Split, plan_splits, without_time
from cxml.tables import ready_label
from cxml.tables.opening import Tables

KEYS = ("customer_id", "cutoff")
FEW = 10
"""Leavers among those tested below which it is told that the figures say little."""


@dataclass(frozen=True)
class TrainingSet:
    """Snapshots with features and labels.

    Attributes
    ----------
    frame : DataFrame
        ``customer_id``, ``cutoff``, the feature columns, ``churned`` (0/1), ``value`` (money, NaN when no
        value is configured) and ``left_after_days`` (NaN where leaving was not seen, or has no moment). Who
        left within the lead is not in it.
    columns : tuple of str
        The feature columns.
    labels : dict
        How factors and features are called, as stored in the bundle, and what is typical.
    split : splits.Split
        Which cutoffs train and test; only those are in the frame, unless others were asked for.
    populations : tuple of Population
    left_in_lead : int
        Snapshots left out because the customer was gone before anybody could have acted.
    """

    frame: pd.DataFrame
    columns: tuple[str, ...]
    labels: dict[str, Any]
    split: Split
    populations: tuple[Population, ...]
    left_in_lead: int


def assemble(
    tables: Tables, cutoffs: Sequence[datetime] = (), features: FeaturePlan | None = None
) -> TrainingSet:
    """Features and labels of every cutoff that training on the config uses, or of all *cutoffs*.

    Parameters
    ----------
    tables : Tables
    cutoffs : sequence of datetime
        By default those that ``cxml.snapshots.cutoffs.usable_cutoffs`` gives.
    features : FeaturePlan
        By default that of the tables; a job that has made it passes it on.

    Raises
    ------
    ImmatureCutoffError, NotEnoughDataError, ConfigError
    """
    config = tables.config
    usable = cutoffs or usable_cutoffs(tables)
    split = plan_of(usable, config, () if cutoffs else targets.one_sided(tables, usable))
    used = cutoffs or [cutoff.to_pydatetime() for cutoff in split.cutoffs]
    features = features or plan_features(tables)
    plan = features.matrix()
    with population.take(tables, used) as snapshots:
        frame, populations = with_labels(tables, snapshots, plan), snapshots.populations
    if ready_label.is_static(config) and (without := populations[0].at_risk - len(frame)):
        split = replace(split, how=replace(split.how, without_label=without))
    stayed = frame["left_in_lead"] == 0
    left = int(frame.loc[stayed & (frame["cutoff"] == split.test), "churned"].sum())
    if 0 < left < FEW:
        split = replace(split, how=replace(split.how, few_leavers=left))
    columns = tuple(column.name for column in plan.columns)
    kept = frame[stayed].drop(columns="left_in_lead").reset_index(drop=True)
    said = values.with_typical(features.names(plan), kept[kept["cutoff"].isin(split.train)])
    return TrainingSet(kept, columns, said, split, populations, int((~stayed).sum()))


def with_labels(tables: Tables, snapshots: Snapshots, plan: MatrixPlan) -> pd.DataFrame:
    """Features and labels of *snapshots*, ordered by customer and cutoff; who has no label is left out."""
    with planner.built(snapshots, plan) as features, targets.labelled(tables, snapshots) as labels:
        return frame_of(tables.engine, f"select * from {features} join {labels} using (customer_id, cutoff)")


def plan_of(cutoffs: Sequence[datetime], config: Config, one_sided: Collection[datetime] = ()) -> Split:
    """Who trains and tests; its sentence shows the days of the project's zone.

    The last cutoffs are passed over where they are *one_sided*: where everybody stayed, or left.
    """
    if ready_label.is_static(config):
        return without_time(pd.Timestamp(cutoffs[-1]))
    local = [pd.Timestamp(cutoff).tz_convert(config.zone) for cutoff in cutoffs]
    horizon = maturity(config) - config.churn.lead
    split = plan_splits(local, config.churn.lead, horizon, one_sided)

    def utc(some: Iterable[pd.Timestamp]) -> tuple[pd.Timestamp, ...]:
        return tuple(cutoff.tz_convert("UTC") for cutoff in some)

    return replace(
        split,
        train=utc(split.train),
        test=split.test.tz_convert("UTC"),
        passed=utc(split.passed),
        between=utc(split.between),
    )
