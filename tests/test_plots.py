"""Plots hold the numbers of the table that they draw."""

from __future__ import annotations

from pathlib import Path

import pytest

from cxml import plots

TABLES = {
    "calibration": [{"predicted": 0.1, "actual": 0.12}, {"predicted": 0.4, "actual": 0.35}],
    "lift": [{"share": 0.5, "recall": 0.8}, {"share": 1.0, "recall": 1.0}],
    "deciles": [{"predicted": 10.0, "actual": 12.0}, {"predicted": 40.0, "actual": 35.0}],
    "survival": [
        {"days": 10.0, "stayed": 0.9, "expected": 0.92},
        {"days": 20.0, "stayed": 0.8, "expected": 0.83},
    ],
    "cutoffs": [
        {"cutoff": "2025-10-01T00:00:00+00:00", "base_rate": 0.1, "mean_probability": 0.11},
        {"cutoff": "2025-11-01T00:00:00+00:00", "base_rate": 0.2, "mean_probability": 0.19},
    ],
}


@pytest.mark.parametrize(
    ("name", "x", "y"),
    [
        ("calibration", [0.1, 0.4], [0.12, 0.35]),
        ("lift", [0, 0.5, 1.0], [0, 0.8, 1.0]),
        ("survival", [10.0, 20.0], [0.92, 0.83]),
        ("cutoffs", None, [0.11, 0.19]),
    ],
)
def test_the_line_of_the_model_goes_through_the_table(
    name: str, x: list[float] | None, y: list[float]
) -> None:
    ax = plots.PLOTS[name](TABLES[name], None)
    (line,) = [one for one in ax.get_lines() if one.get_label() in ("model", "expected")]
    assert list(line.get_ydata()) == y
    assert x is None or list(line.get_xdata()) == x
    assert ax.get_xlabel() and ax.get_ylabel() and ax.get_title()


def test_columns_have_the_heights_of_the_table() -> None:
    heights = [bar.get_height() for bar in plots.deciles(TABLES["deciles"]).patches]
    assert heights == [10.0, 40.0, 12.0, 35.0]


def test_files_are_the_same_each_time_and_only_for_what_is_there(tmp_path: Path) -> None:
    metrics = {"tables": {name: TABLES[name] for name in ("lift", "calibration")}}
    first = plots.write(metrics, tmp_path / "a")
    again = plots.write(metrics, tmp_path / "b")
    assert [one.name for one in first] == ["calibration.png", "lift.png"]
    assert [one.read_bytes() for one in first] == [one.read_bytes() for one in again]
    assert first[0].read_bytes().startswith(b"\x89PNG")
