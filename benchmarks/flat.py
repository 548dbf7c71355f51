"""Ten flat tables made for the purpose, beside what others reach: ``python benchmarks/flat.py [--seeds S] [--first F]``.

Each table is hard in one way: columns that matter only three together, rare leavers, more columns than the rows can
bear, a column with hundreds of levels, gaps that tell, steps, nothing at all, a column that nearly gives it away, a ratio,
heavy tails. Figures are log losses on 20,000 fresh rows: cxml with its defaults, LightGBM with its defaults and tuned (20
random sizes on five folds of the training rows), scikit-learn's HistGradientBoosting with its defaults, logistic regression;
``ratio`` is cxml over the best of the others. Seeds from 1000 on are for choosing, 0 to 9 for the results.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import Any

import lightgbm as lgb
import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import expit
from sklearn.metrics import log_loss
from sklearn.model_selection import StratifiedKFold

from cxml.metrics.forecasts import churn_metrics
from cxml.models.baselines import BoostedBaseline, LogisticBaseline
from cxml.models.churn import ChurnClassifier

Floats = NDArray[np.float64]
Table = tuple[pd.DataFrame, Floats]
TESTED = 20_000
TRIALS = 20
_LEAST = 1e-6


def _numbers(rng: np.random.Generator, rows: int, columns: int) -> pd.DataFrame:
    return pd.DataFrame(rng.normal(size=(rows, columns)), columns=[f"x{i}" for i in range(columns)])


def interactions(rng: np.random.Generator, rows: int) -> Table:
    """Three columns that say nothing alone nor in pairs."""
    X = _numbers(rng, rows, 12)
    return X, -1 + 2.5 * np.sign(X.x0 * X.x1 * X.x2) + 0.3 * X.x3


def rare(rng: np.random.Generator, rows: int) -> Table:
    """One in a hundred leaves."""
    X = _numbers(rng, rows, 20)
    return X, -5.5 + 0.9 * X.x0 + 0.7 * X.x1 + 0.5 * (X.x2 > 1) + 0.6 * X.x0 * X.x3


def wide(rng: np.random.Generator, rows: int) -> Table:
    """60 columns, of which eight matter a little."""
    X = _numbers(rng, rows, 60)
    return X, -1.3 + X.iloc[:, :8] @ np.array([0.5, -0.4, 0.4, 0.3, -0.3, 0.3, 0.2, 0.2])


def levels(rng: np.random.Generator, rows: int) -> Table:
    """A column with 200 levels of its own effects."""
    X = _numbers(rng, rows, 6)
    which = np.minimum(rng.exponential(40, rows).astype(int), 199)
    X["shop"] = [f"s{i:03d}" for i in which]
    return X, -1.2 + np.random.default_rng(7).normal(0, 0.9, 200)[which] + 0.5 * X.x0


def gaps(rng: np.random.Generator, rows: int) -> Table:
    """What is missing is missing for a reason."""
    X = _numbers(rng, rows, 10)
    eta = -1.5 + 0.8 * X.x0 + 0.5 * X.x1
    lost = rng.random(rows) < expit(2 * X.x0 - 1)
    X.loc[lost, "x0"] = np.nan
    X.loc[rng.random(rows) < expit(X.x1), "x2"] = np.nan
    return X, eta + 0.7 * lost


def steps(rng: np.random.Generator, rows: int) -> Table:
    """Rising steps and saturation."""
    X = pd.DataFrame(rng.gamma(1.0, 2.0, size=(rows, 8)), columns=[f"x{i}" for i in range(8)])
    return X, -2.5 + 1.5 * (X.x0 > 3) + 1.2 * np.minimum(X.x1, 2) / 2 + 1.0 * (X.x2 > 1) - 0.8 * (X.x3 > 2)


def noise(rng: np.random.Generator, rows: int) -> Table:
    """Nothing says anything."""
    return _numbers(rng, rows, 20), np.full(rows, -1.4)


def giveaway(rng: np.random.Generator, rows: int) -> Table:
    """A column that nearly gives the outcome away."""
    X = _numbers(rng, rows, 10)
    return X, -1.5 + 6.0 * X.x0 + 0.8 * X.x1 * X.x2


def ratio(rng: np.random.Generator, rows: int) -> Table:
    """The ratio of two columns decides."""
    X = pd.DataFrame(rng.lognormal(1, 0.8, size=(rows, 8)), columns=[f"x{i}" for i in range(8)])
    return X, -1.5 + 2.0 * np.tanh(2 * np.log(X.x0 / X.x1)) + 0.4 * np.log(X.x2)


def tails(rng: np.random.Generator, rows: int) -> Table:
    """Amounts over six orders of magnitude, a few of them absurd."""
    X = pd.DataFrame(rng.lognormal(2, 2.0, size=(rows, 10)), columns=[f"x{i}" for i in range(10)])
    eta = -1.5 + 0.5 * (np.log(X.x0) - 2) - 0.3 * (np.log(X.x1) - 2)
    return X.mask(rng.random(X.shape) < 0.001, 1e9), eta


TABLES: dict[str, tuple[Callable[[np.random.Generator, int], Table], int]] = {
    "interactions of three columns": (interactions, 4_000),
    "rare leavers, 1 %": (rare, 8_000),
    "60 columns, 800 rows": (wide, 800),
    "200 levels": (levels, 5_000),
    "missing not at random": (gaps, 3_000),
    "monotone steps": (steps, 3_000),
    "pure noise": (noise, 2_000),
    "near-leak": (giveaway, 3_000),
    "ratio": (ratio, 4_000),
    "heavy tails": (tails, 1_500),
}


def _made(name: str, seed: int) -> tuple[pd.DataFrame, NDArray[np.int64], pd.DataFrame, NDArray[np.int64]]:
    make, rows = TABLES[name]
    rng = np.random.default_rng([seed, list(TABLES).index(name)])
    X, eta = make(rng, rows + TESTED)
    y = (rng.random(len(X)) < expit(np.asarray(eta, dtype=float))).astype(np.int64)
    return X.iloc[:rows], y[:rows], X.iloc[rows:], y[rows:]


def _typed(X: pd.DataFrame, like: pd.DataFrame) -> pd.DataFrame:
    texts = [c for c in like if not pd.api.types.is_numeric_dtype(like[c])]
    return X.assign(**{c: pd.Categorical(X[c], categories=sorted(like[c].unique())) for c in texts})


def plain_lightgbm(X: pd.DataFrame, y: NDArray[np.int64], test: pd.DataFrame) -> Floats:
    """LightGBM with its defaults."""
    model = lgb.LGBMClassifier(verbose=-1, n_jobs=1, random_state=0).fit(_typed(X, X), y)
    return np.asarray(model.predict_proba(_typed(test, X))[:, 1])


def tuned_lightgbm(X: pd.DataFrame, y: NDArray[np.int64], test: pd.DataFrame, seed: int = 0) -> Floats:
    """LightGBM with the best of 20 random settings, each with its own number of rounds, by five folds."""
    rng = np.random.default_rng(seed)
    table = lgb.Dataset(_typed(X, X), label=y, free_raw_data=False, params={"verbose": -1, "num_threads": 1})
    folds = list(StratifiedKFold(5, shuffle=True, random_state=seed).split(X, y))
    best: tuple[float, dict[str, Any], int] = (np.inf, {}, 1)
    for _ in range(TRIALS):
        params = {
            "objective": "binary",
            "metric": "binary_logloss",
            "verbose": -1,
            "num_threads": 1,
            "bagging_freq": 1,
            "learning_rate": float(np.exp(rng.uniform(np.log(0.02), np.log(0.2)))),
            "num_leaves": int(np.exp(rng.uniform(np.log(2), np.log(96)))),
            "min_child_samples": int(np.exp(rng.uniform(0, np.log(60)))),
            "feature_pre_filter": False,
            "feature_fraction": float(rng.uniform(0.3, 1)),
            "bagging_fraction": float(rng.uniform(0.5, 1)),
            "lambda_l2": float(np.exp(rng.uniform(np.log(1e-3), np.log(50)))),
        }
        stop = [lgb.early_stopping(40, verbose=False)]
        curve = lgb.cv(params, table, num_boost_round=1500, folds=folds, callbacks=stop)
        losses = curve["valid binary_logloss-mean"]
        if losses[-1] < best[0]:
            best = (losses[-1], params, len(losses))
    booster = lgb.train(best[1], table, num_boost_round=best[2])
    return np.asarray(booster.predict(_typed(test, X)))


def measure(name: str, seed: int) -> dict[str, Any]:
    """The log losses of one table."""
    X, y, test, hit = _made(name, seed)
    model = ChurnClassifier(num_threads=1).fit(X, y)
    p = model.predict_proba(test)[:, 1]
    others = {
        "logistic": LogisticBaseline().fit(X, y).leave(test),
        "boosted": BoostedBaseline().fit(X, y).leave(test),
        "lightgbm": plain_lightgbm(X, y, test),
        "tuned": tuned_lightgbm(X, y, test),
    }
    losses = {who: log_loss(hit, np.clip(one, _LEAST, 1 - _LEAST)) for who, one in others.items()}
    figures = churn_metrics(hit, p)
    return {
        "table": name,
        "seed": seed,
        "cxml": figures["log_loss"],
        **losses,
        "ratio": figures["log_loss"] / min(losses.values()),
        "ece": figures["ece"],
        "ece noise": figures["ece_noise_p99"],
        "size": model.rung_,
        "rounds": model.rounds_,
    }


def main() -> None:
    """Print a row per table and seed, then the mean per table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--only", nargs="+", default=list(TABLES))
    asked = parser.parse_args()
    found = []
    for name in asked.only:
        for seed in range(asked.first, asked.first + asked.seeds):
            found.append(measure(name, seed))
            print(
                pd.DataFrame(found[-1:]).round(4).to_string(index=False, header=len(found) == 1), flush=True
            )
    table = pd.DataFrame(found)
    print(
        table.groupby("table", sort=False).mean(numeric_only=True).drop(columns="seed").round(4).to_string()
    )


if __name__ == "__main__":
    main()
