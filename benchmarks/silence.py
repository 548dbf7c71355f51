"""Whom to call where leaving is silence, against a known truth: ``python benchmarks/silence.py [--seeds 0 ... 9]``.

A shop without contracts: who orders nothing within 90 days has left, and a leaver brings nothing. Every customer has a
rate of orders, a mean order and a chance to leave for good; a late parcel makes one in three leave. So it is known what
each would bring if they stayed. One customer in a hundred orders 300 times the usual and cancels within the hour.

For several orders of the call list the table says how much of that money the first tenth of the list holds whose
customers really fell silent, and how far the headline (the sum of the value at risk) is from what was at risk.
Guards were chosen on seeds from 1000 on, the mean of both purchase models after a look at seed 0: measure on other seeds.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from cxml.config.load import parse_config
from cxml.tables.opening import open_tables
from cxml.training import dataset, fit

CUSTOMERS, DAYS, HORIZON = 3_000, 900, 90
END = pd.Timestamp("2025-01-01", tz="UTC")
TOP = 10


@dataclass(frozen=True)
class Shop:
    """The table of orders, and of each customer the rate of orders a day and their mean revenue."""

    orders: pd.DataFrame
    rate: np.ndarray
    spend: np.ndarray

    @classmethod
    def of(cls, seed: int) -> Shop:
        """Draw a shop."""
        rng = np.random.default_rng(seed)
        rate, spend = rng.gamma(1.5, 1 / 45, CUSTOMERS), rng.lognormal(3.5, 0.8, CUSTOMERS)
        joined, quits = rng.uniform(0, DAYS - 30, CUSTOMERS), rng.exponential(rng.gamma(2, 300, CUSTOMERS))
        rows = []
        for one in range(CUSTOMERS):
            at = joined[one] + np.r_[0.0, rng.exponential(1 / rate[one], 400).cumsum()]
            late = rng.random(len(at)) < 0.08
            fed_up = np.flatnonzero(late & (rng.random(len(at)) < 0.35))
            last = at[fed_up[0]] if len(fed_up) else np.inf
            at = at[(at <= last) & (at < min(joined[one] + quits[one], DAYS)) | (np.arange(len(at)) == 0)]
            rows.append(
                pd.DataFrame(
                    {
                        "customer_id": f"c{one:05d}",
                        "at": at,
                        "late": late[: len(at)],
                        "revenue": spend[one] * rng.gamma(3, 1 / 3, len(at)),
                    }
                )
            )
        found = pd.concat(rows, ignore_index=True).assign(cancelled=np.nan)
        giants = rng.choice(CUSTOMERS, CUSTOMERS // 100, replace=False)
        found = pd.concat(
            [
                found,
                pd.DataFrame(
                    {
                        "customer_id": [f"c{one:05d}" for one in giants],
                        "at": rng.uniform(joined[giants], DAYS),
                        "late": False,
                        "revenue": 300 * spend[giants],
                        "cancelled": rng.uniform(5, 60, len(giants)) / 1440,
                    }
                ),
            ],
            ignore_index=True,
        )
        start = END - pd.Timedelta(days=DAYS)
        ordered = start + pd.to_timedelta(found["at"], unit="D")
        promised = ordered + pd.Timedelta(days=4)
        return cls(
            pd.DataFrame(
                {
                    "order_id": [f"o{k}" for k in range(len(found))],
                    "customer_id": found["customer_id"],
                    "ordered_at": ordered.dt.floor("s"),
                    "revenue": found["revenue"].round(2).clip(lower=0.01),
                    "promised_at": promised.dt.floor("s"),
                    "delivered_at": (
                        promised + pd.to_timedelta(np.where(found["late"], 3, -2), unit="D")
                    ).dt.floor("s"),
                    "cancelled_at": (ordered + pd.to_timedelta(found["cancelled"], unit="D")).dt.floor("s"),
                }
            ),
            rate,
            spend,
        )

    def brought_if_stayed(self, customers: pd.Series) -> np.ndarray:
        """Expected money of a horizon in which the customer stays, and so orders at least once."""
        one = customers.str[1:].astype(int).to_numpy()
        expected = self.rate[one] * HORIZON
        return np.asarray(expected / -np.expm1(-expected) * self.spend[one])


def forecasts(seed: int) -> pd.DataFrame:
    """A row a customer of the test cutoff: what was forecast, what came and what staying would have brought."""
    shop = Shop.of(seed)
    raw = {
        "project": {"observation_end": END.to_pydatetime()},
        "engine": {"threads": 1},
        "population": {"by": "activity", "within": "180D", "activity": ["orders"]},
        "churn": {"definition": "inactivity", "activity": ["orders"], "horizon": f"{HORIZON}D"},
        "value": {"discount_rate": 0.0, "sources": [{"table": "orders", "column": "revenue"}]},
        "features": {"lookbacks": [30, 90, 365]},
        "model": {"threads": 1},
        "training": {"count": 8},
    }
    config = parse_config(raw, Path())
    data = dataset.assemble(open_tables(config, {"orders": shop.orders}))
    found = fit.fit(data, config).bundle
    test = data.frame[data.frame["cutoff"] == data.split.test].reset_index(drop=True)
    scores = found.score(test)
    return pd.DataFrame(
        {
            "customer": test["customer_id"],
            "p": scores["churn_probability"],
            "value": scores["expected_value"],
            "left": test["churned"],
            "came": test["value"],
            "past": test["value_365d"],
            "stays": scores["value_if_stays"],
            "truth": shop.brought_if_stayed(test["customer_id"]),
            "giant": test["customer_id"].isin(shop.orders.dropna()["customer_id"]),
        }
    )


def orders(rows: pd.DataFrame) -> dict[str, np.ndarray]:
    """What the list may be ordered by."""
    return {
        "p x value if they stay": rows["p"] * rows["stays"],
        "p x value": rows["p"] * rows["value"],
        "p": rows["p"],
        "value": rows["value"],
        "value if they stay": rows["stays"],
        "p x past spend": rows["p"] * rows["past"],
        "past spend": rows["past"],
    }


def measured(rows: pd.DataFrame) -> dict[str, Any]:
    """Share of the money at risk in the first tenth of each order, and by how much the headlines miss it."""
    lost = (rows["left"] * rows["truth"]).to_numpy()
    top = len(rows) // TOP
    found: dict[str, Any] = {
        name: float(lost[np.argsort(-np.asarray(by), kind="stable")[:top]].sum() / lost.sum())
        for name, by in orders(rows).items()
    }
    first = rows.loc[(rows["p"] * rows["stays"]).nlargest(TOP).index]
    return {
        **found,
        "headline": float((rows["p"] * rows["stays"]).sum() / lost.sum() - 1),
        "headline of p x value": float((rows["p"] * rows["value"]).sum() / lost.sum() - 1),
        "giants among the first ten": int(first["giant"].sum()),
    }


def main() -> None:
    """Print a row a seed, and the means."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, nargs="+", default=list(range(10)))
    found = []
    for seed in parser.parse_args().seeds:
        found.append({"seed": seed, **measured(forecasts(seed))})
        print(pd.DataFrame(found[-1:]).round(3).to_string(index=False), flush=True)
    print(pd.DataFrame(found).mean().round(3).to_string())


if __name__ == "__main__":
    main()
