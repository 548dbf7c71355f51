"""The experience factors of the simulated company: what each exposure is, and what is usual of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

EffectKind = Literal["effect", "null", "outcome"]
WINDOW_D = 90


@dataclass(frozen=True)
class TrueFactor:
    """An experience factor.

    Attributes
    ----------
    name : str
    way : {-1, 1}
        Whether more of the exposure drives away (1) or keeps (-1).
    per_unit : str
        What a unit of the exposure is.
    usual, spread : float
        Mean and standard deviation of the exposure over customers at risk, rounded. Effects count from
        the usual, so that a company with other effects loses other customers, not more of them; and
        an exposure that is a mean of something stands at the usual where there is nothing to average.
    days : int
        The exposure looks back on ``[start - days, start)`` of a month.
    outcome : bool
        The exposure is what experience left behind, such as a survey score.
    """

    name: str
    way: int
    per_unit: str
    usual: float
    spread: float
    days: int = WINDOW_D
    outcome: bool = False


FACTORS = (
    TrueFactor(
        "waiting", 1, "minute of mean wait over contacts with a queue, at most 20; 0 without", 1.65, 3.35
    ),
    TrueFactor("resolution", 1, "issue contacted about and still open, at most 2", 0.12, 0.345),
    TrueFactor(
        "personalization", 1, "share of available fields that messages left unused; 0 without", 0.435, 0.25
    ),
    TrueFactor("repeats", 1, "contact within 7 days of one on the same topic, at most 4", 0.255, 0.625),
    TrueFactor("effort", 1, "transfer or verification a contact, at most 3", 0.25, 0.43),
    TrueFactor("abandonment", 1, "any abandoned contact (0 or 1)", 0.125, 0.33),
    TrueFactor("recovery", -1, "share of bad issues with a recovery; 0 without", 0.13, 0.32),
    TrueFactor("conduct", 1, "1 less empathy, plus 1 if scripted, a contact with a person", 0.645, 0.39),
    TrueFactor("billing", 1, "bill line above what could be expected, at most 3", 0.2, 0.47),
    TrueFactor("visits", 1, "share of field visits late or missed; 0 without", 0.095, 0.275, days=180),
    TrueFactor("digital", 1, "kind of trouble (error, rage, failed payment) an online session", 0.325, 0.36),
    TrueFactor("product", 1, "issue about a defect or an installation, at most 3", 0.155, 0.43),
    TrueFactor(
        "price", 1, "share of orders with a shipping fee, plus 10 % rise of the price", 0.59, 0.44, days=365
    ),
    TrueFactor("self_service", 1, "share of searches for help that found nothing", 0.375, 0.365),
    TrueFactor(
        "returns", 1, "share of returns refused or 14 days without refund; 0 without", 0.18, 0.36, days=180
    ),
    TrueFactor("replies", 1, "share of own public complaints unanswered; 0 without", 0.135, 0.33, days=180),
    TrueFactor(
        "proactive", -1, "contact that the company began before it was needed, at most 2", 0.205, 0.475
    ),
    TrueFactor("skill", 1, "share of contacts with an agent not trained for the topic", 0.285, 0.31),
    TrueFactor("store", 1, "minute of mean queue in a store, at most 20", 4.7, 3.2),
    TrueFactor("consistency", 1, "standard deviation over mean of waits, at most 2.5", 1.38, 0.34, days=365),
    TrueFactor("language", 1, "share of contacts in another language than one's own; 0 without", 0.055, 0.16),
    TrueFactor("delivery", 1, "share of deliveries after the promise; 0 without", 0.15, 0.25),
    TrueFactor("feedback", -1, "mean survey score, 0 to 1; 0.5 without an answer", 0.63, 0.185, outcome=True),
    TrueFactor("sentiment", -1, "mean mood at the end of contacts, -1 to 1", 0.22, 0.265, outcome=True),
    TrueFactor("posts", 1, "public complaint, at most 3", 0.21, 0.475, outcome=True),
)
"""The exposures, and the fields of ``Effects``."""

BY_NAME = {factor.name: factor for factor in FACTORS}
