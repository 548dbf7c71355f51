"""Attributes: further columns of the customers table, of which no contract says what they hold.

A company names them as it likes, so their names and their kinds are settled here, once for all that reads them.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from cxml.config.sections import TableSource
from cxml.contracts import ATTRIBUTE, Kind, attribute_name
from cxml.engine import Engine
from cxml.sql import quoted
from cxml.tables import written_numbers as written
from cxml.tables.source_parts import Source

MOSTLY = 0.8
"""Share of numbers from which on a column holds numbers, and what else it holds is a mistake to be told."""
_CODES = 20
"""Distinct numbers up to which a column that also holds other texts is one of codes."""
_ENOUGH = 50
"""Rows from which on values that differ in every row tell that they are ids."""
_APART = 0.95
_ID = re.compile(r"(?i)(^|[_\s-])(id|uuid|guid|rownumber|row|index|번호)$|[a-z]ID$|[a-z]Id$")
_MONTH = "(jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]*[.]?"
_DATE = (
    "(?i)^([0-9]{4}[-/][0-9]{1,2}[-/][0-9]{1,2}|[0-9]{4}(?:[.] *|년 *)[0-9]{1,2}(?:[.] *|월 *)[0-9]{1,2}(?:[.]|일)?"
    f"|[0-9]{{1,2}}[-./][0-9]{{1,2}}[-./][0-9]{{2,4}}|[0-9]{{1,2}}[ -]{_MONTH}[ -][0-9]{{2,4}}"
    f"|{_MONTH} [0-9]{{1,2}},? [0-9]{{4}})([ T].*)?$"
)
_DIGITS = "^(19|20)[0-9]{2}(0[1-9]|1[0-2])(0[1-9]|[12][0-9]|3[01])$"
"""A day as eight digits: no other numbers are all like this."""


@dataclass(frozen=True)
class Look:
    """What a column of a source looks like.

    Attributes
    ----------
    kind : Kind
        ``number`` or ``text``.
    no_feature : str
        Why nothing can be learned from it, for people; empty where something can.
    """

    kind: Kind
    no_feature: str = ""


def kinds_of(
    engine: Engine,
    source: Source,
    places: Mapping[str, str],
    spec: TableSource,
    known: Mapping[str, str] | None,
) -> dict[str, Kind]:
    """The kind of each attribute among *places*: the known one, that of the config, else what its values look like."""
    told = {attribute_name(name): kind for name, kind in {**spec.types, **(known or {})}.items()}
    wanted = {name: place for name, place in places.items() if name.startswith(ATTRIBUTE)}
    asked = [place for name, place in wanted.items() if name not in told]
    looks = look(engine, source, asked, spec)
    return {
        name: "number" if (told.get(name) or looks[place].kind) in ("number", "comma") else "text"
        for name, place in wanted.items()
    }


def untaught(no_features: Mapping[str, str]) -> str:
    """For people: which columns nothing is learned from, why, and how to use one all the same."""
    said = "; ".join(f"{column!r} ({why})" for column, why in no_features.items())
    return (
        f"nothing is learned from {said}; to use one all the same, say what it is: types ="
        f" {{ {next(iter(no_features))!r} = 'text' }}"
    )


def look(engine: Engine, source: Source, names: Sequence[str], spec: TableSource) -> dict[str, Look]:
    """What the columns *names* look like, by all their rows, read once.

    ``number`` where a column holds numbers, as far as it holds anything: a code such as 01234 is text, and so are
    few different numbers among other texts. A word for a missing value does not make text of numbers.
    """
    if not names:
        return {}
    parts = []
    for part in source.parts:
        cells = (
            f"cast({quoted(name)} as varchar)" if name in part.columns else "cast(null as varchar)"
            for name in names
        )
        parts.append(
            f"select {', '.join(f'{cell} as c{k}' for k, cell in enumerate(cells))} from {part.scan}"
        )
    counts = ", ".join(_counts(f"c{k}", k, spec) for k in range(len(names)))
    found = engine.row(f"select count(*) as row_count, {counts} from ({' union all '.join(parts)}) t")
    return {name: _look(name, k, found) for k, name in enumerate(names)}


def _counts(cell: str, k: int, spec: TableSource) -> str:
    known = f"trim({cell}) <> '' and not {written.nothing(cell, spec.na)}"
    reads = [f"{known} and {written.reads(cell, decimal)}" for decimal in (".", ",")]
    own = reads[0] if spec.decimal == "." else reads[1]
    number = f"case when {own} then try_cast({written.plain(cell, spec.decimal)} as double) end"
    return (
        f"count(case when {known} then 1 end) as known_{k}, count({number}) as read_{k},"
        f" count(case when {reads[0]} or {reads[1]} then 1 end) as either_{k},"
        f" count(case when {known} and regexp_matches(trim({cell}), '^[-+]?0[0-9]') then 1 end) as coded_{k},"
        f" count(case when {known} and regexp_matches(trim({cell}), '{_DATE}') then 1 end) as dated_{k},"
        f" count(case when {known} and regexp_matches(trim({cell}), '{_DIGITS}') then 1 end) as digits_{k},"
        f" count(distinct case when trim({cell}) <> '' then {cell} end) as apart_{k},"
        f" min({number}) as low_{k}, max({number}) as high_{k}, bool_and({number} = floor({number})) as whole_{k}"
    )


def _look(name: str, k: int, found: Mapping[str, Any]) -> Look:
    rows, (known, read, either, coded, dated, digits, apart) = (
        found["row_count"],
        (found[f"{what}_{k}"] for what in ("known", "read", "either", "coded", "dated", "digits", "apart")),
    )
    if not known:
        return Look("text")
    if (dated >= MOSTLY * known and dated > read) or (digits == known and apart > 1):
        return Look("text", "dates")
    differs = rows >= _ENOUGH and apart >= _APART * rows
    if not coded and (read == known or (either >= MOSTLY * known and apart > _CODES)):
        numbered = differs and found[f"whole_{k}"] and apart == rows
        if numbered and found[f"high_{k}"] - found[f"low_{k}"] == rows - 1:
            return Look("number", "a number for each row")
        return Look("number", "an id" if numbered and _ID.search(name) else "")
    return Look("text", "another value in nearly every row" if differs else "")
