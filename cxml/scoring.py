"""Scores as of a cutoff, chunk by chunk of customers: memory depends on the chunk, not on the company."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, closing
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from cxml.config.load import Config
from cxml.contracts import attribute_name
from cxml.decisions import contact_log
from cxml.decisions.call_plan import call_plan, expected_profit, holdout_flag, list_order
from cxml.decisions.uplift import Persuasion, Proof
from cxml.drivers import hits, spoken_reasons, stories
from cxml.drivers.hits import Usual
from cxml.drivers.segments import DAYS, Segments
from cxml.errors import ModelError
from cxml.factors.profile import COLUMN
from cxml.features import matrix
from cxml.features.company import plan_features, terms
from cxml.features.planner import MatrixPlan
from cxml.models.bundle import Bundle
from cxml.models.schema import Strange
from cxml.sampling import hash_share
from cxml.snapshots import population
from cxml.snapshots.handle import Population
from cxml.store import writer
from cxml.tables import emptied_columns
from cxml.tables.opening import Tables, fingerprint
from cxml.tables.problems import counted

CHUNK = 50_000
"""Customers at a time."""
_NAMED = 5
"""Columns named in an error."""
_ENOUGH = 0.5
"""Share of the customers of the training below which it is told that usual values come from few."""
_HOW_KNOWN = frozenset({"recorded_at", "version"})
"""Columns that say from when a row counts: they do so also where the training had none."""
_USUAL_OF = 5_000
"""Customers from whom it is taken what is usual."""
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
    population : Population
        Who was at risk, who not yet there, who no longer.
    unseen : dict of str to int
        Column -> rows whose category the model had never seen (scored as missing).
    notes : tuple of str
        What is not as it was in training, for people.
    proof : Proof or None
        What the contact log proves; None where none is configured.
    level_error : float or None
        The standard deviation of the level of leaving at the cutoff (log-odds); None where it was not followed.
    in_sample : int
        Rows scored whose label the model learned from.
    """

    rows: int
    population: Population
    unseen: dict[str, int]
    notes: tuple[str, ...] = ()
    proof: Proof | None = None
    level_error: float | None = None
    in_sample: int = 0


def score(
    tables: Tables,
    bundle: Bundle,
    cutoff: datetime,
    run: writer.Run,
    *,
    csv: bool = False,
    chunk: int = CHUNK,
    progress: Progress = lambda done, everyone: None,
) -> Scored:
    """Score everybody at risk at *cutoff* into ``scores.parquet`` (and ``scores.csv``) of *run*.

    Beside a ready label, those whose label is missing are scored, or where nobody's is, those who stayed.
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
    bundle = bundle.at(cutoff)
    tables = _as_trained(bundle, tables)
    features = plan_features(tables)
    plan = features.matrix()
    persuasion, proof = (
        contact_log.learn_from_log(features, bundle, chunk) if tables.contacts else (None, None)
    )
    with population.take(tables, [cutoff]) as everybody:
        snapshots, there = population.still_there(tables, everybody)
        (people,) = everybody.populations
        if there.kept:
            people = replace(people, at_risk=there.kept, gone=there.left)
        with closing(matrix.Chunks(snapshots, plan, chunk)) as chunks:
            done, strange, groups = _write(
                run, bundle, chunks, people, tables.config, persuasion, csv=csv, progress=progress
            )
    bundle.refuse_strange(strange, done)
    run.write_json("groups.json", groups.as_json())
    first = _plan(run, tables.config, proof)
    if first:
        _tell(run, tables, first, cutoff, bundle.labels, plan.reaches)
    in_sample = there.labelled if _same_customers(bundle, tables) else 0
    notes = (
        *_spellings(bundle, strange),
        *emptied_columns.notes(tables, bundle.info.get("filled", {}), cutoff, plan.reads),
        *_fleet(bundle, plan, people),
        *_labelled(there, in_sample),
    )
    ahead = bundle.churn.calibrator_.ahead
    error = ahead.at(cutoff).error if ahead is not None else None
    return Scored(done, people, dict(strange.unseen), notes, proof, error, in_sample)


def _write(
    run: writer.Run,
    bundle: Bundle,
    chunks: matrix.Chunks,
    people: Population,
    config: Config,
    persuasion: Persuasion | None,
    *,
    csv: bool,
    progress: Progress,
) -> tuple[int, Strange, Segments]:
    """Score all *chunks* into the files of *run*: how many rows, their unknown texts, and who is hit."""
    strange, done = Strange(), 0
    kept = {name: bundle.schema.levels[name] for name in bundle.schema.grouped}
    groups = Segments(bundle.labels, bundle.info.get("evidence", {}).get("comparisons", {}), kept)
    sample = _explained(bundle, chunks.sample(lambda ids: hash_share(ids, 0) < _USUAL_OF / people.at_risk))
    usual = Usual.among(sample.features, sample.frame)
    with ExitStack() as files:
        writers: list[writer.TableWriter | writer.CsvWriter] = []
        for frame in chunks:
            explained = sample if sample.holds(frame) else _explained(bundle, frame)
            scored = rows(bundle, explained, config, usual, persuasion)
            groups.add(frame, scored, _staying(bundle, frame, scored, _ASKED / people.at_risk))
            table = pa.Table.from_pandas(scored, preserve_index=False)
            strange += bundle.schema.strange(frame)
            if not writers:
                writers.append(files.enter_context(run.table_writer("scores.parquet", table.schema)))
                if csv:
                    writers.append(files.enter_context(run.csv_writer("scores.csv", table.schema)))
            for file in writers:
                file.write(table)
            done += len(frame)
            progress(done, people.at_risk)
    return done, strange, groups


def _same_customers(bundle: Bundle, tables: Tables) -> bool:
    """Whether the customers are those that the model learned from."""
    then = bundle.info.get("data", {}).get("customers")
    return then is not None and then == fingerprint(tables, ["customers"])["customers"]


def _labelled(there: population.StillThere, in_sample: int) -> Iterator[str]:
    """Who is scored where every row carries a label."""
    if there.labelled:
        yield f"every row carries a label: {there.kept:,} who have not left are scored, {there.left:,} who left are not"
    if in_sample:
        yield (
            f"{in_sample:,} of them were learned from: the model has seen that they stayed, so their probabilities are"
            " too low; leave the label of current customers empty"
        )


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


def _plan(run: writer.Run, config: Config, proof: Proof | None) -> list[str]:
    """Plan the call list of the scores that *run* holds; who stands at its top, as many as are to be told of.

    A few columns of the scores are read back, which are small beside a chunk of features.
    """
    path = run.path / "scores.parquet"
    names = ["customer_id", "churn_probability", "value_if_stays", "expected_profit", "holdout", "uplift"]
    scores = pq.read_table(path, columns=[n for n in names if n in pq.read_schema(path).names])
    ids = scores["customer_id"].to_pandas()
    column = {name: scores[name].to_numpy() for name in scores.column_names if name != "customer_id"}
    p, held = column["churn_probability"], column["holdout"]
    plan = call_plan(
        ids, p, column["value_if_stays"], config.decisions, holdout=held, uplift=column.get("uplift")
    )
    run.write_json("call_plan.json", {"plan": plan.to_dict(), "proof": proof and proof.to_dict()})
    order = list_order(ids, column["expected_profit"], p)
    first: list[str] = ids.iloc[order[~held[order]][: config.decisions.stories]].tolist()
    return first


def _tell(
    run: writer.Run,
    tables: Tables,
    first: list[str],
    cutoff: datetime,
    said: Mapping[str, Any],
    reaches: Mapping[str, int],
) -> None:
    """Tell the stories of the *first* customers of the list into ``stories.json``."""
    names = ["customer_id", "reason_1", "reason_2", "reason_3"]
    rows = pq.read_table(
        run.path / "scores.parquet", columns=names, filters=[("customer_id", "in", first)]
    ).to_pandas()
    customers = rows.set_index("customer_id").loc[first].reset_index()
    run.write_json("stories.json", stories.tell_stories(tables, customers, cutoff, said, reaches))


def _same_terms(bundle: Bundle, config: Config) -> None:
    """Refuse features, customers or money other than those the model learned from."""
    now = terms(config)
    then = bundle.info.get("terms", now)
    changed = sorted(name for name in now.keys() | then.keys() if now.get(name) != then.get(name))
    if changed:
        raise ModelError(
            f"not as when the model was trained: {', '.join(changed)}",
            where="cxml.toml",
            expected="the promises, factor files, population, currency and zone of the training",
            fix="bring them back; or train again: a new model that no baseline beats becomes champion",
        )


def _spellings(bundle: Bundle, strange: Strange) -> Iterator[str]:
    """What the model made of texts that it does not know."""
    for name, n in strange.unseen.items():
        yield counted(
            f"{{n}} rows hold a {_called(bundle, name)} that the model has never seen: taken as missing", n
        )
    for name, n in strange.respelt.items():
        called = f"{_called(bundle, name)} in another spelling than in training"
        yield counted(f"{{n}} rows hold a {called}: taken as the same", n)


def _called(bundle: Bundle, name: str) -> str:
    """A feature for people: a column of the customers by its own name."""
    return str(bundle.labels["features"][name]["en"]) if name.startswith(COLUMN) else name


def _fleet(bundle: Bundle, plan: MatrixPlan, people: Population) -> Iterator[str]:
    """Whether the usual values of everybody come from far fewer customers than in training."""
    usual = sorted({step.name.partition("_norm_")[0] for step in plan.steps if step.fleet})
    then = max((_everybody(one) for one in bundle.info.get("populations", ())), default=0)
    now = _everybody(vars(people))
    if usual and now < _ENOUGH * then:
        yield (
            f"the tables hold {now:,} customers, those of the training held {then:,}: features that compare a customer"
            f" with what is usual in {', '.join(usual)} know less of it, and may differ from a run over everybody"
        )


def _everybody(population: Mapping[str, Any]) -> int:
    return int(sum(population[name] for name in ("at_risk", "new", "gone")))


def _as_trained(bundle: Bundle, tables: Tables) -> Tables:
    """The tables with the attributes and columns that the model learned from: what is new plays no part.

    Refused are tables that lost a column which features are made of, by its name in the tables, and attributes that
    were read as another kind.
    """
    then: Mapping[str, Any] = bundle.info.get("columns", {})
    if not then:
        return tables
    kinds: Mapping[str, str] = bundle.info.get("attributes", tables.attribute_kinds)
    known = {name: frozenset(columns) for name, columns in then.items()}
    named = {attribute_name(name): name for name in kinds}
    attributes = {name: kinds[called] for name, called in named.items()}
    lost = [
        (table, c)
        for table, columns in then.items()
        for c in columns
        if c not in tables.columns.get(table, ())
    ]
    lost += [("customers", name) for name in attributes if name not in tables.attributes]
    whole = plan_features(replace(tables, columns=known, attributes=attributes)).matrix()
    missed = [f"{table}.{named.get(c, c)}" for table, c in lost if whole.reads(table, c)]
    if missed:
        more = f" and {len(missed) - _NAMED} more" if len(missed) > _NAMED else ""
        raise ModelError(
            f"not there any more since the model was trained: {', '.join(missed[:_NAMED])}{more}",
            where="[tables]",
            expected="every column that features are made of",
            fix="bring them back (a column may have another name in a newer extract: map it), or train again",
        )
    other = [named[name] for name, kind in tables.attributes.items() if attributes.get(name, kind) != kind]
    if other:
        raise ModelError(
            f"not read as when the model was trained: {', '.join(other[:_NAMED])}",
            where="[tables.customers]",
            expected="the kinds of attributes of the training, whatever a batch looks like",
            fix='open the tables with attributes=bundle.info["attributes"]',
        )
    columns = {
        name: there & (known[name] | _HOW_KNOWN) for name, there in tables.columns.items() if name in known
    }
    return replace(
        tables, columns=columns, attributes={n: k for n, k in tables.attributes.items() if n in attributes}
    )


@dataclass(frozen=True)
class Explained:
    """Snapshots, and their scores and contributions as ``Bundle.explain`` gives them: what takes the time of a scoring."""

    frame: pd.DataFrame
    scores: pd.DataFrame
    features: pd.DataFrame

    def holds(self, frame: pd.DataFrame) -> bool:
        """Whether they are those of *frame*: of a small table the sample is everybody, and explained already."""
        return self.frame["customer_id"].equals(frame["customer_id"])


def _explained(bundle: Bundle, frame: pd.DataFrame) -> Explained:
    return Explained(frame, *bundle.explain(frame))


def rows(
    bundle: Bundle,
    explained: Explained,
    config: Config,
    usual: Usual,
    persuasion: Persuasion | None = None,
) -> pd.DataFrame:
    """The rows of ``scores.parquet`` for the snapshots *explained*: scores, drivers, hits, reasons, decisions.

    Whom a factor hits is seen against what is *usual* among all that are scored. With *persuasion* also ``uplift``,
    and the expected profit counts on it.
    """
    frame, scored, contributions = explained.frame, explained.scores, explained.features
    keys = frame[["customer_id", "cutoff"]].reset_index(drop=True)
    added = hits.amounts(
        contributions, frame, bundle.labels, usual, hits.backwards(bundle.info, bundle.labels)
    )
    hit = hits.by_factor(contributions, added, bundle.labels, list(bundle.labels["factors"]))
    told = bundle.as_told(frame)
    reasons = spoken_reasons.reasons(added, hit, told, bundle.labels)
    other = spoken_reasons.other_reason(contributions, told, bundle.labels)
    parts = (keys, scored, hit, reasons, other)
    found = pd.concat([part.reset_index(drop=True) for part in parts], axis=1)
    p = found["churn_probability"].to_numpy(dtype=np.float64)
    value = found["value_if_stays"].to_numpy(dtype=np.float64)
    rule = config.decisions
    found.insert(list(found).index("value_if_stays") + 1, "value_at_risk", p * value)
    uplift = None
    if persuasion is not None:
        found["uplift"] = uplift = persuasion.uplift(
            contact_log.told(scored, frame, bundle), config.model.threads
        )
    costs = {"contact_cost": rule.contact_cost, "offer_cost": rule.offer_cost}
    found["expected_profit"] = expected_profit(p, value, save_rate=rule.save_rate, **costs, uplift=uplift)
    found["holdout"] = holdout_flag(found["customer_id"], rule.holdout)
    return found
