"""Time to leave of 2,000 SaaS customers, beside what is published: ``python benchmarks/saas.py [--data FOLDER]``.

Ten random splits, 65 % train and 35 % test, as in the published example (which has one). The trees of hazards, whose
periods are the twelve months, stands beside Kaplan-Meier. The Brier score is integrated twice: over months 0 to 11 with
censoring weights, the proper score (beyond 12 months nobody was watched, so there is no weight), and over months 0 to 12
among those alone whose state is known, which is the figure of the goal. The five usage totals run to the end of
observation, so they know for how long a customer was watched: the rows without them are what could be deployed.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from table import show

from cxml.metrics.survival import censoring_curve, concordance, integrated_brier_score, kaplan_meier
from cxml.models.survival import SurvivalClassifier

SPLITS = 10
MONTHS = np.arange(13.0)
TOTALS = (
    "minutes_customer_support",
    "articles_viewed",
    "smartphone_notifications_viewed",
    "marketing_emails_clicked",
    "social_media_ads_viewed",
)
WEIGHTED, KNOWN = "integrated Brier, weighted", "integrated Brier, known"
PUBLISHED = {"concordance": 0.83, WEIGHTED: 0.13}
GOALS = {
    "with the usage totals": {"concordance": 0.87, WEIGHTED: None, KNOWN: 0.05},
    "without them": {"concordance": 0.835, WEIGHTED: None, KNOWN: 0.075},
}


def saas(data: Path) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The columns, and duration (months) and event."""
    table = pd.read_parquet(data / "pysurvival_churn" / "churn.parquet")
    outcome = pd.DataFrame(
        {"duration": table["months_active"].astype(float), "event": table["churned"].astype(int)}
    )
    return table.drop(columns=["months_active", "churned"]), outcome


def figures(X: pd.DataFrame, y: pd.DataFrame, seed: int, threads: int) -> dict[str, dict[str, float]]:
    """Concordance and integrated Brier score of one split, for the trees and for Kaplan-Meier."""
    order = np.random.default_rng(seed).permutation(len(X))
    train, test = np.split(order, [round(0.65 * len(X))])
    past, asked = y.iloc[train], y.iloc[test]
    model = SurvivalClassifier(periods=MONTHS[1:], num_threads=threads).fit(X.iloc[train], past)
    everyone = kaplan_meier(past["duration"], past["event"]).at(MONTHS)
    watched = censoring_curve(past["duration"], past["event"])
    forecasts = {
        "cxml": (model.survival_at(X.iloc[test], MONTHS), model.predict(X.iloc[test])),
        "Kaplan-Meier": (np.tile(everyone, (len(test), 1)), np.zeros(len(test))),
    }
    return {
        name: {
            "concordance": concordance(asked["duration"], asked["event"], risk),
            WEIGHTED: integrated_brier_score(
                asked["duration"], asked["event"], survival[:, :-1], MONTHS[:-1], watched
            ),
            KNOWN: known_brier(asked, survival),
        }
        for name, (survival, risk) in forecasts.items()
    }


def known_brier(y: pd.DataFrame, survival: NDArray[np.float64]) -> float:
    """Integrated squared error among those known to have left, or to stay, at each month."""
    scores = []
    for month, stays in zip(MONTHS, survival.T, strict=True):
        there = (y["duration"] > month).to_numpy()
        known = there | (y["event"] == 1).to_numpy()
        scores.append(np.mean((stays[known] - there[known]) ** 2))
    return float(np.trapezoid(scores, MONTHS) / (MONTHS[-1] - MONTHS[0]))


def rows(data: Path, threads: int = 1) -> list[dict[str, Any]]:
    """One row per set of columns and figure: goal, published, reached (mean and sd of the splits), Kaplan-Meier."""
    X, y = saas(data)
    made = []
    for columns, goals in GOALS.items():
        known = X if columns == "with the usage totals" else X.drop(columns=list(TOTALS))
        found = [figures(known, y, seed, threads) for seed in range(SPLITS)]
        for figure, goal in goals.items():
            own = [one["cxml"][figure] for one in found]
            made.append(
                {
                    "data": f"SaaS, {SPLITS} x 65/35, {columns}",
                    "figure": figure,
                    "goal": goal,
                    "published": PUBLISHED.get(figure),
                    "cxml": round(float(np.mean(own)), 4),
                    "sd": round(float(np.std(own, ddof=1)), 4),
                    "Kaplan-Meier": round(float(np.mean([one["Kaplan-Meier"][figure] for one in found])), 4),
                }
            )
    return made


if __name__ == "__main__":
    show(rows, __doc__)
