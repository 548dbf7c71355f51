"""The figures of a training run as plots: matplotlib axes for notebooks, PNG files for MLflow.

Each function draws one table of ``metrics.json`` on the axes it is given, or on new ones, and returns them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

Rows = Sequence[Mapping[str, Any]] | pd.DataFrame
_OURS, _OTHER = "#0b5394", "#999999"
_SIZE = (5.2, 4.2)


def calibration(table: Rows, ax: Axes | None = None) -> Axes:
    """Observed over predicted share of leavers, by groups of like probability."""
    ax, rows = _start(table, ax, "Calibration", "predicted share of leavers", "observed share of leavers")
    top = float(rows[["predicted", "actual"]].to_numpy().max()) * 1.05 or 1.0
    ax.plot([0, top], [0, top], color=_OTHER, linestyle="--", label="perfect")
    ax.plot(rows["predicted"], rows["actual"], color=_OURS, marker="o", label="model")
    ax.legend(frameon=False)
    return ax


def lift(table: Rows, ax: Axes | None = None) -> Axes:
    """Share of all leavers found over share of customers contacted, from the highest risk down."""
    ax, rows = _start(
        table, ax, "Leavers found", "share of customers, highest risk first", "share of leavers"
    )
    ax.plot([0, 1], [0, 1], color=_OTHER, linestyle="--", label="at random")
    ax.plot([0, *rows["share"]], [0, *rows["recall"]], color=_OURS, label="model")
    ax.legend(frameon=False)
    return ax


def deciles(table: Rows, ax: Axes | None = None) -> Axes:
    """Mean expected and actual value of customers in groups of like expected value."""
    ax, rows = _start(table, ax, "Value", "group, by expected value", "mean value of a customer")
    places = range(1, len(rows) + 1)
    ax.bar([x - 0.2 for x in places], rows["predicted"], 0.4, color=_OURS, label="expected")
    ax.bar([x + 0.2 for x in places], rows["actual"], 0.4, color=_OTHER, hatch="//", label="actual")
    ax.set_xticks(list(places))
    ax.legend(frameon=False)
    return ax


def survival(table: Rows, ax: Axes | None = None) -> Axes:
    """Share that stayed by day after the test cutoff: what was seen, and the mean of what was expected."""
    ax, rows = _start(table, ax, "Staying", "days after the test cutoff", "share that stays")
    ax.step(rows["days"], rows["stayed"], where="post", color=_OTHER, label="seen")
    ax.plot(rows["days"], rows["expected"], color=_OURS, label="expected")
    ax.legend(frameon=False)
    return ax


def by_cutoff(table: Rows, ax: Axes | None = None) -> Axes:
    """Share of leavers at each cutoff, and what the model expected there."""
    ax, rows = _start(table, ax, "Level by cutoff", "cutoff", "share of leavers")
    days = [str(one)[:10] for one in rows["cutoff"]]
    ax.plot(days, rows["base_rate"], color=_OTHER, marker="s", label="seen")
    ax.plot(days, rows["mean_probability"], color=_OURS, marker="o", label="expected")
    ax.tick_params(axis="x", rotation=45)
    ax.set_ylim(bottom=0)
    ax.legend(frameon=False)
    return ax


PLOTS: Mapping[str, Callable[[Rows, Axes | None], Axes]] = {
    "calibration": calibration, "lift": lift, "deciles": deciles, "survival": survival, "cutoffs": by_cutoff,
}  # fmt: skip
"""What can be drawn: table of ``metrics.json`` -> plot."""


def write(metrics: Mapping[str, Any], folder: Path) -> list[Path]:
    """Draw every table of *metrics* that is there into ``<folder>/<table>.png``; the files, in that order."""
    folder.mkdir(parents=True, exist_ok=True)
    files = []
    for name, plot in PLOTS.items():
        if len(table := metrics.get("tables", {}).get(name, [])):
            figure = _figure()
            plot(table, figure.add_subplot())
            files.append(folder / f"{name}.png")
            # No date and no version inside: the same figures give the same file.
            figure.savefig(files[-1], dpi=110, metadata={"Software": None})
    return files


def _figure() -> Figure:
    figure = Figure(figsize=_SIZE, layout="constrained")
    FigureCanvasAgg(figure)
    return figure


def _start(table: Rows, ax: Axes | None, title: str, x: str, y: str) -> tuple[Axes, pd.DataFrame]:
    """Axes with their words, and the table as a frame."""
    if ax is None:
        ax = _figure().add_subplot()
    ax.set(title=title, xlabel=x, ylabel=y)
    ax.spines[["top", "right"]].set_visible(False)
    return ax, pd.DataFrame(table)
