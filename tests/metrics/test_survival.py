"""Scores of survival against hand counts, brute force, published definitions and peers."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from cxml.errors import CxmlError, DataError, NotEnoughDataError
from cxml.metrics.survival import (
    StepFunction,
    brier_score,
    censoring_curve,
    concordance,
    integrated_brier_score,
    kaplan_meier,
    time_dependent_auc,
)

TIED = np.array([5, 6, 6, 2, 4, 4, 3, 8, 9, 7])
LEFT = np.array([1, 0, 1, 1, 1, 0, 1, 1, 0, 1])
RISK = np.array([0.6, 0.2, 0.5, 0.9, 0.7, 0.7, 0.5, 0.1, 0.3, 0.2])

# No duration is shared by a leaver and a censored customer: there conventions differ.
TEST_TIME = np.array([1.2, 2.1, 2.9, 3.3, 4.7, 5.1, 5.8, 6.4, 7.7, 8.2])
TEST_LEFT = np.array([1, 0, 1, 1, 0, 1, 1, 0, 1, 0])
TRAIN_TIME = np.array([0.9, 1.7, 2.5, 3.1, 3.8, 4.4, 5.5, 6.1, 7.2, 9.5])
TRAIN_LEFT = np.array([1, 1, 0, 1, 0, 1, 1, 0, 1, 0])
PEER_RISK = np.array([0.9, 0.4, 0.6, 0.7, 0.3, 0.5, 0.35, 0.2, 0.4, 0.1])
PEER_TIMES = np.array([2.0, 3.5, 6.0])

durations = st.lists(
    st.tuples(st.integers(0, 6), st.booleans(), st.integers(-3, 3)), min_size=1, max_size=40
).map(lambda rows: tuple(np.array(column) for column in zip(*rows, strict=True)))


def brute_concordance(time: np.ndarray, left: np.ndarray, risk: np.ndarray) -> float:
    good = pairs = 0.0
    for i in range(len(time)):
        for j in range(len(time)):
            if left[i] and (time[i] < time[j] or (time[i] == time[j] and not left[j])):
                pairs += 1
                good += 1.0 if risk[i] > risk[j] else 0.5 if risk[i] == risk[j] else 0.0
    return good / pairs if pairs else float("nan")


# ---------------------------------------------------------------- Kaplan-Meier


def test_kaplan_meier_by_hand_and_as_lifelines() -> None:
    curve = kaplan_meier(TIED, LEFT)
    # 10 at risk at 2, 9 at 3, 8 at 4 (one leaves, one is censored), 6 at 5, 5 at 6, 3 at 7, 2 at 8.
    by_hand = np.cumprod([1, 1, 9 / 10, 8 / 9, 7 / 8, 5 / 6, 4 / 5, 2 / 3, 1 / 2, 1, 1])
    np.testing.assert_allclose(curve.at(np.arange(11)), by_hand)
    # lifelines 0.30.3, KaplanMeierFitter().fit(TIED, LEFT).predict(range(11))
    peer = [1, 1, 0.9, 0.8, 0.7, 0.583333333333, 0.466666666667, 0.311111111111] + [0.155555555556] * 3
    np.testing.assert_allclose(curve.at(np.arange(11)), peer, atol=1e-11)


def test_before_a_step_nothing_has_changed() -> None:
    curve = kaplan_meier([1, 2], [1, 1])
    assert curve.at([[0.5, 1], [1.5, 2]]).tolist() == [[1, 0.5], [0.5, 0]]
    assert curve.before([[0.5, 1], [1.5, 2]]).tolist() == [[1, 1], [0.5, 0.5]]


@given(durations)
def test_without_censoring_survival_is_the_share_left_over(rows: tuple[np.ndarray, ...]) -> None:
    time = rows[0]
    share = [(time > t).mean() for t in range(8)]
    np.testing.assert_allclose(kaplan_meier(time, np.ones(len(time))).at(np.arange(8)), share, atol=1e-12)
    assert (censoring_curve(time, np.ones(len(time))).at(np.arange(8)) == 1).all()


@given(durations)
def test_staying_and_being_watched_share_the_rows_out(rows: tuple[np.ndarray, ...]) -> None:
    """P(stay beyond t) * P(watched beyond t) = the share of rows beyond t, tied or not."""
    time, left, _ = rows
    grid = np.arange(8)
    both = kaplan_meier(time, left).at(grid) * censoring_curve(time, left).at(grid)
    np.testing.assert_allclose(both, [(time > t).mean() for t in grid], atol=1e-12)
    for curve in (kaplan_meier(time, left), censoring_curve(time, left)):
        assert all(a >= b for a, b in pairwise(curve.values)) and (curve.values >= 0).all()


# ---------------------------------------------------------------- Brier


def test_brier_by_hand() -> None:
    """Four customers, all watched equally long with probability 0.8 beyond 2 and 0.5 beyond 4."""
    censoring = StepFunction(np.array([2.0, 4.0]), np.array([0.8, 0.5]))
    survival = np.array([[0.3, 0.1], [0.6, 0.2], [0.7, 0.4], [0.9, 0.8]])
    found = brier_score([1, 2, 3, 5], [1, 0, 1, 1], survival, [2, 4], censoring)
    at_2 = (0.3**2 / 1 + (1 - 0.7) ** 2 / 0.8 + (1 - 0.9) ** 2 / 0.8) / 4
    at_4 = (0.1**2 / 1 + 0.4**2 / 0.8 + (1 - 0.8) ** 2 / 0.5) / 4
    np.testing.assert_allclose(found, [at_2, at_4])
    total = integrated_brier_score([1, 2, 3, 5], [1, 0, 1, 1], survival, [2, 4], censoring)
    assert total == pytest.approx((at_2 + at_4) / 2)
    first = integrated_brier_score([1, 2, 3, 5], [1, 0, 1, 1], survival[:, :1], [2], censoring)
    assert first == pytest.approx(at_2)


def test_brier_and_auc_as_scikit_survival() -> None:
    censoring = censoring_curve(TRAIN_TIME, TRAIN_LEFT)
    survival = np.clip(1 - np.outer(PEER_RISK, [0.4, 0.7, 0.95]), 0, 1)
    given_ = (TEST_TIME, TEST_LEFT)
    # scikit-survival 0.28.0: brier_score, integrated_brier_score, cumulative_dynamic_auc
    np.testing.assert_allclose(
        brier_score(*given_, survival, PEER_TIMES, censoring), [0.06788, 0.11952142857142858, 0.1609565]
    )
    whole = integrated_brier_score(*given_, survival, PEER_TIMES, censoring)
    assert whole == pytest.approx(0.1227871205357143)
    np.testing.assert_allclose(
        time_dependent_auc(*given_, PEER_RISK, PEER_TIMES, censoring), [1.0, 1.0, 0.9241706161137441]
    )


def test_weights_undo_censoring_where_durations_are_whole_months() -> None:
    """The score of censored customers is that of the same customers watched to their end."""
    rng = np.random.default_rng(0)
    rows = 200_000
    chance = rng.choice([0.1, 0.4], rows)
    stays, watched = rng.geometric(chance), rng.integers(1, 9, rows)
    time, left = np.minimum(stays, watched), stays <= watched
    times = np.arange(1, 7)
    survival = (1 - chance[:, None]) ** (times * 1.3)
    everyone = np.mean(((stays[:, None] > times) - survival) ** 2, axis=0)
    found = brier_score(time, left, survival, times, censoring_curve(time, left))
    np.testing.assert_allclose(found, everyone, atol=0.003)
    full = [brute_concordance_at(stays[:3000], chance[:3000], t) for t in times]
    auc = time_dependent_auc(time, left, chance, times, censoring_curve(time, left))
    np.testing.assert_allclose(auc, full, atol=0.02)


def brute_concordance_at(stays: np.ndarray, risk: np.ndarray, t: int) -> float:
    case, control = risk[stays <= t][:, None], risk[stays > t][None, :]
    return float(np.mean((case > control) + 0.5 * (case == control)))


# ---------------------------------------------------------------- ranking


def test_concordance_as_lifelines() -> None:
    # lifelines 0.30.3, concordance_index(TIED, -RISK, LEFT)
    assert concordance(TIED, LEFT, RISK) == pytest.approx(0.8333333333333334)


@settings(max_examples=200)
@given(durations)
def test_concordance_counts_every_pair(rows: tuple[np.ndarray, ...]) -> None:
    assert concordance(*rows) == pytest.approx(brute_concordance(*rows), nan_ok=True)


@given(durations)
def test_concordance_depends_on_order_of_risk_alone(rows: tuple[np.ndarray, ...]) -> None:
    time, left, risk = rows
    found = concordance(time, left, risk)
    assert concordance(time, left, np.exp(risk)) == pytest.approx(found, nan_ok=True)
    assert concordance(time, left, -risk) == pytest.approx(1 - found, nan_ok=True)
    back = slice(None, None, -1)
    assert concordance(time[back], left[back], risk[back]) == pytest.approx(found, nan_ok=True)


@given(durations)
def test_auc_counts_every_pair_by_its_weight(rows: tuple[np.ndarray, ...]) -> None:
    time, left, risk = rows
    censoring = censoring_curve(time, left)
    found = time_dependent_auc(time, left, risk, [1, 3, 5], censoring)
    per_time = np.column_stack([risk, risk * 2, risk + 1])
    np.testing.assert_array_equal(time_dependent_auc(time, left, per_time, [1, 3, 5], censoring), found)
    for k, t in enumerate([1, 3, 5]):
        good = pairs = 0.0
        for i in np.flatnonzero(left & (time <= t)):
            for j in np.flatnonzero(time > t):
                weight = 1 / float(censoring.before(time[i]))
                pairs += weight
                good += weight * (1.0 if risk[i] > risk[j] else 0.5 if risk[i] == risk[j] else 0.0)
        assert found[k] == pytest.approx(good / pairs if pairs else float("nan"), nan_ok=True)


def test_many_rows_are_ranked() -> None:
    rng = np.random.default_rng(1)
    risk = rng.normal(size=100_000)
    time = rng.exponential(np.exp(-risk))
    sample = slice(0, 1500)
    whole = concordance(time, np.ones(100_000), risk)
    assert whole == pytest.approx(brute_pairs(time[sample], risk[sample]), abs=0.02)
    # With exponential times of rates exp(risk), the riskier of two leaves first with 1 / (1 + exp(-gap)).
    gap = np.abs(rng.normal(size=400_000) - rng.normal(size=400_000))
    assert whole == pytest.approx(np.mean(1 / (1 + np.exp(-gap))), abs=0.003)


def brute_pairs(time: np.ndarray, risk: np.ndarray) -> float:
    first = time[:, None] < time[None, :]
    return float((first & (risk[:, None] > risk[None, :])).sum() / first.sum())


# ---------------------------------------------------------------- refusals


def test_no_pair_is_no_figure() -> None:
    assert np.isnan(concordance([1, 2], [0, 0], [1, 2]))
    assert np.isnan(concordance([2, 2], [1, 1], [1, 2]))
    always = StepFunction(np.array([9.0]), np.array([0.5]))
    assert np.isnan(time_dependent_auc([1, 2], [1, 1], [1, 2], [0.5, 5], always)).all()


ONE = StepFunction(np.array([9.0]), np.array([0.0]))


@pytest.mark.parametrize(
    ("call", "kind"),
    [
        (lambda: kaplan_meier([1, 2], [1]), DataError),
        (lambda: kaplan_meier([[1]], [[1]]), DataError),
        (lambda: kaplan_meier([], []), NotEnoughDataError),
        (lambda: kaplan_meier([-1, 2], [1, 1]), DataError),
        (lambda: kaplan_meier([np.nan, 2], [1, 1]), DataError),
        (lambda: kaplan_meier([1, 2], [1, 2]), DataError),
        (lambda: kaplan_meier([1, 2], [1, np.nan]), DataError),
        (lambda: concordance([1, 2], [1, 1], [1, np.nan]), DataError),
        (lambda: concordance([1, 2], [1, 1], [1]), DataError),
        (lambda: brier_score([1, 2], [1, 1], [[0.5], [1.5]], [1], ONE), DataError),
        (lambda: brier_score([1, 2], [1, 1], [[0.5, 0.5]], [1], ONE), DataError),
        (lambda: brier_score([1, 2], [1, 1], [[0.5, 0.5]] * 2, [2, 1], ONE), DataError),
        (lambda: brier_score([1, 2], [1, 1], [[0.5]] * 2, [9], ONE), NotEnoughDataError),
        (lambda: time_dependent_auc([1, 2], [1, 1], [[1, 2, 3]] * 2, [1, 2], ONE), DataError),
        (lambda: time_dependent_auc([10, 12], [1, 1], [1, 2], [11], ONE), NotEnoughDataError),
    ],
)
def test_what_cannot_be_measured_is_refused(call: object, kind: type[CxmlError]) -> None:
    with pytest.raises(kind) as caught:
        call()  # type: ignore[operator]
    assert caught.value.where and caught.value.expected and caught.value.fix
