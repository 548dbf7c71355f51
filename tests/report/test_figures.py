"""Numbers as people write them; the reading back is done here, by other means."""

from __future__ import annotations

import math
import re
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, strategies as st

from cxml.report.charts import nice_ticks
from cxml.report.figures import Figures
from cxml.report.particles import with_particle

EN, KO = Figures("en", "KRW"), Figures("ko", "KRW")
UNITS = {"조": 10**12, "억": 10**8, "만": 10**4, "": 1}
SCALES = {"trillion": 1e12, "billion": 1e9, "million": 1e6}


def read_korean(text: str) -> float:
    """The amount in won that a Korean text names."""
    sign = -1 if text.startswith("−") else 1
    parts = re.findall(r"([\d,]+)(조|억|만|)", text)
    return sign * sum(int(n.replace(",", "")) * UNITS[u] for n, u in parts if n)


def read_english(text: str) -> float:
    """The amount that an English text names."""
    sign = -1 if text.startswith("−") else 1
    number, _, scale = text.lstrip("−").removeprefix("₩").partition(" ")
    return sign * float(number.replace(",", "")) * SCALES.get(scale, 1)


@given(st.floats(-9e14, 9e14))
def test_money_is_true_to_three_digits_and_alike_in_both_languages(amount: float) -> None:
    english, korean = read_english(EN.money(amount).text), read_korean(KO.money(amount).text)
    assert english == pytest.approx(korean, rel=1e-9)
    assert abs(english - amount) <= max(0.5, abs(amount) * 0.005001)
    assert not re.search(r"[eE][+-]", EN.money(amount).text + KO.money(amount).text)


@pytest.mark.parametrize(
    ("amount", "english", "korean"),
    [
        (0, "₩0", "0원"),
        (84_321, "₩84,300", "84,300원"),
        (999_999, "₩1.00 million", "100만 원"),
        (1_234_567, "₩1.23 million", "123만 원"),
        (123_456_789, "₩123 million", "1억 2,300만 원"),
        (100_000_000, "₩100 million", "1억 원"),
        (12_345_678_901, "₩12.3 billion", "123억 원"),
        (1_239_999_999_999, "₩1.24 trillion", "1조 2,400억 원"),
        (-2_500, "−₩2,500", "−2,500원"),
        (math.nan, "–", "–"),
    ],
)
def test_won(amount: float, english: str, korean: str) -> None:
    assert EN.money(amount).text == english
    assert KO.money(amount).text == korean


@pytest.mark.parametrize(
    ("currency", "english", "korean"),
    [
        ("USD", "$84.30", "84.30달러"),
        ("JPY", "¥84", "84엔"),
        ("CHF", "CHF 84.30", "84.30 CHF"),
        ("", "84", "84"),
    ],
)
def test_other_currencies(currency: str, english: str, korean: str) -> None:
    assert Figures("en", currency).money(84.3).text == english
    assert Figures("ko", currency).money(84.3).text == korean
    assert Figures("en", currency).money(1.2e6).text.endswith("1.20 million")
    assert Figures("ko", currency).money(1.2e6).text.startswith("120만")


@given(st.integers(0, 400 * 86400))
def test_durations_read_back(seconds: int) -> None:
    sizes = {"days": 86400, "h": 3600, "min": 60, "s": 1, "일": 86400, "시간": 3600, "분": 60, "초": 1}
    for figures, pattern in ((EN, r"(\d+) (days|h|min|s)"), (KO, r"(\d+)(일|시간|분|초)")):
        parts = re.findall(pattern, figures.duration(seconds).text)
        assert 1 <= len(parts) <= 2
        total = sum(int(n) * sizes[u] for n, u in parts)
        step = 1 if seconds < 3600 else 60 if seconds < 2 * 86400 else 3600
        assert abs(total - seconds) <= step / 2


def test_durations_as_written() -> None:
    assert [EN.duration(s).text for s in (0, 45, 870, 7500, 190 * 3600)] == [
        "0 s",
        "45 s",
        "14 min 30 s",
        "2 h 5 min",
        "7 days 22 h",
    ]
    assert KO.duration(870).text == "14분 30초"


def test_dates_are_days_of_the_zone() -> None:
    at = datetime(2026, 4, 30, 15, tzinfo=UTC)
    seoul = [Figures(lang, "KRW", "Asia/Seoul") for lang in ("en", "ko")]
    assert [f.date(at) for f in seoul] == ["1 May 2026", "2026년 5월 1일"]
    assert [f.date(at + timedelta(hours=14, minutes=30)) for f in seoul] == [
        "1 May 2026, 14:30",
        "2026년 5월 1일 오후 2시 30분",
    ]
    assert [f.last_day(at) for f in seoul] == ["30 April 2026", "2026년 4월 30일"]


@pytest.mark.parametrize(
    ("word", "pair", "whole"),
    [
        ("상담원", "이/가", "상담원이"),
        ("대기", "이/가", "대기가"),
        ("문제 해결", "을/를", "문제 해결을"),
        ("메일", "으로/로", "메일로"),
        ("상담", "으로/로", "상담으로"),
        ("1,210명", "이/가", "1,210명이"),
        ("12.5%", "을/를", "12.5%를"),
        ("순추천지수(NPS)", "은/는", "순추천지수(NPS)는"),
        ("3", "이/가", "3이"),
        ("2", "이/가", "2가"),
        ("Email", "이/가", "Email이"),
        ("", "이/가", "가"),
    ],
)
def test_particles(word: str, pair: str, whole: str) -> None:
    assert with_particle(word, pair) == whole


@given(st.text(alphabet=[chr(c) for c in range(0xAC00, 0xD7A4, 97)], min_size=1))
def test_particles_follow_the_final_consonant(word: str) -> None:
    import unicodedata

    closed = len(unicodedata.normalize("NFD", word[-1])) == 3
    assert with_particle(word, "은/는").endswith("은" if closed else "는")


@pytest.mark.parametrize(
    ("value", "unit", "label", "english", "korean"),
    [
        (870, "s", "", "14 min 30 s", "14분 30초"),
        (1.5, "h", "", "1 h 30 min", "1시간 30분"),
        (1, "d", "", "1 day", "1일"),
        (12.4, "d", "", "12 days", "12일"),
        (3, "count", "재문의 건수(7일 이내)", "3", "3건"),
        (1.25, "count", "문의당 평균 이관 횟수", "1.2", "1.2회"),
        (4, "count", "한 문의 건의 최다 상담원 수", "4", "4명"),
        (4, "count", "문의 주제 수", "4", "4"),
        (0.415, "share", "", "41.5%", "41.5%"),
        (2.14, "times", "", "2.1 times", "2.1배"),
        (2.14, "ratio", "", "2.14", "2.14"),
        (7.0, "score", "", "7", "7"),
        (1, "flag", "", "yes", "예"),
        (0, "flag", "", "no", "아니요"),
        (52_310, "money", "", "₩52,300", "52,300원"),
        (math.nan, "s", "", "none on record", "기록 없음"),
    ],
)
def test_feature_values(value: float, unit: str, label: str, english: str, korean: str) -> None:
    assert EN.feature(value, unit, label).text == english
    assert KO.feature(value, unit, label).text == korean


@given(st.floats(1e-6, 1e15))
def test_axis_reaches_and_is_round(top: float) -> None:
    ticks = nice_ticks(top)
    assert ticks[0] == 0 and ticks[-1] >= top * (1 - 1e-9) and 3 <= len(ticks) <= 8
    step = ticks[1] - ticks[0]
    lead = step / 10 ** math.floor(math.log10(step) + 1e-9)
    assert min(abs(lead - k) for k in (1, 2, 5, 10)) < 1e-6
