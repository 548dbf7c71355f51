"""Turn IBM's sample of a telco into cxml's customers: ``python prepare.py RAW_FOLDER``.

Reads ``telco_customer_churn.parquet``, writes ``data/customers.parquet`` beside this file. Without RAW_FOLDER it is
``ibm_telco`` in the folder that the environment names in CXML_DATA.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pandas as pd

HERE = Path(__file__).parent


def customers(raw: Path) -> pd.DataFrame:
    """One row per customer: everything that the sample holds, and the label ``Churn``."""
    table = pd.read_parquet(raw / "telco_customer_churn.parquet")
    return table.rename(columns={"customerID": "customer_id"})


def main(raw: Path, out: Path) -> None:
    """Write the customers to *out*."""
    out.mkdir(parents=True, exist_ok=True)
    customers(raw).to_parquet(out / "customers.parquet", index=False)


if __name__ == "__main__":
    given = [Path(text) for text in sys.argv[1:]]
    if not given and "CXML_DATA" not in os.environ:
        sys.exit("usage: python prepare.py RAW_FOLDER")
    raw = given[0] if given else Path(os.environ["CXML_DATA"]) / "ibm_telco"
    main(raw, given[1] if len(given) > 1 else HERE / "data")
