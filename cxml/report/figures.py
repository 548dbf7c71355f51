"""Numbers, money, durations and dates as people write them, in English and in Korean."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal
from zoneinfo import ZoneInfo

from markupsafe import Markup, escape

from cxml.report.particles import with_particle, without_aside

Language = Literal["en", "ko"]

NONE = "–"
"""Stands where there is no number."""
MINUS = "\N{MINUS SIGN}"
_MONTHS = (
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
)
_SYMBOLS = {"KRW": "₩", "USD": "$", "EUR": "€", "GBP": "£", "JPY": "¥"}
_KOREAN_UNITS = {"KRW": "원", "USD": "달러", "EUR": "유로", "GBP": "파운드", "JPY": "엔", "CNY": "위안"}
_WITHOUT_CENTS = {"KRW", "JPY", "VND", "IDR", ""}
_STEPS = ((1e12, " trillion"), (1e9, " billion"), (1e6, " million"))
_COUNTERS = (("횟수", "회"), ("건수", "건"), ("일수", "일"), ("상담원 수", "명"))


@dataclass(frozen=True)
class Figure:
    """A number with the text that people read; in HTML the text carries the exact value along.

    >>> str(Figure(0.125, "12.5%").__html__())
    '<data value="0.125">12.5%</data>'
    """

    value: float
    text: str

    def __str__(self) -> str:
        return self.text

    def __format__(self, spec: str) -> str:
        return with_particle(self.text, spec) if spec else self.text

    def __html__(self) -> Markup:
        return self.__html_format__("")

    def __html_format__(self, spec: str) -> Markup:
        """The text within ``<data>``, then the particle that *spec* asks for."""
        tail = with_particle(self.text, spec)[len(self.text) :] if spec else ""
        if not math.isfinite(self.value):
            return escape(self.text + tail)
        return Markup('<data value="{}">{}</data>{}').format(_plain(self.value), self.text, tail)


def _plain(value: float) -> str:
    """Six decimals at most, never an exponent."""
    return f"{value:.6f}".rstrip("0").rstrip(".")


def _decimals(share: float) -> int:
    """Of a share in percent: one, or two where one would read as nothing."""
    return 2 if 0 < abs(share) < 0.0005 else 1


def significant(value: float, digits: int = 3) -> float:
    """*value* rounded to so many significant digits.

    >>> significant(123456789)
    123000000.0
    """
    if value == 0 or not math.isfinite(value):
        return value
    return float(round(value, digits - 1 - math.floor(math.log10(abs(value)))))


@dataclass(frozen=True)
class Figures:
    """Formats for one language, one currency and one time zone.

    >>> print(Figures("en", "KRW").money(123_456_789), "|", Figures("ko", "KRW").money(123_456_789))
    ₩123 million | 1억 2,300만 원
    >>> print(Figures("en").duration(870), "|", Figures("ko").duration(870))
    14 min 30 s | 14분 30초
    """

    language: Language
    currency: str = ""
    timezone: str = "UTC"

    @property
    def _ko(self) -> bool:
        return self.language == "ko"

    def count(self, value: float) -> Figure:
        """A whole number with thousands separators."""
        return Figure(value, NONE if math.isnan(value) else f"{round(value):,}".replace("-", MINUS))

    def people(self, value: float) -> Figure:
        """So many customers."""
        whole = round(value)
        return Figure(value, f"{whole:,}명" if self._ko else f"{whole:,} customer{'' if whole == 1 else 's'}")

    def heads(self, value: float) -> Figure:
        """So many customers where the noun is said already; Korean keeps its counter."""
        return self.people(value) if self._ko else self.count(value)

    def percent(self, share: float) -> Figure:
        """A share in [0, 1] as a percentage with one decimal."""
        if math.isnan(share):
            return Figure(share, NONE)
        if 0 < share < 0.0005:
            return Figure(share, "0.1% 미만" if self._ko else "under 0.1%")
        return Figure(share, f"{100 * share:.1f}%".replace("-", MINUS))

    def whole_percent(self, share: float) -> Figure:
        """A share without decimals, for axes."""
        return Figure(share, f"{100 * share:.0f}%")

    def points(self, share: float) -> Figure:
        """A difference of percentages.

        >>> print(Figures("en").points(0.0052), "|", Figures("ko").points(0.0003))
        0.5 percentage points | 0.03%p
        """
        shown = f"{100 * share:.{_decimals(share)}f}"
        return Figure(share, f"{shown}%p" if self._ko else f"{shown} percentage points")

    def change(self, share: float) -> Figure:
        """A change of a probability in points, with its sign.

        >>> print(Figures("en").change(0.0052), "|", Figures("ko").change(-0.021))
        +0.5 points | −2.1%p
        """
        shown = f"{100 * share:+.{_decimals(share)}f}"
        return Figure(share, f"{shown}{'%p' if self._ko else ' points'}".replace("-", MINUS))

    def times(self, ratio: float) -> Figure:
        """A multiple, such as an odds ratio.

        >>> print(Figures("en").times(1.96), "|", Figures("en").times(0.031))
        2.0 times | 0.031 times
        """
        if math.isnan(ratio):
            return Figure(ratio, NONE)
        shown = f"{ratio:.2g}" if 0 < abs(ratio) < 0.095 else f"{ratio:.1f}"
        return Figure(ratio, (f"{shown}배" if self._ko else f"{shown} times").replace("-", MINUS))

    def score(self, value: float, decimals: int = 2) -> Figure:
        """A bare number with fixed decimals."""
        return Figure(value, NONE if math.isnan(value) else f"{value:.{decimals}f}".replace("-", MINUS))

    def money(self, value: float) -> Figure:
        """Money to three significant digits: a forecast deserves no more."""
        if math.isnan(value):
            return Figure(value, NONE)
        amount = significant(abs(value))
        text = self._money_ko(amount) if self._ko else self._money_en(amount)
        return Figure(value, MINUS + text if value < 0 and amount > 0 else text)

    @property
    def unit(self) -> str:
        """The currency as an axis names it."""
        return _KOREAN_UNITS.get(self.currency, self.currency) if self._ko else self.currency

    def money_tick(self, value: float) -> Figure:
        """Money on an axis, short and without its currency."""
        steps = (
            ((1e12, "조"), (1e8, "억"), (1e4, "만")) if self._ko else ((1e9, "bn"), (1e6, "m"), (1e3, "k"))
        )
        size, name = next(((s, n) for s, n in steps if abs(value) >= s), (1.0, ""))
        shown = f"{significant(value / size):,.2f}".rstrip("0").rstrip(".").replace("-", MINUS)
        return Figure(value, shown + name)

    def _small(self, amount: float) -> str:
        return f"{amount:,.2f}" if amount < 100 and self.currency not in _WITHOUT_CENTS else f"{amount:,.0f}"

    def _money_en(self, amount: float) -> str:
        sign = _SYMBOLS.get(self.currency, f"{self.currency} ".lstrip())
        for size, name in _STEPS:
            if amount >= size:
                number = amount / size
                return (
                    f"{sign}{number:.{2 - math.floor(math.log10(number))}f}{name}"
                    if number < 1000
                    else f"{sign}{number:,.0f}{name}"
                )
        return sign + self._small(amount)

    def _money_ko(self, amount: float) -> str:
        unit = _KOREAN_UNITS.get(self.currency, f" {self.currency}".rstrip())
        if amount < 1e6:
            return self._small(amount) + unit
        rest, parts = int(amount), []
        for size, name in ((10**12, "조"), (10**8, "억"), (10**4, "만")):
            whole, rest = divmod(rest, size)
            if whole:
                parts.append(f"{whole:,}{name}")
        return " ".join(parts) + (f" {unit.strip()}" if unit else "")

    def duration(self, seconds: float) -> Figure:
        """Seconds in the two largest units that matter."""
        if math.isnan(seconds):
            return Figure(seconds, NONE)
        whole = max(0, round(seconds))
        names = ("일", "시간", "분", "초") if self._ko else (" days", " h", " min", " s")
        if whole >= 2 * 86400:
            big, small, size = 0, 1, 3600
        elif whole >= 3600:
            big, small, size = 1, 2, 60
        else:
            big, small, size = 2, 3, 1
        first, second = divmod(round(whole / size), 24 if big == 0 else 60)
        parts = [f"{n}{names[k]}" for n, k in ((first, big), (second, small)) if n]
        return Figure(seconds, " ".join(parts) or f"0{names[3]}")

    def days(self, value: float) -> Figure:
        """A number of days; one decimal below ten."""
        number = f"{value:.1f}".removesuffix(".0") if value < 10 else f"{value:,.0f}"
        return Figure(value, f"{number}일" if self._ko else f"{number} day{'' if number == '1' else 's'}")

    def date(self, instant: datetime) -> str:
        """The day of *instant* in the report's zone, with the time unless it is midnight."""
        local = instant.astimezone(ZoneInfo(self.timezone))
        day = (
            f"{local.year}년 {local.month}월 {local.day}일"
            if self._ko
            else f"{local.day} {_MONTHS[local.month - 1]} {local.year}"
        )
        if (local.hour, local.minute) == (0, 0):
            return day
        if not self._ko:
            return f"{day}, {local:%H:%M}"
        half, hour = ("오전" if local.hour < 12 else "오후"), local.hour % 12 or 12
        return f"{day} {half} {hour}시" + (f" {local.minute}분" if local.minute else "")

    def last_day(self, end: datetime) -> str:
        """The last day of a window that ends, exclusively, at *end*."""
        local = (end - timedelta(microseconds=1)).astimezone(ZoneInfo(self.timezone))
        return self.date(local.replace(hour=0, minute=0, second=0, microsecond=0))

    def feature(self, value: float, unit: str, label: str = "") -> Figure:
        """The value of a feature in its unit; *label* decides the Korean counter."""
        if math.isnan(value):
            return Figure(value, "기록 없음" if self._ko else "none on record")
        match unit:
            case "s":
                return self.duration(value)
            case "h":
                return Figure(value, self.duration(value * 3600).text)
            case "d":
                return self.days(value)
            case "share":
                return self.percent(value)
            case "money":
                return self.money(value)
            case "times":
                return self.times(value)
            case "count":
                noun = without_aside(label)
                counter = next((c for end, c in _COUNTERS if noun.endswith(end)), "") if self._ko else ""
                return Figure(value, f"{value:,.1f}".removesuffix(".0") + counter)
            case "flag":
                return Figure(
                    value, ("예" if value else "아니요") if self._ko else ("yes" if value else "no")
                )
            case "km":
                return Figure(value, f"{value:,.1f} km")
            case _:
                return Figure(value, f"{value:,.2f}".rstrip("0").rstrip("."))
