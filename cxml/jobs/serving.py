"""Jobs with a model: score, report, judge a campaign; and the demo of them all."""

from __future__ import annotations

import dataclasses
import json
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from cxml.config.load import Config, load_config
from cxml.errors import ConfigError, CxmlError, DataError
from cxml.jobs.context import (
    ConfigLike,
    Progress,
    Tell,
    bundle_of,
    checked_tables,
    config_hash,
    out_folder,
    read_config,
    row_counts,
    silent,
    still,
)
from cxml.jobs.learning import train
from cxml.jobs.preparing import check, simulate
from cxml.store import runs
from cxml.store.manifest import RUN_NAME

if TYPE_CHECKING:
    from cxml.decisions.campaign_result import Judgement

FORMAT = 1
"""Raised when the files of a scoring run get another shape: earlier scores are refused then, not misread."""
ID_KEY = "CXML_ID_KEY"
"""The environment variable with the secret of ``[report] hash_ids``."""
_LEAST_KEY = 16


def score(
    config: ConfigLike,
    *,
    cutoff: str | datetime | None = None,
    out: str | Path | None = None,
    model: str | Path | None = None,
    csv: bool = False,
    chunk: int | None = None,
    tell: Tell = silent,
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
    with runs.run(out_folder(config, out, "score")) as run:
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
            "score_format": FORMAT,
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


def report(
    config: ConfigLike,
    *,
    out: str | Path | None = None,
    langs: Sequence[str] = (),
    scores: str | Path | None = None,
) -> Path:
    """Write the driver report of the latest scores: HTML per language, call list, drivers as CSV, all as JSON.

    *scores* is the output folder of a scoring run, by default that of the config.
    """
    from cxml import report as pages

    config = read_config(config)
    scored = _scored(scores or out_folder(config, None, "score"))
    languages = pages.languages(langs or config.project.languages)
    with _in_shape(scored):
        inputs = pages.gather(scored)
        inputs = dataclasses.replace(inputs, meta={**inputs.meta, "audit": _audit(config)})
        if config.report.hash_ids:
            inputs = pages.without_ids(inputs, _id_key())
        made = pages.build(inputs, languages)
    with runs.run(out_folder(config, out, "report")) as run:
        for name, data in made.items():
            run.write_bytes(name, data)
        run.info = {
            "project": config.project.name,
            "cutoff": inputs.meta["cutoff"],
            "languages": list(languages),
        }
    return run.path


def _audit(config: Config) -> dict[str, object]:
    """Whether the latest audit of the config passed, failed, or is missing; what leaks by its name."""
    try:
        folder = runs.current(out_folder(config, None, "audit"))
        told = json.loads((folder / "audit.json").read_text(encoding="utf-8"))
    except (CxmlError, OSError, ValueError):
        return {"state": "missing", "leaks": []}
    leaks = [one["about"] for probe in told["probes"] for one in probe["findings"] if one["leak"]]
    return {"state": "failed" if leaks else "passed", "leaks": leaks}


def _scored(out: str | Path) -> Path:
    """The latest scoring run in *out*, whole and in the shape that this version reads."""
    named = Path(out).resolve()  # CURRENT, or the folder of a run, may be named as well
    folder = named if RUN_NAME.fullmatch(named.name) else runs.current(out)
    if runs.verify(folder)["info"].get("score_format") != FORMAT:
        raise DataError(
            "these are no scores, or another version of cxml wrote them",
            where=str(folder),
            expected="the output folder of 'cxml score'",
            fix="name it with --scores, or score again",
        )
    return folder


@contextmanager
def _in_shape(scored: Path) -> Iterator[None]:
    """Files whose content is not as scoring writes it end in an error that shows nothing of them."""
    try:
        yield
    except (LookupError, TypeError, ValueError, AttributeError, ArithmeticError, OSError):
        raise DataError(
            "no report can be made of these scores",
            where=str(scored),
            expected="the files as this version of cxml writes them",
            fix="score again; if that does not help, cxml is at fault: please report it",
        ) from None


def _id_key() -> str:
    """The secret that pseudonyms are made with."""
    key = os.environ.get(ID_KEY, "")
    if len(key) < _LEAST_KEY:
        raise ConfigError(
            f"the secret to make pseudonyms with is {'too short' if key else 'missing'}",
            where="[report] hash_ids",
            expected=f"{_LEAST_KEY} characters or more in the environment variable {ID_KEY}: short ones can be guessed",
            fix=f"write for example: export {ID_KEY}=$(openssl rand -hex 16)   and keep it",
        )
    return key


@dataclasses.dataclass(frozen=True)
class Campaign:
    """Where the judgement of an earlier call list was written, and what it says."""

    folder: Path
    found: Judgement


def campaign(
    config: ConfigLike, scores: str | Path, *, out: str | Path | None = None, tell: Tell = silent
) -> Campaign:
    """Judge an earlier call list by its holdout and by who left since: ``campaign.json``.

    *scores* is the output folder of the scoring run that the list came from; keep it in a folder of its own,
    for a later run into the same folder takes its place.
    """
    from cxml.decisions import contact_log

    config = read_config(config)
    with runs.run(out_folder(config, out, "campaign")) as run:
        scored = _scored(scores)
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


@dataclasses.dataclass(frozen=True)
class Demo:
    """Where the demo put what it made."""

    config: Path
    train: Path
    score: Path
    report: Path


def demo(
    folder: str | Path,
    *,
    customers: int = 20_000,
    seed: int = 0,
    tell: Tell = silent,
    progress: Progress = still,
) -> Demo:
    """Simulate a company, check, train, score and report, all below *folder*."""
    home = Path(folder)
    tell(f"simulating {customers:,} customers over 24 months")
    data = simulate(home / "data", customers=customers, seed=seed)
    config = load_config(data)
    config = dataclasses.replace(
        config,
        tracking=dataclasses.replace(config.tracking, uri=f"sqlite:///{home.absolute() / 'mlflow.db'}"),
    )
    check(config).check.raise_if_any()
    trained = train(config, out=home / "train", tell=tell)
    scored = score(config, out=home / "score", tell=tell, progress=progress)
    tell("writing the report")
    written = report(config, out=home / "report", scores=home / "score")
    return Demo(data / "cxml.toml", trained, scored, written)
