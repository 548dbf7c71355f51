"""Whom a contact persuades: uplift learned from contacts that were drawn at random, and proof that it ranks.

Half of a random draw is contacted, say, the other half is not. Customer by customer nobody sees both outcomes, but

    - (contacted - e) / (e * (1 - e)) * (left - p)

has the drop in the churn probability that a contact brings as its mean, whatever the forecast ``p`` is, as long
as the share ``e`` contacted is that of the draw: trees that forecast it forecast the uplift. The forecast of a
customer used for the proof comes from trees that never saw that customer.

References
----------
Athey, Imbens (2016), Recursive partitioning for heterogeneous causal effects, PNAS 113 (transformed outcome);
Kennedy (2023), Towards optimal doubly robust estimation of heterogeneous causal effects, Electronic Journal of
Statistics 17; Radcliffe (2007), Using control groups to target on predicted lift, Direct Marketing Analytics
Journal (Qini); Nadeau, Bengio (2003), Inference for the generalization error, Machine Learning 52 (folds).
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple, Self

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from scipy.special import ndtri
from scipy.stats import rankdata

from cxml.errors import DataError
from cxml.metrics.bootstrap import DRAWS, LEVEL, draw_counts, percentile_interval
from cxml.models.tree_sizes import TreeSize
from cxml.models.trees import Binned, read_trees, tree_margins, tree_text
from cxml.sampling import customer_folds
from cxml.store.manifest import plain

Floats = NDArray[np.float64]
Rows = NDArray[np.int64]
Verdict = Literal["uplift", "not_proven", "not_random", "too_few"]
FOLDS = 5
FEWEST_ROWS, FEWEST_LEAVERS = 200, 20
"""Contacted or not, fewer rows or leavers prove nothing."""

_EFFECT = TreeSize(
    name="effect",
    leaves=4,
    rows_share=0.7,
    columns_share=0.7,
    l2=10,
    rate=0.03,
    most=100,
    objective="regression",
)
_CHOSEN = TreeSize(name="chosen", leaves=4, rows_share=0.7, columns_share=0.7, l2=10, rate=0.05, most=60)
_LEAF_SHARE = 0.03  # a single outcome says next to nothing: an effect is told of many customers at a time
_CHANCE = 0.999
_POINTS = 101
_CROSSED = math.sqrt(1 + FOLDS / (FOLDS - 1))
"""How much wider an interval is whose folds teach each other (Nadeau, Bengio 2003)."""


@dataclass(frozen=True)
class LoggedContacts:
    """Contacts that were, or were not, made: one row per customer and draw.

    Attributes
    ----------
    X : DataFrame of shape (rows, columns)
        Numbers known of the customer before the contact.
    contacted, left : bool arrays of shape (rows,)
        Whether the customer was contacted, and left since.
    probability : array of shape (rows,)
        Churn probability before the contact.
    customers, draw : arrays of shape (rows,)
        The customer, and the draw (its day, say): each draw has a share of contacted of its own.
    """

    X: pd.DataFrame
    contacted: NDArray[np.bool_]
    left: NDArray[np.bool_]
    probability: Floats
    customers: NDArray[Any]
    draw: NDArray[Any]

    def __post_init__(self) -> None:
        sizes = {len(getattr(self, field.name)) for field in dataclasses.fields(self)}
        if len(sizes) != 1:
            raise DataError(
                "the columns are not equally long",
                where="contacts",
                expected="one value of each per row",
                fix="pass the same rows in all of them",
            )

    @property
    def share(self) -> Floats:
        """Share of contacted in the draw of each row."""
        codes, _ = pd.factorize(pd.Series(self.draw))
        found: Floats = (np.bincount(codes, self.contacted) / np.bincount(codes))[codes]
        return found

    def in_two_groups(self) -> LoggedContacts:
        """The draws in which some were contacted and some were not."""
        share = self.share
        kept = (share > 0) & (share < 1)
        return dataclasses.replace(
            self, **{field.name: getattr(self, field.name)[kept] for field in dataclasses.fields(self)}
        )


class Qini(NamedTuple):
    """How many customers a ranking saves, by the share of the customers contacted.

    Attributes
    ----------
    share : array of shape (points,)
        Share of the customers, those with the highest scores first; from 0 to 1.
    saved : array of shape (points,)
        Of the contacted ones among them, how many would have left otherwise, less those driven away.
    coefficient : float
        By how much the ranking saves more than a random order, averaged over all lengths of the list, per
        contacted customer; 0 for a random order.
    """

    share: Floats
    saved: Floats
    coefficient: float


def qini(
    score: ArrayLike, contacted: ArrayLike, left: ArrayLike, share_contacted: ArrayLike | None = None
) -> Qini:
    """The Qini curve of a ranking, and its coefficient.

    Among the first ``k`` customers, of whom ``n`` were contacted and ``m`` were not, those saved are
    ``left_m * n / m - left_n``. Equal scores are taken together: the curve is straight inside them.

    Parameters
    ----------
    score : array of shape (rows,)
        High for those to contact first.
    contacted, left : bool arrays of shape (rows,)
    share_contacted : array of shape (rows,), optional
        Share of contacted in the draw of each row, where draws differ; None: one draw.

    References
    ----------
    Radcliffe (2007); Gutierrez, Gerardy (2017), Causal inference and uplift modelling: a review of the literature,
    PMLR 67.

    Examples
    --------
    >>> found = qini([4, 3, 2, 1], [True, False, True, False], [False, True, True, False])
    >>> found.saved.tolist(), found.coefficient
    ([0.0, 0.0, 1.0, 1.0, 0.0], 0.25)
    """
    ranked = _Ranked.by(np.asarray(score, np.float64), contacted, left, share_contacted)
    x, saved, coefficient = ranked.curve(np.ones((1, len(ranked.order))))
    return Qini(x[0], saved[0], float(coefficient[0]))


@dataclass(frozen=True)
class _Ranked:
    """Rows from the highest score down, and the last row of each group of equal scores."""

    order: Rows
    ends: Rows
    treated: Floats
    compared: Floats
    left: Floats

    @classmethod
    def by(cls, score: Floats, contacted: ArrayLike, left: ArrayLike, share: ArrayLike | None) -> _Ranked:
        order = np.argsort(-score, kind="stable")
        ends = np.flatnonzero(np.r_[np.diff(score[order]) != 0, True])
        hit = np.asarray(contacted, dtype=bool)[order]
        e = np.full(len(order), 0.5) if share is None else np.asarray(share, dtype=np.float64)[order]
        # Who was not contacted counts as many times as makes the groups of each draw equally large.
        weight = np.where(hit, 0.0, e / (1 - e))
        return cls(order, ends, hit.astype(np.float64), weight, np.asarray(left, dtype=np.float64)[order])

    def curve(self, counts: Floats) -> tuple[Floats, Floats, Floats]:
        """Share, saved and coefficient under redrawn customers: *counts* of shape (draws, rows)."""
        rows = counts[:, self.order]

        def upto(column: Floats) -> Floats:
            return np.pad(np.cumsum(rows * column, axis=1)[:, self.ends], ((0, 0), (1, 0)))

        everyone, n, m = upto(np.ones(len(self.order))), upto(self.treated), upto(self.compared)
        gone_n, gone_m = upto(self.treated * self.left), upto(self.compared * self.left)
        with np.errstate(divide="ignore", invalid="ignore"):
            saved = np.where(m > 0, gone_m * n / m, 0.0) - gone_n
            share = everyone / everyone[:, -1:]
            gap = saved - share * saved[:, -1:]
            area = ((gap[:, 1:] + gap[:, :-1]) / 2 * np.diff(share, axis=1)).sum(axis=1)
            return share, saved, area / n[:, -1]


def qini_interval(
    score: ArrayLike, contacts: LoggedContacts, *, draws: int = DRAWS, seed: int = 0
) -> tuple[float, float]:
    """The 95 % interval of the Qini coefficient of a given ranking, by redrawn customers, each with all its rows."""
    ranked = _Ranked.by(np.asarray(score, np.float64), contacts.contacted, contacts.left, contacts.share)
    found = [ranked.curve(counts)[2] for counts in draw_counts(contacts.customers, draws, seed)]
    return percentile_interval(np.concatenate(found), LEVEL)


def selection(contacts: LoggedContacts, *, seed: int = 0, num_threads: int = 0) -> tuple[float, float]:
    """Whether what was known of the customers tells who was contacted: a random draw cannot be foretold.

    Returns
    -------
    (auc, limit)
        How often the contacted one of a pair of the same draw is told from the other one, by trees that never saw
        the two customers; and the most that chance allows once in a thousand random draws.
    """
    target = contacts.contacted.astype(np.float64)
    score = _out_of_fold(contacts, target, _CHOSEN, seed, num_threads)
    above = pairs = noise = 0.0
    codes, names = pd.factorize(pd.Series(contacts.draw))
    for k in range(len(names)):
        mine = codes == k
        hit = contacts.contacted[mine]
        n, m = int(hit.sum()), int((~hit).sum())
        above += float(rankdata(score[mine])[hit].sum()) - n * (n + 1) / 2
        pairs += n * m
        noise += n * m * (n + m + 1) / 12
    return above / pairs, 0.5 + float(ndtri(_CHANCE)) * math.sqrt(noise) / pairs


@dataclass(frozen=True)
class Persuasion:
    """The trees that forecast by how much a contact lowers a customer's churn probability."""

    trees: str
    columns: tuple[str, ...]

    def uplift(self, X: pd.DataFrame, num_threads: int = 0) -> Floats:
        """Drop in the churn probability, for each row; negative for those whom a contact drives away."""
        matrix = X[list(self.columns)].to_numpy(dtype=np.float32)
        return tree_margins(read_trees(self.trees, len(self.columns)), matrix, num_threads)


@dataclass(frozen=True)
class Proof:
    """What a contact log proves.

    Attributes
    ----------
    verdict : {"uplift", "not_proven", "not_random", "too_few"}
        ``uplift``: the list may be ranked by it. ``not_proven``: it ranks no better than chance, or than risk.
        ``not_random``: who was contacted can be told from what was known before. ``too_few``: rows or leavers.
    rows, contacted, customers, draws : int
        Rows in draws with both groups, contacted ones among them, their customers, and the draws.
    effect, effect_low, effect_high : float
        Mean drop in the churn probability by a contact, with its 95 % interval by customer.
    auc, auc_limit : float
        As ``selection`` gives them.
    qini, qini_low, qini_high : float
        Coefficient of the ranking by uplift, on customers that its trees never saw, with its 95 % interval.
    qini_risk : float
        Coefficient of the ranking by churn probability.
    share, saved, saved_by_risk : tuple of float
        The two Qini curves at equal steps: share of customers, and customers saved.
    """

    verdict: Verdict
    rows: int
    contacted: int
    customers: int
    draws: int
    effect: float = math.nan
    effect_low: float = math.nan
    effect_high: float = math.nan
    auc: float = math.nan
    auc_limit: float = math.nan
    qini: float = math.nan
    qini_low: float = math.nan
    qini_high: float = math.nan
    qini_risk: float = math.nan
    share: tuple[float, ...] = ()
    saved: tuple[float, ...] = ()
    saved_by_risk: tuple[float, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """The figures as JSON values; what is not known is None."""
        found: dict[str, Any] = plain(dataclasses.asdict(self))
        return found

    @classmethod
    def from_dict(cls, raw: Mapping[str, Any]) -> Self:
        """The figures that ``to_dict`` gave."""
        told: dict[str, Any] = {
            name: math.nan if value is None else tuple(value) if isinstance(value, list) else value
            for name, value in raw.items()
        }
        return cls(**told)


def learn_uplift(
    contacts: LoggedContacts, *, seed: int = 0, num_threads: int = 0, draws: int = DRAWS
) -> tuple[Persuasion | None, Proof]:
    """Learn whom a contact persuades, and whether the list may be ranked by it.

    It may where the contacts were drawn at random, the Qini coefficient on customers held out is above 0 by more
    than chance, and it is not below that of the ranking by risk.

    Returns
    -------
    (Persuasion or None, Proof)
        None where the list must be ranked by risk x value; the verdict says why.
    """
    used = contacts.in_two_groups()
    hit, left = used.contacted, used.left
    facts: dict[str, Any] = {
        "rows": len(hit),
        "contacted": int(hit.sum()),
        "customers": len(pd.unique(pd.Series(used.customers))),
        "draws": len(pd.unique(pd.Series(used.draw))),
    }
    groups = (left[hit], left[~hit])
    if any(len(one) < FEWEST_ROWS or one.sum() < FEWEST_LEAVERS for one in groups):
        return None, Proof("too_few", **facts)
    transformed, found = _transformed(used), Proof("not_proven", **facts)
    found = dataclasses.replace(found, **_effect(transformed, used.customers))
    auc, limit = selection(used, seed=seed, num_threads=num_threads)
    found = dataclasses.replace(found, auc=auc, auc_limit=limit)
    if auc > limit:
        return None, dataclasses.replace(found, verdict="not_random")
    score = _out_of_fold(used, transformed, _EFFECT, seed, num_threads)
    found = dataclasses.replace(found, **_proven(score, used, draws, seed))
    if not (found.qini_low > 0 and found.qini >= found.qini_risk):
        return None, found
    trees = tree_text(_grown(used, transformed, _EFFECT, seed, num_threads))
    return Persuasion(trees, tuple(map(str, used.X.columns))), dataclasses.replace(found, verdict="uplift")


def _transformed(contacts: LoggedContacts) -> Floats:
    """For each row, a number whose mean is the drop in the churn probability."""
    e = contacts.share
    found: Floats = -(contacts.contacted - e) / (e * (1 - e)) * (contacts.left - contacts.probability)
    return found


def _effect(transformed: Floats, customers: NDArray[Any]) -> dict[str, Any]:
    """The mean, and its interval when rows of one customer hang together."""
    mean = float(transformed.mean())
    codes, _ = pd.factorize(pd.Series(customers))
    spread = math.sqrt(float((np.bincount(codes, transformed - mean) ** 2).sum())) / len(transformed)
    half = float(ndtri((1 + LEVEL) / 2)) * spread
    return {"effect": mean, "effect_low": mean - half, "effect_high": mean + half}


def _proven(score: Floats, contacts: LoggedContacts, draws: int, seed: int) -> dict[str, Any]:
    """Coefficients and curves of the rankings by uplift and by risk."""
    mine = qini(score, contacts.contacted, contacts.left, contacts.share)
    risk = qini(contacts.probability, contacts.contacted, contacts.left, contacts.share)
    low, high = qini_interval(score, contacts, draws=draws, seed=seed)
    # Any two customers of different folds meet twice, once to learn and once to test: half of that is no news.
    low, high = (mine.coefficient + _CROSSED * (end - mine.coefficient) for end in (low, high))
    grid = np.linspace(0, 1, _POINTS)
    return {
        "qini": mine.coefficient,
        "qini_low": low,
        "qini_high": high,
        "qini_risk": risk.coefficient,
        "share": tuple(map(float, grid)),
        "saved": tuple(map(float, np.interp(grid, mine.share, mine.saved))),
        "saved_by_risk": tuple(map(float, np.interp(grid, risk.share, risk.saved))),
    }


def _out_of_fold(
    contacts: LoggedContacts, target: Floats, rung: TreeSize, seed: int, num_threads: int
) -> Floats:
    """The forecast of each row by trees that never saw its customer."""
    folds = customer_folds(contacts.customers, FOLDS, seed)
    matrix, found = contacts.X.to_numpy(dtype=np.float32), np.zeros(len(folds))
    binned = Binned(matrix, (), num_threads)
    for fold in range(FOLDS):
        out, rows = np.flatnonzero(folds == fold), np.flatnonzero(folds != fold)
        if len(out):
            settings = _settings(rung, len(rows), matrix.shape[1])
            booster = binned.train(target, settings, rung.most, rows=rows, seed=seed)
            found[out] = tree_margins(booster, matrix[out], num_threads)
    return found


def _grown(contacts: LoggedContacts, target: Floats, rung: TreeSize, seed: int, num_threads: int) -> Any:
    """Trees of all rows."""
    binned = Binned(contacts.X.to_numpy(dtype=np.float32), (), num_threads)
    settings = _settings(rung, len(target), contacts.X.shape[1])
    return binned.train(target, settings, rung.most, seed=seed)


def _settings(rung: TreeSize, rows: int, columns: int) -> dict[str, Any]:
    return {**rung.params(columns), "min_data_in_leaf": max(20, int(_LEAF_SHARE * rows))}
