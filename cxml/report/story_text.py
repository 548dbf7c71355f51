"""A customer's stories in plain words: what ``stories.json`` holds, said in one language."""

from __future__ import annotations

import string
from collections.abc import Iterator, Mapping
from datetime import datetime
from functools import cache
from typing import Any
from zoneinfo import ZoneInfo

from markupsafe import Markup

from cxml.drivers.story import FactKind, Story
from cxml.drivers.story_facts import BY_NAME
from cxml.report import channels
from cxml.report.figures import Figures
from cxml.report.safe_text import visible
from cxml.report.sentences import Words, catalogue

_LONGEST_NAME = 60


class _Given(str):
    """A name from the data."""

    __slots__ = ()


class StoryText:
    """Says stories in one language.

    >>> say = StoryText(Words("en"), Figures("en", "KRW", "Asia/Seoul"))
    >>> facts = {"at": "2026-05-02T15:30:00+00:00", "channel": "phone.human", "hold": 840, "times": 2}
    >>> say.plain({"story": "long_hold", "reason": 1, "factor": "waiting", "facts": facts})
    '14 min on hold on 3 May 2026 (phone). 2 times in 90 days.'
    """

    def __init__(self, words: Words, figures: Figures) -> None:
        self._words, self._figures = words, figures

    def plain(self, told: Mapping[str, Any]) -> str:
        """A story as plain text; empty where it is not known here or has nothing to say."""
        return " ".join(self._words.plain(key, **values) for key, values in self._said(told))

    def html(self, told: Mapping[str, Any]) -> Markup:
        """A story as HTML: numbers in ``<data>``, names from the data set apart and escaped."""
        said = (self._words(key, **_apart(values)) for key, values in self._said(told))
        return Markup(" ").join(said)

    def missing(self, recovery: Mapping[str, Any] | None) -> str:
        """Which steps of making good are still missing, as plain text; empty where none is."""
        key, values = self._lacking(recovery)
        return self._words.plain(key, **values) if key else ""

    def missing_html(self, recovery: Mapping[str, Any] | None) -> Markup:
        """The same as HTML, with names from the data set apart and escaped."""
        key, values = self._lacking(recovery)
        return self._words(key, **_apart(values)) if key else Markup()

    def _lacking(self, recovery: Mapping[str, Any] | None) -> tuple[str, dict[str, Any]]:
        """The sentence on missing steps and what fills it in; no sentence where none is missing."""
        if not recovery or not recovery["missing"]:
            return "", {}
        steps = ", ".join(self._words.named("steps", step) for step in recovery["missing"])
        values = {"since": self._day(recovery["since"]), "steps": steps}
        if recovery.get("topic"):
            return "stories.missing_about", {
                **values,
                "topic": _Given(visible(recovery["topic"])[:_LONGEST_NAME]),
            }
        return "stories.missing", values

    def _said(self, told: Mapping[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
        """The sentences of a story that can be said, with what fills them in; none without the first one."""
        story = BY_NAME.get(str(told.get("story")))
        facts = told.get("facts", {})
        for clause in story.says if story else ():
            names = _fields(clause.key)
            values = {name: self._value(_kind(story, name), facts.get(name)) for name in names}
            if None not in values.values() and (not clause.when or facts.get(clause.when)):
                yield f"stories.{clause.key}", values
            elif story and clause == story.says[0]:
                return

    def _value(self, kind: FactKind, value: Any) -> Any:
        """A fact as it is read aloud; None where it is not known."""
        if kind == "channel":
            return self._channel(value)
        if value is None:
            return None
        match kind:
            case "day":
                return self._day(value)
            case "s":
                return self._figures.duration(float(value))
            case "count":
                return self._figures.count(float(value))
            case "money":
                return self._figures.money(float(value))
            case _:
                return _Given(visible(value)[:_LONGEST_NAME])

    def _channel(self, name: str | None) -> str:
        return channels.kind(self._words, str(name or "unknown")) or _Given(visible(name)[:_LONGEST_NAME])

    def _day(self, instant: str) -> str:
        local = datetime.fromisoformat(instant).astimezone(ZoneInfo(self._figures.timezone))
        return self._figures.date(local.replace(hour=0, minute=0, second=0, microsecond=0))


@cache
def _fields(key: str) -> tuple[str, ...]:
    """What a sentence names."""
    text = catalogue()["stories"][key]["en"]
    return tuple(name for _, name, _, _ in string.Formatter().parse(text) if name)


def _kind(story: Story | None, name: str) -> FactKind:
    return next(fact.kind for fact in story.facts if fact.name == name) if story else "text"


def _apart(values: Mapping[str, Any]) -> dict[str, Any]:
    """The values, with names from the data set apart from the sentence, whatever direction they are written in."""
    return {k: Markup("<bdi>{}</bdi>").format(v) if isinstance(v, _Given) else v for k, v in values.items()}
