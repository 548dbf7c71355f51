"""The data against the contract: every problem of every table, counted in the engine, told at once."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from cxml.errors import DataError
from cxml.tables import (
    bad_lines,
    contact_log,
    flat_columns,
    hints,
    id_spelling,
    lost_columns,
    ready_label,
    volumes,
)
from cxml.tables.made_ids import Copies, count_copies
from cxml.tables.notes import beside, never_changed, overwritten_columns
from cxml.tables.opened import Opened
from cxml.tables.opening import Tables, show
from cxml.tables.problems import Problem, SetAside, counted, one_error, unreadable
from cxml.tables.rule import Rule
from cxml.tables.rules import DUPLICATE, rules
from cxml.tables.set_aside import COPY, Cleaning, tolerated, too_many

_FILE = 1 << 40
"""Above any number of rows of a file: file * _FILE + row orders rows by file and place."""
_COPIES = 0.01
"""Share of copies from which on a log without ids looks as if it had been exported twice."""


@dataclass(frozen=True)
class Check:
    """What a check found.

    Attributes
    ----------
    problems : tuple of Problem
        What must be fixed before anything can be learned from the data.
    rows : Mapping[str, int]
        Rows of each table that are used: not those set aside, nor copies that are taken once.
    notes : tuple of str
        What people should know although nothing stops the work; those of ``Tables.notes`` come first.
    months : Mapping[str, Mapping[str, int]]
        Rows of each log by month, such as ``2025-03``, in the zone of the project.
    set_aside : SetAside
        Rows that break a rule, few enough to go on without them: the views of the tables are without them now.
    columns : tuple of flat_columns.Seen
        Every attribute of the customers, and what it is taken for.
    """

    problems: tuple[Problem, ...]
    rows: Mapping[str, int]
    notes: tuple[str, ...]
    months: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    set_aside: SetAside = field(default_factory=SetAside)
    columns: tuple[flat_columns.Seen, ...] = ()

    def raise_if_any(self) -> None:
        """Raise all problems as one ``DataError``; do nothing when there is none."""
        if self.problems:
            raise one_error(self.problems)


def check_tables(tables: Tables) -> Check:
    """Hold all rows against the contract, and leave out of the views the few that break it.

    Each table is read once to count what breaks a rule; only where something does, it is read again: to find the
    first such row, to see whether there are few enough of them, and to count once more what is left.
    """
    problems: list[Problem] = []
    notes = list(tables.notes)
    rows: dict[str, int] = {}
    without: list[Problem] = []
    fewer: dict[str, int] = {}
    overwritten: dict[str, list[str]] = {}
    people = _People()
    for opened in tables.inputs:
        name = opened.table.name
        try:
            seen = _seen(tables, opened, people)
            gone = seen.found.all_rows - seen.found.rows
            if name == "customers":
                people = _people(tables, opened, gone)
        except DataError as error:
            problems.append(unreadable(name, error))
            continue
        rows[name] = seen.found.rows - seen.found.copies.once
        problems += seen.problems
        without += seen.found.set_aside
        if gone:
            fewer[name] = gone
        notes += seen.notes
        if seen.overwritten:
            overwritten[name] = seen.overwritten
    notes += never_changed(overwritten)
    set_aside = SetAside(fewer, tuple(without))
    problems += _empty(tables, rows)
    months: Mapping[str, Mapping[str, int]] = {}
    if len(rows) == len(tables.inputs):  # what looks at several tables needs all of them
        apart, alike = id_spelling.spelt_apart(tables)
        problems += apart
        daily = volumes.by_day(tables)
        notes += [*alike, *volumes.notes(tables, daily)]
        months = volumes.by_month(tables, daily)
    return Check(
        tuple(problems), rows, (*notes, *set_aside.lines()), months, set_aside, flat_columns.seen(tables)
    )


@dataclass(frozen=True)
class _People:
    """Relations of the customers who exist, and of those whose rows were set aside; empty where there are none."""

    known: str = ""
    aside: str = ""


def _people(tables: Tables, opened: Opened, fewer: int) -> _People:
    """Kept under names of their own: views of cleaned tables go on reading them."""
    known, aside = "cxml_customers", "cxml_customers_aside"
    tables.engine.keep(known, "select distinct customer_id from customers where customer_id is not null")
    if not fewer:
        return _People(known)
    gone = f"customer_id is not null and customer_id not in (select customer_id from {known})"
    tables.engine.keep(aside, f"select distinct customer_id from ({opened.select()}) s where {gone}")
    return _People(known, aside)


@dataclass(frozen=True)
class _Found:
    """What a check found in one table: ``all_rows`` of the source, ``rows`` not set aside, *copies* among these."""

    all_rows: int
    rows: int
    problems: tuple[Problem, ...]
    set_aside: tuple[Problem, ...]
    notes: tuple[tuple[Rule, int], ...]
    copies: Copies


@dataclass(frozen=True)
class _Seen:
    """All that is to be said of one table by itself."""

    found: _Found
    problems: list[Problem]
    notes: list[str]
    overwritten: list[str]


def _seen(tables: Tables, opened: Opened, people: _People) -> _Seen:
    """Check a table and look at it; lines that cannot be read are left out, where they are few."""
    name = opened.table.name

    def read() -> _Seen:
        found = _checked(tables, opened, people)
        problems = [*found.problems, *contact_log.too_many_draws(tables, opened)]
        notes = [_said(name, rule, count, found.rows) for rule, count in found.notes]
        notes += [*_told_twice(opened, found), *beside(tables, opened)]
        notes += [*lost_columns.notes(tables, opened), *hints.notes(tables, opened)]
        return _Seen(found, problems, notes, overwritten_columns(tables, opened))

    return bad_lines.reading(tables.engine, name, opened.source, tolerated(tables, opened), read)


def _checked(tables: Tables, opened: Opened, people: _People) -> _Found:
    """Check a table, and let its name stand for the rows that are left."""
    show(tables.engine, opened)  # all rows, whatever an earlier check has left out
    all_rules, cleaning = _rules(tables, opened, people), Cleaning(opened)
    all_rows, broken = _broken(tables, cleaning, all_rules)
    unread = bad_lines.told(tables.engine, opened.table.name, opened.source)
    some = [hit for hit in broken if hit[0].tolerable]
    refused = too_many(tables, opened, some, all_rows) if some else {}
    problems, aside = [], list(unread)
    for (rule, _), one in zip(some, _told(tables, cleaning, some), strict=True):
        if rule in refused:
            why = refused[rule]
            problems.append(replace(one, what=one.what + why.what, fix=one.fix + why.fix))
        else:
            aside.append(one)
    few = [rule for rule, _ in some if rule not in refused]
    rows = all_rows
    if few:
        cleaning = Cleaning(opened, aside=tuple(few))
        cleaning.show(tables.engine)
        rows, broken = _broken(tables, cleaning, all_rules)
    soft = [hit for hit in broken if hit[0].soft]
    cleaning = replace(cleaning, reread=tuple(rule for rule, _ in soft if rule.instead))
    cleaning.show(tables.engine)
    twice = [hit for hit in broken if hit[0].code == DUPLICATE]
    if twice:
        cleaning, copies, broken = _once(tables, cleaning, twice[0][0], rows, broken)
        aside += copies
        rows -= sum(one.count for one in copies)
        soft = [hit for hit in broken if hit[0].soft]
    hard = [hit for hit in broken if not (hit[0].soft or hit[0].tolerable)]
    problems += _told(tables, cleaning, hard)
    if aside:
        cleaning.list_rows(tables.engine, aside, tables.config.folder)
    alike = Copies()
    if opened.made_id:
        alike = count_copies(tables.engine, opened.table, opened.columns, cleaning.left.select())
    all_rows += sum(one.count for one in unread)
    return _Found(all_rows, rows, tuple(problems), tuple(aside), tuple(soft), alike)


def _once(
    tables: Tables, cleaning: Cleaning, rule: Rule, rows: int, broken: list[tuple[Rule, int]]
) -> tuple[Cleaning, list[Problem], list[tuple[Rule, int]]]:
    """Take copies of a row once; what still shares its id then has other content, and stays broken."""
    name = cleaning.opened.table.name
    cleaning = cleaning.take_once(tables.engine, rule)
    found = tables.engine.row(
        f"select count(*) as left_over, count(case when {rule.bad} then 1 end) as sharing from {name}"
    )
    others = [hit for hit in broken if hit[0] is not rule]
    if found["sharing"]:
        others.append((rule, int(found["sharing"])))
    copies = rows - int(found["left_over"])
    if not copies:
        return cleaning, [], others
    told = Problem(
        COPY,
        name,
        rule.column,
        copies,
        0,
        counted("{n} rows are exact copies of another row", copies),
        "every row once",
        "nothing is lost; export each row once",
    )
    return cleaning, [told], others


def _rules(tables: Tables, opened: Opened, people: _People) -> list[Rule]:
    signs = {column.name: opened.signs(column.name) for column in opened.columns}
    found = list(
        rules(
            opened.table,
            opened.columns,
            signs,
            end=tables.config.project.observation_end,
            made_id=opened.made_id,
            known=people.known,
            aside=people.aside,
        )
    )
    if ready_label.LABEL in signs and ready_label.is_static(tables.config):
        found += ready_label.label_rules(tables.config)
    found = [flat_columns.of_attribute(rule, opened.places.get(rule.column, "")) for rule in found]
    found += [
        flat_columns.mixed_percent(name, opened.places[name])
        for name, some in signs.items()
        if "percent" in some
    ]
    return [*found, *id_spelling.rules_of(opened.columns), *contact_log.rules_of(tables, opened)]


def _broken(
    tables: Tables, cleaning: Cleaning, all_rules: Sequence[Rule]
) -> tuple[int, list[tuple[Rule, int]]]:
    """The rows of a table, and the rules that some of them break with how many do."""
    counts = ["count(*) as row_count"]
    for place, rule in enumerate(all_rules):
        counts.append(f"{_count(rule.bad)} as bad_{place}")
        counts += [f"{_count(rule.beside)} as beside_{place}"] if rule.beside else []
    found = tables.engine.row(f"select {', '.join(counts)} from ({cleaning.probe()}) p")
    total = int(found["row_count"])
    broken = [
        (rule, int(found[f"bad_{place}"]))
        for place, rule in enumerate(all_rules)
        if found[f"bad_{place}"] > 0
        and found[f"bad_{place}"] >= rule.least * total
        and found.get(f"beside_{place}", 1) > 0
    ]
    return total, broken


def _count(condition: str) -> str:
    return f"count(case when {condition} then 1 end)"


def _told(tables: Tables, cleaning: Cleaning, broken: Sequence[tuple[Rule, int]]) -> Iterator[Problem]:
    """The broken rules with the first row of each and the best advice."""
    if not broken:
        return
    asked = []
    for place, (rule, _) in enumerate(broken):
        asked.append(f"min(case when {rule.bad} then cxml_file * {_FILE} + cxml_row end) as first_{place}")
        asked += [
            f"bool_or(({rule.bad}) and {condition}) as advice_{place}_{number}"
            for number, (condition, _) in enumerate(rule.advice)
        ]
    found = tables.engine.row(f"select {', '.join(asked)} from ({cleaning.probe(numbered=True)}) p")
    for place, (rule, count) in enumerate(broken):
        file, row = divmod(int(found[f"first_{place}"]), _FILE)
        fixes = [fix for number, (_, fix) in enumerate(rule.advice) if found[f"advice_{place}_{number}"]]
        what = counted(rule.what, count)
        if rule.column == ready_label.LABEL and rule.code in ("unknown_label", "third_class"):
            what += f"; the label holds {ready_label.label_values(tables.engine)}"
        opened = cleaning.opened
        column = rule.column if rule.column in opened.known else opened.places.get(rule.column, rule.column)
        yield Problem(
            rule.code,
            opened.table.name,
            column,
            count,
            row,
            what,
            rule.expected,
            (fixes or [rule.fix])[0],
            place=cleaning.opened.files[file - 1],
        )


def _said(table: str, rule: Rule, count: int, rows: int) -> str:
    share = "all" if count == rows else f"{100 * count / rows:.1f} %"
    what = counted(rule.what, count, rows=f"{rows:,}", share=share)
    return f"{table}.{rule.column}: {what}"


def _told_twice(opened: Opened, found: _Found) -> Iterator[str]:
    """Rows without an id that look like copies: taken once where they have a time, and counted each where they have none."""
    table, once, each = opened.table, found.copies.once, found.copies.each
    if once and table.once_a_day:
        yield f"{table.name}: {once:,} of {found.rows:,} rows are copies of another row and are taken once"
    elif once:
        yield (
            f"{table.name}: {once:,} of {found.rows:,} rows are copies of another row, to the second, and are taken once;"
            f" where each of them happened, map {table.id}"
        )
    if each > _COPIES * found.rows:
        yield (
            f"{table.name}: {each:,} of {found.rows:,} rows are copies of another row of that day, and each counts; if the"
            f" log was exported twice, take the copies out, or map {table.id}"
        )


def _empty(tables: Tables, rows: Mapping[str, int]) -> Iterator[Problem]:
    """Tables without a row where rows are needed."""
    config, found = tables.config, [rows.get(name) for name in tables.opened]
    if not any(count is None or count for count in found):
        yield Problem(
            "no_rows",
            "all tables",
            "",
            0,
            0,
            "no table has a row",
            "rows to learn from",
            "check the exports; a header alone is not enough",
        )
        return
    activity = config.population.activity + (
        config.churn.activity if config.churn.definition in ("inactivity", "rhythm") else ()
    )
    needed = {name.partition(".")[0] for name in activity} | {source.table for source in config.value.sources}
    if "subscription" in (config.population.by, config.churn.definition):
        needed.add("subscriptions")
    for name, count in rows.items():
        if not count and name in needed:
            yield Problem(
                "empty_table",
                name,
                "",
                0,
                0,
                "the table has no row",
                "rows: the configuration builds on it",
                "check the export, or take the table out of the configuration",
            )
