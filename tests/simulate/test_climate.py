"""A climate moves everybody alike: by as much as was asked, in leaving and in orders."""

from __future__ import annotations

import numpy as np

from cxml.simulate import Climate, simulate
from cxml.simulate.months import Months

CUSTOMERS, MONTHS, SEED = 400, 20, 3


def test_a_season_is_in_leaving_for_everybody_alike() -> None:
    calm, moved = (simulate(CUSTOMERS, MONTHS, SEED, climate=one) for one in (None, Climate(season=0.5)))
    truth = [one.truth["snapshots"].to_pandas() for one in (calm, moved)]
    both = truth[0].merge(truth[1], on=["customer_id", "cutoff"], suffixes=("", "_moved"))
    wave = 0.5 * np.cos(2 * np.pi * (both["cutoff"].dt.month - 1) / 12)
    assert len(both) > 1_000
    np.testing.assert_allclose(both["log_hazard_moved"] - both["log_hazard"], wave, atol=1e-9)


def test_a_season_is_in_orders() -> None:
    calm, moved = (
        simulate(CUSTOMERS, MONTHS, SEED, climate=one) for one in (None, Climate(spending_season=0.4))
    )
    orders = [one.tables["orders"].to_pandas()["ordered_at"].dt.month.value_counts() for one in (calm, moved)]
    ratio = orders[1] / orders[0]
    assert ratio[[12, 1, 2]].mean() > 1.2 and ratio[[6, 7, 8]].mean() < 0.85


def test_without_a_climate_the_company_is_the_one_it_was() -> None:
    plain, still = (simulate(60, 10, SEED, climate=climate) for climate in (None, Climate()))
    assert all(plain.tables[name].equals(still.tables[name]) for name in plain.tables)


def test_a_walk_wanders_by_its_steps() -> None:
    span, rng = Months.of(240), np.random.default_rng(0)
    steps = np.diff(Climate(drift=0.1).leaving(span, rng))
    assert abs(steps.std() - 0.1) < 0.02 and abs(np.log(Climate().spending(span, rng))).max() == 0
