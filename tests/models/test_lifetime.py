"""Lifetimes against numerical integration of the same curves, and the promises they must keep."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings, strategies as st
from scipy.integrate import quad

from cxml.errors import ModelError
from cxml.models.boosted_trees import BoostedTrees
from cxml.models.lifetime import Curve, Lifetime
from cxml.models.schema import Schema
from cxml.models.survival import SurvivalClassifier

ENDS = np.array([30.0, 60.0, 120.0])


def curve_of(*survival: float) -> Curve:
    return Curve.of(ENDS, np.array([survival]))


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.floats(0.05, 1.0), min_size=3, max_size=3),
    st.floats(1.0, 900.0),
    st.floats(0.0, 0.002),
    st.floats(0.01, 0.9),
    st.floats(5.0, 200.0),
)
def test_areas_are_the_integrals_of_the_curve(
    steps: list[float], until: float, discount: float, p: float, horizon: float
) -> None:
    shape = curve_of(*np.cumprod(steps).tolist())
    for curve in (shape, shape.meeting(np.array([-np.log1p(-p)]), horizon)):
        knots = [k for k in sorted({*ENDS, horizon}) if k < until]

        def weighed(day: float, curve: Curve = curve) -> float:
            return float(curve.at(day)[0, 0]) * float(np.exp(-discount * day))

        expected, _ = quad(weighed, 0, until, points=knots, limit=200)
        assert curve.area(until, discount)[0] == pytest.approx(expected, rel=1e-6)
    if shape.fallen(horizon)[0] > 0:
        met = shape.meeting(np.array([-np.log1p(-p)]), horizon)
        assert met.at(horizon)[0, 0] == pytest.approx(1 - p)
        half, later = horizon / 2, horizon + until
        assert met.fallen(half)[0] / met.fallen(horizon)[0] == pytest.approx(
            shape.fallen(half)[0] / shape.fallen(horizon)[0]
        )
        beyond = [one.fallen(later)[0] - one.fallen(horizon)[0] for one in (met, shape)]
        assert beyond[0] == pytest.approx(beyond[1]), "beyond the horizon the survival model speaks alone"


def test_a_curve_goes_through_what_it_was_given_and_never_rises() -> None:
    curve = curve_of(0.9, 0.6, 0.5)
    assert curve.at([0, 30, 60, 120])[0] == pytest.approx([1.0, 0.9, 0.6, 0.5])
    assert (np.diff(curve.at(np.linspace(0, 2000, 500))[0]) <= 0).all()


def test_beyond_the_last_period_the_rate_is_that_of_the_later_half() -> None:
    curve = curve_of(0.9, 0.6, 0.5)
    assert curve.at(180)[0, 0] == pytest.approx(0.5 * 0.5 / 0.6)


def test_a_constant_rate_has_the_lifetime_that_everybody_knows() -> None:
    curve = curve_of(*np.exp(-ENDS / 100).tolist())
    assert curve.area(1e5)[0] == pytest.approx(100.0)
    assert curve.area(1e5, 0.01)[0] == pytest.approx(50.0)


def test_who_never_leaves_stays_all_the_time() -> None:
    assert curve_of(1.0, 1.0, 1.0).area(1000.0)[0] == pytest.approx(1000.0)


@pytest.fixture(scope="module")
def fitted() -> tuple[Lifetime, pd.DataFrame]:
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"wait_s_30d": rng.exponential(60, 1500), "plan_last": rng.choice(["a", "b"], 1500)})
    days = rng.exponential(6000 / (20 + frame["wait_s_30d"]))
    y = pd.DataFrame({"duration": np.minimum(days, 120), "event": days < 120})
    model = SurvivalClassifier(periods=[30, 60, 90, 120], rung="small", seeds=1, num_threads=1).fit(frame, y)
    return Lifetime(model, horizon=30.0, days=730.0, discount_rate=0.1), frame


def test_lifetime_value_is_value_times_discounted_days(fitted: tuple[Lifetime, pd.DataFrame]) -> None:
    lifetime, frame = fitted
    p, value = np.full(len(frame), 0.2), np.full(len(frame), 50.0)
    found = lifetime.predict(frame, p, value)
    curve = lifetime.curve(frame, p)
    grid = np.arange(0.05, 730, 0.1)
    weight = 1.1 ** (-grid / 365)
    stays = curve.at(grid)
    days = (stays * weight).sum(axis=1) * 0.1
    near = (stays * weight)[:, grid < 30].sum(axis=1) * 0.1
    assert found["lifetime_value"].to_numpy() == pytest.approx(50.0 * days / near, rel=1e-3)
    assert found["expected_lifetime_days"].to_numpy() == pytest.approx(stays.sum(axis=1) * 0.1, rel=1e-3)
    assert (found["lifetime_value"] >= 50.0).all()


def test_no_value_no_lifetime_value(fitted: tuple[Lifetime, pd.DataFrame]) -> None:
    lifetime, frame = fitted
    found = lifetime.predict(frame.head(5), np.full(5, 0.1), np.full(5, np.nan))
    assert found["lifetime_value"].isna().all() and found["expected_lifetime_days"].notna().all()


def test_a_row_alone_gets_the_same_as_among_others(fitted: tuple[Lifetime, pd.DataFrame]) -> None:
    lifetime, frame = fitted
    p, value = np.linspace(0.01, 0.9, len(frame)), np.linspace(1, 99, len(frame))
    together = lifetime.predict(frame, p, value).to_numpy()
    parts = [
        lifetime.predict(frame[i : i + 7], p[i : i + 7], value[i : i + 7]).to_numpy() for i in range(0, 70, 7)
    ]
    assert np.concatenate(parts).tobytes() == together[:70].tobytes()


def test_stored_parts_give_the_same(fitted: tuple[Lifetime, pd.DataFrame]) -> None:
    lifetime, frame = fitted
    schema: Schema = lifetime.survival.schema_
    trees = BoostedTrees.read(lifetime.survival.trees_.texts(), len(schema.columns) + 1)
    again = Lifetime.from_parts(trees, lifetime.to_dict(), schema, 1)
    p, value = np.full(9, 0.3), np.full(9, 7.0)
    pd.testing.assert_frame_equal(lifetime.predict(frame[:9], p, value), again.predict(frame[:9], p, value))
    plain = Lifetime.from_parts(trees, {**lifetime.to_dict(), "discount_rate": 0.0}, schema, 1)
    assert (plain.predict(frame[:9], p, value)["lifetime_value"] > 7.0).all()
    for name in ("horizon", "days", "discount_rate", "ends"):
        with pytest.raises(ModelError):
            Lifetime.from_parts(trees, {**lifetime.to_dict(), name: "x"}, schema)
