"""Small worlds in which it is known how leaving answers to a wait: with a cliff, with a bend, or smoothly.

A row is a customer at a cutoff; those who had contacted us waited once. Who waits long is partly who would
have left anyway: busy hours, heavy use and the segment act on both. Waits are log-normal with a median of
about 4 minutes, and two in five are longer than 5. About one customer in nine leaves, and who has left has
no further rows.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

Floats = NDArray[np.float64]

CUTOFFS = 5
_BASE, _CONTACTED = -2.55, 0.5
"""Log-odds of leaving of a usual customer without any wait, and of having had a contact."""
_MEDIAN_MIN, _SPREAD, _LONGEST_MIN = 4.0, 0.75, 90.0
_SEGMENTS = {"basic": (0.5, 0.15), "plus": (0.3, 0.0), "pro": (0.2, -0.25)}
_TOPICS = {"bill": (0.35, 0.10), "delivery": (0.30, -0.05), "fault": (0.20, 0.25), "other": (0.15, -0.20)}


@dataclass(frozen=True)
class Response:
    """What a wait does to leaving.

    Attributes
    ----------
    shape : callable
        Minutes to log-odds, continuous.
    jump : float
        What a wait longer than ``at`` adds to the probability, beside the shape.
    at : float
        Minutes.
    """

    shape: Callable[[Floats], Floats]
    jump: float = 0.0
    at: float = 6.0


def bent(*knots: tuple[float, float]) -> Callable[[Floats], Floats]:
    """A line of pieces: from each minute on, so much more log-odds a minute; level before the first.

    >>> bent((5, 0.1), (15, 0.0))(np.array([3.0, 7.0, 20.0])).round(2).tolist()
    [0.0, 0.2, 1.0]
    """
    minutes = np.array([minute for minute, _ in knots])
    turns = np.diff([slope for _, slope in knots], prepend=0.0)
    return lambda wait: np.asarray(np.maximum(wait[:, None] - minutes, 0.0) @ turns)


def _by_logarithm(wait: Floats) -> Floats:
    return np.asarray(0.35 * np.log1p(wait))


_GENTLE = bent((0.0, 0.03), (15.0, 0.0))
RESPONSES: Mapping[str, Response] = {
    "cliff": Response(_GENTLE, jump=0.10),
    "small cliff": Response(_GENTLE, jump=0.045),
    "cliff at the promise": Response(_GENTLE, jump=0.10, at=5.0),
    "bend": Response(bent((0.0, 0.02), (6.0, 0.15), (15.0, 0.0))),
    "bend at the promise": Response(bent((5.0, 0.10), (15.0, 0.0))),
    "early bend": Response(bent((0.0, 0.02), (3.0, 0.12), (9.0, 0.0))),
    "late bend": Response(bent((0.0, 0.01), (9.0, 0.12), (22.0, 0.0))),
    "line": Response(bent((0.0, 0.05))),
    "smooth": Response(_by_logarithm),
    "nothing": Response(bent((0.0, 0.0))),
}
"""The worlds by name."""


@dataclass(frozen=True)
class WaitWorld:
    """Snapshots, what was seen of them, and what would have been with other waits.

    Attributes
    ----------
    frame : DataFrame
        ``customer_id``, ``cutoff`` (0 to 4), the ``CONTROLS``, ``wait_min`` (minutes; NaN for who had no
        contact), ``churned`` (0 or 1) and ``value`` (money that is there to lose).
    context : float array (rows)
        Log-odds of leaving without any wait.
    response : Response
    """

    frame: pd.DataFrame
    context: Floats
    response: Response

    @property
    def contacted(self) -> pd.DataFrame:
        """The rows with a wait."""
        return self.frame[self.frame["wait_min"].notna()]

    def chance(self, wait: Floats) -> Floats:
        """Probability of leaving had each row waited *wait* minutes; NaN: no contact."""
        waited = np.nan_to_num(wait)
        by_shape = 1 / (1 + np.exp(-self.context - self.response.shape(waited)))
        jumped = np.where(waited > self.response.at, self.response.jump, 0.0)
        return np.asarray(np.minimum(by_shape + jumped, 1.0))

    def change(self, at_most: float) -> float:
        """By how much leaving among the contacted would change if nobody waited longer than *at_most* minutes."""
        wait = self.frame["wait_min"].to_numpy()
        moved = self.chance(np.minimum(wait, at_most)) - self.chance(wait)
        return float(moved[~np.isnan(wait)].mean())


CONTROLS = ("tenure_months", "usage", "spend", "earlier_contacts", "segment", "busy_hour", "topic")
"""What was known before the wait began."""


def wait_world(response: Response, snapshots: int = 20_000, seed: int = 0) -> WaitWorld:
    """Draw *snapshots* rows of customers at up to five cutoffs each."""
    rng = np.random.default_rng(seed)
    people = -(-snapshots // 3)
    lasting = pd.DataFrame(
        {
            "customer_id": [f"c{i:07d}" for i in range(people)],
            "tenure_months": rng.exponential(30.0, people),
            "usage": rng.normal(0.0, 1.0, people),
            "segment": _drawn(rng, _SEGMENTS, people),
            "hurried": rng.normal(0.0, 1.0, people),
        }
    )
    stays, frames, contexts = np.ones(people, dtype=bool), [], []
    for cutoff in range(CUTOFFS):
        frame, context = _at(rng, lasting, cutoff)
        left = rng.random(people) < WaitWorld(frame, context, response).chance(frame["wait_min"].to_numpy())
        frames.append(frame.assign(churned=left.astype(int))[stays])
        contexts.append(context[stays])
        stays &= ~left
    frame, context = pd.concat(frames, ignore_index=True), np.concatenate(contexts)
    order = np.lexsort([frame["cutoff"], frame["customer_id"]])[:snapshots]
    kept = ["customer_id", "cutoff", *CONTROLS, "wait_min", "churned", "value"]
    return WaitWorld(frame.iloc[order].reset_index(drop=True)[kept], context[order], response)


def _at(rng: np.random.Generator, lasting: pd.DataFrame, cutoff: int) -> tuple[pd.DataFrame, Floats]:
    """Everybody at a cutoff, and the log-odds of leaving without any wait."""
    people = len(lasting)
    frame = lasting.assign(cutoff=cutoff, tenure_months=lasting["tenure_months"] + cutoff)
    usage, hurried = lasting["usage"].to_numpy(), lasting["hurried"].to_numpy()
    by_segment = lasting["segment"].map({name: weight for name, (_, weight) in _SEGMENTS.items()}).to_numpy()
    frame["topic"] = _drawn(rng, _TOPICS, people)
    by_topic = frame["topic"].map({name: weight for name, (_, weight) in _TOPICS.items()}).to_numpy()
    busy = np.clip(0.5 + 0.25 * hurried + rng.normal(0.0, 0.6, people), 0.0, 2.5)
    earlier = rng.poisson(np.exp(0.1 + 0.3 * usage + by_segment))
    spend = np.exp(3.0 + 0.4 * usage + rng.normal(0.0, 0.5, people))
    context = (
        _BASE
        + 0.9 * np.exp(-frame["tenure_months"].to_numpy() / 12)
        - 0.35 * np.maximum(usage, -1.0)
        + 0.15 * np.minimum(earlier, 4)
        + 0.25 * hurried
        + 1.2 * by_segment
        + 0.8 * by_topic
    )
    log_wait = np.log(_MEDIAN_MIN) + 0.4 * (busy - 0.55) - 0.2 * usage + by_segment
    wait = np.minimum(np.exp(log_wait + _SPREAD * rng.normal(0.0, 1.0, people)), _LONGEST_MIN)
    reaches = 1 / (1 + np.exp(-_CONTACTED - 0.3 * usage - 0.2 * (np.minimum(earlier, 4) - 1)))
    wait = np.where(rng.random(people) < reaches, wait, np.nan)
    value = spend * rng.lognormal(0.0, 0.3, people)
    frame = frame.assign(busy_hour=busy, spend=spend, earlier_contacts=earlier, wait_min=wait, value=value)
    return frame, np.asarray(context)


def _drawn(rng: np.random.Generator, names: Mapping[str, tuple[float, float]], size: int) -> NDArray[np.str_]:
    return rng.choice(list(names), size, p=[share for share, _ in names.values()])
