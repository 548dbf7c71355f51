"""The report as JSON, and the report without ids."""

from __future__ import annotations

import dataclasses
import hashlib
import hmac
import io
import json
from typing import Any

import numpy as np
import openpyxl
import pytest

from cxml.report import ReportInputs, build, pseudonym, without_ids


@pytest.fixture(scope="module")
def told(inputs: ReportInputs) -> dict[str, Any]:
    def refuse(name: str) -> float:
        raise AssertionError(f"{name} is no JSON")

    return dict(json.loads(build(inputs, ["en"])["report.json"], parse_constant=refuse))


def test_headline_numbers(inputs: ReportInputs, told: dict[str, Any]) -> None:
    p, value = inputs.scores["churn_probability"], inputs.scores["value_if_stays"]
    assert told["scope"]["customers"] == len(p)
    assert told["outlook"]["leavers"] == pytest.approx(p.sum())
    assert told["outlook"]["value_at_risk"] == pytest.approx((p * value).sum())


def test_levers_and_calls(inputs: ReportInputs, told: dict[str, Any]) -> None:
    drivers = inputs.drivers.set_index("factor")
    assert {row["factor"] for row in told["levers"]} == set(drivers.index[drivers["kind"] == "lever"])
    for row in told["levers"]:
        assert row["weight"] == pytest.approx(drivers["share_of_importance"][row["factor"]])
        if drivers["customers_hit"][row["factor"]] >= 10:
            assert row["share"] == pytest.approx(drivers["share_of_strength"][row["factor"]])
    listed = [call["customer_id"] for call in told["calls"]["rows"]]
    assert len(listed) == len(set(listed)) == 50
    assert set(listed) <= set(inputs.scores["customer_id"])


def test_small_groups_are_not_counted(inputs: ReportInputs, told: dict[str, Any]) -> None:
    hit = inputs.drivers.set_index("factor")["customers_hit"]
    small = {row["factor"] for row in told["levers"] if row["customers"] is None}
    assert small == {f for f in {row["factor"] for row in told["levers"]} if 0 < hit[f] < 10}
    assert small, "the company has such a factor"


def test_a_small_holdout_is_not_counted_either(inputs: ReportInputs) -> None:
    few = inputs.scores.assign(holdout=np.arange(len(inputs.scores)) < 3)
    shown = dict(json.loads(build(dataclasses.replace(inputs, scores=few), ["en"])["report.json"]))["calls"]
    assert shown["holdout"] is None
    assert {type(row["holdout"]) for row in shown["rows"]} == {bool}


def test_pseudonyms_take_the_place_of_ids(inputs: ReportInputs) -> None:
    ids = set(inputs.scores["customer_id"])
    inputs = dataclasses.replace(
        inputs, stories={inputs.scores["customer_id"][3]: {"stories": [], "recovery": None}}
    )
    hidden = without_ids(inputs, "a secret")
    expected = {hmac.new(b"a secret", i.encode(), hashlib.sha256).hexdigest()[:16]: i for i in ids}
    assert set(hidden.scores["customer_id"]) == set(expected)
    assert {expected[name] for name in hidden.stories} == set(inputs.stories)
    files = build(hidden)
    rows = (
        openpyxl.load_workbook(io.BytesIO(files["call_list.xlsx"])).worksheets[0].iter_rows(values_only=True)
    )
    shown = {str(row[1]) for row in rows}
    assert shown - set(expected) == {"Customer"}
    for name, data in files.items():
        if not name.endswith(".xlsx"):
            assert not [i for i in ids if i.encode() in data], name


def test_another_secret_gives_other_pseudonyms() -> None:
    assert pseudonym("c-1", "one") != pseudonym("c-1", "two")
    assert pseudonym("c-1", "one") == pseudonym("c-1", "one")
