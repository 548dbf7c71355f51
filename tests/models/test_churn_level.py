"""Levels that move: measured beside root finding and a bootstrap, forecast beside worlds whose law is known."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray
from scipy.optimize import brentq
from scipy.special import expit

from cxml.errors import ModelError
from cxml.models.churn_level import Ahead, Level, at_own_levels

MONTH = pd.Timedelta(days=28)
Floats = NDArray[np.float64]


def months(count: int) -> pd.DatetimeIndex:
    return pd.date_range("2023-01-01", periods=count, freq="MS", tz="UTC")


def level(shifts: Floats, error: float = 0.05, window: pd.Timedelta = MONTH) -> Level:
    """Monthly shifts, each known with the same error."""
    rows = pd.Series(months(len(shifts)))
    at = ((rows - pd.Timestamp(0, tz="UTC")) / pd.Timedelta(days=365.25)).to_numpy(dtype=np.float64)
    return Level(at, shifts, error**2 * np.eye(len(shifts)), window / pd.Timedelta(days=365.25))


def test_shifts_and_their_errors_are_those_of_root_finding_and_a_bootstrap() -> None:
    rng = np.random.default_rng(0)
    people, cutoffs = 1_500, months(2)
    # Both windows overlap: who left in the first has mostly left in the second, so errors go together.
    odds = rng.normal(-1.5, 1.0, people)
    first = (rng.random(people) < expit(odds)).astype(float)
    second = np.where(rng.random(people) < 0.8, first, rng.random(people) < expit(odds)).astype(float)
    who = np.tile(np.arange(people), 2)
    rows = np.repeat(cutoffs, people)
    found = Level.of(np.tile(odds, 2), np.r_[first, second], rows, who, MONTH)

    def shift(hit: Floats, drawn: Floats) -> float:
        return float(brentq(lambda b: drawn @ (expit(odds + b) - hit), -5, 5))

    drawn = [rng.multinomial(people, np.full(people, 1 / people)).astype(float) for _ in range(400)]
    redrawn = np.array([[shift(hit, one) for hit in (first, second)] for one in drawn])
    alone = [shift(hit, np.ones(people)) for hit in (first, second)]
    assert found.shift == pytest.approx(alone, abs=0.01)
    assert np.sqrt(np.diag(found.covariance)) == pytest.approx(redrawn.std(axis=0), rel=0.12)
    together = np.corrcoef(redrawn.T)[0, 1]
    told = found.covariance[0, 1] / np.sqrt(found.covariance[0, 0] * found.covariance[1, 1])
    assert together > 0.5 and told == pytest.approx(together, abs=0.1)


def test_shifts_of_money_are_ratios_of_totals() -> None:
    rng = np.random.default_rng(1)
    told = rng.gamma(2.0, 50.0, 2_000)
    came = told * rng.gamma(1.0, 1.0, 2_000) * np.repeat([1.0, 1.5], 1_000)
    rows = np.repeat(months(2), 1_000)
    found = Level.of_money(told, came, rows, np.arange(2_000), MONTH)
    ratio = came.reshape(2, -1).sum(axis=1) / told.reshape(2, -1).sum(axis=1)
    assert found.shift == pytest.approx(np.log(ratio))
    assert np.sqrt(found.covariance[0, 0]) == pytest.approx(np.sqrt(1.5 / 1_000), rel=0.15)


def test_a_cutoff_without_leavers_has_a_finite_shift() -> None:
    found = Level.of(np.zeros(60), np.repeat([0, 1, 0], 20), np.repeat(months(3), 20), np.arange(60), MONTH)
    assert np.isfinite(found.shift).all() and found.shift[0] < -2 and found.shift[1] > 2


def test_levels_that_stay_are_averaged_and_levels_that_wander_are_followed() -> None:
    rng = np.random.default_rng(2)
    calm = level(0.3 + rng.normal(0, 0.05, 14))
    asked = months(16)[-1]
    assert calm.forecast(asked).shift == pytest.approx(calm.shift.mean(), abs=0.03)
    assert calm.forecast(asked).error < 0.08 and not calm.moves
    wandering = level(np.cumsum(rng.normal(0, 0.2, 14)))
    found = wandering.forecast(asked)
    assert abs(found.shift - wandering.shift[-1]) < 0.1 < found.error and wandering.moves
    assert wandering.forecast(months(26)[-1]).error > 1.3 * found.error, "the further, the less is known"


def test_a_season_is_known_after_a_year_and_not_before() -> None:
    wave = 0.5 * np.cos(2 * np.pi * np.arange(30) / 12)
    rng = np.random.default_rng(3)
    seen = wave + rng.normal(0, 0.05, 30)
    asked = months(30)[-1]
    after = level(seen[:25]).forecast(
        asked
    )  # five months on, in June: the level of the latest month is that of January
    assert level(seen[:25]).seasonal and after.shift == pytest.approx(wave[29], abs=0.2)
    assert abs(seen[24] - wave[29]) > 0.9
    assert not level(seen[:11]).seasonal


@pytest.mark.slow
@pytest.mark.parametrize("law", ["calm", "walk", "season", "both"])
def test_nine_of_ten_forecasts_or_more_hold(law: str) -> None:
    """The next shift lies within two errors of the forecast, by drawing worlds from a law that is known."""
    rng = np.random.default_rng([ord(one) for one in law])
    inside, errors = [], []
    for _ in range(60):
        shifts = np.zeros(20)
        if law in ("walk", "both"):
            shifts += np.cumsum(rng.normal(0, 0.12, 20))
        if law in ("season", "both"):
            shifts += 0.4 * np.cos(2 * np.pi * (np.arange(20) + rng.integers(12)) / 12)
        seen = level(shifts[:18] + rng.normal(0, 0.1, 18), error=0.1)
        found = seen.forecast(months(20)[-1])
        inside.append(abs(shifts[19] - found.shift) < 1.96 * found.error)
        errors.append(found.error)
    assert np.mean(inside) >= 0.9
    assert np.median(errors) < {"calm": 0.15, "walk": 0.4, "season": 0.4, "both": 0.6}[law], (
        "and say something"
    )


def test_forecasts_by_day_survive_json_and_damage_is_refused() -> None:
    ahead = level(np.array([0.1, 0.3, 0.2, 0.4])).ahead(list(months(8)[5:]))
    assert Ahead.from_dict(json.loads(json.dumps(ahead.to_dict()))) == ahead
    assert Ahead.from_dict(None) is None
    first, last = (ahead.at(pd.Timestamp(day, tz="UTC")) for day in ("2020-01-01", "2030-01-01"))
    assert (first.shift, last.error) == (ahead.shifts[0], ahead.errors[-1]), "outside, the nearest day"
    for damaged in (
        {},
        {**ahead.to_dict(), "days": [1, 1, 2]},
        {**ahead.to_dict(), "errors": [1]},
        {"days": "x"},
    ):
        with pytest.raises(ModelError, match="level"):
            Ahead.from_dict(damaged)


def test_every_period_is_brought_to_the_level_that_came() -> None:
    rng = np.random.default_rng(0)
    periods = np.repeat(np.arange(4), (1, 3, 40, 2000))
    margin = 3 * rng.normal(size=len(periods)) + 4
    hit = (rng.random(len(periods)) < expit(margin - 2.0 * periods)).astype(float)
    found = at_own_levels(margin, hit, periods)
    for period in range(4):
        rows = periods == period
        wanted = brentq(lambda b, r=rows: (hit[r] - expit(margin[r] + b)).sum() - b, -9, 9)
        np.testing.assert_allclose(found[rows] - margin[rows], wanted, atol=1e-5)
