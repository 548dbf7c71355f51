"""Plots hold the numbers of the table that they draw."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection, PolyCollection
from matplotlib.figure import Figure

from cxml import plots

TABLES = {
    "calibration": [
        {"predicted": 0.1, "actual": 0.12, "isotonic": 0.13},
        {"predicted": 0.4, "actual": 0.35, "isotonic": 0.34},
    ],
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


# ---------------------------------------------------------------- drivers and causes

FACTORS = pd.DataFrame(
    {
        "factor": ["price", "waiting", "behaviour", "visits"],
        "kind": ["lever", "lever", "context", "lever"],
        "strength": [0.2, 0.4, 0.3, 0.1],
    }
)
RANKS = pd.DataFrame(
    {"rank_low": [1, 2], "rank_high": [1, 3], "weight_low": [0.9, 0.5], "weight_high": [1.25, 1.5]},
    index=pd.Index(["waiting", "price"], name="factor"),
)
CAUSES = pd.DataFrame(
    {
        "factor": ["skill", "effort", "billing", "waiting", "visits", "delivery"],
        "badge": [
            "association_only",
            "not_testable",
            "supported",
            "supported",
            "not_testable",
            "contradicted",
        ],
        "told": ["ten_points", "one", "one", "minute", "any", "ten_points"],
        "effect": [0.1, 4.0, 2.0, 3.0, np.nan, -1.0],
        "low": [-0.2, -1.0, 1.0, 2.5, np.nan, -1.5],
        "high": [0.4, 9.0, 3.0, 3.5, np.nan, -0.5],
        "step": [5.0, 1.0, 1.0, 0.5, np.nan, 2.0],
    }
)
CLIFF = pd.DataFrame(
    {
        "promise": "answer.phone",
        "answer": "promise",
        "why": "",
        "clock": 300.0,
        "at": 306.0,
        "at_low": 291.0,
        "at_high": 321.0,
        "jump": 0.1,
        "jump_low": 0.05,
        "jump_high": 0.15,
        "smallest": 0.03,
        "wait": [60.0, 240.0, 420.0],
        "left": [0.05, 0.06, 0.17],
        "low": [0.04, 0.05, 0.15],
        "high": [0.06, 0.07, 0.19],
    }
)
CHANGES = pd.DataFrame(
    {
        "asked": ["answer.sms", "abandoned_n_90d", "answer.phone answer.chat", "delivery"],
        "factor": ["waiting", "abandonment", "waiting", "delivery"],
        "by": ["cause", "cause", "model", "model"],
        "target": [3600.0, 0.0, 300.0, 432_000.0],
        "fewer": [np.nan, 2.0, 5.0, -1.0],
        "fewer_low": [np.nan, -0.5, np.nan, np.nan],
        "fewer_high": [np.nan, 4.5, np.nan, np.nan],
    }
)


def at_left(ax: Axes) -> list[str]:
    """The names of the rows, from the top down."""
    assert ax.get_ylim()[0] > ax.get_ylim()[1]
    return [tick.get_text() for tick in ax.get_yticklabels()]


def widths(ax: Axes) -> dict[int, float]:
    """Row -> width of its bar."""
    return {round(bar.get_y() + bar.get_height() / 2): bar.get_width() for bar in ax.patches}


def lines_across(ax: Axes) -> dict[int, tuple[float, float]]:
    """Row -> from where to where a line lies."""
    (found,) = [one for one in ax.collections if isinstance(one, LineCollection)]
    return {round(start[1]): (float(start[0]), float(end[0])) for start, end in found.get_segments()}


def words(ax: Axes) -> list[str]:
    return [text.get_text() for text in ax.get_legend().get_texts()]


def ribbon(ax: Axes) -> set[tuple[float, float]]:
    (found,) = [one for one in ax.collections if isinstance(one, PolyCollection)]
    return {(round(float(x), 6), round(float(y), 6)) for x, y in found.get_paths()[0].vertices}


def test_the_strongest_driver_is_on_top_and_ranks_stand_beside_their_bars() -> None:
    ax = plots.drivers(FACTORS.merge(RANKS, on="factor", how="left"), top=3)
    assert at_left(ax) == ["waiting", "behaviour", "price"]
    assert widths(ax) == {0: 0.4, 1: 0.3, 2: 0.2}
    assert lines_across(ax) == {0: pytest.approx((0.36, 0.5)), 2: pytest.approx((0.1, 0.3))}
    assert [(text.get_position()[1], text.get_text().strip()) for text in ax.texts] == [
        (0, "rank 1"),
        (2, "rank 2 to 3"),
    ]
    assert "log-odds" in ax.get_xlabel()
    assert {"lever or column", "other"} <= set(words(ax))
    assert {bool(bar.get_hatch()) for bar in ax.patches} == {False, True}, "told apart without colours, too"
    assert not plots.drivers(FACTORS).texts, "no ranks, none shown"


def test_an_effect_curve_goes_through_its_bins() -> None:
    table = pd.DataFrame(
        {
            "feature": "wait_mean_90d",
            "unit": "s",
            "value": [30.0, 300.0, np.nan],
            "contribution": [-0.1, 0.4, 0.05],
            "low": [-0.2, 0.3, 0.0],
            "high": [0.0, 0.6, 0.1],
            "rows": [10, 20, 1_200],
        }
    )
    ax = plots.effect(table)
    mean, missing = ax.get_lines()
    assert (list(mean.get_xdata()), list(mean.get_ydata())) == ([30, 300], [-0.1, 0.4])
    assert list(missing.get_ydata()) == [0.05, 0.05]
    assert missing.get_label() == "not measured (1,200 rows)"
    assert {(30, -0.2), (30, 0.0), (300, 0.3), (300, 0.6)} <= ribbon(ax)
    assert ax.get_xlabel() == "wait_mean_90d (seconds)"
    levels = plots.effect(table.assign(unit="text", value=["basic", "gold", None]))
    assert [tick.get_text() for tick in levels.get_xticklabels()] == ["basic", "gold"]


def test_causes_stand_by_badge_with_their_intervals() -> None:
    ax = plots.causes(CAUSES)
    assert at_left(ax) == [
        "waiting, a minute",
        "billing, one more",
        "delivery, 10 points of share",
        "skill, 10 points of share",
        "effort, one more",
    ]
    assert words(ax) == ["supported", "contradicted", "association only", "not testable"]
    drawn = {}
    for one in ax.containers:
        (bars,) = one.lines[2]
        for place, segment in zip(one.lines[0].get_ydata(), bars.get_segments(), strict=True):
            drawn[int(place)] = (float(segment[0, 0]), float(segment[1, 0]))
    assert drawn == {
        0: (2.5, 3.5),
        1: (1.0, 3.0),
        2: (-1.5, -0.5),
        3: pytest.approx((-0.2, 0.4)),
        4: (-1.0, 9.0),
    }
    marks = {one.get_label(): one.lines[0].get_marker() for one in ax.containers}
    assert len(set(marks.values())) == 4, "badges are told apart without colours"
    assert "points" in ax.get_xlabel()
    usual = plots.causes(CAUSES, usual=True)
    assert at_left(usual) == ["billing", "waiting", "delivery", "skill", "effort"]
    assert [float(x) for x in usual.containers[0].lines[0].get_xdata()] == [2.0, 1.5]


def test_a_cliff_is_drawn_with_its_ribbon_its_clock_and_its_break() -> None:
    ax = plots.cliff(CLIFF)
    lines = {line.get_label(): line for line in ax.get_lines()}
    assert set(lines["promised"].get_xdata()) == {5.0}
    assert set(lines["break"].get_xdata()) == {5.1}
    curve = lines["left, all else alike"]
    assert (list(curve.get_xdata()), list(curve.get_ydata())) == ([1, 4, 7], [0.05, 0.06, 0.17])
    assert {(1, 0.04), (1, 0.06), (7, 0.15), (7, 0.19)} <= ribbon(ax)
    (around,) = ax.patches
    assert (around.get_x(), around.get_width()) == (pytest.approx(4.85), pytest.approx(0.5))
    assert ax.get_title() == "answer.phone: a jump of 10.0 points (5.0 to 15.0)\nat 5.1 minutes"
    assert ax.get_xlabel() == "first wait (minutes)"


def test_no_break_is_an_answer_and_names_the_jump_that_would_have_been_seen() -> None:
    none = CLIFF.assign(answer="none", clock=432_000.0, at=np.nan, at_low=np.nan, at_high=np.nan)
    ax = plots.cliff(none)
    assert "no break found" in ax.get_title()
    assert "3.0 points" in ax.get_title()
    assert ax.get_xlabel() == "first wait (days)"
    assert not ax.patches
    assert "break" not in words(ax)


@pytest.mark.parametrize("why", ["rows", "leavers", "around"])
def test_what_was_not_tested_says_so(why: str) -> None:
    ax = plots.cliff(CLIFF.head(1).assign(answer="untested", why=why, wait=np.nan, at=np.nan))
    assert "not tested" in ax.get_title()
    assert words(ax) == ["promised"]


def test_changes_are_ranked_and_only_estimates_of_causes_have_intervals() -> None:
    ax = plots.what_if(CHANGES)
    assert at_left(ax) == [
        "waiting: answer.phone, answer.chat within 5 minutes",
        "abandonment: abandoned_n_90d",
        "delivery: delivery within 5 days",
    ]
    assert widths(ax) == {0: 5.0, 1: 2.0, 2: -1.0}
    assert lines_across(ax) == {1: (-0.5, 4.5)}
    assert {"estimate of the cause", "the model's view"} <= set(words(ax))
    assert "per cutoff" in ax.get_xlabel()
    assert len(at_left(plots.what_if(CHANGES, top=1))) == 1


@pytest.mark.parametrize(
    ("plot", "table"),
    [(plots.drivers, FACTORS), (plots.causes, CAUSES), (plots.cliff, CLIFF), (plots.what_if, CHANGES)],
)
def test_axes_that_are_given_are_drawn_on_and_tables_stay_as_they_are(plot: Any, table: pd.DataFrame) -> None:
    ax, before = Figure().add_subplot(), table.copy()
    assert plot(table, ax=ax) is ax
    pd.testing.assert_frame_equal(table, before)


def test_nothing_found_is_drawn_as_nothing() -> None:
    for plot, table in ((plots.causes, CAUSES), (plots.what_if, CHANGES)):
        assert at_left(plot(table.head(0))) == []
