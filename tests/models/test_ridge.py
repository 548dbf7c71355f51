"""Curves of a logistic regression: as good as a library's, exact contributions, nothing that can run away."""

from __future__ import annotations

import json

import numpy as np
import pytest
from scipy.optimize import minimize
from scipy.special import log_expit
from sklearn.linear_model import LogisticRegression

from cxml.errors import ModelError
from cxml.models.additive import Additive, FeatureCurve
from cxml.models.ridge import PENALTIES, Ridge

PLAN, ROWS = 4, 700


def rows(seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Two numbers, one with a heavy tail, two that are missing together, a category of three levels and a rare one."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(ROWS, 5)).astype(np.float32)
    X[:, 1] = np.exp(2 * X[:, 1])
    X[rng.random(ROWS) < 0.2, 2:4] = np.nan
    X[:, PLAN] = rng.choice([0, 1, 2, 3], ROWS, p=[0.5, 0.3, 0.195, 0.005])
    X[rng.random(ROWS) < 0.05, PLAN] = np.nan
    eta = -1 + X[:, 0] + 0.8 * np.isnan(X[:, 2]) + (X[:, PLAN] == 1) - 0.5 * np.nan_to_num(X[:, 3])
    return X, (rng.random(ROWS) < 1 / (1 + np.exp(-eta))).astype(float)


def test_weights_are_those_of_another_solver() -> None:
    X, y = rows()
    ridge = Ridge.learn(X, (PLAN,))
    np.testing.assert_allclose(ridge.columns.mean(axis=0), 0, atol=1e-9)
    for penalty, line in zip(PENALTIES, ridge.lines(np.arange(ROWS), y, PENALTIES), strict=True):
        theirs = LogisticRegression(C=1 / penalty, tol=1e-9, max_iter=5000).fit(ridge.columns, y)
        found = ridge.curves(line).margin(X)
        np.testing.assert_allclose(found, theirs.decision_function(ridge.columns), atol=0.02)


def test_a_weight_against_its_direction_is_held_at_nothing() -> None:
    X, y = rows()
    signs = (-1, 0, 1, 1, 0)
    ridge = Ridge.learn(X, (PLAN,), signs)
    (line,) = ridge.lines(np.arange(ROWS), y, [10.0])
    bounds = [{1: (0, None), -1: (None, 0)}.get(way, (None, None)) for way in ridge.directions]

    def loss(at: np.ndarray) -> float:
        margin = ridge.columns @ at[:-1] + at[-1]
        return float(-np.sum(np.where(y == 1, log_expit(margin), log_expit(-margin))) + 5 * at[:-1] @ at[:-1])

    best = minimize(loss, np.zeros(len(bounds) + 1), method="L-BFGS-B", bounds=[*bounds, (None, None)])
    assert loss(np.append(*line)) == pytest.approx(best.fun, abs=0.02)
    curves = ridge.curves(line).curves
    assert len(set(curves[0].adds)) == 1, "it lowers in truth, and may only raise"
    assert curves[2] is not None and np.all(np.diff(curves[2].adds) >= 0)
    assert curves[2].missing > curves[2].adds[0], "what is missing is free"


def test_what_a_feature_adds_is_exact_and_stays_within_what_was_seen() -> None:
    X, y = rows()
    ridge = Ridge.learn(X, (PLAN,))
    (line,) = ridge.lines(np.arange(ROWS), y, [3.0])
    found = ridge.curves(line)
    parts = found.contributions(X)
    np.testing.assert_allclose(parts.sum(axis=1), found.margin(X), atol=1e-9)
    np.testing.assert_allclose(parts[:, :-1].mean(axis=0), 0, atol=1e-9)
    np.testing.assert_allclose(found.margin(X), ridge.columns @ line[0] + line[1], atol=1e-9)
    far = X.copy()
    far[:, 1] = 1e30
    assert np.ptp(found.contributions(far)[:, 1]) == 0
    assert found.contributions(far)[0, 1] == found.contributions(X)[X[:, 1].argmax(), 1]
    unseen = np.full_like(X, np.nan)
    assert np.isfinite(found.margin(unseen)).all()


def test_amounts_count_by_their_logarithm_in_every_unit() -> None:
    rng = np.random.default_rng(1)
    minutes = np.where(rng.random(ROWS) < 0.3, 0, rng.integers(1, 30, ROWS)).astype(np.float32)[:, None]
    small = np.quantile(minutes[minutes > 0], 0.1)
    wanted = np.log1p(minutes / small)
    found = Ridge.learn(minutes).columns
    np.testing.assert_allclose(found, (wanted - wanted.mean()) / wanted.std(), atol=1e-6)
    np.testing.assert_allclose(Ridge.learn(60 * minutes).columns, found, atol=1e-6)
    below = Ridge.learn(minutes - 15).columns
    assert np.corrcoef(below[:, 0], np.argsort(np.argsort(minutes[:, 0])))[0, 1] > 0.9
    assert np.abs(below - found).max() > 0.1, "ranks, where a number may be below 0"


def test_columns_missing_together_share_what_missing_says() -> None:
    X, y = rows()
    ridge = Ridge.learn(X, (PLAN,))
    (line,) = ridge.lines(np.arange(ROWS), y, [1.0])
    second, third = ridge.curves(line).curves[2:4]
    gap = np.array([np.full(5, np.nan)], dtype=np.float32)
    assert second is not None and third is not None
    assert second.of(gap[:, 2]) == pytest.approx(third.of(gap[:, 3]))
    assert second.missing > 0.1


def test_what_cannot_be_told_apart_gets_the_share_of_events() -> None:
    X = np.column_stack([np.ones(50), np.full(50, np.nan)]).astype(np.float32)
    ridge = Ridge.learn(X)
    (line,) = ridge.lines(np.arange(50), np.repeat([0.0, 1.0], [40, 10]), [1.0])
    np.testing.assert_allclose(ridge.curves(line).margin(X), np.log(10 / 40), atol=1e-3)


def test_numbers_survive_json() -> None:
    X, y = rows()
    ridge = Ridge.learn(X, (PLAN,))
    (line,) = ridge.lines(np.arange(ROWS), y, [1.0])
    found = ridge.curves(line)
    again = Additive.from_dict(json.loads(json.dumps(found.to_dict())), 5)
    assert again == found and again.margin(X).tolist() == found.margin(X).tolist()
    with pytest.raises(ModelError, match="columns"):
        again.margin(X[:, :4])
    with pytest.raises(ModelError, match="damaged"):
        Additive.from_dict(found.to_dict(), 6)


def test_a_curve_is_flat_beyond_its_knots() -> None:
    curve = FeatureCurve((1.0, 3.0), (-1.0, 2.0), 7.0)
    found = curve.of(np.array([-9, 1, 2, 3, 1e20, np.nan], dtype=np.float32))
    assert found.tolist() == [-1, -1, 0.5, 2, 2, 7]
