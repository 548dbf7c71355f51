"""What purchase models cost: ``python benchmarks/purchase_models.py``, in turn in two checkouts to compare them.

A shop of 5,000 customers and one cutoff, so that customers are held out in ten folds: the value model and its two
baselines learn from each of ten training parts and once from all. Printed are CPU seconds of fits for several kinds of
shop, and of all that the eleven parts need of purchase models.
"""

from __future__ import annotations

import time
from collections.abc import Mapping

import numpy as np
import pandas as pd

from cxml.models.purchase_counts import BgNbd, ParetoNbd
from cxml.models.purchase_features import PurchaseColumns, PurchaseOutlook

CUSTOMERS, FOLDS, COMPETITORS = 5_000, 10, 3
SHOPS: Mapping[str, tuple[float, float, float]] = {
    "usual": (0.8, 40.0, 400.0),
    "nobody leaves": (0.8, 40.0, 1e7),
    "most leave soon": (0.8, 40.0, 30.0),
    "seldom buyers": (0.2, 200.0, 400.0),
    "alike buyers": (5.0, 20.0, 400.0),
}
"""Shape of the purchase rates, mean days between purchases, mean days until leaving."""


def shop(shape: float, gap: float, leaving: float, seed: int = 0) -> pd.DataFrame:
    """A row a customer: frequency, recency, T (days), purchase_value (money)."""
    rng = np.random.default_rng(seed)
    rate, age = rng.gamma(shape, 1 / (gap * shape), CUSTOMERS), rng.uniform(1, 700, CUSTOMERS)
    lasted = np.minimum(age, rng.exponential(leaving, CUSTOMERS))
    count = np.minimum(rng.poisson(rate * lasted), lasted.astype(int))
    last = np.maximum(lasted * rng.random(CUSTOMERS) ** (1 / np.maximum(count, 1)), 1e-3)
    return pd.DataFrame(
        {
            "frequency": count,
            "recency": np.where(count > 0, last, 0.0),
            "T": age,
            "purchase_value": rng.lognormal(3, 1, CUSTOMERS),
        }
    )


def main() -> None:
    """Print the CPU of each kind of shop."""
    columns = PurchaseColumns("frequency", "recency", "T", "purchase_value", lead=0.0, horizon=90.0)
    fold = np.arange(CUSTOMERS) % FOLDS
    rows = []
    for name, kind in SHOPS.items():
        frame = shop(*kind)
        row: dict[str, object] = {"shop": name}
        history = [frame[one].to_numpy(float).round(3) for one in ("frequency", "recency", "T")]
        for process in (BgNbd, ParetoNbd):
            start = time.process_time()
            likelihood = process.fit(*history).log_likelihood(*history).sum()
            row[f"{process.__name__}, s"] = round(time.process_time() - start, 2)
            row[f"{process.__name__}, log-likelihood"] = round(float(likelihood), 2)
        start = time.process_time()
        for part in (*(frame[fold != one] for one in range(FOLDS)), frame):
            for _ in range(COMPETITORS):
                PurchaseOutlook.fit(columns, part, np.ones(len(part)), part.index.to_numpy())
        row["eleven parts, s"] = round(time.process_time() - start, 1)
        rows.append(row)
        print(pd.DataFrame(rows).tail(1).to_string(index=False), flush=True)


if __name__ == "__main__":
    main()
