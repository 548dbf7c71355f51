"""Who competes on value: the model and its baselines for a config, and how wide its ranges have to be.

Money of orders is bought anew each time, so purchase models speak of it; money of other tables (bills)
comes by itself and goes on at its past rate.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pandas as pd

from cxml.config.load import Config
from cxml.factors.customer_value import MEAN_SPEND, OF_PURCHASES
from cxml.models.baselines import NaiveValue, PurchaseBaseline
from cxml.models.purchase_features import PurchaseColumns
from cxml.models.value import ValueRegressor
from cxml.snapshots.splits import Split

_HISTORY = ("frequency", "recency", "T")


def competitors(columns: Sequence[str], config: Config) -> dict[str, Callable[[], Any]]:
    """The value model, not yet fitted, and the baselines that the feature *columns* allow, by name."""
    days, horizon = max(config.features.lookbacks), config.churn.horizon.total_seconds() / 86400
    purchases = purchase_columns(columns, config)
    found: dict[str, Callable[[], Any]] = {
        "model": lambda: ValueRegressor(
            purchases=purchases, random_state=config.model.seed, num_threads=config.model.threads
        )
    }
    if f"value_{days}d" in columns:
        found["naive"] = lambda: NaiveValue(f"value_{days}d", window_days=days, horizon_days=horizon)
    if purchases is not None:
        told = purchases
        found["bg_nbd"] = lambda: PurchaseBaseline("bg_nbd", told)
        found["pareto_nbd"] = lambda: PurchaseBaseline("pareto_nbd", told)
    return found


def refuse_too_little(frame: pd.DataFrame, split: Split) -> None:
    """Refuse training snapshots with too few positive values, before time is spent on another model.

    Raises
    ------
    DataError, NotEnoughDataError
    """
    value = frame.loc[frame["cutoff"].isin(split.train), "value"]
    if value.notna().any():
        ValueRegressor().values(value)


def purchase_columns(columns: Sequence[str], config: Config) -> PurchaseColumns | None:
    """Where the history of purchases is; None where orders bring no value, or a column was left out."""
    if not {*_HISTORY, MEAN_SPEND} <= set(columns):
        return None
    lead, horizon = (span.total_seconds() / 86400 for span in (config.churn.lead, config.churn.horizon))
    steady = []
    for source in config.value.sources:
        windows = sorted(
            (
                w
                for w in config.features.lookbacks
                if f"earned_{source.table}_{source.column}_{w}d" in columns
            ),
            key=lambda w: (w < horizon, abs(w - horizon)),
        )
        if source.table not in OF_PURCHASES and windows:
            steady.append((f"earned_{source.table}_{source.column}_{windows[0]}d", float(windows[0])))
    return PurchaseColumns(*_HISTORY, MEAN_SPEND, lead=lead, horizon=horizon, steady=tuple(steady))


def coverage(
    model: ValueRegressor, frame: pd.DataFrame, columns: Sequence[str], split: Split
) -> list[dict[str, Any]]:
    """How many values lay in their range, at each cutoff that is later than what set the ranges.

    Where customers are held out in place of a later time, half of those held out set the ranges of the others.

    Returns
    -------
    list of dict
        ``cutoff``, ``rows``, ``coverage`` (a share; 0.9 is wanted) and ``width`` (median of high less low, money).
    """
    found = []
    used = max(split.train)
    for cutoff in sorted(frame["cutoff"].unique()):
        rows = frame[frame["cutoff"] == cutoff]
        if split.mode == "customers" and cutoff != split.test:
            continue
        if split.mode == "time" and cutoff <= used:
            continue
        low, high = model.predict_interval(rows[list(columns)])
        value = rows["value"].to_numpy()
        share = float(np.mean((value >= low) & (value <= high)))
        found.append(
            {
                "cutoff": pd.Timestamp(cutoff).isoformat(),
                "rows": len(rows),
                "coverage": share if split.mode == "time" else model.coverage_,
                "width": float(np.median(high - low)),
            }
        )
    return found
