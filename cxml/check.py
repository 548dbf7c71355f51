"""The data against the contract: every problem of every table, counted in the engine, told at once."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from cxml import static
from cxml.config import Config
from cxml.contracts import TABLES, Table
from cxml.engine import literal, quoted
from cxml.errors import DataError
from cxml.problems import Problem, one_error, unreadable
from cxml.rules import Rule, rules
from cxml.sections import ANSWERS
from cxml.tables import Opened, Tables, customer_ids

_FILE = 1 << 40
"""Above any number of rows of a file: file * _FILE + row orders rows by file and place."""
_COPIES = 0.01
"""Share of copies from which on a log without ids looks as if it had been exported twice."""

_SHOWN = 12
"""Columns that a note names."""


@dataclass(frozen=True)
class Check:
    """What a check found.

    Attributes
    ----------
    problems : tuple of Problem
        What must be mended before anything can be learned from the data.
    rows : Mapping[str, int]
        Rows of each table that can be read.
    notes : tuple of str
        What people should know although nothing is wrong; those of ``Tables.notes`` come first.
    """

    problems: tuple[Problem, ...]
    rows: Mapping[str, int]
    notes: tuple[str, ...]

    def raise_if_any(self) -> None:
        """Raise all problems as one ``DataError``; do nothing when there is none."""
        if self.problems:
            raise one_error(self.problems)


def check(tables: Tables) -> Check:
    """Hold all rows against the contract.

    Each table is read once to count what breaks a rule; only where something does, it is read again
    to find the first such row.
    """
    problems: list[Problem] = []
    notes = list(tables.notes)
    rows: dict[str, int] = {}
    known = _known_customers(tables)
    for name, opened in tables.opened.items():
        try:
            rows[name], broken = _broken(tables, opened, known)
            problems += _problems(tables, opened, [hit for hit in broken if not hit[0].soft])
            notes += [_said(name, rule, count, rows[name]) for rule, count in broken if rule.soft]
            notes += _beside(tables, name)
        except DataError as error:
            problems.append(unreadable(name, error))
    problems += _empty(tables.config, rows, len(tables.opened))
    return Check(tuple(problems), rows, tuple(notes))


def _known_customers(tables: Tables) -> str:
    """The relation of customers who exist; empty without a readable table of them."""
    if "customers" not in tables.opened:
        return ""
    try:
        return customer_ids(tables)
    except DataError:
        return ""


def _broken(tables: Tables, opened: Opened, known: str) -> tuple[int, list[tuple[Rule, int]]]:
    """The rows of a table, and the rules that some of them break with how many do."""
    signs = {column.name: opened.signs(column.name) for column in opened.columns}
    all_rules = list(rules(opened.table, opened.columns, signs, end=tables.config.project.observation_end,
                           made_id=opened.made_id, known=known))  # fmt: skip
    if static.LABEL in signs and static.is_static(tables.config):
        all_rules += static.label_rules(tables.config)
    counts = ["count(*) as row_count"]
    for place, rule in enumerate(all_rules):
        counts.append(f"{_count(rule.bad)} as bad_{place}")
        counts += [f"{_count(rule.beside)} as beside_{place}"] if rule.beside else []
    found = tables.engine.row(f"select {', '.join(counts)} from ({opened.probe()}) p")
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


def _problems(tables: Tables, opened: Opened, broken: Sequence[tuple[Rule, int]]) -> Iterator[Problem]:
    """The broken rules with the first row of each and the best advice."""
    if not broken:
        return
    asked = []
    for place, (rule, _) in enumerate(broken):
        asked.append(f"min(case when {rule.bad} then cxml_file * {_FILE} + cxml_row end) as first_{place}")
        asked += [f"bool_or(({rule.bad}) and {condition}) as advice_{place}_{number}"
                  for number, (condition, _) in enumerate(rule.advice)]  # fmt: skip
    found = tables.engine.row(f"select {', '.join(asked)} from ({opened.probe(numbered=True)}) p")
    for place, (rule, count) in enumerate(broken):
        file, row = divmod(int(found[f"first_{place}"]), _FILE)
        fixes = [fix for number, (_, fix) in enumerate(rule.advice) if found[f"advice_{place}_{number}"]]
        what, code = rule.what.format(n=f"{count:,}"), rule.code
        if code == "duplicate_id":
            code, what = _copies(tables, opened.table, what)
        yield Problem(code, opened.table.name, rule.column, count, row, what, rule.expected,
                      (fixes or [rule.fix])[0], place=opened.files[file - 1])  # fmt: skip


def _copies(tables: Tables, table: Table, what: str) -> tuple[str, str]:
    """Tell copies of a row from rows that only share its id."""
    id_ = quoted(table.id)
    cells = ", ".join(quoted(column.name) for column in tables.opened[table.name].columns)
    groups = (
        f"select count(distinct hash({cells})) as contents from {table.name}"
        f" where {id_} is not null group by {id_} having count(*) > 1"
    )
    found = tables.engine.row(f"select count_if(contents = 1) as copied, count(*) as ids from ({groups}) g")
    if found["copied"] == found["ids"]:
        return "duplicate_row", f"{what}, as exact copies"
    return "duplicate_id", what + (
        f"; {found['copied']:,} ids stand on exact copies" if found["copied"] else ""
    )


def _said(table: str, rule: Rule, count: int, rows: int) -> str:
    share = "all" if count == rows else f"{100 * count / rows:.1f} %"
    return f"{table}.{rule.column}: {rule.what.format(n=f'{count:,}', rows=f'{rows:,}', share=share)}"


def _beside(tables: Tables, table: str) -> Iterator[str]:
    """Notes that need more than one row, or the table as a whole."""
    columns = tables.columns[table]
    yield from _told_twice(tables, table)
    if "recorded_at" not in columns:
        yield from _undated(tables, table)
    if table == "interactions" and "channel" in columns:
        found = tables.engine.row(
            "select count(distinct channel) - count(distinct lower(trim(channel))) as more from interactions"
        )
        if found["more"]:
            yield f"interactions.channel: {found['more']} spellings differ only in case or spaces"
        yield from _unmet_promises(tables)
    if table == "subscriptions" and "ended_at" in columns and "recorded_at" not in columns:
        reached = (
            "max(coalesce(ended_at, timestamp '9999-01-01')) over (partition by customer_id"
            " order by started_at, subscription_id rows between unbounded preceding and 1 preceding)"
        )
        found = tables.engine.row(
            "select count(distinct customer_id) as customers from (select customer_id, started_at,"
            f" {reached} as reached from subscriptions) s where started_at < reached"
        )
        if found["customers"]:
            yield f"subscriptions: {found['customers']:,} customers have contracts that overlap"


def _undated(tables: Tables, table: str) -> Iterator[str]:
    """What the rows of a table may say of today rather than of their time, as nothing tells when it was written."""
    columns = tables.columns[table]
    if table == "customers" and static.is_static(tables.config):
        yield from _undated_labelled(tables)
        return
    names = [one.name for one in TABLES[table].columns if one.overwritten and one.name in columns]
    if table == "customers":
        names += sorted(tables.opened[table].places[name] for name in tables.attributes)
    if names:
        shown = ", ".join(names[:_SHOWN]) + (
            f" and {len(names) - _SHOWN:,} more" if len(names) > _SHOWN else ""
        )
        yield (
            f"{table} has no recorded_at: taken as never changed: {shown}; a value that its system overwrites gives the"
            " future away: map recorded_at and give a row for each version, or leave the column out, or make sure"
            " that the export holds it as it was at the time of the row"
        )


def _undated_labelled(tables: Tables) -> Iterator[str]:
    """The same of customers with a ready label, whose attributes are all there is."""
    columns = tables.columns["customers"]
    if static.LABEL not in columns:
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


def _told_twice(tables: Tables, table: str) -> Iterator[str]:
    """Rows without an id that look like copies; a few can be what happened twice within a second."""
    if not tables.opened[table].made_id:
        return
    cells = ", ".join(quoted(column.name) for column in tables.opened[table].columns)
    found = tables.engine.row(
        f"select count(*) as all_rows, count(*) - count(distinct hash({cells})) as more from {table}"
    )
    if found["more"] > _COPIES * found["all_rows"]:
        yield (
            f"{table}: {found['more']:,} of {found['all_rows']:,} rows are copies of another row, and each counts;"
            f" if the log was exported twice, take the copies out, or map {TABLES[table].id}"
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


def _empty(config: Config, rows: Mapping[str, int], opened: int) -> Iterator[Problem]:
    """Tables without a row where rows are needed."""
    if rows and len(rows) == opened and not any(rows.values()):
        yield Problem("no_rows", "all tables", "", 0, 0, "no table has a row", "rows to learn from",
                      "check the exports; a header alone is not enough")  # fmt: skip
        return
    activity = config.population.activity + (
        config.churn.activity if config.churn.definition in ("inactivity", "rhythm") else ()
    )
    needed = {name.partition(".")[0] for name in activity} | {source.table for source in config.value.sources}
    if "subscription" in (config.population.by, config.churn.definition):
        needed.add("subscriptions")
    for name, count in rows.items():
        if not count and name in needed:
            yield Problem("empty_table", name, "", 0, 0, "the table has no row",
                          "rows: the configuration builds on it",
                          "check the export, or take the table out of the configuration")  # fmt: skip
