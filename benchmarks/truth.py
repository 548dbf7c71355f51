"""How near the models come to a truth that is known: ``python benchmarks/truth.py [--customers N] [--seeds S]``.

A simulated company says each customer's true churn probability and expected value, and which factors really
drive leaving. Its last year is hidden from the models, and tells afterwards how long customers stayed. Prints, per
seed: the share of the true (AUC - 0.5) that the model reaches on the test cutoff; its calibration error there and a
month later, beside that of a perfect model; the share of the truth's value Gini, and how many values lie in their 90 %
range; by how much the mean lifetime of the year ahead is missed; and the rank correlation of the factors' importance
with their true effects.
"""

from __future__ import annotations

import argparse
import tempfile
import tomllib
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from scipy.stats import spearmanr

from cxml import jobs
from cxml.config.load import Config, parse_config
from cxml.metrics.forecasts import churn_metrics, value_metrics
from cxml.tables.opening import open_tables
from cxml.training import dataset, fit

MONTHS = 37
SEEDS = (0, 6, 7, 8, 9)
YEAR = 365
CUTOFFS = 16
"""Month starts: as many as have some history before them."""
HIDDEN = pd.DateOffset(months=13)
"""A year to follow the snapshots of the test cutoff, which lies a month before the end of what the models know."""


def as_of(folder: Path, later: pd.DateOffset | None = None) -> Config:
    """The configuration of a company whose last year is not known yet, or not before *later*."""
    raw = tomllib.loads((folder / "cxml.toml").read_text(encoding="utf-8"))
    end = pd.Timestamp(raw["project"]["observation_end"]) - HIDDEN
    last = pd.Timestamp(raw["training"]["cutoffs"][-1]) - HIDDEN
    cutoffs = [last - pd.DateOffset(months=back) for back in reversed(range(CUTOFFS))]
    if later is not None:
        end, cutoffs = end + later, [last + later]
    raw["project"]["observation_end"] = end.isoformat()
    raw["training"]["cutoffs"] = [cutoff.isoformat() for cutoff in cutoffs]
    raw["value"]["lifetime"] = f"{YEAR}D"
    return parse_config(raw, folder)


def lifetime_error(folder: Path, test: pd.DataFrame, expected: pd.Series) -> float:
    """The mean expected lifetime within a year over the mean that came true, minus 1."""
    ends = pd.read_parquet(folder / "subscriptions.parquet", columns=["customer_id", "ended_at"])
    # Who has a contract without an end never left.
    last = ends.groupby("customer_id")["ended_at"].agg(lambda one: one.max(skipna=False))
    gone = pd.to_datetime(test["customer_id"].map(last), utc=True)
    days = ((gone - test["cutoff"]) / pd.Timedelta(days=1)).fillna(np.inf).clip(upper=YEAR)
    return float(expected.mean() / days.mean() - 1)


def measure(folder: Path) -> dict[str, float | str]:
    """The figures of one simulated company."""
    config = as_of(folder)
    data = dataset.assemble(open_tables(config))
    trained = fit.fit(data, config)
    test = data.frame[data.frame.cutoff == data.frame.cutoff.max()]
    scored = trained.bundle.score(test)
    month_on = as_of(folder, pd.DateOffset(months=1))
    later = dataset.assemble(open_tables(month_on)).frame
    drifted = churn_metrics(later.churned, trained.bundle.score(later).churn_probability)
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
        "auc": own["auc"],
        "true auc": best["auc"],
        "share": (own["auc"] - 0.5) / (best["auc"] - 0.5),
        "ece": own["ece"],
        "noise p99": own["ece_noise_p99"],
        "ece later": drifted["ece"],
        "its noise": drifted["ece_noise_p99"],
        "lifetime error": lifetime_error(folder, test, scored.expected_lifetime_days),
        "coverage": trained.metrics["value"].get("coverage", float("nan")),
        "gini": trained.metrics["value"]["gini"],
        "true gini": worth["gini"],
        "gini share": trained.metrics["value"]["gini"] / worth["gini"],
        "total error": trained.metrics["value"]["total_error"],
        "rank": rank,
        "nulls last": f"{len(bottom & set(nulls))} of {len(nulls)}",
        "in their place": " ".join(bottom - set(nulls)) or "-",
        "nulls above": " ".join(set(nulls) - bottom) or "-",
        "rung": trained.bundle.info["rung"],
    }


def company(seed: int, customers: int) -> dict[str, float | str]:
    """The figures of the simulated company of that seed."""
    with tempfile.TemporaryDirectory() as home:
        return measure(jobs.simulate(home, customers=customers, months=MONTHS, seed=seed))


def rows(data: Path, threads: int = 0) -> list[dict[str, Any]]:
    """One row per figure, over five companies; *data* and *threads* are not used."""
    found = pd.DataFrame([company(seed, 20_000) for seed in SEEDS])
    calm = int((found["ece"] < found["noise p99"]).sum() + (found["ece later"] < found["its noise"]).sum())
    figures = {
        "share of the true AUC - 0.5, mean": (0.9, found["share"].mean()),
        "share of the true AUC - 0.5, least": (None, found["share"].min()),
        "calibration error below a perfect model's p99": ("10 of 10", f"{calm} of {2 * len(found)}"),
        "coverage of the 90 % range, least": (0.88, found["coverage"].min()),
        "coverage of the 90 % range, most": (0.92, found["coverage"].max()),
        "error of the mean lifetime, mean": (0.05, found["lifetime error"].abs().mean()),
        "share of the true value Gini, least": (None, found["gini share"].min()),
    }
    said = f"simulated company, seeds {', '.join(map(str, SEEDS))}"
    return [
        {
            "data": said,
            "figure": name,
            "goal": goal,
            "cxml": one if isinstance(one, str) else round(float(one), 4),
        }
        for name, (goal, one) in figures.items()
    ]


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--customers", type=int, default=20_000)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--first", type=int, default=0)
    asked = parser.parse_args()
    for seed in range(asked.first, asked.first + asked.seeds):
        found = company(seed, asked.customers)
        print(
            pd.DataFrame([{"seed": seed, **found}])
            .round(4)
            .to_string(index=False, header=seed == asked.first),
            flush=True,
        )


if __name__ == "__main__":
    main()
