"""Who trains, who calibrates, who tests: by time with a gap, or by customer where time does not allow it.

The label of a cutoff covers ``[cutoff + lead, cutoff + lead + horizon)`` and is known when that
window has ended. A model tested at a cutoff may have learned only from labels known by then.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from cxml.errors import ConfigError


@dataclass(frozen=True)
class Plan:
    """Which cutoffs do what.

    Attributes
    ----------
    train : tuple of Timestamp
        Cutoffs to learn from, in order. In mode ``customers`` the test cutoff itself.
    calibrate : Timestamp or None
        Cutoff to calibrate on; None: on out-of-fold margins of the training part.
    test : Timestamp
        Cutoff to test on.
    mode : {"time", "customers"}
        ``customers``: one cutoff only, the test rows belong to customers held out by fold.
    reason : str
        The choice in plain words, for the report.
    """

    train: tuple[pd.Timestamp, ...]
    calibrate: pd.Timestamp | None
    test: pd.Timestamp
    mode: Literal["time", "customers"]
    reason: str


def plan_splits(cutoffs: Iterable[datetime | pd.Timestamp], lead: timedelta, horizon: timedelta) -> Plan:
    """Test on the last cutoff, calibrate on an earlier one, train on still earlier ones.

    The calibration cutoff is the latest whose label window ends at or before the test cutoff;
    training takes every cutoff whose label window ends at or before the calibration cutoff. When
    that leaves nothing to train on, all cutoffs known by the test train, and calibration uses
    out-of-fold margins. When no earlier label is known by the test, customers are held out instead.

    Parameters
    ----------
    cutoffs : iterable of time-zone aware instants
        Matured cutoffs: their label windows end at or before observation_end.
    lead, horizon : timedelta
        Start (after the cutoff) and length of the label window.

    Raises
    ------
    ConfigError
        No cutoff, a cutoff without a time zone, a negative lead or a horizon that is not positive.

    Examples
    --------
    >>> months = pd.date_range("2025-01-01", periods=8, freq="MS", tz="UTC")
    >>> plan = plan_splits(months, timedelta(0), timedelta(days=90))
    >>> plan.test.month, plan.calibrate.month, [c.month for c in plan.train]
    (8, 5, [1])
    """
    ordered = _instants(cutoffs)
    if lead < timedelta(0) or horizon <= timedelta(0):
        raise ConfigError(
            "the label window has no length or starts before its cutoff", where="[churn] lead, horizon",
            expected="lead of 0D or more and a horizon of more than 0D", fix="write for example horizon = '90D'",
        )  # fmt: skip

    def known_by(instant: pd.Timestamp) -> tuple[pd.Timestamp, ...]:
        return tuple(c for c in ordered if c + lead + horizon <= instant)

    test = ordered[-1]
    earlier = known_by(test)
    if not earlier:
        return Plan((test,), None, test, "customers", _why_customers(ordered, lead + horizon))
    calibrate = earlier[-1]
    train = known_by(calibrate)
    if train:
        reason = (
            f"Trained on {_days(train)}, calibrated on {_days((calibrate,))}, tested on {_days((test,))}: "
            "every label was known at the cutoff where it was used."
        )
        return Plan(train, calibrate, test, "time", reason)
    reason = (
        f"Trained on {_days(earlier)} and tested on {_days((test,))}. The labels of still earlier cutoffs would "
        f"not have been known at {_days((calibrate,))}, so calibration uses customers held out in training."
    )
    return Plan(earlier, None, test, "time", reason)


def customer_folds(customer_id: ArrayLike | pd.Series, n: int, seed: int = 0) -> NDArray[np.int64]:
    """Fold number in ``0 .. n - 1`` of each row; all rows of a customer share one.

    The fold depends on the id as text and on *seed* alone: not on row order, on other customers or
    on the machine.

    >>> customer_folds(["a", "b", "a"], 10).tolist()
    [5, 9, 5]
    """
    if n < 2:
        raise ConfigError(
            f"{n} folds cannot be held out", where="customer_folds", expected="2 or more", fix="n=10"
        )
    return np.minimum((hash_share(customer_id, seed) * n).astype(np.int64), n - 1)


def hash_share(customer_id: ArrayLike | pd.Series, seed: int = 0) -> NDArray[np.float64]:
    """A number in [0, 1) for each row, uniform over ids and fixed for each id and *seed*.

    It is the first 52 bits of BLAKE2b of the id, keyed by the seed.
    """
    codes, ids = pd.factorize(pd.Series(customer_id), use_na_sentinel=False)
    key = str(int(seed)).encode()
    words = (hashlib.blake2b(str(one).encode(), digest_size=8, key=key).digest() for one in ids)
    whole = np.frombuffer(b"".join(words), dtype=">u8").astype(np.uint64) >> np.uint64(12)
    share: NDArray[np.float64] = (whole.astype(np.float64) / 2.0**52)[codes]
    return share


def _instants(cutoffs: Iterable[datetime | pd.Timestamp]) -> list[pd.Timestamp]:
    found = [pd.Timestamp(c) for c in cutoffs]
    if not found or any(c.tz is None for c in found):
        raise ConfigError(
            "there is no cutoff, or one without a time zone", where="[training] cutoffs",
            expected="at least one time-zone aware instant", fix="write for example 2026-01-01T00:00:00Z",
        )  # fmt: skip
    return sorted(set(found))


def _why_customers(ordered: list[pd.Timestamp], window: timedelta) -> str:
    test = _days((ordered[-1],))
    held = f"Tested at {test} on customers held out in 10 folds, not on a later time"
    if len(ordered) == 1:
        return f"{held}: only one cutoff has matured."
    return (
        f"{held}: the labels of earlier cutoffs would not have been known at {test}, "
        f"because they take {window / timedelta(days=1):g} days to mature."
    )


def _days(cutoffs: tuple[pd.Timestamp, ...]) -> str:
    names = [c.strftime("%Y-%m-%d") if c == c.normalize() else c.strftime("%Y-%m-%d %H:%M") for c in cutoffs]
    return names[0] if len(names) == 1 else f"{names[0]} to {names[-1]} ({len(names)} cutoffs)"
