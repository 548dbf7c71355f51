"""Money and curves of a ranking against brute force, a peer's figures and scikit-learn."""

from __future__ import annotations

import itertools
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st
from numpy.typing import NDArray
from sklearn.metrics import det_curve, roc_auc_score, roc_curve

from cxml.decisions.call_plan import expected_profit
from cxml.errors import ConfigError, CxmlError, DataError
from cxml.metrics import profit

Floats = NDArray[np.float64]
COSTS = {"contact_cost": 1.0, "offer_cost": 10.0}


def drawn(seed: int, rows: int = 500) -> tuple[NDArray[np.int64], Floats]:
    """Outcomes and scores; odd seeds have many equal scores."""
    rng = np.random.default_rng(seed)
    p = rng.random(rows).round(2 if seed % 2 else 6)
    return (rng.random(rows) < 0.4 * p).astype(np.int64), p


def thresholds(y: NDArray[np.int64], p: Floats) -> list[tuple[int, int]]:
    """Churned and stayed among the contacted, for nobody and for every distinct score as the threshold."""
    called = [p >= edge for edge in (np.inf, *sorted(set(p.tolist()), reverse=True))]
    return [(int(y[mask].sum()), int((1 - y[mask]).sum())) for mask in called]


def at_rate(y: NDArray[np.int64], p: Floats, rate: float, clv: float, contact: float, offer: float) -> Floats:
    """Profit of every threshold, by the sentence: each contact costs, a saved leaver pays, a stayer takes."""
    return np.array(
        [hit * rate * (clv - offer) - miss * offer - (hit + miss) * contact for hit, miss in thresholds(y, p)]
    )


# Outcomes and scores: drawn(seed). EMPC and its fraction, MPC at the mean save rate and its fraction, as
# empc_score, mpc_score and their optimal_rate of the package empulse 0.13.1 give them.
TUNED = {"clv": 500.0, "contact_cost": 5.0, "offer_cost": 25.0}
SMALL = {"clv": 60.0, "contact_cost": 2.0, "offer_cost": 15.0}
PEER = [
    (0, {}, 6, 14, 5.13270983365593, 0.5312941906636358, 4.95, 0.622),
    (0, TUNED, 2, 8, 5.858129508648916, 0.3029392574554576, 4.32, 0.312),
    (1, {}, 6, 14, 4.682045594216383, 0.45937897331871197, 4.51, 0.394),
    (1, TUNED, 2, 8, 5.402245894702925, 0.27304703460663227, 4.2, 0.364),
    (2, {}, 6, 14, 5.488758951631988, 0.502990609995349, 5.322, 0.576),
    (2, SMALL, 6, 14, 1.6095261059148244e-05, 4.217784569514116e-05, 0.0, 0.0),
    (3, {}, 6, 14, 5.292429194636083, 0.5462935986920665, 5.14, 0.556),
    (3, SMALL, 6, 14, 0.01658456221675971, 0.0063635562615199, 0.012, 0.006),
    (4, TUNED, 2, 8, 6.832923459439944, 0.3453118906319004, 4.92, 0.5),
    (4, SMALL, 6, 14, 0.023708376903637633, 0.002968967029740243, 0.023, 0.002),
]


@pytest.mark.parametrize(("seed", "money", "alpha", "beta", "empc", "share", "mpc", "mpc_share"), PEER)
def test_a_peer_gives_the_same(
    seed: int,
    money: dict[str, float],
    alpha: float,
    beta: float,
    empc: float,
    share: float,
    mpc: float,
    mpc_share: float,
) -> None:
    y, p = drawn(seed)
    assert profit.empc(y, p, **money, alpha=alpha, beta=beta) == pytest.approx((empc, share), rel=1e-9)
    known = profit.maximum_profit(y, p, **money, save_rate=alpha / (alpha + beta))
    assert known == pytest.approx((mpc, mpc_share), rel=1e-9)


@pytest.mark.parametrize("rate", [0.0, 0.05, 0.3, 1.0])
@pytest.mark.parametrize("seed", range(4))
def test_maximum_profit_is_the_best_of_all_thresholds(seed: int, rate: float) -> None:
    y, p = drawn(seed, 60)
    every = at_rate(y, p, rate, 150, 3, 8)
    found = profit.maximum_profit(y, p, clv=150, contact_cost=3, offer_cost=8, save_rate=rate)
    assert found.profit == pytest.approx(every.max() / 60)
    called = [sum(counts) for counts in thresholds(y, p)]
    assert every[called.index(round(found.fraction * 60))] == pytest.approx(every.max())


@pytest.mark.parametrize("seed", range(4))
def test_empc_is_the_mean_over_the_save_rates(seed: int) -> None:
    """A fine grid of save rates, weighted by the density of Beta(3, 6), each with its best threshold."""
    y, p = drawn(seed, 40)
    rates = (np.arange(20_000) + 0.5) / 20_000
    weights = rates**2 * (1 - rates) ** 5
    weights /= weights.sum()
    counts = np.array(thresholds(y, p), dtype=np.float64)
    every = np.outer(rates, counts[:, 0] * (120 - 12)) - counts[:, 1] * 12 - counts.sum(axis=1) * 2
    found = profit.empc(y, p, clv=120, contact_cost=2, offer_cost=12, alpha=3, beta=6)
    assert found.profit == pytest.approx(weights @ every.max(axis=1) / 40, rel=1e-6)
    best = counts.sum(axis=1)[every.argmax(axis=1)]
    assert found.fraction == pytest.approx(weights @ best / 40, abs=1e-3)


def test_empc_by_drawing_save_rates() -> None:
    y, p = drawn(1, 80)
    rates = np.random.default_rng(9).beta(6, 14, 100_000)
    counts = np.array(thresholds(y, p), dtype=np.float64)
    every = (np.outer(rates, counts[:, 0] * 190) - counts[:, 1] * 10 - counts.sum(axis=1)).max(axis=1) / 80
    error = every.std() / np.sqrt(len(every))
    assert profit.empc(y, p).profit == pytest.approx(every.mean(), abs=4 * error)


def test_a_nearly_certain_save_rate_makes_both_profits_equal() -> None:
    y, p = drawn(3)
    sure = profit.empc(y, p, alpha=3e7, beta=7e7)
    assert sure == pytest.approx(profit.maximum_profit(y, p, save_rate=0.3), rel=1e-4)


def test_uncertainty_about_the_save_rate_never_costs() -> None:
    """The best answer to each save rate is worth at least one answer to all of them (Jensen)."""
    for seed in range(6):
        y, p = drawn(seed, 90)
        assert profit.empc(y, p).profit >= profit.maximum_profit(y, p, save_rate=0.3).profit - 1e-12


@pytest.mark.parametrize(
    "money", [{"clv": 5.0}, {"clv": 10.0}, {"clv": 0.0}, {"offer_cost": 1e6}, {"contact_cost": 1e6}]
)
def test_a_campaign_that_cannot_pay_contacts_nobody(money: dict[str, float]) -> None:
    y, p = drawn(0)
    for found in (profit.empc(y, p, **money), profit.maximum_profit(y, p, **money)):
        assert found == (0.0, 0.0)
        assert not np.signbit(found).any(), "a report would print -0"


def test_a_free_campaign_stops_at_the_last_leaver() -> None:
    y, p = [1, 0, 1, 0], [0.9, 0.8, 0.7, 0.1]
    found = profit.empc(y, p, clv=200, contact_cost=0, offer_cost=0)
    assert found == pytest.approx((2 * 200 * 0.3 / 4, 0.75))
    assert profit.maximum_profit(y, p, contact_cost=0, offer_cost=0) == pytest.approx((30, 0.75))


def test_one_class_only() -> None:
    p = [0.2, 0.4, 0.9]
    assert profit.empc([0, 0, 0], p) == (0.0, 0.0)
    assert profit.maximum_profit([1, 1, 1], p, save_rate=0.5) == (94.0, 1.0)
    assert np.isnan(profit.gain_curve([0, 0, 0], p).gain).all()
    assert np.isnan(profit.gain_curve([0, 0, 0], p).area)
    assert np.isnan(profit.lift_curve([0, 0, 0], p).lift).all()
    assert profit.gain_curve([1, 1, 1], p).area == pytest.approx(0.5)


# ---------------------------------------------------------------- a value per customer


def test_the_profit_curve_without_ties_is_a_running_sum() -> None:
    rng = np.random.default_rng(2)
    y, p, value = rng.integers(0, 2, 50), rng.permutation(50) / 50, rng.normal(100, 150, 50)
    found = profit.profit_curve(y, p, value, **COSTS, save_rate=0.4)
    each = [0.4 * (v - 10) - 1 if left else -11.0 for _, left, v in sorted(zip(-p, y, value, strict=True))]
    running = [0.0, *itertools.accumulate(each)]
    assert found.profit == pytest.approx(running)
    assert found.best_profit == pytest.approx(max(running))
    assert found.best_k == int(np.argmax(running))
    assert found.ceiling == pytest.approx([0.0, *itertools.accumulate(sorted(each, reverse=True))])
    assert found.ceiling_profit == pytest.approx(sum(one for one in each if one > 0))
    assert found.ceiling_k == sum(one > 0 for one in each)


def test_equal_scores_bring_the_mean_over_all_orders() -> None:
    y, p, value = [1, 0, 1, 1, 0], [0.7, 0.5, 0.5, 0.5, 0.1], [100, 40, 300, 20, 80]
    each = np.array([0.5 * (v - 10) - 1 if left else -11.0 for left, v in zip(y, value, strict=True)])
    orders = [[0, *middle, 4] for middle in itertools.permutations([1, 2, 3])]
    mean = np.mean([np.r_[0, np.cumsum(each[order])] for order in orders], axis=0)
    assert profit.profit_curve(y, p, value, **COSTS, save_rate=0.5).profit == pytest.approx(mean)


def test_one_value_for_all_is_the_maximum_profit() -> None:
    for seed in range(4):
        y, p = drawn(seed)
        curve = profit.profit_curve(y, p, np.full(500, 200.0), **COSTS, save_rate=0.3)
        known = profit.maximum_profit(y, p, save_rate=0.3)
        assert (curve.best_profit / 500, curve.best_k / 500) == pytest.approx(known)


def test_the_outcome_known_is_the_decision_s_expected_profit() -> None:
    y, p = drawn(5)
    value = np.random.default_rng(5).gamma(2, 100, 500)
    each = expected_profit(y, value, **COSTS, save_rate=0.3)
    assert profit.profit_curve(y, p, value, **COSTS, save_rate=0.3).profit[-1] == pytest.approx(each.sum())
    knowing = profit.profit_curve(y, each, value, **COSTS, save_rate=0.3)
    assert knowing.profit == pytest.approx(knowing.ceiling)
    assert (knowing.best_k, knowing.best_profit) == (knowing.ceiling_k, knowing.ceiling_profit)


# ---------------------------------------------------------------- gain and lift


@pytest.mark.parametrize("seed", range(4))
def test_gain_is_recall_at_every_threshold(seed: int) -> None:
    y, p = drawn(seed)
    fpr, tpr, _ = roc_curve(y, p, drop_intermediate=False)
    shares = np.clip(y.mean() * tpr + (1 - y.mean()) * fpr, 0, 1)
    assert profit.gain_curve(y, p, shares=shares).gain == pytest.approx(tpr)
    fpr, fnr, _ = det_curve(y, p)
    shares = np.clip(y.mean() * (1 - fnr) + (1 - y.mean()) * fpr, 0, 1)
    assert profit.gain_curve(y, p, shares=shares).gain == pytest.approx(1 - fnr)


@pytest.mark.parametrize("seed", range(4))
def test_the_area_below_the_gain_curve_is_the_auc_in_disguise(seed: int) -> None:
    y, p = drawn(seed)
    found, rate = profit.gain_curve(y, p), y.mean()
    assert found.area == pytest.approx(rate / 2 + (1 - rate) * roc_auc_score(y, p))
    assert profit.gain_curve(y, y).area == pytest.approx(1 - rate / 2)
    assert profit.gain_curve(y, np.zeros(500)).gain == pytest.approx(found.share)
    fine = profit.gain_curve(y, p, shares=np.linspace(0, 1, 501))
    assert np.trapezoid(fine.gain, fine.share) == pytest.approx(found.area)


def test_gain_and_lift_average_over_the_orders_of_equal_scores() -> None:
    y, p = np.array([1, 0, 0, 1, 1]), np.array([0.9, 0.4, 0.4, 0.4, 0.2])
    orders = [[0, *middle, 4] for middle in itertools.permutations([1, 2, 3])]
    mean = np.mean([np.cumsum(y[order]) / 3 for order in orders], axis=0)
    shares = np.arange(1, 6) / 5
    assert profit.gain_curve(y, p, shares=shares).gain == pytest.approx(mean)
    assert profit.lift_curve(y, p, shares=shares).lift == pytest.approx(mean / shares)


def test_the_grids_that_nobody_asked_for() -> None:
    y, p = drawn(1)
    gain, lift = profit.gain_curve(y, p), profit.lift_curve(y, p)
    assert (len(gain.share), gain.share[0], gain.share[-1]) == (101, 0, 1)
    assert (len(lift.share), lift.share[0], lift.share[-1]) == (100, 0.01, 1)
    assert (gain.gain[0], gain.gain[-1], lift.lift[-1]) == (0, 1, 1)
    assert lift.lift * lift.share == pytest.approx(gain.gain[1:])


# ---------------------------------------------------------------- rules for every list

ROW = st.tuples(st.integers(0, 1), st.integers(0, 12), st.floats(-50, 500))
LISTS = st.lists(ROW, min_size=1, max_size=30)


def figures(y: Floats, p: Floats, value: Floats) -> list[Floats]:
    """Everything the module tells about a list."""
    curve = profit.profit_curve(y, p, value, contact_cost=0.7, offer_cost=9.1, save_rate=0.37)
    gain, lift = profit.gain_curve(y, p), profit.lift_curve(y, p)
    told = [profit.empc(y, p), profit.maximum_profit(y, p), *curve, gain.gain, gain.area, lift.lift]
    return [np.asarray(one, dtype=np.float64) for one in told]


@settings(max_examples=60, deadline=None)
@given(LISTS, st.randoms(use_true_random=False))
def test_order_of_rows_and_scale_of_scores_change_nothing(
    rows: list[tuple[int, int, float]], random: object
) -> None:
    y, p, value = np.array(rows, dtype=np.float64).T
    told = figures(y, p, value)
    shuffled = list(rows)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    # Equal to the last bit, not merely close.
    for one, other in zip(told, figures(*np.array(shuffled, dtype=np.float64).T), strict=True):
        np.testing.assert_array_equal(one, other)
    for one, other in zip(told, figures(y, np.exp(p / 3) - 5, value), strict=True):
        np.testing.assert_array_equal(one, other)


@settings(max_examples=60, deadline=None)
@given(LISTS)
def test_a_perfect_ranking_is_never_beaten(rows: list[tuple[int, int, float]]) -> None:
    y, p, value = np.array(rows, dtype=np.float64).T
    assert profit.empc(y, y).profit >= profit.empc(y, p).profit - 1e-9
    assert profit.maximum_profit(y, y).profit >= profit.maximum_profit(y, p).profit - 1e-9
    curve = profit.profit_curve(y, p, value, **COSTS, save_rate=0.5)
    assert (curve.ceiling >= curve.profit - 1e-6).all()
    assert curve.best_profit >= 0 and curve.ceiling_profit >= curve.best_profit - 1e-6
    assert curve.profit[curve.best_k] == curve.best_profit == curve.profit.max()
    if y.any():
        assert (profit.gain_curve(y, y).gain >= profit.gain_curve(y, p).gain - 1e-12).all()
        assert (profit.lift_curve(y, y).lift >= profit.lift_curve(y, p).lift - 1e-9).all()


@settings(max_examples=60, deadline=None)
@given(LISTS, st.floats(0.1, 40), st.floats(0.1, 40))
def test_empc_keeps_its_range(rows: list[tuple[int, int, float]], alpha: float, beta: float) -> None:
    y, p, _ = np.array(rows, dtype=np.float64).T
    found = profit.empc(y, p, alpha=alpha, beta=beta)
    assert 0 <= found.profit <= 190 * y.mean() * alpha / (alpha + beta) + 1e-9
    assert 0 <= found.fraction <= 1


# ---------------------------------------------------------------- what is refused


@pytest.mark.parametrize(
    "measure", [profit.empc, profit.maximum_profit, profit.gain_curve, profit.lift_curve]
)
@pytest.mark.parametrize(
    ("y", "p"),
    [
        ([], []),
        ([1, 0], [0.5]),
        ([[1, 0]], [[0.5, 0.1]]),
        ([1, 2], [0.5, 0.1]),
        ([1, np.nan], [0.5, 0.1]),
        ([1, 0], [0.5, np.inf]),
        (["left", "stayed"], [0.5, 0.1]),
    ],
)
def test_columns_that_do_not_fit(measure: Callable[..., object], y: object, p: object) -> None:
    with pytest.raises(DataError) as told:
        measure(y, p)
    assert told.value.where and told.value.expected and told.value.fix
    assert "stayed" not in told.value.what


def test_a_value_for_every_row() -> None:
    with pytest.raises(DataError, match="value has shape"):
        profit.profit_curve([1, 0], [0.5, 0.1], [9.0], **COSTS, save_rate=0.3)
    with pytest.raises(DataError, match="1 of value"):
        profit.profit_curve([1, 0], [0.5, 0.1], [9.0, np.nan], **COSTS, save_rate=0.3)


@pytest.mark.parametrize(
    "call",
    [
        lambda y, p: profit.empc(y, p, clv=-1),
        lambda y, p: profit.empc(y, p, clv=np.array([1.0, 2.0])),
        lambda y, p: profit.empc(y, p, alpha=0),
        lambda y, p: profit.empc(y, p, beta=np.nan),
        lambda y, p: profit.maximum_profit(y, p, save_rate=1.2),
        lambda y, p: profit.maximum_profit(y, p, contact_cost=-0.5),
        lambda y, p: profit.maximum_profit(y, p, offer_cost="10"),
        lambda y, p: profit.profit_curve(y, p, [1, 1], contact_cost=1, offer_cost=1, save_rate=-0.1),
        lambda y, p: profit.gain_curve(y, p, shares=[1.1]),
        lambda y, p: profit.gain_curve(y, p, shares=0.5),
        lambda y, p: profit.lift_curve(y, p, shares=[0.0, 0.5]),
    ],
)
def test_parameters_that_make_no_sense(call: Callable[..., object]) -> None:
    with pytest.raises(ConfigError) as told:
        call([1, 0], [0.7, 0.2])
    assert isinstance(told.value, CxmlError) and told.value.where and told.value.expected and told.value.fix
