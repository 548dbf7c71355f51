"""How models did on the test snapshots: the figures of ``metrics.json``, each beside its baselines."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from cxml import metrics
from cxml.manifest import plain
from cxml.models.churn import ChurnClassifier
from cxml.splits import Plan as Split

Forecasts = dict[str, NDArray[np.float64]]


def measure(forecasts: Mapping[str, Forecasts], frame: pd.DataFrame, split: Split) -> dict[str, Any]:
    """The figures of ``metrics.json``: each model beside its baselines, curves, and who won, in words."""
    test = frame[frame["cutoff"] == split.test]
    found: dict[str, Any] = {
        "test": {
            "cutoff": split.test.isoformat(),
            "mode": split.mode,
            "note": split.reason,
            "passed_over": [cutoff.isoformat() for cutoff in split.passed],
            "rows": len(test),
        },
        "baselines": {},
        "tables": {},
        "verdict": {},
    }
    churned = test["churned"].to_numpy()
    churn = {name: metrics.churn_metrics(churned, p) for name, p in forecasts["churn"].items()}
    found["churn"], found["baselines"]["churn"] = churn.pop("model"), churn
    found["verdict"]["churn"] = _verdict("churn", found["churn"], churn, "auc", "log_loss")
    p = forecasts["churn"]["model"]
    found["tables"]["calibration"] = metrics.calibration_table(churned, p).to_dict("records")
    found["tables"]["lift"] = metrics.lift_table(churned, p).to_dict("records")
    if "value" in forecasts:
        actual = test["value"].to_numpy()
        value = {name: metrics.value_metrics(actual, v) for name, v in forecasts["value"].items()}
        found["value"], found["baselines"]["value"] = value.pop("model"), value
        found["verdict"]["value"] = _verdict("value", found["value"], value, "gini", "decile_mape")
        found["tables"]["deciles"] = metrics.decile_table(actual, forecasts["value"]["model"]).to_dict(
            "records"
        )
    return {name: plain(part) for name, part in found.items()}


def beside_what_came(forecasts: Mapping[str, Forecasts], frame: pd.DataFrame, split: Split) -> pd.DataFrame:
    """The forecast of the model for each test snapshot, and what came.

    Returns
    -------
    DataFrame
        ``customer_id``, ``cutoff``, ``churn_probability`` and ``churned``; where a value is configured also
        ``expected_value`` and ``value``. Where customers were held out, each forecast comes from a model that did not
        see the customer.
    """
    test = frame[frame["cutoff"] == split.test]
    found = test[["customer_id", "cutoff"]].assign(
        churn_probability=forecasts["churn"]["model"], churned=test["churned"]
    )
    if "value" in forecasts:
        found = found.assign(expected_value=forecasts["value"]["model"], value=test["value"])
    return found.reset_index(drop=True)


def by_cutoff(
    churn: ChurnClassifier, frame: pd.DataFrame, columns: Sequence[str], split: Split
) -> list[dict[str, Any]]:
    """Figures of the shipped model at every cutoff, with the part that the cutoff played: only a test is a test."""
    roles = {split.calibrate: "calibrates", split.test: "tests"}
    if split.mode == "customers":
        roles = {}
    found = []
    for cutoff in sorted(frame["cutoff"].unique()):
        rows = frame[frame["cutoff"] == cutoff]
        p = churn.predict_proba(rows[list(columns)])[:, 1]
        figures = plain(metrics.churn_metrics(rows["churned"], p))
        found.append({"cutoff": cutoff.isoformat(), "role": roles.get(cutoff, "trains"), **figures})
    return found


def _verdict(
    name: str, own: dict[str, float], others: Mapping[str, dict[str, float]], high: str, low: str
) -> str:
    """Whether the model beats every baseline on ranking and on error, and if not, which one beats it."""
    if math.isnan(own[high]):
        return f"The {name} model cannot be compared: the test snapshots give no {high}."
    lost = [
        f"{other} ({key} {theirs[key]:.4f} against {own[key]:.4f})"
        for other, theirs in sorted(others.items())
        for key, better in ((high, theirs[high] > own[high]), (low, theirs[low] < own[low]))
        if better
    ]
    shown = f"{high} {own[high]:.4f}, {low} {own[low]:.4f}"
    if lost:
        return f"The {name} model LOSES to its baseline: {'; '.join(lost)}."
    return f"The {name} model beats its baselines {', '.join(sorted(others))}: {shown}."
