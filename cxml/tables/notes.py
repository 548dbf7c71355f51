"""What people should know of tables beside what is wrong: notes that need more than one column or table."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from cxml.config.sections import ANSWERS
from cxml.contracts import CONTACT_END, TABLES
from cxml.sql import literal
from cxml.tables import (
    ready_label,
)
from cxml.tables.contact_ends import ends_known, made_instant
from cxml.tables.opened import Opened
from cxml.tables.opening import Tables
from cxml.tables.problems import counted

_SHOWN = 12
"""Columns that a note names."""


def beside(tables: Tables, opened: Opened) -> Iterator[str]:
    """Notes that need more than one row, or the table as a whole."""
    table, columns = opened.table.name, opened.known
    if table == "customers" and "recorded_at" not in columns and ready_label.is_static(tables.config):
        yield from _undated_labelled(tables)
    if table == "interactions":
        yield from _unknown_ends(tables)
    if table == "interactions" and "channel" in columns:
        found = tables.engine.row(
            "select count(distinct channel) - count(distinct lower(trim(channel))) as more from interactions"
        )
        if found["more"]:
            yield f"interactions.channel: {counted('{n} spellings differ only in case or spaces', found['more'])}"
        yield from _unmet_promises(tables)
    if table == "subscriptions" and "ended_at" in columns and "recorded_at" not in columns:
        reached = (
            "max(coalesce(ended_at, timestamp '9999-01-01')) over (partition by customer_id"
            " order by started_at, subscription_id rows between unbounded preceding and 1 preceding)"
        )
        found = tables.engine.row(
            "select count(distinct customer_id) as customers from (select customer_id, started_at,"
            f" {reached} as reached from subscriptions) s where started_at + interval 1 day < reached"
        )
        if found["customers"]:
            yield f"subscriptions: {counted('{n} customers have contracts that overlap', found['customers'])}"


def _unknown_ends(tables: Tables) -> Iterator[str]:
    """What it costs that contacts do not say when they were over: nobody knows from when their outcome was known."""
    columns = tables.columns["interactions"]
    known_late = [one.name for one in TABLES["interactions"].columns if one.known == CONTACT_END]
    outcome = sorted(name for name in known_late if name in columns)
    if not outcome:
        return
    if not ends_known(columns):
        yield (
            f"interactions has no ended_at and no handle_s: nothing says when a contact was over, so"
            f" {', '.join(outcome)} are not used; map ended_at"
        )
        return
    end = made_instant(CONTACT_END, columns)
    found = tables.engine.row(f"select count(*) as rows, count({end}) as over from interactions s")
    missing, rows = found["rows"] - found["over"], found["rows"]
    place = "ended_at" if "ended_at" in columns else "handle_s"
    if missing:
        yield (
            f"interactions: {missing:,} of {rows:,} contacts have no end ({place}): they count as going on, so their"
            f" {', '.join(outcome)} are not used"
        )
    if place == "handle_s":
        yield (
            "interactions has no ended_at: ends are taken as start, wait and handling; where handle_s is time worked on a"
            " ticket rather than the length of a contact, map ended_at"
        )


def overwritten_columns(tables: Tables, opened: Opened) -> list[str]:
    """The columns that may hold today's value rather than that of the time of their row, as nothing dates it."""
    table, columns = opened.table.name, opened.known
    if "recorded_at" in columns or (table == "customers" and ready_label.is_static(tables.config)):
        return []
    names = [one.name for one in opened.table.columns if one.overwritten and one.name in columns]
    if table == "customers":
        names += sorted(opened.places[name] for name in tables.attributes)
    return names


def never_changed(columns: Mapping[str, Sequence[str]]) -> Iterator[str]:
    """A note for each table with such columns, and what to do about all of them."""
    for table, names in columns.items():
        more = f" and {len(names) - _SHOWN:,} more" if len(names) > _SHOWN else ""
        yield f"{table} has no recorded_at: taken as never changed: {', '.join(names[:_SHOWN])}{more}"
    if columns:
        yield (
            "what is taken as never changed gives the future away where its system overwrites it: map recorded_at and give"
            " a row for each version, or leave the column out, or make sure that the export holds it as it was at the time"
            " of the row"
        )


def _undated_labelled(tables: Tables) -> Iterator[str]:
    """What that means for customers with a ready label, whose attributes are all there is."""
    columns = tables.columns["customers"]
    if ready_label.LABEL not in columns:
        yield f"customers has no label ({tables.config.churn.column}): they can be scored, not learned from"
    fixed = len(tables.attributes) + sum(
        not one.target
        for one in TABLES["customers"].columns
        if one.name in columns - {"customer_id", "joined_at", "birth_year"}
    )
    if fixed:
        yield (
            f"customers: nothing says when {fixed} attributes were written; one that was filled in after a"
            " customer had left gives the answer away ('cxml audit' looks for it)"
        )


def _unmet_promises(tables: Tables) -> Iterator[str]:
    """Channels that the configuration promises an answer on, and by which nobody ever wrote or called."""
    names = sorted(tables.config.promises.answer.keys() - ANSWERS.keys())
    counts = ", ".join(
        f"count_if(starts_with(channel, {literal(name)})) as n{place}" for place, name in enumerate(names)
    )
    found = tables.engine.row(f"select {counts} from interactions") if names else {}
    for place, name in enumerate(names):
        if not found[f"n{place}"]:
            yield f"[promises.answer] {name}: no channel of a contact begins so"
