"""The tidy frame of the cliffs holds what the answers hold."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd

from cxml.causes import cliff_table, promise_cliffs
from cxml.causes.promise_cliffs import Cliff

CURVE = pd.DataFrame(
    {
        "start": [0.0, 60.0],
        "stop": [60.0, 120.0],
        "wait": [31.0, 88.0],
        "left": [0.05, 0.09],
        "low": [0.04, 0.07],
        "high": [0.06, 0.11],
        "rows": [400, 300],
        "customers": [90, 80],
    }
)
FOUND = {
    "answer.phone": Cliff(
        "answer.phone",
        300.0,
        "promise",
        at=301.0,
        at_low=290.0,
        at_high=320.0,
        jump=0.1,
        jump_low=0.05,
        jump_high=0.15,
        p=0.001,
        smallest=0.04,
        level=0.07,
        rows=700,
        customers=150,
        curve=CURVE,
        fitted=pd.DataFrame({"wait": [1.0], "left": [0.1]}),
    ),
    "refund": Cliff("refund", 1_209_600.0, "untested", "leavers", rows=20, customers=12),
}


def test_a_row_per_promise_and_bin() -> None:
    found = cliff_table.cliffs(FOUND)
    assert found["promise"].tolist() == ["answer.phone", "answer.phone", "refund"]
    phone = found[found["promise"] == "answer.phone"]
    for name in ("start", "stop", "wait", "left", "low", "high"):
        assert phone[name].tolist() == CURVE[name].tolist()
    assert phone["rows_here"].tolist() == [400, 300]
    assert phone["rows"].tolist() == [700, 700]
    assert phone["jump_high"].tolist() == [0.15, 0.15]
    refund = found.iloc[2]
    assert (refund["answer"], refund["why"], refund["rows"]) == ("untested", "leavers", 20)
    assert np.isnan(refund["wait"]) and np.isnan(refund["jump"]) and pd.isna(refund["rows_here"])


def test_a_file_gives_the_same_frame_as_the_answers() -> None:
    pd.testing.assert_frame_equal(
        cliff_table.cliffs(json.loads(json.dumps(promise_cliffs.as_json(FOUND)))), cliff_table.cliffs(FOUND)
    )


def test_no_promises_are_a_frame_without_rows() -> None:
    empty = cliff_table.cliffs({})
    assert len(empty) == 0
    assert empty.dtypes.tolist() == cliff_table.cliffs(FOUND).dtypes.tolist()
