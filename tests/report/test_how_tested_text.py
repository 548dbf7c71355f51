"""What the page says of how the model was tested: every fact, in both languages."""

from __future__ import annotations

import dataclasses
from datetime import timedelta

import pandas as pd
import pytest

from cxml.records.how_tested import HowTested
from cxml.report.figures import Figures, Language
from cxml.report.how_tested_text import how_tested
from cxml.report.sentences import Words
from cxml.snapshots.splits import plan_splits, without_time

MONTHS = list(pd.date_range("2025-01-01", periods=8, freq="MS", tz="Asia/Seoul"))
SPAN = (timedelta(0), timedelta(days=28))
FACTS: dict[str, HowTested] = {
    "time": plan_splits(MONTHS, *SPAN).how,
    "one earlier": plan_splits(MONTHS[:2], *SPAN).how,
    "one cutoff": plan_splits(MONTHS[:1], *SPAN).how,
    "immature": plan_splits(MONTHS[:2], timedelta(0), timedelta(days=306)).how,
    "no dates": without_time(MONTHS[0]).how,
    "one-sided": plan_splits(MONTHS, *SPAN, MONTHS[2:4]).how,
    "one one-sided": plan_splits(MONTHS, *SPAN, MONTHS[2:3]).how,
    "few leavers": dataclasses.replace(plan_splits(MONTHS, *SPAN).how, few_leavers=3),
    "unlabelled": dataclasses.replace(without_time(MONTHS[0]).how, without_label=1_234),
    "few unlabelled": dataclasses.replace(without_time(MONTHS[0]).how, without_label=7),
}
SAID = {
    "time": (
        "7 cutoffs, 1 January 2025 to 1 July 2025",
        "2025년 1월 1일부터 2025년 7월 1일까지 기준 시점 7개로",
    ),
    "one earlier": ("from the cutoff of 1 January 2025", "2025년 1월 1일 기준 시점으로 학습"),
    "one cutoff": ("No earlier cutoff has a known outcome", "결과가 확인된 이전 기준 시점이 없어"),
    "immature": ("takes 306 days to be known", "306일이 걸려 2025년 2월 1일에는"),
    "no dates": ("The label carries no dates", "이탈 라벨에 날짜가 없어"),
    "one-sided": (
        "2 of the cutoffs used, between 1 March 2025 and 1 April 2025",
        "2025년 4월 1일 사이의 2개에서는",
    ),
    "one one-sided": ("After the cutoff of 1 March 2025", "2025년 3월 1일 기준 시점 이후에는"),
    "few leavers": ("Fewer than 10 customers of those tested left", "10명 미만이어서"),
    "unlabelled": ("1,234 customers without a label", "라벨이 없는 고객 1,234명은"),
    "few unlabelled": ("Fewer than 10 customers without a label", "10명 미만이며"),
}


@pytest.mark.parametrize("fact", FACTS)
@pytest.mark.parametrize("lang", ["en", "ko"])
def test_each_fact_is_said(fact: str, lang: Language) -> None:
    # As read back from metrics.json.
    how = HowTested.from_json(FACTS[fact].to_json(), where="metrics.json")
    assert how == FACTS[fact]
    text = how_tested(how, Words(lang), Figures(lang, "KRW", "Asia/Seoul")).striptags()
    assert SAID[fact][lang == "ko"] in text.replace("\N{WORD JOINER}", "")


@pytest.mark.parametrize("lang", ["en", "ko"])
def test_a_few_customers_are_not_counted(lang: Language) -> None:
    for fact, n in (("few leavers", 3), ("few unlabelled", 7)):
        html = how_tested(FACTS[fact], Words(lang), Figures(lang, "KRW", "Asia/Seoul"))
        assert f'value="{n}"' not in html and f" {n} " not in html.striptags()
