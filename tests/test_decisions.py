"""Profit of a contact against a simulated campaign, and who stays uncontacted."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cxml.decisions import expected_profit, holdout_flag

COSTS = {"save_rate": 0.3, "contact_cost": 2.0, "offer_cost": 15.0}


def test_expected_profit_is_the_mean_of_a_simulated_campaign() -> None:
    rng = np.random.default_rng(0)
    p, value, n = 0.25, 200.0, 1_000_000
    leaver = rng.random(n) < p
    saved = leaver & (rng.random(n) < COSTS["save_rate"])
    takes_offer = saved | ~leaver
    earned = value * saved - COSTS["offer_cost"] * takes_offer - COSTS["contact_cost"]
    assert expected_profit([p], [value], **COSTS)[0] == pytest.approx(earned.mean(), abs=0.2)


@given(st.floats(0, 1), st.floats(0, 1), st.floats(16, 1e6))
def test_profit_rises_with_risk_and_with_value(p: float, q: float, value: float) -> None:
    low, high = expected_profit([min(p, q), max(p, q)], [value, value], **COSTS)
    assert low <= high + 1e-9
    assert expected_profit([p], [value], **COSTS)[0] <= expected_profit([p], [2 * value], **COSTS)[0]


def test_a_value_that_nobody_knows_gives_no_profit() -> None:
    assert np.isnan(expected_profit([0.5], [np.nan], **COSTS)[0])


def test_the_holdout_is_a_share_of_customers_by_their_id_alone() -> None:
    ids = np.array([f"c{i}" for i in range(20_000)])
    flag = holdout_flag(ids, 0.1)
    assert flag.mean() == pytest.approx(0.1, abs=0.01)
    order = np.random.default_rng(1).permutation(len(ids))
    assert (holdout_flag(ids[order], 0.1) == flag[order]).all()
    assert (holdout_flag(ids, 0.2) >= flag).all()
    assert not holdout_flag(ids, 0.0).any() and holdout_flag(ids, 1.0).all()
