"""An earlier list judged by its holdout: published intervals, and how often intervals hold the truth."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, strategies as st

from cxml.decisions.campaign_result import Judgement, judge_campaign
from cxml.errors import DataError


def groups(left_held: int, held: int, left_contacted: int, contacted: int) -> Judgement:
    flags = [True] * held + [False] * contacted
    left = [k < left_held for k in range(held)] + [k < left_contacted for k in range(contacted)]
    return judge_campaign(flags, left)


def test_the_interval_is_the_published_one() -> None:
    # Newcombe (1998), table II: 56 of 70 against 48 of 80, method 10
    found = groups(56, 70, 48, 80)
    assert found.saved == pytest.approx(80 * 0.2)
    assert found.saved_low / 80 == pytest.approx(0.0524, abs=1e-4)
    assert found.saved_high / 80 == pytest.approx(0.3339, abs=1e-4)


@pytest.mark.parametrize(("rate", "save"), [(0.3, 0.25), (0.08, 0.5), (0.15, 0.0)])
def test_intervals_hold_the_truth_as_often_as_they_say(rate: float, save: float) -> None:
    rng, n, m, hits, ratio_hits = np.random.default_rng(7), 900, 150, 0, 0
    for _ in range(400):
        found = groups(rng.binomial(m, rate), m, rng.binomial(n, rate * (1 - save)), n)
        hits += found.saved_low <= n * rate * save <= found.saved_high
        ratio_hits += found.save_rate_low <= save <= found.save_rate_high
    assert hits / 400 >= 0.92 and ratio_hits / 400 >= 0.92


@given(st.integers(1, 60), st.integers(1, 60), st.data())
def test_an_interval_is_around_its_figure(held: int, contacted: int, data: st.DataObject) -> None:
    left_held, left_contacted = data.draw(st.integers(0, held)), data.draw(st.integers(0, contacted))
    found = groups(left_held, held, left_contacted, contacted)
    assert found.saved_low - 1e-9 <= found.saved <= found.saved_high + 1e-9
    assert -contacted - 1e-9 <= found.saved_low and found.saved_high <= contacted + 1e-9
    if left_held:
        assert found.save_rate_low - 1e-9 <= found.save_rate <= found.save_rate_high + 1e-9
    else:
        assert math.isnan(found.save_rate) and found.to_dict()["save_rate"] is None


@pytest.mark.parametrize("held", [[True, True], [False, False], [True]])
def test_one_group_alone_judges_nothing(held: list[bool]) -> None:
    with pytest.raises(DataError, match="both groups"):
        judge_campaign(held, [True, False])
