"""How models did on the test snapshots: the figures of ``metrics.json``, each beside its baselines."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from cxml.metrics import forecasts as metrics
from cxml.metrics.bootstrap import leavers_range
from cxml.models.churn import ChurnClassifier
from cxml.snapshots.splits import Split
from cxml.store.manifest import plain

Forecasts = dict[str, NDArray[np.float64]]


def measure(forecasts: Mapping[str, Forecasts], frame: pd.DataFrame, split: Split) -> dict[str, Any]:
    """The figures of ``metrics.json``: each model beside its baselines, curves, and who won, in words."""
    test = frame[frame["cutoff"] == split.test]
    found: dict[str, Any] = {
        "test": {
            "cutoff": split.test.isoformat(),
            "mode": split.mode,
            "how": split.how.to_json(),
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
    p = forecasts["churn"]["model"]
    for name, figures in churn.items():
        gap, error = metrics.loss_gap(churned, p, forecasts["churn"][name], test["customer_id"])
        figures |= {"log_loss_gap": gap, "log_loss_gap_error": error}
    found["verdict"]["churn"] = _churn_verdict(found["churn"], churn)
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


def level(
    churn: ChurnClassifier, p: NDArray[np.float64], frame: pd.DataFrame, split: Split
) -> dict[str, Any]:
    """How the share leaving moved, and whether the range of expected leavers held at the test cutoff.

    Returns
    -------
    dict
        ``shares``: a row per cutoff with ``cutoff``, ``rows`` and ``left`` (a share); ``expected``, ``low``, ``high``
        and ``left``: customers at the test cutoff; ``error`` of the level (log-odds; NaN where it was not followed),
        ``moves``: whether it moved by more than chance, ``seasonal``: whether a year of cutoffs was there to know
        the season by; and ``told``: sentences.
    """
    rows = frame.groupby("cutoff")["churned"].agg(["size", "mean"])
    ahead = churn.calibrator_.ahead
    followed = churn.level_ if ahead is not None else None
    error = ahead.errors[0] if ahead is not None else float("nan")
    low, high = leavers_range(p, np.nan_to_num(error))
    left = int(frame.loc[frame["cutoff"] == split.test, "churned"].sum())
    moves, seasonal = followed is not None and followed.moves, followed is not None and followed.seasonal
    told = [
        f"{p.sum():,.0f} leavers were expected at the test cutoff, {low:,.0f} to {high:,.0f} with chance and a level that"
        f" moves; {left:,} left."
    ]
    if split.mode == "customers":
        told = ["The cutoffs say nothing of how the level of leaving moves: a range holds chance alone."]
    elif moves:
        told.append(
            f"The level of leaving moves between cutoffs by more than chance ({rows['mean'].min():.1%} to"
            f" {rows['mean'].max():.1%} left): forecasts follow it, and ranges allow for it."
        )
    if split.mode == "time" and not seasonal:
        told.append("A season cannot be known yet: that takes cutoffs over a year.")
    shares = [
        {"cutoff": pd.Timestamp(at).isoformat(), "rows": int(size), "left": float(share)}
        for at, size, share in zip(rows.index, rows["size"], rows["mean"], strict=True)
    ]
    return {
        "shares": shares,
        "expected": float(p.sum()),
        "low": low,
        "high": high,
        "left": left,
        "error": error,
        "moves": moves,
        "seasonal": seasonal,
        "told": told,
    }


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
    """Figures of the tested model at every cutoff, with the part that the cutoff played: only a test is a test."""
    later = dict.fromkeys(split.between, "learned from after the test")
    roles = {split.test: "tests", **later} if split.mode == "time" else {}
    found = []
    for cutoff in sorted(frame["cutoff"].unique()):
        rows = frame[frame["cutoff"] == cutoff]
        p = churn.predict_proba(rows[list(columns)])[:, 1]
        figures = plain(metrics.churn_metrics(rows["churned"], p))
        found.append({"cutoff": cutoff.isoformat(), "role": roles.get(cutoff, "trains"), **figures})
    return found


def _churn_verdict(own: dict[str, float], others: Mapping[str, dict[str, float]]) -> str:
    """Which baselines the model beats, which beat it, and which cannot be told apart from it.

    One is better where its log loss is lower by more than a standard error of the paired difference.
    """
    if math.isnan(own["auc"]):
        return "The churn model cannot be compared: the test snapshots give no auc."
    shown = f"auc {own['auc']:.4f}, log_loss {own['log_loss']:.4f}"
    lost = [
        f"{name} (log_loss {theirs['log_loss']:.4f} against {own['log_loss']:.4f}, standard error of the difference"
        f" {theirs['log_loss_gap_error']:.4f})"
        for name, theirs in sorted(others.items())
        if theirs["log_loss_gap"] > theirs["log_loss_gap_error"]
    ]
    if lost:
        return f"The churn model LOSES to its baseline: {'; '.join(lost)}."
    beaten = [
        name for name, one in sorted(others.items()) if -one["log_loss_gap"] > one["log_loss_gap_error"]
    ]
    alike = [name for name in sorted(others) if name not in beaten]
    if not alike:
        return f"The churn model beats its baselines {', '.join(beaten)}: {shown}."
    first = f"beats its baselines {', '.join(beaten)}, and" if beaten else "beats none of its baselines, and"
    return f"The churn model {first} cannot be told apart from {', '.join(alike)}: {shown}."


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
