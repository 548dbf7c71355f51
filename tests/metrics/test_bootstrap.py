"""Intervals by customer against copied rows, scipy's bootstrap and scikit-learn's weighted metrics."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st
from scipy.stats import bootstrap
from sklearn.metrics import average_precision_score, roc_auc_score

from cxml.metrics.bootstrap import churn_draws, draw_counts, leavers_range, percentile_interval, value_draws
from cxml.metrics.forecasts import churn_metrics, normalised_gini, value_metrics


def made(n: int, customers: int, digits: int, seed: int = 0) -> tuple[np.ndarray, ...]:
    rng = np.random.default_rng(seed)
    who = rng.integers(0, customers, n)
    p = np.round(rng.beta(1, 4, n), digits)
    y = (rng.random(n) < p).astype(float)
    actual = np.round(np.where(rng.random(n) < 0.5, 0.0, rng.gamma(1, 30, n) - 2))
    return who, y, p, actual, np.round(0.3 * actual + rng.gamma(1, 20, n), digits)


@pytest.mark.parametrize(
    ("n", "customers", "digits"), [(300, 90, 2), (150, 150, 6), (200, 40, 1), (40, 9, 1)]
)
def test_a_draw_is_the_figure_of_the_copied_rows(n: int, customers: int, digits: int) -> None:
    who, y, p, actual, forecast = made(n, customers, digits)
    churn = churn_draws(y, p, who, draws=15, seed=3).figures
    value = value_draws(actual, forecast, who, draws=15, seed=3).figures
    counts = np.concatenate(list(draw_counts(who, 15, 3))).astype(int)
    for draw, count in enumerate(counts):
        rows = np.repeat(np.arange(n), count)
        slow = churn_metrics(y[rows], p[rows])
        assert {name: drawn[draw] for name, drawn in churn.items()} == pytest.approx(
            {name: slow[name] for name in churn}, nan_ok=True
        )
        slow = value_metrics(actual[rows], forecast[rows])
        assert {name: drawn[draw] for name, drawn in value.items()} == pytest.approx(
            {name: slow[name] for name in value}, nan_ok=True
        )


@settings(max_examples=60, deadline=None)
@given(
    rows=st.lists(
        st.tuples(st.integers(0, 1), st.integers(0, 10), st.integers(0, 5)), min_size=2, max_size=30
    )
)
def test_ranking_with_counts_is_that_of_scikit_learn(rows: list[tuple[int, int, int]]) -> None:
    y, p, who = (np.array(column) for column in zip(*rows, strict=True))
    found = churn_draws(y, p / 10, who, draws=5, seed=1).figures
    for draw, count in enumerate(np.concatenate(list(draw_counts(who, 5, 1)))):
        some = count > 0
        if len(set(y[some])) < 2:
            assert np.isnan(found["auc"][draw]) and np.isnan(found["pr_auc"][draw])
            continue
        weights = {"sample_weight": count[some]}
        assert found["auc"][draw] == pytest.approx(roc_auc_score(y[some], p[some], **weights))
        assert found["pr_auc"][draw] == pytest.approx(average_precision_score(y[some], p[some], **weights))


def test_intervals_are_those_of_scipy() -> None:
    _, y, p, actual, forecast = made(250, 250, 6, seed=2)

    def auc(rows: np.ndarray) -> float:
        return float(roc_auc_score(y[rows], p[rows]))

    def gini(rows: np.ndarray) -> float:
        return normalised_gini(actual[rows], forecast[rows])

    everyone = np.arange(250)
    for statistic, low_high in (
        (auc, churn_draws(y, p, everyone, draws=2_000).interval("auc")),
        (gini, value_draws(actual, forecast, everyone, draws=2_000).interval("gini")),
    ):
        slow = bootstrap(
            (everyone,), statistic, vectorized=False, n_resamples=500, method="percentile", random_state=1
        ).confidence_interval
        assert low_high == pytest.approx((slow.low, slow.high), abs=0.02)


def test_rows_of_a_customer_are_drawn_together() -> None:
    who = np.array(["a", "b", "a", "c", "b", "a"])
    counts = np.concatenate(list(draw_counts(who, 50, 0)))
    assert (counts[:, 0] == counts[:, 2]).all() and (counts[:, 0] == counts[:, 5]).all()
    assert (counts[:, 1] == counts[:, 4]).all()
    assert (counts[:, [0, 1, 3]].sum(axis=1) == 3).all(), "as many customers as there are"
    # The same row four times over is no more to go by than once; four customers would be.
    _, y, p, _, _ = made(200, 200, 6)
    once = churn_draws(y, p, np.arange(200)).interval("auc")
    copies = [np.tile(column, 4) for column in (y, p, np.arange(200))]
    assert churn_draws(*copies).interval("auc") == pytest.approx(once)
    low, high = churn_draws(copies[0], copies[1], np.arange(800)).interval("auc")
    assert high - low < 0.7 * (once[1] - once[0])


def test_differences_are_taken_draw_by_draw() -> None:
    who, y, p, _, _ = made(300, 90, 6)
    one = churn_draws(y, p, who)
    assert one.difference(churn_draws(y, p, who), "auc") == (0.0, 0.0)
    better = churn_draws(y, np.clip(p + 0.2 * y, 0, 1), who)
    low, high = better.difference(one, "auc")
    slow = percentile_interval(better.figures["auc"] - one.figures["auc"])
    assert 0 < low < high and (low, high) == slow
    assert high - low < one.interval("auc")[1] - one.interval("auc")[0]


def test_what_no_draw_gives_has_no_interval() -> None:
    nobody = churn_draws(np.zeros(20), np.linspace(0.1, 0.9, 20), np.arange(20))
    assert np.isnan(nobody.interval("auc")).all() and np.isfinite(nobody.interval("log_loss")).all()
    worthless = value_draws(np.zeros(20), np.arange(20.0), np.arange(20))
    assert np.isnan(worthless.interval("gini")).all() and worthless.interval("mae")[0] > 0


def test_the_same_seed_gives_the_same_interval_in_any_order_of_blocks(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    who, y, p, _, _ = made(300, 90, 2)
    found = churn_draws(y, p, who, draws=60)
    monkeypatch.setattr("cxml.metrics.bootstrap._BLOCK", 900)
    pieces = churn_draws(y, p, who, draws=60)
    for name, drawn in found.figures.items():
        np.testing.assert_allclose(drawn, pieces.figures[name], rtol=1e-12)


def test_the_range_of_leavers_is_that_of_drawn_worlds() -> None:
    rng = np.random.default_rng(7)
    p = rng.beta(2, 20, 800)
    odds = np.log(p / (1 - p))
    for error in (0.0, 0.25):
        level = rng.normal(0, error, 6_000)
        drawn = [(rng.random(800) < 1 / (1 + np.exp(-odds - one))).sum() for one in level]
        low, high = leavers_range(p, error)
        assert np.mean([low <= one <= high for one in drawn]) == pytest.approx(0.95, abs=0.012)
        assert np.quantile(drawn, [0.025, 0.975]) == pytest.approx([low, high], rel=0.08)
    assert leavers_range([0.01], 3.0)[1] <= 1 and leavers_range([0.01], 3.0)[0] == 0
