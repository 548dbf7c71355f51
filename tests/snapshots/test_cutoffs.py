"""Which cutoffs can be used, and when their labels are known."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest
from small_history import END, orders

from cxml.config.load import parse_config
from cxml.errors import ImmatureCutoffError, NotEnoughDataError
from cxml.snapshots.cutoffs import last_matured, training_cutoffs, with_history
from cxml.snapshots.splits import plan_splits
from cxml.tables.opening import open_tables


def test_an_immature_cutoff_names_the_last_usable_date() -> None:
    config = parse_config(
        {
            "project": {"observation_end": "2026-01-01"},
            "churn": {"lead": "7D", "horizon": "90D", "definition": "subscription", "grace": "30D"},
            "training": {"cutoffs": ["2025-08-26", "2025-08-27"]},
        },
        Path(),
    )
    assert last_matured(config) == datetime(2025, 8, 27, tzinfo=UTC)
    training_cutoffs(config)
    late = parse_config(
        {
            "project": {"observation_end": "2026-01-01"},
            "churn": {"horizon": "90D"},
            "training": {"cutoffs": ["2025-11-01"]},
        },
        Path(),
    )
    with pytest.raises(ImmatureCutoffError, match="2025-11-01") as error:
        training_cutoffs(late)
    assert "2025-10-03" in error.value.fix
    assert error.value.exit_code == 2


def test_month_starts_are_those_of_the_project_zone() -> None:
    config = parse_config(
        {
            "project": {"observation_end": "2026-01-01", "timezone": "Asia/Seoul"},
            "churn": {"horizon": "31D"},
            "training": {"count": 3},
        },
        Path(),
    )
    found = [c.isoformat() for c in training_cutoffs(config)]
    assert found[-3:] == [
        "2025-09-30T15:00:00+00:00",
        "2025-10-31T15:00:00+00:00",
        "2025-11-30T15:00:00+00:00",
    ]


@pytest.mark.parametrize("horizon", ["28D", "31D", "90D", "180D"])
def test_so_many_months_that_enough_of_them_train(horizon: str) -> None:
    config = parse_config(
        {
            "project": {"observation_end": "2026-01-01"},
            "churn": {"horizon": horizon},
            "training": {"count": 5},
        },
        Path(),
    )
    split = plan_splits(training_cutoffs(config), config.churn.lead, config.churn.horizon)
    assert len(split.train) == 5


def test_month_starts_before_the_first_row_are_not_used() -> None:
    config = parse_config({"project": {"observation_end": END}, "churn": {"horizon": "30D"}}, Path())
    tables = open_tables(config, {"orders": orders({"a": [40.0, 100.0]})})
    months = training_cutoffs(config)
    assert [c.month for c in with_history(tables, months)] == [3, 4, 5, 6]
    with pytest.raises(NotEnoughDataError, match="no label is known yet"):
        with_history(open_tables(config, {"orders": orders({"a": [195.0]})}), months)
