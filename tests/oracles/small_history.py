"""A history of 200 days, in days since it began: what tests of labels, cutoffs and populations count by hand."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pandas as pd

START = datetime(2025, 1, 1, tzinfo=UTC)
END = START + timedelta(days=200)
CUTOFFS = (START + timedelta(days=60), START + timedelta(days=100))
LEAD, HORIZON = timedelta(days=5), timedelta(days=30)
SECOND = 1 / 86400


def at(days: float) -> pd.Timestamp:
    return pd.Timestamp(START) + pd.Timedelta(days=days)


def orders(days: dict[str, list[float]], margin: float = 100.0) -> pd.DataFrame:
    rows = [(c, d) for c, ds in days.items() for d in ds]
    return pd.DataFrame(
        {
            "order_id": [f"o{i}" for i in range(len(rows))],
            "customer_id": [c for c, _ in rows],
            "ordered_at": [at(d) for _, d in rows],
            "margin": margin,
        }
    )
