"""The experience factors that come with cxml, and their names for people."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from cxml.errors import ConfigError, did_you_mean
from cxml.factors.abandonment import ABANDONMENT
from cxml.factors.agent_conduct import CONDUCT
from cxml.factors.behaviour import BEHAVIOUR
from cxml.factors.billing import BILLING
from cxml.factors.channels import CHANNELS
from cxml.factors.consistency import CONSISTENCY
from cxml.factors.contacts import CONTACTS
from cxml.factors.declare import Derived, Factor, Feature
from cxml.factors.delivery import DELIVERY
from cxml.factors.digital import DIGITAL
from cxml.factors.effort import EFFORT
from cxml.factors.feedback import FEEDBACK
from cxml.factors.frustration import FRUSTRATION
from cxml.factors.language import LANGUAGE
from cxml.factors.leaving import LEAVING
from cxml.factors.personalization import PERSONALIZATION, PERSONALIZATION_INDEX
from cxml.factors.posts import POSTS
from cxml.factors.price import PRICE
from cxml.factors.proactive import PROACTIVE
from cxml.factors.product import PRODUCT
from cxml.factors.recovery import RECOVERY
from cxml.factors.repeats import REPEATS
from cxml.factors.replies import REPLIES
from cxml.factors.resolution import RESOLUTION
from cxml.factors.retail_store import STORE
from cxml.factors.returns import RETURNS
from cxml.factors.self_service import SELF_SERVICE
from cxml.factors.sentiment import SENTIMENT
from cxml.factors.skill import SKILL
from cxml.factors.visits import VISITS
from cxml.factors.waiting import WAITING

FACTORS: tuple[Factor, ...] = (
    WAITING,
    ABANDONMENT,
    SKILL,
    CONDUCT,
    LANGUAGE,
    EFFORT,
    RESOLUTION,
    REPEATS,
    CONSISTENCY,
    VISITS,
    DELIVERY,
    RETURNS,
    STORE,
    PERSONALIZATION,
    PROACTIVE,
    RECOVERY,
    REPLIES,
    PRODUCT,
    DIGITAL,
    SELF_SERVICE,
    BILLING,
    PRICE,
    FEEDBACK,
    SENTIMENT,
    POSTS,
    CONTACTS,
    CHANNELS,
    BEHAVIOUR,
    LEAVING,
    FRUSTRATION,
    PERSONALIZATION_INDEX,
)
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
                f"no factor declares the column {column!r}",
                where="the labels of the features",
                expected="columns made by the factors at hand",
                fix=did_you_mean(stem, declared),
            )
        factor, item = declared[stem]
        found["factors"].setdefault(
            factor.name, {"en": factor.en, "ko": factor.ko, "kind": factor.kind, "family": factor.family}
        )
        found["features"][column] = {
            "factor": factor.name,
            "en": _said(item, days, "en"),
            "ko": _said(item, days, "ko"),
            "unit": item.unit,
            "direction": item.direction,
            "aloud": item.aloud and item.unit not in _NEVER_ALOUD,
            "kept": item.kept if isinstance(item, Feature) else None,
        }
    return found


def feature_rows(factors: Sequence[Factor] = FACTORS) -> list[dict[str, Any]]:
    """One row per feature, for the reference page: what it says, from which table, in which windows.

    ``lookbacks`` are days: empty for those of the config, 0 for all history.
    """
    return [
        {
            "factor": factor.name,
            "factor_en": factor.en,
            "factor_ko": factor.ko,
            "feature": item.name,
            "table": item.table if isinstance(item, Feature) else "",
            "lookbacks": item.lookbacks if isinstance(item, Feature) or "{w}" in item.sql else (0,),
            "unit": item.unit,
            "direction": item.direction,
            "rows": tuple(item.row.split()),
            "en": item.en,
            "ko": item.ko,
            "sql": item.sql,
        }
        for factor in factors
        for item in factor.items
    ]


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
