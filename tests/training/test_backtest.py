"""Walking forward: what may train, what the figures say, and what is written, against slow recomputations."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import log_loss, roc_auc_score

from cxml import jobs
from cxml.config.load import load_config, parse_config
from cxml.errors import ConfigError, NotEnoughDataError
from cxml.features.company import plan_features
from cxml.jobs import context
from cxml.report import BacktestInputs, backtest_page, charts
from cxml.report.figures import Figures
from cxml.simulate import simulate
from cxml.snapshots.splits import plan_splits
from cxml.tables.opening import Tables, open_tables
from cxml.tracking.backtest_run import flat
from cxml.training import backtest, dataset, fit
from cxml.training.dataset import TrainingSet
from cxml.training.random_split import learn_twice

pytestmark = pytest.mark.usefixtures("small_forests")

SETTINGS = """
[features]
lookbacks = [30, 90]
leave_out = [
    "abandonment", "channels", "conduct", "consistency", "delivery", "digital", "effort", "feedback", "language",
    "posts", "price", "proactive", "product", "recovery", "repeats", "replies", "returns", "self_service",
    "sentiment", "skill", "store", "visits", "waiting",
]

[model]
threads = 1

[engine]
threads = 1
"""
CUTOFFS = [f"2025-{month:02}-01" for month in range(1, 7)]


@dataclass(frozen=True)
class Walked:
    """A backtest of a small company by the job, and the same data put together by hand."""

    folder: Path
    out: Path
    tables: Tables
    data: TrainingSet
    said: list[str]
    parts: dict[str, pd.DataFrame]

    @property
    def found(self) -> dict[str, Any]:
        return json.loads((self.out / "backtest.json").read_text(encoding="utf-8"))

    @property
    def figures(self) -> pd.DataFrame:
        return pd.read_csv(self.out / "backtest.csv", dtype={"cutoff": str})


@pytest.fixture(scope="module")
def walked(tmp_path_factory: pytest.TempPathFactory) -> Walked:
    home = tmp_path_factory.mktemp("walked")
    company = simulate(1_500, months=18, seed=3)
    folder = home / "data"
    folder.mkdir()
    for name in ("charges", "interactions", "orders", "subscriptions"):
        company.tables[name].to_pandas().to_parquet(folder / f"{name}.parquet", index=False)
    sources = "".join(f'[tables.{p.stem}]\nsource = "{p.name}"\n' for p in sorted(folder.glob("*.parquet")))
    text = re.sub(r"(?ms)^\[tables\..*?(?=^\[population\])", sources, company.config)
    text = re.sub(r"(?ms)^\[\[value\.sources\]\]\ntable = \"orders\"\n.*?(?=^\[)", "", text)
    text = re.sub(r"(?ms)^cutoffs = \[.*?\]", f"cutoffs = {json.dumps(CUTOFFS)}", text)
    (folder / "cxml.toml").write_text(text + SETTINGS)
    said: list[str] = []
    parts: dict[str, pd.DataFrame] = {}
    taken: list[TrainingSet] = []
    with pytest.MonkeyPatch.context() as patch:
        right = context.Kept.__call__

        def kept(self: Any, name: str, make: Callable[[], pd.DataFrame]) -> pd.DataFrame:
            parts[name] = right(self, name, make)
            return parts[name]

        patch.setattr(context.Kept, "__call__", kept)
        assemble = dataset.assemble

        def assembled(*given: Any) -> TrainingSet:
            taken.append(assemble(*given))
            return taken[0]

        patch.setattr(dataset, "assemble", assembled)
        out = jobs.backtest(folder, out=home / "out", cutoffs=2, tell=said.append)
    return Walked(folder, out, open_tables(load_config(folder)), taken[0], said, parts)


def at(frame: pd.DataFrame, cutoff: str) -> pd.DataFrame:
    return frame[frame["cutoff"] == pd.Timestamp(cutoff, tz="UTC")]


# ---------------------------------------------------------------- who trains


def test_every_label_was_known_where_it_was_used(walked: Walked) -> None:
    folds = walked.found["folds"]
    assert [fold["cutoff"] for fold in folds] == ["2025-05-01", "2025-06-01"]
    window = pd.Timedelta("28D")
    for fold in folds:
        test, train = pd.Timestamp(fold["cutoff"]), [pd.Timestamp(day) for day in fold["train"]]
        # Nothing that was known is left out, and nothing else is in.
        everything = map(pd.Timestamp, CUTOFFS)
        assert train == [cutoff for cutoff in everything if cutoff + window <= test]


@pytest.mark.parametrize("test", ["2025-05-01", "2025-06-01"])
def test_labels_known_later_change_no_forecast(walked: Walked, test: str) -> None:
    cutoffs = [walked.tables.config.instant(cutoff) for cutoff in CUTOFFS if cutoff <= test]
    split = dataset.plan_of(cutoffs, walked.tables.config)
    rng, later = np.random.default_rng(0), walked.data.frame["cutoff"] + pd.Timedelta("28D") > split.test
    frame = walked.data.frame.copy()
    frame.loc[later, "churned"] = rng.integers(0, 2, later.sum(), dtype=np.int32)
    frame.loc[later, "value"] = rng.uniform(0, 1e6, later.sum())
    assert later.any() and not later.all()
    data = replace(walked.data, frame=frame, split=split)
    found = fit.compare(data, walked.tables.config, only=("model", "recency")).forecasts
    kept = walked.parts[f"fold-{test}"]
    for target, own in found.items():
        for name, forecast in own.items():
            np.testing.assert_array_equal(forecast, kept[f"{target}.{name}"])


def test_one_cutoff_gives_nothing_to_walk_over(walked: Walked, tmp_path: Path) -> None:
    for cutoffs, words in (
        (CUTOFFS[-1:], "only one cutoff has matured, 2025-06-01"),
        (["2025-05-20", "2025-06-01"], "2 cutoffs have matured, and no label"),
    ):
        config = walked.tables.config
        given = tuple(config.instant(cutoff) for cutoff in cutoffs)
        few = replace(walked.tables, config=replace(config, training=replace(config.training, cutoffs=given)))
        with pytest.raises(NotEnoughDataError, match=words) as refused:
            backtest.plans_of(few)
        assert "28 days" in refused.value.expected and "'cxml train'" in refused.value.fix


def test_a_ready_label_has_no_time() -> None:
    people = pd.DataFrame({"customer_id": ["a", "b"], "churned": [0, 1], "age": [3, 4]})
    raw = {
        "project": {"observation_end": "2025-07-01"},
        "churn": {"definition": "label"},
        "tables": {"customers": {"source": "x.csv"}},
    }
    tables = open_tables(parse_config(raw, Path()), {"customers": people})
    with pytest.raises(ConfigError, match="ready label"):
        backtest.plans_of(tables)


# ---------------------------------------------------------------- figures


def test_figures_are_those_of_the_forecasts(walked: Walked) -> None:
    figures = walked.figures
    tests = [at(walked.data.frame, day) for day in ("2025-05-01", "2025-06-01")]
    forecasts = [walked.parts[f"fold-{day}"] for day in ("2025-05-01", "2025-06-01")]
    cases = [
        ("2025-05-01", tests[0], forecasts[0]),
        ("2025-06-01", tests[1], forecasts[1]),
        ("all", pd.concat(tests), pd.concat(forecasts)),
    ]
    for cutoff, test, asked in cases:
        for name in ("model", "logistic", "recency_frequency", "base_rate"):
            rows = figures[(figures.cutoff == cutoff) & (figures.model == name)].set_index("metric")
            p = asked[f"churn.{name}"].to_numpy()
            assert rows.value["churn.auc"] == pytest.approx(roc_auc_score(test.churned, p))
            assert rows.value["churn.log_loss"] == pytest.approx(log_loss(test.churned, p))
            assert (rows.rows == len(test)).all()
        row = rows.loc["churn.base_rate"]
        assert row.low < row.value < row.high and row.value == pytest.approx(test.churned.mean())
        value = figures[(figures.cutoff == cutoff) & (figures.metric == "value.mae")].set_index("model")
        error = np.abs(asked["value.model"].to_numpy() - test.value.to_numpy()).mean()
        assert value.value["model"] == pytest.approx(error)
    bounded = figures[figures.low.notna() & ~figures.metric.isin(["churn.ece"])]
    # The calibration error of a redrawn sample is larger than that of the sample: its interval may lie above it.
    assert (bounded.low <= bounded.value + 1e-12).mean() > 0.98
    assert (bounded.value <= bounded.high + 1e-12).mean() > 0.98


def test_the_last_fold_is_what_training_measures(walked: Walked) -> None:
    config = walked.tables.config
    alone = dataset.assemble(walked.tables)
    found = fit.compare(alone, config, only=("model",)).forecasts
    kept = walked.parts["fold-2025-06-01"]
    np.testing.assert_allclose(found["churn"]["model"], kept["churn.model"], rtol=0, atol=1e-12)
    np.testing.assert_allclose(found["value"]["model"], kept["value.model"], rtol=1e-12)


def test_who_is_better_follows_from_the_interval_of_the_difference(walked: Walked) -> None:
    rows = walked.found["differences"]
    known = {(r["cutoff"], r["model"], r["metric"]): r["value"] for r in walked.found["figures"]}
    assert {row["cutoff"] for row in rows} == {"2025-05-01", "2025-06-01", "all"}
    for row in rows:
        cutoff, metric = row["cutoff"], row["metric"]
        assert row["value"] == pytest.approx(
            known[cutoff, "model", metric] - known[cutoff, row["model"], metric]
        )
        sign = 1 if metric in ("churn.auc", "value.gini") else -1
        ends = sorted((sign * row["low"], sign * row["high"]))
        expected = "model" if ends[0] > 0 else "baseline" if ends[1] < 0 else "neither"
        assert row["better"] == expected
    # Against the base rate, ranking is the AUC less a half, so both intervals agree.
    day = "2025-06-01"
    (row,) = (r for r in rows if (r["cutoff"], r["model"], r["metric"]) == (day, "base_rate", "churn.auc"))
    own = walked.figures.query("cutoff == @day and model == 'model' and metric == 'churn.auc'").iloc[0]
    assert (row["low"], row["high"]) == pytest.approx((own.low - 0.5, own.high - 0.5))
    assert any("over 2 test cutoffs" in sentence for sentence in walked.said)


# ---------------------------------------------------------------- learning curves


def test_curves_end_where_the_fold_is(walked: Walked) -> None:
    curves = pd.read_csv(walked.out / "curves.csv")
    figures = walked.figures.query("cutoff == '2025-06-01' and model == 'model'").set_index("metric").value
    steps = curves[curves.metric == "churn.auc"].groupby("curve").step.apply(list)
    # One cutoff holds fewer than 50 leavers, so it is left out.
    assert any("learning curve: 1 training cutoff," in said for said in walked.said)
    assert steps["cutoffs"] == [2, 4, 5] and steps["lookback"] == [30, 90]
    last = curves.query("curve == 'cutoffs' and step == 5").set_index("metric").value
    for metric, value in last.items():
        assert value == pytest.approx(figures[metric])
    one = curves.query("curve == 'cutoffs' and step == 2 and metric == 'churn.auc'").iloc[0]
    split = dataset.plan_of([walked.tables.config.instant(c) for c in CUTOFFS], walked.tables.config)
    single = replace(walked.data, split=replace(split, train=split.train[-2:]))
    asked = fit.compare(single, walked.tables.config, only=("model",)).forecasts["churn"]["model"]
    churned = at(walked.data.frame, "2025-06-01").churned
    assert one.value == pytest.approx(roc_auc_score(churned, asked))


def test_a_column_reaches_as_far_as_its_windows(walked: Walked) -> None:
    reach = plan_features(walked.tables).matrix().reaches
    assert set(walked.data.columns) == set(reach)
    for column, days in reach.items():
        if named := re.search(r"_(\d+)d$", column):
            assert days == int(named[1]), column
    assert reach["contact_trend"] == reach["orders_trend"] == 90  # of 30 days against 90
    assert reach["order_days_since"] == reach["order_overdue"] == 0
    curves = pd.read_csv(walked.out / "curves.csv")
    shown = curves[curves.metric == "churn.auc"].set_index(["curve", "step"]).features
    for days in (30, 90):
        assert shown["lookback", days] == sum(own <= days for own in reach.values())


# ---------------------------------------------------------------- random beside time


def made_up(leak: bool) -> tuple[pd.DataFrame, list[str]]:
    rng, n, months = np.random.default_rng(3), 6_000, 6
    cutoff, churned = np.arange(n) % months, (rng.random(n) < 0.15).astype(int)
    frame = pd.DataFrame(
        {
            "customer_id": [f"c{i // months}" for i in range(n)],
            "cutoff": pd.Timestamp("2025-01-01", tz="UTC") + pd.to_timedelta(30 * cutoff, unit="D"),
            "churned": churned,
            "value": np.nan,
            "honest": rng.normal(size=n) + churned,
        }
    )
    if (
        leak
    ):  # days since the last visit, counted from the extract: at each cutoff another number tells who left
        frame["since"] = 30.0 * (months - cutoff) + np.where(churned == 1, 1, -1) * rng.uniform(0, 14, n)
    return frame, [name for name in ("honest", "since") if name in frame]


@pytest.mark.parametrize(("leak", "grades"), [(False, {"none", "small"}), (True, {"alarm"})])
def test_a_random_split_is_an_alarm_when_something_knows_too_much(
    walked: Walked, leak: bool, grades: set[str]
) -> None:
    frame, columns = made_up(leak)
    split = plan_splits(sorted(frame.cutoff.unique()), timedelta(0), timedelta(days=30))
    data = TrainingSet(frame, tuple(columns), {}, split, (), 0)
    test = frame[frame.cutoff == split.test].reset_index(drop=True)
    fold = backtest.Fold("2025-05-31", split, test, pd.DataFrame())
    found = backtest._random(data, fold, walked.tables.config, 100)
    assert found["grade"] in grades and ("ALARM" in found["verdict"]) == leak
    assert found["gap"] == pytest.approx(found["random"] - found["time"])
    twice = learn_twice(frame, columns, split, seed=0, threads=1)
    assert found["time"] == pytest.approx(roc_auc_score(test.churned, twice.in_time))
    # Equally many rows each way: no more than the smaller of both sides has.
    assert twice.learned <= min((frame.cutoff < split.test).sum(), 0.85 * len(frame))


# ---------------------------------------------------------------- what is written


def test_the_table_is_tidy_and_whole(walked: Walked) -> None:
    figures = walked.figures
    assert list(figures) == ["cutoff", "model", "metric", "value", "low", "high", "rows"]
    assert not figures.duplicated(["cutoff", "model", "metric"]).any()
    assert {"model", "base_rate", "logistic", "recency_frequency"} <= set(figures.model)
    json_rows = walked.found["figures"]
    assert len(json_rows) == len(figures)
    manifest = json.loads((walked.out / "manifest.json").read_text(encoding="utf-8"))
    assert {"backtest.csv", "curves.csv", "backtest.json", "backtest.en.html"} <= set(manifest["files"])
    assert not list(walked.out.parent.glob(".parts-*")), "what was kept is gone when the job is done"


@pytest.mark.parametrize("lang", ["en", "ko"])
def test_the_page_shows_the_figures(walked: Walked, lang: str) -> None:
    page = (walked.out / f"backtest.{lang}.html").read_text(encoding="utf-8")
    assert f'<html lang="{lang}"' in page and "http://" not in page and "<script" not in page
    auc = walked.figures.query("cutoff == 'all' and metric == 'churn.auc'").set_index("model").value
    for name in auc.index:
        assert f"{auc[name]:.3f}" in page
    # Five plots of figures by cutoff, and a learning curve of two measures by cutoffs and by windows.
    assert page.count('<svg class="plot compared"') == 5 + 4
    text = re.sub(r"(?s)<style>.*?</style>|<[^>]+>|&[a-z]+;", " ", page.split("<body>")[1])
    if lang == "ko":
        assert set(re.findall(r"[A-Za-z]{2,}", text)) <= {"demo", "AUC", "PR", "BG", "NBD"}


def test_the_page_says_what_could_not_be_tested(walked: Walked) -> None:
    config, found = walked.tables.config, walked.found
    found |= {
        "skipped": [{"cutoff": "2025-04-01", "why": "nobody left"}],
        "random": {"grade": "untested", "verdict": ""},
    }
    about = {
        "project": "p",
        "timezone": "UTC",
        "currency": "EUR",
        "observation_end": config.project.observation_end,
    }
    page = backtest_page(BacktestInputs(**about, **found), "en")
    assert "1 April 2025" in page and "Too few left to say" in page


def test_mlflow_holds_a_run_and_a_child_per_test_cutoff(walked: Walked) -> None:
    from mlflow import MlflowClient

    client = MlflowClient(f"sqlite:///{walked.folder / 'mlflow.db'}")
    runs = client.search_runs([client.get_experiment_by_name("demo").experiment_id])
    (whole,) = (run for run in runs if "mlflow.parentRunId" not in run.data.tags)
    children = [run for run in runs if run.data.tags.get("mlflow.parentRunId") == whole.info.run_id]
    assert {run.data.params["test_cutoff"] for run in children} == {"2025-05-01", "2025-06-01"}
    rows = walked.found["figures"]
    for run, cutoff in [(whole, "all"), *((run, run.data.params["test_cutoff"]) for run in children)]:
        assert run.info.status == "FINISHED"
        for name, value in flat(rows, cutoff).items():
            assert run.data.metrics[name] == pytest.approx(value), name
    assert children[0].data.params["train_cutoffs"].startswith("2025-01-01")
    assert "split.gap.auc" in whole.data.metrics
    files = {file.path for file in client.list_artifacts(whole.info.run_id)}
    assert {"backtest.en.html", "backtest.ko.html", "backtest.csv", "curves.csv"} <= files


def test_a_stopped_run_goes_on_where_it_was(tmp_path: Path) -> None:
    made: list[str] = []

    def part(name: str) -> Callable[[], pd.DataFrame]:
        return lambda: made.append(name) or pd.DataFrame({"churn.model": [0.25, 0.5]})  # type: ignore[func-returns-value]

    first = context.Kept(tmp_path, "config", "data")
    frame = first("fold-2025-05-01", part("one"))
    again = context.Kept(tmp_path, "config", "data")
    pd.testing.assert_frame_equal(again("fold-2025-05-01", part("two")), frame)
    other = context.Kept(tmp_path, "config", "other data")
    other("fold-2025-05-01", part("three"))
    assert made == ["one", "three"]
    other.forget()
    assert not list(tmp_path.iterdir())


def test_too_few_leavers_are_left_out_and_said(walked: Walked) -> None:
    """With all leavers of the first training cutoffs gone, that fold alone cannot be made."""
    frame = walked.data.frame
    early = frame["cutoff"] < pd.Timestamp("2025-04-01", tz="UTC")
    few = replace(walked.data, frame=frame[~early | (frame["churned"] == 0)].reset_index(drop=True))
    said: list[str] = []

    def keep(name: str, make: Callable[[], pd.DataFrame]) -> pd.DataFrame:
        return walked.parts[name] if name in walked.parts and name != "fold-2025-05-01" else make()

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(dataset, "assemble", lambda *given: few)
        found = backtest.backtest(walked.tables, cutoffs=2, draws=20, tell=said.append, keep=keep)
    assert [row["cutoff"] for row in found.skipped] == ["2025-05-01"]
    assert [fold["cutoff"] for fold in found.folds] == ["2025-06-01"]
    assert any("2025-05-01 cannot be tested" in text for text in said)
    assert set(found.figures.cutoff) == {"2025-06-01", "all"}
    assert "over one test cutoff" in found.verdict["churn"]


# ---------------------------------------------------------------- the drawing


def test_an_axis_fits_its_figures() -> None:
    for low, high in ((0.61, 0.78), (0.5, 0.5), (-0.2, 0.1), (1.0, 4.2), (0.30001, 0.30002)):
        ticks = charts.ticks_between(low, high)
        assert ticks[0] <= low + 1e-9 and high - 1e-9 <= ticks[-1] and 2 <= len(ticks) <= 8
    figures = Figures("en")
    plot = charts.compared(
        ["a", "b"],
        [("model", [(0.7, 0.6, 0.8), None]), ("other", [(0.5, 0.5, 0.5), (0.6, 0.5, 0.7)])],
        lambda value: figures.score(value, 2),
    )
    (model, other) = plot.lines
    assert len(model.marks) == 1 and len(other.marks) == 2
    assert model.marks[0].high < model.marks[0].y < model.marks[0].low  # up is small in a drawing
    assert model.marks[0].y < other.marks[0].y and model.marks[0].x < other.marks[0].x < other.marks[1].x
