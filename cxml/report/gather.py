"""What the report is made from: the files of one scoring run, and nothing else."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from cxml.drivers import contributions
from cxml.report.inputs import ReportInputs
from cxml.store.manifest import verify

_IF_THERE = ("call_plan.json", "stories.json", "groups.json")
_STATED = ("currency", "timezone", "observation_end")


def gather(scored: Path) -> ReportInputs:
    """The inputs of the report from the run folder of a scoring.

    Raises
    ------
    CxmlError
        A file of the folder is missing or damaged.
    """
    info = verify(scored)["info"]
    labels, model, coverage = (_json(scored / f"{name}.json") for name in ("labels", "model", "coverage"))
    scores = pd.read_parquet(scored / "scores.parquet")
    calls, stories, groups = (_json(path) if (path := scored / name).is_file() else {} for name in _IF_THERE)
    factors = contributions.summary(scores, labels)
    if "directions" in model:
        factors["direction"] = factors["factor"].map(model["directions"]).astype("float64")
    return ReportInputs(
        scores=scores,
        drivers=factors,
        labels=labels,
        metrics=model["metrics"],
        coverage={**coverage, "set_aside": info.get("set_aside", {}).get("rows", {})},
        evidence=model.get("evidence", {}),
        groups=groups,
        causes=model.get("causes", {}),
        cliffs=model.get("cliffs", ()),
        what_if=model.get("what_if", ()),
        meta={
            "project": info["project"],
            **{name: info[name] for name in _STATED if name in info},
            "cutoff": info["cutoff"],
            "lead": _days(model["lead_days"]),
            "horizon": _days(model["horizon_days"]),
            "churn_definition": model["churn"],
            "population": info["population"],
            "in_sample": info.get("in_sample", 0),
            "base_rate": model.get("base_rate") or {},
            "level_error": info.get("level_error"),
            "refit": bool(model.get("shipped")),
            "training_cutoffs": model["train_cutoffs"],
            "model_version": info["model"][:12],
            "data_fingerprint": _fingerprint(info["data"]),
        },
        calls=calls,
        stories={one["customer_id"]: one for one in stories.get("customers", ())},
    )


def _fingerprint(data: Mapping[str, str]) -> str:
    """One short name for the digests of all tables."""
    return hashlib.sha256("".join(digest for _, digest in sorted(data.items())).encode()).hexdigest()[:12]


def _json(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))


def _days(days: float) -> str:
    return f"{int(days)}D" if float(days).is_integer() else f"{int(days * 86400)}s"
