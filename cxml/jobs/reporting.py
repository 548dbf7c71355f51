"""The job behind ``cxml report``: pages, call list and drivers of the latest scores."""

from __future__ import annotations

import dataclasses
import json
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from cxml.config.load import Config
from cxml.errors import ConfigError, CxmlError, DataError
from cxml.jobs.context import (
    ConfigLike,
    out_folder,
    read_config,
    scored_run,
)
from cxml.store import writer

ID_KEY = "CXML_ID_KEY"
"""The environment variable with the secret of ``[report] hash_ids``."""

_LEAST_KEY = 16


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
    scored = scored_run(scores or out_folder(config, None, "score"))
    languages = pages.languages(langs or config.project.languages)
    with _in_shape(scored):
        inputs = pages.gather(scored)
        inputs = dataclasses.replace(inputs, meta={**inputs.meta, "audit": _audit(config)})
        if config.report.hash_ids:
            inputs = pages.without_ids(inputs, _id_key())
        made = pages.build(inputs, languages)
    with writer.run(out_folder(config, out, "report")) as run:
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
        folder = writer.current(out_folder(config, None, "audit"))
        told = json.loads((folder / "audit.json").read_text(encoding="utf-8"))
    except (CxmlError, OSError, ValueError):
        return {"state": "missing", "leaks": []}
    leaks = [one["about"] for probe in told["probes"] for one in probe["findings"] if one["leak"]]
    return {"state": "failed" if leaks else "passed", "leaks": leaks}


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
