"""Promise cliffs: every number and every line of a drawing from the answers themselves, by other means."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from cxml.report import ReportInputs, render

LEFT, WIDTH, TOP, HEIGHT = 64.0, 330.0, 18.0, 250.0


@pytest.fixture(scope="module")
def pages(inputs: ReportInputs, read: Any) -> dict[str, Any]:
    return {lang: read(render(inputs, lang)) for lang in ("en", "ko")}


def _articles(page: Any) -> list[Any]:
    return [n for n in page.nodes if n.tag == "article" and n.inside(name="promises")]


def _below(page: Any, node: Any, tag: str, name: str = "") -> list[Any]:
    return [
        n
        for n in page.nodes
        if n.tag == tag and node in n.around and (not name or name in (n.attrs.get("class") or "").split())
    ]


def _points(told: dict[str, Any]) -> list[dict[str, float]]:
    names = ("wait", "left", "low", "high", "customers")
    rows = [
        dict(zip(names, row, strict=True)) for row in zip(*(told["curve"][n] for n in names), strict=True)
    ]
    return [row for row in rows if row["customers"] >= 10]


def _with(inputs: ReportInputs, promise: str, **changed: Any) -> ReportInputs:
    cliffs = [{**one, **changed} if one["promise"] == promise else one for one in inputs.cliffs]
    return dataclasses.replace(inputs, cliffs=cliffs)


@pytest.mark.parametrize("lang", ["en", "ko"])
def test_the_numbers_are_those_of_the_answers(inputs: ReportInputs, pages: dict[str, Any], lang: str) -> None:
    page, told = pages[lang], {one["promise"]: one for one in inputs.cliffs}
    order = ["answer.phone", "answer.chat", "resolution", "delivery"]  # those with a break first
    for node, one in zip(_articles(page), (told[name] for name in order), strict=True):
        names = ["clock", "clock"]  # in the head and in the first sentence
        if "at" in one:
            names += ["jump", "jump_low", "jump_high"]
            names += [] if one["at_low"] == one["at_high"] else ["at_low", "at_high", "at"]
            names += ["at"] if one["answer"] == "elsewhere" else []
        else:
            names += ["smallest"]
        want = [one[name] for name in names] + ([one["bunched"]] if one["bunched"] != 1 else [])
        for row in _points(one) if "curve" in one else ():
            want += [row["wait"], max(row["left"], 0), max(row["low"], 0), row["high"], row["customers"]]
        shown = [float(n.attrs["value"]) for n in _below(page, node, "data")]
        assert sorted(shown) == pytest.approx(sorted(want), abs=1e-6)


@pytest.mark.parametrize("lang", ["en", "ko"])
def test_the_drawing_is_to_scale(inputs: ReportInputs, pages: dict[str, Any], lang: str) -> None:
    page, phone = pages[lang], next(one for one in inputs.cliffs if one["promise"] == "answer.phone")
    drawn, points = _articles(page)[0], _points(phone)

    def x(wait: float) -> float:
        return LEFT + WIDTH * wait / (3 * phone["clock"])

    ticks = [n for n in _below(page, drawn, "text") if (n.text or "").endswith("%")]
    top = max(float(n.text.rstrip("%")) for n in ticks) / 100

    def y(share: float) -> float:
        return TOP + HEIGHT * (1 - min(max(share, 0.0), top) / top)

    dots = [(float(n.attrs["cx"]), float(n.attrs["cy"])) for n in _below(page, drawn, "circle")]
    assert dots == [pytest.approx((x(row["wait"]), y(row["left"])), abs=0.06) for row in points]
    assert top >= max(row["high"] for row in points)
    (clock,), (edge,), (band,), (ribbon,) = (
        _below(page, drawn, tag, name)
        for tag, name in (("line", "clock"), ("line", "break"), ("rect", "around"), ("polygon", "ribbon"))
    )
    assert float(clock.attrs["x1"]) == pytest.approx(x(300), abs=0.06)
    assert float(edge.attrs["x1"]) == pytest.approx(x(360), abs=0.06)
    ends = float(band.attrs["x"]), float(band.attrs["x"]) + float(band.attrs["width"])
    assert ends == pytest.approx((x(342), x(384)), abs=0.11)
    corners = [tuple(map(float, corner.split(","))) for corner in ribbon.attrs["points"].split()]
    around = [(row["wait"], row["high"]) for row in points] + [
        (row["wait"], row["low"]) for row in points[::-1]
    ]
    assert corners == [pytest.approx((x(wait), y(share)), abs=0.06) for wait, share in around]
    assert len(_below(page, drawn, "polyline", "fitted")) == 2


def test_no_break_is_drawn_where_none_was_found(pages: dict[str, Any]) -> None:
    page = pages["en"]
    _, _, resolution, delivery = _articles(page)
    assert "No break found" in resolution.text and "9 of 10" in resolution.text
    assert _below(page, resolution, "svg") and not _below(page, delivery, "svg")
    for tag, name in (("line", "break"), ("rect", "around"), ("polyline", "fitted")):
        assert not _below(page, resolution, tag, name)


def test_what_could_not_be_tested_is_one_line_per_reason(pages: dict[str, Any]) -> None:
    lines = [
        n.text
        for n in pages["en"].nodes
        if n.tag == "p" and n.inside(name="promises") and "Not tested" in n.text
    ]
    assert lines == [
        "Not tested, too few waits on record: Answer by other channels: promised within 44 h.",
        "Not tested, too few of those who waited left: Refund: promised within 14 days.",
        "Not tested, hardly any wait was near the promised time: Answer by e-mail: promised within 1 h.",
    ]


def test_fewer_than_ten_customers_are_not_shown(
    inputs: ReportInputs, pages: dict[str, Any], read: Any
) -> None:
    assert 9 in inputs.cliffs[2]["curve"]["customers"]
    assert not {9.0, 4.0} & set(pages["en"].figures("promises"))
    page = read(render(_with(inputs, "answer.phone", customers=9), "en"))
    said = page.find(name="promises")[0].text
    assert len(_articles(page)) == 3 and "+10.2 points" not in said
    assert "Not tested, too few waits on record: Answer by phone: promised within 5 min" in said


def test_a_share_below_nobody_is_nobody(inputs: ReportInputs, read: Any) -> None:
    one = inputs.cliffs[0]
    below = {**one["curve"], "left": [-0.01] * 15, "low": [-0.01] * 15, "high": [-0.01] * 15}
    figures = read(render(_with(inputs, "resolution", curve=below), "en")).figures("promises")
    assert min(figures) == 0
    # of 31 customers none left: as many as 3 of 31 may leave, for all that is known
    assert any(figure == pytest.approx(3 / 31, abs=1e-6) for figure in figures)


def test_of_many_promises_eight_are_drawn_and_the_others_named(inputs: ReportInputs, read: Any) -> None:
    many = [{**inputs.cliffs[0], "promise": f"answer.line{k}"} for k in range(11)]
    page = read(render(dataclasses.replace(inputs, cliffs=many), "en"))
    assert len(_articles(page)) == 8
    assert "No break found either: Answer by line8: promised within 44 h, Answer by line9" in (
        page.find(name="promises")[0].text
    )


def test_without_answers_nothing_is_said(inputs: ReportInputs, read: Any) -> None:
    page = read(render(dataclasses.replace(inputs, cliffs=()), "ko"))
    assert not page.find(name="promises") and not [
        n for n in page.nodes if n.attrs.get("href") == "#promises"
    ]
