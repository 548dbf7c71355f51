"""What the workbench found: tables for people and machines, and the horizon it suggests."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any

import pandas as pd


@dataclass(frozen=True)
class Suggestion:
    """A horizon, and what it rests on.

    Attributes
    ----------
    days : int
    rule : {"return", "longest", "leavers", "most"}
        ``return``: of those silent for so long, few enough come back; ``longest``: of none few enough do, and this is
        the longest silence seen; ``leavers``: so many leave in it that a model can learn; ``most``: too few do in any.
        Only horizons that leave a later cutoff to test on are looked at.
    figure : float
        The share of those silent for *days* who come back (``return``, ``longest``); else the customers who left at
        any cutoff.
    """

    days: int
    rule: str
    figure: float


@dataclass(frozen=True)
class Horizon:
    """What a horizon costs: the longer it is, the fewer cutoffs have a known outcome.

    Attributes
    ----------
    days : int
    cutoffs : int
        Month starts whose outcome is known, of the last ten years; 0 where none is yet.
    tests : bool
        Whether a training has one of them left to test on, later than all that it learns from.
    """

    days: int
    cutoffs: int
    tests: bool


@dataclass(frozen=True)
class Workbench:
    """What leaving could mean in these data.

    Attributes
    ----------
    rates : DataFrame
        A row per definition and cutoff: ``definition``, ``days`` (horizon), ``in_force``, ``cutoff`` (a day of the
        project's zone), ``at_risk``, ``left``, ``rate``, and the 95 % interval ``low``, ``high`` (Wilson).
    definitions : DataFrame
        A row per definition: ``definition``, ``days``, ``in_force``, ``cutoffs``, the snapshots ``at_risk`` and those
        that ``left``, ``rate`` over all of them, the ``customers`` and ``leavers`` in these (each once, at however many
        cutoffs), ``lowest`` and ``highest`` rate of a cutoff, ``last_usable`` (the last day whose label is known).
    returns : DataFrame
        A row per length of silence: ``silent`` (days at least), ``silences`` (of a customer one at each of three
        cutoffs), and the shares that came back within 30, 90 and ``reach`` days: ``back_30``, ``back_90`` (where
        ``reach`` is longer), ``back``. Empty where nothing tells who is active.
    reach : int
        Days after a silence in which a return was looked for.
    ways : DataFrame
        A row per cutoff: ``cutoff``, and the customers who ``asked`` and who had ``not_asked`` to end the contract.
        Empty where nothing tells.
    suggestion : Suggestion or None
        None where nothing tells, or no horizon leaves a cutoff to test on.
    horizons : tuple of Horizon
        The horizons that were compared, by length, under the definition in force; empty beside a ready label.
    without : int
        Customers without a ready label; 0 where leaving is not told by one.
    broken : dict or None
        Where a log breaks off, after which nothing is looked at: ``log``, ``day`` and, in words, ``what``.
    """

    rates: pd.DataFrame
    definitions: pd.DataFrame
    returns: pd.DataFrame
    reach: int
    ways: pd.DataFrame
    suggestion: Suggestion | None
    horizons: tuple[Horizon, ...] = ()
    without: int = 0
    broken: dict[str, str] | None = None

    def rows(self) -> dict[str, Any]:
        """Everything as plain lists and dictionaries."""
        return {
            "rates": self.rates.to_dict("records"),
            "definitions": self.definitions.to_dict("records"),
            "returns": self.returns.to_dict("records"),
            "reach": self.reach,
            "ways": self.ways.to_dict("records"),
            "suggestion": dataclasses.asdict(self.suggestion) if self.suggestion else None,
            "horizons": [dataclasses.asdict(one) for one in self.horizons],
            "without": self.without,
            "broken": self.broken,
        }
