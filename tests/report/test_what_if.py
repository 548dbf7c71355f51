"""What if: numbers, bars and wording, each from the rows themselves, by other means."""

from __future__ import annotations

import dataclasses
import re
from typing import Any

import pytest

from cxml.report import ReportInputs, render

SHOWN = ("fewer", "fewer_low", "fewer_high", "value", "value_low", "value_high")


@pytest.fixture(scope="module")
def pages(inputs: ReportInputs, read: Any) -> dict[str, Any]:
    return {lang: read(render(inputs, lang)) for lang in ("en", "ko")}


def _tables(page: Any) -> list[list[Any]]:
    """The rows of each table of the section."""
    tables = [n for n in page.nodes if n.tag == "table" and n.inside(name="what-if")]
    return [
        [n for n in page.nodes if n.tag == "tr" and table in n.around and n.inside("tbody")]
        for table in tables
    ]


def _figures(page: Any, node: Any) -> list[float]:
    return [float(n.attrs["value"]) for n in page.nodes if n.tag == "data" and node in n.around]


def _rows(inputs: ReportInputs, by: str) -> list[dict[str, Any]]:
    """What is worth a row, the most gain first."""
    told = [row for row in inputs.what_if if row["by"] == by and not row["lack"] and row["concerned"] >= 10]
    return sorted(
        (r for r in told if by == "cause" or r["fewer"] >= 0.5), key=lambda r: r["fewer"], reverse=True
    )


@pytest.mark.parametrize("lang", ["en", "ko"])
def test_the_numbers_are_those_of_the_rows(inputs: ReportInputs, pages: dict[str, Any], lang: str) -> None:
    page = pages[lang]
    for shown, by in zip(_tables(page), ("cause", "model"), strict=True):
        for node, row in zip(shown, _rows(inputs, by), strict=True):
            want = [row[name] for name in SHOWN if name in row] + [row["target"]] * bool(row["target"])
            # how many more leave is said as a number of its own
            want = [3.4 if number == -3.4 else number for number in want]
            assert sorted(_figures(page, node)) == pytest.approx(sorted(want), abs=1e-6)


def test_bars_share_one_scale(inputs: ReportInputs, pages: dict[str, Any]) -> None:
    page = pages["en"]
    rows = [*_rows(inputs, "cause"), *_rows(inputs, "model")]
    ends = [row[name] for row in rows for name in ("fewer", "fewer_low", "fewer_high") if name in row]
    low, span = min(0.0, *ends), max(ends) - min(0.0, *ends)

    def at(value: float) -> float:
        return 100 * (value - low) / span

    for node, row in zip([one for table in _tables(page) for one in table], rows, strict=True):
        parts = [n for n in page.nodes if node in n.around and n.tag in ("rect", "line")]
        (bar,) = (n.attrs for n in parts if n.attrs["class"] == "part")
        begin = float(bar["x"].rstrip("%"))
        assert (begin, begin + float(bar["width"].rstrip("%"))) == pytest.approx(
            tuple(sorted((at(0), at(row["fewer"])))), abs=0.02
        )
        whisker = {
            float(n.attrs[x].rstrip("%"))
            for n in parts
            for x in ("x1", "x2")
            if n.attrs["class"] == "whisker"
        }
        want = {at(row["fewer_low"]), at(row["fewer_high"])} if "fewer_low" in row else set()
        assert sorted(whisker) == pytest.approx(sorted(want), abs=0.02)


@pytest.mark.parametrize(("lang", "many"), [("en", "3 more leave"), ("ko", "3명 증가")])
def test_more_leavers_are_called_more(pages: dict[str, Any], lang: str, many: str) -> None:
    assert many in _tables(pages[lang])[0][1].text


def test_what_cannot_be_told_is_listed_with_its_reason(inputs: ReportInputs, pages: dict[str, Any]) -> None:
    page = pages["en"]
    notes = " ".join(n.text for n in page.nodes if n.tag == "p" and n.inside(name="what-if"))
    assert "Missing recovery, “problem without an apology” down to 0: so far 1.3%" in notes
    assert "Too few customers are concerned: Abandoned calls" in notes
    assert "Little or no difference in the model’s view: resolution, late delivery." in notes
    assert not {7.0, 3.25, 277_000.0, 0.21, -1.8} & set(page.figures("what-if"))


@pytest.mark.parametrize(
    ("asked", "told", "english", "korean"),
    [
        (
            "answer.chat answer.social",
            {"target": 3600.0},
            "every answer within 1 h (chat, social media)",
            "(채팅, 소셜",
        ),
        ("answer.*", {"target": 158_400.0}, "every answer within 44 h (other channels)", "그 밖의 채널"),
        (
            "resolution",
            {"target": 158_400.0},
            "every issue resolved within 44 h",
            "모든 문의 건을 44시간 이내에 해결",
        ),
        ("refund", {"target": 1_209_600.0}, "every refund within 14 days", "모든 환불을 14일 이내로"),
        ("resolved_share_180d", {}, "“share of issues resolved, last 180 days” up to 100%", "100%로 높이기"),
        ("transfers_90d", {}, "“transfers, last 90 days” down to 0", "0으로 줄이기"),
        ("transfers_90d", {"by": "model"}, "everything recorded about it at its best", "가장 좋은 수준"),
    ],
)
def test_what_is_made_good_is_said(
    inputs: ReportInputs, read: Any, asked: str, told: dict[str, Any], english: str, korean: str
) -> None:
    features = {**inputs.labels["features"]}
    features["resolved_share_180d"] = {**features["resolved_share_180d"], "direction": "-"}
    row = {**inputs.what_if[2], "asked": asked, "target": 0.0, **told}
    one = dataclasses.replace(inputs, what_if=[row], labels={**inputs.labels, "features": features})
    for lang, said in (("en", english), ("ko", korean)):
        (row_shown,) = _tables(read(render(one, lang)))[0]  # type: ignore[arg-type]
        assert said in row_shown.text.replace("\N{WORD JOINER}", "")


def _card(page: Any) -> Any:
    return next(n for n in page.nodes if n.tag == "article" and "made good" in n.text)


def test_what_was_learned_is_told_of_as_many_as_are_scored_now(inputs: ReportInputs, read: Any) -> None:
    # Four times as many customers at the cutoffs learned from as now: a quarter of everything that counts them.
    row = {**inputs.what_if[2], "among": 4.0 * len(inputs.scores)}
    one = dataclasses.replace(inputs, what_if=[row])
    (shown,) = _tables(page := read(render(one, "en")))[0]
    want = [300.0, *(row[name] / 4 for name in SHOWN)]
    assert sorted(_figures(page, shown)) == pytest.approx(sorted(want), abs=1e-6)
    # Twice as many of them left: half of everything that counts leavers, or their money.
    one = dataclasses.replace(
        inputs, what_if=[{**row, "leaving": 2 * float(inputs.scores["churn_probability"].mean())}]
    )
    (shown,) = _tables(page := read(render(one, "en")))[0]
    want = [300.0, *(row[name] / 8 for name in SHOWN)]
    assert sorted(_figures(page, shown)) == pytest.approx(sorted(want), abs=1e-6)
    # Whether they were too few to tell of is judged by those who were seen.
    few = dataclasses.replace(inputs, what_if=[{**row, "concerned": 9.0, "among": len(inputs.scores) / 4}])
    page = read(render(few, "en"))
    notes = " ".join(n.text for n in page.nodes if n.tag == "p" and n.inside(name="what-if"))
    assert not _tables(page) and "Too few customers are concerned: Waiting" in notes


def test_the_first_screen_names_the_supported_one(inputs: ReportInputs, pages: dict[str, Any]) -> None:
    card, row = _card(pages["en"]), inputs.what_if[2]
    assert sorted(_figures(pages["en"], card)) == pytest.approx(
        sorted([300.0, *(row[name] for name in SHOWN)])
    )
    assert "Supported as a cause" in card.text and "not from an experiment" in card.text
    assert "not a proven effect" not in card.text


@pytest.mark.parametrize(
    ("changed", "factor"),
    [
        ({"fewer_low": -2.0}, "Repeat contacts"),  # chance may explain it, so that the model speaks
        ({"lack": "beyond"}, "Repeat contacts"),
    ],
)
def test_elsewhere_the_first_screen_is_openly_the_model_s_view(
    inputs: ReportInputs, read: Any, changed: dict[str, Any], factor: str
) -> None:
    rows = [{**row, **changed} if row["asked"] == "answer.phone" else row for row in inputs.what_if]
    card = _card(read(render(dataclasses.replace(inputs, what_if=rows), "en")))
    assert factor in card.text and "not a proven effect" in card.text
    assert "Supported" not in card.text


def test_what_goes_with_staying_is_no_promise(inputs: ReportInputs, read: Any) -> None:
    drivers = inputs.drivers.assign(direction=inputs.drivers["factor"].map({"repeats": -0.6}))
    rows = [row for row in inputs.what_if if row["by"] == "model"]
    card = _card(read(render(dataclasses.replace(inputs, what_if=rows, drivers=drivers), "en")))
    assert "Waiting" in card.text and "Repeat contacts" not in card.text


def test_an_estimate_without_a_badge_is_not_told(inputs: ReportInputs, read: Any) -> None:
    causes = {
        **inputs.causes,
        "waiting": {**inputs.causes["waiting"], "badge": "association_only", "reason": "benchmark"},
    }
    page = read(render(dataclasses.replace(inputs, causes=causes), "en"))
    assert 61.3 not in page.figures()
    assert not re.search("upported as a cause", page.find(name="overview")[0].text)


def test_without_money_rows_are_about_leavers(plain_inputs: ReportInputs, read: Any) -> None:
    page = read(render(plain_inputs, "en"))
    assert 61.3 in page.figures("what-if") and 5_310_000.0 not in page.figures()


def test_nothing_asked_nothing_said(inputs: ReportInputs, read: Any) -> None:
    page = read(render(dataclasses.replace(inputs, what_if=()), "en"))
    assert not page.find(name="what-if") and not [n for n in page.nodes if n.attrs.get("href") == "#what-if"]
