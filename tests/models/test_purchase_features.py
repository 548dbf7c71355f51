"""Purchase models inside a feature table: what they say of each row, as features, offsets and baselines."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from cxml.errors import ConfigError, ModelError
from cxml.metrics.forecasts import value_metrics
from cxml.models.baselines import PurchaseBaseline
from cxml.models.bundle import Bundle
from cxml.models.churn import ChurnClassifier
from cxml.models.purchase_features import PurchaseColumns, PurchaseOutlook
from cxml.models.purchase_spend import PurchaseHistory
from cxml.models.purchase_value import PurchaseValue
from cxml.models.value import ValueRegressor
from cxml.models.value_parts import CANDIDATES

COLUMNS = PurchaseColumns(
    "frequency", "recency", "T", "purchase_value", lead=0.0, horizon=90.0, steady=(("bills_30d", 30.0),)
)


def table(rows: int, seed: int = 0) -> tuple[pd.DataFrame, np.ndarray]:
    """Histories and values of customers with known rates; one in ten never bought, and some get bills."""
    rng = np.random.default_rng(seed)
    rate, spend = rng.gamma(0.8, 1 / 40, rows), rng.gamma(4, 8, rows)
    age, alive = rng.uniform(60, 400, rows), rng.random(rows) < 0.7
    lasted = np.where(alive, age, age * rng.random(rows))
    count = rng.poisson(rate * lasted)
    last = lasted * rng.random(rows) ** (1 / np.maximum(count, 1))
    frame = pd.DataFrame(
        {
            "frequency": count.astype(float),
            "recency": np.where(count > 0, last, 0.0),
            "T": age,
            "purchase_value": rng.gamma(3 * (count + 1), spend / 3 / (count + 1)),
            "bills_30d": rng.choice([0.0, 12.0], rows),
            "noise": rng.normal(size=rows),
        }
    )
    never = rng.random(rows) < 0.1
    frame.loc[never, ["frequency", "recency", "T", "purchase_value"]] = np.nan
    later = rng.poisson(np.where(alive & ~never, rate, 0.0) * 90)
    value = np.where(later > 0, rng.gamma(3 * np.maximum(later, 1), spend / 3), 0.0) + 3 * frame.bills_30d
    return frame.astype("float32"), value.to_numpy()


@pytest.fixture(scope="module")
def fitted() -> ValueRegressor:
    frame, value = table(3000)
    return ValueRegressor(purchases=COLUMNS, num_threads=1, seeds=1).fit(frame, value)


def test_baselines_are_the_purchase_models_and_nothing_else() -> None:
    frame, value = table(700)
    for kind in ("pareto_nbd", "bg_nbd"):
        baseline = PurchaseBaseline(kind, COLUMNS).fit(frame, value)
        found = baseline.predict(frame)
        assert baseline.outlook_ is not None
        model = baseline.outlook_.pareto if kind == "pareto_nbd" else baseline.outlook_.bg
        known = frame["T"].notna()
        said = frame[known].astype(float)
        history = PurchaseHistory(
            np.arange(known.sum()),
            said.frequency.to_numpy(),
            said.recency.to_numpy(),
            said["T"].to_numpy(),
            said.frequency.to_numpy() + 1,
            said.purchase_value.to_numpy(),
        )
        expected = model.value(history, 90.0) + said.bills_30d * 3
        np.testing.assert_allclose(found[known], expected, rtol=1e-3)
        np.testing.assert_allclose(found[~known], value[~known.to_numpy()].mean())
        assert value_metrics(value, found)["gini"] > 0.3


def test_a_window_that_starts_later_is_the_difference_of_two() -> None:
    frame, value = table(700)
    long = PurchaseOutlook.fit(COLUMNS, frame, value, np.arange(700))
    parts = [
        PurchaseOutlook(
            PurchaseColumns("frequency", "recency", "T", "purchase_value", lead, days),
            long.pareto,
            long.bg,
            0.0,
        )
        for lead, days in ((0.0, 100.0), (0.0, 40.0), (40.0, 60.0))
    ]
    known = frame["T"].notna().to_numpy()
    whole, first, rest = (one.value(frame)[known] for one in parts)
    np.testing.assert_allclose(first + rest, whole, rtol=1e-4, atol=1e-4)


def test_the_latest_row_of_each_customer_is_learned_from_in_any_order() -> None:
    frame, value = table(700)
    earlier = frame.assign(T=frame["T"] - 30, recency=0.0, frequency=0.0)
    both, keys = pd.concat([frame, earlier], ignore_index=True), np.tile(np.arange(700), 2)
    alone = PurchaseOutlook.fit(COLUMNS, frame, value, np.arange(700))
    found = PurchaseOutlook.fit(COLUMNS, both, np.tile(value, 2), keys)
    assert found.pareto == alone.pareto and found.bg == alone.bg
    order = np.random.default_rng(1).permutation(700)
    assert PurchaseOutlook.fit(COLUMNS, frame.iloc[order], value[order], order).pareto == alone.pareto


def test_competitors_share_what_was_fitted_on_the_same_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    frame, value = table(600, seed=9)
    fits = []
    usual = PurchaseValue.fit
    monkeypatch.setattr(PurchaseValue, "fit", lambda *args: fits.append(1) or usual(*args))
    for part in (frame, frame.iloc[:500]):
        ValueRegressor(purchases=COLUMNS, num_threads=1, seeds=1, folds=2).fit(part, value[: len(part)])
        for kind in ("bg_nbd", "pareto_nbd"):
            PurchaseBaseline(kind, COLUMNS).fit(part, value[: len(part)])
    assert len(fits) == 2


def test_odd_histories_are_understood() -> None:
    frame, value = table(1000)
    odd = frame.iloc[:4].copy()
    odd["frequency"], odd["recency"], odd["T"] = [0, 2, 1, 0], [0.4, 0.0, 90.0, 0.0], [10, 20, 60, 0]
    odd["purchase_value"] = [-5.0, 10.0, 10.0, 10.0]
    found = PurchaseOutlook.fit(COLUMNS, frame, value, np.arange(1000)).value(odd)
    assert np.isfinite(found).all() and (found > 0).all()
    with pytest.raises(ConfigError, match="purchase_value"):
        PurchaseOutlook.fit(COLUMNS, frame.drop(columns="purchase_value"), value, np.arange(1000))


def test_where_nobody_bought_again_there_is_no_purchase_model() -> None:
    frame, value = table(1000)
    once = frame.assign(frequency=0.0, recency=0.0)
    model = ValueRegressor(purchases=COLUMNS, num_threads=1, seeds=1, folds=2).fit(once, value)
    assert model.outlook_ is None and {one["name"] for one in model.ladder_} == {"hurdle", "tweedie"}
    found = PurchaseBaseline("bg_nbd", COLUMNS).fit(once, value).predict(once)
    assert found == pytest.approx(np.full(1000, value.mean()))


def test_all_candidates_are_tried_and_the_kept_one_ranks_as_well_as_the_baselines(
    fitted: ValueRegressor,
) -> None:
    assert {one["name"] for one in fitted.ladder_} == set(CANDIDATES)
    assert fitted.kept_ == fitted.ladder_[0]["name"]
    frame, value = table(8000, seed=1)
    own = value_metrics(value, fitted.predict(frame))
    pareto = PurchaseBaseline("pareto_nbd", COLUMNS).fit(*table(3000)).predict(frame)
    assert own["gini"] > value_metrics(value, pareto)["gini"] - 0.01
    assert abs(own["total_error"]) < 0.1
    few = frame[frame.frequency.isna() | (frame.frequency == 0)]
    assert np.isfinite(fitted.predict_all(few).to_numpy()).all()


@pytest.mark.parametrize(
    "steady", [5, None, [["a"]], [["a", "x"]], [["a", 0.0]], [["a", float("nan")]], [[1, 30.0]]]
)
def test_damaged_columns_of_steady_money_are_refused(steady: object, fitted: ValueRegressor) -> None:
    assert fitted.outlook_ is not None
    raw = fitted.outlook_.to_dict()
    assert PurchaseOutlook.from_dict(raw).columns == fitted.outlook_.columns
    with pytest.raises(ModelError) as caught:
        PurchaseOutlook.from_dict({**raw, "columns": {**raw["columns"], "steady": steady}})
    assert caught.value.exit_code == 4 and caught.value.fix


@pytest.mark.parametrize("kept", list(CANDIDATES))
def test_every_candidate_survives_a_bundle(
    kept: str, fitted: ValueRegressor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cxml.models.value.CANDIDATES", {kept: CANDIDATES[kept]})
    frame, value = table(1200)
    model = ValueRegressor(purchases=COLUMNS, num_threads=1, seeds=1, folds=2).fit(frame, value)
    churn = ChurnClassifier(num_threads=1, folds=2, seeds=1).fit(frame, value > np.median(value))
    features = {
        c: {"factor": "behaviour", "en": c, "ko": c, "unit": "count", "direction": "-"} for c in frame
    }
    labels = {
        "factors": {"behaviour": {"en": "b", "ko": "b", "kind": "context", "family": "other"}},
        "features": features,
    }
    bundle = Bundle(churn, model, labels, {})
    again = Bundle.read(bundle.write(tmp_path / "bundle"))
    pd.testing.assert_frame_equal(again.score(frame), bundle.score(frame), check_exact=True)
    assert again.fingerprint == bundle.fingerprint
    whole = again.score(frame)
    parts = pd.concat([again.score(frame.iloc[i : i + 7]) for i in range(0, 70, 7)])
    pd.testing.assert_frame_equal(parts, whole.iloc[:70], check_exact=True)
    money = ["expected_value", "median_value", "value_low", "value_high"]
    later, actual = table(4000, seed=2)
    found = again.score(later)[money]
    assert np.isfinite(found.to_numpy()).all()
    inside = (actual >= found.value_low) & (actual <= found.value_high)
    assert inside.mean() == pytest.approx(0.9, abs=0.03)


def test_damaged_numbers_are_refused(fitted: ValueRegressor) -> None:
    numbers = json.loads(json.dumps(fitted.numbers()))
    ValueRegressor.from_parts(fitted.chance_, fitted.trees_, numbers, fitted.schema_)
    outlook = numbers["outlook"]
    broken = [
        {**numbers, "hurdle": {**numbers["hurdle"], "factors": {"luck": 1.0}}},
        {**numbers, "hurdle": {**numbers["hurdle"], "factors": {"pareto_nbd": 1.0}}, "outlook": None},
        {**numbers, "outlook": {**outlook, "columns": None}},
        {**numbers, "outlook": {**outlook, "pareto_nbd": {}}},
        {**numbers, "outlook": {**outlook, "bg_nbd": {"bg_nbd": {"r": -1.0}}}},
    ]
    for one in broken:
        with pytest.raises(ModelError):
            ValueRegressor.from_parts(fitted.chance_, fitted.trees_, one, fitted.schema_)
    with pytest.raises(ModelError, match="missing"):
        ValueRegressor.from_parts(
            None, {}, {**numbers, "hurdle": {**numbers["hurdle"], "factors": {"hurdle": 1.0}}}, fitted.schema_
        )
