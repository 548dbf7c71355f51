"""The workbook and the CSV: the right rows, and never a formula."""

from __future__ import annotations

import csv
import dataclasses
import io
import math
from typing import Any

import openpyxl
import pandas as pd
import pytest
from hypothesis import given, strategies as st

from cxml.report import ReportInputs, call_list_xlsx, drivers_csv
from cxml.report.safe_text import safe_cell

LEADS = "=+-@\t\r\n\uff1d\uff0b\uff0d\uff20"
PAYLOADS = (
    "=1+1",
    "=cmd|' /C calc'!A0",
    "+1",
    "-1+2",
    "@SUM(A1)",
    "\t=1",
    "\r=1",
    "\n=1",
    "\uff1d1+1",
    "\uff0b1",
    "\uff0d1",
    "\uff20A",
    " =1+1",
    "\u00a0=1",
    "\ufeff=1",
    "{=1+1}",
    "'=1+1",
    '=HYPERLINK("//evil.example")',
    "00123",
    "1e5",
    "TRUE",
    "\x00=1",
    "a;=1",
    "a\n=1",
    "=" * 40_000,
)


def sheets(data: bytes) -> dict[str, list[tuple[Any, ...]]]:
    book = openpyxl.load_workbook(io.BytesIO(data))
    return {s.title: list(s.iter_rows(values_only=True)) for s in book}


def with_ids(inputs: ReportInputs, texts: tuple[str, ...]) -> ReportInputs:
    scores = inputs.scores.head(len(texts) * 2).copy()
    scores["customer_id"] = [texts[i % len(texts)] for i in range(len(scores))]
    labels = {
        "factors": {
            f: {"en": texts[k % len(texts)], "ko": texts[-k]} for k, f in enumerate(inputs.drivers["factor"])
        },
        "features": {
            f: {**v, "en": texts[k % len(texts)]}
            for k, (f, v) in enumerate(inputs.labels["features"].items())
        },
    }
    return dataclasses.replace(inputs, scores=scores, labels=labels)


def test_the_workbook_says_of_which_day_it_is(inputs: ReportInputs) -> None:
    some = dataclasses.replace(
        inputs, scores=inputs.scores.head(50), meta={**inputs.meta, "project": "A & B"}
    )
    for lang, day in (("en", "1 May 2026"), ("ko", "2026년 5월 1일")):  # the window begins a week later
        book = openpyxl.load_workbook(io.BytesIO(call_list_xlsx(some, lang)))  # type: ignore[arg-type]
        assert book.worksheets[2]["B2"].value == day
        assert book.worksheets[2]["B3"].value.startswith(day.replace("1 May", "8 May").replace("1일", "8일"))
        for sheet in book:
            assert sheet.oddHeader.right.text.endswith(day) and "A && B" in sheet.oddHeader.left.text


@pytest.mark.parametrize("size", [0, 1, 40, 10**6])
def test_the_list_says_who_is_to_be_contacted(inputs: ReportInputs, size: int) -> None:
    calls = {**inputs.calls, "plan": {**inputs.calls["plan"], "size": size}}
    few = dataclasses.replace(inputs, scores=inputs.scores.head(300), calls=calls)
    head, *body = sheets(call_list_xlsx(few, "en"))["Call list"]
    status = pd.DataFrame(body, columns=head)["Status"]
    reached = status[status != "Holdout: do not contact"].to_list()
    assert reached == ["Contact"] * min(size, len(reached)) + ["Not planned"] * max(0, len(reached) - size)
    unpriced = {"plan": {**calls["plan"], "scenarios": []}, "proof": None}
    head, *body = sheets(call_list_xlsx(dataclasses.replace(few, calls=unpriced), "en"))["Call list"]
    assert "Not planned" not in {*pd.DataFrame(body, columns=head)["Status"]}


def test_list_holds_the_ranking(inputs: ReportInputs) -> None:
    scores = inputs.scores.head(1500)
    order = scores.sort_values("value_at_risk", ascending=False, ignore_index=True)
    rows = sheets(call_list_xlsx(dataclasses.replace(inputs, scores=scores), "en"))["Call list"]
    head, body = rows[0], rows[1:]
    frame = pd.DataFrame(body, columns=head)
    assert list(head[:2]) == ["No. (by expected profit)", "Customer"] and len(body) == len(order) == 1500
    assert list(frame["Customer"]) == list(order["customer_id"])
    assert frame["Churn probability"].to_list() == pytest.approx(order["churn_probability"].to_list())
    assert frame["Value at risk (KRW)"].to_list() == pytest.approx(order["value_at_risk"].to_list())
    assert frame["Expected profit of contact (KRW)"].to_list() == pytest.approx(
        order["expected_profit"].to_list()
    )
    assert (frame["Status"] == "Holdout: do not contact").to_list() == order["holdout"].to_list()
    none, other = order["reason_1"].isna(), order["other_reason"].notna()
    assert none.any() and (none & other).any() and (none & ~other).any()
    said = frame["Reason 1"]
    assert said.str.startswith("No service experience on record").to_list() == none.to_list()
    assert said.str.endswith("days since the last order: 61 days").to_list() == (none & other).to_list()


def test_reason_in_plain_words(inputs: ReportInputs) -> None:
    scores = inputs.scores.head(12).assign(reason_1="wait_mean_90d", reason_1_value=870.0)
    some = dataclasses.replace(inputs, scores=scores)
    english, korean = sheets(call_list_xlsx(some, "en")), sheets(call_list_xlsx(some, "ko"))
    assert {row[7] for row in english["Call list"][1:]} == {"Average wait, last 90 days: 14 min 30 s"}
    assert {row[7] for row in korean["연락 대상"][1:]} == {"최근 90일 평균 대기 시간: 14분 30초"}


def test_list_is_cut_at_its_limit(inputs: ReportInputs, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cxml.report.workbook.CALL_LIST_ROWS", 101)
    twice = inputs.scores.head(90)  # every customer has a double of the same risk
    scores = pd.concat([twice, twice.assign(customer_id=twice["customer_id"] + "b")])
    rows = sheets(call_list_xlsx(dataclasses.replace(inputs, scores=scores), "en"))["Call list"][1:]
    order = scores.sort_values(["value_at_risk", "customer_id"], ascending=[False, True])
    assert [row[1] for row in rows] == list(order["customer_id"][:101])


def test_without_value_the_order_is_by_probability(plain_inputs: ReportInputs) -> None:
    few = dataclasses.replace(plain_inputs, scores=plain_inputs.scores.head(500))
    rows = sheets(call_list_xlsx(few, "en"))["Call list"]
    assert not [head for head in rows[0] if "alue" in head or "rofit" in head]
    shares = [row[3] for row in rows[1:]]
    assert shares == sorted(shares, reverse=True)


def test_formula_never_reaches_a_cell(inputs: ReportInputs) -> None:
    hostile = with_ids(inputs, PAYLOADS)
    for lang in ("en", "ko"):
        book = openpyxl.load_workbook(io.BytesIO(call_list_xlsx(hostile, lang)))  # type: ignore[arg-type]
        cells = [
            cell for sheet in book for row in sheet.iter_rows() for cell in row if cell.value is not None
        ]
        assert not [c for c in cells if c.data_type == "f" or c.hyperlink]
        texts = [c.value for c in cells if isinstance(c.value, str)]
        assert not [text for text in texts if text.lstrip(" \u00a0\ufeff\u3000")[:1] in tuple(LEADS)]
        ids = {row[1] for row in book.worksheets[0].iter_rows(min_row=2, values_only=True)}
        assert {"00123", "1e5", "TRUE", "'=1+1", "''=1+1"} <= ids
    lines = list(csv.reader(io.StringIO(drivers_csv(hostile))))
    assert not [cell for line in lines for cell in line[:5] if cell[:1] in tuple(LEADS)]
    assert len(lines) == len(hostile.drivers) + 1


@given(st.text(max_size=50))
def test_one_leading_apostrophe_gives_the_text_back(text: str) -> None:
    safe = safe_cell(text)
    assert safe[:1] not in tuple(LEADS)
    assert (safe.removeprefix("'") if safe.startswith("'") else safe) == text


def test_csv_carries_the_drivers(inputs: ReportInputs) -> None:
    text = drivers_csv(inputs)
    assert text.startswith("\ufefffactor,name_en,name_ko,kind,family,importance")
    back = pd.read_csv(io.StringIO(text.removeprefix("\ufeff")))
    assert list(back["factor"]) == list(inputs.drivers["factor"])
    shown = (inputs.drivers["customers_hit"] >= 10) | (inputs.drivers["customers_hit"] == 0)
    for column in ("importance", "share_of_importance"):
        assert back[column].to_list() == inputs.drivers[column].to_list()
    for column in ("strength", "customers_hit", "odds_ratio", "value_at_risk", "avoidable"):
        pd.testing.assert_series_equal(
            back.loc[shown, column], inputs.drivers.loc[shown, column], check_dtype=False
        )
        assert back.loc[~shown, column].isna().all()


def test_same_inputs_same_workbook(inputs: ReportInputs) -> None:
    few = dataclasses.replace(inputs, scores=inputs.scores.head(300))
    assert call_list_xlsx(few, "ko") == call_list_xlsx(few, "ko")


def test_factor_sheet_leaves_small_groups_and_other_kinds_out(inputs: ReportInputs) -> None:
    few = dataclasses.replace(inputs, scores=inputs.scores.head(50))
    head, *rows = sheets(call_list_xlsx(few, "en"))["Factors"]
    by_name = {row[0]: dict(zip(head, row, strict=True)) for row in rows}
    drivers = inputs.drivers.set_index("factor")
    for name, factor in (
        ("Late delivery", "delivery"),
        ("Contact volume", "contacts"),
        ("Waiting", "waiting"),
    ):
        hit = int(drivers.loc[factor, "customers_hit"])
        assert by_name[name]["Customers hit"] == (None if 0 < hit < 10 or factor == "contacts" else hit)
    assert math.isclose(by_name["Waiting"]["difference"], drivers.loc["waiting", "avoidable"])
    assert by_name["Waiting"]["Is it a cause?"] == "supported as a cause"
    assert by_name["Contact volume"]["Is it a cause?"] is None
