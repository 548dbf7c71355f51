"""The same trees learned in time and at random: what a random split would promise beside what a later time holds.

Both times the same rows are asked, those of the test cutoff. Once the trees learn from earlier cutoffs; once from four
fifths of the customers at every cutoff, that one included, to ask the rest; each time from equally many rows.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from cxml.models.schema import Schema
from cxml.models.trees import Binned, tree_margins
from cxml.sampling import customer_folds
from cxml.snapshots.splits import Split

Floats = NDArray[np.float64]
LEAST_GAP = 0.03
"""AUC that the gap must reach to matter: rows of the same time and training itself move it a little."""
LEAST_LEAVERS = 10
ROUNDS = 120
TREES: Mapping[str, Any] = {
    "objective": "binary",
    "num_leaves": 4,
    "learning_rate": 0.08,
    "bagging_fraction": 0.7,
    "feature_fraction": 0.3,
    "lambda_l2": 10.0,
}
_FOLDS = 5


@dataclass(frozen=True)
class Twice:
    """Outcomes of the test rows, in the order of the frame, and their margins by trees that learned each way.

    ``learned`` is the number of rows that each learned from.
    """

    churned: Floats
    in_time: Floats
    at_random: Floats
    learned: int


def learn_twice(
    frame: pd.DataFrame, columns: Sequence[str], split: Split, *, seed: int, threads: int
) -> Twice:
    """Ask the rows of the test cutoff of trees that learned from earlier cutoffs, and of others at random.

    Parameters
    ----------
    frame : DataFrame
        ``customer_id``, ``cutoff``, the feature *columns* and ``churned`` (0/1).
    split : splits.Split
        A split by time.
    """
    test = (frame["cutoff"] == split.test).to_numpy()
    earlier = frame["cutoff"].isin([c for c in split.train if c != split.test]).to_numpy()
    churned = frame["churned"].to_numpy(dtype=np.float64)
    schema = Schema.learn(frame[list(columns)])
    encoded = schema.encode(frame[list(columns)])
    binned = Binned(encoded, schema.categorical, threads)
    asked = np.flatnonzero(test)
    folds = customer_folds(frame["customer_id"], _FOLDS, seed)
    pools = [(earlier | test) & (folds != fold) for fold in range(_FOLDS)]
    size = int(min(earlier.sum(), *(pool.sum() for pool in pools)))
    turn = np.random.default_rng(seed).permutation(len(frame))

    def margins(pool: NDArray[np.bool_], rows: NDArray[np.int64]) -> Floats:
        among = np.flatnonzero(pool)
        drawn = np.sort(among[np.argsort(turn[among])[:size]])
        return tree_margins(
            binned.train(churned, TREES, ROUNDS, rows=drawn, seed=seed), encoded[rows], threads
        )

    in_time, at_random = margins(earlier, asked), np.zeros(len(asked))
    for fold, pool in enumerate(pools):
        held = folds[asked] == fold
        if held.any():
            at_random[held] = margins(pool, asked[held])
    return Twice(churned[asked], in_time, at_random, size)
