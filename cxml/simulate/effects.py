"""What each experience does to leaving: the part of the truth that a user may set."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Literal

EffectKind = Literal["effect", "null", "outcome"]


@dataclass(frozen=True, kw_only=True)
class Effects:
    """Change of the log-hazard of leaving per unit of each exposure; 0 switches a factor off.

    The exposures are those of ``exposures.FACTORS``, over the 90 days before a month's start.
    Everything else of a life (contacts, orders, messages) is drawn before anybody leaves, so two
    companies that differ in their effects only differ in who leaves when.

    Examples
    --------
    >>> Effects(waiting=0).waiting, Effects.none().resolution
    (0, 0.0)
    """

    waiting: float = 0.19
    resolution: float = 1.65
    personalization: float = 1.30
    repeats: float = 0.48
    effort: float = 0.46
    abandonment: float = 0.50
    recovery: float = -0.36
    language: float = 0.0
    delivery: float = 0.0
    feedback: float = 0.0

    @classmethod
    def none(cls) -> Effects:
        """A company in which no experience changes who leaves."""
        return cls(**{field.name: 0.0 for field in dataclasses.fields(cls)})

    def of(self, factor: str) -> float:
        """The effect of *factor* by its name."""
        return float(getattr(self, factor))
