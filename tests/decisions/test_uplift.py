"""Uplift: the Qini curve by the definitions that others publish, and worlds whose persuadables are known."""

from __future__ import annotations

import dataclasses
import json
import math
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, strategies as st

from cxml.decisions.uplift import (
    LoggedContacts,
    Persuasion,
    Proof,
    learn_uplift,
    qini,
    qini_interval,
    selection,
)
from cxml.errors import DataError
from cxml.metrics.bootstrap import draw_counts

# ---------------------------------------------------------------- the Qini curve


def sklift_curve(y: np.ndarray, score: np.ndarray, treatment: np.ndarray) -> tuple[list[float], list[float]]:
    """scikit-uplift's ``qini_curve``, row by row: at each distinct score, y_t - y_c * n_t / n_c."""
    x, curve = [0.0], [0.0]
    for threshold in sorted(set(score), reverse=True):
        top = score >= threshold
        n_t, n_c = (top & (treatment == 1)).sum(), (top & (treatment == 0)).sum()
        y_t, y_c = y[top & (treatment == 1)].sum(), y[top & (treatment == 0)].sum()
        x.append(float(top.sum()))
        curve.append(float(y_t - (y_c * n_t / n_c if n_c else 0.0)))
    return x, curve


def area(x: list[float], y: list[float]) -> float:
    return sum((b - a) * (c + d) / 2 for a, b, c, d in zip(x, x[1:], y, y[1:], strict=False))


ROWS = st.lists(st.tuples(st.integers(0, 5), st.booleans(), st.booleans()), min_size=4, max_size=40).filter(
    lambda rows: 0 < sum(row[1] for row in rows) < len(rows)
)


@given(ROWS)
def test_the_curve_is_that_of_scikit_uplift(rows: list[tuple[int, bool, bool]]) -> None:
    score, contacted, left = (np.array(column) for column in zip(*rows, strict=True))
    found = qini(score, contacted, left)
    # Leaving is what a contact should prevent: those saved are the uplift of leaving, turned round.
    x, curve = sklift_curve(left.astype(int), score, contacted.astype(int))
    assert found.share * len(rows) == pytest.approx(x)
    assert found.saved == pytest.approx([-y for y in curve])
    # The numerator of its qini_auc_score: the area above the straight line of a random order.
    above = -(area(x, curve) - area([0, len(rows)], [0, curve[-1]]))
    assert found.coefficient == pytest.approx(above / len(rows) / contacted.sum())


@given(st.integers(0, 1000))
def test_without_ties_the_coefficient_is_that_of_causalml_per_contact(seed: int) -> None:
    r = np.random.default_rng(seed)
    n = 30
    score, w, y = r.permutation(n), np.r_[1, 0, r.integers(0, 2, n - 2)], r.integers(0, 2, n)
    order = np.argsort(-score)
    tr, ct = np.cumsum(w[order]), np.cumsum(1 - w[order])
    y_tr, y_ct = np.cumsum((y * w)[order]), np.cumsum((y * (1 - w))[order])
    # get_qini: cumulative y_tr - y_ct * tr / ct from 0, beside a straight line to its end; qini_score: mean gap.
    curve = np.r_[0.0, y_tr - np.where(ct > 0, y_ct * tr / np.maximum(ct, 1), 0.0)]
    gap = curve - np.linspace(0, 1, n + 1) * curve[-1]
    assert qini(score, w == 1, y == 1).coefficient * w.sum() == pytest.approx(-gap.sum() / n)


@given(ROWS, st.floats(0.1, 0.9))
def test_a_share_common_to_all_changes_nothing(rows: list[tuple[int, bool, bool]], share: float) -> None:
    score, contacted, left = (np.array(column) for column in zip(*rows, strict=True))
    plain, weighted = qini(score, contacted, left), qini(score, contacted, left, np.full(len(rows), share))
    assert weighted.saved == pytest.approx(plain.saved)


def test_draws_of_different_shares_are_told_apart() -> None:
    """In January many are contacted and few leave, in June few and many: no contact has any effect."""
    r = np.random.default_rng(0)
    june = r.random(60_000) < 0.5
    e = np.where(june, 0.2, 0.8)
    contacted, left = r.random(60_000) < e, r.random(60_000) < np.where(june, 0.4, 0.1)
    assert abs(qini(r.random(60_000), contacted, left, e).saved[-1]) < 300
    assert abs(qini(r.random(60_000), contacted, left).saved[-1]) > 3_000


def test_the_interval_draws_customers_with_all_their_rows() -> None:
    world, _ = make(300, seed=3)
    twice = doubled(world)
    score = world.X["c"].to_numpy()
    found = qini_interval(np.tile(score, 2), twice, draws=60, seed=1)
    by_hand = []
    for counts in draw_counts(twice.customers, 60, 1):
        for count in counts.astype(int):
            rows = np.repeat(np.arange(600), count)
            by_hand.append(qini(np.tile(score, 2)[rows], twice.contacted[rows], twice.left[rows]).coefficient)
    assert found == pytest.approx(tuple(np.quantile(by_hand, [0.025, 0.975])))


# ---------------------------------------------------------------- worlds with known effects


def make(
    n: int, *, seed: int, strength: float = 1.0, share: Any = 0.5, noise: int = 12
) -> tuple[LoggedContacts, np.ndarray]:
    """Half of the risk is not to be moved; who can be persuaded is told by column c, driven away by d."""
    r = np.random.default_rng(seed)
    X = pd.DataFrame(r.normal(size=(n, 4 + noise)), columns=[*"abcd", *(f"noise_{k}" for k in range(noise))])
    log_odds = -1.6 + 0.9 * X["a"] + 0.6 * X["b"]
    p = (1 / (1 + np.exp(-log_odds))).to_numpy()
    effect = strength * (np.where(X["c"] > 0.5, 0.7 * p, 0.0) - np.where(X["d"] > 1.5, 0.1 * (1 - p), 0.0))
    contacted = r.random(n) < (share(X) if callable(share) else share)
    left = r.random(n) < p - contacted * effect
    forecast = (1 / (1 + np.exp(-(log_odds + r.normal(0, 0.3, n))))).to_numpy()
    X["churn_probability"] = forecast
    ids = np.array([f"c{k}" for k in range(n)])
    return LoggedContacts(X, contacted, left, forecast, ids, np.zeros(n)), effect


def doubled(world: LoggedContacts) -> LoggedContacts:
    """Every customer with two rows alike."""
    parts = {f.name: getattr(world, f.name) for f in dataclasses.fields(world) if f.name != "X"}
    return LoggedContacts(
        pd.concat([world.X] * 2, ignore_index=True), **{k: np.tile(v, 2) for k, v in parts.items()}
    )


@pytest.fixture(scope="module")
def learned() -> tuple[Persuasion | None, Proof]:
    return learn_uplift(make(8_000, seed=1)[0], num_threads=1, draws=100)


def test_persuadables_are_found_better_than_by_risk(learned: tuple[Persuasion | None, Proof]) -> None:
    persuasion, proof = learned
    assert proof.verdict == "uplift" and persuasion is not None
    fresh, effect = make(20_000, seed=99)
    top = 2_000

    def saved(score: np.ndarray) -> float:
        return float(effect[np.argsort(-score)[:top]].sum())

    assert saved(persuasion.uplift(fresh.X)) > 1.5 * saved(fresh.probability)
    assert saved(persuasion.uplift(fresh.X)) > 0.75 * saved(effect)


def test_what_is_proven_is_what_is_true(learned: tuple[Persuasion | None, Proof]) -> None:
    _, proof = learned
    spread = (proof.effect_high - proof.effect_low) / (2 * 1.96)
    assert abs(proof.effect - make(200_000, seed=7)[1].mean()) < 3 * spread < 0.03
    assert proof.qini_low <= proof.qini <= proof.qini_high and proof.qini >= proof.qini_risk
    assert proof.auc <= proof.auc_limit < 0.53
    assert (proof.share[0], proof.share[-1], proof.saved[0]) == (0.0, 1.0, 0.0)
    assert proof.saved[-1] == pytest.approx(proof.saved_by_risk[-1])
    json.dumps(proof.to_dict(), allow_nan=False)


def test_without_an_effect_nothing_is_proven() -> None:
    verdicts = [
        learn_uplift(make(2_000, seed=s, strength=0.0)[0], num_threads=1, draws=60)[1].verdict
        for s in range(4)
    ]
    assert verdicts.count("uplift") <= 1 and set(verdicts) <= {"uplift", "not_proven"}


def test_a_log_that_was_not_drawn_at_random_is_told() -> None:
    world, _ = make(4_000, seed=2, share=lambda X: 1 / (1 + np.exp(-0.6 * X["a"])))
    persuasion, proof = learn_uplift(world, num_threads=1)
    assert persuasion is None and proof.verdict == "not_random"
    assert proof.auc > proof.auc_limit and math.isnan(proof.qini)


def test_random_draws_are_not_suspected_even_when_their_shares_differ() -> None:
    """Another share each month, and other customers: from month to month that is no secret."""
    for seed in range(5):
        r = np.random.default_rng(seed)
        month = r.integers(0, 3, 3_000)
        world, _ = make(3_000, seed=seed, share=np.array([0.2, 0.5, 0.8])[month])
        X = world.X.assign(a=world.X["a"] + month)
        auc, limit = selection(dataclasses.replace(world, X=X, draw=month), num_threads=1)
        assert auc <= limit


def test_few_rows_prove_nothing_and_one_sided_draws_are_left_out() -> None:
    world, _ = make(300, seed=4)
    assert learn_uplift(world)[1].verdict == "too_few"
    draw = np.where(world.contacted, 1, 0)
    proof = learn_uplift(dataclasses.replace(world, draw=draw))[1]
    assert (proof.verdict, proof.rows) == ("too_few", 0)


def test_the_same_log_teaches_the_same_whatever_the_order_of_its_rows() -> None:
    world, _ = make(2_000, seed=5)
    one, two = (learn_uplift(world, num_threads=1, draws=50) for _ in range(2))
    assert one[1] == two[1]
    order = np.random.default_rng(0).permutation(2_000)
    parts = {f.name: getattr(world, f.name)[order] for f in dataclasses.fields(world) if f.name != "X"}
    mixed = learn_uplift(LoggedContacts(world.X.iloc[order], **parts), num_threads=1, draws=50)[1]
    assert mixed.effect == pytest.approx(one[1].effect)


def test_columns_of_different_lengths_are_refused() -> None:
    world, _ = make(50, seed=6)
    with pytest.raises(DataError, match="not equally long"):
        dataclasses.replace(world, left=world.left[:-1])
