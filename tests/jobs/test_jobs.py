"""The jobs end to end on one small simulated company: what they write, and what may not change it."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import math
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import openpyxl
import pandas as pd
import pyarrow.parquet as pq
import pytest
from scipy.special import logit
from sklearn.metrics import roc_auc_score

from cxml import jobs, report
from cxml.config.load import Config, load_config, parse_config
from cxml.config.sections import TableSource
from cxml.contracts import MADE_INSTANTS, TABLES
from cxml.errors import ConfigError, CxmlError, DataError, ModelError, NotEnoughDataError
from cxml.metrics import forecasts as metrics
from cxml.models.bundle import Bundle
from cxml.models.churn import LADDER, ChurnClassifier
from cxml.records.how_tested import HowTested
from cxml.snapshots import population
from cxml.snapshots.splits import plan_splits
from cxml.store import writer
from cxml.tables.rule import TOLERABLE
from cxml.tables.set_aside import COPY
from cxml.training import dataset, evaluation as tested, fit

pytestmark = pytest.mark.usefixtures("small_forests")

EARLIER = datetime(2025, 2, 1, tzinfo=UTC)
"""A cutoff before the end of the data: the last one whose label is known."""

SETTINGS = """
[features]
lookbacks = [90]
leave_out = {left_out}

[model]
threads = 1

[engine]
threads = {threads}

[decisions]
contact_cost = 500.0
offer_cost = 3000.0
save_rate = 0.25
holdout = 0.2
"""
LEFT_OUT = {
    "abandonment",
    "channels",
    "conduct",
    "consistency",
    "delivery",
    "digital",
    "effort",
    "language",
    "posts",
    "proactive",
    "product",
    "recovery",
    "repeats",
    "replies",
    "returns",
    "self_service",
    "sentiment",
    "skill",
    "store",
    "visits",
}
"""Most factors: what the jobs do does not depend on how many there are."""


def pipeline(folder: Path, data: Path, *, threads: int = 1, cutoffs: int = 4, end: str = "") -> Path:
    """A pipeline folder that reads the simulated tables in *data*, as CSV where there is one.

    The cutoffs are the last ones.
    """
    lines = (data / "cxml.toml").read_text(encoding="utf-8").splitlines()
    dates = [line for line in lines if line.startswith('    "')]
    text = "\n".join(line for line in lines if line not in dates[:-cutoffs])
    for path in data.glob("*.parquet"):
        written = path.with_suffix(".csv")
        text = text.replace(f'"{path.name}"', f'"{written if written.exists() else path}"')
    if end:
        text = text.replace('observation_end = "2025-03-01T00:00:00Z"', f'observation_end = "{end}"')
    for section in re.findall(r"^\[(\w+)\]$", SETTINGS, re.M):
        text = re.sub(rf"^\[{section}\]\n(?:(?!\[).*\n)*", "", text, flags=re.M)
    folder.mkdir(parents=True)
    file = folder / "cxml.toml"
    left_out = str(sorted(LEFT_OUT)).replace("'", '"')
    file.write_text(text + SETTINGS.format(threads=threads, left_out=left_out), encoding="utf-8")
    return file


def tables_of(data: Path) -> dict[str, pd.DataFrame]:
    return {path.stem: pd.read_parquet(path) for path in sorted(data.glob("*.parquet"))}


def write(frames: dict[str, pd.DataFrame], data: Path, like: Path) -> Path:
    data.mkdir(parents=True)
    for name, frame in frames.items():
        frame.to_parquet(data / f"{name}.parquet", index=False)
    shutil.copy(like / "cxml.toml", data)
    return data


def digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def tree(folder: Path) -> dict[str, str]:
    """Every file and link below *folder* with what is in it."""
    return {
        str(path.relative_to(folder)): str(path.readlink()) if path.is_symlink() else digest(path)
        for path in sorted(folder.rglob("*"))
        if path.is_symlink() or path.is_file()
    }


@dataclass(frozen=True)
class World:
    """One company that was trained on and scored once."""

    home: Path
    data: Path
    file: Path
    trained: Path
    told: list[str]
    scored: Path

    @property
    def bundle(self) -> Path:
        return self.trained / "bundle"

    @property
    def scores(self) -> pd.DataFrame:
        return pd.read_parquet(self.scored / "scores.parquet")

    def score(self, out: Path, config: Path | Config | None = None, **more: Any) -> str:
        """Score into *out*; the hash of the scores."""
        return digest(jobs.score(config or self.file, out=out, model=self.bundle, **more) / "scores.parquet")


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory, small_forests: None) -> World:
    home = tmp_path_factory.mktemp("company")
    data = jobs.simulate(home / "data", customers=1_600, months=14, seed=5)
    file = pipeline(home / "pipeline", data)
    told: list[str] = []
    trained = jobs.train(file, out=home / "train", tell=told.append)
    return World(home, data, file, trained, told, jobs.score(file, out=home / "score"))


@pytest.fixture(scope="module")
def score_hash(world: World) -> str:
    return digest(world.scored / "scores.parquet")


@pytest.fixture(scope="module")
def earlier(world: World) -> Path:
    """The scores as of an earlier cutoff, by the same model."""
    return jobs.score(world.file, out=world.home / "earlier", model=world.bundle, cutoff=EARLIER)


# ---------------------------------------------------------------- what is written


def test_simulate_writes_tables_config_and_truth(world: World) -> None:
    assert world.data == (world.home / "data" / "CURRENT").resolve()
    config = load_config(world.data)
    assert {f"{name}.parquet" for name in config.tables} == {
        path.name for path in world.data.glob("*.parquet")
    }
    assert {path.name for path in (world.data / "truth").iterdir()} == {
        "snapshots.parquet",
        "effects.parquet",
    }


def test_train_writes_what_the_design_says(world: World) -> None:
    current = world.home / "train" / "CURRENT"
    assert current.is_symlink()
    assert current.resolve() == world.trained
    assert {"bundle", "metrics.json", "factors.parquet", "info.md"} <= {p.name for p in current.iterdir()}
    factors = pd.read_parquet(current / "factors.parquet")
    labels = json.loads((world.bundle / "labels.json").read_text())
    assert sorted(factors.factor) == sorted(labels["factors"])
    assert {"waiting", "resolution", "behaviour"} <= set(factors.factor)
    assert not LEFT_OUT & set(factors.factor)
    assert factors.strength.is_monotonic_decreasing
    assert writer.verify(current)["files"]["factors.parquet"]["rows"] == len(factors)
    forecasts = pd.read_parquet(current / "test_forecasts.parquet")
    columns = ["customer_id", "cutoff", "churn_probability", "churned", "expected_value", "value"]
    assert list(forecasts) == columns and forecasts["customer_id"].is_unique
    assert writer.verify(current)["files"]["test_forecasts.parquet"]["rows"] == len(forecasts)
    told = json.loads((current / "metrics.json").read_text())
    log_loss = metrics.churn_metrics(forecasts["churned"], forecasts["churn_probability"])["log_loss"]
    assert told["churn"]["log_loss"] == pytest.approx(log_loss)
    assert told["churn"]["rows"] == len(forecasts)
    assert not [path for path in world.bundle.iterdir() if path.suffix not in {".json", ".lgb", ".md"}]


def test_metrics_hold_every_figure_for_the_model_and_each_baseline(world: World) -> None:
    found = json.loads((world.trained / "metrics.json").read_text())
    churn = {"auc", "pr_auc", "log_loss", "brier", "ece", "top_decile_lift"}
    value = {"gini", "spearman", "decile_mape", "mae", "total_error"}
    assert {"base_rate", "recency", "recency_frequency", "logistic"} <= found["baselines"]["churn"].keys()
    assert "naive" in found["baselines"]["value"]
    for wanted, target in ((churn, "churn"), (value, "value")):
        for figures in (found[target], *found["baselines"][target].values()):
            assert wanted <= figures.keys()
            assert all(math.isfinite(figures[name]) for name in wanted)
    assert found["test"]["mode"] == "time"
    assert datetime.fromisoformat(found["test"]["cutoff"]) == EARLIER
    assert found["churn"]["events"] >= 30
    assert found["verdict"].keys() == {"churn", "value"}
    assert [line for line in world.told if line in found["verdict"].values()] == [*found["verdict"].values()]


def test_a_first_model_becomes_champion_and_it_is_said(world: World) -> None:
    assert any("champion" in line and "nobody held the alias" in line for line in world.told)
    assert (world.file.parent / "mlflow.db").is_file(), "a relative path of the store starts at cxml.toml"


def test_score_writes_what_the_design_says(world: World) -> None:
    folder = world.home / "score" / "CURRENT"
    assert {path.name for path in folder.iterdir()} == {
        "scores.parquet",
        "manifest.json",
        "coverage.json",
        "labels.json",
        "model.json",
        "groups.json",
        "call_plan.json",
        "stories.json",
    }
    manifest = writer.verify(folder)
    info = manifest["info"]
    assert manifest["files"]["scores.parquet"]["rows"] == info["rows"] == len(world.scores)
    assert info["model"] == Bundle.read(world.bundle).fingerprint
    assert datetime.fromisoformat(info["cutoff"]) == load_config(world.file).project.observation_end
    assert {"config", "data", "population", "project", "unseen"} <= info.keys()
    assert info["data"].keys() == load_config(world.file).tables.keys()
    assert str(world.home) not in json.dumps(manifest), "a manifest does not tell where things lie"


def test_the_columns_of_the_scores(world: World) -> None:
    factors = list(json.loads((world.bundle / "labels.json").read_text())["factors"])
    assert not LEFT_OUT & set(factors)
    assert list(world.scores) == [
        "customer_id",
        "cutoff",
        "churn_probability",
        "base",
        *(f"contribution_{f}" for f in factors),
        "expected_value",
        "median_value",
        "value_low",
        "value_high",
        "value_if_stays",
        "value_at_risk",
        "expected_lifetime_days",
        "lifetime_value",
        *(f"hit_{f}" for f in factors),
        *(f"reason_{k}{end}" for k in (1, 2, 3) for end in ("", "_value")),
        "other_reason",
        "other_reason_value",
        "expected_profit",
        "holdout",
    ]
    assert (
        str(pq.read_schema(world.scored / "scores.parquet").field("cutoff").type) == "timestamp[us, tz=UTC]"
    )


def test_the_call_list_is_planned_and_its_first_customers_are_told_of(world: World) -> None:
    scores, rule = world.scores, load_config(world.file).decisions
    plan = json.loads((world.scored / "call_plan.json").read_text())["plan"]
    held = scores["holdout"]
    assert (plan["customers"], plan["holdout"], plan["ranked_by"]) == (len(scores), held.sum(), "risk")
    assert plan["size"] == plan["best_size"] == (scores["expected_profit"][~held] > 0).sum()
    told = json.loads((world.scored / "stories.json").read_text())["customers"]
    order = scores[~held].sort_values(["expected_profit", "customer_id"], ascending=[False, True])
    assert [one["customer_id"] for one in told] == order["customer_id"].head(rule.stories).tolist()
    labels = json.loads((world.scored / "labels.json").read_text())["features"]
    reasons = scores.set_index("customer_id")
    for one in told:
        for story in one["stories"]:
            reason = reasons.loc[one["customer_id"], f"reason_{story['reason']}"]
            assert labels[reason]["factor"] == story["factor"]
    assert sum(bool(one["stories"]) for one in told) > 100


@pytest.mark.slow
def test_a_contact_log_is_learned_from_on_the_way(world: World, tmp_path: Path) -> None:
    """Contacts drawn by a coin, and those of them who were said to stay: the list is ranked by uplift."""
    config = load_config(world.file)
    ids = pd.read_parquet(world.data / "customers.parquet")["customer_id"]
    rng = np.random.default_rng(0)
    contacted = rng.random(len(ids)) < 0.5
    risky = pd.Series(ids).isin(world.scores.nlargest(600, "churn_probability")["customer_id"]).to_numpy()
    left = rng.random(len(ids)) < np.where(risky & ~contacted, 0.6, 0.1)
    log = {"customer_id": ids, "contacted": contacted, "contacted_at": "2025-02-01", "churned": left}
    unreadable = pd.DataFrame({"customer_id": ids[:1], "contacted": "perhaps", "contacted_at": "2025-02-01"})
    pd.concat([pd.DataFrame(log), unreadable]).to_csv(tmp_path / "log.csv", index=False)
    tables = {**config.tables, "contacts": TableSource(source=str(tmp_path / "log.csv"))}
    rule = dataclasses.replace(config.decisions, most=50)
    config = dataclasses.replace(config, decisions=rule, tables=tables)
    scored = jobs.score(config, out=tmp_path / "out", model=world.bundle)
    assert writer.verify(scored)["info"]["set_aside"]["rows"] == {"contacts": 1}
    assert pd.read_parquet(scored / "set_aside.parquet")["row"].tolist() == [len(ids) + 1]
    found, scores = (
        json.loads((scored / "call_plan.json").read_text()),
        pd.read_parquet(scored / "scores.parquet"),
    )
    assert found["proof"]["auc"] <= found["proof"]["auc_limit"]
    assert (
        (found["proof"]["verdict"] == "uplift")
        == ("uplift" in scores)
        == (found["plan"]["ranked_by"] == "uplift")
    )
    assert found["proof"]["effect_low"] > 0 and found["plan"]["size"] <= 50
    if "uplift" in scores:
        p, value, uplift = (scores[n] for n in ("churn_probability", "value_if_stays", "uplift"))
        profit = uplift * (value - 3000) - (1 - p) * 3000 - 500
        assert np.allclose(profit, scores["expected_profit"])


def test_everybody_with_a_running_contract_is_scored_once(world: World) -> None:
    contracts = pd.read_parquet(world.data / "subscriptions.parquet")
    end = pd.Timestamp(load_config(world.file).project.observation_end)
    running = contracts[(contracts.started_at < end) & ~(contracts.ended_at < end)]
    assert world.scores.customer_id.tolist() == sorted(running.customer_id.unique())
    info = writer.verify(world.scored)["info"]["population"]
    assert info["at_risk"] == running.customer_id.nunique()
    assert info["at_risk"] + info["gone"] + info["new"] == contracts.customer_id.nunique()


# ---------------------------------------------------------------- what the figures must satisfy


def test_base_and_contributions_are_the_log_odds_of_every_row(world: World) -> None:
    scores = world.scores
    p = scores.churn_probability.to_numpy()
    assert ((p > 0) & (p < 1)).all()
    total = scores.base + scores.filter(like="contribution_").sum(axis=1)
    assert np.abs(total - logit(p)).max() <= 1e-6
    assert scores.base.nunique() == 1
    assert np.unique(p).size > 500, "the model tells customers apart"


def test_value_at_risk_and_profit_follow_from_the_other_columns(world: World) -> None:
    scores = world.scores
    bring = json.loads((world.bundle / "info.json").read_text())["leavers_bring"]
    p, value = scores.churn_probability, scores.value_if_stays
    assert 0 < bring < 1, "bills come until the contract ends"
    assert value.to_numpy() == pytest.approx(
        (scores.expected_value / (1 - (1 - bring) * p).clip(lower=0.1)).to_numpy(), rel=1e-12
    )
    assert scores.value_at_risk.to_numpy() == pytest.approx((p * value).to_numpy(), rel=1e-12)
    profit = p * 0.25 * (value - 3000) - (1 - p) * 3000 - 500
    assert scores.expected_profit.to_numpy() == pytest.approx(profit.to_numpy(), rel=1e-9, abs=1e-6)
    assert 0.15 < scores.holdout.mean() < 0.25
    assert (scores.value_low <= scores.value_high).all()


def test_reasons_are_levers_that_raise_the_risk_with_the_value_of_the_feature(
    world: World, tmp_path: Path
) -> None:
    labels = json.loads((world.scored / "labels.json").read_text())
    features = pd.read_parquet(jobs.features(world.file, out=tmp_path / "features.parquet"))
    features = features.set_index("customer_id")
    scores = world.scores.set_index("customer_id")
    assert features.index.tolist() == scores.index.tolist()
    strengths = pd.DataFrame(np.nan, index=scores.index, columns=[1, 2, 3])
    factors = pd.DataFrame("", index=scores.index, columns=[1, 2, 3])
    for k in (1, 2, 3):
        given = scores[f"reason_{k}"].dropna()
        assert scores[f"reason_{k}_value"].isna().equals(scores[f"reason_{k}"].isna())
        for customer, feature in given.items():
            factor = labels["features"][feature]["factor"]
            assert labels["factors"][factor]["kind"] == "lever"
            value = scores.at[customer, f"reason_{k}_value"]
            assert value == features.at[customer, feature]
            said = labels["features"][feature]
            usual = features[feature].astype(float).median() if said["kept"] is None else said["kept"]
            beyond = value - usual
            assert {"+": beyond, "-": -beyond, "±": 1}[said["direction"]] > 0, "worse than is usual today"
            strengths.at[customer, k] = scores.at[customer, f"hit_{factor}"]
            factors.at[customer, k] = factor
    assert (strengths.min() > np.log(1.1)).all()
    for factor in labels["factors"]:
        assert (scores[f"hit_{factor}"] <= scores[f"contribution_{factor}"].clip(lower=0)).all()
    assert not ((strengths[1] < strengths[2]) | (strengths[2] < strengths[3])).any(), "the strongest first"
    assert not ((factors[2] != "") & ((factors[2] == factors[1]) | (factors[2] == factors[3]))).any()
    assert scores.reason_1.notna().mean() > 0.3
    assert not (scores.reason_1.isna() & scores.reason_2.notna()).any()


def test_the_test_counts_what_came_and_what_scores_was_trained_again(world: World, earlier: Path) -> None:
    contracts = pd.read_parquet(world.data / "subscriptions.parquet")
    scores = pd.read_parquet(earlier / "scores.parquet")
    start, end = pd.Timestamp(EARLIER), pd.Timestamp(EARLIER + timedelta(days=28))
    last = contracts.sort_values("started_at").drop_duplicates("customer_id", keep="last")
    gone = last[(last.ended_at >= start) & (last.ended_at < end)].customer_id  # a new plan is no leaving
    found = json.loads((world.trained / "metrics.json").read_text())
    assert found["churn"]["events"] == found["level"]["left"] == scores.customer_id.isin(gone).sum()
    orders, charges = (pd.read_parquet(world.data / f"{name}.parquet") for name in ("orders", "charges"))
    orders = orders[orders.cancelled_at.isna()] if "cancelled_at" in orders else orders
    parts = (
        (orders.assign(at=orders.ordered_at), "margin", 1.0),
        (charges.assign(at=charges.charged_at), "amount", 0.6),
    )
    brought = sum(
        rows[rows["at"].between(start, end, inclusive="left") & rows.customer_id.isin(scores.customer_id)][
            column
        ].sum()
        * share
        for rows, column, share in parts
    )
    deciles = found["tables"]["deciles"]
    assert sum(one["rows"] * one["actual"] for one in deciles) == pytest.approx(brought, rel=1e-9)
    info = json.loads((world.bundle / "info.json").read_text())
    assert datetime.fromisoformat(info["train_cutoffs"][-1]) == EARLIER, "the tested cutoff is learned from"
    assert info["tested_train_cutoffs"] == info["train_cutoffs"][:-1]
    assert info["shipped"] in world.told and info["shipped"] in (world.trained / "info.md").read_text()
    assert set(found["level"]["told"]) <= set(world.told)


def test_the_model_has_learned_something_of_the_truth(world: World, earlier: Path) -> None:
    truth = pd.read_parquet(world.data / "truth" / "snapshots.parquet")
    scores = pd.read_parquet(earlier / "scores.parquet")
    both = scores.merge(truth, on=["customer_id", "cutoff"], suffixes=("", "_true"))
    assert len(both) == len(scores)
    assert both.churn_probability.corr(both.churn_probability_true, method="spearman") > 0.5
    assert both.expected_value.corr(both.expected_value_true, method="spearman") > 0.6


# ---------------------------------------------------------------- what may not change the scores


@pytest.mark.parametrize("chunk", [200, 1_000, 1_000_000])
def test_any_chunk_size_gives_the_same_bytes(
    world: World, score_hash: str, tmp_path: Path, chunk: int
) -> None:
    seen: list[tuple[int, int]] = []
    assert world.score(tmp_path, chunk=chunk, progress=lambda *at: seen.append(at)) == score_hash
    everyone = len(world.scores)
    steps = [*range(chunk, everyone, chunk), everyone]
    assert seen == [(done, everyone) for done in steps]


def test_permuted_rows_and_more_threads_give_the_same_bytes(
    world: World, score_hash: str, tmp_path: Path
) -> None:
    mixed = {name: frame.sample(frac=1, random_state=1) for name, frame in tables_of(world.data).items()}
    file = pipeline(tmp_path / "mixed", write(mixed, tmp_path / "data", world.data), threads=2)
    out = tmp_path / "out"
    assert world.score(out, file) == score_hash
    here, there = (writer.verify(folder)["info"]["data"] for folder in (writer.current(out), world.scored))
    assert here == there


def test_tables_as_csv_give_the_same_bytes(world: World, score_hash: str, tmp_path: Path) -> None:
    data = write(tables_of(world.data), tmp_path / "data", world.data)
    for name in ("customers", "interactions", "subscriptions", "surveys", "returns"):
        pd.read_parquet(data / f"{name}.parquet").to_csv(data / f"{name}.csv", index=False)
    file = pipeline(tmp_path / "csv", data)
    assert load_config(file).tables["surveys"].source.endswith("surveys.csv")
    assert world.score(tmp_path / "out", file) == score_hash


def test_another_place_zone_locale_and_hash_seed_give_the_same_bytes(
    world: World, score_hash: str, tmp_path: Path
) -> None:
    surroundings = {
        **os.environ,
        "TZ": "Asia/Seoul",
        "LC_ALL": "C",
        "PYTHONHASHSEED": "7",
        "OMP_NUM_THREADS": "2",
    }
    command = [
        sys.executable,
        "-c",
        "from cxml.cli.commands import main; main()",
        "--quiet",
        "score",
        str(world.file),
        "--out",
        "out",
        "--model",
        str(world.bundle),
    ]
    done = subprocess.run(command, cwd=tmp_path, env=surroundings, capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (0, ""), done.stderr
    assert digest(tmp_path / "out" / "CURRENT" / "scores.parquet") == score_hash


def test_scoring_again_changes_nothing_at_all(world: World, tmp_path: Path) -> None:
    first = jobs.score(world.file, out=tmp_path, model=world.bundle)
    before = tree(tmp_path)
    assert jobs.score(world.file, out=tmp_path, model=world.bundle) == first
    assert tree(tmp_path) == before


def as_seen_at(frames: dict[str, pd.DataFrame], cutoff: pd.Timestamp) -> dict[str, pd.DataFrame]:
    """What an extract made at *cutoff* would hold: rows that had happened, values that were known."""
    seen = {}
    for name, frame in frames.items():
        contract = TABLES[name]
        event = frame[contract.event]
        kept = frame.copy()
        over = frame.get("ended_at")
        for column in contract.columns:
            if column.known and column.name in frame:
                known = over if column.known in MADE_INSTANTS else frame[column.known]
                kept[column.name] = frame[column.name].mask(known >= cutoff)
        seen[name] = kept[event < cutoff]
    return seen


def test_an_earlier_cutoff_is_scored_as_the_job_of_that_night_would_have(
    world: World, earlier: Path, tmp_path: Path
) -> None:
    frames = tables_of(world.data)
    seen = as_seen_at(frames, pd.Timestamp(EARLIER))
    assert all(len(seen[name]) < len(frames[name]) for name in ("interactions", "orders", "customers"))
    assert seen["subscriptions"].ended_at.isna().sum() > 50
    data = write(seen, tmp_path / "data", world.data)
    file = pipeline(tmp_path / "night", data, end=EARLIER.isoformat())
    out = jobs.score(file, out=tmp_path / "out", model=world.bundle)  # its observation_end is the cutoff
    assert digest(out / "scores.parquet") == digest(earlier / "scores.parquet")
    assert digest(out / "scores.parquet") != digest(world.scored / "scores.parquet")


def test_csv_says_what_parquet_says(world: World, score_hash: str, tmp_path: Path) -> None:
    out = jobs.score(world.file, out=tmp_path, model=world.bundle, csv=True, chunk=500)
    assert digest(out / "scores.parquet") == score_hash
    texts = {"customer_id": str, **{f"reason_{k}": str for k in (1, 2, 3)}}
    found = pd.read_csv(out / "scores.csv", dtype=texts)
    found["cutoff"] = pd.to_datetime(found.cutoff, utc=True)
    pd.testing.assert_frame_equal(found, world.scores, check_dtype=False, check_exact=True)


def test_training_again_gives_the_same_bundle(world: World, tmp_path: Path) -> None:
    mixed = {name: frame.sample(frac=1, random_state=2) for name, frame in tables_of(world.data).items()}
    file = pipeline(tmp_path / "mixed", write(mixed, tmp_path / "data", world.data), threads=2)
    config = load_config(file)
    config = dataclasses.replace(
        config,
        model=dataclasses.replace(config.model, threads=2),
        tracking=dataclasses.replace(config.tracking, uri=f"sqlite:///{world.file.parent / 'mlflow.db'}"),
    )
    told: list[str] = []
    again = jobs.train(config, out=tmp_path / "train", tell=told.append)
    assert Bundle.read(again / "bundle").fingerprint == Bundle.read(world.bundle).fingerprint
    for name in ("metrics.json", "factors.parquet", "info.md"):
        assert digest(again / name) == digest(world.trained / name), name
    assert "champion" in told[-1]
    assert "is not better than" in told[-1], "no better than the one that holds the alias, so it stays"


# ---------------------------------------------------------------- features, report, demo


def test_features_sql_is_one_text_and_says_nothing_of_this_machine(world: World) -> None:
    sql = jobs.features_sql(world.file)
    assert "avg" in sql
    assert "interactions" in sql
    assert str(world.home) not in sql


def test_the_report_shows_the_scores_it_was_given(world: World, earlier: Path, tmp_path: Path) -> None:
    made = jobs.report(world.file, out=tmp_path / "report", scores=earlier.parent)
    assert {path.name for path in made.iterdir()} == {
        "report.en.html",
        "report.ko.html",
        "call_list.xlsx",
        "call_list.ko.xlsx",
        "drivers.csv",
        "report.json",
        "manifest.json",
    }
    scores = pd.read_parquet(earlier / "scores.parquet").set_index("customer_id")
    rows = list(openpyxl.load_workbook(made / "call_list.xlsx").worksheets[0].iter_rows(values_only=True))
    listed = pd.DataFrame(rows[1:], columns=rows[0]).set_index("Customer")
    assert len(listed) > 100
    assert set(listed.index) <= set(scores.index)
    same = scores.churn_probability[listed.index].to_numpy()
    assert listed["Churn probability"].to_numpy() == pytest.approx(same, abs=1e-12)
    others = world.scores.set_index("customer_id").churn_probability.reindex(listed.index)
    assert not np.allclose(others, same, equal_nan=True)
    pages = {lang: (made / f"report.{lang}.html").read_text(encoding="utf-8") for lang in ("en", "ko")}
    outsiders = set(tables_of(world.data)["customers"].customer_id) - set(scores.index)
    for page in pages.values():
        assert not [one for one in outsiders if one in page]
    factors = pd.read_csv(made / "drivers.csv")
    assert factors.set_index("factor").importance["waiting"] == pytest.approx(
        scores.contribution_waiting.abs().mean(), rel=1e-9
    )


def test_a_korean_page_has_foreign_words_only_in_names(world: World, earlier: Path, tmp_path: Path) -> None:
    made = jobs.report(world.file, out=tmp_path, scores=earlier.parent, langs=["ko"])
    page = (made / "report.ko.html").read_text(encoding="utf-8")
    told = re.sub(r"<(style|script|bdi|code)\b.*?</\1>|<[^>]+>", " ", page, flags=re.DOTALL)
    tiers = {*tables_of(world.data)["customers"].member_tier.dropna()}
    names = {"AUC", "PR", "BG", "NBD", "Qini", "xlsx", "call_list", "demo", "cxml", "audit"}
    assert set(re.findall(r"[A-Za-z_]{2,}", told)) - tiers <= names


def test_a_report_without_scores_says_what_to_do(world: World, tmp_path: Path) -> None:
    with pytest.raises(CxmlError) as caught:
        jobs.report(world.file, out=tmp_path / "report", scores=tmp_path / "nowhere")
    assert caught.value.fix
    assert not (tmp_path / "report" / "CURRENT").exists()


def test_a_report_of_what_is_no_scores_is_refused(world: World, tmp_path: Path) -> None:
    with writer.run(tmp_path / "older") as run:  # as an earlier version wrote them: without a format
        run.write_bytes("scores.parquet", (world.scored / "scores.parquet").read_bytes())
        run.info = {"project": "demo"}
    for folder in (world.trained.parent, tmp_path / "older"):
        for job in (jobs.report, jobs.campaign):
            with pytest.raises(CxmlError, match="these are no scores") as caught:
                job(world.file, scores=folder, out=tmp_path / "out")
            assert "score again" in caught.value.fix
    assert not (tmp_path / "out" / "CURRENT").exists()


CANARY = "canary-5d1b"
SPOILT: dict[str, Callable[[Path], Any]] = {
    "no json": lambda folder: (folder / "model.json").write_text("[", encoding="utf-8"),
    "another shape": lambda folder: (folder / "labels.json").write_text("[]", encoding="utf-8"),
    "no part of the model": lambda folder: (folder / "model.json").write_text("{}", encoding="utf-8"),
    "a plan cut short": lambda folder: (folder / "call_plan.json").write_text('{"plan": {}, "proof": 3}'),
    "stories of another shape": lambda folder: (folder / "stories.json").write_text('{"customers": [{}]}'),
    "no probability": lambda folder: (
        pd.read_parquet(folder / "scores.parquet")
        .assign(churn_probability=CANARY)
        .to_parquet(folder / "scores.parquet")
    ),
    "no ids": lambda folder: (
        pd.read_parquet(folder / "scores.parquet")
        .assign(customer_id=None)
        .to_parquet(folder / "scores.parquet")
    ),
    "a factor without a name": lambda folder: (folder / "labels.json").write_text(
        json.dumps(without_waiting(json.loads((folder / "labels.json").read_text(encoding="utf-8")))),
        encoding="utf-8",
    ),
}


def without_waiting(labels: dict[str, Any]) -> dict[str, Any]:
    del labels["factors"]["waiting"]
    return labels


@pytest.mark.parametrize("what", SPOILT)
def test_scores_of_another_shape_make_no_report(world: World, tmp_path: Path, what: str) -> None:
    """A folder whose list of files fits, and whose content does not: an error without a value of anybody."""
    with writer.run(tmp_path / "score") as run:
        spoilt = shutil.copytree(world.scored, tmp_path / "spoilt")
        (spoilt / "manifest.json").unlink()
        SPOILT[what](spoilt)
        for file in spoilt.iterdir():
            run.write_bytes(file.name, file.read_bytes())
        run.info = writer.verify(world.scored)["info"]
    with pytest.raises(DataError) as caught:
        jobs.report(world.file, scores=tmp_path / "score", out=tmp_path / "report", langs=["en"])
    assert "score again" in caught.value.fix and CANARY not in str(caught.value)
    assert caught.value.__cause__ is None
    assert not (tmp_path / "report" / "CURRENT").exists()


def test_the_folder_of_a_run_may_be_named_too(world: World, tmp_path: Path) -> None:
    for named in (world.scored, world.scored.parent / "CURRENT"):
        assert jobs.report(world.file, scores=named, out=tmp_path / named.name, langs=["en"]).is_dir()


def test_one_language_is_enough(world: World, tmp_path: Path) -> None:
    made = jobs.report(world.file, out=tmp_path, scores=world.scored.parent, langs=["ko"])
    assert (made / "report.ko.html").is_file()
    assert not (made / "report.en.html").exists()


@pytest.mark.slow
def test_the_demo_tells_where_everything_lies(tmp_path: Path) -> None:
    made = jobs.demo(tmp_path / "demo", customers=700, seed=2)
    for path in dataclasses.astuple(made):
        assert path.exists(), path
        assert path.is_relative_to(tmp_path / "demo")
    assert (made.report / "report.en.html").is_file()
    assert (made.score / "scores.parquet").is_file()
    assert (tmp_path / "demo" / "mlflow.db").is_file()


# ---------------------------------------------------------------- a damaged bundle


def test_a_bundle_that_was_tampered_with_scores_nobody(world: World, tmp_path: Path) -> None:
    out = tmp_path / "out"
    jobs.score(world.file, out=out, model=world.bundle)
    before = tree(out)
    forged = tmp_path / "bundle"
    shutil.copytree(world.bundle, forged)
    numbers = forged / "calibrator.json"
    text = numbers.read_text()
    place = text.index('"a": ') + len('"a": ')
    numbers.write_text(text[:place] + ("1" if text[place] != "1" else "2") + text[place + 1 :])
    with pytest.raises(ModelError) as caught:
        jobs.score(world.file, out=out, model=forged)
    assert caught.value.exit_code == 4
    assert "calibrator.json" in str(caught.value)
    assert tree(out) == before
    assert not list(out.glob(".run-*"))


# ---------------------------------------------------------------- honest verdicts


def noise(cutoffs: int, customers: int, *, signal: float = 0.0) -> dataset.TrainingSet:
    """Snapshots of customers whose features say nothing (or *signal*, in log-odds) of who leaves."""
    rng = np.random.default_rng(11)
    months = pd.date_range("2025-01-01", periods=cutoffs, freq="MS", tz="UTC").as_unit("us")
    rows = customers * cutoffs
    frame = pd.DataFrame(
        {
            "customer_id": np.tile([f"c{i:05d}" for i in range(customers)], cutoffs),
            "cutoff": np.repeat(months, customers),
            "order_days_since": rng.exponential(30, rows).astype("float32"),
            "orders_n_90d": rng.poisson(2, rows).astype("float32"),
            "wait_mean_90d": rng.exponential(60, rows).astype("float32"),
        }
    )
    odds = -1.2 + signal * (frame.wait_mean_90d - 60) / 60
    frame["churned"] = (rng.random(rows) < 1 / (1 + np.exp(-odds))).astype(int)
    frame["value"], frame["left_after_days"] = np.nan, np.nan
    columns = ("order_days_since", "orders_n_90d", "wait_mean_90d")
    factors = {"waiting": "lever", "behaviour": "context"}
    labels = {
        "factors": {f: {"en": f, "ko": f, "kind": kind, "family": "other"} for f, kind in factors.items()},
        "features": {
            c: {
                "factor": "waiting" if c.startswith("wait") else "behaviour",
                "en": c,
                "ko": c,
                "unit": "d",
                "direction": "+",
            }
            for c in columns
        },
    }
    return dataset.TrainingSet(
        frame=frame.sort_values(["customer_id", "cutoff"], ignore_index=True),
        columns=columns,
        labels=labels,
        split=plan_splits(months, timedelta(0), timedelta(days=28)),
        populations=tuple(population.Population(month, customers, 0, 0) for month in months),
        left_in_lead=0,
    )


def plain_config() -> Config:
    return parse_config(
        {"project": {"observation_end": "2026-01-01"}, "churn": {"horizon": "28D"}, "model": {"threads": 1}},
        Path(),
    )


def test_a_model_of_noise_beats_nothing_and_says_so() -> None:
    told: list[str] = []
    found = fit.fit(noise(4, 400), plain_config(), told.append).metrics
    verdict = found["verdict"]["churn"]
    assert verdict in told
    gaps = {
        name: (one["log_loss_gap"], one["log_loss_gap_error"])
        for name, one in found["baselines"]["churn"].items()
    }
    lost = [name for name, (gap, error) in gaps.items() if gap > error]
    assert ("LOSES" in verdict) == bool(lost) and all(f"{name} (" in verdict for name in lost)
    assert "base_rate" not in lost, "what cannot be learned is not made up"
    own = found["churn"]["log_loss"]
    for name, one in found["baselines"]["churn"].items():
        assert gaps[name][0] == pytest.approx(own - one["log_loss"], abs=1e-9)


def test_a_model_that_is_worse_than_a_simple_rule_loses_and_a_hair_is_no_loss() -> None:
    data = noise(4, 400)
    test = data.frame[data.frame["cutoff"] == data.split.test]
    hit = test["churned"].to_numpy()
    right = np.where(hit == 1, 0.4, 0.2)
    forecasts = {
        "model": np.full(len(hit), 0.25),
        "logistic": right,
        "recency": np.full(len(hit), 0.25 + 1e-4),
    }
    verdict = tested.measure({"churn": forecasts}, data.frame, data.split)["verdict"]["churn"]
    assert (
        verdict.startswith("The churn model LOSES to its baseline: logistic (log_loss ")
        and "recency" not in verdict
    )
    forecasts = {"model": right, "logistic": right, "recency": np.full(len(hit), 0.25)}
    verdict = tested.measure({"churn": forecasts}, data.frame, data.split)["verdict"]["churn"]
    assert verdict.startswith(
        "The churn model beats its baselines recency, and cannot be told apart from logistic: auc"
    )


def test_a_model_that_is_better_does_not_say_it_loses() -> None:
    found = fit.fit(noise(4, 400, signal=3.0), plain_config()).metrics
    own, rivals = found["churn"], found["baselines"]["churn"]
    assert own["auc"] > max(rivals[name]["auc"] for name in ("base_rate", "recency", "recency_frequency"))
    assert found["verdict"]["churn"].startswith("The churn model beats its baselines base_rate")


def test_what_the_data_cannot_give_is_told_and_never_breaks_the_report(world: World) -> None:
    data = noise(4, 400)
    frame = data.frame.assign(value=1000.0 * (np.arange(len(data.frame)) % 3), value_365d=np.float32(0))
    label = data.labels["features"]["orders_n_90d"]
    data = dataclasses.replace(
        data,
        frame=frame,
        columns=(*data.columns, "value_365d"),
        labels={**data.labels, "features": {**data.labels["features"], "value_365d": label}},
    )
    found = fit.fit(data, plain_config()).metrics
    json.dumps(found, allow_nan=False)
    assert found["baselines"]["value"]["naive"]["spearman"] is None, "a constant forecast has no rank"
    inputs = report.gather(world.scored)
    missing = dict.fromkeys(inputs.metrics["value"])
    holes = {
        **inputs.metrics,
        "value": missing,
        "baselines": {**inputs.metrics["baselines"], "value": {"naive": missing}},
    }
    for page in ("report.en.html", "report.ko.html"):
        body = report.build(dataclasses.replace(inputs, metrics=holes))[page].decode().split("<body")[1]
        assert not re.search(r"\bnan\b", body)


@pytest.mark.parametrize(("left", "word"), [(0, "nobody"), (1, "everybody")])
def test_a_test_cutoff_with_one_class_is_refused_before_anything_is_learned(left: int, word: str) -> None:
    data = noise(4, 400)
    frame = data.frame.copy()
    frame.loc[frame.cutoff == frame.cutoff.max(), "churned"] = left
    told: list[str] = []
    with pytest.raises(NotEnoughDataError, match=f"{word} left after the test cutoff 2025-04-01") as caught:
        fit.fit(dataclasses.replace(data, frame=frame), plain_config(), told.append)
    assert told == []
    assert caught.value.where and caught.value.expected and caught.value.fix


def test_one_cutoff_holds_customers_out_and_says_so() -> None:
    told: list[str] = []
    trained = fit.fit(noise(1, 600, signal=3.0), plain_config(), told.append)
    assert trained.metrics["test"]["mode"] == "customers"
    assert trained.metrics["test"]["rows"] == 600
    (said,) = [text for text in told if "no earlier cutoff has matured" in text]
    assert HowTested.from_json(trained.metrics["test"]["how"], where="metrics").in_english() == said
    assert "customers held out" in trained.bundle.files()["info.md"]
    assert 0.7 < trained.metrics["churn"]["auc"] < 0.95


def test_the_shipped_model_learned_from_every_cutoff_and_the_tested_one_from_those_before() -> None:
    data, config = noise(3, 600, signal=2.0), plain_config()
    told: list[str] = []
    trained = fit.fit(data, config, told.append)
    columns, frame = list(data.columns), data.frame
    at_test = frame["cutoff"] == data.split.test
    tested = fit.compare(data, config, only=("model",)).forecasts["churn"]["model"]
    assert trained.metrics["churn"]["auc"] == pytest.approx(
        roc_auc_score(frame.loc[at_test, "churned"], tested)
    )
    assert trained.metrics["level"]["expected"] == pytest.approx(tested.sum())
    # By hand: the size that was chosen for the test, on all rows.
    kept = [rung for rung in LADDER if rung.name == trained.bundle.info["rung"]]
    alone = ChurnClassifier(ladder=kept, num_threads=1, random_state=config.model.seed)
    alone.fit(frame[columns], frame["churned"], groups=frame["customer_id"])
    assert trained.bundle.churn.margin(frame[columns]) == pytest.approx(
        alone.margin(frame[columns]), abs=1e-12
    )
    assert "trained again on all 3 cutoffs" in "".join(told) and "A season cannot be known yet" in "".join(
        told
    )


def test_the_level_of_now_is_forecast() -> None:
    data = noise(12, 1_000, signal=1.0)
    frame = data.frame.copy()
    months = sorted(frame.cutoff.unique())
    # In the last months half of the leavers stay.
    spared = frame.index[frame.cutoff.isin(months[6:11]) & (frame.churned == 1)]
    frame.loc[spared[::2], "churned"] = 0
    long_ago, now = (
        frame.loc[frame.cutoff.isin(some), "churned"].mean() for some in (months[:6], months[6:11])
    )
    found = fit.compare(dataclasses.replace(data, frame=frame), plain_config(), only=("model",))
    forecast = found.forecasts["churn"]["model"].mean()
    assert abs(forecast - now) < abs(forecast - long_ago) / 2
    assert found.models["churn"].level_.moves


@pytest.mark.parametrize(
    ("changed", "named"),
    [
        ("\n[promises]\ndelivery = '9D'\n", r"\[promises\]"),
        ('by = "subscription" -> by = "customers"', r"\[population\]"),
        ("KRW -> EUR", r"\[project\] currency"),
        ('timezone = "UTC" -> timezone = "Asia/Seoul"', r"\[project\] timezone"),
    ],
)
def test_what_a_model_takes_for_granted_may_not_change(
    world: World, tmp_path: Path, changed: str, named: str
) -> None:
    file = pipeline(tmp_path / "pipeline", world.data)
    text = file.read_text(encoding="utf-8")
    old, arrow, new = changed.partition(" -> ")
    if arrow:
        assert old in text
        text = text.replace(old, new)
    else:
        text += changed
    file.write_text(text, encoding="utf-8")
    with pytest.raises(ModelError, match=f"not as when the model was trained: {named}\n"):
        world.score(tmp_path / "out", file)
    assert not (tmp_path / "out" / "CURRENT").exists()


def test_columns_that_the_training_did_not_have_play_no_part(
    world: World, score_hash: str, tmp_path: Path
) -> None:
    bundle = Bundle.read(world.bundle, 1)
    then = {name: [c for c in columns if c != "abusive"] for name, columns in bundle.info["columns"].items()}
    assert then != bundle.info["columns"]
    older = dataclasses.replace(bundle, info={**bundle.info, "columns": then}).write(tmp_path / "bundle")
    scored = jobs.score(world.file, out=tmp_path / "score", model=older)
    assert digest(scored / "scores.parquet") == score_hash


@pytest.mark.parametrize(("lost", "refused"), [("ended_at", True), ("abusive", False)])
def test_a_lost_column_is_refused_where_a_feature_reads_it(
    world: World, score_hash: str, tmp_path: Path, lost: str, refused: bool
) -> None:
    """Without the end of contacts every feature can still be built, and means something else."""
    frames = tables_of(world.data)
    frames["interactions"] = frames["interactions"].drop(columns=lost)
    file = pipeline(tmp_path / "pipeline", write(frames, tmp_path / "data", world.data))
    if refused:
        with pytest.raises(ModelError, match=f"since the model was trained: interactions.{lost}\n"):
            world.score(tmp_path / "score", file)
    else:
        assert world.score(tmp_path / "score", file) == score_hash


@pytest.mark.parametrize("days", [0, 40])
def test_a_column_that_is_empty_since_the_training_is_told(world: World, tmp_path: Path, days: int) -> None:
    """Everywhere, or since some day: both are a wrong score without a word, as an empty value reads as missing."""
    frames = tables_of(world.data)
    log = frames["interactions"]
    end = load_config(world.data).project.observation_end
    latest = pd.to_datetime(log["started_at"], utc=True) >= end - pd.Timedelta(days=30)
    hit = (
        pd.to_datetime(log["started_at"], utc=True) >= end - pd.Timedelta(days=days)
        if days
        else log.notna().any(axis=1)
    )
    log["wait_s"] = log["wait_s"].mask(hit)
    log["abusive"] = log["abusive"].mask(hit)  # no feature reads it
    file = pipeline(tmp_path / "pipeline", write(frames, tmp_path / "data", world.data))
    run = jobs.score(file, out=tmp_path / "score", model=world.bundle)
    (note,) = writer.verify(run)["info"]["notes"]
    rows = f"{latest.sum():,} rows of the 30 days before the cutoff" if days else f"{len(log):,} rows"
    assert note.startswith(f"interactions.wait_s is empty in all {rows}; in training ")


def test_usual_values_of_few_customers_are_told_of(world: World, tmp_path: Path) -> None:
    some = set(tables_of(world.data)["customers"]["customer_id"].head(300))
    frames = {
        name: frame[frame["customer_id"].isin(some)] if "customer_id" in frame else frame
        for name, frame in tables_of(world.data).items()
    }
    file = pipeline(tmp_path / "pipeline", write(frames, tmp_path / "data", world.data))
    told: list[str] = []
    run = jobs.score(file, out=tmp_path / "score", model=world.bundle, tell=told.append)
    (note,) = [
        one for one in told if "the tables hold 300 customers, those of the training held 1,600" in one
    ]
    assert "usual in" in note and note in writer.verify(run)["info"]["notes"]
    assert writer.verify(world.scored)["info"]["notes"] == []


def test_an_extract_that_ends_early_is_noticed(world: World, tmp_path: Path) -> None:
    """The nightly trap: observation_end moved on, the tables did not."""
    whole = pd.read_parquet(world.data / "interactions.parquet")
    end = load_config(world.file).project.observation_end
    late = tmp_path / "interactions.parquet"
    whole[whole["started_at"] < end - pd.Timedelta("30D")].to_parquet(late)
    file = pipeline(tmp_path / "pipeline", world.data)
    text = file.read_text(encoding="utf-8")
    source = re.search(r'\[tables.interactions\]\nsource = "(.*)"', text)
    assert source
    file.write_text(text.replace(source[1], str(late)), encoding="utf-8")
    said: list[str] = []
    made = jobs.score(file, out=tmp_path / "score", model=world.bundle, tell=said.append)
    noted = writer.verify(made)["info"]["late"]
    assert len(noted) == 1 and noted[0].startswith("rows of interactions are missing or late: the last ")
    assert any(line.startswith(noted[0]) and "observation_end" in line for line in said)
    assert any(note.startswith(noted[0]) for note in jobs.check(file).check.notes)
    assert writer.verify(world.scored)["info"]["late"] == []
    assert not any("missing or late" in note for note in jobs.check(world.file).check.notes)


def test_tables_that_cannot_be_learned_from_or_scored_are_noted(world: World, tmp_path: Path) -> None:
    file = pipeline(tmp_path / "pipeline", world.data)
    text = file.read_text(encoding="utf-8")
    for old, new, told in (
        ('horizon = "28D"', 'horizon = "2000D"', "these tables cannot be learned from: "),
        (
            'by = "subscription"',
            'by = "activity"\nwithin = "1min"',
            "these tables cannot be scored as of observation_end: nobody is at risk",
        ),
    ):
        assert old in text
        file.write_text(text.replace(old, new), encoding="utf-8")
        found = jobs.check(file).check
        assert not found.problems and any(note.startswith(told) for note in found.notes), found.notes


def test_a_report_without_ids_needs_a_secret(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = load_config(world.file)
    config = dataclasses.replace(config, report=dataclasses.replace(config.report, hash_ids=True))
    monkeypatch.delenv("CXML_ID_KEY", raising=False)
    with pytest.raises(ConfigError, match="CXML_ID_KEY"):
        jobs.report(config, out=tmp_path, scores=world.home / "score")
    monkeypatch.setenv("CXML_ID_KEY", "too short")
    with pytest.raises(ConfigError, match="is too short"):
        jobs.report(config, out=tmp_path, scores=world.home / "score")
    monkeypatch.setenv("CXML_ID_KEY", "a secret that is long enough")
    made = jobs.report(config, out=tmp_path, scores=world.home / "score", langs=["en"])
    page = (made / "report.en.html").read_text(encoding="utf-8")
    first = json.loads((made / "report.json").read_text(encoding="utf-8"))["calls"]["rows"][0]["customer_id"]
    assert first in page
    assert first in {report.pseudonym(i, "a secret that is long enough") for i in world.scores.customer_id}
    assert not re.search(r"\bC\d{8}\b", page)


def test_a_campaign_is_one_line_for_machines(world: World, earlier: Path, tmp_path: Path) -> None:
    words = ["--json", "campaign", world.file, "--scores", earlier.parent, "--out", tmp_path]
    said = subprocess.run(
        [sys.executable, "-m", "cxml", *map(str, words)], capture_output=True, text=True, check=True
    )
    assert Path(json.loads(said.stdout)["figures"]).is_file() and said.stderr == ""


def test_an_earlier_list_is_judged_by_who_left_since(world: World, earlier: Path, tmp_path: Path) -> None:
    made = jobs.campaign(world.file, earlier.parent, out=tmp_path)
    told = json.loads((made.folder / "campaign.json").read_text(encoding="utf-8"))
    scores = pd.read_parquet(earlier / "scores.parquet")
    size = json.loads((earlier / "call_plan.json").read_text(encoding="utf-8"))["plan"]["size"]
    assert told["contacted"] == size > 0
    assert 0 < told["held"] <= scores.holdout.sum()
    rate, other = told["left_contacted"] / told["contacted"], told["left_held"] / told["held"]
    assert told["saved"] == pytest.approx(told["contacted"] * (other - rate))
    assert told["saved_low"] < told["saved"] < told["saved_high"]


def test_a_list_whose_time_is_not_over_is_not_judged(world: World, tmp_path: Path) -> None:
    with pytest.raises(NotEnoughDataError):
        jobs.campaign(world.file, world.home / "score", out=tmp_path)


def test_features_before_the_cutoff_are_those_of_the_earlier_day(world: World, tmp_path: Path) -> None:
    start = jobs.features(world.file, cutoff="2025-02-01", before="31D", out=tmp_path / "start.parquet")
    early = jobs.features(world.file, cutoff="2025-01-01", out=tmp_path / "early.parquet")
    start_frame, early_frame = (pd.read_parquet(path).set_index("customer_id") for path in (start, early))
    assert set(start_frame.cutoff) == {pd.Timestamp("2025-02-01", tz="UTC")}
    both = start_frame.index.intersection(early_frame.index)
    assert len(both) > 600
    pd.testing.assert_frame_equal(
        start_frame.loc[both].drop(columns="cutoff"),
        early_frame.loc[both].drop(columns="cutoff"),
        check_exact=True,
    )


def test_the_catalogue_needs_no_data_and_knows_the_company(world: World) -> None:
    plain = {row["feature"] for row in jobs.features_list()}
    own = {row["feature"] for row in jobs.features_list(world.file)}
    assert "wait_mean" in plain
    assert {"value", "customer_region"} <= own - plain


# ---------------------------------------------------------------- one bad row is not the end of the night


STRAY = {
    "interactions": {
        "wait_s": ("-", "-5", "inf"),
        "transfers": ("1.5",),
        "abandoned": ("perhaps",),
        "sentiment_end": ("7",),
        "direction": ("sideways",),
        "started_at": ("", "1735689600", "1900-01-01 00:00:00+00:00", "2025-01-02 10:00:00"),
        "customer_id": ("", "an-erased-customer", "customers-birth_year-1066-0"),
        "interaction_id": ("", "x" * 501),
    },
    "messages": {"fields_used": ("999",)},
    "orders": {"revenue": ("€ 12",), "discount": ("-1",), "ordered_at": ("9999-12-31 00:00:00+00:00",)},
    "subscriptions": {"price": ("n/a",), "customer_id": ("an-erased-customer",)},
    "surveys": {"score": ("99",), "kind": ("guess",)},
    "customers": {"birth_year": ("1066",), "joined_at": ("",)},
}
"""Values that break a rule, by table and column; the tables are written as CSV, whose instants carry an offset.
One is the id of a customer whose own row is a stray one."""
BESIDE = {"fields_used": {"fields_available": 1}}
"""What must stand beside a value for it to break its rule."""


def with_stray_rows(frames: dict[str, pd.DataFrame], data: Path) -> dict[str, list[int]]:
    """Write *frames* with rows added: of every kind as many as 1 % of the rows that give the column, and copies.

    Returns the places of the added rows in their files.
    """
    places, rng = {}, np.random.default_rng(3)
    for name, kinds in STRAY.items():
        frame = frames[name].astype("object")
        key, added = TABLES[name].id, []
        for column, values in kinds.items():
            for value in values:
                rows = frame.sample(max(1, int(0.01 * frame[column].notna().sum())), random_state=rng)
                some = rows.assign(**{key: [f"{name}-{column}-{value}-{n}"[:500] for n in range(len(rows))]})
                some = some.assign(**BESIDE.get(column, {}))
                some[column] = (
                    f"{value}" if column != key else [value and f"{value}{n}" for n in range(len(rows))]
                )
                added.append(some)
        added.append(frame.sample(frac=0.01, random_state=rng))  # copies, which stand behind what they copy
        everything = pd.concat([frame, *added[:-1]], ignore_index=True).assign(stray=False)
        everything.loc[len(frame) :, "stray"] = True
        everything = pd.concat([everything.sample(frac=1, random_state=rng), added[-1].assign(stray=True)])
        places[name] = (np.flatnonzero(everything.pop("stray")) + 1).tolist()
        everything.to_csv(data / f"{name}.csv", index=False)
    return places


def test_stray_rows_of_every_kind_are_set_aside_and_no_score_moves(
    world: World, score_hash: str, tmp_path: Path
) -> None:
    frames = tables_of(world.data)
    data = write(frames, tmp_path / "data", world.data)
    places = with_stray_rows(frames, data)
    file = pipeline(tmp_path / "night", data)

    told: list[str] = []
    out = jobs.score(file, out=tmp_path / "out", model=world.bundle, tell=told.append)
    assert digest(out / "scores.parquet") == score_hash
    listed = pd.read_parquet(out / "set_aside.parquet")
    assert {name: part["row"].tolist() for name, part in listed.groupby("table")} == places
    assert set(listed["file"]) == {f"../data/{name}.csv" for name in STRAY}
    assert not listed.isin(["an-erased-customer"]).any(axis=None)
    info = writer.verify(out)["info"]
    assert info["set_aside"]["rows"] == {name: len(rows) for name, rows in places.items()}
    counted = json.loads((out / "coverage.json").read_text())["rows"]
    spans = {
        name: [TABLES[name].id, *([TABLES[name].event] if TABLES[name].until else [])] for name in frames
    }
    assert counted == {name: len(frame[spans[name]].drop_duplicates()) for name, frame in frames.items()}
    assert info["data"] == writer.verify(world.scored)["info"]["data"], (
        "what is read is what was read without them"
    )
    assert all(f"{name}: {len(rows):,} rows set aside in all" in told for name, rows in places.items())
    rules = {(one["table"], one["rule"], one["column"]) for one in info["set_aside"]["rules"]}
    assert {(table, column) for table, _, column in rules} >= {
        (t, c) for t, kinds in STRAY.items() for c in kinds
    }
    assert {rule for _, rule, _ in rules} == TOLERABLE - {"skipped_time"} | {COPY}, (
        "clocks of UTC skip no time"
    )


def test_replies_a_second_before_their_question_score_as_if_they_were_simultaneous(
    world: World, score_hash: str, tmp_path: Path
) -> None:
    frames = tables_of(world.data)
    contacts = frames["interactions"]
    some = contacts[contacts.first_reply_at.notna()].sample(frac=0.05, random_state=4).index
    made = []
    for name, before in (("skewed", pd.Timedelta("0.9s")), ("straight", pd.Timedelta(0))):
        moved = contacts.copy()
        moved.loc[some, "first_reply_at"] = moved.loc[some, "started_at"] - before
        data = write(frames | {"interactions": moved}, tmp_path / name, world.data)
        made.append(world.score(tmp_path / f"{name}-out", pipeline(tmp_path / f"{name}-night", data)))
    assert made[0] == made[1] != score_hash


@pytest.mark.slow
def test_stray_rows_leave_the_trees_as_they_are(world: World, tmp_path: Path) -> None:
    frames = tables_of(world.data)
    data = write(frames, tmp_path / "data", world.data)
    places = with_stray_rows(frames, data)
    trained = jobs.train(pipeline(tmp_path / "night", data), out=tmp_path / "train")
    assert len(pd.read_parquet(trained / "set_aside.parquet")) == sum(map(len, places.values()))
    assert writer.verify(trained)["info"]["set_aside"]["rows"].keys() == places.keys()
    trees = [path.name for path in world.bundle.glob("*.lgb")]
    assert trees and all(digest(trained / "bundle" / name) == digest(world.bundle / name) for name in trees)
