"""The small company whose effects are known: what is expected is what comes, and both truths are what they say."""

from __future__ import annotations

from functools import cache

import numpy as np
import pandas as pd
import pytest

from cxml.simulate.causal_factors import FACTORS
from cxml.simulate.causal_world import CausalWorld, Hidden, causal_world, truth

ASKED = [factor for factor in FACTORS if factor.kind != "outcome"]


@cache
def world() -> CausalWorld:
    return causal_world(60_000, seed=1)


@cache
def effects() -> pd.DataFrame:
    return truth(customers=15_000).set_index("factor")


def test_rows_are_customers_at_risk_and_leaving_ends_them() -> None:
    frame = world().frame
    assert len(frame) == pytest.approx(60_000, rel=0.05)
    assert frame["churned"].mean() == pytest.approx(0.11, abs=0.01)
    per_customer = frame.groupby("customer_id")
    assert (frame["cutoff"] == per_customer.cumcount()).all(), "no row is left out before the last"
    assert (per_customer["churned"].sum() == per_customer["churned"].last()).all(), (
        "who left has no further rows"
    )
    assert (frame["issues"] > 0).mean() == pytest.approx(0.6, abs=0.02)


def test_the_same_seed_is_the_same_world() -> None:
    one, same, other = causal_world(500, 3), causal_world(500, 3), causal_world(500, 4)
    pd.testing.assert_frame_equal(one.frame, same.frame)
    assert not one.frame["wait"].equals(other.frame["wait"])


@pytest.mark.parametrize("factor", ASKED, ids=lambda factor: factor.name)
def test_what_is_expected_is_what_comes_on_average_whatever_came_before(factor) -> None:  # type: ignore[no-untyped-def]
    found = world()
    rest = (found.frame[factor.name] - found.expected[factor.name]).dropna()
    error = found.frame[factor.name].std() / np.sqrt(len(rest))
    assert abs(rest.mean()) < 4 * error
    for known in ("usage", "hurried", "tenure"):
        slope = np.corrcoef(rest, found.before.loc[rest.index, known])[0, 1]
        assert abs(slope) < 4 / np.sqrt(len(rest)), known
    concerned = found.frame[factor.name].notna()
    everybody = {"contacted": found.frame["issues"] > 0, "everyone": concerned | True}.get(factor.population)
    assert everybody is None or (concerned == everybody).all()


def test_leavers_leave_as_often_as_they_should() -> None:
    found = world()
    parts = pd.qcut(found.chance, 10, labels=False)
    seen = found.frame["churned"].groupby(parts).agg(["mean", "size"])
    expected = pd.Series(found.chance).groupby(parts).mean()
    assert (abs(seen["mean"] - expected) < 4 * np.sqrt(expected / seen["size"])).all()


def test_what_does_nothing_has_no_effect_and_what_acts_has_one() -> None:
    for factor in ASKED:
        theta, average = effects().loc[factor.name]
        if factor.acts:
            assert theta > 0.3 and average > 0.3
            assert abs(theta - average) < 0.3 * theta
        else:
            assert average == 0.0 and abs(theta) < 0.35


def test_the_weighted_truth_is_what_least_squares_find_with_what_is_expected() -> None:
    """By the world's own rows: leaving on what was not expected of the wait."""
    found = causal_world(200_000, seed=5)
    rest = ((found.frame["wait"] - found.expected["wait"]) / 60).dropna()
    left = found.frame.loc[rest.index, "churned"].to_numpy()
    slope = 100 * (rest @ left) / (rest @ rest)
    error = 100 * np.sqrt(np.sum((rest.to_numpy() * (left - left.mean())) ** 2)) / (rest @ rest)
    assert slope == pytest.approx(effects().loc["wait", "theta"], abs=3 * error)


def test_a_hidden_trait_lets_heavy_users_contact_more_and_stay_longer_and_contacts_do_nothing() -> None:
    trait = Hidden(0.8, proxies=0.3)
    hidden = causal_world(40_000, seed=2, hidden=trait)
    contacted = hidden.frame["issues"] > 0
    assert hidden.frame.loc[contacted, "churned"].mean() < hidden.frame.loc[~contacted, "churned"].mean()
    assert np.corrcoef(hidden.activity, hidden.frame["issues"])[0, 1] > 0.15
    found = truth(trait, customers=5_000).set_index("factor")
    assert found.loc["issues", "average"] == 0.0 and found.loc["wait", "average"] == 0.0
    assert found.loc["billing", "average"] > 1.0
