"""Who is at risk at a cutoff, who is not yet there, and who no longer."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pandas as pd
import pytest
from small_history import CUTOFFS, END, at, orders

from cxml.config.load import parse_config
from cxml.errors import ConfigError, NotEnoughDataError
from cxml.snapshots import population
from cxml.tables.opening import open_tables


def test_population_is_counted_and_nobody_is_dropped_in_silence() -> None:
    frame = orders({"old": [-100.0], "here": [40.0], "new": [70.0]})
    config = parse_config(
        {
            "project": {"observation_end": END},
            "population": {"by": "activity", "within": "60D", "activity": ["orders"]},
        },
        Path(),
    )
    (people,) = population.take(open_tables(config, {"orders": frame}), CUTOFFS[:1]).populations
    assert (people.at_risk, people.new, people.gone) == (1, 1, 1)


def test_nobody_at_risk_and_missing_tables_are_said_plainly() -> None:
    config = parse_config(
        {"project": {"observation_end": END}, "population": {"by": "activity", "activity": ["orders"]}},
        Path(),
    )
    with pytest.raises(NotEnoughDataError, match="nobody is at risk"):
        population.take(open_tables(config, {"orders": orders({"a": [150.0]})}), CUTOFFS[:1])
    contract = parse_config(
        {"project": {"observation_end": END}, "population": {"by": "subscription"}}, Path()
    )
    with pytest.raises(ConfigError, match="subscriptions"):
        population.take(open_tables(contract, {"orders": orders({"a": [10.0]})}), CUTOFFS[:1])


def test_a_contract_taken_back_in_a_later_version_is_no_more() -> None:
    frame = pd.DataFrame(
        {
            "subscription_id": ["1", "1", "2"],
            "customer_id": ["back", "back", "stays"],
            "started_at": [at(50), at(50), at(50)],
            "ended_at": pd.to_datetime([None, at(50), None], utc=True),
            "recorded_at": [at(50), at(62), at(50)],
        }
    )
    config = parse_config({"project": {"observation_end": END}, "population": {"by": "subscription"}}, Path())
    tables = open_tables(config, {"subscriptions": frame})
    for cutoff, here in ((CUTOFFS[0], {"back", "stays"}), (CUTOFFS[0] + timedelta(days=3), {"stays"})):
        snapshots = population.take(tables, [cutoff])
        assert {who for (who,) in snapshots.rows("select customer_id from snapshots")} == here
