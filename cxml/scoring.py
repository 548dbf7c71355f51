"""Scores as of a cutoff, chunk by chunk of customers: memory depends on the chunk, not on the company."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, replace
from datetime import datetime

import numpy as np
import pandas as pd
import pyarrow as pa

from cxml import drivers, labels, snapshots, store
from cxml.config import Config
from cxml.decisions import expected_profit, holdout_flag
from cxml.errors import ModelError
from cxml.features import matrix, planner
from cxml.models.bundle import Bundle
from cxml.tables import Tables

CHUNK = 50_000
"""Customers at a time."""

Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class Scored:
    """What a scoring run wrote.

    Attributes
    ----------
    rows : int
        Snapshots scored.
    population : snapshots.Population
        Who was at risk, who not yet there, who no longer.
    unseen : dict of str to int
        Column -> rows whose category the model had never seen (scored as missing).
    """

    rows: int
    population: snapshots.Population
    unseen: dict[str, int]


def score(
    tables: Tables,
    bundle: Bundle,
    cutoff: datetime,
    run: store.Run,
    *,
    csv: bool = False,
    chunk: int = CHUNK,
    progress: Progress = lambda done, everyone: None,
) -> Scored:
    """Score everybody at risk at *cutoff* into ``scores.parquet`` (and ``scores.csv``) of *run*.

    Beside a ready label, those whose label is missing are scored, or everybody where nobody's is.
    Rows come in the order of the customer ids and do not depend on *chunk*.

    Raises
    ------
    ModelError
        The data lack columns that the model was trained on, or hold too many unknown categories; own factor
        files or promises are not those of the training.
    """
    _same_declarations(bundle, tables.config)
    (population,) = snapshots.take(tables, [cutoff])
    population = replace(population, at_risk=labels.keep_untold(tables) or population.at_risk)
    unseen: dict[str, int] = {}
    done = 0
    with ExitStack() as files:
        writers: list[store.TableWriter | store.CsvWriter] = []
        for frame in _chunks(tables, chunk):
            table = pa.Table.from_pandas(rows(bundle, frame, tables.config), preserve_index=False)
            for name, n in bundle.schema.unseen(frame).items():
                unseen[name] = unseen.get(name, 0) + n
            if not writers:
                writers.append(files.enter_context(run.table_writer("scores.parquet", table.schema)))
                if csv:
                    writers.append(files.enter_context(run.csv_writer("scores.csv", table.schema)))
            for writer in writers:
                writer.write(table)
            done += len(frame)
            progress(done, population.at_risk)
    bundle.refuse_unseen(unseen, done)
    return Scored(done, population, unseen)


def _same_declarations(bundle: Bundle, config: Config) -> None:
    """Refuse features that mean something else than those the model learned from."""
    now = matrix.declared(config)
    then = bundle.info.get("declared", now)
    changed = sorted(name for name in now.keys() | then.keys() if now.get(name) != then.get(name))
    if changed:
        raise ModelError(
            f"declared otherwise than when the model was trained: {', '.join(changed)}", where="cxml.toml",
            expected="the promises and factor files of the training", fix="train again, or bring them back",
        )  # fmt: skip


def rows(bundle: Bundle, frame: pd.DataFrame, config: Config) -> pd.DataFrame:
    """The rows of ``scores.parquet`` for the snapshots of *frame*: scores, drivers, reasons, decisions."""
    scored, contributions = bundle.explain(frame)
    keys = frame[["customer_id", "cutoff"]].reset_index(drop=True)
    reasons = drivers.reasons(contributions, frame, bundle.labels)
    found = pd.concat([keys, scored.reset_index(drop=True), reasons.reset_index(drop=True)], axis=1)
    p = found["churn_probability"].to_numpy(dtype=np.float64)
    value = found["expected_value"].to_numpy(dtype=np.float64)
    rule = config.decisions
    found.insert(list(found).index("value_high") + 1, "value_at_risk", p * value)
    found["expected_profit"] = expected_profit(
        p, value, save_rate=rule.save_rate, contact_cost=rule.contact_cost, offer_cost=rule.offer_cost
    )
    found["holdout"] = holdout_flag(found["customer_id"], rule.holdout)
    return found


def _chunks(tables: Tables, chunk: int) -> Iterator[pd.DataFrame]:
    """The feature matrix of *chunk* customers at a time."""
    plan = matrix.planned(tables)
    planner.prepare(tables.engine, plan)
    everyone = snapshots.set_aside(tables.engine)
    for start in range(0, everyone, chunk):
        snapshots.narrow(tables.engine, start, start + chunk)
        planner.run_chunk(tables.engine, plan)
        yield matrix.read(tables)
