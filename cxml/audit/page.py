"""The result of an audit as a page for people and as JSON for machines."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from cxml.audit.findings import Audit, Figures, Finding
from cxml.store.manifest import plain

_SHOWN = 20


def as_json(audit: Audit) -> dict[str, Any]:
    """Everything, with None in the place of figures that the data could not give."""
    found: dict[str, Any] = plain({**asdict(audit), "passed": audit.passed})
    return found


def as_markdown(audit: Audit) -> str:
    """One page: the verdict, what was asked, what was found, and how to fix it."""
    lines = [
        f"# Audit of {audit.project}",
        "",
        audit.verdict,
        "",
        _extent(audit),
        "",
        "| probe | result | asks |",
        "|---|---|---|",
    ]
    lines += [f"| {one.name} | {one.result} | {one.asks} |" for one in audit.probes]
    for probe in audit.probes:
        parts = [_findings(probe.findings), _table(probe.rows), [probe.note] if probe.note else []]
        told = [part for part in parts if part] or [["Nothing to show."]]
        lines += ["", f"## {probe.name}"]
        lines += [line for part in told for line in ("", *part)]
    return "\n".join(lines) + "\n"


def _extent(audit: Audit) -> str:
    who = f"{audit.customers:,} customers"
    if audit.customers < audit.everyone:
        who += f" of {audit.everyone:,}, drawn by seed {audit.seed},"
    days = (
        audit.cutoffs[0]
        if len(audit.cutoffs) == 1
        else f"{len(audit.cutoffs)} cutoffs ({', '.join(audit.cutoffs)})"
    )
    return f"Looked at {who} at {days}. {audit.split}"


def _findings(findings: Sequence[Finding]) -> list[str]:
    lines = []
    for one in findings[:_SHOWN]:
        mark = "**Leak**" if one.leak else "Remark"
        lines += [
            f"- {mark}: {one.what}.",
            f"  - where: {one.where}",
            f"  - expected: {one.expected}",
            f"  - fix: {one.fix}",
        ]
    if len(findings) > _SHOWN:
        rest = sorted(one.about for one in findings[_SHOWN:])
        lines.append(f"- and {len(rest):,} more: {', '.join(rest)}")
    return lines


def _table(rows: Sequence[Figures]) -> list[str]:
    if not rows:
        return []
    names = list(rows[0])
    lines = [f"| {' | '.join(names)} |", f"|{'---|' * len(names)}"]
    for row in rows[:_SHOWN]:
        lines.append(f"| {' | '.join(_cell(row.get(name)) for name in names)} |")
    return lines


def _cell(value: Any) -> str:
    return "" if value is None else str(value).replace("|", "\\|").replace("\n", " ")
