"""Formulas over finished columns: which of them can be built, and in which order."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace

from cxml.factors.declare import Factor, column_name
from cxml.features.statements import FeatureColumn
from cxml.features.vocabulary import SQL_WORDS, words


def derive(
    factors: Sequence[Factor], built: set[str], lookbacks: Sequence[int], left_out: dict[str, tuple[str, ...]]
) -> Iterator[list[FeatureColumn]]:
    """Levels of formulas whose columns exist; what cannot be built is noted in *left_out*.

    Parameters
    ----------
    factors : sequence of Factor
    built : set of str
        Columns that exist.
    lookbacks : sequence of int
        Days of the standard windows.
    """
    days = sorted(lookbacks)
    span = {
        "short": min(days, key=lambda d: (abs(d - 30), d)),
        "long": min(days, key=lambda d: (abs(d - 180), -d)),
    }
    declared = [(item.name, item.lookbacks) for f in factors for item in f.features]
    declared += [(item.name, item.lookbacks) for f in factors for item in f.derived]
    everything = built | {column_name(name, w) for name, own in declared for w in (*(own or lookbacks), 0)}
    left = []
    for factor in factors:
        for item in factor.derived:
            one = "{w}" not in item.sql
            for w in (0,) if one else item.lookbacks or tuple(lookbacks):
                text = item.sql.replace("{w}", str(w))
                for name, day in span.items():
                    text = text.replace(f"{{{name}}}", str(day))
                left.append(FeatureColumn(column_name(item.name, w), factor.name, replace(item, sql=text), w))
    while left:
        ready = [
            column
            for column in left
            if words(column.feature.sql) & everything <= built and _complete(column, built)
        ]
        ready = ready or [part for column in left for part in _without(column, factors, everything, built)]
        if not ready:
            break
        yield ready
        built |= {column.name for column in ready}
        left = [column for column in left if column.name not in built]
    for column in left:
        lacks = sorted((words(column.feature.sql) & everything) - built) or ["a column of its formula"]
        left_out.setdefault(column.feature.name, tuple(lacks))


def _without(
    column: FeatureColumn, factors: Sequence[Factor], everything: set[str], built: set[str]
) -> Iterator[FeatureColumn]:
    """The formula with null for the optional columns that are not there, if it can do without all that lack."""
    (factor,) = (factor for factor in factors if factor.name == column.factor)
    used = words(column.feature.sql) & everything
    optional = {name for name in used - built if re.sub(r"_\d+d$", "", name) in factor.optional}
    if optional != used - built or not used & built:
        return
    text = column.feature.sql
    for name in optional:
        text = re.sub(rf"\b{name}\b", "cast(null as float)", text)
    reduced = replace(column, feature=replace(column.feature, sql=text))
    if _complete(reduced, built):
        yield reduced


def _complete(column: FeatureColumn, built: set[str]) -> bool:
    """Whether every word of a formula is a finished column or a word of SQL."""
    unknown = {word for word in words(column.feature.sql) if word not in built and word not in SQL_WORDS}
    return not {word for word in unknown if not re.fullmatch(r"e\d+", word)}
