"""Which version of a model is the champion: the rule, as plain figures and words."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

RULE = (
    "A version becomes champion when nobody is; when it was tested on a later cutoff than the champion"
    " and no baseline beats it on the measure that decides ([tracking] measure, by default log loss: a baseline"
    " beats it by more than a standard error of the paired difference);"
    " or when it is better by that measure on the same test cutoff. A champion that answers another question, or"
    " was trained for another configuration, gives way to a version that no baseline beats. Whatever is decided, a"
    " baseline that beats the version is named."
)
HIGHER_IS_BETTER = {"log_loss": False, "brier": False, "auc": True, "pr_auc": True, "empc": True}
"""The measures that may decide."""


@dataclass(frozen=True)
class Record:
    """What a version must tell, so that a later one can be compared with it.

    Attributes
    ----------
    cutoff : datetime
        The test cutoff, on the clock of the project's zone.
    measure : str
        What decides.
    figure : float
        That measure of the churn model on the test snapshots.
    beaten_by : tuple of str
        The baselines that are better by that measure: for log loss by more than a standard error of the paired
        difference, clustered by customer, for the others by any amount.
    question : str
        What is predicted (definition, horizon and lead), and whether it was tested on a later time or on
        customers held out. Losses compare within one question only.
    terms : str
        A fingerprint of what scoring holds the configuration against: factor files, promises, population, currency
        and zone. Empty: unknown.
    """

    cutoff: datetime
    measure: str
    figure: float
    beaten_by: tuple[str, ...]
    question: str
    terms: str = ""

    @classmethod
    def of(cls, metrics: Mapping[str, Any], info: Mapping[str, Any], measure: str = "log_loss") -> Record:
        """The record of a training run, from its ``metrics.json`` and the bundle's info."""
        own = float(metrics["churn"][measure])
        lead = f", lead {info['lead_days']:g} days" if info["lead_days"] else ""
        within = f" within {info['horizon_days']:g} days{lead}" if info["horizon_days"] else ""
        tested = _TESTED[metrics["test"]["mode"]]
        zone = ZoneInfo(info.get("timezone", "UTC"))
        return cls(
            cutoff=datetime.fromisoformat(metrics["test"]["cutoff"]).astimezone(zone),
            measure=measure,
            figure=own,
            beaten_by=tuple(
                name
                for name, theirs in sorted(metrics["baselines"]["churn"].items())
                if _beats(measure, theirs, own)
            ),
            question=f"{info['churn']}{within}, tested on {tested}",
            terms=fingerprint(info.get("terms", {})),
        )

    @classmethod
    def from_tags(cls, tags: Mapping[str, str]) -> Record | None:
        """The record in the tags of a version; None where there is none."""
        try:
            cutoff, measure, figure, question = (tags[name] for name in _TAGS)
            beaten = tags.get(_BEATEN_BY, "").split()
            if measure not in HIGHER_IS_BETTER:
                return None
            at = datetime.fromisoformat(cutoff)
            return cls(at, measure, float(figure), tuple(beaten), question, tags.get(_TERMS, ""))
        except (KeyError, ValueError):
            return None

    def to_tags(self) -> dict[str, str]:
        """The record as tags of a version; ``from_tags`` gives back exactly this one."""
        values = (self.cutoff.isoformat(), self.measure, repr(self.figure), self.question)
        return {
            **dict(zip(_TAGS, values, strict=True)),
            _BEATEN_BY: " ".join(self.beaten_by),
            _TERMS: self.terms,
        }

    @property
    def day(self) -> str:
        """The test cutoff's day in its own zone, for people."""
        return self.cutoff.date().isoformat()


_TAGS = ("cxml.test_cutoff", "cxml.measure", "cxml.test_figure", "cxml.question")
_TERMS = "cxml.terms"
_BEATEN_BY = "cxml.beaten_by"
_WORDS = {"log_loss": "log loss", "brier": "Brier score", "auc": "AUC", "pr_auc": "PR-AUC", "empc": "EMPC"}
_TESTED = {"time": "a later time", "customers": "customers held out"}


def fingerprint(terms: Mapping[str, Any]) -> str:
    """A short text that is the same for the same *terms*; empty for none."""
    if not terms:
        return ""
    return hashlib.sha256(json.dumps(terms, sort_keys=True).encode()).hexdigest()


def is_champion(
    new: Record, holder: str, champion: Record | None, promote: str = "better"
) -> tuple[bool, str]:
    """Whether a new version takes the place of the champion, and why, by ``RULE``.

    A champion that answers another question (definition, horizon, lead), was tested in another way or judged by
    another measure cannot be compared: it gives way to a version that no baseline beats. So does one that was
    trained for another configuration, which scoring refuses. The reason names the baselines that beat the version.

    Parameters
    ----------
    new : Record
    holder : str
        What to call the champion; empty when nobody holds the alias.
    champion : Record or None
        None when its figures are unknown.
    promote : {"better", "always", "never"}
        By ``RULE``, whatever the figures, or by hand only.

    Examples
    --------
    >>> from dataclasses import replace
    >>> day = datetime.fromisoformat("2026-01-01T00:00Z")
    >>> old = Record(day, "log_loss", 0.31, (), "inactivity within 90 days")
    >>> is_champion(old, "", None)
    (True, 'nobody held the alias')
    >>> is_champion(replace(old, beaten_by=("logistic",)), "", None)[1]
    'nobody held the alias, but a simpler rule beats it on log loss: logistic'
    >>> is_champion(old, "version 1", old)[1]
    'its log loss of 0.3100 on the test cutoff 2026-01-01 is not better than the 0.3100 of version 1'
    >>> is_champion(old, "version 1", old, "never")
    (False, "[tracking] promote is 'never': move the alias by hand")
    """
    if promote != "better":
        by_hand = ": move the alias by hand" if promote == "never" else ""
        return promote == "always", f"[tracking] promote is '{promote}'{by_hand}"
    promoted, why = _judged(new, holder, champion)
    if new.beaten_by and promoted:
        why += f", but a simpler rule beats it on {_WORDS[new.measure]}: {', '.join(new.beaten_by)}"
    return promoted, why


def _judged(new: Record, holder: str, champion: Record | None) -> tuple[bool, str]:
    """By ``RULE``: whether the version takes the place, and what decides it."""
    if not holder:
        return True, "nobody held the alias"
    if champion is None:
        return False, f"{holder} carries no figures to compare with (move the alias by hand)"
    word, stands = _WORDS[new.measure], not new.beaten_by
    against = (
        f"no baseline beats it on {word}"
        if stands
        else f"a baseline beats it on {word}: {', '.join(new.beaten_by)}"
    )
    if new.question != champion.question:
        return stands, f"{holder} predicts {champion.question}, this one {new.question}, and {against}"
    if champion.terms and new.terms != champion.terms:
        changed = "the promises, factor files, population, currency or zone are no longer those of"
        return stands, f"{changed} {holder}, and {against}"
    if new.measure != champion.measure:
        return stands, f"{holder} was judged by another measure, and {against}"
    if new.cutoff > champion.cutoff:
        later = f"it was tested on a later cutoff ({new.day}) than {holder} ({champion.day})"
        return stands, f"{later} and {against}"
    if new.cutoff < champion.cutoff:
        return False, f"it was tested on an earlier cutoff ({new.day}) than {holder} ({champion.day})"
    better = _better(new.measure, new.figure, champion.figure)
    ours = f"its {word} of {new.figure:.4f} on the test cutoff {new.day}"
    return better, f"{ours} is {'' if better else 'not '}better than the {champion.figure:.4f} of {holder}"


def _beats(measure: str, theirs: Mapping[str, Any], own: float) -> bool:
    """Whether a baseline with the figures *theirs* beats the model."""
    if measure == "log_loss" and theirs.get("log_loss_gap") is not None:
        return bool(theirs["log_loss_gap"] > theirs["log_loss_gap_error"])
    return not _better(measure, own, float(theirs[measure]))


def _better(measure: str, own: float, other: float) -> bool:
    return own > other if HIGHER_IS_BETTER[measure] else own < other
