"""A retailer's flat table with steep interactions: ``python benchmarks/ecommerce.py [--data FOLDER]``.

5,630 customers, 948 of whom left; 556 rows are equal to another but for their id. Ten folds, once with such twins on both
sides of a fold and once with twins kept together, cxml with its defaults beside LightGBM with its defaults and tuned inside
each fold, scikit-learn's HistGradientBoosting and logistic regression. Means of log loss and AUC over the folds.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from flat import plain_lightgbm, tuned_lightgbm
from numpy.typing import NDArray
from sklearn.metrics import log_loss, roc_auc_score
from sklearn.model_selection import StratifiedGroupKFold
from table import show

from cxml.models.baselines import BoostedBaseline, LogisticBaseline
from cxml.models.churn import ChurnClassifier

FOLDS = 10
_LEAST = 1e-6
Rows = NDArray[np.int64]


def customers(data: Path) -> tuple[pd.DataFrame, Rows, Rows]:
    """The columns, the label, and a number that twins share."""
    table = pd.read_parquet(data / "ecommerce_churn" / "ecommerce_churn.parquet")
    X = table.drop(columns=["CustomerID", "Churn"])
    twins = pd.factorize(pd.util.hash_pandas_object(X.astype(str), index=False))[0]
    return X, table["Churn"].to_numpy(dtype=np.int64), np.asarray(twins, dtype=np.int64)


def splits(y: Rows, groups: Rows) -> Iterator[tuple[Rows, Rows]]:
    """Ten stratified folds that no group crosses."""
    yield from StratifiedGroupKFold(FOLDS, shuffle=True, random_state=0).split(np.zeros(len(y)), y, groups)


def rows(data: Path, threads: int = 1) -> list[dict[str, Any]]:
    """One row per way of splitting and competitor."""
    X, y, twins = customers(data)
    made = []
    for said, groups in (("twins on both sides", np.arange(len(y))), ("twins together", twins)):
        found: list[dict[str, Any]] = []
        for train, test in splits(y, groups):
            learn, hit, asked = X.iloc[train], y[train], X.iloc[test]
            own = ChurnClassifier(num_threads=threads).fit(learn, hit, groups[train])
            forecasts = {
                "cxml": own.predict_proba(asked)[:, 1],
                "lightgbm": plain_lightgbm(learn, hit, asked),
                "lightgbm, tuned": tuned_lightgbm(learn, hit, asked),
                "boosted": BoostedBaseline().fit(learn, hit).leave(asked),
                "logistic": LogisticBaseline().fit(learn, hit).leave(asked),
            }
            found += [
                {
                    "model": name,
                    "log_loss": log_loss(y[test], np.clip(p, _LEAST, 1 - _LEAST)),
                    "auc": roc_auc_score(y[test], p),
                }
                for name, p in forecasts.items()
            ]
        means = pd.DataFrame(found).groupby("model", sort=False).mean().round(4)
        made += [{"data": said, "model": name, **figures} for name, figures in means.to_dict("index").items()]
    return made


if __name__ == "__main__":
    show(rows, __doc__)
