"""Rows over time: logs that break off, rest or begin late are told, and seasons, declines and small logs are not."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from cxml.config.load import Config, parse_config
from cxml.errors import ImmatureCutoffError
from cxml.labels.study import workbench
from cxml.report import LabelInputs, label_page
from cxml.snapshots.cutoffs import complete, usable_cutoffs
from cxml.tables import volumes
from cxml.tables.check import check_tables
from cxml.tables.opening import Tables, open_tables

END = pd.Timestamp("2025-07-01")
SEEDS = range(20)


def found(daily: Any, seed: int = 0) -> list[tuple[int, int]]:
    """Stretches of daily rows drawn around what is expected of each day."""
    rows = np.random.default_rng(seed).poisson(daily).astype(float)
    return [(start, stop) for start, stop, _ in volumes.hardly_any(rows)]


# ---------------------------------------------------------------- what is a stretch


@pytest.mark.parametrize("usual", [1, 5, 250])
@pytest.mark.parametrize("before", [90, 200, 900])
@pytest.mark.parametrize("after", [60, 90, 500])
def test_a_log_that_falls_to_hardly_anything_is_seen(usual: float, before: int, after: int) -> None:
    daily = np.r_[np.full(before, usual), np.full(after, usual / 200)]
    for seed in SEEDS:
        ((start, stop),) = found(daily, seed)
        assert before - 14 <= start <= before + 14
        assert stop == before + after


def test_a_gap_ends_where_rows_come_back() -> None:
    daily = np.r_[np.full(300, 40), np.zeros(100), np.full(200, 40)]
    for seed in SEEDS:
        ((start, stop),) = found(daily, seed)
        assert abs(start - 300) <= 3
        assert 300 + 56 <= stop <= 400


def season(days: int, low: float) -> Any:
    """A shop that opens from November to April, and else sells *low* of it."""
    month = (np.arange(days) / 30.4 % 12).astype(int)
    return np.where(np.isin(month, [10, 11, 0, 1, 2, 3]), 100, 100 * low)


@pytest.mark.parametrize(
    "daily",
    [
        pytest.param(np.full(900, 0.5), id="a few rows a month"),
        pytest.param(np.full(900, 0.02), id="hardly a row a month"),
        pytest.param(200 * 0.8 ** (np.arange(900) / 30), id="a fifth fewer every month"),
        pytest.param(500 * 0.6 ** (np.arange(400) / 30), id="two fifths fewer every month"),
        pytest.param(1000 / (1 + np.arange(500) / 5), id="a launch that everybody came to"),
        pytest.param(np.r_[np.full(60, 500), np.full(300, 20)], id="two months of a launch"),
        pytest.param(2.0 ** (np.arange(700) / 60), id="a young company that grows"),
        pytest.param(np.r_[np.full(300, 50), np.zeros(40)], id="forty days are not eight weeks"),
        pytest.param(np.r_[np.full(300, 50), np.full(200, 10)], id="a fifth is left"),
        pytest.param(season(24 * 30, 0.3), id="a mild season"),
        pytest.param(np.tile([0, 0, 0, 0, 0, 0, 70], 60), id="one day of the week"),
        pytest.param(np.tile(np.r_[np.zeros(29), 300], 20), id="bills on one day of the month"),
    ],
)
def test_what_is_no_stretch(daily: Any) -> None:
    for seed in SEEDS:
        assert found(daily, seed) == []


def test_a_season_that_was_there_a_year_ago_is_no_stretch() -> None:
    days = 365 + 300  # ends in autumn, before it opens again
    for seed in SEEDS:
        assert all(start < 365 for start, _ in found(season(days, 0.02), seed))
    assert found(np.r_[season(days, 0.02)[:430], np.zeros(120)])[-1][1] == 550, (
        "but closed in January it is one"
    )


def test_a_break_of_more_than_a_year_is_one_stretch() -> None:
    assert found(np.r_[np.full(400, 30), np.full(600, 0.01)])[0][1] == 1000


# ---------------------------------------------------------------- what it means for labels


def log(
    until: str, since: str = "2023-07-01", seed: int = 0, tail: int = 0, rows: int = 40_000
) -> pd.DataFrame:
    """Contacts of 900 customers up to a day, *tail* more of them up to the end."""
    rng = np.random.default_rng(seed)
    start, stop = pd.Timestamp(since), pd.Timestamp(until)
    at = start + pd.to_timedelta(rng.uniform(0, (stop - start) / pd.Timedelta("1D"), rows), unit="D")
    late = stop + pd.to_timedelta(rng.uniform(0, (END - stop) / pd.Timedelta("1D"), tail), unit="D")
    at = at.append(late)
    return pd.DataFrame({"customer_id": [f"c{i}" for i in rng.integers(0, 900, len(at))], "started_at": at})


def config(zone: str = "UTC", **sections: Any) -> Config:
    raw = {
        "project": {"observation_end": "2025-07-01", "timezone": zone},
        "population": {"activity": ["interactions"]},
        "churn": {"activity": ["interactions"], "horizon": "30D"},
    }
    return parse_config(raw | sections, Path())


def opened(frames: dict[str, pd.DataFrame], **sections: Any) -> Tables:
    return open_tables(config(**sections), frames)


def orders(until: str, **more: Any) -> pd.DataFrame:
    return log(until, **more).rename(columns={"started_at": "ordered_at"}).assign(revenue=10)


def test_check_names_the_break_and_shows_rows_by_month() -> None:
    frame = log("2025-01-10", tail=30)
    tables = opened({"interactions": frame}, zone="Asia/Seoul")
    seen = check_tables(tables)
    (note,) = [note for note in seen.notes if "breaks off" in note]
    assert note.startswith("interactions breaks off on 2025-01-") and "labels that reach beyond it" in note
    months = frame.started_at.dt.strftime("%Y-%m").value_counts()  # local times are those of the zone
    assert seen.months == {"interactions": dict(sorted(months.items()))}


def test_labels_are_taken_from_before_the_break() -> None:
    frame = log("2025-01-10", tail=30)
    broken, whole = opened({"interactions": frame}), opened({"interactions": log("2025-07-01")})
    last = usable_cutoffs(broken)[-1]
    assert f"{last:%Y-%m-%d}" == "2024-12-01", "30 days after it the log is still whole"
    assert f"{usable_cutoffs(whole)[-1]:%Y-%m-%d}" == "2025-06-01"
    assert len(usable_cutoffs(broken)) == len(usable_cutoffs(whole)), "as many, only earlier"


def test_the_workbench_says_what_it_says_of_an_extract_that_ends_at_the_break() -> None:
    frame = log("2025-01-10", tail=30)
    found = workbench(opened({"interactions": frame}))
    assert found.broken is not None and found.suggestion is not None
    day = found.broken["day"]
    assert "2025-01-06" <= day <= "2025-01-10"
    project = {"observation_end": day, "timezone": "UTC"}
    sound = workbench(opened({"interactions": frame[frame.started_at < day]}, project=project))
    for name in ("rates", "definitions", "returns"):
        pd.testing.assert_frame_equal(getattr(found, name), getattr(sound, name))
    assert found.suggestion == sound.suggestion
    for lang, words in (("en", "The log interactions breaks off on"), ("ko", "interactions 기록이")):
        for one in (found, sound):
            inputs = LabelInputs(
                project="p", timezone="UTC", observation_end=END.to_pydatetime(), **one.rows()
            )
            assert (words in label_page(inputs, lang)) == (one is found)


def test_a_cutoff_of_the_config_after_the_break_is_refused() -> None:
    frames = {"interactions": log("2025-01-10", tail=30)}
    asked = {"training": {"cutoffs": ["2024-06-01", "2025-01-01"]}}
    with pytest.raises(
        ImmatureCutoffError, match="cutoff 2025-01-01 cannot be learned from: interactions breaks off"
    ):
        usable_cutoffs(opened(frames, **asked))
    asked = {"training": {"cutoffs": ["2024-06-01", "2024-12-01"]}}
    assert len(usable_cutoffs(opened(frames, **asked))) == 2


def test_contacts_that_break_off_bound_the_cutoffs_and_not_the_labels() -> None:
    frames = {"interactions": log("2025-01-10"), "orders": orders("2025-07-01")}
    only = {"population": {"activity": ["orders"]}, "churn": {"activity": ["orders"], "horizon": "90D"}}
    tables = opened(frames, **only)
    assert f"{usable_cutoffs(tables)[-1]:%Y-%m-%d}" == "2025-01-01"
    assert complete(tables) is tables, "orders go on, and so do the labels"


def test_a_table_that_says_nothing_of_leaving_is_only_told() -> None:
    surveys = log("2024-06-01").rename(columns={"started_at": "sent_at"})
    tables = opened({"interactions": log("2025-07-01"), "surveys": surveys})
    assert f"{usable_cutoffs(tables)[-1]:%Y-%m-%d}" == "2025-06-01"
    (note,) = [note for note in check_tables(tables).notes if "breaks off" in note]
    assert note.startswith("surveys breaks off") and "features read it as none" in note


def test_contracts_that_are_no_longer_sold_go_on_ending() -> None:
    starts = pd.date_range("2022-01-01", "2024-06-30", freq="6h")
    spans = pd.DataFrame({"customer_id": [f"c{i}" for i in range(len(starts))], "started_at": starts})
    spans["ended_at"] = spans.started_at + pd.Timedelta("600D")
    spans.loc[spans.ended_at >= END, "ended_at"] = pd.NaT
    by_contract = {"population": {"by": "subscription"}, "churn": {"definition": "subscription"}}
    assert volumes.complete_until(opened({"subscriptions": spans}, **by_contract)) is None
    spans.loc[spans.ended_at >= "2024-07-01", "ended_at"] = pd.NaT
    broken = volumes.complete_until(opened({"subscriptions": spans}, **by_contract))
    assert broken is not None and f"{broken.start:%Y-%m}" in ("2024-06", "2024-07")


def test_days_when_customers_left_that_are_no_longer_filled_in() -> None:
    joined = pd.date_range("2022-01-01", "2025-06-30", freq="3h")
    people = pd.DataFrame({"customer_id": [f"c{i}" for i in range(len(joined))], "joined_at": joined})
    people["left_at"] = people.joined_at + pd.Timedelta("100D")
    people.loc[people.left_at >= "2025-02-01", "left_at"] = pd.NaT
    by_date = {
        "population": {"by": "customers"},
        "churn": {"definition": "date", "column": "customers.left_at"},
    }
    broken = volumes.complete_until(opened({"customers": people}, **by_date))
    assert (
        broken is not None
        and broken.about == "customers.left_at"
        and f"{broken.start:%Y-%m}" in ("2025-01", "2025-02")
    )


# ---------------------------------------------------------------- logs that begin late


@pytest.mark.parametrize(
    ("since", "rows", "late"),
    [
        ("2024-06-01", 20_000, True),
        ("2024-06-01", 60, True),
        ("2023-07-20", 20_000, False),
        ("2024-06-01", 10, False),
    ],
)
def test_a_log_that_begins_long_after_the_others_is_told(since: str, rows: int, late: bool) -> None:
    frames = {"interactions": log("2025-07-01", since=since, rows=rows), "orders": orders("2025-07-01")}
    told = [note for note in check_tables(opened(frames)).notes if "begins on" in note]
    assert [note.partition(" ")[0] for note in told] == ["interactions"] * late


def test_few_rows_of_a_company_that_grows_are_no_late_beginning() -> None:
    for seed in SEEDS:
        rng = np.random.default_rng(seed)
        frames = {}
        for name, event, rows in (("orders", "ordered_at", 5_000), ("visits", "window_start", 60)):
            at = END - pd.to_timedelta(rng.exponential(120, rows), unit="D")
            frames[name] = pd.DataFrame({"customer_id": "a", event: at})
        tables = opened(frames)
        assert list(volumes.notes(tables, volumes.by_day(tables))) == []
