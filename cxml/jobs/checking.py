"""The job behind ``cxml check``: data against contract, and what can be measured with them."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from cxml.errors import CxmlError
from cxml.jobs.context import (
    ConfigLike,
    read_config,
)

if TYPE_CHECKING:
    from cxml.tables.check import Check
    from cxml.tables.opening import Tables


@dataclasses.dataclass(frozen=True)
class Checked:
    """What ``check`` found: the problems and row counts, and which factors can be measured."""

    check: Check
    coverage: dict[str, Any]


def check(config: ConfigLike) -> Checked:
    """Check every table against its contract, and see what can be measured with what is there.

    The problems are in the result; nothing is raised for them.
    """
    from cxml.features.company import plan_features
    from cxml.features.coverage import coverage_of
    from cxml.tables.check import check_tables
    from cxml.tables.opening import open_tables

    tables = open_tables(read_config(config))
    found = check_tables(tables)
    if not found.problems:
        found = dataclasses.replace(found, notes=(*found.notes, *_before_work(tables)))
    return Checked(found, coverage_of(plan_features(tables), found.rows))


def _before_work(tables: Tables) -> Iterator[str]:
    """What would stop a training or a scoring of tables without problems, or make them doubtful."""
    from cxml.labels import targets
    from cxml.snapshots import population
    from cxml.snapshots.cutoffs import scoring_cutoff, usable_cutoffs

    def cannot(be: str, lack: CxmlError) -> str:
        return f"these tables cannot be {be}: {lack.what} ({lack.where}); {lack.fix}"

    if lack := targets.lack(tables):
        yield cannot("learned from", lack)
    for use, cutoffs in (
        ("learned from", usable_cutoffs),
        ("scored as of observation_end", lambda tables: [scoring_cutoff(tables.config, None)]),
    ):
        try:
            asked = cutoffs(tables)
            population.take(tables, sorted({asked[0], asked[-1]})).close()
        except CxmlError as error:
            yield cannot(use, error)
    # A flat table has no last days, and need not wait for what the audit loads.
    if set(tables.columns) != {"customers"}:
        from cxml.audit.late_arrival import late_rows

        for one in late_rows(tables):
            yield f"{one.what}; {one.fix}"
