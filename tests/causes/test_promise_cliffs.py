"""Cliffs against regressions and bootstraps by hand, and worlds whose truth is known."""

from __future__ import annotations

import json
from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings, strategies as st

from cxml.causes import cliff_search, promise_cliffs
from cxml.causes.local_regression import lines
from cxml.causes.nuisance import Expectation, folds_of
from cxml.simulate.wait_world import CONTROLS, RESPONSES, wait_world

PROMISE = 5.0


def noise(rows: int = 3_000, seed: int = 0, share: float = 0.2) -> tuple[np.ndarray, ...]:
    rng = np.random.default_rng(seed)
    wait = np.exp(np.log(4) + 0.8 * rng.standard_normal(rows))
    return wait, (rng.random(rows) < share).astype(float), rng.integers(0, rows // 3, rows)


def regression(
    wait: np.ndarray, y: np.ndarray, customers: np.ndarray, place: float, window: float
) -> tuple[np.ndarray, float]:
    """The jump and its clustered error from one weighted regression with a line on each side."""
    weight = np.maximum(1 - np.abs(wait - place) / window, 0)
    beyond = (wait > place).astype(float)
    X = np.column_stack([np.ones_like(wait), wait - place, beyond, beyond * (wait - place)])
    root = np.sqrt(weight)[:, None]
    beta = np.linalg.lstsq(X * root, y * root[:, 0], rcond=None)[0]
    scores = X * (weight * (y - X @ beta))[:, None]
    bread = np.linalg.inv(X.T @ (X * weight[:, None]))
    meat = sum(np.outer(s, s) for s in (scores[customers == c].sum(axis=0) for c in np.unique(customers)))
    return beta, np.sqrt((bread @ meat @ bread)[2, 2])


def test_lines_are_weighted_regressions() -> None:
    wait, y, customers = noise(1_500)
    places, windows = np.array([2.0, 5.0, 9.0]), np.array([1.6, 4.0, 4.0])
    found = lines(wait, y, customers, places, windows)
    for k, (place, window) in enumerate(zip(places, windows, strict=True)):
        beta, error = regression(wait, y, customers, place, window)
        assert found.levels[0, k] == pytest.approx(beta[0])
        assert found.slopes[0, k] == pytest.approx(beta[1] * window)
        assert found.jumps[k] == pytest.approx(beta[2])
        assert found.slopes[1, k] == pytest.approx((beta[1] + beta[3]) * window)
        assert found.errors[k] == pytest.approx(error)
        for side, there in enumerate((wait <= place, wait > place)):
            assert found.rows[side, k] == np.sum(there & (np.abs(wait - place) < window))


@settings(max_examples=25, deadline=None)
@given(
    seed=st.integers(0, 99),
    slope=st.floats(-5, 5),
    turn=st.floats(-5, 5),
    jump=st.floats(-5, 5),
)
def test_a_line_has_no_jump_and_what_is_planted_is_found(
    seed: int, slope: float, turn: float, jump: float
) -> None:
    wait = np.random.default_rng(seed).uniform(0, 10, 60)
    y = slope * wait + (turn * (wait - 5) + jump) * (wait > 5)
    found = lines(wait, y, np.arange(60), np.array([5.0]), np.array([4.0]))
    assert found.jumps[0] == pytest.approx(jump, abs=1e-8)


def test_a_side_without_two_waits_has_no_line() -> None:
    found = lines(np.array([1.0, 2.0, 6.0, 6.0]), np.ones(4), np.arange(4), np.array([5.0]), np.array([4.0]))
    assert np.isnan(found.jumps[0])


def test_the_hurdle_is_that_of_a_multiplier_bootstrap() -> None:
    wait, left, customers = noise()
    found = cliff_search.search(wait, left, np.full(len(left), left.mean()), customers, PROMISE)
    rng, places = np.random.default_rng(1), found.lines.places
    influence = np.zeros((customers.max() + 1, len(places)))
    for k, (place, window) in enumerate(zip(places, found.lines.windows, strict=True)):
        for sign, there in ((-1, wait <= place), (1, wait > place)):
            d = (wait[there] - place) / window
            X, weight = np.column_stack([np.ones_like(d), d]), np.maximum(1 - np.abs(d), 0)
            bread = np.linalg.inv(X.T @ (X * weight[:, None]))
            off = left[there] - X @ (bread @ X.T @ (weight * left[there]))
            np.add.at(influence[:, k], customers[there], sign * (X @ bread[0]) * weight * off)
    errors = np.sqrt((influence**2).sum(axis=0))
    assert found.lines.errors == pytest.approx(errors)
    drawn = (rng.standard_normal((2_000, len(influence))) @ influence / errors).max(axis=1)
    for level in (0.5, 0.1, 0.05):
        assert found.hurdle(level) == pytest.approx(np.quantile(drawn, 1 - level), abs=0.12)


def test_chance_rarely_looks_like_a_cliff() -> None:
    p = []
    for seed in range(30):
        wait, left, customers = noise(2_000, seed)
        p.append(cliff_search.search(wait, left, np.full(len(left), 0.2), customers, PROMISE, draws=199).p)
    assert np.mean(np.array(p) <= 0.05) <= 0.15
    assert 0.3 <= np.mean(p) <= 0.7


def test_neither_order_nor_names_nor_units_matter() -> None:
    wait, left, customers = noise()
    expected = np.full(len(left), 0.2)
    one = cliff_search.search(wait, left, expected, customers, PROMISE)
    order = np.random.default_rng(3).permutation(len(wait))
    names = np.array([f"customer {c}" for c in customers])
    other = cliff_search.search(60 * wait[order], left[order], expected[order], names[order], 60 * PROMISE)
    assert other.lines.places == pytest.approx(60 * one.lines.places)
    assert other.t == pytest.approx(one.t)
    assert other.p == pytest.approx(one.p, abs=0.02)
    assert other.around == pytest.approx(tuple(60 * edge for edge in one.around))


def test_the_curve_is_the_mean_of_each_bin() -> None:
    wait, left, customers = noise()
    expected = 0.1 + 0.02 * np.minimum(wait, 5)
    curve = cliff_search.search(wait, left, expected, customers, PROMISE).curve
    assert curve["start"].tolist() == [float(k) for k in range(15)]
    for row in curve.itertuples():
        there = (wait > row.start) & (wait <= row.stop)
        adjusted = (left - expected)[there] + left.mean()
        assert row.left == pytest.approx(adjusted.mean())
        off = pd.Series(adjusted - adjusted.mean()).groupby(customers[there]).sum()
        half = 1.96 * np.sqrt((off**2).sum()) / there.sum()
        assert (row.low, row.high) == pytest.approx((row.left - half, row.left + half), abs=1e-4)
        assert (row.rows, row.customers) == (there.sum(), len(np.unique(customers[there])))


@pytest.mark.parametrize(
    ("kept", "why"),
    [
        (lambda wait, left: np.arange(len(wait)) < 999, "rows"),
        (lambda wait, left: (left == 0) | (np.cumsum(left) < 40), "leavers"),
        (lambda wait, left: wait < 2.0, "around"),
    ],
)
def test_too_little_is_said_to_be_too_little(kept: Callable[..., np.ndarray], why: str) -> None:
    wait, left, customers = noise(8_000)
    there = kept(wait, left)
    found = cliff_search.search(wait[there], left[there], 0.2 * left[there], customers[there], PROMISE)
    assert found == cliff_search.Untested(why, there.sum(), len(np.unique(customers[there])))
    answer = promise_cliffs.answers_of({"a": found}, {"a": PROMISE})["a"]
    assert (answer.answer, answer.why, answer.found) == ("untested", why, False)


def test_of_too_many_rows_whole_customers_are_drawn(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cliff_search, "MOST_ROWS", 2_000)
    wait, left, customers = noise()
    found = cliff_search.search(wait, left, np.full(len(left), 0.2), customers, PROMISE)
    assert 1_990 <= found.rows <= 2_000
    drawn = cliff_search._drawn(customers, 0)
    assert not set(customers[drawn]) & set(customers[~drawn])


def test_waits_that_pile_up_are_told() -> None:
    wait, left, customers = noise(6_000)
    expected = np.full(len(left), 0.2)
    steady = cliff_search.search(wait, left, expected, customers, PROMISE)
    assert steady.bunched[PROMISE] == 1.0
    cut = np.where((wait > 5.0) & (wait < 5.5), wait - 0.5, wait)
    piled = cliff_search.search(cut, left, expected, customers, PROMISE)
    assert piled.bunched[PROMISE] < 0.5


def searched(world: str, seed: int) -> cliff_search.Search | cliff_search.Untested:
    drawn = wait_world(RESPONSES[world], seed=seed)
    seen = drawn.contacted.reset_index(drop=True)
    left = seen[["churned"]].to_numpy(dtype=float)
    expected = Expectation(seen[list(CONTROLS)], left, folds_of(seen["customer_id"])).of(left, trees=False)
    return cliff_search.search(seen["wait_min"], left[:, 0], expected[:, 0], seen["customer_id"], PROMISE)


def answered(world: str, seed: int) -> promise_cliffs.Cliff:
    return promise_cliffs.answers_of({world: searched(world, seed)}, {world: PROMISE})[world]


@pytest.mark.parametrize("seed", range(3))
def test_a_cliff_is_found_where_it_is(seed: int) -> None:
    found = answered("cliff", seed)
    assert found.answer == "elsewhere"
    assert abs(found.at - 6.0) <= 0.5
    assert found.at_low <= 6.0 <= found.at_high
    assert 0 < found.jump_low <= 0.10 <= found.jump_high
    _, at, beyond, _ = found.fitted["left"]
    assert beyond - at == pytest.approx(found.jump)
    assert found.smallest < 0.10


def test_a_cliff_at_the_promise_is_one_at_the_promise() -> None:
    found = answered("cliff at the promise", 0)
    assert (found.answer, found.found) == ("promise", True)
    assert found.at_low <= PROMISE <= found.at_high
    assert found.p_clock < 0.01


@pytest.mark.parametrize("world", ["bend", "smooth"])
def test_a_bend_is_no_cliff(world: str) -> None:
    found = answered(world, 0)
    assert (found.answer, found.found) == ("none", False)
    assert np.isnan(found.at)
    assert 0 < found.smallest < 0.12


@pytest.mark.slow
@pytest.mark.parametrize("world", RESPONSES)
def test_over_ten_seeds(world: str) -> None:
    response = RESPONSES[world]
    found = [answered(world, seed) for seed in range(10)]
    if not response.jump:
        assert sum(not one.found for one in found) >= 9
    elif response.jump >= 0.1:
        assert sum(one.found and abs(one.at - response.at) <= 0.5 for one in found) >= 9


def test_more_questions_ask_for_more() -> None:
    one = searched("cliff", 0)
    alone = promise_cliffs.answers_of({"a": one}, {"a": PROMISE})["a"]
    many = promise_cliffs.answers_of(dict.fromkeys("abcd", one), dict.fromkeys("abcd", PROMISE))
    raw = [one.p, one.p_clock] * 4
    order, least = np.argsort(raw, kind="stable"), 0.0
    for place, i in enumerate(order):
        least = max(least, min(1.0, raw[i] * (8 - place)))
        told = many["abcd"[i // 2]]
        assert (told.p, told.p_clock)[i % 2] == pytest.approx(least)
    assert many["a"].p >= alone.p
    assert many["a"].smallest > alone.smallest


def test_answers_are_plain_json() -> None:
    found = promise_cliffs.answers_of(
        {"a": searched("cliff", 0), "b": cliff_search.Untested("rows", 12, 9)}, {"a": PROMISE, "b": 3_600.0}
    )
    read = json.loads(json.dumps(promise_cliffs.as_json(found), allow_nan=False))
    assert [row["promise"] for row in read] == ["a", "b"]
    assert read[0]["curve"][0].keys() >= {"start", "stop", "left", "low", "high", "rows"}
    assert (read[1]["why"], read[1]["at"], read[1]["clock"]) == ("rows", None, 3_600.0)
