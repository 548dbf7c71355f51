"""Survival of simulated customers whose hazard is known, and the rules that every curve obeys."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, strategies as st
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import GridSearchCV
from sklearn.utils.estimator_checks import check_estimator

from cxml.errors import ConfigError, DataError, ModelError, NotEnoughDataError
from cxml.metrics.survival import censoring_curve, concordance, integrated_brier_score, kaplan_meier
from cxml.models import boosted_trees
from cxml.models.boosted_trees import BoostedTrees
from cxml.models.survival import SurvivalClassifier, _at_risk

PLANS = {"basic": 1.5, "gold": 0.5, "pro": 1.0}
MONTHS = np.arange(1, 13)


def traits(rows: int, seed: int) -> tuple[pd.DataFrame, np.ndarray]:
    """Features, and how many times the usual rate each customer leaves at."""
    rng = np.random.default_rng(seed)
    X = pd.DataFrame(rng.normal(size=(rows, 3)), columns=["wait_s_30d", "calls_30d", "age_d"])
    X["plan_last"] = rng.choice(list(PLANS), rows)
    return X, X["plan_last"].map(PLANS).to_numpy(float) * np.exp(0.5 * X["wait_s_30d"].to_numpy())


def monthly(rows: int, seed: int = 0) -> tuple[pd.DataFrame, pd.DataFrame, np.ndarray]:
    """Whole months, a hazard that changes with the month, and true survival beyond each of them."""
    X, times = traits(rows, seed)
    rng = np.random.default_rng(seed + 1000)
    hazard = 1 - np.exp(-times[:, None] * np.where(MONTHS <= 3, 0.15, 0.05))
    hit = rng.random(hazard.shape) < hazard
    stays = np.where(hit.any(axis=1), hit.argmax(axis=1) + 1, 99)
    watched = rng.integers(3, 13, rows)
    y = pd.DataFrame({"duration": np.minimum(stays, watched), "event": stays <= watched})
    return X, y, np.cumprod(1 - hazard, axis=1)


def daily(rows: int, seed: int = 0) -> tuple[pd.DataFrame, pd.DataFrame, np.ndarray]:
    """Days of a constant rate, censored at any time; and the rates per day."""
    X, times = traits(rows, seed)
    rng = np.random.default_rng(seed + 1000)
    rate = times / 100
    stays, watched = rng.exponential(1 / rate), rng.uniform(0, 300, rows)
    y = pd.DataFrame({"duration": np.minimum(stays, watched), "event": stays <= watched})
    return X, y, rate


@pytest.fixture(scope="module")
def months() -> SurvivalClassifier:
    X, y, _ = monthly(3000)
    return SurvivalClassifier(periods=MONTHS, rung="small", folds=2, num_threads=1).fit(X, y)


@pytest.fixture(scope="module")
def days() -> SurvivalClassifier:
    X, y, _ = daily(3000)
    return SurvivalClassifier(periods=range(30, 181, 30), rung="small", folds=2, num_threads=1).fit(X, y)


# ---------------------------------------------------------------- known truth


def test_survival_in_months_is_near_the_truth(months: SurvivalClassifier) -> None:
    X, y, truth = monthly(4000, seed=1)
    found = months.survival(X)
    assert months.steps_ and found.shape == (4000, 12)
    assert np.abs(found.mean(axis=0) - truth.mean(axis=0)).max() < 0.02, "the level"
    assert np.sqrt(np.mean((found - truth) ** 2)) < 0.06, "each customer"
    best = concordance(y["duration"], y["event"], 1 - truth.mean(axis=1))
    assert months.score(X, y) - 0.5 > 0.9 * (best - 0.5)
    censoring, times = censoring_curve(y["duration"], y["event"]), MONTHS[:11]
    common = np.tile(kaplan_meier(y["duration"], y["event"]).at(times), (4000, 1))
    scores = [
        integrated_brier_score(y["duration"], y["event"], curve, times, censoring)
        for curve in (truth[:, :11], found[:, :11], common)
    ]
    assert scores[0] <= scores[1] + 0.001 and scores[1] - scores[0] < 0.3 * (scores[2] - scores[0])


def test_hazard_follows_the_period(months: SurvivalClassifier) -> None:
    found = months.hazard(monthly(2000, seed=2)[0]).mean(axis=0)
    assert found[:3].min() > 1.5 * found[3:].max()


def test_lifetime_in_days_is_near_the_truth(days: SurvivalClassifier) -> None:
    X, _, rate = daily(4000, seed=1)
    assert not days.steps_
    for horizon in (45.0, 180.0):
        truth, found = (1 - np.exp(-rate * horizon)) / rate, days.expected_lifetime(X, horizon)
        assert found.mean() == pytest.approx(truth.mean(), rel=0.03)
        assert np.mean(np.abs(found / truth - 1)) < 0.1
    for t in (10.0, 75.0):
        assert days.survival_at(X, t)[:, 0].mean() == pytest.approx(np.exp(-rate * t).mean(), abs=0.02)


def test_hazard_without_features_is_leavers_over_time_watched() -> None:
    """The most likely hazard has a closed form, in which the censored count by what was watched."""
    _, y, _ = daily(6000, seed=3)
    ends = [20.0, 50.0, 120.0]
    model = SurvivalClassifier(periods=ends, rung="small", folds=2, seeds=1, num_threads=1).fit(
        np.zeros((6000, 1)), y
    )
    time, left = y["duration"].to_numpy(), y["event"].to_numpy()
    for found, begin, end in zip(model.hazard(np.zeros((1, 1)))[0], [0.0, *ends], ends, strict=False):
        gone = (left & (time > begin) & (time <= end)).sum()
        stayed = np.clip((time - begin) / (end - begin), 0, 1)[~(left & (time <= end))].sum()
        assert found == pytest.approx(gone / (gone + stayed), rel=0.03)


# ---------------------------------------------------------------- rules of a curve


def test_survival_never_rises_and_joins_its_ends(
    months: SurvivalClassifier, days: SurvivalClassifier
) -> None:
    X = daily(200, seed=4)[0]
    for model in (months, days):
        ends = model.ends_
        known, grid = model.survival(X), np.linspace(0, ends[-1], 1001)
        curve = model.survival_at(X, grid)
        assert (np.diff(curve, axis=1) <= 1e-12).all() and curve.min() > 0 and (curve[:, 0] == 1).all()
        np.testing.assert_allclose(model.survival_at(X, ends), known, atol=1e-12)
        np.testing.assert_allclose(known, np.cumprod(1 - model.hazard(X), axis=1))
        np.testing.assert_allclose(model.predict(X), 1 - known.mean(axis=1))


@pytest.mark.parametrize("horizon", [None, 0.0, 0.5, 2.0, 7.3, 11.9])
def test_lifetime_is_the_area_under_survival(
    horizon: float | None, months: SurvivalClassifier, days: SurvivalClassifier
) -> None:
    X = daily(50, seed=5)[0]
    for model in (months, days):
        end = float(model.ends_[-1] if horizon is None else horizon * model.ends_[-1] / 12)
        middles = (np.arange(24_000) + 0.5) / 24_000 * end
        area = model.survival_at(X, middles).mean(axis=1) * end
        found = model.expected_lifetime(X, None if horizon is None else end)
        np.testing.assert_allclose(found, area, rtol=1e-3)


def test_whole_months_give_the_mean_number_of_months() -> None:
    """All are watched to month 6: the expected lifetime is the plain mean of the durations."""
    rng = np.random.default_rng(6)
    stays = rng.geometric(0.2, 5000) - 1
    y = pd.DataFrame({"duration": np.minimum(stays, 6), "event": stays <= 6})
    X = rng.normal(size=(5000, 1))
    model = SurvivalClassifier(periods=range(7), rung="small", folds=2, seeds=1, num_threads=1).fit(X, y)
    assert model.steps_ and model.survival_at(X, 0).mean() == pytest.approx(0.8, abs=0.01)
    assert model.expected_lifetime(X).mean() == pytest.approx(np.minimum(stays, 6).mean(), rel=0.01)


@given(
    st.lists(st.integers(0, 50), min_size=1, max_size=6, unique=True).map(sorted),
    st.lists(st.floats(0.001, 0.95), min_size=6, max_size=6),
    st.booleans(),
)
def test_every_curve_falls_and_every_lifetime_grows(
    ends: list[int], hazard: list[float], steps: bool
) -> None:
    """Also where the first period is time 0 alone."""
    model = SurvivalClassifier()
    model.ends_, model.steps_ = np.array(ends, dtype=float), steps
    known = np.cumprod(1 - np.array([hazard[: len(ends)]]), axis=1)
    grid = np.linspace(0, ends[-1], 60)
    curve = model._between(known, grid)[0]
    assert (np.diff(curve) <= 1e-12).all() and ((curve > 0) & (curve <= 1)).all()
    np.testing.assert_allclose(model._between(known, model.ends_), known)
    lifetimes = np.array([model._area(known, t)[0] for t in grid])
    grown, width = np.diff(lifetimes), np.diff(grid)
    assert lifetimes[0] == 0 and (lifetimes <= grid + 1e-9).all()
    assert (grown <= curve[:-1] * width + 1e-9).all() and (grown >= curve[1:] * width - 1e-9).all()


def test_all_may_leave_in_the_only_period() -> None:
    y = pd.DataFrame({"duration": np.linspace(1, 5, 100), "event": 1})
    model = SurvivalClassifier(periods=[5], rung="small", folds=2, seeds=1, num_threads=1).fit(
        np.zeros((100, 1)), y
    )
    assert model.survival(np.zeros((1, 1)))[0, 0] < 0.01
    assert 0 <= model.expected_lifetime(np.zeros((1, 1)))[0] < 5


watched_customers = st.lists(st.tuples(st.integers(0, 12), st.booleans()), min_size=1, max_size=20)


@given(watched_customers, st.lists(st.integers(0, 11), min_size=1, max_size=5, unique=True).map(sorted))
def test_rows_at_risk_are_the_periods_entered(rows: list[tuple[int, bool]], ends: list[int]) -> None:
    expected = []
    for customer, (time, left) in enumerate(rows):
        for period, end in enumerate(ends):
            begin = ends[period - 1] if period else 0
            if time >= end and not (left and time == end):
                expected.append((customer, period, 0.0, 1.0))
                continue
            if left:
                expected.append((customer, period, 1.0, 1.0))
            elif time > begin:
                expected.append((customer, period, 0.0, (time - begin) / (end - begin)))
            break
    time, left = (np.array(column) for column in zip(*rows, strict=True))
    found = _at_risk(time.astype(float), left, np.array(ends, dtype=float))
    assert list(zip(found.customer, found.period, found.hit, found.watched, strict=True)) == [
        pytest.approx(row) for row in expected
    ]


# ---------------------------------------------------------------- periods and sizes


def test_a_number_of_periods_takes_as_many_leavers_each() -> None:
    X, y, _ = daily(2000, seed=7)
    model = SurvivalClassifier(periods=5, rung="small", folds=2, seeds=1, num_threads=1).fit(X, y)
    leaving = y["duration"][y["event"]]
    assert len(model.ends_) == 5 and model.ends_[-1] == leaving.max()
    counts = np.histogram(leaving, np.r_[0, np.nextafter(model.ends_, np.inf)])[0]
    assert np.ptp(counts) <= 1
    X, y, _ = monthly(1000, seed=7)
    model = SurvivalClassifier(rung="small", folds=2, seeds=1, num_threads=1).fit(X, y)
    assert model.ends_.tolist() == MONTHS.tolist() and model.steps_


def test_the_simplest_size_is_kept_where_more_does_not_pay() -> None:
    X, y, _ = monthly(800, seed=8)
    model = SurvivalClassifier(periods=MONTHS, seeds=1, folds=2, num_threads=1).fit(X, y)
    assert [step["name"] for step in model.ladder_][:2] == ["small", "middle"]
    assert model.rung_ == "small" and 0 < model.rounds_ < 300


def test_no_customer_is_on_both_sides_and_many_rows_choose_rounds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(boosted_trees, "HOLDOUT_ROWS", 2000)
    monkeypatch.setattr(boosted_trees, "CROSS_ROWS", 3000)
    X, y, _ = monthly(1200, seed=9)
    groups = np.repeat(np.arange(400), 3)
    model = SurvivalClassifier(periods=MONTHS, rung="small", folds=2, seeds=1, num_threads=1).fit(
        X, y, groups
    )
    assert 0 < model.rounds_ <= 600
    risk = _at_risk(y["duration"].to_numpy(float), y["event"].to_numpy(), model.ends_)
    held = model.trees_.held_rows
    whose = groups[risk.customer]
    assert set(whose[held]).isdisjoint(np.delete(whose, held))


# ---------------------------------------------------------------- conventions


def structured(y: pd.DataFrame) -> np.ndarray:
    return np.array(
        list(zip(y["event"], y["duration"], strict=True)), dtype=[("event", bool), ("duration", float)]
    )


def test_conventions(months: SurvivalClassifier) -> None:
    model = SurvivalClassifier(periods=(3, 6, 12), rung="small", folds=2, seeds=1, num_threads=1)
    assert clone(model).get_params() == model.get_params()
    assert not [name for name in vars(model) if name.endswith("_")]
    with pytest.raises(NotFittedError):
        model.survival(np.zeros((2, 3)))
    X, y, _ = monthly(600, seed=10)
    assert model.fit(X, y) is model and model.feature_names_in_.tolist() == list(X)
    texts = model.trees_.texts()
    assert clone(model).fit(X, structured(y)).trees_.texts() == texts
    two = clone(model).set_params(num_threads=2).fit(X.rename(columns=str.upper), y)
    assert two.trees_.texts() == texts
    np.testing.assert_array_equal(months.hazard(X.iloc[:, ::-1].assign(more=1)), months.hazard(X))
    with pytest.raises(ModelError, match="calls_30d"):
        months.hazard(X.drop(columns="calls_30d"))
    assert np.isfinite(months.survival(X.mask(X.notna(), other=None))).all()
    assert months.survival(X.iloc[:0]).shape == (0, 12)


def test_parts_of_many_rows_fit_together(months: SurvivalClassifier, monkeypatch: pytest.MonkeyPatch) -> None:
    X = monthly(100, seed=11)[0]
    whole = months.survival(X)
    monkeypatch.setattr("cxml.models.survival._CHUNK", 7 * 12)
    np.testing.assert_array_equal(months.survival(X), whole)


def test_grid_search_takes_it() -> None:
    X, y, _ = monthly(300, seed=12)
    model = SurvivalClassifier(
        periods=[3, 6, 12], rung="small", min_events=10, folds=2, seeds=1, num_threads=1
    )
    search = GridSearchCV(model, {"periods": [[3, 12], [6, 12]]}, cv=2, error_score="raise")
    found = search.fit(X, structured(y)).cv_results_["mean_test_score"]
    assert (found > 0.5).all()
    assert (search.fit(X, y).cv_results_["mean_test_score"] == found).all()


def test_stored_parts_say_the_same(days: SurvivalClassifier) -> None:
    X = daily(60, seed=13)[0]
    trees = BoostedTrees.read(days.trees_.texts(), 5)
    again = SurvivalClassifier.from_parts(trees, days.to_dict(), days.schema_, num_threads=1)
    np.testing.assert_array_equal(again.expected_lifetime(X), days.expected_lifetime(X))


@pytest.mark.parametrize(
    "raw",
    [
        None,
        {},
        {"ends": [1, 2]},
        {"ends": [], "steps": True},
        {"ends": [2, 1], "steps": True},
        {"ends": [1, "2"], "steps": True},
        {"ends": [1, float("nan")], "steps": True},
        {"ends": [1, 2], "steps": 1},
    ],
)
def test_damaged_parts_are_refused(raw: Any, days: SurvivalClassifier) -> None:
    with pytest.raises(ModelError):
        SurvivalClassifier.from_parts(days.trees_, raw, days.schema_)


# ---------------------------------------------------------------- refusals


FINE = pd.DataFrame({"duration": np.tile([1.0, 2.0], 60), "event": np.tile([1, 0], 60)})


@pytest.mark.parametrize(
    ("settings", "y", "kind", "said"),
    [
        ({}, FINE["duration"], DataError, "no columns duration and event"),
        ({}, FINE.rename(columns={"event": "churned"}), DataError, "no columns duration and event"),
        ({}, FINE.assign(duration=-1.0), DataError, "120 durations"),
        ({}, FINE.assign(duration=np.nan), DataError, "120 durations"),
        ({}, FINE.assign(event=2), DataError, "120 events"),
        ({}, FINE.assign(event=0), NotEnoughDataError, "0 of 120 rows leave"),
        ({"min_events": 61}, FINE, NotEnoughDataError, "60 of 120 rows leave"),
        ({"periods": [0.5]}, FINE, NotEnoughDataError, "0 of 120 rows leave"),
        ({"periods": 0}, FINE, ConfigError, "periods"),
        ({"periods": []}, FINE, ConfigError, "periods"),
        ({"periods": [2, 1]}, FINE, ConfigError, "periods"),
        ({"periods": [-1, 1]}, FINE, ConfigError, "periods"),
        ({"rung": "huge"}, FINE, ConfigError, "unknown rung"),
    ],
)
def test_unfit_input_is_refused_before_lightgbm(
    settings: dict[str, Any], y: Any, kind: type[Exception], said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("lightgbm.Dataset", lambda *a, **k: pytest.fail("LightGBM was called"))
    with pytest.raises(kind, match=said) as caught:
        SurvivalClassifier(**settings).fit(np.zeros((120, 2)), y)
    assert caught.value.where and caught.value.expected and caught.value.fix  # type: ignore[attr-defined]


def test_time_beyond_the_last_period_is_not_guessed(months: SurvivalClassifier) -> None:
    X = monthly(5, seed=14)[0]
    for ask in (lambda: months.expected_lifetime(X, 13), lambda: months.survival_at(X, [-1])):
        with pytest.raises(ConfigError, match="outside what was learned"):
            ask()


class EveryoneLeft(SurvivalClassifier):
    """Takes one outcome, as the checks of scikit-learn do: its size is a duration at whose end the customer left."""

    def fit(self, X: Any, y: Any = None, groups: Any = None) -> Any:
        return super().fit(X, self._lived(y), groups)

    def score(self, X: Any, y: Any) -> float:
        return super().score(X, self._lived(y))

    @staticmethod
    def _lived(y: Any) -> pd.DataFrame:
        if y is None:
            raise ValueError("requires y to be passed, but the target y is None")
        outcome = np.ravel(y)
        if outcome.dtype.kind not in "iufb":
            outcome = np.unique(outcome, return_inverse=True)[1]
        return pd.DataFrame({"duration": np.abs(outcome.astype(float)) + 1, "event": True})


TYPED = "says so with a typed error of cxml, which is no ValueError"


@pytest.mark.filterwarnings("ignore:Casting complex values")
def test_scikit_learn_estimator_checks() -> None:
    check_estimator(
        EveryoneLeft(num_threads=1, seeds=1, min_events=1, folds=2, periods=3, rung="small"),
        expected_failed_checks=dict.fromkeys(
            ("check_estimators_empty_data_messages", "check_fit2d_1sample", "check_supervised_y_no_nan"),
            TYPED,
        ),
        on_skip=None,
    )
