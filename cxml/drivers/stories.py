"""Tells the stories of the first customers of the call list, from the tables as known at the cutoff.

Only through the as-of views: what became known at or after the cutoff changes no story. Facts are data, not prose:
instants in ISO form, seconds, numbers and names from the data; no value about a person but the customer's id.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pandas as pd

from cxml.config.sections import Promises
from cxml.contracts import TABLES, purchases
from cxml.drivers.story import STEPS, Fact, Story
from cxml.drivers.story_facts import STORIES
from cxml.factors.declare import DAY, Lookup, Match
from cxml.features.promises import promise_flags
from cxml.features.statements import match_select
from cxml.features.vocabulary import words
from cxml.snapshots import as_of
from cxml.snapshots.handle import Snapshots
from cxml.tables.opening import Tables
from cxml.tables.view_columns import DAY_ONLY

PER_REASON = 2
"""Stories told for one reason at most."""

_NULLS = {
    "text": "varchar",
    "instant": "bigint",
    "number": "float",
    "money": "decimal(18,4)",
    "count": "bigint",
    "flag": "boolean",
}
Facts = dict[str, Any]


@dataclass(frozen=True)
class ReasonToTell:
    """A reason as it is shown: its place, its factor and its feature, which looks back so many days; 0: all."""

    place: int
    factor: str
    feature: str
    days: int


JOINS = tuple(dict.fromkeys(join for story in STORIES for join in story.joins))
"""What stories look up in other tables, each once."""


@dataclass(frozen=True)
class Known:
    """A table as known at the cutoff, under *relation*, and which of its columns the data have and lack."""

    relation: str
    columns: frozenset[str]
    absent: frozenset[str]


def tell_stories(
    tables: Tables,
    customers: pd.DataFrame,
    cutoff: datetime,
    labels: Mapping[str, Any],
    reaches: Mapping[str, int],
) -> dict[str, Any]:
    """The stories behind the reasons of *customers*: of what a reason counts, nothing older.

    Parameters
    ----------
    customers : DataFrame
        ``customer_id`` and ``reason_1``, ``reason_2``, ... in the order of the call list; some hundreds.
    cutoff : datetime
        Nothing that became known from then on is told.
    labels : mapping
        As in the bundle: the factor of each feature.
    reaches : mapping
        How many days each feature looks back, 0 for all history, as from ``MatrixPlan.reaches``.

    Returns
    -------
    dict
        ``cutoff`` and ``customers``, one entry each in the given order: ``customer_id``; ``stories``, a list of
        ``story`` (its name), ``reason`` (which one it explains, from 1), ``factor`` and ``facts``; ``recovery``,
        what is still missing for the open or last bad issue (``topic``, ``since``, ``open``, ``missing``), or None.
    """
    ids = customers["customer_id"].astype(str).tolist()
    read = (
        {"interactions", "recoveries"}
        | {s.table for s in STORIES}
        | {j.other for j in JOINS if isinstance(j, Match)}
    )
    shown = _reasons(customers, labels, reaches)
    asked = dict.fromkeys((one.factor, one.days) for reasons in shown for one in reasons)
    with Snapshots.of(tables.engine, ids, cutoff) as snapshots:
        seen = {name: _known(tables, snapshots, name) for name in sorted(read) if name in tables.columns}
        for join in JOINS:
            if join.table in seen:
                seen[join.table] = _joined(tables, snapshots, seen, join)
        found = {
            (story.name, days): _told(snapshots, story, seen[story.table], days)
            for story in STORIES
            if story.table in seen
            for days in dict.fromkeys(days for factor, days in asked if factor in story.factors)
        }
        missing = _recoveries(snapshots, seen)
        for known in seen.values():
            tables.engine.drop(known.relation)
    entries = []
    for g, (customer, reasons) in enumerate(zip(ids, shown, strict=True)):
        mine = {key: rows[g] for key, rows in found.items() if g in rows}
        entries.append(
            {"customer_id": customer, "stories": _chosen(mine, reasons), "recovery": missing.get(g)}
        )
    return {"cutoff": cutoff.isoformat(), "customers": entries}


def _known(tables: Tables, snapshots: Snapshots, name: str) -> Known:
    """A table as known at the cutoff, with the words that all factors share, and its absent columns as missing."""
    table, present = TABLES[name], tables.columns[name]
    # A value whose known-at is not recorded cannot be placed in time.
    have = frozenset(
        one.name
        for one in table.columns
        if one.name in present and not one.target and not as_of.undated(one, present)
    )
    need = have | {DAY_ONLY} | {word for word, column in table.made_of.items() if column in have}
    rows = as_of.rows_select(table, present, need, place=True, wall=True)
    placed = () if as_of.versioned(present) else ("pos",)
    known = as_of.known_select(table, present, need, source=f"({rows})", extra=(*placed, "wall"))
    absent = [
        f"cast(null as {_NULLS[one.kind]}) as {one.name}"
        for one in table.columns
        if one.name not in have and one.name != table.event
    ]
    absent += [f"cast(null as {_NULLS['instant']}) as {word}" for word in sorted(table.made_of.keys() - need)]
    said = [f"{sql} as {word}" for word, sql in purchases.words(name, have).items()]
    relation = f"told_{name}"
    snapshots.keep(
        relation,
        _with(
            [
                f"select {', '.join(['*', *absent])} from ({known}) k",
                *_promises(name, tables.config.promises),
                *said,
            ]
        ),
    )
    return Known(relation, have | {table.event}, frozenset(table.by_name) - have - {table.event})


def _joined(tables: Tables, snapshots: Snapshots, seen: Mapping[str, Known], join: Lookup | Match) -> Known:
    """The table with what another says of its rows; what the data cannot say is absent."""
    mine = seen[join.table]
    there = _matched(seen, join) if isinstance(join, Match) else _looked_up(tables, seen, join)
    if there.columns:
        picks = ", ".join(f"o.{name}" for name in sorted(there.columns))
        snapshots.keep(
            f"{mine.relation}_more", f"select r.*, {picks} from {mine.relation} r left join {there.relation}"
        )
        snapshots.engine.drop(mine.relation)
        mine = replace(mine, relation=f"{mine.relation}_more")
    return replace(mine, columns=mine.columns | there.columns, absent=mine.absent | there.absent)


def _matched(seen: Mapping[str, Known], match: Match) -> Known:
    """The match as a relation ``o`` with its condition."""
    own, other = seen[match.table], seen.get(match.other)
    shared = {match.on} - {""}
    needed = shared | {match.instant} | (words(match.where) & TABLES[match.other].by_name.keys())
    if other is None or shared - own.columns or needed - {"t"} - other.columns:
        return Known("", frozenset(), frozenset({match.name}))
    select = match_select(match, own.relation, other.relation)
    return Known(f"({select}) o on o.g = r.g and o.pos = r.pos", frozenset({match.name}), frozenset())


def _looked_up(tables: Tables, seen: Mapping[str, Known], lookup: Lookup) -> Known:
    """What is looked up as a relation ``o`` with its condition; no column of it may become known later."""
    own, there = seen[lookup.table], tables.columns.get(lookup.source, frozenset())
    found = {name: column for name, column in lookup.columns if {column, lookup.on} <= there}
    found = found if lookup.on in own.columns else {}
    absent = frozenset(name for name, _ in lookup.columns if name not in found)
    if not found:
        return Known("", frozenset(), absent)
    rows = f"(select g as ci, t, {lookup.on} from {own.relation}) b"
    select = as_of.lookup_select(TABLES[lookup.source], there, found, on=lookup.on, rows=rows)
    on = f"o.ci = r.g and o.at = r.t and o.shared = r.{lookup.on}"
    return Known(f"({select}) o on {on}", frozenset(found), absent)


def _promises(table: str, promises: Promises) -> Iterable[str]:
    for flag in promise_flags(promises):
        if flag.table == table:
            yield f"{flag.sql} as {flag.name}"


def _with(parts: Sequence[str]) -> str:
    """The select *parts[0]* with one more column per further part, each seeing those before."""
    select = parts[0]
    for column in parts[1:]:
        select = f"select *, {column} from ({select}) w"
    return select


def _told(snapshots: Snapshots, story: Story, known: Known, days: int) -> dict[int, Facts]:
    """The facts of *story* by customer, told of a row of the last *days* (0: any); empty where the data lack a column."""
    own, made = known.columns | known.absent, dict(story.words)

    def reads(sql: str) -> frozenset[str]:
        """The columns that a text stands on, through the words of the story."""
        used = words(sql)
        return (used & own).union(*(reads(made[name]) for name in used & made.keys()))

    lacking = known.absent - set(story.optional)
    if reads(f"{story.rows} {story.told} {story.first}") & lacking:
        return {}
    facts = [fact for fact in story.facts if not reads(fact.sql) & lacking]
    rows = f"select * from {known.relation} where {story.rows}"
    select = _with([rows, *(f"{sql} as {name}" for name, sql in story.words)])
    # Older rows count in the facts ("3 times in 90 days"); only which row is told depends on *days*.
    late = f"case when age <= {days * DAY} then 1 else 0 end" if days else "1"
    picks = ", ".join(["g", f"{late} as in_reach", *(f"{fact.sql} as fact_{fact.name}" for fact in facts)])
    order = f"row_number() over (partition by g order by {late} desc, {story.first}, pos desc) as fact_place"
    told = f" where {story.told}" if story.told else ""
    names = ", ".join(f"fact_{fact.name}" for fact in facts)
    found = snapshots.rows(
        f"select g, {names} from (select {picks}, {order} from ({select}) s{told}) p"
        " where fact_place = 1 and in_reach = 1 order by g"
    )
    return {
        int(g): {f.name: _plain(f, value) for f, value in zip(facts, values, strict=True)}
        for g, *values in found
    }


def _plain(fact: Fact, value: Any) -> Any:
    """A value as JSON holds it; what is not known is None."""
    if value is None:
        return None
    match fact.kind:
        case "day":
            return datetime.fromtimestamp(int(value), UTC).isoformat()
        case "flag":
            return bool(value)
        case "count":
            return int(value)
        case "s":
            return round(float(value))
        case "money":
            return float(value if isinstance(value, Decimal) else Decimal(str(value)))
        case _:
            return str(value)


def _reasons(
    customers: pd.DataFrame, labels: Mapping[str, Any], reaches: Mapping[str, int]
) -> list[list[ReasonToTell]]:
    """Of each customer, the reasons that are shown."""
    names = [str(name) for name in customers if str(name).startswith("reason_")]
    features = labels.get("features", {})
    found = []
    for row in customers[names].itertuples(index=False):
        shown = [(k, str(one)) for k, one in enumerate(row, start=1) if one is not None and not pd.isna(one)]
        known = [(k, one, features[one]["factor"]) for k, one in shown if one in features]
        found.append([ReasonToTell(k, factor, one, reaches.get(one, 0)) for k, one, factor in known])
    return found


def _chosen(mine: Mapping[tuple[str, int], Facts], reasons: Sequence[ReasonToTell]) -> list[dict[str, Any]]:
    """The stories that explain the reasons: those near the feature first, each once, at most two a reason."""
    said: list[dict[str, Any]] = []
    for one in reasons:
        fitting = [s for s in STORIES if one.factor in s.factors and (s.name, one.days) in mine]
        fitting = [s for s in fitting if s.name not in {told["story"] for told in said}]
        fitting.sort(key=lambda s: not one.feature.startswith(s.near or ("",)))
        said += [
            {"story": s.name, "reason": one.place, "factor": one.factor, "facts": mine[s.name, one.days]}
            for s in fitting[:PER_REASON]
        ]
    return said


def _recoveries(snapshots: Snapshots, seen: Mapping[str, Known]) -> dict[int, dict[str, Any]]:
    """By customer, which steps of making good are missing for the open issue that is bad, or the last bad one.

    Bad is a contact that was given up, that waited for more than ten minutes, whose issue came back, or that gave
    wrong information, the second contact of an issue that is not resolved, and any of an issue that has been open for
    longer than promised. A step counts when it follows the first such contact; a compensation that was refused is
    none, and an issue that is resolved is fixed. Of several open ones, those with a contact in the last 90 days first,
    the one that began first counts: the one that ``open_issue`` tells of, too.
    """
    needed = {"interactions": {"issue_id"}, "recoveries": {"issue_id", "action"}}
    if any(name not in seen or needed[name] - seen[name].columns for name in needed):
        return {}
    contacts, acts = seen["interactions"], seen["recoveries"]
    told = "resolved_at" in contacts.columns
    still = "resolved_at is null" if told else "cast(null as boolean)"
    bad = _with(
        [
            f"select * from {contacts.relation} where issue_id is not null and age <= {365 * DAY}",
            "min(t) over (partition by g, issue_id) as begun",
            "row_number() over (partition by g, issue_id order by t desc, pos desc) as place",
            "row_number() over (partition by g, issue_id order by t, pos) as nth",
            f"max(case when place = 1 then case when {still} then 1 else 0 end end)"
            " over (partition by g, issue_id) as open_now",
            "coalesce(abandoned, false) or coalesce(wait_s > 600, false) or reopened_at is not null"
            " or corrected_at is not null or (open_now = 1 and (nth > 1 or c - begun > resolve_promise_s)) as bad",
        ]
    )
    issue = (
        "select g, issue_id, min(begun) as since, min(t) as failed_at, max(t) as last_at, min(age) as lately,"
        " max_by(topic, pos) as topic,"
        f" max(open_now) as open_now from ({bad}) b where bad and age <= {180 * DAY} group by g, issue_id"
    )
    chosen = (
        "select * from (select *, row_number() over (partition by g"
        f" order by open_now desc, case when lately <= {90 * DAY} then 0 else 1 end,"
        " case when open_now = 1 then since end, last_at desc, issue_id)"
        f" as place from ({issue}) i) r where place = 1"
    )
    given = "(a.action <> 'compensate' or coalesce(a.granted, true))"
    steps = ", ".join(
        f"coalesce(max(case when a.action = '{step}' and {given} then 1 end), 0) as {step}" for step in STEPS
    )
    found = snapshots.rows(
        f"select i.g, i.topic, i.since, i.open_now, {steps}"
        f" from ({chosen}) i left join {acts.relation} a on a.g = i.g and a.issue_id = i.issue_id and a.t >= i.failed_at"
        " group by 1, 2, 3, 4 order by 1"
    )
    result = {}
    for g, topic, since, open_now, *done in found:
        fixed = {"fix"} if open_now == 0 else set()
        missing = [step for step, one in zip(STEPS, done, strict=True) if not one and step not in fixed]
        result[int(g)] = {
            "topic": None if topic is None else str(topic),
            "since": datetime.fromtimestamp(int(since), UTC).isoformat(),
            "open": bool(open_now) if told else None,
            "missing": missing,
        }
    return result
