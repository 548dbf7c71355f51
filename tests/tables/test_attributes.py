"""What columns of a flat table are taken for: numbers as people write them, texts, dates, ids, and what is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from at_cutoffs import labels_at

from cxml.config.load import load_config, parse_config
from cxml.errors import ConfigError, DataError
from cxml.features.company import plan_features
from cxml.snapshots import population
from cxml.snapshots.cutoffs import training_cutoffs
from cxml.tables.check import Check, check_tables
from cxml.tables.opening import Tables, open_tables

ROWS = 200


def opened(folder: Path, frame: pd.DataFrame, churn: dict[str, Any] | None = None, **table: Any) -> Tables:
    frame.to_csv(folder / "customers.csv", index=False)
    raw = {
        "project": {"observation_end": "2026-01-01"},
        "engine": {"threads": 1},
        "churn": {"definition": "label", "column": "customers.Left"} | (churn or {}),
        "tables": {"customers": {"source": "customers.csv", **table}},
    }
    return open_tables(parse_config(raw, folder))


def people(**columns: Any) -> pd.DataFrame:
    plain = {
        "customer_id": [f"c{n}" for n in range(ROWS)],
        "Left": np.where(np.arange(ROWS) % 4, "no", "yes"),
    }
    return pd.DataFrame({**plain, **columns})


def read(tables: Tables, column: str) -> list[Any]:
    """The values of an attribute as they are read, in the order of the rows."""
    places = {place: name for name, place in tables.opened["customers"].places.items()}
    rows = dict(tables.engine.rows(f"select customer_id, {places[column]} from customers"))
    return [rows[f"c{n}"] for n in range(ROWS)]


def found(tables: Tables) -> Check:
    return check_tables(tables)


X = np.round(np.random.default_rng(1).gamma(2, 900, ROWS), 2)

WRITTEN = {
    "plain": [f"{x:.2f}" for x in X],
    "currency": [f"${x:,.2f}" for x in X],
    "won": [f"₩{x:.2f}" if n % 2 else f"{x:.2f}원" for n, x in enumerate(X)],
    "thousands": [f"{x:,.2f}" for x in X],
    "percent": [f"{x:.2f} %" for x in X],
    "signed": [f"-{x:.2f}" if n % 2 else f"- ${x:.2f}" for n, x in enumerate(X)],
}


@pytest.mark.parametrize("way", WRITTEN)
def test_numbers_are_read_as_people_write_them(tmp_path: Path, way: str) -> None:
    tables = opened(tmp_path, people(대금=WRITTEN[way]))
    assert tables.attribute_kinds == {"대금": "number"} and found(tables).problems == ()
    assert np.allclose(read(tables, "대금"), -X if way == "signed" else X)


@pytest.mark.parametrize("said", [{"decimal": ","}, {"types": {"x": "comma"}}])
def test_decimal_commas_are_read_where_they_are_said_and_else_refused(
    tmp_path: Path, said: dict[str, Any]
) -> None:
    commas = [f"{x:,.2f}".translate(str.maketrans(",.", ".,")) for x in X]
    assert np.allclose(read(opened(tmp_path, people(x=commas), **said), "x"), X)
    (problem,) = found(opened(tmp_path, people(x=[f"{x:.1f}".replace(".", ",") for x in X]))).problems
    assert (problem.column, problem.count, problem.first_row) == ("x", ROWS, 1)
    assert "types = { 'x' = 'comma' }" in problem.fix and "decimal = ','" in problem.fix
    (problem,) = found(opened(tmp_path, people(x=[f"{x:.1f}" for x in X]), decimal=",")).problems
    assert problem.count == ROWS and "decimal point" in problem.fix, "4.6 is not 46"


def test_words_for_nothing_are_missing_and_other_words_are_named(tmp_path: Path) -> None:
    some = [["NA", "-", "n/a", "", f"{x}"][min(n, 4)] for n, x in enumerate(X)]
    tables = opened(tmp_path, people(x=some))
    assert found(tables).problems == () and [v is None for v in read(tables, "x")[:5]] == [True] * 4 + [False]
    (row,) = found(tables).columns
    assert (row.column, row.kind, round(row.missing, 9), row.levels) == (
        "x",
        "number",
        4 / ROWS,
        len(set(X[4:])),
    )
    words = ["unbekannt" if n % 20 == 7 else f"{x}" for n, x in enumerate(X)]
    (problem,) = found(opened(tmp_path, people(x=words))).problems
    assert (problem.column, problem.count, problem.first_row) == ("x", ROWS // 20, 8)
    assert "unbekannt" not in str(problem) and 'na = ["unknown"]' in problem.fix
    tables = opened(tmp_path, people(x=words), na=["unbekannt"])
    assert found(tables).problems == () and sum(v is None for v in read(tables, "x")) == ROWS // 20
    assert opened(tmp_path, people(x=words), types={"x": "text"}).attribute_kinds == {"x": "text"}


def test_percent_signs_on_some_values_only_are_refused(tmp_path: Path) -> None:
    mixed = [f"{x} %" if n % 3 else f"{x / 100}" for n, x in enumerate(X)]
    (problem,) = found(opened(tmp_path, people(rate=mixed))).problems
    assert (problem.column, problem.count, problem.first_row) == ("rate", len(mixed[::3]), 1)


def test_codes_stay_texts(tmp_path: Path) -> None:
    zeros = [f"0{n % 7}" for n in range(ROWS)]
    plans = [("100", "07x", "200")[n % 3] for n in range(ROWS)]
    assert opened(tmp_path, people(zip=zeros, plan=plans)).attribute_kinds == {"zip": "text", "plan": "text"}


NO_FEATURES = {
    "RowNumber": (list(range(1, ROWS + 1)), "a number for each row"),
    "UserID": ([9 * n * n + 11 for n in range(ROWS)], "an id"),
    "메일": ([f"u{n}@x.kr" for n in range(ROWS)], "another value in nearly every row"),
    "가입일": ([f"{1 + n % 28:02d}/03/2025" for n in range(ROWS)], "dates"),
    "since": ([f"2025-03-{1 + n % 28:02d}" for n in range(ROWS)], "dates"),
}


@pytest.mark.parametrize("name", NO_FEATURES)
def test_ids_row_numbers_and_dates_teach_nothing_unless_they_are_named(tmp_path: Path, name: str) -> None:
    values, why = NO_FEATURES[name]
    frame = people(x=X, **{name: values})
    tables = opened(tmp_path, frame)
    assert tables.attribute_kinds == {"x": "number"}
    assert any(f"'{name}' ({why})" in note for note in tables.notes)
    assert set(opened(tmp_path, frame, types={name: "text"}).attribute_kinds) == {"x", name}
    trained = open_tables(tables.config, attributes={"x": "number", name: "text"})
    assert set(trained.attribute_kinds) == {"x", name}, "what a model learned from is read in a batch too"
    assert len(plan_features(tables).matrix().columns) == 1


def test_three_values_of_a_label_are_listed_and_can_be_told_apart(tmp_path: Path) -> None:
    frame = people(x=X).assign(Left=["gone", "here", "paused", "here"] * (ROWS // 4))
    for churn, says in (({}, "positive"), ({"positive": "gone"}, "negative")):
        (problem,) = found(opened(tmp_path, frame, churn)).problems
        assert "'here' (100 rows), 'gone' (50 rows), 'paused' (50 rows)" in problem.what
        assert says in problem.fix and problem.first_row
    tables = opened(tmp_path, frame, {"positive": "gone", "negative": ["here"]})
    assert found(tables).problems == ()
    assert labels_at(tables, training_cutoffs(tables.config))["churned"].value_counts().to_dict() == {
        0: 100,
        1: 50,
    }
    few = frame.assign(Left=["kim", *frame["Left"].tolist()[1:]])
    (problem,) = found(opened(tmp_path, few, {"positive": "gone"})).problems
    assert "kim" not in str(problem) and "others (1 rows)" in problem.what
    with pytest.raises(ConfigError, match="negative"):
        opened(tmp_path, frame, {"negative": ["here"]})


def test_who_stayed_is_scored_where_every_row_carries_a_label(tmp_path: Path) -> None:
    tables = opened(tmp_path, people(x=X))
    some, there = population.still_there(tables, population.take(tables, training_cutoffs(tables.config)))
    assert (there.kept, there.left, there.labelled) == (ROWS * 3 // 4, ROWS // 4, ROWS * 3 // 4)
    kept = {row[0] for row in some.rows("select customer_id from snapshots")}
    frame = people()
    assert kept == set(frame[frame["Left"] == "no"]["customer_id"])


def test_a_flat_table_without_a_churn_section_is_told_of_ready_labels(tmp_path: Path) -> None:
    people(x=X).to_csv(tmp_path / "customers.csv", index=False)
    raw = {"project": {"observation_end": "2026-01-01"}, "tables": {"customers": {"source": "customers.csv"}}}
    with pytest.raises(DataError) as caught:
        open_tables(parse_config(raw, tmp_path))
    assert '[churn] definition = "label"' in str(caught.value)


def test_the_advice_for_tabs_works_as_it_is_written(tmp_path: Path) -> None:
    people(x=X).to_csv(tmp_path / "customers.csv", index=False, sep="\t")
    text = '[project]\nobservation_end = "2026-01-01"\n[churn]\ndefinition = "label"\ncolumn = "customers.Left"\n'
    (tmp_path / "cxml.toml").write_text(f'{text}[tables.customers]\nsource = "customers.csv"\n')
    with pytest.raises(DataError) as caught:
        open_tables(load_config(tmp_path))
    advice = str(caught.value).partition("cxml.toml: ")[2].splitlines()[0]
    (tmp_path / "cxml.toml").write_text(f'{text}[tables.customers]\nsource = "customers.csv"\n{advice}\n')
    assert open_tables(load_config(tmp_path)).attribute_kinds == {"x": "number"}


@pytest.mark.parametrize(
    "shape",
    [
        "2019년 {m}월 {d}일",
        "2024. {m}. {d}.",
        "2024.{m}.{d}",
        "{d} Mar 2024",
        "Mar {d}, 2024",
        "2024{m:02d}{d:02d}",
    ],
)
def test_days_as_people_write_them_are_no_texts_of_many_levels(tmp_path: Path, shape: str) -> None:
    days = [shape.format(m=1 + n % 12, d=1 + n % 28) for n in range(ROWS)]
    tables = opened(tmp_path, people(x=X, since=days))
    assert tables.attribute_kinds == {"x": "number"} and any(
        "'since' (dates)" in note for note in tables.notes
    )


def test_a_third_value_of_the_label_is_nobody_who_has_left(tmp_path: Path) -> None:
    frame = people(x=X).assign(Left=["gone", "here", "paused", "here"] * (ROWS // 4))
    churn = {"positive": "gone", "negative": ["here"]}
    for left, kept, counts in (
        (frame["Left"], {"here", "paused"}, (ROWS * 3 // 4, ROWS // 4, ROWS // 2)),
        (frame["Left"].where(frame.index > 3), {"paused"}, (ROWS // 4 + 3, 0, 0)),
    ):
        tables = opened(tmp_path, frame.assign(Left=left), churn)
        some, there = population.still_there(tables, population.take(tables, training_cutoffs(tables.config)))
        assert (there.kept, there.left, there.labelled) == counts
        scored = {row[0] for row in some.rows("select customer_id from snapshots")}
        assert (
            set(frame.assign(Left=left).set_index("customer_id").loc[list(scored), "Left"].dropna()) == kept
        )
