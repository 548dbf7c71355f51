"""Columns are matched by name and kind, and every difference is told at once."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cxml.errors import DataError, ModelError
from cxml.models.schema import Schema


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
    assert schema.unseen(frame) == {}


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
    assert schema.unseen(frame) == {"plan_last": 2}


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


def test_identifiers_are_no_category() -> None:
    with pytest.raises(DataError, match="1,001 different texts"):
        Schema.learn(pd.DataFrame({"id": [f"c{i}" for i in range(1001)]}))


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
    ],
)
def test_damaged_schema_is_refused(raw: object) -> None:
    with pytest.raises(ModelError):
        Schema.from_dict(raw)


def test_no_rows_encode_to_no_rows() -> None:
    assert Schema.learn(table()).encode(table().iloc[:0]).shape == (0, 4)
