"""Whether the driver ranking finds what was switched on: ``python benchmarks/effects.py --out FILE [--seeds S]``.

Each factor of the simulated company is switched on alone, once per seed: it should come first among the service
factors (levers). Those that act by default are switched off, two at a time, while all others go on: neither should
be in the top half. A line per factor goes to FILE as soon as it is known, so a run that was stopped goes on where
it was, and several may share FILE when their seeds differ; in the end it is printed how often each wish came true.
"""

from __future__ import annotations

import argparse
import itertools
import tomllib
from pathlib import Path

import pandas as pd

from cxml import drivers, training
from cxml.config import parse_config
from cxml.models.bundle import Bundle
from cxml.models.churn import ChurnClassifier
from cxml.simulate import Effects, simulate
from cxml.simulate.factors import FACTORS
from cxml.tables import open_tables

CUTOFFS = 5
LEVERS = tuple(factor.name for factor in FACTORS if not factor.outcome)


def ranking(effects: Effects, seed: int, customers: int, threads: int) -> list[str]:
    """The levers of a company with *effects*, the strongest driver first: as ``cxml train`` ranks them."""
    company = simulate(customers, seed=seed, effects=effects)
    raw = tomllib.loads(company.config)
    raw |= {"tables": {}, "engine": {"threads": threads}, "model": {"threads": threads}}
    raw["value"]["sources"] = []
    raw["training"]["cutoffs"] = raw["training"]["cutoffs"][-CUTOFFS:]
    data = training.assemble(open_tables(parse_config(raw, Path()), company.tables))
    frame, columns, split = data.frame, list(data.columns), data.split
    train = frame[frame["cutoff"].isin(split.train)]
    later, test = (frame[frame["cutoff"] == cutoff] for cutoff in (split.calibrate, split.test))
    model = ChurnClassifier(num_threads=threads)
    model.fit(train[columns], train["churned"], groups=train["customer_id"])
    scored = Bundle(model.calibrate(later[columns], later["churned"]), None, data.labels, {}).score(test)
    found = drivers.summary(pd.concat([test[["customer_id", "cutoff"]], scored], axis=1), data.labels)
    return list(found.loc[found["kind"] == "lever", "factor"])


def trial(switched: str, seed: int, factors: tuple[str, ...], customers: int, threads: int) -> list[int]:
    """The places of *factors*, switched on alone or off together."""
    effects = Effects.only(*factors) if switched == "on" else Effects().without(*factors)
    order = ranking(effects, seed, customers, threads)
    return [order.index(factor) + 1 for factor in factors]


def trials() -> list[tuple[str, tuple[str, ...]]]:
    """What is switched on alone, and what is switched off together."""
    acting = [name for name in LEVERS if Effects().of(name)]
    alone = [("on", (name,)) for name in LEVERS]
    return [*alone, *(("off", tuple(acting[i : i + 2])) for i in range(0, len(acting), 2))]


def main() -> None:
    """Run what FILE does not hold yet, then print the shares."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--customers", type=int, default=5_000)
    parser.add_argument("--seeds", type=int, nargs="+", default=range(10))
    parser.add_argument("--threads", type=int, default=0)
    asked = parser.parse_args()
    names = ["switched", "seed", "factor", "place", "as_wished"]
    if not asked.out.exists():
        asked.out.write_text(",".join(names) + "\n")
    done = {tuple(row[:3]) for row in pd.read_csv(asked.out).itertuples(index=False)}
    for seed, (switched, factors) in itertools.product(asked.seeds, trials()):
        if {(switched, seed, factor) for factor in factors} <= done:
            continue
        places = trial(switched, seed, factors, asked.customers, asked.threads)
        lines = [
            f"{switched},{seed},{factor},{place},{place == 1 if switched == 'on' else place > len(LEVERS) / 2}\n"
            for factor, place in zip(factors, places, strict=True)
        ]
        print("".join(lines), end="", flush=True)
        with asked.out.open("a") as file:
            file.write("".join(lines))
    table = pd.read_csv(asked.out).pivot_table(
        "as_wished", "factor", "switched", aggfunc=["sum", "count"], sort=False
    )
    print(table.to_string(float_format="%.0f", na_rep=""))


if __name__ == "__main__":
    main()
