"""What customers bring if they stay, against customers whose rates are known."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from cxml.models.purchase_features import PurchaseColumns, PurchaseOutlook
from cxml.models.value_if_stays import if_they_stay, leavers_bring

HORIZON = 90.0
COLUMNS = PurchaseColumns("frequency", "recency", "T", "purchase_value", lead=0.0, horizon=HORIZON)


def test_the_value_of_who_stays_meets_what_came_of_all() -> None:
    rng = np.random.default_rng(0)
    stays, p = rng.gamma(2, 50, 40_000), rng.beta(1, 5, 40_000)
    for bring in (0.0, 0.4):
        expected = stays * (1 - p + bring * p)
        left = rng.random(len(p)) < p
        value = np.where(left, bring, 1.0) * stays * rng.gamma(4, 0.25, len(p))
        found = leavers_bring(expected, p, left, value)
        assert found == pytest.approx(bring, abs=0.02)
        assert if_they_stay(expected, p, bring) == pytest.approx(np.minimum(stays, expected * 10), rel=1e-9)
    assert leavers_bring([5.0] * 12, [0.3] * 12, [1] * 9 + [0] * 3, [0.0] * 12) == 1.0, (
        "too few leavers to tell"
    )
    assert leavers_bring([5.0] * 12, [0.3] * 12, [1] * 12, [-4.0] * 12) == 0.0
    assert leavers_bring([5.0] * 12, [0.3] * 12, [1] * 12, [9.0] * 12) == 1.0


def test_the_pace_is_that_of_the_true_rates_for_those_who_left_and_those_who_did_not() -> None:
    rng = np.random.default_rng(1)
    rows = 12_000
    rate, spend, age = rng.gamma(1.5, 1 / 45, rows), rng.gamma(4, 8, rows), rng.uniform(60, 700, rows)
    gone = rng.exponential(300, rows)
    lasted = np.minimum(age, gone)
    count = rng.poisson(rate * lasted)
    last = lasted * rng.random(rows) ** (1 / np.maximum(count, 1))
    frame = pd.DataFrame(
        {
            "frequency": count.astype(float),
            "recency": np.where(count > 0, last, 0.0),
            "T": age,
            "purchase_value": rng.gamma(3 * (count + 1), spend / 3 / (count + 1)),
        }
    )
    outlook = PurchaseOutlook.fit(COLUMNS, frame, np.ones(rows), np.arange(rows))
    truth = rate * HORIZON / -np.expm1(-rate * HORIZON) * spend
    pace = outlook.pace(frame)
    left = gone < age
    for some in (left, ~left, left & (count > 3)):
        # These leave at any time: BG/NBD, which is half of the pace, takes them to leave after a purchase.
        assert pace[some].sum() == pytest.approx(truth[some].sum(), rel=0.1)
    assert outlook.value(frame)[left & (count > 3)].sum() < 0.5 * truth[left & (count > 3)].sum(), (
        "they are expected to be gone"
    )
