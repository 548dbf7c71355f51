"""What if one thing were brought to what was promised: how many fewer would leave, and what that is worth.

What is varied enters as lines that may turn at half the target and at the target, and a step at the target,
since a broken promise may count at once. What the controls say is taken off all of it. Beyond the target the
step and the line together carry the mean of those who are there, whatever the shape; what remains to be
known is the level at the target, where many are.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from cxml.causes.estimate import WIDTH, by_customer
from cxml.causes.nuisance import Expectation, folds_of
from cxml.causes.study import Study
from cxml.causes.treatments import Question
from cxml.causes.waits import Promise, context, promises_of, waits
from cxml.tables.opening import Tables

Floats = NDArray[np.float64]
Rows = NDArray[np.int64]
Lack = Literal["", "rows", "leavers", "beyond"]
"""Why nothing is said: too few rows or leavers, or hardly anybody was ever at the target."""

LEAST_ROWS, LEAST_LEAVERS, LEAST_REACHED = 1_000, 50, 0.05
_LONGEST = 0.99


@dataclass(frozen=True)
class Change:
    """What would change among those concerned, each at a cutoff being a row.

    Attributes
    ----------
    target : float
        At most so much, in the unit of what is varied.
    left, left_low, left_high : float
        Change of the probability of leaving, mean over the rows, with a 95 % interval; below 0: fewer leave.
    value, value_low, value_high : float
        Change of the value lost with them, mean over the rows; NaN without values.
    reached : float
        Share of what was seen that is at the target or better: 0.05 is needed.
    rows, customers : int
    lack : {"", "rows", "leavers", "beyond"}
        Why nothing is said.
    """

    target: float
    left: float = math.nan
    left_low: float = math.nan
    left_high: float = math.nan
    value: float = math.nan
    value_low: float = math.nan
    value_high: float = math.nan
    reached: float = math.nan
    rows: int = 0
    customers: int = 0
    lack: Lack = ""


def basis(x: Floats, target: float) -> Floats:
    """What is varied, as columns: two lines up to the target, a step there, and a line beyond it.

    >>> basis(np.array([1.0, 4.0, 5.0, 7.0]), 5.0).tolist()
    [[1.0, 0.0, 0.0, 0.0], [2.5, 1.5, 0.0, 0.0], [2.5, 2.5, 0.0, 0.0], [2.5, 2.5, 1.0, 2.0]]
    """
    half = target / 2
    up_to = np.minimum(x, target)
    lines = [np.minimum(up_to, half), np.maximum(up_to - half, 0.0)]
    return np.column_stack([*lines, (x > target).astype(np.float64), np.maximum(x - target, 0.0)])


def change(
    left: Floats,
    x: ArrayLike,
    target: float,
    controls: pd.DataFrame,
    customers: ArrayLike,
    *,
    row: Rows | None = None,
    value: Floats | None = None,
    estimate: bool = True,
    seed: int = 0,
) -> Change:
    """What would change if *x* were nowhere above *target*.

    Parameters
    ----------
    left : array of shape (rows,)
        Whether the customer left, 0 or 1.
    x : array of shape (rows,), or (occurrences,) with *row*
        What is varied; its longest hundredth is cut.
    target : float
    controls : DataFrame of shape (rows, columns)
        What came before.
    customers : array of shape (rows,)
        Whose row it is.
    row : int array of shape (occurrences,), optional
        To which row each of several occurrences belongs; a row goes by their mean.
    value : array of shape (rows,), optional
        Money that goes with each row's customer.
    estimate : bool
        Otherwise it is only seen whether there is enough to say anything by.

    References
    ----------
    Haneuse, Rotnitzky (2013), Estimation of the effect of interventions that modify the received treatment,
    Statistics in Medicine 32. Robinson (1988), Root-n-consistent semiparametric regression, Econometrica 56.
    """
    raw = np.asarray(x, dtype=np.float64)
    codes = np.asarray(pd.factorize(np.asarray(customers))[0], dtype=np.int64)
    reached = float(np.mean(raw <= target)) if len(raw) else math.nan
    plain = Change(
        target, reached=reached, rows=len(left), customers=len(np.unique(codes)), lack=_lack(left, reached)
    )
    if plain.lack or not estimate:
        return plain
    kept = np.minimum(raw, max(np.quantile(raw, _LONGEST), target))
    now, then = (_per_row(basis(one, target), row, len(left)) for one in (kept, np.minimum(kept, target)))
    targets = np.column_stack([left, now])
    folds = folds_of(np.asarray(customers), seed=seed)
    expected = Expectation(controls, targets, folds).of(targets, trees=False)
    u, v = left - expected[:, 0], now - expected[:, 1:]
    moved = _moved(u, v, then - now, codes, np.ones(len(left)))
    worth = _moved(u, v, then - now, codes, value) if value is not None else (math.nan,) * 3
    return replace(
        plain,
        left=moved[0],
        left_low=moved[1],
        left_high=moved[2],
        value=worth[0],
        value_low=worth[1],
        value_high=worth[2],
    )


def _lack(left: Floats, reached: float) -> Lack:
    if len(left) < LEAST_ROWS:
        return "rows"
    if min(left.sum(), (1 - left).sum()) < LEAST_LEAVERS:
        return "leavers"
    return "" if reached >= LEAST_REACHED else "beyond"


def _per_row(columns: Floats, row: Rows | None, rows: int) -> Floats:
    """The mean over the occurrences of each row."""
    if row is None:
        return columns
    many = np.bincount(row, minlength=rows)[:, None]
    return np.column_stack([np.bincount(row, column, rows) for column in columns.T]) / many


def _moved(u: Floats, v: Floats, step: Floats, customers: Rows, weight: Floats) -> tuple[float, float, float]:
    """The weighted mean of what the *step* does, with its interval: least squares and its influence by customer."""
    rows = len(u)
    inverse = np.linalg.pinv(v.T @ v / rows, rcond=1e-9, hermitian=True)
    theta = inverse @ (v.T @ u) / rows
    each = weight * (step @ theta)
    mean_step = (weight[:, None] * step).mean(axis=0)
    influence = (v @ inverse @ mean_step) * (u - v @ theta) + each - each.mean()
    half = WIDTH * by_customer(influence / rows, customers)
    return float(each.mean()), float(each.mean() - half), float(each.mean() + half)


# --- from tables -----------------------------------------------------------------------------------------

_NUMBERS = (
    "target",
    "points",
    "low",
    "high",
    "concerned",
    "fewer",
    "fewer_low",
    "fewer_high",
    "value",
    "value_low",
    "value_high",
    "reached",
    "among",
    "leaving",
)
COLUMNS = ("asked", "factor", "by", "lack", *_NUMBERS, "rows", "customers")


def what_if(
    tables: Tables, study: Study, factors: Collection[str] | None = None, seed: int = 0
) -> pd.DataFrame:
    """What would change if each promise were kept, and if each countable trouble were gone.

    A promised time goes by all waits about it in the exposure window (of several contacts about one issue the
    first); counts, shares and what is any or none go to 0, shares of good things to 1. One at a time: what one
    brings is partly what another brings, so that the rows must not be added up.

    Parameters
    ----------
    factors : collection of str, optional
        Those whose effect is estimated; of others it is only said whether the data reach the target. All
        when None.

    Returns
    -------
    DataFrame
        ``asked`` (name of the promise, or the feature column), ``factor``, ``by`` (``cause``), ``lack`` (see
        ``Change``), ``target`` (seconds, or 0), ``points`` with ``low`` and ``high``: change of the probability of
        leaving among those concerned, in hundredths; per cutoff, how many customers are ``concerned``, how many
        ``fewer`` leave with ``fewer_low`` and ``fewer_high``, and the ``value`` kept with ``value_low`` and
        ``value_high``; ``reached``; ``among`` how many customers a cutoff had in all, and what share of them was
        ``leaving``; ``rows``, ``customers``.
    """
    keys = pd.DataFrame({"customer_id": study.customers, "cutoff": study.cutoffs})
    found = waits(tables, keys, timedelta(days=study.window))
    scale = study.cutoffs.nunique() * study.drawn / study.everyone
    among = (len(study.cutoffs) + study.young) / scale

    def wanted(factor: str) -> bool:
        return factors is None or factor in factors

    rows = [
        _told(
            promise.name,
            promise.factor,
            _kept(promise, found[found["promise"] == promise.name], study, wanted(promise.factor), seed),
            scale,
            among,
            study.leaving,
        )
        for promise in promises_of(tables.config.promises)
        if (found["promise"] == promise.name).any()
    ]
    rows += [
        _told(
            question.column,
            question.factor,
            _gone(question, study, wanted(question.factor), seed),
            scale,
            among,
            study.leaving,
        )
        for question in study.questions
        if not question.reason and question.kind == "lever" and goal(question) is not None
    ]
    table = pd.DataFrame(rows, columns=list(COLUMNS))
    return table.astype(dict.fromkeys(_NUMBERS, float))


def goal(question: Question) -> float | None:
    """Where the treatment of a question would be best: 0 for troubles, 1 for shares of good things; None: unknown."""
    if question.direction == "+" and (question.any or question.unit in ("count", "share", "flag")):
        return 0.0
    return 1.0 if question.direction == "-" and question.unit == "share" and not question.any else None


def _kept(promise: Promise, found: pd.DataFrame, study: Study, estimate: bool, seed: int) -> Change:
    """All waits about one promise at most as long as promised."""
    place, row = np.unique(found["row"].to_numpy(dtype=np.int64), return_inverse=True)
    firsts = context(found[found["first"].astype(bool)])
    controls = _controls(study, promise.factor, place)
    return change(
        study.churned[place],
        found["wait_s"],
        promise.seconds,
        pd.concat([controls, firsts], axis=1),
        study.customers.iloc[place],
        row=row,
        value=_worth(study, place),
        estimate=estimate,
        seed=seed,
    )


def _gone(question: Question, study: Study, estimate: bool, seed: int) -> Change:
    """The treatment of a question at its best."""
    x = study.exposures[question.factor].to_numpy(dtype=np.float64)
    place = np.flatnonzero(~np.isnan(x))
    return change(
        study.churned[place],
        np.abs(x[place] - (goal(question) or 0.0)),
        0.0,
        _controls(study, question.factor, place),
        study.customers.iloc[place],
        value=_worth(study, place),
        estimate=estimate,
        seed=seed,
    )


def _controls(study: Study, factor: str, place: Rows) -> pd.DataFrame:
    """What was known as the exposure window began, and what came before the factor within it."""
    inside = study.inside[list(study.during.get(factor, ()))]
    return pd.concat([part.iloc[place].reset_index(drop=True) for part in (study.before, inside)], axis=1)


def _worth(study: Study, place: Rows) -> Floats | None:
    value = study.value[place]
    return None if np.isnan(value).any() else value


def _told(
    asked: str, factor: str, found: Change, scale: float, among: float, leaving: float
) -> dict[str, Any]:
    concerned = found.rows / scale
    return {
        "asked": asked,
        "factor": factor,
        "by": "cause",
        "lack": found.lack,
        "target": found.target,
        "points": 100 * found.left,
        "low": 100 * found.left_low,
        "high": 100 * found.left_high,
        "concerned": concerned,
        "fewer": -concerned * found.left,
        "fewer_low": -concerned * found.left_high,
        "fewer_high": -concerned * found.left_low,
        "value": -concerned * found.value,
        "value_low": -concerned * found.value_high,
        "value_high": -concerned * found.value_low,
        "reached": found.reached,
        "among": among,
        "leaving": leaving,
        "rows": found.rows,
        "customers": found.customers,
    }


# --- the model's view ------------------------------------------------------------------------------------

_SECONDS = {"s": 1.0, "h": 3600.0, "d": 86400.0}
_QUEUES_END_S = 3600.0


def brought(
    X: pd.DataFrame, labels: Mapping[str, Any], factor: str, limit_s: float | None = None
) -> pd.DataFrame:
    """The features of a factor as they would be, were it at its best or within a promised time.

    Durations are cut at *limit_s*: those in seconds where it is under an hour, those in hours or days where it is
    not, for queues are measured in the one and written answers in the other. Counts and shares of what drives
    away become 0, shares of what keeps become 1. What is missing stays missing.
    """
    found = X.copy()
    for name, label in labels["features"].items():
        if label["factor"] != factor or name not in X:
            continue
        unit, way = label["unit"], label["direction"]
        known = X[name].notna()
        if unit in _SECONDS and way == "+" and limit_s is not None:
            if (unit == "s") == (limit_s < _QUEUES_END_S):
                found[name] = X[name].clip(upper=limit_s / _SECONDS[unit])
        elif way == "+" and unit in ("count", "share", "flag"):
            found[name] = X[name].where(~known, 0)
        elif way == "-" and unit == "share":
            found[name] = X[name].where(~known, 1)
    return found


def replayed(
    asked: pd.DataFrame,
    X: pd.DataFrame,
    labels: Mapping[str, Any],
    ask: Callable[[pd.DataFrame], Floats],
    value: Floats | None = None,
) -> pd.DataFrame:
    """The rows of ``what_if`` as the prediction model sees them: asked twice, as it is and as it would be.

    No interval, and no claim that the one brings about the other. The model knows a factor by all its features
    together: promises of one factor with the same time are one row, ``asked`` naming them all, and there is none
    beside them for the factor's counts and shares. Of a factor that the model never saw there is no row.

    Parameters
    ----------
    asked : DataFrame
        ``asked``, ``factor`` and ``target`` of the rows wanted.
    X : DataFrame of shape (customers, features)
        One cutoff.
    labels : mapping
        As in the bundle.
    ask : callable
        The probabilities of leaving of rows like *X*.
    value : array of shape (customers,), optional
        Money that goes with each customer.

    Returns
    -------
    DataFrame
        As from ``what_if``, with ``by`` = ``model``; those concerned are the customers whose features change.
    """
    before, rows = np.asarray(ask(X), dtype=np.float64), []
    for (factor, target), names in _as_one(asked).items():
        then = brought(X, labels, factor, target or None)
        own = [name for name in X if labels["features"].get(name, {}).get("factor") == factor]
        if not own:
            continue
        here = np.asarray((then[own].ne(X[own]) & X[own].notna()).any(axis=1))
        fall = np.zeros(len(X))
        if here.any():
            fall[here] = before[here] - np.asarray(ask(then[here]), dtype=np.float64)
        rows.append(
            {
                "asked": " ".join(names),
                "factor": factor,
                "by": "model",
                "lack": "",
                "target": target,
                "points": -100 * fall[here].mean() if here.any() else 0.0,
                "concerned": int(here.sum()),
                "fewer": fall.sum(),
                "value": math.nan if value is None else float(fall @ value),
                "among": len(X),
                "leaving": before.mean(),
                "rows": int(here.sum()),
                "customers": int(here.sum()),
            }
        )
    table = pd.DataFrame(rows, columns=list(COLUMNS))
    return table.astype(dict.fromkeys(_NUMBERS, float))


def _as_one(asked: pd.DataFrame) -> dict[tuple[str, float], list[str]]:
    """What the model cannot tell apart: the names by factor and target."""
    found: dict[tuple[str, float], list[str]] = {}
    for name, factor, target in zip(asked["asked"], asked["factor"], asked["target"], strict=True):
        found.setdefault((factor, target), []).append(name)
    promised = {factor for factor, target in found if target}
    return {key: names for key, names in found.items() if key[1] or key[0] not in promised}


def carried(badges: Mapping[str, str]) -> frozenset[str]:
    """The factors whose badge carries the estimate of an effect."""
    return frozenset(factor for factor, badge in badges.items() if badge in ("supported", "contradicted"))


def settled(by_cause: pd.DataFrame, badges: Mapping[str, str]) -> pd.Series[bool]:
    """Which rows of ``what_if`` stand: those of a factor that is estimated, and those that lie beyond the data.

    Of the rest only the model's view can be told (``replayed``). Of a factor that is estimated for one promise it is
    not told for another one with too few waits: the model cannot tell the channels apart, and would show all of the
    factor under the name of one.
    """
    estimated = by_cause["factor"].isin(carried(badges)) & (by_cause["lack"] == "")
    return by_cause["factor"].isin(by_cause.loc[estimated, "factor"]) | (by_cause["lack"] == "beyond")
