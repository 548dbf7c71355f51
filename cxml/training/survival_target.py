"""When customers leave: a survival model from the same snapshots, and how it did on later ones.

A snapshot tells more than whether its customer left within the horizon: it tells when, as far as anybody
could know. What is learned from is cut off at the instant of use, so no later leaving is known too early.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from cxml.config.load import Config
from cxml.metrics.survival import (
    StepFunction,
    censoring_curve,
    concordance,
    integrated_brier_score,
    kaplan_meier,
    time_dependent_auc,
)
from cxml.models.churn import ChurnClassifier
from cxml.models.lifetime import Lifetime
from cxml.models.survival import SurvivalClassifier
from cxml.sampling import hash_share
from cxml.snapshots.splits import Split

Floats = NDArray[np.float64]
COLUMNS = 60
"""Features that the survival model sees: those the churn model gained most by."""
PERIODS = 12
MOST_ROWS = 20_000
"""Snapshots to learn from; of more, some customers are drawn."""
HELD_OUT = 0.1
_TIMES = 24
_DAY = pd.Timedelta(days=1)


@dataclass(frozen=True)
class TrainedSurvival:
    """What was learned, and how well lifetimes were told: ``metrics`` by name, the ``curve`` beside what was seen."""

    lifetime: Lifetime
    metrics: dict[str, Any]
    curve: list[dict[str, float]]


def train(
    frame: pd.DataFrame, split: Split, config: Config, churn: ChurnClassifier, probability: Floats
) -> TrainedSurvival | None:
    """Learn when customers left, and compare it with what followed the test snapshots.

    Learned from is what was known at the test cutoff; where customers are held out instead of a time, it
    is nine tenths of the customers.

    Parameters
    ----------
    frame : DataFrame
        ``customer_id``, ``cutoff``, the features of *churn* and ``left_after_days``.
    split : splits.Split
    churn : ChurnClassifier
        Its strongest 60 features are used.
    probability : array
        Forecasts of leaving within the horizon for the snapshots of the test cutoff, in their order.

    Returns
    -------
    Trained or None
        None where the definition of churn has no moment of leaving, or too few left to learn from.
    """
    at_test = (frame["cutoff"] == split.test).to_numpy()
    test, end = frame[at_test], pd.Timestamp(config.project.observation_end)
    if split.mode == "time":
        learned, known_at = frame[~at_test], split.test
    else:
        held = hash_share(test["customer_id"], config.model.seed + 3) < HELD_OUT
        learned, known_at, test, probability = test[~held], end, test[held], probability[held]
    seen = watched(learned, known_at, config)
    model = _fit(learned, seen, strongest(churn), config)
    if model is None:
        return None
    lifetime = Lifetime(
        model, config.churn.horizon / _DAY, config.value.lifetime / _DAY, config.value.discount_rate
    )
    return compare_with_what_followed(lifetime, test, watched(test, end, config), seen, probability)


def again(tested: Lifetime, frame: pd.DataFrame, config: Config, churn: ChurnClassifier) -> Lifetime:
    """The lifetimes of the size that was tested, learned from all snapshots and what is known of them in the end."""
    seen = watched(frame, pd.Timestamp(config.project.observation_end), config)
    model = _fit(frame, seen, strongest(churn), config, tested.survival.rung_)
    return tested if model is None else replace(tested, survival=model)


def _fit(
    learned: pd.DataFrame, seen: pd.DataFrame, columns: list[str], config: Config, rung: str | None = None
) -> SurvivalClassifier | None:
    """The model of at most 20,000 snapshots; None when too few of their customers left."""
    share = MOST_ROWS / max(len(learned), 1)
    drawn = hash_share(learned["customer_id"], config.model.seed + 2) < share
    kept = drawn & (seen["duration"] > 0).to_numpy()
    model = SurvivalClassifier(
        periods=PERIODS, rung=rung, num_threads=config.model.threads, random_state=config.model.seed
    )
    if seen.loc[kept, "event"].sum() < model.min_events:
        return None
    return model.fit(
        learned.loc[kept, columns], seen[kept], groups=learned.loc[kept, "customer_id"].to_numpy()
    )


def watched(snapshots: pd.DataFrame, known_at: pd.Timestamp, config: Config) -> pd.DataFrame:
    """``duration`` (days from the beginning of the label window) and ``event`` of each snapshot, as of *known_at*.

    A contract that ended is known to be the last one when the grace time is over.
    """
    opened = snapshots["cutoff"] + config.churn.lead
    grace = config.churn.grace if config.churn.definition == "subscription" else timedelta(0)
    days = np.asarray((known_at - grace - opened) / _DAY, dtype=np.float64)
    left = snapshots["left_after_days"].to_numpy(dtype=np.float64)
    event = left < days
    return pd.DataFrame({"duration": np.where(event, left, days), "event": event}, index=snapshots.index)


def strongest(churn: ChurnClassifier) -> list[str]:
    """The features that the churn model gained most by, in the order of its columns."""
    gains = churn.trees_.gains
    best = set(np.argsort(-gains, kind="stable")[:COLUMNS].tolist())
    return [name for i, name in enumerate(churn.schema_.columns) if i in best]


def compare_with_what_followed(
    lifetime: Lifetime, test: pd.DataFrame, followed: pd.DataFrame, seen: pd.DataFrame, probability: Floats
) -> TrainedSurvival:
    """Compare forecasts for the snapshots *test* with what *followed*.

    Parameters
    ----------
    test : DataFrame
        The features.
    followed, seen : DataFrame
        ``duration`` and ``event`` of the test snapshots as known in the end, and of those learned from,
        whose Kaplan-Meier curve is what everybody would get without a model.
    probability : array of shape (rows,)
        Of having left by the horizon.
    """
    curve = lifetime.curve(test[list(lifetime.survival.schema_.columns)], probability)
    duration, event = followed["duration"].to_numpy(), followed["event"].to_numpy()
    last = float(duration.max())
    times = np.linspace(0, last, _TIMES + 1)[1:-1]
    censoring, expected = censoring_curve(duration, event), curve.at(times)
    same = np.tile(kaplan_meier(seen["duration"], seen["event"]).at(times), (len(test), 1))
    stayed, told = kaplan_meier(duration, event), curve.area(last)
    auc = time_dependent_auc(duration, event, 1 - expected, times, censoring)
    actual = _area(stayed, last)
    metrics = {
        "followed_days": last,
        "concordance": concordance(duration, event, -told),
        "time_dependent_auc": float(np.nanmean(auc)) if np.isfinite(auc).any() else float("nan"),
        "integrated_brier": integrated_brier_score(duration, event, expected, times, censoring),
        "kaplan_meier_integrated_brier": integrated_brier_score(duration, event, same, times, censoring),
        "expected_lifetime_days": float(told.mean()),
        "actual_lifetime_days": actual,
        "lifetime_error": float(told.mean()) / actual - 1,
    }
    points = zip(times, stayed.at(times), expected.mean(axis=0), strict=True)
    return TrainedSurvival(
        lifetime,
        metrics,
        [{"days": float(t), "stayed": float(s), "expected": float(e)} for t, s, e in points],
    )


def _area(curve: StepFunction, until: float) -> float:
    """Mean days until leaving or *until*, under a curve that falls in steps."""
    inside = curve.times < until
    knots = np.r_[0.0, curve.times[inside], until]
    return float(np.r_[1.0, curve.values[inside]] @ np.diff(knots))
