"""Factors of a user's own file: they are there like all others, and what is wrong with a file is said."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from pathlib import Path

import pandas as pd
import pytest
from at_cutoffs import features_at

from cxml.config.load import parse_config
from cxml.errors import ConfigError
from cxml.factors.user_files import own_factors
from cxml.features.company import plan_features
from cxml.tables.opening import Tables, open_tables

PAGE = Path(__file__).parents[2] / "docs" / "own-factors.md"
NIGHT = re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)[0]


def opened(folder: Path, text: str = NIGHT, zone: str = "Asia/Seoul") -> Tables:
    (folder / "night.py").write_text(text, encoding="utf-8")
    contacts = pd.DataFrame(
        {
            "interaction_id": ["1", "2", "3"],
            "customer_id": ["a", "a", "b"],
            "started_at": ["2024-12-01T03:00", "2024-12-02T12:00", "2024-12-20T13:00"],
        }
    )
    raw = {
        "project": {"observation_end": "2025-06-01", "timezone": zone},
        "population": {"by": "activity", "activity": ["interactions"]},
        "features": {"files": ["night.py"]},
    }
    return open_tables(parse_config(raw, folder), {"interactions": contacts})


def test_an_own_factor_is_built_and_labelled(tmp_path: Path) -> None:
    tables = opened(tmp_path)
    found = features_at(tables, [datetime(2025, 1, 1, tzinfo=UTC)]).set_index("customer_id")[
        "night_contacts_share_90d"
    ]
    assert found.to_dict() == {"a": 0.5, "b": 0.0}
    features = plan_features(tables)
    labels = features.names(features.matrix())
    assert labels["features"]["night_contacts_share_90d"]["ko"] == "최근 90일 오전 6시 이전 문의 비율"
    assert labels["factors"]["night_calls"]["kind"] == "lever"


@pytest.mark.parametrize(
    "text, words",
    [
        ("x = 1", "declares no factor"),
        ("import nothing_of_this_name", "line 1"),
        ("a = 1\nb = (", "line 2"),
        (NIGHT.replace("wall", "wal"), "unknown word 'wal'"),
        (NIGHT.replace('"night_calls"', '"waiting"'), "declared twice"),
        (NIGHT.replace('"night_contacts_share"', '"wait_mean"'), "declared twice"),
        (NIGHT.replace("야간 문의", " "), "Korean label is missing"),
        (NIGHT.replace('"lever"', '"levr"'), "'lever'"),
    ],
)
def test_what_is_wrong_with_a_file_is_said(tmp_path: Path, text: str, words: str) -> None:
    with pytest.raises(ConfigError) as error:
        plan_features(opened(tmp_path, text))
    assert words in str(error.value)


@pytest.mark.parametrize(
    "text",
    [
        NIGHT.replace('share("at_night")', '"avg(t"'),
        NIGHT.replace('share("at_night")', '"t"'),
    ],
)
def test_a_text_that_the_engine_cannot_read_is_said(tmp_path: Path, text: str) -> None:
    assert text != NIGHT
    tables = opened(tmp_path, text)
    with pytest.raises(ConfigError, match="no SQL that can be run") as error:
        features_at(tables, [datetime(2025, 1, 1, tzinfo=UTC)])
    assert "[features] files" in error.value.fix


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no such file") as error:
        own_factors(["night.py"], tmp_path)
    assert "night.py" in error.value.where
