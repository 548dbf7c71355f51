"""Whether the audit cries wolf: ``python benchmarks/audit.py [--seeds S] [--customers N]``.

Audits simulated companies in which nothing leaks, once as they were lived and once with late records, and prints
what was found. Nothing should be. (That planted leaks of every kind are caught is tested in ``tests/test_audit.py``.)
"""

from __future__ import annotations

import argparse
import time
import tomllib
from pathlib import Path

from cxml.audit import audit
from cxml.config.load import parse_config
from cxml.simulate import simulate
from cxml.tables.opening import open_tables


def main() -> None:
    """Print one line per company."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--customers", type=int, default=2_000)
    parser.add_argument("--seeds", type=int, default=10)
    asked = parser.parse_args()
    passed = 0
    for seed in range(asked.seeds):
        started = time.process_time()
        company = simulate(asked.customers, seed=seed, late=bool(seed % 2))
        config = parse_config(tomllib.loads(company.config) | {"tables": {}}, Path())
        found = audit(open_tables(config, company.tables))
        passed += found.passed
        late = "late records" if seed % 2 else "as lived"
        print(f"seed {seed} ({late}): {found.verdict} {time.process_time() - started:.0f} CPU s", flush=True)
    print(f"{passed} of {asked.seeds} clean companies passed")


if __name__ == "__main__":
    main()
