"""The statements of one table: its rows, its rows as known at each cutoff, and what is taken of them.

rows     one per row, with what was looked up for it and the flags that hold at every cutoff
norms    of everyone, by channel or topic, once for all customers
seen     row x snapshot, masked, with the flags of the cutoff
known    the same with norms, matches in other tables, and the flags made of these
<w>_<i>  one ``group by`` per lookback and sixteen features
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from cxml.factors.declare import DAY, FIXED, Derived, Feature, Flag, Lookup, Match, Norm
from cxml.features.vocabulary import Present, Vocabulary, with_lookups, words
from cxml.snapshots import as_of
from cxml.tables.casting import LAST_SECOND
from cxml.tables.view_columns import DAY_ONLY

PER_STATEMENT = 16
"""Aggregates in one statement: fewer cost passes, more cost memory."""

MATCH_DAYS = 365
"""A row that began more days before another is never matched with it."""

NORM_DAYS, NORM_ROWS = 28, 5
"""Length of the weeks of a norm, and the fewest values that make one."""


@dataclass(frozen=True)
class Step:
    """One relation of the plan: *name* is made by *select* and kept for the steps that follow.

    A *fleet* step is about everyone, whichever customers the snapshots hold.
    """

    name: str
    select: str
    fleet: bool = False


@dataclass(frozen=True)
class FeatureColumn:
    """One column of the matrix: its declaration and its window in days (0: all history)."""

    name: str
    factor: str
    feature: Feature | Derived
    lookback: int


class TableStatements:
    """What is asked of one table, and the statements that answer it.

    Parameters
    ----------
    name : str
    spoken : mapping of str to Vocabulary
    present : mapping of str to frozenset of str
        The tables at hand and their columns.
    columns : sequence of FeatureColumn
        Features of this table.
    visits : sequence of Match
        How other tables look into this one.
    """

    def __init__(
        self,
        name: str,
        spoken: Mapping[str, Vocabulary],
        present: Present,
        columns: Sequence[FeatureColumn],
        visits: Sequence[Match],
    ) -> None:
        self.name, self.spoken, self.present = name, spoken, present
        self.mine, self.here = spoken[name], present[name]
        self.columns, self.visits = columns, visits
        asked = [*(c.feature.sql for c in columns), *(t for m in visits for t in (m.instant, m.where, m.on))]
        self.used = self.mine.closure(*asked)
        self.matches = [m for m in self.mine.matches.values() if m.name in self.used]
        if self.matches:  # what follows a row may come at any time of a day that is all that is known
            self.used.add(DAY_ONLY)
        self.norms = [n for n in self.mine.norms.values() if n.name in self.used]
        self.contract = with_lookups(self.mine, spoken, self.used)
        flags = [flag for name, flag in self.mine.flags.items() if name in self.used]
        self.early, later = self._split(flags)
        joined = {m.name for m in self.matches} | {n.name for n in self.norms}
        self.last = [flag for flag in later if self.mine.closure(flag.sql) & joined]
        self.late = [flag for flag in later if flag not in self.last]
        # What is still spoken of once the flags of the cutoff are there, and once the rows are made.
        self.wanted = set().union(
            *map(words, asked),
            *(words(flag.sql) for flag in self.last),
            *(words(m.on) for m in self.matches),
            *(words(n.by) for n in self.norms),
            {DAY_ONLY} if self.matches else set(),
        )
        self.named = self.wanted.union(*(words(flag.sql) for flag in self.late))

    @property
    def reach(self) -> int | None:
        """Seconds before the cutoff from which this table's own features want rows; None for all."""
        longest = [column.lookback for column in self.columns]
        if 0 in longest:
            return None
        days = max((flag.reach for flag in (*self.late, *self.last)), default=0)
        return (max(longest, default=0) + days) * DAY

    def rows_steps(self) -> list[Step]:
        """The rows, before any cutoff."""
        need = self.mine.read(self.used)
        rows = as_of.rows_select(
            self.mine.table, self.here, need, place=self._placed, wall="wall" in self.used
        )
        steps, joins, picks = [], "", ["r.*"]
        for i, (lookup, names) in enumerate(self._lookups().items()):
            base, found = f"{self.name}_base", f"{self.name}_lookup_{i}"
            source = self.spoken[lookup.source].table
            steps.append(
                Step(
                    found,
                    as_of.lookup_select(source, self.present[lookup.source], names, on=lookup.on, rows=base),
                )
            )
            shared = "ci" if lookup.on == "customer_id" else lookup.on
            joins += (
                f" left join {found} l{i} on l{i}.ci = r.ci and l{i}.at = r.t and l{i}.shared = r.{shared}"
            )
            picks += [f"l{i}.{name}" for name in names]
        if steps:
            steps.insert(0, Step(f"{self.name}_base", rows))
            rows = f"select {', '.join(picks)} from {self.name}_base r{joins}"
        return [*steps, *_with_flags(Step(f"{self.name}_rows", rows), self.early, who="ci")]

    def norm_steps(self) -> list[Step]:
        """The usual values, of all customers."""
        return [Step(f"{self.name}_norm_{norm.name}", self._norm(norm), fleet=True) for norm in self.norms]

    def seen_steps(self, reach: int | None) -> list[Step]:
        """The rows as known at each cutoff, *reach* seconds back."""
        plain = [flag.name for flag in self.early if not flag.ahead and flag.name in self.named]
        plain += [word for word, there in (("pos", self._placed), ("wall", "wall" in self.named)) if there]
        ahead = [flag.name for flag in self.early if flag.ahead and flag.name in self.named]
        need = self.mine.read(self.named) | (self.named & self.mine.lookups.keys())
        seen = as_of.known_select(
            self.contract, self.here, need, source=f"{self.name}_rows", reach=reach, extra=plain, ahead=ahead
        )
        steps = _with_flags(Step(self._seen, seen), self.late, who="g")
        have = {"g", "c", "t", "age", *need, *plain, *ahead, *(flag.name for flag in self.late)}
        have |= {"pos"} if as_of.versioned(self.here) else set()
        return _narrowed(steps, have & {"g", "c", "t", "age", "pos", *self.wanted})

    def known_steps(self, others: Mapping[str, TableStatements]) -> list[Step]:
        """The rows with what norms and matches add to them; needs the ``seen`` of all tables."""
        if self._seen == self._known:
            return []
        steps, joins, picks = [], "", ["r.*"]
        for match in self.matches:
            name = f"{self.name}_match_{match.name}"
            steps.append(Step(name, match_select(match, self._seen, others[match.other]._seen)))
            joins += f" left join {name} on {name}.g = r.g and {name}.pos = r.pos"
            picks.append(f"{name}.{match.name}")
        for norm in self.norms:
            name = f"{self.name}_norm_{norm.name}"
            joins += f" left join {name} on {name}.c = r.c and {name}.block = {_block('r.age')}"
            joins += f" and {name}.shared = r.{norm.by}"
            picks.append(f"{name}.{norm.name}")
        known = f"select {', '.join(picks)} from {self._seen} r{joins}"
        return [*steps, *_with_flags(Step(self._known, known), self.last, who="g")]

    def parts(self) -> list[tuple[Step, list[FeatureColumn]]]:
        """The narrow relations, and the columns that each holds."""
        found = []
        for lookback in sorted({column.lookback for column in self.columns}):
            group = [column for column in self.columns if column.lookback == lookback]
            for i in range(0, len(group), PER_STATEMENT):
                some = group[i : i + PER_STATEMENT]
                within = f" where age <= {lookback * DAY}" if lookback else ""
                picks = ", ".join(f"{_typed(column)} as {column.name}" for column in some)
                name = f"{self.name}_{lookback or 'ever'}_{i // PER_STATEMENT}"
                found.append((Step(name, f"select g, {picks} from {self._known}{within} group by g"), some))
        return found

    @property
    def _known(self) -> str:
        return f"{self.name}_known"

    @property
    def _seen(self) -> str:
        return f"{self.name}_seen" if self.matches or self.norms else self._known

    @property
    def _placed(self) -> bool:
        """Whether rows are numbered before the cutoffs are met; versions are numbered after."""
        numbered = (
            "pos" in self.used or self.matches or any(map(_looks_around, self.early + self.late + self.last))
        )
        return bool(numbered) and not as_of.versioned(self.here)

    def _lookups(self) -> dict[Lookup, dict[str, str]]:
        """The lookups that are used: new name -> column, with the instants from which the columns are known."""
        found: dict[Lookup, dict[str, str]] = {}
        for name in sorted(self.used & self.mine.lookups.keys()):
            lookup, column = self.mine.lookups[name]
            names = found.setdefault(lookup, {})
            names[name] = column
            known = self.spoken[lookup.source].table.column(column).known
            if known:
                names[f"{name}_from"] = known
        return found

    def _split(self, flags: list[Flag]) -> tuple[list[Flag], list[Flag]]:
        """Flags of the row, computed once, and flags of the cutoff, computed on what was known.

        A flag can be computed once when nothing in it becomes known after its row: then it is the same at
        every later cutoff. With late records even the neighbouring row may be unknown, and a later row is
        unknown by nature: unless it shows a bare instant, what looks ahead is computed among what was seen.
        """
        if as_of.versioned(self.here):
            return [], flags
        of_cutoff = {"age", "c", "g", *(m.name for m in self.matches), *(n.name for n in self.norms)}
        early: list[Flag] = []
        for flag in flags:
            used = self.mine.closure(flag.sql)
            on_flags = words(flag.sql) & self.mine.flags.keys()
            timeless = not as_of.late(self.contract, used - self.mine.flags.keys()) and not used & of_cutoff
            timeless &= flag.ahead or not words(flag.sql) & {"lead", "following"}
            known = {f.name: f for f in early}
            if timeless and all(name in known and not known[name].ahead for name in on_flags):
                early.append(flag)
        return early, [flag for flag in flags if flag not in early]

    @property
    def _norm_reach(self) -> int | None:
        """The reach in whole blocks: half a block would have another mean."""
        return None if self.reach is None else math.ceil(self.reach / (NORM_DAYS * DAY)) * NORM_DAYS * DAY

    def _norm(self, norm: Norm) -> str:
        need = self.mine.read(words(norm.sql) | words(norm.by))
        known = as_of.fleet_known_select(self.mine.table, self.here, need, self._norm_reach)
        # In fixed point, so that the bytes do not depend on the order in which rows are added.
        mean = f"cast(sum(cast(floor(x * 1048576e0) as {FIXED})) as double) / 1048576e0 / count(*)"
        return (
            f"select c, block, shared, {mean} as {norm.name} from"
            f" (select c, {_block('age')} as block, {norm.by} as shared, cast({norm.sql} as double) as x"
            f" from ({known}) k) v where shared is not null and x is not null"
            f" group by c, block, shared having count(*) >= {NORM_ROWS}"
        )


def match_select(match: Match, own: str, other: str) -> str:
    """The rows of the relation *own* that have a match among those of *other*: ``g``, ``pos`` and the match.

    Both hold rows as known at a cutoff, numbered by ``pos``; *own* also ``day_only``. What follows a row of which only
    the day is known may follow at any time of that day.
    """
    from_t = f"case when {DAY_ONLY} then t - {LAST_SECOND} else t end as own_from"
    mine = f"g as own_g, pos as own_pos, t as own_t, {from_t}" + (
        f", {match.on} as own_on" if match.on else ""
    )
    within = match.within * DAY
    after = match.pick == "first after"
    near = (
        f"near >= own_from and near <= own_t + {within}"
        if after
        else f"near < own_t and near >= own_t - {within}"
    )
    on = ["own_g = o.g", near, f"o.t >= own_from - {match_reach(match)}"]
    on += [f"own_on = o.{match.on}"] if match.on else []
    on += [f"({match.where})"] if match.where else []
    return (
        f"select own_g as g, own_pos as pos, {'min' if after else 'max'}(near) as {match.name}"
        f" from (select {mine} from {own}) r"
        f" join (select *, {match.instant} as near from {other}) o on {' and '.join(on)} group by own_g, own_pos"
    )


def match_reach(match: Match) -> int:
    """Seconds before a row from which rows of the other table can count."""
    if match.instant != "t":
        return max(match.within, MATCH_DAYS) * DAY
    return match.within * DAY if match.pick == "last before" else 0


def _block(age: str) -> str:
    return f"floor(({age} - 1) / {NORM_DAYS * DAY}e0)"


def _with_flags(step: Step, flags: Collection[Flag], who: str) -> list[Step]:
    """The steps that end in *step* with the flags added, each after those that it uses.

    *who* is the column that says whose rows windows run over. Windows are computed beside the rows, on the few
    columns they need, and joined: sorting whole rows for each of them would cost many times as much.
    """
    if not any(map(_looks_around, flags)):
        return [replace(step, select=_with_plain(step.select, flags))]
    bare = Step(f"{step.name}_bare", step.select)
    steps, select = [bare], f"select * from {bare.name}"
    for level in _levels(flags):
        around = [flag for flag in level if _looks_around(flag)]
        if around:
            name = f"{step.name}_around_{len(steps)}"
            rows = f"select *, {who} as who from ({select}) w"
            steps.append(Step(name, f"select who, pos, {_flag_list(around)} from ({rows}) a"))
            found = ", ".join(f"o.{flag.name}" for flag in around)
            select = (
                f"select r.*, {found} from ({select}) r join {name} o on o.who = r.{who} and o.pos = r.pos"
            )
        select = _with_plain(select, [flag for flag in level if not _looks_around(flag)])
    return [*steps, replace(step, select=select)]


def _with_plain(select: str, flags: Collection[Flag]) -> str:
    """*select* with flags that need no other row."""
    for level in _levels(flags):
        select = f"select *, {_flag_list(level)} from ({select}) f"
    return select


def _narrowed(steps: list[Step], names: Collection[str]) -> list[Step]:
    """The steps, the last of which keeps the columns *names* only."""
    *before, last = steps
    return [*before, replace(last, select=f"select {', '.join(sorted(names))} from ({last.select}) k")]


def _looks_around(flag: Flag) -> bool:
    """Whether other rows play a part in a flag."""
    return "over" in words(flag.sql)


def _flag_list(flags: Iterable[Flag]) -> str:
    return ", ".join(f"{flag.sql} as {flag.name}" for flag in flags)


def _levels(flags: Iterable[Flag]) -> list[list[Flag]]:
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


def _typed(column: FeatureColumn) -> str:
    unit = column.feature.unit
    if unit == "text":
        return column.feature.sql
    if not isinstance(column.feature, Feature) or column.feature.empty is None:
        return f"cast({column.feature.sql} as float)"
    # Rows of a customer are counted in 32 bits; sums of what the rows count may need more.
    wide = "sum" in words(column.feature.sql)
    return f"cast({column.feature.sql} as {'bigint' if wide else 'int'})"
