"""From declarations to SQL: which columns can be built from what is there, and the statements that build them.

The narrow form. Per table: rows, flags of the row, rows as known at each cutoff, flags of the cutoff,
one ``group by`` per lookback; then everything is joined to the snapshots and formulas are added. All
cutoffs are answered at once, so reading does not cost more with more of them. A statement names no
engine; ``Plan.steps`` is what ``cxml features --sql`` prints.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from cxml import asof
from cxml.contracts import CONTACT_END, TABLES, Table
from cxml.engine import Engine
from cxml.errors import ConfigError
from cxml.features.declare import DAY, EVER, LOOKBACKS, Derived, Factor, Feature, Flag

PER_STATEMENT = 16
"""Aggregates in one statement: fewer cost passes, more cost memory."""

_WORD = re.compile(r"'[^']*'|([a-z_][a-z0-9_]*)")


@dataclass(frozen=True)
class Step:
    """One relation of the plan: *name* is made by *select* and kept for the steps that follow."""

    name: str
    select: str


@dataclass(frozen=True)
class Column:
    """One column of the matrix: its declaration and its window in days (0: all history)."""

    name: str
    factor: str
    feature: Feature | Derived
    lookback: int


@dataclass(frozen=True)
class Plan:
    """What will be built, how, and what cannot be.

    Attributes
    ----------
    steps : tuple of Step
        In order; the last one is the ``matrix``: customer_id, cutoff (whole seconds) and the columns.
    columns : tuple of Column
    left_out : mapping of str to tuple of str
        Feature stem -> the ``table.column`` it lacks.
    """

    steps: tuple[Step, ...]
    columns: tuple[Column, ...]
    left_out: Mapping[str, tuple[str, ...]]

    def sql(self) -> str:
        """All statements as text."""
        return "\n\n".join(f"-- {step.name}\n{step.select};" for step in self.steps)


def words(sql: str) -> set[str]:
    """The names in a text, without what stands in quotes.

    >>> sorted(words("avg(case when channel = 'phone' then wait_s end)") & {"channel", "wait_s", "phone"})
    ['channel', 'wait_s']
    """
    return {match[1] for match in _WORD.finditer(sql.lower()) if match[1]}


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
    present: Mapping[str, frozenset[str]],
    factors: Sequence[Factor],
    lookbacks: Sequence[int] = LOOKBACKS,
    contracts: Mapping[str, Table] = TABLES,
) -> Plan:
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

    Raises
    ------
    ConfigError
        A feature reads a column that says what happened to the customer.
    """
    left_out: dict[str, tuple[str, ...]] = {}
    columns: list[Column] = []
    steps: list[Step] = []
    parts: list[tuple[str, list[Column]]] = []
    for table, contract in contracts.items():
        flags = {flag.name: flag for factor in factors for flag in factor.flags if flag.table == table}
        chosen = []
        for factor in factors:
            for feature in factor.features:
                if feature.table != table:
                    continue
                lacks = _lacks(contract, feature, flags, present)
                if lacks:
                    left_out[feature.name] = lacks
                else:
                    chosen += [Column(_column(feature.name, w), factor.name, feature, w)
                               for w in _windows(feature.lookbacks, lookbacks)]  # fmt: skip
        if chosen:
            table_steps, table_parts = _table_steps(contract, present[table], chosen, flags)
            steps += table_steps
            parts += table_parts
            columns += chosen
    levels = list(_derive(factors, {column.name for column in columns}, lookbacks, left_out))
    steps.append(Step("matrix", _matrix(parts, levels)))
    derived = [column for level in levels for column in level]
    order = {factor.name: i for i, factor in enumerate(factors)}
    return Plan(tuple(steps), tuple(sorted(columns + derived, key=lambda c: order[c.factor])), left_out)


def run(engine: Engine, planned: Plan) -> None:
    """Build the relation ``matrix``; needs ``customer_keys`` and ``snapshots`` (``cxml.snapshots.take``)."""
    for step in planned.steps:
        engine.keep(step.name, step.select)
    for step in planned.steps[:-1]:
        engine.drop(step.name)


def _column(stem: str, lookback: int) -> str:
    return f"{stem}_{lookback}d" if lookback else stem


def _windows(own: tuple[int, ...], standard: Sequence[int]) -> tuple[int, ...]:
    return own or tuple(standard)


def _closure(sql: str, flags: Mapping[str, Flag]) -> set[str]:
    """The words of a text and of the flags it uses, down to the columns."""
    found = words(sql)
    todo = [name for name in found if name in flags]
    while todo:
        more = words(flags[todo.pop()].sql) - found
        todo += [name for name in more if name in flags]
        found |= more
    return found


def _lacks(
    table: Table, feature: Feature, flags: Mapping[str, Flag], present: Mapping[str, frozenset[str]]
) -> tuple[str, ...]:
    """The ``table.column`` that the feature needs and the data do not have."""
    if table.name not in present:
        return (table.name,)
    contract = table.by_name
    names = {name for name in _closure(feature.sql, flags) if name in contract and name not in flags}
    for name in names:
        if contract[name].target:
            raise ConfigError(
                f"the feature {feature.name!r} reads what it should predict", where=f"{table.name}.{name}",
                expected="columns that say how the customer was served", fix="take the column out of the feature",
            )  # fmt: skip
    # A value whose known-at is not recorded cannot be placed in time: without the instant, no value.
    names |= {contract[name].known for name in names} - {"", CONTACT_END}
    return tuple(sorted(f"{table.name}.{name}" for name in names - present[table.name]))


def _table_steps(
    contract: Table, present: frozenset[str], columns: list[Column], flags: Mapping[str, Flag]
) -> tuple[list[Step], list[tuple[str, list[Column]]]]:
    """The steps of one table, and the narrow relations they end in."""
    table = contract.name
    used = set().union(*(_closure(column.feature.sql, flags) for column in columns))
    wanted = [flag for name, flag in flags.items() if name in used]
    need = {name for name in used if name in contract.by_name and name not in flags}
    early, later = _split(contract, present, wanted)
    place = "pos" in used and not asof.versioned(present)
    rows = asof.rows_select(contract, present, need, place=place, wall="wall" in used)
    levels = _levels(early)
    for level in levels:
        rows = f"select *, {_flag_list(level)} from ({rows}) f"
    if levels:
        rows = rows.replace("(partition by who", "(partition by ci")
    longest = [column.lookback for column in columns]
    reach = (
        None if 0 in longest else max(longest) * DAY + max([flag.reach for flag in later], default=0) * DAY
    )
    named = set().union(*(words(item.sql) for item in (*(c.feature for c in columns), *later)))
    plain = [flag.name for flag in early if not flag.ahead and flag.name in named]
    plain += [word for word, there in (("pos", place), ("wall", "wall" in named)) if there]
    ahead = [flag.name for flag in early if flag.ahead and flag.name in named]
    known = asof.known_select(
        contract, present, need & named, source=f"{table}_rows", reach=reach, extra=plain, ahead=ahead
    )
    for level in _levels(later):
        known = f"select *, {_flag_list(level)} from ({known}) f"
    known = known.replace("(partition by who", "(partition by g")
    steps = [Step(f"{table}_rows", rows), Step(f"{table}_known", known)]
    parts = []
    for lookback in sorted(set(longest)):
        group = [column for column in columns if column.lookback == lookback]
        for i in range(0, len(group), PER_STATEMENT):
            some = group[i : i + PER_STATEMENT]
            name = f"{table}_{lookback or 'ever'}_{i // PER_STATEMENT}"
            within = f" where age <= {lookback * DAY}" if lookback else ""
            picks = ", ".join(f"{_typed(column)} as {column.name}" for column in some)
            steps.append(Step(name, f"select g, {picks} from {table}_known{within} group by g"))
            parts.append((name, some))
    return steps, parts


def _split(table: Table, present: frozenset[str], flags: list[Flag]) -> tuple[list[Flag], list[Flag]]:
    """Flags of the row, computed once, and flags of the cutoff, computed on what was known.

    A flag can be computed once when nothing in it becomes known after its row: then it is the same at
    every later cutoff. With late records even the neighbouring row may be unknown.
    """
    if asof.versioned(present):
        return [], flags
    by_name = {flag.name: flag for flag in flags}
    early: list[Flag] = []
    for flag in flags:
        used = _closure(flag.sql, by_name)
        on_flags = {name for name in words(flag.sql) if name in by_name}
        timeless = not asof.late(table, used - set(by_name)) and not used & {"age", "c", "g"}
        if timeless and all(by_name[name] in early and not by_name[name].ahead for name in on_flags):
            early.append(flag)
    return early, [flag for flag in flags if flag not in early]


def _levels(flags: list[Flag]) -> list[list[Flag]]:
    """Flags in the order in which they can be computed: a flag stands after those that it uses."""
    levels: list[list[Flag]] = []
    left = list(flags)
    while left:
        waiting = {flag.name for flag in left}
        level = [flag for flag in left if not (words(flag.sql) & waiting) - {flag.name}]
        if not level:
            level = left  # a circle: the engine names the unknown column
        levels.append(level)
        left = [flag for flag in left if flag not in level]
    return levels


def _flag_list(flags: list[Flag]) -> str:
    return ", ".join(f"{flag.sql} as {flag.name}" for flag in flags)


def _typed(column: Column) -> str:
    unit = column.feature.unit
    if unit == "text":
        return column.feature.sql
    whole = isinstance(column.feature, Feature) and column.feature.empty is not None
    return f"cast({column.feature.sql} as {'int' if whole else 'float'})"


def _derive(
    factors: Sequence[Factor], built: set[str], lookbacks: Sequence[int], left_out: dict[str, tuple[str, ...]]
) -> Iterator[list[Column]]:
    """Levels of formulas whose columns exist; what cannot be built is noted."""
    days = sorted(lookbacks)
    span = {
        "short": min(days, key=lambda d: (abs(d - 30), d)),
        "long": min(days, key=lambda d: (abs(d - 180), -d)),
    }
    declared = [(item.name, item.lookbacks) for f in factors for item in f.features]
    declared += [(item.name, item.lookbacks) for f in factors for item in f.derived]
    everything = built | {_column(name, w) for name, own in declared for w in (*_windows(own, lookbacks), 0)}
    left = []
    for factor in factors:
        for item in factor.derived:
            one = "{w}" not in item.sql
            for w in (0,) if one else _windows(item.lookbacks, lookbacks):
                text = item.sql.replace("{w}", str(w))
                for name, day in span.items():
                    text = text.replace(f"{{{name}}}", str(day))
                left.append(Column(_column(item.name, w), factor.name, replace(item, sql=text), w))
    while left:
        ready = [
            column
            for column in left
            if words(column.feature.sql) & everything <= built and _complete(column, built)
        ]
        if not ready:
            break
        yield ready
        built |= {column.name for column in ready}
        left = [column for column in left if column not in ready]
    for column in left:
        lacks = sorted((words(column.feature.sql) & everything) - built) or ["a column of its formula"]
        left_out.setdefault(column.feature.name, tuple(lacks))


_FUNCTIONS = frozenset(
    [
        "abs",
        "and",
        "as",
        "avg",
        "between",
        "bigint",
        "case",
        "cast",
        "ceil",
        "coalesce",
        "double",
        "else",
        "end",
        "exp",
        "float",
        "floor",
        "greatest",
        "in",
        "int",
        "is",
        "least",
        "ln",
        "not",
        "null",
        "nullif",
        "or",
        "pow",
        "power",
        "round",
        "sqrt",
        "then",
        "when",
        "true",
        "false",
        "e0",
    ]
)


def _complete(column: Column, built: set[str]) -> bool:
    """Whether every word of a formula is a finished column or a word of SQL."""
    unknown = {word for word in words(column.feature.sql) if word not in built and word not in _FUNCTIONS}
    return not {word for word in unknown if not re.fullmatch(r"e\d+", word)}


def _matrix(parts: list[tuple[str, list[Column]]], levels: Iterable[list[Column]]) -> str:
    picks = ["n.customer_id", "n.c as cutoff"]
    for _, columns in parts:
        for column in columns:
            empty = column.feature.empty if isinstance(column.feature, Feature) else None
            picks.append(
                f"coalesce({column.name}, {empty}) as {column.name}" if empty is not None else column.name
            )
    joins = "".join(f" left join {name} using (g)" for name, _ in parts)
    select = f"select {', '.join(picks)} from snapshots n{joins}"
    for level in levels:
        more = ", ".join(f"cast({column.feature.sql} as float) as {column.name}" for column in level)
        select = f"select *, {more} from ({select}) m"
    return select


def window_phrase(lookback: int, lang: str) -> str:
    """How a window is said: nothing for all history.

    >>> window_phrase(90, "en"), window_phrase(90, "ko"), window_phrase(0, "en")
    ('last 90 days', '최근 90일', '')
    """
    if not lookback:
        return ""
    return f"최근 {lookback}일" if lang == "ko" else f"last {lookback} days"


__all__ = ["EVER", "Column", "Plan", "Step", "plan", "run", "window_phrase", "words"]
