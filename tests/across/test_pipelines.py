"""The worked pipelines: two on public data, where that lies at hand, and the simulated one."""

from __future__ import annotations

import dataclasses
import json
import os
import shutil
import subprocess
import sys
import tomllib
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from cxml import jobs
from cxml.config.load import Config, load_config
from cxml.features.company import plan_features
from cxml.labels import targets
from cxml.simulate import simulate
from cxml.snapshots import population
from cxml.snapshots.cutoffs import last_matured, training_cutoffs
from cxml.snapshots.handle import Population
from cxml.snapshots.splits import plan_splits
from cxml.tables.opening import Tables, open_tables

HOME = Path(__file__).parents[2]
PIPELINES = HOME / "pipelines"
RAW = {
    "anonymous_bank": "anonymous_bank_calls",
    "cdnow": "cdnow",
    "telco": "ibm_telco",
    "saas_survival": "pysurvival_churn",
}


def raw_data(name: str) -> Path:
    """Where the public data of a pipeline lie."""
    place = Path(os.environ.get("CXML_DATA") or HOME.parent / "shared" / "data") / RAW[name]
    if not place.is_dir():
        pytest.skip(
            f"the data of pipelines/{name} are not here: set CXML_DATA to the folder that holds {RAW[name]}"
        )
    return place


def prepared(name: str, folder: Path) -> Config:
    """The pipeline *name* in a folder of its own, with its data prepared by its own script."""
    raw = raw_data(name)
    shutil.copy(PIPELINES / name / "cxml.toml", folder)
    command = [sys.executable, str(PIPELINES / name / "prepare.py"), str(raw), str(folder / "data")]
    subprocess.run(command, check=True, capture_output=True)
    config = load_config(folder)
    return dataclasses.replace(config, model=dataclasses.replace(config.model, threads=1))


@pytest.fixture(scope="module")
def bank(tmp_path_factory: pytest.TempPathFactory) -> Config:
    return prepared("anonymous_bank", tmp_path_factory.mktemp("bank"))


@pytest.fixture(scope="module")
def cdnow(tmp_path_factory: pytest.TempPathFactory) -> Config:
    return prepared("cdnow", tmp_path_factory.mktemp("cdnow"))


def labelled(config: Config) -> tuple[Tables, Population, pd.DataFrame]:
    """The snapshots of the one cutoff of a pipeline, with their labels and without any feature."""
    tables = open_tables(config)
    with population.take(tables, training_cutoffs(config)) as snapshots:
        (people,) = snapshots.populations
        return tables, people, targets.labels(tables, snapshots)


def mode_of(config: Config) -> tuple[str, str]:
    plan = plan_splits(training_cutoffs(config), config.churn.lead, config.churn.horizon)
    return plan.mode, plan.reason


# ---------------------------------------------------------------- a bank's call centre


def test_bank_tables_keep_to_their_contract(bank: Config) -> None:
    found = jobs.check(bank)
    assert found.check.problems == ()
    had = {entry["factor"] for part in ("measured", "partly") for entry in found.coverage[part]}
    assert {"waiting", "abandonment"} <= had
    assert "returns" in {entry["factor"] for entry in found.coverage["not_measured"]}


def test_bank_population_and_labels_are_those_of_the_log(bank: Config) -> None:
    _, population, found = labelled(bank)
    assert population.at_risk == len(found) == 5_759
    assert found.churned.mean() == pytest.approx(0.129, abs=0.0005)
    assert found.value.isna().all(), "no money is known"
    raw = raw_data("anonymous_bank")
    profile = pd.read_parquet(raw / "customer_year_profile.parquet").set_index("customer_id")
    last = profile.last_call.reindex(found.customer_id.astype(int))
    assert (last < "1999-03-01").tolist() == (found.churned == 1).tolist(), "no call after February"
    calls = pd.read_parquet(raw / "calls.parquet")
    called = set(calls[(calls.date < "1999-03-01") & (calls.outcome != "PHANTOM")].customer_id)
    assert set(found.customer_id.astype(int)) <= called


def test_bank_has_one_matured_cutoff_and_it_is_noticed(bank: Config) -> None:
    mode, reason = mode_of(bank)
    assert mode == "customers"
    assert "no earlier cutoff has matured" in reason
    assert last_matured(bank) == training_cutoffs(bank)[-1], "a later one would be immature"


def test_bank_features_come_from_january_and_february_alone(bank: Config) -> None:
    calls = pd.read_parquet(bank.folder / "data" / "interactions.parquet")
    assert calls.started_at.min() >= pd.Timestamp("1999-01-01")
    assert calls.started_at.max() < pd.Timestamp("1999-03-01")
    people = pd.read_parquet(bank.folder / "data" / "customers.parquet")
    assert set(people.columns) == {"customer_id", "joined_at", "recorded_at", "priority", "last_seen_at"}
    sql = jobs.features_sql(bank)
    assert "last_seen_at" not in sql
    assert "wait_s" in sql


@pytest.mark.slow
def test_bank_model_beats_recency_and_frequency(bank: Config, tmp_path: Path) -> None:
    told: list[str] = []
    trained = jobs.train(bank, out=tmp_path, tell=told.append)
    found = json.loads((trained / "metrics.json").read_text())
    own, rivals = found["churn"], found["baselines"]["churn"]
    assert found["test"]["mode"] == "customers"
    assert found["test"]["note"] in told
    assert own["rows"] == 5_759
    assert own["auc"] >= 0.71
    assert own["pr_auc"] >= 0.24
    assert own["auc"] > rivals["recency_frequency"]["auc"]
    assert own["pr_auc"] > rivals["recency_frequency"]["pr_auc"]
    assert own["auc"] >= rivals["logistic"]["auc"] - 0.01


# ---------------------------------------------------------------- a shop for CDs


def test_cdnow_tables_keep_to_their_contract(cdnow: Config) -> None:
    assert jobs.check(cdnow).check.problems == ()


def test_cdnow_customers_and_spend_are_those_of_the_raw_file(cdnow: Config) -> None:
    _, population, found = labelled(cdnow)
    bought = pd.read_parquet(raw_data("cdnow") / "transactions_master.parquet")
    assert bought.customer_id.nunique() == 23_570
    paid = bought[bought.dollar_value > 0]  # what cost nothing is no purchase
    assert population.at_risk == len(found) == paid[paid.date < "1997-10-01"].customer_id.nunique() == 23_500
    later = bought[bought.date >= "1997-10-01"]
    spend = later.groupby(later.customer_id.astype(str)).dollar_value.sum()
    expected = spend.reindex(found.customer_id).fillna(0)
    assert found.value.to_numpy() == pytest.approx(expected.to_numpy(), abs=1e-6)
    assert found.value.sum() == pytest.approx(expected.sum(), rel=1e-9)
    assert found.value.sum() > 0.999 * later.dollar_value.sum(), "the others had paid nothing before"
    came_back = set(later.customer_id[later.dollar_value > 0].astype(str))
    assert [one not in came_back for one in found.customer_id] == (found.churned == 1).tolist()
    assert mode_of(cdnow)[0] == "customers"


def test_cdnow_features_are_the_spend_of_the_first_39_weeks(cdnow: Config, tmp_path: Path) -> None:
    cutoff = training_cutoffs(cdnow)[-1]
    assert cutoff == datetime(1997, 10, 1, tzinfo=UTC)
    found = pd.read_parquet(jobs.features(cdnow, cutoff=cutoff, out=tmp_path / "features.parquet"))
    bought = pd.read_parquet(raw_data("cdnow") / "transactions_master.parquet")
    earlier = bought[bought.date < "1997-10-01"]
    keys = earlier.customer_id.astype(str)
    spend = earlier.groupby(keys).dollar_value.sum().reindex(found.customer_id)
    assert found.value_273d.to_numpy() == pytest.approx(spend.to_numpy(), rel=1e-6, abs=1e-4)
    paid = earlier[earlier.dollar_value > 0]
    days = paid.groupby(paid.customer_id.astype(str)).date.nunique().reindex(found.customer_id)
    assert found.orders_n_273d.tolist() == days.tolist()


@pytest.mark.slow
def test_cdnow_model_ranks_spend_and_knows_its_total(cdnow: Config, tmp_path: Path) -> None:
    found = json.loads((jobs.train(cdnow, out=tmp_path) / "metrics.json").read_text())
    own, naive = found["value"], found["baselines"]["value"]["naive"]
    assert found["test"]["mode"] == "customers"
    assert own["rows"] == 23_570
    assert own["gini"] >= 0.70
    assert abs(own["total_error"]) <= 0.15
    assert own["gini"] > naive["gini"]
    assert abs(own["total_error"]) < abs(naive["total_error"])


# ---------------------------------------------------------------- static tables


@pytest.mark.parametrize(
    ("name", "file", "column", "left", "features"),
    [
        ("telco", "telco_customer_churn", "Churn", "Yes", 19),
        ("saas_survival", "churn", "churned", 1, 7),
    ],
)
def test_static_tables_give_every_row_its_label(
    name: str, file: str, column: str, left: object, features: int, tmp_path: Path
) -> None:
    config = prepared(name, tmp_path)
    assert jobs.check(config).check.problems == ()
    tables, population, found = labelled(config)
    raw = pd.read_parquet(raw_data(name) / f"{file}.parquet")
    assert population.at_risk == len(found) == len(raw)
    assert found.churned.sum() == (raw[column] == left).sum()
    if name == "telco":
        gone = raw.set_index("customerID")[column] == left
        assert (gone.reindex(found.customer_id).to_numpy() == (found.churned == 1)).all()
    built = [one.name for one in plan_features(tables).matrix().columns]
    assert len(built) == features
    assert not {"customer_churn", "customer_churned", "customer_months_active"} & set(built)


@pytest.mark.slow
def test_telco_is_as_good_as_what_is_published_and_no_better(tmp_path: Path) -> None:
    found = json.loads(
        (jobs.train(prepared("telco", tmp_path), out=tmp_path / "out") / "metrics.json").read_text()
    )
    assert 0.845 <= found["churn"]["auc"] <= 0.855, "above, something leaks"
    assert found["churn"]["log_loss"] <= 0.415
    assert found["churn"]["auc"] >= found["baselines"]["churn"]["logistic"]["auc"] - 0.005


# ---------------------------------------------------------------- a simulated company


def test_the_demo_is_configured_as_the_simulator_would() -> None:
    def sources(raw: dict[str, Any], prefix: str) -> dict[str, Any]:
        tables = {
            name: {**table, "source": table["source"].removeprefix(prefix)}
            for name, table in raw["tables"].items()
        }
        return {**raw, "tables": tables}

    demo = tomllib.loads((PIPELINES / "demo" / "cxml.toml").read_text(encoding="utf-8"))
    assert all(table["source"].startswith("data/CURRENT/") for table in demo["tables"].values())
    made = tomllib.loads(simulate(customers=1, months=24, seed=0).config)
    assert sources(demo, "data/CURRENT/") == sources(made, "")


@pytest.mark.parametrize("name", sorted(path.parent.name for path in PIPELINES.glob("*/cxml.toml")))
def test_a_pipeline_loads_and_says_in_a_readme_what_it_does(name: str) -> None:
    config = load_config(PIPELINES / name)
    assert config.project.name == name
    assert config.tables
    readme = (PIPELINES / name / "README.md").read_text(encoding="utf-8")
    assert "cxml" in readme
    assert ("prepare.py" in readme) == (PIPELINES / name / "prepare.py").exists()
