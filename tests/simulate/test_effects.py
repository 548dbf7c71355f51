"""Each effect can be switched on alone and off, and is then as strong as it was said to be."""

import dataclasses
import math

import numpy as np
import pandas as pd
import pytest

from cxml.errors import ConfigError
from cxml.simulate import Effects, simulate
from cxml.simulate.effects import ALONE
from cxml.simulate.factors import BY_NAME, FACTORS

LEVERS = [factor.name for factor in FACTORS if not factor.outcome]
HORIZON = pd.Timedelta("28D")


def outcome(company):
    """Matured true snapshots, with who left within 28 days."""
    truth = company.truth["snapshots"].to_pandas()
    truth = truth[truth.cutoff < truth.cutoff.max()].reset_index(drop=True)
    left = truth.customer_id.map(company.tables["customers"].to_pandas().set_index("customer_id").left_at)
    return truth.assign(churned=((left >= truth.cutoff) & (left < truth.cutoff + HORIZON)).astype(int))


def z_of(snapshots, x, expected):
    """How many standard errors the covariance of *x* with leaving beyond *expected* is from zero."""
    rest = (snapshots.churned - expected) * (x - x.mean())
    return rest.sum() / np.sqrt((rest**2).sum())


@pytest.mark.parametrize("name", LEVERS)
def test_alone_an_effect_has_its_strength_and_the_others_none(name):
    effects = Effects.only(name)
    assert [field for field in LEVERS if effects.of(field)] == [name]
    assert math.copysign(1, effects.of(name)) == BY_NAME[name].way
    company = simulate(500, months=12, seed=31, effects=effects)
    found = company.truth["effects"].to_pandas().set_index("factor")
    assert found.sd_of_contribution[name] == pytest.approx(ALONE, rel=0.3)  # of 500 customers
    assert (found.drop(index=name).sd_of_contribution == 0).all()
    assert found.index[found.kind == "effect"].tolist() == [name]


@pytest.mark.parametrize("name", ["billing", "skill", "proactive"])
def test_an_effect_shows_in_who_leaves_and_shows_no_more_when_it_is_off(name):
    acting, still = (
        outcome(simulate(2_500, months=12, seed=8, effects=effects))
        for effects in (Effects.only(name), Effects.none())
    )
    x = f"x_{name}"
    assert z_of(acting, acting[x], acting.churned.mean()) * BY_NAME[name].way > 4
    assert abs(z_of(still, still[x], still.churned.mean())) < 3
    # The true probability leaves nothing to explain.
    assert abs(z_of(acting, acting[x], acting.churn_probability)) < 3.5


def test_switched_off_no_exposure_moves_the_hazard():
    company = simulate(2_000, seed=6, effects=Effects.none())
    truth = company.truth["snapshots"].to_pandas()
    late = truth[truth.cutoff >= "2025-01-01"]
    context = np.corrcoef(late[[f"x_{name}" for name in LEVERS] + ["log_hazard"]].to_numpy().T)[-1, :-1]
    # Heavy users contact more, and so have more that can go wrong; the others are free of it.
    by_contacts = {"waiting", "resolution", "repeats", "effort", "abandonment", "recovery"}
    for name, found in zip(LEVERS, context, strict=True):
        assert abs(found) < (0.3 if name in by_contacts else 0.12), name


def test_effects_can_be_combined_and_switched_off():
    two = Effects.only("billing", "visits", spread=0.3)
    assert two.billing == pytest.approx(0.3 / BY_NAME["billing"].spread)
    assert two.of("visits") == two.visits > 0 == two.waiting
    off = Effects().without("billing", "waiting")
    assert dataclasses.replace(off, billing=Effects().billing, waiting=Effects().waiting) == Effects()
    assert (off.billing, off.kind("billing"), Effects().kind("billing")) == (0, "null", "effect")
    assert Effects().kind("feedback") == "outcome"


@pytest.mark.parametrize("make", [Effects.only, Effects().without])
def test_an_unknown_factor_is_refused_with_the_nearest_name(make):
    with pytest.raises(ConfigError) as refused:
        make("wating")
    assert "waiting" in refused.value.fix


def test_switching_effects_loses_other_customers_not_more():
    rates = [
        simulate(1_500, months=12, seed=3, effects=effects)
        .truth["snapshots"]["churn_probability"]
        .to_numpy()
        .mean()
        for effects in (Effects(), Effects.none(), Effects.only("waiting"), Effects.only("returns"))
    ]
    assert max(rates) < 2.5 * min(rates)
