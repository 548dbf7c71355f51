"""What a ranking of customers is worth: profit of a retention campaign, gain and lift.

A campaign contacts the customers with the highest scores. Each contact costs *contact_cost*. Who would
have left stays with probability *save_rate*, takes the offer and keeps the value; who would have stayed
takes the offer too. One contact therefore brings::

    churned:   save_rate * (value - offer_cost) - contact_cost
    stayed:                       - offer_cost  - contact_cost

as in :func:`cxml.decisions.call_plan.expected_profit`, with the outcome known. Only the order of the scores counts;
equal scores share what they bring, so nothing here depends on the order of the rows.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import isotonic_regression
from scipy.special import betainc

from cxml.errors import ConfigError, DataError

Floats = NDArray[np.float64]
_WHERE = "campaign profit"


class MaximumProfit(NamedTuple):
    """The best a ranking can bring: *profit* (money per customer of the list), *fraction* to contact."""

    profit: float
    fraction: float


class ProfitCurve(NamedTuple):
    """Profit of contacting the first ``k`` customers, and what knowing the outcome would bring.

    Attributes
    ----------
    profit, ceiling : arrays of shape (rows + 1,)
        Money in total, by the number contacted (position 0: nobody); by score, and in the best order
        that the outcomes allow. ``ceiling`` is nowhere below ``profit``.
    best_k, ceiling_k : int
        The smallest number contacted that brings the most.
    best_profit, ceiling_profit : float
        Money at those numbers, never negative: to contact nobody brings 0.
    """

    profit: Floats
    best_k: int
    best_profit: float
    ceiling: Floats
    ceiling_k: int
    ceiling_profit: float


class GainCurve(NamedTuple):
    """Share of all churned found (*gain*) by share contacted (*share*), and the exact *area* below it."""

    share: Floats
    gain: Floats
    area: float


class LiftCurve(NamedTuple):
    """Churn rate among the share contacted over that of all customers (*lift*), by *share*."""

    share: Floats
    lift: Floats


def empc(
    y: ArrayLike,
    p: ArrayLike,
    *,
    clv: float = 200.0,
    contact_cost: float = 1.0,
    offer_cost: float = 10.0,
    alpha: float = 6.0,
    beta: float = 14.0,
) -> MaximumProfit:
    """Expected maximum profit of a retention campaign, the save rate being uncertain.

    The save rate follows Beta(*alpha*, *beta*), and for each save rate the campaign contacts the fraction
    that is best for it. Profit is linear in the save rate, so the best fractions are corners of the convex
    hull of the ROC curve; between the save rates at which the best corner changes, incomplete beta
    functions give the integral exactly. The hull is the isotonic fit of the outcomes on the scores.

    Parameters
    ----------
    y : array-like of shape (rows,)
        1 for churned, 0 for stayed.
    p : array-like of shape (rows,)
        Scores, high for likely to churn; a probability or any increasing function of it.
    clv : float
        Money that one customer who stays brings, the same for all.
    contact_cost, offer_cost : float
        Money per contact, and per offer taken. At least 0.
    alpha, beta : float
        Shape of the save rate's distribution, above 0. Its mean is ``alpha / (alpha + beta)``.

    Returns
    -------
    MaximumProfit
        ``profit``, the expected maximum in money per customer of the list, never negative; ``fraction``,
        the expected best part of the list to contact, in [0, 1].

    Raises
    ------
    DataError
        Lengths differ, a row holds no finite number, an outcome is neither 0 nor 1.
    ConfigError
        A parameter is no finite number or lies outside its range.

    References
    ----------
    Verbraken, Verbeke, Baesens (2013), A novel profit maximizing metric for measuring classification
    performance of customer churn prediction models, IEEE Transactions on Knowledge and Data Engineering
    25(5), 961-973; Fawcett, Niculescu-Mizil (2007), PAV and the ROC convex hull, Machine Learning 68.

    Examples
    --------
    >>> found = empc([0, 1, 0, 1, 0, 1, 0, 1], [0.1, 0.2, 0.3, 0.4, 0.5, 0.7, 0.8, 0.9])
    >>> round(found.profit, 3), round(found.fraction, 3)
    (23.876, 0.874)
    """
    worth = _number("clv", clv)
    contact, offer = _number("contact_cost", contact_cost), _number("offer_cost", offer_cost)
    a, b = _number("alpha", alpha, above=True), _number("beta", beta, above=True)
    outcome, score = _columns(y=y, p=p)
    contacted, churned = _hull(*_steps(score, outcome))
    gained = (worth - offer) * churned
    spent = contact * contacted + offer * (contacted - churned)
    edges = _change_points(gained, spent)
    mass = np.diff(betainc(a, b, edges))
    rate = a / (a + b) * np.diff(betainc(a + 1, b, edges))
    rows = len(outcome)
    # Rounding may leave the last digit outside the range.
    profit, best = float(rate @ gained - mass @ spent), float(mass @ contacted)
    return MaximumProfit(max(0.0, profit) / rows, min(best / rows, 1.0))


def maximum_profit(
    y: ArrayLike,
    p: ArrayLike,
    *,
    clv: float = 200.0,
    contact_cost: float = 1.0,
    offer_cost: float = 10.0,
    save_rate: float = 0.3,
) -> MaximumProfit:
    """Maximum profit of a retention campaign whose save rate is known.

    Parameters
    ----------
    y, p, clv, contact_cost, offer_cost
        As for :func:`empc`.
    save_rate : float
        Share of leavers who stay when contacted, in [0, 1].

    Returns
    -------
    MaximumProfit
        ``profit``, the maximum in money per customer of the list, never negative; ``fraction``, the
        smallest part of the list that reaches it. Equal scores are contacted together or not at all.

    Raises
    ------
    DataError, ConfigError
        As for :func:`empc`.

    References
    ----------
    Verbeke, Dejaeger, Martens, Hur, Baesens (2012), New insights into churn prediction in the
    telecommunication sector, European Journal of Operational Research 218(1), 211-229.

    Examples
    --------
    >>> found = maximum_profit([1, 1, 0, 0], [0.9, 0.6, 0.4, 0.1], save_rate=0.5)
    >>> found.profit, found.fraction
    (47.0, 0.5)
    """
    worth, rate = _number("clv", clv), _number("save_rate", save_rate, at_most=1.0)
    contact, offer = _number("contact_cost", contact_cost), _number("offer_cost", offer_cost)
    outcome, score = _columns(y=y, p=p)
    contacted, churned = _steps(score, outcome)
    profit = rate * (worth - offer) * churned - contact * contacted - offer * (contacted - churned)
    best, rows = int(np.argmax(profit)), len(outcome)
    return MaximumProfit(max(0.0, float(profit[best])) / rows, float(contacted[best]) / rows)


def profit_curve(
    y: ArrayLike, p: ArrayLike, value: ArrayLike, *, contact_cost: float, offer_cost: float, save_rate: float
) -> ProfitCurve:
    """Profit of contacting the first ``k`` customers, each with a value of their own.

    Parameters
    ----------
    y, p : array-like of shape (rows,)
        As for :func:`empc`; an expected profit orders the list as well as a churn probability does.
    value : array-like of shape (rows,)
        Money that the customer brings by staying; may be negative. It counts for churned customers only,
        yet is needed in every row.
    contact_cost, offer_cost : float
        Money per contact, and per offer taken. At least 0.
    save_rate : float
        Share of leavers who stay when contacted, in [0, 1].

    Returns
    -------
    ProfitCurve
        Totals in money. Inside a group of equal scores the curve is the mean over all orders of the
        group, a straight line, so the best number never lies inside one.

    Raises
    ------
    DataError, ConfigError
        As for :func:`empc`.

    References
    ----------
    Neslin, Gupta, Kamakura, Lu, Mason (2006), Defection detection, Journal of Marketing Research 43(2);
    Lemmens, Gupta (2020), Managing churn to maximize profits, Marketing Science 39(5).

    Examples
    --------
    >>> found = profit_curve([1, 0, 1], [0.9, 0.5, 0.2], [100.0, 80.0, 300.0],
    ...                      contact_cost=1, offer_cost=10, save_rate=0.5)
    >>> found.profit.tolist(), found.best_k
    ([0.0, 44.0, 33.0, 177.0], 3)
    >>> found.ceiling.tolist(), found.ceiling_k
    ([0.0, 144.0, 188.0, 177.0], 2)
    """
    rate = _number("save_rate", save_rate, at_most=1.0)
    contact, offer = _number("contact_cost", contact_cost), _number("offer_cost", offer_cost)
    outcome, score, worth = _columns(y=y, p=p, value=value)
    each = np.where(outcome == 1, rate * (worth - offer), -offer) - contact
    contacted, total = _steps(score, each)
    ceiling = np.r_[0.0, np.cumsum(np.sort(each)[::-1])]
    best, ceiling_k = int(np.argmax(total)), int(np.argmax(ceiling))
    return ProfitCurve(
        profit=np.interp(np.arange(len(each) + 1), contacted, total),
        best_k=int(contacted[best]),
        best_profit=float(total[best]),
        ceiling=ceiling,
        ceiling_k=ceiling_k,
        ceiling_profit=float(ceiling[ceiling_k]),
    )


def gain_curve(y: ArrayLike, p: ArrayLike, *, shares: ArrayLike | None = None) -> GainCurve:
    """Share of all churned that is found by contacting a share of the customers, the riskiest first.

    Parameters
    ----------
    y, p : array-like of shape (rows,)
        As for :func:`empc`. Equal scores are averaged over all their orders.
    shares : array-like of shape (points,), optional
        Parts of the customers in [0, 1]; 0, 0.01, ..., 1 unless given.

    Returns
    -------
    GainCurve
        ``share`` and ``gain``, both of shape (points,); ``area`` below the whole curve, whatever the
        *shares*: 1/2 for a random order, ``1 - r/2`` for a perfect one with a churn rate of ``r``, and
        ``r/2 + (1 - r) * AUC`` in general. NaN where nobody churned.

    Raises
    ------
    DataError, ConfigError
        As for :func:`empc`; a share lies outside [0, 1].

    References
    ----------
    Ling, Li (1998), Data mining for direct marketing, KDD-98, 73-79.

    Examples
    --------
    >>> found = gain_curve([1, 0, 1, 0], [0.9, 0.6, 0.6, 0.1], shares=[0, 0.25, 0.5, 1])
    >>> found.gain.tolist(), found.area
    ([0.0, 0.5, 0.75, 1.0], 0.6875)
    """
    grid = np.linspace(0, 1, 101) if shares is None else _grid(shares)
    outcome, score = _columns(y=y, p=p)
    contacted, churned = _steps(score, outcome)
    if not churned[-1]:
        return GainCurve(grid, np.full(len(grid), np.nan), float("nan"))
    area = float(np.trapezoid(churned, contacted)) / (len(outcome) * float(churned[-1]))
    return GainCurve(grid, np.interp(grid * len(outcome), contacted, churned) / churned[-1], area)


def lift_curve(y: ArrayLike, p: ArrayLike, *, shares: ArrayLike | None = None) -> LiftCurve:
    """How many times more churned are found than by chance, by the share of the customers contacted.

    Parameters
    ----------
    y, p, shares
        As for :func:`gain_curve`, the shares in (0, 1]; 0.01, 0.02, ..., 1 unless given.

    Returns
    -------
    LiftCurve
        ``share`` and ``lift`` (gain / share), both of shape (points,). NaN where nobody churned.

    Raises
    ------
    DataError, ConfigError
        As for :func:`empc`; a share lies outside (0, 1].

    References
    ----------
    Ling, Li (1998), Data mining for direct marketing, KDD-98, 73-79.

    Examples
    --------
    >>> lift_curve([1, 0, 1, 0], [0.9, 0.6, 0.6, 0.1], shares=[0.25, 0.5, 1]).lift.tolist()
    [2.0, 1.5, 1.0]
    """
    grid = np.linspace(0.01, 1, 100) if shares is None else _grid(shares, above=True)
    return LiftCurve(grid, gain_curve(y, p, shares=grid).gain / grid)


def _steps(score: Floats, worth: Floats) -> tuple[Floats, Floats]:
    """Rows and their summed *worth* down to each distinct score, the highest first; both begin with 0."""
    # Sorted by worth inside equal scores: then the sums round alike whatever the order of the rows.
    order = np.lexsort((worth, -score))
    ranked = score[order]
    ends = np.flatnonzero(np.r_[ranked[1:] != ranked[:-1], True])
    return np.r_[0.0, ends + 1.0], np.r_[0.0, np.cumsum(worth[order])[ends]]


def _hull(contacted: Floats, churned: Floats) -> tuple[Floats, Floats]:
    """The corners of the concave hull of the steps: what pooling adjacent violators leaves."""
    rows = np.diff(contacted)
    pooled = isotonic_regression(np.diff(churned) / rows, weights=rows, increasing=False)
    corners: NDArray[np.intp] = pooled.blocks
    return contacted[corners], churned[corners]


def _change_points(gained: Floats, spent: Floats) -> Floats:
    """Save rates from 0 to 1 between which one corner of the hull is the best, in the corners' order."""
    more, dearer = np.diff(gained), np.diff(spent)
    # A step that saves no money is worth no contact, whatever the save rate.
    rate = np.divide(dearer, more, out=np.full(len(more), np.inf), where=more > 0)
    points: Floats = np.r_[0.0, np.clip(rate, 0.0, 1.0), 1.0]
    return points


def _columns(**given: ArrayLike) -> list[Floats]:
    """The columns as numbers: equally long, complete, outcomes 0 or 1."""
    try:
        columns = {name: np.asarray(column, dtype=np.float64) for name, column in given.items()}
    except (TypeError, ValueError):
        raise _unfit("a column holds something that is no number") from None
    shapes = {column.shape for column in columns.values()}
    if len(shapes) > 1 or any(len(shape) != 1 or not shape[0] for shape in shapes):
        raise _unfit(", ".join(f"{name} has shape {column.shape}" for name, column in columns.items()))
    missing = {name: int((~np.isfinite(column)).sum()) for name, column in columns.items()}
    if any(missing.values()):
        raise _unfit("missing or infinite: " + ", ".join(f"{n} of {name}" for name, n in missing.items()))
    if not np.isin(columns["y"], (0.0, 1.0)).all():
        raise _unfit("an outcome is neither 0 nor 1")
    return list(columns.values())


def _unfit(what: str) -> DataError:
    return DataError(
        what,
        where=_WHERE,
        expected="equally long columns, a finite number in every row, 1 for churned, 0 for stayed",
        fix="pass the columns of the same rows, without rows whose outcome or value is not known",
    )


def _number(name: str, given: float, *, above: bool = False, at_most: float = np.inf) -> float:
    """One finite number from 0 (or *above* it) to *at_most*."""
    number = np.asarray(given)
    fine = number.ndim == 0 and number.dtype.kind in "iuf" and bool(np.isfinite(number))
    if not fine or number < 0 or (above and number == 0) or number > at_most:
        most = f" and at most {at_most:g}" if np.isfinite(at_most) else ""
        raise ConfigError(
            f"{name} is no number in its range",
            where=_WHERE,
            expected=f"one number {'above 0' if above else 'of at least 0'}{most}",
            fix=f"correct {name}; for a value per customer there is profit_curve",
        )
    return float(number)


def _grid(shares: ArrayLike, *, above: bool = False) -> Floats:
    grid = np.array(shares, dtype=np.float64)
    fine = grid > 0 if above else grid >= 0
    if grid.ndim != 1 or not (fine & (grid <= 1)).all():
        raise ConfigError(
            "shares must be a list of parts of the customers",
            where="gain and lift",
            expected=f"numbers in {'(' if above else '['}0, 1]",
            fix="write 0.1 for the riskiest tenth",
        )
    return grid
