"""Promise cliffs: whether leaving jumps where a promised time runs out, elsewhere, or nowhere.

A row is one wait of one customer, never a mean over waits, which would smear a jump. What the controls say
about leaving is taken off first. Then a place is moved along the waits: a straight line is fitted on each
side of it, near rows weighing more, and the gap between the two lines is the jump there. The highest of
many such gaps is judged against the highest that chance would bring. A bend is not a jump: the lines
follow it.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any, Literal

import numpy as np
import pandas as pd

from cxml.causes.badge_rules import holm
from cxml.causes.cliff_search import LEVEL, NINE_IN_TEN, Lack, Search, Untested, lack, search
from cxml.causes.estimate import WIDTH
from cxml.causes.local_regression import Lines
from cxml.causes.nuisance import Expectation, folds_of
from cxml.causes.study import Study
from cxml.causes.waits import Promise, context, promises_of, waits
from cxml.tables.opening import Tables

Answer = Literal["promise", "elsewhere", "none", "untested"]


# --- the answers -----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Cliff:
    """Where leaving jumps along the waits about which one time was promised.

    Shares are of 1. Places and promises have the unit of the waits: seconds, where they come from tables.

    Attributes
    ----------
    promise : str
        Name of the promise.
    clock : float
        The promised time.
    answer : {"promise", "elsewhere", "none", "untested"}
    why : {"", "rows", "leavers", "around"}
        Why it could not be tested.
    at, at_low, at_high : float
        The break, and between where it may lie; NaN where there is none. A jump that only the question at
        the promise itself can see lies at the promise, and no search has placed it.
    jump, jump_low, jump_high : float
        What crossing the break adds to the share of leavers, with an interval that allows for the search.
    p, p_clock : float
        Of the search and of the question at the promise, corrected for the number of both (Holm).
    smallest : float
        The jump at the promise that would have been seen in nine of ten such data sets.
    bunched : float
        Rows just beyond the break (or the promise) over rows just up to it. Where it is not 1, waits pile up
        on one side, and who waited there may differ: a jump can come from that alone.
    level : float
        Share of leavers.
    rows, customers : int
    curve : DataFrame
        See ``Search``.
    fitted : DataFrame
        ``wait`` and ``left`` of the lines up to the break (or the promise) and beyond it, two points each.
    """

    promise: str
    clock: float
    answer: Answer
    why: Lack = ""
    at: float = math.nan
    at_low: float = math.nan
    at_high: float = math.nan
    jump: float = math.nan
    jump_low: float = math.nan
    jump_high: float = math.nan
    p: float = math.nan
    p_clock: float = math.nan
    smallest: float = math.nan
    bunched: float = 1.0
    level: float = math.nan
    rows: int = 0
    customers: int = 0
    curve: pd.DataFrame = field(default_factory=pd.DataFrame)
    fitted: pd.DataFrame = field(default_factory=pd.DataFrame)

    @property
    def found(self) -> bool:
        """Whether there is a break."""
        return self.answer in ("promise", "elsewhere")


def answers_of(searches: Mapping[str, Search | Untested], clocks: Mapping[str, float]) -> dict[str, Cliff]:
    """The answer for each promise, all of them being one family of questions.

    Parameters
    ----------
    searches : mapping of str to Search or Untested
        By name of the promise.
    clocks : mapping of str to float
        The promised times, by the same names.
    """
    able = {name: one for name, one in searches.items() if isinstance(one, Search)}
    asked = {(name, "search"): one.p for name, one in able.items()}
    asked |= {(name, "clock"): one.p_clock for name, one in able.items() if one.p_clock is not None}
    p = dict(zip(asked, holm(list(asked.values())), strict=True))
    return {
        name: Cliff(name, clocks[name], "untested", one.why, rows=one.rows, customers=one.customers)
        if isinstance(one, Untested)
        else _answered(name, one, p[name, "search"], p.get((name, "clock"), math.nan), LEVEL / len(asked))
        for name, one in searches.items()
    }


def _answered(name: str, one: Search, p: float, p_clock: float, level: float) -> Cliff:
    """What a search says, given both corrected probabilities and the level of the first of the family."""
    searched, hurdle = p <= LEVEL, one.hurdle(level)
    shown, place = (one.lines, one.best) if searched or one.clock is None else (one.clock, 0)
    at, jump = float(shown.places[place]), float(shown.jumps[place])
    low, high = one.around if searched else (at, at)
    at_promise = low <= one.promise <= high if searched else p_clock <= LEVEL
    answer: Answer = "promise" if at_promise else "elsewhere" if searched else "none"
    half = float(shown.errors[place]) * (hurdle if searched else WIDTH)
    error = float(one.clock.errors[0] if one.clock is not None else np.median(one.lines.errors))
    plain = Cliff(
        promise=name,
        clock=one.promise,
        answer=answer,
        p=p,
        p_clock=p_clock,
        smallest=(hurdle + NINE_IN_TEN) * error,
        bunched=one.bunched[at if searched else one.promise],
        level=one.level,
        rows=one.rows,
        customers=one.customers,
        curve=one.curve,
        fitted=_fitted(shown, place, one.level),
    )
    if answer == "none":
        return plain
    plain = replace(plain, at=at, at_low=low, at_high=high)
    return replace(plain, jump=jump, jump_low=jump - half, jump_high=jump + half)


def _fitted(found: Lines, place: int, level: float) -> pd.DataFrame:
    """The two lines at a place, from a window before it to a window beyond it."""
    at, window = found.places[place], found.windows[place]
    (up_to, beyond), (slope, further) = found.levels[:, place], found.slopes[:, place]
    left = np.array([up_to - slope, up_to, beyond, beyond + further]) + level
    return pd.DataFrame({"wait": [at - window, at, at, at + window], "left": left})


def cliffs_of(tables: Tables, study: Study, seed: int = 0) -> dict[str, Cliff]:
    """Where leaving jumps, for each promised time of the config.

    A row is the first wait of a promise within the exposure window of a snapshot. Later ones partly follow
    from it, since who waited long calls again; the longest, or the mean, would say how many there were.

    Returns
    -------
    dict of str to Cliff
        By name of the promise (``cxml.causes.waits.Promise``); waits in seconds.
    """
    promises = promises_of(tables.config.promises)
    keys = pd.DataFrame({"customer_id": study.customers, "cutoff": study.cutoffs})
    found = waits(tables, keys, timedelta(days=study.window))
    firsts = found[found["first"].astype(bool)]
    searches = {
        one.name: _searched(one, firsts[firsts["promise"] == one.name], study, seed) for one in promises
    }
    return answers_of(searches, {promise.name: promise.seconds for promise in promises})


def _searched(promise: Promise, firsts: pd.DataFrame, study: Study, seed: int) -> Search | Untested:
    """The search around one promise; the controls are what was known as the wait began."""
    rows = firsts["row"].to_numpy(dtype=np.int64)
    left, customers = study.churned[rows], study.customers.iloc[rows].reset_index(drop=True)
    if why := lack(left):
        return Untested(why, len(rows), customers.nunique())
    controls = pd.concat([study.before.iloc[rows].reset_index(drop=True), context(firsts)], axis=1)
    folds, target = folds_of(customers, seed=seed), left[:, None]
    # Lines are enough: what they leave over makes the jump less sure, not another one.
    expected = Expectation(controls, target, folds).of(target, trees=False)[:, 0]
    return search(firsts["wait_s"], left, expected, customers, promise.seconds, seed=seed)


def as_json(found: Mapping[str, Cliff]) -> list[dict[str, Any]]:
    """All answers as plain lists and dictionaries, with None for what is missing."""
    return [
        {
            name: value.to_dict("records")
            if isinstance(value, pd.DataFrame)
            else None
            if value != value
            else value
            for name, value in vars(cliff).items()
        }
        for cliff in found.values()
    ]
