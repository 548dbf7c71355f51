"""What a caller may say, against sums done by hand."""

from __future__ import annotations

import numpy as np
import pandas as pd
from small_drivers import LABELS, contributions, reasons

from cxml.drivers import spoken_reasons
from cxml.drivers.hits import Usual


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
