"""How a cell of a source becomes a value of the contract: one SQL text per kind and engine type.

What cannot be read becomes missing, never a guess. Beside the value each cell carries *signs*, truth
values that the check counts: they say why a value is missing, or what had to be decided to read it.

==========  =====================================================================================
kind        value
==========  =====================================================================================
text        as it is; ids never pass through a float, so 00123 and 9007199254740993 stay exact
instant     TIMESTAMP in UTC. A time without a zone is local to the project's zone; in the hour that
            clocks show twice it is the later one. What a day without a time stands for is said by its
            column (``contracts.DayIs``): mostly its last second, 23:59:59 local.
number      DOUBLE, finite
money       DECIMAL(18, 4)
count       BIGINT, whole
flag        BOOLEAN, from true and false, 1 and 0, and the words for yes and no in ``contracts``
==========  =====================================================================================
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from cxml.contracts import NO, YES, Column, DayIs, Kind
from cxml.sql import literal, quoted

LAST_SECOND = 86399
"""Seconds from the start of a day to its last second."""

_AFTER_MIDNIGHT: Mapping[DayIs, str] = {
    "first second": "interval 0 second",
    "last second": f"interval {LAST_SECOND} second",
    "over": "interval 1 day",
}
"""How long after its first second the instant is that a day stands for."""

READ_AS: Mapping[DayIs, str] = {
    "last second": "each is read as the end of that day",
    "first second": "each is read as the beginning of that day",
    "over": "what ends on a day lasts until the day is over",
}
"""What is done with days that have no time, for people."""

SQL_TYPES: Mapping[Kind, str] = {
    "text": "varchar",
    "instant": "timestamp",
    "number": "double",
    "money": "decimal(18,4)",
    "count": "bigint",
    "flag": "boolean",
}

SIGNS = (
    "infinite",
    "fraction",
    "inexact",
    "epoch",
    "endless",
    "day",
    "local",
    "zoned",
    "gap",
    "twice",
    "midnight",
    "percent",
)
"""What a cell may say of itself, beside its value.

``infinite`` a number that is none; ``fraction`` a count that is not whole; ``inexact`` an id that went
through a float; ``epoch`` a number where an instant belongs; ``endless`` an instant at the end of the calendar, or infinity;
``day`` an instant without a time;
``local`` and ``zoned`` an instant without and with a zone; ``gap`` and ``twice`` a local time that clocks
skip or show twice; ``midnight`` a local time of 00:00; ``percent`` a number written with a percent sign.
"""

SAY_NOTHING = ("n/a", "na", "-", "null", "none", "nil", "?")
"""Words that stand for a missing value, in small letters."""

_WHOLE = {
    "TINYINT",
    "SMALLINT",
    "INTEGER",
    "BIGINT",
    "HUGEINT",
    "BIGNUM",
    "UTINYINT",
    "USMALLINT",
    "UINTEGER",
    "UBIGINT",
    "UHUGEINT",
}
_EXACT = 2**53
_EXACT_IN = {"FLOAT16": 2**11, "FLOAT": 2**24, "DOUBLE": _EXACT}
"""Below these every whole number has a float of its own; from there on several ids may share one."""


@dataclass(frozen=True)
class Cell:
    """SQL for one column of a source.

    Attributes
    ----------
    value : str
        The value of the contract, missing where it cannot be read.
    given : str
        Whether the source holds anything at all: neither missing nor blank.
    signs : Mapping[str, str]
        Truth values by name, see ``SIGNS``; those left out are false.
    steps : tuple of (str, str)
        Columns by name and SQL that the texts above may use, each step only those before it: what is
        costly is computed once.
    text : str
        What the source holds as text, where that can help to say what is wrong with it.
    """

    value: str
    given: str
    signs: Mapping[str, str] = field(default_factory=dict)
    steps: tuple[tuple[str, str], ...] = ()
    text: str = ""


def staged(cells: Mapping[str, Cell], source: str) -> str:
    """What stands behind FROM when the cells of *source* are read: its rows and the steps of the cells."""
    for level in range(max((len(one.steps) for one in cells.values()), default=0)):
        steps = [one.steps[level] for one in cells.values() if len(one.steps) > level]
        made = ", ".join(f"{sql} as {quoted(name)}" for name, sql in steps)
        source = f"(select *, {made} from {source}) s{level}"
    return source


def absent(kind: Kind) -> Cell:
    """A column that this part of a source does not have."""
    return Cell(f"cast(null as {SQL_TYPES[kind]})", "false")


def cell(raw: str, engine_type: str, column: Column, zone: ZoneInfo) -> Cell:
    """The cell of *column* read from the SQL expression *raw* of type *engine_type*."""
    family = _family(engine_type)
    given = f"{raw} is not null"
    if family == "text":
        raw = f"cast({raw} as varchar)"
        given = f"({given} and trim({raw}) <> '')"
    if family == "nothing":
        return absent(column.kind)
    if family == "other":
        return Cell(absent(column.kind).value, given)
    if column.kind == "text":
        upto = _EXACT_IN.get(engine_type.upper(), _EXACT)
        return _text(raw, family, given, exact=column.name.endswith("_id"), upto=upto)
    if column.kind == "flag":
        return Cell(_flag(raw, family), given, text=raw if family == "text" else "")
    if column.kind == "instant":
        return _instant(raw, family, given, _Clock(column.name, zone, column.day_is))
    return _number(raw, family, given, column)


def says_nothing(text: str) -> str:
    """SQL: whether the SQL *text* is a word for a missing value."""
    return f"lower(trim({text})) in ({', '.join(map(literal, SAY_NOTHING))})"


def moves_clocks(zone: ZoneInfo) -> bool:
    """Whether the zone has changed its offset since 1990: some local times are skipped or come twice."""
    noons = (datetime(year, month, 1, 12, tzinfo=UTC) for year in range(1990, 2038) for month in range(1, 13))
    return len({noon.astimezone(zone).utcoffset() for noon in noons}) > 1


def _family(engine_type: str) -> str:
    """What an engine type is to us: text, whole, decimal, float, flag, date, local, zoned, nothing, other."""
    name = engine_type.upper()
    if name.endswith("]"):
        return "other"
    if name in _WHOLE:
        return "whole"
    plain = {
        "VARCHAR": "text",
        "UUID": "text",
        "FLOAT16": "float",
        "FLOAT": "float",
        "DOUBLE": "float",
        "BOOLEAN": "flag",
        "DATE": "date",
        '"NULL"': "nothing",
        "NULL": "nothing",
    }
    if name in plain:
        return plain[name]
    starts = {
        "ENUM": "text",
        "DECIMAL": "decimal",
        "TIMESTAMP WITH TIME ZONE": "zoned",
        "TIMESTAMPTZ": "zoned",
        "TIMESTAMP": "local",
    }
    return next((family for start, family in starts.items() if name.startswith(start)), "other")


def _text(raw: str, family: str, given: str, *, exact: bool, upto: int) -> Cell:
    """Text; with *exact*, a float from *upto* on, which may have lost digits, is not read."""
    if family == "text":
        return Cell(f"case when {given} then {raw} end", given, text=raw)
    if family not in {"float", "decimal"}:
        return Cell(f"cast({raw} as varchar)", given)
    whole, signs = f"{raw} = floor({raw})", {}
    if family == "float":
        whole += f" and abs({raw}) < {upto}"
        signs = {"inexact": f"abs({raw}) >= {upto}"} if exact else {}
    as_whole = f"case when {whole} then cast(cast({raw} as hugeint) as varchar) end"
    return Cell(as_whole if exact else f"coalesce({as_whole}, cast({raw} as varchar))", given, signs)


def _flag(raw: str, kind: str) -> str:
    if kind == "flag":
        return raw
    if kind == "text":
        word = f"lower(trim({raw}))"
        yes, no = (", ".join(literal(one) for one in words) for words in (YES, NO))
        return f"case when {word} in ({yes}) then true when {word} in ({no}) then false end"
    if kind in {"whole", "decimal", "float"}:
        return f"case when {raw} = 1 then true when {raw} = 0 then false end"
    return "cast(null as boolean)"


def _number(raw: str, family: str, given: str, column: Column) -> Cell:
    if family not in {"text", "whole", "decimal", "float"}:
        return Cell(absent(column.kind).value, given)
    double, text = f"try_cast({raw} as double)", ""
    if family == "text":
        # The engine would read 1_000 as a thousand: nobody else does.
        double, text = f"case when not contains({raw}, '_') then {double} end", raw
    step = f"{column.name}:double"
    d = quoted(step)
    signs = {"infinite": f"not isfinite({d})"}
    if column.kind == "number":
        value = f"case when isfinite({d}) then {d} end"
    elif column.kind == "money":
        value = f"case when isfinite({d}) then try_cast({raw} as decimal(18,4)) end"
    else:
        whole = f"isfinite({d}) and {d} = floor({d}) and abs({d}) < {_EXACT}"
        value = f"case when {whole} then cast({d} as bigint) end"
        signs["fraction"] = f"isfinite({d}) and {d} <> floor({d})"
    return Cell(value, given, signs, ((step, double),), text)


@dataclass(frozen=True)
class _Clock:
    """Local times of a column in a zone."""

    column: str
    zone: ZoneInfo
    day_is: DayIs

    def of_day(self, midnight: str) -> str:
        """The local time that the day which begins at *midnight* stands for."""
        return f"{midnight} + {_AFTER_MIDNIGHT[self.day_is]}"

    def step(self, name: str) -> str:
        """The name of a step of the column."""
        return f"{self.column}:{name}"

    def steps(self) -> tuple[tuple[str, str], ...]:
        """From the step ``local`` to an instant: the engine takes the later of two."""
        if self.zone.key == "UTC":
            return ()
        return ((self.step("there"), f"timezone({literal(self.zone.key)}, {quoted(self.step('local'))})"),)

    def utc(self) -> str:
        """The local time in UTC."""
        if self.zone.key == "UTC":
            return quoted(self.step("local"))
        return f"make_timestamp(epoch_us({quoted(self.step('there'))}))"

    def signs(self) -> dict[str, str]:
        """What a local time may say of itself."""
        local, there, zone = quoted(self.step("local")), quoted(self.step("there")), literal(self.zone.key)
        signs = {"midnight": f"cast({local} as time) = time '00:00:00'"}
        if moves_clocks(self.zone):
            signs["gap"] = f"timezone({zone}, {there}) <> {local}"
            signs["twice"] = f"timezone({zone}, {there} - interval 1 hour) = {local}"
        return signs


def _instant(raw: str, family: str, given: str, clock: _Clock) -> Cell:
    local = clock.step("local")
    if family == "zoned":
        at, there = clock.step("at"), clock.step("there")
        zoned = (
            (there, f"cast({raw} as timestamptz)"),
            (at, f"case when isfinite({quoted(there)}) then make_timestamp(epoch_us({quoted(there)})) end"),
        )
        signs = {"zoned": given, "endless": _endless(quoted(there), "timestamptz")}
        return Cell(_bounded(quoted(at)), given, signs, zoned)
    if family == "local":
        steps = (
            (clock.step("when"), f"cast({raw} as timestamp)"),
            (local, _bounded(quoted(clock.step("when")))),
        )
        signs = {"local": given, "endless": _endless(quoted(clock.step("when"))), **clock.signs()}
        return Cell(clock.utc(), given, signs, (*steps, *clock.steps()))
    if family == "date":
        when = clock.step("when")
        steps = ((when, f"cast({raw} as timestamp)"), (local, clock.of_day(_bounded(quoted(when)))))
        signs = {"day": given, "endless": _endless(quoted(when))}
        return Cell(clock.utc(), given, signs, (*steps, *clock.steps()))
    if family == "text":
        return _written(raw, given, clock)
    signs = {"epoch": given} if family in {"whole", "decimal", "float"} else {}
    return Cell(absent("instant").value, given, signs, text=f"cast({raw} as varchar)")


def _written(raw: str, given: str, clock: _Clock) -> Cell:
    """An instant written as text: ISO 8601 or with a space, year first, with or without time and offset."""
    plain, written, when, rest = (quoted(clock.step(name)) for name in ("plain", "written", "when", "rest"))
    # What follows the time: nothing, an offset, or the name of UTC. Other words (EST, PM) are ambiguous.
    # Missing for a day without a time; the first case spares the costly one for most files.
    follows = (
        f"case when not contains({plain}, ':') then null"
        f" when length({plain}) = 19 and substring({plain}, 17, 1) = ':' then ''"
        f" else regexp_extract({plain}, ':[^-+A-Za-z]*(.*)$', 1) end"
    )
    offset = (
        f"({rest} <> '' and (left({rest}, 1) in ('+', '-') or upper(trim({rest})) in ('Z', 'UTC', 'GMT')))"
    )
    day, timed = f"({rest} is null and {when} is not null)", f"({rest} = '' and {when} is not null)"
    in_local = f"case when {timed} then {when} when {day} then {clock.of_day(when)} end"
    zoned = f"case when {offset} then timezone('UTC', try_cast(upper({plain}) as timestamptz)) end"
    steps = (
        (clock.step("plain"), _plain(raw)),
        (clock.step("written"), f"try_cast({plain} as timestamp)"),
        (clock.step("when"), _bounded(written)),
        (clock.step("rest"), follows),
        (clock.step("local"), in_local),
        *clock.steps(),
        (clock.step("zoned time"), zoned),
    )
    of_zoned = quoted(clock.step("zoned time"))
    signs = {
        "zoned": f"{of_zoned} is not null",
        "local": timed,
        "day": day,
        "endless": _endless(written),
        "epoch": f"case when {written} is null then try_cast({raw} as double) is not null end",
        **{name: f"{timed} and {sign}" for name, sign in clock.signs().items()},
    }
    return Cell(f"coalesce({clock.utc()}, {_bounded(of_zoned)})", given, signs, steps, raw)


def at_the_grain_of(event: Cell, one: Cell, zone: ZoneInfo) -> Cell:
    """The instant *one* as the last second of its day in rows whose *event* is a day without a time.

    Nothing in such a row is known to the second: a reply at 9:30 on the day of the question did not come before it.
    """
    if "day" not in event.signs:
        return one
    local, back = one.value, "{}"
    if zone.key != "UTC":
        name = literal(zone.key)
        local, back = (
            f"timezone({name}, timezone('UTC', {one.value}))",
            f"make_timestamp(epoch_us(timezone({name}, {{}})))",
        )
    last = back.format(f"date_trunc('day', {local}) + interval {LAST_SECOND} second")
    return replace(one, value=f"case when {event.signs['day']} then {last} else {one.value} end")


def _plain(raw: str) -> str:
    """A written instant as the engine reads it, from what people and spreadsheets write with the year first.

    ``2025.03.01``, ``2025. 3. 1.``, ``2025년 3월 1일``; behind the day ``오전 9:05`` or ``오후 3:20``; a space before
    the offset. What a text cannot mean for certain stays as it is, and is not read.
    """
    text = f"trim({raw})"
    day = "^([0-9]{4})(?:[.] *|년 *)([0-9]{1,2})(?:[.] *|월 *)([0-9]{1,2})(?:[.]|일)?([ T].*)?$"
    dashes = f"regexp_replace({text}, '{day}', '\\1-\\2-\\3\\4')"
    half = "^([0-9-]+)[ T]*(오전|오후) *(0?[0-9]|1[0-2]):(.*)$"
    part = (f"regexp_extract({dashes}, '{half}', {number})" for number in (1, 2, 3, 4))
    date, noon, hour, rest = part
    hours = f"cast({hour} as int) % 12 + case {noon} when '오후' then 12 else 0 end"
    on_24 = f"case when regexp_matches({dashes}, '{half}') then concat({date}, ' ', {hours}, ':', {rest}) else {dashes} end"
    joined = f"regexp_replace({on_24}, '(:[0-9.]+) +([-+][0-9]{{2}}(:?[0-9]{{2}})?)$', '\\1\\2')"
    # Most files are plain already: they shall not pay.
    ascii_only = f"strlen({text}) = length({text})"
    is_plain = f"substring({text}, 5, 1) = '-' and {ascii_only} and not contains(substring({text}, 12), ' ')"
    return f"case when {is_plain} then {text} else {joined} end"


def _bounded(instant: str) -> str:
    """The instant, missing where it is infinite or out of any calendar."""
    return f"case when {instant} between timestamp '1000-01-01' and timestamp '9999-12-30' then {instant} end"


def _endless(instant: str, engine_type: str = "timestamp") -> str:
    """Whether an instant means never: the last day of the calendar, or infinity."""
    return f"{instant} > {engine_type} '9999-12-30'"
