"""Scores as of a cutoff, chunk by chunk of customers: memory depends on the chunk, not on the company."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from cxml import campaigns, drivers, labels, snapshots, store, telling
from cxml.config import Config
from cxml.decisions import call_plan, expected_profit, holdout_flag, list_order
from cxml.errors import ModelError
from cxml.features import matrix
from cxml.groups import DAYS, Groups
from cxml.models.bundle import Bundle
from cxml.splits import hash_share
from cxml.tables import Tables
from cxml.uplift import Persuasion, Proof

CHUNK = 50_000
"""Customers at a time."""
_NAMED = 5
"""Columns named in an error."""
_ASKED = 20_000
"""Customers whose survival curves are added up: enough for every segment that can be shown."""

Floats = NDArray[np.float64]
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
    proof : Proof or None
        What the contact log proves; None where none is configured.
    """

    rows: int
    population: snapshots.Population
    unseen: dict[str, int]
    proof: Proof | None = None


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
    Rows come in the order of the customer ids and do not depend on *chunk*. ``call_plan.json`` says how long the call
    list is and what it is expected to bring, ``groups.json`` who is hit. With a contact log that proves it, the list
    is ranked by uplift.

    Raises
    ------
    ModelError
        The data lack columns that the model was trained on, or hold too many unknown categories; own factor
        files, promises, population, currency or zone are not those of the training.
    """
    _same_terms(bundle, tables.config)
    _same_columns(bundle, tables)
    persuasion, proof = None, None
    if tables.config.decisions.contacts:
        persuasion, proof = campaigns.learn_from_log(tables, bundle, chunk)
    (population,) = snapshots.take(tables, [cutoff])
    population = replace(population, at_risk=labels.keep_untold(tables) or population.at_risk)
    unseen: dict[str, int] = {}
    groups = Groups(bundle.labels, bundle.info.get("evidence", {}).get("comparisons", {}))
    done = 0
    with ExitStack() as files:
        writers: list[store.TableWriter | store.CsvWriter] = []
        for frame in matrix.in_chunks(tables, chunk):
            scored = rows(bundle, frame, tables.config, persuasion)
            groups.add(frame, scored, _staying(bundle, frame, scored, _ASKED / population.at_risk))
            table = pa.Table.from_pandas(scored, preserve_index=False)
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
    run.write_json("groups.json", groups.as_json())
    first = _plan(run, tables.config, proof)
    if first:
        _tell(run, tables, first, cutoff, bundle.labels)
    return Scored(done, population, unseen, proof)


def _staying(bundle: Bundle, frame: pd.DataFrame, scored: pd.DataFrame, share: float) -> Floats | None:
    """Survival of about *share* of the customers at ``DAYS``, the same ones in any chunk; NaN for the others."""
    asked = hash_share(frame["customer_id"], 0) < share
    p = scored["churn_probability"].to_numpy(dtype=np.float64)[asked]
    curves = bundle.staying(frame[asked], p, DAYS)
    if curves is None:
        return None
    found = np.full((len(frame), len(DAYS)), np.nan)
    found[asked] = curves
    return found


def _plan(run: store.Run, config: Config, proof: Proof | None) -> list[str]:
    """Plan the call list of the scores that *run* holds; who stands at its top, as many as are to be told of.

    A few columns of the scores are read back, which are small beside a chunk of features.
    """
    path = run.path / "scores.parquet"
    names = ["customer_id", "churn_probability", "expected_value", "expected_profit", "holdout", "uplift"]
    scores = pq.read_table(path, columns=[n for n in names if n in pq.read_schema(path).names])
    ids = scores["customer_id"].to_pandas()
    column = {name: scores[name].to_numpy() for name in scores.column_names if name != "customer_id"}
    p, held = column["churn_probability"], column["holdout"]
    plan = call_plan(
        ids, p, column["expected_value"], config.decisions, holdout=held, uplift=column.get("uplift")
    )
    run.write_json("call_plan.json", {"plan": plan.to_dict(), "proof": proof and proof.to_dict()})
    order = list_order(ids, column["expected_profit"], p)
    first: list[str] = ids.iloc[order[~held[order]][: config.decisions.stories]].tolist()
    return first


def _tell(
    run: store.Run, tables: Tables, first: list[str], cutoff: datetime, said: Mapping[str, Any]
) -> None:
    """Tell the stories of the *first* customers of the list into ``stories.json``."""
    names = ["customer_id", "reason_1", "reason_2", "reason_3"]
    rows = pq.read_table(
        run.path / "scores.parquet", columns=names, filters=[("customer_id", "in", first)]
    ).to_pandas()
    customers = rows.set_index("customer_id").loc[first].reset_index()
    reaches = matrix.reaches(matrix.planned(tables))
    run.write_json("stories.json", telling.tell(tables, customers, cutoff, said, reaches))


def _same_terms(bundle: Bundle, config: Config) -> None:
    """Refuse features, customers or money other than those the model learned from."""
    now = matrix.terms(config)
    then = bundle.info.get("terms", now)
    changed = sorted(name for name in now.keys() | then.keys() if now.get(name) != then.get(name))
    if changed:
        raise ModelError(
            f"not as when the model was trained: {', '.join(changed)}", where="cxml.toml",
            expected="the promises, factor files, population, currency and zone of the training",
            fix="bring them back; or train again: a new model that beats its baselines becomes champion",
        )  # fmt: skip


def _same_columns(bundle: Bundle, tables: Tables) -> None:
    """Refuse tables that lost what features were made of, by the names in the tables rather than of the features."""
    built = {column.name for column in matrix.planned(tables).columns}
    then = bundle.info.get("columns", {})
    lost = [f"{t}.{c}" for t, names in then.items() for c in names if c not in tables.columns.get(t, ())]
    if lost and not built.issuperset(bundle.schema.columns):
        more = f" and {len(lost) - _NAMED} more" if len(lost) > _NAMED else ""
        raise ModelError(
            f"not there any more since the model was trained: {', '.join(lost[:_NAMED])}{more}", where="[tables]",
            expected="every column that features are made of",
            fix="bring them back (a column may have another name in a newer extract: map it), or train again",
        )  # fmt: skip


def rows(
    bundle: Bundle, frame: pd.DataFrame, config: Config, persuasion: Persuasion | None = None
) -> pd.DataFrame:
    """The rows of ``scores.parquet`` for the snapshots of *frame*: scores, drivers, reasons, decisions.

    With *persuasion* also ``uplift``, and the expected profit counts on it.
    """
    scored, contributions = bundle.explain(frame)
    keys = frame[["customer_id", "cutoff"]].reset_index(drop=True)
    reasons = drivers.reasons(contributions, frame, bundle.labels, ways=bundle.info.get("directions"))
    found = pd.concat([keys, scored.reset_index(drop=True), reasons.reset_index(drop=True)], axis=1)
    p = found["churn_probability"].to_numpy(dtype=np.float64)
    value = found["expected_value"].to_numpy(dtype=np.float64)
    rule = config.decisions
    found.insert(list(found).index("value_high") + 1, "value_at_risk", p * value)
    uplift = None
    if persuasion is not None:
        found["uplift"] = uplift = persuasion.uplift(campaigns.told(found), config.model.threads)
    costs = {"contact_cost": rule.contact_cost, "offer_cost": rule.offer_cost}
    found["expected_profit"] = expected_profit(p, value, save_rate=rule.save_rate, **costs, uplift=uplift)
    found["holdout"] = holdout_flag(found["customer_id"], rule.holdout)
    return found
