"""No test label is known in training, whatever the cutoffs, lead and horizon."""

from __future__ import annotations

from datetime import timedelta

import numpy as np
import pandas as pd
import pytest
import sklearn
from hypothesis import given, settings, strategies as st
from sklearn.base import clone
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, cross_val_score, cross_validate

from cxml.errors import ConfigError
from cxml.sampling import customer_folds, hash_share
from cxml.snapshots.splits import Split, TimeGapSplit, plan_splits

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
        assert plan.train == (plan.test,)
        assert not any(c + window <= plan.test for c in cutoffs)
        return
    # Everything used is known at the cutoff where it is used.
    assert all(cutoff + window <= plan.test for cutoff in plan.train)
    # Nothing usable is left out.
    assert set(plan.train) == {c for c in cutoffs if c + window <= plan.test}


def test_the_usual_case() -> None:
    plan = plan_splits(months(12), timedelta(days=7), timedelta(days=60))
    assert plan.mode == "time" and plan.test == months(12)[-1]
    assert plan.train[-1] == pd.Timestamp("2024-09-01", tz="UTC") and len(plan.train) == 9
    assert "Calibrated on customers held out" in plan.reason


def test_one_usable_earlier_cutoff_trains() -> None:
    plan = plan_splits([START, START + timedelta(days=60)], timedelta(0), timedelta(days=60))
    assert plan == Split((START,), START + timedelta(days=60), "time", plan.how)
    assert "held out" in plan.reason


def test_unknown_earlier_labels_hold_out_customers_and_say_so() -> None:
    cutoffs = [pd.Timestamp("1999-02-01", tz="UTC"), pd.Timestamp("1999-03-01", tz="UTC")]
    plan = plan_splits(cutoffs, timedelta(0), timedelta(days=306))
    assert plan.mode == "customers"
    assert "would not have been known at 1999-03-01" in plan.reason and "306 days" in plan.reason


def test_one_cutoff_says_so() -> None:
    assert "no earlier cutoff has matured" in plan_splits([START], timedelta(0), timedelta(days=30)).reason


def test_order_repeats_and_zone_of_the_cutoffs_play_no_part() -> None:
    cutoffs = months(10)
    seoul = [c.tz_convert("Asia/Seoul") for c in reversed(cutoffs)]
    assert plan_splits([*cutoffs, *seoul], timedelta(0), timedelta(days=30)) == plan_splits(
        cutoffs, timedelta(0), timedelta(days=30)
    )


@settings(max_examples=300, deadline=None)
@given(st.sets(st.integers(0, 11)))
def test_the_last_cutoff_with_leavers_tests_as_if_no_later_one_were_there(silent: set[int]) -> None:
    cutoffs, span = months(12), (timedelta(days=2), timedelta(days=40))
    one_sided = {cutoffs[i].tz_convert("Asia/Seoul").to_pydatetime() for i in silent}
    plan = plan_splits(cutoffs, *span, one_sided)
    last = max(set(range(12)) - silent, default=11)
    plain = plan_splits(cutoffs[: last + 1], *span)
    assert (plan.train, plan.test) == (plain.train, plain.test)
    assert plan.passed == tuple(cutoffs[last + 1 :]) and plan.reason.startswith(plain.how.in_english())
    assert ("nothing can be tested there" in plan.reason) == bool(plan.passed)
    learned = {i for i in silent if cutoffs[i] in plan.cutoffs}
    assert ("the model learns that" in plan.reason) == bool(learned)


def test_the_months_passed_over_are_named() -> None:
    plan = plan_splits(months(6), timedelta(0), timedelta(days=28), months(6)[4:])
    assert plan.test == months(6)[3]
    assert (
        "left after 2024-05-01 to 2024-06-01 (2 cutoffs), so that nothing can be tested there" in plan.reason
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


# ---------------------------------------------------------------- for scikit-learn


@settings(max_examples=300, deadline=None)
@given(
    days=st.lists(st.integers(0, 12), min_size=1, max_size=40),
    window=st.integers(1, 8),
    last=st.none() | st.integers(1, 4),
)
def test_who_may_train_is_what_a_slow_look_says(days: list[int], window: int, last: int | None) -> None:
    """Row by row: a row may train a test cutoff when its label window has ended by then."""
    cutoffs = [START + timedelta(days=d) for d in days]
    expected = []
    for test in sorted(set(days)):
        train = [row for row, d in enumerate(days) if d + window <= test]
        if train:
            expected.append((train, [row for row, d in enumerate(days) if d == test]))
    splitter = TimeGapSplit(timedelta(days=window), n_splits=last)
    if not expected or (last or 1) > len(expected):
        with pytest.raises(ConfigError, match="have anything to train on"):
            list(splitter.split(days, groups=cutoffs))
        return
    found = [(train.tolist(), test.tolist()) for train, test in splitter.split(days, groups=cutoffs)]
    assert found == expected[-last:] if last else found == expected
    assert splitter.get_n_splits(days, None, cutoffs) == len(found)


def rows_of_customers(n: int = 600) -> tuple[np.ndarray, np.ndarray, pd.DataFrame]:
    rng = np.random.default_rng(0)
    cutoffs = rng.choice(np.array(months(6), dtype=object), n)
    groups = pd.DataFrame(
        {"cutoff": pd.Series(cutoffs), "customer_id": [f"c{i}" for i in rng.integers(0, 80, n)]}
    )
    return rng.normal(size=(n, 3)), (rng.random(n) < 0.3).astype(int), groups


def test_customers_are_held_out_as_well() -> None:
    X, _, groups = rows_of_customers()
    splitter = TimeGapSplit("60D", n_splits=2, customers=3)
    found = list(splitter.split(X, groups=groups))
    assert len(found) == splitter.get_n_splits() == 6
    tested: list[int] = []
    fold = customer_folds(groups["customer_id"], 3)
    for train, test in found:
        assert not set(groups.customer_id[train]) & set(groups.customer_id[test])
        assert (groups.cutoff[train] + pd.Timedelta("60D") <= groups.cutoff[test].min()).all()
        (own,) = set(fold[test])
        known = groups.cutoff + pd.Timedelta("60D") <= groups.cutoff[test].min()
        assert train.tolist() == np.flatnonzero(known & (fold != own)).tolist()
        tested += test.tolist()
    # Every row of the last two cutoffs is tested once.
    assert sorted(tested) == np.flatnonzero(groups.cutoff >= months(6)[4]).tolist()


def test_it_works_where_scikit_learn_takes_a_splitter() -> None:
    X, y, groups = rows_of_customers()
    splitter = TimeGapSplit("60D", n_splits=3)
    scores = cross_val_score(LogisticRegression(), X, y, groups=groups["cutoff"], cv=splitter)
    by_hand = []
    for train, test in splitter.split(X, y, groups["cutoff"]):
        by_hand.append(LogisticRegression().fit(X[train], y[train]).score(X[test], y[test]))
    assert scores.tolist() == by_hand
    for plain in (groups["cutoff"].to_numpy(), list(groups["cutoff"]), groups):
        assert cross_val_score(LogisticRegression(), X, y, groups=plain, cv=splitter).tolist() == by_hand
    search = GridSearchCV(LogisticRegression(), {"C": [0.1, 1.0]}, cv=TimeGapSplit("60D"))
    assert clone(search).fit(X, y, groups=groups["cutoff"]).n_splits_ == 4
    search = GridSearchCV(LogisticRegression(), {"C": [0.1]}, cv=TimeGapSplit("60D", 2, 3))
    assert search.fit(X, y, groups=groups).n_splits_ == 6
    assert clone(splitter) == splitter and clone(splitter) is not splitter
    assert repr(splitter) == "TimeGapSplit(window='60D', n_splits=3, customers=None)"
    assert splitter.set_params(n_splits=1).get_params()["n_splits"] == 1
    with sklearn.config_context(enable_metadata_routing=True):
        routed = cross_validate(LogisticRegression(), X, y, params={"groups": groups["cutoff"]}, cv=splitter)
    assert routed["test_score"].tolist() == by_hand[-1:]


@pytest.mark.parametrize(
    ("splitter", "groups", "words"),
    [
        (TimeGapSplit("60D"), None, "groups do not say"),
        (TimeGapSplit("60D"), [pd.Timestamp("2024-01-01")], "without a time zone"),
        (TimeGapSplit("60D"), [START, None], "without a time zone"),
        (TimeGapSplit("60D"), pd.DataFrame({"at": [START]}), "groups do not say"),
        (TimeGapSplit("60D", customers=3), months(6), "groups do not say"),
        (TimeGapSplit("60D", customers=3), pd.DataFrame({"cutoff": months(6)}), "groups do not say"),
        (TimeGapSplit("60D", 2), [months(3)[0]] * 6, "0 of 1 cutoffs"),
        (TimeGapSplit("60D", 5), months(6), "4 of 6 cutoffs"),
        (TimeGapSplit("60D", 0), months(6), "4 of 6 cutoffs"),
        (TimeGapSplit("0D"), months(6), "no length"),
        (TimeGapSplit("soon"), months(6), "time span"),
        (
            TimeGapSplit("60D", customers=5),
            pd.DataFrame({"cutoff": months(6), "customer_id": "a"}),
            "a fold of",
        ),
    ],
)
def test_a_split_that_cannot_be_is_refused(splitter: TimeGapSplit, groups: object, words: str) -> None:
    with pytest.raises(ConfigError, match=words) as refused:
        list(splitter.split(np.zeros(6), groups=groups))
    assert refused.value.where and refused.value.expected and refused.value.fix


def test_groups_of_other_rows_are_refused() -> None:
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        list(TimeGapSplit("60D").split(np.zeros(60), groups=months(6)))


def test_a_parameter_that_is_none_is_refused() -> None:
    with pytest.raises(ConfigError, match="'splits'"):
        TimeGapSplit("60D").set_params(splits=3)
