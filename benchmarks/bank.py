"""A bank's callers, customers held out, beside logistic regression: ``python benchmarks/bank.py [--data FOLDER]``.

Who calls in the first 59 days of 1999 and not again that year? Snapshots of several weekly cutoffs teach, the last one
tests, on customers none of whose rows were learned from: ten folds. The label runs to the end of the year at each
cutoff, so the design looks back; it is a test of ranking on other customers, not of a forecast in time. Printed too:
whether what happened in the calls (waits, hang-ups, repeats ...) adds to recency, frequency and tenure, with the
interval of the paired difference.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from table import show

from cxml.config.load import load_config
from cxml.metrics.bootstrap import churn_draws
from cxml.metrics.forecasts import churn_metrics
from cxml.models.baselines import LogisticBaseline
from cxml.models.churn import ChurnClassifier
from cxml.sampling import customer_folds
from cxml.tables.opening import open_tables
from cxml.training import dataset

PIPELINE = Path(__file__).resolve().parents[1] / "pipelines" / "anonymous_bank"
WEEKS = 7
"""From the 18th of January on, when there are two weeks and a half to look back on."""
FOLDS = 10
GOALS = {"auc": 0.725, "pr_auc": 0.27}
PUBLISHED = {"auc": "0.719 to 0.727", "pr_auc": "0.252 to 0.272"}
SIMPLE = (
    "contacts_n",
    "has_contact",
    "contact_days_since",
    "service_days_n",
    "contact_gap_d",
    "customer_tenure_d",
)
"""Features of recency, frequency and tenure, whatever their window."""

Floats = NDArray[np.float64]


def snapshots(data: Path) -> dataset.TrainingSet:
    """The snapshots of the weekly cutoffs, each with the rest of the year as its horizon."""
    with tempfile.TemporaryDirectory() as folder:
        raw = str(data / "anonymous_bank_calls")
        subprocess.run([sys.executable, str(PIPELINE / "prepare.py"), raw, folder], check=True)
        config = load_config(PIPELINE)
        sources = {
            name: replace(table, source=str(Path(folder, Path(table.source).name)))
            for name, table in config.tables.items()
        }
        last, end = config.training.cutoffs[-1], config.project.observation_end
        parts = []
        for cutoff in (last - timedelta(weeks=week) for week in range(WEEKS)):
            own = replace(config, tables=sources, churn=replace(config.churn, horizon=end - cutoff))
            parts.append(dataset.assemble(open_tables(own), [cutoff]))
        return replace(parts[0], frame=pd.concat([part.frame for part in parts], ignore_index=True))


def out_of_fold(data: dataset.TrainingSet, make: Callable[[], Any], columns: list[str]) -> Floats:
    """Forecasts for the last cutoff, each by what other customers taught."""
    frame = data.frame
    folds, tested = customer_folds(frame["customer_id"], FOLDS), frame["cutoff"] == frame["cutoff"].max()
    found = np.full(len(frame), np.nan)
    for fold in range(FOLDS):
        train, test = frame[folds != fold], (folds == fold) & tested.to_numpy()
        model = make().fit(train[columns], train["churned"], groups=train["customer_id"].to_numpy())
        found[test] = model.predict_proba(frame.loc[test, columns])[:, 1]
    return found[tested.to_numpy()]


def rows(data: Path, threads: int = 1) -> list[dict[str, Any]]:
    """One row per figure, and one for what service factors add."""
    known = snapshots(data)
    test = known.frame[known.frame["cutoff"] == known.frame["cutoff"].max()]
    simple = [name for name in known.columns if name.startswith(SIMPLE)]

    def own() -> ChurnClassifier:
        return ChurnClassifier(num_threads=threads)

    p = out_of_fold(known, own, list(known.columns))
    figures = churn_metrics(test["churned"], p)
    rival = churn_metrics(test["churned"], out_of_fold(known, LogisticBaseline, list(known.columns)))
    said = f"Anonymous Bank, 59 days, {WEEKS} weekly cutoffs, customers held out"
    made = [
        {
            "data": said,
            "figure": name,
            "goal": goal,
            "published": PUBLISHED[name],
            "cxml": round(figures[name], 4),
            "logistic": round(rival[name], 4),
        }
        for name, goal in GOALS.items()
    ]
    plain = out_of_fold(known, own, simple)
    with_all, without = (churn_draws(test["churned"], one, test["customer_id"]) for one in (p, plain))
    low, high = with_all.difference(without, "auc")
    gained = figures["auc"] - churn_metrics(test["churned"], plain)["auc"]
    interval = f"{gained:+.4f} [{low:+.4f}, {high:+.4f}]"
    return [*made, {"data": said, "figure": "auc gained by service factors", "cxml": interval}]


if __name__ == "__main__":
    show(rows, __doc__)
