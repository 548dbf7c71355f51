"""Features and labels of everybody at risk at some cutoffs, as frames: what many tests look at."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime

import pandas as pd

from cxml.factors.declare import LEARNED, FactorKind
from cxml.features import matrix
from cxml.features.company import plan_features
from cxml.labels import targets
from cxml.snapshots import population
from cxml.tables.opening import Tables


def features_at(
    tables: Tables, cutoffs: Sequence[datetime], kinds: Collection[FactorKind] = LEARNED
) -> pd.DataFrame:
    with population.take(tables, cutoffs) as snapshots:
        return matrix.build_features(snapshots, plan_features(tables).matrix(kinds))


def labels_at(tables: Tables, cutoffs: Sequence[datetime]) -> pd.DataFrame:
    with population.take(tables, cutoffs) as snapshots:
        return targets.labels(tables, snapshots)


def both_at(tables: Tables, cutoffs: Sequence[datetime]) -> pd.DataFrame:
    return features_at(tables, cutoffs).merge(labels_at(tables, cutoffs), on=["customer_id", "cutoff"])
