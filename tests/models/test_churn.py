"""Probabilities that keep their word, contributions that add up, and refusal of what cannot be learned."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy.optimize import brentq
from scipy.special import expit
from sklearn.base import clone
from sklearn.utils.estimator_checks import check_estimator

from cxml.errors import DataError, ModelError, NotEnoughDataError
from cxml.metrics.forecasts import churn_metrics
from cxml.models import boosted_trees
from cxml.models.baselines import LogisticBaseline
from cxml.models.boosted_trees import make_folds
from cxml.models.calibration import SigmoidCalibrator
from cxml.models.churn import LADDER, ChurnClassifier

RNG = np.random.default_rng(3)


def company(
    rows: int, seed: int = 0, *, interaction: float = 0.0
) -> tuple[pd.DataFrame, np.ndarray, np.ndarray]:
    """Features, outcomes and true probabilities."""
    rng = np.random.default_rng(seed)
    X = pd.DataFrame(rng.normal(size=(rows, 8)), columns=[f"f{i}_30d" for i in range(8)])
    X["plan_last"] = rng.choice(["basic", "pro", "gold"], rows)
    eta = (
        -2
        + 0.9 * X.f0_30d
        + 0.5 * X.f1_30d
        + 0.8 * (X.plan_last == "gold")
        + interaction * X.f2_30d * X.f3_30d
    )
    X = X.mask(rng.random(X.shape) < 0.1, other=None)
    truth = expit(eta.to_numpy(dtype=float))
    return X, (rng.random(rows) < truth).astype(int), truth


@pytest.fixture(scope="module")
def fitted() -> ChurnClassifier:
    X, y, _ = company(2500)
    return ChurnClassifier(num_threads=1).fit(X, y)


def test_ranks_nearly_as_the_truth_and_is_calibrated(fitted: ChurnClassifier) -> None:
    X, y, truth = company(8000, seed=1)
    found, best = churn_metrics(y, fitted.predict_proba(X)[:, 1]), churn_metrics(y, truth)
    assert found["auc"] - 0.5 > 0.85 * (best["auc"] - 0.5)
    alone = fitted.calibrator_
    X2, y2, _ = company(4000, seed=2)
    fitted_later = fitted.calibrate(X2, y2)
    assert fitted_later.calibrated_on_ == "4,000 later rows and 2,500 of customers held out in training"
    assert fitted_later.predict_proba(X2)[:, 1].mean() == pytest.approx(y2.mean()), (
        "the level of the later rows"
    )
    later_only = SigmoidCalibrator.fit(fitted.margin(X2), y2)
    slopes = sorted([alone.a, later_only.a])
    assert slopes[0] < fitted.calibrator_.a < slopes[1], "the slope of both"
    later = churn_metrics(y, fitted_later.predict_proba(X)[:, 1])
    assert later["ece"] < later["ece_noise_p99"]
    assert later["auc"] == pytest.approx(found["auc"])
    fitted.calibrate_out_of_fold()


def test_the_level_follows_its_way_over_the_cutoffs() -> None:
    X, y, truth = company(9000, seed=3)
    cutoffs = pd.date_range("2025-01-01", periods=6, freq="MS", tz="UTC")
    when = np.repeat(np.arange(6), 1500)
    # A month in which twice as many leave, and then that stays.
    odds = truth / (1 - truth) * np.where(when >= 3, 2.0, 1.0)
    y = (np.random.default_rng(0).random(len(y)) < odds / (1 + odds)).astype(int)
    model = ChurnClassifier(num_threads=1).fit(X, y)
    whole = model.calibrator_
    ahead = list(pd.date_range("2025-07-01", periods=3, freq="MS", tz="UTC"))
    model.follow(pd.Series(cutoffs[when]), np.arange(9000), pd.Timedelta(days=28), ahead)
    late = np.isin(model.trees_.held_rows, np.flatnonzero(when >= 3))
    margins, hit = model._held_out
    now = brentq(lambda b: (expit(whole.a * margins[late] + b) - hit[late]).sum(), -9, 9)
    assert model.calibrator_.a == whole.a
    assert abs(model.calibrator_.b - now) < abs(whole.b - now) / 2, (
        "nearer to the level of now than to the mean"
    )
    assert model.level_.moves and "over 6 cutoffs" in model.calibrated_on_
    assert model.at(ahead[2]).calibrator_.b == model.calibrator_.at(ahead[2]).b
    found = model.contributions(X[:50])
    np.testing.assert_allclose(found.sum(axis=1), model.log_odds(X[:50]), atol=1e-9)


def test_a_size_that_tells_when_a_row_was_is_not_preferred() -> None:
    rng = np.random.default_rng(5)
    customers, when = (part.ravel() for part in np.meshgrid(np.arange(300), np.arange(6), indexing="ij"))
    X = pd.DataFrame({"told": rng.normal(size=1800), "clock": when + rng.uniform(size=1800)})
    up_and_down = np.array([-2.0, 0.5, -2.0, 0.5, -2.0, 0.5])[when]
    y = (rng.random(1800) < expit(0.8 * X["told"] + up_and_down)).astype(int)
    months = pd.Series(pd.date_range("2025-01-01", periods=6, freq="MS", tz="UTC")[when])
    model = ChurnClassifier(num_threads=1, ladder=LADDER[:4])
    assert clone(model).fit(X, y, customers).rung_ != "linear", "trees learn which months were bad"
    told = clone(model).fit(X, y, customers, months)
    assert told.rung_ == "linear"
    shuffled = rng.permutation(1800)
    again = clone(model).fit(X.iloc[shuffled], y[shuffled], customers[shuffled], months.iloc[shuffled])
    assert [one["loss"] for one in again.ladder_] == pytest.approx(
        [one["loss"] for one in told.ladder_], abs=0.02
    )
    with pytest.raises(ValueError, match="inconsistent"):
        clone(model).fit(X, y, customers, months[:-1])


def test_a_refit_keeps_the_size(fitted: ChurnClassifier) -> None:
    again = fitted.again()
    assert not hasattr(again, "trees_")
    X, y, _ = company(1500, seed=8)
    assert again.fit(X, y).rung_ == fitted.rung_ and len(again.ladder_) == 1


def test_contributions_add_up_to_the_calibrated_log_odds(fitted: ChurnClassifier) -> None:
    X = company(500, seed=4)[0]
    found = fitted.contributions(X)
    assert found.shape == (500, 10)
    np.testing.assert_allclose(found.sum(axis=1), fitted.log_odds(X), atol=1e-9)
    p = fitted.predict_proba(X)[:, 1]
    np.testing.assert_allclose(found.sum(axis=1), np.log(p / (1 - p)), atol=1e-9)
    np.testing.assert_allclose(expit(fitted.decision_function(X)), p)


def test_columns_are_matched_by_name(fitted: ChurnClassifier) -> None:
    X = company(50, seed=6)[0]
    expected = fitted.predict_proba(X)
    np.testing.assert_array_equal(fitted.predict_proba(X.iloc[:, ::-1].assign(more=1)), expected)
    np.testing.assert_array_equal(fitted.predict_proba(fitted.schema_.encode(X)), expected)
    with pytest.raises(ModelError, match="f3_30d"):
        fitted.predict_proba(X.drop(columns="f3_30d"))


def test_later_rows_with_one_class_keep_the_held_out_calibration(fitted: ChurnClassifier) -> None:
    X, _y, _ = company(300, seed=7)
    before = fitted.calibrate_out_of_fold().calibrator_
    fitted.calibrate(X, np.zeros(300))
    assert fitted.calibrator_ == before and "only 0 of one class" in fitted.calibrated_on_
    fitted.calibrate_out_of_fold()


@pytest.mark.parametrize(
    ("later", "error", "words"),
    [
        (np.r_[np.ones(100), np.full(200, np.nan)], NotEnoughDataError, "200 of 300 rows have no outcome"),
        (np.r_[np.ones(100), np.full(200, 2)], DataError, "no class that was learnt"),
        (np.r_[np.ones(100), np.zeros(100)], ValueError, "inconsistent numbers of samples"),
    ],
)
def test_later_outcomes_that_cannot_be_are_refused(
    fitted: ChurnClassifier, later: np.ndarray, error: type[Exception], words: str
) -> None:
    before = fitted.calibrator_
    with pytest.raises(error, match=words):
        fitted.calibrate(company(300, seed=7)[0], later)
    assert fitted.calibrator_ == before


def test_customers_of_other_rows_are_refused() -> None:
    X, y, _ = company(500, seed=7)
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        ChurnClassifier(num_threads=1).fit(X, y, groups=np.arange(499))


def test_repeats_and_feature_names_change_nothing() -> None:
    X, y, _ = company(800, seed=8)
    first = ChurnClassifier(num_threads=1).fit(X, y)
    again = ChurnClassifier(num_threads=1).fit(X.rename(columns=lambda c: c.upper()), y)
    assert first.trees_.texts() == again.trees_.texts() and first.calibrator_ == again.calibrator_
    assert first.log_odds(X).tolist() == again.log_odds(X.rename(columns=lambda c: c.upper())).tolist()
    other = ChurnClassifier(num_threads=1, random_state=1).fit(X, y)
    assert other.log_odds(X).tolist() != first.log_odds(X).tolist()


def test_the_ladder_climbs_only_where_it_pays() -> None:
    plain = ChurnClassifier(num_threads=1).fit(*company(2000, seed=9)[:2])
    assert plain.rung_ in ("linear", "stumps", "linear and small")
    assert [step["name"] for step in plain.ladder_] != [rung.name for rung in LADDER], (
        "it stops where no more pays"
    )
    tangled = ChurnClassifier(num_threads=1).fit(*company(4000, seed=9, interaction=2.0)[:2])
    losses = {step["name"]: step["loss"] for step in tangled.ladder_}
    assert losses["middle"] < losses["stumps"] < losses["linear"] + 0.01
    assert tangled.rung_ not in ("linear", "stumps") and tangled.rounds_ > 0


def test_few_rows_are_no_worse_off_than_with_a_logistic_regression() -> None:
    """Where a ladder of trees alone lost."""
    gaps = []
    for seed in range(1000, 1004):
        X, y, _ = company(400, seed=seed)
        later, hit, _ = company(8000, seed=seed + 50)
        own = churn_metrics(hit, ChurnClassifier(num_threads=1, seeds=1).fit(X, y).predict_proba(later)[:, 1])
        gaps.append(
            own["log_loss"] - churn_metrics(hit, LogisticBaseline().fit(X, y).leave(later))["log_loss"]
        )
    assert np.mean(gaps) < 0.002


def test_columns_that_matter_only_together_are_found_with_few_rows() -> None:
    rng = np.random.default_rng(1000)
    X = pd.DataFrame(rng.normal(size=(7000, 5)), columns=[f"f{i}_30d" for i in range(5)])
    y = (rng.random(7000) < expit(-1 + 3 * np.sign(X.f0_30d * X.f1_30d))).astype(int)
    model = ChurnClassifier(num_threads=1, seeds=1).fit(X[:3000], y[:3000])
    assert model.rung_ not in ("linear", "stumps")
    best = churn_metrics(y[3000:], expit(-1 + 3 * np.sign(X.f0_30d * X.f1_30d))[3000:])
    assert churn_metrics(y[3000:], model.predict_proba(X[3000:])[:, 1])["auc"] > best["auc"] - 0.01


def test_many_rows_choose_rounds_on_customers_held_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(boosted_trees, "HOLDOUT_ROWS", 2000)
    monkeypatch.setattr(boosted_trees, "CROSS_ROWS", 3000)
    monkeypatch.setattr(boosted_trees, "LADDER_ROWS", 3000)
    X, y, _ = company(4500, seed=10)
    groups = np.repeat(np.arange(1500), 3)
    trees = [rung for rung in LADDER if rung.leaves][:3]
    model = ChurnClassifier(num_threads=1, ladder=trees).fit(X, y, groups)
    held = model.trees_.held_rows
    assert 0.15 < len(held) / 4500 < 0.35
    assert set(groups[held]).isdisjoint(np.delete(groups, held))
    assert 0 < model.rounds_ <= 600
    X_test, y_test, truth = company(4000, seed=11)
    auc = churn_metrics(y_test, model.predict_proba(X_test)[:, 1])["auc"]
    assert auc - 0.5 > 0.85 * (churn_metrics(y_test, truth)["auc"] - 0.5)


def test_a_middling_number_of_rows_are_all_held_out_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(boosted_trees, "HOLDOUT_ROWS", 2000)
    X, y, _ = company(2400, seed=14)
    model = ChurnClassifier(num_threads=1).fit(X, y)
    held = model.trees_
    assert held.held_rows.tolist() == list(range(2400))
    seen = churn_metrics(y, expit(model.margin(X)))["log_loss"]
    unseen = churn_metrics(y, expit(held.held_margins))["log_loss"]
    fresh = company(8000, seed=15)
    assert unseen > seen
    assert unseen == pytest.approx(
        churn_metrics(fresh[1], expit(model.margin(fresh[0])))["log_loss"], abs=0.03
    )


def test_no_fold_splits_a_customer_and_row_order_plays_no_part() -> None:
    groups = np.array([f"c{i}" for i in RNG.integers(0, 200, 1000)])
    folds, keys = make_folds(groups, 1000, 5, 0)
    assert all(len(set(folds[groups == g])) == 1 for g in set(groups))
    assert len(set(keys)) == len(set(groups)) and set(folds) == set(range(5))
    order = RNG.permutation(1000)
    np.testing.assert_array_equal(make_folds(groups[order], 1000, 5, 0)[0], folds[order])


def test_grouped_rows_do_not_flatter_the_ladder() -> None:
    """Copies of one customer on both sides of a fold would make a memorised customer look like skill."""
    rng = np.random.default_rng(12)
    noise = np.repeat(rng.normal(size=(300, 6)), 5, axis=0).astype(np.float32)
    y = np.repeat(rng.random(300) < 0.3, 5).astype(int)
    groups = np.repeat(np.arange(300), 5)
    model = ChurnClassifier(num_threads=1).fit(noise, y, groups)
    base = -np.mean(y) * np.log(np.mean(y)) - (1 - np.mean(y)) * np.log(1 - np.mean(y))
    assert min(step["loss"] for step in model.ladder_) > 0.97 * base
    fresh = model.predict_proba(rng.normal(size=(2000, 6)).astype(np.float32))[:, 1]
    lost = -0.3 * np.log(fresh) - 0.7 * np.log1p(-fresh)
    assert lost.mean() < -0.3 * np.log(0.3) - 0.7 * np.log(0.7) + 0.03, "little is made of what means nothing"


@pytest.mark.parametrize(
    ("y", "said"),
    [
        (np.zeros(200), "200 of class 0"),
        (np.ones(200), "200 of class 1"),
        (np.r_[np.ones(49), np.zeros(151)], "151 of class 0, 49 of class 1"),
        (np.repeat(["left", "stayed"], [49, 151]), "49 of class left, 151 of class stayed"),
        (np.full(200, np.nan), "200 of 200 rows have no outcome"),
        (np.r_[np.nan, np.ones(99), np.zeros(100)], "1 of 200 rows have no outcome"),
        (np.zeros(0), "0 of 0 rows"),
    ],
)
def test_unfit_data_is_refused_before_lightgbm(
    y: np.ndarray, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("lightgbm.train", lambda *a, **k: pytest.fail("LightGBM was called"))
    monkeypatch.setattr("lightgbm.Dataset", lambda *a, **k: pytest.fail("LightGBM was called"))
    with pytest.raises(NotEnoughDataError) as caught:
        ChurnClassifier().fit(RNG.normal(size=(len(y), 3)), y)
    assert said in caught.value.what and caught.value.fix


def test_one_customer_is_not_enough() -> None:
    with pytest.raises(NotEnoughDataError, match="one customer"):
        ChurnClassifier().fit(RNG.normal(size=(200, 3)), np.tile([0, 1], 100), np.zeros(200))


def test_conventions() -> None:
    model = ChurnClassifier(seeds=1, num_threads=1)
    assert clone(model).get_params() == model.get_params()
    assert not [name for name in vars(model) if name.endswith("_")]
    X, y, _ = company(600, seed=13)
    words = np.where(y == 1, "left", "here")
    assert model.fit(X, words) is model
    assert model.classes_.tolist() == ["here", "left"]
    found = model.predict_proba(X)
    np.testing.assert_allclose(found.sum(axis=1), 1)
    assert (model.predict(X) == np.where(found[:, 1] > 0.5, "left", "here")).all()


TYPED = "says so with a typed error of cxml, which is no ValueError"


def test_scikit_learn_estimator_checks() -> None:
    check_estimator(
        ChurnClassifier(min_events=1, num_threads=1, seeds=1),
        expected_failed_checks={
            "check_estimators_empty_data_messages": TYPED,
            "check_classifiers_one_label": TYPED,
            "check_supervised_y_no_nan": TYPED,
            "check_classifier_not_supporting_multiclass": TYPED,
            "check_fit2d_1sample": TYPED,
        },
        on_skip=None,
    )
