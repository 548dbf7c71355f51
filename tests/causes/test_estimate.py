"""The estimator against least squares by hand, DoubleML's numbers, and worlds whose effect is known."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from cxml.causes.checks import enough, overlap, placebos_fired
from cxml.causes.estimate import (
    Effect,
    doubly_robust,
    partially_linear,
    robustness_value,
)
from cxml.causes.nuisance import Expectation, cross_fitted, folds_of, hinges

# DoubleML 0.11.4 with scikit-learn 1.9.1 and numpy 2.4.6, on the table and the folds below, straight lines for both:
# DoubleMLPLR(DoubleMLData(frame, "y", "d", ["x1", "x2"], cluster_cols="who"), LinearRegression(), LinearRegression(),
# n_folds=4), set_sample_splitting, fit, sensitivity_analysis(level=0.975), sensitivity_benchmark(["x2"]).
STORED = {"theta": 0.15273477, "se": 0.02928141, "rv": 0.12642847, "rva": 0.08086374, "shift": 0.0909753666}


def table(seed: int = 0, customers: int = 500) -> tuple[pd.DataFrame, np.ndarray]:
    rng = np.random.default_rng(seed)
    who = np.repeat(np.arange(customers), 4)
    shared = rng.standard_normal(customers)[who]
    x1, x2 = rng.standard_normal((2, len(who)))
    d = 0.6 * x1 - 0.3 * x2 + 0.5 * shared + rng.standard_normal(len(who))
    y = (
        0.2 * d
        + 0.8 * x1
        + 0.4 * x2
        + 0.7 * rng.standard_normal(customers)[who]
        + rng.standard_normal(len(who))
    )
    return pd.DataFrame({"y": y, "d": d, "x1": x1, "x2": x2, "who": who}), who % 4


def straight(
    frame: pd.DataFrame, target: str, folds: np.ndarray, columns: tuple[str, ...] = ("x1", "x2")
) -> np.ndarray:
    """Least squares out of fold."""
    X = np.column_stack([np.ones(len(frame)), *(frame[c] for c in columns)])
    y, found = frame[target].to_numpy(), np.empty(len(frame))
    for fold in np.unique(folds):
        found[folds == fold] = (
            X[folds == fold] @ np.linalg.lstsq(X[folds != fold], y[folds != fold], rcond=None)[0]
        )
    return found


def effect_of(frame: pd.DataFrame, folds: np.ndarray, columns: tuple[str, ...] = ("x1", "x2")) -> Effect:
    y, d = (straight(frame, name, folds, columns) for name in ("y", "d"))
    return partially_linear(frame["y"], frame["d"], y, d, frame["who"])


def test_the_numbers_are_those_of_doubleml() -> None:
    found, shorter = effect_of(*table()), effect_of(*table(), ("x1",))
    assert found.theta == pytest.approx(STORED["theta"], abs=1e-8)
    assert found.se == pytest.approx(STORED["se"], rel=1e-3)
    assert robustness_value(found, 0.0) == pytest.approx(STORED["rv"], rel=1e-4)
    # DoubleML also counts how uncertain the bound itself is, which hardly matters.
    assert robustness_value(found) == pytest.approx(STORED["rva"], rel=2e-3)
    assert abs(found.theta - shorter.theta) == pytest.approx(STORED["shift"], abs=1e-8)


def test_doubleml_itself_says_the_same() -> None:
    dml = pytest.importorskip("doubleml")
    linear = pytest.importorskip("sklearn.linear_model").LinearRegression
    frame, folds = table(seed=5)
    data = dml.DoubleMLData(frame, "y", "d", ["x1", "x2"], cluster_cols="who")
    model, rows, people = (
        dml.DoubleMLPLR(data, linear(), linear(), n_folds=4),
        np.arange(len(frame)),
        np.arange(500),
    )
    model.set_sample_splitting(
        [[(rows[folds != k], rows[folds == k]) for k in range(4)]],
        all_smpls_cluster=[[([people[people % 4 != k]], [people[people % 4 == k]]) for k in range(4)]],
    )
    model.fit()
    found = effect_of(frame, folds)
    assert found.theta == pytest.approx(float(model.coef[0]), abs=1e-8)
    assert found.se == pytest.approx(float(model.se[0]), rel=1e-3)


def test_the_error_is_that_of_a_jackknife_over_customers() -> None:
    found = effect_of(*table(seed=1, customers=200))
    without = []
    for customer in range(200):
        kept = found.customers != customer
        without.append(found.u[kept] @ found.v[kept] / (found.v[kept] @ found.v[kept]))
    jackknife = np.sqrt(199 / 200 * np.sum((np.array(without) - np.mean(without)) ** 2))
    assert found.se == pytest.approx(jackknife, rel=0.02)
    assert found.influence.sum() == pytest.approx(0.0, abs=1e-12)


def test_rows_in_another_order_or_customers_by_another_name_change_nothing() -> None:
    frame, folds = table(seed=2)
    found = effect_of(frame, folds)
    mixed = frame.sample(frac=1, random_state=0)
    again = effect_of(mixed.assign(who="C" + mixed["who"].astype(str)), folds[mixed.index])
    assert (again.theta, again.se) == (
        pytest.approx(found.theta, rel=1e-9),
        pytest.approx(found.se, rel=1e-9),
    )


def test_a_row_that_is_there_twice_for_one_customer_is_no_second_customer() -> None:
    frame, folds = table(seed=3)
    found = effect_of(frame, folds)
    once = partially_linear(found.u, found.v, np.zeros(2000), np.zeros(2000), frame["who"])
    twice = np.tile(np.arange(2000), 2)
    doubled = partially_linear(
        found.u[twice], found.v[twice], np.zeros(4000), np.zeros(4000), frame["who"].to_numpy()[twice]
    )
    assert doubled.se == pytest.approx(once.se, rel=1e-9)


def test_the_plain_average_is_right_where_effects_differ() -> None:
    rng = np.random.default_rng(4)
    x, rows = rng.integers(0, 2, 40_000), np.arange(40_000)
    chance = np.where(x, 0.5, 0.1)
    d = (rng.random(40_000) < chance).astype(float)
    effect_by_x = np.where(x, 0.1, 0.4)
    y = 0.2 + effect_by_x * d + 0.1 * rng.standard_normal(40_000)
    found = partially_linear(y, d, 0.2 + effect_by_x * chance, chance, rows)
    weights = chance * (1 - chance)
    assert found.theta == pytest.approx(np.average(effect_by_x, weights=weights), abs=4 * found.se)
    average, error = doubly_robust(found, d, chance)
    assert average == pytest.approx(0.25, abs=4 * error)
    assert abs(found.theta - 0.25) > 10 * found.se, "the two are different questions"


def test_the_robustness_value_is_the_strength_that_brings_the_effect_to_nothing() -> None:
    found = effect_of(*table())
    value = robustness_value(found, 0.0)
    bias = found.scale * np.sqrt(value * value / (1 - value))
    assert bias == pytest.approx(abs(found.theta), rel=1e-9)
    assert (
        robustness_value(partially_linear(found.u, found.v[::-1], 0 * found.u, 0 * found.u, found.customers))
        == 0.0
    )


def test_a_treatment_that_never_varies_has_no_effect_and_no_end_of_its_interval() -> None:
    ones = np.ones(100)
    found = partially_linear(np.arange(100), ones, ones, ones, np.arange(100))
    assert (found.theta, found.se, found.t) == (0.0, float("inf"), 0.0)
    assert robustness_value(found) == 0.0


# --- nuisances -------------------------------------------------------------------------------------------


def test_a_customer_is_in_one_fold() -> None:
    who = np.random.default_rng(0).integers(0, 300, 2000)
    folds = folds_of(who)
    assert set(folds) == {0, 1, 2, 3}
    assert pd.Series(folds).groupby(who).nunique().max() == 1


def test_the_basis_spans_bends_levels_and_missing_values_and_drops_what_never_varies() -> None:
    rng = np.random.default_rng(0)
    x = rng.exponential(size=1000)
    gaps = np.where(rng.random(1000) < 0.2, np.nan, x)
    C = pd.DataFrame(
        {"x": x, "gaps": gaps, "same": 3.0, "t": rng.choice(["a", "b", "rare"], 1000, p=[0.6, 0.395, 0.005])}
    )
    basis = hinges(C)
    assert np.isfinite(basis).all() and (basis.std(axis=0) > 0).all()
    cut = np.minimum(x, np.quantile(x, 0.995, method="nearest"))
    bent = np.maximum(cut - np.quantile(x, 0.65, method="nearest"), 0) + 2 * np.isnan(gaps) + (C["t"] == "b")
    fitted = np.column_stack([np.ones(1000), basis])
    left = bent - fitted @ np.linalg.lstsq(fitted, bent, rcond=None)[0]
    assert np.abs(left).max() < 1e-9
    assert hinges(C[["same"]]).shape == (1000, 0)


def test_what_is_forecast_never_looks_at_its_own_fold() -> None:
    rng = np.random.default_rng(1)
    C = pd.DataFrame(rng.standard_normal((800, 80)), columns=[f"c{i}" for i in range(80)])
    y = C["c3"].to_numpy() + rng.standard_normal(800)
    folds = folds_of(np.arange(800) // 2)
    found = cross_fitted(C, y[:, None], folds)[:, 0]
    assert np.corrcoef(y, found)[0, 1] > 0.55
    changed = y + np.where(folds == 0, 5 * rng.standard_normal(800), 0.0)
    lines, again = (Expectation(C, t[:, None], folds).of(t[:, None], trees=False)[:, 0] for t in (y, changed))
    assert np.allclose(lines[folds == 0], again[folds == 0], rtol=0, atol=1e-9)
    assert not np.allclose(lines[folds != 0], again[folds != 0], rtol=0, atol=1e-3)


def test_of_hundreds_of_columns_those_are_taken_that_matter_for_either_target() -> None:
    rng = np.random.default_rng(2)
    C = pd.DataFrame(rng.standard_normal((3000, 300)), columns=[f"c{i}" for i in range(300)])
    targets = np.column_stack([C["c7"], C["c200"]]) + 0.5 * rng.standard_normal((3000, 2))
    found = cross_fitted(C, targets, folds_of(np.arange(3000)))
    for j in range(2):
        assert np.corrcoef(found[:, j], targets[:, j])[0, 1] > 0.85


def test_trees_are_taken_where_lines_cannot_follow() -> None:
    rng = np.random.default_rng(3)
    C = pd.DataFrame(rng.standard_normal((4000, 3)), columns=list("abc"))
    y = np.sign(C["a"] * C["b"]).to_numpy() + 0.3 * rng.standard_normal(4000)
    folds = folds_of(np.arange(4000))
    expected = Expectation(C, y[:, None], folds)
    lines, either = (expected.of(y[:, None], trees=trees)[:, 0] for trees in (False, True))
    assert np.mean((y - either) ** 2) < 0.5 * np.mean((y - lines) ** 2)
    pair = np.column_stack([y, y + rng.standard_normal(4000)])
    assert np.mean((y - expected.of_pair(pair, C.columns)[:, 0]) ** 2) < 0.5 * np.mean((y - lines) ** 2)


def test_without_controls_the_mean_of_the_others_is_all_there_is() -> None:
    y, folds = np.arange(8.0)[:, None], np.tile([0, 1], 4)
    assert cross_fitted(pd.DataFrame(index=range(8)), y, folds)[:, 0].tolist() == [4.0, 3.0] * 4


# --- checks ----------------------------------------------------------------------------------------------


def placebo_world(effect: float, seed: int) -> tuple[Effect, np.ndarray]:
    """Who leaves has no later rows, and the treatment acts."""
    rng = np.random.default_rng(seed)
    rows, stays = [], np.ones(1500, dtype=bool)
    for _ in range(5):
        d = rng.standard_normal(1500)
        left = rng.random(1500) < 0.15 + effect * d
        rows.append(np.column_stack([np.flatnonzero(stays), d[stays], left[stays]]))
        stays &= ~left
    who, d, y = np.concatenate(rows).T
    m = np.zeros(len(d))
    return partially_linear(y, d, np.full(len(d), y.mean()), m, who), m


def test_placebos_are_quiet_also_where_the_treatment_acts_and_leavers_have_fewer_rows() -> None:
    fired = [placebos_fired(*placebo_world(0.06, seed), seed) for seed in range(8)]
    assert np.mean(fired) < 2.5 and max(fired) <= 5
    assert placebo_world(0.06, 0)[0].t > 10


def test_overlap_and_what_there_is_to_see() -> None:
    rng = np.random.default_rng(0)
    m = rng.random(5000)
    d = (rng.random(5000) < m).astype(float)
    assert overlap(d, m).outside == pytest.approx(0.04, abs=0.01)
    assert overlap(d, m).explained == pytest.approx(1 / 3, abs=0.03)
    assert overlap(m, m).explained == 1.0
    there = enough(d, d, pd.Series(np.arange(5000) // 2))
    assert (there.rows, there.step, there.lacks) == (5000, 1.0, "")
    assert enough(d[:900], d[:900], pd.Series(np.arange(900))).lacks == "rows"
    few = np.zeros(5000)
    few[:99] = 1
    assert enough(d, few, pd.Series(np.arange(5000))).lacks == "exposed"
    assert enough(np.zeros(5000), d, pd.Series(np.arange(5000))).lacks == "leavers"
    assert enough(d, 7 * m, pd.Series(np.arange(5000))).step == pytest.approx(3.5, abs=0.2)
