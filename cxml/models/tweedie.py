"""Tweedie regression: a few numbers correct a forecast, smoothly, where there are too few rows for trees."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import TweedieRegressor

from cxml.errors import ModelError

Floats = NDArray[np.float64]
POWER = 1.5
_PENALTY = 0.02
_MOST = 50.0


@dataclass(frozen=True)
class TweedieRegression:
    """Expected money = offset * exp(intercept + slopes * standardised numbers).

    Attributes
    ----------
    center, spread, slopes : arrays of shape (numbers,)
        Mean and standard deviation of each number in training, and its slope.
    intercept : float

    References
    ----------
    Tweedie (1984), An index which distinguishes between some important exponential families; Jorgensen
    (1987), Exponential dispersion models, JRSS B 49. Between 1 and 2 the power makes a compound of a
    Poisson number of gamma amounts: a spike at 0 and a long tail.
    """

    center: Floats
    spread: Floats
    slopes: Floats
    intercept: float

    @classmethod
    def fit(cls, Z: Floats, offset: Floats, actual: Floats) -> Self:
        """The coefficients of least Tweedie deviance with a slight ridge penalty.

        Parameters
        ----------
        Z : array of shape (rows, numbers)
            A missing number counts as the mean of those there are.
        offset : array of shape (rows,)
            The forecast that is corrected (money), above 0.
        actual : array of shape (rows,)
            Money that came, 0 or more.
        """
        center, spread = np.nanmean(Z, axis=0), np.nanstd(Z, axis=0)
        spread = np.where(spread > 0, spread, 1.0)
        # A Tweedie mean offset * m has the deviance of actual / offset around m, weighted so.
        weight = offset ** (2 - POWER)
        model = TweedieRegressor(power=POWER, link="log", alpha=_PENALTY, max_iter=1000, tol=1e-6)
        model.fit(np.nan_to_num((Z - center) / spread), actual / offset, sample_weight=weight / weight.mean())
        return cls(center, spread, np.asarray(model.coef_, dtype=np.float64), float(model.intercept_))

    @classmethod
    def out_of_fold(cls, Z: Floats, offset: Floats, actual: Floats, folds: NDArray[np.int64]) -> Floats:
        """Expected money of each row by a regression on the other folds; 0 where the fold is negative.

        Parameters
        ----------
        Z, offset, actual
            As for ``fit``.
        folds : int array of shape (rows,)
            Rows of a negative fold are neither learned from nor forecast.
        """
        found = np.zeros(len(actual))
        for fold in np.unique(folds[folds >= 0]):
            out, rest = folds == fold, (folds != fold) & (folds >= 0)
            found[out] = cls.fit(Z[rest], offset[rest], actual[rest]).value(Z[out], offset[out])
        return found

    def value(self, Z: Floats, offset: Floats) -> Floats:
        """Expected money of each row."""
        # Summed column by column: the same bytes for any number of rows.
        margin = np.full(len(Z), self.intercept)
        for i, slope in enumerate(self.slopes):
            margin += slope * np.nan_to_num((Z[:, i] - self.center[i]) / self.spread[i])
        return np.asarray(offset * np.exp(np.clip(margin, -_MOST, _MOST)))

    def to_dict(self) -> dict[str, Any]:
        """The coefficients as JSON values."""
        arrays = {name: getattr(self, name).tolist() for name in ("center", "spread", "slopes")}
        return {**arrays, "intercept": self.intercept}

    @classmethod
    def from_dict(cls, raw: Any) -> Self:
        """The regression held by JSON values; ModelError when it is damaged."""
        try:
            arrays = [np.array(raw[name], dtype=np.float64) for name in ("center", "spread", "slopes")]
            intercept = float(raw["intercept"])
        except (TypeError, KeyError, ValueError, IndexError):
            arrays, intercept = [], np.nan
        whole = len(arrays) == 3 and all(a.ndim == 1 and len(a) == len(arrays[0]) for a in arrays)
        if not whole or not all(np.isfinite(a).all() for a in (*arrays, np.array([intercept]))):
            raise ModelError(
                "the regression is damaged",
                where="calibrator.json",
                expected="finite center, spread, slopes and intercept",
                fix="use a bundle that cxml wrote",
            )
        center, spread, slopes = arrays
        return cls(center, spread, slopes, intercept)
