"""Whether ranges hold while levels move: ``python benchmarks/season.py [--seeds S] [--customers N] [--value] [--times T]``.

For companies whose leaving and spending have a season, wander, or both, customers are scored at the last cutoff by a
model of every cutoff of the year and a half before whose label was known then; with ``--times 4`` also three, six and nine
months earlier, since all companies have their season at the same time and one month is one draw of it. Prints how
many were expected to leave, the range that the report would print, the range that chance alone would have, and how many
left; with ``--value`` also the error of the total value and how many of 100 values lay in their ranges. Seeds 0 to 9
measure; what was chosen was chosen on seeds from 1000, but for Student's t in the error, which came after a look at seeds
0 and 2, and for the error at a time that no model has seen, which came after a look at seeds 1 and 6.
"""

from __future__ import annotations

import argparse

import numpy as np
import pandas as pd
from moving import company, known_at

from cxml.config.load import Config
from cxml.metrics.bootstrap import leavers_range
from cxml.models.churn import LADDER, ChurnClassifier
from cxml.training import value_target
from cxml.training.dataset import TrainingSet

WORLDS = ("season", "drift", "both")
TRAINED, MONTHS_APART = 16, 3


def measured(data: TrainingSet, config: Config, cutoff: pd.Timestamp, *, value: bool) -> dict[str, float]:
    """The figures of one cutoff."""
    frame, columns = data.frame, list(data.columns)
    train = frame[frame["cutoff"].isin(known_at(data, config, cutoff)[-TRAINED:])]
    scored = frame[frame["cutoff"] == cutoff]
    told = (train["cutoff"], train["customer_id"], config.churn.lead + config.churn.horizon, [cutoff])
    churn = ChurnClassifier(ladder=LADDER[:1], num_threads=1)
    churn.fit(train[columns], train["churned"], groups=train["customer_id"]).follow(*told)
    p = churn.predict_proba(scored[columns])[:, 1]
    low, high = leavers_range(p, churn.calibrator_.ahead.errors[0])
    alone = leavers_range(p)
    left = int(scored["churned"].sum())
    found = {
        "expected": p.sum(),
        "low": low,
        "high": high,
        "left": left,
        "held": low <= left <= high,
        "chance held": alone[0] <= left <= alone[1],
    }
    if value:
        model = value_target.competitors(data.columns, config)["model"]()
        model.fit(train[columns], train["value"], groups=train["customer_id"], cutoffs=train["cutoff"])
        model.follow(*told)
        actual, forecast = scored["value"].to_numpy(), model.predict_all(scored[columns])
        inside = (forecast["value_low"] <= actual) & (actual <= forecast["value_high"])
        found["value error"] = forecast["expected_value"].sum() / actual.sum() - 1
        found["values held"] = inside.mean()
    return found


def main() -> None:
    """Print a line per company, and how often ranges held."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--customers", type=int, default=2_000)
    parser.add_argument("--value", action="store_true")
    parser.add_argument("--times", type=int, default=1)
    parser.add_argument("--worlds", nargs="+", default=WORLDS, choices=WORLDS)
    asked = parser.parse_args()
    for world in asked.worlds:
        rows = []
        for seed in range(asked.seeds):
            data, config = company(world, seed, asked.customers)
            cutoffs = sorted(data.frame["cutoff"].unique())[::-MONTHS_APART][: asked.times]
            for cutoff in cutoffs:
                rows.append(measured(data, config, cutoff, value=asked.value))
                told = ", ".join(f"{k} {v:.3g}" for k, v in rows[-1].items())
                print(f"{world}, seed {seed}, {cutoff:%Y-%m}: {told}", flush=True)
        means = pd.DataFrame(rows).astype(np.float64).mean()
        print(f"{world}: " + ", ".join(f"{name} {figure:.3g}" for name, figure in means.items()), flush=True)


if __name__ == "__main__":
    main()
