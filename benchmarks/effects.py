"""Whether the driver ranking finds what was switched on: ``python benchmarks/effects.py --out FILE [--seeds S]``.

Each factor of the simulated company is switched on alone, once per seed: it should come first among the service
factors (levers). Those that act by default are switched off, two at a time, while all others go on: neither should
be in the top half. A factor goes off together with what it brings about: as long as waits make people hang up, and
hanging up makes them leave, waiting does drive them away; and who is not recognised must prove who they are, which
is effort.

All that a customer lives through is drawn before anybody leaves, so features are computed once per seed, and each
trial joins to them who leaves then, of those at risk in both. A line per factor goes to FILE as soon as it is known,
so a run that was stopped goes on where it was, and several may share FILE when their seeds differ; in the end it is
printed how often each wish came true.
"""

from __future__ import annotations

import argparse
import itertools
import tomllib
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import pandas as pd

from cxml.config.load import parse_config
from cxml.drivers import contributions as drivers, hits
from cxml.labels import targets
from cxml.models.bundle import Bundle
from cxml.models.churn import ChurnClassifier
from cxml.simulate import Effects, simulate
from cxml.simulate.factors import FACTORS
from cxml.snapshots import population
from cxml.tables.opening import Tables, open_tables
from cxml.training import dataset
from cxml.training.dataset import KEYS

SIZES = {"on": (10_000, 5), "off": (20_000, 8)}
"""Customers and cutoffs: one effect among none shows sooner than none among thirteen."""
TOGETHER = (
    ("waiting", "abandonment"),
    ("resolution", "repeats"),
    ("personalization", "effort"),
    ("conduct", "price"),
    ("billing", "product"),
    ("visits", "recovery"),
    ("digital", "self_service"),
)
"""Those that act by default, as they are switched off."""
LEVERS = tuple(factor.name for factor in FACTORS if not factor.outcome)
TRIALS = {"on": tuple((name,) for name in LEVERS), "off": TOGETHER}


@dataclass(frozen=True)
class Company:
    """A simulated company whose customers live the same lives whatever makes them leave."""

    seed: int
    customers: int
    cutoffs: int
    threads: int

    def tables(self, effects: Effects) -> Tables:
        """What it recorded, with *effects*."""
        company = simulate(self.customers, seed=self.seed, effects=effects)
        raw = tomllib.loads(company.config)
        raw |= {"tables": {}, "engine": {"threads": self.threads}, "model": {"threads": self.threads}}
        raw["value"]["sources"] = []
        raw["training"]["cutoffs"] = raw["training"]["cutoffs"][-self.cutoffs :]
        return open_tables(parse_config(raw, Path()), company.tables)

    @cached_property
    def lives(self) -> dataset.TrainingSet:
        """The features, from the company in which no experience changes who leaves."""
        return dataset.assemble(self.tables(Effects.none()))

    def left(self, effects: Effects) -> pd.DataFrame:
        """Who leaves with *effects*, of those at risk at each cutoff."""
        tables = self.tables(effects)
        cutoffs = [cutoff.to_pydatetime() for cutoff in self.lives.split.cutoffs]
        with population.take(tables, cutoffs) as snapshots:
            made = targets.labels(tables, snapshots)
        return made.loc[made["left_in_lead"] == 0, [*KEYS, "churned"]]

    def ranking(self, effects: Effects) -> list[str]:
        """The levers of the company with *effects*, the strongest driver first: as ``cxml train`` ranks them."""
        lives, columns = self.lives, list(self.lives.columns)
        frame = lives.frame.drop(columns=["churned", "value"]).merge(self.left(effects), on=list(KEYS))
        train = frame[frame["cutoff"].isin(lives.split.train)]
        test = frame[frame["cutoff"] == lives.split.test]
        model = ChurnClassifier(num_threads=self.threads)
        model.fit(train[columns], train["churned"], groups=train["customer_id"])
        scored, contributions = Bundle(model, None, lives.labels, {}).explain(test)
        strongest = drivers.features(contributions, test, lives.labels)
        seen = {
            "directions": drivers.directions(strongest).to_dict(),
            "backwards": drivers.backwards(strongest),
        }
        hit = hits.hit_factors(contributions, test, lives.labels, seen)
        found = drivers.summary(pd.concat([test[list(KEYS)], scored, hit], axis=1), lives.labels)
        return list(found.loc[found["kind"] == "lever", "factor"])

    def places(self, switched: str, factors: tuple[str, ...]) -> list[int]:
        """The places of *factors*, switched on alone or off together."""
        order = self.ranking(Effects.only(*factors) if switched == "on" else Effects().without(*factors))
        return [order.index(factor) + 1 for factor in factors]


def main() -> None:
    """Run what FILE does not hold yet, then print the shares."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--switched", choices=SIZES, nargs="+", default=list(SIZES))
    parser.add_argument("--seeds", type=int, nargs="+", default=range(10))
    parser.add_argument("--threads", type=int, default=0)
    asked = parser.parse_args()
    names = ["switched", "seed", "factor", "place", "as_wished"]
    if not asked.out.exists():
        asked.out.write_text(",".join(names) + "\n")
    done = {tuple(row[:3]) for row in pd.read_csv(asked.out).itertuples(index=False)}
    for seed, switched in itertools.product(asked.seeds, asked.switched):
        company = Company(seed, *SIZES[switched], asked.threads)
        for factors in TRIALS[switched]:
            if {(switched, seed, factor) for factor in factors} <= done:
                continue
            places = company.places(switched, factors)
            lines = [
                f"{switched},{seed},{factor},{place},"
                f"{place == 1 if switched == 'on' else place > len(LEVERS) / 2}\n"
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
