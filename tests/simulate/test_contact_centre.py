"""Waits come from the hour and the day, not from who calls."""

import math

import numpy as np
import pandas as pd
import pytest

from cxml.simulate import simulate
from cxml.simulate.contact_centre import erlang_c, into_opening
from cxml.simulate.months import Months, draw_times, hour_of_week


@pytest.fixture(scope="module")
def waits():
    t = simulate(3_000, seed=13).tables["interactions"].to_pandas()
    return t[t.wait_s.notna()].assign(minutes=lambda t: t.wait_s / 60)


def component(values, groups):
    """Variance between groups beyond that within them: the one-way ANOVA estimate."""
    table = pd.DataFrame({"v": values, "g": groups}).groupby("g").v.agg(["size", "mean", "var"])
    n, k = table["size"].sum(), len(table)
    within = (table["var"] * (table["size"] - 1)).sum() / (n - k)
    between = (table["size"] * (table["mean"] - values.mean()) ** 2).sum() / (k - 1)
    return (between - within) / ((n - (table["size"] ** 2).sum() / n) / (k - 1))


def test_waits_vary_by_hour_not_by_customer(waits):
    hour = component(waits.minutes, waits.channel + waits.started_at.dt.floor("h").astype(str))
    customer = component(waits.minutes, waits.customer_id)
    assert hour > 0.25 * waits.minutes.var()  # most of the rest is chance within the hour
    assert hour > 4 * abs(customer)  # patience cuts waits, and who hangs up calls again on a bad day


def test_load_follows_hour_and_weekday(waits):
    by_hour = waits.groupby(waits.started_at.dt.hour).minutes.mean()
    by_day = waits.groupby(waits.started_at.dt.day_of_week).minutes.mean()
    assert by_hour.max() > 2.5 * by_hour.min()
    assert by_day[0] > by_day[6]
    assert waits.started_at.dt.hour.between(8, 21).all()


def test_waits_are_short_mostly_and_long_sometimes(waits):
    assert 2 < waits.minutes.mean() < 6
    assert waits.minutes.median() < 1.5 and waits.minutes.quantile(0.95) > 12
    assert 0.03 < waits.abandoned.mean() < 0.2
    gone = waits[waits.abandoned]
    assert gone.minutes.median() > 3 * waits.minutes.median()


@pytest.mark.parametrize(("load", "servers"), [(1.0, 2), (8.0, 10), (20.0, 25), (24.9, 25)])
def test_erlang_c_equals_its_formula(load, servers):
    top = load**servers / math.factorial(servers) * servers / (servers - load)
    below = sum(load**n / math.factorial(n) for n in range(servers))
    assert erlang_c(np.array([load]), servers)[0] == pytest.approx(top / (below + top), rel=1e-12)


def test_closed_lines_open_the_next_morning():
    at = pd.to_datetime(
        ["2024-03-01 07:59", "2024-03-01 08:00", "2024-03-01 21:59", "2024-03-31 22:30"], utc=True
    )
    moved = pd.to_datetime(into_opening(at.as_unit("s").asi8), unit="s", utc=True)
    expected = ["2024-03-01 08:59", "2024-03-01 08:00", "2024-03-01 21:59", "2024-04-01 08:30"]
    assert list(moved) == list(pd.to_datetime(expected, utc=True))


def test_times_fall_into_their_month_and_its_open_hours():
    months = Months.of(14)
    weights = np.zeros(168)
    weights[[9, 24 + 20]] = 1.0, 3.0  # Monday 9 h, Tuesday 20 h
    month = np.repeat(np.arange(14), 400)
    at = draw_times(np.random.default_rng(0), months, month, weights)
    assert ((at >= months.starts[month]) & (at < months.starts[month + 1])).all()
    stamp = pd.to_datetime(at, unit="s", utc=True)
    assert set(zip(stamp.day_of_week, stamp.hour, strict=True)) == {(0, 9), (1, 20)}
    assert (hour_of_week(at) == stamp.day_of_week * 24 + stamp.hour).all()
    assert 0.68 < (stamp.day_of_week == 1).mean() < 0.82
