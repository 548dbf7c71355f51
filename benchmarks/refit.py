"""What a refit brings: ``python benchmarks/refit.py [--seeds S] [--customers N] [--logs FOLDER]``.

Customers are scored at the last cutoffs of five simulated companies with a level that moves (horizons of 28 and 90
days), or of a pipeline folder, by models that know what was known then:

- *away*: as tested when the latest known cutoff is given away to calibrate, and training ends before it;
- *tested*: learned from every cutoff whose label was known at the last tested one, levels as they moved;
- *refit*: the same procedure on every cutoff whose label is known at the scored one.

Prints the log loss and the AUC over all scored customers, and the paired difference in log loss from *refit*, with
its standard error by customer.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
from moving import company, known_at, logs
from numpy.typing import NDArray
from sklearn.metrics import log_loss, roc_auc_score

from cxml.config.load import Config
from cxml.models.churn import LADDER, ChurnClassifier
from cxml.training.dataset import TrainingSet

Floats = NDArray[np.float64]
WORLDS = (("drift", 28), ("drift", 90), ("both", 28), ("both", 90), ("season", 90))
FIRST_SEED, TRAINED, SCORED = 1000, 12, 4


def forecasts(data: TrainingSet, config: Config, last: int = SCORED) -> Iterator[pd.DataFrame]:
    """``customer_id``, ``cutoff``, ``churned`` and a forecast by each way, for each of the *last* cutoffs."""
    frame, columns = data.frame, list(data.columns)
    for cutoff in sorted(frame["cutoff"].unique())[-last:]:
        known = known_at(data, config, cutoff)
        tested = known_at(data, config, known[-1])
        before = known_at(data, config, tested[-1])
        scored = frame[frame["cutoff"] == cutoff]
        found = scored[["customer_id", "cutoff", "churned"]].copy()
        later = frame[frame["cutoff"] == tested[-1]]
        away = _fitted(frame, columns, before[-TRAINED:], config).calibrate(later[columns], later["churned"])
        found["away"] = away.predict_proba(scored[columns])[:, 1]
        for name, cutoffs in (("tested", tested), ("refit", known)):
            model = _fitted(frame, columns, cutoffs[-TRAINED - len(known) + len(tested) :], config, cutoff)
            found[name] = model.predict_proba(scored[columns])[:, 1]
        yield found


def _fitted(
    frame: pd.DataFrame,
    columns: list[str],
    cutoffs: list[pd.Timestamp],
    config: Config,
    ahead: pd.Timestamp | None = None,
) -> ChurnClassifier:
    """One small size for all: what is compared is what they learn from."""
    train = frame[frame["cutoff"].isin(cutoffs)]
    model = ChurnClassifier(ladder=LADDER[1:2], num_threads=1, random_state=config.model.seed)
    model.fit(train[columns], train["churned"], groups=train["customer_id"])
    if ahead is not None:
        window = config.churn.lead + config.churn.horizon
        model.follow(train["cutoff"], train["customer_id"], window, [ahead])
    return model


def row(told: str, found: pd.DataFrame) -> str:
    """The figures of all scored customers as a line."""
    ways = ["away", "tested", "refit"]
    losses = {way: -np.log(np.where(found["churned"] == 1, found[way], 1 - found[way])) for way in ways}
    shown = [
        f"{way} {log_loss(found['churned'], found[way]):.4f} / {roc_auc_score(found['churned'], found[way]):.3f}"
        for way in ways
    ]
    gains = []
    for way in ways[:2]:
        gap = pd.Series(losses["refit"] - losses[way])
        by_customer = (gap - gap.mean()).groupby(found["customer_id"].to_numpy()).sum()
        error = np.sqrt((by_customer**2).sum()) / len(gap)
        gains.append(f"refit - {way} {gap.mean():+.4f} +- {error:.4f}")
    return f"{told}: {len(found):,} rows; {', '.join(shown)}; {', '.join(gains)}"


def main() -> None:
    """Print a line per company."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--customers", type=int, default=2_000)
    parser.add_argument("--logs", type=Path)
    asked = parser.parse_args()
    if asked.logs:
        print(row(str(asked.logs.name), pd.concat(forecasts(*logs(asked.logs)))), flush=True)
        return
    for climate, horizon in WORLDS:
        for seed in range(FIRST_SEED, FIRST_SEED + asked.seeds):
            made = company(climate, seed, asked.customers, horizon)
            print(row(f"{climate}, {horizon} days, seed {seed}", pd.concat(forecasts(*made))), flush=True)


if __name__ == "__main__":
    main()
