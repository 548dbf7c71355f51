"""Which column of a source holds which of the contract: constants, what is ignored, and what merely resembles."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from cxml.config.load import parse_config
from cxml.errors import ConfigError, CxmlError
from cxml.tables.check import check_tables
from cxml.tables.opening import Tables, open_tables

ROWS = "customer_id,started_at,waits,Channel\nann,2025-01-02 10:00:00,3,x\nbob,2025-01-03 10:00:00,4,y\n"


def opened(tmp_path: Path, rows: str = ROWS, **spec: Any) -> Tables:
    (tmp_path / "i.csv").write_text(rows)
    raw = {
        "project": {"observation_end": "2026-01-01"},
        "tables": {"interactions": {"source": "i.csv", **spec}},
    }
    return open_tables(parse_config(raw, tmp_path))


def test_a_constant_is_a_column_like_any_other(tmp_path: Path) -> None:
    tables = opened(
        tmp_path,
        constants={"channel": "Mail", "wait_s": 90, "abandoned": False},
        words={"channel": {"Mail": "email"}},
        ignore=["Channel"],
    )
    assert {"channel", "wait_s", "abandoned"} <= tables.columns["interactions"]
    rows = tables.engine.rows("select customer_id, channel, wait_s, abandoned from interactions order by 1")
    assert rows == [("ann", "email", 90.0, False), ("bob", "email", 90.0, False)]
    assert not check_tables(tables).problems
    assert "interactions.channel is 'Mail' in every row (constants)" in check_tables(tables).notes


def test_a_constant_is_checked_like_a_value(tmp_path: Path) -> None:
    found = check_tables(opened(tmp_path, constants={"wait_s": "soon"})).problems
    assert [(one.column, one.count) for one in found] == [("wait_s", 2)]


def test_a_constant_counts_in_a_frame_and_in_a_parquet_file_too(tmp_path: Path) -> None:
    import pandas as pd

    frame = pd.DataFrame({"customer_id": ["ann"], "started_at": ["2025-01-02 10:00:00"]})
    frame.to_parquet(tmp_path / "i.parquet")
    for given, source in (({"interactions": frame}, ""), ({}, "i.parquet")):
        spec = {"source": source, "constants": {"channel": "email"}}
        raw = {"project": {"observation_end": "2026-01-01"}, "tables": {"interactions": spec}}
        tables = open_tables(parse_config(raw, tmp_path), given)
        assert tables.engine.rows("select customer_id, channel from interactions") == [("ann", "email")]
        assert not check_tables(tables).problems


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        ({"constants": {"chanel": "email"}}, "did you mean 'channel'"),
        ({"constants": {"customer_id": "ann"}}, "differs from row to row"),
        ({"constants": {"channel": "email"}}, "the source holds it in 'Channel'"),
        ({"constants": {"topic": "x"}, "columns": {"topic": "waits"}}, "the source holds it in 'waits'"),
        ({"constants": {"wait_s": ["a"]}}, "texts, numbers, true or false"),
        ({"ignore": ["wait"]}, "did you mean 'waits'"),
        ({"ignore": ["waits"], "columns": {"wait_s": "waits"}}, "ignored and used"),
    ],
)
def test_what_contradicts_itself_is_refused(tmp_path: Path, spec: dict[str, Any], words: str) -> None:
    with pytest.raises(ConfigError) as caught:
        opened(tmp_path, **spec)
    assert words in str(caught.value)


def test_a_column_that_merely_resembles_one_is_a_note(tmp_path: Path) -> None:
    tables = opened(tmp_path)
    assert not check_tables(tables).problems
    assert tables.columns["interactions"].isdisjoint({"wait_s", "channel"})
    (waits, channel) = (note for note in tables.notes if "resembles" in note)
    assert "'Channel' resembles channel" in waits and "'waits' resembles wait_s" in channel
    assert 'columns = { wait_s = "waits" }' in channel and 'ignore = ["waits"]' in channel
    quiet = opened(tmp_path, ignore=["waits", "Channel"]).notes
    assert not [note for note in quiet if "waits" in note or "Channel" in note]


def test_what_is_ignored_plays_no_part_whatever_it_is_called(tmp_path: Path) -> None:
    tables = opened(tmp_path, ROWS.replace("waits", "wait_s"), ignore=["wait_s"])
    assert "wait_s" not in tables.columns["interactions"]


def test_a_needed_column_that_is_misspelt_stops(tmp_path: Path) -> None:
    with pytest.raises(CxmlError, match='started_at = "StartedAt"'):
        opened(tmp_path, ROWS.replace("started_at", "StartedAt"))
