"""The feature matrix: of some snapshots at once, or of many chunk by chunk."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import NDArray

from cxml.features import planner
from cxml.features.planner import MatrixPlan
from cxml.snapshots.handle import Snapshots, frame_of


def build_features(snapshots: Snapshots, plan: MatrixPlan) -> pd.DataFrame:
    """The features of *snapshots*: ``customer_id``, ``cutoff`` (UTC) and the columns of the plan, ordered by both."""
    with planner.built(snapshots, plan) as relation:
        return frame_of(snapshots.engine, f"select * from {relation}")


class Chunks:
    """The feature matrix of snapshots at one cutoff, *chunk* of them at a time, ordered by customer.

    What features need to know of everybody is computed once, when this is made.
    """

    def __init__(self, snapshots: Snapshots, plan: MatrixPlan, chunk: int) -> None:
        planner.prepare(snapshots, plan)
        place = "row_number() over (order by customer_id, k) - 1 as place"
        self._snapshots = snapshots.beside(everyone=f"select *, {place} from snapshots")
        self._plan, self._chunk, self._everyone = plan, chunk, len(snapshots)
        self._whole: pd.DataFrame | None = None

    def __iter__(self) -> Iterator[pd.DataFrame]:
        if self._whole is not None:
            yield self._whole
            return
        for stretch in self._stretches():
            yield self._made(f"select customer_id, ci, k, c, g from everyone where {stretch}")

    def sample(self, drawn: Callable[[Sequence[str]], NDArray[np.bool_]]) -> pd.DataFrame:
        """The matrix of the snapshots that are *drawn* by their customers' ids.

        Where that is everybody in one chunk, it is kept and not computed again.
        """
        engine = self._snapshots.engine
        ids = "select customer_id from everyone where {} order by place"
        asked = [self._snapshots.rows(ids.format(stretch)) for stretch in self._stretches()]
        chosen = [drawn([str(row[0]) for row in rows]) for rows in asked]
        everyone = np.concatenate(chosen)
        places = engine.fresh("drawn_places")
        engine.register(places, pa.table({"place": pa.array(np.flatnonzero(everyone), pa.int64())}))
        found = self._made(f"select customer_id, ci, k, c, g from everyone join {places} using (place)")
        if len(chosen) == 1 and everyone.all():
            self._whole = found
        return found

    def close(self) -> None:
        """Forget what was computed of everybody."""
        planner.forget(self._snapshots, self._plan)
        self._snapshots.close()

    def _stretches(self) -> list[str]:
        """The chunks as conditions on ``place``."""
        return [
            f"place >= {start} and place < {start + self._chunk}"
            for start in range(0, self._everyone, self._chunk)
        ]

    def _made(self, select: str) -> pd.DataFrame:
        with self._snapshots.among(select) as some, planner.built_chunk(some, self._plan) as relation:
            return frame_of(some.engine, f"select * from {relation}")
