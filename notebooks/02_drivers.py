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
# # Why customers leave: drivers, reasons and causes
#
# For those who want to look behind the report. Everything here is a tidy frame (a row per thing, a column per figure)
# and a plot that takes the frame and gives back matplotlib axes.
#
# The company is simulated, so the truth is known and can be laid beside what was found. It is small, so that this
# runs in minutes: some true drivers will be missed, and the intervals are wide. Training takes most of the time.

# %%
import json
import tempfile
from pathlib import Path

import matplotlib.pyplot as plt
import pandas as pd

from cxml import Bundle, causes as cause, drivers, jobs, plots

home = Path(tempfile.mkdtemp())
config = jobs.simulate(home / "data", customers=3000, seed=1) / "cxml.toml"
trained = jobs.train(config, out=home / "train", tell=print)

# %% [markdown]
# ## What the model leans on
#
# The model is asked about everybody at risk at the last cutoff. What each feature adds to the log-odds of leaving is its
# contribution; those of a factor's features add up to the factor's. A factor *hits* a customer by what is worse for them
# than is usual today, or than promised. `drivers.summary` has a row per factor, and `drivers.ranks` says how far strength
# and rank move when other customers are drawn.

# %%
bundle = Bundle.read(trained / "bundle")
customers = pd.read_parquet(jobs.features(config, out=home / "features.parquet"))
scores, contributions = bundle.explain(customers)
hit = drivers.hit_factors(contributions, customers, bundle.labels, bundle.info)
factors = drivers.summary(scores.join(hit), bundle.labels)
levers = factors.loc[factors["kind"] == "lever", "factor"].tolist()
by_factor = hit.rename(columns=lambda name: name.removeprefix("hit_"))[levers]
ranks = drivers.ranks(by_factor, customers["customer_id"])
factors = factors.merge(ranks, on="factor", how="left")
factors[["factor", "kind", "strength", "importance", "customers_hit", "odds_ratio", "value_at_risk"]].head(
    8
).round(2)

# %%
_, ax = plt.subplots(figsize=(8, 5))
plots.drivers(factors, ax=ax)

# %% [markdown]
# The same for one feature along its value: of the levers' features the one that weighs most. Customers with the same value
# may differ by all else that is known of them, hence the band.

# %%
features = drivers.features(contributions, customers, bundle.labels)
feature = features.loc[features["factor"].isin(levers) & features["slope"].notna(), "feature"].iloc[0]
curve = drivers.effect(contributions, customers, bundle.labels, feature)
plots.effect(curve, ax=plt.subplots(figsize=(7, 4))[1])
curve.round(3)

# %% [markdown]
# ## One customer
#
# The customer with the highest risk. Base and contributions add up to the log-odds of the probability, exactly. The
# reasons are what a caller may say: levers that hit the customer, by what was measured and is worse than usual.

# %%
most = scores["churn_probability"].idxmax()
one = scores.filter(like="contribution_").loc[most].sort_values(ascending=False)
print(f"probability {scores.loc[most, 'churn_probability']:.3f}, base {scores.loc[most, 'base']:.2f}")
print(one.head(5).round(2).to_string())
usual, against = drivers.Usual.among(contributions, customers), drivers.backwards(bundle.info, bundle.labels)
added = drivers.amounts(contributions.loc[[most]], customers.loc[[most]], bundle.labels, usual, against)
drivers.reasons(added, hit.loc[[most]], customers.loc[[most]], bundle.labels)

# %% [markdown]
# ## A second opinion
#
# Contributions are Shapley values, computed by LightGBM. shap's `TreeExplainer` asks LightGBM too when it is given such a
# model, so `drivers.by_shap` hands it the bare trees, and it walks them on its own. The largest difference on a sample:

# %%
sample = customers.head(200)
gap = (drivers.by_shap(bundle.churn, sample) - contributions.loc[sample.index]).abs()
print(f"largest difference: {gap.to_numpy().max():.1e} of log-odds, over {gap.size:,} contributions")

# %% [markdown]
# ## Is it a cause?
#
# Contributions are associations. The training also compares customers who were alike before but were served differently,
# and gives each factor a badge. *Supported* passed every check; *association only* says which failed (`reason`); *not
# testable* what is missing. One more unit is a different thing for each factor, so the plot takes a usual difference.

# %%
causes = pd.read_parquet(trained / "causes.parquet")
_, ax = plt.subplots(figsize=(8, 6))
plots.causes(causes, usual=True, ax=ax)

# %% [markdown]
# Beside the truth of the simulation: `effect` really drives customers away (or keeps them), `null` does nothing although
# customers go through it, `outcome` is what service leaves behind. `beta` is the true change of the log-hazard per unit
# of the simulation, another unit than that of the estimate, and where `column` counts the good side (help that was found)
# the sign turns. So compare the kind, not the size.
#
# A true effect without *supported* is no error: with few customers, or a check that failed, an honest test says no more. A
# *supported* null would be one; chance alone should bring it in at most 1 of 40 trainings.

# %%
truth = pd.read_parquet(config.parent / "truth" / "effects.parquet").rename(columns={"kind": "truth"})
beside = causes.merge(truth[["factor", "truth", "beta"]], on="factor")
beside = beside[["factor", "truth", "beta", "badge", "reason", "column", "told", "effect", "low", "high"]]
beside.sort_values(["truth", "beta"], ascending=[True, False]).round(2)

# %%
pd.crosstab(beside["truth"], beside["badge"])

# %% [markdown]
# ## Promise cliffs
#
# Does leaving jump where a promised time runs out? In this company it does not: each further minute of waiting weighs the
# same. *No break found* is therefore the right answer; `smallest` is the jump that would have been seen in 9 of 10 such
# data sets. *Untested* says why: too few waits, too few who left, or too few near the promise.

# %%
cliffs = cause.cliffs(json.loads((trained / "cliffs.json").read_text()))
plots.cliff(cliffs[cliffs["promise"] == "answer.phone"], ax=plt.subplots(figsize=(7, 4))[1])
cliffs.drop_duplicates("promise")[["promise", "clock", "answer", "why", "jump", "smallest", "rows"]].round(3)

# %% [markdown]
# ## What if?
#
# One thing at a time is brought to its promise, or to its best. Where a badge carries the estimate of the cause, that is
# told, with its interval; elsewhere the model is asked twice, which is an association replayed and has no interval. What
# one change brings is partly what another brings: the bars must not be added up.

# %%
changes = pd.read_parquet(trained / "what_if.parquet")
_, ax = plt.subplots(figsize=(9, 5))
plots.what_if(changes, ax=ax)

# %% [markdown]
# ## What this cannot tell
#
# - Only what is recorded can be held equal. A strong trait that nobody wrote down can still pass for a cause; the checks
#   make that less likely, not impossible. An experiment is better: see the holdout of the call list.
# - Effects are averages over customers for whom it could have gone either way, not promises about any one of them.
# - Rank and weight say what this model leans on. Another training on other customers would lean somewhat differently.
