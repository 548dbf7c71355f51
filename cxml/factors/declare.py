"""The words in which a factor is declared, and the few aggregates it is made of.

A feature is one SQL aggregate over its table *as known at the cutoff*: the planner has already
removed what was not known, so a feature reads like a sentence, ``mean("wait_s")``. The text must be
valid both for DuckDB and for Spark SQL: no quoted names, ``e0`` on decimal literals, ``nullif``
under every division, no engine's own functions.

Words that a text may use
    the columns of its table (instants are whole seconds since 1970, a money is a DECIMAL, columns
    that end in ``_id`` are codes that can only be compared), the flags of its factor, and

    ``t``     the row's event, in seconds
    ``age``   seconds from the event to the cutoff, in (0, lookback]: the window is ``[cutoff - w, cutoff)``
    ``c``     the cutoff, in seconds
    ``pos``   the row's place among the rows of its customer: unique, in order of ``t``
    ``wall``  the row's event on the clock of the project's zone, in seconds
    ``day_only``  whether the row's event is a day without a time: then ``t`` is the day's last second, every other
              instant of the row is the last second of its day, and nothing shorter than a day can be told
    ``once_x``  for an instant ``x`` that a later one takes back: as it was before (``once_resolved_at``)
    ``purchase``, ``credit_note`` ...  what :mod:`cxml.purchases` says of orders, charges and visits
    ``runs``  whether a contract is not known to have ended; true where contracts have no end
    ``x_after``  for an instant ``x_at``: seconds from the event to it, at the coarser grain of the two, never below 0;
              0 where one of them is a day without a time and both are of the same day (``resolved_after``)
    ``promised_s``  seconds within which the channel of a contact promises an answer (``[promises]``)
    ``who``   whose rows a window function runs over (flags only): ``partition by who``
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Literal

Direction = Literal["+", "-", "±"]
Unit = Literal["s", "h", "d", "count", "share", "score", "money", "times", "ratio", "flag", "km", "text"]
FactorKind = Literal["lever", "outcome", "context", "volume", "column", "consequence", "index"]
Family = Literal["people", "process", "product", "price", "other"]

LEARNED: frozenset[FactorKind] = frozenset({"lever", "outcome", "context", "volume", "column"})
"""The kinds of factor that models learn from."""

NAMED: frozenset[FactorKind] = frozenset({"lever", "column"})
"""The kinds that are ranked as drivers, and named as a customer's reasons."""

MEASURED: frozenset[FactorKind] = LEARNED | {"index"}
"""The kinds that can be shown to people without giving the answer away."""

LOOKBACKS: tuple[int, ...] = (7, 30, 90, 180, 365)
"""Days of the standard feature windows."""

STANDARD: tuple[int, ...] = ()
"""The lookbacks of the config (by default ``LOOKBACKS``)."""

EVER: tuple[int, ...] = (0,)
"""Everything since the first row: the column has no window in its name."""

DAY = 86400

# 1970-01-01 was a Thursday: day 2 of its weeks is a Saturday, day 3 a Sunday.
ON_WEEKEND = f"mod(floor(wall / {DAY}e0), 7) in (2, 3)"
"""The row's event fell on a Saturday or Sunday, by the clock of the project's zone."""

AFTER_HOURS = (
    f"case when {ON_WEEKEND} then true"
    f" when not day_only then mod(wall, {DAY}) < {9 * 3600} or mod(wall, {DAY}) >= {18 * 3600} end"
)
"""The row's event fell outside weekdays 9 to 18; missing where only the day is known."""


@dataclass(frozen=True)
class Flag:
    """A column computed for each row, for features to aggregate.

    Attributes
    ----------
    name, table : str
    sql : str
        A row expression; window functions run ``over (partition by who, ... order by t)``.
    reach : int
        Days the expression looks back at most. Say so in the text too: late records make the planner
        cut the log there.
    ahead : bool
        The expression is the *instant* of a later row (``lead(t) over ...``). The planner hides it
        until it has happened; an expression that looks ahead must never be anything else.
    """

    name: str
    table: str
    sql: str
    reach: int = 0
    ahead: bool = False


@dataclass(frozen=True)
class Lookup:
    """Columns of another table on each row, as they stood when the row happened.

    Of the rows of *source* that share *on* (and the customer, where *source* has one), the one that
    began last at or before the row counts, as far as it was recorded by then; where *source* says
    until when its rows hold, it must still hold. A value that became known only after the row is
    hidden until it is known.

    Attributes
    ----------
    table : str
        The rows that get the columns.
    source : str
        The table looked into, such as ``agents``.
    on : str
        A column of both, such as ``agent_id``; ``customer_id`` for the customer's own.
    columns : tuple of (str, str)
        Name of the new column, and the column of *source* it shows; its event is a column too.
    """

    table: str
    source: str
    on: str
    columns: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Match:
    """The instant, in seconds, of the nearest row of another table of the same customer.

    Attributes
    ----------
    name, table : str
        The column, and the rows that get it.
    other : str
        The table looked into, as known at the cutoff.
    instant : str
        What of the other row must lie near: ``t``, or an instant column such as ``resolved_at``.
    pick : {"first after", "last before"}
        Nearest at or after the row's event, or nearest before it.
    within : int
        Days at most between the two.
    where : str
        Which of the other rows count: a condition on their columns and flags. The row's own event is
        ``own_t``.
    on : str
        A column that both must share, such as ``issue_id``; empty: the customer is enough.
    """

    name: str
    table: str
    other: str
    instant: str
    pick: Literal["first after", "last before"]
    within: int
    where: str = ""
    on: str = ""


@dataclass(frozen=True)
class Norm:
    """The usual value of a row's channel or topic: the mean over all customers in the same weeks.

    The weeks are blocks of 28 days that end at the cutoff, so that it comes from before the cutoff
    only; blocks with fewer than five values have no norm.

    Attributes
    ----------
    name, table : str
        The column, and the rows that get it.
    sql : str
        A number made of columns of the table, such as ``wait_s``.
    by : str
        Whose norm: ``channel``, ``topic`` ...
    """

    name: str
    table: str
    sql: str
    by: str


@dataclass(frozen=True)
class Feature:
    """One aggregate of one table, in one or more windows.

    Attributes
    ----------
    name : str
        Stem of the column: ``wait_mean`` becomes ``wait_mean_30d``; with ``EVER`` it stays as it is.
    table : str
    sql : str
        One aggregate over the table as known at the cutoff.
    unit : Unit
        ``s``, ``h``, ``d`` are durations; ``share`` is a part of a whole, told in percent; ``times`` is how often the
        usual, so 1 is as usual; ``ratio`` is a plain number; ``text`` makes a category.
    row : str
        Rows of the factor map this measures, separated by spaces, such as ``"A1 D2"``.
    direction : Direction
        ``+`` raises churn, ``-`` lowers it, ``±`` unsure or not monotone.
    en, ko : str
        What it measures, as a noun phrase without its window.
    lookbacks : tuple of int
        Days; ``STANDARD`` for the lookbacks of the config, ``EVER`` for all history.
    empty : int or None
        The value where no row is in the window: 0 for counts, missing for all else.
    aloud : bool
        Whether a caller can say it to a customer. Scores and ratios never are; a sum that fades is not, either.
        Others of the factor are shown as its reason before it.
    kept : float or None
        The value that keeps a promise, where the feature is about one: what is worse counts against the company, however
        usual it is. None: a customer is compared with what is usual.
    """

    name: str
    table: str
    sql: str
    unit: Unit
    row: str
    direction: Direction
    en: str
    ko: str
    lookbacks: tuple[int, ...] = STANDARD
    empty: int | None = None
    aloud: bool = True
    kept: float | None = None


@dataclass(frozen=True)
class Derived:
    """A formula over finished columns; no table is read again.

    ``{w}`` in the text stands for a lookback and makes one column per window (``effort_{w}d``);
    ``{short}`` and ``{long}`` stand for 30 and 180 days, or the nearest lookbacks of the config, and
    make one column. A column of the formula that cannot be built takes the derived one with it.
    """

    name: str
    sql: str
    unit: Unit
    row: str
    direction: Direction
    en: str
    ko: str
    lookbacks: tuple[int, ...] = STANDARD
    aloud: bool = True


@dataclass(frozen=True)
class Treatment:
    """What of a factor is varied when it is asked whether it is a cause of leaving.

    Attributes
    ----------
    feature : str
        Stem of a feature of the factor, neither text nor days since something. It is taken in the window of
        the exposure, or as it stands when it has none: what it counts must then lie within the last weeks.
    any : bool
        The question is whether there was any, not how much.
    everyone : bool
        Who has no row in the table of the feature within the window counts as having had none. By default
        such customers are left out: never having been in contact is not good service.
    """

    feature: str
    any: bool = False
    everyone: bool = False


@dataclass(frozen=True)
class Factor:
    """An experience factor: what it is about, when in the story it happens, and its features.

    Attributes
    ----------
    kind : FactorKind
        ``lever``: the company can change it. ``outcome``: what service left behind, such as a score.
        ``context``: behaviour and plan, nobody can make it good. ``volume``: how often people contacted; no lever,
        and never called protective. ``column``: a column of a flat table, of which nobody said whether the company
        can change it. ``consequence``: a part of leaving itself, such as a cancel request. ``index``: sums up other
        factors for people. Models learn from neither of the last two: the one gives the answer away, the other
        would share out what belongs to its parts.
    family : Family
        People, process, product, price; ``other`` for what is not a service factor.
    tier : int
        When it happens: 0 customer before, 1 demand, 2 queue, 3 handling, 4 result, 5 feeling,
        6 leaving behaviour.
    says : str
        One sentence for the catalogue.
    optional : tuple of str
        What the factor can do without: a ``table.column``, which its texts then see as missing in every
        row, or the stem of a feature, which its formulas then see as missing. What was absent is said in
        the coverage, where the factor counts as measured in part.
    """

    name: str
    en: str
    ko: str
    kind: FactorKind
    family: Family
    tier: int
    says: str
    features: tuple[Feature, ...]
    flags: tuple[Flag, ...] = ()
    derived: tuple[Derived, ...] = field(default=())
    lookups: tuple[Lookup, ...] = ()
    matches: tuple[Match, ...] = ()
    norms: tuple[Norm, ...] = ()
    optional: tuple[str, ...] = ()
    treatment: Treatment | None = None
    after: tuple[str, ...] = ()

    @property
    def items(self) -> tuple[Feature | Derived, ...]:
        """The features and the formulas."""
        return (*self.features, *self.derived)


FIXED = "decimal(38,0)"
"""The type of sums in fixed point: the largest amount of money in steps of 2**-20 does not fit into 64 bits."""


def column_name(stem: str, lookback: int) -> str:
    """The column of a feature in one window; without window for all history.

    >>> column_name("wait_mean", 90), column_name("tenure_d", 0)
    ('wait_mean_90d', 'tenure_d')
    """
    return f"{stem}_{lookback}d" if lookback else stem


def _picked(value: str, where: str) -> str:
    return f"case when {where} then {value} end" if where else value


def wide(money: str) -> str:
    """A money with room for sums and products: the largest amounts of the contract fill their DECIMAL.

    >>> wide("revenue") + " + discount"
    'cast(revenue as decimal(28,4)) + discount'
    """
    return f"cast({money} as decimal(28,4))"


def count(where: str = "") -> str:
    """Rows, or rows for which *where* holds.

    >>> count("abandoned")
    'count(case when abandoned then 1 end)'
    """
    return f"count({_picked('1', where)})" if where else "count(*)"


def total(value: str, where: str = "") -> str:
    """Sum; missing where there is nothing to add."""
    return f"sum({_picked(value, where)})"


def mean(value: str, where: str = "") -> str:
    """Average, in double precision whatever the column's type."""
    return f"avg(cast({_picked(value, where)} as double))"


def worst(value: str, where: str = "") -> str:
    """Largest value."""
    return f"max({_picked(value, where)})"


def share(flag: str, of: str = "") -> str:
    """Share of rows with *flag* among the rows of *of* (where the flag is known), in [0, 1].

    >>> share("abandoned")
    'avg(case when (abandoned) then 1e0 when not (abandoned) then 0e0 end)'
    """
    known = f"case when ({flag}) then 1e0 when not ({flag}) then 0e0 end"
    return f"avg({known})" if not of else f"avg(case when {of} then {known} end)"


def so_far(length: str, running: str) -> str:
    """A wait by what is known of it: its *length* once it is over, its age where it is *running*; else missing.

    What is not over is known to have lasted its age at least. Left out, the longest waits would be those that nobody sees.

    >>> so_far("wait_s", "in_queue")
    'case when wait_s is not null then wait_s when in_queue then age end'
    """
    return f"case when {length} is not null then {length} when {running} then age end"


def quantile(value: str, q: float, where: str = "") -> str:
    """Exact quantile, interpolated."""
    return f"percentile_cont({q}) within group (order by {_picked(value, where)})"


def latest(value: str, where: str = "") -> str:
    """The value of the last row that has one."""
    has = f"{value} is not null" + (f" and {where}" if where else "")
    return f"max_by({value}, case when {has} then pos end)"


def current(value: str) -> str:
    """The value of the last contract that runs; where none does, of the last that has ended.

    A contract begun last need not be the one that counts: what is sold and taken back on one day leaves the contract
    before it running.
    """
    runs = "max(case when runs then 1 else 0 end) = 1"
    return f"case when {runs} then {latest(value, 'runs')} else {latest(value)} end"


def days_since(where: str = "") -> str:
    """Days from the last row (for which *where* holds) to the cutoff."""
    return f"min({_picked('age', where)}) / {DAY}e0"


def days_from(instant: str, where: str = "") -> str:
    """Days from the latest value of an instant column to the cutoff."""
    return f"min({_picked(f'c - {instant}', where)}) / {DAY}e0"


def faded(value: str, half_life: int) -> str:
    """Sum in which a row counts half after *half_life* days.

    In fixed point, so that the bytes do not depend on the order in which rows are added.
    """
    rate = f"{math.log(2) / (half_life * DAY):.15e}"
    return (
        f"cast(sum(cast(floor(({value}) * exp(-{rate} * age) * 1048576e0) as {FIXED})) as double) / 1048576e0"
    )
