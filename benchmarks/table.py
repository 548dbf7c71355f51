"""The command line that the benchmarks on real data share: where the data is, how many threads, one table out."""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd

SHARED = Path(__file__).resolve().parents[2] / "shared" / "data"
Rows = Callable[[Path, int], list[dict[str, Any]]]


def options(about: str | None) -> argparse.ArgumentParser:
    """``--data`` and ``--threads``; the first line of *about* is the help."""
    parser = argparse.ArgumentParser(description=(about or "").splitlines()[0])
    parser.add_argument("--data", type=Path, default=Path(os.environ.get("CXML_DATA") or SHARED))
    parser.add_argument("--threads", type=int, default=1)
    return parser


def show(rows: Rows, about: str | None) -> None:
    """Measure *rows* as asked for on the command line, and print the table."""
    asked = options(about).parse_args()
    print(pd.DataFrame(rows(asked.data, asked.threads)).to_string(index=False, na_rep="-"))
