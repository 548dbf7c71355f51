"""Baselines do what their one sentence says."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy.special import expit
from scipy.stats import norm
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import LogisticRegression

from cxml.errors import ConfigError, NotEnoughDataError
from cxml.metrics.forecasts import churn_metrics
from cxml.models.baselines import BaseRate, BoostedBaseline, LogisticBaseline, NaiveValue, RecencyRule

RNG = np.random.default_rng(2)
DAYS = np.where(RNG.random(4000) < 0.1, np.nan, RNG.gamma(1, 30, 4000).round())
TRUTH = np.where(np.isnan(DAYS), 0.6, expit(-2.5 + 0.03 * np.nan_to_num(DAYS)))
Y = (RNG.random(4000) < TRUTH).astype(int)
X = pd.DataFrame(
    {
        "order_days_since": DAYS.astype("float32"),
        "spend_90d": RNG.lognormal(3, 1, 4000),
        "plan_last": RNG.choice(["a", "b", None], 4000),
        "never": np.nan,
        "same": 1,
    }
)


def test_base_rate_is_the_share() -> None:
    found = BaseRate().fit(X, Y).predict_proba(X)
    assert found[:, 1] == pytest.approx(np.full(4000, Y.mean()))
    assert found.sum(axis=1) == pytest.approx(np.ones(4000))


def test_recency_rises_with_silence_and_never_is_longest() -> None:
    rule = RecencyRule("order_days_since").fit(X, Y)
    p = rule.leave(X)
    order = np.argsort(np.where(np.isnan(DAYS), np.inf, DAYS))
    assert (np.diff(p[order]) >= 0).all()
    assert (p[np.isnan(DAYS)] == p.max()).all()
    assert np.abs(p - TRUTH).mean() < 0.03
    assert p.mean() == pytest.approx(Y.mean())
    assert rule.leave(X.iloc[::-1])[::-1] == pytest.approx(p)


def test_recency_of_a_rule_that_does_not_hold_is_flat() -> None:
    falling = RecencyRule("d").fit(
        pd.DataFrame({"d": np.arange(1000.0)}), (np.arange(1000) < 500).astype(int)
    )
    assert falling.leave(pd.DataFrame({"d": [0.0, 2000.0]})) == pytest.approx([0.5, 0.5])


def test_logistic_equals_plain_logistic_on_a_normal_feature() -> None:
    x = RNG.normal(size=20_000)
    y = (RNG.random(20_000) < expit(-1 + x)).astype(int)
    # By rank to normal: the same scale, up to the sampling of the ranks.
    plain = LogisticRegression(C=0.1).fit(norm.ppf((np.argsort(np.argsort(x)) + 0.5) / 20_000)[:, None], y)
    found = LogisticBaseline().fit(pd.DataFrame({"x": x}), y).leave(pd.DataFrame({"x": [-1.0, 0.0, 1.0]}))
    assert found == pytest.approx(plain.predict_proba([[-1.0], [0.0], [1.0]])[:, 1], abs=0.01)


def test_logistic_takes_missing_text_constants_and_unseen_levels() -> None:
    model = LogisticBaseline().fit(X, Y)
    assert churn_metrics(Y, model.leave(X))["auc"] > 0.95 * churn_metrics(Y, TRUTH)["auc"]
    strange = X.head(3).assign(plan_last="unseen", spend_90d=1e12)
    assert np.isfinite(model.leave(strange)).all()
    only_missing = LogisticBaseline().fit(X[["never", "order_days_since"]], Y)
    assert only_missing.leave(X).std() > 0


def test_logistic_on_drawn_customers_is_close_to_all() -> None:
    groups = np.repeat(np.arange(2000), 2)
    part = LogisticBaseline(most_rows=2000).fit(X, Y, groups).leave(X)
    assert np.abs(part - LogisticBaseline().fit(X, Y).leave(X)).mean() < 0.03


def test_logistic_knows_the_base_rate_where_no_column_tells_rows_apart() -> None:
    found = LogisticBaseline().fit(X[["never", "same"]], Y).predict_proba(X)
    np.testing.assert_allclose(found, np.tile([1 - Y.mean(), Y.mean()], (len(X), 1)))
    by_plan = LogisticBaseline().fit(X[["same", "plan_last"]], Y).leave(X)
    assert len(np.unique(by_plan)) == 3


def test_boosted_takes_columns_without_values_and_few_values_change_nothing() -> None:
    few = pd.Series(np.nan, index=X.index)
    few[:19] = np.arange(19.0)
    numbers = X[["order_days_since", "spend_90d"]]
    found = BoostedBaseline().fit(numbers.assign(never=np.nan, few=few), Y)
    plain = HistGradientBoostingClassifier(random_state=0).fit(numbers.to_numpy(np.float32), Y)
    later = numbers.assign(never=3.0, few=100.0)
    want = plain.predict_proba(numbers.to_numpy(np.float32))[:, 1]
    np.testing.assert_array_equal(found.leave(later), want)
    assert np.isfinite(BoostedBaseline().fit(X, Y).leave(X)).all()
    np.testing.assert_allclose(BoostedBaseline().fit(X[["never"]], Y).leave(X[["never"]]), Y.mean())


def test_naive_value_goes_on_at_the_same_rate() -> None:
    frame = pd.DataFrame({"value_90d": [90.0, np.nan, -30.0]})
    found = NaiveValue("value_90d", window_days=90, horizon_days=30).fit(frame, [1, 2, 3]).predict(frame)
    assert found.tolist() == [30, 0, -10]


def test_an_absent_column_is_a_config_error() -> None:
    with pytest.raises(ConfigError, match="nowhere_90d"):
        NaiveValue("nowhere_90d", 90, 30).fit(X, Y)
    with pytest.raises(ConfigError):
        RecencyRule("nowhere").fit(X, Y)


@pytest.mark.parametrize("baseline", [BaseRate(), RecencyRule("order_days_since"), LogisticBaseline()])
def test_missing_outcomes_are_refused(baseline: BaseRate) -> None:
    with pytest.raises(NotEnoughDataError):
        baseline.fit(X, np.where(np.arange(4000) == 7, np.nan, Y))
