"""Spend of the CDNOW customers, 39 weeks from 39 weeks: ``python benchmarks/cdnow.py [--data FOLDER]``.

Every forecast is made from the purchases of weeks 1 to 39 alone, and the candidate is chosen inside them; weeks 40 to
78 are only compared with. Two tables come out, for all 23,570 customers and for the 1/10 sample of the literature:
the model (expected value, median), its candidates as they would have been without the choice, the usual baselines,
and what other recipes reached on the same split.
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from table import options

from cxml.metrics.forecasts import value_metrics
from cxml.models.purchase_spend import PurchaseHistory
from cxml.models.purchase_value import PurchaseValue
from cxml.models.spend_forecast import CANDIDATES, SpendForecast

DAYS = 39 * 7
CUTOFFS = tuple(week * 7 for week in (13, 16, 19.5, 23, 26))
SETS = {
    "all": ("transactions_master.parquet", "customer_id"),
    "1/10": ("transactions_sample_1of10.parquet", "sample_customer_id"),
}
RECIPE = "mean of Pareto/NBD and two Tweedie models"
_FIGURES = ("gini", "mae", "rmse", "total_error", "count_mae")
REFERENCE = {
    "all": {
        "BG/NBD + Gamma-Gamma on repeat purchases": (0.672, 32.7, 92.9, -0.17, 0.819),
        "Pareto/NBD + Gamma-Gamma on all purchases": (0.720, 31.7, 92.9, -0.17, 0.794),
        "mean of Pareto/NBD and two Tweedie models": (0.725, 33.9, 91.5, -0.032, 0.857),
        "median of that mean": (None, 28.04, None, None, 0.690),
        "zero for everybody": (None, 32.96, None, None, 0.835),
    },
    "1/10": {
        "BG/NBD + Gamma-Gamma on repeat purchases": (0.638, 30.4, 72.3, -0.16, 0.785),
        "Pareto/NBD + Gamma-Gamma on all purchases": (0.693, 29.2, 72.8, -0.16, 0.754),
        "mean of Pareto/NBD and two Tweedie models": (0.700, 30.5, 70.3, -0.09, 0.845),
        "median of that mean": (None, 25.5, None, None, 0.653),
    },
}
"""Other recipes on the same customers and weeks, as far as they were measured: gini ... count_mae."""


def log(data: Path, name: str) -> pd.DataFrame:
    """The purchases of one set: customer, day (0 is 1997-01-01), amount."""
    file, customer = SETS[name]
    bought = pd.read_parquet(data / "cdnow" / file)
    day = (bought["date"] - pd.Timestamp("1997-01-01")).dt.days
    return pd.DataFrame({"customer": bought[customer], "day": day, "amount": bought["dollar_value"]})


GOALS = {
    "all": {
        "expected": {"gini": 0.725, "rmse": 91.5, "total_error": 0.05},
        "median": {"mae": 28.0, "count_mae": 0.69},
    },
    "1/10": {"expected": {"gini": 0.70, "total_error": 0.09}, "median": {"mae": 25.5, "count_mae": 0.655}},
}


def rows(data: Path, threads: int = 0) -> list[dict[str, Any]]:
    """One row per set of customers and figure: goal, the best of other recipes, reached; *threads* are not used."""
    found = forecasts(data)
    made = []
    for name, kind, figures in (
        (one, kind, asked) for one, goals in GOALS.items() for kind, asked in goals.items()
    ):
        table = found[found["customers"] == name]
        own = table[(table["by"] == "cxml") & table["forecast"].str.startswith(kind)].iloc[0]
        other = table[table["forecast"] == ("median of that mean" if kind == "median" else RECIPE)].iloc[0]
        made += [
            {
                "data": f"CDNOW, {name}, 39 + 39 weeks, {kind}",
                "figure": figure,
                "goal": goal,
                "published": other[figure],
                "cxml": round(float(own[figure]), 4),
            }
            for figure, goal in figures.items()
        ]
    return made


def forecasts(data: Path) -> pd.DataFrame:
    """A row a forecast: ``customers``, ``forecast``, ``by`` (cxml or reference), figures of the holdout."""
    return pd.concat([_rows_of(log(data, name), name) for name in SETS], ignore_index=True)


def _rows_of(purchases: pd.DataFrame, name: str) -> pd.DataFrame:
    known = purchases[purchases["day"] < DAYS]
    start = time.process_time()
    model = SpendForecast(cutoffs=CUTOFFS).fit(known, DAYS - 1)
    seconds = time.process_time() - start
    said = model.predict_all(known, DAYS - 1, DAYS)
    candidates = model.predict_candidates(known, DAYS - 1, DAYS)
    later = purchases[(purchases["day"] >= DAYS) & (purchases["day"] < 2 * DAYS)]
    daily = later.groupby(["customer", "day"])["amount"].sum().groupby("customer").agg(["sum", "size"])
    daily = daily.reindex(said.index).fillna(0.0)
    spend, count = daily["sum"].to_numpy(), daily["size"].to_numpy()

    def row(
        forecast: str, money: pd.Series | np.ndarray, bought: pd.Series | None = None
    ) -> dict[str, object]:
        error = {} if bought is None else {"count_mae": float(np.abs(bought.to_numpy() - count).mean())}
        return {"forecast": forecast, "by": "cxml", **value_metrics(spend, money), **error}

    usual = PurchaseHistory.of_repeat_purchases(
        known["customer"], known["day"], known["amount"], last_day=DAYS - 1, unit_days=7
    )
    found = [
        row(
            f"expected value ({model.kept_}, fitted in {seconds:.0f} s)",
            said["expected_value"],
            said["expected_count"],
        ),
        row("median", said["median_value"], said["median_count"]),
        *(row(f"candidate {one}", candidates[one]) for one in CANDIDATES),
        row("BG/NBD + Gamma-Gamma on all purchases", said["bg_nbd"]),
        row(
            "BG/NBD + Gamma-Gamma on repeat purchases",
            PurchaseValue.fit(usual, "bg_nbd").value(usual, DAYS / 7),
        ),
        *(
            {"forecast": other, "by": "reference", **dict(zip(_FIGURES, figures, strict=True))}
            for other, figures in REFERENCE[name].items()
        ),
    ]
    return pd.DataFrame(found).assign(customers=name)


def main() -> None:
    """Print both tables."""
    found = forecasts(options(__doc__).parse_args().data)
    columns = ["forecast", "by", "gini", "decile_mape", "mae", "rmse", "total_error", "count_mae"]
    for name, table in found.groupby("customers", sort=False):
        print(f"\n{name}")
        print(table[columns].round(4).to_string(index=False, na_rep="-"), flush=True)


if __name__ == "__main__":
    main()
