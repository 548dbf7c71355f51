"""How long a customer stays from here, and what that is worth beyond the horizon.

The churn model says how likely a customer leaves within the horizon, the survival model how leaving is spread
over time. Within the horizon the curve used here has the shape of the second and meets the first; beyond it the
second speaks alone: this month's trouble and this month's season do not last for years.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from cxml.models.boosted_trees import BoostedTrees
from cxml.models.calibration import number
from cxml.models.schema import Schema
from cxml.models.survival import SurvivalClassifier

Floats = NDArray[np.float64]
YEAR = 365.0


@dataclass(frozen=True, eq=False)
class Lifetime:
    """Remaining lifetime and lifetime value of each customer.

    Beyond the last period that was learned, a customer leaves at the mean rate of the later half of what
    was learned: it is an extrapolation, and the longer *days* are, the more of the answer rests on it.

    Attributes
    ----------
    survival : SurvivalClassifier
        Fitted on durations in days.
    horizon : float
        Days that the churn probability and the expected value speak of.
    days : float
        How far ahead a lifetime is counted; later time adds nothing.
    discount_rate : float
        A year: money at day d counts (1 + rate) ** (-d / 365), as in the expected value itself.

    References
    ----------
    Gupta, Lehmann, Stuart (2004), Valuing customers, Journal of Marketing Research 41 (margin times
    retention, discounted).
    """

    survival: SurvivalClassifier
    horizon: float
    days: float
    discount_rate: float

    def predict(
        self, X: pd.DataFrame | ArrayLike, churn_probability: ArrayLike, expected_value: ArrayLike
    ) -> pd.DataFrame:
        """``expected_lifetime_days`` (within *days*) and ``lifetime_value`` (money), one row per row.

        The lifetime value is the expected value of the horizon times the ratio of discounted days with the
        customer until *days* to those within the horizon: money comes as evenly as it does at first.

        Parameters
        ----------
        X : DataFrame or array of shape (rows, features)
        churn_probability : array of shape (rows,)
            Within the horizon.
        expected_value : array of shape (rows,)
            Money within the horizon; NaN gives NaN.
        """
        curve = self.curve(X, churn_probability)
        discount = np.log1p(self.discount_rate) / YEAR
        far, near = curve.area(self.days, discount), curve.area(self.horizon, discount)
        value = np.asarray(expected_value, dtype=np.float64) * far / near
        return pd.DataFrame({"expected_lifetime_days": curve.area(self.days), "lifetime_value": value})

    def to_dict(self) -> dict[str, Any]:
        """What is needed beside the trees of the survival model and its schema, as JSON values."""
        numbers = {"horizon": self.horizon, "days": self.days, "discount_rate": self.discount_rate}
        return {**self.survival.to_dict(), **numbers}

    @classmethod
    def from_parts(cls, boosted: BoostedTrees, raw: Any, schema: Schema, num_threads: int = 0) -> Lifetime:
        """Made of stored parts: trees, the values of ``to_dict`` and the schema.

        Raises
        ------
        ModelError
            The values are damaged.
        """
        survival = SurvivalClassifier.from_parts(boosted, raw, schema, num_threads)
        horizon, days = (number(raw, name, least=0.0) for name in ("horizon", "days"))
        return cls(survival, horizon, days, number(raw, "discount_rate", least=-1.0))

    def curve(self, X: pd.DataFrame | ArrayLike, churn_probability: ArrayLike) -> Curve:
        """The survival curve of each row, whose chance to have left by the horizon is *churn_probability*."""
        shape = Curve.of(self.survival.ends_, self.survival.survival(X))
        p = np.clip(np.asarray(churn_probability, dtype=np.float64), 1e-12, 1 - 1e-12)
        return shape.meeting(-np.log1p(-p), self.horizon)


@dataclass(frozen=True, eq=False)
class Curve:
    """Survival of rows as rates of leaving, constant between *begins* and from the last one on.

    Attributes
    ----------
    begins : array of shape (periods,)
        Rising days; the first is 0.
    rates : array of shape (rows, periods)
        Leaving per day and customer who stayed so far.
    """

    begins: Floats
    rates: Floats

    @classmethod
    def of(cls, ends: Floats, survival: Floats) -> Curve:
        """The curve through *survival* (rows, periods) at the *ends*, going on at its later half's mean rate."""
        kept = ends > 0
        begins = np.r_[0.0, ends[kept]]
        fallen = np.column_stack([np.zeros(len(survival)), -np.log(np.clip(survival[:, kept], 1e-300, 1.0))])
        rates = np.diff(fallen, axis=1) / np.diff(begins)
        middle = int(np.searchsorted(begins, begins[-1] / 2, side="right")) - 1
        later = (fallen[:, -1] - fallen[:, middle]) / (begins[-1] - begins[middle])
        return cls(begins, np.column_stack([rates, later]))

    def meeting(self, fallen: Floats, day: float) -> Curve:
        """The curve with a cumulative rate of *fallen* (rows,) at *day*: same shape before, same rates after it."""
        now = self.fallen(day)
        factor = np.divide(fallen, now, out=np.ones_like(now), where=now > 0)
        begins = np.union1d(self.begins, [day])
        rates = self.rates[:, np.searchsorted(self.begins, begins, side="right") - 1]
        return Curve(begins, np.where(begins < day, factor[:, None] * rates, rates))

    def fallen(self, day: float) -> Floats:
        """Cumulative rate until *day*: minus the logarithm of survival."""
        return _added(self.rates * np.clip(day - self.begins, 0.0, self._widths()))

    def at(self, days: ArrayLike) -> Floats:
        """Survival at each of *days*: shape (rows, days)."""
        asked = np.atleast_1d(np.asarray(days, dtype=np.float64))
        return np.asarray(np.exp(-np.column_stack([self.fallen(float(day)) for day in asked])))

    def area(self, until: float, discount: float = 0.0) -> Floats:
        """Days until *until* that are expected with the customer, discounted at that continuous rate a day."""
        widths = np.clip(until - self.begins, 0.0, self._widths())
        whole = np.where(np.isfinite(self._widths()), self._widths(), 0.0)
        falling = self.rates + discount
        before = np.column_stack([np.zeros(len(self.rates)), np.cumsum(falling * whole, axis=1)[:, :-1]])
        drop = falling * widths
        # (1 - e^-x) / x, which tends to 1 as x tends to nothing.
        share = np.divide(-np.expm1(-drop), drop, out=np.ones_like(drop), where=drop > 0)
        return _added(np.exp(-before) * share * widths)

    def _widths(self) -> Floats:
        return np.asarray(np.r_[np.diff(self.begins), np.inf])


def _added(parts: Floats) -> Floats:
    """The sum of each row, one column after another: the same for any number of rows."""
    total: Floats = np.zeros(len(parts))
    for column in parts.T:
        total += column
    return total
