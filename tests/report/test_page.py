"""The page: true numbers, both languages, nothing loaded, nothing injected."""

from __future__ import annotations

import base64
import dataclasses
import hashlib
import itertools
import math
import re
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
import pytest

from cxml.errors import DataError
from cxml.report import ReportInputs, build, render
from cxml.report.figures import Language
from cxml.report.sentences import Words

LATIN = {"AUC", "Qini", "PR", "CLV", "NPS", "CSAT", "CES", "xlsx", "call_list", "Hangang", "Home"}
PAYLOADS = (
    "<script>alert(1)</script>",
    "</script><script>x</script>",
    "</style><script>x</script>",
    "</title><b>",
    "<img src=x onerror=alert(1)>",
    '"><svg onload=alert(1)>',
    "'><iframe src=//evil>",
    "' onmouseover='x",
    '" style="background:url(//evil.example)',
    "<!--",
    "--><b>",
    "<![CDATA[",
    "&lt;script&gt;",
    "&#60;b&#62;",
    "{{ 7*7 }}",
    "{% raw %}",
    "{0.__class__}",
    "{factor}",
    "*bold*",
    "javascript:x",
    "<a href=javascript:x>",
    "\x00<b>\x01",
    "\u202e<b>gnp",
    "</data></td></tr></table><b>",
    "=cmd|' /C calc'!A0",
    "<base href=//evil>",
    "`<b>`",
    "%3Cscript%3E",
    "<math><mi//xlink:href=x>",
    "</svg><b>",
    "𝒳<b/>",
    "a" * 300,
    "</desc></svg><script>x</script>",
    "</bdi><b>",
    "</li></ul><h1>",
    "<object data=//evil>",
    "<embed src=//evil>",
    "<form action=//evil>",
    "<input autofocus onfocus=x>",
    "<details open ontoggle=x>",
    "<link rel=stylesheet href=//evil>",
    "<meta http-equiv=refresh content=0>",
    "<video src=//evil>",
    "<audio src=//evil>",
    "<body onload=x>",
    "<template><b>",
    "<noscript><b>",
    "<textarea><b>",
    "<plaintext>",
    "<xmp><b>",
    "<?php x ?>",
    "<%= x %>",
    "${7*7}",
    "#{7*7}",
    "[[x]]",
    "\\x3cb\\x3e",
    "\\u003cb\\u003e",
    "＜b＞",
    "\r\n<b>",
    "<b\t>",
    "<\u200bb>",
    "{% include 'x' %}",
    "{# x #}",
)


@pytest.fixture(scope="module")
def pages(inputs: ReportInputs, read: Any) -> dict[str, Any]:
    return {lang: read(render(inputs, lang)) for lang in ("en", "ko")}


@pytest.fixture(scope="module")
def plain_pages(plain_inputs: ReportInputs, read: Any) -> dict[str, Any]:
    return {lang: read(render(plain_inputs, lang)) for lang in ("en", "ko")}


def _close(found: list[float], *expected: float) -> None:
    """Each expected number is among those found, to the six decimals that the page carries."""
    for number in expected:
        assert any(math.isclose(number, f, rel_tol=1e-9, abs_tol=1e-6) for f in found), (number, found)


def test_headline_is_recomputed_from_scores(inputs: ReportInputs, pages: dict[str, Any]) -> None:
    p, value = inputs.scores["churn_probability"], inputs.scores["value_if_stays"]
    size = pages["en"].figures("size")
    _close(size, p.sum(), p.mean(), len(p))
    # 95 % for chance and for a missed level, as independent normals; shown as whole customers.
    chance, missed = 1.96**2 * (p * (1 - p)).sum(), math.exp(1.96 * inputs.meta["level_error"])
    moved = ((p * odds / (1 - p + p * odds)).sum() - p.sum() for odds in (1 / missed, missed))
    for way, by in zip((-1, 1), moved, strict=True):
        end = p.sum() + way * math.hypot(chance**0.5, by)
        assert min(abs(figure - end) for figure in size) < 0.5
    _close(size, (p * value).sum(), value.sum(), (p * value).sum() / value.sum())
    _close(pages["en"].figures("big"), p.sum(), (p * value).sum())


def test_lever_that_would_change_most_where_nobody_asked_what_if(inputs: ReportInputs, read: Any) -> None:
    best, gain, fewer = "", 0.0, 0.0
    for factor, kind in zip(inputs.drivers["factor"], inputs.drivers["kind"], strict=True):
        saved = left = 0.0
        part = inputs.scores[f"hit_{factor}"].to_numpy()
        for p, value, c in zip(
            inputs.scores["churn_probability"], inputs.scores["value_if_stays"], part, strict=True
        ):
            if c > 0:
                odds = p / (1 - p) / math.exp(c)
                saved, left = saved + (p - odds / (1 + odds)) * value, left + p - odds / (1 + odds)
        if kind == "lever" and saved > gain:
            best, gain, fewer = factor, saved, left
    assert best == "waiting"
    middle = read(render(dataclasses.replace(inputs, what_if=()), "en")).figures("mid")
    assert len(middle) == 2
    _close(middle, gain, fewer)


def test_top_tenth_of_the_list(inputs: ReportInputs, pages: dict[str, Any]) -> None:
    at_risk = sorted(inputs.scores["value_at_risk"], reverse=True)
    _close(pages["en"].figures("overview"), sum(at_risk[:1000]) / sum(at_risk))


def test_ranges_of_value_are_told_with_the_coverage_they_had(
    inputs: ReportInputs, pages: dict[str, Any], read: Any
) -> None:
    def told(page: Any) -> str:
        return page.find("section", "quality")[0].text

    assert "Of 100 of these customers, 87 had a value within their range" in told(pages["en"])
    assert "100명 중 87명" in told(pages["ko"])
    metrics = {**inputs.metrics, "value": {**inputs.metrics["value"], "coverage": None}}
    assert "within their range" not in told(read(render(dataclasses.replace(inputs, metrics=metrics), "en")))


def test_what_the_top_of_the_list_holds_follows_the_list(inputs: ReportInputs, read: Any) -> None:
    mixed = np.random.default_rng(3).permutation(len(inputs.scores)).astype(float)
    scores = inputs.scores.assign(expected_profit=mixed)
    first = scores.nlargest(len(scores) // 10, "expected_profit")["value_at_risk"].sum()
    page = read(render(dataclasses.replace(inputs, scores=scores), "en"))
    _close(page.figures("overview"), first / scores["value_at_risk"].sum())


def test_a_cause_is_never_said_to_have_little_weight(inputs: ReportInputs, read: Any) -> None:
    levers = [name for name, factor in inputs.labels["factors"].items() if factor["kind"] == "lever"]

    def said(badge: str) -> bool:
        told = {name: {"badge": badge, "reason": "passed"} for name in levers}
        return "Little weight" in read(render(dataclasses.replace(inputs, causes=told), "en")).prose()

    assert said("association_only") and not said("supported")


def test_factor_table_tells_what_the_drivers_say(inputs: ReportInputs, pages: dict[str, Any]) -> None:
    shown = pages["en"].figures("factors")
    levers = inputs.drivers[(inputs.drivers["kind"] == "lever") & (inputs.drivers["customers_hit"] >= 10)]
    assert len(levers) == 7
    for column in (
        "customers_hit",
        "share_hit",
        "odds_ratio",
        "value_at_risk",
        "value_at_risk_without",
        "avoidable",
    ):
        _close(shown, *levers[column])


def test_call_list_is_the_ranking(inputs: ReportInputs, pages: dict[str, Any]) -> None:
    order = inputs.scores.sort_values("value_at_risk", ascending=False).head(50)
    ids = [n.text for n in pages["ko"].find("bdi", "") if n.inside(name="calls")]
    assert ids == list(order["customer_id"])
    marked = [n.inside(name="holdout") for n in pages["ko"].find("bdi") if n.inside(name="calls")]
    assert marked == list(order["holdout"])
    first = [n.text for n in pages["ko"].find("bdi") if n.inside(name="first")]
    assert first == list(order.loc[~order["holdout"], "customer_id"][:3])


def test_both_languages_carry_the_same_numbers(pages: dict[str, Any], plain_pages: dict[str, Any]) -> None:
    for both in (pages, plain_pages):
        assert both["en"].blocks() == both["ko"].blocks()
        assert sorted(both["en"].structure()) == sorted(both["ko"].structure())
        shapes = [
            [n.attrs for n in both[lang].nodes if n.tag in ("rect", "circle", "polyline")] for lang in both
        ]
        assert shapes[0] == shapes[1]


def test_korean_page_is_korean(pages: dict[str, Any], plain_pages: dict[str, Any]) -> None:
    for page in (pages["ko"], plain_pages["ko"]):
        assert set(re.findall(r"[A-Za-z_]{2,}", page.prose())) <= LATIN
        attributes = [n.attrs.get(k) or "" for n in page.nodes for k in ("aria-label", "data-label", "title")]
        assert not re.search("[A-Za-z]{2,}", " ".join(attributes))


def test_english_page_has_no_korean(pages: dict[str, Any]) -> None:
    assert not re.search("[가-힣]", pages["en"].prose())


@pytest.mark.parametrize("lang", ["en", "ko"])
def test_nothing_is_loaded_and_nothing_runs(inputs: ReportInputs, pages: dict[str, Any], lang: Any) -> None:
    html, page = render(inputs, lang), pages[lang]
    script = re.search(r"<script>(.*?)</script>", html, re.S)
    assert script, "one script, and the browser runs none but it"
    digest = base64.b64encode(hashlib.sha256(script[1].encode()).digest()).decode()
    policy = f"default-src 'none'; style-src 'unsafe-inline'; img-src data:; script-src 'sha256-{digest}'"
    assert f'content="{policy}"' in html
    assert not re.search(r"fetch|XMLHttp|innerHTML|eval|cookie|Storage|location|import\b", script[1])
    rest = html.replace(script[0], "")
    assert not re.search(r"https?:|//[a-z]|@import|url\(|javascript:|<script|<iframe|<object", rest)
    loaders = [
        n.attrs.get(k) for n in page.nodes for k in ("src", "href", "xlink:href", "srcset") if k in n.attrs
    ]
    assert all(link and (link.startswith("#") or link == "data:,") for link in loaders)
    assert not [k for n in page.nodes for k in n.attrs if k.startswith("on")]


@pytest.mark.parametrize("lang", ["en", "ko"])
def test_marks_are_sound(pages: dict[str, Any], lang: str) -> None:
    page = pages[lang]
    ids = [n.attrs["id"] for n in page.nodes if "id" in n.attrs]
    assert len(ids) == len(set(ids))
    for n in page.nodes:
        assert (n.attrs.get("href") or "#").removeprefix("#") in {"", "data:,", *ids}
        for ref in (n.attrs.get("aria-labelledby") or "").split():
            assert ref in ids
    levels = [int(n.tag[1]) for n in page.nodes if re.fullmatch("h[1-6]", n.tag)]
    assert levels[0] == 1 and levels.count(1) == 1
    assert all(b - a <= 1 for a, b in itertools.pairwise(levels))
    assert all("scope" in n.attrs for n in page.nodes if n.tag == "th")
    for svg in (n for n in page.nodes if n.tag == "svg"):
        inside = [n for n in page.nodes if n.parent is svg]
        assert [n.tag for n in inside[:2]] == ["title", "desc"]
        assert all(n.text.strip() for n in inside[:2])


def test_same_inputs_same_bytes(inputs: ReportInputs) -> None:
    again = dataclasses.replace(inputs, scores=inputs.scores.sample(frac=1, random_state=1))
    assert render(inputs, "ko") == render(inputs, "ko")
    shuffled = re.sub(r"[\d.]+", "", render(again, "en"))  # sums may differ in the last bit
    assert shuffled == re.sub(r"[\d.]+", "", render(inputs, "en"))


def test_without_badges_nothing_is_called_a_cause(inputs: ReportInputs, read: Any) -> None:
    bare = dataclasses.replace(inputs, causes={}, what_if=())
    overview = {lang: read(render(bare, lang)).find(name="overview")[0].text for lang in ("en", "ko")}
    assert "not a proven effect" in overview["en"] and "supported" not in overview["en"].lower()
    assert "검증된 값은 아닙니다" in overview["ko"] and "뒷받침" not in overview["ko"]


@pytest.mark.parametrize(
    ("badges", "said"),
    [
        (["supported", "association_only", "not_testable"], "The others only go together"),
        (["supported"] * 3, "every check was passed"),
        (["association_only"] * 3, "does not make them causes"),
    ],
)
def test_what_may_be_concluded_follows_the_badges(
    inputs: ReportInputs, read: Any, badges: list[str], said: str
) -> None:
    told = {
        f: {"badge": b, "reason": "passed"}
        for f, b in zip(("waiting", "repeats", "resolution"), badges, strict=True)
    }
    page = read(render(dataclasses.replace(inputs, causes=told), "en"))
    (card,) = (n for n in page.nodes if n.tag == "article" and "Why:" in n.text)
    assert said in card.text
    assert ("experiment" in card.text) == ("supported" in badges)


def test_association_is_never_called_cause(pages: dict[str, Any]) -> None:
    text = pages["en"].prose().lower().replace("supported as a cause", "")
    assert not re.search(r"\bbecause\b|\bcaused?\b|due to|protects", text)
    assert "not a proven effect" in text
    korean = pages["ko"].prose().replace("원인으로 뒷받침됨", "")
    assert not re.search("때문|덕분|원인으로 뒷받침", korean)
    assert "검증된 값은 아닙니다" in korean


def test_no_exponents(pages: dict[str, Any]) -> None:
    for page in pages.values():
        assert not re.search(r"\d[eE][+-]?\d", page.prose())
        values = [
            v or ""
            for n in page.nodes
            for k, v in n.attrs.items()
            if k in ("value", "x", "y", "width", "points")
        ]
        assert not [v for v in values if re.search(r"\de[+-]\d|nan|inf", v)]


def test_without_value_nothing_speaks_of_money(
    plain_inputs: ReportInputs, plain_pages: dict[str, Any]
) -> None:
    for lang, words in (("en", r"₩|KRW|money|\bvalue"), ("ko", "금액|가치|만 원|억 원")):
        page = plain_pages[lang]
        assert not re.search(words, page.prose(), re.IGNORECASE)
    order = plain_inputs.scores.sort_values("churn_probability", ascending=False).head(50)
    assert [n.text for n in plain_pages["en"].find("bdi") if n.inside(name="calls")] == list(
        order["customer_id"]
    )


def test_small_groups_are_not_shown(inputs: ReportInputs, read: Any) -> None:
    drivers = inputs.drivers.copy()
    row = drivers["factor"] == "recovery"
    drivers.loc[row, ["customers_hit", "odds_ratio", "value_at_risk", "avoidable"]] = [9, 7.25, 123e6, 77e6]
    meta = {**inputs.meta, "population": {"at_risk": 10_000, "new": 4, "gone": 0}}
    metrics = {**inputs.metrics, "tables": {**inputs.metrics["tables"]}}
    metrics["tables"]["calibration"] = [{"predicted": 0.5, "actual": 0.987, "rows": 9}]
    page = read(render(dataclasses.replace(inputs, drivers=drivers, meta=meta, metrics=metrics), "en"))
    text = page.prose()
    assert "fewer than 10 too new" in text
    for secret in ("7.2 times", "₩123 million", "₩77.0 million", "98.7%"):
        assert secret not in text
    assert not {9.0, 7.25, 123e6, 77e6, 4.0} & set(page.figures("factors") + page.figures("size"))


def _hostile(inputs: ReportInputs, texts: tuple[str, ...]) -> ReportInputs:
    """The same company with *texts* wherever a text comes from outside."""
    pick = itertools.cycle(texts)
    inputs = dataclasses.replace(inputs, scores=inputs.scores.head(400))
    keys = {f: f"{next(pick)}{k}" for k, f in enumerate(inputs.drivers["factor"])}
    named = {f"{part}_{f}": f"{part}_{k}" for f, k in keys.items() for part in ("contribution", "hit")}
    scores = inputs.scores.rename(columns=named)
    scores["customer_id"] = [f"{texts[i % len(texts)]}{i}" for i in range(len(scores))]
    features = {
        n: {**label, "en": next(pick), "ko": next(pick)} for n, label in inputs.labels["features"].items()
    }
    named = list(keys)[::2]  # the others fall back to their keys
    factors = {keys[f]: {"en": next(pick), "ko": next(pick)} for f in named}
    features |= {f"{next(pick)}9": {"en": next(pick), "ko": next(pick), "direction": "-"}}
    strange = iter([*features][::-1])  # a column with labels, and two more; those of the rows are without
    gaps = [
        {"factor": next(pick), "en": next(pick), "ko": next(pick), "missing": [next(pick)], "features": 1}
    ]
    rivals = {
        f"{next(pick)}1": {"auc": 0.9, "log_loss": 0.4},
        f"{next(pick)}2": {"auc": 0.5, "log_loss": 0.3},
    }
    return ReportInputs(
        scores=scores,
        drivers=inputs.drivers.assign(factor=inputs.drivers["factor"].map(keys)),
        labels={"factors": factors, "features": features},
        metrics={
            **inputs.metrics,
            "baselines": {"churn": rivals},
            "test": {**inputs.metrics["test"], "how": None},
        },
        coverage={
            "measured": gaps,
            "partly": gaps,
            "not_measured": gaps,
            "rows": {next(pick): 5},
        },
        meta={
            **inputs.meta,
            "project": next(pick),
            "model_version": next(pick),
            "data_fingerprint": next(pick),
        },
        evidence=_renamed(inputs.evidence, keys),
        groups={
            **inputs.groups,
            "segments": [
                {**row, "level": f"{next(pick)}{k}", "hit": {keys[f]: n for f, n in row["hit"].items()}}
                for k, row in enumerate(inputs.groups["segments"])
            ],
            "beyond": {keys[f]: n for f, n in inputs.groups["beyond"].items()},
        },
        causes={keys[f]: {**told, "column": f"{next(pick)}8"} for f, told in inputs.causes.items()},
        cliffs=[{**one, "promise": f"answer.{next(pick)}{k}"} for k, one in enumerate(inputs.cliffs)],
        what_if=[
            {
                **row,
                "factor": keys[row["factor"]],
                "asked": f"answer.{next(pick)} answer.{next(pick)}" if row["target"] else next(strange),
            }
            for row in inputs.what_if
        ]
        + [{**inputs.what_if[1], "factor": next(pick), "asked": next(pick)}],
    )


def _renamed(evidence: Mapping[str, Any], keys: dict[str, str]) -> dict[str, Any]:
    return {
        "ranks": {keys[f]: told for f, told in evidence["ranks"].items()},
        "history": [{**row, "factor": keys[row["factor"]]} for row in evidence["history"]],
        "comparisons": {keys[f]: told for f, told in evidence["comparisons"].items()},
    }


@pytest.mark.parametrize("lang", ["en", "ko"])
def test_hostile_text_stays_text(inputs: ReportInputs, read: Any, lang: Any) -> None:
    calm = read(render(_hostile(inputs, tuple(f"word{k}" for k in range(len(PAYLOADS)))), lang))
    for k in range(0, len(PAYLOADS), 4 if lang == "en" else 16):  # four at a time, in turn
        some = PAYLOADS[k : k + 4]
        page = read(render(_hostile(inputs, some), lang))
        assert page.structure() == calm.structure(), some
    mixed = read(render(_hostile(inputs, PAYLOADS), lang))
    assert mixed.structure() == calm.structure()


def test_size_does_not_grow_with_customers(inputs: ReportInputs, company: Any) -> None:
    scores = pd.concat([inputs.scores] * 10, ignore_index=True)
    scores["customer_id"] = np.char.add("K", np.arange(len(scores)).astype(str))
    files = build(dataclasses.replace(inputs, scores=scores))
    assert sorted(files) == [
        "call_list.ko.xlsx",
        "call_list.xlsx",
        "drivers.csv",
        "report.en.html",
        "report.json",
        "report.ko.html",
    ]
    assert all(len(data) < 3e6 for data in files.values())
    assert len(files["report.ko.html"]) < 200_000
    for page, book in (("en", "call_list.xlsx"), ("ko", "call_list.ko.xlsx")):
        assert book in files[f"report.{page}.html"].decode()
    assert "call_list.xlsx" not in files["report.ko.html"].decode()


def test_bare_model_is_said_to_be_untested(inputs: ReportInputs, read: Any) -> None:
    bare = dataclasses.replace(inputs, metrics={}, coverage={}, evidence={})
    assert "is not known" in read(render(bare, "en")).find("", "sureness")[0].text
    assert not [n for n in read(render(bare, "ko")).nodes if n.attrs.get("class") == "plot"]


@pytest.mark.parametrize(("gap", "beaten"), [(0.02, True), (0.009, False), (-0.02, False)])
def test_simpler_rule_that_wins_by_more_than_chance_is_named_first(
    inputs: ReportInputs, read: Any, gap: float, beaten: bool
) -> None:
    own = inputs.metrics["churn"]["log_loss"]
    rule = {"auc": 0.80, "log_loss": own - gap, "log_loss_gap": gap, "log_loss_gap_error": 0.01}
    metrics = {**inputs.metrics, "baselines": {"churn": {"boosted": rule}}}
    html = render(dataclasses.replace(inputs, metrics=metrics), "en")
    page = read(html)
    said = "A simpler rule does better: gradient boosting with defaults (log loss)"
    assert (said in page.find("", "sureness")[0].text) == beaten
    assert ("No simpler rule that it was compared with does better" in page.prose()) == (not beaten)
    assert ("In the test a simpler rule forecast better than this model" in html) == beaten
    if beaten:
        assert html.index("a simpler rule forecast better than this model") < html.index('id="overview"')
    korean = render(dataclasses.replace(inputs, metrics=metrics), "ko")
    assert ("시험에서 이 모델보다 더 단순한 방법이 더 정확했습니다" in korean) == beaten


def test_customers_held_out_instead_of_time_is_said(inputs: ReportInputs, read: Any) -> None:
    metrics = {**inputs.metrics, "test": {"rows": 800, "mode": "customers", "cutoff": None}}
    assert "at the same time" in read(render(dataclasses.replace(inputs, metrics=metrics), "en")).prose()


def test_missing_inputs_are_refused(inputs: ReportInputs) -> None:
    with pytest.raises(DataError, match="contribution_waiting"):
        dataclasses.replace(inputs, scores=inputs.scores.drop(columns="contribution_waiting"))
    with pytest.raises(DataError, match="no scored customer"):
        dataclasses.replace(inputs, scores=inputs.scores.head(0))
    with pytest.raises(DataError, match="horizon"):
        dataclasses.replace(inputs, meta={k: v for k, v in inputs.meta.items() if k != "horizon"})
    with pytest.raises(DataError, match="no known family"):
        dataclasses.replace(inputs, drivers=inputs.drivers.assign(family="tribe"))


def test_that_a_call_pays_is_said_only_where_one_can_lose(company: Any, read: Any) -> None:
    inputs = company(300)
    gains = inputs.scores["expected_profit"]
    shown = {}
    for name, column in {
        "cost": gains,
        "free": gains.clip(lower=0),
        "unknown": None,
    }.items():
        scores = inputs.scores.assign(expected_profit=column)
        shown[name] = (
            "pay for itself" in read(render(dataclasses.replace(inputs, scores=scores), "en")).prose()
        )
    assert (gains < 0).any() and (gains > 0).any()
    assert shown == {"cost": True, "free": False, "unknown": False}


def test_the_direction_of_a_factor_is_said_where_it_is_known(company: Any, read: Any) -> None:
    inputs = company(300)
    known = {"waiting": 0.8, "repeats": -0.3}
    drivers = inputs.drivers.assign(direction=inputs.drivers["factor"].map(known))
    said = {
        node.text.split("Pro")[0].split("Peo")[0]: node.text
        for node in read(render(dataclasses.replace(inputs, drivers=drivers), "en")).find("th")
    }
    assert said["Waiting"].endswith("Process · as expected")
    assert said["Repeat contacts"].endswith("Process · other way round")
    assert said["Resolution"].endswith("Process"), "where nobody knows, nothing is said"
    assert "other way round" not in read(render(inputs, "en")).prose()


@pytest.mark.parametrize(("lang", "words"), [("en", "show nobody leaving"), ("ko", "이탈한 고객이 없어")])
def test_months_on_which_nothing_could_be_tested_are_told_of(
    inputs: ReportInputs, read: Any, lang: str, words: str
) -> None:
    assert words not in render(inputs, lang)
    test = {
        **inputs.metrics["test"],
        "passed_over": ["2026-04-30T15:00:00+00:00", "2026-05-31T15:00:00+00:00"],
    }
    page = render(dataclasses.replace(inputs, metrics={**inputs.metrics, "test": test}), lang)
    assert words in page


@pytest.mark.parametrize("lang", ["en", "ko"])
def test_what_speaks_against_the_figures_stands_first(inputs: ReportInputs, lang: Language) -> None:
    leaks = {"columns": [{"feature": "wait_mean_90d", "name": "wait", "auc": 0.99}]}
    said = dataclasses.replace(
        inputs,
        metrics={**inputs.metrics, "too_good": leaks},
        meta={**inputs.meta, "audit": {"state": "failed", "leaks": ["wait_mean_90d"]}, "in_sample": 70},
    )
    page = render(said, lang)
    first = page[page.index("<main>") : page.index("<article")]
    words = Words(lang)
    assert first.count('class="notice"') == 3
    assert words("sure.too_good") in page and words("sure.strong") not in page
    assert str(words("sure.in_sample", n="@")).partition("@")[2][-20:] in first
    assert "notice" not in render(inputs, lang).partition("<main>")[2].partition("<article")[0]


@pytest.mark.parametrize(
    ("lang", "words"), [("en", "First worth recording"), ("ko", "먼저 기록하면 좋은 항목")]
)
def test_where_nobody_has_a_reason_the_page_says_so_and_what_to_record(
    company: Any, lang: Any, words: str
) -> None:
    inputs = company(300)
    levers = inputs.drivers["kind"] == "lever"
    drivers = inputs.drivers.assign(
        customers_hit=inputs.drivers["customers_hit"].where(~levers, 0),
        strength=0.0,
        share_of_strength=0.0,
        direction=-0.5,
    )
    hit = inputs.scores.filter(regex="^hit_").columns
    scores = inputs.scores.assign(**dict.fromkeys(hit, 0.0), reason_1=None, reason_2=None, reason_3=None)
    scores["other_reason"], scores["other_reason_value"] = "recency", 61.0
    # Columns of a table at hand are worth recording before whole tables are.
    coverage = {
        **inputs.coverage,
        "not_measured": [
            {"factor": "visits", "en": "Field visits", "ko": "방문 서비스", "missing": ["visits"]},
            {
                "factor": "mood",
                "en": "Mood",
                "ko": "감정",
                "missing": ["interactions.sentiment_end", "interactions.topic"],
            },
        ],
    }
    html = render(dataclasses.replace(inputs, drivers=drivers, scores=scores, coverage=coverage), lang)
    page = re.sub(r"\s+", " ", re.sub(r"(?s)<style>.*?</style>|<[^>]+>", "", html))
    assert {"en": "50 of the 50 customers", "ko": "50명"}[lang] in page
    place = page.index(words)
    assert 0 < page.index("interactions.sentiment_end", place) < page.index("visits", place)
    assert {"en": "days since the last order: 61 days", "ko": "마지막 주문 후 경과 일수: 61일"}[lang] in page
    assert {"en": "The other way round in these data", "ko": "방향이 반대여서"}[lang] in page
