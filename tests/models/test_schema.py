"""Columns are matched by name and kind, and every difference is told at once."""

from __future__ import annotations

import json
from collections import Counter

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings, strategies as st

from cxml.errors import DataError, ModelError
from cxml.models.schema import Schema, Strange


def table() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "calls_30d": pd.array([1, 2, 3, 4], dtype="int32"),
            "wait_s_avg_30d": np.array([1.5, np.nan, 3, 4], dtype=np.float32),
            "plan_last": ["pro", None, "basic", "pro"],
            "auto_renew": [True, False, True, True],
        }
    )


def test_levels_are_sorted_and_missing_is_nan() -> None:
    schema = Schema.learn(table())
    assert schema.levels == {"plan_last": ("basic", "pro")} and schema.categorical == (2,)
    encoded = schema.encode(table())
    assert encoded.dtype == np.float32
    np.testing.assert_array_equal(
        encoded, [[1, 1.5, 1, 1], [2, np.nan, np.nan, 0], [3, 3, 0, 1], [4, 4, 1, 1]]
    )


@settings(max_examples=30, deadline=None)
@given(st.permutations(range(4)), st.permutations(range(4)))
def test_column_order_plays_no_part_and_row_order_is_kept(columns: list[int], rows: list[int]) -> None:
    schema = Schema.learn(table())
    shuffled = table().iloc[rows, columns].assign(extra="ignored")
    np.testing.assert_array_equal(schema.encode(shuffled), schema.encode(table())[rows])


@pytest.mark.parametrize(
    "dtype", ["int64", "Int64", "float64", "Float32", "int64[pyarrow]", "double[pyarrow]", "object"]
)
def test_any_kind_of_number_fits(dtype: str) -> None:
    schema = Schema.learn(table())
    frame = table().astype({"calls_30d": dtype})
    np.testing.assert_array_equal(schema.encode(frame), schema.encode(table()))


@pytest.mark.parametrize("dtype", ["object", "str", "string", "category", "string[pyarrow]"])
def test_any_kind_of_text_fits(dtype: str) -> None:
    schema = Schema.learn(table())
    frame = table().assign(plan_last=table()["plan_last"].astype("object").astype(dtype))
    assert Schema.learn(frame) == schema
    np.testing.assert_array_equal(schema.encode(frame), schema.encode(table()))
    assert schema.strange(frame) == Strange()


@pytest.mark.parametrize("column", ["plan_last", "calls_30d", "wait_s_avg_30d"])
@pytest.mark.parametrize("empty", [np.nan, None, pd.NA])
def test_a_column_without_any_value_fits_every_kind(column: str, empty: object) -> None:
    schema = Schema.learn(table())
    encoded = schema.encode(table().assign(**{column: pd.Series([empty] * 4)}))
    assert np.isnan(encoded[:, schema.columns.index(column)]).all()


def test_all_differences_are_named_at_once() -> None:
    schema = Schema.learn(table())
    frame = table().drop(columns="auto_renew").assign(plan_last=[1, 2, 3, 4], calls_30d=["1", "2", "3", "x"])
    with pytest.raises(ModelError) as caught:
        schema.encode(frame)
    for part in ("missing: auto_renew", "plan_last (holds int64, expected text)", "calls_30d (holds"):
        assert part in caught.value.what
    assert caught.value.fix and "x" not in caught.value.what.split()


def test_a_repeated_column_is_refused() -> None:
    twice = pd.concat([table(), table()[["calls_30d"]]], axis=1)
    with pytest.raises(ModelError, match="calls_30d"):
        Schema.learn(table()).encode(twice)
    with pytest.raises(DataError, match="calls_30d"):
        Schema.learn(twice)


@pytest.mark.parametrize("value", [np.inf, -np.inf, 1e300])
def test_infinite_numbers_are_refused(value: float) -> None:
    frame = table().astype({"wait_s_avg_30d": "float64"})
    frame.loc[1, "wait_s_avg_30d"] = value
    with pytest.raises(ModelError, match=r"wait_s_avg_30d \(1 rows\)"):
        Schema.learn(table()).encode(frame)


def test_unseen_levels_are_missing_and_counted() -> None:
    schema = Schema.learn(table())
    frame = table().assign(plan_last=["gold", "pro", None, "gold"])
    np.testing.assert_array_equal(schema.encode(frame)[:, 2], [np.nan, 1, np.nan, np.nan])
    assert schema.strange(frame) == Strange(unseen=Counter(plan_last=2))


def test_another_spelling_is_the_same_level_and_counted() -> None:
    schema = Schema.learn(pd.DataFrame({"tariff": ["100", "Flex", "a", "A"]}))
    later = pd.DataFrame({"tariff": ["100.0", " FLEX ", "A", "a", "flex", "100", None, "b"]})
    assert schema.levels["tariff"] == ("100", "A", "Flex", "a")
    np.testing.assert_array_equal(schema.encode(later)[:, 0], [0, 2, 1, 3, 2, 0, np.nan, np.nan])
    assert schema.strange(later) == Strange(unseen=Counter(tariff=1), respelt=Counter(tariff=3))


def test_a_spelling_that_two_levels_have_is_no_level() -> None:
    schema = Schema.learn(pd.DataFrame({"code": ["ab", "AB"]}))
    assert np.isnan(schema.encode(pd.DataFrame({"code": ["Ab"]}))).all()


@pytest.mark.parametrize(
    "column",
    [
        pd.date_range("2025-01-01", periods=4),
        [[1], [2], [3], [4]],
        [1 + 2j, 2, 3, 4],
    ],
)
def test_what_is_neither_number_nor_text_cannot_be_learned(column: object) -> None:
    with pytest.raises(DataError, match="odd"):
        Schema.learn(table().assign(odd=column))


def test_of_very_many_levels_the_frequent_ones_are_kept_and_the_others_are_one() -> None:
    texts = ["often"] * 30 + ["seldom"] * 19 + [f"name {i}" for i in range(1_000)] + [None] * 51
    schema = Schema.learn(pd.DataFrame({"topic": texts}))
    assert schema.levels == {"topic": ("often",)} and schema.grouped == {"topic": 1_019 / 1_100}
    later = pd.DataFrame({"topic": ["name 7", "Often", "never seen", None]})
    np.testing.assert_array_equal(schema.encode(later)[:, 0], [1, 0, 1, np.nan])
    assert schema.strange(later) == Strange(respelt=Counter(topic=1), rare=Counter(topic=2))
    assert Schema.from_dict(json.loads(json.dumps(schema.to_dict()))) == schema


def test_an_identifier_teaches_nothing_and_leaves_no_name_in_the_model() -> None:
    schema = Schema.learn(pd.DataFrame({"id": [f"c{i}" for i in range(1_001)]}))
    assert schema.levels == {"id": ()} and schema.grouped == {"id": 1.0}
    assert schema.encode(pd.DataFrame({"id": ["c1", "new"]})).tolist() == [[0.0], [0.0]]


@pytest.mark.parametrize(("levels", "rows", "grouped"), [(100, 1, False), (101, 1, True), (101, 20, False)])
def test_more_than_a_hundred_levels_need_rows_enough(levels: int, rows: int, grouped: bool) -> None:
    schema = Schema.learn(pd.DataFrame({"topic": [f"t{i}" for i in range(levels)] * rows}))
    assert bool(schema.grouped) == grouped and len(schema.levels["topic"]) == (0 if grouped else levels)


def test_of_too_many_frequent_levels_the_most_frequent_are_kept() -> None:
    texts = [f"t{i:04}" for i in range(1_001) for _ in range(20 + (i > 0))]
    (kept,) = Schema.learn(pd.DataFrame({"topic": texts})).levels.values()
    assert kept == tuple(f"t{i:04}" for i in range(1, 1_001))


def test_json_round_trip() -> None:
    schema = Schema.learn(table())
    assert Schema.from_dict(json.loads(json.dumps(schema.to_dict()))) == schema


@pytest.mark.parametrize(
    "raw",
    [
        None,
        {},
        {"columns": [], "levels": {}},
        {"columns": ["a", "a"], "levels": {}},
        {"columns": [1], "levels": {}},
        {"columns": ["a"], "levels": {"b": ["x"]}},
        {"columns": ["a"], "levels": {"a": [1]}},
        {"columns": "abc", "levels": {}},
        {"columns": ["a"], "levels": {}, "grouped": {"a": 0.5}},
        {"columns": ["a"], "levels": {"a": []}, "grouped": {"a": "x"}},
        {"columns": ["a"], "levels": {"a": []}, "grouped": [1]},
    ],
)
def test_damaged_schema_is_refused(raw: object) -> None:
    with pytest.raises(ModelError):
        Schema.from_dict(raw)


def test_no_rows_encode_to_no_rows() -> None:
    assert Schema.learn(table()).encode(table().iloc[:0]).shape == (0, 4)
