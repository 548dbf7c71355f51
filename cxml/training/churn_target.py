"""Who competes on leaving: the model that the config asks for, and the baselines that the features allow."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from cxml.config.load import Config
from cxml.models import baselines
from cxml.models.churn import ChurnClassifier

Make = Callable[[], Any]
SIMPLE = ("contact_days_since", "contacts_n", "order_days_since", "orders_n")
"""The features of the baseline that knows when and how often, and nothing of how people were served."""
RECENCY = ("order_days_since", "contact_days_since", "session_days_since")
"""The features that the recency rule may rank by: the first that was built."""


def usual(columns: Sequence[str], labels: Mapping[str, Any], config: Config) -> ChurnClassifier:
    """The classifier that the config asks for, not yet fitted."""
    signs = {"+": 1, "-": -1}
    told = {name: signs.get(labels["features"][name]["direction"], 0) for name in columns}
    return ChurnClassifier(
        monotone=told if config.model.monotone else None,
        random_state=config.model.seed,
        num_threads=config.model.threads,
    )


def searching(
    make: Callable[[], ChurnClassifier], config: Config, fits: int, tell: Callable[[str], None]
) -> Make:
    """What makes a classifier that searches for its size inside its own training rows, *fits* of which share the time."""
    from cxml.models.search import Searching

    if fits > 1:
        tell(
            f"{fits} searches, one per tenth of the customers held out and one for all: none sees whom it is tested on"
        )
    return lambda: Searching(
        make(), config.model.trials, config.model.minutes / fits, config.folder / "search.sqlite3", tell
    )


def competitors(model: Make, columns: Sequence[str], config: Config) -> dict[str, Make]:
    """The *model* and the baselines that the feature *columns* allow, by name."""
    seed = config.model.seed
    found: dict[str, Make] = {
        "model": model,
        "base_rate": baselines.BaseRate,
        "logistic": lambda: baselines.LogisticBaseline(random_state=seed),
        "boosted": lambda: baselines.BoostedBaseline(random_state=seed),
    }
    simple = [name for name in columns for stem in SIMPLE if re.fullmatch(rf"{stem}(_\d+d)?", name)]
    if simple:
        found["recency_frequency"] = lambda: baselines.LogisticBaseline(columns=simple, random_state=seed)
    recency = next((name for stem in RECENCY for name in columns if name.startswith(stem)), None)
    if recency:
        found["recency"] = lambda: baselines.RecencyRule(recency)
    return found
