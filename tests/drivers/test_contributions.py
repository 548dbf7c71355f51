"""Drivers against sums done by hand, on small numbers."""

from __future__ import annotations

import warnings

import numpy as np
import pandas as pd
import pytest
from small_drivers import LABELS, contributions

from cxml.drivers import contributions as drivers
from cxml.errors import ModelError


def test_summary_counts_who_is_hit_and_what_it_costs() -> None:
    scores = pd.DataFrame(
        {
            "base": [-2.0, -2.0],
            "contribution_waiting": [1.0, 0.0],
            "contribution_effort": [0.05, -0.5],
            "contribution_behaviour": [0.0, 0.1],
            "value_if_stays": [100.0, 1000.0],
            "hit_waiting": [0.8, 0.0],
            "hit_effort": [0.0, 0.0],
            "hit_behaviour": [0.0, 0.1],
        }
    )
    found = drivers.summary(scores, LABELS).set_index("factor")
    p = 1 / (1 + np.exp(-(-2 + 1.05)))
    without = 1 / (1 + np.exp(-(-2 + 0.25)))
    assert list(found.index) == ["waiting", "behaviour", "effort"], "by what hits add"
    row = found.loc["waiting"]
    assert (row.customers_hit, row.share_hit) == (1, 0.5)
    assert (row.strength, row.importance) == (pytest.approx(0.4), pytest.approx(0.5))
    assert row.odds_ratio == pytest.approx(np.exp(0.8))
    assert row.value_at_risk == pytest.approx(100 * p)
    assert row.avoidable == pytest.approx(100 * (p - without))
    assert row.leavers - row.leavers_without == pytest.approx(p - without)
    assert found.share_of_importance.sum() == pytest.approx(1)
    assert found.share_of_strength.tolist()[::2] == [1, 0] and np.isnan(found.share_of_strength["behaviour"])
    assert found.loc["effort", "customers_hit"] == 0


def test_a_direction_says_whether_worse_service_goes_with_leaving() -> None:
    labels = {
        "factors": LABELS["factors"],
        "features": {
            "wait_a": {"factor": "waiting", "unit": "s", "direction": "+"},
            "wait_b": {"factor": "waiting", "unit": "s", "direction": "-"},
            "effort_a": {"factor": "effort", "unit": "count", "direction": "+"},
            "recency": {"factor": "behaviour", "unit": "text", "direction": "±"},
        },
    }
    frame = pd.DataFrame(
        {"wait_a": [3, 1, 2], "wait_b": [1, 2, 9], "effort_a": [1, 2, 3], "recency": ["x", "y", "z"]}
    )
    found = drivers.features(contributions(), frame, labels)
    slope = found.set_index("feature").slope
    # wait_a rises with its contribution, effort_a falls, a text has no slope.
    assert (slope["wait_a"], slope["effort_a"]) == (pytest.approx(1), pytest.approx(-1))
    assert np.isnan(slope["recency"])
    assert found.feature.tolist()[0] == "recency"
    ways = drivers.directions(found)
    # wait_b: more of it goes with a lower contribution, and it is declared to lower the risk: as expected.
    assert ways["waiting"] == pytest.approx((0.2 * 1 + 0.2 * -slope["wait_b"]) / 0.4)
    assert ways["effort"] == pytest.approx(-1)
    assert "behaviour" not in ways.index


def test_what_does_not_vary_where_it_was_measured_has_no_slope() -> None:
    labels = {
        "factors": LABELS["factors"],
        "features": {
            name: {"factor": "waiting", "unit": "s", "direction": "+"}
            for name in ("wait_a", "wait_b", "effort_a", "recency")
        },
    }
    frame = pd.DataFrame(
        {
            "wait_a": [7.0, np.nan, 7.0],
            "wait_b": [np.nan, np.nan, np.nan],
            "effort_a": [1.0, np.nan, np.nan],
            "recency": [1.0, np.nan, 2.0],
        }
    )
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = drivers.features(contributions(), frame, labels).set_index("feature").slope
    assert found.drop("recency").isna().all()
    assert abs(found["recency"]) == pytest.approx(1)


def test_an_effect_of_no_feature_names_the_nearest() -> None:
    frame = pd.DataFrame({"wait_mean": [1.0, 2.0]})
    with pytest.raises(ModelError, match="did you mean 'wait_mean'"):
        drivers.effect(frame, frame, {"features": {}}, "wait_men")


def test_an_effect_curve_keeps_equal_values_together_and_counts_everybody() -> None:
    rng = np.random.default_rng(0)
    wait = np.where(rng.random(400) < 0.6, 0.0, rng.integers(1, 9, 400) * 10.0)
    wait[:40] = np.nan
    own = np.nan_to_num(wait) / 100 + rng.normal(0, 0.01, 400)
    found = drivers.effect(
        pd.DataFrame({"w": own}), pd.DataFrame({"w": wait}), {"features": {"w": {"unit": "s"}}}, "w", bins=5
    )
    assert found["rows"].sum() == 400
    assert found["rows"].iloc[-1] == 40
    assert np.isnan(found["value"].iloc[-1])
    assert found["value"].iloc[:-1].is_monotonic_increasing
    zero = found.iloc[0]
    assert (zero["value"], zero["rows"]) == (0, (wait == 0).sum()), (
        "a value that many have is a group of its own"
    )
    assert zero["contribution"] == pytest.approx(own[wait == 0].mean())
    assert (zero["low"], zero["high"]) == tuple(
        pytest.approx(np.quantile(own[wait == 0], q)) for q in (0.1, 0.9)
    )
    assert len(found) <= 6
    assert (found["feature"] == "w").all()


def test_an_effect_curve_of_a_text_has_a_row_per_level() -> None:
    frame = pd.DataFrame(
        {"plan": pd.array(["gold", None, "basic", "gold"], dtype="string")}, index=[7, 8, 9, 3]
    )
    own = pd.DataFrame({"plan": [0.3, 0.0, -0.2, 0.1]}, index=frame.index)
    found = drivers.effect(own, frame, {"features": {"plan": {"unit": "text"}}}, "plan")
    assert found["value"].tolist()[:2] == ["basic", "gold"]
    assert found["value"].isna().tolist() == [False, False, True]
    assert found["contribution"].tolist() == pytest.approx([-0.2, 0.2, 0.0])
    assert found["rows"].tolist() == [1, 2, 1]
