"""The experience factors that come with cxml, and their names for people."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from cxml.errors import ConfigError, did_you_mean
from cxml.features.abandonment import ABANDONMENT
from cxml.features.behaviour import BEHAVIOUR
from cxml.features.billing import BILLING
from cxml.features.channels import CHANNELS
from cxml.features.conduct import CONDUCT
from cxml.features.consistency import CONSISTENCY
from cxml.features.contacts import CONTACTS
from cxml.features.declare import Derived, Factor, Feature
from cxml.features.delivery import DELIVERY
from cxml.features.digital import DIGITAL
from cxml.features.effort import EFFORT
from cxml.features.feedback import FEEDBACK
from cxml.features.frustration import FRUSTRATION
from cxml.features.language import LANGUAGE
from cxml.features.leaving import LEAVING
from cxml.features.personalization import PERSONALIZATION, PERSONALIZATION_INDEX
from cxml.features.posts import POSTS
from cxml.features.price import PRICE
from cxml.features.proactive import PROACTIVE
from cxml.features.product import PRODUCT
from cxml.features.recovery import RECOVERY
from cxml.features.repeats import REPEATS
from cxml.features.replies import REPLIES
from cxml.features.resolution import RESOLUTION
from cxml.features.returns import RETURNS
from cxml.features.self_service import SELF_SERVICE
from cxml.features.sentiment import SENTIMENT
from cxml.features.skill import SKILL
from cxml.features.store import STORE
from cxml.features.visits import VISITS
from cxml.features.waiting import WAITING

FACTORS: tuple[Factor, ...] = (
    WAITING, ABANDONMENT, SKILL, CONDUCT, LANGUAGE, EFFORT, RESOLUTION, REPEATS, CONSISTENCY, VISITS, DELIVERY, RETURNS,
    STORE, PERSONALIZATION, PROACTIVE, RECOVERY, REPLIES, PRODUCT, DIGITAL, SELF_SERVICE, BILLING, PRICE, FEEDBACK,
    SENTIMENT, POSTS, CONTACTS, CHANNELS, BEHAVIOUR, LEAVING, FRUSTRATION, PERSONALIZATION_INDEX,
)  # fmt: skip
"""The factors that come with cxml; those of a config (money, attributes, own files) are added to them."""

WINDOWED = re.compile(r"(?P<stem>.+)_(?P<days>\d+)d")
"""How a column of a window is called."""
_NEVER_ALOUD = ("score", "ratio")
"""Units of what nobody says to a customer: "your spread of moods is 0.4"."""


def labels(
    columns: Iterable[str], factors: Sequence[Factor] = FACTORS
) -> dict[str, dict[str, dict[str, Any]]]:
    """What *columns* and their factors are called for people.

    Returns
    -------
    dict
        ``factors``: name -> ``en``, ``ko``, ``kind``, ``family``, of the factors that occur.
        ``features``: column -> ``factor``, ``en``, ``ko``, ``unit``, ``direction``, ``aloud``, ``kept``; the window is
        part of the label.

    Raises
    ------
    ConfigError
        A column that no factor declares.

    Examples
    --------
    >>> label = labels(["wait_mean_90d"])["features"]["wait_mean_90d"]
    >>> label["en"], label["ko"]
    ('average wait, last 90 days', '최근 90일 평균 대기 시간')
    """
    declared = {item.name: (factor, item) for factor in factors for item in factor.items}
    found: dict[str, dict[str, dict[str, Any]]] = {"factors": {}, "features": {}}
    for column in columns:
        stem, days = _parts(column, declared)
        if stem not in declared:
            raise ConfigError(
                f"no factor declares the column {column!r}", where="the labels of the features",
                expected="columns made by the factors at hand", fix=did_you_mean(stem, declared),
            )  # fmt: skip
        factor, item = declared[stem]
        found["factors"].setdefault(
            factor.name, {"en": factor.en, "ko": factor.ko, "kind": factor.kind, "family": factor.family}
        )
        found["features"][column] = {
            "factor": factor.name, "en": _said(item, days, "en"), "ko": _said(item, days, "ko"),
            "unit": item.unit, "direction": item.direction, "aloud": item.aloud and item.unit not in _NEVER_ALOUD,
            "kept": item.kept if isinstance(item, Feature) else None,
        }  # fmt: skip
    return found


def catalogue(factors: Sequence[Factor] = FACTORS) -> list[dict[str, Any]]:
    """One row per feature, for the reference page: what it says, from which table, in which windows.

    ``lookbacks`` are days: empty for those of the config, 0 for all history.
    """
    return [
        {
            "factor": factor.name, "factor_en": factor.en, "factor_ko": factor.ko, "feature": item.name,
            "table": item.table if isinstance(item, Feature) else "",
            "lookbacks": item.lookbacks if isinstance(item, Feature) or "{w}" in item.sql else (0,),
            "unit": item.unit, "direction": item.direction, "rows": tuple(item.row.split()),
            "en": item.en, "ko": item.ko, "sql": item.sql,
        }
        for factor in factors
        for item in factor.items
    ]  # fmt: skip


def _parts(column: str, declared: Mapping[str, object]) -> tuple[str, int]:
    """The stem and the window of a column; a stem that ends like a window is a stem."""
    match = WINDOWED.fullmatch(column)
    if column in declared or not match:
        return column, 0
    return match["stem"], int(match["days"])


def window_phrase(lookback: int, lang: str) -> str:
    """How a window is said: nothing for all history.

    >>> window_phrase(90, "en"), window_phrase(90, "ko"), window_phrase(0, "en")
    ('last 90 days', '최근 90일', '')
    """
    if not lookback:
        return ""
    return f"최근 {lookback}일" if lang == "ko" else f"last {lookback} days"


def _said(item: Feature | Derived, days: int, lang: str) -> str:
    window = window_phrase(days, lang)
    if lang == "ko":
        return f"{window} {item.ko}".strip()
    return f"{item.en}, {window}" if window else item.en
