"""Jobs that learn: a backtest, and the training."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Sequence
from pathlib import Path

from cxml import store
from cxml.workplace import (
    ConfigLike,
    Kept,
    Tell,
    checked_tables,
    config_hash,
    out_folder,
    read_config,
    row_counts,
    silent,
    tracking_uri,
)

_LOGGED = (
    "metrics.json", "factors.parquet", "features.parquet", "causes.parquet", "cliffs.json", "what_if.parquet", "info.md",
    "coverage.json", "plots",
)  # fmt: skip


def backtest(
    config: ConfigLike,
    *,
    out: str | Path | None = None,
    langs: Sequence[str] = (),
    cutoffs: int | None = None,
    tell: Tell = silent,
) -> Path:
    """Walk forward over the matured cutoffs: train at each with what was known then, and see what followed.

    Writes ``backtest.<lang>.html``, ``backtest.csv``, ``curves.csv`` and ``backtest.json``. Of the last *cutoffs*
    (by default 4) that have something to train on, each is tested. A run that was stopped goes on where it was.
    """
    from cxml import backtest as forward
    from cxml import report as pages
    from cxml import tracked_backtest, tracking
    from cxml.features import matrix
    from cxml.tables import fingerprint

    config = read_config(config)
    languages = pages.languages(langs or config.project.languages)
    folder = out_folder(config, out, "backtest")
    with store.run(folder) as run:
        tell("checking the tables")
        tables = checked_tables(config, run=run, tell=tell)
        forward.plans_of(tables)  # refuses what cannot be tested before a store is made
        tracking.reach(tracking_uri(config))
        prints = fingerprint(tables)
        own = json.dumps(matrix.declared(config), sort_keys=True)
        kept = Kept(folder, config_hash(config), own, *prints.values())
        found = forward.backtest(tables, cutoffs=cutoffs or forward.CUTOFFS, tell=tell, keep=kept)
        inputs = pages.BacktestInputs(
            project=config.project.name,
            timezone=config.project.timezone,
            currency=config.project.currency,
            observation_end=config.project.observation_end,
            **found.rows(),
        )
        for lang in languages:
            run.write_text(f"backtest.{lang}.html", pages.backtest_page(inputs, lang))
        for name, table in (("backtest", found.figures), ("curves", found.curves)):
            run.write_text(f"{name}.csv", table.to_csv(index=False, lineterminator="\n"))
        run.write_json("backtest.json", found.rows())
        run.info = {
            "project": config.project.name,
            "data": prints,
            "config": config_hash(config),
            **tables.set_aside.as_info(),
        }
        tell("logging to MLflow")
        tracked_backtest.log_backtest(
            uri=tracking_uri(config),
            experiment=config.tracking.experiment or config.project.name,
            name=config.project.name,
            found=found.rows(),
            info={**run.info, "test_cutoffs": [fold["cutoff"] for fold in found.folds]},
            files=sorted(run.path.iterdir()),
        )
    kept.forget()
    return run.path


def train(config: ConfigLike, *, out: str | Path | None = None, tell: Tell = silent) -> Path:
    """Train, test, explain, look for causes, log and register.

    Writes ``bundle/``, ``metrics.json``, ``factors.parquet``, ``features.parquet``, ``causes.parquet``,
    ``cliffs.json``, ``what_if.parquet``, ``coverage.json`` and ``info.md``. Returns the run folder.
    """
    import pyarrow as pa

    from cxml import aside, plots, snapshots, tracking, training
    from cxml.causes import cliffs
    from cxml.causes.examine import examine
    from cxml.features import matrix
    from cxml.tables import fingerprint

    config = read_config(config)
    snapshots.training_cutoffs(config)  # refuses an immature one before anything is read
    with store.run(out_folder(config, out, "train")) as run:
        tell("checking the tables")
        tables = checked_tables(config, run=run, tell=tell)
        tracking.reach(tracking_uri(config))
        tell("building features and labels")
        data = training.assemble(tables)
        trained = training.fit(data, config, tell)
        tell("looking for causes")
        seen = examine(tables, data.frame, trained.bundle, data.split.test, seed=config.model.seed, tell=tell)
        prints = fingerprint(tables)
        columns = {name: sorted(there) for name, there in tables.columns.items()}
        info = {**trained.bundle.info, **seen.short(), "data": prints, "columns": columns}
        bundle = dataclasses.replace(trained.bundle, info=info)
        bundle.write(run.path / "bundle")
        run.write_json("metrics.json", trained.metrics)
        run.write_table("factors.parquet", pa.Table.from_pandas(trained.factors, preserve_index=False))
        run.write_table("features.parquet", pa.Table.from_pandas(trained.features, preserve_index=False))
        run.write_table("causes.parquet", pa.Table.from_pandas(seen.causes, preserve_index=False))
        run.write_table("what_if.parquet", pa.Table.from_pandas(seen.what_if, preserve_index=False))
        run.write_json("cliffs.json", cliffs.as_json(seen.cliffs))
        run.write_text("info.md", (run.path / "bundle" / "info.md").read_text(encoding="utf-8"))
        run.write_json("coverage.json", matrix.coverage(tables, row_counts(tables)))
        plots.write(trained.metrics, run.path / "plots")
        run.info = {
            "project": config.project.name,
            "data": prints,
            "config": config_hash(config),
            **tables.set_aside.as_info(),
        }
        tell("logging to MLflow")
        logged = tracking.log_training(
            uri=tracking_uri(config),
            experiment=config.tracking.experiment or config.project.name,
            name=config.project.name,
            bundle=run.path / "bundle",
            metrics=trained.metrics,
            info=bundle.info,
            files=[run.path / name for name in (*_LOGGED, *([aside.FILE] if tables.set_aside.rows else ()))],
            measure=config.tracking.measure,
            promote=config.tracking.promote,
        )
        tell(logged.verdict)
    return run.path
