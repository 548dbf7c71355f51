"""What the labels of features know of their values: the typical number, the levels of a text."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from cxml.factors.profile import COLUMN


def with_typical(said: dict[str, Any], train: pd.DataFrame) -> dict[str, Any]:
    """The labels with the median of each number in the training snapshots: what a reason is measured against."""
    for column, label in said["features"].items():
        if label["unit"] != "text":
            median = float(train[column].astype(float).median())
            label["typical"] = median if np.isfinite(median) else None
    return said


def with_levels(said: Mapping[str, Any], levels: Mapping[str, tuple[str, ...]]) -> dict[str, Any]:
    """The labels with the levels of the customers' columns: what the number of a reason stands for."""
    told = {name: {"levels": list(known)} for name, known in levels.items() if name.startswith(COLUMN)}
    features = {name: {**label, **told.get(name, {})} for name, label in said["features"].items()}
    return {**said, "features": features}
