"""Few trees and penalties, for what does not depend on how good models are; run by itself it is the command, so limited."""

from __future__ import annotations

from typing import Any

import lightgbm as lgb
import pytest
from sklearn.ensemble import HistGradientBoostingClassifier

from cxml.models import boosted_trees
from cxml.models.trees import Binned

ROUNDS = 8


def limit(patch: pytest.MonkeyPatch) -> None:
    """Limit every fit until *patch* is undone."""
    train, compare, boosted = lgb.train, Binned.train_until_worse, HistGradientBoostingClassifier.fit

    def brief(*args: Any, num_boost_round: int, **others: Any) -> lgb.Booster:
        return train(*args, num_boost_round=min(ROUNDS, num_boost_round), **others)

    def briefly(self: Binned, target: Any, params: Any, most: int, **others: Any) -> list[lgb.Booster]:
        return compare(self, target, params, min(ROUNDS, most), **others)

    def few(
        self: HistGradientBoostingClassifier, *args: Any, **others: Any
    ) -> HistGradientBoostingClassifier:
        return boosted(self.set_params(max_iter=ROUNDS), *args, **others)

    patch.setattr(lgb, "train", brief)
    patch.setattr(Binned, "train_until_worse", briefly)
    patch.setattr(HistGradientBoostingClassifier, "fit", few)
    patch.setattr(boosted_trees, "PENALTIES", boosted_trees.PENALTIES[1::3])


if __name__ == "__main__":
    from cxml.cli.commands import main

    limit(pytest.MonkeyPatch())
    main()
