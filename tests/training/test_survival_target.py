"""What is learned of leaving is what was known by then, and is judged by what followed."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from cxml.config.load import Config, parse_config
from cxml.models.churn import LADDER, ChurnClassifier
from cxml.snapshots.splits import Split, plan_splits
from cxml.training import survival_target

CUTOFFS = pd.date_range("2025-01-01", periods=8, freq="MS", tz="UTC")
END = pd.Timestamp("2025-09-15", tz="UTC")


def config(**churn: Any) -> Config:
    return parse_config(
        {
            "project": {"observation_end": "2025-09-15T00:00:00Z"},
            "tables": {},
            "churn": {"definition": "date", "horizon": "30D", **churn},
            "model": {"threads": 1},
            "value": {"lifetime": "365D"},
        },
        Path(),
    )


def company(customers: int, seed: int = 0) -> pd.DataFrame:
    """Snapshots of customers who leave at a constant rate a day, higher the longer they wait."""
    rng = np.random.default_rng(seed)
    wait = rng.normal(size=customers)
    gone = CUTOFFS[0] + pd.to_timedelta(rng.exponential(150 * np.exp(-wait)), unit="D")
    rows = []
    for cutoff in CUTOFFS:
        there = np.flatnonzero(gone >= cutoff)
        after = (gone[there] - cutoff) / pd.Timedelta(days=1)
        rows.append(
            pd.DataFrame(
                {
                    "customer_id": [f"c{i}" for i in there],
                    "cutoff": cutoff,
                    "wait_s_30d": wait[there],
                    "noise_30d": rng.normal(size=len(there)),
                    "churned": (after < 30).astype(int),
                    "left_after_days": np.where(gone[there] < END, after, np.nan),
                }
            )
        )
    return pd.concat(rows, ignore_index=True)


def churn_model(frame: pd.DataFrame) -> ChurnClassifier:
    return ChurnClassifier(num_threads=1, seeds=1, folds=2, ladder=LADDER[1:2]).fit(
        frame[["wait_s_30d", "noise_30d"]], frame["churned"], groups=frame["customer_id"]
    )


def plan() -> Split:
    return plan_splits(CUTOFFS, timedelta(0), timedelta(days=30))


def trained(frame: pd.DataFrame, asked: Config) -> survival_target.TrainedSurvival:
    split = plan()
    churn = churn_model(frame[frame["cutoff"].isin(split.train)])
    test = frame[frame["cutoff"] == split.test]
    p = churn.predict_proba(test[["wait_s_30d", "noise_30d"]])[:, 1]
    found = survival_target.train(frame, split, asked, churn, p)
    assert found is not None
    return found


@pytest.mark.parametrize(("lead", "grace"), [(0, 0), (7, 0), (0, 14), (7, 14)])
def test_durations_end_where_knowledge_does(lead: int, grace: int) -> None:
    known = pd.Timestamp("2025-05-20", tz="UTC")
    frame = company(200)
    frame = frame[frame["cutoff"] < known]
    asked = config(definition="subscription", lead=f"{lead}D", grace=f"{grace}D")
    found = survival_target.watched(frame, known, asked)
    for row, (duration, event) in zip(frame.itertuples(), found.itertuples(index=False), strict=True):
        opened = row.cutoff + timedelta(days=lead)
        seen = (known - timedelta(days=grace) - opened) / timedelta(days=1)
        left = row.left_after_days
        assert event == (left < seen)
        assert duration == pytest.approx(left if left < seen else seen)


def test_what_came_after_the_test_cutoff_changes_nothing_learned() -> None:
    frame = company(1200)
    changed = frame.copy()
    at = changed["cutoff"] + pd.to_timedelta(changed["left_after_days"], unit="D")
    changed.loc[at >= plan().test, "left_after_days"] = np.nan
    assert (changed["left_after_days"].isna() & frame["left_after_days"].notna()).sum() > 100
    one, other = (trained(rows, config()).lifetime.survival for rows in (frame, changed))
    assert one.trees_.texts() == other.trees_.texts()


def test_known_rates_are_found_again() -> None:
    found = trained(company(4000), config())
    wait = np.array([-1.0, 0.0, 1.0])
    rows = pd.DataFrame({"wait_s_30d": wait, "noise_30d": 0.0})
    rate = np.exp(wait) / 150
    p = 1 - np.exp(-30 * rate)
    days = found.lifetime.predict(rows, p, np.ones(3))["expected_lifetime_days"].to_numpy()
    assert days == pytest.approx((1 - np.exp(-365 * rate)) / rate, rel=0.12)
    assert abs(found.metrics["lifetime_error"]) < 0.05
    assert found.metrics["integrated_brier"] < found.metrics["kaplan_meier_integrated_brier"]
    assert found.metrics["concordance"] > 0.6


def test_the_mean_lifetime_seen_is_that_of_the_test_snapshots() -> None:
    frame = company(1500)
    found = trained(frame, config())
    test = frame[frame["cutoff"] == plan().test]
    last = (END - plan().test) / pd.Timedelta(days=1)
    lived = test["left_after_days"].fillna(last).to_numpy()
    assert found.metrics["actual_lifetime_days"] == pytest.approx(lived.mean())
    assert found.metrics["followed_days"] == last
    for point in found.curve:
        assert point["stayed"] == pytest.approx((lived > point["days"]).mean())


def test_silence_has_no_moment_so_nothing_is_learned() -> None:
    frame = company(300).assign(left_after_days=np.nan)
    churn = churn_model(frame)
    p = np.full((frame["cutoff"] == plan().test).sum(), 0.1)
    assert survival_target.train(frame, plan(), config(), churn, p) is None


def test_with_one_cutoff_customers_are_held_out() -> None:
    frame = company(3000)
    frame = frame[frame["cutoff"] == CUTOFFS[3]].reset_index(drop=True)
    split = plan_splits([CUTOFFS[3]], timedelta(0), timedelta(days=30))
    churn = churn_model(frame)
    p = churn.predict_proba(frame[["wait_s_30d", "noise_30d"]])[:, 1]
    found = survival_target.train(frame, split, config(), churn, p)
    assert found is not None and found.metrics["followed_days"] == (END - CUTOFFS[3]) / pd.Timedelta(days=1)
    assert found.metrics["integrated_brier"] < found.metrics["kaplan_meier_integrated_brier"]


def test_the_strongest_features_are_kept() -> None:
    rng = np.random.default_rng(0)
    X = pd.DataFrame(rng.normal(size=(800, 70)), columns=[f"f{i}_30d" for i in range(70)])
    y = (rng.random(800) < 1 / (1 + np.exp(-2 * X["f7_30d"] - 2 * X["f61_30d"]))).astype(int)
    kept = survival_target.strongest(
        ChurnClassifier(num_threads=1, seeds=1, folds=2, ladder=LADDER[:1]).fit(X, y)
    )
    assert len(kept) == survival_target.COLUMNS and {"f7_30d", "f61_30d"} <= {*kept}
    assert kept == [name for name in X.columns if name in kept]
