"""The numbers that turn margins into money: level and blend, and how actual values scatter around it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

from cxml.errors import ModelError
from cxml.models.calibration import SigmoidCalibrator, number
from cxml.models.churn_level import Ahead

Floats = NDArray[np.float64]
Rows = NDArray[np.int64]
COVERAGE = 0.9
_BAND_ROWS = 200
_MOST_BANDS = 20
_PROBABILITIES = np.linspace(0, 1, 41)
_LEVEL = (0.2, 5.0)
_ERRORS = ndtri((np.arange(15) + 0.5) / 15)
"""The middles of equally likely parts of a normal error."""
_SIDES: tuple[Literal["left", "right"], ...] = ("left", "right")
HURDLE = "hurdle"
"""The part that is the product of a probability and an amount."""


@dataclass(frozen=True)
class Hurdle:
    """The numbers that turn margins into money.

    Expected value = level * mean of (factor * exp(log-money)) over the parts + (1 - P(positive)) * rest.
    The log-money of the part ``hurdle`` is log P(positive) + the margin of the amount; of others, their own.

    Attributes
    ----------
    chance : SigmoidCalibrator or None
        From the margin of the first boosted trees to P(positive); None when that is the same for all.
    share : float
        P(positive) when it is the same for all.
    factors : mapping of str to float
        Per part, the mean of actual positive values over exponentiated log-money, on held-out customers: what
        a mean of logarithms loses (Duan 1983, Smearing estimate, JASA 78), or a purchase model misses.
    level : float
        Correction of the total, fitted on held-out customers or a later cutoff; within [0.2, 5].
    rest : float
        Mean value of the training rows without a positive one: 0, or a loss.
    ahead : Ahead or None
        The logarithm of the level that is forecast for later days; None where it was not followed.
    """

    chance: SigmoidCalibrator | None
    share: float
    factors: Mapping[str, float]
    level: float
    rest: float
    ahead: Ahead | None = None

    def parts(self, chance: Floats | None, money: Mapping[str, Floats]) -> tuple[Floats, Floats, Floats]:
        """P(positive), the expected positive part (money) and the expected value (money).

        *money* is the log-money of every part, without log P(positive) for ``hurdle``.
        """
        p = np.full(len(next(iter(money.values()))), self.share)
        if self.chance is not None and chance is not None:
            p = self.chance.probability(chance)
        scale = np.zeros(len(p))
        for name, factor in self.factors.items():
            found = factor * np.exp(np.clip(money[name], -50, 50))
            scale += p * found if name == HURDLE else found
        scale = np.maximum(scale * (self.level / len(self.factors)), 1e-12)
        return p, scale, scale + (1 - p) * self.rest

    def met(self, name: str, chance: Floats | None, money: Mapping[str, Floats], actual: Floats) -> Hurdle:
        """The part *name* alone, with the total of the positive values of these rows met."""
        alone = replace(self, factors={name: 1.0}, level=1.0)
        factor = float(np.maximum(actual, 0).sum() / alone.parts(chance, money)[1].sum())
        return replace(alone, factors={name: factor})

    def levelled(self, chance: Floats | None, money: Mapping[str, Floats], actual: Floats) -> Hurdle:
        """The same with the total of these rows met."""
        p, scale, _ = replace(self, level=1.0).parts(chance, money)
        level = (actual.sum() - float(np.sum((1 - p) * self.rest))) / scale.sum()
        return replace(self, level=float(np.clip(level, *_LEVEL)))

    def following(self, ahead: Ahead) -> Hurdle:
        """The same with the levels that are forecast; that of the first day holds."""
        return replace(self, level=_level(ahead.shifts[0]), ahead=ahead)

    def at(self, instant: datetime) -> Hurdle:
        """The same with the level of *instant*; as it is where the level was not followed."""
        return self if self.ahead is None else replace(self, level=_level(self.ahead.at(instant).shift))

    def to_dict(self) -> dict[str, Any]:
        """The numbers as JSON values."""
        plain: dict[str, Any] = {n: getattr(self, n) for n in ("share", "level", "rest")}
        return {
            **plain,
            "factors": dict(self.factors),
            "chance": self.chance.to_dict() if self.chance else None,
            "ahead": self.ahead.to_dict() if self.ahead else None,
        }

    @classmethod
    def from_dict(cls, raw: Any) -> Hurdle:
        """The numbers held by JSON values; ModelError when one is missing or impossible."""
        found = {n: number(raw, n, least=0.0) for n in ("share", "level")}
        told = raw.get("factors")
        if not isinstance(told, dict) or not told:
            raise _damaged("factors")
        factors = {str(name): number(told, name, least=0.0) for name in told}
        chance = SigmoidCalibrator.from_dict(raw["chance"]) if raw.get("chance") is not None else None
        ahead = Ahead.from_dict(raw.get("ahead"))
        return cls(chance, factors=factors, rest=number(raw, "rest"), ahead=ahead, **found)


@dataclass(frozen=True)
class Ranges:
    """How far actual values lie from the expected one, by band of expected value.

    A row's score is (actual - expected) / scale, where scale is its expected positive part.

    Attributes
    ----------
    edges : array of shape (bands - 1,)
        Rising expected values (money); band k covers ``[edges[k - 1], edges[k])``.
    low, high : arrays of shape (bands,)
        Quantiles of the score with the finite-sample correction of split-conformal prediction: a new row of
        a band lies within low and high with a probability of at least 90 % when it is exchangeable with the
        rows measured here. Of the 10 % outside half lie below; where more have the lowest score (nothing
        earned), so that none can lie below, all lie above.

    References
    ----------
    Vovk, Gammerman, Shafer (2005), Algorithmic learning in a random world (Mondrian conformal
    prediction); Lei et al. (2018), Distribution-free predictive inference for regression, JASA 113.
    """

    edges: Floats
    low: Floats
    high: Floats

    @classmethod
    def measure(cls, expected: Floats, scale: Floats, actual: Floats) -> Ranges:
        """The ranges of rows that the model did not learn from: bands of 200 rows or more, at most 20."""
        edges, parts = _banded(expected, (actual - expected) / scale)
        low, high = zip(*(_ends(part) for part in parts), strict=True)
        return cls(edges, np.array(low), np.array(high))

    @classmethod
    def later(cls, expected: Floats, scale: Floats, actual: Floats, error: float) -> Ranges:
        """The ranges of rows of a later time, whose level is forecast with *error* (of its logarithm).

        What came is moved as the level may have moved; what was expected stays, and so does each row's band.
        """
        moved = np.exp(_ERRORS * error)
        return cls.measure(
            np.tile(expected, len(moved)), np.tile(scale, len(moved)), np.outer(moved, actual).ravel()
        )

    @classmethod
    def coverage(cls, expected: Floats, scale: Floats, actual: Floats) -> float:
        """Share of values in the ranges that the other half of the rows sets; NaN for fewer than two rows."""
        half = np.argsort(np.argsort(expected, kind="stable"), kind="stable") % 2 == 0
        inside = np.zeros(len(actual), dtype=bool)
        for part in (half, ~half):
            if part.all() or not part.any():
                return float("nan")
            ranges = cls.measure(expected[~part], scale[~part], actual[~part])
            low, high = ranges.around(expected[part], scale[part])
            inside[part] = (actual[part] >= low) & (actual[part] <= high)
        return float(inside.mean())

    def around(self, expected: Floats, scale: Floats) -> tuple[Floats, Floats]:
        """Low and high end (money) of each row."""
        band = np.searchsorted(self.edges, expected, side="right")
        return expected + self.low[band] * scale, expected + self.high[band] * scale

    def to_dict(self) -> dict[str, Any]:
        """The numbers as JSON values."""
        return {"edges": self.edges.tolist(), "low": self.low.tolist(), "high": self.high.tolist()}

    @classmethod
    def from_dict(cls, raw: Any) -> Ranges:
        """The ranges held by JSON values; ModelError when they are damaged."""
        edges, low, high = (_array(raw, name, 1) for name in ("edges", "low", "high"))
        _fit(edges, low, high)
        return cls(edges, low, high)


@dataclass(frozen=True)
class Amounts:
    """How actual amounts scatter around the expected amount of a buyer, by band of that amount.

    The median of a value that is nothing with probability 1 - p, and an amount otherwise, is 0 for
    p < 1/2, else the amount's quantile 1 - 1 / (2 p).

    Attributes
    ----------
    edges : array of shape (bands - 1,)
        Rising expected amounts of a buyer (money).
    ratios : array of shape (bands, 41)
        Quantiles of actual / expected amount among buyers, at 0, 0.025 ... 1.
    """

    edges: Floats
    ratios: Floats

    @classmethod
    def measure(cls, amount: Floats, actual: Floats) -> Amounts:
        """The scatter of buyers that the model did not learn from: bands of 200 or more, at most 20."""
        buys = actual > 0
        edges, parts = _banded(amount[buys], actual[buys] / amount[buys])
        return cls(edges, np.array([np.quantile(part, _PROBABILITIES) for part in parts]))

    def median(self, p: Floats, amount: Floats) -> Floats:
        """Median value (money) of rows with that probability to buy and that expected amount."""
        band = np.searchsorted(self.edges, amount, side="right")
        place = np.clip(1 - 0.5 / np.maximum(p, 0.5), 0, 1) * (len(_PROBABILITIES) - 1)
        below = np.minimum(place.astype(np.int64), len(_PROBABILITIES) - 2)
        left, right = self.ratios[band, below], self.ratios[band, below + 1]
        ratio = left + (right - left) * (place - below)
        return np.where(p < 0.5, 0.0, ratio * amount)

    def to_dict(self) -> dict[str, Any]:
        """The numbers as JSON values."""
        return {"edges": self.edges.tolist(), "ratios": self.ratios.tolist()}

    @classmethod
    def from_dict(cls, raw: Any) -> Amounts:
        """The scatter held by JSON values; ModelError when it is damaged."""
        edges, ratios = _array(raw, "edges", 1), _array(raw, "ratios", 2)
        _fit(edges, ratios)
        if ratios.shape[1] != len(_PROBABILITIES):
            raise _damaged("ratios")
        return cls(edges, ratios)


def _level(logarithm: float) -> float:
    return float(np.clip(np.exp(logarithm), *_LEVEL))


def _banded(by: Floats, score: Floats) -> tuple[Floats, list[Floats]]:
    """Edges of equal-count bands of *by*, and the sorted scores of each."""
    count = int(np.clip(len(by) // _BAND_ROWS, 1, _MOST_BANDS))
    edges = np.unique(np.quantile(by, np.arange(1, count) / count))
    which = np.searchsorted(edges, by, side="right")
    parts = [np.sort(score[which == k]) for k in range(len(edges) + 1)]
    # Equal forecasts can leave a band empty: it is measured on all rows.
    return edges, [part if len(part) else np.sort(score) for part in parts]


def _ends(scores: Floats) -> tuple[float, float]:
    """The low and the high end of sorted scores."""
    n, tail = len(scores), (1 - COVERAGE) / 2
    low = scores[max(int(np.floor(tail * (n + 1))) - 1, 0)]
    first, last = (int(np.searchsorted(scores, low, side=side)) for side in _SIDES)
    # A new score lies below the low end with a probability of at most missed / (n + 1); an equal one does not.
    missed = first if last - first > 1 else first + 1
    place = min(int(np.ceil(missed + COVERAGE * (n + 1))), n)
    return float(low), float(scores[place - 1])


def _array(raw: Any, name: str, dimensions: int) -> Floats:
    try:
        found = np.array(raw[name], dtype=np.float64)
    except (TypeError, KeyError, ValueError, IndexError):
        raise _damaged(name) from None
    if found.ndim != dimensions or not np.isfinite(found).all():
        raise _damaged(name)
    return found


def _fit(edges: Floats, *by_band: Floats) -> None:
    if (
        any(len(one) != len(edges) + 1 for one in by_band)
        or len(edges) >= _MOST_BANDS
        or (np.diff(edges) <= 0).any()
    ):
        raise _damaged("edges")


def _damaged(name: str) -> ModelError:
    return ModelError(
        f"the value numbers {name!r} are damaged",
        where="calibrator.json",
        expected="finite numbers by rising bands",
        fix="use a bundle that cxml wrote",
    )
