"""From declarations to SQL: which columns can be built from what is there, and the statements that build them.

The narrow form. Per table: rows, flags of the row, rows as known at each cutoff, flags of the cutoff,
one ``group by`` per lookback; then everything is joined to the snapshots and formulas are added. All
cutoffs are answered at once, so reading does not cost more with more of them. A statement names no
engine; ``Plan.steps`` is what ``cxml features --sql`` prints.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace

from cxml.config.sections import Promises
from cxml.contracts import TABLES, Table
from cxml.engine import WRONG_SQL
from cxml.errors import ConfigError
from cxml.factors.declare import LOOKBACKS, Derived, Factor, Feature, Flag, Match, column_name
from cxml.features.formulas import derive
from cxml.features.promises import promise_flags
from cxml.features.statements import FeatureColumn, Step, TableStatements, match_reach
from cxml.features.vocabulary import Present, Vocabulary, lacks, vocabularies, words
from cxml.snapshots.handle import Snapshots

DEFAULT_PROMISES = promise_flags(Promises())
_TOGETHER = 8


@dataclass(frozen=True)
class MatrixPlan:
    """What will be built, how, and what cannot be.

    Attributes
    ----------
    steps : tuple of Step
        In order; the last one is the ``matrix``: customer_id, cutoff (whole seconds) and the columns.
    columns : tuple of FeatureColumn
    left_out : mapping of str to tuple of str
        Feature stem -> the ``table.column`` it lacks.
    reduced : mapping of str to tuple of str
        Factor -> what it does without: the optional ``table.column`` or stems that are absent.
    """

    steps: tuple[Step, ...]
    columns: tuple[FeatureColumn, ...]
    left_out: Mapping[str, tuple[str, ...]]
    reduced: Mapping[str, tuple[str, ...]]

    def reads(self, table: str, column: str) -> bool:
        """Whether the statements about *table* speak of *column*."""
        about = (
            step for step in self.steps if step.name.startswith(f"{table}_") or table in words(step.select)
        )
        return any(column in words(step.select) for step in about)

    @property
    def reaches(self) -> dict[str, int]:
        """How many days before the cutoff each column looks, 0 for all history; a formula as far as its windows."""
        found = {}
        for column in self.columns:
            formula = column.feature.sql if isinstance(column.feature, Derived) else ""
            windows = [int(days) for days in re.findall(r"_(\d+)d\b", formula)]
            found[column.name] = column.lookback or max(windows, default=0)
        return found

    def sql(self) -> str:
        """All statements as text."""
        return "\n\n".join(f"-- {step.name}\n{step.select};" for step in self.steps)


def without(factors: Iterable[Factor], leave_out: Iterable[str]) -> tuple[Factor, ...]:
    """The factors without those, or those of their features, that are named in *leave_out*."""
    names = set(leave_out)
    return tuple(
        replace(
            factor,
            features=tuple(f for f in factor.features if f.name not in names),
            derived=tuple(d for d in factor.derived if d.name not in names),
        )
        for factor in factors
        if factor.name not in names
    )


def plan(
    present: Present,
    factors: Sequence[Factor],
    lookbacks: Sequence[int] = LOOKBACKS,
    contracts: Mapping[str, Table] = TABLES,
    flags: Sequence[Flag] = DEFAULT_PROMISES,
) -> MatrixPlan:
    """The statements for every feature that the columns *present* allow.

    Parameters
    ----------
    present : mapping of str to frozenset of str
        The tables at hand and their columns, under the names of the contract.
    factors : sequence of Factor
    lookbacks : sequence of int
        Days of the standard windows.
    contracts : mapping of str to Table
        Where the customers table has attributes of its own, the contract that knows them.
    flags : sequence of Flag
        Words that belong to no factor: the promises of the config.

    Raises
    ------
    ConfigError
        A feature reads a column that says what happened to the customer.
    """
    spoken = vocabularies(contracts, factors, flags, present)
    left_out: dict[str, tuple[str, ...]] = {}
    chosen: dict[str, list[FeatureColumn]] = {}
    for factor in factors:
        for feature in factor.features:
            missing = lacks(spoken, feature.table, [feature.sql], present, factor.optional)
            if missing:
                left_out[feature.name] = tuple(sorted(missing))
                continue
            chosen.setdefault(feature.table, []).extend(
                FeatureColumn(column_name(feature.name, w), factor.name, feature, w)
                for w in feature.lookbacks or tuple(lookbacks)
            )
    steps, parts = _steps(spoken, present, chosen)
    columns = [column for some in chosen.values() for column in some]
    levels = list(derive(factors, {column.name for column in columns}, lookbacks, left_out))
    steps.append(Step("matrix", _matrix(parts, levels)))
    columns += [column for level in levels for column in level]
    order = {factor.name: i for i, factor in enumerate(factors)}
    ordered = sorted(columns, key=lambda c: order[c.factor])
    return MatrixPlan(tuple(steps), tuple(ordered), left_out, _reduced(factors, spoken, ordered))


@contextmanager
def built(snapshots: Snapshots, plan: MatrixPlan) -> Iterator[str]:
    """The features of *snapshots* as a relation, there until the block ends.

    Its columns are ``customer_id``, ``cutoff`` (whole seconds) and those of the plan.
    """
    prepare(snapshots, plan)
    try:
        with built_chunk(snapshots, plan) as relation:
            yield relation
    finally:
        forget(snapshots, plan)


def forget(everybody: Snapshots, plan: MatrixPlan) -> None:
    """Drop what ``prepare`` computed."""
    for step in plan.steps:
        if step.fleet:
            everybody.engine.drop(step.name)


def prepare(everybody: Snapshots, plan: MatrixPlan) -> None:
    """Compute what is about everyone, once for all chunks."""
    for step in plan.steps:
        if step.fleet:
            _keep(everybody, step.name, step)


@contextmanager
def built_chunk(some: Snapshots, plan: MatrixPlan) -> Iterator[str]:
    """As ``built``, for some of the snapshots that were ``prepared``."""
    *steps, last = [step for step in plan.steps if not step.fleet]
    last_read = {name: i for i, step in enumerate([*steps, last]) for name in words(step.select)}
    for i, step in enumerate(steps):
        _keep(some, step.name, step)
        for earlier in steps[:i]:
            if last_read.get(earlier.name) == i:
                some.engine.drop(earlier.name)
    relation = some.engine.fresh(last.name)
    _keep(some, relation, last)
    for step in steps:
        some.engine.drop(step.name)
    try:
        yield relation
    finally:
        some.engine.drop(relation)


def _keep(snapshots: Snapshots, name: str, step: Step) -> None:
    try:
        snapshots.keep(name, step.select)
    except WRONG_SQL as error:
        raise ConfigError(
            f"a text of a factor is no SQL that can be run: {str(error).splitlines()[0]}",
            where=step.name,
            expected="expressions that the engine understands, aggregates in features and none in flags",
            fix="correct the file named in [features] files",
        ) from None


def _steps(
    spoken: Mapping[str, Vocabulary], present: Present, chosen: Mapping[str, list[FeatureColumn]]
) -> tuple[list[Step], list[tuple[str, list[FeatureColumn]]]]:
    """The steps of all tables, and the narrow relations they end in."""
    visits = _visits(spoken, chosen)
    tables = {
        name: TableStatements(name, spoken, present, chosen.get(name, []), visits.get(name, []))
        for name in spoken
        if name in chosen or name in visits
    }
    steps = [step for table in tables.values() for step in table.norm_steps()]
    parts: list[tuple[Step, list[FeatureColumn]]] = []
    seen = set[str]()
    # Each table is made when it is first read and asked for all it is asked for at once: then it can be dropped.
    for table in tables.values():
        for one in (*(tables[match.other] for match in table.matches), table):
            if one.name not in seen:
                steps += one.rows_steps() + one.seen_steps(_reach(one, tables))
                seen.add(one.name)
        own = table.parts()
        steps += [*table.known_steps(tables), *(step for step, _ in own)]
        parts += own
    return steps, [(step.name, columns) for step, columns in parts]


def _reduced(
    factors: Sequence[Factor], spoken: Mapping[str, Vocabulary], columns: Sequence[FeatureColumn]
) -> dict[str, tuple[str, ...]]:
    """Of each factor that is built at all, what it does without."""
    built = {column.feature.name for column in columns}
    absent = {f"{name}.{column}" for name, mine in spoken.items() for column in mine.absent}
    found = {}
    for factor in factors:
        without = [name for name in factor.optional if (name in absent if "." in name else name not in built)]
        if without and any(column.factor == factor.name for column in columns):
            found[factor.name] = tuple(without)
    return found


def _visits(
    spoken: Mapping[str, Vocabulary], chosen: Mapping[str, list[FeatureColumn]]
) -> dict[str, list[Match]]:
    """How the features chosen look into tables other than their own."""
    found: dict[str, list[Match]] = {}
    for name, columns in chosen.items():
        used = spoken[name].closure(*(column.feature.sql for column in columns))
        for match in spoken[name].matches.values():
            if match.name in used:
                found.setdefault(match.other, []).append(match)
    return found


def _reach(table: TableStatements, tables: Mapping[str, TableStatements]) -> int | None:
    """Seconds before the cutoff from which rows are wanted, also by the tables that look into this one."""
    wanted = [table.reach]
    for other in tables.values():
        for match in other.matches:
            if match.other == table.name:
                wanted.append(None if other.reach is None else other.reach + match_reach(match))
    return None if None in wanted else max(w for w in wanted if w is not None)


def _matrix(parts: list[tuple[str, list[FeatureColumn]]], levels: Iterable[list[FeatureColumn]]) -> str:
    picks = ["n.customer_id", "n.c as cutoff"]
    for _, columns in parts:
        for column in columns:
            empty = column.feature.empty if isinstance(column.feature, Feature) else None
            picks.append(
                f"coalesce({column.name}, {empty}) as {column.name}" if empty is not None else column.name
            )
    # A row passes through every join with all the columns it has by then: few at a time cost a fifth.
    names = [name for name, _ in parts]
    joins = "".join(
        f" join ({_beside(names[i : i + _TOGETHER])}) j{i} using (g)" for i in range(0, len(names), _TOGETHER)
    )
    select = f"select {', '.join(picks)} from snapshots n{joins}"
    for level in levels:
        more = ", ".join(f"cast({column.feature.sql} as float) as {column.name}" for column in level)
        select = f"select *, {more} from ({select}) m"
    return select


def _beside(names: Sequence[str]) -> str:
    """The relations *names* side by side, with a row for every snapshot."""
    return "select * from (select g from snapshots) s" + "".join(
        f" left join {name} using (g)" for name in names
    )
