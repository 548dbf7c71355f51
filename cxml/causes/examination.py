"""All that is asked about causes after a training: badges, promise cliffs, and what if."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from threadpoolctl import threadpool_limits

from cxml.causes import factor_badges, improvements, promise_cliffs
from cxml.causes.promise_cliffs import Cliff
from cxml.causes.study import study_of
from cxml.errors import DataError
from cxml.features.company import FeaturePlan, plan_features
from cxml.models.bundle import Bundle
from cxml.tables.opening import Tables

Tell = Callable[[str], None]

LEAST_SHOWN = 10
"""Customers that a point of a curve must be about to leave the training."""

_POINTS, _DECIMALS = ["wait", "left", "low", "high", "customers"], 4


@dataclass(frozen=True)
class Examined:
    """What was found.

    Attributes
    ----------
    causes : DataFrame
        As from ``factor_badges.badges_of``, a row per factor.
    cliffs : dict of str to Cliff
        By name of the promise; empty where nothing says what came first.
    what_if : DataFrame
        As from ``improvements.what_if`` where a badge carries the estimate, else as from ``improvements.replayed``.
    lacks : str
        Why nothing could be looked for in these data; empty where it could.
    """

    causes: pd.DataFrame
    cliffs: dict[str, Cliff]
    what_if: pd.DataFrame
    lacks: str = ""

    def short(self) -> dict[str, Any]:
        """What a bundle carries along: without what is missing, and of curves what a drawing needs."""
        breaks = [
            {
                **{name: value for name, value in vars(cliff).items() if _there(value)},
                **{name: _columns(frame) for name, frame in _drawn(cliff).items() if not frame.empty},
            }
            for cliff in self.cliffs.values()
        ]
        changes = [
            {str(name): value for name, value in row.items() if value == value}
            for row in self.what_if.to_dict("records")
        ]
        found = {"causes": factor_badges.short(self.causes), "cliffs": breaks, "what_if": changes}
        return found | ({"causes_lack": self.lacks} if self.lacks else {})


def _there(value: Any) -> bool:
    return not isinstance(value, pd.DataFrame) and value == value


def _drawn(cliff: Cliff) -> dict[str, pd.DataFrame]:
    """The points of the curve about enough customers, and the lines beside a break."""
    curve = cliff.curve
    if not curve.empty:
        curve = curve.loc[curve["customers"] >= LEAST_SHOWN, _POINTS]
    return {"curve": curve, "fitted": cliff.fitted if cliff.found else cliff.fitted.head(0)}


def _columns(frame: pd.DataFrame) -> dict[str, list[float]]:
    """A frame by its columns, which is shorter than by its rows; rounded to what can be seen."""
    return {str(name): frame[name].round(1 if name == "wait" else _DECIMALS).tolist() for name in frame}


def examine(
    tables: Tables,
    frame: pd.DataFrame,
    bundle: Bundle,
    now: pd.Timestamp,
    *,
    seed: int = 0,
    tell: Tell = lambda text: None,
    features: FeaturePlan | None = None,
) -> Examined:
    """Look for causes among the snapshots of a training set.

    Data that allow no answer are no failure: each factor is then *not testable*, and it is told why.

    Parameters
    ----------
    frame : DataFrame
        As ``cxml.training.dataset.assemble`` makes it.
    bundle : Bundle
        Asked for the value of customers, and for its own view where there is no estimate of a cause.
    now : Timestamp
        The cutoff of *frame* that the model's view is about.
    features : FeaturePlan
        By default that of the tables; a job that has made it passes it on.
    """
    features = features or plan_features(tables)
    # The tables of products are small: more threads cost more than they save, and one gives everywhere the same digits.
    with threadpool_limits(1, user_api="blas"):
        try:
            return _examined(features, frame, bundle, now, seed, tell)
        except DataError as problem:
            tell(f"causes cannot be looked for in these data: {problem.what}")
            return _nothing(factor_badges.untested(features, frame, "unable"), problem.what)


def _nothing(causes: pd.DataFrame, lacks: str = "") -> Examined:
    return Examined(causes, {}, pd.DataFrame(columns=list(improvements.COLUMNS)), lacks)


def _examined(
    features: FeaturePlan, frame: pd.DataFrame, bundle: Bundle, now: pd.Timestamp, seed: int, tell: Tell
) -> Examined:
    tables, columns = features.tables, list(bundle.schema.columns)
    if bundle.value is not None:
        frame = frame.assign(value=bundle.score(frame[columns])["value_if_stays"])
    study = study_of(tables, frame, seed, tell, features)
    if study is None:
        return _nothing(factor_badges.untested(features, frame))
    found = factor_badges.badges_of(study, seed, tables.config.model.threads)
    badges = dict(zip(found["factor"], found["badge"], strict=True))
    by_cause = improvements.what_if(tables, study, improvements.carried(badges), seed)
    last = frame[frame["cutoff"] == now]
    stands = improvements.settled(by_cause, badges)
    by_model = improvements.replayed(
        by_cause[~stands],
        last[columns],
        bundle.labels,
        lambda X: np.asarray(bundle.churn.predict_proba(X)[:, 1]),
        None if bundle.value is None else last["value"].to_numpy(dtype=np.float64),
    )
    changes = pd.concat([by_cause[stands], by_model], ignore_index=True)
    return Examined(found, promise_cliffs.cliffs_of(tables, study, seed), changes)
