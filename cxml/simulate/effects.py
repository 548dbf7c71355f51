"""What each experience does to leaving: the part of the truth that a user may set."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

from cxml.errors import ConfigError, did_you_mean
from cxml.simulate.factors import BY_NAME, EffectKind

ALONE = 0.8
"""Standard deviation in the log-hazard of an effect that is switched on alone."""


@dataclass(frozen=True, kw_only=True)
class Effects:
    """Change of the log-hazard of leaving per unit of each exposure; 0 switches a factor off.

    The exposures are those of ``factors.FACTORS``. Everything else of a life (contacts, orders,
    messages) is drawn before anybody leaves, so two companies that differ in their effects only
    differ in who leaves when.

    Examples
    --------
    >>> Effects(waiting=0).waiting, Effects.none().resolution
    (0, 0.0)
    >>> round(Effects.only("waiting").waiting * 3.35, 3)    # 3.35 minutes are a standard deviation
    0.8
    >>> Effects().without("waiting") == Effects(waiting=0)
    True
    """

    waiting: float = 0.17
    resolution: float = 1.50
    personalization: float = 1.35
    repeats: float = 0.50
    effort: float = 0.54
    abandonment: float = 0.70
    recovery: float = -0.70
    conduct: float = 0.70
    billing: float = 0.65
    visits: float = 0.95
    digital: float = 0.65
    product: float = 0.55
    price: float = 0.45
    self_service: float = 0.55
    returns: float = 0.0
    replies: float = 0.0
    proactive: float = 0.0
    skill: float = 0.0
    store: float = 0.0
    consistency: float = 0.0
    language: float = 0.0
    delivery: float = 0.0
    feedback: float = 0.0
    sentiment: float = 0.0
    posts: float = 0.0

    @classmethod
    def none(cls) -> Effects:
        """A company in which no experience changes who leaves."""
        return cls(**{field.name: 0.0 for field in dataclasses.fields(cls)})

    @classmethod
    def only(cls, *factors: str, spread: float = ALONE) -> Effects:
        """A company in which the named factors alone change who leaves, one as much as the other.

        Parameters
        ----------
        spread : float
            Standard deviation, over customers at risk, of what each of them adds to the log-hazard.

        Raises
        ------
        ConfigError
            An unknown factor.
        """
        acting = {name: BY_NAME[name].way * spread / BY_NAME[name].spread for name in _known(factors)}
        return dataclasses.replace(cls.none(), **acting)

    def without(self, *factors: str) -> Effects:
        """The same company, in which the named factors change nothing.

        Raises
        ------
        ConfigError
            An unknown factor.
        """
        return dataclasses.replace(self, **dict.fromkeys(_known(factors), 0.0))

    def of(self, factor: str) -> float:
        """The effect of *factor* by its name."""
        return float(getattr(self, factor))

    def kind(self, factor: str) -> EffectKind:
        """Whether *factor* is an outcome, acts on leaving, or does not."""
        if BY_NAME[factor].outcome:
            return "outcome"
        return "effect" if self.of(factor) else "null"


def _known(factors: tuple[str, ...]) -> tuple[str, ...]:
    for name in factors:
        if name not in BY_NAME:
            raise ConfigError(
                f"there is no factor {name!r}",
                where="the effects of a simulated company",
                expected=f"one of {', '.join(BY_NAME)}",
                fix=did_you_mean(name, BY_NAME),
            )
    return factors
