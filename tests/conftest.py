"""Fixtures that tests of several modules share."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import lightgbm as lgb
import pytest

from cxml.models.trees import Binned


@pytest.fixture(scope="module")
def small_forests() -> Iterator[None]:
    """Few trees: for what does not depend on how good they are."""
    train, compare = lgb.train, Binned.train_until_worse

    def brief(*args: Any, num_boost_round: int, **others: Any) -> lgb.Booster:
        return train(*args, num_boost_round=min(8, num_boost_round), **others)

    def briefly(self: Binned, target: Any, params: Any, most: int, **others: Any) -> list[lgb.Booster]:
        return compare(self, target, params, min(8, most), **others)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(lgb, "train", brief)
        patch.setattr(Binned, "train_until_worse", briefly)
        yield
