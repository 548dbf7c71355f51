# ---
# jupyter:
#   jupytext:
#     formats: ipynb,py:percent
#     text_representation:
#       extension: .py
#       format_name: percent
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # From service logs to a driver report
#
# A simulated company stands in for yours: its tables are Parquet files, and what is in them is said by a
# `cxml.toml`. Everything below works the same with your own folder; `cxml init DIR` makes one.

# %%
import json
import tempfile
from pathlib import Path

import pandas as pd

from cxml import jobs

home = Path(tempfile.mkdtemp())
config = jobs.simulate(home / "data", customers=3000, seed=1) / "cxml.toml"
sorted(path.name for path in config.parent.glob("*.parquet"))

# %% [markdown]
# **Check**: problems of the tables, and which experience factors they allow to measure.

# %%
checked = jobs.check(config)
len(checked.check.problems), [factor["factor"] for factor in checked.coverage["measured"]]

# %% [markdown]
# **Train**: several cutoffs, tested on the last one whose label is known, beside simple baselines.

# %%
trained = jobs.train(config, out=home / "train", tell=print)
metrics = json.loads((trained / "metrics.json").read_text())
pd.DataFrame({"model": metrics["churn"], **metrics["baselines"]["churn"]}).round(3)

# %% [markdown]
# **Drivers**: how much each factor moves the log-odds of leaving.

# %%
factors = pd.read_parquet(trained / "factors.parquet").set_index("factor")
factors["importance"].sort_values().plot.barh(
    figsize=(7, 4), title="mean contribution to the log-odds of leaving"
)

# %% [markdown]
# **Score** everybody at risk today, with the reasons; then write the **report**.

# %%
scored = jobs.score(config, out=home / "score", model=trained / "bundle")
pd.read_parquet(scored / "scores.parquet").nlargest(5, "value_at_risk").filter(
    ["customer_id", "churn_probability", "reason_1"]
)

# %%
report = jobs.report(config, out=home / "report", scores=home / "score")
sorted(path.name for path in report.iterdir())
