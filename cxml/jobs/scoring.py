"""The job behind ``cxml score``: everybody at risk at a cutoff, with the champion or a model of your own."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

from cxml.jobs.context import (
    SCORE_FORMAT,
    ConfigLike,
    Progress,
    Tell,
    bundle_of,
    checked_tables,
    config_hash,
    logged,
    out_folder,
    read_config,
    row_counts,
    still,
)
from cxml.store import writer


def score(
    config: ConfigLike,
    *,
    cutoff: str | datetime | None = None,
    out: str | Path | None = None,
    model: str | Path | None = None,
    csv: bool = False,
    chunk: int | None = None,
    tell: Tell = logged,
    progress: Progress = still,
) -> Path:
    """Score everybody at risk at *cutoff* (by default observation_end) with the champion or *model*.

    *model* is a bundle folder, or ``name@alias`` or ``name/version`` of the registry. Returns the run folder.
    """
    from cxml import scoring
    from cxml.audit.late_arrival import late_rows
    from cxml.features.company import plan_features
    from cxml.features.coverage import coverage_of
    from cxml.snapshots.cutoffs import scoring_cutoff
    from cxml.tables import volumes
    from cxml.tables.opening import fingerprint

    config = read_config(config)
    at = scoring_cutoff(config, cutoff)
    with writer.run(out_folder(config, out, "score")) as run:
        bundle, ref = bundle_of(config, model)
        tell(f"scoring with {ref}")
        tables = checked_tables(config, bundle.info.get("attributes"), run=run, tell=tell)
        late = (
            [f"{one.what}; {one.fix}" for one in late_rows(tables)]
            if at == config.project.observation_end
            else []
        )
        broken = volumes.seen_until(tables)
        late += [broken.what] if broken is not None and at > broken.start else []
        for what in late:
            tell(what)
        done = scoring.score(
            tables, bundle, at, run, csv=csv, chunk=chunk or scoring.CHUNK, progress=progress
        )
        for note in done.notes:
            tell(note)
        run.write_json("coverage.json", coverage_of(plan_features(tables), row_counts(tables)))
        run.write_json("labels.json", bundle.labels)
        run.write_json("model.json", bundle.info)
        run.info = {
            "score_format": SCORE_FORMAT,
            "project": config.project.name,
            "currency": config.project.currency,
            "timezone": config.project.timezone,
            "observation_end": config.project.observation_end.isoformat(),
            "cutoff": at.isoformat(),
            "rows": done.rows,
            "population": {
                "at_risk": done.population.at_risk,
                "new": done.population.new,
                "gone": done.population.gone,
            },
            "unseen": done.unseen,
            "in_sample": done.in_sample,
            "notes": list(done.notes),
            "level_error": done.level_error,
            "late": late,
            "model": bundle.fingerprint,
            "config": config_hash(config),
            "data": fingerprint(tables),
            **tables.set_aside.as_info(),
        }
    return run.path
