"""Promise cliffs as one tidy frame, for tables and plots of one's own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from cxml.causes import promise_cliffs as found_by
from cxml.causes.promise_cliffs import Cliff

_ANSWER = (
    "promise",
    "answer",
    "why",
    "clock",
    "level",
    "at",
    "at_low",
    "at_high",
    "jump",
    "jump_low",
    "jump_high",
    "p",
    "p_clock",
    "smallest",
    "bunched",
    "rows",
    "customers",
)
_TEXTS = ("promise", "answer", "why")
_COUNTS = ("rows", "customers", "rows_here", "customers_here")
_CURVE = {
    "start": "start",
    "stop": "stop",
    "wait": "wait",
    "left": "left",
    "low": "low",
    "high": "high",
    "rows": "rows_here",
    "customers": "customers_here",
}


def cliffs(found: Mapping[str, Cliff] | Sequence[Mapping[str, Any]]) -> pd.DataFrame:
    """How leaving goes along the waits about each promise, and where it jumps.

    Parameters
    ----------
    found : mapping of str to Cliff, or sequence of mappings
        As ``cxml.causes.promise_cliffs.cliffs_of`` and ``Examined.cliffs`` have it, or as it is read from ``cliffs.json``.

    Returns
    -------
    DataFrame
        A row per promise and bin of waits. Of the promise, the same in each of its rows, what ``Cliff`` holds
        (``promise``, ``answer``, ``why``, ``clock`` ... ``rows``, ``customers``). Of the bin ``start`` and ``stop`` (a
        wait of just ``stop`` is in), the mean ``wait``, ``left`` with its 95 % interval ``low`` to ``high`` (shares,
        as if everybody were alike in the controls), ``rows_here`` and ``customers_here``. Waits in seconds. A
        promise without a curve has one row, in which all of the bin is missing.

    Examples
    --------
    >>> found = cliffs({"answer.sms": Cliff("answer.sms", 3600.0, "untested", "rows", rows=12, customers=9)})
    >>> found[["promise", "answer", "why", "rows", "wait"]].to_dict("records")
    [{'promise': 'answer.sms', 'answer': 'untested', 'why': 'rows', 'rows': 12, 'wait': nan}]
    """
    answers = found_by.as_json(found) if isinstance(found, Mapping) else found
    rows = [
        {name: one[name] for name in _ANSWER} | {new: point.get(old) for old, new in _CURVE.items()}
        for one in answers
        for point in one["curve"] or [{}]
    ]
    table = pd.DataFrame(rows, columns=[*_ANSWER, *_CURVE.values()])
    numbers = [name for name in table if name not in (*_TEXTS, *_COUNTS)]
    return table.astype(
        dict.fromkeys(_TEXTS, str) | dict.fromkeys(numbers, float) | dict.fromkeys(_COUNTS, "Int64")
    )
