"""Tables as plots: matplotlib axes for notebooks, and PNG files of a training for MLflow.

Each function draws one table on the axes it is given, or on new ones, and returns them. First those of ``metrics.json``,
then what is found out about drivers and causes. In a notebook give them axes of ``matplotlib.pyplot``, which shows them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from cxml.factors.declare import NAMED

Rows = Sequence[Mapping[str, Any]] | pd.DataFrame
_OURS, _OTHER = "#0b5394", "#999999"
_SIZE = (5.2, 4.2)
_UNITS = {"s": "seconds", "h": "hours", "d": "days"}
_ROW, _FRAME, _WIDE = 0.32, 1.4, 8.0  # inches: of a row, around all rows, and across


def calibration(table: Rows, ax: Axes | None = None) -> Axes:
    """Observed over predicted share of leavers, by groups of like probability."""
    ax, rows = _start(table, ax, "Calibration", "predicted share of leavers", "observed share of leavers")
    top = float(rows[["predicted", "actual"]].to_numpy().max()) * 1.05 or 1.0
    ax.plot([0, top], [0, top], color=_OTHER, linestyle="--", label="perfect")
    ax.plot(rows["predicted"], rows["isotonic"], color=_OTHER, linewidth=1, label="isotonic fit")
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
    "calibration": calibration,
    "lift": lift,
    "deciles": deciles,
    "survival": survival,
    "cutoffs": by_cutoff,
}
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


# --- drivers and causes ----------------------------------------------------------------------------------


def drivers(table: Rows, ax: Axes | None = None, *, top: int = 12) -> Axes:
    """The strongest factors: what their hits add to the log-odds of leaving, over all customers.

    Parameters
    ----------
    table : DataFrame or rows
        As from ``cxml.drivers.contributions.summary``. With the columns of ``cxml.drivers.evidence.ranks``, joined by
        ``factor``, it also shows between which strengths (a line) and ranks (a text) those ranked move in 9 of 10 draws
        of other customers.
    top : int
        How many.

    Examples
    --------
    >>> ax = drivers([{"factor": "price", "kind": "lever", "strength": 0.1},
    ...               {"factor": "waiting", "kind": "lever", "strength": 0.4}])
    >>> [tick.get_text() for tick in ax.get_yticklabels()], [float(bar.get_width()) for bar in ax.patches]
    (['waiting', 'price'], [0.4, 0.1])
    """
    rows = pd.DataFrame(table).nlargest(top, "strength").reset_index(drop=True)
    ax, _ = _start(rows, ax, "Drivers", "mean hit (log-odds)", "", down=True)
    lever = rows["kind"].isin(NAMED)
    _bars(ax, rows.loc[lever, "strength"], "lever or column", ours=True)
    _bars(ax, rows.loc[~lever, "strength"], "other", ours=False)
    if {"weight_low", "weight_high", "rank_low", "rank_high"} <= set(rows):
        known = rows[rows["rank_low"].notna()]
        low, high = (known["strength"] * known[name] for name in ("weight_low", "weight_high"))
        _intervals(ax, low, high, "in 9 of 10 draws")
        for place, end, first, last in zip(
            known.index, high, known["rank_low"], known["rank_high"], strict=True
        ):
            text = f"  rank {first:.0f}" + (f" to {last:.0f}" if last > first else "")
            ax.text(end, place, text, va="center", fontsize="small")
        ax.margins(x=0.2)
    return _down(ax, rows["factor"])


def effect(table: Rows, ax: Axes | None = None) -> Axes:
    """What one feature adds to the log-odds along its value: the mean, and where 8 of 10 customers lie.

    Parameters
    ----------
    table : DataFrame or rows
        As from ``cxml.drivers.contributions.effect``.

    Examples
    --------
    >>> point = {"feature": "wait_mean_90d", "unit": "s", "low": -0.1, "high": 0.1, "rows": 9}
    >>> ax = effect([{**point, "value": 30.0, "contribution": 0.0}, {**point, "value": None, "contribution": 0.05}])
    >>> ax.get_xlabel(), [line.get_label() for line in ax.get_lines()]
    ('wait_mean_90d (seconds)', ['mean', 'not measured (9 rows)'])
    """
    rows = pd.DataFrame(table)
    feature, unit = rows["feature"].iloc[0], rows["unit"].iloc[0]
    ax, _ = _start(
        rows, ax, "Contribution by value", f"{feature} ({_UNITS.get(unit, unit)})", "contribution (log-odds)"
    )
    known = rows[rows["value"].notna()]
    mean = known["contribution"]
    if unit == "text":
        ax.errorbar(
            known["value"].astype(str),
            mean,
            [mean - known["low"], known["high"] - mean],
            color=_OURS,
            fmt="o",
            capsize=3,
            label="mean, 8 of 10 customers",
        )
        ax.tick_params(axis="x", rotation=45)
    else:
        value = known["value"].astype(float)
        ax.plot(value, mean, color=_OURS, marker="o", markersize=4, label="mean")
        ax.fill_between(value, known["low"], known["high"], color=_OURS, alpha=0.2, label="8 of 10 customers")
    for _, row in rows[rows["value"].isna()].iterrows():
        ax.axhline(
            row["contribution"], color=_OTHER, linestyle="--", label=f"not measured ({row['rows']:,} rows)"
        )
    ax.legend(frameon=False)
    return ax


BADGES: Mapping[str, Mapping[str, Any]] = {
    "supported": {"color": _OURS, "marker": "o", "label": "supported"},
    "contradicted": {"color": "#d55e00", "marker": "X", "label": "contradicted"},
    "association_only": {"color": "#555555", "marker": "s", "label": "association only", "mfc": "white"},
    "not_testable": {"color": _OTHER, "marker": "D", "label": "not testable", "mfc": "white"},
}
"""How badges look, the firmest first: marks differ in form and filling, for print without colours."""

_PER = {
    "minute": "a minute",
    "hour": "an hour",
    "day": "a day",
    "one": "one more",
    "any": "any against none",
    "ten_points": "10 points of share",
    "tenth": "0.1",
    "money": "a unit of money",
    "km": "a kilometre",
}


def causes(table: Rows, ax: Axes | None = None, *, usual: bool = False) -> Axes:
    """What one more unit of each factor does to the probability of leaving, with 95 % intervals, by badge.

    Only *supported* and *contradicted* factors are more than a difference that was seen. Factors for which nothing
    was estimated are left out.

    Parameters
    ----------
    table : DataFrame or rows
        As from ``cxml.causes.factor_badges.find``, and in ``causes.parquet``.
    usual : bool
        In place of a unit, which each factor has its own of, take a usual difference between customers (``step``).

    Examples
    --------
    >>> ax = causes([{"factor": "waiting", "badge": "supported", "told": "minute", "effect": 1.1, "low": 0.9, "high": 1.3}])
    >>> ax.get_yticklabels()[0].get_text(), ax.get_xlabel()
    ('waiting, a minute', 'change of the probability of leaving (points)')
    """
    found = pd.DataFrame(table).dropna(subset=["effect"])
    if usual:
        found = found.assign(**{name: found[name] * found["step"] for name in ("effect", "low", "high")})
    order = found["badge"].map({badge: place for place, badge in enumerate(BADGES)})
    rows = found.assign(order=order).sort_values(["order", "effect"], ascending=[True, False], kind="stable")
    rows = rows.reset_index(drop=True)
    title, label = "usual difference" if usual else "unit", "change of the probability of leaving (points)"
    ax, _ = _start(rows, ax, f"Effects per {title}", label, "", down=True)
    ax.axvline(0, color="black", linewidth=0.8)
    for badge, look in BADGES.items():
        own = rows[rows["badge"] == badge]
        if len(own):
            reach = [own["effect"] - own["low"], own["high"] - own["effect"]]
            ax.errorbar(own["effect"], own.index, xerr=reach, linestyle="none", capsize=3, **look)
    return _down(ax, rows["factor"] if usual else rows["factor"] + ", " + rows["told"].map(_PER), "best")


def cliff(table: Rows, ax: Axes | None = None) -> Axes:
    """Who leaves by how long they waited, with the promised time and, where there is one, the break.

    Parameters
    ----------
    table : DataFrame or rows
        The rows of one promise from ``cxml.causes.cliff_table.cliffs``.

    Examples
    --------
    >>> ax = cliff([{"promise": "answer.sms", "answer": "untested", "why": "rows", "clock": 3600.0, "wait": None}])
    >>> ax.get_title(), ax.get_xlabel()
    ('answer.sms: not tested (too few rows)', 'first wait (hours)')
    """
    rows = pd.DataFrame(table)
    one = rows.iloc[0]
    scale, unit = _clock(one["clock"])
    ax, _ = _start(rows, ax, _answer(one, scale, unit), f"first wait ({unit})", "share that left")
    ax.axvline(one["clock"] / scale, color="black", linestyle="--", label="promised")
    points = rows[rows["wait"].notna()]
    if len(points):
        wait = points["wait"].astype(float) / scale
        ax.plot(wait, points["left"], color=_OURS, marker="o", markersize=4, label="left, all else alike")
        ax.fill_between(wait, points["low"], points["high"], color=_OURS, alpha=0.2, label="95 %")
    if pd.notna(one.get("at")):
        ax.axvspan(one["at_low"] / scale, one["at_high"] / scale, color="#d55e00", alpha=0.2, hatch="//")
        ax.axvline(one["at"] / scale, color="#d55e00", label="break")
    ax.set_xlim(left=0)
    ax.legend(frameon=False)
    return ax


def what_if(table: Rows, ax: Axes | None = None, *, top: int = 12) -> Axes:
    """How many fewer would leave per cutoff if one thing were as promised or at its best, the most first.

    Estimates of causes have their 95 % interval; the model's view has none, and claims no cause. The bars must not be
    added up. What could not be said is left out.

    Parameters
    ----------
    table : DataFrame or rows
        As from ``cxml.causes.improvements.what_if`` or ``replayed``, and in ``what_if.parquet``.
    top : int
        How many.

    Examples
    --------
    >>> ax = what_if([{"asked": "answer.phone", "factor": "waiting", "by": "model", "target": 300.0, "fewer": 4.9}])
    >>> ax.get_yticklabels()[0].get_text(), float(ax.patches[0].get_width())
    ('waiting: answer.phone within 5 minutes', 4.9)
    """
    rows = pd.DataFrame(table).dropna(subset=["fewer"]).nlargest(top, "fewer").reset_index(drop=True)
    ax, _ = _start(rows, ax, "What if", "fewer customers that leave, per cutoff", "", down=True)
    ax.axvline(0, color="black", linewidth=0.8)
    by_cause = rows["by"] == "cause"
    _bars(ax, rows.loc[by_cause, "fewer"], "estimate of the cause", ours=True)
    _bars(ax, rows.loc[~by_cause, "fewer"], "the model's view", ours=False)
    if by_cause.any():
        _intervals(ax, rows.loc[by_cause, "fewer_low"], rows.loc[by_cause, "fewer_high"], "95 %")
    return _down(ax, pd.Series([_change(row) for _, row in rows.iterrows()], dtype=object))


def _answer(one: pd.Series[Any], scale: float, unit: str) -> str:
    """What a search for a break found, in a few words."""
    name = f"{one['promise']}: "
    if one["answer"] == "untested":
        lacks = {"rows": "too few rows", "leavers": "too few left", "around": "too few near the promise"}
        return f"{name}not tested ({lacks[one['why']]})"
    if one["answer"] == "none":
        return f"{name}no break found\n(a jump of {100 * one['smallest']:.1f} points would have been seen)"
    jump = f"{100 * one['jump']:.1f} points ({100 * one['jump_low']:.1f} to {100 * one['jump_high']:.1f})"
    return f"{name}a jump of {jump}\nat {one['at'] / scale:.1f} {unit}"


def _change(row: pd.Series[Any]) -> str:
    """What is brought to its promise, with the time; or to its best."""
    name = f"{row['factor']}: {', '.join(row['asked'].split())}"
    if not row["target"] > 0:
        return name
    scale, unit = _clock(row["target"])
    many = row["target"] / scale
    return f"{name} within {many:g} {unit if many != 1 else unit[:-1]}"


def _clock(seconds: float) -> tuple[float, str]:
    """The unit in which people tell a time, in seconds, and its name."""
    if seconds < 3_600:
        return 60.0, "minutes"
    return (3_600.0, "hours") if seconds < 2 * 86_400 else (86_400.0, "days")


def _bars(ax: Axes, width: pd.Series[float], label: str, *, ours: bool) -> None:
    """Bars to the right, at the places that the index names."""
    if len(width):
        look: dict[str, Any] = (
            {"color": _OURS, "alpha": 0.6} if ours else {"color": "white", "edgecolor": _OTHER, "hatch": "//"}
        )
        ax.barh(width.index, width, label=label, **look)


def _intervals(ax: Axes, low: pd.Series[float], high: pd.Series[float], label: str) -> None:
    """Lines to the right, at the places that the index names."""
    ax.hlines(low.index, low, high, color="black", linewidth=1.6, label=label)


def _down(ax: Axes, names: pd.Series[str], legend: Literal["best", "lower right"] = "lower right") -> Axes:
    """The names of rows at the left, the first at the top."""
    ax.set_yticks(list(names.index), list(names))
    ax.set_ylim(len(names) - 0.4, -0.6)
    if ax.get_legend_handles_labels()[0]:
        ax.legend(frameon=False, loc=legend)
    return ax


def _figure(size: tuple[float, float] = _SIZE) -> Figure:
    figure = Figure(figsize=size, layout="constrained")
    FigureCanvasAgg(figure)
    return figure


def _start(
    table: Rows, ax: Axes | None, title: str, x: str, y: str, *, down: bool = False
) -> tuple[Axes, pd.DataFrame]:
    """Axes with their words, and the table as a frame; new ones have room for its rows where these go *down*."""
    if ax is None:
        ax = _figure((_WIDE, _FRAME + _ROW * len(table)) if down else _SIZE).add_subplot()
    ax.set(title=title, xlabel=x, ylabel=y)
    ax.spines[["top", "right"]].set_visible(False)
    return ax, pd.DataFrame(table)
