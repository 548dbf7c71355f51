"""Two telcos with a ready label, beside what is published: ``python benchmarks/telco.py [--data FOLDER]``.

IBM Telco is tested by three times ten stratified folds, figures are means over the folds; the 5,000 customers of mlc
by their usual split, the first 3,333 train and the last 1,667 test. The classifier has its defaults and chooses its
size inside the training part; logistic regression on the same columns stands beside it. An AUC above 0.855 on IBM
Telco, where the best published is 0.85, means a leak and not a success.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.model_selection import StratifiedKFold
from table import show

from cxml.metrics.forecasts import churn_metrics
from cxml.models.baselines import LogisticBaseline
from cxml.models.churn import ChurnClassifier

ROUNDS = 3
FIGURES = ("auc", "log_loss", "pr_auc", "top_decile_lift")
GOALS = {
    "telco": {"auc": 0.850, "log_loss": 0.411, "pr_auc": 0.67},
    "mlc": {"auc": 0.93, "log_loss": 0.155, "pr_auc": 0.87},
}
PUBLISHED = {"telco": {"auc": "0.83 to 0.85", "log_loss": "0.41 to 0.435", "pr_auc": "0.66"}, "mlc": {}}
SAID = {
    "telco": f"IBM Telco, {ROUNDS} x stratified 10-fold",
    "mlc": "mlc churn, 3,333 train and 1,667 test",
}


def telco(data: Path) -> tuple[pd.DataFrame, NDArray[np.int64]]:
    """The columns and the label of IBM Telco."""
    table = pd.read_parquet(data / "ibm_telco" / "telco_customer_churn.parquet").set_index("customerID")
    return table.drop(columns="Churn"), (table["Churn"] == "Yes").to_numpy(dtype=np.int64)


def mlc(data: Path) -> tuple[pd.DataFrame, NDArray[np.int64]]:
    """The columns and the label of the mlc churn table, in its own order."""
    table = pd.read_parquet(data / "mlc_churn" / "mlc_churn.parquet")
    return table.drop(columns="churn"), (table["churn"] == "yes").to_numpy(dtype=np.int64)


def splits(name: str, y: NDArray[np.int64]) -> Iterator[tuple[NDArray[np.int64], NDArray[np.int64]]]:
    """Rows to train on and rows to test on, time after time."""
    if name == "mlc":
        yield np.arange(3_333), np.arange(3_333, 5_000)
        return
    for seed in range(ROUNDS):
        yield from StratifiedKFold(10, shuffle=True, random_state=seed).split(np.zeros(len(y)), y)


def measure(
    name: str, X: pd.DataFrame, y: NDArray[np.int64], threads: int
) -> tuple[pd.DataFrame, Counter[str]]:
    """Mean figures of the classifier and of logistic regression, and how often each size was chosen."""
    found: list[dict[str, Any]] = []
    chosen: Counter[str] = Counter()
    for train, test in splits(name, y):
        own = ChurnClassifier(num_threads=threads).fit(X.iloc[train], y[train])
        chosen[own.rung_] += 1
        rival = LogisticBaseline().fit(X.iloc[train], y[train])
        for model, fitted in (("cxml", own), ("logistic", rival)):
            p = fitted.predict_proba(X.iloc[test])[:, 1]
            figures = churn_metrics(y[test], p)
            found.append({"model": model} | {figure: figures[figure] for figure in FIGURES})
    return pd.DataFrame(found).groupby("model").mean(), chosen


def rows(data: Path, threads: int = 1) -> list[dict[str, Any]]:
    """One row per data set and figure: goal, published, reached, logistic regression, sizes chosen."""
    made = []
    for name, load in (("telco", telco), ("mlc", mlc)):
        means, chosen = measure(name, *load(data), threads)
        sizes = ", ".join(f"{rung} {times}" for rung, times in chosen.most_common())
        made += [
            {
                "data": SAID[name],
                "figure": figure,
                "goal": GOALS[name].get(figure),
                "published": PUBLISHED[name].get(figure, "-"),
                "cxml": round(float(means.loc["cxml", figure]), 4),
                "logistic": round(float(means.loc["logistic", figure]), 4),
                "sizes": sizes,
            }
            for figure in FIGURES
        ]
    return made


if __name__ == "__main__":
    show(rows, __doc__)
