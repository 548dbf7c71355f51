"""Whom a factor hits, against sums done by hand."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from small_drivers import LABELS, added_to

from cxml.drivers import contributions as drivers, hits
from cxml.drivers.hits import Usual


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
