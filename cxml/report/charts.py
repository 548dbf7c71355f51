"""Geometry of the charts; ``templates/charts.html.j2`` draws them as SVG with real text."""

from __future__ import annotations

import math
import unicodedata
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from cxml.report.figures import Figure
from cxml.report.model_quality import CalibrationGroup, LiftPoint, ValueGroup
from cxml.report.promise_cliffs import Promised

LEFT, TOP, WIDTH, HEIGHT = 64.0, 18.0, 330.0, 250.0
"""The plot area inside a drawing of 410 x 330 units."""
_NARROWEST = 370
"""Pixels for the label and the figure of a bar on the narrowest phone, where they are written smaller."""
_CLOCKS = 3
"""Promised times that a curve over waits goes to."""
Format = Callable[[float], Figure]
Say = Callable[[float, float], str]
"""What a point says, from its predicted and its actual number."""


@dataclass(frozen=True)
class Bar:
    """A row of a bar chart: ``whole``, ``part`` and the ``ends`` of its interval, if any, are percent of the widest."""

    label: str
    text: str
    whole: float
    part: float
    y: int
    ends: tuple[float, ...] = ()


@dataclass(frozen=True)
class Bars:
    """Rows of bars; heights in pixels, so that text keeps its size at any width."""

    rows: tuple[Bar, ...]
    height: int


@dataclass(frozen=True)
class Tick:
    """A grid line at ``at`` (drawing units) with its label."""

    at: float
    text: str


@dataclass(frozen=True)
class Mark:
    """A point or a column at (x, y); ``low`` and ``high`` end its stroke, ``text`` says what it means."""

    x: float
    y: float
    low: float
    high: float
    text: str


@dataclass(frozen=True)
class Plot:
    """A drawing with two axes."""

    x: tuple[Tick, ...]
    y: tuple[Tick, ...]
    marks: tuple[Mark, ...]
    line: str = ""


@dataclass(frozen=True)
class Spark:
    """A line without axes in a drawing of 120 x 28 units, and its last point."""

    line: str
    x: float
    y: float


@dataclass(frozen=True)
class Line:
    """One of several lines; ``tone`` is its place among them, 0 for the one that matters."""

    name: str
    tone: int
    marks: tuple[Mark, ...]
    line: str


@dataclass(frozen=True)
class ComparisonBars:
    """A drawing with two axes and several lines."""

    x: tuple[Tick, ...]
    y: tuple[Tick, ...]
    lines: tuple[Line, ...]


@dataclass(frozen=True)
class CliffShape:
    """Shares over a wait: a curve in its ribbon, the promised time, and a break with where it may lie.

    ``marks`` end at their interval; ``clock`` and ``at`` are places along x, ``around`` the ends of the break, and
    ``fitted`` the lines on both sides of it: all three empty where there is none.
    """

    x: tuple[Tick, ...]
    y: tuple[Tick, ...]
    marks: tuple[Mark, ...]
    line: str
    ribbon: str
    clock: float
    at: tuple[float, ...]
    around: tuple[float, ...]
    fitted: tuple[str, ...]


@dataclass(frozen=True)
class Reach:
    """A bar from nothing to a figure with its interval, in percent of the width: ``left`` end, ``width``, ends."""

    zero: float
    left: float
    width: float
    low: float
    high: float


Point = tuple[float, float, float]
"""A figure and the ends of its interval."""


def bars(rows: Sequence[tuple[str, str, float, float]], ends: Sequence[tuple[float, ...]] = ()) -> Bars:
    """Ranked bars from (label, text, whole, part); a part of nan draws the whole bar in one tone.

    *ends* are the lower and the upper end of the interval of each row, or nothing.
    """
    step = 46
    both = list(zip(rows, ends or [()] * len(rows), strict=True))
    widest = max((width for row, own in both for width in (row[2], *own) if width > 0), default=1.0)
    return Bars(
        rows=tuple(
            Bar(
                label=_shortened(label, _NARROWEST - _pixels(text)),
                text=text,
                whole=_percent(whole, widest),
                part=_percent(part, widest),
                y=k * step,
                ends=tuple(_percent(end, widest) for end in own),
            )
            for k, ((label, text, whole, part), own) in enumerate(both)
        ),
        height=step * len(rows),
    )


def calibration(groups: Sequence[CalibrationGroup], percent: Format, say: Say) -> Plot:
    """Observed over predicted share on equal axes, with what chance alone does to a perfect forecast."""
    top = max((max(g.predicted, g.observed, g.predicted + g.noise) for g in groups), default=1.0)
    ticks = nice_ticks(min(1.0, top))
    end = ticks[-1]
    return Plot(
        x=tuple(Tick(_x(t / end), percent(t).text) for t in ticks),
        y=tuple(Tick(_y(t / end), percent(t).text) for t in ticks),
        marks=tuple(
            Mark(
                x=_x(g.predicted / end),
                y=_y(g.observed / end),
                low=_y(max(0.0, g.predicted - g.noise) / end),
                high=_y(min(end, g.predicted + g.noise) / end),
                text=say(g.predicted, g.observed),
            )
            for g in groups
        ),
    )


def lift(points: Sequence[LiftPoint], percent: Format) -> Plot:
    """Share of leavers caught over share of customers, from the highest risk down; a mark at one tenth."""
    curve = sorted({(0.0, 0.0), (1.0, 1.0), *((p.share, p.captured) for p in points)})
    ticks = (0.0, 0.2, 0.4, 0.6, 0.8, 1.0)
    tenth = tenth_of(points)
    marks = (
        ()
        if tenth is None
        else (Mark(_x(tenth.share), _y(tenth.captured), 0, 0, percent(tenth.captured).text),)
    )
    return Plot(
        x=tuple(Tick(_x(t), percent(t).text) for t in ticks),
        y=tuple(Tick(_y(t), percent(t).text) for t in ticks),
        marks=marks,
        line=" ".join(f"{_x(a):.1f},{_y(b):.1f}" for a, b in curve),
    )


def over_time(points: Sequence[tuple[str, float, float, float]], percent: Format) -> Plot:
    """Shares with their intervals, one after the other, from (label, share, low, high); few of them are labelled."""
    ticks = nice_ticks(max((high for *_, high in points), default=1.0))
    end = ticks[-1]
    every = max(1, math.ceil(len(points) / 4))
    x = [_x((k + 0.5) / len(points)) for k in range(len(points))]
    return Plot(
        x=tuple(
            Tick(at, point[0]) for k, (at, point) in enumerate(zip(x, points, strict=True)) if k % every == 0
        ),
        y=tuple(Tick(_y(t / end), percent(t).text) for t in ticks),
        marks=tuple(
            Mark(at, _y(share / end), _y(low / end), _y(high / end), f"{label}: {percent(share).text}")
            for at, (label, share, low, high) in zip(x, points, strict=True)
        ),
        line=" ".join(f"{at:.1f},{_y(point[1] / end):.1f}" for at, point in zip(x, points, strict=True)),
    )


def compared(
    labels: Sequence[str], series: Sequence[tuple[str, Sequence[Point | None]]], show: Format
) -> ComparisonBars:
    """Figures of several methods with their intervals, side by side at each label; an axis that fits them.

    Each of *series* is a name and, per label, a point or None.
    """
    ends = [end for _, points in series for point in points if point for end in point if math.isfinite(end)]
    ticks = ticks_between(min(ends, default=0.0), max(ends, default=1.0))
    slot = WIDTH / len(labels)
    step = min(9.0, 0.7 * slot / max(1, len(series) - 1))
    every = max(1, math.ceil(len(labels) / 5))

    def at(value: float) -> float:
        return _y((value - ticks[0]) / (ticks[-1] - ticks[0]))

    lines = []
    for tone, (name, points) in enumerate(series):
        marks = tuple(
            Mark(
                round(LEFT + slot * (k + 0.5) + step * (tone - (len(series) - 1) / 2), 1),
                at(value),
                at(low if math.isfinite(low) else value),
                at(high if math.isfinite(high) else value),
                f"{label}, {name}: {show(value).text}",
            )
            for k, (label, point) in enumerate(zip(labels, points, strict=True))
            if point
            for value, low, high in [point]
        )
        lines.append(Line(name, tone, marks, " ".join(f"{mark.x:.1f},{mark.y:.1f}" for mark in marks)))
    return ComparisonBars(
        x=tuple(Tick(_x((k + 0.5) / len(labels)), label) for k, label in enumerate(labels) if k % every == 0),
        y=tuple(Tick(at(tick), show(tick).text) for tick in ticks),
        lines=tuple(lines),
    )


def curves(
    at: Sequence[float], series: Sequence[tuple[str, Sequence[float]]], show: Format, count: Format
) -> ComparisonBars:
    """Lines over a number, each of *series* a name and its figure at each of *at*, which rise from 0."""
    ends = [value for _, curve in series for value in curve]
    ticks = ticks_between(min(ends, default=0.0), max(ends, default=1.0))
    last = at[-1] or 1.0

    def y(value: float) -> float:
        return _y((value - ticks[0]) / (ticks[-1] - ticks[0]))

    lines = []
    for tone, (name, curve) in enumerate(series):
        marks = tuple(
            Mark(_x(x / last), y(value), y(value), y(value), f"{name}, {count(x).text}: {show(value).text}")
            for x, value in zip(at, curve, strict=True)
        )
        lines.append(Line(name, tone, marks, " ".join(f"{mark.x},{mark.y}" for mark in marks)))
    return ComparisonBars(
        x=tuple(Tick(_x(tick / last), count(tick).text) for tick in nice_ticks(last) if tick <= last),
        y=tuple(Tick(y(tick), show(tick).text) for tick in ticks),
        lines=tuple(lines),
    )


def cliff(told: Promised, duration: Format, percent: Format, said: Sequence[str]) -> CliffShape:
    """Leaving by the wait; the axis goes to three promised times, with a tick at each."""
    points, span = told.curve, _CLOCKS * told.clock
    ticks = nice_ticks(min(1.0, max((point.high for point in points), default=1.0)))

    def x(wait: float) -> float:
        return _x(min(wait / span, 1.0))

    def y(share: float) -> float:
        return _y(min(max(share, 0.0), ticks[-1]) / ticks[-1])

    def path(ends: Iterable[tuple[float, float]]) -> str:
        return " ".join(f"{x(wait)},{y(share)}" for wait, share in ends)

    upper, lower = [(p.wait, p.high) for p in points], [(p.wait, p.low) for p in reversed(points)]
    at = (told.at, told.at_low, told.at_high) if told.found else ()
    return CliffShape(
        x=tuple(Tick(x(k * told.clock), duration(k * told.clock).text) for k in range(_CLOCKS + 1)),
        y=tuple(Tick(y(tick), percent(tick).text) for tick in ticks),
        marks=tuple(
            Mark(x(p.wait), y(p.left), y(p.low), y(p.high), text)
            for p, text in zip(points, said, strict=True)
        ),
        line=path((p.wait, p.left) for p in points),
        ribbon=path(upper + lower),
        clock=x(told.clock),
        at=tuple(map(x, at[:1])),
        around=tuple(map(x, at[1:])),
        fitted=tuple(path(told.fitted[k : k + 2]) for k in range(0, len(told.fitted), 2)),
    )


def reach(point: Point, scale: tuple[float, float]) -> Reach:
    """A bar on a scale that holds 0.

    >>> reach((4, 2, 6), (-2, 8))
    Reach(zero=20.0, left=20.0, width=40.0, low=40.0, high=80.0)
    """
    span = scale[1] - scale[0] or 1.0
    zero, to, start, end = (round(100 * (at - scale[0]) / span, 2) for at in (0.0, *point))
    return Reach(zero, min(zero, to), round(abs(to - zero), 2), start, end)


def spark(shares: Sequence[float]) -> Spark:
    """Shares one after the other, over a floor of nothing.

    >>> spark([0.1, 0.2]).line
    '2.0,15.0 116.0,4.0'
    """
    top = max(shares, default=0.0) or 1.0
    step = 114 / max(1, len(shares) - 1)
    points = [(round(2 + k * step, 1), round(26 - 22 * share / top, 1)) for k, share in enumerate(shares)]
    return Spark(" ".join(f"{x},{y}" for x, y in points), *(points[-1] if points else (0.0, 0.0)))


def tenth_of(points: Sequence[LiftPoint]) -> LiftPoint | None:
    """The point nearest to a tenth of the customers."""
    return min(points, key=lambda p: abs(p.share - 0.1), default=None)


def deciles(groups: Sequence[ValueGroup], money: Format, say: Say) -> Plot:
    """Average expected (``low``) and actual (``high``) value of each group, as tops of two columns."""
    ticks = nice_ticks(max((max(g.predicted, g.actual) for g in groups), default=1.0))
    end = ticks[-1]
    return Plot(
        x=tuple(Tick(_x((k + 0.5) / len(groups)), str(k + 1)) for k in range(len(groups))),
        y=tuple(Tick(_y(t / end), money(t).text) for t in ticks),
        marks=tuple(
            Mark(
                x=_x((k + 0.5) / len(groups)),
                y=_y(0),
                low=_y(max(0.0, g.predicted) / end),
                high=_y(max(0.0, g.actual) / end),
                text=say(g.predicted, g.actual),
            )
            for k, g in enumerate(groups)
        ),
    )


def nice_ticks(top: float) -> tuple[float, ...]:
    """Round numbers from 0 to at least *top*, in four to six steps of 1, 2 or 5 times a power of ten.

    >>> nice_ticks(0.43)
    (0.0, 0.1, 0.2, 0.3, 0.4, 0.5)
    """
    top = top if top > 0 and math.isfinite(top) else 1.0
    scale: float = 10.0 ** math.floor(math.log10(top / 4))
    step = next(s * scale for s in (1, 2, 5, 10, 20) if top / (s * scale) <= 6)
    return tuple(round(k * step, 12) for k in range(math.ceil(round(top / step, 9)) + 1))


def ticks_between(low: float, high: float) -> tuple[float, ...]:
    """Round numbers from at most *low* to at least *high*, in a few steps.

    >>> ticks_between(0.62, 0.78)
    (0.6, 0.65, 0.7, 0.75, 0.8)
    """
    step = nice_ticks(max(high - low, 1e-9))[1]
    first, last = math.floor(round(low / step, 9)), math.ceil(round(high / step, 9))
    return tuple(round(k * step, 12) for k in range(first, max(last, first + 1) + 1))


def _pixels(text: str) -> int:
    """About how wide *text* is at the size of a bar's label."""
    return round(sum(14 if unicodedata.east_asian_width(c) in "WF" else 6.8 for c in text))


def _shortened(label: str, room: int) -> str:
    if _pixels(label) <= room:
        return label
    while label and _pixels(label) + 14 > room:
        label = label[:-1]
    return label.rstrip() + "…"


def _percent(value: float, widest: float) -> float:
    return round(100 * max(0.0, value) / widest, 2) if math.isfinite(value) else 0.0


def _x(share: float) -> float:
    return round(LEFT + WIDTH * share, 1)


def _y(share: float) -> float:
    return round(TOP + HEIGHT * (1 - share), 1)
