"""What the report is made from: the run folder of a scoring, and nothing else."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pandas as pd
import pyarrow as pa
import pytest

from cxml.report import ReportInputs, drivers_csv, gather, render
from cxml.store import writer

DATA = {"orders": "cd" * 32, "contacts": "ab" * 32}
INFO = {
    "project": "shop",
    "cutoff": "2026-04-30T15:00:00+00:00",
    "model": "f" * 64,
    "data": DATA,
    "population": {"at_risk": 200, "new": 1, "gone": 2},
    "currency": "KRW",
    "timezone": "Asia/Seoul",
    "observation_end": "2026-05-03T00:00:00+09:00",
}
MODEL = {"metrics": {}, "lead_days": 7.0, "horizon_days": 0.5, "churn": "inactivity", "train_cutoffs": []}


def scored(
    inputs: ReportInputs, folder: Path, info: Mapping[str, Any] = MappingProxyType({}), **model: Any
) -> Path:
    with writer.run(folder) as run:
        run.write_table("scores.parquet", pa.Table.from_pandas(inputs.scores.head(200), preserve_index=False))
        run.write_json("labels.json", inputs.labels)
        run.write_json("coverage.json", inputs.coverage)
        run.write_json("model.json", {**MODEL, **model})
        run.info = {**INFO, **info}
    return run.path


def test_everything_comes_from_the_folder(inputs: ReportInputs, tmp_path: Path) -> None:
    meta = gather(scored(inputs, tmp_path)).meta
    for name in ("project", "cutoff", "population", "currency", "timezone", "observation_end"):
        assert meta[name] == INFO[name]
    assert (meta["lead"], meta["horizon"]) == ("7D", "43200s")
    assert meta["data_fingerprint"] == hashlib.sha256(("ab" * 32 + "cd" * 32).encode()).hexdigest()[:12]


@pytest.mark.parametrize("lang", ["en", "ko"])
def test_rows_set_aside_are_told_where_the_report_says_how_sure_it_is(
    inputs: ReportInputs, tmp_path: Path, lang: str
) -> None:
    fewer = {"set_aside": {"rows": {"interactions": 1_204, "orders": 7}, "rules": []}}
    page, sound = (
        render(gather(scored(inputs, tmp_path / name, info)), lang)
        for name, info in (("fewer", fewer), ("all", {}))
    )
    section = page[page.index('id="quality"') : page.index('id="coverage"')]
    for words in ("1,211", "1,204", "set_aside.parquet"):
        assert words in section
    assert "set_aside.parquet" not in sound


@pytest.mark.parametrize("known", [{"waiting": 0.5, "repeats": -0.25, "resolution": None}, {}])
def test_directions_reach_the_table_of_drivers(
    inputs: ReportInputs, tmp_path: Path, known: dict[str, Any]
) -> None:
    found = drivers_csv(gather(scored(inputs, tmp_path, directions=known))).removeprefix("\ufeff")
    back = pd.read_csv(io.StringIO(found)).set_index("factor")["direction"].dropna().to_dict()
    assert back == {factor: value for factor, value in known.items() if value is not None}
    assert "direction" not in drivers_csv(gather(scored(inputs, tmp_path))).split("\n")[0]
