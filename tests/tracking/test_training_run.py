"""The MLflow door: what is stored, who becomes champion, what is fetched and what is served."""

import dataclasses
import json
import os
import re
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings, strategies as st

from cxml.errors import CxmlError, ModelError
from cxml.models.bundle import Bundle
from cxml.models.churn import ChurnClassifier
from cxml.models.value import ValueRegressor
from cxml.tracking import training_run as tracking
from cxml.tracking.champion import Record, is_champion
from cxml.tracking.client import opened, reach
from cxml.tracking.training_run import fetch_bundle, log_training, registered_name

NAME = "shop/eu"
INFO = {
    "project": NAME,
    "currency": "EUR",
    "churn": "inactivity",
    "lead_days": 0.0,
    "horizon_days": 90.0,
    "train_cutoffs": ["2025-10-01", "2025-11-01"],
    "seed": 7,
    "calibration_cutoff": None,
    "populations": [{"cutoff": "2025-10-01", "at_risk": 10}],
    "data": {"interactions": "ab" * 32},
}


def feature(factor: str, en: str, unit: str) -> dict[str, str]:
    return {"factor": factor, "en": en, "ko": "이름", "unit": unit, "direction": "+"}


LABELS = {
    "factors": {
        "waiting": {"en": "waiting", "ko": "대기", "kind": "lever", "family": "process"},
        "plan": {"en": "plan", "ko": "요금제", "kind": "context", "family": "product"},
    },
    "features": {
        "wait_mean_30d": feature("waiting", "average wait, last 30 days", "s"),
        "abandoned_30d": feature("waiting", "calls given up, last 30 days", "count"),
        "order_days_since": feature("plan", "days since order", "d"),
        "plan_last": feature("plan", "plan", "text"),
    },
}


def metrics(loss: float, cutoff: str = "2026-01-01T00:00:00+00:00", baseline: float = 0.5) -> dict[str, Any]:
    return {
        "test": {"cutoff": cutoff, "mode": "time", "rows": 500},
        "churn": {"auc": 0.8, "log_loss": loss, "ece": float("nan")},
        "value": {"gini": 0.6, "spearman": None},
        "baselines": {
            "churn": {"logistic": {"auc": 0.7, "log_loss": baseline}},
            "value": {"naive": {"gini": 0.5}},
        },
        "tables": {
            "lift": [{"share": 0.1}],
            "cutoffs": [{"cutoff": "2025-10-01T00:00:00", "role": "trains", "auc": 0.9, "ece": None}],
            "search": [{"number": 0, "loss": 0.31, "leaves": 4}, {"number": 1, "loss": 0.32, "leaves": 9}],
        },
        "verdict": {"churn": "The churn model beats its baselines."},
    }


def matrix(rows: int = 1500) -> pd.DataFrame:
    """Features as the planner gives them, with a risk that comes from waiting and recency."""
    random = np.random.default_rng(3)
    wait = random.gamma(2, 100, rows).astype(np.float32)
    wait[random.random(rows) < 0.2] = np.nan
    since = random.integers(1, 200, rows).astype(np.int32)
    risk = 0.006 * np.nan_to_num(wait, nan=100.0) + 0.015 * since - 4.0
    plan = pd.Series(random.choice(["basic", "pro", "한글"], rows), dtype="str")
    plan[random.random(rows) < 0.1] = None
    return pd.DataFrame(
        {
            "customer_id": [f"secret-{i}" for i in range(rows)],
            "cutoff": pd.Timestamp("2026-01-01", tz="UTC"),
            "wait_mean_30d": wait,
            "abandoned_30d": random.poisson(0.5, rows).astype(np.float32),
            "order_days_since": since,
            "plan_last": plan,
            "churned": (random.random(rows) < 1 / (1 + np.exp(-risk))).astype(np.int32),
            "value": np.where(random.random(rows) < 0.7, random.gamma(2, 50, rows), 0.0),
        }
    )


FEATURES = list(LABELS["features"])


@dataclasses.dataclass
class Shop:
    """A store in which three versions were logged, one after the other."""

    uri: str
    home: Path
    cwd: Path
    frame: pd.DataFrame
    bundles: dict[str, Path]
    logged: list[tracking.Logged]
    printed: str


@contextmanager
def inside(folder: Path) -> Iterator[None]:
    before = Path.cwd()
    os.chdir(folder)
    try:
        yield
    finally:
        os.chdir(before)


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    # a path with a space and a # in it: MLflow turns paths into URIs and back
    home, cwd = tmp_path_factory.mktemp("shop #1 "), tmp_path_factory.mktemp("cwd")
    uri = f"sqlite:///{home / 'mlflow.db'}"
    frame = matrix()
    X = frame[FEATURES]
    churn = ChurnClassifier(num_threads=1, seeds=1, folds=2).fit(X, frame["churned"])
    value = ValueRegressor(num_threads=1).fit(X, frame["value"])
    bundles = {"churn": home / "churn-only", "both": home / "both"}
    Bundle(churn=churn, value=None, labels=LABELS, info=INFO).write(bundles["churn"])
    Bundle(churn=churn, value=value, labels=LABELS, info=INFO).write(bundles["both"])
    (home / "metrics.json").write_text("{}")
    with pytest.MonkeyPatch.context() as patch, inside(cwd):
        made = subprocess.run(
            [sys.executable, "-c", f"from cxml.tracking.client import reach; reach({uri!r})"],
            capture_output=True,
            text=True,
            check=True,
        )
        # what `mlflow run` and a user's shell may set must not lead a run astray
        patch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:9")
        patch.setenv("MLFLOW_RUN_ID", "0" * 32)
        logged = [
            log_training(
                uri=uri,
                experiment="shop",
                name=NAME,
                bundle=bundles[kind],
                metrics=metrics(loss),
                info=INFO,
                files=[home / "metrics.json"],
            )
            for kind, loss in (("both", 0.40), ("both", 0.41), ("churn", 0.38))
        ]
        yield Shop(uri, home, cwd, frame, bundles, logged, made.stdout + made.stderr)


@pytest.fixture
def client(shop: Shop) -> Any:
    from mlflow import MlflowClient

    return MlflowClient(shop.uri, shop.uri)


def contents(folder: Path) -> dict[str, bytes]:
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


# ---------------------------------------------------------------- what is stored


def test_the_run_holds_settings_figures_hashes_and_files(shop: Shop, client: Any) -> None:
    run = client.get_run(shop.logged[0].run_id)
    assert run.info.status == "FINISHED"
    assert run.data.params == {
        "project": NAME,
        "currency": "EUR",
        "churn": "inactivity",
        "lead_days": "0.0",
        "horizon_days": "90.0",
        "train_cutoffs": "2025-10-01, 2025-11-01",
        "seed": "7",
    }
    assert run.data.metrics == {
        "churn.auc": 0.8,
        "churn.log_loss": 0.40,
        "churn.logistic.auc": 0.7,
        "churn.logistic.log_loss": 0.5,
        "value.gini": 0.6,
        "value.naive.gini": 0.5,
    }
    assert run.data.tags["cxml.data.interactions"] == "ab" * 32
    assert run.data.tags["cxml.bundle"] == Bundle.read(shop.bundles["both"]).fingerprint
    assert [file.path for file in client.list_artifacts(run.info.run_id)] == ["metrics.json"]
    assert len(run.outputs.model_outputs) == 1


def test_cutoffs_and_trials_are_children_of_the_run(shop: Shop, client: Any) -> None:
    parent = shop.logged[0].run_id
    experiment = client.get_experiment_by_name("shop").experiment_id
    children = client.search_runs([experiment], f"tags.`mlflow.parentRunId` = '{parent}'")
    found = {run.info.run_name: run for run in children}
    assert set(found) == {"cutoff 2025-10-01 (trains)", "trial 0", "trial 1"}
    cutoff = found["cutoff 2025-10-01 (trains)"]
    assert cutoff.data.metrics == {"auc": 0.9} and cutoff.data.params["role"] == "trains"
    assert found["trial 1"].data.metrics == {"number": 1.0, "loss": 0.32, "leaves": 9.0}
    assert {run.info.status for run in children} == {"FINISHED"}


def test_everything_lies_beside_the_database(shop: Shop, client: Any) -> None:
    assert list(shop.cwd.iterdir()) == []
    location = client.get_experiment_by_name("shop").artifact_location
    assert location == (shop.home / "mlartifacts").as_uri()
    assert {p.parent.parent.name for p in (shop.home / "mlartifacts").rglob("MLmodel")} >= {
        model.model_id for one in shop.logged for model in client.get_run(one.run_id).outputs.model_outputs
    }


def test_no_row_of_data_is_stored(shop: Shop) -> None:
    stored = contents(shop.home / "mlartifacts") | {"db": (shop.home / "mlflow.db").read_bytes()}
    assert [name for name, data in stored.items() if b"secret-" in data] == []
    assert [name for name in stored if "example" in name] == []
    assert [name for name in stored if name.endswith((".pkl", ".pickle", ".joblib", ".skops"))] == []


def test_nothing_is_printed(shop: Shop, capfd: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert shop.printed == ""
    log_training(
        uri=shop.uri,
        experiment="quiet",
        name="quiet",
        bundle=shop.bundles["churn"],
        metrics=metrics(0.4),
        info=INFO,
        files=[],
    )
    fetch_bundle(shop.uri, "quiet@champion", tmp_path)
    assert capfd.readouterr() == ("", "")


def test_a_run_that_fails_is_marked_and_registers_nothing(shop: Shop, client: Any) -> None:
    with pytest.raises(CxmlError) as failed:
        log_training(
            uri=shop.uri,
            experiment="shop",
            name=NAME,
            bundle=shop.bundles["churn"],
            metrics=metrics(0.1),
            info=INFO,
            files=[shop.home / "is-not-there.json"],
        )
    assert failed.value.exit_code == 1 and failed.value.fix
    experiment = client.get_experiment_by_name("shop").experiment_id
    runs = [run for run in client.search_runs([experiment]) if "mlflow.parentRunId" not in run.data.tags]
    assert sorted(run.info.status for run in runs) == ["FAILED", "FINISHED", "FINISHED", "FINISHED"]
    assert len(client.search_model_versions(f"name = '{registered_name(NAME)}'")) == 3


def test_a_deleted_experiment_is_refused(shop: Shop, client: Any) -> None:
    client.delete_experiment(client.create_experiment("gone"))
    with pytest.raises(CxmlError, match="'gone' was deleted"):
        log_training(
            uri=shop.uri,
            experiment="gone",
            name=NAME,
            bundle=shop.bundles["churn"],
            metrics=metrics(0.1),
            info=INFO,
            files=[],
        )


def test_a_changed_bundle_is_not_logged(shop: Shop, tmp_path: Path) -> None:
    for name, data in contents(shop.bundles["churn"]).items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(data + b" " if name == "info.md" else data)
    with pytest.raises(ModelError):
        log_training(
            uri=shop.uri,
            experiment="shop",
            name=NAME,
            bundle=tmp_path,
            metrics=metrics(0.1),
            info=INFO,
            files=[],
        )


# ---------------------------------------------------------------- who is champion


def test_the_alias_goes_to_the_better_version_only(shop: Shop, client: Any) -> None:
    assert [(one.version, one.champion) for one in shop.logged] == [(1, True), (2, False), (3, True)]
    assert "nobody held the alias" in shop.logged[0].verdict
    assert (
        "0.4100 on the test cutoff 2026-01-01 is not better than the 0.4000 of version 1"
        in shop.logged[1].verdict
    )
    assert (
        "0.3800 on the test cutoff 2026-01-01 is better than the 0.4000 of version 1"
        in shop.logged[2].verdict
    )
    for one in shop.logged:
        assert one.verdict.count(". ") == 0 and one.verdict.endswith(".")
    assert int(client.get_model_version_by_alias(registered_name(NAME), "champion").version) == 3


def test_a_version_carries_what_a_later_one_is_compared_with(shop: Shop, client: Any) -> None:
    version = client.get_model_version(registered_name(NAME), "2")
    assert Record.from_tags(version.tags) == Record.of(metrics(0.41), INFO)
    assert version.run_id == shop.logged[1].run_id


def record(loss: float = 0.3, cutoff: str = "2026-01-01", baseline: float = 0.5, **info: Any) -> Record:
    return Record.of(metrics(loss, f"{cutoff}T00:00:00+00:00", baseline), {**INFO, **info})


@pytest.mark.parametrize(
    ("new", "promoted"),
    [
        (record(0.29), True),
        (record(0.30), False),
        (record(0.31), False),
        (record(0.29, baseline=0.2), True),
        (record(0.60, "2026-02-01", baseline=0.7), True),
        (record(0.60, "2026-02-01", baseline=0.6), False),
        (record(0.10, "2025-12-01"), False),
        (record(0.60, baseline=0.7, horizon_days=30.0), True),
        (record(0.10, baseline=0.1, churn="subscription"), False),
    ],
)
def test_the_rule(new: Record, promoted: bool) -> None:
    champion, why = is_champion(new, "version 4", record(0.30))
    assert champion is promoted
    assert "version 4" in why


def test_a_version_that_a_baseline_beats_is_never_promoted_without_a_word() -> None:
    losing = record(0.40, baseline=0.39)
    said = "a simpler rule beats it on log loss: logistic"
    assert is_champion(losing, "", None) == (True, f"nobody held the alias, but {said}")
    assert is_champion(losing, "version 4", record(0.45))[1].endswith(f"but {said}")
    by_chance = metrics(0.40, baseline=0.39)
    by_chance["baselines"]["churn"]["logistic"] |= {"log_loss_gap": 0.01, "log_loss_gap_error": 0.02}
    assert Record.of(by_chance, INFO).beaten_by == ()
    by_chance["baselines"]["churn"]["logistic"]["log_loss_gap_error"] = 0.009
    assert Record.of(by_chance, INFO).beaten_by == ("logistic",)


def test_a_champion_of_another_configuration_gives_way() -> None:
    """Scoring refuses it: were it to stay, nobody could be scored any more."""
    then = record(0.30, terms={"[promises]": "a"})
    assert is_champion(record(0.40, baseline=0.5, terms={"[promises]": "a"}), "version 4", then)[0] is False
    now = {"[promises]": "b"}
    champion, why = is_champion(record(0.40, baseline=0.5, terms=now), "version 4", then)
    assert champion and "promises" in why and "version 4" in why
    assert is_champion(record(0.40, baseline=0.3, terms=now), "version 4", then)[0] is False
    # Nobody knows what an earlier one was trained for.
    assert is_champion(record(0.40, baseline=0.5, terms=now), "version 4", record(0.30))[0] is False


def test_another_measure_may_decide_or_nobody() -> None:
    def by(auc: float, baseline: float) -> Record:
        figures = metrics(0.3)
        figures["churn"]["auc"] = auc
        for own in figures["baselines"]["churn"].values():
            own["auc"] = baseline
        return Record.of(figures, INFO, "auc")

    assert is_champion(by(0.8, 0.7), "version 4", by(0.75, 0.7)) == (
        True,
        "its AUC of 0.8000 on the test cutoff 2026-01-01 is better than the 0.7500 of version 4",
    )
    assert is_champion(by(0.7, 0.6), "version 4", by(0.75, 0.7))[0] is False
    assert is_champion(by(0.8, 0.7), "version 4", record(0.3))[0] is True
    assert is_champion(by(0.6, 0.7), "version 4", record(0.3))[0] is False
    assert is_champion(by(0.9, 0.7), "version 4", by(0.75, 0.7), "never")[0] is False
    assert is_champion(by(0.1, 0.7), "version 4", by(0.75, 0.7), "always")[0] is True


def test_a_test_on_customers_held_out_does_not_equal_one_on_a_later_time() -> None:
    other = metrics(0.2, baseline=0.1)
    other["test"]["mode"] = "customers"
    held_out = Record.of(other, INFO)
    champion, why = is_champion(held_out, "version 4", record(0.30))
    assert not champion and "tested on a later time" in why and "tested on customers held out" in why


def test_days_are_those_of_the_projects_zone() -> None:
    made = Record.of(metrics(0.3, "2025-12-31T15:00:00+00:00"), {**INFO, "timezone": "Asia/Seoul"})
    again = Record.from_tags(made.to_tags())
    assert again == made == Record.of(metrics(0.3, "2025-12-31T15:00:00+00:00"), INFO)
    assert again is not None and (again.day, made.day) == ("2026-01-01", "2026-01-01")


def test_a_fault_of_cxml_is_not_told_as_one_of_mlflow(tmp_path: Path) -> None:
    with pytest.raises(KeyError), opened(f"sqlite:///{tmp_path / 'mlflow.db'}"):
        raise KeyError("ours")


def test_figures_that_are_not_ours_are_left_alone() -> None:
    assert Record.from_tags({"cxml.test_cutoff": "soon"}) is None
    assert is_champion(record(0.1), "version 4", None)[0] is False


BEATEN = st.sampled_from([(), ("logistic",), ("boosted", "recency_frequency")])


@settings(max_examples=30, deadline=None)
@given(st.floats(0, 10), st.datetimes(timezones=st.timezones()), BEATEN, st.text(), st.text())
def test_a_record_survives_its_tags(
    loss: float, cutoff: Any, beaten: tuple[str, ...], question: str, terms: str
) -> None:
    made = Record(cutoff.astimezone(UTC), "brier", loss, beaten, question, terms)
    assert Record.from_tags(made.to_tags()) == made


@settings(max_examples=100, deadline=None)
@given(st.text(), st.text())
def test_every_name_becomes_one_that_the_registry_takes(one: str, other: str) -> None:
    from mlflow.utils.validation import _validate_model_name

    _validate_model_name(registered_name(one))
    assert registered_name(registered_name(one)) == registered_name(one)
    assert (registered_name(one) == registered_name(other)) == (one == other)


# ---------------------------------------------------------------- what is fetched


@pytest.mark.parametrize(("ref", "kind"), [("@champion", "churn"), ("/1", "both")])
def test_a_bundle_comes_back_byte_for_byte(shop: Shop, tmp_path: Path, ref: str, kind: str) -> None:
    folder = fetch_bundle(shop.uri, NAME + ref, tmp_path)
    assert folder.is_relative_to(tmp_path)
    assert contents(folder) == contents(shop.bundles[kind])
    assert Bundle.read(folder).fingerprint == Bundle.read(shop.bundles[kind]).fingerprint
    assert list(tmp_path.iterdir()) == [folder]


@pytest.mark.parametrize(
    "ref",
    [f"{NAME}@nobody", f"{NAME}/99", "nothing@champion", "nothing/1", "nothing", "@champion", "", "a/b"],
)
def test_what_is_not_there_is_named(shop: Shop, tmp_path: Path, ref: str) -> None:
    with pytest.raises(ModelError) as absent:
        fetch_bundle(shop.uri, ref, tmp_path)
    assert absent.value.exit_code == 4
    assert absent.value.what and absent.value.where and absent.value.expected and absent.value.fix
    assert list(tmp_path.iterdir()) == []


def test_a_store_that_is_not_there_is_not_made(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="the registry has no model") as absent:
        fetch_bundle(f"sqlite:///{tmp_path / 'mlflow.db'}", "shop@champion", tmp_path / "dest")
    assert "cxml train" in absent.value.fix
    assert list(tmp_path.iterdir()) == []


def test_a_bundle_that_was_exchanged_in_the_store_is_refused(shop: Shop, client: Any, tmp_path: Path) -> None:
    name = registered_name(NAME)
    other = client.get_model_version(name, "1").source
    swapped = client.create_model_version(name, other, tags=client.get_model_version(name, "3").tags)
    with pytest.raises(ModelError, match="not the one that was registered"):
        fetch_bundle(shop.uri, f"{NAME}/{swapped.version}", tmp_path)
    client.delete_model_version(name, swapped.version)


def test_a_bundle_whose_files_are_gone_is_named(shop: Shop, client: Any, tmp_path: Path) -> None:
    client.create_registered_model("lost")
    client.create_model_version("lost", (tmp_path / "nowhere").as_uri())
    with pytest.raises(ModelError, match="the bundle of lost/1 cannot be fetched"):
        fetch_bundle(shop.uri, "lost/1", tmp_path / "dest")


@pytest.mark.parametrize(
    "uri",
    ["nonsense://x", "{tmp}/a-folder", "sqlite:///{tmp}/file/mlflow.db", "http://me:secret@127.0.0.1:9"],
)
def test_a_store_that_cannot_be_used_is_an_error_with_a_way_out(
    uri: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    (tmp_path / "file").write_text("not a folder")
    with pytest.raises(CxmlError) as failed:
        reach(uri.format(tmp=tmp_path))
    assert failed.value.exit_code == 1
    assert failed.value.where and "[tracking] uri" in failed.value.fix
    assert "secret" not in str(failed.value)


# ---------------------------------------------------------------- what is served


@pytest.fixture(scope="module")
def served(shop: Shop) -> Iterator[dict[str, Any]]:
    import mlflow

    mlflow.set_tracking_uri(shop.uri)
    yield {
        "both": mlflow.pyfunc.load_model(f"models:/{registered_name(NAME)}/1"),
        "churn": mlflow.pyfunc.load_model(f"models:/{registered_name(NAME)}@champion"),
    }
    mlflow.set_tracking_uri(None)


@pytest.mark.parametrize("kind", ["both", "churn"])
def test_a_served_row_gets_the_scores_of_the_bundle(shop: Shop, served: dict[str, Any], kind: str) -> None:
    rows = shop.frame.head(200).drop(columns=["churned", "value"])
    found = served[kind].predict(rows)
    expected = Bundle.read(shop.bundles[kind]).score(rows)
    assert list(found.columns) == [*expected.columns, "reasons"]
    for name in expected.columns:
        np.testing.assert_array_equal(found[name].to_numpy(dtype=float), expected[name].to_numpy(dtype=float))
    assert (found["expected_value"].notna() if kind == "both" else found["expected_value"].isna()).all()


def test_columns_may_come_in_any_order_and_be_absent(shop: Shop, served: dict[str, Any]) -> None:
    rows = shop.frame[FEATURES].head(50)
    whole = served["both"].predict(rows)
    pd.testing.assert_frame_equal(served["both"].predict(rows[FEATURES[::-1]]), whole)
    without = served["both"].predict(rows.drop(columns="wait_mean_30d"))
    pd.testing.assert_frame_equal(
        without, served["both"].predict(rows.assign(wait_mean_30d=np.float32("nan")))
    )
    one = served["both"].predict({"wait_mean_30d": 300.0, "plan_last": "pro"})
    assert 0 < one["churn_probability"][0] < 1


def test_rows_without_any_feature_are_refused(served: dict[str, Any]) -> None:
    with pytest.raises(CxmlError, match="none of the model's columns"):
        served["both"].predict(pd.DataFrame({"wait_mean": [1.0]}))


def test_reasons_are_readable(shop: Shop, served: dict[str, Any]) -> None:
    rows = shop.frame[FEATURES].head(200)
    found = served["both"].predict(rows)
    said = found["reasons"].dropna()
    assert 0 < len(said) < len(rows)
    wanted = re.compile(r"Average wait, last 30 days: [\d,.]+ s|Calls given up, last 30 days: \d+")
    assert all(wanted.fullmatch(part) for text in said for part in text.split("; "))
    # a lever is said exactly where it raises the risk and one of its features was measured
    up = found["contribution_waiting"] > 0
    assert (found["reasons"].notna() <= up).all()


def test_missing_is_null_in_json(served: dict[str, Any], shop: Shop) -> None:
    found = served["churn"].predict(shop.frame[FEATURES].head(20))
    text = json.dumps(found.to_dict("records"), allow_nan=False)
    assert json.loads(text)[0]["expected_value"] is None


@pytest.mark.parametrize(
    ("unit", "value", "text"),
    [
        ("s", 870.4, "Wait, last 30 days: 870 s"),
        ("share", 0.25, "Wait, last 30 days: 25%"),
        ("money", 1234.5, "Wait, last 30 days: 1,234 EUR"),
        ("count", 3.0, "Wait, last 30 days: 3"),
        ("flag", 1.0, "Wait, last 30 days: yes"),
        ("d", 2.1251, "Wait, last 30 days: 2.13 days"),
        ("ratio", 0.00012, "Wait, last 30 days: 0.00012"),
        ("text", 1.0, "Wait, last 30 days"),
        ("score", float("nan"), "Wait, last 30 days"),
    ],
)
def test_a_value_is_said_in_its_unit(unit: str, value: float, text: str) -> None:
    from cxml.tracking.served_model import said

    assert said(value, {"en": "wait, last 30 days", "unit": unit}, "EUR") == text


@pytest.mark.slow
def test_mlflow_serves_the_champion(shop: Shop, tmp_path: Path) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [
        sys.executable,
        "-m",
        "mlflow",
        "models",
        "serve",
        "--env-manager",
        "local",
        "--workers",
        "1",
        "--host",
        "127.0.0.1",
        "--port",
        str(port),
        "--model-uri",
        f"models:/{registered_name(NAME)}/1",
    ]
    environment = {
        **os.environ,
        "MLFLOW_TRACKING_URI": shop.uri,
        "MLFLOW_DISABLE_TELEMETRY": "true",
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
    }
    del environment["MLFLOW_RUN_ID"]
    rows = shop.frame[FEATURES].head(3)
    records = json.loads(rows.to_json(orient="records"))
    records[0] = {name: value for name, value in records[0].items() if value is not None}
    body = json.dumps({"dataframe_records": records}).encode()
    request = urllib.request.Request(
        f"http://127.0.0.1:{port}/invocations", data=body, headers={"Content-Type": "application/json"}
    )
    with (tmp_path / "log").open("w") as log:
        server = subprocess.Popen(command, env=environment, cwd=tmp_path, stdout=log, stderr=log)
    try:
        answer = json.loads(asked(request, server, tmp_path / "log"))["predictions"]
    finally:
        server.terminate()
        server.wait(timeout=30)
    expected = Bundle.read(shop.bundles["both"]).score(rows)
    for name in expected.columns:
        said = expected[name].astype(object).where(expected[name].notna(), None)
        assert [row[name] for row in answer] == said.tolist()
    assert all(row["reasons"] is None or ": " in row["reasons"] for row in answer)


def asked(request: urllib.request.Request, server: "subprocess.Popen[bytes]", log: Path) -> bytes:
    """The answer, once the server has come up."""
    for _ in range(180):
        assert server.poll() is None, log.read_text()
        try:
            with urllib.request.urlopen(request, timeout=30) as response:
                body: bytes = response.read()
                return body
        except OSError as error:
            if hasattr(error, "code"):
                raise AssertionError(log.read_text()) from error
            time.sleep(0.5)
    raise AssertionError(log.read_text())
