"""Earlier contacts: what a randomized contact log teaches, and what an earlier call list brought.

A contact log names, for each draw, everybody who could have been contacted, whether they were, and the instant of
the draw. Customers are looked at as of the day on which they were drawn; who left since comes from the same
labels that churn is learned from, or from the log itself.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from cxml import labels, snapshots, static
from cxml.cells import absent, cell, staged
from cxml.config import Config
from cxml.contracts import Column
from cxml.decisions import list_order
from cxml.drivers import PREFIX
from cxml.engine import quoted
from cxml.errors import ConfigError, DataError, NotEnoughDataError
from cxml.features import matrix
from cxml.judgement import Judgement, judge
from cxml.models.bundle import Bundle
from cxml.sections import TableSource
from cxml.sources import Source, open_source
from cxml.tables import Tables
from cxml.uplift import Contacts, Persuasion, Proof, learn

COLUMNS = (
    Column("customer_id", "text", "who was drawn", personal=True),
    Column("contacted", "flag", "whether the customer was contacted, or kept aside"),
    Column("contacted_at", "instant", "when the draw was contacted: the same for those kept aside"),
    Column("churned", "flag", "whether the customer has left since", target=True),
)
"""The columns of a contact log; the last one may be missing."""

MOST_DRAWS = 60
_WHERE = "[decisions] contacts"


def learn_from_log(tables: Tables, bundle: Bundle, chunk: int) -> tuple[Persuasion | None, Proof]:
    """Learn whom a contact persuades from the log that ``[decisions] contacts`` names.

    What trees see of a customer is what ``told`` gives, as of the day of the draw. Draws whose outcome is not known
    by observation_end are left out, and so is who was not at risk.

    Raises
    ------
    ConfigError, DataError
        As ``contact_log`` has it.
    NotEnoughDataError
        No draw has an outcome yet.
    """
    log = contact_log(tables)
    known, seen = _seen(tables, bundle, log, chunk)
    probability = known["churn_probability"].to_numpy(dtype=np.float64)
    contacts = Contacts(
        known, seen["contacted"].to_numpy(dtype=bool), seen["left"].to_numpy(dtype=bool), probability,
        seen["customer_id"].to_numpy(), seen["cutoff"].to_numpy(),
    )  # fmt: skip
    return learn(contacts, seed=tables.config.model.seed, num_threads=tables.config.model.threads)


def told(scores: pd.DataFrame, frame: pd.DataFrame, bundle: Bundle) -> pd.DataFrame:
    """What is known of customers, as the trees of ``uplift`` see it: risk, value, each factor's part, every feature.

    Parameters
    ----------
    scores, frame : DataFrame
        Of the same rows, as from ``Bundle.explain`` and for it.
    bundle : Bundle
        Its schema makes numbers of texts.
    """
    names = ["churn_probability", "expected_value", *(c for c in scores if str(c).startswith(PREFIX))]
    features = pd.DataFrame(bundle.schema.encode(frame), columns=list(bundle.schema.columns))
    return pd.concat([scores[names].astype(np.float32).reset_index(drop=True), features], axis=1)


def judged(tables: Tables, scored: Path) -> Judgement:
    """Judge the call list of an earlier scoring run by who left since.

    Everybody on the list counts, the holdout against the others, reached or not.

    Parameters
    ----------
    scored : Path
        The run folder of the scoring, its CURRENT at that time, say.

    Raises
    ------
    NotEnoughDataError
        The label window of that list ends after observation_end, or nobody was to be contacted.
    DataError
        Nobody of the list was held out.
    """
    names = ["customer_id", "cutoff", "churn_probability", "expected_profit", "holdout"]
    scores = pq.read_table(scored / "scores.parquet", columns=names).to_pandas()
    listed = scores.iloc[_listed(scored, scores)]
    if listed["holdout"].all():
        raise NotEnoughDataError(
            "nobody was to be contacted: the list is empty, so there is nothing to judge", where=str(scored),
            expected="a list that names somebody to contact",
            fix="see the costs and the save rate in [decisions]: with them no contact paid; score again, and call",
        )  # fmt: skip
    cutoff = scores["cutoff"].iloc[0].to_pydatetime()
    if cutoff > snapshots.last_matured(snapshots.complete(tables).config):
        raise NotEnoughDataError(
            "who left since is not known yet", where=str(scored),
            expected="observation_end after the label window of the list", fix="extract newer data and try again",
        )  # fmt: skip
    snapshots.take(tables, [cutoff])
    labels.make(tables)
    found = listed.merge(_left(tables), on="customer_id", how="inner")
    return judge(found["holdout"], found["left"])


def _listed(scored: Path, scores: pd.DataFrame) -> Any:
    """The rows of the list, its holdout among them: all that stand above the last one to be contacted."""
    size = json.loads((scored / "call_plan.json").read_text(encoding="utf-8"))["plan"]["size"]
    order = list_order(scores["customer_id"], scores["expected_profit"], scores["churn_probability"])
    called = np.cumsum(~scores["holdout"].to_numpy(dtype=bool)[order])
    return order[: np.searchsorted(called, size) + 1] if size else order[:0]


def contact_log(tables: Tables) -> pd.DataFrame:
    """The log: ``customer_id``, ``cutoff`` (the beginning of the day, in UTC), ``contacted``, ``churned``.

    Raises
    ------
    ConfigError
        Beside a ready label, which knows no time.
    DataError
        The log cannot be read, lacks a column or a value, or holds more than ``MOST_DRAWS`` days.
    """
    config, engine = tables.config, tables.engine
    if static.is_static(config):
        raise ConfigError("a contact log needs a time to look at", where=_WHERE,
                          expected="tables with dates", fix="take the key out")  # fmt: skip
    spec = TableSource(source=config.decisions.contacts)
    source = open_source(engine, config.folder, "contacts", spec, where=_WHERE)
    _whole(source)
    parts = []
    for part in source.parts:
        cells = {c.name: cell(quoted(c.name), part.columns[c.name], c, config.zone)
                 if c.name in part.columns else absent(c.kind) for c in COLUMNS}  # fmt: skip
        values = ", ".join(f"{one.value} as {name}" for name, one in cells.items())
        parts.append(f"select {values} from {staged(cells, part.scan)}")
    found: pd.DataFrame = engine.arrow(" union all ".join(parts)).to_pandas()
    empty = {c.name: int(found[c.name].isna().sum()) for c in COLUMNS[:3]}
    if any(empty.values()):
        what = ", ".join(f"{n:,} without a readable {name}" for name, n in empty.items() if n)
        raise DataError(
            f"{len(found):,} contacts, {what}", where=_WHERE,
            expected="in every row a customer, 1 or 0, and an instant: also for those who were not contacted",
            fix="write into contacted_at when the draw was made, the same for both groups",
        )  # fmt: skip
    found["contacted"], found["churned"] = (
        found["contacted"].astype("bool"),
        found["churned"].astype("boolean"),
    )
    at = pd.to_datetime(found["contacted_at"], utc=True).dt.tz_convert(config.zone)
    found["cutoff"] = at.dt.normalize().dt.tz_convert("UTC").dt.as_unit("us")
    days = found["cutoff"].nunique()
    if days > MOST_DRAWS:
        raise DataError(
            f"contacts on {days:,} days", where=_WHERE, expected=f"at most {MOST_DRAWS} draws",
            fix="write into contacted_at when the draw was made, the same for all of it, or keep the latest draws",
        )  # fmt: skip
    return found.groupby(["customer_id", "cutoff"], as_index=False)[["contacted", "churned"]].max()


def _whole(source: Source) -> None:
    missing = [c.name for c in COLUMNS[:3] if c.name not in source.names]
    if missing:
        raise DataError(
            f"missing: {', '.join(missing)}", where=f"{_WHERE}: {source.label}",
            expected=", ".join(f"{c.name} ({c.says})" for c in COLUMNS[:3]), fix="rename or add the columns",
        )  # fmt: skip


def _seen(tables: Tables, bundle: Bundle, log: pd.DataFrame, chunk: int) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Who of the log was at risk when drawn: what was known then, and contacted and left beside it."""
    engine = tables.engine
    log = log[_settled(log, snapshots.complete(tables).config)]
    if log.empty:
        raise NotEnoughDataError(
            "no contact of the log has an outcome yet", where=_WHERE,
            expected="draws whose label window ends by observation_end, or a column churned",
            fix="wait, add earlier draws, or take the key out",
        )  # fmt: skip
    snapshots.take(tables, sorted(one.to_pydatetime() for one in log["cutoff"].unique()))
    keys = pa.table({
        "customer_id": pa.array(log["customer_id"], pa.string()), "c": pa.array(_seconds(log["cutoff"])),
    })  # fmt: skip
    engine.register("contact_log", keys)
    engine.keep("snapshots", "select s.* from snapshots s join contact_log l using (customer_id, c)")
    labels.make(tables)
    left = _left(tables)
    parts, keys = list[pd.DataFrame](), list[pd.DataFrame]()
    for frame in matrix.Chunks(tables, chunk):
        parts.append(told(bundle.explain(frame)[0], frame, bundle))
        keys.append(frame[["customer_id", "cutoff"]])
    keyed = pd.concat(keys, ignore_index=True).astype({"customer_id": "str"})
    seen = keyed.merge(log, on=["customer_id", "cutoff"]).merge(
        left, on=["customer_id", "cutoff"], how="left"
    )
    seen["left"] = seen["churned"].astype("boolean").fillna(seen["left"].astype("boolean"))
    return pd.concat(parts, ignore_index=True), seen


def _settled(log: pd.DataFrame, config: Config) -> Any:
    """The rows whose outcome is known: told by the log, or old enough for the label."""
    return log["churned"].notna() | (log["cutoff"] <= snapshots.last_matured(config))


def _left(tables: Tables) -> pd.DataFrame:
    """Who left from the cutoff to the end of the label window: gone within the lead is gone too."""
    sql = 'select customer_id, cutoff, churned = 1 or left_in_lead = 1 as "left" from labels'
    found: pd.DataFrame = tables.engine.arrow(sql).to_pandas()
    found["cutoff"] = pd.to_datetime(found["cutoff"], unit="s", utc=True).dt.as_unit("us")
    return found


def _seconds(instants: pd.Series) -> Any:
    return instants.dt.as_unit("s").astype("int64")
