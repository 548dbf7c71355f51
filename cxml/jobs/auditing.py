"""The job behind ``cxml audit``: whether anything knows the future."""

from __future__ import annotations

import dataclasses
from collections.abc import Collection
from pathlib import Path
from typing import TYPE_CHECKING

from cxml.jobs.context import (
    ConfigLike,
    Progress,
    Tell,
    checked_tables,
    config_hash,
    logged,
    out_folder,
    read_config,
    still,
)
from cxml.store import writer

if TYPE_CHECKING:
    from cxml.audit import Audit


@dataclasses.dataclass(frozen=True)
class Audited:
    """Where the audit was written, and what it found."""

    folder: Path
    found: Audit


def audit(
    config: ConfigLike,
    *,
    out: str | Path | None = None,
    customers: int | None = None,
    allow: Collection[str] = (),
    tell: Tell = logged,
    progress: Progress = still,
) -> Audited:
    """Look for what knows at a cutoff that which was only known later; writes ``audit.json`` and ``audit.md``.

    Of more than *customers* (by default 10,000), as many are drawn by the seed of the config. *allow* names
    what is known at the cutoff although it does not look so. What leaks is in the result; nothing is raised
    for it.
    """
    from cxml import audit as leaks
    from cxml.snapshots.cutoffs import training_cutoffs
    from cxml.tables.opening import fingerprint

    config = read_config(config)
    training_cutoffs(config)  # refuses an immature one before anything is read
    with writer.run(out_folder(config, out, "audit")) as run:
        tell("checking the tables")
        tables = checked_tables(config, run=run, tell=tell)
        found = leaks.audit(
            tables,
            customers=customers or leaks.CUSTOMERS,
            seed=config.model.seed,
            allow=allow,
            tell=tell,
            progress=progress,
        )
        run.write_json("audit.json", leaks.as_json(found))
        run.write_text("audit.md", leaks.as_markdown(found))
        run.info = {
            "project": config.project.name,
            "passed": found.passed,
            "data": fingerprint(tables),
            "config": config_hash(config),
            **tables.set_aside.as_info(),
        }
    return Audited(run.path, found)
