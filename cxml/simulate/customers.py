"""The customers: when they joined, what they are like, and what no table shows of them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from cxml.simulate.months import Months
from cxml.simulate.rows import DAY, NEVER, BoolArray, FloatArray, IntArray, Rows, days_s

LANGUAGES = ("ko", "en", "zh")
REGIONS = ("seoul", "gyeonggi", "busan", "daegu", "gwangju", "daejeon", "jeju")
TIERS = ("basic", "silver", "gold", "vip")
ACQUIRED = ("store", "web", "referral", "partner", "call")
PREFERRED = ("phone.human", "chat.live", "email", "chat.bot", "social.messenger", "store")

_AT_START = 0.85
_MEAN_TENURE_D = 700.0
_LONGEST_TENURE_D = 3_000.0
_STAYED = 0.4  # who is there at the start is who has not left before: heavier users
_EQUIPPED, _STANDING, _RENEWS, _LIFE_EVENT = 0.6, 0.12, 0.7, 0.25
_STORE_KM = 4.0


@dataclass(frozen=True)
class People:
    """One entry per customer, in the order in which they joined.

    Attributes
    ----------
    joined : int64 array
        Seconds since 1970; the contract starts at the same instant.
    usage, need, patience, value, openness, coverage, hidden : float arrays
        Normal traits with a spread of 1: how much the service is used (more contacts, more orders, longer
        stay), how often something goes wrong, patience in a queue, spend, readiness to answer
        surveys, how much of the customer's profile messages can use, and what no table shows.
    store_km : float array
        Way to the nearest store.
    language, region, acquired, preferred, tier, plan, rhythm, birth_year, billing_day : int64 arrays
        Codes into the word lists of this module; the plan is the first one, the billing day 1 to 28.
    equipped, standing, renews : bool arrays
        Has equipment at home that needs visits; orders some things by a standing order; the contract
        renews by itself.
    referred_by : int64 array
        The customer who recommended the company, -1 for nobody.
    life_event : int64 array
        When something changed in the customer's life, ``NEVER`` for most.
    """

    joined: IntArray
    usage: FloatArray
    need: FloatArray
    patience: FloatArray
    value: FloatArray
    openness: FloatArray
    coverage: FloatArray
    hidden: FloatArray
    store_km: FloatArray
    language: IntArray
    region: IntArray
    acquired: IntArray
    preferred: IntArray
    tier: IntArray
    plan: IntArray
    rhythm: IntArray
    birth_year: IntArray
    billing_day: IntArray
    equipped: BoolArray
    standing: BoolArray
    renews: BoolArray
    referred_by: IntArray
    life_event: IntArray

    @property
    def count(self) -> int:
        """How many customers."""
        return len(self.joined)

    def had_joined(self, who: IntArray, at: IntArray) -> BoolArray:
        """Whether each customer had joined by the instant beside it."""
        return at > self.joined[who]

    def rows(self, left: IntArray, last_seen: IntArray) -> Rows:
        """The table ``customers``; who has left has no more changes in life to tell of."""
        return {
            "customer_id": np.arange(self.count),
            "joined_at": self.joined,
            "birth_year": self.birth_year,
            "language": self.language,
            "preferred_channel": self.preferred,
            "region": self.region,
            "member_tier": self.tier,
            "acquired_via": self.acquired,
            "referred_by": self.referred_by,
            "store_distance_km": np.round(self.store_km, 1),
            "life_event_at": np.where(self.life_event < left, self.life_event, NEVER),
            "left_at": left,
            "last_seen_at": last_seen,
        }


WORDS = {
    "language": LANGUAGES,
    "preferred_channel": PREFERRED,
    "region": REGIONS,
    "member_tier": TIERS,
    "acquired_via": ACQUIRED,
}


def draw_population(rng: np.random.Generator, customers: int, months: Months) -> People:
    """*customers* people: 85 % are there at the start, the others join evenly over the months."""

    def trait() -> FloatArray:
        return rng.standard_normal(customers)

    def choice(*shares: float) -> IntArray:
        return rng.choice(len(shares), customers, p=np.array(shares) / sum(shares)).astype(np.int64)

    joined = _joined(rng, customers, months)
    usage, value = trait() + _STAYED * (joined < months.start), trait()
    plan_score = 0.55 * usage + 0.45 * value + 0.7 * trait()
    tier_score = usage + 0.45 * trait()
    acquired = choice(0.3, 0.34, 0.14, 0.12, 0.1)
    return People(
        joined=joined,
        usage=usage,
        need=trait(),
        patience=trait(),
        value=value,
        openness=trait(),
        coverage=trait(),
        hidden=trait(),
        store_km=_STORE_KM * rng.lognormal(-0.4, 0.9, customers),
        language=choice(0.88, 0.08, 0.04),
        region=choice(0.2, 0.26, 0.14, 0.12, 0.1, 0.1, 0.08),
        acquired=acquired,
        preferred=choice(0.46, 0.22, 0.1, 0.1, 0.07, 0.05),
        tier=np.digitize(tier_score, [-0.3, 0.6, 1.6]),
        plan=np.digitize(plan_score, [-0.8, -0.1, 0.6, 1.4]),
        rhythm=choice(0.5, 0.25, 0.25),
        birth_year=np.clip(np.rint(rng.normal(1982, 14, customers)), 1934, 2006).astype(np.int64),
        billing_day=rng.integers(1, 29, customers),
        equipped=rng.random(customers) < _EQUIPPED,
        standing=rng.random(customers) < _STANDING,
        renews=rng.random(customers) < _RENEWS,
        referred_by=_referred_by(rng, acquired),
        life_event=_life_events(rng, joined, months),
    )


def _joined(rng: np.random.Generator, customers: int, months: Months) -> IntArray:
    early = round(_AT_START * customers)
    tenure = np.minimum(rng.exponential(_MEAN_TENURE_D, early), _LONGEST_TENURE_D) * DAY
    before = months.start - 1 - tenure.astype(np.int64)
    during = rng.integers(months.start, months.end - DAY, customers - early)
    return np.sort(np.concatenate([before, during]))


def _referred_by(rng: np.random.Generator, acquired: IntArray) -> IntArray:
    """Somebody who had joined before, for those who came on a recommendation."""
    before = np.arange(len(acquired))
    someone = np.floor(rng.random(len(acquired)) * before).astype(np.int64)
    came = (acquired == ACQUIRED.index("referral")) & (before > 0)
    return np.where(came, someone, -1)


def _life_events(rng: np.random.Generator, joined: IntArray, months: Months) -> IntArray:
    span_d = (months.end - months.start) / DAY
    at = months.start + days_s(rng.random(len(joined)) * span_d)
    return np.where((rng.random(len(joined)) < _LIFE_EVENT) & (at > joined), at, NEVER)
