"""What is wrong in declared factors, said at once: names, words, units, directions, windows that hold later rows."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import get_args

from cxml.config.sections import Promises
from cxml.contracts import TABLES, Table
from cxml.errors import ConfigError, did_you_mean
from cxml.factors.catalogue import WINDOWED
from cxml.factors.declare import (
    LOOKBACKS,
    Derived,
    Direction,
    Factor,
    FactorKind,
    Family,
    Feature,
    Flag,
    Match,
    Norm,
    Unit,
)
from cxml.features.promises import promise_flags
from cxml.features.vocabulary import SQL_WORDS, shared_flags, words

_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]*")
_OVER = re.compile(r"\bover \(((?:[^()]|\([^()]*\))*)\)")
_LATER_INSTANT = re.compile(r"(lead\(t\)|min\(case when .* then t end\)) over \([^()]*\)")
_EXPONENT = re.compile(r"e\d*")
_ROW_WORDS = frozenset({"t", "age", "c", "pos", "wall", "day_only"})
_SHARED = (*promise_flags(Promises()), *shared_flags(TABLES, {}))
"""The words that belong to no factor."""
_RESERVED = frozenset({"customer_id", "cutoff", "churned", "value", "g", "ci", "k"})


def validate(factors: Sequence[Factor], contracts: Mapping[str, Table] = TABLES) -> None:
    """Refuse declarations that are unsound, with all that is wrong in one message.

    Parameters
    ----------
    factors : sequence of Factor
        All that are used together: names are unique across them, and a formula may use any column.
    contracts : mapping of str to Table

    Raises
    ------
    ConfigError
        A name that is declared twice, reserved or not a name; an unknown table, word, unit, direction, kind
        or family; a missing label; a column that only labels may read.
    """
    problems = [
        *_twice(factors),
        *_order_problems(factors),
        *(problem for factor in factors for problem in _factor_problems(factor, contracts)),
        *_formula_problems(factors),
    ]
    if problems:
        raise ConfigError(
            "; ".join(problems),
            where="the declared factors",
            expected="declarations as described in cxml.factors.declare",
            fix="correct what is named",
        )


def _twice(factors: Sequence[Factor]) -> Iterator[str]:
    """Names that are declared twice. Flags may be shared, when they say the same."""
    seen: set[str] = set()
    for name in (factor.name for factor in factors):
        if name in seen:
            yield f"the factor {name!r} is declared twice"
        seen.add(name)
    columns: dict[str, str] = {}
    for factor in factors:
        for item in factor.items:
            for column in _columns(item):
                # The engine does not tell capital letters from small ones.
                if column.lower() in columns:
                    first = columns[column.lower()]
                    yield f"the column {column!r} is declared twice, in {first} and {factor.name}"
                columns[column.lower()] = factor.name
    flags: dict[tuple[str, str], Flag] = {}
    shared = {(flag.table, flag.name) for flag in _SHARED}
    for flag in (flag for factor in factors for flag in factor.flags):
        if (flag.table, flag.name) in shared:
            yield f"the flag {flag.name!r} has the name of a word that all factors share"
        if flags.setdefault((flag.table, flag.name), flag) != flag:
            yield f"the flag {flag.name!r} is declared twice, with different texts"


def _order_problems(factors: Sequence[Factor]) -> Iterator[str]:
    """Factors that should come after one of another tier, or after each other."""
    tiers = {factor.name: factor.tier for factor in factors}
    before = {factor.name: set(factor.after) for factor in factors}
    for factor in factors:
        for name in factor.after:
            # A factor that was left out leaves its name behind.
            if name in tiers and (tiers[name] != factor.tier or factor.name in before[name]):
                yield f"{factor.name}: it cannot come after {name!r}, which is of another tier or comes after it"


def _columns(item: Feature | Derived) -> list[str]:
    if isinstance(item, Derived) and "{w}" not in item.sql:
        return [item.name]
    return [f"{item.name}_{days}d" if days else item.name for days in item.lookbacks or LOOKBACKS]


def _factor_problems(factor: Factor, contracts: Mapping[str, Table]) -> Iterator[str]:
    """What is wrong in one factor, its formulas apart."""
    for what, value, legal in (("kind", factor.kind, FactorKind), ("family", factor.family, Family)):
        if value not in get_args(legal):
            yield f"{factor.name}: unknown {what} {value!r}, {did_you_mean(str(value), get_args(legal))}"
    if factor.tier not in range(7):
        yield f"{factor.name}: the tier {factor.tier} is not in 0 to 6"
    yield from _said_problems(factor.name, factor)
    for name in factor.optional:
        table, dot, column = name.partition(".")
        if dot and (table not in contracts or column not in contracts[table].by_name):
            yield f"{factor.name}: the optional column {name!r} is in no table"
    if not factor.says.strip():
        yield f"{factor.name}: says nothing about itself"
    varied = {item.name: item for item in factor.features if item.unit != "text"}
    if factor.treatment and factor.treatment.feature not in varied:
        name = factor.treatment.feature
        yield f"{factor.name}: the treatment {name!r} is none of its numbers, {did_you_mean(name, varied)}"
    before = _added(factor, contracts)
    for flag in factor.flags:
        more = {*before.get(flag.table, ()), "who"}
        yield from _text_problems(f"{factor.name}.{flag.name}", flag.table, flag.sql, contracts, more)
        yield from _window_problems(f"{factor.name}.{flag.name}", flag)
        before.setdefault(flag.table, set()).add(flag.name)
    for feature in factor.features:
        more = before.get(feature.table, set())
        yield from _text_problems(
            f"{factor.name}.{feature.name}", feature.table, feature.sql, contracts, more
        )
    yield from _join_problems(factor, contracts, before)
    for item in factor.items:
        yield from _item_problems(f"{factor.name}.{item.name}", item)


def _item_problems(where: str, item: Feature | Derived) -> Iterator[str]:
    """Name, unit, direction, labels and windows of a feature or formula."""
    if (
        not _NAME.fullmatch(item.name)
        or WINDOWED.fullmatch(item.name)
        or not _RESERVED.isdisjoint(_columns(item))
    ):
        yield f"{where}: {item.name!r} cannot be the name of a column"
    for what, value, legal in (("unit", item.unit, Unit), ("direction", item.direction, Direction)):
        if value not in get_args(legal):
            yield f"{where}: unknown {what} {value!r}, {did_you_mean(str(value), get_args(legal))}"
    if any(days < 0 for days in item.lookbacks):
        yield f"{where}: a lookback is negative"
    yield from _said_problems(where, item)


def _said_problems(where: str, item: Factor | Feature | Derived) -> Iterator[str]:
    if not item.en.strip():
        yield f"{where}: the English label is missing"
    if not item.ko.strip():
        yield f"{where}: the Korean label is missing"


def _added(factor: Factor, contracts: Mapping[str, Table]) -> dict[str, set[str]]:
    """Per table, the words that are there before the flags of a factor: promises, purchases, lookups, matches, norms."""
    found: dict[str, set[str]] = {name: set() for name in contracts}
    added: list[Flag | Match | Norm] = [*_SHARED, *factor.matches, *factor.norms]
    for item in added:
        found.setdefault(item.table, set()).add(item.name)
    for lookup in factor.lookups:
        found.setdefault(lookup.table, set()).update(name for name, _ in lookup.columns)
    return found


def _text_problems(
    where: str, table: str, sql: str, contracts: Mapping[str, Table], more: set[str]
) -> Iterator[str]:
    """Words of a text that are no column, no flag and no SQL."""
    if table not in contracts:
        yield f"{where}: unknown table {table!r}, {did_you_mean(table, contracts)}"
        return
    if '"' in sql:
        yield f"{where}: quoted names are not portable"
    columns = contracts[table].by_name
    known = {*columns, *more, *_ROW_WORDS, *contracts[table].made_of}
    for word in sorted(words(sql) - known - SQL_WORDS):
        if not _EXPONENT.fullmatch(word):
            yield f"{where}: unknown word {word!r}, {did_you_mean(word, known)}"
    for word in sorted(words(sql) & columns.keys()):
        if columns[word].target:
            yield f"{where}: {table}.{word} says what happened to the customer and is for labels only"


def _window_problems(where: str, flag: Flag) -> Iterator[str]:
    """What of a flag would show rows that nobody had seen yet."""
    sql = " ".join(flag.sql.lower().split())
    if any("order by" not in window for window in _OVER.findall(sql)):
        yield f"{where}: a window without an order holds later rows: over (partition by who order by t, pos)"
    if flag.ahead and not _LATER_INSTANT.fullmatch(sql):
        yield f"{where}: ahead is for the bare instant of a later row: lead(t) over (partition by who order by t, pos)"


def _join_problems(
    factor: Factor, contracts: Mapping[str, Table], words_of: Mapping[str, set[str]]
) -> Iterator[str]:
    """What is wrong in lookups, matches and norms."""
    for lookup in factor.lookups:
        for name, column in lookup.columns:
            where = f"{factor.name}.{name}"
            yield from _text_problems(where, lookup.source, f"{column} {lookup.on}", contracts, set())
            yield from _text_problems(where, lookup.table, lookup.on, contracts, set())
            if lookup.source in contracts and column in contracts[lookup.source].by_name:
                shared = contracts[lookup.table].by_name.get(lookup.on)
                if contracts[lookup.source].column(column).known and shared and shared.known:
                    yield f"{where}: {lookup.on} and {column} both become known later; look up by another column"
    joined = {m.name for m in factor.matches} | {n.name for n in factor.norms}
    for match in factor.matches:
        where = f"{factor.name}.{match.name}"
        text = f"{match.instant} {match.where} {match.on}"
        yield from _text_problems(
            where, match.other, text, contracts, {*words_of.get(match.other, ()), "own_t"}
        )
        yield from _text_problems(where, match.table, match.on, contracts, set())
        if match.other == match.table:
            yield f"{where}: rows of one table meet by a flag with a window, not by a match"
        flags = {flag.name: flag.sql for flag in factor.flags if flag.table == match.other}
        for name in words(text) & joined:
            yield f"{where}: {name!r} is not made yet when rows are matched"
        for name in words(text) & flags.keys():
            if words(flags[name]) & joined:
                yield f"{where}: the flag {name!r} is not made yet when rows are matched"
    for norm in factor.norms:
        yield from _text_problems(
            f"{factor.name}.{norm.name}", norm.table, f"{norm.sql} {norm.by}", contracts, set()
        )


def _formula_problems(factors: Sequence[Factor]) -> Iterator[str]:
    """Words of a formula that are no column of any factor."""
    items = [item for factor in factors for item in factor.items]
    columns = {column.lower() for item in items for column in _columns(item)}
    stems = {item.name for item in items}
    standing_in = {re.sub(r"_\d+d$", "_0d", column) for column in columns}
    for factor in factors:
        for name in factor.optional:
            if "." not in name and name not in stems:
                yield f"{factor.name}: the optional feature {name!r} is not declared, {did_you_mean(name, stems)}"
    for factor in factors:
        for item in factor.derived:
            text = re.sub(r"\{(w|short|long)\}", "0", item.sql)
            for word in sorted(words(text) - columns - standing_in - SQL_WORDS):
                if not _EXPONENT.fullmatch(word):
                    yield f"{factor.name}.{item.name}: unknown word {word!r}, {did_you_mean(word, columns)}"
