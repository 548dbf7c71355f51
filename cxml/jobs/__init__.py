"""The standard jobs: each a short recipe of the rooms below, the same from Python, shell and MLflow."""

from cxml.jobs.auditing import audit
from cxml.jobs.backtesting import backtest
from cxml.jobs.building_features import features, features_list, features_sql
from cxml.jobs.campaigning import campaign
from cxml.jobs.checking import check
from cxml.jobs.demonstrating import demo
from cxml.jobs.labelling import label
from cxml.jobs.reporting import report
from cxml.jobs.scoring import score
from cxml.jobs.starting import init, simulate
from cxml.jobs.training import train

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
