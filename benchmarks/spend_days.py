"""What days to learn from bring to a spend forecast: ``python benchmarks/spend_days.py [--seeds 0 ... 4]``.

The shop of ``silence.py`` without its giants, whose prices rise by a half within the 900 days, forecast 90 days ahead from
day 810: with the days that follow the horizon, and with those of a forecast that was told none.
"""

from __future__ import annotations

import argparse

import numpy as np
import pandas as pd
from silence import DAYS, END, HORIZON, Shop

from cxml.metrics.forecasts import value_metrics
from cxml.models.spend_forecast import SpendForecast

LAST = END - pd.Timedelta(days=HORIZON + 1)


def log(seed: int) -> pd.DataFrame:
    """The purchases of a shop."""
    orders = Shop.of(seed).orders
    orders = orders[orders["cancelled_at"].isna()]
    age = (orders["ordered_at"] - (END - pd.Timedelta(days=DAYS))) / pd.Timedelta(days=DAYS)
    return pd.DataFrame(
        {
            "customer_id": orders["customer_id"],
            "date": orders["ordered_at"],
            "amount": orders["revenue"] * 1.5**age,
        }
    )


def main() -> None:
    """Print a row a seed and way."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, nargs="+", default=list(range(5)))
    found = []
    for seed in parser.parse_args().seeds:
        purchases = log(seed)
        later = (
            purchases[purchases["date"] >= LAST + pd.Timedelta(days=1)].groupby("customer_id")["amount"].sum()
        )
        for name, horizon in (("by the horizon", HORIZON), ("told none", None)):
            model = SpendForecast(horizon=horizon, num_threads=1).fit(purchases, LAST)
            said = model.predict(purchases, LAST, HORIZON)
            came = later.reindex(said.index).fillna(0.0).to_numpy()
            r2 = 1 - float(np.square(came - said).sum() / np.square(came - came.mean()).sum())
            figures = value_metrics(came, said)
            found.append(
                {
                    "seed": seed,
                    "days": name,
                    "kept": model.kept_,
                    "total": figures["total_error"],
                    "gini": figures["gini"],
                    "r2": r2,
                }
            )
            print(
                pd.DataFrame(found[-1:]).round(3).to_string(index=False, header=len(found) == 1), flush=True
            )
    print(pd.DataFrame(found).groupby("days")[["total", "gini", "r2"]].mean().round(3).to_string())


if __name__ == "__main__":
    main()
