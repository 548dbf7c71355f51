"""What a customer brings if they stay: what is lost when they leave, and what a contact can keep.

The value target adds up the whole label window, also of those who leave in it: of a leaver it holds what came before they
left, which is nothing where leaving is silence. So the expected value already counts that some leave,

    expected = (1 - p) * stays + p * leavers_bring * stays,

and p x expected would count it twice. Of contracts ``stays`` is found from this. Where staying means buying
(``inactivity`` and ``rhythm`` with orders among the activity) and purchase models know how often and for how much a
customer buys, it is their pace, :meth:`cxml.models.value.ValueRegressor.pace`, and never less than what is expected: the
few who came back after such a silence say little of those who did not, since seldom buyers are silent most.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import brentq

Floats = NDArray[np.float64]
_LEAST = 0.1
"""Least share of its value if it stays that a forecast is taken to hold: where hardly anybody stays, nobody knows what
those who do would bring, and a small error would be multiplied without end."""
_ENOUGH = 10


def if_they_stay(expected: ArrayLike, probability: ArrayLike, leavers_bring: float) -> Floats:
    """Expected value (money) of customers who stay.

    Parameters
    ----------
    expected : array of shape (rows,)
        Expected value, leaving included (money).
    probability : array of shape (rows,)
        Churn probability.
    leavers_bring : float
        Share in [0, 1] of their value if they stay that leavers bring: ``leavers_bring`` measures it.

    Examples
    --------
    >>> if_they_stay([80.0, 80.0, 1.0], [0.2, 0.2, 0.99], 0.0).tolist()
    [100.0, 100.0, 10.0]
    >>> if_they_stay([90.0], [0.2], 0.5).tolist()
    [100.0]
    """
    value, p = np.asarray(expected, dtype=np.float64), np.asarray(probability, dtype=np.float64)
    return np.asarray(value / np.maximum(1 - (1 - leavers_bring) * p, _LEAST))


def leavers_bring(expected: ArrayLike, probability: ArrayLike, churned: ArrayLike, value: ArrayLike) -> float:
    """The share of their value if they stay that leavers brought, so that it meets what they brought in all.

    Parameters
    ----------
    expected, probability : arrays of shape (rows,)
        Forecasts for rows that the models did not learn from.
    churned, value : arrays of shape (rows,)
        What came: 1 or 0, and money.

    Returns
    -------
    float
        In [0, 1]. With fewer than ten leavers nobody knows, and it is 1: the value is taken as it is expected.

    Examples
    --------
    >>> leavers_bring([80.0] * 50, [0.2] * 50, [1] * 10 + [0] * 40, [0.0] * 10 + [100.0] * 40)
    0.0
    >>> round(leavers_bring([90.0] * 50, [0.2] * 50, [1] * 10 + [0] * 40, [50.0] * 10 + [100.0] * 40), 6)
    0.5
    """
    left = np.asarray(churned).astype(bool)
    if left.sum() < _ENOUGH:
        return 1.0
    worth, p = np.asarray(expected, dtype=np.float64)[left], np.asarray(probability, dtype=np.float64)[left]
    brought = float(np.asarray(value, dtype=np.float64)[left].sum())

    def beyond(share: float) -> float:
        return share * float(if_they_stay(worth, p, share).sum()) - brought

    if beyond(0.0) >= 0:
        return 0.0
    return 1.0 if beyond(1.0) <= 0 else float(brentq(beyond, 0.0, 1.0))
