"""Contributions beside those of shap's own algorithm."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from cxml.drivers import shap_check
from cxml.drivers.shap_check import by_shap
from cxml.errors import ModelError
from cxml.models.churn import ChurnClassifier


@pytest.fixture(scope="module")
def company() -> tuple[pd.DataFrame, ChurnClassifier]:
    """Numbers with and without gaps, a text whose first level matters, and what was learned from them."""
    rng = np.random.default_rng(1)
    X = pd.DataFrame(
        {
            "gaps": rng.normal(size=1_500),
            "whole": rng.normal(size=1_500),
            "plan": rng.choice(list("abcdef"), 1_500),
        }
    )
    eta = X["gaps"] * X["whole"] + 2 * X["plan"].isin(["a", "d"]) - 1
    X = X.assign(gaps=X["gaps"].mask(rng.random(1_500) < 0.2), plan=X["plan"].mask(rng.random(1_500) < 0.2))
    y = (rng.random(1_500) < 1 / (1 + np.exp(-eta))).astype(int)
    return X, ChurnClassifier(num_threads=1).fit(X, y)


def test_contributions_agree_with_shaps_own_algorithm(company: tuple[pd.DataFrame, ChurnClassifier]) -> None:
    X, churn = company
    rows = X.head(150).copy()
    rows.iloc[:20, 1] = np.nan  # never missing when it was learned from
    found = by_shap(churn, rows)
    assert found.columns.tolist() == ["gaps", "whole", "plan"]
    assert (found.abs().mean() > 0.05).all(), "every kind of split is compared"
    np.testing.assert_allclose(found.to_numpy(), churn.contributions(rows)[:, :-1], atol=1e-9)


def test_a_text_with_more_levels_than_shap_can_read_is_refused(
    company: tuple[pd.DataFrame, ChurnClassifier], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shap_check, "_SHAP_LEVELS", 5)
    with pytest.raises(ModelError, match="plan has 6 levels"):
        by_shap(company[1], company[0].head(5))
