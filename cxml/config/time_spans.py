"""Spans of time as people write them."""

from __future__ import annotations

import re
from datetime import timedelta

from cxml.errors import ConfigError

_UNITS = {"D": 86400, "W": 7 * 86400, "h": 3600, "min": 60, "s": 1}
_DURATION = re.compile(r"^(\d+)\s*(D|W|h|min|s)$")
LONGEST = timedelta(days=36_525)


def duration(text: str, where: str = "") -> timedelta:
    """A time span such as ``90D``, ``2W`` or ``12h``; *where* it stands goes into the error.

    >>> duration("2W").days
    14
    """
    match = _DURATION.match(str(text).strip())
    if not match:
        raise ConfigError(
            f"{text!r} is not a time span",
            where=where,
            expected="a whole number with D, W, h, min or s",
            fix="write for example '90D'",
        )
    seconds = int(match[1]) * _UNITS[match[2]]
    if seconds > LONGEST.total_seconds():
        raise ConfigError(
            f"{text!r} is too long",
            where=where,
            expected=f"at most {LONGEST.days:,} days",
            fix="write for example '90D'",
        )
    return timedelta(seconds=seconds)
