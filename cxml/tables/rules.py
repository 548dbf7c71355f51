"""What rows must keep to: one rule is a truth value in SQL over the probe of a table, and its words.

A rule is *hard* when rows that break it make the table unusable, *tolerable* when a few such rows can be set
aside, *soft* when people should only know.
The columns of a probe are described in ``tables.Opened.probe``.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from cxml.contracts import Column, Kind, Table
from cxml.purchases import money
from cxml.sql import literal, quoted
from cxml.tables.casting import LAST_SECOND, READ_AS, says_nothing

DUPLICATE = "duplicate_id"
"""The code of rows that share their id, and their version where rows have versions."""
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

TOLERABLE = frozenset(
    {
        "missing_value",
        "wrong_type",
        "not_finite",
        "not_whole",
        "epoch_number",
        "implausible_time",
        "mixed_time_zones",
        "long_id",
        "unknown_word",
        "negative",
        "out_of_range",
        "off_scale",
        "contradiction",
        "unknown_customer",
        "customer_set_aside",
        "skipped_time",
    }
)
"""Codes of the rules that a stray row may break. Others are never a stray row: a digit lost by one id is lost by its
neighbours too, and an answer before its question or a second story under one id leaves nobody sure which row to
believe."""

_NOT_BEFORE = {("visits", "window_end"), ("orders", "promised_at")}
"""Instants that are known from the start and yet cannot come before the event."""

_CHANNELS = "^(phone|chat|email|social|sms|store|portal|app|web|letter|video)([.].+)?$"
_DAY_S = 86400

_NOUNS: Mapping[Kind, str] = {
    "text": "texts",
    "instant": "instants",
    "number": "numbers",
    "money": "amounts of money",
    "count": "whole numbers",
    "flag": "flags",
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
"""SQL over ``{text}``, the raw text of a cell that cannot be read, and how to mend it."""


@dataclass(frozen=True)
class Rule:
    """What the rows of a table must keep to.

    Attributes
    ----------
    code, column : str
    bad : str
        SQL, true for the rows that break the rule.
    what, expected, fix : str
        For people. ``{n}`` in *what* stands for the number of rows that break the rule, ``{rows}`` for
        all and ``{share}`` for their share.
    advice : tuple of (str, str)
        SQL over the same row and what to do instead of *fix* when it is true for one of the bad rows;
        the first that is counts.
    beside : str
        SQL: the rule only holds when this is true for some row of the table.
    least : float
        The rule only holds when at least this share of the rows breaks it.
    soft : bool
        People should know, and nothing is wrong.
    instead : str
        SQL: what the column is read as in the rows that a soft rule is about; empty: as it is.
    """

    code: str
    column: str
    bad: str
    what: str
    expected: str
    fix: str
    advice: tuple[tuple[str, str], ...] = ()
    beside: str = ""
    least: float = 0.0
    soft: bool = False
    instead: str = ""

    @property
    def tolerable(self) -> bool:
        """Whether a few rows that break the rule can be set aside."""
        return self.code in TOLERABLE


def _note(column: str, when: str, what: str, least: float = 0.0, instead: str = "") -> Rule:
    return Rule("note", column, when, what, "", "", least=least, soft=True, instead=instead)


def rules(
    table: Table,
    columns: tuple[Column, ...],
    signs: Mapping[str, list[str]],
    *,
    end: datetime,
    made_id: bool,
    known: str,
    aside: str = "",
) -> Iterator[Rule]:
    """All rules of a table.

    Parameters
    ----------
    table : Table
    columns : tuple of Column
        The columns that are there.
    signs : Mapping[str, list of str]
        For each column, the signs that its cells may carry.
    end : datetime
        observation_end, exclusive.
    made_id : bool
        The id is not from the source.
    known : str
        Relation of the customers that exist; empty when there is no table of customers.
    aside : str
        Relation of the customers whose rows in ``customers`` were all set aside; empty when there are none.
    """
    names = {column.name for column in columns}
    for column in columns:
        yield from _missing(table, column)
        yield from _type(column, signs[column.name])
        if "endless" in signs[column.name]:
            yield _endless(table, column)
        if column.kind == "instant":
            yield from _time(table, column, signs[column.name], end)
        elif column.kind != "flag":
            yield from _range(column)
        if column.kind == "instant" and column.name != table.event:
            yield from _order(table, column, signs)
    if not made_id and table.name != "agents":
        yield _duplicates(table, names)
    if known and table.name != "customers" and table.owner == "customer_id":
        who = _v("customer_id")
        unknown = f"{who} is not null and {who} not in (select customer_id from {known})"
        if aside:
            left_out = f"coalesce({who} in (select customer_id from {aside}), false)"
            unknown += f" and not {left_out}"
            yield Rule(
                "customer_set_aside",
                "customer_id",
                left_out,
                "{n} rows are about customers whose own row was set aside",
                "customers with a sound row",
                "correct the rows of the table customers",
            )
        yield Rule(
            "unknown_customer",
            "customer_id",
            unknown,
            "{n} rows are about customers who are not in the table customers",
            "ids of the table customers",
            "add the customers, or take the table customers out of the configuration",
            (
                (
                    f"ltrim({who}, '0') in (select ltrim(customer_id, '0') from {known})",
                    "leading zeros were lost on one side: write ids as text everywhere",
                ),
                (
                    f"regexp_replace({who}, '[.]0+$', '') in"
                    f" (select regexp_replace(customer_id, '[.]0+$', '') from {known})",
                    "some end in .0, as numbers that went through a float do: write ids as text everywhere",
                ),
                (
                    f"lower(trim({who})) in (select lower(trim(customer_id)) from {known})",
                    "write ids alike everywhere: some differ only in case or spaces",
                ),
            ),
        )
    yield from _across(table, names)


def _v(column: str) -> str:
    return quoted(column)


def _sign(column: str, name: str) -> str:
    return quoted(f"{column}:{name}")


def _missing(table: Table, column: Column) -> Iterator[Rule]:
    name = column.name
    if name in table.required or name == table.id:
        yield Rule(
            "missing_value",
            name,
            f"not {_sign(name, 'given')}",
            "{n} rows have no " + name,
            "a value in every row",
            "fill it or leave these rows out",
        )


def _type(column: Column, signs: list[str]) -> Iterator[Rule]:
    """Something is there and cannot be read, and why."""
    name = column.name
    text = _sign(name, "text")
    unread = f"{_sign(name, 'given')} and {_v(name)} is null"
    for sign, code, what, expected, fix in _REASONS:
        if sign in signs:
            advice = _with(text, _EPOCH_ADVICE) if sign == "epoch" else ()
            yield Rule(code, name, f"{unread} and {_sign(name, sign)}", what, expected, fix, advice)
            unread += f" and not {_sign(name, sign)}"
    if "endless" in signs:
        unread += f" and not {_sign(name, 'endless')}"
    yield Rule(
        "wrong_type",
        name,
        unread,
        "{n} values are not " + _NOUNS[column.kind],
        _EXPECTED[column.kind],
        "correct them, or leave them empty",
        (
            (f"{text} is null", "convert the column where the file is made"),
            *_with(text, _ADVICE[column.kind]),
        ),
    )


def _with(text: str, advice: tuple[tuple[str, str], ...]) -> tuple[tuple[str, str], ...]:
    return tuple((condition.format(text=text), words) for condition, words in advice)


def _endless(table: Table, column: Column) -> Rule:
    """Never, written as the end of the calendar: what may stay open has not come yet, an event has no time."""
    name = column.name
    never = f"({_sign(name, 'endless')} or coalesce({_v(name)} >= timestamp '{_LATEST}-01-01', false))"
    if column.known == name and name != table.event:
        return _note(
            name,
            never,
            f"{{n}} values lie in {_LATEST} or later: read as not come yet, like an empty value",
            instead="cast(null as timestamp)",
        )
    return Rule(
        "implausible_time",
        name,
        never,
        f"{{n}} instants lie in {_LATEST} or later",
        f"instants before {_LATEST}",
        _NO_TIME,
    )


def _first_year(table: Table, column: Column) -> int:
    return 1901 if (table.name, column.name) in _LONG_AGO else _EARLIEST


def _time(table: Table, column: Column, signs: list[str], end: datetime) -> Iterator[Rule]:
    name, value = column.name, _v(column.name)
    first, latest = _first_year(table, column), f"timestamp '{_LATEST}-01-01'"
    yield Rule(
        "implausible_time",
        name,
        f"{value} < timestamp '{first - 1}-12-31'"
        f" or {value} between timestamp '1969-12-31 00:00:00' and timestamp '1970-01-01 23:59:59'",
        f"{{n}} instants lie before {first}, or where clocks of computers begin",
        f"instants from {first} on",
        _NO_TIME,
    )
    if "zoned" in signs and "local" in signs:
        yield Rule(
            "mixed_time_zones",
            name,
            _sign(name, "local"),
            "{n} times carry no zone, others in the column do",
            "a zone on every time, or on none",
            "write every time with its offset, such as 2025-03-01 09:00:00+09:00",
            beside=_sign(name, "zoned"),
        )
    if "gap" in signs:
        yield Rule(
            "skipped_time",
            name,
            _sign(name, "gap"),
            "{n} local times do not exist: clocks were put forward",
            "times that clocks in the zone of the project show",
            "write the offset beside the time, or correct [project] timezone",
        )
        yield _note(
            name,
            _sign(name, "twice"),
            "{n} local times came twice as clocks were put back; the later is taken",
        )
    if "day" in signs and "local" in signs:
        yield _note(
            name,
            _sign(name, "day"),
            f"{{n}} of {{rows}} values are days without a time: {READ_AS[column.day_is]}",
        )
    if "midnight" in signs and (name == table.event or column.day_is == "over"):
        why = {
            "last second": "so that a day counts once it is over",
            "first second": "so that this is sure",
            "over": "so that the last day belongs to the span",
        }[column.day_is]
        yield _note(
            name,
            _sign(name, "midnight"),
            f"all values are at midnight; if they are days, give them as dates, {why}",
            least=1.0,
        )
    late = f"{value} >= {_instant(end)} and {value} < {latest}"
    if name == table.event:
        yield _note(name, late, "{n} of {rows} rows lie at or after observation_end and are not looked at")
    elif column.known == name:
        yield _note(name, late, "{n} values lie at or after observation_end and count as not known")


def _range(column: Column) -> Iterator[Rule]:
    name, low, high = column.name, column.low, column.high
    if column.kind == "text":
        if name.endswith("_id"):
            yield Rule(
                "long_id",
                name,
                f"length({_v(name)}) > {_LONGEST_ID}",
                f"{{n}} ids are longer than {_LONGEST_ID} characters",
                "an id",
                "map the right column",
            )
            yield _note(
                name, f"{_v(name)} <> trim({_v(name)})", "{n} ids begin or end with a space and are kept so"
            )
        if column.one_of:
            words = ", ".join(literal(word) for word in column.one_of)
            yield Rule(
                "unknown_word",
                name,
                f"{_v(name)} not in ({words})",
                "{n} values are not on the list",
                f"one of {', '.join(column.one_of)}",
                "rename them in the source; case counts",
            )
        return
    bounds = (
        f"from {low:g} to {_plain(high)}" if low is not None and high is not None else f"{low or 0:g} or more"
    )
    if low is not None:
        code = "negative" if low == 0 else "out_of_range"
        expected = "0 or more" if low == 0 else bounds
        yield Rule(
            code,
            name,
            f"{_v(name)} < {low:g}",
            f"{{n}} values are below {low:g}",
            expected,
            "correct them, or leave them empty",
        )
    if high is not None:
        yield Rule(
            "out_of_range",
            name,
            f"{_v(name)} > {high:.15g}",
            f"{{n}} values are above {_plain(high)}",
            bounds,
            "correct them, or leave them empty",
        )
    elif column.kind == "number":
        yield Rule(
            "out_of_range",
            name,
            f"abs({_v(name)}) > {_LARGEST:g}",
            f"{{n}} values are beyond {_LARGEST:g}",
            "numbers that mean something",
            "correct them, or leave them empty",
        )


def _plain(bound: float) -> str:
    """A bound without an exponent.

    >>> _plain(1.0), _plain(1_000_000)
    ('1', '1,000,000')
    """
    return f"{bound:g}" if abs(bound) < 10_000 else f"{bound:,.0f}"


def _order(table: Table, column: Column, signs: Mapping[str, list[str]]) -> Iterator[Rule]:
    """What follows an event cannot come before it; a day without a time may be any time of that day."""
    place = (table.name, column.name)
    if (column.known != column.name and place not in _NOT_BEFORE) or place in _MAY_PRECEDE:
        return
    start, value = _v(table.event), _v(column.name)
    if "day" in signs[table.event] and table.column(table.event).day_is == "last second":
        day = _sign(table.event, "day")
        # Whatever else the row holds is read as the end of its day: that of the day before comes first, no skew of clocks.
        start = f"case when {day} then {start} - interval {LAST_SECOND - 60} seconds else {start} end"
    skew, as_clocks = f"{start} - interval 1 second", "a second"
    if "twice" in signs[table.event]:  # the event was read as the later of two
        skew = f"case when {_sign(table.event, 'twice')} then {start} - interval 1 hour else {skew} end"
        as_clocks = "a second, or an hour as clocks are put back,"
    yield _note(
        column.name,
        f"{value} < {start} and {value} >= {skew}",
        f"{{n}} values lie up to {as_clocks} before {table.event}, as clocks differ: read as simultaneous",
        instead=start,
    )
    # Where clocks begin nothing has an order: that is told as an implausible time.
    yield Rule(
        "wrong_order",
        column.name,
        f"{value} < {skew} and {value} >= timestamp '{_first_year(table, column) - 1}-12-31'",
        f"{{n}} rows have {column.name} before {table.event}",
        f"{column.name} at or after {table.event}",
        "correct the times; check that both columns are in the same time zone",
    )


def _duplicates(table: Table, names: set[str]) -> Rule:
    id_, event = _v(table.id), _v(table.event)
    key = [id_]
    if "recorded_at" in names:
        key.append(f"coalesce(recorded_at, {event})")
        key += ["version"] if "version" in names else []
    columns = ", ".join(key)
    twice = (
        f"select {columns} from {table.name} where {id_} is not null group by {columns} having count(*) > 1"
    )
    bad = f"{id_} is not null and ({columns}) in ({twice})"
    if len(key) > 1:
        return Rule(
            DUPLICATE,
            table.id,
            bad,
            "{n} rows share their id and recorded_at with another row: the one further down in its file counts as the"
            " later version; map version to say which is",
            "",
            "",
            soft=True,
        )
    return Rule(
        DUPLICATE,
        table.id,
        bad,
        "{n} rows share their id with another row",
        "every id once",
        "keep one row for each id, or give recorded_at if they are versions",
    )


def _across(table: Table, names: set[str]) -> Iterator[Rule]:
    """Rules over several columns, and what people should know of a table."""
    if table.name == "surveys" and "score" in names:
        yield from _scores(names)
    if table.name == "messages" and {"fields_used", "fields_available"} <= names:
        yield Rule(
            "contradiction",
            "fields_used",
            "fields_used > fields_available",
            "{n} messages used more attributes than there were",
            "fields_used up to fields_available",
            "correct one of the two columns",
        )
    if table.name == "subscriptions" and "ended_at" in names:
        yield _note(
            "ended_at",
            "ended_at = started_at",
            "{n} contracts end as they begin: they never began and are left out",
        )
    if table.name == "orders" and (own := money(frozenset(names))):
        yield _note(
            own,
            f"{own} < 0",
            "{n} of {rows} orders are credit notes (below 0): no purchases, and what they"
            " give back is deducted from value",
        )
        yield _note(own, f"{own} = 0", "{n} of {rows} orders brought nothing (0): no purchases")
    if table.name == "charges" and "amount" in names:
        yield _note(
            "amount",
            "amount < 0",
            "{n} of {rows} charges are credits (below 0): no charges, and what they"
            " give back is deducted from value",
        )
    if table.name == "interactions" and "wait_s" in names:
        yield _note(
            "wait_s", f"wait_s > {_DAY_S}", "{n} waits are longer than 24 hours ({share} of the rows)"
        )
    if table.name == "interactions" and "channel" in names:
        yield _note(
            "channel",
            f"not regexp_matches(channel, '{_CHANNELS}')",
            "{share} of the rows have a channel that no feature knows; known are phone, chat,"
            " email, social, sms, store, portal, app, web, letter, video, also with a point and"
            " more behind them; what yours mean can be said in [tables.interactions] words",
        )


def _scores(names: set[str]) -> Iterator[Rule]:
    """A score is on its scale; nps has one by definition. Where the scale is wrong, that alone is told."""
    ends = {}
    for name, of_nps in (("scale_min", 0), ("scale_max", 10)):
        said = [name] if name in names else []
        said += [f"case when kind = 'nps' then {of_nps} end"] if "kind" in names else []
        ends[name] = f"coalesce({', '.join(said)})" if said else "cast(null as double)"
    low, high = ends.values()
    yield Rule(
        "off_scale",
        "score",
        f"(score < {low} or score > {high}) and coalesce({low} < {high}, true)",
        "{n} scores are outside their scale",
        "a score from scale_min to scale_max (0 to 10 for nps)",
        "correct the score or the scale",
    )
    if {"scale_min", "scale_max"} <= names:
        yield Rule(
            "off_scale",
            "scale_max",
            "scale_max <= scale_min",
            "{n} scales end where they begin, or before",
            "scale_max above scale_min",
            "correct the scale",
        )


def _instant(when: datetime) -> str:
    return f"timestamp '{when.astimezone(UTC):%Y-%m-%d %H:%M:%S}'"
