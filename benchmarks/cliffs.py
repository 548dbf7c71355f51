"""Whether cliffs are found and what-ifs are right: ``python benchmarks/cliffs.py --out FILE [--seeds S] [--rows N]``.

Small worlds (``cxml.simulate.wait_world``) in which it is known how leaving answers to a wait, with a promise of
5 minutes: cliffs at 6 minutes and at the promise, bends here and there, smooth ones. In each, a cliff is looked
for, and it is asked what would change if nobody waited longer than promised. A line per world and seed goes to
FILE as soon as it is known, so a run that was stopped goes on where it was; in the end it is printed how often the
answer was right (a cliff within half a minute of where it is; none where there is none), which jump would have been
seen, and how often the interval of the what-if held the truth.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pandas as pd

from cxml.causes import cliff_search, improvements, promise_cliffs
from cxml.causes.nuisance import Expectation, folds_of
from cxml.simulate.wait_world import CONTROLS, RESPONSES, wait_world

PROMISE_MIN, NEAR_MIN = 5.0, 0.5
NAMES = (
    "world",
    "rows",
    "seed",
    "answer",
    "at",
    "at_low",
    "at_high",
    "jump",
    "jump_low",
    "jump_high",
    "p",
    "smallest",
    "right",
    "break_held",
    "truth",
    "points",
    "low",
    "high",
    "held",
)


def measured(world: str, rows: int, seed: int) -> dict[str, object]:
    """One world and one seed: what was found, and what is true."""
    response = RESPONSES[world]
    drawn = wait_world(response, rows, seed)
    seen = drawn.contacted.reset_index(drop=True)
    left, wait = seen["churned"].to_numpy(dtype=np.float64), seen["wait_min"].to_numpy()
    controls, customers = seen[list(CONTROLS)], seen["customer_id"]
    expected = Expectation(controls, left[:, None], folds_of(customers)).of(left[:, None], trees=False)[:, 0]
    searched = cliff_search.search(wait, left, expected, customers, PROMISE_MIN)
    cliff = promise_cliffs.answers_of({world: searched}, {world: PROMISE_MIN})[world]
    near = cliff.found and abs(cliff.at - response.at) <= NEAR_MIN
    change = improvements.change(left, wait, PROMISE_MIN, controls, customers)
    truth = drawn.change(PROMISE_MIN)
    return {
        "world": world,
        "rows": rows,
        "seed": seed,
        "answer": cliff.answer,
        "at": cliff.at,
        "at_low": cliff.at_low,
        "at_high": cliff.at_high,
        "jump": cliff.jump,
        "jump_low": cliff.jump_low,
        "jump_high": cliff.jump_high,
        "p": cliff.p,
        "smallest": cliff.smallest,
        "right": near if response.jump else not cliff.found,
        "break_held": cliff.at_low <= response.at <= cliff.at_high,
        "truth": truth,
        "points": change.left,
        "low": change.left_low,
        "high": change.left_high,
        "held": change.left_low <= truth <= change.left_high,
    }


def table(found: pd.DataFrame) -> pd.DataFrame:
    """How often the answers were right, by world; shares in points."""
    points = found.assign(**{name: 100 * found[name] for name in ("smallest", "jump", "truth", "points")})
    by_world = points.groupby(["rows", "world"], sort=False)
    return by_world.agg(
        seeds=("seed", "size"),
        right=("right", "sum"),
        found=("answer", lambda a: (a != "none").sum()),
        jump=("jump", "mean"),
        break_held=("break_held", "sum"),
        would_be_seen=("smallest", "median"),
        what_if_held=("held", "sum"),
        what_if=("points", "mean"),
        truth=("truth", "mean"),
    ).round(2)


def run(worlds: Iterable[str], rows: int, seeds: Iterable[int], out: Path) -> None:
    """Measure what *out* does not hold yet."""
    if not out.exists():
        out.write_text(",".join(NAMES) + "\n")
    done = {tuple(row) for row in pd.read_csv(out)[["world", "rows", "seed"]].itertuples(index=False)}
    for world in worlds:
        for seed in seeds:
            if (world, rows, seed) not in done:
                row = pd.DataFrame([measured(world, rows, seed)], columns=list(NAMES))
                row.to_csv(out, mode="a", header=False, index=False, lineterminator="\n")


def main() -> None:
    """Run what FILE does not hold yet, then print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--rows", type=int, default=20_000)
    parser.add_argument("--seeds", type=int, nargs="+", default=range(10))
    parser.add_argument("--worlds", nargs="+", default=list(RESPONSES), choices=list(RESPONSES))
    asked = parser.parse_args()
    run(asked.worlds, asked.rows, asked.seeds, asked.out)
    print(table(pd.read_csv(asked.out)).to_string())


if __name__ == "__main__":
    main()
