"""The job behind ``cxml label``: what leaving could mean here."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from cxml.jobs.context import (
    ConfigLike,
    Tell,
    checked_tables,
    config_hash,
    logged,
    out_folder,
    read_config,
)
from cxml.store import writer


def label(
    config: ConfigLike, *, out: str | Path | None = None, langs: Sequence[str] = (), tell: Tell = logged
) -> Path:
    """Compare what leaving could mean: ``label.<lang>.html``, ``definitions.csv``, ``rates.csv``, ``label.json``."""
    from cxml import report as pages
    from cxml.labels.study import workbench
    from cxml.tables.opening import fingerprint

    config = read_config(config)
    languages = pages.languages(langs or config.project.languages)
    with writer.run(out_folder(config, out, "label")) as run:
        tell("checking the tables")
        tables = checked_tables(config, run=run, tell=tell)
        found = workbench(tables, tell)
        inputs = pages.LabelInputs(
            project=config.project.name,
            timezone=config.project.timezone,
            observation_end=config.project.observation_end,
            **found.rows(),
        )
        for lang in languages:
            run.write_text(f"label.{lang}.html", pages.label_page(inputs, lang))
        for name, table in (("rates", found.rates), ("definitions", found.definitions)):
            run.write_text(f"{name}.csv", table.to_csv(index=False, lineterminator="\n"))
        run.write_json("label.json", found.rows())
        run.info = {
            "project": config.project.name,
            "data": fingerprint(tables),
            "config": config_hash(config),
            **tables.set_aside.as_info(),
        }
    return run.path
