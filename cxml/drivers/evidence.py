"""What stands behind a factor, in figures that anybody can follow: how sure its rank is, how it moved, whom it hits.

The model's contributions say how much a factor weighs. Beside them stand three things that need no model to be
understood: between which ranks the factor moves when other customers are drawn, how many customers it hit at each
cutoff, and how much more often those beyond a plain threshold of its strongest feature left than the others.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from cxml.drivers import hits
from cxml.factors.declare import NAMED
from cxml.models.bundle import Bundle
from cxml.sampling import hash_share

Floats = NDArray[np.float64]
DRAWS = 400
CUTOFFS = 6
SAMPLE = 5_000
"""Customers of a cutoff that are looked at."""
_BLOCK = 50
_Z = 1.959964
_GROUPS, _FEWEST_GROUPS = 8, 3
_PLAIN = ("flag", "text")
_BAD_SHARE = 0.8
_NEAR = 0.25
_FEWEST = 100
_FEWEST_LEAVERS = 10
_SECONDS = (
    30,
    60,
    90,
    120,
    180,
    240,
    300,
    360,
    480,
    600,
    900,
    1200,
    1800,
    2700,
    3600,
    7200,
    14400,
    28800,
    86400,
)
_STEPS = (1.0, 1.5, 2.0, 2.5, 3.0, 4.0, 5.0, 6.0, 8.0)


def ranks(added: pd.DataFrame, customers: ArrayLike, *, draws: int = DRAWS, seed: int = 0) -> pd.DataFrame:
    """Between which ranks each factor moves when other customers are drawn: a bootstrap by customer.

    Parameters
    ----------
    added : DataFrame of shape (rows, factors)
        What each factor adds to the log-odds, such as its hits (``hits_of``); the columns are the factors to rank.
    customers : array of shape (rows,)
        Whose row it is: all rows of a customer are drawn together.
    draws, seed : int

    Returns
    -------
    DataFrame
        Index ``factor``; ``rank`` by the mean (of absolute values), 1 the strongest, ``rank_low`` and
        ``rank_high``: the 5th and 95th percentile of the draws, ``first``: share of the draws in which it leads,
        ``weight_low`` and ``weight_high``: the same percentiles of its weight (the mean), over the weight itself.

    References
    ----------
    Efron, Tibshirani (1993), An introduction to the bootstrap; Cameron, Gelbach, Miller (2008), Review of
    Economics and Statistics 90(3) (drawing whole clusters).

    Examples
    --------
    >>> found = ranks(pd.DataFrame({"waiting": [0.5, -0.4, 0.6], "price": [0.1, 0.0, 0.1]}), ["a", "b", "c"])
    >>> found.loc["waiting", ["rank", "rank_low", "rank_high"]].astype(int).tolist()
    [1, 1, 1]
    """
    whose = np.unique(np.asarray(customers).astype(str), return_inverse=True)[1]
    weight = np.abs(added.to_numpy(dtype=np.float64))
    sums = np.stack([np.bincount(whose, weights=column) for column in weight.T], axis=1)
    rng = np.random.default_rng(seed)
    of_all = np.column_stack([np.bincount(whose), sums])
    drawn = np.concatenate(
        [
            np.asarray(rng.poisson(1.0, (min(_BLOCK, draws - done), len(sums))) @ of_all, dtype=np.float64)
            for done in range(0, draws, _BLOCK)
        ]
    )
    places = _places(drawn[:, 1:])
    low, high = np.quantile(places, [0.05, 0.95], axis=0, method="inverted_cdf")
    means = drawn[:, 1:] / np.maximum(drawn[:, :1], 1.0)
    lightest, heaviest = np.quantile(means, [0.05, 0.95], axis=0) / np.maximum(weight.mean(axis=0), 1e-12)
    return pd.DataFrame(
        {
            "rank": _places(sums.sum(axis=0)[None, :])[0],
            "rank_low": low.astype(int),
            "rank_high": high.astype(int),
            "first": (places == 1).mean(axis=0),
            "weight_low": lightest,
            "weight_high": heaviest,
        },
        index=pd.Index(added.columns, name="factor"),
    )


def _places(strength: Floats) -> NDArray[np.int64]:
    """The rank of each column in each row: 1 is the largest, equals in the order of the columns."""
    order = np.argsort(-strength, axis=1, kind="stable")
    places = np.empty_like(order)
    np.put_along_axis(places, order, np.arange(1, order.shape[1] + 1)[None, :], axis=1)
    return places


def history(bundle: Bundle, frame: pd.DataFrame, factors: Sequence[str]) -> pd.DataFrame:
    """How each of *factors* stood at the last cutoffs of *frame*, by the model as it is now.

    Returns
    -------
    DataFrame
        A row per cutoff and factor: ``cutoff`` (ISO), ``factor``, ``strength`` (mean hit, log-odds), ``share_hit``
        (in [0, 1]) and ``rank`` among *factors*; customers are compared with what was usual at that cutoff. Of many
        customers at most 5,000 per cutoff are looked at, drawn by their id.
    """
    rows = []
    for cutoff in sorted(frame["cutoff"].unique())[-CUTOFFS:]:
        added = hits_of(bundle, sampled(frame[frame["cutoff"] == cutoff]), factors)
        strength = added.mean().to_numpy()
        rows.append(
            pd.DataFrame(
                {
                    "cutoff": pd.Timestamp(cutoff).isoformat(),
                    "factor": list(factors),
                    "strength": strength,
                    "share_hit": (added > 0).mean().to_numpy(),
                    "rank": _places(strength[None, :])[0],
                }
            )
        )
    return pd.concat(rows, ignore_index=True)


def sampled(frame: pd.DataFrame) -> pd.DataFrame:
    """At most about 5,000 rows of one cutoff, the same customers whatever their order."""
    if len(frame) <= SAMPLE:
        return frame
    return frame[hash_share(frame["customer_id"], 0) < SAMPLE / len(frame)]


def hits_of(bundle: Bundle, frame: pd.DataFrame, factors: Sequence[str]) -> pd.DataFrame:
    """What each of *factors* adds to the log-odds of each row by its hit, compared with the other rows."""
    contributions = bundle.explain(frame)[1]
    found = hits.hit_factors(contributions, frame, bundle.labels, bundle.info)
    return pd.DataFrame({factor: found[hits.PREFIX + factor].to_numpy() for factor in factors})


@dataclass(frozen=True)
class Comparison:
    """Customers beyond a plain threshold of a feature beside all others of whom it is known.

    Attributes
    ----------
    feature : str
        A column.
    threshold : float
        In the unit of the feature.
    above : bool
        Whether the bad side lies above the threshold, or below it.
    left, left_others : float
        Share that left within the horizon, on the bad side and on the other.
    ratio, low, high : float
        How many times as often they left, and its 95 % interval, clustered by customer.
    customers, rows : int
        Of the bad side, over all cutoffs that were looked at.
    level : str
        Of a text: those who have this value are beside all others, and the threshold is its place among the levels.

    References
    ----------
    Katz, Baptista, Azen, Pike (1978), Biometrics 34(3) (interval of a ratio on its logarithm).
    """

    feature: str
    threshold: float
    above: bool
    left: float
    left_others: float
    ratio: float
    low: float
    high: float
    customers: int
    rows: int
    level: str = ""

    def beyond(self, value: ArrayLike) -> NDArray[np.bool_]:
        """Which values lie on the bad side; what is missing does not."""
        return beyond(value, self.threshold, self.above, self.level)


def beyond(value: ArrayLike, threshold: float, above: bool, level: str = "") -> NDArray[np.bool_]:
    """Which values lie on the bad side of *threshold*, or are the *level* of a text; what is missing does not."""
    if level:
        return np.asarray(pd.Series(value).astype(object).astype(str) == level)
    known = np.asarray(value, dtype=np.float64)
    return np.asarray(known > threshold if above else known < threshold)


def comparison(frame: pd.DataFrame, feature: str, label: Mapping[str, Any]) -> Comparison | None:
    """Compare the customers on the bad side of *feature* with the others; None where there are too few.

    Parameters
    ----------
    frame : DataFrame
        Snapshots with ``customer_id``, ``churned`` and the feature.
    label : mapping
        Of the feature: ``unit``, and ``direction``, which says where the bad side is. Of a text with ``levels`` the bad
        side is one of them.
    """
    if label["unit"] == "text":
        return _of_level(frame, feature) if "levels" in label else None
    if label["direction"] not in ("+", "-"):
        return None
    everyone: Floats = np.asarray(frame[feature].astype(float), dtype=np.float64)
    rows = frame[np.isfinite(everyone)]
    value = np.asarray(everyone[np.isfinite(everyone)], dtype=np.float64)
    above = label["direction"] == "+"
    threshold = _threshold(value, above, label["unit"])
    if threshold is None:
        return None
    return _compared(rows, beyond(value, threshold, above), feature, threshold, above)


def _of_level(frame: pd.DataFrame, feature: str) -> Comparison | None:
    """The level of a text, of those that enough customers have, whose customers left most often for certain."""
    rows = frame[frame[feature].notna()]
    text = rows[feature].astype(object).astype(str)
    made = (
        _compared(rows, (text == level).to_numpy(), feature, 0.0, True, level)
        for level in sorted(text.unique())
    )
    return max((one for one in made if one is not None), key=lambda one: one.low, default=None)


def _compared(
    frame: pd.DataFrame, bad: NDArray[np.bool_], feature: str, threshold: float, above: bool, level: str = ""
) -> Comparison | None:
    """How often the rows that are *bad* left, beside the others; None where there are too few."""
    churned: Floats = frame["churned"].to_numpy(dtype=np.float64)
    customers = frame["customer_id"].astype(str).to_numpy()
    fewest_leavers = min(churned[bad].sum(), churned[~bad].sum())
    if min(bad.sum(), (~bad).sum()) < _FEWEST or fewest_leavers < _FEWEST_LEAVERS:
        return None
    left, others = churned[bad].mean(), churned[~bad].mean()
    part = np.where(bad, (churned - left) / (bad.sum() * left), -(churned - others) / ((~bad).sum() * others))
    error = np.sqrt(np.square(np.bincount(np.unique(customers, return_inverse=True)[1], weights=part)).sum())
    ratio = left / others
    return Comparison(
        feature=feature,
        threshold=threshold,
        above=above,
        left=float(left),
        left_others=float(others),
        ratio=float(ratio),
        low=float(ratio * np.exp(-_Z * error)),
        high=float(ratio * np.exp(_Z * error)),
        customers=len(np.unique(customers[bad])),
        rows=int(bad.sum()),
        level=level,
    )


def _threshold(value: Floats, above: bool, unit: str) -> float | None:
    """A round figure that about a fifth of the known values lie beyond; where most are at their best, that best."""
    if not len(value) or np.ptp(value) == 0:
        return None
    best = float(value.min() if above else value.max())
    edge = float(np.quantile(value, _BAD_SHARE if above else 1 - _BAD_SHARE))
    if edge == best or unit == "flag":
        return best
    round_one = rounded(edge, unit)
    # A round figure, or the edge itself, may leave nobody beyond it where values are few and far between.
    if 0 < beyond(value, round_one, above).mean() < 0.5:
        return round_one
    if beyond(value, edge, above).any():
        return edge
    return float(value[value < edge].max() if above else value[value > edge].min())


def rounded(value: float, unit: str) -> float:
    """The nearest figure that people say aloud.

    >>> rounded(343.0, "s"), rounded(0.27, "share"), rounded(-13.4, "money"), rounded(86401.0, "s")
    (360.0, 0.25, -15.0, 86400.0)
    """
    if value == 0 or not np.isfinite(value):
        return value
    size = abs(value)
    if unit == "s" and _SECONDS[0] <= size <= _SECONDS[-1]:
        steps = np.array(_SECONDS, dtype=np.float64)
    else:
        one = _SECONDS[-1] if unit == "s" and size > _SECONDS[-1] else 1.0  # from a day on, days are said
        scale = one * 10.0 ** np.floor(np.log10(size / one))
        steps = np.array([step * scale for step in (*_STEPS, 10.0)])
    return float(np.sign(value) * steps[np.abs(steps - size).argmin()])


def curve(frame: pd.DataFrame, feature: str, unit: str) -> pd.DataFrame:
    """How often customers left by the value of a feature.

    Parameters
    ----------
    frame : DataFrame
        Snapshots with ``customer_id``, ``churned`` and the feature.
    unit : str
        Of the feature; flags and texts have no curve.

    Returns
    -------
    DataFrame
        A row per group of like value, equal values never parted: ``value`` (mean), ``left`` (share) with ``low`` and
        ``high``, its 95 % interval, all rows of a customer being one draw, and ``customers``. Groups of fewer than
        100 rows are left out; nothing is left of a feature with fewer than three groups.
    """
    columns = ["value", "left", "low", "high", "customers"]
    if unit in _PLAIN or not frame[feature].notna().any():
        return pd.DataFrame(columns=columns)
    known = (
        frame[["customer_id", "churned"]].assign(value=frame[feature].astype(float)).dropna(subset=["value"])
    )
    groups = known.groupby(np.ceil(known["value"].rank(pct=True) * _GROUPS))
    rows = [_left(group) for _, group in groups if len(group) >= _FEWEST]
    return pd.DataFrame(rows if len(rows) >= _FEWEST_GROUPS else [], columns=columns)


def _left(group: pd.DataFrame) -> tuple[float, float, float, float, int]:
    """The mean value of a group, the share that left with its interval, and the customers."""
    left = float(group["churned"].mean())
    by_customer = (group["churned"] - left).groupby(group["customer_id"]).sum()
    # Where nobody left, as many as three may have left unseen.
    reach = _Z * float(np.sqrt(np.square(by_customer).sum())) / len(group) if 0 < left < 1 else 3 / len(group)
    ends = max(left - reach, 0.0), min(left + reach, 1.0)
    return float(group["value"].mean()), left, *ends, len(by_customer)


def comparisons(
    frame: pd.DataFrame, strongest: pd.DataFrame, labels: Mapping[str, Any]
) -> dict[str, Comparison]:
    """For each lever one comparison that stands for it.

    Of the features that weigh at least a quarter as much as the factor's strongest (in the frame of
    ``drivers.features``) it is the first on whose bad side customers clearly left more often; where there is none,
    the first that can be compared at all.
    """
    found: dict[str, Comparison] = {}
    levers = [name for name, label in labels["factors"].items() if label["kind"] in NAMED]
    for factor in levers:
        own = strongest[(strongest["factor"] == factor) & (strongest["importance"] > 0)]
        near = own[own["importance"] >= _NEAR * own["importance"].max()]
        made = (
            comparison(frame, feature, label)
            for feature, slope in zip(near["feature"], near["slope"], strict=True)
            for label in _directed(labels, factor, feature, slope)
        )
        told = [one for one in made if one is not None]
        if told:
            found[factor] = next((one for one in told if one.low > 1), told[0])
    return found


def _directed(
    labels: Mapping[str, Any], factor: str, feature: str, slope: float
) -> Iterator[Mapping[str, Any]]:
    """The label of a feature; of a number of which nobody said a direction, with that of its *slope*, then the other.

    Both ends may raise the risk, or the model may lean on it the other way than customers left who differ in much else.
    """
    label: Mapping[str, Any] = labels["features"][feature]
    if labels["factors"][factor]["kind"] != "column" or label["unit"] == "text":
        yield label
    elif np.isfinite(slope):
        for way in "+-" if slope > 0 else "-+":
            yield {**label, "direction": way}


def contradicted(compared: Mapping[str, Comparison], labels: Mapping[str, Any]) -> list[str]:
    """The features without a declared direction that raise the risk where fewer left than elsewhere.

    The model may be right, with everything else held still; as a reason beside a plain count it would be untrue.
    """
    return [
        one.feature
        for one in compared.values()
        if one.high < 1 and labels["features"][one.feature]["direction"] not in ("+", "-")
    ]


def evidence_of(
    bundle: Bundle, frame: pd.DataFrame, test: pd.DataFrame, compared: Mapping[str, Comparison]
) -> dict[str, Any]:
    """All of it as JSON values: ``ranks``, ``comparisons`` and their ``curves`` by factor, the rows of ``history``.

    Parameters
    ----------
    bundle : Bundle
    frame : DataFrame
        Snapshots of all cutoffs with their outcome.
    test : DataFrame
        Those of the test cutoff, on which factors are ranked.
    compared : mapping of str to Comparison
        As from ``comparisons``.
    """
    levers = [name for name, label in bundle.labels["factors"].items() if label["kind"] in NAMED]
    if not levers:  # a table of attributes alone
        return {"ranks": {}, "history": [], "comparisons": {}, "curves": {}}
    shown = sampled(test)
    ranked = ranks(hits_of(bundle, shown, levers), shown["customer_id"])
    return {
        "ranks": ranked.to_dict("index"),
        "history": history(bundle, frame, levers).to_dict("records"),
        "comparisons": {factor: asdict(one) for factor, one in compared.items()},
        "curves": {
            factor: curve(frame, one.feature, bundle.labels["features"][one.feature]["unit"]).to_dict("list")
            for factor, one in compared.items()
        },
    }
