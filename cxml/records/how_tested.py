"""How a model was tested: the facts, of which each language makes its own sentences."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from cxml.records.reading import Record

FOLDS = 10
"""Parts of the customers that are held out one after the other, where no later time can test."""
Why = Literal["", "one_cutoff", "immature", "no_dates"]
"""Why customers are held out in the place of a later time."""


@dataclass(frozen=True)
class HowTested(Record):
    """What was tested on what. Instants are on the clock of the project's zone.

    Attributes
    ----------
    mode : {"time", "customers"}
        Tested on a later cutoff, or on customers held out.
    test : datetime
        The test cutoff.
    train : tuple of datetime
        The cutoffs learned from before the test.
    why : {"", "one_cutoff", "immature", "no_dates"}
        Why customers are held out: no earlier cutoff has matured, the labels of earlier ones were not known by
        then, or the label is ready and carries no dates. Empty where a later time tests.
    window_days : float
        How long after its cutoff a label is known; 0 for a ready label.
    passed : tuple of datetime
        Later cutoffs after which nobody left, or everybody, so that nothing can be tested there.
    one_sided : tuple of datetime
        Such cutoffs among those that are used.
    without_label : int
        Customers left out since their label is missing.
    few_leavers : int
        How many of those tested left, where they are too few to tell; else 0.
    """

    mode: Literal["time", "customers"]
    test: datetime
    train: tuple[datetime, ...] = ()
    why: Why = ""
    window_days: float = 0.0
    passed: tuple[datetime, ...] = ()
    one_sided: tuple[datetime, ...] = ()
    without_label: int = 0
    few_leavers: int = 0

    def in_english(self) -> str:
        """The facts in plain words, for the terminal and the info sheet."""
        return " ".join(self._sentences())

    def _sentences(self) -> Iterator[str]:
        held = f"customers held out in {FOLDS} folds, not on a later time"
        test = days((self.test,))
        if self.mode == "time":
            yield (
                f"Trained on {days(self.train)} and tested on {test}: every label was known at the cutoff where it was"
                " used."
            )
            yield "Calibrated on customers held out in training."
        elif self.why == "one_cutoff":
            yield f"Tested at {test} on {held}: no earlier cutoff has matured."
        elif self.why == "immature":
            yield (
                f"Tested at {test} on {held}: the labels of earlier cutoffs would not have been known at {test}, "
                f"because they take {self.window_days:g} days to mature."
            )
        else:
            yield (
                f"Tested on {held}: the label is ready and carries no dates, so that all customers are seen at one"
                " moment."
            )
        if self.passed:
            yield (
                f"Nobody (or everybody) left after {days(self.passed)}, so that nothing can be tested there: if"
                " customers did leave, the extract does not hold it."
            )
        if self.one_sided:
            yield (
                f"Nobody (or everybody) left after {days(self.one_sided)}, and the model learns that from it."
            )
        if self.without_label:
            yield f"{self.without_label:,} without a label were left out."
        if self.few_leavers:
            yield f"Only {self.few_leavers} of those tested left: the figures say little."


def days(cutoffs: tuple[datetime, ...]) -> str:
    """Cutoffs as a day, or as the first and the last with how many there are."""
    names = [f"{c:%Y-%m-%d}" if c.time() == datetime.min.time() else f"{c:%Y-%m-%d %H:%M}" for c in cutoffs]
    return names[0] if len(names) == 1 else f"{names[0]} to {names[-1]} ({len(names)} cutoffs)"
