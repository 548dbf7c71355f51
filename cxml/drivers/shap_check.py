"""The contributions once more, by shap's own algorithm: a second opinion."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from cxml.errors import ModelError

if TYPE_CHECKING:
    from cxml.models.churn import ChurnClassifier
    from cxml.models.schema import Schema


_SHAP_LEVELS = 24
"""It keeps a set of levels in the bits of a 32-bit float."""


def by_shap(churn: ChurnClassifier, frame: pd.DataFrame) -> pd.DataFrame:
    """The contributions of features as the algorithm of shap's ``TreeExplainer`` finds them: a second opinion.

    Given a model of LightGBM, ``TreeExplainer`` asks LightGBM, whose answer would be compared with itself. So it
    is given the bare trees, and walks them on its own.

    Returns
    -------
    DataFrame
        As from ``Bundle.feature_contributions``: calibrated log-odds, a column per feature.

    Raises
    ------
    ModelError
        The trees ask for a text with more than 24 levels, which shap cannot read.

    References
    ----------
    Lundberg et al. (2020), From local explanations to global understanding with explainable AI for trees, Nature
    Machine Intelligence 2.
    """
    with warnings.catch_warnings():
        # Its progress bars miss a widget in many notebooks, and there are none here.
        warnings.simplefilter("ignore")
        import shap
    schema = churn.schema_
    encoded = schema.encode(frame).astype(np.float64)
    encoded[:, list(schema.categorical)] += 1
    found = []
    for booster in churn.trees_.boosters:
        trees = booster.dump_model()["tree_info"]
        for tree in trees:
            _as_shap_reads(tree["tree_structure"], schema)
        found.append(shap.TreeExplainer({"trees": trees}).shap_values(encoded, check_additivity=False))
    total = np.mean(found, axis=0) if found else np.zeros(encoded.shape)
    if churn.trees_.additive is not None:  # exact as they are: no trees, nothing to share out
        total = total + churn.trees_.additive.contributions(schema.encode(frame))[:, :-1]
    return pd.DataFrame(churn.calibrator_.a * total, columns=list(schema.columns), index=frame.index)


def _as_shap_reads(node: dict[str, Any], schema: Schema) -> None:
    """Say in each split what LightGBM takes for granted: where what is missing goes. shap counts levels from 1."""
    if "split_index" not in node:
        return
    if node["decision_type"] == "==":
        column = schema.columns[node["split_feature"]]
        if len(schema.levels[column]) > _SHAP_LEVELS:
            raise ModelError(
                f"{column} has {len(schema.levels[column])} levels",
                where="trees to compare with shap",
                expected=f"at most {_SHAP_LEVELS}",
                fix="compare a model that was trained without this column",
            )
        node["default_left"] = False
        node["threshold"] = "||".join(str(int(code) + 1) for code in node["threshold"].split("||"))
    elif node["missing_type"] == "None":
        node["default_left"] = node["threshold"] >= 0
    for side in ("left_child", "right_child"):
        _as_shap_reads(node[side], schema)
