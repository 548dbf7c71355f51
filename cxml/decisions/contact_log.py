"""Earlier contacts: what a randomized contact log teaches, and what an earlier call list brought.

A contact log names, for each draw, everybody who could have been contacted, whether they were, and the instant of
the draw. Customers are looked at as of the day on which they were drawn; who left since comes from the same
labels that churn is learned from, or from the log itself.
"""

from __future__ import annotations

import json
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from cxml.config.load import Config
from cxml.contracts import CONTACTS
from cxml.decisions.call_plan import list_order
from cxml.decisions.campaign_result import Judgement, judge_campaign
from cxml.decisions.uplift import LoggedContacts, Persuasion, Proof, learn_uplift
from cxml.drivers.contributions import PREFIX
from cxml.errors import NotEnoughDataError
from cxml.features import matrix
from cxml.features.company import FeaturePlan
from cxml.labels import targets
from cxml.models.bundle import Bundle
from cxml.snapshots import population
from cxml.snapshots.cutoffs import complete, last_matured
from cxml.snapshots.handle import Snapshots
from cxml.tables.opening import Tables

_WHERE = f"[tables.{CONTACTS.name}]"


def learn_from_log(features: FeaturePlan, bundle: Bundle, chunk: int) -> tuple[Persuasion | None, Proof]:
    """Learn whom a contact persuades from the log of earlier contacts, which the tables must have.

    What trees see of a customer is what ``told`` gives, as of the day of the draw. Draws whose outcome is not known
    by observation_end are left out, and so is who was not at risk.

    Raises
    ------
    NotEnoughDataError
        No draw has an outcome yet, or no customer of the log was at risk when drawn.
    """
    tables = features.tables
    known, seen = _seen(features, bundle, drawn(tables), chunk)
    probability = known["churn_probability"].to_numpy(dtype=np.float64)
    contacts = LoggedContacts(
        known,
        seen["contacted"].to_numpy(dtype=bool),
        seen["left"].to_numpy(dtype=bool),
        probability,
        seen["customer_id"].to_numpy(),
        seen["cutoff"].to_numpy(),
    )
    return learn_uplift(contacts, seed=tables.config.model.seed, num_threads=tables.config.model.threads)


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
            "nobody was to be contacted: the list is empty, so there is nothing to judge",
            where=str(scored),
            expected="a list that names somebody to contact",
            fix="see the costs and the save rate in [decisions]: with them no contact paid; score again, and call",
        )
    cutoff = scores["cutoff"].iloc[0].to_pydatetime()
    if cutoff > last_matured(complete(tables).config):
        raise NotEnoughDataError(
            "who left since is not known yet",
            where=str(scored),
            expected="observation_end after the label window of the list",
            fix="extract newer data and try again",
        )
    with population.take(tables, [cutoff]) as snapshots:
        found = listed.merge(_left(tables, snapshots), on="customer_id", how="inner")
    return judge_campaign(found["holdout"], found["left"])


def _listed(scored: Path, scores: pd.DataFrame) -> Any:
    """The rows of the list, its holdout among them: all that stand above the last one to be contacted."""
    size = json.loads((scored / "call_plan.json").read_text(encoding="utf-8"))["plan"]["size"]
    order = list_order(scores["customer_id"], scores["expected_profit"], scores["churn_probability"])
    called = np.cumsum(~scores["holdout"].to_numpy(dtype=bool)[order])
    return order[: np.searchsorted(called, size) + 1] if size else order[:0]


def drawn(tables: Tables) -> pd.DataFrame:
    """The log: ``customer_id``, ``cutoff`` (the beginning of the day, in UTC), ``contacted``, ``churned``.

    Each customer of a draw stands there once. What lies at or after observation_end is not looked at.
    """
    config, known = tables.config, tables.contacts.known if tables.contacts else frozenset()
    end = f"timestamp '{config.project.observation_end.astimezone(UTC):%Y-%m-%d %H:%M:%S}'"
    churned = "churned" if "churned" in known else "cast(null as boolean) as churned"
    sql = f"select customer_id, contacted_at, contacted, {churned} from contacts where contacted_at < {end}"
    found: pd.DataFrame = tables.engine.arrow(sql).to_pandas()
    found = found.astype({"contacted": "boolean", "churned": "boolean"})
    at = pd.to_datetime(found["contacted_at"], utc=True).dt.tz_convert(config.zone)
    found["cutoff"] = at.dt.normalize().dt.tz_convert("UTC").dt.as_unit("us")
    return found.groupby(["customer_id", "cutoff"], as_index=False)[["contacted", "churned"]].max()


def _seen(
    features: FeaturePlan, bundle: Bundle, log: pd.DataFrame, chunk: int
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Who of the log was at risk when drawn: what was known then, and contacted and left beside it."""
    tables = features.tables
    log = log[_settled(log, complete(tables).config)]
    if log.empty:
        raise NotEnoughDataError(
            "no contact of the log has an outcome yet",
            where=_WHERE,
            expected="draws whose label window ends by observation_end, or a column churned",
            fix="wait, add earlier draws, or take the section out",
        )
    parts, keys = list[pd.DataFrame](), list[pd.DataFrame]()
    with population.take_if_any(tables, _days(log)) as everybody, _of_log(everybody, log) as snapshots:
        if not len(snapshots):
            raise NotEnoughDataError(
                "no customer of the log was at risk when drawn",
                where=_WHERE,
                expected="customers of the other tables, at risk at the beginning of the day of their draw",
                fix="write customer_id as the other tables do; see [population] for who is at risk",
            )
        left = _left(tables, snapshots)
        with closing(matrix.Chunks(snapshots, features.matrix(), chunk)) as chunks:
            for frame in chunks:
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
    return log["churned"].notna() | (log["cutoff"] <= last_matured(config))


def _left(tables: Tables, snapshots: Snapshots) -> pd.DataFrame:
    """Who left from the cutoff to the end of the label window: gone within the lead is gone too."""
    found = targets.labels(tables, snapshots)
    left = (found["churned"] == 1) | (found["left_in_lead"] == 1)
    return found[["customer_id", "cutoff"]].assign(left=left)


def _days(log: pd.DataFrame) -> list[datetime]:
    """The days of the draws, in order."""
    return sorted(one.to_pydatetime() for one in log["cutoff"].unique())


def _of_log(everybody: Snapshots, log: pd.DataFrame) -> Snapshots:
    """The customers of the log who were at risk when they were drawn."""
    seconds = pa.array(log["cutoff"].dt.as_unit("s").astype("int64"))
    drawn_at = pa.table({"customer_id": pa.array(log["customer_id"], pa.string()), "c": seconds})
    everybody.engine.register("contact_log", drawn_at)
    return everybody.among("select s.* from snapshots s join contact_log l using (customer_id, c)")
