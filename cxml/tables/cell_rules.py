"""What single cells must keep to: that they are there, can be read, and lie where they can."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime

from cxml.contracts import Column, Kind, Table
from cxml.sql import literal
from cxml.tables.casting import LAST_SECOND, READ_AS, says_nothing
from cxml.tables.rule import Rule, note_rule, sign_of, value_of

_LONGEST_ID = 500

_LARGEST = 1e30
"""Size of the largest number that features are computed with."""

_EARLIEST, _LATEST = 1990, 2100

_NO_TIME = "correct them; leave unknown times empty instead of 1900-01-01 or 9999-12-31"

_LONG_AGO = {
    ("customers", "joined_at"),
    ("agents", "hired_at"),
    ("agents", "valid_from"),
    ("subscriptions", "started_at"),
}
"""Columns whose instants may lie before 1990."""

_MAY_PRECEDE = {
    ("charges", "notified_at"),
    ("charges", "disputed_at"),
    ("visits", "arrived_at"),
    ("visits", "rescheduled_at"),
    ("customers", "last_seen_at"),
    ("customers", "life_event_at"),
    ("recoveries", "asked_at"),
}
"""Instants that may come before the event of their row."""

_NOT_BEFORE = {("visits", "window_end"), ("orders", "promised_at")}
"""Instants that are known from the start and yet cannot come before the event."""

_NOUNS: Mapping[Kind, str] = {
    "text": "a text",
    "instant": "an instant",
    "number": "a number",
    "money": "an amount of money",
    "count": "a whole number",
    "flag": "a flag",
}

_EXPECTED: Mapping[Kind, str] = {
    "text": "a text",
    "instant": "a time such as 2025-03-01 09:00:00, with an offset or local to the zone of the project",
    "number": "a number with a decimal point",
    "money": "a number with a decimal point, below 100 million million",
    "count": "a whole number",
    "flag": "true or false, 1 or 0, yes or no",
}

_REASONS = (
    (
        "infinite",
        "not_finite",
        "{n} values are infinite or not a number",
        "a finite number",
        "leave unknown values empty",
    ),
    (
        "fraction",
        "not_whole",
        "{n} counts are not whole",
        "a whole number",
        "correct them, or map the right column",
    ),
    (
        "inexact",
        "inexact_id",
        "{n} ids went through a float and have lost digits",
        "an id as text or whole number",
        "write ids as text where the file is made",
    ),
    (
        "epoch",
        "epoch_number",
        "{n} values are numbers where instants belong",
        _EXPECTED["instant"],
        "convert them to times where the file is made",
    ),
)
"""Sign, code and words of what can be there and not be read."""

_NO_VALUE = (says_nothing("{text}"), "leave missing values empty instead of writing a word")

_NUMBERS = (
    ("contains({text}, ',')", "write numbers with a decimal point and no thousands separator"),
    ("regexp_matches({text}, '[$€£¥₩%]')", "write numbers without a currency or percent sign"),
    _NO_VALUE,
)

_ADVICE: Mapping[Kind, tuple[tuple[str, str], ...]] = {
    "text": (),
    "number": _NUMBERS,
    "money": _NUMBERS,
    "count": _NUMBERS,
    "flag": (_NO_VALUE,),
    "instant": (
        (
            "regexp_matches({text}, '^ *[0-9]{{1,2}}[./-][0-9]{{1,2}}[./-][0-9]{{2,4}}')",
            "write the year first, such as 2025-12-31: day and month cannot be told apart",
        ),
        (
            "regexp_matches({text}, ':.*[A-Za-z]|오전|오후')",
            "write the day first and 24 hours, and for a zone its offset, such as +09:00",
        ),
        _NO_VALUE,
    ),
}

_EPOCH_ADVICE = tuple(
    (f"try_cast({{text}} as double) between {low} and {high}", words)
    for low, high, words in (
        ("2e4", "8e4", "these look like day numbers of a spreadsheet: export them as dates"),
        ("1.9e7", "2.2e7", "write days as 2025-12-31, not as 20251231"),
        ("1e8", "1e11", "convert them from seconds since 1970"),
        ("1e11", "1e14", "convert them from milliseconds since 1970"),
        ("1e14", "1e17", "convert them from microseconds since 1970"),
        ("1e17", "1e20", "convert them from nanoseconds since 1970"),
    )
)
"""SQL over ``{text}``, the raw text of a cell that cannot be read, and how to fix it."""


def must_be_there(table: Table, column: Column) -> Iterator[Rule]:
    """Every row has its id, its customer and its event."""
    name = column.name
    if name in table.required or name == table.id:
        yield Rule(
            code="missing_value",
            column=name,
            bad=f"not {sign_of(name, 'given')}",
            what="{n} rows have no " + name,
            expected="a value in every row",
            fix="fill it or leave these rows out",
        )


def must_be_read(column: Column, signs: list[str]) -> Iterator[Rule]:
    """Something is there and cannot be read, and why."""
    name = column.name
    text = sign_of(name, "text")
    unread = f"{sign_of(name, 'given')} and {value_of(name)} is null"
    for sign, code, what, expected, fix in _REASONS:
        if sign in signs:
            advice = _with(text, _EPOCH_ADVICE) if sign == "epoch" else ()
            yield Rule(
                code=code,
                column=name,
                bad=f"{unread} and {sign_of(name, sign)}",
                what=what,
                expected=expected,
                fix=fix,
                advice=advice,
            )
            unread += f" and not {sign_of(name, sign)}"
    if "endless" in signs:
        unread += f" and not {sign_of(name, 'endless')}"
    yield Rule(
        code="wrong_type",
        column=name,
        bad=unread,
        what="{n} values cannot be read as " + _NOUNS[column.kind],
        expected=_EXPECTED[column.kind],
        fix="correct them, or leave them empty",
        advice=(
            (f"{text} is null", "convert the column where the file is made"),
            *_with(text, _ADVICE[column.kind]),
        ),
    )


def _with(text: str, advice: tuple[tuple[str, str], ...]) -> tuple[tuple[str, str], ...]:
    return tuple((condition.format(text=text), words) for condition, words in advice)


def must_end(table: Table, column: Column) -> Rule:
    """Never, written as the end of the calendar: what may stay open has not come yet, an event has no time."""
    name = column.name
    never = (
        f"({sign_of(name, 'endless')} or coalesce({value_of(name)} >= timestamp '{_LATEST}-01-01', false))"
    )
    if column.known == name and name != table.event:
        return note_rule(
            name,
            never,
            f"{{n}} values lie in {_LATEST} or later: read as not come yet, like an empty value",
            instead="cast(null as timestamp)",
        )
    return Rule(
        code="implausible_time",
        column=name,
        bad=never,
        what=f"{{n}} instants lie in {_LATEST} or later",
        expected=f"instants before {_LATEST}",
        fix=_NO_TIME,
    )


def _first_year(table: Table, column: Column) -> int:
    return 1901 if (table.name, column.name) in _LONG_AGO else _EARLIEST


def must_be_a_time(table: Table, column: Column, signs: list[str], end: datetime) -> Iterator[Rule]:
    """An instant lies where instants can lie, and says as much of its zone as its neighbours."""
    name, value = column.name, value_of(column.name)
    first, latest = _first_year(table, column), f"timestamp '{_LATEST}-01-01'"
    yield Rule(
        code="implausible_time",
        column=name,
        bad=f"{value} < timestamp '{first - 1}-12-31'"
        f" or {value} between timestamp '1969-12-31 00:00:00' and timestamp '1970-01-01 23:59:59'",
        what=f"{{n}} instants lie before {first}, or where clocks of computers begin",
        expected=f"instants from {first} on",
        fix=_NO_TIME,
    )
    if "zoned" in signs and "local" in signs:
        yield Rule(
            code="mixed_time_zones",
            column=name,
            bad=sign_of(name, "local"),
            what="{n} times carry no zone, others in the column do",
            expected="a zone on every time, or on none",
            fix="write every time with its offset, such as 2025-03-01 09:00:00+09:00",
            beside=sign_of(name, "zoned"),
        )
    if "gap" in signs:
        yield Rule(
            code="skipped_time",
            column=name,
            bad=sign_of(name, "gap"),
            what="{n} local times do not exist: clocks were put forward",
            expected="times that clocks in the zone of the project show",
            fix="write the offset beside the time, or correct [project] timezone",
        )
        yield note_rule(
            name,
            sign_of(name, "twice"),
            "{n} local times came twice as clocks were put back; the later is taken",
        )
    if "day" in signs and "local" in signs:
        yield note_rule(
            name,
            sign_of(name, "day"),
            f"{{n}} of {{rows}} values are days without a time: {READ_AS[column.day_is]}",
        )
    if "midnight" in signs and (name == table.event or column.day_is == "over"):
        why = {
            "last second": "so that a day counts once it is over",
            "first second": "so that this is sure",
            "over": "so that the last day belongs to the span",
        }[column.day_is]
        yield note_rule(
            name,
            sign_of(name, "midnight"),
            f"all values are at midnight; if they are days, give them as dates, {why}",
            least=1.0,
        )
    late = f"{value} >= {_instant(end)} and {value} < {latest}"
    if name == table.event:
        yield note_rule(
            name, late, "{n} of {rows} rows lie at or after observation_end and are not looked at"
        )
    elif column.known == name:
        yield note_rule(name, late, "{n} values lie at or after observation_end and count as not known")


def must_lie_inside(column: Column) -> Iterator[Rule]:
    """A value lies within the bounds of its column; ids are no essays."""
    name, low, high = column.name, column.low, column.high
    if column.kind == "text":
        if name.endswith("_id"):
            yield Rule(
                code="long_id",
                column=name,
                bad=f"length({value_of(name)}) > {_LONGEST_ID}",
                what=f"{{n}} ids are longer than {_LONGEST_ID} characters",
                expected="an id",
                fix="map the right column",
            )
            yield note_rule(
                name,
                f"{value_of(name)} <> trim({value_of(name)})",
                "{n} ids begin or end with a space and are kept so",
            )
        if column.one_of:
            words = ", ".join(literal(word) for word in column.one_of)
            yield Rule(
                code="unknown_word",
                column=name,
                bad=f"{value_of(name)} not in ({words})",
                what="{n} values are not on the list",
                expected=f"one of {', '.join(column.one_of)}",
                fix="rename them in the source; case counts",
            )
        return
    bounds = (
        f"from {low:g} to {_plain(high)}" if low is not None and high is not None else f"{low or 0:g} or more"
    )
    if low is not None:
        code = "negative" if low == 0 else "out_of_range"
        expected = "0 or more" if low == 0 else bounds
        yield Rule(
            code=code,
            column=name,
            bad=f"{value_of(name)} < {low:g}",
            what=f"{{n}} values are below {low:g}",
            expected=expected,
            fix="correct them, or leave them empty",
        )
    if high is not None:
        yield Rule(
            code="out_of_range",
            column=name,
            bad=f"{value_of(name)} > {high:.15g}",
            what=f"{{n}} values are above {_plain(high)}",
            expected=bounds,
            fix="correct them, or leave them empty",
        )
    elif column.kind == "number":
        yield Rule(
            code="out_of_range",
            column=name,
            bad=f"abs({value_of(name)}) > {_LARGEST:g}",
            what=f"{{n}} values are beyond {_LARGEST:g}",
            expected="numbers that mean something",
            fix="correct them, or leave them empty",
        )


def _plain(bound: float) -> str:
    """A bound without an exponent.

    >>> _plain(1.0), _plain(1_000_000)
    ('1', '1,000,000')
    """
    return f"{bound:g}" if abs(bound) < 10_000 else f"{bound:,.0f}"


def must_follow_the_event(table: Table, column: Column, signs: Mapping[str, list[str]]) -> Iterator[Rule]:
    """What follows an event cannot come before it; a day without a time may be any time of that day."""
    place = (table.name, column.name)
    if (column.known != column.name and place not in _NOT_BEFORE) or place in _MAY_PRECEDE:
        return
    start, value = value_of(table.event), value_of(column.name)
    if "day" in signs[table.event] and table.column(table.event).day_is == "last second":
        day = sign_of(table.event, "day")
        # Whatever else the row holds is read as the end of its day: that of the day before comes first, no skew of clocks.
        start = f"case when {day} then {start} - interval {LAST_SECOND - 60} seconds else {start} end"
    skew, as_clocks = f"{start} - interval 1 second", "a second"
    if "twice" in signs[table.event]:  # the event was read as the later of two
        skew = f"case when {sign_of(table.event, 'twice')} then {start} - interval 1 hour else {skew} end"
        as_clocks = "a second, or an hour as clocks are put back,"
    yield note_rule(
        column.name,
        f"{value} < {start} and {value} >= {skew}",
        f"{{n}} values lie up to {as_clocks} before {table.event}, as clocks differ: read as simultaneous",
        instead=start,
    )
    # Where clocks begin nothing has an order: that is told as an implausible time.
    yield Rule(
        code="wrong_order",
        column=column.name,
        bad=f"{value} < {skew} and {value} >= timestamp '{_first_year(table, column) - 1}-12-31'",
        what=f"{{n}} rows have {column.name} before {table.event}",
        expected=f"{column.name} at or after {table.event}",
        fix="correct the times; check that both columns are in the same time zone",
    )


def _instant(when: datetime) -> str:
    return f"timestamp '{when.astimezone(UTC):%Y-%m-%d %H:%M:%S}'"
