"""What a customer went through in the 90 days before a month, as the tables know it then.

Each exposure can be counted from the tables by anybody: rows of ``[start - 90 d, start)``, and of
them only what was known before the start of the month.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cxml.simulate.effects import EffectKind
from cxml.simulate.recovery import SLOW_S
from cxml.simulate.rows import DAY, BoolArray, FloatArray, IntArray, Rows, take

WINDOW_S = 90 * DAY
LONGEST_WAIT_MIN = 20.0
MOST_OPEN = 2
MOST_REPEATS = 4
MOST_EFFORT = 3.0


@dataclass(frozen=True)
class Factor:
    """An experience factor: its name, whether it moves leaving, and the unit of its exposure."""

    name: str
    kind: EffectKind
    per_unit: str


FACTORS = (
    Factor("waiting", "effect", "minute of mean wait over contacts with a queue, at most 20; 0 without"),
    Factor("resolution", "effect", "issue contacted about and still open, at most 2"),
    Factor(
        "personalization", "effect", "share of available profile fields that messages left unused; 0 without"
    ),
    Factor("repeats", "effect", "contact within 7 days of one on the same topic, at most 4"),
    Factor("effort", "effect", "transfer or verification a contact, at most 3"),
    Factor("abandonment", "effect", "any abandoned contact (0 or 1)"),
    Factor("recovery", "effect", "share of bad issues with a recovery"),
    Factor("language", "null", "share of contacts in another language than the customer's"),
    Factor("delivery", "null", "share of deliveries after the promise"),
    Factor("feedback", "outcome", "mean survey score, 0 (worst) to 1; 0.5 without an answer"),
)
"""The exposures, and the fields of ``Effects``. An outcome is what experience left behind."""


class Windows:
    """The last 90 days before an instant, for each table of a company, all customers at once.

    Parameters
    ----------
    customers : int
        How many customers; row numbers in ``customer_id`` lie in ``[0, customers)``.
    tables : mapping of str to Rows
        ``interactions`` with ``repeat``, ``recoveries``, ``orders`` and ``messages``, each by time.
    """

    def __init__(self, customers: int, tables: Mapping[str, Rows]) -> None:
        self.customers = customers
        self.tables = tables
        self.issues = int(tables["interactions"]["issue_id"].max(initial=-1)) + 1

    def experience(self, start: int) -> dict[str, FloatArray]:
        """Every exposure but ``feedback`` at *start* (seconds since 1970), one number per customer."""
        contacts = self._window("interactions", "started_at", start)
        over = take(contacts, contacts["ended_at"] < start)
        who: IntArray = over["customer_id"]
        effort = over["transfers"] + over["verifications"]
        foreign = over["agent_language"] != over["customer_language"]
        spoke = over["agent_language"] >= 0
        return {
            "waiting": self._waiting(over),
            "resolution": np.minimum(self._issues(contacts, contacts["resolved_at"] >= start), MOST_OPEN),
            "personalization": self._gap(start),
            "repeats": np.minimum(self._sum(contacts["customer_id"], contacts["repeat"]), MOST_REPEATS),
            "effort": np.minimum(_ratio(self._sum(who, effort), self._sum(who)), MOST_EFFORT),
            "abandonment": np.minimum(self._sum(who, over["abandoned"] == 1), 1.0),
            "recovery": self._recovered(contacts, start),
            "language": _ratio(self._sum(who[spoke], foreign[spoke]), self._sum(who[spoke])),
            "delivery": self._late(start),
        }  # fmt: skip

    def feedback(self, surveys: Rows, start: int) -> FloatArray:
        """Mean score of the surveys sent in the window and answered before *start*."""
        rows = _between(surveys, "sent_at", start)
        rows = take(rows, rows["answered_at"] < start)
        who: IntArray = rows["customer_id"]
        share = (rows["score"] - rows["scale_min"]) / (rows["scale_max"] - rows["scale_min"])
        good = np.where(rows["higher_is"] == 0, share, 1 - share)
        return _ratio(self._sum(who, good), self._sum(who), none=0.5)

    def _window(self, table: str, event: str, start: int) -> Rows:
        return _between(self.tables[table], event, start)

    def _sum(self, who: IntArray, weights: NDArray[Any] | None = None) -> FloatArray:
        values = None if weights is None else np.asarray(weights, dtype=np.float64)
        return np.bincount(who, values, minlength=self.customers).astype(np.float64)

    def _issues(self, contacts: Rows, chosen: BoolArray) -> FloatArray:
        """How many different issues the chosen contacts are about."""
        issue = np.unique(contacts["issue_id"][chosen], return_index=True)[1]
        return self._sum(contacts["customer_id"][chosen][issue])

    def _waiting(self, over: Rows) -> FloatArray:
        queued = ~np.isnan(over["wait_s"])
        who: IntArray = over["customer_id"][queued]
        mean_s = _ratio(self._sum(who, over["wait_s"][queued]), self._sum(who))
        return np.minimum(mean_s / 60, LONGEST_WAIT_MIN)

    def _gap(self, start: int) -> FloatArray:
        rows = self._window("messages", "sent_at", start)
        who: IntArray = rows["customer_id"]
        used = _ratio(self._sum(who, rows["fields_used"]), self._sum(who, rows["fields_available"]), none=1.0)
        return 1 - used

    def _recovered(self, contacts: Rows, start: int) -> FloatArray:
        """Share of bad issues (abandoned, repeated, or not resolved for 7 days) with a recovery."""
        at, resolved = contacts["started_at"], contacts["resolved_at"]
        slow = np.minimum(resolved, start) - at > SLOW_S
        gone = (contacts["abandoned"] == 1) & (contacts["ended_at"] < start)
        bad = slow | gone | (contacts["repeat"] == 1)
        recoveries = self.tables["recoveries"]
        made_good = np.zeros(self.issues, dtype=bool)
        made_good[recoveries["issue_id"][: np.searchsorted(recoveries["at"], start)]] = True
        done = bad & made_good[contacts["issue_id"]]
        return _ratio(self._issues(contacts, done), self._issues(contacts, bad))

    def _late(self, start: int) -> FloatArray:
        rows = self._window("orders", "ordered_at", start)
        rows = take(rows, rows["delivered_at"] < start)
        who: IntArray = rows["customer_id"]
        late = rows["delivered_at"] > rows["promised_at"]
        return _ratio(self._sum(who, late), self._sum(who))


def _between(rows: Rows, event: str, start: int) -> Rows:
    """The rows of ``[start - 90 d, start)``; *rows* are in the order of *event*."""
    low, high = np.searchsorted(rows[event], [start - WINDOW_S, start])
    return {name: values[low:high] for name, values in rows.items()}


def _ratio(part: FloatArray, whole: FloatArray, none: float = 0.0) -> FloatArray:
    """*part* over *whole*, and *none* where *whole* is zero."""
    return np.asarray(np.divide(part, whole, out=np.full(len(whole), none), where=whole > 0))
