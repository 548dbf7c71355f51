"""The sigmoid against scipy and scikit-learn, and against data of known truth."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings, strategies as st
from scipy.optimize import minimize
from scipy.special import expit
from sklearn.calibration import _SigmoidCalibration
from sklearn.linear_model import LogisticRegression

from cxml.errors import ModelError, NotEnoughDataError
from cxml.models.calibration import LEAST_SLOPE, SigmoidCalibrator
from cxml.models.churn_level import Ahead

RNG = np.random.default_rng(1)
MARGIN = RNG.normal(-2, 1.5, 3000)
Y = (RNG.random(3000) < expit(0.6 * MARGIN + 0.4)).astype(int)


def test_equals_scikit_learn() -> None:
    oracle = _SigmoidCalibration().fit(MARGIN, Y)
    found = SigmoidCalibrator.fit(MARGIN, Y)
    assert (found.a, found.b) == pytest.approx((-oracle.a_, -oracle.b_), abs=1e-4)
    exact = SigmoidCalibrator(-float(oracle.a_), -float(oracle.b_))
    np.testing.assert_allclose(exact.probability(MARGIN), oracle.predict(MARGIN), atol=1e-12)


def test_equals_the_optimum_that_scipy_finds() -> None:
    ones = Y.sum()
    target = np.where(Y == 1, (ones + 1) / (ones + 2), 1 / (len(Y) - ones + 2))

    def loss(theta: np.ndarray) -> float:
        p = expit(theta[0] * MARGIN + theta[1])
        return -float(np.sum(target * np.log(p) + (1 - target) * np.log1p(-p)))

    best = minimize(
        loss, [1.0, 0.0], method="Nelder-Mead", options={"xatol": 1e-9, "fatol": 1e-12, "maxiter": 4000}
    )
    found = SigmoidCalibrator.fit(MARGIN, Y)
    assert [found.a, found.b] == pytest.approx(best.x, abs=1e-6)


def test_is_the_logistic_regression_once_rows_are_many() -> None:
    plain = LogisticRegression(C=np.inf, tol=1e-10, max_iter=1000).fit(MARGIN[:, None], Y)
    found = SigmoidCalibrator.fit(MARGIN, Y)
    assert found.a == pytest.approx(plain.coef_[0, 0], abs=0.01)
    assert found.b == pytest.approx(plain.intercept_[0], abs=0.01)


def test_recovers_the_truth() -> None:
    margin = RNG.normal(-1, 2, 200_000)
    y = RNG.random(200_000) < expit(0.5 * margin - 1)
    found = SigmoidCalibrator.fit(margin, y)
    assert (found.a, found.b) == pytest.approx((0.5, -1), abs=0.03)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.tuples(st.floats(-50, 50), st.booleans()), min_size=2, max_size=60).filter(
        lambda rows: 0 < sum(hit for _, hit in rows) < len(rows)
    )
)
def test_always_finite_and_rising_with_the_right_mean(rows: list[tuple[float, bool]]) -> None:
    margin, y = np.array([m for m, _ in rows]), np.array([h for _, h in rows])
    found = SigmoidCalibrator.fit(margin, y)
    assert np.isfinite([found.a, found.b]).all() and found.a >= LEAST_SLOPE
    ones = y.sum()
    target = np.where(y, (ones + 1) / (ones + 2), 1 / (len(y) - ones + 2))
    assert found.probability(margin).mean() == pytest.approx(target.mean(), abs=1e-6)


def test_margins_that_rank_the_wrong_way_give_the_base_rate() -> None:
    found = SigmoidCalibrator.fit(-MARGIN, Y)
    assert found.a == LEAST_SLOPE
    assert found.probability(-MARGIN) == pytest.approx(np.full(3000, Y.mean()), abs=2e-3)


def test_separated_margins_stay_finite() -> None:
    found = SigmoidCalibrator.fit([-2, -1, 1, 2], [0, 0, 1, 1])
    assert 0 < found.probability([2])[0] < 1 and found.a > 0


@pytest.mark.parametrize("y", [[], [0, 0], [1, 1]])
def test_one_class_cannot_calibrate(y: list[int]) -> None:
    with pytest.raises(NotEnoughDataError):
        SigmoidCalibrator.fit(np.zeros(len(y)), y)


def test_json_round_trip() -> None:
    found = SigmoidCalibrator.fit(MARGIN, Y)
    assert SigmoidCalibrator.from_dict(json.loads(json.dumps(found.to_dict()))) == found


@pytest.mark.parametrize(
    "raw",
    [
        None,
        {},
        {"a": 1},
        {"a": 0, "b": 0},
        {"a": -1, "b": 0},
        {"a": "1", "b": 0},
        {"a": float("nan"), "b": 0},
        {"a": True, "b": 0},
    ],
)
def test_damaged_numbers_are_refused(raw: object) -> None:
    with pytest.raises(ModelError):
        SigmoidCalibrator.from_dict(raw)


def test_levels_ahead_move_the_shift_and_nothing_else() -> None:
    ahead = Ahead((0.0, 100.0), (-1.0, 1.0), (0.1, 0.2))
    found = SigmoidCalibrator(2.0, 0.5).following(ahead)
    assert (found.a, found.b) == (2.0, -1.0)
    day = pd.Timestamp("1970-02-20", tz="UTC")
    assert (found.at(day).a, found.at(day).b, found.at(day).ahead) == (2.0, 0.0, ahead)
    assert SigmoidCalibrator(2.0, 0.5).at(day) == SigmoidCalibrator(2.0, 0.5)
    assert SigmoidCalibrator.from_dict(json.loads(json.dumps(found.to_dict()))) == found
