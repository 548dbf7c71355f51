"""Who is hit, added up chunk by chunk, against pandas over all rows at once."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings, strategies as st

from cxml.drivers.segments import DAYS, MOST_LEVELS, OTHERS, Segments

LABELS = {
    "factors": {"profile": {"kind": "context"}, "channels": {"kind": "lever"}, "waiting": {"kind": "lever"}},
    "features": {
        "customer_region": {"factor": "profile", "unit": "text"},
        "plan": {"factor": "profile", "unit": "text"},
        "channel_last": {"factor": "channels", "unit": "text"},
        "tenure_d": {"factor": "profile", "unit": "d"},
        "wait_mean_90d": {"factor": "waiting", "unit": "s"},
    },
}
COMPARISONS = {"waiting": {"feature": "wait_mean_90d", "threshold": 300.0, "above": True}}
N = 400


def company(levels: int = 4) -> tuple[pd.DataFrame, pd.DataFrame, np.ndarray]:
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(
        {
            "customer_region": rng.choice([f"r{k}" for k in range(levels)], N),
            "plan": np.where(rng.random(N) < 0.2, None, "basic"),
            "channel_last": "phone.human",
            "tenure_d": rng.exponential(300, N),
            "wait_mean_90d": np.where(rng.random(N) < 0.5, np.nan, rng.exponential(300, N)),
        }
    )
    scores = pd.DataFrame(
        {
            "churn_probability": rng.beta(1, 20, N),
            "value_at_risk": rng.exponential(10_000, N),
            "hit_waiting": np.maximum(rng.normal(0, 0.2, N), 0),
            "hit_channels": np.maximum(rng.normal(0, 0.1, N), 0),
        }
    )
    staying = np.minimum.accumulate(rng.random((N, len(DAYS))), axis=1)
    staying[:, 0] = 1.0
    return frame, scores, staying


def added(cuts: list[int], levels: int = 4) -> dict:
    frame, scores, staying = company(levels)
    groups = Segments(LABELS, COMPARISONS)
    for start, stop in zip([0, *cuts], [*cuts, N], strict=True):
        if stop > start:
            groups.add(frame[start:stop], scores[start:stop], staying[start:stop])
    return groups.as_json()


def test_segments_are_what_pandas_counts() -> None:
    frame, scores, staying = company()
    found = added([])
    assert {row["attribute"] for row in found["segments"]} == {
        "customer_region",
        "plan",
    }  # a channel is no attribute
    for row in found["segments"]:
        own = (frame[row["attribute"]] == row["level"]).to_numpy()
        assert row["customers"] == own.sum()
        assert row["leavers"] == pytest.approx(scores["churn_probability"][own].sum(), abs=1e-6)
        assert row["value_at_risk"] == pytest.approx(scores["value_at_risk"][own].sum(), abs=0.1)
        assert row["hit"]["waiting"] == (scores["hit_waiting"][own] > 0).sum()
        assert row["stays"] == pytest.approx(staying[own].mean(axis=0), abs=1e-6)
    assert sum(row["customers"] for row in found["segments"] if row["attribute"] == "plan") < N


def test_those_beyond_a_threshold_are_counted() -> None:
    frame, scores, _ = company()
    own = (frame["wait_mean_90d"] > 300).to_numpy()
    told = added([])["beyond"]["waiting"]
    assert told["customers"] == own.sum()
    assert told["value_at_risk"] == pytest.approx(scores["value_at_risk"][own].sum(), abs=0.1)


@given(st.lists(st.integers(0, N), max_size=6).map(sorted))
@settings(max_examples=30, deadline=None)
def test_chunks_make_no_difference(cuts: list[int]) -> None:
    assert json.dumps(added(cuts)) == json.dumps(added([]))


def test_small_levels_are_one() -> None:
    rows = [row for row in added([], levels=30)["segments"] if row["attribute"] == "customer_region"]
    assert len(rows) == MOST_LEVELS + 1
    assert rows[-1]["level"] == OTHERS
    assert sum(row["customers"] for row in rows) == N
    assert [row["customers"] for row in rows[:-1]] == sorted(
        (r["customers"] for r in rows[:-1]), reverse=True
    )


def test_without_money_and_curves_nothing_is_made_up() -> None:
    frame, scores, _ = company()
    groups = Segments(LABELS, {})
    groups.add(frame, scores.drop(columns="value_at_risk"))
    told = groups.as_json()["everybody"]
    assert (told["customers"], told["value_at_risk"], told["stays"]) == (N, None, None)


def test_of_very_many_levels_those_that_the_model_keeps_are_told_apart() -> None:
    frame = pd.DataFrame({"customer_region": ["seoul", "n1", "n2", "n3", None, "seoul"], "plan": "basic"})
    scores = pd.DataFrame(
        {name: np.full(6, 0.25) for name in ("churn_probability", *company()[1].columns[2:])}
    )
    groups = Segments(LABELS, {}, {"customer_region": ["seoul"]})
    groups.add(frame, scores)
    found = {
        (row["attribute"], row["level"]): (row["customers"], row["leavers"]) for row in groups.segments()
    }
    assert found == {
        ("customer_region", "seoul"): (2, 0.5),
        ("customer_region", OTHERS): (3, 0.75),
        ("plan", "basic"): (6, 1.5),
    }
