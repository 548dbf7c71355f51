"""A small company whose every effect is known: snapshots, exposures in the order of their story, and both truths.

A row is a customer at one of five cutoffs; who has left has no further rows. Exposures follow each other as in
life: issues, then the queue, then how it was handled, then how it ended; each answers to what came before it.
Leaving answers to most of them, not in a straight line. Some do nothing, and a score at the end only tells
how it went. A trait that nothing records can be switched on: heavy users contact more and stay longer.

The same numbers drive every *what if*: an effect is the difference between two lives that differ in one exposure
and in what follows from it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import expit, ndtr, ndtri

from cxml.simulate.causal_factors import FACTORS, WorldFactor

Floats = NDArray[np.float64]

CUTOFFS = 5
LONGEST_MIN = 30.0
_BASE = -3.95
_MOST = 4
_UNIT: Mapping[str, float] = {"s": 60.0, "share": 0.1, "score": 0.1}
_SEGMENTS = {"basic": (0.5, 0.25), "plus": (0.3, 0.0), "pro": (0.2, -0.35)}
_TOPICS = {"bill": (0.35, 0.15), "delivery": (0.30, 0.0), "fault": (0.20, 0.35), "other": (0.15, -0.25)}


@dataclass(frozen=True)
class Hidden:
    """A trait that nothing records: heavy users contact more and stay longer; contacts then do nothing.

    Attributes
    ----------
    strength : float
        Log-odds of contact per standard deviation, and of staying; 0: there is none.
    proxies : float
        Share of the trait that a recorded figure explains, 0 to 1.
    shown : float
        How strongly the activity of an earlier month shows it, against how strongly leaving does.
    """

    strength: float = 0.0
    proxies: float = 0.0
    shown: float = 1.0


@dataclass(frozen=True)
class CausalWorld:
    """Snapshots of customers at risk, and what they are expected to go through.

    Attributes
    ----------
    frame : DataFrame
        ``customer_id``, ``cutoff`` (0 to 4), ``churned`` (0 or 1) and the exposure of each factor, missing where
        it does not concern the customer: waits in seconds.
    before : DataFrame
        What was known when the exposure window began; ``GROUPS`` says what each column is about.
    inside : DataFrame
        What was known as a contact began: its ``topic``.
    activity : array of shape (rows,)
        What the customer did in the month before.
    expected : DataFrame
        E[exposure | all that came before it].
    chance : array of shape (rows,)
        Probability of leaving.
    """

    frame: pd.DataFrame
    before: pd.DataFrame
    inside: pd.DataFrame
    activity: Floats
    expected: pd.DataFrame
    chance: Floats


Life = dict[str, Floats]
Change = Mapping[str, Callable[[Floats], Floats]]


def causal_world(snapshots: int = 20_000, seed: int = 0, hidden: Hidden | None = None) -> CausalWorld:
    """Draw about *snapshots* rows of customers at up to five cutoffs each."""
    trait = hidden or Hidden()
    people = _people(round(snapshots / 4.0), seed, trait)
    stays = np.ones(len(people["usage"]), dtype=bool)
    parts = []
    for cutoff in range(CUTOFFS):
        life = live(people, cutoff, seed, trait)
        left = life["drawn_left"] < life["chance"]
        parts.append(_rows(people, life, cutoff, left, stays))
        stays = stays & ~left
    tables = [pd.concat(tables, ignore_index=True) for tables in zip(*parts, strict=True)]
    frame, before, inside, expected, more = tables
    return CausalWorld(
        frame, before, inside, more["activity"].to_numpy(), expected, more["chance"].to_numpy()
    )


def truth(hidden: Hidden | None = None, customers: int = 100_000, seed: int = 987_654_321) -> pd.DataFrame:
    """Both true effects of each factor, from many more customers than any study has.

    Returns
    -------
    DataFrame
        ``factor``; ``theta``: change of the probability of leaving, in points per unit told (a minute, a tenth of a
        share, one, or any against none), weighted by how much the exposure varies given what came before it;
        ``average``: the plain mean of the change when everybody's exposure is a unit higher, or any instead of
        none, with everything later following.
    """
    trait = hidden or Hidden()
    people = _people(customers, seed, trait)
    stays = np.ones(customers, dtype=bool)
    asked = [factor for factor in FACTORS if factor.kind != "outcome"]
    sums = {factor.name: np.zeros(4) for factor in asked}
    for cutoff in range(CUTOFFS):
        life = live(people, cutoff, seed, trait)
        for factor in asked:
            seen = stays & concerned(life, factor)
            rest = (life[factor.name] - life["expected_" + factor.name])[seen]
            less, more = (
                live(people, cutoff, seed, trait, {factor.name: way})["chance"][seen]
                for way in _a_unit_apart(factor)
            )
            part = [rest @ life["chance"][seen], rest @ rest, (more - less).sum(), len(rest)]
            sums[factor.name] += np.array(part, dtype=np.float64)
        stays = stays & ~(life["drawn_left"] < life["chance"])
    return pd.DataFrame(
        [
            {
                "factor": factor.name,
                "theta": 100 * _UNIT.get(factor.unit, 1.0) * one[0] / one[1],
                "average": 100 * one[2] / one[3],
            }
            for factor, one in zip(asked, sums.values(), strict=True)
        ]
    )


def _a_unit_apart(factor: WorldFactor) -> tuple[Callable[[Floats], Floats], Callable[[Floats], Floats]]:
    """The exposure with less and with more of the factor."""
    if factor.any:
        return np.zeros_like, np.ones_like
    unit = _UNIT.get(factor.unit, 1.0)
    return np.asarray, lambda x: x + unit


def concerned(life: Life, factor: WorldFactor) -> NDArray[np.bool_]:
    """Whom the factor is about."""
    if factor.population == "everyone":
        return np.ones(len(life["chance"]), dtype=bool)
    return life[factor.population] > 0


def _people(count: int, seed: int, trait: Hidden) -> Life:
    """What stays with a customer."""
    rng = np.random.default_rng([seed, CUTOFFS])
    heavy, noise = rng.normal(size=(2, count))
    segment = rng.choice(len(_SEGMENTS), count, p=[share for share, _ in _SEGMENTS.values()])
    return {
        "tenure": rng.exponential(30.0, count),
        "usage": rng.normal(size=count),
        "hurried": rng.normal(size=count),
        "segment": segment.astype(np.float64),
        "foreign": (rng.random(count) < 0.2).astype(np.float64),
        "by_segment": np.array([weight for _, weight in _SEGMENTS.values()])[segment],
        "heavy": heavy,
        "proxy": np.sqrt(trait.proxies) * heavy + np.sqrt(1 - trait.proxies) * noise,
    }


def live(people: Life, cutoff: int, seed: int, trait: Hidden, change: Change | None = None) -> Life:
    """What customers go through before a cutoff, and their chance of leaving after it.

    *change* sets exposures to something else; all that comes later follows, all that is drawn stays the same.
    """
    rng = np.random.default_rng([seed, cutoff])
    drawn = dict(zip(_DRAWN, rng.random((len(_DRAWN), len(people["usage"]))), strict=True))
    ways, life = change or {}, dict(people)
    life["tenure"] = people["tenure"] + cutoff
    life["spend"] = np.exp(3.0 + 0.4 * life["usage"] + 0.5 * ndtri(drawn["spend"]))
    life["earlier_contacts"] = _number(drawn["earlier"], 0.1 + 0.3 * life["usage"], 9)[0]
    life["activity"] = (
        1 + 0.6 * life["usage"] + trait.shown * trait.strength * life["heavy"] + ndtri(drawn["activity"])
    )
    for name, follow in _STORY.items():
        exposure, expected = follow(life, drawn[name], trait)
        life[name] = np.asarray(ways[name](exposure) if name in ways else exposure, dtype=np.float64)
        if expected is not None:
            life["expected_" + name] = expected
        if name == "issues":
            life["contacted"] = (life["issues"] > 0).astype(np.float64)
    life["chance"] = expit(_leaving(life, trait))
    life["drawn_left"] = drawn["left"]
    return life


# --- the story, one step after the other: each gives an exposure, and what it was expected to be ----------

Step = tuple[Floats, Floats | None]


def _any(u: Floats, log_odds: Floats) -> Step:
    chance = expit(log_odds)
    return (u < chance).astype(np.float64), chance


def _number(u: Floats, log_mean: Floats, most: int = _MOST) -> tuple[Floats, Floats]:
    """A Poisson number, at most *most*."""
    mean = np.exp(log_mean)
    chance = np.exp(-mean)
    below, found, expected = chance.copy(), np.zeros_like(mean), np.zeros_like(mean)
    for k in range(1, most + 1):
        found += u > below
        expected += 1 - below
        chance *= mean / k
        below += chance
    return found, expected


def _seconds(u: Floats, log_minutes: Floats, spread: float) -> Step:
    """A log-normal duration, at most half an hour."""
    minutes = np.minimum(np.exp(log_minutes + spread * ndtri(u)), LONGEST_MIN)
    edge = (np.log(LONGEST_MIN) - log_minutes) / spread
    expected = np.exp(log_minutes + spread**2 / 2) * ndtr(edge - spread) + LONGEST_MIN * ndtr(-edge)
    return minutes * 60, expected * 60


def _share(u: Floats, log_odds: Floats, spread: float) -> Step:
    """A share whose log-odds are normal."""
    nodes, weights = np.polynomial.hermite_e.hermegauss(25)
    expected = expit(log_odds[:, None] + spread * nodes) @ (weights / weights.sum())
    return expit(log_odds + spread * ndtri(u)), expected


def _issues(x: Life, u: Floats, trait: Hidden) -> Step:
    reach = expit(
        0.25
        + 0.3 * x["usage"]
        + 0.25 * x["hurried"]
        + 0.5 * x["by_segment"]
        + 0.15 * np.minimum(x["earlier_contacts"], 4)
        + trait.strength * x["heavy"]
    )
    log_mean = -0.9 + 0.2 * x["hurried"] + 0.15 * x["usage"] + 0.3 * trait.strength * x["heavy"]
    more, expected = _number(np.clip((u - 1 + reach) / reach, 0.0, 1.0), log_mean, _MOST - 1)
    return np.where(u > 1 - reach, 1 + more, 0.0), reach * (1 + expected)


def _topic(x: Life, u: Floats, trait: Hidden) -> Step:
    x["topic_code"] = np.searchsorted(np.cumsum([share for share, _ in _TOPICS.values()])[:-1], u).astype(
        float
    )
    return np.array([weight for _, weight in _TOPICS.values()])[x["topic_code"].astype(int)], None


def _wait(x: Life, u: Floats, trait: Hidden) -> Step:
    more = 0.35 * x["hurried"] + x["topic"] + 0.15 * (x["issues"] - 1) + 0.5 * x["by_segment"]
    return _seconds(u, np.log(4.0) + more, 0.75)


def _untrained(x: Life, u: Floats, trait: Hidden) -> Step:
    return _share(u, -0.9 + 1.2 * x["topic"] + 0.4 * x["by_segment"], 1.0)


def _abandoned(x: Life, u: Floats, trait: Hidden) -> Step:
    waited = np.minimum(x["wait"] / 60, 15)
    return _any(u, -2.4 + 0.12 * waited + 0.2 * x["hurried"] + 1.0 * x["topic"])


def _language(x: Life, u: Floats, trait: Hidden) -> Step:
    return _any(u, -4.3 + 3.1 * x["foreign"] + 0.3 * x["by_segment"])


def _transfers(x: Life, u: Floats, trait: Hidden) -> Step:
    return _number(u, -1.0 + 1.5 * x["topic"] + 0.2 * (x["issues"] - 1) + 0.4 * x["by_segment"])


def _verifications(x: Life, u: Floats, trait: Hidden) -> Step:
    return _number(u, -0.5 + 0.3 * x["transfers"] + 0.3 * x["language"] + 0.4 * x["by_segment"])


def _scripted(x: Life, u: Floats, trait: Hidden) -> Step:
    return _share(u, -0.5 + 1.0 * x["untrained"] + x["topic"], 0.8)


def _queue(x: Life, u: Floats, trait: Hidden) -> Step:
    return _seconds(u, np.log(4.0) + 0.6 * x["by_segment"] - 0.2 * x["usage"], 0.5)


def _messaged(x: Life, u: Floats, trait: Hidden) -> Step:
    return _any(u, 1.8 + 0.4 * x["usage"])[0], None


def _impersonal(x: Life, u: Floats, trait: Hidden) -> Step:
    return _share(u, -0.2 + 1.2 * x["by_segment"] - 0.3 * x["usage"], 0.9)


def _billing(x: Life, u: Floats, trait: Hidden) -> Step:
    return _number(u, -1.5 + 0.8 * x["by_segment"] + 0.2 * (np.log(x["spend"]) - 3))


def _unresolved(x: Life, u: Floats, trait: Hidden) -> Step:
    bad = 1.5 * x["topic"] + 0.3 * x["transfers"] + 0.5 * x["abandoned"]
    return _any(u, -1.7 + bad + 0.2 * (x["issues"] - 1))


def _repeats(x: Life, u: Floats, trait: Hidden) -> Step:
    bad = 0.6 * x["abandoned"] + 0.5 * x["unresolved"] + 0.2 * x["transfers"]
    return _number(u, -1.3 + bad + 0.2 * x["hurried"] + 0.2 * (x["issues"] - 1))


def _score(x: Life, u: Floats, trait: Hidden) -> Step:
    bad = 0.04 * x["wait"] / 60 + 0.8 * x["abandoned"] + 0.4 * x["transfers"] + 0.7 * x["unresolved"]
    return expit(1.5 - bad - 0.3 * x["repeats"] + 0.7 * ndtri(u)), None


_STORY: Mapping[str, Callable[[Life, Floats, Hidden], Step]] = {
    "issues": _issues,
    "topic": _topic,
    "wait": _wait,
    "untrained": _untrained,
    "abandoned": _abandoned,
    "language": _language,
    "transfers": _transfers,
    "verifications": _verifications,
    "scripted": _scripted,
    "queue": _queue,
    "messaged": _messaged,
    "impersonal": _impersonal,
    "billing": _billing,
    "unresolved": _unresolved,
    "repeats": _repeats,
    "score": _score,
}
_DRAWN = (*_STORY, "spend", "earlier", "activity", "left")


def _leaving(x: Life, trait: Hidden) -> Floats:
    """Log-odds of leaving: straight in little, and never in a score."""
    before = (
        0.9 * np.exp(-x["tenure"] / 12)
        - 0.35 * np.maximum(x["usage"], -1.0)
        + 0.2 * x["hurried"]
        + 1.0 * x["by_segment"]
        + 0.12 * np.minimum(x["earlier_contacts"], 4)
        - 0.1 * (np.log(x["spend"]) - 3)
        - trait.strength * x["heavy"]
    )
    served = (
        0.6 * x["topic"]
        + 0.06 * np.clip(x["wait"] / 60 - 2, 0, 13)
        + 0.55 * x["abandoned"]
        + 0.9 * x["language"]
        + 0.3 * np.minimum(x["transfers"], 3)
        + 0.55 * x["unresolved"]
        + 0.3 * np.minimum(x["repeats"], 3)
        + 0.1 * x["issues"]
    )
    apart = 1.0 * x["impersonal"] * x["messaged"] + 0.4 * np.minimum(x["billing"], 2)
    harm = served * x["contacted"] if not trait.strength else 0.0
    return np.asarray(_BASE + before + harm + apart)


def _rows(
    people: Life, life: Life, cutoff: int, left: NDArray[np.bool_], stays: NDArray[np.bool_]
) -> tuple[pd.DataFrame, ...]:
    """The customers who are still there: frame, before, inside, expected, and what only the world knows."""
    who = np.flatnonzero(stays)
    frame = {
        "customer_id": np.char.mod("C%06d", who),
        "cutoff": cutoff,
        "churned": left[who].astype(np.float64),
    }
    expected = {}
    for factor in FACTORS:
        about = concerned(life, factor)[who]
        frame[factor.name] = np.where(about, life[factor.name][who], np.nan)
        if factor.kind != "outcome":
            expected[factor.name] = np.where(about, life["expected_" + factor.name][who], np.nan)
    known = ("tenure", "usage", "spend", "hurried", "foreign", "earlier_contacts", "proxy")
    before = pd.DataFrame({name: life[name][who] for name in known})
    before["segment"] = np.array(list(_SEGMENTS), dtype=object)[people["segment"][who].astype(int)]
    topic = np.array(list(_TOPICS), dtype=object)[life["topic_code"][who].astype(int)]
    inside = pd.DataFrame({"topic": np.where(life["contacted"][who] > 0, topic, None)})
    more = pd.DataFrame({"activity": life["activity"][who], "chance": life["chance"][who]})
    return pd.DataFrame(frame), before, inside, pd.DataFrame(expected), more
