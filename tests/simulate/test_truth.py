"""The truth is true: what happens in the tables agrees with it, and effects do what they say."""

import dataclasses

import numpy as np
import pandas as pd
import pytest

from cxml.simulate import Effects, simulate
from cxml.simulate.factors import BY_NAME, FACTORS

DAYS = pd.Timedelta("1D")
HORIZON = 28 * DAYS
STRONG = ("waiting", "resolution", "personalization")
NULLS = (
    "returns",
    "replies",
    "proactive",
    "skill",
    "store",
    "consistency",
    "language",
    "delivery",
    "feedback",
    "sentiment",
    "posts",
)


@pytest.fixture(scope="module")
def company():
    return simulate(3_000, seed=7)


@pytest.fixture(scope="module")
def snapshots(company):
    """True snapshots whose horizon has been seen, with what came out."""
    truth = company.truth["snapshots"].to_pandas()
    truth = truth[truth.cutoff < truth.cutoff.max()].reset_index(drop=True)
    ended = truth.customer_id.map(left_at(company))
    truth["churned"] = ((ended >= truth.cutoff) & (ended < truth.cutoff + HORIZON)).astype(int)
    return truth


def left_at(company):
    """When each customer left: the end of the last contract."""
    contracts = company.tables["subscriptions"].to_pandas().sort_values("started_at", kind="stable")
    return contracts.groupby("customer_id").ended_at.agg(lambda ended: ended.iloc[-1])


def total_in_horizon(frame, event, money, truth):
    """Money of each snapshot's customer in [cutoff, cutoff + 28 d), by a plain merge."""
    rows = truth[["customer_id", "cutoff"]].reset_index().merge(frame, on="customer_id")
    rows = rows[(rows[event] >= rows.cutoff) & (rows[event] < rows.cutoff + HORIZON)]
    return rows.groupby("index")[money].sum().reindex(truth.index, fill_value=0.0)


def test_snapshots_are_the_customers_at_risk(company):
    truth = company.truth["snapshots"].to_pandas()
    customers = company.tables["customers"].to_pandas()
    assert sorted(truth.cutoff.unique()) == list(
        pd.date_range("2024-07-01", "2026-01-01", freq="MS", tz="UTC")
    )
    for cutoff, rows in truth.groupby("cutoff"):
        there = (customers.joined_at < cutoff) & ~(customers.left_at < cutoff)
        assert rows.customer_id.tolist() == customers.customer_id[there].tolist()


def test_as_many_leave_as_the_probabilities_say(snapshots):
    p = snapshots.churn_probability
    assert abs(snapshots.churned.sum() - p.sum()) < 4 * np.sqrt((p * (1 - p)).sum())
    tenth = pd.qcut(p, 10, labels=False)
    for _, rows in snapshots.groupby(tenth):
        q = rows.churn_probability
        assert abs(rows.churned.sum() - q.sum()) < 4.5 * np.sqrt((q * (1 - q)).sum())
    assert np.allclose(p, 1 - np.exp(-28 * np.exp(snapshots.log_hazard)), rtol=1e-12)


def test_a_month_costs_three_to_five_of_a_hundred_customers(snapshots):
    assert 0.03 < snapshots.churned.mean() < 0.055


def test_as_much_is_earned_as_expected(company, snapshots):
    orders = company.tables["orders"].to_pandas()
    charges = company.tables["charges"].to_pandas()
    earned = total_in_horizon(orders, "ordered_at", "margin", snapshots)
    earned += 0.6 * total_in_horizon(charges, "charged_at", "amount", snapshots)
    rest = earned - snapshots.expected_value
    assert abs(rest.sum()) < 4 * np.sqrt((rest**2).sum())
    tenth = pd.qcut(snapshots.expected_value, 10, labels=False)
    for _, part in rest.groupby(tenth):
        assert abs(part.sum()) < 4.5 * np.sqrt((part**2).sum())


def test_expected_value_falls_with_the_risk_of_leaving():
    calm, angry = (
        simulate(150, months=9, seed=4, effects=effects).truth["snapshots"].to_pandas()
        for effects in (Effects.none(), Effects.only("personalization", spread=2.0))
    )
    both = calm.merge(angry, on=["customer_id", "cutoff"])
    both = both[both.x_personalization_x > BY_NAME["personalization"].usual + 0.05]
    assert (both.expected_value_x > both.expected_value_y).all()
    assert (both.churn_probability_x < both.churn_probability_y).all()


@pytest.mark.parametrize("seed", range(5))
def test_the_hidden_trait_is_a_fifth_and_the_ranking_of_effects_is_clear(seed):
    effects = simulate(2_000, seed=seed).truth["effects"].to_pandas().set_index("factor")
    assert effects.hidden_variance_share.between(0.15, 0.25).all()
    for measure in ("sd_of_contribution", "mean_abs_contribution"):
        assert tuple(effects[measure].sort_values(ascending=False).index[:3]) == STRONG, measure
        assert (effects.loc[list(NULLS), measure] == 0).all()
        assert (effects.loc[effects.kind == "effect", measure] > 0.03).all()
    outcomes = {factor.name for factor in FACTORS if factor.outcome}
    assert set(effects.index[effects.kind == "outcome"]) == outcomes
    assert set(effects.index[effects.kind == "null"]) == set(NULLS) - outcomes
    assert (effects.kind == "effect").sum() == len(FACTORS) - len(NULLS)


def test_the_effects_table_follows_from_the_snapshots(company):
    effects = company.truth["effects"].to_pandas().set_index("factor")
    truth = company.truth["snapshots"].to_pandas()
    spread = truth.log_hazard.var(ddof=0)
    for factor, row in effects.iterrows():
        part = row.beta * (truth[f"x_{factor}"] - row.usual)
        assert row.mean_contribution == pytest.approx(part.mean())
        assert row.sd_of_contribution == pytest.approx(part.std(ddof=0))
        assert row.variance_share == pytest.approx(part.var(ddof=0) / spread)
    hidden = (truth.log_hazard - truth.observable_log_hazard).var(ddof=0)
    assert effects.hidden_variance_share.iloc[0] == pytest.approx(hidden / spread)


def test_an_effect_is_the_change_of_the_log_hazard_per_unit():
    base = simulate(200, months=9, seed=9).truth["snapshots"].to_pandas()
    fields = dataclasses.fields(Effects)
    assert [field.name for field in fields] == [factor.name for factor in FACTORS]
    for field in fields[::3]:
        more = Effects(**{field.name: getattr(Effects(), field.name) + 0.25})
        other = simulate(200, months=9, seed=9, effects=more).truth["snapshots"].to_pandas()
        both = base.merge(other, on=["customer_id", "cutoff"])
        assert len(both) > 300
        more_than_usual = both[f"x_{field.name}_x"] - BY_NAME[field.name].usual
        expected = both.observable_log_hazard_x + 0.25 * more_than_usual
        np.testing.assert_allclose(both.observable_log_hazard_y, expected, rtol=1e-12)


def test_null_drivers_vary_but_explain_nothing(snapshots):
    """Beside the true probability, a null driver does not say more about who leaves."""
    rest = snapshots.churned - snapshots.churn_probability
    for factor in NULLS:
        x = snapshots[f"x_{factor}"] - snapshots[f"x_{factor}"].mean()
        assert x.std() > 0.05
        assert abs((rest * x).sum()) < 4 * np.sqrt((rest**2 * x**2).sum())


def test_without_effects_experience_says_nothing_but_usage_does():
    plain = simulate(2_500, seed=5, effects=Effects.none())
    effects = plain.truth["effects"].to_pandas()
    assert (effects.beta == 0).all() and (effects.sd_of_contribution == 0).all()
    truth = plain.truth["snapshots"].to_pandas()
    assert abs(np.corrcoef(truth.x_personalization, truth.log_hazard)[0, 1]) < 0.05
    assert truth.log_hazard.std() > 0.5


def test_a_raw_count_of_contacts_looks_protective_though_waits_do_harm(company, snapshots):
    contacts = company.tables["interactions"].to_pandas()[["customer_id", "started_at"]]
    rows = snapshots[["customer_id", "cutoff"]].reset_index().merge(contacts, on="customer_id")
    rows = rows[(rows.started_at < rows.cutoff) & (rows.started_at >= rows.cutoff - 90 * DAYS)]
    count = rows.groupby("index").size().reindex(snapshots.index, fill_value=0)
    assert (count > 0).mean() > 0.6
    assert np.corrcoef(count, snapshots.log_hazard)[0, 1] < -0.1
    assert np.corrcoef(count, snapshots.churned)[0, 1] < 0
    assert np.corrcoef(snapshots.x_waiting, snapshots.churned)[0, 1] > 0.08
    tier = company.tables["customers"].to_pandas().set_index("customer_id").member_tier
    by_tier = snapshots.assign(n=count).groupby(snapshots.customer_id.map(tier))[["n", "churned"]].mean()
    by_tier = by_tier.loc[["basic", "silver", "gold", "vip"]]
    assert by_tier.n.is_monotonic_increasing and by_tier.churned.is_monotonic_decreasing


def test_almost_all_at_risk_have_messages(company):
    truth = company.truth["snapshots"].to_pandas()
    sent = company.tables["messages"].to_pandas()
    rows = (
        truth[["customer_id", "cutoff"]]
        .reset_index()
        .merge(sent[["customer_id", "sent_at"]], on="customer_id")
    )
    rows = rows[(rows.sent_at < rows.cutoff) & (rows.sent_at >= rows.cutoff - 90 * DAYS)]
    assert rows["index"].nunique() > 0.95 * len(truth)
