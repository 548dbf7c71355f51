"""How good a forecast is: ranking, calibration and value.

Tables of bins keep equal forecasts together, so no figure here depends on the order of the rows.
A figure that the data cannot give (one class only, no positive total) is NaN, never a guess.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from scipy.stats import binomtest, rankdata, spearmanr
from sklearn.isotonic import IsotonicRegression
from sklearn.metrics import average_precision_score, log_loss, roc_auc_score

from cxml.errors import DataError
from cxml.metrics.profit import empc

Floats = NDArray[np.float64]
NOISE_DRAWS = 1000
_BLOCK = 4_000_000
_LEAST_P = 1e-15


def loss_gap(
    y: ArrayLike, p: ArrayLike, other: ArrayLike, customers: ArrayLike | pd.Series
) -> tuple[float, float]:
    """How much higher the log loss of *p* is than that of *other* on the same rows, and the standard error of that.

    Rows of one customer hang together: the error is clustered by customer.

    Parameters
    ----------
    y : array-like of shape (rows,)
        1 for churned, 0 for stayed.
    p, other : array-like of shape (rows,)
        Probabilities.
    customers : array-like of shape (rows,)

    References
    ----------
    Diebold, Mariano (1995), Comparing predictive accuracy, Journal of Business and Economic Statistics 13; Liang,
    Zeger (1986), Longitudinal data analysis using generalized linear models, Biometrika 73 (clusters).

    Examples
    --------
    >>> gap, error = loss_gap([0, 0, 1, 1], [0.5] * 4, [0.1, 0.2, 0.8, 0.9], ["a", "b", "c", "d"])
    >>> round(gap, 3), round(error, 3)
    (0.529, 0.029)
    """
    hit = np.asarray(y, dtype=np.float64)

    def loss(at: ArrayLike) -> Floats:
        inside = np.clip(np.asarray(at, dtype=np.float64), _LEAST_P, 1 - _LEAST_P)
        return np.asarray(-np.where(hit == 1, np.log(inside), np.log1p(-inside)))

    difference = loss(p) - loss(other)
    return float(difference.mean()), clustered_error(difference, pd.factorize(pd.Series(customers))[0])


def clustered_error(difference: Floats, keys: NDArray[np.int64]) -> float:
    """Standard error of the mean of *difference* when rows of one customer, by number, hang together."""
    sums = np.bincount(keys, weights=difference - difference.mean())
    return float(np.sqrt(np.sum(sums**2)) / len(difference))


def churn_metrics(y: ArrayLike, p: ArrayLike, *, seed: int = 0) -> dict[str, float]:
    """Ranking and calibration of churn probabilities.

    Parameters
    ----------
    y : array-like of shape (rows,)
        1 for churned, 0 for stayed.
    p : array-like of shape (rows,)
        Probabilities in [0, 1].
    seed : int
        Seed of the simulation behind ``ece_noise_p99``.

    Returns
    -------
    dict
        ``auc``, ``pr_auc`` (average precision), ``log_loss`` (nats), ``brier``, ``miscalibration`` (how
        much of the Brier score the best rising change of the probabilities would take away, had it been
        known: never quite 0, a diagnostic and no forecast), ``ece`` (10 equal-count bins),
        ``ece_noise_p99`` (what a perfect model with these probabilities stays below in 99 of 100
        samples of this size), ``top_decile_lift``, ``empc`` and ``empc_share`` (expected maximum profit
        of a campaign, per customer, and the share to contact for it, at the published costs: a customer
        is worth 200, a contact 1, an offer 10), ``base_rate``, ``mean_probability``, ``rows``,
        ``events``. ``auc`` and ``pr_auc`` are NaN with one class.

    Raises
    ------
    DataError
        Lengths differ, a value is missing, or something is no probability or no 0/1 outcome.

    References
    ----------
    Naeini, Cooper, Hauskrecht (2015), Obtaining well calibrated probabilities using Bayesian
    binning, AAAI (the expected calibration error); Broecker, Smith (2007), Increasing the
    reliability of reliability diagrams, Weather and Forecasting 22 (its sampling noise); Dimitriadis,
    Gneiting, Jordan (2021), Stable reliability diagrams for probabilistic classifiers, PNAS 118 (the
    miscalibration); Verbraken, Verbeke, Baesens (2013), as in ``cxml.metrics.profit.empc``.

    Examples
    --------
    >>> found = churn_metrics([0, 0, 1, 1], [0.1, 0.4, 0.3, 0.8])
    >>> found["auc"], found["events"]
    (0.75, 2.0)
    """
    outcome, prob = _pair(y, p)
    if prob.min() < 0 or prob.max() > 1 or not np.isin(outcome, (0.0, 1.0)).all():
        raise DataError(
            "outcomes must be 0 or 1 and probabilities must lie in [0, 1]",
            where="churn metrics",
            fix="pass the churned column and the second column of predict_proba",
        )
    both, campaign = 0 < outcome.sum() < len(outcome), empc(outcome, prob)
    brier = float(np.mean((prob - outcome) ** 2))
    return {
        "auc": float(roc_auc_score(outcome, prob)) if both else float("nan"),
        "pr_auc": float(average_precision_score(outcome, prob)) if both else float("nan"),
        "log_loss": float(log_loss(outcome, prob, labels=[0, 1])),
        "brier": brier,
        "miscalibration": brier - float(np.mean((_isotonic(outcome, prob) - outcome) ** 2)),
        "ece": expected_calibration_error(outcome, prob),
        "ece_noise_p99": calibration_noise(prob, seed=seed),
        "top_decile_lift": _top_lift(outcome, prob, 0.1),
        "empc": campaign.profit,
        "empc_share": campaign.fraction,
        "base_rate": float(outcome.mean()),
        "mean_probability": float(prob.mean()),
        "rows": float(len(outcome)),
        "events": float(outcome.sum()),
    }


def value_metrics(actual: ArrayLike, predicted: ArrayLike) -> dict[str, float]:
    """Ranking, level and error of forecasts of value.

    Parameters
    ----------
    actual, predicted : array-like of shape (rows,)
        Money earned in the horizon, and its forecast, in one currency. Both may be negative.

    Returns
    -------
    dict
        ``gini`` (1: as good as knowing the answer, 0: random order), ``spearman``,
        ``decile_mape`` (mean over deciles of the forecast with a positive actual mean of
        |predicted mean / actual mean - 1|), ``mae``, ``rmse`` (money), ``total_error`` (predicted
        total / actual total - 1), ``rows``. NaN where the actual total is not positive, or where a
        constant has no rank.

    Raises
    ------
    DataError
        Lengths differ or a value is missing.

    References
    ----------
    Wang, Liu, Miao (2019), A deep probabilistic model for customer lifetime value prediction,
    arXiv 1912.07753 (normalised Gini, decile charts).

    Examples
    --------
    >>> found = value_metrics([0, 0, 10, 90], [1, 1, 2, 80])
    >>> found["gini"], round(found["total_error"], 2)
    (1.0, -0.16)
    """
    truth, forecast = _pair(actual, predicted)
    varied = len(np.unique(truth)) > 1 and len(np.unique(forecast)) > 1
    total = float(truth.sum())
    return {
        "gini": normalised_gini(truth, forecast),
        "spearman": float(spearmanr(truth, forecast).statistic) if varied else float("nan"),
        "decile_mape": _decile_mape(truth, forecast),
        "mae": float(np.mean(np.abs(forecast - truth))),
        "rmse": float(np.sqrt(np.mean((forecast - truth) ** 2))),
        "total_error": float(forecast.sum()) / total - 1 if total > 0 else float("nan"),
        "rows": float(len(truth)),
    }


def expected_calibration_error(y: ArrayLike, p: ArrayLike, bins: int = 10) -> float:
    """Mean over equal-count bins, weighted by rows, of |mean probability - share of churned|.

    >>> expected_calibration_error([0, 1, 0, 1], [0.5, 0.5, 0.5, 0.5])
    0.0
    """
    table = calibration_table(y, p, bins)
    return float(np.average((table["predicted"] - table["actual"]).abs(), weights=table["rows"]))


def calibration_noise(p: ArrayLike, bins: int = 10, *, seed: int = 0, quantile: float = 0.99) -> float:
    """The calibration error that a perfect model with these probabilities shows by chance.

    Outcomes are drawn from *p* itself, 1,000 times; the result is that *quantile* of their
    calibration errors. A bar for ``ece`` that is fair at every sample size.

    >>> noise = calibration_noise([0.1] * 1000)
    >>> 0.01 < noise < 0.06
    True
    """
    prob = np.asarray(p, dtype=np.float64)
    rng = np.random.default_rng(seed)
    which = _equal_count(prob, bins)
    gaps = np.zeros(NOISE_DRAWS)
    for one in np.unique(which):
        inside = prob[which == one].astype(np.float32)
        step = max(1, _BLOCK // len(inside))
        for start in range(0, NOISE_DRAWS, step):
            draws = min(step, NOISE_DRAWS - start)
            hits = (rng.random((draws, len(inside)), dtype=np.float32) < inside).sum(axis=1)
            gaps[start : start + draws] += np.abs(hits - prob[which == one].sum())
    return float(np.quantile(gaps / len(prob), quantile))


def calibration_table(y: ArrayLike, p: ArrayLike, bins: int = 10) -> pd.DataFrame:
    """Predicted against actual share of churned, by equal-count bins of the probability.

    Returns
    -------
    DataFrame
        One row per bin, from the lowest probability up: ``bin`` (from 1), ``rows``, ``predicted``
        (mean probability), ``actual`` (share of churned), ``low``, ``high`` (95 % Wilson interval
        of the share), ``isotonic`` (mean of the rising step function that fits all rows best: where it
        leaves the diagonal, no chance of the bins' edges does).

    References
    ----------
    Wilson (1927), Probable inference, the law of succession, and statistical inference, JASA 22.
    """
    outcome, prob = _pair(y, p)
    table = _by_bin(outcome, prob, bins)
    hits = (table["actual"] * table["rows"]).round().astype(np.int64)
    ends = [
        binomtest(n, rows).proportion_ci(0.95, method="wilson")
        for n, rows in zip(hits.tolist(), table["rows"].tolist(), strict=True)
    ]
    rising = _by_bin(_isotonic(outcome, prob), prob, bins)["actual"]
    return table.assign(low=[one.low for one in ends], high=[one.high for one in ends], isotonic=rising)


def lift_table(
    y: ArrayLike, p: ArrayLike, shares: Sequence[float] = (0.01, 0.05, 0.1, 0.2, 0.3, 0.5)
) -> pd.DataFrame:
    """What calling the riskiest part of the customers finds.

    Returns
    -------
    DataFrame
        One row per share: ``share`` of customers called, ``rows`` called, ``churned`` among them
        (the expected number where equal probabilities straddle the edge), ``precision``,
        ``recall`` (part of all who churn) and ``lift`` (precision / base rate).
    """
    outcome, prob = _pair(y, p)
    gain = _cumulative(outcome, prob)
    called = np.maximum(1, np.round(np.asarray(shares) * len(outcome))).astype(int)
    churned, rate = gain[called - 1], outcome.mean()
    with np.errstate(divide="ignore", invalid="ignore"):
        return pd.DataFrame(
            {
                "share": list(shares),
                "rows": called,
                "churned": churned,
                "precision": churned / called,
                "recall": churned / outcome.sum(),
                "lift": churned / called / rate,
            }
        )


def decile_table(actual: ArrayLike, predicted: ArrayLike, bins: int = 10) -> pd.DataFrame:
    """Predicted against actual mean value, by equal-count bins of the forecast, the highest first.

    Returns
    -------
    DataFrame
        ``bin`` (1 holds the highest forecasts), ``rows``, ``predicted``, ``actual`` (means, money).
    """
    truth, forecast = _pair(actual, predicted)
    table = _by_bin(truth, -forecast, bins)
    return table.assign(predicted=-table["predicted"])


def normalised_gini(actual: ArrayLike, predicted: ArrayLike) -> float:
    """Gini of the actual values ordered by forecast, over the Gini of their own order.

    The cumulative share of value, from the highest forecast down, is averaged over customers:
    ``2 * mean - 1``. Equal forecasts share their value evenly.

    >>> normalised_gini([1, 2, 3, 4], [4, 3, 2, 1])
    -1.0
    """
    truth, forecast = _pair(actual, predicted)
    total = truth.sum()
    if total <= 0:
        return float("nan")
    # Half a step less than the plain mean of the cumulative shares: then a random order is 0.
    found, best = (
        2 * float(np.mean(_cumulative(truth, by))) / total - 1 - 1 / len(truth) for by in (forecast, truth)
    )
    return float(round(found / best, 12)) if best > 1e-12 else float("nan")


def _decile_mape(truth: Floats, forecast: Floats) -> float:
    table = decile_table(truth, forecast)
    table = table[table["actual"] > 0]
    return float((table["predicted"] / table["actual"] - 1).abs().mean()) if len(table) else float("nan")


def _isotonic(outcome: Floats, prob: Floats) -> Floats:
    """The rising function of the probability that is nearest to the outcomes, at each row."""
    fitted = IsotonicRegression(y_min=0.0, y_max=1.0).fit_transform(prob, outcome)
    return np.asarray(fitted, dtype=np.float64)


def _top_lift(outcome: Floats, prob: Floats, share: float) -> float:
    return float(lift_table(outcome, prob, (share,))["lift"].iloc[0])


def _cumulative(worth: Floats, by: Floats) -> Floats:
    """Running sum of *worth* from the highest *by* down; ties get their mean."""
    order = np.argsort(-by, kind="stable")
    sorted_by, sorted_worth = by[order], worth[order]
    starts = np.flatnonzero(np.r_[True, sorted_by[1:] != sorted_by[:-1]])
    sizes = np.diff(np.r_[starts, len(by)])
    means = np.add.reduceat(sorted_worth, starts) / sizes
    running: Floats = np.cumsum(np.repeat(means, sizes))
    return running


def _equal_count(by: Floats, bins: int) -> NDArray[np.int64]:
    """Bin of each row, 0 the lowest, by its mean rank: ties stay together, order plays no part."""
    rank = rankdata(by, method="average")
    which: NDArray[np.int64] = np.minimum((bins * (rank - 0.5) / len(by)).astype(np.int64), bins - 1)
    return which


def _by_bin(truth: Floats, by: Floats, bins: int) -> pd.DataFrame:
    frame = pd.DataFrame({"which": _equal_count(by, bins), "predicted": by, "actual": truth})
    table = frame.groupby("which", sort=True).agg(
        rows=("actual", "size"), predicted=("predicted", "mean"), actual=("actual", "mean")
    )
    table.insert(0, "bin", np.arange(1, len(table) + 1))
    return table.reset_index(drop=True)


def _pair(actual: ArrayLike, predicted: ArrayLike) -> tuple[Floats, Floats]:
    truth, forecast = np.asarray(actual, dtype=np.float64), np.asarray(predicted, dtype=np.float64)
    if truth.ndim != 1 or truth.shape != forecast.shape or not len(truth):
        raise DataError(
            f"actual has shape {truth.shape}, predicted {forecast.shape}",
            where="metrics",
            expected="two equally long columns with at least one row",
            fix="pass the outcome and the forecast of the same rows",
        )
    missing = int((~np.isfinite(truth)).sum()), int((~np.isfinite(forecast)).sum())
    if any(missing):
        raise DataError(
            f"{missing[0]} actual and {missing[1]} predicted values are missing or infinite",
            where="metrics",
            expected="a finite number in every row",
            fix="drop the rows without an outcome before you measure",
        )
    return truth, forecast
