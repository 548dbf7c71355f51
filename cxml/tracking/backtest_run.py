"""A backtest in MLflow: one run for the whole, and below it one run for each test cutoff."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from cxml.tracking import training_run
from cxml.tracking.client import experiment_id, opened
from cxml.version import __version__

ALL = "all"


def log_backtest(
    *,
    uri: str,
    experiment: str,
    name: str,
    found: Mapping[str, Any],
    info: Mapping[str, Any],
    files: Sequence[Path],
) -> str:
    """Log a backtest.

    The run of the whole carries the figures over all test cutoffs and the *files*; each test cutoff is a child
    with its own figures, and with who trained it as parameters. Figures are called as those of a
    training run, ``churn.auc`` and ``churn.logistic.auc``, their intervals ``churn.auc.low`` and ``.high``.

    Parameters
    ----------
    uri, experiment, name : str
        As for ``tracking.log_training``.
    found : mapping
        The content of ``backtest.json``.
    info : mapping
        Short values become parameters.
    files : sequence of Path
        Artifacts: the pages and tables.

    Returns
    -------
    str
        The id of the run of the whole.

    Raises
    ------
    CxmlError
        The store cannot be used. A run that was begun is marked as failed.
    """
    with opened(uri) as client:
        where = experiment_id(client, uri, experiment)
        last = found["folds"][-1]["cutoff"]
        tags = {"cxml.version": __version__, "cxml.job": "backtest"}
        run = client.create_run(where, tags=tags, run_name=f"{name}, backtest up to {last}")
        run_id = str(run.info.run_id)
        try:
            for key, value in training_run.settings(info).items():
                client.log_param(run_id, key, value)
            for path in files:
                client.log_artifact(run_id, str(path))
            for key, figure in flat(found["figures"], ALL).items():
                client.log_metric(run_id, key, figure)
            for key in ("time", "random", "gap"):
                if key in found["random"]:
                    client.log_metric(run_id, f"split.{key}.auc", found["random"][key])
            for fold in found["folds"]:
                row = about(fold) | flat(found["figures"], fold["cutoff"])
                training_run.log_child(client, where, run_id, f"test cutoff {fold['cutoff']}", row)
        except BaseException:
            client.set_terminated(run_id, "FAILED")
            raise
        client.set_terminated(run_id)
        return run_id


def about(fold: Mapping[str, Any]) -> dict[str, str]:
    """Who trained what is tested at a cutoff, as parameters."""
    return {
        "test_cutoff": fold["cutoff"],
        "train_cutoffs": ", ".join(fold["train"]),
        "train_cutoffs_n": str(len(fold["train"])),
        "rows": str(fold["rows"]),
        "churned": str(fold["churned"]),
    }


def flat(figures: Sequence[Mapping[str, Any]], cutoff: str) -> dict[str, float]:
    """The figures of one cutoff under flat names; what is not known is left out.

    >>> row = {"cutoff": "all", "model": "logistic", "metric": "churn.auc", "value": 0.7, "low": 0.6, "high": None}
    >>> flat([row], "all")
    {'churn.logistic.auc': 0.7, 'churn.logistic.auc.low': 0.6}
    """
    found: dict[str, float] = {}
    for row in figures:
        if row["cutoff"] != cutoff:
            continue
        target, _, metric = row["metric"].partition(".")
        name = ".".join([target, *([] if row["model"] == "model" else [row["model"]]), metric])
        ends = {name: row["value"], f"{name}.low": row["low"], f"{name}.high": row["high"]}
        found |= {key: float(value) for key, value in ends.items() if value is not None}
    return found
