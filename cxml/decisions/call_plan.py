"""Whom to contact: what a contact is expected to bring, how long the list is, whom to keep aside to learn from.

A contact saves a leaver with some chance. Without a randomized contact log that chance is the churn
probability times one save rate for all, and the list is ranked by risk x value if they stay; with such a log it is the
customer's own uplift (``cxml.decisions.uplift``), and the list is ranked by persuadability. All else is the same.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, Self

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import ArrayLike, NDArray
from scipy.special import betainc

from cxml.config.sections import Decisions
from cxml.metrics.profit import MaximumProfit
from cxml.sampling import hash_share
from cxml.store.manifest import plain

Floats = NDArray[np.float64]
Rows = NDArray[np.int64]
RankedBy = Literal["risk", "uplift"]
LimitedBy = Literal["profit", "budget", "most"]
SENSITIVITY = (0.5, 1.0, 2.0)
"""Save rates of the sensitivity, over the one configured."""

_HOLDOUT_SEED = 1
_CERTAINTY = (
    20.0  # how sure the save rate is, in customers tried: the alpha + beta of Verbraken et al. (2013)
)
_POINTS = 41


def expected_profit(
    probability: ArrayLike,
    value: ArrayLike,
    *,
    save_rate: float,
    contact_cost: float,
    offer_cost: float,
    uplift: ArrayLike | None = None,
) -> Floats:
    """Money expected from contacting a customer with an offer.

    A leaver stays with probability *save_rate* and takes the offer; who would have stayed anyway takes it
    too; every contact costs::

        p * save_rate * (value - offer_cost) - (1 - p) * offer_cost - contact_cost

    Parameters
    ----------
    probability : array of shape (rows,)
        Churn probability.
    value : array of shape (rows,)
        Money the customer is expected to bring in the horizon if they stay (``value_if_stays``): what a contact
        that keeps a leaver saves. NaN where no value is known.
    save_rate : float
        Share of leavers who stay when contacted, in [0, 1].
    contact_cost, offer_cost : float
        Money per contact, and per offer taken.
    uplift : array of shape (rows,), optional
        By how much a contact lowers the churn probability, learned; it takes the place of p * save_rate.

    References
    ----------
    Neslin, Gupta, Kamakura, Lu, Mason (2006), Defection detection, Journal of Marketing Research 43(2);
    Verbraken, Verbeke, Baesens (2013), IEEE Transactions on Knowledge and Data Engineering 25(5).

    Examples
    --------
    >>> expected_profit([0.5, 0.0], [1000.0, 1000.0], save_rate=0.2, contact_cost=1, offer_cost=10).tolist()
    [93.0, -11.0]
    """
    p, worth = np.asarray(probability, dtype=np.float64), np.asarray(value, dtype=np.float64)
    saves = p * save_rate if uplift is None else np.asarray(uplift, dtype=np.float64)
    profit: Floats = saves * (worth - offer_cost) - (1 - p) * offer_cost - contact_cost
    return profit


def holdout_flag(customer_id: ArrayLike, share: float) -> NDArray[np.bool_]:
    """Who stays uncontacted so that the next campaign can be judged: *share* of the customers, by their id.

    The same customers every night, whatever model scores them: a changed group could not be judged.
    """
    flag: NDArray[np.bool_] = hash_share(customer_id, _HOLDOUT_SEED) < share
    return flag


def list_order(customer_id: ArrayLike, *figures: ArrayLike) -> Rows:
    """Row numbers in the order of the call list.

    The highest of the first figure comes first, of equals that with the highest second one, and so on; what is
    not known comes last, and customer ids decide at the end.

    >>> list_order(["b", "a", "c"], [1.0, 1.0, float("nan")]).tolist()
    [1, 0, 2]
    """
    keys = {
        f"figure_{k}": pa.array(np.asarray(one, np.float64), from_pandas=True)
        for k, one in enumerate(figures)
    }
    table = pa.table({**keys, "id": pa.array(customer_id, from_pandas=True).cast(pa.string())})
    sort = [*((name, "descending", "at_end") for name in keys), ("id", "ascending", "at_end")]
    order: Rows = pc.sort_indices(table, sort_keys=sort).to_numpy().astype(np.int64)
    return order


@dataclass(frozen=True)
class Scenario:
    """The list where contacts save another share of the leavers.

    Attributes
    ----------
    factor, save_rate : float
        The share saved over the one configured, and the share itself (with uplift: of the list's leavers).
    best_size, best_profit : int, float
        The best size at that share, in the order that is best there, and its profit (money).
    profit : float
        What the list as planned brings (money).
    curve : tuple of float
        What the first ``CallPlan.sizes`` customers of the list bring (money).
    """

    factor: float
    save_rate: float
    best_size: int
    best_profit: float
    profit: float
    curve: tuple[float, ...]


@dataclass(frozen=True)
class CallPlan:
    """How long the call list is, and what it is expected to bring.

    Attributes
    ----------
    ranked_by : {"risk", "uplift"}
        By risk x value if they stay, or by proven persuadability x value.
    customers, holdout : int
        Customers scored; how many of them are kept out of every list.
    best_size, best_profit : int, float
        Customers to contact for the highest expected profit, and that profit (money). NaN without a value.
    size : int
        Customers to contact: the best size, or what budget and most contacts allow. Without a value there is no
        best size, and it is what these two allow, 0 where neither is set.
    limited_by : {"profit", "budget", "most"}
        What ends the list.
    profit, cost : float
        Money that the list is expected to bring, its cost taken off, and that cost: contacts, and offers
        expected to be taken.
    leavers, saved : float
        Customers of the list expected to leave if nobody contacts them, and to be kept by it.
    withheld : int
        Customers of the holdout who would be on the list.
    break_even : float
        The save rate at which the list of that size earns nothing; above 1: there is none.
    empc : MaximumProfit
        Expected maximum profit per customer who may be contacted, and the share to contact, where the save rate
        is uncertain around the one configured.
    sizes : tuple of int
        Sizes at which the curves of the scenarios are told.
    scenarios : tuple of Scenario
        At half the save rate, as configured, and at twice.
    """

    ranked_by: RankedBy
    customers: int
    holdout: int
    best_size: int
    best_profit: float
    size: int
    limited_by: LimitedBy
    profit: float
    cost: float
    leavers: float
    saved: float
    withheld: int
    break_even: float
    empc: MaximumProfit
    sizes: tuple[int, ...]
    scenarios: tuple[Scenario, ...]

    def to_dict(self) -> dict[str, Any]:
        """The plan as JSON values; what is not known is None."""
        found: dict[str, Any] = plain(dataclasses.asdict(self))
        return {**found, "empc": plain(self.empc._asdict())}

    @classmethod
    def from_dict(cls, raw: Mapping[str, Any]) -> Self:
        """The plan that ``to_dict`` gave."""
        scenarios = (_with_nan(one) for one in raw["scenarios"])
        return cls(
            **{
                **_with_nan(raw),
                "empc": MaximumProfit(**_with_nan(raw["empc"])),
                "sizes": tuple(raw["sizes"]),
                "scenarios": tuple(Scenario(**{**one, "curve": tuple(one["curve"])}) for one in scenarios),
            }
        )


def call_plan(
    customer_id: ArrayLike,
    probability: ArrayLike,
    value: ArrayLike,
    rule: Decisions,
    *,
    holdout: ArrayLike | None = None,
    uplift: ArrayLike | None = None,
) -> CallPlan:
    """Plan the call list of the scored customers.

    Parameters
    ----------
    customer_id : array of shape (rows,)
        Each once; decides among equals, so the order of the rows plays no part.
    probability, value : arrays of shape (rows,)
        As for ``expected_profit``. Who has no value is never on a list that is ranked by profit.
    rule : Decisions
        Costs, save rate, budget, most contacts and the share of the holdout.
    holdout : bool array of shape (rows,), optional
        Who is kept aside; None: ``holdout_flag``.
    uplift : array of shape (rows,), optional
        As for ``expected_profit``.

    References
    ----------
    Lemmens, Gupta (2020), Managing churn to maximize profits; Verbraken, Verbeke, Baesens (2013).

    Examples
    --------
    >>> rule = Decisions(contact_cost=5.0, save_rate=0.5, holdout=0.0)
    >>> plan = call_plan(["a", "b", "c"], [0.5, 0.1, 0.2], [100.0, 40.0, 100.0], rule)
    >>> plan.best_size, plan.profit, plan.break_even
    (2, 25.0, 0.14285714285714285)
    """
    p, worth = np.asarray(probability, dtype=np.float64), np.asarray(value, dtype=np.float64)
    held = holdout_flag(customer_id, rule.holdout) if holdout is None else np.asarray(holdout, dtype=bool)
    saves = p * rule.save_rate if uplift is None else np.asarray(uplift, dtype=np.float64)
    costs = {"contact_cost": rule.contact_cost, "offer_cost": rule.offer_cost}
    profit = expected_profit(p, worth, save_rate=rule.save_rate, **costs, uplift=uplift)
    ranking = list_order(customer_id, profit, p)
    order = ranking[~held[ranking]]
    known = np.isfinite(profit[order])
    paying = int((profit[order][known] > 0).sum())
    spent = rule.contact_cost + rule.offer_cost * (1 - p + saves)[order]
    size, limited_by = _size(paying if known.any() else None, spent, rule)
    called, money = order[:size], known.any()
    steps = (len(order) * np.linspace(0, 1, _POINTS) ** 2).round()  # close together where the best sizes lie
    sizes = np.unique(np.r_[steps, size, paying]).astype(np.int64)
    scenarios = [
        _scenario(
            factor,
            p[order],
            worth[order],
            saves[order],
            size=size,
            sizes=sizes,
            rule=rule,
            by_rate=uplift is None,
        )
        for factor in (SENSITIVITY if money else ())
    ]
    return CallPlan(
        ranked_by="risk" if uplift is None else "uplift",
        customers=len(p),
        holdout=int(held.sum()),
        best_size=paying,
        best_profit=scenarios[1].best_profit if money else math.nan,
        size=size,
        limited_by=limited_by,
        profit=scenarios[1].profit if money else math.nan,
        cost=float(spent[:size].sum()),
        leavers=float(p[called].sum()),
        saved=float(saves[called].sum()),
        withheld=int(held[ranking[: int(np.flatnonzero(ranking == called[-1])[0])]].sum()) if size else 0,
        break_even=_break_even(p[called], saves[called], worth[called], rule),
        empc=expected_maximum(p[order], worth[order], rule),
        sizes=tuple(map(int, sizes)),
        scenarios=tuple(scenarios),
    )


def _scenario(
    factor: float,
    p: Floats,
    worth: Floats,
    saves: Floats,
    *,
    size: int,
    sizes: Rows,
    rule: Decisions,
    by_rate: bool,
) -> Scenario:
    """What the list brings, in its order, if contacts save *factor* times as many as expected."""
    costs = {"contact_cost": rule.contact_cost, "offer_cost": rule.offer_cost}
    saved = np.minimum(factor * saves, p)
    each = expected_profit(p, worth, save_rate=0.0, **costs, uplift=saved)
    total, good = np.r_[0.0, np.cumsum(np.nan_to_num(each))], each[each > 0]
    rate = float(saved[:size].sum() / p[:size].sum()) if size else math.nan
    return Scenario(
        factor,
        min(1.0, factor * rule.save_rate) if by_rate else rate,
        len(good),
        float(good.sum()),
        float(total[size]),
        tuple(map(float, total[sizes])),
    )


def expected_maximum(probability: ArrayLike, value: ArrayLike, rule: Decisions) -> MaximumProfit:
    """Expected maximum profit of customers whose outcome is not known yet: EMPC, forecast.

    The save rate follows a Beta distribution with the configured mean, as sure as 20 customers tried make it. A
    customer is contacted where the save rate makes that pay; the customer's own churn probability and value decide
    from which rate on it does, so the integral is one of incomplete beta functions per customer.

    Returns
    -------
    MaximumProfit
        ``profit`` per customer with a value, and the expected share of them to contact; NaN where nobody has one.

    References
    ----------
    Verbraken, Verbeke, Baesens (2013), IEEE Transactions on Knowledge and Data Engineering 25(5). With one value
    for all it is ``cxml.metrics.profit.empc`` of a list whose leavers are as many as the probabilities say.

    Examples
    --------
    >>> found = expected_maximum([0.5, 0.1], [200.0, 200.0], Decisions(contact_cost=1.0, save_rate=0.3))
    >>> round(found.profit, 2), round(found.fraction, 2)
    (17.0, 1.0)
    """
    p, worth = np.asarray(probability, dtype=np.float64), np.asarray(value, dtype=np.float64)
    p, worth = p[np.isfinite(worth)], worth[np.isfinite(worth)]
    if not len(p):
        return MaximumProfit(math.nan, math.nan)
    gained, spent = p * (worth - rule.offer_cost), (1 - p) * rule.offer_cost + rule.contact_cost
    mean = rule.save_rate
    if not 0 < mean < 1:  # nothing is uncertain
        profit = mean * gained - spent
        return MaximumProfit(float(profit.clip(min=0).sum()) / len(p), float((profit > 0).mean()))
    with np.errstate(divide="ignore", invalid="ignore"):
        edge = np.where(gained > 0, np.clip(spent / gained, 0.0, 1.0), 1.0)
    a, b = _CERTAINTY * mean, _CERTAINTY * (1 - mean)
    contacted = 1 - betainc(a, b, edge)
    profit = mean * (1 - betainc(a + 1, b, edge)) * gained - contacted * spent
    return MaximumProfit(float(profit.sum()) / len(p), float(contacted.mean()))


def _size(paying: int | None, spent: Floats, rule: Decisions) -> tuple[int, LimitedBy]:
    """How many to contact, and what says so; *spent* is the expected cost of each, in the order of the list."""
    wanted = len(spent) if paying is None else paying
    limits: list[tuple[int, LimitedBy]] = [(wanted, "profit")]
    if rule.budget:
        within = np.cumsum(spent) <= rule.budget * (1 + 1e-12)
        limits.append((len(spent) if within.all() else int(np.argmin(within)), "budget"))
    if rule.most:
        limits.append((rule.most, "most"))
    size, by = min(limits, key=lambda limit: limit[0])
    return (0, by) if paying is None and len(limits) == 1 else (size, by)


def _break_even(p: Floats, saves: Floats, worth: Floats, rule: Decisions) -> float:
    """The save rate at which what is gained from these customers is what is spent on them."""
    gained = float((saves * (worth - rule.offer_cost)).sum())
    spent = float(((1 - p) * rule.offer_cost + rule.contact_cost).sum())
    leavers = float(p.sum())
    if not len(p) or not gained > 0 or not leavers > 0:
        return math.nan
    return spent / gained * float(saves.sum()) / leavers


def _with_nan(raw: Mapping[str, Any]) -> dict[str, Any]:
    return {name: math.nan if one is None else one for name, one in raw.items()}
