"""A few contributions, small enough to be added up by hand, and what hits are made of them."""

from __future__ import annotations

from typing import Any

import pandas as pd

from cxml.drivers import hits, spoken_reasons
from cxml.drivers.hits import Usual

LABELS = {
    "factors": {
        "waiting": {"en": "w", "ko": "w", "kind": "lever", "family": "process"},
        "effort": {"en": "e", "ko": "e", "kind": "lever", "family": "process"},
        "behaviour": {"en": "b", "ko": "b", "kind": "context", "family": "other"},
    },
    "features": {
        "wait_a": {"factor": "waiting", "direction": "+"},
        "wait_b": {"factor": "waiting", "direction": "+"},
        "effort_a": {"factor": "effort", "direction": "+"},
        "recency": {"factor": "behaviour", "direction": "+"},
    },
}


EARLIER = Usual({}, {})
"""Nothing is known of today's customers: what was typical in the training stands in, else 0."""


def contributions() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "wait_a": [0.3, -0.2, 0.1],
            "wait_b": [0.1, 0.1, -0.4],
            "effort_a": [0.6, 0.2, -0.1],
            "recency": [1.0, 2.0, 3.0],
        }
    )


def added_to(
    given: pd.DataFrame,
    frame: pd.DataFrame,
    labels: dict,
    usual: Usual = EARLIER,
    against: tuple[str, ...] = (),
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """What features add by being worse than usual, and whom factors hit."""
    added = hits.amounts(given, frame, labels, usual, against)
    return added, hits.by_factor(given, added, labels, list(labels["factors"]))


def reasons(given: pd.DataFrame, frame: pd.DataFrame, labels: dict, top: int = 1, **how: Any) -> pd.DataFrame:
    """The reasons of each row, hits and all."""
    return spoken_reasons.reasons(*added_to(given, frame, labels, **how), frame, labels, top=top)
