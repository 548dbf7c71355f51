"""The typical case beside the expected one: what the median is, learned from forecasts that have come due."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from sklearn.isotonic import IsotonicRegression

from cxml.errors import ModelError

Floats = NDArray[np.float64]
_BAND_ROWS = 100
_BAND_SHARE = 0.02
_STEP = 1.15
_FIRST = 0.25


@dataclass(frozen=True)
class Typical:
    """Median = ratio of the band * expectation, with bands of expected purchases.

    Most customers who are expected to buy less than about once do not buy at all: their ratio is 0.

    Attributes
    ----------
    edges : array of shape (bands - 1,)
        Rising expected purchases.
    ratios : array of shape (bands,)
        Per band the ratio to the expectation with the least absolute error; it never falls.
    """

    edges: Floats
    ratios: Floats

    @classmethod
    def measure(cls, count: Floats, expected: Floats, actual: Floats) -> Self:
        """The ratios of forecasts that have come due.

        Parameters
        ----------
        count : array of shape (rows,)
            Expected purchases.
        expected, actual : arrays of shape (rows,)
            What was expected and what came, of the quantity that medians are wanted of.
        """
        order = np.argsort(count, kind="stable")
        count, expected, actual = count[order], expected[order], actual[order]
        least = max(_BAND_ROWS, int(_BAND_SHARE * len(count)))
        edges: list[float] = []
        start, edge = 0, _FIRST
        while len(count) - start >= 2 * least and edge <= count[-1]:
            stop = int(np.searchsorted(count, edge))
            if stop - start >= least and len(count) - stop >= least:
                edges.append(edge)
                start = stop
            edge *= _STEP
        band = np.searchsorted(edges, count, side="right")
        rows = np.bincount(band, minlength=len(edges) + 1).astype(np.float64)
        found = np.array([_ratio(expected[band == k], actual[band == k]) for k in range(len(rows))])
        place = np.arange(len(rows))
        return cls(np.array(edges), IsotonicRegression().fit(place, found, sample_weight=rows).predict(place))

    def median(self, count: Floats, expected: Floats) -> Floats:
        """The median of rows with that expected number of purchases and that expectation."""
        return self.ratios[np.searchsorted(self.edges, count, side="right")] * expected

    def to_dict(self) -> dict[str, Any]:
        """The numbers as JSON values."""
        return {"edges": self.edges.tolist(), "ratios": self.ratios.tolist()}

    @classmethod
    def from_dict(cls, raw: Any) -> Self:
        """The rule held by JSON values; ModelError when it is damaged."""
        try:
            edges, ratios = (np.array(raw[name], dtype=np.float64) for name in ("edges", "ratios"))
            whole = edges.ndim == ratios.ndim == 1 and len(ratios) == len(edges) + 1
            whole = whole and bool(np.isfinite(edges).all() and np.isfinite(ratios).all())
            whole = whole and bool((np.diff(edges) > 0).all() and (ratios >= 0).all())
        except (TypeError, KeyError, ValueError, IndexError):
            whole = False
        if not whole:
            raise ModelError(
                "the numbers of the median are damaged",
                where="calibrator.json",
                expected="rising edges and a ratio a band",
                fix="use a bundle that cxml wrote",
            )
        return cls(edges, ratios)


def _ratio(expected: Floats, actual: Floats) -> float:
    """The r with the least sum of |actual - r * expected|: the median of their ratios, weighted by *expected*."""
    some = expected > 0
    if not some.any():
        return 0.0
    ratio, weight = actual[some] / expected[some], expected[some]
    order = np.argsort(ratio, kind="stable")
    total = np.cumsum(weight[order])
    return float(max(ratio[order][np.searchsorted(total, total[-1] / 2)], 0.0))
