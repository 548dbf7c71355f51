"""What could be measured and what could not, and what things are called."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from cxml.report.inputs import ReportInputs
from cxml.report.safe_text import visible


@dataclass(frozen=True)
class Name:
    """A label in both languages."""

    en: str
    ko: str


@dataclass(frozen=True)
class Gap:
    """A factor that is not, or only partly, measured, and the columns that are missing."""

    name: Name
    missing: tuple[str, ...]
    features: int


@dataclass(frozen=True)
class Coverage:
    """What the data could show."""

    measured: tuple[Name, ...]
    partly: tuple[Gap, ...]
    absent: tuple[Gap, ...]
    rows: tuple[tuple[str, int], ...]
    set_aside: tuple[tuple[str, int], ...]


def coverage_of(inputs: ReportInputs) -> Coverage:
    """What the data could show, from the coverage of a scoring run."""
    data = inputs.coverage

    def counts(part: str) -> tuple[tuple[str, int], ...]:
        return tuple((visible(table), int(n)) for table, n in data.get(part, {}).items())

    def gaps(part: str) -> tuple[Gap, ...]:
        return tuple(
            Gap(
                name=name_of(gap, str(gap["factor"])),
                missing=tuple(visible(c) for c in gap.get("missing", ())),
                features=int(gap.get("features", 0)),
            )
            for gap in data.get(part, ())
        )

    return Coverage(
        measured=tuple(name_of(one, str(one["factor"])) for one in data.get("measured", ())),
        partly=gaps("partly"),
        absent=gaps("not_measured"),
        rows=counts("rows"),
        set_aside=counts("set_aside"),
    )


def name_of(labels: Mapping[str, Any], fallback: str) -> Name:
    """The label of something; *fallback* where it has none."""
    return Name(en=visible(labels.get("en", fallback)), ko=visible(labels.get("ko", fallback)))
