"""A bounded search: what it tries, keeps and takes up again."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import log_loss

from cxml.errors import ConfigError
from cxml.models.boosted_trees import BoostedTrees
from cxml.models.churn import LADDER, ChurnClassifier
from cxml.models.search import NAME, Searching, search

pytest.importorskip("optuna", reason="needs the extra search: pip install 'cxml[search]'")


def rows(n: int = 600) -> tuple[pd.DataFrame, np.ndarray]:
    rng = np.random.default_rng(0)
    X = pd.DataFrame(rng.normal(size=(n, 4)), columns=["wait_s_30d", "calls_30d", "age_d", "spend_30d"])
    margin = 1.5 * X["wait_s_30d"] * X["calls_30d"] - 0.5
    return X, (rng.random(n) < 1 / (1 + np.exp(-margin))).astype(int)


TREES = [rung for rung in LADDER if rung.leaves]
MODEL = ChurnClassifier(num_threads=1, folds=2, seeds=1)


def test_it_begins_with_the_ladder_and_goes_on_where_it_stopped(tmp_path: Path) -> None:
    X, y = rows()
    store = tmp_path / "study.sqlite3"
    many = len(TREES) + 1
    first = search(MODEL, X, y, trials=many, storage=store)
    assert [one["leaves"] for one in first.trials[:-1]] == [rung.leaves for rung in TREES]
    said: list[str] = []
    again = search(MODEL, X, y, trials=many + 2, storage=store, tell=said.append)
    assert again.trials[:many] == first.trials and len(again.trials) == many + 2 and len(said) == 2
    assert again.trials[many]["rate"] != first.trials[-1]["rate"]
    other = search(MODEL, X.iloc[::-1], y, trials=1, storage=store)
    assert len(other.trials) == 1, "other rows are another question"
    months = np.arange(len(y)) // 200
    told = search(MODEL, X, y, cutoffs=months, trials=1, storage=store)
    assert len(told.trials) == 1, "and so are the same with every cutoff at its own level"


def test_a_killed_search_takes_up_the_size_it_was_trying(tmp_path: Path) -> None:
    X, y = rows()
    store = tmp_path / "study.sqlite3"

    def kill(said: str) -> None:
        if said.startswith("trial 3"):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        search(MODEL, X, y, trials=5, storage=store, tell=kill)
    with sqlite3.connect(store) as database:  # as a kill leaves it behind
        database.execute("update trials set state = 'RUNNING', datetime_complete = null where number = 2")
    found = search(MODEL, X, y, trials=len(TREES), storage=store)
    assert sorted(one["leaves"] for one in found.trials) == sorted(rung.leaves for rung in TREES)


def test_time_alone_is_a_limit_and_none_at_all_is_refused(tmp_path: Path) -> None:
    X, y = rows()
    assert len(search(MODEL, X, y, trials=0, minutes=1e-9).trials) == 1, "the first trial always runs"
    with pytest.raises(ConfigError, match="without an end"):
        search(MODEL, X, y, trials=0)
    (tmp_path / "junk").write_text("no database")
    with pytest.raises(ConfigError, match="cannot be used") as refused:
        search(MODEL, X, y, trials=1, storage=tmp_path / "junk")
    assert refused.value.fix


def test_the_loss_is_that_of_customers_held_out() -> None:
    X, y = rows()
    found = search(MODEL, X, y, trials=3)
    best = min(found.trials, key=lambda one: one["loss"])
    assert (found.rung.name, found.rung.leaves) == (NAME, best["leaves"])
    model = ChurnClassifier(num_threads=1, folds=2, seeds=1, ladder=[found.rung]).fit(X, y)
    margins, hit = model._held_out
    assert best["loss"] == pytest.approx(log_loss(hit, 1 / (1 + np.exp(-margins))))


def test_a_searching_classifier_looks_at_its_own_rows_alone(tmp_path: Path) -> None:
    X, y = rows()
    one = Searching(MODEL, trials=2, storage=tmp_path / "study.sqlite3")
    found = one.fit(X[:400], y[:400])
    assert found.ladder[-1].name == NAME and len(found.trials_) == 2
    alone = search(MODEL, X[:400], y[:400], trials=2)
    assert [t["loss"] for t in found.trials_] == [t["loss"] for t in alone.trials]
    other = one.fit(X[200:], y[200:])
    assert [t["loss"] for t in other.trials_] != [t["loss"] for t in found.trials_]
    assert MODEL.ladder is None


def test_no_trial_begins_after_the_time_is_over() -> None:
    X, y = rows()
    assert len(search(MODEL, X, y, trials=500, minutes=1e-4).trials) < 5


def test_a_ladder_of_ones_own_is_climbed() -> None:
    X, y = rows()
    model = ChurnClassifier(
        num_threads=1, seeds=1, ladder=[one for one in LADDER if one.name == "middle"]
    ).fit(X, y)
    assert model.rung_ == "middle" and [one["name"] for one in model.ladder_] == ["middle"]


SMALL = [one for one in LADDER if one.name == "small"]


def test_directions_are_kept_and_priced() -> None:
    rng = np.random.default_rng(1)
    X = pd.DataFrame(rng.normal(size=(1500, 3)), columns=["wait_s_30d", "calls_30d", "age_d"])
    X["plan_last"] = rng.choice(["a", "b"], 1500)
    y = (rng.random(1500) < 1 / (1 + np.exp(-1.5 * np.sin(2 * X["wait_s_30d"])))).astype(int)
    signs = {"wait_s_30d": 1, "plan_last": 1, "nobody": -1}
    told = ChurnClassifier(num_threads=1, seeds=1, ladder=SMALL, monotone=signs).fit(X, y)
    free = ChurnClassifier(num_threads=1, seeds=1, ladder=SMALL).fit(X, y)
    row = pd.concat([X.head(1)] * 200, ignore_index=True)
    row["wait_s_30d"] = np.linspace(-3, 3, 200)
    assert (np.diff(told.log_odds(row)) >= -1e-12).all()
    assert (np.diff(free.log_odds(row)) < 0).any()
    again = BoostedTrees.read(told.trees_.texts(), 4)
    assert again.margin(told.schema_.encode(row)).tolist() == told.margin(row).tolist()
    assert free.monotone_price_ is None
    assert told.monotone_price_ == pytest.approx(told.ladder_[0]["loss"] - free.ladder_[0]["loss"])
    assert told.monotone_price_ > 0.03, "a wave cannot be told in one direction"
    with pytest.raises(ConfigError, match="direction"):
        ChurnClassifier(num_threads=1, monotone={"wait_s_30d": 2}).fit(X, y)
