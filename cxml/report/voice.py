"""What the templates of the smaller pages say in one language: words, figures, days and numbers of customers."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

from cxml.report.figures import Figure, Figures, Language
from cxml.report.inputs import SMALL_GROUP
from cxml.report.sentences import Words


class Voice:
    """One language, and the zone that days are told in."""

    def __init__(self, lang: Language, figures: Figures, timezone: str) -> None:
        self.lang = lang
        self.words = Words(lang)
        self.figures = figures
        self._zone = ZoneInfo(timezone)

    def day(self, iso: str) -> str:
        """A day as people write it."""
        return self.figures.date(datetime.fromisoformat(iso).replace(tzinfo=self._zone))

    def heads(self, customers: float) -> Figure | str:
        """A number of customers, unless they are too few to be shown."""
        if 0 < customers < SMALL_GROUP:
            return self.words.plain("page.few", n=SMALL_GROUP)
        return self.figures.heads(customers)
