"""The job behind ``cxml campaign``: what an earlier call list brought."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING

from cxml.jobs.context import (
    ConfigLike,
    Tell,
    checked_tables,
    config_hash,
    logged,
    out_folder,
    read_config,
    scored_run,
)
from cxml.store import writer

if TYPE_CHECKING:
    from cxml.decisions.campaign_result import Judgement


@dataclasses.dataclass(frozen=True)
class Campaign:
    """Where the judgement of an earlier call list was written, and what it says."""

    folder: Path
    found: Judgement


def campaign(
    config: ConfigLike, scores: str | Path, *, out: str | Path | None = None, tell: Tell = logged
) -> Campaign:
    """Judge an earlier call list by its holdout and by who left since: ``campaign.json``.

    *scores* is the output folder of the scoring run that the list came from; keep it in a folder of its own,
    for a later run into the same folder takes its place.
    """
    from cxml.decisions import contact_log

    config = read_config(config)
    with writer.run(out_folder(config, out, "campaign")) as run:
        scored = scored_run(scores)
        tables = checked_tables(config, run=run, tell=tell)
        found = contact_log.judged(tables, scored)
        run.write_json("campaign.json", found.to_dict())
        run.info = {
            "project": config.project.name,
            "list": scored.name,
            "config": config_hash(config),
            **tables.set_aside.as_info(),
        }
    return Campaign(run.path, found)
