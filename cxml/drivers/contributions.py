"""From contributions to factors to reasons.

A contribution is what a feature adds to the calibrated log-odds of leaving; a factor's is the sum over its
features, so base + factors is the log-odds exactly.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import expit
from scipy.stats import spearmanr

from cxml.drivers import hits
from cxml.errors import ModelError, did_you_mean
from cxml.factors.declare import NAMED

Floats = NDArray[np.float64]
PREFIX = "contribution_"


def summary(scores: pd.DataFrame, labels: Mapping[str, Any]) -> pd.DataFrame:
    """What each factor does to the scored customers, the strongest first.

    Parameters
    ----------
    scores : DataFrame
        ``churn_probability``, ``base``, ``contribution_<factor>``, ``hit_<factor>`` (``hits.hit_factors``) and, where a
        value is configured, ``value_if_stays``.
    labels : dict
        As in the bundle: kind and family of each factor.

    Returns
    -------
    DataFrame
        ``factor``, ``kind``, ``family``; ``strength``: what its hits add to the log-odds, over all customers, by which
        factors are ordered; ``share_of_strength``: among the levers and columns, in [0, 1], NaN for others;
        ``importance``: mean absolute contribution (log-odds), ``share_of_importance`` in [0, 1];
        ``customers_hit``, ``share_hit``; ``odds_ratio``: exp of the mean hit; ``value_at_risk``: sum of
        probability x value if they stay over the hit; ``value_at_risk_without``: the same with the hit taken away;
        ``avoidable``: their difference, as the model sees it; ``leavers`` and ``leavers_without``: the same two sums
        without the value.
    """
    log_odds = _log_odds(scores)
    p = expit(log_odds)
    value = (
        scores["value_if_stays"].to_numpy(dtype=np.float64)
        if "value_if_stays" in scores
        else np.full(len(scores), np.nan)
    )
    rows = []
    for factor, label in labels["factors"].items():
        own = scores[PREFIX + factor].to_numpy(dtype=np.float64)
        added = scores[hits.PREFIX + factor].to_numpy(dtype=np.float64)
        hit = added > 0
        without = expit(log_odds[hit] - added[hit])
        at_risk, left = float((p[hit] * value[hit]).sum()), float((without * value[hit]).sum())
        rows.append(
            {
                "factor": factor,
                "kind": label["kind"],
                "family": label["family"],
                "strength": float(added.mean()) if len(added) else 0.0,
                "importance": float(np.abs(own).mean()) if len(own) else 0.0,
                "customers_hit": int(hit.sum()),
                "share_hit": float(hit.mean()) if len(own) else 0.0,
                "odds_ratio": float(np.exp(added[hit].mean())) if hit.any() else 1.0,
                "leavers": float(p[hit].sum()),
                "leavers_without": float(without.sum()),
                "value_at_risk": at_risk,
                "value_at_risk_without": left,
                "avoidable": at_risk - left,
            }
        )
    found = pd.DataFrame(rows)
    lever = found["kind"].isin(NAMED)
    for name, among in (("strength", lever), ("importance", lever | ~lever)):
        everything = found.loc[among, name].sum()
        shares = (found[name] / everything if everything else found[name] * 0.0).where(among)
        found.insert(list(found).index(name) + 1, f"share_of_{name}", shares)
    order = ["strength", "importance", "factor"]
    return found.sort_values(order, ascending=[False, False, True]).reset_index(drop=True)


def features(contributions: pd.DataFrame, frame: pd.DataFrame, labels: Mapping[str, Any]) -> pd.DataFrame:
    """What each feature does, the strongest first.

    Returns
    -------
    DataFrame
        ``feature``, ``factor``; ``importance``: mean absolute contribution (log-odds); ``slope``: rank
        correlation (Spearman) of its value with its contribution, above 0 where more of it goes with leaving,
        NaN for texts and constants; ``declared``: the direction that its factor's file expects.
    """
    rows = []
    for column in contributions.columns:
        own = contributions[column].to_numpy(dtype=np.float64)
        label = labels["features"][column]
        slope = np.nan
        if label["unit"] != "text":
            slope = _rank_correlation(np.asarray(frame[column].astype(float), dtype=np.float64), own)
        rows.append(
            {
                "feature": column,
                "factor": label["factor"],
                "importance": float(np.abs(own).mean()),
                "slope": slope,
                "declared": label["direction"],
            }
        )
    found = pd.DataFrame(rows)
    return found.sort_values(["importance", "feature"], ascending=[False, True]).reset_index(drop=True)


def effect(
    contributions: pd.DataFrame, frame: pd.DataFrame, labels: Mapping[str, Any], feature: str, bins: int = 20
) -> pd.DataFrame:
    """How what *feature* adds to the log-odds of leaving goes along its value.

    Parameters
    ----------
    contributions, frame : DataFrame
        Of the same rows, as from ``Bundle.feature_contributions`` and for it.
    labels : dict
        As in the bundle.
    feature : str
        A column of both.
    bins : int
        The most groups of like value; equal values are never parted. A text has a group per level.

    Returns
    -------
    DataFrame
        A row per group, in the order of the values, those not measured last: ``feature``, ``unit``; ``value``:
        its mean, or the level, missing where it was not measured; ``contribution``: its mean (log-odds), with ``low``
        and ``high``, its 10th and 90th percentile: customers of like value differ by all else that is known
        of them; ``rows``.

    Raises
    ------
    ModelError
        The frames do not hold the feature.

    Examples
    --------
    >>> labels = {"features": {"wait": {"unit": "s"}}}
    >>> found = effect(pd.DataFrame({"wait": [-0.2, -0.2, 0.6]}), pd.DataFrame({"wait": [30, 30, 400]}), labels, "wait")
    >>> found[["value", "contribution", "rows"]].to_dict("list")
    {'value': [30.0, 400.0], 'contribution': [-0.2, 0.6], 'rows': [2, 1]}
    """
    if feature not in contributions or feature not in frame:
        raise ModelError(
            f"there is no feature {feature!r}",
            where="the features of the model",
            expected="a column of both frames",
            fix=did_you_mean(feature, contributions.columns),
        )
    unit = labels["features"][feature]["unit"]
    if unit == "text":
        value = pd.Series(frame[feature].to_numpy(dtype=object), name="value")
        group, middle = value, "first"
    else:
        value = pd.Series(frame[feature].to_numpy(dtype=np.float64, na_value=np.nan), name="value")
        # By the mean rank, so that a value which many have is a group of its own.
        group, middle = pd.Series(np.ceil(value.rank(pct=True) * bins)), "mean"
    own = contributions[feature].to_numpy(dtype=np.float64)
    groups = pd.DataFrame({"value": value, "own": own}).groupby(group.rename("group"), dropna=False)
    found = groups.agg(value=("value", middle), contribution=("own", "mean"))
    found["low"], found["high"] = groups["own"].quantile(0.1), groups["own"].quantile(0.9)
    found["rows"] = groups.size()
    found.insert(0, "feature", feature)
    found.insert(1, "unit", unit)
    return found.reset_index(drop=True)


def _rank_correlation(value: Floats, own: Floats) -> float:
    """Spearman's, of the rows with a value; NaN where one side does not vary over them."""
    known = ~np.isnan(value)
    if not known.any() or np.ptp(value[known]) == 0 or np.ptp(own[known]) == 0:
        return np.nan
    return float(spearmanr(value[known], own[known]).statistic)


def directions(strongest: pd.DataFrame) -> pd.Series:
    """Whether worse service goes with leaving, per factor, from the frame of ``features``.

    Above 0: as declared, at most 1; below 0: the other way round; NaN where no feature of the factor has a
    declared direction. Features count by their importance.
    """
    sign = strongest["declared"].map({"+": 1.0, "-": -1.0})
    used = strongest.assign(agrees=strongest["slope"] * sign).dropna(subset=["agrees"])
    used = used[used["importance"] > 0]
    weighted = (used["agrees"] * used["importance"]).groupby(used["factor"]).sum()
    found: pd.Series = weighted / used.groupby("factor")["importance"].sum()
    return found


def backwards(strongest: pd.DataFrame) -> dict[str, float]:
    """The features whose values go with leaving the other way than declared, with their slopes, from ``features``."""
    sign = strongest["declared"].map({"+": 1.0, "-": -1.0})
    found = strongest[strongest["slope"] * sign < 0].sort_values("feature")
    return dict(zip(found["feature"], found["slope"].astype(float), strict=True))


def _log_odds(scores: pd.DataFrame) -> Floats:
    own = [column for column in scores.columns if column.startswith(PREFIX)]
    total: Floats = scores["base"].to_numpy(dtype=np.float64) + scores[own].to_numpy(dtype=np.float64).sum(
        axis=1
    )
    return total
