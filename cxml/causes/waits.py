"""Waits about which something was promised: how long each was, as known at the cutoffs.

A wait counts once it is over. Only the first of several contacts about one issue is taken: who waited long
calls again, so later contacts, and the waits at them, partly follow from the first.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta

import pandas as pd

from cxml.config.sections import Promises
from cxml.contracts import TABLES
from cxml.factors.waiting import WRITTEN
from cxml.features.promises import answers, by_channel
from cxml.snapshots import as_of, population
from cxml.sql import literal
from cxml.tables.opening import Tables

ANSWER = "answer."
CONTEXT = ("channel", "topic", "hour", "weekday")
"""What was known as a wait began."""

_ISSUE_REACH = timedelta(days=180)
_HOUR, _DAY = 3600, 86400


@dataclass(frozen=True)
class Promise:
    """A promised time.

    Attributes
    ----------
    name : str
        ``answer.`` and what channels begin with (``*``: all others), ``resolution``, ``delivery`` or ``refund``.
    seconds : float
    factor : str
        The experience factor that it belongs to.
    """

    name: str
    seconds: float
    factor: str


def promises_of(promises: Promises) -> tuple[Promise, ...]:
    """All promised times of a config.

    >>> [promise.name for promise in promises_of(Promises())][:3]
    ['answer.phone', 'answer.chat', 'answer.web']
    """
    spans = {f"{ANSWER}{beginning}": (span, "waiting") for beginning, span in answers(promises).items()}
    spans |= {
        "resolution": (promises.resolution, "resolution"),
        "delivery": (promises.delivery, "delivery"),
        "refund": (promises.refund, "returns"),
    }
    return tuple(Promise(name, span.total_seconds(), factor) for name, (span, factor) in spans.items())


def waits(tables: Tables, snapshots: pd.DataFrame, window: timedelta) -> pd.DataFrame:
    """The waits that began within the *window* before each snapshot and were over by then.

    Parameters
    ----------
    snapshots : DataFrame
        ``customer_id`` and ``cutoff``.

    Returns
    -------
    DataFrame
        ``promise`` (its name), ``row`` (place of the snapshot, from 0), ``wait_s`` (of a delivery such that its
        own date lies at the general promise), ``first`` (the first of this promise in the window), and what
        was known as it began: ``channel`` or category, ``topic``, ``hour``, ``weekday``; in order of row and time.
        A promise whose columns are missing has no rows.
    """
    engine = tables.engine
    cutoffs = pd.DatetimeIndex(pd.to_datetime(snapshots["cutoff"], utc=True))
    seconds = (cutoffs - pd.Timestamp(0, tz="UTC")) // pd.Timedelta(seconds=1)
    named = {"customer_id": snapshots["customer_id"].astype(object).to_numpy(), "c": seconds.to_numpy()}
    engine.register("asked", pd.DataFrame({**named, "g": range(len(snapshots))}))
    parts = [
        select for part in (_answers, _resolutions, _deliveries, _refunds) if (select := part(tables, window))
    ]
    if not parts:
        return pd.DataFrame({"promise": [], "row": [], "wait_s": [], "first": []})
    hour, weekday = f"mod(floor(wall / {_HOUR}e0), 24)", f"mod(floor(wall / {_DAY}e0) + 3, 7)"
    asked = "select k.ci, a.g, a.c from asked a join customer_keys k on a.customer_id = k.customer_id"
    with population.customers(tables) as people, people.beside(waited_from=asked) as known:
        found: pd.DataFrame = known.arrow(
            "select promise, cast(g as bigint) as row, cast(wait_s as double) as wait_s,"
            " row_number() over (partition by promise, g order by t, wait_s) = 1 as first,"
            f" channel, topic, cast({hour} as int) as hour, cast({weekday} as int) as weekday"
            f" from ({' union all '.join(parts)}) w order by promise, g, t, wait_s"
        ).to_pandas()
    return found


def context(found: pd.DataFrame) -> pd.DataFrame:
    """What was known as each wait began, as controls: the columns of ``CONTEXT`` that say anything."""
    return found[list(CONTEXT)].dropna(axis=1, how="all").reset_index(drop=True)


def _answers(tables: Tables, window: timedelta) -> str:
    """Contacts that the customer began, until somebody was there or wrote back."""
    present = tables.columns.get("interactions", frozenset())
    if "channel" not in present or not present & {"wait_s", "first_reply_at"}:
        return ""
    known = _known(tables, "interactions", ("wait_s", "first_reply_after", "direction", "issue_id"), window)
    said = {beginning: literal(ANSWER + beginning) for beginning in answers(tables.config.promises)}
    own = "direction = 'inbound' or direction is null" if "direction" in present else "true"
    queued = "wait_s" if "wait_s" in present else "cast(null as double)"
    written = f"case when {WRITTEN} then first_reply_after end" if "first_reply_at" in present else "null"
    timed = f"select *, {by_channel(said)} as promise, coalesce({queued}, {written}) as waited from ({known}) k where {own}"
    issue = ", issue_id" if "issue_id" in present else ""
    place = f"row_number() over (partition by promise, g{issue} order by t, waited)"
    return (
        f"select promise, g, t, waited as wait_s, {_text(present, 'channel')}, {_text(present, 'topic')}, wall from"
        f" (select *, {place} as turn from ({timed}) a where waited is not null and promise is not null) f where turn = 1"
    )


def _resolutions(tables: Tables, window: timedelta) -> str:
    """Issues from their first contact until they were resolved for the last time."""
    present = tables.columns.get("interactions", frozenset())
    if not {"issue_id", "resolved_at"} <= present:
        return ""
    known = _known(tables, "interactions", ("issue_id", "resolved_at"), window + _ISSUE_REACH)
    first = ", ".join(
        f"min_by({name}, t) as {name}" for name in ("channel", "topic", "wall") if name in {*present, "wall"}
    )
    issues = (
        f"select g, c, min(t) as t, max(resolved_at) as resolved, {first} from ({known}) k"
        " where issue_id is not null group by g, c, issue_id"
    )
    return (
        f"select 'resolution' as promise, g, t, resolved - t as wait_s, {_text(present, 'channel')},"
        f" {_text(present, 'topic')}, wall from ({issues}) i"
        f" where resolved is not null and t >= c - {int(window.total_seconds())}"
    )


def _deliveries(tables: Tables, window: timedelta) -> str:
    """Orders until they were delivered; one with a date of its own counts as due at the general promise."""
    present = tables.columns.get("orders", frozenset())
    if "delivered_at" not in present:
        return ""
    known = _known(tables, "orders", ("delivered_at", "promised_at", "category"), window)
    general = int(tables.config.promises.delivery.total_seconds())
    due = f"coalesce(promised_at, t + {general})" if "promised_at" in present else f"t + {general}"
    return (
        f"select 'delivery' as promise, g, t, delivered_at - {due} + {general} as wait_s,"
        f" {_text(present, 'category', 'channel')}, cast(null as varchar) as topic, wall from ({known}) k"
        " where delivered_at is not null"
    )


def _refunds(tables: Tables, window: timedelta) -> str:
    """Returns until the money was back."""
    present = tables.columns.get("returns", frozenset())
    if "refunded_at" not in present:
        return ""
    known = _known(tables, "returns", ("refunded_after",), window)
    return (
        f"select 'refund' as promise, g, t, refunded_after as wait_s, {_text(present, 'channel')},"
        f" cast(null as varchar) as topic, wall from ({known}) k where refunded_after is not null"
    )


def _known(tables: Tables, name: str, need: Iterable[str], window: timedelta) -> str:
    """The rows of a table within the window as known at the cutoffs, with the texts that say what they are about."""
    table, present = TABLES[name], tables.columns[name]
    wanted = [word for word in (*need, "channel", "topic") if table.made_of.get(word, word) in present]
    rows = as_of.rows_select(table, present, wanted, wall=True)
    reach = int(window.total_seconds())
    return as_of.known_select(
        table, present, wanted, source=f"({rows})", snapshots="waited_from", reach=reach, extra=["wall"]
    )


def _text(present: frozenset[str], column: str, name: str = "") -> str:
    return f"{column if column in present else 'cast(null as varchar)'} as {name or column}"
