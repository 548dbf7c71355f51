"""Snapshots in the engine: a handle that is passed on, instead of a relation that everybody knows by name."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime
from types import TracebackType
from typing import Any

import pandas as pd
import pyarrow as pa

from cxml.engine import Engine
from cxml.snapshots.cutoffs import seconds


@dataclass(frozen=True)
class Population:
    """How many customers were at risk at a cutoff, how many not yet there, how many no longer."""

    cutoff: datetime
    at_risk: int
    new: int
    gone: int


@dataclass(frozen=True)
class Snapshots:
    """Customers at cutoffs, one row per customer and cutoff, kept in the engine until the handle is closed.

    SQL that is put through the handle can read them by these names; no other SQL can.

    ==============================================  ==========================================================
    ``snapshots(customer_id, ci, k, c, g)``          ``ci``: number of the customer; ``k``, ``c``: number and whole
                                                     second of the cutoff; ``g``: number of the snapshot
    ``customer_keys(customer_id, ci)``               their customers
    ``arrivals(ci, t)``                              the second of the first row about each customer
    ``cutoffs(k, c)``
    ==============================================  ==========================================================

    A handle is used in a ``with`` block: what it keeps is forgotten at its end. Handles made from it (``beside``,
    ``among``, ``where``, ``only``, ``back``) keep relations of their own and lean on it for the rest.

    Attributes
    ----------
    engine : Engine
    cutoffs : tuple of datetime
    populations : tuple of Population
        One per cutoff; of everybody, also where the handle holds a part of them.
    """

    engine: Engine
    cutoffs: tuple[datetime, ...] = ()
    populations: tuple[Population, ...] = ()
    _relations: Mapping[str, str] = field(default_factory=dict)
    _own: tuple[str, ...] = ()

    @classmethod
    def of(cls, engine: Engine, customers: Sequence[str], cutoff: datetime) -> Snapshots:
        """These customers at one cutoff; ``ci`` and ``g`` are their places in *customers*."""
        given = engine.fresh("given_customers")
        places = pa.array(range(len(customers)), pa.int64())
        engine.register(given, pa.table({"customer_id": pa.array(customers, pa.string()), "g": places}))
        row = f"cast(g as int) as ci, 0 as k, cast({seconds(cutoff)} as bigint) as c, g"
        none = cls(engine, (cutoff,))
        return none.among(f"select customer_id, {row} from {given}")

    def bound(self, select: str) -> str:
        """*select* with the names of the relations standing for those of this handle."""
        names = ", ".join(
            f"{name} as not materialized (select * from {kept})" for name, kept in self._relations.items()
        )
        return f"with {names} {select}" if names else select

    def rows(self, select: str) -> list[tuple[Any, ...]]:
        """The result as tuples; for small results."""
        return self.engine.rows(self.bound(select))

    def row(self, select: str) -> dict[str, Any]:
        """The only row of a result, by column name."""
        return self.engine.row(self.bound(select))

    def arrow(self, select: str) -> pa.Table:
        """The whole result as an Arrow table."""
        return self.engine.arrow(self.bound(select))

    def keep(self, name: str, select: str) -> None:
        """Compute *select* once and keep it as the relation *name*, which outlives the handle."""
        self.engine.keep(name, self.bound(select))

    @contextmanager
    def kept(self, stem: str, select: str) -> Iterator[str]:
        """*select* as a relation with a name of its own, forgotten at the end of the block."""
        name = self.engine.fresh(stem)
        self.keep(name, select)
        try:
            yield name
        finally:
            self.engine.drop(name)

    def extended(self, **selects: str) -> Snapshots:
        """The handle with these relations on top, computed in the order given; to be closed in place of the old one."""
        made = self
        for name, select in selects.items():
            kept = self.engine.fresh(name)
            made.keep(kept, select)
            made = replace(made, _relations={**made._relations, name: kept}, _own=(*made._own, kept))
        return made

    def beside(self, **selects: str) -> Snapshots:
        """A handle that leans on this one, with relations of its own, also instead of those of the same name."""
        made = self.extended(**selects)
        return replace(made, _own=made._own[len(self._own) :])

    def among(self, select: str) -> Snapshots:
        """A handle on the snapshots of *select* and their customers; it may read ``snapshots``."""
        return self.beside(snapshots=select, customer_keys="select distinct customer_id, ci from snapshots")

    def where(self, condition: str) -> Snapshots:
        """A handle on the snapshots, ``s``, for which *condition* holds."""
        return self.among(f"select * from snapshots s where {condition}")

    def only(self, customers: Iterable[str]) -> Snapshots:
        """A handle on the snapshots of these customers."""
        given = self.engine.fresh("given_customers")
        self.engine.register(given, pa.table({"customer_id": pa.array(sorted(set(customers)), pa.string())}))
        return self.among(f"select s.* from snapshots s join {given} using (customer_id)")

    def back(self, seconds: int) -> Snapshots:
        """A handle on the same customers that many *seconds* before each cutoff, as when an exposure window began."""
        return self.beside(snapshots=f"select customer_id, ci, k, c - {seconds} as c, g from snapshots")

    def __len__(self) -> int:
        return int(self.rows("select count(*) from snapshots")[0][0])

    def close(self) -> None:
        """Forget what this handle keeps."""
        for name in self._own:
            self.engine.drop(name)

    def __enter__(self) -> Snapshots:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def frame_of(engine: Engine, select: str) -> pd.DataFrame:
    """Rows with ``customer_id`` and ``cutoff`` (whole seconds) as a frame: ordered by both, cutoffs as instants in UTC."""
    frame: pd.DataFrame = engine.arrow(f"select * from ({select}) r order by customer_id, cutoff").to_pandas()
    frame["cutoff"] = pd.to_datetime(frame["cutoff"], unit="s", utc=True).dt.as_unit("us")
    return frame
