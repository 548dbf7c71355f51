"""Small companies: does the model ever lose to a simple rule? ``python benchmarks/small.py [--seeds S] [--first F]``.

Companies of 300, 1,000 and 3,000 customers, a dozen monthly cutoffs, the last one tests; who leaves within 30 days, with
300 customers within 90, since nobody could learn from fewer leavers. Printed per company: log loss of the model, of logistic
regression on all features, of recency and frequency and of boosted trees; ``gap``, the model's log loss less that of the
better of logistic regression and recency-frequency, with its standard error by customer. Seeds from 1000 on are for
choosing, 0 to 9 for the results.
"""

from __future__ import annotations

import argparse
import tempfile
import tomllib
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from cxml import jobs
from cxml.config.load import Config, parse_config
from cxml.errors import NotEnoughDataError
from cxml.metrics.forecasts import churn_metrics, loss_gap
from cxml.tables.opening import open_tables
from cxml.training import dataset, fit

MONTHS, CUTOFFS = 30, 12
HORIZONS = {300: 90, 1_000: 30, 3_000: 30}
SIMPLE = ("logistic", "recency_frequency")
ASKED = ("model", *SIMPLE, "boosted")


def configured(folder: Path, horizon: int) -> Config:
    """The configuration of a simulated company with another horizon and a dozen month starts as cutoffs."""
    raw = tomllib.loads((folder / "cxml.toml").read_text(encoding="utf-8"))
    raw["churn"]["horizon"] = f"{horizon}D"
    own = parse_config(raw, folder)
    latest = pd.Timestamp(own.project.observation_end) - own.churn.lead - timedelta(days=horizon)
    last = latest.normalize().replace(day=1)
    raw["training"]["cutoffs"] = [
        (last - pd.DateOffset(months=back)).isoformat() for back in reversed(range(CUTOFFS))
    ]
    return parse_config(raw, folder)


def measure(customers: int, seed: int) -> dict[str, Any]:
    """The figures of one company."""
    with tempfile.TemporaryDirectory() as home:
        folder = jobs.simulate(home, customers=customers, months=MONTHS, seed=seed)
        config = configured(folder, HORIZONS[customers])
        data = dataset.assemble(open_tables(config))
    data.frame["value"] = np.nan
    about: dict[str, Any] = {"customers": customers, "seed": seed}
    try:
        found = fit.compare(data, config, only=ASKED)
    except NotEnoughDataError as error:
        return {**about, "size": error.what}
    test = data.frame[data.frame["cutoff"] == data.split.test]
    hit, forecasts = test["churned"].to_numpy(), found.forecasts["churn"]
    losses = {name: churn_metrics(hit, p)["log_loss"] for name, p in forecasts.items()}
    better = min(SIMPLE, key=losses.__getitem__)
    gap, error = loss_gap(hit, forecasts["model"], forecasts[better], test["customer_id"])
    return {
        **about,
        "rows": len(data.frame),
        "leavers": int(data.frame["churned"].sum()),
        **losses,
        "gap": gap,
        "error": error,
        "loses": gap > error,
        "size": found.models["churn"].rung_,
    }


def main() -> None:
    """Print a row per company."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--customers", type=int, nargs="+", default=list(HORIZONS))
    asked = parser.parse_args()
    found = []
    for customers in asked.customers:
        for seed in range(asked.first, asked.first + asked.seeds):
            found.append(measure(customers, seed))
            print(pd.DataFrame(found[-1:]).round(4).to_string(index=False), flush=True)
    table = pd.DataFrame(found)
    print(table.groupby("customers").mean(numeric_only=True).drop(columns="seed").round(4).to_string())


if __name__ == "__main__":
    main()
