"""Turn the CDNOW purchases into cxml's orders: ``python prepare.py RAW_FOLDER``.

Reads ``transactions_master.parquet``, writes ``data/orders.parquet`` beside this file. The purchases that
a customer made on one day are one order, as everywhere in the literature on these data.
"""

from __future__ import annotations

import sys
from pathlib import Path

import pandas as pd

HERE = Path(__file__).parent


def orders(raw: Path) -> pd.DataFrame:
    """One row per customer and day."""
    bought = pd.read_parquet(raw / "transactions_master.parquet")
    days = bought.groupby(["customer_id", "date"], as_index=False).dollar_value.sum()
    return pd.DataFrame(
        {
            "order_id": days.customer_id.astype(str) + "-" + days.date.dt.strftime("%Y%m%d"),
            "customer_id": days.customer_id.astype(str),
            "ordered_at": days.date.dt.date,
            "revenue": days.dollar_value,
            "margin": days.dollar_value,
        }
    )


def main(raw: Path, out: Path) -> None:
    """Write the orders to *out*."""
    out.mkdir(parents=True, exist_ok=True)
    orders(raw).to_parquet(out / "orders.parquet", index=False)


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit("usage: python prepare.py RAW_FOLDER")
    main(Path(sys.argv[1]), Path(sys.argv[2]) if len(sys.argv) > 2 else HERE / "data")
