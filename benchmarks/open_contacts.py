"""Whether open contacts show their outcome: ``python benchmarks/open_contacts.py [--seeds S] [--customers N]``.

In each simulated company a twentieth of the contacts is still open at the extract, with the counts of its whole life. The
audit scrambles the future twice: with the leak wall as it is, where nothing may move, and with a wall that takes an open
contact as over when it began, which it must name.
"""

from __future__ import annotations

import argparse
import time
import tomllib
from datetime import UTC, datetime
from pathlib import Path

import pandas as pd
from planted_leaks import MONTHS, open_contacts

from cxml.audit import scrambled_future
from cxml.config.load import Config, parse_config
from cxml.features.company import plan_features
from cxml.simulate import simulate
from cxml.snapshots import as_of
from cxml.snapshots.cutoffs import training_cutoffs
from cxml.tables.opening import open_tables

OUTCOMES = {"transfers_max_365d", "escalated_n_90d", "escalated_n_365d"}


def named(config: Config, frames: dict[str, pd.DataFrame], cutoff: datetime) -> set[str]:
    """The features that the audit says know the future."""
    found = scrambled_future.probe(
        plan_features(open_tables(config, frames)), [cutoff], customers=2_000, seed=0, tell=str
    )
    return {one.about for one in found.findings}


def broken_wall(name: str, present: frozenset[str]) -> str:
    """A contact without an end is over as it begins."""
    return "coalesce(seconds(s.ended_at), seconds(s.started_at))"


def main() -> None:
    """Print a line per company and the two counts."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--customers", type=int, default=500)
    parser.add_argument("--seeds", type=int, default=20)
    asked = parser.parse_args()
    wall, moved, caught = as_of.made_instant, 0, 0
    for seed in range(asked.seeds):
        started = time.process_time()
        company = simulate(asked.customers, months=MONTHS, seed=seed)
        config = parse_config(tomllib.loads(company.config) | {"tables": {}}, Path())
        frames = open_contacts({name: table.to_pandas() for name, table in company.tables.items()})
        cutoff = training_cutoffs(config)[-1].astimezone(UTC)
        as_of.made_instant = wall
        now = named(config, frames, cutoff)
        as_of.made_instant = broken_wall
        then = named(config, frames, cutoff)
        moved, caught = moved + bool(now), caught + bool(then & OUTCOMES)
        spent = time.process_time() - started
        print(
            f"seed {seed}: {len(now)} features moved; {len(then)} with the broken wall ({spent:.0f} CPU s)",
            flush=True,
        )
    as_of.made_instant = wall
    print(
        f"named with the wall as it is: {moved} of {asked.seeds}; with the broken wall: {caught} of {asked.seeds}"
    )


if __name__ == "__main__":
    main()
