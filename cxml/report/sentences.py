"""The catalogue of sentences: filled in, escaped, and with Korean particles that fit."""

from __future__ import annotations

import re
import tomllib
from functools import cache
from importlib.resources import files
from typing import Any

from markupsafe import Markup, escape

from cxml.report.figures import Figure, Language
from cxml.report.particles import with_particle

_GLUE = re.compile(r"(%(?:</\w+>)*)(?=[가-힣])")
_STRONG = re.compile(r"\*(.+?)\*")


class Word(str):
    """Text that can take a particle: ``format(Word("대기"), "이/가")`` is ``대기가``."""

    __slots__ = ()

    def __format__(self, spec: str) -> str:
        return with_particle(str(self), spec) if spec else str(self)


@cache
def catalogue() -> dict[str, Any]:
    """The file of sentences as it is: ``{section: {key: {"en", "ko"}}}``."""
    return tomllib.loads(files("cxml.report").joinpath("sentences.toml").read_text(encoding="utf-8"))


class Words:
    """The sentences of one language.

    >>> print(Words("ko").plain("factors.part_of", part="3명", all="10명"))
    10명 중 3명
    """

    def __init__(self, language: Language) -> None:
        self.language: Language = language

    def has(self, key: str) -> bool:
        """Whether there is a sentence with this key."""
        section, _, name = key.partition(".")
        return name in catalogue().get(section, {})

    def __call__(self, key: str, **values: object) -> Markup:
        """The sentence as HTML: values escaped, numbers in ``<data>``, *stars* in ``<strong>``."""
        marked = _STRONG.sub(r"<strong>\1</strong>", str(escape(self._text(key))))
        text = Markup(marked)  # noqa: S704 (a sentence of the catalogue, escaped)
        filled = text.format(**{name: _fit(value) for name, value in values.items()})
        # a line may otherwise break between a percent sign and its particle
        return Markup(_GLUE.sub("\\1\N{WORD JOINER}", str(filled)))  # noqa: S704 (values are escaped)

    def plain(self, key: str, **values: object) -> str:
        """The sentence as plain text."""
        return (
            self._text(key).replace("*", "").format(**{name: _fit(value) for name, value in values.items()})
        )

    def terms(self, *, money: bool = True) -> list[tuple[str, str]]:
        """The glossary, with or without the terms that speak of money: term and meaning."""
        terms = [t for t in catalogue()["glossary"]["terms"] if money or not t.get("money")]
        return [(term[self.language][0], term[self.language][1]) for term in terms]

    def named(self, section: str, name: str) -> str:
        """The label of *name* in a section of names; the name itself where there is none."""
        key = f"{section}.{name}"
        return self.plain(key) if self.has(key) else name.replace("_", " ")

    def _text(self, key: str) -> str:
        section, _, name = key.partition(".")
        return str(catalogue()[section][name][self.language])


def _fit(value: object) -> object:
    if isinstance(value, Figure) or hasattr(value, "__html__"):
        return value
    return Word(value)


def upper_first(text: str) -> str:
    """*text* with a capital at its start, as for a table cell.

    >>> upper_first("waiting")
    'Waiting'
    """
    return text[:1].upper() + text[1:]


def lower_first(text: str) -> str:
    """*text* as it stands inside a sentence; abbreviations keep their capitals.

    >>> lower_first("Waiting"), lower_first("NPS answers")
    ('waiting', 'NPS answers')
    """
    return text if text[1:2].isupper() or not text[1:2].isalpha() else text[:1].lower() + text[1:]


def starting(en: str, ko: str, language: Language) -> str:
    """A label at the start of a line. One that is the same in both languages is a name, and stays as it is.

    >>> starting("waiting", "대기", "en"), starting("total_day_minutes", "total_day_minutes", "en")
    ('Waiting', 'total_day_minutes')
    """
    text = ko if language == "ko" else en
    return text if en == ko else upper_first(text)


def inside(en: str, ko: str, language: Language) -> str:
    """A label inside a sentence. One that is the same in both languages is a name, and stays as it is.

    >>> inside("Waiting", "대기", "en"), inside("Complain", "Complain", "en")
    ('waiting', 'Complain')
    """
    text = ko if language == "ko" else en
    return text if en == ko else lower_first(text)
