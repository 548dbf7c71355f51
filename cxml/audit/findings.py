"""What an audit found: each finding says what, where, what was expected and how to fix it, and never a value."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from cxml.errors import DataError

_SHOWN = 12

Figures = Mapping[str, float | int | str | None]


@dataclass(frozen=True)
class Finding:
    """One thing that knows too much, or may.

    Attributes
    ----------
    about : str
        What it is about, by the name that ``allow`` takes: a column of the matrix or ``table.column``.
    what, where, expected, fix : str
        For people.
    figures : mapping
        What was measured.
    leak : bool
        Whether the audit fails for it; otherwise it is shown.
    """

    about: str
    what: str
    where: str
    expected: str
    fix: str
    figures: Figures = field(default_factory=dict)
    leak: bool = True


@dataclass(frozen=True)
class Probe:
    """One question put to the data, and the answer.

    Attributes
    ----------
    name, asks : str
        What the probe is called, and its question as a sentence.
    findings : tuple of Finding
    figures : mapping
        What was looked at, and how much of it.
    rows : tuple of mapping
        A table for people, the most telling rows first.
    note : str
        What the probe could not do, and why; or a remark on its figures.
    """

    name: str
    asks: str
    findings: tuple[Finding, ...] = ()
    figures: Figures = field(default_factory=dict)
    rows: tuple[Figures, ...] = ()
    note: str = ""

    @property
    def leaks(self) -> tuple[Finding, ...]:
        """The findings for which the audit fails."""
        return tuple(one for one in self.findings if one.leak)

    @property
    def result(self) -> str:
        """The answer in a word or two."""
        if self.leaks:
            return "1 leak" if len(self.leaks) == 1 else f"{len(self.leaks):,} leaks"
        if self.findings:
            return "passed, with remarks"
        return "not testable" if self.note and not self.rows else "passed"


@dataclass(frozen=True)
class Audit:
    """The answers of all probes.

    Attributes
    ----------
    project : str
    cutoffs : tuple of str
        The days looked from.
    split : str
        Which cutoffs a model would learn from and which test it, in words.
    customers, everyone, seed : int
        How many customers were drawn of how many, and by which seed.
    probes : tuple of Probe
    """

    project: str
    cutoffs: tuple[str, ...]
    split: str
    customers: int
    everyone: int
    seed: int
    probes: tuple[Probe, ...]

    @property
    def leaks(self) -> tuple[Finding, ...]:
        """All findings for which the audit fails."""
        return tuple(one for probe in self.probes for one in probe.leaks)

    @property
    def passed(self) -> bool:
        """Whether nothing was found that knows the future."""
        return not self.leaks

    @property
    def verdict(self) -> str:
        """The result in a sentence."""
        if self.passed:
            return "Passed: nothing was found that knows the future."
        probes = [probe.name for probe in self.probes if probe.leaks]
        names = sorted({one.about for one in self.leaks})
        shown = ", ".join(names[:_SHOWN]) + (
            f" and {len(names) - _SHOWN:,} more" if len(names) > _SHOWN else ""
        )
        return f"Failed ({', '.join(probes)}): {shown}."

    def raise_if_failed(self) -> None:
        """Raise what leaks as one ``DataError``; do nothing when the audit has passed."""
        if self.passed:
            return
        if len(self.leaks) == 1:
            one = self.leaks[0]
            raise DataError(one.what, where=one.where, expected=one.expected, fix=one.fix)
        lines = [
            f"  {one.where}: {one.what}\n    expected {one.expected}; fix: {one.fix}"
            for one in self.leaks[:_SHOWN]
        ]
        if len(self.leaks) > _SHOWN:
            lines.append(f"  and {len(self.leaks) - _SHOWN:,} more")
        raise DataError(
            f"{len(self.leaks):,} leaks were found:\n" + "\n".join(lines),
            fix="fix each of them, or name it with --allow if it is known at the cutoff",
        )
