"""Drivers, hits and reasons against sums done by hand, on small numbers."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pandas as pd
import pytest

from cxml.drivers import contributions as drivers, hits, shap_check, spoken_reasons
from cxml.drivers.hits import Usual
from cxml.drivers.shap_check import by_shap
from cxml.errors import ModelError
from cxml.models.churn import ChurnClassifier

LABELS = {
    "factors": {
        "waiting": {"en": "w", "ko": "w", "kind": "lever", "family": "process"},
        "effort": {"en": "e", "ko": "e", "kind": "lever", "family": "process"},
        "behaviour": {"en": "b", "ko": "b", "kind": "context", "family": "other"},
    },
    "features": {
        "wait_a": {"factor": "waiting", "direction": "+"},
        "wait_b": {"factor": "waiting", "direction": "+"},
        "effort_a": {"factor": "effort", "direction": "+"},
        "recency": {"factor": "behaviour", "direction": "+"},
    },
}


EARLIER = Usual({}, {})
"""Nothing is known of today's customers: what was typical in the training stands in, else 0."""


def contributions() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "wait_a": [0.3, -0.2, 0.1],
            "wait_b": [0.1, 0.1, -0.4],
            "effort_a": [0.6, 0.2, -0.1],
            "recency": [1.0, 2.0, 3.0],
        }
    )


def added_to(
    given: pd.DataFrame,
    frame: pd.DataFrame,
    labels: dict,
    usual: Usual = EARLIER,
    against: tuple[str, ...] = (),
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """What features add by being worse than usual, and whom factors hit."""
    added = hits.amounts(given, frame, labels, usual, against)
    return added, hits.by_factor(given, added, labels, list(labels["factors"]))


def reasons(given: pd.DataFrame, frame: pd.DataFrame, labels: dict, top: int = 1, **how: Any) -> pd.DataFrame:
    return spoken_reasons.reasons(*added_to(given, frame, labels, **how), frame, labels, top=top)


def test_reasons_are_levers_that_hit_and_can_be_said() -> None:
    frame = pd.DataFrame(
        {"wait_a": [np.nan, 60, 70], "wait_b": [900.0, 800, 1], "effort_a": [2, 3, 4], "recency": [1, 1, 1]}
    )
    found = reasons(contributions(), frame, LABELS, top=2)
    # Row 0: effort .6; of waiting only wait_b was measured, and adds .1, which is more than log(1.1).
    # Row 2: of waiting only wait_a adds, and together it lowers the risk.
    assert found.reason_1.tolist()[:2] == ["effort_a", "effort_a"]
    assert found.reason_1_value.tolist()[:2] == [2, 3]
    assert found.reason_2.tolist()[0] == "wait_b"
    assert found.reason_2_value.tolist()[0] == 900
    assert found.reason_2.isna().tolist() == [False, True, True]
    assert found.reason_1.isna().tolist() == [False, False, True]


def test_when_service_drifts_for_all_it_hits_those_for_whom_it_is_worse_than_for_most() -> None:
    labels = {"factors": LABELS["factors"], "features": {"wait_a": {"factor": "waiting", "direction": "+"}}}
    wait = np.arange(100.0)
    frame = pd.DataFrame({"wait_a": 600 + wait})
    # The training waited a minute: everybody's odds are raised by .5 and more, whoever they are.
    given = pd.DataFrame({"wait_a": 0.5 + wait / 100})
    assert (given["wait_a"] > hits.LEAST).all()
    usual = Usual.among(given, frame)
    assert (usual.value["wait_a"], usual.contribution["wait_a"]) == (649.5, pytest.approx(0.995))
    hit = added_to(given, frame, labels, usual)[1]["hit_waiting"]
    assert np.flatnonzero(hit > 0).tolist() == list(range(60, 100)), "beyond the median by more than log(1.1)"
    assert hit[99] == pytest.approx(1.49 - 0.995)


def test_who_waits_less_than_most_is_not_hit_however_much_it_adds() -> None:
    labels = {"factors": LABELS["factors"], "features": {"wait_a": {"factor": "waiting", "direction": "+"}}}
    frame = pd.DataFrame({"wait_a": [10.0, 20.0, 30.0]})
    hit = added_to(pd.DataFrame({"wait_a": [0.9, 0.1, 0.1]}), frame, labels, Usual({"wait_a": 20.0}, {}))[1]
    assert hit["hit_waiting"].tolist() == [0, 0, pytest.approx(0.1)]


def test_a_broken_promise_hits_even_when_all_are_broken() -> None:
    label = {"factor": "waiting", "direction": "+", "kept": 0}
    labels = {
        "factors": LABELS["factors"],
        "features": {"wait_a": label, "wait_b": {**label, "direction": "-", "kept": 1}},
    }
    frame = pd.DataFrame({"wait_a": [1.0, 1.0, 0.0], "wait_b": [1.0, 0.5, 1.0]})
    given = pd.DataFrame({"wait_a": [0.3, 0.3, 0.3], "wait_b": [0.2, 0.2, 0.2]})
    hit = added_to(given, frame, labels, Usual.among(given, frame))[1]["hit_waiting"]
    assert hit.tolist() == pytest.approx([0.3, 0.5, 0])


def test_what_acts_the_other_way_round_hits_nobody() -> None:
    labels = {
        "factors": LABELS["factors"],
        "features": {
            name: {"factor": factor, "direction": "+", "unit": "s"}
            for name, factor in (("wait_a", "waiting"), ("wait_b", "waiting"), ("effort_a", "effort"))
        },
    }
    frame = pd.DataFrame({"wait_a": [1.0, 2, 9], "wait_b": [1.0, 2, 9], "effort_a": [1.0, 2, 9]})
    given = pd.DataFrame({"wait_a": [-0.2, 0.0, 0.4], "wait_b": [0.2, 0.1, 0.0], "effort_a": [0.9, 0.8, 0.7]})
    strongest = drivers.features(given, frame, labels)
    info = {"directions": drivers.directions(strongest).to_dict(), "backwards": drivers.backwards(strongest)}
    assert list(info["backwards"]) == ["effort_a", "wait_b"]
    hit = hits.hit_factors(given, frame, labels, info)
    assert hit["hit_waiting"].tolist() == pytest.approx([0, 0, 0.4]), "wait_b adds to nobody"
    assert (hit["hit_effort"] == 0).all()
    # A factor that as a whole goes the other way is out with all its features.
    backwards = hits.backwards({"directions": {"waiting": -0.1, "effort": None}}, labels)
    assert backwards == {"wait_a", "wait_b"}


def test_what_has_no_declared_direction_hits_where_it_adds_more_than_usual() -> None:
    labels = {
        "factors": LABELS["factors"],
        "features": {"plan": {"factor": "effort", "direction": "±", "unit": "text"}},
    }
    frame = pd.DataFrame({"plan": pd.array(["a", "b", None], dtype="string")})
    given = pd.DataFrame({"plan": [0.1, 0.5, 0.9]})
    hit = added_to(given, frame, labels, Usual.among(given, frame))[1]["hit_effort"]
    assert hit.tolist() == [0, 0, 0], "half of them have .5, and what is not known is no reason"
    assert added_to(given, frame, labels, Usual({}, {"plan": 0.1}))[1]["hit_effort"].tolist() == [0, 0.4, 0]


def test_without_a_reason_the_risk_is_still_explained_by_what_is_no_lever() -> None:
    frame = pd.DataFrame(
        {"wait_a": [1.0, 1], "wait_b": [1.0, 1], "effort_a": [1.0, 1], "recency": [90.0, 2.0]}
    )
    given = pd.DataFrame(
        {"wait_a": [2.0, 2], "wait_b": [0.0, 0], "effort_a": [0.0, 0], "recency": [0.7, 0.05]}
    )
    found = spoken_reasons.other_reason(given, frame, LABELS)
    assert found.loc[0].tolist() == ["recency", 90.0]
    assert found.loc[1].isna().all(), ".05 is too little to name"


def test_summary_counts_who_is_hit_and_what_it_costs() -> None:
    scores = pd.DataFrame(
        {
            "base": [-2.0, -2.0],
            "contribution_waiting": [1.0, 0.0],
            "contribution_effort": [0.05, -0.5],
            "contribution_behaviour": [0.0, 0.1],
            "value_if_stays": [100.0, 1000.0],
            "hit_waiting": [0.8, 0.0],
            "hit_effort": [0.0, 0.0],
            "hit_behaviour": [0.0, 0.1],
        }
    )
    found = drivers.summary(scores, LABELS).set_index("factor")
    p = 1 / (1 + np.exp(-(-2 + 1.05)))
    without = 1 / (1 + np.exp(-(-2 + 0.25)))
    assert list(found.index) == ["waiting", "behaviour", "effort"], "by what hits add"
    row = found.loc["waiting"]
    assert (row.customers_hit, row.share_hit) == (1, 0.5)
    assert (row.strength, row.importance) == (pytest.approx(0.4), pytest.approx(0.5))
    assert row.odds_ratio == pytest.approx(np.exp(0.8))
    assert row.value_at_risk == pytest.approx(100 * p)
    assert row.avoidable == pytest.approx(100 * (p - without))
    assert row.leavers - row.leavers_without == pytest.approx(p - without)
    assert found.share_of_importance.sum() == pytest.approx(1)
    assert found.share_of_strength.tolist()[::2] == [1, 0] and np.isnan(found.share_of_strength["behaviour"])
    assert found.loc["effort", "customers_hit"] == 0


def test_a_direction_says_whether_worse_service_goes_with_leaving() -> None:
    labels = {
        "factors": LABELS["factors"],
        "features": {
            "wait_a": {"factor": "waiting", "unit": "s", "direction": "+"},
            "wait_b": {"factor": "waiting", "unit": "s", "direction": "-"},
            "effort_a": {"factor": "effort", "unit": "count", "direction": "+"},
            "recency": {"factor": "behaviour", "unit": "text", "direction": "±"},
        },
    }
    frame = pd.DataFrame(
        {"wait_a": [3, 1, 2], "wait_b": [1, 2, 9], "effort_a": [1, 2, 3], "recency": ["x", "y", "z"]}
    )
    found = drivers.features(contributions(), frame, labels)
    slope = found.set_index("feature").slope
    # wait_a rises with its contribution, effort_a falls, a text has no slope.
    assert (slope["wait_a"], slope["effort_a"]) == (pytest.approx(1), pytest.approx(-1))
    assert np.isnan(slope["recency"])
    assert found.feature.tolist()[0] == "recency"
    ways = drivers.directions(found)
    # wait_b: more of it goes with a lower contribution, and it is declared to lower the risk: as expected.
    assert ways["waiting"] == pytest.approx((0.2 * 1 + 0.2 * -slope["wait_b"]) / 0.4)
    assert ways["effort"] == pytest.approx(-1)
    assert "behaviour" not in ways.index


def test_what_does_not_vary_where_it_was_measured_has_no_slope() -> None:
    labels = {
        "factors": LABELS["factors"],
        "features": {
            name: {"factor": "waiting", "unit": "s", "direction": "+"}
            for name in ("wait_a", "wait_b", "effort_a", "recency")
        },
    }
    frame = pd.DataFrame(
        {
            "wait_a": [7.0, np.nan, 7.0],
            "wait_b": [np.nan, np.nan, np.nan],
            "effort_a": [1.0, np.nan, np.nan],
            "recency": [1.0, np.nan, 2.0],
        }
    )
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = drivers.features(contributions(), frame, labels).set_index("feature").slope
    assert found.drop("recency").isna().all()
    assert abs(found["recency"]) == pytest.approx(1)


def test_what_hardly_adds_is_no_reason() -> None:
    frame = pd.DataFrame(
        {"wait_a": [60.0, 60], "wait_b": [800.0, 800], "effort_a": [2.0, 2], "recency": [1.0, 1]}
    )
    given = pd.DataFrame(
        {
            "wait_a": [0.05, 0.05],
            "wait_b": [0.04, 0.05],
            "effort_a": [0.6, 0.6],
            "recency": [1.0, 1.0],
        }
    )
    found = reasons(given, frame, LABELS, top=2)
    # Together waiting multiplies the odds by exp(.09) and exp(.10): the second is more than 1.1 times.
    assert found.reason_1.tolist() == ["effort_a"] * 2
    assert found.reason_2.isna().tolist() == [True, False]
    found = reasons(given, frame, LABELS, top=2, against=("effort_a",))
    assert found.reason_1.tolist()[1] == "wait_a" and found.reason_1.isna().tolist() == [True, False]
    assert found.reason_2.isna().all()


def test_what_can_be_said_aloud_is_said_before_a_spread() -> None:
    labels = {
        "factors": LABELS["factors"],
        "features": {
            "wait_a": {"factor": "waiting", "direction": "+", "aloud": False},
            "wait_b": {"factor": "waiting", "direction": "+", "aloud": True},
        },
    }
    given = pd.DataFrame({"wait_a": [0.5, 0.5], "wait_b": [0.1, -0.1]})
    found = reasons(given, pd.DataFrame({"wait_a": [2.0, 2.0], "wait_b": [700.0, 700.0]}), labels)
    assert found.reason_1.tolist() == ["wait_b", "wait_a"]


def test_a_reason_lies_on_the_bad_side_of_what_is_usual() -> None:
    labels = {
        "factors": LABELS["factors"],
        "features": {
            "wait_a": {"factor": "waiting", "direction": "+", "typical": 120.0},
            "effort_a": {"factor": "effort", "direction": "-", "typical": 0.9},
        },
    }
    given = pd.DataFrame({"wait_a": [0.5, 0.5, 0.5], "effort_a": [0.4, 0.4, 0.4]})
    frame = pd.DataFrame({"wait_a": [60.0, 300.0, 120.0], "effort_a": [0.2, 0.9, 0.5]})
    found = reasons(given, frame, labels, usual=Usual({"effort_a": 0.5}, {}))
    # 60 s is less than the usual wait; .5 is as usual today, whatever was typical in the training.
    assert found.reason_1.tolist()[:2] == ["effort_a", "wait_a"]
    assert found.reason_1.isna().tolist() == [False, False, True]


def test_times_the_usual_is_a_reason_only_beyond_the_usual() -> None:
    labels = {
        "factors": LABELS["factors"],
        "features": {
            "wait_a": {"factor": "waiting", "direction": "+", "unit": "times", "typical": 0.4},
            "effort_a": {"factor": "effort", "direction": "-", "unit": "times", "typical": 1.3},
        },
    }
    given = pd.DataFrame({"wait_a": [0.5] * 3, "effort_a": [0.4] * 3})
    frame = pd.DataFrame({"wait_a": [0.7, 1.2, 1.04], "effort_a": [0.8, 1.1, 0.97]})
    found = reasons(given, frame, labels)
    assert found.reason_1.tolist()[:2] == ["effort_a", "wait_a"]
    assert found.reason_1.isna().tolist() == [False, False, True]


def test_an_effect_of_no_feature_names_the_nearest() -> None:
    frame = pd.DataFrame({"wait_mean": [1.0, 2.0]})
    with pytest.raises(ModelError, match="did you mean 'wait_mean'"):
        drivers.effect(frame, frame, {"features": {}}, "wait_men")


def test_an_effect_curve_keeps_equal_values_together_and_counts_everybody() -> None:
    rng = np.random.default_rng(0)
    wait = np.where(rng.random(400) < 0.6, 0.0, rng.integers(1, 9, 400) * 10.0)
    wait[:40] = np.nan
    own = np.nan_to_num(wait) / 100 + rng.normal(0, 0.01, 400)
    found = drivers.effect(
        pd.DataFrame({"w": own}), pd.DataFrame({"w": wait}), {"features": {"w": {"unit": "s"}}}, "w", bins=5
    )
    assert found["rows"].sum() == 400
    assert found["rows"].iloc[-1] == 40
    assert np.isnan(found["value"].iloc[-1])
    assert found["value"].iloc[:-1].is_monotonic_increasing
    zero = found.iloc[0]
    assert (zero["value"], zero["rows"]) == (0, (wait == 0).sum()), (
        "a value that many have is a group of its own"
    )
    assert zero["contribution"] == pytest.approx(own[wait == 0].mean())
    assert (zero["low"], zero["high"]) == tuple(
        pytest.approx(np.quantile(own[wait == 0], q)) for q in (0.1, 0.9)
    )
    assert len(found) <= 6
    assert (found["feature"] == "w").all()


def test_an_effect_curve_of_a_text_has_a_row_per_level() -> None:
    frame = pd.DataFrame(
        {"plan": pd.array(["gold", None, "basic", "gold"], dtype="string")}, index=[7, 8, 9, 3]
    )
    own = pd.DataFrame({"plan": [0.3, 0.0, -0.2, 0.1]}, index=frame.index)
    found = drivers.effect(own, frame, {"features": {"plan": {"unit": "text"}}}, "plan")
    assert found["value"].tolist()[:2] == ["basic", "gold"]
    assert found["value"].isna().tolist() == [False, False, True]
    assert found["contribution"].tolist() == pytest.approx([-0.2, 0.2, 0.0])
    assert found["rows"].tolist() == [1, 2, 1]


@pytest.fixture(scope="module")
def company() -> tuple[pd.DataFrame, ChurnClassifier]:
    """Numbers with and without gaps, a text whose first level matters, and what was learned from them."""
    rng = np.random.default_rng(1)
    X = pd.DataFrame(
        {
            "gaps": rng.normal(size=1_500),
            "whole": rng.normal(size=1_500),
            "plan": rng.choice(list("abcdef"), 1_500),
        }
    )
    eta = X["gaps"] * X["whole"] + 2 * X["plan"].isin(["a", "d"]) - 1
    X = X.assign(gaps=X["gaps"].mask(rng.random(1_500) < 0.2), plan=X["plan"].mask(rng.random(1_500) < 0.2))
    y = (rng.random(1_500) < 1 / (1 + np.exp(-eta))).astype(int)
    return X, ChurnClassifier(num_threads=1).fit(X, y)


def test_contributions_agree_with_shaps_own_algorithm(company: tuple[pd.DataFrame, ChurnClassifier]) -> None:
    X, churn = company
    rows = X.head(150).copy()
    rows.iloc[:20, 1] = np.nan  # never missing when it was learned from
    found = by_shap(churn, rows)
    assert found.columns.tolist() == ["gaps", "whole", "plan"]
    assert (found.abs().mean() > 0.05).all(), "every kind of split is compared"
    np.testing.assert_allclose(found.to_numpy(), churn.contributions(rows)[:, :-1], atol=1e-9)


def test_a_text_with_more_levels_than_shap_can_read_is_refused(
    company: tuple[pd.DataFrame, ChurnClassifier], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shap_check, "_SHAP_LEVELS", 5)
    with pytest.raises(ModelError, match="plan has 6 levels"):
        by_shap(company[1], company[0].head(5))
