"""The job behind ``cxml backtest``: how the model would have done, cutoff by cutoff."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

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
    tracking_uri,
    unseen_told_once,
)
from cxml.store import writer


def backtest(
    config: ConfigLike,
    *,
    out: str | Path | None = None,
    langs: Sequence[str] = (),
    cutoffs: int | None = None,
    tell: Tell = logged,
) -> Path:
    """Walk forward over the matured cutoffs: train at each with what was known then, and see what followed.

    Writes ``backtest.<lang>.html``, ``backtest.csv``, ``curves.csv`` and ``backtest.json``. Of the last *cutoffs*
    (by default 4) that have something to train on, each is tested. A run that was stopped goes on where it was.
    """
    from cxml import report as pages
    from cxml.tables.opening import fingerprint
    from cxml.tracking import backtest_run
    from cxml.tracking.client import reach
    from cxml.training import backtest as forward

    config = read_config(config)
    languages = pages.languages(langs or config.project.languages)
    folder = out_folder(config, out, "backtest")
    with writer.run(folder) as run:
        tell("checking the tables")
        tables = checked_tables(config, run=run, tell=tell)
        forward.plans_of(tables)  # refuses what cannot be tested before a store is made
        reach(tracking_uri(config))
        prints = fingerprint(tables)
        kept = Kept(folder, config_hash(config), declared_features(config), *prints.values())
        with unseen_told_once(tell):
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
        backtest_run.log_backtest(
            uri=tracking_uri(config),
            experiment=config.tracking.experiment or config.project.name,
            name=config.project.name,
            found=found.rows(),
            info={**run.info, "test_cutoffs": [fold["cutoff"] for fold in found.folds]},
            files=sorted(run.path.iterdir()),
        )
    kept.forget()
    return run.path
