"""The oracle: what a factor's features should say, in plain Python, against what the planner says.

A test of a factor is a table of functions, one per feature, written from the feature's *sentence*
(never from its SQL), and one call::

    from oracle import DAY, check, col, mean, since
    from cxml.features.visits import VISITS

    ORACLE = {
        "visit_late_share": lambda w, k, c: share([late(r) for r in w if late(r) is not None]),
        "visit_days_since": lambda w, k, c: since(w, c),
    }
    FORMULAS = {  # of Derived only: the case and the lookback in days
        "visits_per_order": lambda x, w: per(len(x.window("visits", w)), len(x.window("orders", w))),
    }

    def test_visits_are_what_they_say() -> None:
        check(VISITS, ORACLE, FORMULAS)

``check`` makes small nasty companies of all the tables that the factor reads (``company.py``: every
column of the contract, nulls, ties, boundaries, late values, versions, customers without rows), lets the
planner answer at two cutoffs, and compares every column with the oracle: 30 customers x 2 cutoffs x 6
companies, half of them with ``recorded_at``, are 360 histories a factor. Then it sees to it that every column moves,
that no column is left out, and that nothing that was not known at a cutoff changes a bit.

An oracle function gets

``w``  the rows of the feature's table in its window, as known at the cutoff, in order of time
``k``  all known rows of that table of that customer, window or not, in order; ``r["n"]`` numbers them
``c``  the cutoff in seconds
``x``  (only if the function has a fourth parameter) the whole ``Case``: ``x.rows(table)`` and ``x.window(table,
       days)`` are known rows of another table of the same customer, ``x.everyone(table)`` those of all customers;
       ``x.lookup(row, source, on)``, ``x.first_after(...)``, ``x.last_before(...)`` and ``x.norm(...)`` are what
       ``Lookup``, ``Match`` and ``Norm`` say; ``x.of(stem, days)`` is the oracle's value of another feature.

A row is a dict: the columns of the contract, ``t`` (event, seconds), ``id``; instants are whole seconds, and what
was not known before the cutoff is None. ``promised(row)`` is the promise of a contact's channel.

If a formula needs the columns of another factor, name that factor: ``check(F, ..., beside=(BEHAVIOUR,))``. Sums with a
half-life are kept in steps of 2**-20 a row: name their stems in ``loose``. Vocabularies are in ``company.py``, what was
known when in ``clerk.py``.
"""

from __future__ import annotations

import inspect
import math
import random
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from functools import cache
from typing import Any

import pandas as pd
import pyarrow as pa
from clerk import hidden, identity, known, masked
from company import CUSTOMERS, CUTOFFS, DAY, HOUR, ZONE, Row, Tables, company, scrambled
from hypothesis import Phase, given, settings, strategies as st

from cxml.contracts import TABLES
from cxml.engine import Engine
from cxml.factors.declare import Factor
from cxml.features import planner
from cxml.snapshots.handle import Snapshots

Function = Callable[..., Any]

RESOLVED_WITHIN = 44 * HOUR
PROMISES = {
    "phone": 300,
    "chat": 300,
    "web": 300,
    "app": 300,
    "portal": 300,
    "social": HOUR,
    "sms": HOUR,
    "email": HOUR,
    "*": 44 * HOUR,
}


# ---------------------------------------------------------------- small words of the oracle


def col(rows: list[Row], name: str) -> list[Any]:
    return [r[name] for r in rows if r[name] is not None]


def mean(values: list[Any]) -> float | None:
    return math.fsum(values) / len(values) if values else None


def share(values: list[bool]) -> float | None:
    return mean([float(v) for v in values])


def told(values: Iterable[Any]) -> list[Any]:
    """Those that are not None."""
    return [v for v in values if v is not None]


def biggest(values: list[Any]) -> Any:
    return max(values, default=None)


def smallest(values: list[Any]) -> Any:
    return min(values, default=None)


def last(rows: list[Row], value: Callable[[Row], Any]) -> Any:
    return next((value(r) for r in reversed(rows) if value(r) is not None), None)


def current(rows: list[Row]) -> list[Row]:
    """The contracts that have no end yet; all, where every one has ended."""
    return [r for r in rows if r["ended_at"] is None] or rows


def first(rows: list[Row], value: Callable[[Row], Any]) -> Any:
    return last(rows[::-1], value)


def total(values: list[Any]) -> float | None:
    return math.fsum(values) if values else None


def n(values: Iterable[Any]) -> int:
    return sum(bool(v) for v in values)


def since(rows: list[Row], c: int) -> float | None:
    return (c - max(r["t"] for r in rows)) / DAY if rows else None


def per(a: float | None, b: float | None) -> float | None:
    return a / b if a is not None and b else None


def difference(a: float | None, b: float | None) -> float | None:
    return None if a is None or b is None else a - b


def number(flag: bool | None) -> int | None:
    return None if flag is None else int(flag)


def halved(age_s: float, days: float) -> float:
    """The weight of what happened *age_s* seconds before the cutoff."""
    return 0.5 ** (age_s / (days * DAY))


def off_hours(t: int) -> bool:
    there = datetime.fromtimestamp(t, ZONE)
    return there.weekday() >= 5 or not 9 <= there.hour < 18


def weekend(t: int) -> bool:
    return datetime.fromtimestamp(t, ZONE).weekday() >= 5


def promised(row: Row) -> int | None:
    """Seconds within which the channel of a contact promises an answer."""
    if row["channel"] is None:
        return None
    return PROMISES.get(row["channel"].split(".")[0], PROMISES["*"])


def bad(r: Row) -> bool:
    """A contact that was given up, or that waited for more than ten minutes."""
    return bool(r["abandoned"]) or (r["wait_s"] or 0) > 600


def machine(r: Row) -> bool:
    """A contact with a bot or a voice menu."""
    return r["channel"] is not None and ("bot" in r["channel"] or r["channel"] == "phone.ivr")


def day_of(row: Row) -> date:
    return datetime.fromtimestamp(row["t"], ZONE).date()


def kept_spend(rows: list[Row]) -> dict[date, float]:
    """Per day with an amount, what the orders that were not cancelled brought, credit notes deducted."""
    found: dict[date, float] = {}
    for r in rows:
        if r["cancelled_at"] is None and r["revenue"] is not None:
            found[day_of(r)] = round(found.get(day_of(r), 0.0) + r["revenue"], 2)
    return found


def bought(rows: list[Row], known: list[Row]) -> list[Row]:
    """The purchases among *rows*: not cancelled, with money above 0 on a day with spend above 0, or with no amount."""
    spend = kept_spend(known)
    return [
        r
        for r in rows
        if r["cancelled_at"] is None and (r["revenue"] is None or (r["revenue"] > 0 and spend[day_of(r)] > 0))
    ]


def credit(row: Row, column: str = "revenue") -> bool:
    return row[column] is not None and row[column] < 0


def called_off(r: Row) -> bool:
    """A visit that the customer cancelled, or that was moved before its window was over."""
    moved = (
        r["rescheduled_at"] is not None
        and r["window_end"] is not None
        and r["rescheduled_at"] <= r["window_end"]
    )
    return bool(r["cancelled_by_customer"]) or moved


# ---------------------------------------------------------------- neighbours among the rows of one table


def same(row: Row, rows: list[Row], *keys: str) -> list[Row]:
    """The rows that share what *row* has in *keys*; nothing is shared by what is missing."""
    if any(row[key] is None for key in keys):
        return []
    return [r for r in rows if all(r[key] == row[key] for key in keys)]


def before(row: Row, rows: list[Row], *keys: str) -> Row | None:
    return next((r for r in reversed(same(row, rows, *keys)) if r["n"] < row["n"]), None)


def after(row: Row, rows: list[Row], *keys: str) -> Row | None:
    return next((r for r in same(row, rows, *keys) if r["n"] > row["n"]), None)


def upto(row: Row, rows: list[Row], days: int, key: str) -> list[Row]:
    """The rows that share *key*, from *days* days earlier to the row's own instant."""
    return [r for r in same(row, rows, key) if row["t"] - days * DAY <= r["t"] <= row["t"]]


def gap(row: Row, rows: list[Row], key: str, days: int) -> int | None:
    """Seconds since the row before with the same *key*, if at most *days* days."""
    earlier = before(row, rows, key)
    return row["t"] - earlier["t"] if earlier and row["t"] - earlier["t"] <= days * DAY else None


# ---------------------------------------------------------------- one customer at one cutoff


@dataclass
class Scene:
    """All tables at one cutoff."""

    raw: Tables
    c: int
    oracle: Mapping[str, Function]
    table_of: Mapping[str, str]
    seen: dict[tuple[str, str], list[Row]] = field(default_factory=dict)
    norms: dict[Any, dict[Any, float]] = field(default_factory=dict)

    def rows(self, table: str, owner: str) -> list[Row]:
        if (table, "") not in self.seen:
            self.seen[table, ""] = known(table, self.raw[table], self.c)
            of_owner: dict[str, list[Row]] = {}
            for row in self.raw[table]:
                of_owner.setdefault(row[TABLES[table].owner], []).append(row)
            for name, own in of_owner.items():
                self.seen[table, name] = known(table, own, self.c)
        return self.seen.get((table, owner), [])


@dataclass
class Case:
    """One customer at one cutoff."""

    customer: str
    scene: Scene

    @property
    def c(self) -> int:
        return self.scene.c

    def rows(self, table: str) -> list[Row]:
        """The known rows of the customer."""
        return self.scene.rows(table, self.customer)

    def window(self, table: str, days: int) -> list[Row]:
        """The known rows of the customer in the window; of all history if *days* is 0."""
        return [r for r in self.rows(table) if not days or r["t"] >= self.c - days * DAY]

    def everyone(self, table: str) -> list[Row]:
        """The known rows of all customers (of all agents)."""
        self.scene.rows(table, "")
        return self.scene.seen[table, ""]

    def of(self, stem: str, days: int = 0) -> Any:
        """The value of a feature in a window of *days*; 0: of all history."""
        function, table = self.scene.oracle[stem], self.scene.table_of[stem]
        found = self.window(table, days), self.rows(table), self.c
        return function(*found, self) if takes_case(function) else function(*found)

    def lookup(self, row: Row, source: str, on: str, *columns: str) -> Row | None:
        """Of the rows of *source* with the same *on* that held when *row* happened, the one that began last.

        As it was written by then; what became known only later is None until it is known. Of rows that began
        together the one that was written last counts, or, where nothing says when they were written, the one with
        the greatest values in *columns* (name them where such ties happen).
        """
        contract = TABLES[source]
        key = "id" if on == contract.id else on
        by_then: dict[Any, Row] = {}
        for r in sorted(self.scene.raw[source], key=lambda r: r.get("recorded_at") or 0):
            mine = contract.owner != "customer_id" or r["customer_id"] == row["customer_id"]
            if mine and max(r["t"], r.get("recorded_at") or 0) <= row["t"]:
                by_then[identity(source, r)] = r
        there = [r for r in by_then.values() if row[on] is not None and r[key] == row[on]]
        held = [r for r in there if r.get("valid_to") is None or r["valid_to"] > row["t"]]
        found = max(held, key=lambda r: (r["t"], *_written(r, columns)), default=None)
        return found and masked(source, found, self.c)

    def first_after(self, row: Row, table: str, days: int, where: Function, **more: str) -> int | None:
        """The first instant at or after *row* of another table's rows, within *days* days.

        *more*: ``instant`` (default ``t``) and ``on``, a column that both must share.
        """
        return smallest([i for i in self._near(row, table, where, **more) if 0 <= i - row["t"] <= days * DAY])

    def last_before(self, row: Row, table: str, days: int, where: Function, **more: str) -> int | None:
        """The last instant before *row* of another table's rows, within *days* days."""
        return biggest([i for i in self._near(row, table, where, **more) if 0 < row["t"] - i <= days * DAY])

    def _near(self, row: Row, table: str, where: Function, instant: str = "t", on: str = "") -> list[int]:
        others = self.rows(table)
        if on:
            key = "id" if on == TABLES[table].id else on
            others = [r for r in others if row[on] is not None and r[key] == row[on]]
        return [r[instant] for r in others if r[instant] is not None and where(r)]

    def norm(self, row: Row, table: str, value: Callable[[Row], float | None], by: str) -> float | None:
        """The mean of *value* over everyone's rows with the same *by* in the same 28 days before the cutoff.

        Missing where fewer than five rows have a value. *value*: a function with a name of its own, since the
        norms are kept by it.
        """
        name = (table, by, value)
        if name not in self.scene.norms:
            groups: dict[Any, list[float]] = {}
            for r in self.everyone(table):
                if r[by] is not None and value(r) is not None:
                    groups.setdefault((self._block(r), r[by]), []).append(value(r))  # type: ignore[arg-type]
            self.scene.norms[name] = {key: math.fsum(v) / len(v) for key, v in groups.items() if len(v) >= 5}
        return self.scene.norms[name].get((self._block(row), row[by]))

    def _block(self, row: Row) -> int:
        """0 for [cutoff - 28 days, cutoff), 1 for the 28 days before, and so on."""
        return (self.c - row["t"] - 1) // (28 * DAY)


def _written(row: Row, columns: tuple[str, ...]) -> tuple[Any, ...]:
    if "recorded_at" in row:
        return max(row["t"], row["recorded_at"] or 0), row["id"]
    return tuple((row[name] is not None, row[name]) for name in columns)


@cache
def takes_case(function: Function) -> bool:
    return len(inspect.signature(function).parameters) > 3


# ---------------------------------------------------------------- the planner's answer

ARROW = {
    "instant": pa.timestamp("s"),
    "flag": pa.bool_(),
    "count": pa.int64(),
    "number": pa.float64(),
    "money": pa.float64(),
    "text": pa.string(),
}


def arrow(table: str, rows: list[Row]) -> pa.Table:
    contract = TABLES[table]
    names = {key: {"id": contract.id, "t": contract.event}.get(key, key) for key in rows[0]}
    kinds = {names[key]: ARROW[contract.by_name[names[key]].kind] for key in names}
    return pa.table({names[key]: pa.array([r[key] for r in rows], kinds[names[key]]) for key in names})


def beside(table: str) -> str:
    """The columns that say that no instant of the table is a day without a time."""
    days = ["day_only", *(f"day_only_{name}" for name in TABLES[table].spans.values())]
    return ", ".join(f"false as {name}" for name in days)


def answer(
    tables: Tables, cutoffs: tuple[int, ...], factors: Iterable[Factor], threads: int = 1
) -> tuple[planner.MatrixPlan, pd.DataFrame]:
    """What the planner makes of the tables: the plan and the matrix."""
    engine = Engine(threads=threads, zone=ZONE.key)
    sources = {table: arrow(table, rows) for table, rows in tables.items() if rows}
    for table, source in sources.items():
        engine.register(f"raw_{table}", source)
        engine.view(table, f"select *, {beside(table)}, row_number() over () as cxml_order from raw_{table}")
    keys = ", ".join(f"('{name}', {k})" for k, name in enumerate(CUSTOMERS))
    instants = ", ".join(f"({k}, {c})" for k, c in enumerate(cutoffs))
    snapshots = Snapshots(engine).extended(
        customer_keys=f"select * from (values {keys}) v(customer_id, ci)",
        snapshots=f"select customer_id, ci, k, cast(c as bigint) as c, ci * {len(cutoffs)} + k as g"
        f" from customer_keys cross join (values {instants}) v(k, c)",
    )
    present = {table: frozenset(source.column_names) for table, source in sources.items()}
    planned = planner.plan(present, tuple(factors))
    with planner.built(snapshots, planned) as relation:
        return planned, engine.arrow(f"select * from {relation} order by cutoff, customer_id").to_pandas()


def agree(got: Any, want: Any, tolerance: float) -> bool:
    if want is None or got is None or (isinstance(got, float) and math.isnan(got)):
        return want is None and (got is None or (isinstance(got, float) and math.isnan(got)))
    if isinstance(want, (str, int)):
        return got == want
    return math.isclose(got, want, rel_tol=1e-6, abs_tol=tolerance)


# ---------------------------------------------------------------- the comparison


def tables_of(factors: Iterable[Factor]) -> tuple[str, ...]:
    """The tables that the factors read."""
    found: set[str] = set()
    for factor in factors:
        found |= {item.table for item in (*factor.features, *factor.flags)}
        found |= {item.source for item in factor.lookups} | {item.other for item in factor.matches}
    return tuple(sorted(found))


def check(
    factor: Factor,
    oracle: Mapping[str, Function],
    formulas: Mapping[str, Function] | None = None,
    *,
    beside: tuple[Factor, ...] = (),
    loose: Iterable[str] = (),
) -> None:
    """Every column of *factor* is what its sentence says, moves, and knows nothing of the future."""
    formulas = formulas or {}
    assert set(oracle) >= {f.name for f in factor.features}, "features without an oracle"
    assert set(formulas) == {d.name for d in factor.derived}, "formulas and their oracle differ"
    table_of = {f.name: f.table for each in (factor, *beside) for f in each.features}
    assert set(oracle) <= set(table_of), "an oracle of no feature"
    factors = (factor, *beside)
    wanted = tables_of(factors)
    frames: list[pd.DataFrame] = []

    def compare(seed: int, versions: bool) -> None:
        tables = company(seed, versions, wanted)
        planned, frame = answer(tables, CUTOFFS, factors)
        own = [column for column in planned.columns if column.factor == factor.name]
        assert not {name for name in planned.left_out if name in {*oracle, *formulas}}, planned.left_out
        frames.append(frame[[column.name for column in own]])
        scenes = {c: Scene(tables, c, oracle, table_of) for c in CUTOFFS}
        wrong: dict[str, tuple[Any, Any, str]] = {}
        for got in frame.to_dict("records"):
            case = Case(got["customer_id"], scenes[got["cutoff"]])
            for column in own:
                stem = column.feature.name
                want = (
                    formulas[stem](case, column.lookback)
                    if stem in formulas
                    else case.of(stem, column.lookback)
                )
                if not agree(got[column.name], want, 1e-4 if stem in loose else 1e-6):
                    wrong.setdefault(column.name, (got[column.name], want, f"{case.customer} at {case.c}"))
        assert not wrong, f"planner, oracle, where (seed {seed}, versions {versions}): {wrong}"

    _for_seeds(3, compare)
    _moves(frames, factors)
    _for_seeds(1, lambda seed, versions: _no_future(factors, wanted, seed, versions))


def _for_seeds(examples: int, run: Callable[[int, bool], None]) -> None:
    """Run with so many seeds, each time without and with ``recorded_at``. A seed does not shrink."""

    @settings(max_examples=examples, deadline=None, phases=[Phase.explicit, Phase.generate])
    @given(seed=st.integers(0, 2**32 - 1))
    def plain(seed: int) -> None:
        run(seed, False)

    @settings(max_examples=examples, deadline=None, phases=[Phase.explicit, Phase.generate])
    @given(seed=st.integers(0, 2**32 - 1))
    def versioned(seed: int) -> None:
        run(seed, True)

    plain()
    versioned()


def _moves(frames: list[pd.DataFrame], factors: tuple[Factor, ...]) -> None:
    """Every column takes different values somewhere; one that moves in every fifth company needs some more."""
    for seed in range(1, 41):
        values = pd.concat(frames).nunique()
        still = list(values[values < 2].index)
        if not still:
            return
        frames.append(
            answer(company(seed, versions=False, wanted=tables_of(factors)), CUTOFFS, factors)[1][still]
        )
    raise AssertionError(f"the company does not move {still}")


def _no_future(factors: tuple[Factor, ...], wanted: tuple[str, ...], seed: int, versions: bool) -> None:
    """What was not known at a cutoff changes no bit of it; at the next cutoff it does."""
    tables = company(seed, versions, wanted)
    r = random.Random(seed)
    other = {table: scrambled(r, table, rows, CUTOFFS[0], hidden) for table, rows in tables.items()}
    plain = answer(tables, CUTOFFS[:1], factors)[1]
    shaken = answer(other, CUTOFFS[:1], factors, threads=2)[1]
    pd.testing.assert_frame_equal(plain, shaken, check_exact=True)
    later = answer(tables, CUTOFFS[1:], factors)[1].iloc[:, 2:]
    assert not later.equals(answer(other, CUTOFFS[1:], factors)[1].iloc[:, 2:]), "the scrambling does nothing"
