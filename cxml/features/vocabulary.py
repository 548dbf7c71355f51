"""The words of a table: its columns, what its factors add to them, and what each word needs of the data."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache

from cxml.contracts import Column, Table, purchases
from cxml.errors import ConfigError
from cxml.factors.declare import Factor, Flag, Lookup, Match, Norm
from cxml.snapshots import as_of
from cxml.tables.view_columns import DAY_ONLY

Present = Mapping[str, frozenset[str]]

_TIMES = frozenset({"t", "age", "wall", DAY_ONLY})
"""Words about when a row happened."""

_WORD = re.compile(r"'[^']*'|([a-z_][a-z0-9_]*)")


@cache
def words(sql: str) -> frozenset[str]:
    """The names in a text, without what stands in quotes.

    >>> sorted(words("avg(case when channel = 'phone' then wait_s end)") & {"channel", "wait_s", "phone"})
    ['channel', 'wait_s']
    """
    return frozenset(match[1] for match in _WORD.finditer(sql.lower()) if match[1])


_NULLS = {
    "text": "string",
    "instant": "bigint",
    "number": "float",
    "money": "decimal(18,4)",
    "count": "bigint",
    "flag": "boolean",
}

SQL_WORDS = words(
    "abs and any_value as asc avg between bigint by case cast ceil coalesce concat contains count current decimal desc"
    " distinct double else end exp false float floor following from greatest group in int is lag lead least like"
    " ln lower max max_by median min min_by mod mode not null nullif or order over partition"
    " percentile_cont power preceding range round"
    " row row_number rows split_part sqrt stddev_samp sum then true unbounded upper when within"
)
"""The words of SQL that a text may use."""


@dataclass(frozen=True)
class Vocabulary:
    """What the texts about one table may say beside SQL, each by its name.

    ``lookups`` maps the name of a looked-up column to its lookup and the column that it shows; ``absent`` are
    optional columns that the data do not have: they stand as flags that are null.
    """

    table: Table
    flags: Mapping[str, Flag]
    lookups: Mapping[str, tuple[Lookup, str]]
    matches: Mapping[str, Match]
    norms: Mapping[str, Norm]
    absent: frozenset[str] = frozenset()

    def closure(self, *texts: str) -> set[str]:
        """The words of the texts and of whatever these use, down to the columns of the table."""
        found: set[str] = set()
        todo = set().union(*map(words, texts)) if texts else set()
        while todo:
            found |= todo
            todo = set().union(*(words(text) for name in todo for text in self._made_of(name))) - found
        return found

    def _made_of(self, name: str) -> list[str]:
        """The texts behind a word, as far as they are about this table."""
        if name in self.flags:
            return [self.flags[name].sql]
        if name in self.norms:
            return [self.norms[name].sql, self.norms[name].by]
        if name in self.matches:
            return [self.matches[name].on]
        if name in self.lookups:
            return [self.lookups[name][0].on]
        return [self.table.made_of[name]] if name in self.table.made_of else []

    def columns(self, used: Iterable[str]) -> set[str]:
        """The columns of the table among the words *used*."""
        own = self.table.by_name
        return {name for name in used if name in own and name not in self.flags}

    def read(self, used: Iterable[str]) -> set[str]:
        """What is read of each row for the words *used*: columns, what is made of one, and the grain of its event."""
        used = set(used)
        return self.columns(used) | ({DAY_ONLY, *self.table.made_of} & used)


def shared_flags(tables: Iterable[str], present: Present) -> tuple[Flag, ...]:
    """The words that all factors share, of the columns that are there: ``cxml.contracts.purchases``, and ``runs``."""
    # A day in which the clock is put back is longer than 24 hours.
    bought = [
        Flag(name, table, sql, reach=2 if "day_spend" in (name, *words(sql)) else 0)
        for table in tables
        for name, sql in purchases.words(table, present.get(table, frozenset())).items()
    ]
    ends = "ended_at" in present.get("subscriptions", frozenset())
    return (*bought, Flag("runs", "subscriptions", "ended_at is null" if ends else "true"))


def vocabularies(
    contracts: Mapping[str, Table], factors: Sequence[Factor], flags: Sequence[Flag], present: Present
) -> dict[str, Vocabulary]:
    """The words of every table; *flags* are those that belong to no factor."""
    absent = [
        Flag(column, table, f"cast(null as {_NULLS[contracts[table].column(column).kind]})")
        for table, column in sorted(
            {tuple(name.split(".")) for x in factors for name in x.optional if "." in name}
        )
        if table in present and _missing(contracts[table], [column], present)
    ]
    every = [
        *flags,
        *shared_flags(contracts, present),
        *(flag for factor in factors for flag in factor.flags),
        *absent,
    ]
    return {
        name: Vocabulary(
            table=table,
            flags={flag.name: flag for flag in every if flag.table == name},
            absent=frozenset(flag.name for flag in absent if flag.table == name),
            lookups={
                new: (item, column)
                for x in factors
                for item in x.lookups
                if item.table == name
                for new, column in item.columns
            },
            matches={m.name: m for x in factors for m in x.matches if m.table == name},
            norms={n.name: n for x in factors for n in x.norms if n.table == name},
        )
        for name, table in contracts.items()
    }


def lacks(
    spoken: Mapping[str, Vocabulary],
    table: str,
    texts: Sequence[str],
    present: Present,
    optional: Collection[str] = (),
) -> set[str]:
    """The ``table.column`` that the texts about *table* need, *optional* ones apart, and the data do not have.

    Raises
    ------
    ConfigError
        A text reads what it should predict.
    """
    if table not in present:
        return {table}
    mine = spoken[table]
    used = mine.closure(*texts)
    found = _missing(mine.table, mine.columns(used), present)
    if used & _TIMES and mine.table.event not in present[table]:
        found.add(f"{table}.{mine.table.event}")
    found |= {f"{table}.{name}" for name in used & mine.absent} - set(optional)
    for name in used & mine.lookups.keys():
        lookup, column = mine.lookups[name]
        if lookup.source not in present:
            found.add(lookup.source)
        else:
            found |= _missing(spoken[lookup.source].table, {column, lookup.on}, present)
    for name in used & mine.matches.keys():
        match = mine.matches[name]
        found |= lacks(spoken, match.other, [match.instant, match.where, match.on], present, optional)
    return found


def _missing(table: Table, names: Iterable[str], present: Present) -> set[str]:
    own = table.by_name
    for name in names:
        if own[name].target:
            raise ConfigError(
                "a feature reads what it should predict",
                where=f"{table.name}.{name}",
                expected="columns that say how the customer was served",
                fix="take the column out of the feature",
            )
    # A value whose known-at is not recorded cannot be placed in time: without the instant, no value.
    there = present[table.name]
    wanted = {*names, *(as_of.undated(own[name], there) for name in names)} - {""}
    return {f"{table.name}.{name}" for name in wanted - there}


def with_lookups(mine: Vocabulary, spoken: Mapping[str, Vocabulary], used: Iterable[str]) -> Table:
    """The contract of the table with the looked-up columns among *used*, and when each is known."""
    more = []
    for name in sorted(set(used) & mine.lookups.keys()):
        lookup, column = mine.lookups[name]
        shown, shared = spoken[lookup.source].table.column(column), mine.table.by_name[lookup.on]
        known = shown.known and f"{name}_from"
        more.append(replace(shown, name=name, known=known or shared.known))
        if known:
            more.append(Column(known, "instant", f"when {name} became known"))
    return replace(mine.table, columns=(*mine.table.columns, *more))
