"""Files of one table that differ: what a monthly export lost, and instants whose zone the file does not name."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from cxml.config.load import parse_config
from cxml.tables.check import check_tables
from cxml.tables.opening import open_tables

MONTHS = range(7, 13)


def month(n: int, rows: int = 60) -> pd.DataFrame:
    rng = np.random.default_rng(n)
    at = pd.Timestamp(2024, n, 1) + pd.to_timedelta(rng.uniform(0, 28, rows), unit="D")
    return pd.DataFrame(
        {
            "customer_id": [f"c{i}" for i in rng.integers(0, 20, rows)],
            "started_at": at.floor("s"),
            "channel": "email",
            "wait_s": rng.integers(0, 900, rows),
            "hold_s": rng.integers(0, 90, rows),
            "resolved_at": at.floor("s") + pd.Timedelta("1h"),
        }
    )


def told(folder: Path, months: dict[int, pd.DataFrame], kind: str = "parquet", **spec: Any) -> list[str]:
    """The notes about files that differ."""
    for n, frame in months.items():
        file = folder / f"m{n:02d}.{kind}"
        frame.to_parquet(file, index=False) if kind == "parquet" else frame.to_csv(file, index=False)
    raw = {
        "project": {"observation_end": "2025-01-01"},
        "tables": {"interactions": {"source": f"*.{kind}", **spec}},
    }
    found = check_tables(open_tables(parse_config(raw, folder)))
    assert found.problems == ()
    return [note for note in found.notes if " files (" in note]


@pytest.mark.parametrize("kind", ["parquet", "csv"])
def test_files_that_are_alike_are_not_told(tmp_path: Path, kind: str) -> None:
    months = {n: month(n) for n in MONTHS}
    months[8] = months[8][months[8].columns[::-1]]  # another order of columns is no difference
    for n in MONTHS:  # where half are empty, three empty ones are chance
        months[n]["hold_s"] = months[n].hold_s.where(np.arange(60) % 2 == 0)
    months[9] = months[9].iloc[1:6:2]
    months[12]["resolved_at"] = pd.NaT  # not resolved yet
    assert told(tmp_path, months, kind) == []


@pytest.mark.parametrize("kind", ["parquet", "csv"])
def test_a_file_that_lost_columns_is_told_by_name(tmp_path: Path, kind: str) -> None:
    months = {n: month(n) for n in MONTHS}
    months[12] = months[12].drop(columns=["wait_s", "hold_s"])
    months[10] = months[10].rename(columns={"resolved_at": "resolved_on"})
    assert told(tmp_path, months, kind) == [
        f"interactions: 1 of 6 files (m12.{kind}) has no column wait_s, hold_s, which the others have; it is unknown there",
        f"interactions: 1 of 6 files (m10.{kind}) has no column resolved_at, which the others have; it is unknown there"
        " (is 'resolved_on' the same?)",
    ]


@pytest.mark.parametrize("kind", ["parquet", "csv"])
def test_a_file_that_left_a_column_empty_is_told_by_name(tmp_path: Path, kind: str) -> None:
    months = {n: month(n) for n in MONTHS}
    months[8]["wait_s"] = None
    months[9]["wait_s"] = None
    months[10]["resolved_at"] = pd.NaT
    assert told(tmp_path, months, kind) == [
        f"interactions: 2 of 6 files (m08.{kind}, m09.{kind}) have nothing in wait_s, which others fill;"
        " it is unknown there",
        f"interactions: 1 of 6 files (m10.{kind}) has nothing in resolved_at, which others fill; it is unknown there",
    ]


def test_names_are_those_of_the_source_and_long_lists_are_cut(tmp_path: Path) -> None:
    months = {n: month(n).rename(columns={"wait_s": "queue"}) for n in MONTHS}
    for n in (7, 8, 9, 10):
        months[n] = months[n].drop(columns="queue")
    (note,) = told(tmp_path, months, columns={"wait_s": "queue"})
    assert "4 of 6 files (m07.parquet, m08.parquet, m09.parquet, ...) have no column queue" in note


def test_a_month_of_one_log_that_left_a_column_empty_is_told() -> None:
    def told(frame: pd.DataFrame) -> list[str]:
        tables = open_tables(
            parse_config({"project": {"observation_end": "2025-01-01"}}, Path()), {"interactions": frame}
        )
        return [note for note in check_tables(tables).notes if " empty in " in note]

    whole = pd.concat([month(n) for n in MONTHS], ignore_index=True)
    whole.loc[whole.started_at >= "2024-12-01", "resolved_at"] = pd.NaT  # not resolved yet
    assert told(whole) == []
    august = whole.started_at.dt.month == 8
    assert told(
        whole.assign(wait_s=whole.wait_s.where(~august), resolved_at=whole.resolved_at.where(~august))
    ) == [
        "interactions: wait_s, resolved_at are empty in 1 of 6 months (2024-08) and filled in others: unknown there",
    ]
