"""What stands behind a factor: ranks under the bootstrap, and plain comparisons, against brute force."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings, strategies as st

from cxml.drivers import evidence

WAIT = {"unit": "s", "direction": "+"}


def snapshots(rows: int, seed: int = 0, customers: int = 0, effect: float = 1.0) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    whose = rng.integers(0, customers or rows, rows)
    wait = rng.exponential(200, rows)
    chance = 0.05 * np.where(wait > 360, 1 + effect, 1.0)
    return pd.DataFrame(
        {
            "customer_id": [f"c{k}" for k in whose],
            "churned": (rng.random(rows) < chance).astype(int),
            "wait_mean_90d": np.where(rng.random(rows) < 0.3, np.nan, wait),
        }
    )


def test_the_ratio_is_what_counting_gives() -> None:
    frame = snapshots(4_000)
    found = evidence.comparison(frame, "wait_mean_90d", WAIT)
    assert found is not None
    known = frame.dropna(subset=["wait_mean_90d"])
    bad = known[known["wait_mean_90d"] > found.threshold]
    rest = known[known["wait_mean_90d"] <= found.threshold]
    assert found.threshold in (300.0, 360.0)
    assert (found.rows, found.customers) == (len(bad), bad["customer_id"].nunique())
    assert found.left == pytest.approx(bad["churned"].mean())
    assert found.ratio == pytest.approx(bad["churned"].mean() / rest["churned"].mean())
    assert found.beyond([np.nan, found.threshold, found.threshold + 1]).tolist() == [False, False, True]


def test_the_interval_of_independent_rows_is_that_of_katz() -> None:
    frame = snapshots(5_000).assign(customer_id=[f"c{k}" for k in range(5_000)])
    found = evidence.comparison(frame, "wait_mean_90d", WAIT)
    assert found is not None
    known = frame.dropna(subset=["wait_mean_90d"])
    bad = known["wait_mean_90d"] > found.threshold
    a, m = known.loc[bad, "churned"].sum(), bad.sum()
    b, n = known.loc[~bad, "churned"].sum(), (~bad).sum()
    error = np.sqrt(1 / a - 1 / m + 1 / b - 1 / n)
    assert np.log(found.high / found.ratio) == pytest.approx(1.96 * error, rel=1e-3)
    assert np.log(found.ratio / found.low) == pytest.approx(1.96 * error, rel=1e-3)


def test_the_interval_holds_the_truth_as_often_as_it_says() -> None:
    inside = 0
    for seed in range(200):
        frame = snapshots(3_000, seed, effect=0.6).fillna({"wait_mean_90d": 100.0})
        found = evidence.comparison(frame, "wait_mean_90d", WAIT)
        assert found is not None
        above = np.exp(-found.threshold / 200)  # of an exponential wait with mean 200 s
        beyond_six = min(np.exp(-360 / 200) / above, 1.0)
        left = 0.05 * (1 + 0.6 * beyond_six)
        hit_below = 0.7 * max(np.exp(-360 / 200) - above, 0)
        others = 0.05 * (1 + 0.6 * hit_below / (1 - 0.7 * above))
        inside += found.low <= left / others <= found.high
    assert 182 <= inside <= 198  # 95 % of 200, and what chance allows


def test_rows_of_a_customer_count_as_one_when_they_are_copies() -> None:
    frame = snapshots(3_000, seed=3)
    once = evidence.comparison(frame, "wait_mean_90d", WAIT)
    twice = evidence.comparison(pd.concat([frame, frame]), "wait_mean_90d", WAIT)
    assert once is not None and twice is not None
    assert (twice.low, twice.high) == pytest.approx((once.low, once.high))
    assert twice.customers == once.customers


@pytest.mark.parametrize(
    ("label", "changed"),
    [
        ({"unit": "text", "direction": "+"}, {}),
        ({"unit": "s", "direction": "±"}, {}),
        (WAIT, {"churned": 0}),
        (WAIT, {"wait_mean_90d": 5.0}),
        (WAIT, {"wait_mean_90d": np.nan}),
    ],
)
def test_what_cannot_be_compared_is_not(label: dict[str, str], changed: dict[str, float]) -> None:
    assert evidence.comparison(snapshots(500).assign(**changed), "wait_mean_90d", label) is None


def test_where_most_have_none_the_question_is_whether_there_was_any() -> None:
    frame = snapshots(4_000)
    frame["repeats_90d"] = np.where(np.arange(4_000) % 10 == 0, 2.0, 0.0)
    found = evidence.comparison(frame, "repeats_90d", {"unit": "count", "direction": "+"})
    assert found is not None
    assert (found.threshold, found.above, found.rows) == (0.0, True, 400)


def test_the_bad_side_of_a_score_lies_below() -> None:
    frame = snapshots(4_000)
    frame["csat_90d"] = np.random.default_rng(1).uniform(0, 10, 4_000)
    found = evidence.comparison(frame, "csat_90d", {"unit": "score", "direction": "-"})
    assert found is not None
    assert not found.above
    assert found.threshold == 2.0
    assert found.rows == (frame["csat_90d"] < 2.0).sum()


@given(st.floats(min_value=1e-6, max_value=1e9), st.sampled_from(["s", "share", "money", "count"]))
@settings(max_examples=200, deadline=None)
def test_a_round_figure_is_near_and_is_its_own(value: float, unit: str) -> None:
    near = evidence.rounded(value, unit)
    assert 0.6 <= near / value <= 1.6
    assert evidence.rounded(near, unit) == pytest.approx(near)
    assert evidence.rounded(-value, unit) == -near


def test_ranks_move_as_far_as_drawing_customers_by_hand_says() -> None:
    rng = np.random.default_rng(0)
    customers = np.repeat(np.arange(60), 2)
    own = pd.DataFrame(rng.normal(0, [0.30, 0.27, 0.26, 0.05], (120, 4)), columns=list("abcd"))
    found = evidence.ranks(own, customers, draws=4_000)
    strength = np.abs(own.to_numpy()).reshape(60, 2, 4)  # the two rows of a customer lie together
    drawn = np.array([strength[rng.integers(0, 60, 60)].mean(axis=(0, 1)) for _ in range(4_000)])
    assert found["rank"].tolist() == (-own.abs().mean()).rank().astype(int).tolist()
    assert found["first"].to_numpy() == pytest.approx(
        (drawn.argmax(axis=1)[:, None] == range(4)).mean(axis=0), abs=0.04
    )
    assert found.loc["d", ["rank_low", "rank_high"]].tolist() == [4, 4]
    low, high = np.quantile(drawn, [0.05, 0.95], axis=0) / own.abs().mean().to_numpy()
    assert found["weight_low"].to_numpy() == pytest.approx(low, abs=0.02)
    assert found["weight_high"].to_numpy() == pytest.approx(high, abs=0.02)


def test_ranks_do_not_depend_on_the_order_of_rows() -> None:
    rng = np.random.default_rng(1)
    own = pd.DataFrame(rng.normal(size=(200, 3)), columns=list("abc"))
    customers = np.array([f"c{k % 50}" for k in range(200)])
    order = rng.permutation(200)
    pd.testing.assert_frame_equal(
        evidence.ranks(own, customers), evidence.ranks(own.iloc[order], customers[order])
    )


def test_a_curve_counts_who_left_by_like_values() -> None:
    rng = np.random.default_rng(3)
    rows = 4_000
    frame = pd.DataFrame(
        {
            "customer_id": [f"c{k % 1500}" for k in range(rows)],
            "wait_mean_90d": np.where(rng.random(rows) < 0.4, 0.0, rng.exponential(200, rows)),
        }
    )
    frame.loc[:200, "wait_mean_90d"] = np.nan
    frame["churned"] = rng.random(rows) < np.where(frame["wait_mean_90d"] > 200, 0.2, 0.05)
    found = evidence.curve(frame, "wait_mean_90d", "s")
    none = frame[frame["wait_mean_90d"] == 0]
    assert found.loc[0, "value"] == 0.0 and found.loc[0, "customers"] == none["customer_id"].nunique()
    assert found.loc[0, "left"] == pytest.approx(none["churned"].mean())
    assert found["value"].is_monotonic_increasing
    per_customer = none.groupby("customer_id")["churned"].agg(["sum", "size"])
    draws = [
        per_customer.iloc[rng.integers(0, len(per_customer), len(per_customer))].sum() for _ in range(2_000)
    ]
    shares = np.array([one["sum"] / one["size"] for one in draws])
    assert found.loc[0, ["low", "high"]].to_numpy(float) == pytest.approx(
        np.quantile(shares, [0.025, 0.975]), abs=0.004
    )
    known = frame["wait_mean_90d"].notna()
    weights = np.array([(frame["wait_mean_90d"] == 0).sum()])
    assert weights[0] < known.sum(), "others have groups of their own"
    assert found.loc[len(found) - 1, "left"] == pytest.approx(0.2, abs=0.05)
    assert evidence.curve(frame, "wait_mean_90d", "flag").empty
    assert evidence.curve(frame.head(250), "wait_mean_90d", "s").empty
