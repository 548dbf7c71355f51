"""The standard jobs: each a short recipe of the rooms below, the same from Python, shell and MLflow."""

from cxml.jobs.learning import backtest, train
from cxml.jobs.preparing import (
    audit,
    check,
    features,
    features_list,
    features_sql,
    init,
    label,
    simulate,
)
from cxml.jobs.serving import campaign, demo, report, score

__all__ = [
    "audit",
    "backtest",
    "campaign",
    "check",
    "demo",
    "features",
    "features_list",
    "features_sql",
    "init",
    "label",
    "report",
    "score",
    "simulate",
    "train",
]
