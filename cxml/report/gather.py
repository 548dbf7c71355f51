"""What the report is made from: the files of one scoring run, and nothing else."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pandas as pd

from cxml import drivers
from cxml.config import Config
from cxml.manifest import verify
from cxml.report.inputs import ReportInputs


def gather(config: Config, scored: Path) -> ReportInputs:
    """The inputs of the report from the run folder of a scoring.

    Raises
    ------
    CxmlError
        A file of the folder is missing or damaged.
    """
    info = verify(scored)["info"]
    labels, model, coverage = (_json(scored / f"{name}.json") for name in ("labels", "model", "coverage"))
    scores = pd.read_parquet(scored / "scores.parquet")
    return ReportInputs(
        scores=scores,
        drivers=drivers.summary(scores, labels),
        labels=labels,
        metrics=model["metrics"],
        coverage=coverage,
        meta={
            "project": info["project"],
            "currency": config.project.currency,
            "timezone": config.project.timezone,
            "cutoff": info["cutoff"],
            "lead": _days(model["lead_days"]),
            "horizon": _days(model["horizon_days"]),
            "churn_definition": model["churn"],
            "population": info["population"],
            "observation_end": config.project.observation_end.isoformat(),
            "training_cutoffs": model["train_cutoffs"],
            "model_version": info["model"][:12],
            "data_fingerprint": "".join(value[:2] for value in info["data"].values()),
        },
    )


def _json(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))


def _days(days: float) -> str:
    return f"{int(days)}D" if float(days).is_integer() else f"{int(days * 86400)}s"
