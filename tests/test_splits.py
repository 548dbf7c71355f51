"""No test label is known in training, whatever the cutoffs, lead and horizon."""

from __future__ import annotations

from datetime import timedelta

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cxml.errors import ConfigError
from cxml.splits import Plan, customer_folds, hash_share, plan_splits

START = pd.Timestamp("2024-01-01", tz="UTC")


def months(n: int) -> list[pd.Timestamp]:
    return list(pd.date_range(START, periods=n, freq="MS"))


@settings(max_examples=1000, deadline=None)
@given(
    days=st.lists(st.integers(0, 900), min_size=1, max_size=24),
    lead=st.integers(0, 60),
    horizon=st.integers(1, 400),
)
def test_label_windows_never_overlap(days: list[int], lead: int, horizon: int) -> None:
    cutoffs = [START + timedelta(days=d) for d in days]
    window = timedelta(days=lead + horizon)
    plan = plan_splits(cutoffs, timedelta(days=lead), timedelta(days=horizon))
    assert plan.test == max(cutoffs)
    assert list(plan.train) == sorted(plan.train) and set(plan.train) <= set(cutoffs)
    if plan.mode == "customers":
        assert plan.train == (plan.test,) and plan.calibrate is None
        assert not any(c + window <= plan.test for c in cutoffs)
        return
    # Everything used is known at the cutoff where it is used.
    steps = [plan.train, (plan.calibrate,) if plan.calibrate is not None else (), (plan.test,)]
    for i, earlier in enumerate(steps):
        for later in steps[i + 1 :]:
            assert all(a + window <= b for a in earlier for b in later)
    # Nothing usable is left out.
    last = plan.calibrate if plan.calibrate is not None else plan.test
    assert set(plan.train) == {c for c in cutoffs if c + window <= last}
    if plan.calibrate is None:
        assert not any(a + window <= b for a in plan.train for b in plan.train)


def test_the_usual_case() -> None:
    plan = plan_splits(months(12), timedelta(days=7), timedelta(days=60))
    assert plan.mode == "time" and plan.test == months(12)[-1]
    assert plan.calibrate == pd.Timestamp("2024-09-01", tz="UTC")
    assert plan.train[-1] == pd.Timestamp("2024-06-01", tz="UTC") and len(plan.train) == 6
    assert "calibrated on 2024-09-01" in plan.reason


def test_one_usable_earlier_cutoff_calibrates_out_of_fold() -> None:
    plan = plan_splits([START, START + timedelta(days=60)], timedelta(0), timedelta(days=60))
    assert plan == Plan((START,), None, START + timedelta(days=60), "time", plan.reason)
    assert "held out" in plan.reason


def test_unknown_earlier_labels_hold_out_customers_and_say_so() -> None:
    cutoffs = [pd.Timestamp("1999-02-01", tz="UTC"), pd.Timestamp("1999-03-01", tz="UTC")]
    plan = plan_splits(cutoffs, timedelta(0), timedelta(days=306))
    assert plan.mode == "customers"
    assert "would not have been known at 1999-03-01" in plan.reason and "306 days" in plan.reason


def test_one_cutoff_says_so() -> None:
    assert "only one cutoff has matured" in plan_splits([START], timedelta(0), timedelta(days=30)).reason


def test_order_repeats_and_zone_of_the_cutoffs_play_no_part() -> None:
    cutoffs = months(10)
    seoul = [c.tz_convert("Asia/Seoul") for c in reversed(cutoffs)]
    assert plan_splits([*cutoffs, *seoul], timedelta(0), timedelta(days=30)) == plan_splits(
        cutoffs, timedelta(0), timedelta(days=30)
    )


@pytest.mark.parametrize(
    ("cutoffs", "lead", "horizon"),
    [([], 0, 30), ([pd.Timestamp("2024-01-01")], 0, 30), ([START], -1, 30), ([START], 0, 0)],
)
def test_impossible_plans_are_refused(cutoffs: list[pd.Timestamp], lead: int, horizon: int) -> None:
    with pytest.raises(ConfigError):
        plan_splits(cutoffs, timedelta(days=lead), timedelta(days=horizon))


def test_folds_follow_the_customer_and_nothing_else() -> None:
    ids = [f"c{i}" for i in range(5000)]
    folds = customer_folds(ids, 10, seed=3)
    order = np.random.default_rng(0).permutation(5000)
    assert (customer_folds([ids[i] for i in order], 10, seed=3) == folds[order]).all()
    assert (customer_folds(pd.Series(ids[:50]), 10, seed=3) == folds[:50]).all()
    assert (customer_folds(pd.array(ids, dtype="string"), 10, seed=3) == folds).all()
    counts = np.bincount(folds, minlength=10)
    assert counts.min() > 400 and counts.max() < 600
    assert (customer_folds(ids, 10, seed=4) != folds).mean() > 0.8


def test_share_is_uniform() -> None:
    share = hash_share([str(i) for i in range(20_000)])
    assert share.min() >= 0 and share.max() < 1
    assert np.abs(np.sort(share) - (np.arange(20_000) + 0.5) / 20_000).max() < 0.015


def test_one_fold_is_no_holdout() -> None:
    with pytest.raises(ConfigError):
        customer_folds(["a"], 1)
