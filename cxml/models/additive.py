"""A raw score that is a sum of one curve per feature, so that what a feature adds is exact.

A curve is straight between its knots and flat beyond them: a value that training never saw counts as the
nearest one that it saw, so no later batch can be carried away along a line. What is missing has a number of its
own. The codes of a category are knots as well, one per level.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NoReturn

import numpy as np
from numpy.typing import NDArray

from cxml.errors import ModelError

Floats = NDArray[np.float64]
Matrix = NDArray[np.float32]
MOST_KNOTS = 2_000
_LARGEST = 1e300


@dataclass(frozen=True)
class FeatureCurve:
    """What one feature adds.

    Attributes
    ----------
    at, adds : tuple of float
        Values of the feature, rising, and what each adds to the raw score.
    missing : float
        What is added where the feature is missing.

    Examples
    --------
    >>> curve = FeatureCurve((0.0, 10.0), (-1.0, 1.0), missing=0.5)
    >>> curve.of(np.array([5.0, 1e9, np.nan], dtype=np.float32)).tolist()
    [0.0, 1.0, 0.5]
    """

    at: tuple[float, ...]
    adds: tuple[float, ...]
    missing: float

    def of(self, values: Matrix) -> Floats:
        """What each of *values* adds."""
        found = np.interp(values.astype(np.float64), self.at, self.adds)
        return np.where(np.isnan(values), self.missing, found)


@dataclass(frozen=True)
class Additive:
    """The sum of a base and of one curve per feature; None where a feature adds nothing."""

    base: float
    curves: tuple[FeatureCurve | None, ...]

    def margin(self, X: Matrix) -> Floats:
        """The raw score of each row of the encoded table *X*."""
        self._fits(X)
        found = np.full(len(X), self.base)
        for i, curve in enumerate(self.curves):
            if curve is not None:
                found += curve.of(X[:, i])
        return found

    def contributions(self, X: Matrix) -> Floats:
        """What each feature adds to the raw score, array of shape (rows, features + 1); the last column is the base."""
        self._fits(X)
        found = np.zeros((len(X), len(self.curves) + 1))
        for i, curve in enumerate(self.curves):
            if curve is not None:
                found[:, i] = curve.of(X[:, i])
        found[:, -1] = self.base
        return found

    def gains(self, X: Matrix, hit: Floats) -> Floats:
        """By about how much each feature lowers the loss of outcomes *hit*, as trees count it: twice the log loss."""
        bend = float(hit.mean() * (1 - hit.mean()))
        return np.array(
            [
                0.0 if curve is None else bend * len(X) * float(curve.of(X[:, i]).var())
                for i, curve in enumerate(self.curves)
            ]
        )

    def to_dict(self) -> dict[str, Any]:
        """The curves as JSON values."""
        curves = [
            curve and {"at": [*curve.at], "adds": [*curve.adds], "missing": curve.missing}
            for curve in self.curves
        ]
        return {"base": self.base, "curves": curves}

    @classmethod
    def from_dict(cls, raw: Any, features: int) -> Additive:
        """The curves held by JSON values, for *features* columns.

        Raises
        ------
        ModelError
            A number is missing or not finite, knots do not rise, or there is another number of curves.
        """
        plain = raw if isinstance(raw, dict) else {}
        curves = plain.get("curves")
        if not isinstance(curves, list) or len(curves) != features or set(plain) != {"base", "curves"}:
            _refuse(f"there are not {features} curves")
        return cls(
            _numbers([plain["base"]], "base")[0], tuple(_curve(one, i) for i, one in enumerate(curves))
        )

    def _fits(self, X: Matrix) -> None:
        if X.ndim != 2 or X.shape[1] != len(self.curves):
            raise ModelError(
                f"the table has shape {X.shape}",
                where="curves",
                expected=f"{len(self.curves)} columns",
                fix="encode the table with the schema of the model",
            )


def _curve(raw: Any, number: int) -> FeatureCurve | None:
    if raw is None:
        return None
    if not isinstance(raw, dict) or set(raw) != {"at", "adds", "missing"}:
        _refuse(f"curve {number} is not whole")
    at, adds = (_numbers(raw[key], f"curve {number}") for key in ("at", "adds"))
    if not 1 <= len(at) == len(adds) <= MOST_KNOTS or any(a >= b for a, b in itertools.pairwise(at)):
        _refuse(f"curve {number} has knots that do not rise, or not a number for each")
    return FeatureCurve(at, adds, _numbers([raw["missing"]], f"curve {number}")[0])


def _numbers(raw: Any, where: str) -> tuple[float, ...]:
    if not isinstance(raw, Sequence) or isinstance(raw, str):
        _refuse(f"{where} is not whole")
    if not all(isinstance(one, int | float) and not isinstance(one, bool) for one in raw):
        _refuse(f"{where} holds what is not a number")
    if not all(abs(one) <= _LARGEST for one in raw):  # also false for NaN
        _refuse(f"{where} holds an infinite number")
    return tuple(map(float, raw))


def _refuse(why: str) -> NoReturn:
    raise ModelError(
        f"the curves are damaged: {why}",
        where="curves",
        expected="curves that cxml wrote",
        fix="use another bundle, or train again",
    )
