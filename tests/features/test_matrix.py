"""The features of one company: its attributes, what it leaves out, and declarations that clash."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from at_cutoffs import features_at

from cxml.config.load import parse_config
from cxml.errors import ConfigError
from cxml.features.company import plan_features
from cxml.features.coverage import coverage_of
from cxml.tables.opening import Tables, open_tables

ODD = [
    "age",
    "t",
    "c",
    "pos",
    "wall",
    "who",
    "g",
    "ci",
    "group",
    "order",
    "end",
    "Seat Count",
    "등급",
    "x_30d",
]


def opened(attributes: list[str] = [], **features: Any) -> Tables:  # noqa: B006
    people = pd.DataFrame({"customer_id": ["a", "b"], "joined_at": ["2024-01-01", "2024-02-01"]})
    people = people.assign(**{name: ["x", "y"] for name in attributes}, priority=[1, 2])
    contacts = pd.DataFrame(
        {
            "interaction_id": ["1", "2", "3"],
            "customer_id": ["a", "a", "b"],
            "started_at": ["2024-11-20", "2024-12-01", "2024-12-20"],
            "wait_s": [10, 20, 30],
        }
    )
    raw = {
        "project": {"observation_end": "2025-06-01"},
        "tables": {"customers": {"source": "-", "attributes": [*attributes, "priority"]}},
        "population": {"by": "activity", "activity": ["interactions"]},
        "features": features,
    }
    return open_tables(parse_config(raw, Path()), {"customers": people, "interactions": contacts})


def built(tables: Tables) -> pd.DataFrame:
    return features_at(tables, [datetime(2025, 1, 1, tzinfo=UTC)])


def test_an_attribute_may_have_any_name() -> None:
    tables = opened(ODD)
    frame = built(tables)
    names = [*ODD[:11], "seat_count", "ub4f1_uae09", "x_30_d"]
    assert all(frame[f"customer_{name}"].tolist() == ["x", "y"] for name in names)
    assert frame.customer_priority.tolist() == [1.0, 2.0]
    features = plan_features(tables)
    found = features.names(features.matrix())["features"]
    assert found["customer_seat_count"]["en"] == "Seat Count"
    assert found["customer_ub4f1_uae09"]["ko"] == "등급"
    assert found["customer_priority"]["en"] == "priority"


def test_an_attribute_with_the_name_of_a_feature_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"customer_tenure_d.*declared twice"):
        plan_features(opened(["tenure_d"]))


def test_factors_features_and_columns_can_be_left_out() -> None:
    everything = built(opened())
    frame = built(opened(leave_out=["contacts", "wait_max", "wait_mean_30d", "wait_trend"]))
    gone = {name for name in everything if name not in frame}
    assert {"contacts_n_30d", "channel_last_365d"} & set(everything) <= gone
    assert {"wait_max_30d", "wait_max_365d", "wait_mean_30d", "wait_trend"} <= gone
    assert "wait_mean_90d" in frame
    pd.testing.assert_frame_equal(frame, everything[list(frame)], check_exact=True)
    tables = opened(leave_out=["wait_mean_30d"])
    features = plan_features(tables)
    assert "wait_mean_30d" not in features.names(features.matrix())["features"]


def test_leaving_out_everything_is_refused() -> None:
    everything = sorted({factor.name for factor in plan_features(opened()).factors})
    with pytest.raises(ConfigError, match="no feature is left to build"):
        plan_features(opened(leave_out=everything)).matrix()


@pytest.mark.parametrize("name", ["wait_meen", "wait_mean_31d", "wating"])
def test_an_unknown_name_to_leave_out_is_refused(name: str) -> None:
    with pytest.raises(ConfigError, match=name) as refused:
        plan_features(opened(leave_out=[name]))
    assert "did you mean" in refused.value.fix


def test_an_index_lacks_what_its_parts_lack() -> None:
    found = coverage_of(plan_features(opened()), {"customers": 2, "interactions": 3})
    assert all(
        entry["ko"] and entry["en"]
        for part in ("measured", "partly", "not_measured")
        for entry in found[part]
    )
    lacking = {
        entry["factor"]: entry["missing"] for part in ("not_measured", "partly") for entry in found[part]
    }
    assert all(lacking.values()), "what cannot be measured says what it needs"
    assert {"messages", "interactions.recognised"} <= set(lacking["personalization_index"])


def test_a_log_that_does_not_say_who_began_is_taken_as_the_customers() -> None:
    contacts = pd.DataFrame(
        {
            "interaction_id": ["1", "2", "3"],
            "customer_id": ["a", "a", "b"],
            "channel": ["email", "chat.live", "email"],
            "started_at": ["2024-11-20 10:00:00", "2024-12-01 10:00:00", "2024-12-20 10:00:00"],
            "first_reply_at": ["2024-11-20 12:00:00", None, "2024-12-20 10:30:00"],
            "topic": "product.defect",
        }
    )
    raw = {
        "project": {"observation_end": "2025-06-01"},
        "population": {"by": "activity", "activity": ["interactions"]},
    }
    silent, told, other = (
        open_tables(parse_config(raw, Path()), {"interactions": contacts.assign(**more)})
        for more in ({}, {"direction": "inbound"}, {"direction": "outbound"})
    )
    frame = built(silent)
    pd.testing.assert_frame_equal(frame, built(told), check_exact=True)
    assert frame["reply_h_mean_90d"].tolist() == [2.0, 0.5] and frame["unanswered_n_90d"].tolist() == [1, 0]
    assert built(other)["unanswered_n_90d"].tolist() == [0, 0]
    lacking = {
        one["factor"]: one["missing"]
        for one in coverage_of(plan_features(silent), {"interactions": 3})["partly"]
    }
    assert all("interactions.direction" in lacking[name] for name in ("waiting", "product"))
    assert "interactions.direction" not in str(coverage_of(plan_features(told), {"interactions": 3}))
