"""Who asks a help desk nothing more for 180 days: ``python benchmarks/helpdesk.py [--data FOLDER] [--inside]``.

Some 140 customers of an Italian software company are at risk at a cutoff. At each of four month starts, February to
May 2013, the model and its baselines learn from every month start whose label was known by then. Printed are log loss and
AUC over the 542 forecasts together, and *gap*, the log loss less that of the model, with its standard error by
customer. ``--inside`` forecasts the twelve month starts up to August 2012 instead, whose labels were all known by
February 2013: that is where choices are made.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
from moving import known_at, logs
from sklearn.metrics import log_loss, roc_auc_score
from table import options

from cxml.metrics.forecasts import loss_gap
from cxml.training import fit

TESTED = pd.date_range("2013-02-01", "2013-05-01", freq="MS", tz="Europe/Rome")
INSIDE = pd.date_range("2011-09-01", "2012-08-01", freq="MS", tz="Europe/Rome")
COMPETING = ("model", "logistic", "boosted", "recency_frequency", "recency")


def forecasts(folder: Path, cutoffs: pd.DatetimeIndex) -> pd.DataFrame:
    """Per customer and cutoff ``customer_id``, ``churned``, ``size`` (what the model chose) and forecasts by name."""
    data, config = logs(folder)
    found = []
    for cutoff in cutoffs:
        split = replace(data.split, train=tuple(known_at(data, config, cutoff)), test=cutoff)
        compared = fit.compare(replace(data, split=split), config, only=COMPETING)
        asked = data.frame.loc[data.frame["cutoff"] == cutoff, ["customer_id", "churned"]]
        found.append(asked.assign(size=compared.models["churn"].rung_, **compared.forecasts["churn"]))
    return pd.concat(found)


def rows(told: pd.DataFrame) -> list[dict[str, Any]]:
    """The figures of each competitor."""
    hit = told["churned"]
    made = []
    for name in COMPETING:
        gap, error = loss_gap(hit, told[name], told["model"], told["customer_id"])
        made.append(
            {
                "forecast": name,
                "log_loss": log_loss(hit, told[name]),
                "auc": roc_auc_score(hit, told[name]),
                "expected": told[name].sum(),
                "came": hit.sum(),
                "gap": gap,
                "error": error,
            }
        )
    return made


if __name__ == "__main__":
    parser = options(__doc__)
    parser.add_argument("--inside", action="store_true")
    asked = parser.parse_args()
    told = forecasts(asked.data / "helpdesk_tickets", INSIDE if asked.inside else TESTED)
    print(f"{len(told):,} rows; sizes chosen: {told['size'].value_counts().to_dict()} (rows)")
    print(pd.DataFrame(rows(told)).round(4).to_string(index=False))
