"""Fixtures that tests of several modules share."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import lightgbm as lgb
import pytest


@pytest.fixture(scope="module")
def small_forests() -> Iterator[None]:
    """Few trees: for what does not depend on how good they are."""
    right = lgb.train

    def brief(*args: Any, num_boost_round: int, **others: Any) -> lgb.Booster:
        return right(*args, num_boost_round=min(8, num_boost_round), **others)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(lgb, "train", brief)
        yield
