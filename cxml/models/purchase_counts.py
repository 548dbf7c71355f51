"""When customers buy: BG/NBD and Pareto/NBD, own baselines and features for customer value.

Both describe a customer by three numbers: *frequency* (repeat purchases), *recency* (time of the last
one) and *T* (time observed), counted from the first purchase. Time is in the unit of the caller: rates
come out per that unit, and a horizon must be given in it. :mod:`cxml.models.purchase_spend` makes the three
numbers out of purchases and adds what a purchase brings.
"""

from __future__ import annotations

import dataclasses
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import ClassVar, Self

import numpy as np
from numpy.typing import ArrayLike
from scipy.optimize import minimize
from scipy.special import betaincinv, betaln, digamma, exprel, gammaln, hyp2f1

from cxml.errors import ModelError, NotEnoughDataError
from cxml.models.purchase_checks import Floats, check_parameters, checked_history, checked_numbers, numbers

_LOG_BOUND = 12.0
_NEAR_ONE = 1e-5
_BLOCK = 512
"""Customers whose lifetimes are integrated at a time: what fits near the processor."""


def _end_heavy_rule(nodes: int) -> tuple[Floats, Floats]:
    """Gauss-Legendre on (0, 1) in v with u = v^2 (3 - 2 v), which smooths what is steep at the ends."""
    place, weight = np.polynomial.legendre.leggauss(nodes)
    v = (place + 1) / 2
    return v**2 * (3 - 2 * v), weight * 3 * v * (1 - v)


_PLACE, _WEIGHT = _end_heavy_rule(128)
_NODE, _NODE_WEIGHT = (
    (np.polynomial.legendre.leggauss(32)[0] + 1) / 2,
    np.polynomial.legendre.leggauss(32)[1] / 2,
)


@dataclass(frozen=True)
class PurchaseProcess(ABC):
    """A model of purchases that a customer makes until leaving unseen: what its kinds share."""

    r: float
    alpha: float
    starts: ClassVar[tuple[tuple[float, ...], ...]]
    times: ClassVar[tuple[str, ...]]

    def __post_init__(self) -> None:
        check_parameters(self)

    @classmethod
    def fit(cls, frequency: ArrayLike, recency: ArrayLike, T: ArrayLike) -> Self:
        """The parameters of greatest likelihood.

        Parameters
        ----------
        frequency : array-like of shape (customers,)
            Repeat purchases, 0 or more: the first purchase starts the clock and is not counted.
        recency : array-like of shape (customers,)
            Time from the first purchase to the last one; 0 for a customer with one purchase.
        T : array-like of shape (customers,)
            Time from the first purchase to the end of the observation, in the unit of *recency*.

        Raises
        ------
        DataError
            Lengths differ, a number is missing or negative, recency exceeds T, or it is 0 with a repeat
            purchase or above 0 without one.
        NotEnoughDataError
            Nobody bought again.
        ModelError
            The likelihood is not finite anywhere the search went.

        Notes
        -----
        Customers with equal numbers are one row with a weight, and time is scaled to a mean T of 1, so
        parameters follow a change of unit. Parameters are sought between exp(-12) and exp(12), scaled.
        """
        x, t_x, end = checked_history(frequency, recency, T)
        if not (t_x > 0).any():
            raise NotEnoughDataError(
                "no customer bought a second time",
                where=f"{cls.__name__}.fit",
                expected="customers with a recency above 0",
                fix="observe longer, or leave this model out",
            )
        unit = float(end.mean())
        rows, counts = np.unique(np.column_stack([x, t_x / unit, end / unit]), axis=0, return_counts=True)
        x, t_x, end, weight = *rows.T, counts / counts.sum()

        def loss(theta: Floats) -> tuple[float, Floats]:
            values = np.exp(theta)
            total, slopes = cls(*values)._slopes(x, t_x, end)
            return -float(weight @ total), -values * (slopes @ weight)

        found = dict(zip((f.name for f in dataclasses.fields(cls)), fitted(loss, cls.starts), strict=True))
        return cls(**{n: float(value * unit if n in cls.times else value) for n, value in found.items()})

    def log_likelihood(self, frequency: ArrayLike, recency: ArrayLike, T: ArrayLike) -> Floats:
        """Logarithm of each customer's likelihood, shape (customers,): of purchases at given times.

        The density of (frequency x >= 1, recency t) is this likelihood times t^(x-1) / (x-1)!.
        DataError as in :meth:`fit`.
        """
        return self._logs(*checked_history(frequency, recency, T))[1]

    def probability_alive(self, frequency: ArrayLike, recency: ArrayLike, T: ArrayLike) -> Floats:
        """Probability that a customer has not left by T, shape (customers,); DataError as in :meth:`fit`."""
        alive, total = self._logs(*checked_history(frequency, recency, T))
        return np.exp(np.minimum(alive - total, 0.0))

    def expected_rate(self, frequency: ArrayLike, recency: ArrayLike, T: ArrayLike) -> Floats:
        """Expected purchases in a unit of time while a customer is there, whether they have left by T or not.

        Shape (customers,); DataError as in :meth:`fit`. The derivative of the law of rates by alpha is r / alpha - rate,
        so the mean rate given what was seen is r / alpha less the derivative of the log-likelihood.
        """
        _, slopes = self._slopes(*checked_history(frequency, recency, T))
        return np.asarray(self.r / self.alpha - slopes[1])

    def expected_purchases(
        self, frequency: ArrayLike, recency: ArrayLike, T: ArrayLike, horizon: ArrayLike
    ) -> Floats:
        """Expected number of purchases in ``[T, T + horizon)``, shape (customers,).

        Parameters
        ----------
        frequency, recency, T : array-like of shape (customers,)
            As in :meth:`fit`.
        horizon : float or array-like of shape (customers,)
            Time ahead in the unit of *T*, 0 or more.

        Raises
        ------
        DataError
            As in :meth:`fit`, or a horizon that is missing or negative.
        """
        x, t_x, end = checked_history(frequency, recency, T)
        ahead = numbers("horizon", horizon)
        ahead = np.broadcast_to(ahead, x.shape) if ahead.ndim == 0 else ahead
        checked_numbers({"frequency": x, "horizon": ahead})
        return self.probability_alive(x, t_x, end) * self._while_alive(x, end, ahead)

    @abstractmethod
    def _logs(self, x: Floats, t_x: Floats, end: Floats) -> tuple[Floats, Floats]:
        """Logarithms of the likelihood together with being alive, and of the whole likelihood."""

    @abstractmethod
    def _slopes(self, x: Floats, t_x: Floats, end: Floats) -> tuple[Floats, Floats]:
        """Logarithm of the whole likelihood, and its derivatives: a row a parameter, a column a customer."""

    @abstractmethod
    def _while_alive(self, x: Floats, end: Floats, ahead: Floats) -> Floats:
        """Expected purchases of a customer who is alive at *end*."""


@dataclass(frozen=True)
class BgNbd(PurchaseProcess):
    """Beta-geometric / NBD: purchases at a gamma rate; after each a customer leaves with a beta chance.

    A customer can leave only after a repeat purchase, so one without any is surely alive:
    judge those by :meth:`expected_purchases`, or take :class:`ParetoNbd`.

    Attributes
    ----------
    r, alpha : float
        Shape and rate of the gamma distribution of purchase rates; alpha in the unit of time.
    a, b : float
        Beta distribution of the chance to leave after a purchase.

    References
    ----------
    Fader, Hardie, Lee (2005), "Counting your customers" the easy way: an alternative to the
    Pareto/NBD model, Marketing Science 24(2), 275-284.

    Examples
    --------
    >>> model = BgNbd(r=0.243, alpha=4.414, a=0.793, b=2.426)
    >>> model.expected_purchases([2], [30.43], [38.86], horizon=39).round(3)
    array([1.226])
    >>> model.probability_alive([2, 2, 0], [30.43, 2.0, 0.0], [38.86, 38.86, 38.86]).round(2)
    array([0.73, 0.06, 1.  ])
    """

    r: float
    alpha: float
    a: float
    b: float

    starts: ClassVar[tuple[tuple[float, ...], ...]] = ((0.5, 0.5, 1.0, 3.0), (2.0, 1.0, 0.1, 1.0))
    times: ClassVar[tuple[str, ...]] = ("alpha",)

    def _logs(self, x: Floats, t_x: Floats, end: Floats) -> tuple[Floats, Floats]:
        r, alpha, a, b = self.r, self.alpha, self.a, self.b
        shared = gammaln(r + x) - gammaln(r) + r * np.log(alpha) + betaln(a, b + x) - betaln(a, b)
        alive = shared - (r + x) * np.log(alpha + end)
        bought = x > 0
        left = np.log(a) - np.log(np.where(bought, b + x - 1, 1.0)) - (r + x) * np.log(alpha + t_x)
        return alive, np.logaddexp(alive, np.where(bought, shared + left, -np.inf))

    def _slopes(self, x: Floats, t_x: Floats, end: Floats) -> tuple[Floats, Floats]:
        r, alpha, a, b = self.r, self.alpha, self.a, self.b
        alive, total = self._logs(x, t_x, end)
        stays = np.exp(alive - total)
        leaves = 1 - stays
        both, neither = digamma(a + b), digamma(a + b + x)
        found = [
            digamma(r + x)
            - digamma(r)
            + np.log(alpha)
            - stays * np.log(alpha + end)
            - leaves * np.log(alpha + t_x),
            r / alpha - (r + x) * (stays / (alpha + end) + leaves / (alpha + t_x)),
            both - neither + leaves / a,
            digamma(b + x) - neither - digamma(b) + both - leaves / np.where(x > 0, b + x - 1, 1.0),
        ]
        return total, np.array(found)

    def _while_alive(self, x: Floats, end: Floats, ahead: Floats) -> Floats:
        if abs(self.a - 1) < _NEAR_ONE:  # the formula has a removable hole there
            low, high = (dataclasses.replace(self, a=1 + side) for side in (-2 * _NEAR_ONE, 2 * _NEAR_ONE))
            return (low._while_alive(x, end, ahead) + high._while_alive(x, end, ahead)) / 2
        r, alpha, a, b = self.r, self.alpha, self.a, self.b
        # Euler's transformation of the published formula: its parameters stay small for many purchases.
        c, z = a + b + x - 1, ahead / (alpha + end + ahead)
        with np.errstate(all="ignore"):
            power = np.exp((a - 1) * np.log1p(-z)) * hyp2f1(a - 1, a + b - 1 - r, c, z)
            found = np.asarray(c / (a - 1) * (1 - power))
        pace = ahead / (alpha + end)
        most = (r + x) * pace  # what a customer who never leaves would buy
        odd = ~(np.abs(found - most / 2) <= most * (0.5 + 1e-9))  # hyp2f1 fails for some, often with NaN
        if odd.any():
            # A chance p to leave makes (1 - (1 + p pace)^-(r + x)) / p purchases; its mean over p.
            p = np.maximum(betaincinv(a, b + x[odd, None], _PLACE), 1e-300)
            bought = -np.expm1(-(r + x[odd, None]) * np.log1p(p * pace[odd, None])) / p
            found[odd] = (bought * _WEIGHT).sum(axis=1)  # row by row, so the same for any number of rows
        return np.asarray(np.clip(found, 0.0, most))


@dataclass(frozen=True)
class ParetoNbd(PurchaseProcess):
    """Pareto / NBD: purchases at a gamma rate during a lifetime whose end comes at a gamma rate.

    Attributes
    ----------
    r, alpha : float
        Shape and rate of the gamma distribution of purchase rates; alpha in the unit of time.
    s, beta : float
        Shape and rate of the gamma distribution of the rates of leaving; beta in the unit of time.

    References
    ----------
    Schmittlein, Morrison, Colombo (1987), Counting your customers: who are they and what will they do
    next?, Management Science 33(1), 1-24; Fader, Hardie (2005), A note on deriving the Pareto/NBD
    model and related expressions (brucehardie.com/notes/009).

    Examples
    --------
    >>> model = ParetoNbd(r=0.553, alpha=10.578, s=0.606, beta=11.669)
    >>> model.expected_purchases([2, 0], [30.43, 0.0], [38.86, 38.86], horizon=39).round(2)
    array([1.46, 0.11])
    >>> model.probability_alive([2, 0], [30.43, 0.0], [38.86, 38.86]).round(2)
    array([0.87, 0.3 ])
    """

    r: float
    alpha: float
    s: float
    beta: float

    starts: ClassVar[tuple[tuple[float, ...], ...]] = ((0.5, 0.5, 0.5, 0.5), (2.0, 1.0, 1.0, 2.0))
    times: ClassVar[tuple[str, ...]] = ("alpha", "beta")

    def _logs(self, x: Floats, t_x: Floats, end: Floats) -> tuple[Floats, Floats]:
        parts = [self._logs_with(_Leaving.of(self, *rows), *rows) for rows in _blocks(x, t_x, end)]
        alive, total = (np.concatenate(one) for one in zip(*parts, strict=True))
        return alive, total

    def _slopes(self, x: Floats, t_x: Floats, end: Floats) -> tuple[Floats, Floats]:
        parts = [self._slopes_of(*rows) for rows in _blocks(x, t_x, end)]
        total, slopes = (np.concatenate(one, axis=-1) for one in zip(*parts, strict=True))
        return total, slopes

    def _logs_with(self, leaving: _Leaving, x: Floats, t_x: Floats, end: Floats) -> tuple[Floats, Floats]:
        r, alpha, s, beta = self.r, self.alpha, self.s, self.beta
        shared = gammaln(r + x) - gammaln(r) + r * np.log(alpha) + s * np.log(beta)
        alive = shared - (r + x) * np.log(alpha + end) - s * np.log(beta + end)
        with np.errstate(divide="ignore"):
            left = np.log(leaving.mass.sum(axis=1)) - (r + x) * np.log(alpha + t_x) - s * np.log(beta + t_x)
        return alive, np.logaddexp(alive, shared + left)

    def _slopes_of(self, x: Floats, t_x: Floats, end: Floats) -> tuple[Floats, Floats]:
        r, alpha, s, beta = self.r, self.alpha, self.s, self.beta
        leaving = _Leaving.of(self, x, t_x, end)
        alive, total = self._logs_with(leaving, x, t_x, end)
        stays = np.exp(alive - total)
        leaves = 1 - stays
        share = leaving.mass * (leaves / np.maximum(leaving.mass.sum(axis=1), 1e-300))[:, None]

        def within(what: Floats) -> Floats:
            return np.asarray((share * what).sum(axis=1))

        log_buys = stays * np.log(alpha + end) + leaves * np.log(alpha + t_x) + within(leaving.log_buys)
        log_lasts = stays * np.log(beta + end) + leaves * np.log(beta + t_x) + within(leaving.log_lasts)
        buys = stays / (alpha + end) + within(1 / (leaving.since + (alpha + t_x)[:, None]))
        lasts = s * stays / (beta + end) + (s + 1) * within(1 / (leaving.since + (beta + t_x)[:, None]))
        found = [
            digamma(r + x) - digamma(r) + np.log(alpha) - log_buys,
            r / alpha - (r + x) * buys,
            np.log(beta) + leaves / s - log_lasts,
            s / beta - lasts,
        ]
        return total, np.array(found)

    def _while_alive(self, x: Floats, end: Floats, ahead: Floats) -> Floats:
        # (1 - k^-(s - 1)) / (s - 1) with k = 1 + ahead / (beta + end), without its hole at s = 1.
        log_k = np.log1p(ahead / (self.beta + end))
        pace = (self.r + x) / (self.alpha + end)
        return np.asarray(pace * (self.beta + end) * log_k * exprel(-(self.s - 1) * log_k))


@dataclass(frozen=True)
class _Leaving:
    """When a customer may have left unseen, between the last purchase and the end: arrays (customers, nodes).

    Attributes
    ----------
    since : array
        Time since the last purchase.
    log_buys, log_lasts : arrays
        Logarithms of (alpha + t) / (alpha + t_x) and (beta + t) / (beta + t_x) at t = t_x + *since*.
    mass : array
        Its sum over the nodes is the integral over t of s / (beta + t) * exp(-(r + x) log_buys - s log_lasts).

    Notes
    -----
    The integrand falls from its beginning on, at first over the time ``reach`` and later like a power, so along the
    logarithm of time it is smooth at any number of purchases: Gauss-Legendre with 32 nodes is enough.
    """

    since: Floats
    log_buys: Floats
    log_lasts: Floats
    mass: Floats

    @classmethod
    def of(cls, model: ParetoNbd, x: Floats, t_x: Floats, end: Floats) -> Self:
        """The nodes of each customer."""
        bought, alpha, beta = (
            (model.r + x)[:, None],
            (model.alpha + t_x)[:, None],
            (model.beta + t_x)[:, None],
        )
        reach = 1 / (bought / alpha + (model.s + 1) / beta)
        span = np.log1p((end - t_x)[:, None] / reach)
        since = reach * np.expm1(span * _NODE)
        log_buys, log_lasts = np.log1p(since / alpha), np.log1p(since / beta)
        fall = np.exp(-bought * log_buys - (model.s + 1) * log_lasts)
        return cls(since, log_buys, log_lasts, model.s / beta * span * _NODE_WEIGHT * (reach + since) * fall)


def _blocks(*columns: Floats) -> Iterator[tuple[Floats, ...]]:
    """The columns, a block of rows at a time; one empty block where there is no row."""
    for first in range(0, max(len(columns[0]), 1), _BLOCK):
        yield tuple(column[first : first + _BLOCK] for column in columns)


def fitted(loss: Callable[[Floats], tuple[float, Floats]], starts: tuple[tuple[float, ...], ...]) -> Floats:
    """The positive parameters of least *loss*, which takes their logarithms and gives its gradient beside it.

    A start that ends without success, or near a bound, is followed by the next; the best end counts.

    ModelError when no start leads to a finite loss.
    """
    bounds = [(-_LOG_BOUND, _LOG_BOUND)] * len(starts[0])
    options = {"ftol": 1e-11, "gtol": 1e-7, "maxiter": 500}
    best, where = np.inf, None
    for start in starts:
        with np.errstate(all="ignore"):
            found = minimize(loss, np.log(start), jac=True, method="L-BFGS-B", bounds=bounds, options=options)
        if np.isfinite(found.fun) and found.fun < best:
            best, where = float(found.fun), found.x
            if found.success and np.abs(where).max() < _LOG_BOUND - 1:
                break
    if where is None:
        raise ModelError(
            "the likelihood is not finite",
            where="fit of a purchase model",
            expected="purchases that some rate could bring",
            fix="look at the largest numbers of the input",
        )
    return np.asarray(np.exp(where))
