"""Who is hit: the scored customers added up by segment and by what they lived through, chunk by chunk.

Sums are kept in whole units (a billionth of a customer, a ten-thousandth of the currency), so they are the same
whatever the chunks and the order of the rows.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from cxml.drivers.evidence import beyond
from cxml.drivers.hits import PREFIX
from cxml.factors.declare import NAMED

Floats = NDArray[np.float64]
DAYS = (0, 30, 60, 90, 120, 180, 240, 300, 365)
"""Days at which the share of a segment still there is told."""
MOST_LEVELS = 12
"""Largest segments of an attribute; the others are one."""
OTHERS = "*"
"""The level that stands for all smaller ones together."""
_CUSTOMER, _MONEY = 1e9, 1e4


class Segments:
    """Adds up scores by the attributes of customers and by the comparisons of the bundle's evidence.

    Parameters
    ----------
    labels : mapping
        Of the bundle. Attributes are its features of unit ``text`` in factors of the kinds ``context`` and ``column``.
    comparisons : mapping
        Factor -> ``feature``, ``threshold`` and ``above``, as in ``evidence.evidence_of``.
    kept : mapping of str to sequence of str
        Of attributes with very many levels (``Schema.grouped``), those that are told apart; the others are one.

    Examples
    --------
    >>> labels = {"factors": {"profile": {"kind": "context"}, "waiting": {"kind": "lever"}},
    ...           "features": {"customer_region": {"factor": "profile", "unit": "text"}}}
    >>> groups = Segments(labels, {})
    >>> groups.add(pd.DataFrame({"customer_region": ["north", "south", "north"]}),
    ...            pd.DataFrame({"churn_probability": [0.5, 0.1, 0.3], "hit_waiting": [0.4, 0.0, 0.0]}))
    >>> [(row["level"], row["customers"], row["leavers"], row["hit"]["waiting"]) for row in groups.segments()]
    [('north', 2, 0.8, 1), ('south', 1, 0.1, 0)]
    """

    def __init__(
        self,
        labels: Mapping[str, Any],
        comparisons: Mapping[str, Mapping[str, Any]],
        kept: Mapping[str, Sequence[str]] | None = None,
    ) -> None:
        kinds = {name: label["kind"] for name, label in labels["factors"].items()}
        self.levers = tuple(name for name, kind in kinds.items() if kind in NAMED)
        self.attributes = tuple(
            name
            for name, label in labels["features"].items()
            if label["unit"] == "text" and kinds[label["factor"]] in ("context", "column")
        )
        self._comparisons = comparisons
        self._kept = {name: set(levels) for name, levels in (kept or {}).items()}
        self._sums: dict[tuple[str, str | None], dict[str, int]] = defaultdict(lambda: defaultdict(int))
        self._beyond: dict[str, dict[str, int]] = {name: defaultdict(int) for name in comparisons}

    def add(self, frame: pd.DataFrame, scores: pd.DataFrame, staying: Floats | None = None) -> None:
        """Count the customers of a chunk.

        Parameters
        ----------
        frame : DataFrame
            Features of the rows.
        scores : DataFrame
            ``churn_probability``, ``hit_<factor>`` and, where a value is known, ``value_at_risk``.
        staying : array of shape (rows, len(DAYS)), optional
            Chance to be there still after each of ``DAYS``; NaN in the rows that nobody asked about.
        """
        figures = _figures(scores, self.levers)
        if staying is not None:
            figures |= {
                f"stays_{day}": _whole(column, _CUSTOMER) for day, column in zip(DAYS, staying.T, strict=True)
            }
        _into(self._sums["", None], np.ones(len(frame), dtype=bool), figures)
        for attribute in self.attributes:
            codes, levels = pd.factorize(frame[attribute].astype(object))
            known = codes >= 0
            for figure, values in figures.items():
                totals = np.zeros(len(levels), dtype=np.int64)
                np.add.at(totals, codes[known], values[known])
                for name, total in zip(levels, totals.tolist(), strict=True):
                    self._sums[attribute, self._told_apart(attribute, str(name))][figure] += total
        for factor, told in self._comparisons.items():
            if told["feature"] in frame:
                value, level = frame[told["feature"]], told.get("level", "")
                value = value if level else value.astype(float).to_numpy(dtype=np.float64)
                _into(self._beyond[factor], beyond(value, told["threshold"], told["above"], level), figures)

    def segments(self) -> list[dict[str, Any]]:
        """A row per attribute and level, the largest first: ``attribute``, ``level`` and the figures of a group.

        Figures are ``customers``, ``leavers`` (expected), ``value_at_risk`` (money; None where unknown),
        ``hit`` (factor -> customers hit) and ``stays`` (share still there after each of ``DAYS``; None where
        unknown). Of an attribute with many levels the smaller ones are added up under ``OTHERS``.
        """
        found = []
        for attribute in self.attributes:
            levels = sorted(
                ((level, sums) for (name, level), sums in self._sums.items() if name == attribute),
                key=lambda one: (one[0] == OTHERS, -one[1]["customers"], one[0]),
            )
            named = sum(level != OTHERS for level, _ in levels)
            shown, rest = levels[: min(named, MOST_LEVELS)], levels[min(named, MOST_LEVELS) :]
            if rest:
                together: dict[str, int] = defaultdict(int)
                for _, sums in rest:
                    for name, number in sums.items():
                        together[name] += number
                shown.append((OTHERS, together))
            found += [{"attribute": attribute, "level": level, **self._told(sums)} for level, sums in shown]
        return found

    def as_json(self) -> dict[str, Any]:
        """``everybody``, ``segments`` and ``beyond`` (factor -> those beyond its threshold) as JSON values."""
        return {
            "days": list(DAYS),
            "everybody": self._told(self._sums["", None]),
            "segments": self.segments(),
            "beyond": {factor: self._told(sums) for factor, sums in self._beyond.items()},
        }

    def _told_apart(self, attribute: str, level: str) -> str:
        return level if level in self._kept.get(attribute, {level}) else OTHERS

    def _told(self, sums: Mapping[str, int]) -> dict[str, Any]:
        customers = sums.get("customers", 0)
        stays = [sums.get(f"stays_{day}", 0) / _CUSTOMER for day in DAYS]
        seen = sums.get("stays_0", 0) / _CUSTOMER
        return {
            "customers": customers,
            "leavers": sums.get("leavers", 0) / _CUSTOMER,
            "value_at_risk": sums["value_at_risk"] / _MONEY if "value_at_risk" in sums else None,
            "hit": {factor: sums.get(PREFIX + factor, 0) for factor in self.levers},
            "stays": [number / seen for number in stays] if seen else None,
        }


def _figures(scores: pd.DataFrame, levers: tuple[str, ...]) -> dict[str, NDArray[np.int64]]:
    p = scores["churn_probability"].to_numpy(dtype=np.float64)
    found = {"customers": np.ones(len(p), dtype=np.int64), "leavers": _whole(p, _CUSTOMER)}
    if "value_at_risk" in scores and scores["value_at_risk"].notna().any():
        found["value_at_risk"] = _whole(scores["value_at_risk"].to_numpy(dtype=np.float64), _MONEY)
    for factor in levers:
        found[PREFIX + factor] = (scores[PREFIX + factor].to_numpy() > 0).astype(np.int64)
    return found


def _whole(value: ArrayLike, unit: float) -> NDArray[np.int64]:
    return np.rint(np.nan_to_num(np.asarray(value, dtype=np.float64)) * unit).astype(np.int64)


def _into(sums: dict[str, int], rows: NDArray[np.bool_], figures: Mapping[str, NDArray[np.int64]]) -> None:
    for name, values in figures.items():
        sums[name] += int(values[rows].sum())
