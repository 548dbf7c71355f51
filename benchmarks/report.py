"""What a report of many customers costs: ``python benchmarks/report.py SCORES [--customers N]``.

The customers of a scoring run (the output folder of ``cxml score`` or of the demo) are repeated under new ids until there
are N, and the report is built from them in a process of its own. Prints the seconds, reading included, the peak of its
memory beside the size of the scores, and the size of each file.
"""

from __future__ import annotations

import argparse
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pandas as pd

from cxml import report
from cxml.store import writer

MIB = 1024.0


def many(scored: Path, customers: int, out: Path) -> Path:
    """A run folder as *scored*, with *customers* rows."""
    scores = pd.read_parquet(scored / "scores.parquet")
    rows = np.arange(customers) % len(scores)
    large = scores.iloc[rows].reset_index(drop=True)
    large["customer_id"] = [f"N{i:08d}" for i in range(customers)]
    with writer.run(out) as run:
        large.to_parquet(run.path / "scores.parquet", index=False)
        for file in scored.glob("*.json"):
            if file.name != "manifest.json":
                run.write_bytes(file.name, file.read_bytes())
        run.info = writer.verify(scored)["info"]
    return run.path


def peak() -> float:
    """The most memory that this process has held, in MiB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / MIB


def build(scored: Path) -> None:
    """Read the scores and write the report, and print what it took."""
    start = time.perf_counter()
    inputs = report.gather(scored)
    files = report.build(inputs)
    seconds, scores = time.perf_counter() - start, inputs.scores.memory_usage(deep=True).sum() / MIB**2
    print(
        f"{len(inputs.scores):,} customers: {seconds:.0f} s, peak {peak():,.0f} MiB with {scores:,.0f} MiB of scores"
    )
    for name, data in files.items():
        print(f"{name}: {len(data) / 1e6:.2f} MB")


def main() -> None:
    """Make the scores, then build the report in a process of its own."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("scores", type=Path)
    parser.add_argument("--customers", type=int, default=1_000_000)
    parser.add_argument("--build", action="store_true", help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.build:
        return build(asked.scores)
    with tempfile.TemporaryDirectory() as home:
        made = many(writer.current(asked.scores), asked.customers, Path(home) / "scores")
        subprocess.run([sys.executable, __file__, "--build", str(made)], check=True)


if __name__ == "__main__":
    main()
