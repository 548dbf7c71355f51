"""Stories on the page and in the workbook: both languages, every sentence, and nothing hostile gets through."""

from __future__ import annotations

import dataclasses
import io
import re
import string
from typing import Any

import openpyxl
import pytest

from cxml.drivers.story import STEPS, Story
from cxml.drivers.story_facts import STORIES
from cxml.report import ReportInputs, call_list_xlsx, render
from cxml.report.figures import Figures
from cxml.report.sentences import Words, catalogue
from cxml.report.story_text import StoryText

PAYLOADS = (
    "<script>alert(1)</script>",
    "</td></tr></table><b>",
    "'><img src=x onerror=alert(1)>",
    "{at}",
    "{0.__class__}",
    "*bold*",
    "=cmd|' /C calc'!A0",
    "\x00<b>\x01",
    "\u202egnp",
    "{{ 7*7 }}",
    "a" * 500,
    "&lt;b&gt;",
    "@SUM(A1)",
)
VALUES = {
    "day": "2026-04-02T15:30:00+00:00",
    "s": 840,
    "count": 3,
    "money": 12_500.0,
    "text": "billing.fee",
    "channel": "phone.human",
    "flag": True,
}


def say(lang: Any) -> StoryText:
    return StoryText(Words(lang), Figures(lang, "KRW", "Asia/Seoul"))


def told(story: Story, **more: Any) -> dict[str, Any]:
    facts = {fact.name: VALUES[fact.kind] for fact in story.facts} | more
    return {"story": story.name, "reason": 1, "factor": story.factors[0], "facts": facts}


def numbers(html: object) -> list[str]:
    return sorted(re.findall(r'<data value="([^"]+)"', str(html)))


@pytest.mark.parametrize("story", STORIES, ids=lambda story: story.name)
def test_a_story_is_said_in_both_languages_with_the_same_numbers(story: Story) -> None:
    english, korean = (say(lang).html(told(story)) for lang in ("en", "ko"))
    assert numbers(english) == numbers(korean)
    assert not re.search("[가-힣]", re.sub("<bdi>.*?</bdi>", "", english))
    assert not re.search("[A-Za-z]{2,}", re.sub("<.*?>|<bdi>.*?</bdi>|billing.fee", "", korean))
    assert "2026-04-03" not in english and "April 2026" in english  # the day in Seoul
    assert all(
        sentence.endswith("니다.") for sentence in re.findall(r"[^.]*다\.", say("ko").plain(told(story)))
    )


@pytest.mark.parametrize("story", STORIES, ids=lambda story: story.name)
def test_every_clause_names_facts_of_its_story(story: Story) -> None:
    names = {fact.name for fact in story.facts}
    said = set()
    for clause in story.says:
        for lang in ("en", "ko"):
            text = catalogue()["stories"][clause.key][lang]
            fields = {name for _, name, _, _ in string.Formatter().parse(text) if name}
            assert fields <= names and (not clause.when or clause.when in names)
            said |= fields | {clause.when}
    assert names - said <= {"channel", "last", "since", "contacts", "end", "times"}, (
        "a fact that nobody hears"
    )


@pytest.mark.parametrize("story", STORIES, ids=lambda story: story.name)
def test_what_is_not_known_is_left_unsaid(story: Story) -> None:
    for fact in story.facts:
        for lang in ("en", "ko"):
            text = say(lang).plain(told(story, **{fact.name: None}))
            assert not re.search(r"\b(None|nan)\b", text)
    assert say("en").plain({"story": "unheard", "facts": {}}) == ""
    fee = next(story for story in STORIES if story.name == "fee_untold")
    assert say("en").plain(told(fee, amount=None)) == "", "that something was disputed says nothing by itself"


def test_a_sentence_as_a_caller_hears_it() -> None:
    facts = {
        "topic": "billing",
        "contacts": 3,
        "since": "2026-05-02T20:00:00+00:00",
        "agents": 2,
        "hold": 840,
        "open": True,
    }
    story = {"story": "repeated", "reason": 1, "factor": "repeats", "facts": facts}
    assert say("en").plain(story) == (
        "3 contacts about “billing” since 3 May 2026. 2 agents so far. 14 min on hold at the last one. Still open."
    )
    assert say("ko").plain(story) == (
        "2026년 5월 3일 이후 ‘billing’ 관련 문의가 3건 있었습니다. 상담원 2명이 응대했습니다."
        " 마지막 문의의 통화 중 대기는 14분입니다. 아직 해결되지 않았습니다."
    )
    recovery = {
        "topic": "x",
        "since": "2026-05-02T20:00:00+00:00",
        "open": True,
        "missing": ["apology", "follow_up"],
    }
    assert say("en").missing(recovery) == (
        "Still missing for the issue of 3 May 2026, about “x”: apology, follow-up."
    )
    assert (
        say("ko").missing(recovery)
        == "2026년 5월 3일에 발생한 ‘x’ 관련 문제에 아직 하지 않은 조치는 사과, 후속 연락입니다."
    )
    nameless = {**recovery, "topic": None}
    assert say("en").missing(nameless) == "Still missing for the issue of 3 May 2026: apology, follow-up."
    assert (
        say("ko").missing(nameless)
        == "2026년 5월 3일에 발생한 문제에 아직 하지 않은 조치는 사과, 후속 연락입니다."
    )
    assert say("ko").missing({**recovery, "missing": []}) == say("ko").missing(None) == ""
    assert all(Words("ko").has(f"steps.{step}") for step in STEPS)


# ---------------------------------------------------------------- page and workbook


def with_stories(inputs: ReportInputs, name: str) -> ReportInputs:
    """Every story on the first customers of the list, all names from the data being *name*."""
    first = inputs.scores.nlargest(60, "expected_profit")["customer_id"]
    stories = {}
    for k, customer in enumerate(first):
        some = [STORIES[(3 * k + j) % len(STORIES)] for j in range(3)]
        named = [{f.name: name for f in story.facts if f.kind in ("text", "channel")} for story in some]
        stories[customer] = {
            "stories": [{**told(s, **n), "reason": 1} for s, n in zip(some, named, strict=True)],
            "recovery": {"topic": name, "since": VALUES["day"], "open": True, "missing": ["explain", "fix"]},
        }
    return dataclasses.replace(inputs, stories=stories)


def test_the_page_tells_the_stories_beside_their_reasons(inputs: ReportInputs, read: Any) -> None:
    some = with_stories(inputs, "billing.fee")
    pages = {lang: read(render(some, lang)) for lang in ("en", "ko")}
    assert pages["en"].blocks() == pages["ko"].blocks()
    texts = [n.text for n in pages["en"].find("p", "story")]
    first = some.scores.nlargest(1, "expected_profit")["customer_id"].iloc[0]
    expected = [say("en").plain(one) for one in some.stories[first]["stories"]]
    assert texts[:3] == expected
    assert sum("Still missing for the issue" in text for text in texts) == 50


@pytest.mark.parametrize("payload", PAYLOADS)
def test_hostile_topics_channels_sites_and_plans_stay_text(
    inputs: ReportInputs, read: Any, payload: str
) -> None:
    few = dataclasses.replace(inputs, scores=inputs.scores.head(300))
    benign, hostile = (read(render(with_stories(few, name), "ko")) for name in ("billing.fee", payload))
    assert hostile.structure() == benign.structure()
    html = render(with_stories(few, payload), "en")
    assert len(re.findall("<script", html)) == 1  # the list's own
    assert not re.search(r"<img|javascript:|\x00", html)


def test_the_workbook_tells_them_without_a_formula(inputs: ReportInputs) -> None:
    few = dataclasses.replace(inputs, scores=inputs.scores.head(300))
    for payload in ("=1+1", "@SUM(A1)", "-2", "\t=1"):
        book = openpyxl.load_workbook(io.BytesIO(call_list_xlsx(with_stories(few, payload), "en")))
        rows = list(book.worksheets[0].iter_rows(values_only=True))
        assert rows[0][-2:] == ("What is on record, of the first 60 customers", "Still missing")
        assert rows[1][-2].count("\n") == 2 and "explanation, fix" in rows[1][-1]
        cells = [cell for sheet in book for row in sheet.iter_rows() for cell in row]
        assert not [cell for cell in cells if cell.data_type == "f" or cell.hyperlink]
    plain = openpyxl.load_workbook(io.BytesIO(call_list_xlsx(few, "en"))).worksheets[0]
    assert "What is on record" not in [cell.value for cell in plain[1]]


def test_the_list_says_by_what_it_is_ranked(inputs: ReportInputs, read: Any) -> None:
    few = dataclasses.replace(inputs, scores=inputs.scores.head(300))
    assert "not by proven persuadability" in read(render(few, "en")).prose()
    by_uplift = dataclasses.replace(
        few, calls={"plan": inputs.calls["plan"] | {"ranked_by": "uplift"}, "proof": None}
    )
    page = read(render(by_uplift, "en")).prose()
    assert "drawn at random have shown" in page and "not by proven persuadability" not in page
