"""Profit of a contact and of a list, by simulation and by brute force; who stays uncontacted; the order of the list."""

from __future__ import annotations

import dataclasses
import json
import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from cxml.config.sections import Decisions
from cxml.decisions.call_plan import (
    CallPlan,
    call_plan,
    expected_maximum,
    expected_profit,
    holdout_flag,
    list_order,
)
from cxml.metrics.profit import empc

COSTS = {"save_rate": 0.3, "contact_cost": 2.0, "offer_cost": 15.0}


def test_expected_profit_is_the_mean_of_a_simulated_campaign() -> None:
    rng = np.random.default_rng(0)
    p, value, n = 0.25, 200.0, 1_000_000
    leaver = rng.random(n) < p
    saved = leaver & (rng.random(n) < COSTS["save_rate"])
    takes_offer = saved | ~leaver
    earned = value * saved - COSTS["offer_cost"] * takes_offer - COSTS["contact_cost"]
    assert expected_profit([p], [value], **COSTS)[0] == pytest.approx(earned.mean(), abs=0.2)


def test_uplift_takes_the_place_of_the_save_rate() -> None:
    by_rate = expected_profit([0.25], [200.0], **COSTS)
    by_uplift = expected_profit([0.25], [200.0], **{**COSTS, "save_rate": 0.9}, uplift=[0.25 * 0.3])
    assert by_uplift == pytest.approx(by_rate)


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


# ---------------------------------------------------------------- the order of the list


@given(st.lists(st.tuples(st.integers(0, 3), st.sampled_from([1.0, 2.0, math.nan])), max_size=30))
def test_the_order_is_that_of_sorted_tuples(figures: list[tuple[int, float]]) -> None:
    ids = [f"고객{k * 7919 % 1000:03d}" for k in range(len(figures))]

    def key(i: int) -> tuple[Any, ...]:
        first, second = figures[i]
        return (-first, math.isnan(second), -second if second == second else 0.0, ids[i])

    found = list_order(ids, [a for a, _ in figures], [b for _, b in figures])
    assert found.tolist() == sorted(range(len(figures)), key=key)


# ---------------------------------------------------------------- the plan

Row = tuple[str, float, float, bool]


def brute(
    rows: list[Row], rule: Decisions, factor: float = 1.0
) -> list[tuple[float, str, float, float, bool]]:
    """Profit, id, cost, saved and holdout of each row, in the order of the list at the configured save rate."""
    found = []
    for name, p, value, held in rows:
        rate = rule.save_rate * factor
        stays = p * min(rate, 1.0)
        profit = stays * value - (stays + 1 - p) * rule.offer_cost - rule.contact_cost
        found.append((profit, name, (stays + 1 - p) * rule.offer_cost + rule.contact_cost, stays, held))
    return found


def planned(rows: list[Row], rule: Decisions, **more: Any) -> CallPlan:
    ids, p, value, held = zip(*rows, strict=True)
    return call_plan(list(ids), p, value, rule, holdout=held, **more)


def random_rows(seed: int, n: int = 60) -> list[Row]:
    r = np.random.default_rng(seed)
    return [
        (f"c{k:03d}", float(p), float(v), bool(h))
        for k, p, v, h in zip(
            r.permutation(n),
            r.choice([0.02, 0.1, 0.3, 0.8], n),
            r.choice([10.0, 80.0, 300.0, -5.0], n),
            r.random(n) < 0.3,
            strict=True,
        )
    ]


RULE = Decisions(contact_cost=2.0, offer_cost=5.0, save_rate=0.25)


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("limits", [{}, {"budget": 40.0}, {"most": 4}, {"budget": 1e9, "most": 1000}])
def test_the_plan_by_brute_force(seed: int, limits: dict[str, Any]) -> None:
    rule, rows = dataclasses.replace(RULE, **limits), random_rows(seed)
    plan = planned(rows, rule)
    ranked = sorted(brute(rows, rule), key=lambda one: (-one[0], one[1]))
    callable_ = [one for one in ranked if not one[4]]
    totals = [sum(one[0] for one in callable_[:k]) for k in range(len(callable_) + 1)]
    assert plan.best_profit == pytest.approx(max(totals))
    assert totals[plan.best_size] == pytest.approx(max(totals))
    size = plan.best_size
    if rule.budget:
        size = max(k for k in range(size + 1) if sum(one[2] for one in callable_[:k]) <= rule.budget + 1e-9)
    size = min(size, rule.most or size)
    assert plan.size == size > 0
    assert plan.profit == pytest.approx(totals[size])
    assert plan.cost == pytest.approx(sum(one[2] for one in callable_[:size]))
    assert plan.saved == pytest.approx(sum(one[3] for one in callable_[:size]))
    above = ranked[: ranked.index(callable_[size - 1])]
    assert plan.withheld == sum(one[4] for one in above)
    assert (plan.customers, plan.holdout) == (len(rows), sum(row[3] for row in rows))
    expected = "profit" if size == plan.best_size else "most" if size == rule.most else "budget"
    assert plan.limited_by == expected


@pytest.mark.parametrize("seed", range(4))
def test_sensitivity_and_break_even_by_brute_force(seed: int) -> None:
    rule, rows = dataclasses.replace(RULE, save_rate=0.6), random_rows(seed)  # twice as much is more than all
    plan = planned(rows, rule)
    called = [one[1] for one in sorted(brute(rows, rule), key=lambda one: (-one[0], one[1])) if not one[4]]
    for scenario, factor in zip(plan.scenarios, (0.5, 1.0, 2.0), strict=True):
        each = {one[1]: one[0] for one in brute(rows, rule, factor) if not one[4]}
        assert scenario.save_rate == pytest.approx(min(1.0, 0.6 * factor))
        assert scenario.best_size == sum(profit > 0 for profit in each.values())
        assert scenario.best_profit == pytest.approx(sum(max(0.0, profit) for profit in each.values()))
        assert scenario.profit == pytest.approx(sum(each[name] for name in called[: plan.size]))
        assert scenario.curve == pytest.approx([sum(each[name] for name in called[:k]) for k in plan.sizes])
    at_break_even = brute(rows, rule, plan.break_even / rule.save_rate)
    assert sum(one[0] for one in at_break_even if one[1] in called[: plan.size]) == pytest.approx(0, abs=1e-9)


@settings(max_examples=30)
@given(st.integers(0, 10_000), st.randoms())
def test_the_order_of_the_rows_plays_no_part(seed: int, random: Any) -> None:
    rows = random_rows(seed, 30)
    mixed = list(rows)
    random.shuffle(mixed)
    first, second = planned(rows, RULE).to_dict(), planned(mixed, RULE).to_dict()
    first.pop("empc"), second.pop("empc")  # summed over customers: the last bit may differ
    assert first == second


@settings(max_examples=30)
@given(st.integers(0, 10_000), st.floats(0, 1), st.floats(0, 20))
def test_dearer_contacts_never_make_a_longer_or_richer_list(seed: int, rate: float, more: float) -> None:
    rows, rule = random_rows(seed, 30), dataclasses.replace(RULE, save_rate=rate)
    dear = dataclasses.replace(rule, contact_cost=rule.contact_cost + more)
    cheap_plan, dear_plan = planned(rows, rule), planned(rows, dear)
    assert dear_plan.best_size <= cheap_plan.best_size
    assert dear_plan.best_profit <= cheap_plan.best_profit + 1e-9
    assert dear_plan.empc.profit <= cheap_plan.empc.profit + 1e-9


def test_without_a_value_only_limits_make_a_list() -> None:
    rows = [(name, p, math.nan, held) for name, p, _, held in random_rows(1)]
    assert planned(rows, RULE).size == 0
    plan = planned(rows, dataclasses.replace(RULE, most=7))
    assert (plan.size, plan.limited_by, plan.scenarios) == (7, "most", ())
    assert math.isnan(plan.profit) and math.isnan(plan.break_even)
    riskiest = sorted((-p, name) for name, p, _, held in rows if not held)[:7]
    assert plan.leavers == pytest.approx(-sum(p for p, _ in riskiest))


def test_a_plan_by_uplift_says_so_and_caps_what_can_be_saved() -> None:
    rows = random_rows(2)
    uplift = [0.9 * p if k % 3 else -0.01 for k, (_, p, _, _) in enumerate(rows)]
    plan = planned(rows, RULE, uplift=uplift)
    assert plan.ranked_by == "uplift"
    assert plan.scenarios[2].save_rate <= 1
    assert plan.scenarios[0].profit < plan.profit < plan.scenarios[2].profit


@pytest.mark.parametrize("rows", [random_rows(3), [("a", 0.5, math.nan, False)]])
def test_a_plan_survives_json(rows: list[Row]) -> None:
    plan = planned(rows, RULE)
    text = json.dumps(plan.to_dict(), allow_nan=False)
    assert CallPlan.from_dict(json.loads(text)).to_dict() == plan.to_dict()


def test_nobody_pays_nobody_is_called() -> None:
    plan = planned([("a", 0.01, 10.0, False), ("b", 0.02, 10.0, True)], RULE)
    assert (plan.size, plan.best_profit, plan.withheld) == (0, 0.0, 0)


# ---------------------------------------------------------------- expected maximum profit


def test_expected_maximum_is_the_integral_over_save_rates() -> None:
    r = np.random.default_rng(5)
    p, value = r.random(40) * 0.5, r.lognormal(4, 1, 40)
    rule = Decisions(contact_cost=2.0, offer_cost=6.0, save_rate=0.3)
    found = expected_maximum(p, value, rule)
    rates = r.beta(6, 14, 200_000)
    stays = np.zeros(len(rates))
    called = np.zeros(len(rates))
    for one, worth in zip(p, value, strict=True):
        profit = rates * one * (worth - 6) - (1 - one) * 6 - 2
        stays += profit.clip(min=0)
        called += profit > 0
    assert found.profit == pytest.approx(stays.mean() / 40, rel=0.01)
    assert found.fraction == pytest.approx(called.mean() / 40, rel=0.01)


def test_with_one_value_for_all_it_is_the_empc_of_a_list_that_comes_true() -> None:
    shares = [0.9, 0.6, 0.35, 0.1]  # of 20 customers each leave as many as forecast
    y = np.concatenate([np.arange(20) < 20 * share for share in shares]).astype(int)
    p = np.repeat(shares, 20)
    rule = Decisions(contact_cost=1.0, offer_cost=10.0, save_rate=0.3)
    found, seen = expected_maximum(p, np.full(80, 200.0), rule), empc(y, p)
    assert found.profit == pytest.approx(seen.profit)
    assert found.fraction == pytest.approx(seen.fraction)


@pytest.mark.parametrize("rate", [0.0, 1.0])
def test_a_certain_save_rate_leaves_nothing_to_integrate(rate: float) -> None:
    rule = Decisions(contact_cost=1.0, offer_cost=2.0, save_rate=rate)
    found = expected_maximum([0.5, 0.2], [50.0, 4.0], rule)
    profit = expected_profit([0.5, 0.2], [50.0, 4.0], save_rate=rate, contact_cost=1.0, offer_cost=2.0)
    assert found.profit == pytest.approx(profit.clip(min=0).mean())
