"""Rows over time: how many each log holds a month, where it breaks off, rests or begins late.

A log that breaks off long before observation_end reads as if nobody had come any more: everybody left, and
no contact was waited for. So nothing is learned from after such a break (``complete_until``, ``seen_until``).

Four weeks hold *hardly any* rows when they hold less than a tenth of what the half year before had in four
weeks, and less than a quarter of the same weeks a year earlier, so that a season is no break. Eight such
weeks in a row, after four that still held a quarter, are a stretch; a slow decline never is one.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np
from numpy.typing import NDArray
from scipy.special import pdtr

from cxml.contracts import TABLES
from cxml.sql import quoted
from cxml.tables import ready_label
from cxml.tables.opening import Tables

Floats = NDArray[np.float64]
WEEKS = 28
"""Days that are counted together."""
LEAST = 20
"""Rows in four weeks from which on hardly any rows are no chance."""
FEW, FEW_FOR_THE_SEASON, SUDDEN = 0.1, 0.25, 0.25
LONG = 56
"""Days from which on hardly any rows are a stretch."""
_BEFORE = (3, 6)
"""Stretches of four weeks that tell what is usual: at least, and at most."""
_YEAR = 364
_LATE, _LATE_SHARE, _FIRST, _CHANCE = 60, 0.05, 0.005, 1e-6
_EPOCH = datetime(1970, 1, 1)
_QUARTER = 900
_DATED_FROM = 7305
"""1990, in days since 1970: what is older is implausible, and told elsewhere."""


@dataclass(frozen=True)
class Stretch:
    """Days in which a log holds hardly any rows.

    Attributes
    ----------
    about : str
        A table, or a table and the column of its instants.
    start, end : datetime
        Half-open, in the zone of the project; *end* is observation_end when rows have not come back.
    usual, rows : float
        Rows in four weeks before it, and in it once the first four weeks are over.
    open : bool
        Rows have not come back.
    """

    about: str
    start: datetime
    end: datetime
    usual: float
    rows: float
    open: bool

    @property
    def what(self) -> str:
        """What happened, in words."""
        few = f"hold {self.rows:,.0f} rows, {self.usual:,.0f} were usual"
        if self.open:
            return f"{self.about} breaks off on {self.start:%Y-%m-%d}: since then four weeks {few}"
        return f"{self.about} has a gap from {self.start:%Y-%m-%d} to {self.end:%Y-%m-%d}: four weeks {few}"


@dataclass(frozen=True)
class Days:
    """Rows per local day, from the day *first* (days since 1970) to the last before observation_end."""

    first: int
    rows: Floats


def by_day(tables: Tables) -> dict[str, Days]:
    """Rows per local day of each log, and of what else tells who is at risk and who has left."""
    return {about: _days(tables, about) for about in dict.fromkeys([*_logs(tables), *_of_labels(tables)])}


def by_month(tables: Tables, daily: Mapping[str, Days]) -> dict[str, dict[str, int]]:
    """Rows of each log by month (``2025-03``) in the zone of the project, up to observation_end."""
    found = {}
    for name in _logs(tables):
        days = daily[name]
        dates = np.datetime64(days.first, "D") + np.arange(len(days.rows))
        months, first = np.unique(dates.astype("datetime64[M]"), return_index=True)
        if len(months):
            counts = np.add.reduceat(days.rows, first)
            found[name] = {str(month): int(count) for month, count in zip(months, counts, strict=True)}
    return found


def notes(tables: Tables, daily: Mapping[str, Days]) -> Iterator[str]:
    """What people should know of rows over time: breaks, gaps, and logs that begin long after the others."""
    if ready_label.is_static(tables.config):
        return
    told = dict.fromkeys(_of_cutoffs(tables), "cutoffs after it are left out of training")
    told |= dict.fromkeys(_of_labels(tables), "labels that reach beyond it are left out of training")
    for about, days in daily.items():
        for one in _stretches(tables, about, days):
            yield f"{one.what}; {_advice(one, told.get(about, ''))}"
    yield from _late({name: daily[name] for name in _logs(tables) if name != "subscriptions"})


def complete_until(tables: Tables) -> Stretch | None:
    """The earliest break of the logs that tell who has left and what was earned: no label is known after it."""
    return _earliest(tables, _of_labels(tables))


def seen_until(tables: Tables) -> Stretch | None:
    """The earliest break of the contacts and of what tells who is at risk: no cutoff after it can be learned from."""
    return _earliest(tables, _of_cutoffs(tables))


def _earliest(tables: Tables, logs: list[str]) -> Stretch | None:
    if ready_label.is_static(tables.config):
        return None
    found = [one for about in logs for one in _stretches(tables, about, _days(tables, about)) if one.open]
    return min(found, key=lambda one: one.start, default=None)


def _stretches(tables: Tables, about: str, days: Days) -> list[Stretch]:
    """Where a table, or a column of instants, holds hardly any rows, in order."""
    zone, end = tables.config.zone, tables.config.project.observation_end
    found = []
    for start, stop, usual in hardly_any(days.rows):
        open_ = stop == len(days.rows)
        first, until = (_midnight(days.first + place).replace(tzinfo=zone) for place in (start, stop))
        rest = days.rows[start + WEEKS : stop]  # the first weeks may begin a day or two before the fall
        rows = float(rest.mean()) * WEEKS
        found.append(Stretch(about, first, end.astimezone(zone) if open_ else until, usual, rows, open_))
    return found


def hardly_any(rows: Floats) -> Iterator[tuple[int, int, float]]:
    """The stretches of days with hardly any of the daily *rows*: first day, day after the last, usual rows.

    >>> daily = np.r_[np.full(200, 50.0), np.zeros(100)]
    >>> [(start, stop) for start, stop, _ in hardly_any(daily)]
    [(198, 300)]
    """
    upto = np.r_[0.0, np.cumsum(rows)]
    starts = np.arange(WEEKS * _BEFORE[0], len(rows) - LONG + 1)
    falls = upto[starts + WEEKS] - upto[starts] < FEW / SUDDEN * (upto[starts] - upto[starts - WEEKS])
    reached = 0
    for start in starts[falls].tolist():
        if start < reached:
            continue
        edges = upto[start - WEEKS * np.arange(min(_BEFORE[1], start // WEEKS) + 1)]
        before = edges[:-1] - edges[1:]
        usual, stop = float(np.median(before)), start
        if usual < LEAST or before[0] < SUDDEN * usual:
            continue
        while stop < len(rows) and _few(upto, start, stop, usual):
            stop = _next(stop, len(rows))
        if stop - start >= LONG:
            reached = stop
            yield start, stop, usual


def _next(day: int, end: int) -> int:
    """Four weeks on; less than half of that left over at the end goes with the rest."""
    return day + WEEKS if day + WEEKS + WEEKS // 2 <= end else end


def _few(upto: Floats, start: int, day: int, usual: float) -> bool:
    """Whether the four weeks from *day* on hold hardly any rows, in a stretch that begins at *start*."""
    stop = _next(day, len(upto) - 1)
    rows = upto[stop] - upto[day]
    if rows >= FEW * usual * (stop - day) / WEEKS:
        return False
    earlier = day - _YEAR * (1 + (stop - start - 1) // _YEAR)
    return earlier < 0 or bool(rows < FEW_FOR_THE_SEASON * (upto[earlier + stop - day] - upto[earlier]))


def _advice(one: Stretch, told: str) -> str:
    if not one.open:
        return "if rows are lost, export them again: labels and features read these weeks as silence"
    what = f"{told}; if rows are lost, " if told else "features read it as none; if rows are lost, "
    return f"{what}export {one.about} again, or set observation_end to {one.start:%Y-%m-%d}"


def _of_labels(tables: Tables) -> list[str]:
    """The logs on which labels and value stand: ``table`` or ``table.column``."""
    churn = tables.config.churn
    names = [source.table for source in tables.config.value.sources]
    if churn.definition in ("inactivity", "rhythm"):
        # The last sight of a customer is no log: each new one moves it.
        names += [name for name in churn.activity if not name.startswith("customers.")]
    elif churn.definition in ("subscription", "date"):
        names.append("subscriptions" if churn.definition == "subscription" else churn.column)
    return [name for name in dict.fromkeys(names) if _is_there(tables, name)]


def _of_cutoffs(tables: Tables) -> list[str]:
    """The contacts, and the logs that tell who is at risk."""
    rule = tables.config.population
    names = ["interactions", *(rule.activity if rule.by == "activity" else ())]
    names += ["subscriptions"] if rule.by == "subscription" else []
    return [name for name in dict.fromkeys(names) if _is_there(tables, name)]


def _is_there(tables: Tables, about: str) -> bool:
    table, _, column = about.partition(".")
    return table in tables.columns and (column in tables.columns[table] if column else table != "customers")


def _logs(tables: Tables) -> list[str]:
    """The tables of what happened to customers."""
    return [name for name in tables.columns if TABLES[name].owner == "customer_id" and name != "customers"]


def _days(tables: Tables, about: str) -> Days:
    """Rows per local day; of contracts, both their starts and their ends."""
    table, _, column = about.partition(".")
    instants = [column or TABLES[table].event]
    if table == "subscriptions" and not column and "ended_at" in tables.columns[table]:
        instants.append("ended_at")
    zone, end = tables.config.zone, tables.config.project.observation_end
    last = (end.astimezone(zone).replace(tzinfo=None) - _EPOCH - timedelta(microseconds=1)).days
    # Within a quarter of an hour no zone changes its offset: one look at the clock is enough for all its rows.
    quarters = " union all ".join(
        f"select cast(floor(seconds({quoted(one)}) / {_QUARTER}e0) as bigint) as quarter, count(*) as n from {table}"
        f" where {quoted(one)} is not null group by 1"
        for one in instants
    )
    day = f"cast(floor(wall(make_timestamp(quarter * {_QUARTER * 10**6})) / 86400e0) as int)"
    found = tables.engine.rows(
        f"select day, cast(sum(n) as bigint) from (select {day} as day, n from ({quarters}) q) d"
        f" where day between {_DATED_FROM} and {last} group by day order by day"
    )
    if not found:
        return Days(last + 1, np.zeros(0))
    rows = np.zeros(last + 1 - found[0][0])
    for day, count in found:
        rows[day - found[0][0]] = count
    return Days(found[0][0], rows)


def _late(logs: Mapping[str, Days]) -> Iterator[str]:
    """Logs that begin long after the others: what was before is unknown, and reads as none."""
    days = {name: one for name, one in logs.items() if one.rows.sum() >= LEAST}
    for name, own in days.items():
        others = [one for other, one in days.items() if other != name]
        begins = _begin(own)
        earliest = min((_begin(one) for one in others), default=begins)
        if begins - earliest < _LATE:
            continue
        total = sum(one.rows.sum() for one in others)
        share = sum(one.rows[: max(0, begins - one.first)].sum() for one in others) / total
        seen, rows = own.rows[: begins - own.first].sum(), own.rows.sum()
        if share >= _LATE_SHARE and pdtr(seen, rows * share) < _CHANCE:
            yield (
                f"{name} begins on {_midnight(begins):%Y-%m-%d}, other logs on {_midnight(earliest):%Y-%m-%d}: what was"
                " before it is unknown, and features read it as none; use cutoffs well after it"
            )


def _begin(days: Days) -> int:
    """The day by which the first rows have come, a few strays apart."""
    return days.first + int(np.searchsorted(np.cumsum(days.rows), max(1.0, _FIRST * days.rows.sum())))


def _midnight(day: int) -> datetime:
    return _EPOCH + timedelta(days=day)
