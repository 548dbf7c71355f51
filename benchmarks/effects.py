"""Whether the driver ranking finds what was switched on: ``python benchmarks/effects.py --out FILE [--seeds S]``.

Each factor of the simulated company is switched on alone, once per seed: it should come first among the service
factors (levers). Each that acts by default is switched off while all others go on: it should not be in their top
half. A line per trial goes to FILE as soon as it is known, so a run that was stopped goes on where it was; in the
end it is printed how often each wish came true.
"""

from __future__ import annotations

import argparse
import itertools
import tomllib
from pathlib import Path

import pandas as pd

from cxml import training
from cxml.config import parse_config
from cxml.simulate import Effects, simulate
from cxml.simulate.factors import FACTORS
from cxml.tables import open_tables

CUTOFFS = 5
LEVERS = tuple(factor.name for factor in FACTORS if not factor.outcome)


def ranking(effects: Effects, seed: int, customers: int, threads: int) -> list[str]:
    """The levers of a company with *effects*, the strongest driver first."""
    company = simulate(customers, seed=seed, effects=effects)
    raw = tomllib.loads(company.config)
    raw |= {"tables": {}, "engine": {"threads": threads}, "model": {"threads": threads}}
    raw["value"]["sources"] = []
    raw["training"]["cutoffs"] = raw["training"]["cutoffs"][-CUTOFFS:]
    config = parse_config(raw, Path())
    found = training.fit(training.assemble(open_tables(config, company.tables)), config).factors
    return list(found.loc[found["kind"] == "lever", "factor"])


def trial(switched: str, seed: int, factor: str, customers: int, threads: int) -> tuple[int, bool]:
    """The place of *factor*, and whether it is as wished."""
    effects = Effects.only(factor) if switched == "on" else Effects().without(factor)
    order = ranking(effects, seed, customers, threads)
    place = order.index(factor) + 1
    return place, place == 1 if switched == "on" else place > len(order) / 2


def main() -> None:
    """Run what FILE does not hold yet, then print the shares."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--customers", type=int, default=5_000)
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--threads", type=int, default=0)
    asked = parser.parse_args()
    names = ["switched", "seed", "factor", "place", "as_wished"]
    if not asked.out.exists():
        asked.out.write_text(",".join(names) + "\n")
    done = {tuple(row[:3]) for row in pd.read_csv(asked.out).itertuples(index=False)}
    for switched, seed, factor in itertools.product(("on", "off"), range(asked.seeds), LEVERS):
        if (switched, seed, factor) in done or (switched == "off" and not Effects().of(factor)):
            continue
        found = trial(switched, seed, factor, asked.customers, asked.threads)
        line = ",".join(map(str, (switched, seed, factor, *found)))
        print(line, flush=True)
        with asked.out.open("a") as file:
            file.write(line + "\n")
    table = pd.read_csv(asked.out).pivot_table(
        "as_wished", "factor", "switched", aggfunc=["sum", "count"], sort=False
    )
    print(table.to_string(float_format="%.0f", na_rep=""))


if __name__ == "__main__":
    main()
