"""Companies whose level moves, for the benchmarks of what time does to a model: not run by itself."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pandas as pd

from cxml.config.load import Config, load_config, parse_config
from cxml.simulate import Climate, simulate
from cxml.snapshots.cutoffs import first_row, last_matured, month_starts
from cxml.tables.opening import open_tables
from cxml.training import dataset
from cxml.training.dataset import TrainingSet

MONTHS = 37
CLIMATES: Mapping[str, Climate] = {
    "calm": Climate(),
    "season": Climate(season=0.4, spending_season=0.3),
    "drift": Climate(drift=0.12, spending_drift=0.06),
    "both": Climate(season=0.35, drift=0.08, spending_season=0.2, spending_drift=0.05),
}
"""A level that swings by half up and down in a year, and one that wanders as far."""
_LEFT_OUT = (
    "abandonment",
    "channels",
    "conduct",
    "consistency",
    "contacts",
    "delivery",
    "digital",
    "effort",
    "feedback",
    "language",
    "personalization",
    "posts",
    "proactive",
    "product",
    "repeats",
    "replies",
    "resolution",
    "returns",
    "self_service",
    "sentiment",
    "skill",
    "store",
    "visits",
)
"""What time does to a model does not depend on how many factors there are."""


def company(climate: str, seed: int, customers: int, horizon: int = 28) -> tuple[TrainingSet, Config]:
    """All cutoffs of a simulated company, month by month, with the features of a few factors."""
    made = simulate(customers, MONTHS, seed, climate=CLIMATES[climate])
    raw = tomllib.loads(made.config)
    end = pd.Timestamp(raw["project"]["observation_end"]) - pd.Timedelta(days=horizon)
    cutoffs = pd.date_range(pd.Timestamp("2024-07-01", tz="UTC"), end, freq="MS")
    raw["churn"]["horizon"] = f"{horizon}D"
    raw["training"] = {"cutoffs": [cutoff.isoformat() for cutoff in cutoffs]}
    raw["features"] = {"lookbacks": [90], "leave_out": list(_LEFT_OUT)}
    raw["engine"] = raw["model"] = {"threads": 1}
    config = parse_config(raw, Path())
    tables = open_tables(config, {name: table.to_pandas() for name, table in made.tables.items()})
    return dataset.assemble(tables, [cutoff.to_pydatetime() for cutoff in cutoffs]), config


def logs(folder: Path, months: int = 36) -> tuple[TrainingSet, Config]:
    """All matured month starts of the pipeline in *folder* that have a history."""
    config = load_config(folder)
    config = replace(config, engine=replace(config.engine, threads=1), model=replace(config.model, threads=1))
    tables = open_tables(config)
    first = first_row(tables)
    starts = month_starts(config, last_matured(config), months)
    return dataset.assemble(tables, [one for one in starts if first is not None and one > first]), config


def known_at(data: TrainingSet, config: Config, cutoff: pd.Timestamp) -> list[pd.Timestamp]:
    """The cutoffs whose label is known at *cutoff*, in order."""
    window = config.churn.lead + config.churn.horizon
    return [one for one in sorted(data.frame["cutoff"].unique()) if one + window <= cutoff]
