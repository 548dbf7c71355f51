"""What stands behind the factors: every figure from its input, small groups and missing parts left out."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from cxml.report import ReportInputs, render
from cxml.report.content import compute


def _articles(page: Any) -> list[list[float]]:
    return [
        [float(n.attrs["value"]) for n in page.nodes if n.tag == "data" and node in n.around]
        for node in page.nodes
        if node.tag == "article" and node.inside(name="behind")
    ]


@pytest.mark.parametrize("lang", ["en", "ko"])
def test_the_figures_are_those_of_the_evidence(inputs: ReportInputs, read: Any, lang: Any) -> None:
    page = read(render(inputs, lang))
    waiting, repeats, resolution, *_ = _articles(page)
    told = inputs.evidence["comparisons"]
    trend = [row["share_hit"] for row in inputs.evidence["history"] if row["factor"] == "waiting"]
    spots = [
        row["hit"]["waiting"] / row["customers"] for row in inputs.groups["segments"] if row["customers"] > 99
    ]
    assert sorted(waiting) == pytest.approx(
        sorted(
            [
                360,
                1.56,
                told["waiting"]["left"],
                told["waiting"]["left_others"],
                2310,
                inputs.groups["beyond"]["waiting"]["value_at_risk"],
                0.0052,
                0.003,
                0.0081,
                trend[0],
                trend[-1],
                min(spots),
                max(spots),
            ]
        ),
        abs=1e-6,
    )
    assert 1.8 in repeats and 1200 in repeats
    # The third does not differ beyond chance: its interval stands in the place of the ratio, and seven are too few.
    assert 1.07 not in resolution and {0.88, 1.3} <= set(resolution)
    assert 7 not in resolution


def test_any_experience_at_all_is_said_so(inputs: ReportInputs, read: Any) -> None:
    text = " ".join(n.text for n in read(render(inputs, "en")).find(name="behind"))
    assert "any “repeat contacts within 7 days, last 90 days”" in text
    assert "above 6 min" in text


def test_a_small_segment_is_neither_named_nor_drawn(inputs: ReportInputs, read: Any) -> None:
    content = compute(inputs)
    assert content.behind["waiting"].worst.level == "26"  # "48" is hit most, and has eight customers
    assert content.stays is not None
    assert [level for level, _, _ in content.stays.levels] == ["11", "26"]
    assert "48" not in [n.text for n in read(render(inputs, "en")).find("bdi")]


def test_curves_fall_from_all_to_what_the_groups_say(inputs: ReportInputs) -> None:
    stays = compute(inputs).stays
    assert stays is not None
    for level, customers, curve in stays.levels:
        row = next(r for r in inputs.groups["segments"] if r["level"] == level)
        assert (customers, list(curve)) == (row["customers"], row["stays"])


def test_without_evidence_nothing_is_said(inputs: ReportInputs, read: Any) -> None:
    page = read(render(dataclasses.replace(inputs, evidence={}, groups={}), "en"))
    assert not page.find(name="behind")
    assert not page.find(name="stays")


def test_only_a_supported_factor_is_called_a_cause(inputs: ReportInputs, read: Any) -> None:
    page = read(render(inputs, "en"))
    badges = [n.text for n in page.find("em") if n.inside(name="behind")]
    assert badges == ["supported as a cause", "association only", "not testable", "contradicted"]
    text = " ".join(n.text for n in page.find(name="behind"))
    assert text.count("cause") == text.count("supported as a cause")
    assert "0.5 percentage points" in text and "0.3 points" in text


@pytest.mark.parametrize(
    ("badge", "said"),
    [
        (
            "supported",
            "the probability of leaving rises by 0.5 percentage points (+0.3 points to +0.8 points)",
        ),
        ("association_only", "a difference that was seen, not an effect"),
        ("not_testable", ""),
    ],
)
def test_an_effect_is_told_as_far_as_the_badge_carries_it(
    inputs: ReportInputs, read: Any, badge: str, said: str
) -> None:
    causes = {"waiting": {**inputs.causes["waiting"], "badge": badge, "reason": "power"}}
    page = read(render(dataclasses.replace(inputs, causes=causes), "en"))
    text = " ".join(n.text for n in page.find(name="behind"))
    assert (
        ("Per minute (“average wait, last 90 days”)" in text)
        == (0.0052 in page.figures("behind"))
        == bool(said)
    )
    assert said in text


def test_the_glossary_explains_every_badge() -> None:
    from typing import get_args

    from cxml.causes.badge_rules import Badge
    from cxml.report.sentences import Words, catalogue

    for lang in ("en", "ko"):
        terms = {term.lower() for term, _ in Words(lang).terms(money=False)}  # type: ignore[arg-type]
        badges = catalogue()["badges"]
        assert {badges[name][lang] for name in get_args(Badge)} <= terms


def test_every_verdict_has_its_words() -> None:
    from typing import get_args

    from cxml.causes import badge_rules as badges, treatments
    from cxml.report.sentences import catalogue

    assert set(get_args(badges.Reason)) <= set(catalogue()["verdicts"])
    assert set(get_args(badges.Badge)) <= set(catalogue()["badges"])
    assert {word for _, word in treatments._PER.values()} | {"any"} == set(catalogue()["per"])


def test_areas_add_up_to_all_that_service_adds(inputs: ReportInputs, read: Any) -> None:
    drivers = inputs.drivers[inputs.drivers["customers_hit"] >= 10]
    levers = drivers[drivers["kind"] == "lever"]
    by_family = levers.groupby("family")["share_of_strength"].sum().sort_values(ascending=False)
    expected = [share for share in by_family if share > 0]
    assert sum(expected) == pytest.approx(1, abs=1e-3)
    for lang in ("en", "ko"):
        found = read(render(inputs, lang)).figures("areas")
        assert found == pytest.approx(expected, abs=1e-6)


def test_bars_end_where_other_customers_put_them(inputs: ReportInputs, read: Any) -> None:
    page = read(render(inputs, "en"))
    shares = inputs.drivers.set_index("factor")["share_of_strength"]
    ranks = inputs.evidence["ranks"]
    lines = [
        n
        for n in page.nodes
        if n.tag == "line" and n.attrs.get("class") == "ends" and n.attrs["y1"] == n.attrs["y2"]
    ]
    shown = [f for f in shares.index if f in ranks and shares[f] >= 0.02][: len(lines)]
    widest = max(shares[f] * ranks[f]["weight_high"] for f in shown)
    for line, factor in zip(lines, sorted(shown, key=lambda f: -shares[f]), strict=True):
        ends = [float(line.attrs[k].rstrip("%")) for k in ("x1", "x2")]
        wanted = [100 * shares[factor] * ranks[factor][k] / widest for k in ("weight_low", "weight_high")]
        assert ends == pytest.approx(wanted, abs=0.06), factor
    assert lines


@pytest.mark.parametrize(("lang", "half"), [("en", "10 min"), ("ko", "10분")])
def test_a_curve_shows_who_left_by_what_they_went_through(
    inputs: ReportInputs, read: Any, lang: Any, half: str
) -> None:
    page = read(render(inputs, lang))
    charts = [
        n for n in page.nodes if n.tag == "svg" and (n.attrs.get("aria-labelledby") or "").startswith("by-")
    ]
    assert len(charts) == 1, "one factor has a curve"
    told = next(n for n in page.nodes if n.tag == "desc" and charts[0] in n.around).text
    assert f"{half}: 8.0%" in told and "20.0%" not in told, "nine customers are too few to be drawn"
    assert len([n for n in page.nodes if n.tag == "circle" and charts[0] in n.around]) == 3
