"""How near the models come to a truth that is known: ``python benchmarks/truth.py [--customers N] [--seeds S]``.

A simulated company says each customer's true churn probability and expected value, and which factors really
drive leaving. Prints, per seed: the share of the true (AUC - 0.5) that the model reaches on the test cutoff,
its calibration error beside that of a perfect model, the share of the truth's value Gini, and the rank
correlation of the factors' importance with their true effects.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

import pandas as pd
from scipy.stats import spearmanr

from cxml import jobs, training
from cxml.config import load_config
from cxml.metrics import churn_metrics, value_metrics
from cxml.tables import open_tables


def measure(folder: Path) -> dict[str, float | str]:
    """The figures of one simulated company."""
    config = load_config(folder)
    data = training.assemble(open_tables(config))
    trained = training.fit(data, config)
    test = data.frame[data.frame.cutoff == data.frame.cutoff.max()]
    truth = pd.read_parquet(folder / "truth" / "snapshots.parquet")
    truth["cutoff"] = pd.to_datetime(truth.cutoff, utc=True)
    known = test[["customer_id", "cutoff", "churned", "value"]].merge(truth, on=["customer_id", "cutoff"])
    best = churn_metrics(known.churned, known.churn_probability)
    worth = value_metrics(known.value, known.expected_value)
    effects = pd.read_parquet(folder / "truth" / "effects.parquet").set_index("factor")
    shown = trained.factors.set_index("factor").importance
    levers = [f for f in effects.index if effects.kind[f] != "outcome" and f in shown]
    rank = spearmanr(shown[levers], effects.mean_abs_contribution[levers]).statistic
    nulls = [f for f in levers if effects.kind[f] == "null"]
    bottom = set(shown[levers].nsmallest(len(nulls)).index)
    own = trained.metrics["churn"]
    return {
        "auc": own["auc"], "true auc": best["auc"], "share": (own["auc"] - 0.5) / (best["auc"] - 0.5),
        "ece": own["ece"], "noise p99": own["ece_noise_p99"], "gini": trained.metrics["value"]["gini"],
        "true gini": worth["gini"], "gini share": trained.metrics["value"]["gini"] / worth["gini"],
        "total error": trained.metrics["value"]["total_error"], "rank": rank,
        "nulls last": f"{len(bottom & set(nulls))} of {len(nulls)}", "in their place": " ".join(bottom - set(nulls)) or "-",
        "nulls above": " ".join(set(nulls) - bottom) or "-", "rung": trained.bundle.info["rung"],
    }  # fmt: skip


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--customers", type=int, default=20_000)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--first", type=int, default=0)
    asked = parser.parse_args()
    for seed in range(asked.first, asked.first + asked.seeds):
        with tempfile.TemporaryDirectory() as home:
            found = measure(jobs.simulate(home, customers=asked.customers, seed=seed))
        print(
            pd.DataFrame([{"seed": seed, **found}])
            .round(4)
            .to_string(index=False, header=seed == asked.first),
            flush=True,
        )


if __name__ == "__main__":
    main()
