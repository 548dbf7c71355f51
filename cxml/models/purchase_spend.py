"""What a purchase brings (Gamma-Gamma), and the numbers of each customer that purchase models take."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from scipy.special import digamma, gammaln

from cxml.errors import DataError, NotEnoughDataError
from cxml.models.purchase_checks import check_parameters, checked_numbers, numbers
from cxml.models.purchase_counts import fitted
from cxml.models.purchase_rows import daily_purchases

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class GammaGamma:
    """Gamma-Gamma: a customer's purchases scatter by a gamma law around a mean that varies by another.

    Attributes
    ----------
    p : float
        Shape of the spend of one purchase within a customer.
    q, gamma : float
        Shape and rate of the gamma distribution of the customers' rates; gamma in money.

    References
    ----------
    Fader, Hardie (2013), The Gamma-Gamma model of monetary value (brucehardie.com/notes/025); Colombo,
    Jiang (1999), A stochastic RFM model, Journal of Interactive Marketing 13(3).

    Examples
    --------
    >>> model = GammaGamma(p=6.25, q=3.74, gamma=15.44)
    >>> model.expected_spend([0, 1, 8], [0.0, 60.0, 60.0]).round(2)
    array([35.22, 52.45, 58.71])
    """

    p: float
    q: float
    gamma: float

    def __post_init__(self) -> None:
        check_parameters(self)

    @classmethod
    def fit(cls, frequency: ArrayLike, mean_spend: ArrayLike) -> Self:
        """The parameters of greatest likelihood, with q above 1 so that a mean of all customers exists.

        Parameters
        ----------
        frequency : array-like of shape (customers,)
            Purchases that *mean_spend* is the mean of, 0 or more.
        mean_spend : array-like of shape (customers,)
            Mean money of those purchases; anything, missing too, where there is none. Customers whose
            purchases were all free say nothing about spend and are left out.

        Raises
        ------
        DataError
            Lengths differ, or a number is missing or negative.
        NotEnoughDataError
            Fewer than two different means above 0.
        ModelError
            The likelihood is not finite anywhere the search went.
        """
        x, mean = _checked_spend(frequency, mean_spend)
        x, mean = x[mean > 0], mean[mean > 0]
        if len(np.unique(mean)) < 2:
            raise NotEnoughDataError(
                "fewer than two customers differ in what they spend",
                where="GammaGamma.fit",
                expected="customers with purchases of more than 0",
                fix="observe longer, or use a mean",
            )
        unit = float(mean.mean())
        rows, counts = np.unique(np.column_stack([x, mean / unit]), axis=0, return_counts=True)
        x, mean, weight = *rows.T, counts / counts.sum()

        def loss(theta: Floats) -> tuple[float, Floats]:
            p, beyond_one, gamma = values = np.exp(theta)
            model = cls(p, 1 + beyond_one, gamma)
            return -float(weight @ model._log_density(x, mean)), -values * (model._slopes(x, mean) @ weight)

        p, beyond_one, gamma = fitted(loss, ((2.0, 2.0, 1.0), (10.0, 0.5, 0.1)))
        return cls(float(p), float(1 + beyond_one), float(gamma * unit))

    def log_likelihood(self, frequency: ArrayLike, mean_spend: ArrayLike) -> Floats:
        """Logarithm of each customer's density of *mean_spend*, shape (customers,): 0 without a purchase.

        Minus infinity where all purchases were free. DataError as in :meth:`fit`.
        """
        x, mean = _checked_spend(frequency, mean_spend)
        found = np.where(x > 0, -np.inf, 0.0)
        known = mean > 0
        found[known] = self._log_density(x[known], mean[known])
        return found

    def expected_spend(self, frequency: ArrayLike, mean_spend: ArrayLike) -> Floats:
        """Expected money of a customer's next purchase, shape (customers,).

        Between the mean of all customers, which one without a purchase gets, and the own mean, nearer to
        it with every purchase. Infinite where q <= 1 leaves no mean. DataError as in :meth:`fit`.
        """
        x, mean = _checked_spend(frequency, mean_spend)
        known = self.p * x + self.q - 1
        with np.errstate(divide="ignore"):
            return np.where(known > 0, self.p * (self.gamma + x * mean) / np.maximum(known, 0.0), np.inf)

    def _log_density(self, x: Floats, mean: Floats) -> Floats:
        p, q, gamma = self.p, self.q, self.gamma
        shape = p * x
        density = (
            gammaln(shape + q)
            - gammaln(shape)
            - gammaln(q)
            + q * np.log(gamma)
            + (shape - 1) * np.log(mean)
            + shape * np.log(x)
            - (shape + q) * np.log(gamma + x * mean)
        )
        return np.asarray(density)

    def _slopes(self, x: Floats, mean: Floats) -> Floats:
        """Derivatives of the log-density by p, q and gamma: a row a parameter, a column a customer."""
        p, q, gamma = self.p, self.q, self.gamma
        shape, rate = p * x, gamma + x * mean
        both = digamma(shape + q)
        found = [
            x * (both - digamma(shape) + np.log(mean) + np.log(x) - np.log(rate)),
            both - digamma(q) + np.log(gamma) - np.log(rate),
            q / gamma - (shape + q) / rate,
        ]
        return np.array(found)


@dataclass(frozen=True)
class PurchaseHistory:
    """The numbers of each customer, in order of customer, that the models of purchases and spend take.

    A customer-day is one purchase: its amounts are added. A day on which money was given back and none is left is
    no purchase, and its money is deducted from spend. The first purchase of a customer starts the clock, so frequency
    never counts it; whether its amount counts is the choice of the two constructors.

    Attributes
    ----------
    customer : array of shape (customers,)
        Who, sorted.
    frequency : array of shape (customers,)
        Repeat purchases.
    recency, T : arrays of shape (customers,)
        Time from the first purchase to the last one and to *last_day*, in units of *unit_days* days.
    purchases : array of shape (customers,)
        Purchases behind *mean_spend*: what GammaGamma calls frequency.
    mean_spend : array of shape (customers,)
        Mean money of those purchases; 0 where there is none.

    Examples
    --------
    >>> rows = ["ann", "ann", "bob", "ann"], [0, 7, 3, 7], [10.0, 20.0, 8.0, 4.0]
    >>> repeats = PurchaseHistory.of_repeat_purchases(*rows, last_day=14, unit_days=7)
    >>> repeats.frequency, repeats.recency, repeats.T.round(2), repeats.mean_spend
    (array([1., 0.]), array([1., 0.]), array([2.  , 1.57]), array([24.,  0.]))
    >>> everything = PurchaseHistory.of_all_purchases(*rows, last_day=14, unit_days=7)
    >>> everything.purchases, everything.mean_spend
    (array([2., 1.]), array([17.,  8.]))
    """

    customer: NDArray[Any]
    frequency: Floats
    recency: Floats
    T: Floats
    purchases: Floats
    mean_spend: Floats

    @classmethod
    def of_repeat_purchases(
        cls,
        customer: ArrayLike,
        day: ArrayLike,
        amount: ArrayLike,
        *,
        last_day: float,
        unit_days: float = 1.0,
    ) -> Self:
        """Spend of repeat purchases only, the form of the literature.

        Parameters
        ----------
        customer : array-like of shape (rows,)
            Who bought.
        day : array-like of shape (rows,)
            Number of the day; fractions are cut off.
        amount : array-like of shape (rows,)
            Money of the row, below 0 where it was given back.
        last_day : float
            Number of the last day that is observed, itself included. Rows of later days are left out, and
            so are customers who first bought then.
        unit_days : float
            Days in the unit of time wanted, 7 for weeks.

        Raises
        ------
        DataError
            Lengths differ, a value is missing, or *unit_days* is not above 0.
        NotEnoughDataError
            Nobody bought until *last_day*.
        """
        daily = daily_purchases(customer, day, amount, last_day)
        return cls.of_daily(daily, last_day, unit_days, first_counts=False)

    @classmethod
    def of_all_purchases(
        cls,
        customer: ArrayLike,
        day: ArrayLike,
        amount: ArrayLike,
        *,
        last_day: float,
        unit_days: float = 1.0,
    ) -> Self:
        """Spend of every purchase, the first included: more is known of customers who bought once.

        Parameters and errors as in :meth:`of_repeat_purchases`.
        """
        return cls.of_daily(daily_purchases(customer, day, amount, last_day), last_day, unit_days)

    @classmethod
    def of_daily(
        cls, daily: pd.DataFrame, last_day: float, unit_days: float = 1.0, *, first_counts: bool = True
    ) -> Self:
        """The history of customer-days, as ``daily_purchases`` makes them; whether the first purchase is money too.

        Parameters and errors as in :meth:`of_repeat_purchases`.
        """
        if not (np.isfinite(unit_days) and unit_days > 0):
            raise DataError(
                f"unit_days is {unit_days}",
                where="PurchaseHistory",
                expected="a number above 0",
                fix="pass 1 for days, 7 for weeks",
            )
        bought = daily[daily["bought"]]
        days = bought.groupby("customer", sort=True)["day"].agg(["min", "max", "size"])
        first, last, size = (days[name].to_numpy(dtype=np.float64) for name in ("min", "max", "size"))
        after = daily["day"] - daily["customer"].map(days["min"])
        counts = after >= 0 if first_counts else after > 0
        spend = daily["amount"].where(counts, 0.0).groupby(daily["customer"], sort=True).sum()
        purchases = size if first_counts else size - 1
        # More can be given back than was spent in the time observed: nothing is left then.
        mean = np.maximum(spend.reindex(days.index).to_numpy(dtype=np.float64), 0.0) / np.maximum(
            purchases, 1.0
        )
        T = (np.floor(last_day) - first) / unit_days
        mean = np.where(purchases > 0, mean, 0.0)
        return cls(days.index.to_numpy(), size - 1, (last - first) / unit_days, T, purchases, mean)


def _checked_spend(frequency: ArrayLike, mean_spend: ArrayLike) -> tuple[Floats, Floats]:
    """Purchases and their mean, 0 where there is none; DataError when they cannot be."""
    x, mean = numbers("frequency", frequency), numbers("mean_spend", mean_spend)
    if x.shape == mean.shape:
        mean = np.where(x == 0, 0.0, mean)
    checked_numbers({"frequency": x, "mean_spend": mean})
    return x, mean
