"""A static table with a ready label: the whole chain, what a label may say, and what is refused."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from at_cutoffs import labels_at

from cxml import jobs, scoring
from cxml.audit import audit
from cxml.config.load import load_config, parse_config
from cxml.errors import ConfigError, CxmlError, DataError, ModelError, NotEnoughDataError
from cxml.features.company import plan_features
from cxml.labels.study import workbench
from cxml.models import churn
from cxml.models.bundle import Bundle
from cxml.records.how_tested import HowTested
from cxml.snapshots.cutoffs import training_cutoffs
from cxml.store import writer
from cxml.tables.check import check_tables
from cxml.tables.opening import Tables, open_tables
from cxml.training import dataset, fit

TOML = """
[project]
name = "static"
observation_end = "2026-01-01"

[tables.customers]
source = "customers.csv"

[churn]
definition = "label"
column = "customers.Left"

[model]
threads = 1
"""


def people(rows: int = 400, seed: int = 0) -> pd.DataFrame:
    """Customers who leave more often with much support and the basic plan."""
    rng = np.random.default_rng(seed)
    plan, support = rng.choice(["basic", "pro", "team"], rows), rng.exponential(30, rows).round(1)
    left = rng.random(rows) < 1 / (1 + np.exp(1.2 - 0.03 * support - 0.8 * (plan == "basic")))
    return pd.DataFrame(
        {
            "customer_id": [f"c{row:04d}" for row in range(rows)],
            "Plan": plan,
            "support minutes": support,
            "seats": rng.integers(1, 60, rows),
            "Left": np.where(left, "Yes", "No"),
        }
    )


def opened(frame: pd.DataFrame, said: dict[str, Any] | None = None, **sections: Any) -> Tables:
    raw = {
        "project": {"observation_end": "2026-01-01"},
        "engine": {"threads": 1},
        "model": {"threads": 1},
        "churn": {"definition": "label", "column": "customers.Left"} | (said or {}),
    }
    return open_tables(parse_config(raw | sections, Path()), {"customers": frame})


def labelled(tables: Tables) -> dict[str, int]:
    """The label of each customer who has one."""
    found = labels_at(tables, training_cutoffs(tables.config))
    return dict(zip(found["customer_id"], found["churned"].astype(int), strict=True))


# ---------------------------------------------------------------- the whole chain


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which every job has run; forty customers carry no label."""
    folder = tmp_path_factory.mktemp("static")
    (folder / "cxml.toml").write_text(TOML)
    frame = people()
    frame.loc[:39, "Left"] = ""
    frame.to_csv(folder / "customers.csv", index=False)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(fit, "FOLDS", 2)
        patch.setattr(churn, "LADDER", (churn.LADDER[0], churn.LADDER[-1]))
        jobs.train(folder)
    jobs.score(folder)
    jobs.report(folder)
    return folder


def test_the_tables_keep_to_their_contract(home: Path) -> None:
    found = jobs.check(home)
    assert found.check.problems == ()
    assert any("nothing says when" in note for note in found.check.notes)
    told = {(one["factor"], one["en"], one["features"]) for one in found.coverage["measured"]}
    assert told == {
        ("customer_plan", "Plan", 1),
        ("customer_support_minutes", "support minutes", 1),
        ("customer_seats", "seats", 1),
    }


def test_every_column_but_the_label_is_a_feature(home: Path) -> None:
    bundle = Bundle.read(home / "runs" / "train" / "CURRENT" / "bundle", 1)
    assert set(bundle.schema.columns) == {"customer_plan", "customer_support_minutes", "customer_seats"}
    assert bundle.schema.levels == {"customer_plan": ("basic", "pro", "team")}
    assert "churned" not in jobs.features_sql(home)


def test_customers_are_held_out_and_it_is_said(home: Path) -> None:
    run = home / "runs" / "train" / "CURRENT"
    found = json.loads((run / "metrics.json").read_text())
    assert found["test"]["mode"] == "customers"
    how = HowTested.from_json(found["test"]["how"], where="metrics.json")
    assert "all customers are seen at one moment. 40 without a label were left out" in how.in_english()
    assert found["churn"]["rows"] == 360
    assert found["churn"]["auc"] > 0.6
    assert {"base_rate", "logistic", "boosted"} == set(found["baselines"]["churn"])
    assert "says nothing of when" in (run / "info.md").read_text()
    assert f"- What was tested: {how.in_english()}" in (run / "info.md").read_text()


@pytest.mark.parametrize(
    ("lang", "said"),
    [
        (
            "en",
            "The label carries no dates, so all customers are seen at one moment: they were held out in 10 parts, one"
            " after the other. 40 customers without a label were left out.",
        ),
        (
            "ko",
            "이탈 라벨에 날짜가 없어 모든 고객을 같은 시점에서 보았습니다. 고객을 10개 집단으로 나누어 한 집단씩"
            " 학습에서 제외하고 시험했습니다. 라벨이 없는 고객 40명은 제외했습니다.",
        ),
    ],
)
def test_the_report_says_how_it_was_tested(home: Path, lang: str, said: str) -> None:
    html = (home / "runs" / "report" / "CURRENT" / f"report.{lang}.html").read_text(encoding="utf-8")
    text = re.sub(r"<[^>]+>", "", html[html.index('id="quality"') :]).replace("\N{WORD JOINER}", "")
    assert said in " ".join(text.split())


def test_those_without_a_label_are_scored(home: Path) -> None:
    scores = pd.read_parquet(home / "runs" / "score" / "CURRENT" / "scores.parquet")
    assert scores["customer_id"].tolist() == [f"c{row:04d}" for row in range(40)]
    p = scores["churn_probability"]
    added = scores["base"] + scores.filter(regex="^contribution_customer_").sum(axis=1)
    assert np.allclose(added, np.log(p / (1 - p)), atol=1e-6)
    info = json.loads((home / "runs" / "score" / "CURRENT" / "manifest.json").read_text())["info"]
    assert info["population"] == {"at_risk": 40, "new": 0, "gone": 0}


@pytest.mark.parametrize("label", ["missing", "empty", "full"])
def test_a_new_table_is_scored_whole(home: Path, tmp_path: Path, label: str) -> None:
    frame = people(30, seed=1)
    if label != "full":
        frame = frame.drop(columns="Left") if label == "missing" else frame.assign(Left=None)
    (tmp_path / "cxml.toml").write_text(TOML)
    frame.to_csv(tmp_path / "customers.csv", index=False)
    found = jobs.check(tmp_path).check
    assert found.problems == ()
    assert any("can be scored, not learned from" in note for note in found.notes) == (label == "missing")
    scored = jobs.score(tmp_path, model=home / "runs" / "train" / "CURRENT" / "bundle")
    there = frame["Left"] == "No" if label == "full" else frame["customer_id"].notna()
    assert (
        pd.read_parquet(scored / "scores.parquet")["customer_id"].tolist()
        == frame[there]["customer_id"].tolist()
    )
    notes = json.loads((scored / "manifest.json").read_text())["info"]["notes"]
    assert any("who left are not" in note for note in notes) == (label == "full")


def batch(home: Path, folder: Path, frame: pd.DataFrame) -> tuple[pd.Series, list[str]]:
    """The churn probability of each customer of *frame* by the model of *home*, and what was told."""
    folder.mkdir()
    (folder / "cxml.toml").write_text(TOML)
    frame.to_csv(folder / "customers.csv", index=False)
    told: list[str] = []
    run = jobs.score(folder, model=home / "runs" / "train" / "CURRENT" / "bundle", tell=told.append)
    return pd.read_parquet(run / "scores.parquet").set_index("customer_id")["churn_probability"], told


@pytest.fixture(scope="module")
def coded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A company whose plans are codes, most of them digits."""
    folder = tmp_path_factory.mktemp("coded")
    (folder / "cxml.toml").write_text(TOML)
    codes = {"basic": "100", "pro": "07", "team": "FLEX"}
    people().replace({"Plan": codes}).to_csv(folder / "customers.csv", index=False)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(fit, "FOLDS", 2)
        patch.setattr(churn, "LADDER", (churn.LADDER[0], churn.LADDER[-1]))
        jobs.train(folder)
    return folder


def coded_people() -> pd.DataFrame:
    return (
        people(60, seed=2)
        .replace({"Plan": {"basic": "100", "pro": "07", "team": "FLEX"}})
        .drop(columns="Left")
    )


BATCHES: dict[str, Callable[[pd.DataFrame], pd.DataFrame]] = {
    "digits only": lambda x: x[x.Plan == "100"],
    "one customer": lambda x: x[x.Plan == "100"].head(1),
    "codes without a text": lambda x: x[x.Plan != "FLEX"],
    "other order and a new column": lambda x: x[x.columns[::-1]].assign(nps=3),
    "floats": lambda x: x.assign(Plan=x.Plan.replace("100", "100.0"), seats=x.seats.astype(float)),
    "case and spaces": lambda x: x.assign(Plan=x.Plan.replace("FLEX", " flex")),
}


@pytest.mark.parametrize("name", BATCHES)
def test_a_batch_scores_as_the_whole_table(coded: Path, tmp_path: Path, name: str) -> None:
    whole, told = batch(coded, tmp_path / "whole", coded_people())
    assert len(whole) == 60 and not any("spelling" in one for one in told)
    part, told = batch(coded, tmp_path / "part", BATCHES[name](coded_people()))
    assert len(part) and part.equals(whole[part.index])
    respelt = name in ("floats", "case and spaces")
    assert any("a Plan in another spelling" in one for one in told) == respelt


def test_what_a_batch_lacks_is_named(coded: Path, tmp_path: Path) -> None:
    frame = coded_people().assign(seats=lambda x: x.seats.astype(object))
    frame.loc[6, "seats"] = "few"
    some, told = batch(coded, tmp_path / "word", frame)
    assert len(some) == len(frame) - 1 and any(
        "1 value of 'seats' cannot be read as a number" in one and "row 7" in one for one in told
    )
    with pytest.raises(DataError, match="1 value of 'seats' cannot be read as a number") as caught:
        batch(coded, tmp_path / "one", frame.iloc[[6]])
    assert "first in row 1" in caught.value.where and 'na = ["unknown"]' in caught.value.fix
    frame.loc[6, "seats"] = "N/A"
    empty, _ = batch(coded, tmp_path / "nothing", frame)
    frame.loc[6, "seats"] = None
    assert empty.equals(batch(coded, tmp_path / "missing", frame)[0])
    with pytest.raises(ModelError, match=re.escape("customers.support minutes")):
        batch(coded, tmp_path / "lost", coded_people().drop(columns="support minutes"))
    empty, told = batch(coded, tmp_path / "empty", coded_people().assign(seats=None))
    assert empty.notna().all() and any(
        "customers.seats is empty in all 60 rows; in training 100 %" in one for one in told
    )
    new, told = batch(coded, tmp_path / "new", coded_people().head(1).assign(Plan="999"))
    assert new.notna().all() and any("1 row holds a Plan that the model has never seen" in x for x in told)


def test_frames_in_memory_are_read_as_the_training_read_its_table(coded: Path, tmp_path: Path) -> None:
    bundle = Bundle.read(coded / "runs" / "train" / "CURRENT" / "bundle", 1)
    assert bundle.info["attributes"] == {"Plan": "text", "support minutes": "number", "seats": "number"}
    whole, _ = batch(coded, tmp_path / "whole", coded_people())
    some = coded_people()[lambda x: x.Plan == "100"].assign(Plan=100)
    config = load_config(coded)
    at = config.project.observation_end
    with (
        writer.run(tmp_path / "mistaken") as run,
        pytest.raises(ModelError, match="not read as when the model was trained: Plan"),
    ):
        scoring.score(open_tables(config, {"customers": some}), bundle, at, run)
    with writer.run(tmp_path / "right") as run:
        tables = open_tables(config, {"customers": some}, attributes=bundle.info["attributes"])
        scoring.score(tables, bundle, at, run)
    found = pd.read_parquet(run.path / "scores.parquet").set_index("customer_id")["churn_probability"]
    assert found.equals(whole[found.index])


def test_the_report_promises_no_time(home: Path) -> None:
    english, korean = (
        (home / "runs" / "report" / "CURRENT" / f"report.{lang}.html").read_text() for lang in ("en", "ko")
    )
    assert "it carries no dates" in english and "nothing says when" in english
    assert "already gone" not in english
    assert "날짜 정보 없음" in korean


def test_the_workbench_says_what_it_can_and_what_it_cannot(home: Path) -> None:
    made = jobs.label(home)
    found = json.loads((made / "label.json").read_text())
    truth = people().iloc[40:]["Left"].eq("Yes")
    (row,) = found["rates"]
    assert (row["at_risk"], row["left"], found["without"]) == (360, int(truth.sum()), 40)
    assert row["low"] < truth.mean() < row["high"]
    assert found["suggestion"] is None and found["returns"] == []
    page = (made / "label.en.html").read_text()
    assert "carry no label: nothing is learned from them" in page and "What these data cannot tell" in page
    assert "Horizon" not in page


# ---------------------------------------------------------------- what a label may say


@pytest.mark.parametrize(
    ("left", "stayed", "positive"),
    [
        ("Yes", "No", ""),
        ("TRUE", "false", ""),
        (" yes ", "NO", ""),
        (1, 0, ""),
        (1.0, 0.0, ""),
        (True, False, ""),
        ("gone", "here", "gone"),
        ("No", "Yes", "No"),
    ],
)
def test_two_values_are_understood(left: Any, stayed: Any, positive: str) -> None:
    frame = pd.DataFrame({"customer_id": list("abcd"), "x": 1.0, "Left": [left, stayed, stayed, left]})
    tables = opened(frame, {"positive": positive})
    assert check_tables(tables).problems == ()
    assert labelled(tables) == {"a": 1, "b": 0, "c": 0, "d": 1}


def test_whose_label_is_missing_has_none() -> None:
    frame = pd.DataFrame({"customer_id": list("abc"), "Left": ["yes", None, "no"]})
    assert labelled(opened(frame)) == {"a": 1, "c": 0}


@pytest.mark.parametrize(
    ("values", "positive", "code", "words"),
    [
        (["yes", "no", "maybe", "perhaps"], "", "unknown_label", "2 labels are neither"),
        (["gone", "here", "here", "gone"], "", "unknown_label", "4 labels are neither"),
        (["gone", "here", "paused", None], "gone", "third_class", "1 label is a third value"),
        (["Gone", "here", "here", None], "gone", "unknown_label", "none of 3 labels"),
    ],
)
def test_other_values_are_refused(values: list[str | None], positive: str, code: str, words: str) -> None:
    tables = opened(pd.DataFrame({"customer_id": list("abcd"), "Left": values}), {"positive": positive})
    (problem,) = check_tables(tables).problems
    assert (problem.code, problem.column) == (code, "churned")
    assert words in problem.what and problem.expected and problem.fix
    with pytest.raises(DataError, match="label"):
        check_tables(tables).raise_if_any()


@pytest.mark.parametrize("values", ["Yes", "No", None])
def test_one_class_teaches_nothing(values: str | None) -> None:
    tables = opened(people(60).assign(Left=values))
    with pytest.raises(NotEnoughDataError) as caught:
        fit.fit(dataset.assemble(tables), tables.config)
    assert "some who left and some who stayed" in caught.value.expected


def test_a_label_that_is_not_there_is_missed_in_training() -> None:
    tables = opened(people(60), {"column": "customers.Leeft"})
    with pytest.raises(DataError, match="no column says who left") as caught:
        dataset.assemble(tables)
    assert "'Left'" in caught.value.fix
    with pytest.raises(NotEnoughDataError, match="no customer has a label"):
        workbench(opened(people(60).assign(Left=None)))


def test_the_label_is_no_attribute() -> None:
    for said, columns in (({}, {}), ({"column": "customers.churned"}, {"churned": "Left"})):
        table = {"source": "x", "attributes": ["Plan", "Left"], "columns": columns}
        with pytest.raises(ConfigError, match="'Left' says what happened"):
            opened(people(9), said, tables={"customers": table})
    with pytest.raises(ConfigError, match="two columns say who left"):
        opened(people(9), tables={"customers": {"source": "x", "columns": {"churned": "Plan"}}})


def test_no_value_of_a_customer_is_in_a_message() -> None:
    frame = pd.DataFrame({"customer_id": ["kim-minji", "b"], "Left": ["seceded", "no"]})
    with pytest.raises(CxmlError) as caught:
        check_tables(opened(frame)).raise_if_any()
    assert "seceded" not in str(caught.value) and "kim" not in str(caught.value)


# ---------------------------------------------------------------- the table


def features(tables: Tables) -> list[str]:
    return [column.name for column in plan_features(tables).matrix().columns]


def test_all_columns_are_attributes_unless_some_are_named() -> None:
    frame = people(9).assign(since=pd.Timestamp("2024-05-01"))
    assert features(opened(frame)) == ["customer_plan", "customer_support_minutes", "customer_seats"]
    assert any("'since' (dates)" in note for note in opened(frame).notes), (
        "a date is no category, and it is said"
    )
    named = {"customers": {"source": "x", "attributes": ["seats"]}}
    assert features(opened(frame, tables=named)) == ["customer_seats"]
    assert features(opened(frame, features={"leave_out": ["customer_plan"]})) == [
        "customer_support_minutes",
        "customer_seats",
    ]


def test_tenure_counts_where_the_table_says_when_customers_joined() -> None:
    assert "customer_tenure_d" not in features(opened(people(9)))
    dated = people(9).assign(joined_at=pd.Timestamp("2025-12-02"))
    tables = opened(dated, training={"cutoffs": ["2025-12-12"]})
    assert "customer_tenure_d" in features(tables)
    frame = dataset.assemble(tables).frame
    assert frame["customer_tenure_d"].tolist() == [10.0] * 9


def test_events_before_the_cutoff_tell_of_the_customer() -> None:
    contacts = pd.DataFrame(
        {
            "interaction_id": ["1", "2", "3"],
            "customer_id": ["c0001", "c0001", "c0002"],
            "started_at": pd.to_datetime(["2025-11-01", "2025-12-20", "2025-11-30"]),
        }
    )
    config = opened(people(9), training={"cutoffs": ["2025-12-01"]}).config
    frame = dataset.assemble(open_tables(config, {"customers": people(9), "interactions": contacts})).frame
    assert frame.set_index("customer_id")["contacts_n_90d"].to_dict() == {
        f"c{row:04d}": {1: 1, 2: 1}.get(row, 0) for row in range(9)
    }


def test_the_audit_finds_a_column_that_repeats_the_label() -> None:
    frame = people(400)
    left = frame["Left"] == "Yes"
    frame["reason"] = np.where(left, np.where(frame["seats"] % 2, "price", "moved"), "")
    found = audit(opened(frame.assign(score=left * 0.8 + frame["seats"] / 1000)))
    assert {one.about for one in found.leaks} == {"customer_reason", "customer_score"}
    results = {probe.name: probe.result for probe in found.probes}
    assert results.pop("single features") == "2 leaks"
    assert set(results.values()) == {"not testable"}
    assert audit(opened(people(400))).passed


def test_attributes_can_be_levers_as_the_docs_have_it(tmp_path: Path) -> None:
    page = (Path(__file__).parents[2] / "docs" / "static-tables.md").read_text(encoding="utf-8")
    (code,) = re.findall(r"```python\n(.*?)```", page, re.S)
    (tmp_path / "support.py").write_text(code, encoding="utf-8")
    own = {"files": ["support.py"], "leave_out": ["customer_support_minutes"]}
    raw = {
        "project": {"observation_end": "2026-01-01"},
        "features": own,
        "churn": {"definition": "label", "column": "customers.Left"},
    }
    frame = people(50).rename(columns={"support minutes": "Support Minutes"})
    data = dataset.assemble(open_tables(parse_config(raw, tmp_path), {"customers": frame}))
    assert set(data.columns) == {"customer_plan", "customer_seats", "support_minutes"}
    assert data.labels["factors"]["support"]["kind"] == "lever"
    assert np.allclose(data.frame["support_minutes"], frame["Support Minutes"])


# ---------------------------------------------------------------- the configuration


@pytest.mark.parametrize(
    ("sections", "where"),
    [
        ({"churn": {"horizon": "30D"}}, "[churn] horizon"),
        ({"churn": {"grace": "30D"}}, "[churn] grace"),
        ({"churn": {"activity": ["orders"]}}, "[churn] activity"),
        ({"churn": {"column": "orders.left"}}, "[churn] column"),
        ({"churn": {"column": "customers"}}, "[churn] column"),
        ({"churn": {"positive": True}}, "[churn] positive"),
        ({"training": {"cutoffs": ["2025-01-01", "2025-02-01"]}}, "[training] cutoffs"),
        ({"value": {"sources": [{"table": "orders", "column": "margin"}]}}, "[[value.sources]]"),
    ],
)
def test_what_a_label_cannot_stand_beside(sections: dict[str, Any], where: str) -> None:
    said = {"definition": "label"} | sections.get("churn", {})
    with pytest.raises(ConfigError) as caught:
        parse_config({"project": {"observation_end": "2026-01-01"}, **sections, "churn": said}, Path())
    assert where in caught.value.where
    assert caught.value.expected and caught.value.fix


def test_a_label_settles_who_is_at_risk_and_when(tmp_path: Path) -> None:
    (tmp_path / "cxml.toml").write_text(TOML)
    config = load_config(tmp_path)
    assert (config.population.by, config.churn.horizon.days, config.churn.lead.days) == ("customers", 0, 0)
    assert training_cutoffs(config) == (config.project.observation_end,)
    plain = parse_config(
        {
            "project": {"observation_end": "2026-01-01"},
            "churn": {"definition": "label"},
            "population": {"by": "activity"},
            "training": {"cutoffs": ["2025-06-01"]},
        },
        Path(),
    )
    assert (plain.population.by, plain.churn.column) == ("activity", "customers.churned")
    assert training_cutoffs(plain) == plain.training.cutoffs
