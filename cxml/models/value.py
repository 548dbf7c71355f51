"""What a customer will bring: expected value, the typical case, and a range.

Expected value (for ranking and totals) and median value (the typical customer) are two answers, because no forecast is
best at both. The expected one is a hurdle (the probability of any positive value, times the amount when there is one),
Tweedie trees, or, where purchases are known, a regression or trees on a Pareto/NBD forecast, or the mean of these:
whatever ranks and meets the deciles best on customers held out.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from copy import copy
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, Self

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, RegressorMixin, clone
from sklearn.utils.validation import check_consistent_length, check_is_fitted, column_or_1d

from cxml.errors import DataError, ModelError, NotEnoughDataError
from cxml.models.boosted_trees import BoostedTrees, Task, make_folds
from cxml.models.calibration import SigmoidCalibrator
from cxml.models.churn_level import Level
from cxml.models.encoding import encode_new, encode_training, refuse_missing, remember_schema
from cxml.models.hurdle import HURDLE, Amounts, Hurdle, Ranges
from cxml.models.purchase_features import PurchaseColumns, PurchaseOutlook, Sight
from cxml.models.schema import Schema
from cxml.models.trees import Binned
from cxml.models.tweedie import TweedieRegression
from cxml.models.value_choice import ranked
from cxml.models.value_parts import (
    BOOSTED,
    CANDIDATES,
    OFFSET,
    PURCHASES,
    REGRESSION,
    TWEEDIE,
    log_money,
    stretches,
)
from cxml.models.value_trees import Nursery

Floats = NDArray[np.float64]
Matrix = NDArray[np.float32]
Rows = NDArray[np.int64]


class ValueRegressor(RegressorMixin, BaseEstimator):  # type: ignore[misc]
    """Expected, median and likely range of the value that a customer brings in the horizon.

    Calibrated boosted trees give the probability of any positive value. What is expected comes from one of
    ``CANDIDATES``: the amount of a buyer on a log scale (least squares of logarithms, or gamma deviance;
    whichever has the lower gamma deviance on held-out customers) times that probability; Tweedie trees; and with
    *purchases* a Tweedie regression or trees on top of the Pareto/NBD forecast, or the mean of that forecast, the
    regression and the Tweedie trees. The candidate with the least sum of ranks by Gini and by decile error on held-out
    customers is kept. Values at or below zero count as "nothing" in all of them; their mean is added back for the share
    of customers expected to bring nothing.

    Parameters
    ----------
    purchases : PurchaseColumns, optional
        Which columns of a DataFrame hold the history of purchases: forecasts by Pareto/NBD and BG/NBD with
        Gamma-Gamma are made of it, as features and for three candidates, where enough customers bought again.
    keep : str, optional
        The candidate to keep where it can be had; None: the best on held-out customers.
    min_events : int
        Fewest rows with a positive value; with fewer at or below zero, the probability is one number for all.
    folds, seeds, categorical, num_threads, random_state
        As for ``ChurnClassifier``.

    Attributes
    ----------
    trees_ : dict of str to BoostedTrees
        The boosted trees of the parts kept: ``amount``, ``tweedie``, ``offset``.
    chance_ : BoostedTrees or None
        The boosted trees of the probability.
    kept_ : str
        The candidate kept.
    ladder_ : list of dict
        Figures of every candidate on held-out customers, best first; see ``cxml.models.value_choice.ranked``.
    outlook_, regression_ : PurchaseOutlook, TweedieRegression or None
        The purchase models, and what corrects them.
    hurdle_ : Hurdle
        The numbers that turn margins into money.
    ranges_, amounts_ : Ranges, Amounts
        How actual values scatter around the expected ones.
    coverage_ : float
        Share of values inside their range, when half of the customers set the ranges of the other half.
    calibrated_on_ : str
        What P(positive), level and scatter were fitted on, in words.
    schema_ : Schema or None

    References
    ----------
    Mullahy (1986), Specification and testing of some modified count data models, Journal of Econometrics 33 (hurdle
    models); Jorgensen, Paes de Souza (1994), Fitting Tweedie's compound Poisson model, Scandinavian Actuarial Journal.
    """

    calibrated_on_: str
    hurdle_: Hurdle

    def __init__(
        self,
        *,
        purchases: PurchaseColumns | None = None,
        keep: str | None = None,
        min_events: int = 50,
        folds: int = 5,
        seeds: int = 2,
        categorical: Sequence[int] = (),
        num_threads: int = 0,
        random_state: int = 0,
    ) -> None:
        self.purchases = purchases
        self.keep = keep
        self.min_events = min_events
        self.folds = folds
        self.seeds = seeds
        self.categorical = categorical
        self.num_threads = num_threads
        self.random_state = random_state

    def fit(
        self,
        X: pd.DataFrame | ArrayLike,
        y: ArrayLike,
        groups: ArrayLike | None = None,
        cutoffs: ArrayLike | None = None,
    ) -> Self:
        """Learn from rows *X* with values *y* (money); no fold splits the rows of one customer.

        Parameters
        ----------
        cutoffs : array-like of shape (rows,), optional
            When each row is from. With them ``follow`` knows how far a model misses at a time that it has not seen.

        Raises
        ------
        NotEnoughDataError
            No row, a missing value, or fewer than ``min_events`` positive ones.
        DataError
            A value is infinite, or a column is neither number nor text.
        """
        value = self.values(y)
        encoded, categories = encode_training(self, X, y, self.categorical)
        folds, keys = make_folds(groups, len(value), self.folds, self.random_state)
        self.outlook_ = self._fitted_outlook(encoded, value, groups)
        times = None if cutoffs is None else pd.factorize(pd.Series(cutoffs), sort=True)[0]
        check_consistent_length(value, times)
        self._grow(encoded, categories, value, folds, keys, times)
        return self.calibrate_out_of_fold()

    def calibrate(self, X: pd.DataFrame | ArrayLike, y: ArrayLike) -> Self:
        """Fit P(positive), the level and the scatter anew on later rows, which training never saw.

        With fewer than ``min_events`` positive values there, what was fitted on held-out customers
        is kept and ``calibrated_on_`` says so.
        """
        check_is_fitted(self, "trees_")
        value = np.asarray(y, dtype=np.float64)
        refuse_missing(value, "value")
        positive = int((value > 0).sum())
        if positive < self.min_events:
            self.calibrate_out_of_fold()
            self.calibrated_on_ += f"; the later rows have only {positive:,} positive values"
            return self
        self._settle(*self._margins(encode_new(self, X)), value)
        self.calibrated_on_ = f"{len(value):,} later rows"
        return self

    def follow(
        self,
        cutoffs: pd.Series | Sequence[datetime],
        customers: ArrayLike,
        window: timedelta,
        ahead: Sequence[datetime],
    ) -> Self:
        """Let the level be what its way over the cutoffs forecasts, and the ranges as wide as such forecasts miss.

        Parameters
        ----------
        cutoffs, customers, window, ahead
            As for ``ChurnClassifier.follow``.
        """
        check_is_fitted(self, "trees_")
        self.calibrate_out_of_fold()
        chance, money, value = self._held_out
        base, rows = replace(self.hurdle_, level=1.0), self._held_rows
        when, who = pd.Series(cutoffs).iloc[rows], np.asarray(customers)[rows]

        def level(chance: Floats | None, money: Mapping[str, Floats]) -> Level:
            p, scale, _ = base.parts(chance, money)
            return Level.of_money(scale, value - (1 - p) * base.rest, when, who, pd.Timedelta(window))

        self.level_ = level(chance, money)
        told = self.level_.ahead(ahead)
        if self._unseen is not None:
            told = told.no_surer_than(level(*self._unseen).ahead(ahead))
        _, scale, expected = self.hurdle_.parts(chance, money)
        self.ranges_ = Ranges.later(expected, scale, value, told.errors[0])
        self.hurdle_ = self.hurdle_.following(told)
        self.calibrated_on_ += f", the level as it moved over {len(self.level_.at)} cutoffs"
        return self

    def at(self, instant: datetime) -> Self:
        """The same with the level forecast for *instant*; as it is where the level was not followed."""
        found = copy(self)
        found.hurdle_ = self.hurdle_.at(instant)
        return found

    def again(self) -> Self:
        """The same, not fitted, that keeps to the candidate chosen: for a refit on more rows."""
        again: Self = clone(self).set_params(keep=self.kept_)
        return again

    def calibrate_out_of_fold(self) -> Self:
        """Fit P(positive), the level and the scatter on customers held out in training."""
        check_is_fitted(self, "trees_")
        self._settle(*self._held_out)
        self.calibrated_on_ = f"{len(self._held_out[2]):,} rows of customers held out in training"
        return self

    def predict(self, X: pd.DataFrame | ArrayLike) -> Floats:
        """Expected value (money): for ranking and for totals."""
        return self._parts(X)[2]

    def predict_median(self, X: pd.DataFrame | ArrayLike) -> Floats:
        """Median value (money): the typical case. Zero where a positive value is unlikely."""
        return self.predict_all(X)["median_value"].to_numpy()

    def predict_interval(self, X: pd.DataFrame | ArrayLike) -> tuple[Floats, Floats]:
        """Low and high end (money) of the range that holds 90 % of such customers' values."""
        found = self.predict_all(X)
        return found["value_low"].to_numpy(), found["value_high"].to_numpy()

    def predict_all(self, X: pd.DataFrame | ArrayLike) -> pd.DataFrame:
        """``expected_value``, ``median_value``, ``value_low``, ``value_high``, one row per row (money)."""
        p, scale, expected = self._parts(X)
        median = self.amounts_.median(p, scale / p)
        low, high = self.ranges_.around(expected, scale)
        return pd.DataFrame(
            {
                "expected_value": expected,
                "median_value": median,
                "value_low": np.minimum(low, median),
                "value_high": np.maximum(high, median),
            }
        )

    def pace(self, X: pd.DataFrame | ArrayLike) -> Floats | None:
        """Expected value (money) of customers who go on buying; None without purchase models."""
        check_is_fitted(self, "trees_")
        if self.outlook_ is None:
            return None
        return self.outlook_.pace(self._named(encode_new(self, X), self.outlook_.columns))

    @classmethod
    def from_parts(
        cls,
        chance: BoostedTrees | None,
        boosted: Mapping[str, BoostedTrees],
        numbers: Any,
        schema: Schema,
        num_threads: int = 0,
    ) -> ValueRegressor:
        """A fitted regressor made of stored parts; ModelError when the *numbers* are damaged."""
        made = cls(num_threads=num_threads)
        made.chance_, made.trees_, made.calibrated_on_ = chance, dict(boosted), "stored numbers"
        made.hurdle_ = Hurdle.from_dict(numbers.get("hurdle"))
        made.ranges_ = Ranges.from_dict(numbers.get("ranges"))
        made.amounts_ = Amounts.from_dict(numbers.get("amounts"))
        made.outlook_ = PurchaseOutlook.from_dict(numbers["outlook"]) if numbers.get("outlook") else None
        told = numbers.get("regression")
        made.regression_, made._base = TweedieRegression.from_dict(told) if told else None, made.hurdle_
        needed = {BOOSTED[part] for part in made.hurdle_.factors if part in BOOSTED}
        known = {HURDLE, TWEEDIE} | ({PURCHASES, OFFSET} if made.outlook_ else set())
        known |= {REGRESSION} if made.outlook_ and made.regression_ else set()
        if needed - set(boosted) or set(made.hurdle_.factors) - known:
            raise ModelError(
                "a part of the value model is missing",
                where="calibrator.json",
                expected="boosted trees, or purchase models, for every factor",
                fix="use a bundle that cxml wrote",
            )
        remember_schema(made, schema)
        return made

    def _grow(
        self,
        encoded: Matrix,
        categories: Sequence[int],
        value: Floats,
        folds: Rows,
        keys: Rows,
        times: Rows | None,
    ) -> None:
        """All parts on held-out customers, the choice, and trees on all rows for what was kept."""
        wide, sight = self._look(encoded)
        every = np.ones(len(value), dtype=bool)
        binned = Binned(wide, categories, self.num_threads)
        task = Task(wide, binned, {}, every, lambda margin, rows: margin, folds, keys)
        nursery = Nursery(task, value, self.seeds, self.random_state, self.num_threads)
        chance = nursery.chance() if (value <= 0).sum() >= self.min_events else None
        self.chance_ = chance[1] if chance else None
        grown = {HURDLE: nursery.amount()}
        leaves = 15 if grown[HURDLE][1].rung.startswith("middle") else 4
        wanted = CANDIDATES.get(self.keep or "", tuple(BOOSTED))
        if TWEEDIE in wanted or sight is None:
            grown[TWEEDIE] = nursery.tweedie(leaves)
        if sight is not None and OFFSET in wanted:
            grown[OFFSET] = nursery.tweedie(leaves, np.log(sight.value))
        rows, earned = grown[HURDLE][1].held_rows, np.maximum(value, 0.0)
        self.regression_ = TweedieRegression.fit(sight.logs, sight.value, earned) if sight else None
        trees = {part: boosted.held_margins for part, (_, boosted) in grown.items()}
        money = log_money(trees, sight, earned, folds, rows)
        margins = self.chance_.held_margins if self.chance_ else None
        self._base = self._chosen(margins, money, value[rows], value)
        kept = {part: money[part] for part in self._base.factors}
        self._held_out, self._held_rows = (margins, kept, value[rows]), rows
        self.trees_ = {BOOSTED[part]: nursery.finish(*grown[part]) for part in kept if part in grown}
        self._unseen = None
        blocks = None if times is None else stretches(times, rows, value, least=self.min_events)
        if blocks is not None:
            trees = {part: nursery.apart(*grown[part], blocks)[rows] for part in kept if part in grown}
            money = log_money(trees, sight, earned, blocks, rows)
            margins = nursery.apart(*chance, blocks)[rows] if chance else None
            self._unseen = margins, {part: money[part] for part in kept}

    def _chosen(
        self, chance: Floats | None, money: Mapping[str, Floats], held: Floats, value: Floats
    ) -> Hurdle:
        """The candidate that is best on held-out customers, before its level is settled."""
        rest = float(value[value <= 0].mean()) if (value <= 0).any() else 0.0
        blank = Hurdle(_sigmoid(chance, held), float((value > 0).mean()), {}, 1.0, rest)
        alone = {part: blank.met(part, chance, money, held).factors[part] for part in money}
        candidates = {
            name: replace(blank, factors={part: alone[part] for part in parts})
            for name, parts in CANDIDATES.items()
            if set(parts) <= set(money)
        }
        forecasts = {name: one.parts(chance, money)[2] for name, one in candidates.items()}
        self.ladder_ = ranked([(held, forecasts)])
        self.kept_ = self.keep if self.keep in candidates else str(self.ladder_[0]["name"])
        return candidates[self.kept_]

    def _settle(self, chance: Floats | None, money: Mapping[str, Floats], value: Floats) -> None:
        """P(positive), level and bands that fit these margins and values."""
        base = replace(self._base, chance=_sigmoid(chance, value), share=float((value > 0).mean()))
        self.hurdle_ = base.levelled(chance, money, value)
        p, scale, expected = self.hurdle_.parts(chance, money)
        self.ranges_ = Ranges.measure(expected, scale, value)
        self.amounts_ = Amounts.measure(scale / p, value)
        self.coverage_ = Ranges.coverage(expected, scale, value)

    def _parts(self, X: pd.DataFrame | ArrayLike) -> tuple[Floats, Floats, Floats]:
        check_is_fitted(self, "trees_")
        return self.hurdle_.parts(*self._margins(encode_new(self, X)))

    def _margins(self, encoded: Matrix) -> tuple[Floats | None, dict[str, Floats]]:
        """Margins of P(positive), and the log-money of every part that is kept."""
        wide, sight = self._look(encoded)
        chance = self.chance_.margin(wide, self.num_threads) if self.chance_ else None
        money = {}
        for part in self._base.factors:
            found = np.zeros(len(wide))
            if part in BOOSTED:
                found = self.trees_[BOOSTED[part]].margin(wide, self.num_threads)
            if sight is not None and part in (PURCHASES, OFFSET):
                found = found + np.log(sight.value)
            if sight is not None and part == REGRESSION and self.regression_ is not None:
                found = np.log(self.regression_.value(sight.logs, sight.value))
            money[part] = found
        return chance, money

    def _fitted_outlook(
        self, encoded: Matrix, value: Floats, groups: ArrayLike | None
    ) -> PurchaseOutlook | None:
        """The purchase models, where the columns are told and enough customers bought again."""
        if self.purchases is None or self.schema_ is None:
            return None
        keys = np.arange(len(value)) if groups is None else np.asarray(groups)
        try:
            return PurchaseOutlook.fit(self.purchases, self._named(encoded, self.purchases), value, keys)
        except (NotEnoughDataError, ModelError):
            return None

    def _named(self, encoded: Matrix, columns: PurchaseColumns) -> pd.DataFrame:
        """The columns that tell of purchases, by name."""
        place = {name: i for i, name in enumerate(self.schema_.columns)}
        return pd.DataFrame({name: encoded[:, place[name]] for name in columns.names})

    def _look(self, encoded: Matrix) -> tuple[Matrix, Sight | None]:
        """The table as the trees see it, and what purchase models say of each row."""
        if self.outlook_ is None:
            return encoded, None
        sight = self.outlook_.look(self._named(encoded, self.outlook_.columns))
        return np.column_stack([encoded, sight.features]), sight

    def numbers(self) -> dict[str, Any]:
        """All that is not trees, as JSON values."""
        return {
            "hurdle": self.hurdle_.to_dict(),
            "ranges": self.ranges_.to_dict(),
            "amounts": self.amounts_.to_dict(),
            "outlook": self.outlook_.to_dict() if self.outlook_ is not None else None,
            "regression": self.regression_.to_dict() if self.regression_ is not None else None,
        }

    def values(self, y: ArrayLike) -> Floats:
        """*y* as numbers, after everything that makes learning senseless is refused.

        Raises
        ------
        NotEnoughDataError, DataError
            As in ``fit``.
        """
        value = np.asarray(column_or_1d(y, warn=True), dtype=np.float64)
        refuse_missing(value, "value")
        if not np.isfinite(value).all():
            raise DataError(
                "values are infinite",
                where="value",
                expected="finite money",
                fix="fix the amounts that the value is summed from",
            )
        positive = int((value > 0).sum())
        if positive < self.min_events:
            raise NotEnoughDataError(
                f"{positive:,} of {len(value):,} rows have a positive value",
                where="value",
                expected=f"at least {self.min_events:,}",
                fix="add cutoffs or customers, or train without [value]",
            )
        return value

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        tags.regressor_tags.poor_score = True
        return tags


def _sigmoid(chance: Floats | None, value: Floats) -> SigmoidCalibrator | None:
    positive = value > 0
    if chance is None or not 0 < positive.sum() < len(value):
        return None
    return SigmoidCalibrator.fit(chance, positive)
