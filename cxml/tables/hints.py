"""What looks odd and may be right: units by the names and sizes of columns, and columns nobody mapped that tell.

Nothing here is an error. A table of hints says which names to look at; a note is given only where the values
bear it out.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from cxml.contracts import purchases
from cxml.sql import literal, quoted
from cxml.tables.opened import Opened
from cxml.tables.opening import Tables
from cxml.tables.problems import counted

_SECONDS = ("s", "sec", "secs", "second", "seconds")
_UNITS: Mapping[str, Mapping[str, tuple[str, ...]]] = {
    "s": {
        "milliseconds": ("ms", "msec", "msecs", "millis", "milli", "millisecond", "milliseconds"),
        "minutes": ("m", "min", "mins", "minute", "minutes"),
        "hours": ("h", "hr", "hrs", "hour", "hours"),
        "days": ("d", "day", "days"),
    },
    "h": {"minutes": ("min", "mins", "minute", "minutes"), "days": ("d", "day", "days")},
    "km": {"miles": ("mi", "mile", "miles"), "metres": ("m", "metre", "metres", "meter", "meters")},
    "money": {
        "hundredths": ("cent", "cents", "pence", "minor"),
        "thousands": ("k", "thousand", "thousands"),
    },
}
"""Unit of the contract: units that the words of a name may stand for."""
_KOREAN = {
    "s": (("초", ""), ("분", "minutes"), ("(시간)", "hours"), ("_시간", "hours"), ("(일)", "days")),
    "money": (("만원", "units of 10,000"), ("천원", "thousands")),
}
"""The same in Korean, the first that is in the name; seconds are right. 시간 alone means time."""

_WHOLE_MONEY = (
    "KRW",
    "JPY",
    "VND",
    "CLP",
    "IDR",
    "HUF",
    "TWD",
    "ISK",
    "PYG",
    "UGX",
    "XOF",
    "XAF",
    "LAK",
    "COP",
    "IRR",
)
"""Currencies that are not written with hundredths."""
_PRICES = (
    "count(case when {cell} > 0 then 1 end) as n_{place},"
    " count(case when {cell} > 0 and {cell} <> floor({cell}) then 1 end) as broken_{place},"
    " count(case when {cell} > 0 and {cell} % 100 in (49, 50, 90, 95, 99, 0) then 1 end) as priced_{place},"
    " count(case when {cell} > 0 and {cell} % 100 in (95, 99) then 1 end) as nines_{place},"
    " median(case when {cell} > 0 then {cell} end) as usual_{place}"
)
"""What prices in hundredths are known by."""
_DEAR = 300
_MILLIS, _BRIEF = 20_000, (20, 240)
"""Seconds: a median service time above is hardly seconds; one below, with hardly any above the second, is hardly
seconds of a talk."""
_GIANT, _LARGE = 0.1, 50
"""Share of all money from which on one order is named, and times the usual order from which on one that was cancelled
at once is."""
_ENOUGH = 100
"""Values from which on medians and shares tell."""


@dataclass(frozen=True)
class _Hint:
    """Columns that nobody mapped, by name, and the values in them that tell.

    ``tables`` is empty for all tables; ``tells`` is SQL over ``{text}``, the cell in small letters.
    """

    names: str
    tells: str
    says: str
    fix: str
    tables: tuple[str, ...] = ()


_TRUE = "{text} in ('true', 't', '1', '1.0', 'yes', 'y', '예', 'o')"
_FALSE = "{text} in ('false', 'f', '0', '0.0', 'no', 'n', '아니오', 'x')"
_LEAVE_OUT = "each counts like any other: leave them out of the source, if they should not"
_SALES = ("orders", "charges", "returns", "recoveries")
_HINTS = (
    _Hint("livemode|live_mode|is_live|is_production", _FALSE, "are of a test mode", _LEAVE_OUT),
    _Hint(
        "test|is_test|test_mode|testmode|test_order|is_test_order|sandbox|is_sandbox|demo|is_demo|dummy|is_dummy"
        "|테스트|테스트여부",
        _TRUE,
        "are marked as tests",
        _LEAVE_OUT,
    ),
    _Hint(
        "deleted|is_deleted|is_removed|removed|삭제여부|voided|is_voided|is_void|is_spam|spam|is_duplicate",
        _TRUE,
        "are marked as deleted, void, spam or copies",
        _LEAVE_OUT,
    ),
    _Hint(
        "deleted_at|removed_at|voided_at|void_at|date_deleted|deleted_on|삭제일|삭제일시",
        "{text} <> ''",
        "were deleted or voided at some time",
        _LEAVE_OUT,
    ),
    _Hint(
        "internal|is_internal|is_private|is_staff|is_employee", _TRUE, "are marked as internal", _LEAVE_OUT
    ),
    _Hint(
        "public|is_public", _FALSE, "are not public, as notes among agents are", _LEAVE_OUT, ("interactions",)
    ),
    _Hint(
        "cancelled|canceled|is_cancelled|is_canceled|refunded|is_refunded|취소여부",
        _TRUE,
        "are marked as cancelled or refunded",
        "each counts as a purchase unless cancelled_at or a return says when",
        _SALES,
    ),
    _Hint(
        "canceled_at|cancelled_on|canceled_on|cancel_date|취소일|취소일시",
        "{text} <> ''",
        "were cancelled",
        "map cancelled_at",
        ("orders",),
    ),
    _Hint(
        "status|state|상태|.*_status",
        "{text} in ('test', 'void', 'voided', 'deleted', 'draft', 'spam', 'duplicate',"
        " 'merged', 'dummy', '삭제', '테스트', '임시')",
        "are tests, drafts, void, deleted, merged or spam",
        _LEAVE_OUT,
    ),
    _Hint(
        "status|state|상태|.*_status|주문상태|결제상태",
        "{text} in ('cancelled', 'canceled', 'refunded',"
        " 'partially_refunded', 'returned', 'failed', 'declined', 'rejected', 'unpaid', 'pending_payment', 'expired',"
        " 'chargeback', 'uncollectible', '취소', '주문취소', '결제취소', '환불', '반품', '결제실패')",
        "are cancelled, refunded or never paid",
        "each counts as a purchase unless cancelled_at or a return says when: map those, or leave the rows out",
        _SALES,
    ),
    _Hint(
        "type|kind|transaction_type|order_type|유형|거래유형",
        "{text} in ('refund', 'credit', 'credit note',"
        " 'credit_note', 'reversal', 'chargeback', 'return', 'void', 'test', '환불', '취소', '반품')",
        "are refunds, credits, returns or void",
        "each counts as a purchase: leave them out of the source",
        ("orders",),
    ),
)
_CURRENCY = "currency|curr|currency_code|currencycode|ccy|iso_currency|통화|통화코드"


def notes(tables: Tables, opened: Opened) -> Iterator[str]:
    """What people should look at in a table whose rows are read without a problem."""
    name = opened.table.name
    yield from _unit_names(tables, opened)
    if name == "interactions":
        yield from _service_times(tables)
    if name == purchases.ORDERS:
        yield from _giants(tables)
    if name == purchases.RETURNS:
        yield from _refunds(tables)
    yield from _hundredths(tables, opened)
    yield from _unmapped(tables, opened)
    yield from _currencies(tables, opened)


# ---------------------------------------------------------------- units


def _unit_names(tables: Tables, opened: Opened) -> Iterator[str]:
    """Columns whose name in the source says another unit than the contract's."""
    for column in opened.columns:
        place = opened.places[column.name]
        unit = "money" if column.kind == "money" else column.unit
        said = named_unit(place, unit) if place != column.name else ""
        if said and column.name in opened.known:
            meant = (
                "whole units of the currency"
                if unit == "money"
                else {"s": "seconds", "h": "hours"}.get(unit, unit)
            )
            yield (
                f"{opened.table.name}.{column.name}: the name {place!r} says {said}, and it is read as {meant};"
                " convert it in the source, if so"
            )


def named_unit(name: str, unit: str) -> str:
    """The other unit that a name says where *unit* is expected; empty when it says none.

    >>> named_unit("waitMinutes", "s"), named_unit("handle_ms", "s"), named_unit("wait_min_sec", "s")
    ('minutes', 'milliseconds', '')
    >>> named_unit("대기시간", "s"), named_unit("대기시간(분)", "s"), named_unit("total_cents", "money")
    ('', 'minutes', 'hundredths')
    """
    for part, says in _KOREAN.get(unit, ()):
        if part in name:
            return says
    words = [word.lower() for word in re.findall(r"[A-Z]?[a-z]+|[A-Z]+|[0-9]+", name)]
    if unit == "s" and set(words) & set(_SECONDS):
        return ""
    return next((says for says, names in _UNITS.get(unit, {}).items() if set(words) & set(names)), "")


def _service_times(tables: Tables) -> Iterator[str]:
    """Contacts whose service takes seconds or days: minutes or milliseconds, more likely."""
    if "handle_s" not in tables.columns["interactions"]:
        return
    if named_unit(tables.opened["interactions"].places["handle_s"], "s"):
        return  # told by its name already
    talks = "true"
    if "channel" in tables.columns["interactions"]:
        talks = (
            "(regexp_matches(channel, '^(phone|chat|video)') and not regexp_matches(channel, '(ivr|bot)'))"
        )
    found = tables.engine.row(
        "select count(*) as n, median(handle_s) as usual, quantile_cont(handle_s, 0.99) as most from interactions"
        f" where handle_s > 0 and {talks}"
    )
    if found["n"] < _ENOUGH:
        return
    if found["usual"] > _MILLIS:
        yield _odd("handle_s", found["usual"], "milliseconds")
    elif found["usual"] < _BRIEF[0] and found["most"] < _BRIEF[1]:
        yield _odd("handle_s", found["usual"], "minutes")


def _odd(column: str, median: float, unit: str) -> str:
    return f"interactions.{column}: the median is {median:,.0f} s; if these are {unit}, convert all durations in the source"


def _hundredths(tables: Tables, opened: Opened) -> Iterator[str]:
    """Whole amounts that end as prices in hundredths do, in a currency that has them."""
    if tables.config.project.currency.upper() in _WHOLE_MONEY:
        return
    names = [
        column.name
        for column in opened.columns
        if column.kind == "money" and not named_unit(opened.places[column.name], "money")
    ]
    counts = ", ".join(_PRICES.format(cell=quoted(name), place=place) for place, name in enumerate(names))
    found = tables.engine.row(f"select {counts} from {opened.table.name}") if names else {}
    for place, name in enumerate(names):
        rows, broken, priced, nines, usual = (
            found[f"{key}_{place}"] for key in ("n", "broken", "priced", "nines", "usual")
        )
        if rows >= _ENOUGH and not broken and priced >= 0.8 * rows and nines >= 0.3 * rows and usual >= _DEAR:
            yield (
                f"{opened.table.name}.{name}: all amounts are whole and end as prices in hundredths do (99, 95, 50);"
                f" if they are hundredths of {tables.config.project.currency}, divide by 100 in the source"
            )


# ---------------------------------------------------------------- single orders, and money given back


def _giants(tables: Tables) -> Iterator[str]:
    """Orders that weigh more than many others together, and large ones that were taken back at once."""
    present = tables.columns[purchases.ORDERS]
    own = purchases.money(present)
    if not own:
        return
    at_once = (
        "coalesce(cancelled_at <= ordered_at + interval 1 hour, false)"
        if "cancelled_at" in present
        else "false"
    )
    found = tables.engine.rows(
        f"select {'order_id' if 'order_id' in present else 'cast(null as varchar)'}, cast({own} / a.everything as double),"
        f" cast({own} / a.usual as double), {at_once} from orders cross join (select sum({own}) as everything,"
        f" median({own}) as usual, count(*) as n from orders where {own} > 0) a where a.n >= {_ENOUGH}"
        f" and ({own} > {_GIANT} * a.everything or {at_once} and {own} > {_LARGE} * a.usual) order by {own} desc, 1"
    )
    for taken_back in (False, True):
        some = [(order, share, times) for order, share, times, gone in found if bool(gone) == taken_back]
        if not some:
            continue
        order, share, times = some[0]
        named = f" (the largest is the order {order})" if order is not None else ""
        what = (
            f"{{n}} orders of more than {_LARGE} times the usual were cancelled within the hour{named}: from then"
            " on they bring nothing"
            if taken_back
            else f"{{n}} orders hold more than a tenth of all money each{named}, the largest {share:.0%} and"
            f" {times:,.0f} times the usual: what is learned of value leans on them; correct or leave out what is no sale"
        )
        yield f"orders.{own}: {counted(what, len(some))}"


def _refunds(tables: Tables) -> Iterator[str]:
    """Whether what returns give back is deducted from value: not at all, or twice."""
    sources = {source.table for source in tables.config.value.sources}
    own = purchases.money(tables.columns.get(purchases.ORDERS, frozenset()))
    if purchases.ORDERS not in sources or "refund" not in tables.columns[purchases.RETURNS]:
        return
    given = tables.engine.rows("select count(*) from returns where refund > 0")[0][0]
    if not given:
        return
    if purchases.RETURNS not in sources:
        yield (
            f"returns.refund: {given:,} refunds are not deducted from value; add [[value.sources]] with"
            ' table = "returns", column = "refund" and the share of the orders, unless orders hold credit notes for them'
        )
        return
    credits = tables.engine.rows(f"select count(*) from orders where {own} < 0")[0][0] if own else 0
    if credits:
        yield (
            f"returns.refund: {given:,} refunds and {credits:,} credit notes among the orders are both deducted from"
            " value; leave one of them out, if they are the same money"
        )


# ---------------------------------------------------------------- columns that nobody mapped


def _unmapped(tables: Tables, opened: Opened) -> Iterator[str]:
    hints = [
        (place, hint)
        for place in _spare(opened)
        for hint in _HINTS
        if _called(place, hint.names) and (not hint.tables or opened.table.name in hint.tables)
    ]
    if not hints:
        return
    counts = _count(tables, opened, [(place, hint.tells) for place, hint in hints])
    for (place, hint), rows in zip(hints, counts[1:], strict=True):
        if rows:
            yield (
                f"{opened.table.name}: by the column {place!r}, which is not used, {rows:,} of {counts[0]:,} rows"
                f" {hint.says}; {hint.fix}"
            )


def _currencies(tables: Tables, opened: Opened) -> Iterator[str]:
    """Amounts in several currencies, or in another one than that of the project."""
    own = tables.config.project.currency
    if not any(column.kind == "money" for column in opened.columns):
        return
    for place in _spare(opened):
        if not _called(place, _CURRENCY):
            continue
        other = f"{{text}} not in ('', {literal(own.lower())})"
        rows, others = _count(tables, opened, [(place, other)])
        if others:
            yield (
                f"{opened.table.name}: by the column {place!r}, which is not used, {others:,} of {rows:,} rows are in"
                f" another currency than {own}, that of the project; convert them in the source, or correct [project]"
                " currency"
            )


def _spare(opened: Opened) -> list[str]:
    """Columns of the source that hold nothing of the contract."""
    return [place for place in opened.source.names if place not in opened.places.values()]


def _called(place: str, names: str) -> bool:
    """Whether a column is called so, whatever its capitals, spaces and points."""
    plain = re.sub(r"[\W_]+", "_", re.sub(r"(?<=[a-z])(?=[A-Z])", "_", place)).strip("_").lower()
    return re.fullmatch(names, plain) is not None


def _count(tables: Tables, opened: Opened, asked: list[tuple[str, str]]) -> list[int]:
    """All rows of the source, and for each column and condition over ``{text}`` the rows that meet it."""
    totals = [0] * (1 + len(asked))
    for part in opened.source.parts:
        counts = ["count(*)"]
        for place, condition in asked:
            text = (
                f"lower(trim(cast({quoted(place)} as varchar)))"
                if place in part.columns
                else "cast(null as varchar)"
            )
            counts.append(f"count(case when {condition.format(text=text)} then 1 end)")
        found = tables.engine.rows(f"select {', '.join(counts)} from {part.scan}")[0]
        totals = [total + int(count) for total, count in zip(totals, found, strict=True)]
    return totals
