"""What-ifs against regressions by hand, a jackknife over customers, and worlds whose truth is known."""

from __future__ import annotations

import dataclasses
import json
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings, strategies as st

from cxml.causes import examination, factor_badges, improvements, promise_cliffs
from cxml.causes.improvements import basis, brought, change, goal, replayed, settled
from cxml.causes.nuisance import Expectation, folds_of
from cxml.causes.study import Study
from cxml.causes.treatments import Question
from cxml.config.load import parse_config
from cxml.simulate.wait_world import CONTROLS, RESPONSES, WaitWorld, wait_world
from cxml.tables.opening import Tables, open_tables

PROMISE = 5.0


def drawn(rows: int = 3_000, seed: int = 0) -> tuple[np.ndarray, np.ndarray, pd.DataFrame, np.ndarray]:
    rng = np.random.default_rng(seed)
    usage = rng.standard_normal(rows)
    wait = np.exp(1.4 + 0.3 * usage + 0.7 * rng.standard_normal(rows))
    left = (rng.random(rows) < 0.15 + 0.05 * (wait > 5) + 0.03 * (usage > 0)).astype(float)
    return left, wait, pd.DataFrame({"usage": usage}), rng.integers(0, rows // 3, rows)


@settings(max_examples=50, deadline=None)
@given(x=st.lists(st.floats(0, 100), min_size=1, max_size=20), target=st.floats(0, 50))
def test_the_columns_say_the_whole(x: list[float], target: float) -> None:
    now = np.array(x)
    columns = basis(now, target)
    assert columns[:, :2].sum(axis=1) == pytest.approx(np.minimum(now, target))
    assert columns[:, [0, 1, 3]].sum(axis=1) == pytest.approx(now)
    assert (columns[:, 2] == (now > target)).all()
    kept = basis(np.minimum(now, target), target)
    assert (kept[:, :2] == columns[:, :2]).all() and not kept[:, 2:].any()


def test_the_change_is_that_of_least_squares_and_its_interval_that_of_a_jackknife() -> None:
    left, wait, controls, customers = drawn()
    found = change(left, wait, PROMISE, controls, customers)
    x = np.minimum(wait, np.quantile(wait, 0.99))
    columns = np.column_stack([np.minimum(x, 2.5), np.clip(x - 2.5, 0, 2.5), x > 5, np.maximum(x - 5, 0)])
    targets = np.column_stack([left, columns])
    off = targets - Expectation(controls, targets, folds_of(customers)).of(targets, trees=False)
    less = -columns * [0, 0, 1, 1]

    def mean_change(kept: np.ndarray) -> float:
        theta = np.linalg.lstsq(off[kept, 1:], off[kept, 0], rcond=None)[0]
        return float((less[kept] @ theta).mean())

    everyone = np.ones(len(left), dtype=bool)
    assert found.left == pytest.approx(mean_change(everyone))
    groups = np.array_split(np.random.default_rng(1).permutation(customers.max() + 1), 200)
    without = np.array([mean_change(~np.isin(customers, group)) for group in groups])
    error = np.sqrt(199 / 200 * ((without - without.mean()) ** 2).sum())
    assert (found.left_high - found.left_low) / 3.92 == pytest.approx(error, rel=0.15)
    assert found.left - found.left_low == pytest.approx(found.left_high - found.left)


def test_neither_order_nor_units_matter() -> None:
    left, wait, controls, customers = drawn()
    one = change(left, wait, PROMISE, controls, customers)
    order = np.random.default_rng(2).permutation(len(left))
    seconds = change(left, 60 * wait, 60 * PROMISE, controls, customers)
    assert (seconds.left, seconds.left_low) == pytest.approx((one.left, one.left_low))
    reordered = change(left[order], wait[order], PROMISE, controls.iloc[order], customers[order])
    assert (reordered.left, reordered.left_low) == pytest.approx((one.left, one.left_low), rel=1e-6)


def test_several_waits_count_as_their_mean() -> None:
    left, wait, controls, customers = drawn()
    one = change(left, wait, PROMISE, controls, customers)
    twice = np.repeat(np.arange(len(left)), 2)
    both = change(left, wait[twice], PROMISE, controls, customers, row=twice)
    assert both.left == pytest.approx(one.left, rel=0.02)
    assert both.rows == one.rows


def test_value_goes_with_the_leavers() -> None:
    left, wait, controls, customers = drawn()
    found = change(left, wait, PROMISE, controls, customers, value=np.full(len(left), 250.0))
    assert found.value == pytest.approx(250 * found.left)
    assert found.value_high == pytest.approx(250 * found.left_high)
    assert np.isnan(change(left, wait, PROMISE, controls, customers).value)


def test_nothing_changes_where_everything_is_kept() -> None:
    left, wait, controls, customers = drawn()
    found = change(left, np.minimum(wait, PROMISE), PROMISE, controls, customers)
    assert found.left == found.left_low == found.left_high == 0.0


@pytest.mark.parametrize(
    ("rows", "shift", "lack"), [(900, 0.0, "rows"), (3_000, 6.0, "beyond"), (3_000, 0.0, "leavers")]
)
def test_what_was_never_seen_is_not_answered(rows: int, shift: float, lack: str) -> None:
    left, wait, controls, customers = (part[:rows] for part in drawn())
    if lack == "leavers":
        left = np.where(np.cumsum(left) <= 40, left, 0.0)
    found = change(left, wait + shift, PROMISE, controls, customers)
    assert (found.lack, found.rows) == (lack, rows)
    assert np.isnan([found.left, found.left_low, found.left_high]).all()
    assert found.reached == pytest.approx((wait + shift <= PROMISE).mean())


def test_troubles_that_are_counted_go_to_none() -> None:
    rng = np.random.default_rng(5)
    usage, customers = rng.standard_normal(30_000), rng.integers(0, 9_000, 30_000)
    troubles = rng.poisson(np.exp(-1 + 0.3 * usage))
    left = (rng.random(30_000) < 0.1 + 0.04 * np.minimum(troubles, 2) + 0.03 * (usage > 0)).astype(float)
    truth = -0.04 * np.minimum(troubles, 2).mean()
    found = change(left, troubles, 0.0, pd.DataFrame({"usage": usage}), customers)
    assert found.left_low <= truth <= found.left_high < 0
    ever = change(left, troubles > 0, 0.0, pd.DataFrame({"usage": usage}), customers)
    assert ever.left == pytest.approx(found.left, abs=0.003)


WORLDS = ("cliff at the promise", "bend", "early bend", "late bend")


def test_the_interval_holds_the_truth() -> None:
    assert sum(held(world, seed) for world in WORLDS for seed in range(3)) >= 11


@pytest.mark.slow
@pytest.mark.parametrize("world", RESPONSES)
def test_over_ten_seeds(world: str) -> None:
    assert sum(held(world, seed) for seed in range(10)) >= 9


def held(world: str, seed: int) -> bool:
    made = wait_world(RESPONSES[world], seed=seed)
    seen = made.contacted.reset_index(drop=True)
    left = seen["churned"].to_numpy(dtype=float)
    found = change(left, seen["wait_min"], PROMISE, seen[list(CONTROLS)], seen["customer_id"])
    return found.left_low <= made.change(PROMISE) <= found.left_high


# --- from tables


@pytest.fixture(scope="module")
def company() -> tuple[WaitWorld, Tables, Study]:
    """A world as a company would record it: customers, and one call each before some of the cutoffs."""
    world = wait_world(RESPONSES["cliff"], 16_000, seed=1)
    frame = world.frame.copy()
    start = pd.Timestamp("2024-06-01", tz="UTC")
    frame["cutoff"] = [start + 100 * k * pd.Timedelta(days=1) for k in frame["cutoff"]]
    calls = frame[frame["wait_min"].notna()]
    begun = calls["cutoff"] - timedelta(days=9)
    tables = {
        "customers": pd.DataFrame(
            {"customer_id": frame["customer_id"].unique(), "joined_at": start - timedelta(days=900)}
        ),
        "interactions": pd.DataFrame(
            {
                "interaction_id": [f"i{k}" for k in range(len(calls))],
                "customer_id": calls["customer_id"],
                "started_at": begun,
                "channel": "phone.human",
                "wait_s": 60 * calls["wait_min"],
                "ended_at": begun + timedelta(hours=3),
            }
        ),
    }
    raw = {
        "project": {"observation_end": "2026-01-01"},
        "population": {"by": "customers"},
        "churn": {"definition": "inactivity", "activity": ["interactions"], "horizon": "28D"},
    }
    opened = open_tables(parse_config(raw, Path()), tables)
    troubles = np.random.default_rng(1).poisson(0.4, len(frame)).astype(float)
    asked = Question("repeats", "lever", 4, "repeats_week_n_90d", "interactions", "count", "+")
    study = Study(
        churned=frame["churned"].to_numpy(dtype=float),
        customers=frame["customer_id"],
        questions=(asked,),
        exposures=pd.DataFrame({"repeats": troubles}),
        before=frame[list(CONTROLS)],
        groups={},
        inside=pd.DataFrame(index=frame.index),
        during={},
        activity=None,
        earlier=None,
        window=90,
        drawn=frame["customer_id"].nunique(),
        everyone=2 * frame["customer_id"].nunique(),
        young=0,
        leaving=float(frame["churned"].mean()),
        cutoffs=frame["cutoff"],
        value=np.full(len(frame), 40.0),
    )
    return world, opened, study


def test_a_cliff_is_found_from_tables(company: tuple[WaitWorld, Tables, Study]) -> None:
    world, tables, study = company
    found = promise_cliffs.cliffs_of(tables, study)
    phone = found.pop("answer.phone")
    assert (phone.answer, phone.clock, phone.rows) == ("elsewhere", 300.0, len(world.contacted))
    assert abs(phone.at - 360.0) <= 30.0
    assert {one.why for one in found.values()} == {"rows"}


def test_what_if_from_tables(company: tuple[WaitWorld, Tables, Study]) -> None:
    world, tables, study = company
    table = improvements.what_if(tables, study).set_index("asked")
    phone = table.loc["answer.phone"]
    truth = world.change(PROMISE)
    assert phone["low"] <= 100 * truth <= phone["high"]
    concerned = 2 * len(world.contacted) / 5  # half of the customers were drawn, over five cutoffs
    assert (phone["concerned"], phone["target"]) == (pytest.approx(concerned), 300.0)
    assert phone["fewer"] == pytest.approx(-phone["points"] / 100 * concerned)
    assert set(table["among"]) == {2 * (len(study.cutoffs) + study.young) / 5}
    assert set(table["leaving"]) == {study.leaving} and study.leaving == study.churned.mean()
    assert phone["value"] == pytest.approx(40 * phone["fewer"])
    assert phone["fewer_low"] <= phone["fewer"] <= phone["fewer_high"]
    repeats = table.loc["repeats_week_n_90d"]
    assert repeats["low"] <= 0 <= repeats["high"]
    assert list(table.index) == ["answer.phone", "repeats_week_n_90d"]


@pytest.mark.parametrize(
    ("unit", "direction", "whether", "best"),
    [
        ("count", "+", False, 0.0),
        ("share", "+", False, 0.0),
        ("share", "-", False, 1.0),
        ("s", "+", False, None),
        ("s", "+", True, 0.0),
        ("count", "-", False, None),
        ("count", "±", False, None),
    ],
)
def test_what_is_best(unit: str, direction: str, whether: bool, best: float | None) -> None:
    assert goal(Question("a", "lever", 2, "a_90d", unit=unit, direction=direction, any=whether)) == best


# --- the model's view


LABELS = {
    "features": {
        "wait_mean_90d": {"factor": "waiting", "unit": "s", "direction": "+"},
        "reply_h_mean_90d": {"factor": "waiting", "unit": "h", "direction": "+"},
        "breaches_90d": {"factor": "waiting", "unit": "count", "direction": "+"},
        "in_time_share_90d": {"factor": "waiting", "unit": "share", "direction": "-"},
        "orders_n_90d": {"factor": "behaviour", "unit": "count", "direction": "-"},
    }
}
SEEN = pd.DataFrame(
    {
        "wait_mean_90d": [100.0, 900.0, np.nan],
        "reply_h_mean_90d": [0.5, 30.0, np.nan],
        "breaches_90d": [0, 3, 0],
        "in_time_share_90d": [1.0, 0.25, np.nan],
        "orders_n_90d": [1, 2, 3],
    }
)


def test_features_are_brought_to_the_promise() -> None:
    soon = brought(SEEN, LABELS, "waiting", 300.0)
    assert soon["wait_mean_90d"].tolist()[:2] == [100.0, 300.0] and soon["wait_mean_90d"].isna()[2]
    assert soon["reply_h_mean_90d"].tolist()[:2] == [0.5, 30.0]
    assert soon["breaches_90d"].tolist() == [0, 0, 0]
    assert soon["in_time_share_90d"].tolist()[:2] == [1.0, 1.0] and soon["in_time_share_90d"].isna()[2]
    assert soon["orders_n_90d"].tolist() == [1, 2, 3]
    written = brought(SEEN, LABELS, "waiting", 3_600.0)
    assert written["wait_mean_90d"].tolist()[:2] == [100.0, 900.0]
    assert written["reply_h_mean_90d"].tolist()[:2] == [0.5, 1.0]


def test_the_model_is_asked_twice() -> None:
    def ask(X: pd.DataFrame) -> np.ndarray:
        return (0.1 + 0.0001 * X["wait_mean_90d"].fillna(0) + 0.01 * X["breaches_90d"]).to_numpy()

    asked = pd.DataFrame({"asked": ["answer.phone"], "factor": ["waiting"], "target": [300.0]})
    row = replayed(asked, SEEN, LABELS, ask, np.array([10.0, 20.0, 30.0])).iloc[0]
    fall = 0.0001 * 600 + 0.01 * 3
    assert (row["by"], row["concerned"]) == ("model", 1)
    assert (row["fewer"], row["value"], row["points"]) == pytest.approx((fall, 20 * fall, -100 * fall))
    assert np.isnan([row["low"], row["high"], row["fewer_low"]]).all()


def test_of_a_factor_that_the_model_never_saw_it_has_no_view() -> None:
    asked = pd.DataFrame({"asked": ["delivery"], "factor": ["delivery"], "target": [432_000.0]})
    assert replayed(asked, SEEN, LABELS, lambda X: np.zeros(len(X))).empty


def test_what_the_model_cannot_tell_apart_is_one_row() -> None:
    asked = pd.DataFrame(
        {
            "asked": ["answer.phone", "answer.chat", "answer.email", "breaches_90d"],
            "factor": "waiting",
            "target": [300.0, 300.0, 3_600.0, 0.0],
        }
    )
    found = replayed(asked, SEEN, LABELS, lambda X: X["breaches_90d"].to_numpy() / 10)
    assert found["asked"].tolist() == ["answer.phone answer.chat", "answer.email"]
    assert found["fewer"].tolist() == pytest.approx([0.3, 0.3])


def test_an_estimate_stands_where_the_badge_carries_it() -> None:
    cause = pd.DataFrame(
        {
            "factor": ["waiting", "repeats", "delivery", "conduct", "waiting"],
            "lack": ["", "", "rows", "beyond", "rows"],
        }
    )
    badges = {"waiting": "supported", "repeats": "association_only", "delivery": "supported"}
    # Neither does the model speak of a channel with too few waits once another one is estimated.
    assert settled(cause, badges).tolist() == [True, False, False, True, True]


class Leans:
    """A model that knows only of waits."""

    def predict_proba(self, X: pd.DataFrame) -> np.ndarray:
        p = 0.1 + 0.0001 * X["wait_mean_90d"].to_numpy() + 0.01 * X["repeats_week_n_90d"].to_numpy()
        return np.column_stack([1 - p, p])


def test_everything_is_examined_at_once(
    company: tuple[WaitWorld, Tables, Study], monkeypatch: pytest.MonkeyPatch
) -> None:
    world, tables, study = company
    judged = pd.DataFrame({"factor": ["waiting", "repeats"], "badge": ["supported", "association_only"]})
    told = dict.fromkeys(
        ["reason", "column", "told", "reason_value", "reason_limit", "effect", "low", "high", "customers"]
    )
    monkeypatch.setattr(examination, "study_of", lambda *asked: study)
    monkeypatch.setattr(factor_badges, "badges_of", lambda *asked: judged.assign(**told))
    frame = pd.DataFrame(
        {
            "customer_id": study.customers,
            "cutoff": study.cutoffs,
            "repeats_week_n_90d": study.exposures["repeats"],
            "wait_mean_90d": 60 * world.frame["wait_min"].fillna(0),
        }
    )
    columns = {"wait_mean_90d": ("waiting", "s"), "repeats_week_n_90d": ("repeats", "count")}
    labels = {"features": {c: {"factor": f, "unit": u, "direction": "+"} for c, (f, u) in columns.items()}}
    bundle = SimpleNamespace(
        schema=SimpleNamespace(columns=tuple(columns)), value=None, churn=Leans(), labels=labels
    )
    last = frame["cutoff"].max()
    found = examination.examine(tables, frame, bundle, last)  # type: ignore[arg-type]
    assert dict(zip(found.what_if["asked"], found.what_if["by"], strict=True)) == {
        "answer.phone": "cause",
        "repeats_week_n_90d": "model",
    }
    troubles = frame.loc[frame["cutoff"] == last, "repeats_week_n_90d"]
    assert found.what_if["among"].iloc[1] == len(troubles)
    assert found.what_if["leaving"].iloc[1] == pytest.approx(
        Leans().predict_proba(frame[frame["cutoff"] == last][list(columns)])[:, 1].mean()
    )
    assert found.what_if["fewer"].iloc[1] == pytest.approx(0.01 * troubles.sum())
    assert found.cliffs["answer.phone"].answer == "elsewhere"
    short = json.loads(json.dumps(found.short(), allow_nan=False))
    assert set(short) == {"causes", "cliffs", "what_if"}
    assert short["what_if"][0]["by"] == "cause"
    phone, whole = short["cliffs"][0], found.cliffs["answer.phone"]
    shown = whole.curve[whole.curve["customers"] >= 10]
    for name in ("wait", "left", "low", "high", "customers"):
        assert phone["curve"][name] == pytest.approx(shown[name], abs=0.051 if name == "wait" else 0.00006)
    assert phone["fitted"]["wait"] == pytest.approx(whole.fitted["wait"], abs=0.051)
    assert len(json.dumps(short)) < 30_000
    thin = dataclasses.replace(whole, answer="none", curve=whole.curve.assign(customers=9))
    spare = dataclasses.replace(found, cliffs={"answer.phone": thin}).short()["cliffs"][0]
    assert "curve" not in spare and "fitted" not in spare
