"""A flat table: each column a driver of its own, factors of the config, and reasons that are true of the customer."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from openpyxl import load_workbook

from cxml import jobs
from cxml.config.load import load_config, parse_config
from cxml.drivers import evidence
from cxml.errors import ConfigError
from cxml.features.company import plan_features
from cxml.models import churn
from cxml.models.bundle import Bundle
from cxml.tables.opening import Tables, open_tables
from cxml.training import dataset, fit

TOML = """
[project]
name = "flat"
observation_end = "2026-01-01"

[tables.customers]
source = "customers.csv"

[churn]
definition = "label"
column = "customers.Left"

[factors.complaints]
columns = ["불만 접수", "calls"]
en = "Complaints"
ko = "불만"
family = "process"
direction = "+"

[model]
threads = 1
"""


def people(rows: int = 500, seed: int = 3) -> pd.DataFrame:
    """Customers who leave for a complaint, and on the basic plan; ``noise`` says nothing, ``Notice`` is mostly unknown."""
    rng = np.random.default_rng(seed)
    complained, plan = rng.random(rows) < 0.3, rng.choice(["basic", "pro", "team"], rows)
    calls = rng.poisson(1 + 2 * complained)
    left = rng.random(rows) < 1 / (1 + np.exp(2.6 - 2.5 * complained - 1.8 * (plan == "basic")))
    return pd.DataFrame(
        {
            "customer_id": [f"c{row:04d}" for row in range(rows)],
            "불만 접수": np.where(complained, "예", "아니오"),
            "calls": calls,
            "Plan_Name": plan,
            "noise": rng.normal(size=rows).round(2),
            "Left": np.where(left, "Yes", "No"),
        }
    )


def opened(frame: pd.DataFrame, **sections: Any) -> Tables:
    raw = {
        "project": {"observation_end": "2026-01-01"},
        "engine": {"threads": 1},
        "model": {"threads": 1},
        "churn": {"definition": "label", "column": "customers.Left"},
        "tables": {"customers": {"source": "x"}},
    }
    return open_tables(parse_config(raw | sections, Path()), {"customers": frame})


def factors(tables: Tables) -> dict[str, tuple[str, set[str]]]:
    """The factors that are built: kind and columns."""
    features = plan_features(tables)
    said = features.names(features.matrix())
    return {
        name: (label["kind"], {c for c, one in said["features"].items() if one["factor"] == name})
        for name, label in said["factors"].items()
    }


# ---------------------------------------------------------------- which factors there are


def test_each_column_is_a_factor_unless_the_config_gives_it_to_one() -> None:
    frame = people(20)
    assert factors(opened(frame)) == {
        "customer_ubd88_ub9cc_uc811_uc218": ("column", {"customer_ubd88_ub9cc_uc811_uc218"}),
        "customer_calls": ("column", {"customer_calls"}),
        "customer_plan_name": ("column", {"customer_plan_name"}),
        "customer_noise": ("column", {"customer_noise"}),
    }
    grouped = {
        "complaints": {"columns": ["불만 접수", "calls"]},
        "plan": {"columns": ["Plan_Name"], "kind": "context"},
    }
    assert factors(opened(frame, factors=grouped)) == {
        "complaints": ("lever", {"customer_ubd88_ub9cc_uc811_uc218", "customer_calls"}),
        "plan": ("context", {"customer_plan_name"}),
        "customer_noise": ("column", {"customer_noise"}),
    }


def test_columns_are_called_as_their_source_calls_them() -> None:
    tables = opened(
        people(20), factors={"complaints": {"columns": ["calls"], "direction": "+", "ko": "불만"}}
    )
    features = plan_features(tables)
    said = features.names(features.matrix())
    assert (
        said["factors"]["customer_plan_name"]["en"]
        == said["factors"]["customer_plan_name"]["ko"]
        == "Plan_Name"
    )
    assert said["features"]["customer_ubd88_ub9cc_uc811_uc218"]["en"] == "불만 접수"
    assert (said["factors"]["complaints"]["en"], said["factors"]["complaints"]["ko"]) == (
        "complaints",
        "불만",
    )
    assert said["features"]["customer_calls"]["direction"] == "+"
    without = opened(people(20), features={"leave_out": ["불만 접수", "Plan_Name"]})
    assert set(factors(without)) == {"customer_calls", "customer_noise"}


def test_beside_events_attributes_stay_one_factor() -> None:
    contacts = pd.DataFrame(
        {"interaction_id": ["1"], "customer_id": ["c0001"], "started_at": [pd.Timestamp("2025-11-01")]}
    )
    config = opened(people(20), factors={"complaints": {"columns": ["불만 접수"]}}).config
    found = factors(open_tables(config, {"customers": people(20), "interactions": contacts}))
    assert found["profile"] == ("context", {"customer_calls", "customer_plan_name", "customer_noise"})
    assert found["complaints"][0] == "lever"


@pytest.mark.parametrize(
    ("own", "what", "fix"),
    [
        ({"complaints": {"columns": ["불만접수"]}}, "no attribute '불만접수'", "불만 접수"),
        (
            {"one": {"columns": ["calls"]}, "two": {"columns": ["calls"]}},
            r"in \[factors.one\] too",
            "take it out",
        ),
        ({"one": {"columns": []}}, "has no column", "name one"),
        ({"one": {"columns": ["Left"]}}, "no attribute 'Left'", "calls"),
        ({"waiting": {"columns": ["calls"]}}, "has a factor 'waiting' of its own", "[factors.our_waiting]"),
    ],
)
def test_a_factor_that_cannot_be_is_refused(own: dict[str, Any], what: str, fix: str) -> None:
    with pytest.raises(ConfigError, match=what) as caught:
        plan_features(opened(people(20), factors=own))
    assert "[factors." in caught.value.where and caught.value.expected
    assert fix in caught.value.fix


# ---------------------------------------------------------------- what is said of customers


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with scores and reports of customers without a label, by a model of the others."""
    folder = tmp_path_factory.mktemp("flat")
    (folder / "cxml.toml").write_text(TOML, encoding="utf-8")
    frame = people()
    frame.loc[:99, "Left"] = None
    frame.loc[:4, ["불만 접수", "calls", "Plan_Name", "noise"]] = None
    frame.to_csv(folder / "customers.csv", index=False)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(fit, "FOLDS", 2)
        patch.setattr(churn, "LADDER", (churn.LADDER[0], churn.LADDER[-1]))
        tables = open_tables(load_config(folder))
        fit.fit(dataset.assemble(tables), tables.config).bundle.write(folder / "bundle")
    jobs.score(folder, model=folder / "bundle")
    jobs.report(folder)
    return folder


def test_every_reason_is_true_of_its_customer(home: Path) -> None:
    scores = pd.read_parquet(home / "runs" / "score" / "CURRENT" / "scores.parquet").set_index("customer_id")
    bundle = Bundle.read(home / "bundle", 1)
    truth = pd.read_csv(home / "customers.csv").set_index("customer_id").loc[scores.index]
    seen = set(scores["reason_1"].dropna())
    for customer, row in scores.iterrows():
        for k in (1, 2, 3):
            name, value = row[f"reason_{k}"], row[f"reason_{k}_value"]
            if not isinstance(name, str):
                continue
            label = bundle.labels["features"][name]
            said = label["levels"][int(value)] if "levels" in label else value
            told = truth.loc[customer, label["en"]]
            assert told == (said if isinstance(told, str) else pytest.approx(said, rel=1e-6)), (
                customer,
                name,
            )
            assert row[f"contribution_{label['factor']}"] > np.log(1.1)
    riskiest = scores.sort_values("churn_probability", ascending=False).head(20)
    assert riskiest["reason_1"].notna().all(), "whoever leads the list has a reason"
    assert {"customer_plan_name", "customer_ubd88_ub9cc_uc811_uc218"} <= seen
    unknown = scores.loc[[f"c{row:04d}" for row in range(5)]]
    assert unknown["reason_1"].isna().all(), "of whom nothing is recorded nothing is said"


def test_reasons_and_drivers_are_said_by_their_names(home: Path) -> None:
    folder = home / "runs" / "report" / "CURRENT"
    english, korean = ((folder / f"report.{lang}.html").read_text(encoding="utf-8") for lang in ("en", "ko"))
    for page in (english, korean):
        assert "Plan_Name: basic" in page and "불만 접수: 예" in page
        assert "no service reason" not in page.lower() and "두드러진 서비스 이유 없음" not in page
    assert "Column of the table" in english and "고객 테이블 항목" in korean
    assert "whose “<bdi>Plan_Name</bdi>” is “<bdi>basic</bdi>” left" in english.replace(
        "“Plan_Name”", "“<bdi>Plan_Name</bdi>”"
    )
    rows = list(load_workbook(folder / "call_list.xlsx").worksheets[0].iter_rows(values_only=True))
    assert any("불만 접수: 예" in row or "Plan_Name: basic" in row for row in rows)


def test_a_text_is_compared_by_the_level_that_left_most() -> None:
    frame = people(2000)[["customer_id", "Plan_Name", "Left", "calls"]].assign(
        churned=lambda x: (x.Left == "Yes") * 1.0
    )
    frame["zero_or_one"] = (frame["calls"] > 1) * 1.0
    label = {"unit": "text", "direction": "±", "levels": ["basic", "pro", "team"]}
    found = evidence.comparison(frame, "Plan_Name", label)
    assert found is not None and found.level == "basic" and found.rows == (frame.Plan_Name == "basic").sum()
    assert found.left == pytest.approx(frame.loc[frame.Plan_Name == "basic", "churned"].mean())
    assert found.beyond(frame["Plan_Name"]).sum() == found.rows
    two = evidence.comparison(frame, "zero_or_one", {"unit": "ratio", "direction": "+"})
    assert two is not None and two.threshold == 0 and two.rows == frame["zero_or_one"].sum()


def test_a_column_that_raises_the_risk_where_fewer_left_is_no_reason() -> None:
    label = {"unit": "count", "direction": "±"}
    labels = {
        "features": {"orders": label, "calls": label, "few": label, "declared": {**label, "direction": "+"}}
    }

    def beside(feature: str, low: float, high: float) -> evidence.Comparison:
        return evidence.Comparison(feature, 4.0, True, 0.1, 0.2, (low * high) ** 0.5, low, high, 100, 100)

    told = {
        "a": beside("orders", 0.69, 0.95),
        "b": beside("calls", 1.2, 1.9),
        "c": beside("few", 0.8, 1.1),
        "d": beside("declared", 0.6, 0.9),
    }
    assert evidence.contradicted(told, labels) == ["orders"]


# ---------------------------------------------------------------- a table drawn by outcome


def test_a_base_rate_moves_every_log_odds_by_one_constant_and_brings_back_the_truth() -> None:
    """All leavers and a tenth of the stayers are kept: with the base rate the percentages are those of all customers."""
    everybody = people(6000, seed=9)
    left = everybody["Left"] == "Yes"
    kept = everybody[left | (np.arange(len(everybody)) % 10 == 0)]
    rate = float(left.mean())
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(fit, "FOLDS", 2)
        patch.setattr(churn, "LADDER", (churn.LADDER[0], churn.LADDER[-1]))
        made = {}
        for said in (0.0, rate):
            tables = opened(
                kept, churn={"definition": "label", "column": "customers.Left", "base_rate": said}
            )
            made[said] = fit.fit(dataset.assemble(tables), tables.config)
    frame = dataset.assemble(opened(everybody)).frame
    plain, moved = made[0.0].bundle.score(frame), made[rate].bundle.score(frame)
    odds = {
        name: np.log(p / (1 - p))
        for name, p in (("plain", plain["churn_probability"]), ("moved", moved["churn_probability"]))
    }
    among = float((kept["Left"] == "Yes").mean())
    shift = np.log(rate / (1 - rate)) - np.log(among / (1 - among))
    assert np.allclose(odds["moved"] - odds["plain"], shift)
    added = moved["base"] + moved.filter(regex="^contribution_").sum(axis=1)
    assert np.allclose(added, odds["moved"], atol=1e-6)
    expected = moved["churn_probability"].sum()
    assert (
        expected == pytest.approx(left.sum(), rel=0.06)
        and plain["churn_probability"].sum() > 1.5 * left.sum()
    )
    assert made[rate].metrics["churn"]["log_loss"] == made[0.0].metrics["churn"]["log_loss"], (
        "tested at the table's rate"
    )
    assert made[rate].bundle.info["base_rate"] == {"data": pytest.approx(among), "said": rate}


def test_only_a_ready_label_has_a_base_rate() -> None:
    with pytest.raises(ConfigError, match="cannot be used") as caught:
        parse_config({"project": {"observation_end": "2026-01-01"}, "churn": {"base_rate": 0.02}}, Path())
    assert "[churn] base_rate" in caught.value.where
