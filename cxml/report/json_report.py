"""The report for machines: its content as JSON values."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from cxml.report.content import Content
from cxml.report.inputs import SMALL_GROUP

_COUNTS = ("customers", "new", "gone", "holdout", "without_label", "few_leavers")
"""Groups of customers that are counted; of a single call ``holdout`` is yes or no."""


def as_json(content: Content) -> dict[str, Any]:
    """All numbers of the report, by the names of ``Content``.

    Instants are ISO texts. What is not known is None, and so is the size of a group of fewer than ten customers.
    """
    found = _value(content)
    return dict(found)


def _value(value: Any) -> Any:
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        fields = {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}
        return _value(fields)
    if isinstance(value, Mapping):
        return {str(name): None if _few(str(name), one) else _value(one) for name, one in value.items()}
    if isinstance(value, list | tuple):
        return [_value(one) for one in value]
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value


def _few(name: str, value: Any) -> bool:
    counted = name in _COUNTS and isinstance(value, int | float) and not isinstance(value, bool)
    return counted and 0 < value < SMALL_GROUP
