"""The job behind ``cxml train``: train, test, explain, look for causes, log and register."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING

from cxml.jobs.context import (
    ConfigLike,
    Kept,
    Tell,
    checked_tables,
    config_hash,
    declared_features,
    logged,
    out_folder,
    read_config,
    row_counts,
    tracking_uri,
    unseen_told_once,
)
from cxml.jobs.resume import fitted, not_lost
from cxml.store import writer

if TYPE_CHECKING:
    from cxml.features.company import FeaturePlan
    from cxml.models.bundle import Bundle
    from cxml.training.dataset import TrainingSet
    from cxml.training.fit import Trained

_LOGGED = (
    "metrics.json",
    "factors.parquet",
    "features.parquet",
    "causes.parquet",
    "cliffs.json",
    "what_if.parquet",
    "info.md",
    "coverage.json",
    "plots",
)


def train(config: ConfigLike, *, out: str | Path | None = None, tell: Tell = logged) -> Path:
    """Train, test, explain, look for causes, log and register.

    Writes ``bundle/``, ``metrics.json``, ``factors.parquet``, ``features.parquet``, ``causes.parquet``,
    ``cliffs.json``, ``what_if.parquet``, ``coverage.json``, ``info.md`` and ``test_forecasts.parquet``: what was forecast
    for each customer of the test, and what came. That one holds ids, and so is not logged to MLflow. Returns the run
    folder. When a step after the fit fails, the fitted model is kept, and the next run with the same config and data
    goes on from it.
    """
    from cxml.features.company import plan_features
    from cxml.features.coverage import coverage_of
    from cxml.snapshots.cutoffs import training_cutoffs
    from cxml.tables import set_aside
    from cxml.tables.opening import fingerprint
    from cxml.tracking import training_run
    from cxml.tracking.client import reach
    from cxml.training import dataset, fit

    config = read_config(config)
    training_cutoffs(config)  # refuses an immature one before anything is read
    folder = out_folder(config, out, "train")
    with writer.run(folder) as run:
        tell("checking the tables")
        tables = checked_tables(config, run=run, tell=tell)
        reach(tracking_uri(config))
        tell("building features and labels")
        features = plan_features(tables)
        data = dataset.assemble(tables, features=features)
        prints = fingerprint(tables)
        kept = Kept(folder, config_hash(config), declared_features(config), *prints.values())
        with unseen_told_once(tell):
            trained = fitted(kept, lambda: fit.fit(data, config, tell), config.model.threads, tell)
        with not_lost(kept, tell), unseen_told_once(tell):
            run.info = {
                "project": config.project.name,
                "data": prints,
                "config": config_hash(config),
                **tables.set_aside.as_info(),
            }
            bundle = _explained(run, features, data, trained, prints, tell)
            run.write_json("coverage.json", coverage_of(features, row_counts(tables)))
            tell("logging to MLflow")
            logged = training_run.log_training(
                uri=tracking_uri(config),
                experiment=config.tracking.experiment or config.project.name,
                name=config.project.name,
                bundle=run.path / "bundle",
                metrics=trained.metrics,
                info=bundle.info,
                files=[
                    run.path / name
                    for name in (*_LOGGED, *([set_aside.FILE] if tables.set_aside.rows else ()))
                ],
                measure=config.tracking.measure,
                promote=config.tracking.promote,
            )
            tell(logged.verdict)
    kept.forget()
    return run.path


def _explained(
    run: writer.Run,
    features: FeaturePlan,
    data: TrainingSet,
    trained: Trained,
    prints: dict[str, str],
    tell: Tell,
) -> Bundle:
    """Look for causes, and write what was fitted and found; the bundle as written."""
    import pyarrow as pa

    from cxml import plots
    from cxml.causes import promise_cliffs
    from cxml.causes.examination import examine
    from cxml.tables import emptied_columns

    tell("looking for causes")
    tables, seed = features.tables, features.tables.config.model.seed
    seen = examine(
        tables, data.frame, trained.bundle, data.split.test, seed=seed, tell=tell, features=features
    )
    columns = {name: sorted(there) for name, there in tables.columns.items()}
    filled = emptied_columns.shares(tables, tables.config.project.observation_end)
    about = {"data": prints, "columns": columns, "filled": filled, "attributes": tables.attribute_kinds}
    bundle = dataclasses.replace(trained.bundle, info={**trained.bundle.info, **seen.short(), **about})
    bundle.write(run.path / "bundle")
    run.write_json("metrics.json", trained.metrics)
    tidy = {
        "factors": trained.factors,
        "features": trained.features,
        "causes": seen.causes,
        "what_if": seen.what_if,
        "test_forecasts": trained.forecasts,
    }
    for name, table in tidy.items():
        run.write_table(f"{name}.parquet", pa.Table.from_pandas(table, preserve_index=False))
    run.write_json("cliffs.json", promise_cliffs.as_json(seen.cliffs))
    run.write_text("info.md", (run.path / "bundle" / "info.md").read_text(encoding="utf-8"))
    plots.write(trained.metrics, run.path / "plots")
    return bundle
