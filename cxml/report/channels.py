"""Channels as people call them: ``phone.ivr`` is the phone, with a voice menu."""

from __future__ import annotations

from cxml.report.sentences import Words


def kind(words: Words, code: str) -> str | None:
    """What the kind of channel that *code* begins with is called; None for one that the catalogue does not know.

    >>> kind(Words("en"), "phone.ivr"), kind(Words("en"), "pigeon")
    ('phone', None)
    """
    key = f"channels.{code.partition('.')[0]}"
    return words.plain(key) if words.has(key) else None


def whole(words: Words, code: str) -> str:
    """The channel with all its levels; *code* itself where the catalogue does not know it.

    >>> print(whole(Words("en"), "social.messenger.bot"), "|", whole(Words("ko"), "phone.ivr"))
    social media (messenger, bot) | 전화(자동 응답)
    """
    name, levels = kind(words, code), code.split(".")[1:]
    if name is None or not levels:
        return name or code
    return words.plain(
        "channels.within", channel=name, level=", ".join(words.named("levels", one) for one in levels)
    )
