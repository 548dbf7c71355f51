"""The factors of the small company with known effects, and the groups of confounders among them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class WorldFactor:
    """How a factor of the world is declared: as a company would declare its own.

    Attributes
    ----------
    name : str
    kind : {"lever", "volume", "outcome"}
    tier : int
    direction : {"+", "-", "±"}
    unit : str
        Unit of its exposure, as of a feature.
    any : bool
        Its exposure is 0 or 1.
    acts : bool
        Whether leaving answers to it.
    population : {"contacted", "messaged", "everyone"}
    after : tuple of str
        Factors of the same tier that come before it.
    """

    name: str
    kind: Literal["lever", "volume", "outcome"]
    tier: int
    direction: Literal["+", "-", "±"]
    unit: Literal["s", "count", "share", "flag", "score"]
    any: bool
    acts: bool
    population: Literal["contacted", "messaged", "everyone"] = "contacted"
    after: tuple[str, ...] = ()


FACTORS = (
    WorldFactor("issues", "volume", 1, "±", "count", False, True, "everyone"),
    WorldFactor("wait", "lever", 2, "+", "s", False, True),
    WorldFactor("untrained", "lever", 2, "+", "share", False, False),
    WorldFactor("abandoned", "lever", 2, "+", "flag", True, True, after=("wait",)),
    WorldFactor("language", "lever", 3, "+", "flag", True, True),
    WorldFactor("transfers", "lever", 3, "+", "count", False, True),
    WorldFactor("verifications", "lever", 3, "+", "count", False, False, after=("transfers", "language")),
    WorldFactor("scripted", "lever", 3, "+", "share", False, False),
    WorldFactor("queue", "lever", 3, "+", "s", False, False, "everyone"),
    WorldFactor("impersonal", "lever", 3, "+", "share", False, True, "messaged"),
    WorldFactor("billing", "lever", 3, "+", "count", False, True, "everyone"),
    WorldFactor("unresolved", "lever", 4, "+", "flag", True, True),
    WorldFactor("repeats", "lever", 4, "+", "count", False, True, after=("unresolved",)),
    WorldFactor("score", "outcome", 5, "-", "score", False, False),
)
"""The factors, in the order of the story."""

GROUPS = {
    "tenure": "contract",
    "plan": "contract",
    "usage": "behaviour",
    "spend": "behaviour",
    "proxy": "behaviour",
    "segment": "segment",
    "foreign": "segment",
    "hurried": "segment",
    "earlier_contacts": "history",
    "topic": "demand",
    "issues": "demand",
}
"""What the controls are about."""
