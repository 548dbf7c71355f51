"""A fit outlives a step that fails after it, and data without an answer about causes are no failure."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from cxml import jobs
from cxml.causes import examination
from cxml.errors import NotEnoughDataError
from cxml.models.bundle import Bundle
from cxml.training import fit

TOML = """
[project]
name = "resumed"
observation_end = "2026-01-01"
[tables.customers]
source = "customers.csv"
types = { name = "text" }
[churn]
definition = "label"
column = "customers.left"
[model]
threads = 1
"""


@pytest.fixture(scope="module", autouse=True)
def few_folds(small_forests: None) -> Iterator[None]:
    """Few folds: what is tested here does not depend on how good the boosted trees are."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(fit, "FOLDS", 2)
        yield


@pytest.fixture(scope="module")
def company(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Customers, each with a name of their own."""
    folder = tmp_path_factory.mktemp("company")
    rng = np.random.default_rng(0)
    seats = rng.integers(1, 60, 400)
    frame = pd.DataFrame(
        {
            "customer_id": [f"c{i:04}" for i in range(400)],
            "name": [f"Family {i}" for i in range(400)],
            "plan": rng.choice(["a", "b"], 400),
            "seats": seats,
            "left": rng.random(400) < 0.2 + seats / 100,
        }
    )
    frame.to_csv(folder / "customers.csv", index=False)
    (folder / "cxml.toml").write_text(TOML)
    return folder


@pytest.fixture(scope="module")
def straight(company: Path) -> Path:
    """A training that nothing stopped."""
    return jobs.train(company, out=company / "straight")


def contents(run: Path) -> dict[str, bytes]:
    return {
        str(p.relative_to(run)): p.read_bytes()
        for p in sorted(run.rglob("*"))
        if p.suffix != ".png" and p.is_file()
    }


def test_a_run_goes_on_with_what_the_stopped_one_fitted(
    company: Path, straight: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*args: Any, **others: Any) -> None:
        raise ZeroDivisionError("a fault of ours")

    told: list[str] = []
    with monkeypatch.context() as patch, pytest.raises(ZeroDivisionError):
        patch.setattr(examination, "_examined", broken)
        jobs.train(company, out=tmp_path / "out", tell=told.append)
    (kept,) = (tmp_path / "out").glob(".parts-*/bundle")
    assert str(kept) in told[-1] and Bundle.read(kept, 1).schema.columns
    assert not (tmp_path / "out" / "CURRENT").exists(), "half a run is no run"

    with monkeypatch.context() as patch:
        patch.setattr(fit, "fit", broken)
        run = jobs.train(company, out=tmp_path / "out", tell=told.append)
    assert contents(run) == contents(straight)
    assert not list((tmp_path / "out").glob(".parts-*")), "what is done is forgotten"


def test_other_data_are_fitted_anew(company: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*args: Any, **others: Any) -> None:
        raise ZeroDivisionError

    (tmp_path / "cxml.toml").write_text(TOML)
    frame = pd.read_csv(company / "customers.csv")
    monkeypatch.setattr(examination, "_examined", broken)
    for rows in (400, 390):
        frame.head(rows).to_csv(tmp_path / "customers.csv", index=False)
        with pytest.raises(ZeroDivisionError):
            jobs.train(tmp_path, out=tmp_path / "out")
    fits = [Bundle.read(one, 1) for one in (tmp_path / "out").glob(".parts-*/bundle")]
    assert sorted(one.info["snapshots"] for one in fits) == [390, 400]


def test_data_without_an_answer_about_causes_still_make_a_model(
    company: Path, straight: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def lacking(*args: Any, **others: Any) -> None:
        raise NotEnoughDataError("nobody can be compared")

    monkeypatch.setattr(examination, "study_of", lacking)
    told: list[str] = []
    run = jobs.train(company, out=tmp_path / "out", tell=told.append)
    assert "causes cannot be looked for in these data: nobody can be compared" in told
    causes = pd.read_parquet(run / "causes.parquet")
    assert set(causes["badge"]) == {"not_testable"}
    assert "could not be looked for: nobody can be compared" in (run / "info.md").read_text()
    scored = jobs.score(company, out=tmp_path / "scores", model=run / "bundle")
    page = jobs.report(company, out=tmp_path / "report", scores=tmp_path / "scores")
    assert len(pd.read_parquet(scored / "scores.parquet")) and (page / "report.en.html").exists()


def test_a_name_for_every_customer_is_told_of_and_in_no_file(straight: Path, company: Path) -> None:
    told = json.loads((straight / "bundle" / "info.json").read_text())["grouped"]
    assert told == [
        "name has very many levels: 0 frequent ones are kept, the others are one (100% of the rows)"
    ]
    assert "very many levels" in (straight / "info.md").read_text()
    assert not any(b"Family 7" in content for content in contents(straight).values())
