"""What is asked of each factor, and what may stand beside it: the order of the story decides.

The exposure window is ``[cutoff - w, cutoff)``. Controls are what was known when it began, and within it what
lower tiers of the story did; never what came after the factor, nor how the customer felt about it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from cxml.factors.declare import LEARNED, STANDARD, Direction, Factor, FactorKind, Feature, Unit, column_name
from cxml.features.vocabulary import words

Floats = NDArray[np.float64]

USUAL_WINDOW = 90
"""Days of the exposure window, or the standard lookback nearest to it."""

FEELINGS = frozenset({"surveys", "posts"})
"""Tables of what customers say: what service left behind, never a control."""

_FELT = frozenset({"sentiment_start", "sentiment_end", "polarity", "score"})
_ASKED: frozenset[FactorKind] = frozenset({"lever", "volume"})
_CAP, _LEAST_COUNT = 0.99, 3.0
_SECONDS: Mapping[Unit, float] = {"s": 1.0, "h": 3600.0, "d": 86400.0}
_SCALES = {"minute": 60.0, "hour": 3600.0, "day": 86400.0}
_MOST = 45
"""Durations told per minute are cut at 45 minutes, per hour at 45 hours, per day at 45 days."""
_PER: Mapping[Unit, tuple[float, str]] = {
    "s": (60.0, "minute"),
    "h": (1.0, "hour"),
    "d": (1.0, "day"),
    "count": (1.0, "one"),
    "flag": (1.0, "any"),
    "share": (0.1, "ten_points"),
    "times": (0.1, "tenth"),
    "ratio": (0.1, "tenth"),
    "score": (0.1, "tenth"),
    "money": (1.0, "money"),
    "km": (1.0, "km"),
}


@dataclass(frozen=True)
class Question:
    """Whether one factor is a cause of leaving, and of what exactly it is asked.

    Attributes
    ----------
    factor : str
    kind : FactorKind
    tier : int
    column : str
        The feature column that is varied; empty when nothing can be.
    table : str
        The table it is about.
    unit : Unit
    direction : Direction
        ``+`` where more of it is expected to make customers leave.
    any, everyone, counts : bool
        Whether there was any, not how much; customers without a row in the table are in; the column is 0, not
        missing, for those.
    scale : str
        ``minute``, ``hour`` or ``day``: what a duration is told in, as long as it is in these data (``scaled``); empty: by
        its unit.
    reason : str
        Why nothing can be asked: ``kind`` (it is no lever), ``treatment`` (nothing of it can be varied), ``window``
        (not measured within the exposure window), ``column`` (not measured in these data); else empty.
    """

    factor: str
    kind: FactorKind
    tier: int
    column: str = ""
    table: str = ""
    unit: Unit = "flag"
    direction: Direction = "±"
    any: bool = False
    everyone: bool = False
    counts: bool = False
    scale: str = ""
    reason: str = ""

    @property
    def per(self) -> float:
        """How much of the column the effect is told for: 60 seconds, 0.1 of a share."""
        if self.any:
            return 1.0
        return _SCALES[self.scale] / _SECONDS[self.unit] if self.scale else _PER[self.unit][0]

    @property
    def told(self) -> str:
        """The same as a word: ``minute``, ``hour``, ``day``, ``one``, ``any``, ``ten_points``, ``tenth`` ..."""
        return "any" if self.any else self.scale or _PER[self.unit][1]


def window_of(lookbacks: Iterable[int]) -> int:
    """The exposure window: of the standard lookbacks the one nearest to 90 days, of two the shorter.

    >>> window_of((7, 30, 90, 180, 365)), window_of((60, 120))
    (90, 60)
    """
    return min(lookbacks, key=lambda days: (abs(days - USUAL_WINDOW), days))


def questions(
    factors: Sequence[Factor], built: Iterable[str], lookbacks: Sequence[int]
) -> tuple[Question, ...]:
    """What is asked of each factor, in their order; of a column of a flat table nothing is.

    Parameters
    ----------
    factors : sequence of Factor
    built : iterable of str
        The feature columns at hand.
    lookbacks : sequence of int
        Days of the standard windows.
    """
    columns, window = set(built), window_of(lookbacks)
    return tuple(
        _question(factor, columns, window, lookbacks) for factor in factors if factor.kind != "column"
    )


def _question(factor: Factor, built: set[str], window: int, lookbacks: Sequence[int]) -> Question:
    plain = Question(factor.name, factor.kind, factor.tier)
    if factor.kind not in _ASKED:
        return replace(plain, reason="kind")
    feature = _varied(factor, window, lookbacks)
    if feature is None:
        return replace(plain, reason="treatment")
    column = treatment_column(factor, feature, window, lookbacks)
    found = replace(
        plain,
        column=column,
        table=feature.table,
        unit=feature.unit,
        direction=feature.direction,
        any=bool(factor.treatment and factor.treatment.any),
        counts=feature.empty is not None,
        everyone=bool(factor.treatment and factor.treatment.everyone),
    )
    reason = "" if column in built else "column" if column else "window"
    return replace(found, reason=reason)


def _varied(factor: Factor, window: int, lookbacks: Sequence[int]) -> Feature | None:
    """The feature that the factor names, or the first that can be varied within the window."""
    if factor.treatment:
        return next((f for f in factor.features if f.name == factor.treatment.feature), None)
    for feature in factor.features:
        since = "days_since" in feature.name
        if window in _windows(feature, lookbacks) and feature.unit != "text" and not since:
            return feature
    return None


def treatment_column(factor: Factor, feature: Feature, window: int, lookbacks: Sequence[int]) -> str:
    """The column of the treatment: that of the window, or the one without a window that the factor names."""
    if window in _windows(feature, lookbacks):
        return column_name(feature.name, window)
    return feature.name if factor.treatment and feature.lookbacks == (0,) else ""


def _windows(feature: Feature, lookbacks: Sequence[int]) -> tuple[int, ...]:
    return tuple(lookbacks) if feature.lookbacks == STANDARD else feature.lookbacks


def scaled(question: Question, frame: pd.DataFrame) -> Question:
    """The question with the scale of its durations: the shortest of which 45 hold twice their upper quartile.

    Waits on the phone are told per minute, answers by mail per hour, cases that stay open for weeks per day. Other
    units are told as ever.
    """
    if question.reason or question.any or question.unit not in _SECONDS:
        return question
    known = frame[question.column].to_numpy(dtype=np.float64, na_value=np.nan) * _SECONDS[question.unit]
    some = known[known > 0]
    if not len(some):
        return question
    most = 2 * float(np.quantile(some, 0.75))
    scale = next((name for name, seconds in _SCALES.items() if _MOST * seconds >= most), "day")
    return replace(question, scale=scale)


def exposure(question: Question, frame: pd.DataFrame, rows_in_window: pd.Series[float] | None) -> Floats:
    """The treatment of each snapshot, missing where the question does not concern it.

    Long tails are cut at the 99th percentile: durations in seconds at 45 of their scale (minutes, hours, days) if that
    is less, counts never below 3.

    Parameters
    ----------
    frame : DataFrame
        With the column of the question.
    rows_in_window : Series or None
        How many rows of the question's table each snapshot has in the window; None where that is not known.
    """
    found = frame[question.column].to_numpy(dtype=np.float64, na_value=np.nan)
    if question.any:
        found = np.where(np.isnan(found), 0.0 if question.everyone else np.nan, found > 0)
    if question.everyone:
        return _capped(np.nan_to_num(found), question)
    if question.counts and rows_in_window is not None:
        found = np.where(rows_in_window.to_numpy(dtype=np.float64) > 0, found, np.nan)
    return _capped(found, question)


def _capped(found: Floats, question: Question) -> Floats:
    known = found[~np.isnan(found)]
    if question.any or question.unit in ("share", "flag") or not len(known):
        return found
    most = float(np.quantile(known, _CAP))
    if question.unit == "s" and question.per * _MOST >= float(np.quantile(known, 0.75)):
        most = min(most, question.per * _MOST)
    if question.unit == "count":
        most = max(most, _LEAST_COUNT)
    return np.asarray(np.minimum(found, most))


# --- controls --------------------------------------------------------------------------------------------


def at_the_start(factors: Sequence[Factor], lookbacks: Sequence[int]) -> tuple[Factor, ...]:
    """What is asked of the planner as of the start of the exposure window: the factors, cut down to controls.

    Of behaviour, contract, profile and volume all features, of levers their treatment, each in one window;
    nothing of what customers say or feel, nothing that is a part of leaving.
    """
    window = window_of(lookbacks)
    found = []
    for factor in factors:
        if factor.kind not in LEARNED or factor.kind == "outcome":
            continue
        varied = _varied(factor, window, lookbacks) if factor.kind == "lever" else None
        wanted = (
            [f for f in factor.features if varied in (None, f)] if factor.kind != "lever" or varied else []
        )
        kept = tuple(
            _in_one_window(f, window, lookbacks) for f in wanted if not feels(factor, f.table, f.sql)
        )
        if kept:
            found.append(replace(factor, features=kept, derived=()))
    return tuple(found)


def _in_one_window(feature: Feature, window: int, lookbacks: Sequence[int]) -> Feature:
    """The feature in the window nearest to that of the exposure, or without a window as it is."""
    windows = _windows(feature, lookbacks)
    if windows == (0,):
        return feature
    return replace(feature, lookbacks=(min(windows, key=lambda days: (abs(days - window), days)),))


def feels(factor: Factor, table: str, sql: str) -> bool:
    """Whether a text reads what customers say or feel."""
    made = {flag.name: flag.sql for flag in factor.flags}
    made |= {norm.name: f"{norm.sql} {norm.by}" for norm in factor.norms}
    made |= {match.name: f"{match.other} {match.where}" for match in factor.matches}
    seen, todo = set[str](), set(words(sql))
    while todo:
        seen |= todo
        todo = {word for name in todo if name in made for word in words(made[name])} - seen
    return table in FEELINGS or bool(seen & (_FELT | FEELINGS))


def group_of(factor: Factor, feature: Feature) -> str:
    """To which group of confounders a control as of the start belongs.

    ``segment``, ``contract`` or ``behaviour`` before any service, ``demand`` for it, or the ``history`` of service.
    """
    if factor.tier:
        return "demand" if factor.tier == 1 else "history"
    return {"customers": "segment", "subscriptions": "contract"}.get(feature.table, "behaviour")


def within(
    factor: Factor, factors: Sequence[Factor], built: Iterable[str], lookbacks: Sequence[int]
) -> tuple[str, ...]:
    """Controls of *factor* from the exposure window: treatments of what came before it in the story.

    These are the treatments of lower tiers (never tier 0, which is known at the start or not at all), and of
    the same tier those that are not known to come later; of the context of a contact its shares and texts. A
    volume has none: all that happens at contacts follows from there being any.
    """
    if factor.kind == "volume":
        return ()
    columns = set(built)
    later = {other.name for other in factors if factor.name in other.after}
    found: list[str] = []
    for other in factors:
        same = other.name == factor.name or other.name in later
        if other.kind not in LEARNED or other.kind == "outcome" or same or not 0 < other.tier <= factor.tier:
            continue
        found += [column for column in held_fixed(other, lookbacks) if column in columns]
    return tuple(found)


def held_fixed(factor: Factor, lookbacks: Sequence[int]) -> Iterator[str]:
    """The columns by which a factor of the story is held fixed."""
    window = window_of(lookbacks)
    if factor.kind == "context":
        for feature in factor.features:
            if feature.unit in ("share", "text") and not feels(factor, feature.table, feature.sql):
                (days,) = _in_one_window(feature, window, lookbacks).lookbacks
                yield column_name(feature.name, days)
        return
    varied = _varied(factor, window, lookbacks)
    if varied is not None and not feels(factor, varied.table, varied.sql):
        yield treatment_column(factor, varied, window, lookbacks)
