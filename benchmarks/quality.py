"""How good the models are, in one table: ``python benchmarks/quality.py [--data FOLDER] [--only NAME ...] [--out FILE]``.

Real data beside published results and simpler models, each by its own protocol (see the file of that name), and the
simulated company beside its truth. Parts: telco, saas, bank, cdnow, company. FILE gets the rows of each part as soon
as they are known.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import bank
import cdnow
import pandas as pd
import saas
import telco
import truth
from table import Rows, options

PARTS: dict[str, Rows] = {
    "telco": telco.rows,
    "saas": saas.rows,
    "bank": bank.rows,
    "cdnow": cdnow.rows,
    "company": truth.rows,
}


def main() -> None:
    """Measure the parts asked for and print one table."""
    parser = options(__doc__)
    parser.add_argument("--only", nargs="+", choices=PARTS, default=list(PARTS))
    parser.add_argument("--out", type=Path)
    asked = parser.parse_args()
    found: list[dict[str, Any]] = []
    for name in asked.only:
        found += PARTS[name](asked.data, asked.threads)
        table = pd.DataFrame(found)
        if asked.out:
            table.to_csv(asked.out, index=False)
    print(table.to_string(index=False, na_rep="-"))


if __name__ == "__main__":
    main()
