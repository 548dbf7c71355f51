"""A size of boosted trees: how large its trees are, how many there may be, and what they start from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

TREE_COLUMNS = 150


@dataclass(frozen=True)
class TreeSize:
    """One size of boosted trees: at most *most* rounds with *rate*, chosen inside.

    With *additive* the trees start from the curves of a logistic regression with a ridge penalty, chosen inside;
    without leaves there are no trees.
    """

    name: str
    leaves: int = 0
    rows_share: float = 1.0
    columns_share: float = 1.0
    l2: float = 0.0
    rate: float = 0.1
    most: int = 0
    objective: str = "binary"
    least_rows: int = 20
    additive: bool = False

    def params(self, columns: int) -> dict[str, Any]:
        """Settings for LightGBM.

        With many *columns* a tree sees about ``TREE_COLUMNS`` of them: more cost time and gained nothing.
        """
        return {
            "objective": self.objective,
            "num_leaves": self.leaves,
            "learning_rate": self.rate,
            "bagging_fraction": self.rows_share,
            "feature_fraction": min(self.columns_share, max(TREE_COLUMNS / columns, 0.1)),
            "lambda_l2": self.l2,
            "min_data_in_leaf": self.least_rows,
        }
