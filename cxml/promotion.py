"""Which version of a model is the champion: the rule, as plain figures and words."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

RULE = (
    "A version becomes champion when nobody is; when it was tested on a later cutoff than the champion"
    " and beats all its baselines on log loss; or when its log loss is lower on the same test cutoff."
)


@dataclass(frozen=True)
class Record:
    """What a version must tell, so that a later one can be compared with it.

    Attributes
    ----------
    cutoff : datetime
        The test cutoff, on the clock of the project's zone.
    log_loss : float
        Of the churn model on the test snapshots.
    beats_baselines : bool
        Whether every baseline's log loss on them is higher.
    question : str
        What is predicted (definition, horizon and lead), and whether it was tested on a later time or on
        customers held out. Losses compare within one question only.
    """

    cutoff: datetime
    log_loss: float
    beats_baselines: bool
    question: str

    @classmethod
    def of(cls, metrics: Mapping[str, Any], info: Mapping[str, Any]) -> Record:
        """The record of a training run, from its ``metrics.json`` and the bundle's info."""
        loss = float(metrics["churn"]["log_loss"])
        lead = f", lead {info['lead_days']:g} days" if info["lead_days"] else ""
        tested = _TESTED[metrics["test"]["mode"]]
        zone = ZoneInfo(info.get("timezone", "UTC"))
        return cls(
            cutoff=datetime.fromisoformat(metrics["test"]["cutoff"]).astimezone(zone),
            log_loss=loss,
            beats_baselines=all(loss < own["log_loss"] for own in metrics["baselines"]["churn"].values()),
            question=f"{info['churn']} within {info['horizon_days']:g} days{lead}, tested on {tested}",
        )

    @classmethod
    def from_tags(cls, tags: Mapping[str, str]) -> Record | None:
        """The record in the tags of a version; None where there is none."""
        try:
            cutoff, loss, beats, question = (tags[name] for name in _TAGS)
            return cls(datetime.fromisoformat(cutoff), float(loss), beats == "yes", question)
        except (KeyError, ValueError):
            return None

    def to_tags(self) -> dict[str, str]:
        """The record as tags of a version; ``from_tags`` gives back exactly this one."""
        beats = "yes" if self.beats_baselines else "no"
        return dict(
            zip(_TAGS, (self.cutoff.isoformat(), repr(self.log_loss), beats, self.question), strict=True)
        )

    @property
    def day(self) -> str:
        """The test cutoff's day in its own zone, for people."""
        return self.cutoff.date().isoformat()


_TAGS = ("cxml.test_cutoff", "cxml.test_log_loss", "cxml.beats_baselines", "cxml.question")
_TESTED = {"time": "a later time", "customers": "customers held out"}


def judge(new: Record, holder: str, champion: Record | None) -> tuple[bool, str]:
    """Whether a new version takes the place of the champion, and why, by ``RULE``.

    A champion that answers another question (definition, horizon, lead), or was tested in another way,
    cannot be compared: it gives way to a version that beats its baselines.

    Parameters
    ----------
    new : Record
    holder : str
        What to call the champion; empty when nobody holds the alias.
    champion : Record or None
        None when its figures are unknown.

    Examples
    --------
    >>> old = Record(datetime.fromisoformat("2026-01-01T00:00Z"), 0.31, True, "inactivity within 90 days")
    >>> judge(old, "", None)
    (True, 'nobody held the alias')
    >>> judge(old, "version 1", old)[1]
    'its log loss of 0.3100 on the test cutoff 2026-01-01 is not below the 0.3100 of version 1'
    """
    if not holder:
        return True, "nobody held the alias"
    if champion is None:
        return False, f"{holder} carries no figures to compare with (move the alias by hand)"
    beats = f"{'beats' if new.beats_baselines else 'does not beat'} all its baselines on log loss"
    if new.question != champion.question:
        asked = f"{holder} predicts {champion.question}, this one {new.question}"
        return new.beats_baselines, f"{asked}, and it {beats}"
    if new.cutoff > champion.cutoff:
        later = f"it was tested on a later cutoff ({new.day}) than {holder} ({champion.day})"
        return new.beats_baselines, f"{later} and {beats}"
    if new.cutoff < champion.cutoff:
        return False, f"it was tested on an earlier cutoff ({new.day}) than {holder} ({champion.day})"
    lower = new.log_loss < champion.log_loss
    ours = f"its log loss of {new.log_loss:.4f} on the test cutoff {new.day}"
    return lower, f"{ours} is {'' if lower else 'not '}below the {champion.log_loss:.4f} of {holder}"
