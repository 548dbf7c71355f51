"""Figures of merit against independent definitions."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st
from scipy.special import expit

from cxml.errors import DataError
from cxml.metrics import forecasts

RNG = np.random.default_rng(5)
PROB = expit(RNG.normal(-2, 1, 4000))
CHURNED = (RNG.random(4000) < PROB).astype(int)


def test_auc_is_the_share_of_pairs_in_order() -> None:
    y, p = CHURNED[:300], np.round(PROB[:300], 2)
    pairs = [(a > b) + 0.5 * (a == b) for a, b in itertools.product(p[y == 1], p[y == 0])]
    assert forecasts.churn_metrics(y, p)["auc"] == pytest.approx(np.mean(pairs))


def test_log_loss_and_brier_by_hand() -> None:
    found = forecasts.churn_metrics(CHURNED, PROB)
    assert found["log_loss"] == pytest.approx(-np.mean(np.where(CHURNED == 1, np.log(PROB), np.log1p(-PROB))))
    assert found["brier"] == pytest.approx(np.mean((PROB - CHURNED) ** 2))
    assert found["rows"] == 4000 and found["events"] == CHURNED.sum()
    assert found["base_rate"] == pytest.approx(CHURNED.mean())


def test_pr_auc_without_ties_is_the_mean_precision_at_each_event() -> None:
    order = np.argsort(-PROB)
    hits = CHURNED[order]
    precision = np.cumsum(hits) / np.arange(1, len(hits) + 1)
    assert forecasts.churn_metrics(CHURNED, PROB)["pr_auc"] == pytest.approx(precision[hits == 1].mean())


def test_ece_without_ties_by_splitting_the_sorted_rows() -> None:
    order = np.argsort(PROB)
    gaps = [abs(PROB[part].mean() - CHURNED[part].mean()) for part in np.array_split(order, 10)]
    assert forecasts.expected_calibration_error(CHURNED, PROB) == pytest.approx(np.mean(gaps))


def test_top_decile_lift_by_hand() -> None:
    top = np.argsort(-PROB)[:400]
    assert forecasts.churn_metrics(CHURNED, PROB)["top_decile_lift"] == pytest.approx(
        CHURNED[top].mean() / CHURNED.mean()
    )


def test_noise_bar_holds_a_perfect_model_and_catches_a_shifted_one() -> None:
    perfect = [
        forecasts.expected_calibration_error(RNG.random(4000) < PROB, PROB)
        < forecasts.calibration_noise(PROB)
        for _ in range(30)
    ]
    assert sum(perfect) >= 28
    found = forecasts.churn_metrics(CHURNED, expit(np.log(PROB / (1 - PROB)) + 0.5))
    assert found["ece"] > found["ece_noise_p99"]


def test_noise_falls_with_the_root_of_the_rows_and_is_reproducible() -> None:
    small, large = (
        forecasts.calibration_noise(PROB[:1000]),
        forecasts.calibration_noise(np.tile(PROB[:1000], 16)),
    )
    assert small / large == pytest.approx(4, rel=0.2)
    assert forecasts.calibration_noise(PROB) == forecasts.calibration_noise(PROB)


def rising(y: np.ndarray, p: np.ndarray) -> np.ndarray:
    """The isotonic fit by its max-min formula (Robertson, Wright, Dykstra 1988), ties as one step."""
    steps = np.unique(p)
    means = np.array([[y[(a <= p) & (p <= b)].mean() if a <= b else np.inf for b in steps] for a in steps])
    levels = [max(means[a, at:].min() for a in range(at + 1)) for at in range(len(steps))]
    return np.array(levels)[np.searchsorted(steps, p)]


def test_miscalibration_is_what_the_best_rising_change_takes_away() -> None:
    y, p = CHURNED[:300], np.round(PROB[:300], 2)
    found, best = forecasts.churn_metrics(y, p), rising(y, p)
    assert found["miscalibration"] == pytest.approx(np.mean((p - y) ** 2) - np.mean((best - y) ** 2))
    assert forecasts.churn_metrics(y, best)["miscalibration"] == pytest.approx(0, abs=1e-12)
    table = forecasts.calibration_table(y, p, bins=1)
    assert table["isotonic"].tolist() == pytest.approx([best.mean()])
    assert (np.diff(forecasts.calibration_table(y, p)["isotonic"]) > -1e-12).all()


def test_one_class_has_no_auc_but_a_loss() -> None:
    found = forecasts.churn_metrics(np.zeros(20), np.full(20, 0.1))
    assert np.isnan(found["auc"]) and np.isnan(found["pr_auc"]) and np.isnan(found["top_decile_lift"])
    assert found["log_loss"] == pytest.approx(-np.log(0.9))


def test_a_constant_probability_is_one_bin() -> None:
    table = forecasts.calibration_table(CHURNED, np.full(4000, 0.2))
    assert table["rows"].tolist() == [4000]
    assert table["actual"].iloc[0] == pytest.approx(CHURNED.mean())


def test_calibration_table_interval_holds_the_truth() -> None:
    table = forecasts.calibration_table(CHURNED, PROB)
    assert table["predicted"].is_monotonic_increasing and table["rows"].sum() == 4000
    assert ((table["low"] <= table["actual"]) & (table["actual"] <= table["high"])).all()
    assert ((table["low"] <= table["predicted"]) & (table["predicted"] <= table["high"])).sum() >= 8


def test_lift_table_finds_everyone_at_the_end() -> None:
    table = forecasts.lift_table(CHURNED, PROB, (0.1, 1.0))
    assert table["recall"].iloc[1] == pytest.approx(1) and table["lift"].iloc[1] == pytest.approx(1)
    assert table["churned"].iloc[0] == CHURNED[np.argsort(-PROB)[:400]].sum()


def gini_by_trapezium(actual: np.ndarray, by: np.ndarray) -> float:
    """Twice the area between the gain curve and the diagonal."""
    gain = np.r_[0, np.cumsum(actual[np.argsort(-by)])] / actual.sum()
    return 2 * np.trapezoid(gain, dx=1 / len(actual)) - 1


def test_gini_is_the_area_ratio() -> None:
    actual = RNG.gamma(0.5, 20, 500) * (RNG.random(500) < 0.4)
    forecast = actual * RNG.gamma(2, 1, 500) + RNG.random(500)
    expected = gini_by_trapezium(actual, forecast) / gini_by_trapezium(actual, actual)
    assert forecasts.value_metrics(actual, forecast)["gini"] == pytest.approx(expected)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 50), st.integers(0, 5)), min_size=3, max_size=40), st.randoms())
def test_no_figure_depends_on_row_order_or_scale(rows: list[tuple[int, int]], shuffle: object) -> None:
    actual, forecast = np.array(rows, dtype=float).T
    order = list(range(len(rows)))
    shuffle.shuffle(order)  # type: ignore[attr-defined]
    here, there = (
        forecasts.value_metrics(actual, forecast),
        forecasts.value_metrics(actual[order], forecast[order]),
    )
    for name, value in here.items():
        assert there[name] == pytest.approx(value, nan_ok=True), name
    scaled = forecasts.value_metrics(actual * 7, forecast * 7)
    for name in ("gini", "spearman", "decile_mape", "total_error"):
        assert scaled[name] == pytest.approx(here[name], nan_ok=True), name


def test_perfect_constant_and_reversed_forecasts() -> None:
    actual = np.arange(1.0, 101)
    perfect = forecasts.value_metrics(actual, actual)
    assert perfect["gini"] == 1 and perfect["total_error"] == 0 and perfect["decile_mape"] == 0
    constant = forecasts.value_metrics(actual, np.full(100, 50.5))
    assert constant["gini"] == pytest.approx(0) and np.isnan(constant["spearman"])
    assert forecasts.value_metrics(actual, -actual)["gini"] == pytest.approx(-1)


def test_negative_totals_have_no_gini_but_errors() -> None:
    found = forecasts.value_metrics([-5.0, 1.0, 2.0], [0.0, 1.0, 1.0])
    assert np.isnan(found["gini"]) and np.isnan(found["total_error"])
    assert found["mae"] == pytest.approx(2)


def test_decile_table_runs_from_the_top_down() -> None:
    actual = np.arange(100.0)
    table = forecasts.decile_table(actual, actual * 2)
    assert table["actual"].iloc[0] == 94.5 and table["predicted"].iloc[0] == 189
    assert table["rows"].tolist() == [10] * 10


@pytest.mark.parametrize(
    ("y", "p"),
    [([0, 1], [0.5]), ([], []), ([0, 1], [0.5, np.nan]), ([0, 2], [0.5, 0.5]), ([0, 1], [0.5, 1.5])],
)
def test_unusable_input_is_a_typed_error(y: list[float], p: list[float]) -> None:
    with pytest.raises(DataError):
        forecasts.churn_metrics(y, p)
