"""How customers feel: the mood of each contact, and of the last quarter as a whole."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from cxml.simulate.factors import BY_NAME
from cxml.simulate.rows import DAY, FloatArray, IntArray, Rows

_LONG_WAIT_S = 600
_REMEMBERED_S = 14 * DAY


def with_moods(rng: np.random.Generator, rows: Rows) -> Rows:
    """The contacts with ``sentiment_start`` and ``sentiment_end``, in -1..1.

    Who gave up or waited for long brings the anger along to the next contact within two weeks.
    """
    size = len(rows["started_at"])
    wait = np.nan_to_num(rows["wait_s"])
    angry = _after_bad(rows, (rows["abandoned"] == 1) | (wait > _LONG_WAIT_S))
    start = rng.normal(0.1 - 0.08 * np.minimum(rows["turn"], 2) - 0.15 * angry, 0.35)
    change = np.where(rows["solved"] == 1, 0.2, -0.1) - 0.008 * np.minimum(wait / 60, 20)
    change = change - 0.05 * rows["transfers"] + 0.25 * (np.nan_to_num(rows["empathy"], nan=0.62) - 0.62)
    end = start + change + rng.normal(0, 0.3, size)
    return rows | {
        "sentiment_start": np.round(start.clip(-1.0, 1.0), 2),
        "sentiment_end": np.round(end.clip(-1.0, 1.0), 2),
    }


def _after_bad(rows: Rows, bad: IntArray) -> IntArray:
    """Whether the customer's contact before was bad and not long ago."""
    who, at = rows["customer_id"], rows["started_at"]
    order = np.lexsort((at, who))
    same = (np.diff(who[order]) == 0) & (np.diff(at[order]) <= _REMEMBERED_S)
    found = np.zeros(len(who), dtype=np.int64)
    found[order[1:]] = same & bad[order[:-1]]
    return found


def felt(exposures: Mapping[str, FloatArray]) -> FloatArray:
    """How the quarter before each month's start felt, about 0 (awful) to 1; (months + 1, customers)."""
    return np.asarray(
        0.95
        - 0.02 * exposures["waiting"]
        - 0.16 * exposures["resolution"]
        - 0.07 * exposures["repeats"]
        - 0.05 * exposures["effort"]
        - 0.3 * exposures["personalization"]
        - 0.1 * exposures["abandonment"]
        + 0.1 * exposures["recovery"]
        - 0.1 * exposures["delivery"]
        - 0.05 * exposures["billing"]
        - 0.1 * exposures["visits"]
        - 0.1 * exposures["returns"]
        - 0.03 * exposures["digital"]
        - 0.1 * (exposures["conduct"] - BY_NAME["conduct"].usual)
    )
