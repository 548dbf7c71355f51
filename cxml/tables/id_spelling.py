"""How ids are written: what a spreadsheet or a float has made of them, and one id that is spelt in two ways.

An id is a text and is taken as it is. Where an export has rewritten it, several customers become one, or one
becomes two, and every count about them is wrong.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from cxml.contracts import Column
from cxml.sql import literal, quoted
from cxml.tables.opening import Tables
from cxml.tables.problems import Problem
from cxml.tables.rule import Rule

_SCIENTIFIC = r"^-?([0-9]+([.,][0-9]+)?[eE][+][0-9]+|[0-9]+[.,][0-9]+[eE][0-9]+)$"
"""4.00123E+11 or 4.00123E11; not 4e11, which can be a hexadecimal id."""
_POINT_ZERO = r"^-?[0-9]+[.]0+$"
_THOUSANDS = "^[0-9]{1,3}([,'\u2019.\u00a0\u202f][0-9]{3})+$"
_EXACT = 2**53
_SOME = 0.01
"""Share of ids that chance does not give two spellings, or thousands separators."""
_HOMES = {"agent_id": "agents", "order_id": "orders", "issue_id": "interactions"}
"""The tables that other tables refer to; customers are checked row by row where there is a table of them."""


def rules_of(columns: Iterable[Column]) -> Iterator[Rule]:
    """What the ids of a table must keep to, and what people should know of them."""
    for name in (column.name for column in columns if _is_id(column)):
        id_ = quoted(name)
        yield Rule(
            code="scientific_id",
            column=name,
            bad=f"regexp_matches({id_}, {literal(_SCIENTIFIC)})",
            what="{n} ids are written like 4.00123E+11: their last digits are lost, and several may have become one",
            expected="an id with all its digits",
            fix="export it again with the column formatted as text, not as a number",
        )
        whole = f"regexp_matches({id_}, {literal(_POINT_ZERO)})"
        large = f"abs(try_cast({id_} as double)) >= {_EXACT}"
        yield Rule(
            code="inexact_id",
            column=name,
            bad=f"{whole} and {large}",
            what="{n} ids went through a float and have lost digits",
            expected="an id as text or whole number",
            fix="write ids as text where the file is made",
        )
        yield _note(
            name,
            f"{whole} and not {large}",
            "{n} ids end in .0, as whole numbers do that went through a float; they are kept so, and match"
            " no id without it",
        )
        yield _note(
            name,
            f"regexp_matches({id_}, {literal(_THOUSANDS)})",
            "{n} ids are written with thousands separators; they are kept so, and match no id without",
            least=_SOME,
        )


def spelt_apart(tables: Tables) -> tuple[list[Problem], list[str]]:
    """Ids that two tables write differently: 00123 and 123, 123.0 and 123, a-1 and A-1.

    It is a problem where more ids of a table meet the other one in another spelling than as they stand, else a
    note. Where one table itself tells two such spellings apart, they are two ids.
    """
    problems, notes = [], []
    for name in ("customer_id", *_HOMES):
        home, *others = _holders(tables, name) or [""]
        for other in others:
            same, alike, ids = _met(tables, name, home, other)
            if alike < max(2, _SOME * ids):
                continue
            what = (
                f"{alike:,} of {ids:,} ids are in {home} in another spelling: zeros in front, .0 behind, thousands"
                " separators, capital letters or spaces"
            )
            if alike > same:
                problems.append(
                    Problem(
                        "spelt_apart",
                        other,
                        name,
                        0,
                        0,
                        what,
                        f"ids as {home} writes them",
                        "write ids as text, and alike, where the files are made",
                    )
                )
            else:
                notes.append(f"{other}.{name}: {what}; they are taken as others")
    return problems, notes


def _is_id(column: Column) -> bool:
    return column.kind == "text" and column.name.endswith("_id")


def _note(column: str, when: str, what: str, least: float = 0.0) -> Rule:
    return Rule(code="note", column=column, bad=when, what=what, expected="", fix="", least=least, soft=True)


def _holders(tables: Tables, name: str) -> list[str]:
    """The tables with ids of that name, the one that they refer to first."""
    found = [one.table.name for one in tables.inputs if name in one.known]
    home = _HOMES.get(name)
    if name == "customer_id":
        return [] if "customers" in found else found
    return [home, *(table for table in found if table != home)] if home in found else []


def _met(tables: Tables, name: str, home: str, other: str) -> tuple[int, int, int]:
    """Of the ids of *other*: how many stand so in *home*, how many only in another spelling, and all."""
    here, there = (
        f"(select distinct {quoted(name)} as id from {table} where {quoted(name)} is not null)"
        for table in (other, home)
    )
    found = tables.engine.row(
        f"select count(*) as ids, count(case when id in (select id from {there} t) then 1 end) as same from {here} h"
    )
    same, ids = int(found["same"]), int(found["ids"])
    if same == ids:
        return same, 0, ids
    mine, theirs = (
        f"(select min(id) as id, {_plain('id')} as plain from {distinct} d group by 2 having count(*) = 1)"
        for distinct in (here, there)
    )
    found = tables.engine.row(
        f"select count(*) as alike from {mine} h join {theirs} t using (plain) where h.id <> t.id"
    )
    return same, int(found["alike"]), ids


def _plain(id_: str) -> str:
    """An id without what an export may add or take away."""
    joined = f"regexp_replace(trim({id_}), '[^0-9]', '', 'g')"
    bare = f"case when regexp_matches(trim({id_}), {literal(_THOUSANDS)}) then {joined} else lower(trim({id_})) end"
    return f"regexp_replace({bare}, '^0*([0-9]+?)([.]0+)?$', '\\1')"
