"""Turn the customers of a software vendor into cxml's customers: ``python prepare.py RAW_FOLDER``.

Reads ``churn.parquet``, writes ``data/customers.parquet`` beside this file. Without RAW_FOLDER it is
``pysurvival_churn`` in the folder that the environment names in CXML_DATA. The source has no ids: rows are numbered.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pandas as pd

HERE = Path(__file__).parent


def customers(raw: Path) -> pd.DataFrame:
    """One row per customer, with the months until leaving or until the last look, and the label ``churned``."""
    table = pd.read_parquet(raw / "churn.parquet")
    table.insert(0, "customer_id", [f"c{row:04d}" for row in range(1, len(table) + 1)])
    return table


def main(raw: Path, out: Path) -> None:
    """Write the customers to *out*."""
    out.mkdir(parents=True, exist_ok=True)
    customers(raw).to_parquet(out / "customers.parquet", index=False)


if __name__ == "__main__":
    given = [Path(text) for text in sys.argv[1:]]
    if not given and "CXML_DATA" not in os.environ:
        sys.exit("usage: python prepare.py RAW_FOLDER")
    raw = given[0] if given else Path(os.environ["CXML_DATA"]) / "pysurvival_churn"
    main(raw, given[1] if len(given) > 1 else HERE / "data")
