"""Korean particles that fit the word before them."""

from __future__ import annotations

import re

_FIRST, _LAST, _RIEUL = 0xAC00, 0xD7A3, 8
_DIGITS = dict(zip("0123456789", "영일이삼사오육칠팔구", strict=True))
_SIGNS = {"%": "트", "L": "엘", "M": "엠", "N": "엔", "R": "알"}
_ASIDE = re.compile(r"\s*[(\[][^()\[\]]*[)\]]\s*$")


def with_particle(word: str, pair: str) -> str:
    """*word* and the one of *pair* that fits its last sound.

    Parameters
    ----------
    word : str
        Digits, ``%`` and Latin letters count as they are read aloud; a bracketed aside at the end is
        not read.
    pair : str
        The form after a consonant, a slash, the form after a vowel: ``"이/가"``, ``"을/를"``,
        ``"은/는"``, ``"과/와"``, ``"으로/로"``.

    Examples
    --------
    >>> with_particle("대기", "이/가"), with_particle("재문의율", "으로/로"), with_particle("12.5%", "이/가")
    ('대기가', '재문의율로', '12.5%가')
    >>> with_particle("고객 만족도(CSAT)", "은/는")
    '고객 만족도(CSAT)는'
    """
    closed, opened = pair.split("/")
    final = _final(word)
    if closed == "으로" and final == _RIEUL:
        final = 0
    return word + (closed if final else opened)


def without_aside(word: str) -> str:
    """*word* without a bracketed aside at its end.

    >>> without_aside("재문의 건수(7일 이내)")
    '재문의 건수'
    """
    return _ASIDE.sub("", word)


def _final(word: str) -> int:
    """Number of the final consonant with which *word* ends when read aloud; 0 for none."""
    spoken = without_aside(word).rstrip(" \"'”’.,") or word
    last = spoken[-1:].upper()
    last = _DIGITS.get(last) or _SIGNS.get(last) or last
    return (ord(last) - _FIRST) % 28 if last and _FIRST <= ord(last) <= _LAST else 0
