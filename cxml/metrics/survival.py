"""How good a forecast of time is: who leaves first, and how likely each has stayed until when.

A customer is observed for a *duration*, in any unit as long as it is one; *event* says whether the
customer left at its end (1) or was only watched no longer (0, censored). Where both happen at the same
time, leaving comes first: a customer censored at 3 is known to have stayed beyond 3. Survival at t is
the probability to stay beyond t. A figure that the data cannot give is NaN, never a guess.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from cxml.errors import DataError, NotEnoughDataError

Floats = NDArray[np.float64]
Counts = NDArray[np.int64]
Flags = NDArray[np.bool_]


@dataclass(frozen=True)
class StepFunction:
    """A curve that is 1 at first and changes at *times*, each time from there on.

    Attributes
    ----------
    times : array of shape (steps,)
        Rising, in the unit of the durations.
    values : array of shape (steps,)
        The curve from that time on.
    """

    times: Floats
    values: Floats

    def at(self, times: ArrayLike) -> Floats:
        """The curve at *times*, of the same shape; after its last step it stays as it is."""
        return np.asarray(np.r_[1.0, self.values][np.searchsorted(self.times, times, side="right")])

    def before(self, times: ArrayLike) -> Floats:
        """The curve just before *times*: what a step at that very time has not yet changed."""
        return np.asarray(np.r_[1.0, self.values][np.searchsorted(self.times, times, side="left")])


def kaplan_meier(duration: ArrayLike, event: ArrayLike) -> StepFunction:
    """Survival of all customers together: the share that stays beyond each time.

    Parameters
    ----------
    duration : array-like of shape (rows,)
        Time observed, not negative.
    event : array-like of shape (rows,)
        1 for left at the end of it, 0 for censored.

    Raises
    ------
    DataError, NotEnoughDataError
        As ``observed``.

    References
    ----------
    Kaplan, Meier (1958), Nonparametric estimation from incomplete observations, JASA 53.

    Examples
    --------
    >>> curve = kaplan_meier([1, 2, 2, 4], [1, 1, 0, 0])
    >>> curve.at([0, 1, 2, 9]).tolist()
    [1.0, 0.75, 0.5, 0.5]
    """
    time, left = observed(duration, event)
    times, leaving, censored = _counts(time, left)
    at_risk = len(time) - np.cumsum(leaving + censored) + leaving + censored
    return StepFunction(times, np.asarray(np.cumprod(1 - leaving / at_risk), dtype=np.float64))


def censoring_curve(duration: ArrayLike, event: ArrayLike) -> StepFunction:
    """The probability to be watched beyond each time: Kaplan-Meier with censoring as the event.

    Whoever leaves at a time is no longer there to be censored at that time. Learn it on the training
    part and pass it to the scores of the test part.

    >>> censoring_curve([1, 2, 2, 4], [1, 1, 0, 0]).at([1, 2, 3, 4]).tolist()
    [1.0, 0.5, 0.5, 0.0]
    """
    time, left = observed(duration, event)
    times, leaving, censored = _counts(time, left)
    at_risk = len(time) - np.cumsum(leaving + censored) + censored
    kept = np.cumprod(1 - censored / np.maximum(at_risk, 1))
    return StepFunction(times, np.asarray(kept, dtype=np.float64))


def brier_score(
    duration: ArrayLike, event: ArrayLike, survival: ArrayLike, times: ArrayLike, censoring: StepFunction
) -> Floats:
    """Mean squared error of survival at each time, as if nobody had been censored.

    Those who left by a time, and those watched beyond it, also stand for those like them who
    were censored before: each counts by the inverse of the probability to have been watched so long.

    Parameters
    ----------
    duration, event : array-like of shape (rows,)
        Of the test part.
    survival : array-like of shape (rows, times)
        Forecast of the probability to stay beyond each time, in [0, 1].
    times : array-like of shape (times,)
        Rising, in the unit of the durations.
    censoring : StepFunction
        ``censoring_curve`` of the training part.

    Returns
    -------
    array of shape (times,)
        0 is perfect; 0.25 is what 0.5 for everybody scores.

    Raises
    ------
    DataError
        Shapes do not fit, or a survival is no probability.
    NotEnoughDataError
        Nobody in training was watched as long as a time asks for.

    References
    ----------
    Graf, Schmoor, Sauerbrei, Schumacher (1999), Assessment and comparison of prognostic
    classification schemes for survival data, Statistics in Medicine 18; Gerds, Schumacher (2006),
    Consistent estimation of the expected Brier score in general survival models with right-censored
    event times, Biometrical Journal 48 (weights just before the event).

    Examples
    --------
    >>> everyone = StepFunction(np.array([9.0]), np.array([0.5]))
    >>> brier_score([1, 3], [1, 1], [[0.5], [0.9]], [2], everyone).round(3).tolist()
    [0.13]
    """
    time, left = observed(duration, event)
    asked = _rising(times)
    chance = _matrix(survival, len(time), len(asked), "survival")
    if chance.min() < 0 or chance.max() > 1:
        raise DataError(
            "survival lies outside [0, 1]",
            where="brier score",
            expected="the probability to stay beyond each time",
            fix="pass what survival_at returns",
        )
    watched, found = _weights(censoring.at(asked), censoring), np.empty(len(asked))
    for k, t in enumerate(asked):
        gone, there = left & (time <= t), time > t
        losses = np.sum(chance[gone, k] ** 2 * _weights(censoring.before(time[gone]), censoring))
        losses += np.sum((1 - chance[there, k]) ** 2) * watched[k]
        found[k] = losses / len(time)
    return found


def integrated_brier_score(
    duration: ArrayLike, event: ArrayLike, survival: ArrayLike, times: ArrayLike, censoring: StepFunction
) -> float:
    """Mean of the Brier score over the span of *times*, by the trapezoidal rule.

    All else is as for ``brier_score``. With a single time it is the score at that time.
    """
    scores, asked = brier_score(duration, event, survival, times, censoring), _rising(times)
    if len(asked) == 1:
        return float(scores[0])
    return float(np.trapezoid(scores, asked) / (asked[-1] - asked[0]))


def concordance(duration: ArrayLike, event: ArrayLike, risk: ArrayLike) -> float:
    """Share of comparable pairs in which the customer with the higher risk leaves first.

    A pair is comparable when one is known to leave before the other: the shorter duration ends with
    leaving, or both are equal and only one leaves. Equal risks count one half. Exact, in
    O(n log^2 n). NaN without a comparable pair.

    Parameters
    ----------
    duration, event : array-like of shape (rows,)
        Time observed, and 1 for left at its end.
    risk : array-like of shape (rows,)
        Higher for those who are expected to leave earlier; only its order counts.

    Raises
    ------
    DataError, NotEnoughDataError
        As ``observed``, or a risk is missing.

    References
    ----------
    Harrell, Califf, Pryor, Lee, Rosati (1982), Evaluating the yield of medical tests, JAMA 247.

    Examples
    --------
    >>> concordance([1, 2, 3], [1, 1, 0], [0.9, 0.2, 0.5])
    0.6666666666666666
    """
    time, left = observed(duration, event)
    scores = _matrix(risk, len(time), 1, "risk")[:, 0]
    rank = np.unique(scores, return_inverse=True)[1].astype(np.int64)
    # Those who leave together are one block and are not compared; sorted by rank, none of them comes
    # after another of the same block with a higher rank.
    order = np.lexsort((rank, ~left, time))
    rank, time, left = rank[order], time[order], left[order]
    starts = np.r_[True, (time[1:] != time[:-1]) | (left[1:] != left[:-1])]
    block = np.cumsum(starts) - 1
    later = len(time) - np.searchsorted(block, block, side="right")
    pairs = int(later[left].sum())
    if not pairs:
        return float("nan")
    lower = int(_later_and_lower(rank)[left].sum())
    key = rank * (block[-1] + 1) + block
    keys = np.sort(key)
    equal = np.searchsorted(np.sort(rank), rank, side="right") - np.searchsorted(keys, key, side="right")
    return (lower + int(equal[left].sum()) / 2) / pairs


def time_dependent_auc(
    duration: ArrayLike, event: ArrayLike, risk: ArrayLike, times: ArrayLike, censoring: StepFunction
) -> Floats:
    """How well the risk tells those who have left by each time from those who stay beyond it.

    Cumulative cases, dynamic controls. Cases count by the inverse of the probability to have been
    watched until they left. Equal risks count one half.

    Parameters
    ----------
    duration, event, times, censoring
        As for ``brier_score``.
    risk : array-like of shape (rows,) or (rows, times)
        Higher for those who are expected to leave earlier: one for all times, or one per time.

    Returns
    -------
    array of shape (times,)
        NaN at a time by which nobody has left, or which nobody is seen to pass.

    Raises
    ------
    DataError, NotEnoughDataError
        As ``brier_score``.

    References
    ----------
    Uno, Cai, Tian, Wei (2007), Evaluating prediction rules for t-year survivors with censored
    regression models, JASA 102; Heagerty, Zheng (2005), Survival model predictive accuracy and ROC
    curves, Biometrics 61 (the names of cases and controls).

    Examples
    --------
    >>> always = StepFunction(np.array([9.0]), np.array([0.5]))
    >>> time_dependent_auc([1, 2, 3, 4], [1, 1, 1, 0], [9, 5, 6, 1], [1, 2], always).tolist()
    [1.0, 0.75]
    """
    (time, left), asked = observed(duration, event), _rising(times)
    columns = 1 if np.ndim(risk) == 1 else len(asked)
    scores = np.broadcast_to(_matrix(risk, len(time), columns, "risk"), (len(time), len(asked)))
    found = np.full(len(asked), np.nan)
    for k, t in enumerate(asked):
        case, control = left & (time <= t), np.sort(scores[time > t, k])
        if not case.any() or not len(control):
            continue
        weight, mine = _weights(censoring.before(time[case]), censoring), scores[case, k]
        below = np.searchsorted(control, mine, side="left") + np.searchsorted(control, mine, side="right")
        found[k] = np.sum(weight * below / 2) / (weight.sum() * len(control))
    return found


def observed(duration: ArrayLike, event: ArrayLike) -> tuple[Floats, Flags]:
    """Durations and flags of events as arrays, after everything impossible is refused.

    Raises
    ------
    DataError
        Lengths differ, a duration is missing or negative, or an event is neither 0 nor 1.
    NotEnoughDataError
        There is no row.
    """
    time, left = np.asarray(duration, dtype=np.float64), np.asarray(event, dtype=np.float64)
    if time.ndim != 1 or time.shape != left.shape:
        raise DataError(
            f"duration has shape {time.shape}, event {left.shape}",
            where="durations",
            expected="two equally long columns",
            fix="pass both columns of the same rows",
        )
    if not len(time):
        raise NotEnoughDataError(
            "there is no row", where="durations", expected="at least one customer", fix="take other cutoffs"
        )
    wrong = int((~np.isfinite(time) | (time < 0)).sum()), int((~np.isin(left, (0.0, 1.0))).sum())
    if any(wrong):
        raise DataError(
            f"{wrong[0]:,} durations are missing, infinite or negative; {wrong[1]:,} events are not 0 or 1",
            where="durations",
            expected="a time of at least 0, and whether the customer left at its end",
            fix="leave out customers whose start is not known",
        )
    return time, left == 1


def _counts(time: Floats, left: Flags) -> tuple[Floats, Counts, Counts]:
    """The different times, and how many leave and how many are censored at each."""
    times, which = np.unique(time, return_inverse=True)
    leaving = np.bincount(which[left], minlength=len(times))
    return times, leaving, np.bincount(which[~left], minlength=len(times))


def _later_and_lower(rank: Counts) -> Counts:
    """How many later entries have a lower rank, for each entry.

    Bit by bit from the highest: a pair is counted at the first bit in which its two ranks differ,
    while entries with the same higher bits stand together in their old order.
    """
    found, place, value = np.zeros(len(rank), dtype=np.int64), np.arange(len(rank)), rank
    for bit in reversed(range(int(rank.max()).bit_length())):
        high, one = value >> (bit + 1), (value >> bit) & 1 == 1
        zeros = np.cumsum(~one)
        end = np.searchsorted(high, high, side="right") - 1
        found[place[one]] += (zeros[end] - zeros)[one]
        order = np.argsort(value >> bit, kind="stable")
        place, value = place[order], value[order]
    return found


def _weights(watched: Floats, censoring: StepFunction) -> Floats:
    """The inverse of probabilities to be watched, none of which may be 0."""
    if not (watched > 0).all():
        raise NotEnoughDataError(
            "nobody in training was watched as long as a score asks for",
            where="censoring weights",
            expected=f"times before {censoring.times[censoring.values <= 0][0]:g}",
            fix="ask for earlier times",
        )
    return 1 / watched


def _rising(times: ArrayLike) -> Floats:
    asked = np.atleast_1d(np.asarray(times, dtype=np.float64))
    if asked.ndim != 1 or not len(asked) or not np.isfinite(asked).all() or (np.diff(asked) <= 0).any():
        raise DataError(
            "times do not rise",
            where="times",
            expected="different finite times in rising order",
            fix="sort them",
        )
    return asked


def _matrix(values: ArrayLike, rows: int, columns: int, name: str) -> Floats:
    """Finite forecasts of shape (rows, columns); a single column may come flat."""
    found = np.asarray(values, dtype=np.float64)
    found = found[:, None] if found.ndim == 1 else found
    if found.shape != (rows, columns) or not np.isfinite(found).all():
        raise DataError(
            f"{name} has shape {np.shape(values)} and {int((~np.isfinite(found)).sum()):,} missing values",
            where=name,
            expected=f"a finite number for each of {rows:,} rows and {columns:,} times",
            fix="pass forecasts of the same rows and times",
        )
    return found
