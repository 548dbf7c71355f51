"""Which cutoff tests, where the last ones have no leavers, from the tables to what people read."""

from __future__ import annotations

import functools
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from cxml.audit import sample
from cxml.config.load import parse_config
from cxml.errors import NotEnoughDataError
from cxml.models.baselines import LogisticBaseline
from cxml.models.churn import ChurnClassifier
from cxml.models.value import ValueRegressor
from cxml.tables.opening import Tables, open_tables
from cxml.training import dataset, fit as training

CUTOFFS = [f"2025-{month:02}-01" for month in range(1, 9)]


def company(last_leaver: str, customers: int = 600) -> Tables:
    """Contracts of which every thirtieth ends each month, until *last_leaver*; orders every ten days."""
    rng = np.random.default_rng(0)
    ids = np.array([f"c{i:03}" for i in range(customers)])
    ends = pd.Timestamp("2024-12-01", tz="UTC") + pd.to_timedelta(rng.integers(0, 900, customers), unit="D")
    ends = pd.Series(ends).where(ends < pd.Timestamp(last_leaver, tz="UTC"))
    contracts = pd.DataFrame(
        {
            "subscription_id": ids,
            "customer_id": ids,
            "started_at": pd.Timestamp("2024-06-01", tz="UTC"),
            "ended_at": ends,
        }
    )
    rows = pd.DataFrame({"customer_id": rng.choice(ids, customers * 20)})
    rows["ordered_at"] = pd.Timestamp("2024-06-01", tz="UTC") + pd.to_timedelta(
        rng.integers(0, 450, len(rows)), unit="D"
    )
    rows["order_id"], rows["margin"] = rows.index.astype(str), rng.exponential(20, len(rows)).round(2)
    config = parse_config(
        {
            "project": {"observation_end": "2025-09-01", "timezone": "Asia/Seoul"},
            "population": {"by": "subscription"},
            "churn": {"definition": "subscription", "horizon": "28D", "grace": "0D"},
            "training": {"cutoffs": CUTOFFS},
            "features": {"lookbacks": [30, 90]},
            "engine": {"threads": 1},
            "model": {"threads": 1},
            "value": {"sources": [{"table": "orders", "column": "margin"}]},
        },
        Path(),
    )
    return open_tables(config, {"subscriptions": contracts, "orders": rows})


def days(cutoffs: tuple[pd.Timestamp, ...]) -> list[str]:
    return [f"{cutoff.tz_convert('Asia/Seoul'):%Y-%m-%d}" for cutoff in cutoffs]


def test_training_goes_to_the_last_cutoff_that_has_leavers_and_says_so() -> None:
    data = dataset.assemble(company("2025-06-20"))
    split = data.split
    assert days((split.test,)) == ["2025-06-01"] and days(split.passed) == CUTOFFS[6:]
    assert days(split.train) == CUTOFFS[:5]
    assert "left after 2025-07-01 to 2025-08-01 (2 cutoffs)" in split.reason
    assert set(data.frame["cutoff"]) == set(split.cutoffs), "later cutoffs play no part"
    assert data.frame.loc[data.frame["cutoff"] == split.test, "churned"].nunique() == 2


def test_the_audit_asks_the_same_cutoffs() -> None:
    tables = company("2025-06-20")
    split, asked = dataset.assemble(tables).split, sample.take(tables, 10_000, 0).split
    assert (split.train, split.test, split.passed) == (asked.train, asked.test, asked.passed)
    assert "nothing can be tested there" in asked.reason


def test_with_leavers_to_the_end_nothing_is_said() -> None:
    split = dataset.assemble(company("2026-01-01")).split
    assert days((split.test,)) == CUTOFFS[-1:] and split.passed == ()
    assert "Nobody" not in split.reason and "say little" not in split.reason


def test_a_handful_of_leavers_is_told_of() -> None:
    data = dataset.assemble(company("2025-08-06"))
    left = int(data.frame.loc[data.frame["cutoff"] == data.split.test, "churned"].sum())
    assert 0 < left < 10 and f"Only {left} of those tested left: the figures say little" in data.split.reason


def test_where_nobody_ever_left_it_is_refused() -> None:
    tables = company("2024-12-02")
    with pytest.raises(NotEnoughDataError, match="nobody left after the test cutoff"):
        training.fit(dataset.assemble(tables), tables.config)


@pytest.mark.parametrize("churn", [ChurnClassifier, LogisticBaseline])
def test_who_follows_levels_is_told_the_cutoffs(churn: type, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: dict[str, object] = {}
    fit = churn.fit

    @functools.wraps(fit)
    def spied(self: object, X: pd.DataFrame, y: object, **told: object) -> object:
        seen.update(told)
        return fit(self, X, y, **told)

    monkeypatch.setattr(churn, "fit", spied)
    months = pd.date_range("2025-01-01", periods=5, freq="MS", tz="UTC")
    rng = np.random.default_rng(0)
    rows = pd.DataFrame({"customer_id": np.arange(500) % 100, "cutoff": np.repeat(months[:4], 125)})
    rows["x"], rows["churned"] = rng.normal(size=500), rng.integers(0, 2, 500)
    config = company("2026-01-01", customers=50).config
    training._learn(churn(), rows, ["x"], "churned", config, [months[4]])
    assert ("cutoffs" in seen) == (churn is ChurnClassifier)
    seen.clear()
    training._learn(churn(), rows, ["x"], "churned", config)
    assert set(seen) == {"groups"}, "no level is forecast"


def test_too_little_money_is_refused_before_any_model_is_fitted(monkeypatch: pytest.MonkeyPatch) -> None:
    tables = company("2026-01-01")
    data = dataset.assemble(tables)
    data.frame["value"] = np.where(np.arange(len(data.frame)) < 10, 5.0, 0.0)
    monkeypatch.setattr(training, "compare", lambda *args, **others: pytest.fail("a model was fitted"))
    with pytest.raises(NotEnoughDataError, match="rows have a positive value") as caught:
        training.fit(data, tables.config)
    assert f"{ValueRegressor().min_events:,}" in caught.value.expected
