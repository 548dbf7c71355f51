"""Appointments booked for later: while they are waited for, the wait so far and the announced one are known, no more."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from at_cutoffs import features_at

from cxml.config.load import parse_config
from cxml.tables.opening import open_tables

CUTOFF = pd.Timestamp("2025-03-01", tz="UTC")
HOUR, DAY = 3600.0, 86400.0


def bookings(seed: int = 0) -> pd.DataFrame:
    """A booking per customer and week, with waits of up to 40 days; some are never served."""
    rng = np.random.default_rng(seed)
    n = 300
    booked = CUTOFF - pd.to_timedelta(rng.uniform(0, 85, n), unit="D").round("s")
    wait = np.round(rng.uniform(0.1, 40, n) * DAY)
    ended = pd.Series(booked + pd.to_timedelta(wait + 600, unit="s")).where(rng.random(n) > 0.1)
    return pd.DataFrame(
        {
            "interaction_id": [f"b{k}" for k in range(n)],
            "customer_id": [f"c{k % 60}" for k in range(n)],
            "started_at": booked,
            "channel": np.where(np.arange(n) % 5, "store.desk", "sms"),
            "wait_s": np.where(ended.isna() | (np.arange(n) % 5 == 0), np.nan, wait),
            "promised_wait_s": np.round(wait * rng.uniform(0.5, 1.2, n)),
            "ended_at": ended,
        }
    )


def features(frame: pd.DataFrame) -> pd.DataFrame:
    raw: dict[str, Any] = {
        "project": {"observation_end": "2025-06-01"},
        "tables": {},
        "population": {"by": "activity", "within": "90D", "activity": ["interactions"]},
        "churn": {"activity": ["interactions"]},
    }
    tables = open_tables(parse_config(raw, Path()), {"interactions": frame})
    return features_at(tables, [datetime(2025, 3, 1, tzinfo=UTC)]).set_index("customer_id").sort_index()


def test_a_booking_that_is_waited_for_counts_with_its_age_and_what_was_announced() -> None:
    frame = bookings()
    found = features(frame)
    age = (CUTOFF - frame["started_at"]).dt.total_seconds()
    served = frame["wait_s"].lt(age)
    over = frame["ended_at"].lt(CUTOFF)
    # Of the channel sms no wait is on record: nobody knows that somebody waits there.
    waits = ~served & ~over & frame["channel"].eq("store.desk")
    known = frame["wait_s"].where(served)
    so_far = known.where(served, age.where(waits))
    beyond = (age - frame["promised_wait_s"]).clip(lower=0).where(waits)
    by = frame["customer_id"]
    expected = {
        "waiting_now_n_90d": waits.groupby(by).sum(),
        "waiting_now_h_max_90d": age.where(waits).groupby(by).max() / HOUR,
        "waiting_now_announced_h_max_90d": frame["promised_wait_s"].where(waits).groupby(by).max() / HOUR,
        "waiting_now_over_h_max_90d": beyond.groupby(by).max() / HOUR,
        "wait_mean_90d": known.groupby(by).mean(),
        "wait_so_far_mean_90d": so_far.groupby(by).mean(),
        "wait_so_far_max_90d": so_far.groupby(by).max(),
    }
    assert waits.sum() > 60 and beyond.gt(0).sum() > 10
    for name, values in expected.items():
        mine = found[name].astype(float).to_numpy()
        assert np.allclose(mine, values.sort_index().to_numpy(dtype=float), rtol=1e-6, equal_nan=True), name


@pytest.mark.parametrize("later", ["sooner", "never", "given up"])
def test_nothing_of_how_a_running_wait_ends_is_seen(later: str) -> None:
    frame = bookings()
    runs = ~(frame["ended_at"] < CUTOFF) & ~(
        frame["started_at"] + pd.to_timedelta(frame["wait_s"], unit="s") < CUTOFF
    )
    changed = frame.copy()
    if later == "sooner":
        changed.loc[runs, "ended_at"] = CUTOFF + pd.Timedelta(minutes=5)
        changed.loc[runs, "wait_s"] = (CUTOFF - frame["started_at"]).dt.total_seconds()[runs] + 60
    elif later == "never":
        changed.loc[runs, ["ended_at", "wait_s"]] = [pd.NaT, np.nan]
    else:
        changed["abandoned"] = runs
        frame["abandoned"] = False
    pd.testing.assert_frame_equal(features(frame), features(changed))


def test_a_contact_whose_end_nobody_recorded_is_not_waited_for_ever() -> None:
    frame = bookings()
    frame["channel"], frame["wait_s"] = "phone.human", 120.0
    frame["ended_at"] = frame["started_at"] + pd.Timedelta(minutes=8)
    lost = frame.index[:40]
    frame.loc[lost, ["wait_s", "ended_at"]] = [np.nan, pd.NaT]
    recent = (CUTOFF - frame.loc[lost, "started_at"]).dt.total_seconds().le(DAY)
    found = features(frame)
    assert found["waiting_now_n_90d"].sum() == recent.sum()
    assert found["wait_so_far_max_90d"].max() <= DAY
