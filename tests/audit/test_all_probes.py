"""The leak probe: what was planted is found and named, and nothing is found where nothing was planted."""

from __future__ import annotations

import dataclasses
import json
import re
import shutil
import sys
import tomllib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy.stats import norm

from cxml import jobs
from cxml.audit import (
    audit,
    consequences,
    drift,
    late_arrival,
    random_against_time,
    sample,
    scrambled_future,
    single_feature,
    summed_attributes,
    undated_values,
)
from cxml.audit.findings import Finding, Probe
from cxml.audit.value_groups import groups
from cxml.cli import commands
from cxml.config.load import Config, parse_config
from cxml.factors.catalogue import FACTORS
from cxml.factors.declare import EVER, Feature
from cxml.features import planner
from cxml.features.company import FeaturePlan, plan_features
from cxml.features.statements import FeatureColumn
from cxml.metrics import delong
from cxml.simulate import simulate
from cxml.snapshots.cutoffs import usable_cutoffs
from cxml.snapshots.splits import plan_splits
from cxml.tables.opening import Tables, fingerprint, open_tables

Frames = dict[str, pd.DataFrame]
KEPT = {
    "wait_mean",
    "wait_last",
    "wait_trend",
    "csat_mean",
    "nps_mean",
    "orders_n",
    "order_days_since",
    "plan",
    "customer_tenure_d",
    "contacts_n",
    "earned_orders_margin",
    "value",
    # A norm of everybody, a column of the agent as of the contact, and the nearest row of another table.
    "wait_vs_channel",
    "agent_satisfaction_mean",
    "contact_without_order_share",
}
FIRST, LAST = datetime(2024, 8, 1, tzinfo=UTC), datetime(2024, 11, 1, tzinfo=UTC)


def few_features() -> dict[str, Any]:
    """A section that keeps the matrix small."""
    names = {item.name for factor in FACTORS for item in (*factor.features, *factor.derived)}
    return {"lookbacks": [90], "leave_out": sorted(names - KEPT)}


def config_of(text: str, attributes: tuple[str, ...] = (), **sections: Any) -> Config:
    """The configuration of a simulated company, for tables in memory."""
    worth = {"sources": [{"table": "orders", "column": "margin"}]}
    raw = tomllib.loads(text) | {
        "features": few_features(),
        "model": {"threads": 1},
        "value": worth,
        **sections,
    }
    raw["tables"] = (
        {"customers": {"source": "customers", "attributes": list(attributes)}} if attributes else {}
    )
    return parse_config(raw, Path())


@pytest.fixture(scope="module")
def small() -> tuple[Frames, Config]:
    """A company for probes that need no statistics; in some tables, rows are recorded late and changed later."""
    made = simulate(customers=250, months=12, seed=3)
    names = ("customers", "subscriptions", "interactions", "orders", "surveys", "agents")
    frames = {name: made.tables[name].to_pandas() for name in names}
    frames["interactions"] = recorded_late(frames["interactions"], "started_at", topic="billing")
    frames["customers"] = recorded_late(frames["customers"], "joined_at", region="busan", member_tier="vip")
    frames["agents"] = recorded_late(frames["agents"], "valid_from", satisfaction=0.5)
    return frames, config_of(made.config)


def recorded_late(rows: pd.DataFrame, event: str, **changed: Any) -> pd.DataFrame:
    """Most rows recorded at once, some after days, some once more with other values."""
    rng = np.random.default_rng(1)
    delay = np.where(rng.random(len(rows)) < 0.2, rng.exponential(20, len(rows)), 0)
    rows = rows.assign(recorded_at=rows[event] + pd.to_timedelta(delay, unit="D"))
    again = rows.sample(frac=0.2, random_state=2).assign(**changed)
    again["recorded_at"] += pd.to_timedelta(rng.exponential(200, len(again)) + 1, unit="D")
    return pd.concat([rows, again], ignore_index=True)


def moved(frames: Frames, config: Config, *cutoffs: datetime) -> Probe:
    tables = open_tables(config, frames)
    return scrambled_future.probe(plan_features(tables), cutoffs or (LAST,), 150, 0, lambda text: None)


def about(findings: tuple[Finding, ...]) -> set[str]:
    return {one.about for one in findings}


# ---------------------------------------------------------------- another future


def test_another_future_moves_nothing_at_two_cutoffs_and_nearly_everything_later(
    small: tuple[Frames, Config],
) -> None:
    found = moved(*small, FIRST, LAST)
    assert found.findings == () and found.note == ""
    assert [row["cutoff"] for row in found.rows] == ["2024-08-01", "2024-11-01"]
    for row in found.rows:
        assert row["customers"] > 100
        # What never moves would pass with any leak: here that is the age of the customer alone.
        assert row["moved 30 days later"] == int(str(row["features"])) - 1


def test_the_tables_are_as_before_also_after_a_failure(small: tuple[Frames, Config]) -> None:
    frames, config = small
    tables = open_tables(config, frames)
    before = fingerprint(tables)
    with pytest.raises(ZeroDivisionError), scrambled_future.scrambled(tables, LAST):
        assert fingerprint(tables).keys() == before.keys()
        assert all(
            fingerprint(tables)[name] != before[name] for name in ("interactions", "orders", "surveys")
        )
        raise ZeroDivisionError
    assert fingerprint(tables) == before


def test_every_kind_of_change_is_made(small: tuple[Frames, Config]) -> None:
    frames, config = small
    tables = open_tables(config, frames)
    at = f"timestamp '{LAST:%Y-%m-%d}'"
    rows = {
        "at": f"started_at = {at}",
        "later": f"started_at > {at}",
        "late": f"started_at < {at} and recorded_at >= {at}",
        "known": f"started_at < {at} and recorded_at < {at} and ended_at < {at} and resolved_at < {at}",
        "hidden": f"started_at < {at} and recorded_at < {at} and resolved_at >= {at}",
    }
    cells = "interaction_id, customer_id, started_at, recorded_at, topic, wait_s, transfers, ended_at, resolved_at"
    content = f"count(*), sum(cast(hash({cells}) % 1000000 as bigint))"

    def hashes() -> dict[str, tuple[int, int]]:
        return {
            name: tables.engine.rows(f"select {content} from interactions i where {where}")[0]
            for name, where in rows.items()
        }

    before = hashes()
    with scrambled_future.scrambled(tables, LAST):
        after = hashes()
    assert before["at"][0] == 0 and after["at"][0] > 50
    assert before["known"] == after["known"] and before["known"][0] > 500
    assert all(before[name] != after[name] for name in ("later", "late", "hidden"))


Tamper = Callable[[str], str]


def tamper(patch: pytest.MonkeyPatch, change: Tamper, extra: FeatureColumn | None = None) -> None:
    """Let the plan of the features be another one than the one that was declared."""
    right = FeaturePlan.matrix

    def matrix(*given: Any) -> planner.MatrixPlan:
        plan = right(*given)
        steps = tuple(dataclasses.replace(step, select=change(step.select)) for step in plan.steps)
        assert steps != plan.steps
        return dataclasses.replace(plan, steps=steps, columns=(*plan.columns, *([extra] if extra else [])))

    patch.setattr(FeaturePlan, "matrix", matrix)


def boundary_included(patch: pytest.MonkeyPatch) -> None:
    tamper(patch, lambda sql: sql.replace("r.t < n.c", "r.t <= n.c"))


def value_known_late(patch: pytest.MonkeyPatch) -> None:
    tamper(patch, lambda sql: sql.replace("case when r.answered_at < n.c then r.score end", "r.score"))


def recorded_at_ignored(patch: pytest.MonkeyPatch) -> None:
    tamper(
        patch, lambda sql: sql.replace("r.known_at < n.c", "true").replace("r.replaced_at >= n.c", "false")
    )


def whole_table_statistic(patch: pytest.MonkeyPatch) -> None:
    sql = "wait_mean_90d - (select avg(wait_s) from interactions)"
    feature = Feature(
        name="wait_against_all",
        table="interactions",
        sql=sql,
        unit="s",
        row="A1",
        direction="+",
        en="wait",
        ko="wait",
        lookbacks=EVER,
    )
    norm = FeatureColumn("wait_against_all", "waiting", feature, 0)
    ends = "left join"  # the matrix alone joins what the tables end in
    tamper(
        patch,
        lambda text: (
            f"select *, {sql} as wait_against_all from ({text}) w"
            if text.startswith("select") and ends in text and "wait_mean_90d" in text
            else text
        ),
        norm,
    )


@pytest.mark.parametrize(
    ("plant", "names", "factors", "change"),
    [
        (
            boundary_included,
            {"value_90d", "orders_n_90d"},
            {"feedback", "behaviour", "worth"},
            "at the cutoff",
        ),
        (value_known_late, {"csat_mean_90d"}, {"feedback"}, "values known later"),
        (
            recorded_at_ignored,
            {"wait_mean_90d", "customer_region"},
            {"waiting", "contacts", "feedback", "profile", "skill"},
            "recorded later",
        ),
        (whole_table_statistic, {"wait_against_all"}, {"waiting"}, "after the cutoff"),
    ],
)
def test_a_leak_in_the_code_is_named(
    small: tuple[Frames, Config],
    monkeypatch: pytest.MonkeyPatch,
    plant: Callable[[pytest.MonkeyPatch], None],
    names: set[str],
    factors: set[str],
    change: str,
) -> None:
    plant(monkeypatch)
    leaks = {one.about: one for one in moved(*small).leaks}
    assert names <= leaks.keys()
    assert {name for name in names if change not in str(leaks[name].figures["changes"])} == set()
    assert {one.where.split(",")[0].removeprefix("factor ") for one in leaks.values()} <= factors


def test_a_population_that_knows_the_future_is_named(
    small: tuple[Frames, Config], monkeypatch: pytest.MonkeyPatch
) -> None:
    right = scrambled_future.population.take

    def take(tables: Tables, cutoffs: Any) -> Any:
        later = "select 1 from orders o where o.customer_id = s.customer_id and seconds(o.ordered_at) >= s.c"
        return right(tables, cutoffs).where(f"exists ({later})")

    monkeypatch.setattr(scrambled_future.population, "take", take)
    assert about(moved(*small).leaks) == {"population"}


# ---------------------------------------------------------------- values written or summed up later


@dataclass(frozen=True)
class World:
    """A company in whose tables the future was planted, and what the probes say of it."""

    frames: Frames
    config: Config
    found: dict[str, Probe]


HONEST = ("segment", "score", "letters")
WRITTEN = ("account_state", "cancel_reason")
SUMMED = ("orders_so_far", "logins")


def planted(frames: Frames, end: pd.Timestamp) -> Frames:
    """Attributes that were honest on the first day, written at the end, or summed up to it; flags filled in later.

    Days before the customer leaves come calls about a goodbye: known in time, and no reason to leave.
    """
    rng = np.random.default_rng(5)
    people, n = frames["customers"], len(frames["customers"])
    spans = (
        frames["subscriptions"]
        .sort_values("started_at")
        .groupby("customer_id")
        .tail(1)
        .set_index("customer_id")
    )
    left_at = people.customer_id.map(spans.ended_at)
    left, paid = left_at.notna(), people.customer_id.map(spans.price).astype(float)
    sessions = (left_at.fillna(end) - people.joined_at.clip(lower=end - pd.Timedelta(days=425))).dt.days
    people = people.assign(
        segment=rng.choice(["a", "b", "c"], n),
        score=paid / 10_000 + rng.normal(size=n),
        letters=rng.poisson(3, n),
        account_state=np.where(left, "closed", "open"),
        cancel_reason=np.where(left & (rng.random(n) < 0.4), rng.choice(["price", "moved"], n), None),
        orders_so_far=people.customer_id.map(frames["orders"].groupby("customer_id").size()).fillna(0),
        logins=rng.poisson(np.maximum(sessions, 1) * rng.gamma(20, 0.005, n)),
    )
    contacts = frames["interactions"]
    done = contacts.started_at + pd.to_timedelta(rng.exponential(6, len(contacts)), unit="D")
    gone = contacts.customer_id.map(spans.ended_at).fillna(end)
    contacts = contacts.assign(scripted=(done < gone) & (done < end))
    said = rng.random(n) < 0.6
    bye = contacts.sample(int((left & said).sum()), random_state=1, replace=True).reset_index(drop=True)
    who = people[left & said]
    bye = bye.assign(
        interaction_id=[f"bye{i}" for i in range(len(bye))],
        topic="goodbye",
        customer_id=who.customer_id.to_numpy(),
    )
    called = left_at[left & said] - pd.to_timedelta(rng.uniform(1, 45, len(who)), unit="D")
    bye = bye.assign(**{name: called.to_numpy() for name in ("started_at", "first_reply_at", "ended_at")})
    return {**frames, "customers": people, "interactions": pd.concat([contacts, bye], ignore_index=True)}


@pytest.fixture(scope="module")
def world() -> World:
    made = simulate(customers=2_000, months=14, seed=8)
    names = ("customers", "subscriptions", "interactions", "orders", "messages", "surveys")
    frames = {name: made.tables[name].to_pandas() for name in names}
    end = pd.Timestamp("2025-03-01", tz="UTC")
    frames = planted(frames, end)
    sent = frames["messages"]
    arrived = sent.sent_at + pd.to_timedelta(np.random.default_rng(2).exponential(6, len(sent)), unit="D")
    frames["messages"] = sent[arrived < end]
    config = config_of(made.config, (*HONEST, *WRITTEN, *SUMMED))
    return World(frames, config, probed(open_tables(config, frames)))


def probed(tables: Tables, customers: int = 5_000) -> dict[str, Probe]:
    """What all probes but the first say."""
    taken = sample.take(tables, customers, 0)
    measured = single_feature.measure(taken)
    found = [
        single_feature.probe(taken, measured),
        undated_values.probe(tables, taken),
        late_arrival.probe(tables),
        consequences.probe(tables, taken, measured),
        random_against_time.probe(taken, 0, 1),
    ]
    summed = Probe(
        "sums", "", tuple(summed_attributes.findings(tables, taken.people, usable_cutoffs(tables)[-1]))
    )
    return {one.name: one for one in (*found, summed)}


def test_a_column_like_the_label_is_named(world: World) -> None:
    assert about(world.found["single features"].leaks) == {"customer_account_state"}
    assert about(world.found["values without a date"].leaks) >= {f"customer_{name}" for name in WRITTEN}


def test_a_sum_up_to_the_extract_is_named(world: World) -> None:
    assert about(world.found["sums"].leaks) == {"customer_orders_so_far"}
    assert "number of rows of orders" in world.found["sums"].leaks[0].what
    # Also where no table holds what was summed up.
    assert about(world.found["values without a date"].leaks) >= {f"customer_{name}" for name in SUMMED}


def test_what_stays_the_same_is_no_sum_up_to_the_extract() -> None:
    """A fee that is the mean of all charges was their mean at the cutoff, too; what was spent was not."""
    rng, n = np.random.default_rng(0), 80
    fee = rng.integers(1, 9, n) * 10.0
    at = pd.date_range("2025-01-10", periods=10, freq="MS", tz="UTC")
    charges = pd.DataFrame(
        {
            "customer_id": np.repeat([f"c{i}" for i in range(n)], len(at)),
            "charged_at": np.tile(at, n),
            "amount": np.repeat(fee, len(at)),
        }
    )
    people = pd.DataFrame(
        {
            "customer_id": [f"c{i}" for i in range(n)],
            "joined_at": at[0],
            "fee": fee,
            "spent": fee * len(at),
            "children": rng.integers(0, 3, n),
        }
    )
    raw = {
        "project": {"observation_end": "2026-01-01"},
        "tables": {"customers": {"source": "", "attributes": ["fee", "spent", "children"]}},
    }
    tables = open_tables(parse_config(raw, Path()), {"customers": people, "charges": charges})
    who = people["customer_id"]
    (found,) = summed_attributes.findings(tables, who, datetime(2025, 9, 1, tzinfo=UTC))
    assert found.about == "customer_spent" and "sum of amount" in found.what
    later = datetime(2025, 12, 1, tzinfo=UTC)  # nothing came after it
    assert list(summed_attributes.findings(tables, who, later)) == []


def test_what_was_known_on_the_first_day_is_not_named(world: World) -> None:
    named = set().union(*(about(one.findings) for one in world.found.values()))
    assert not named & {f"customer_{name}" for name in HONEST}
    own = {"language", "preferred_channel", "region", "member_tier", "acquired_via"}
    assert not named & {f"customer_{name}" for name in own}


def test_columns_and_rows_that_come_late_are_named(world: World) -> None:
    assert about(world.found["settled by the extract"].leaks) == {"interactions.scripted", "messages.rows"}


def test_an_event_on_the_way_out_is_a_remark(world: World) -> None:
    found = world.found["consequences of leaving"]
    assert found.leaks == () and about(found.findings) == {"interactions.topic"}
    assert "goodbye" in found.findings[0].what


# ---------------------------------------------------------------- the statistics, on data made for them


def made_up(columns: dict[str, Any], churned: Any, cutoff: Any) -> sample.Sample:
    """A sample whose columns are values without a date, one customer a row unless told otherwise."""
    frame = pd.DataFrame(
        {"customer_id": [f"c{i}" for i in range(len(churned))], **columns, "churned": churned}
    )
    months = pd.date_range("2025-01-01", periods=int(max(cutoff)) + 1, freq="MS", tz="UTC")
    frame["cutoff"] = months[np.asarray(cutoff)]
    frame = frame.sort_values(["customer_id", "cutoff"], ignore_index=True)
    features = [
        Feature(
            name=name,
            table="customers",
            sql=name,
            unit="ratio",
            row="J6",
            direction="±",
            en=name,
            ko=name,
            lookbacks=EVER,
        )
        for name in columns
    ]
    declared = tuple(FeatureColumn(feature.name, "profile", feature, 0) for feature in features)
    labels = {
        "factors": {"profile": {"kind": "context"}},
        "features": {n: {"factor": "profile"} for n in columns},
    }
    split = plan_splits(list(months), timedelta(0), timedelta(days=28))
    arrived = np.zeros(len(frame), dtype=np.int64)
    return sample.Sample(
        frame,
        declared,
        labels,
        split,
        arrived,
        tuple(frame.customer_id),
        frame.customer_id.nunique(),
        len(frame),
    )


def test_noise_is_never_too_good_and_the_label_always_is() -> None:
    noise, told = [], 0
    for seed in range(50):
        rng = np.random.default_rng(seed)
        churned = (rng.random(2_400) < 0.08).astype(float)
        cutoff = np.arange(2_400) % 8
        label = np.where(churned == 1, rng.normal(size=2_400), np.nan)
        taken = made_up({"noise": rng.normal(size=2_400), "label": label}, churned, cutoff)
        measured = single_feature.measure(taken)
        noise.append(next(one.auc.auc for one in measured if one.column == "noise"))
        found = single_feature.probe(taken, measured)
        assert about(found.findings) <= {"label"}
        told += len(found.leaks)
    assert told == 50  # by its being missing alone: its values are noise
    assert abs(np.mean(noise) - 0.5) < 0.01


def test_few_leavers_are_too_few_to_say() -> None:
    churned = np.zeros(800)
    churned[-8:] = 1
    taken = made_up({"label": churned}, churned, np.arange(800) % 8)
    found = single_feature.probe(taken, single_feature.measure(taken))
    assert found.findings == () and "too few" in found.note


def test_a_lower_bound_holds_in_99_of_100_samples() -> None:
    """Two normal scores at a known distance: the true area is known, and the bound lies above it in 1 of 100."""
    above, rng = 0, np.random.default_rng(0)
    truth = norm.cdf(1.5 / np.sqrt(2))
    for _ in range(1_000):
        churned = np.repeat([1.0, 0.0], [30, 300])
        found = delong.auc(churned, rng.normal(size=330) + 1.5 * churned)
        above += found.at_least > truth
    assert above <= 20


def lives(seed: int, hazard_ratio: float, n: int = 1_200, months: int = 8) -> tuple[Any, Any, Any]:
    """Customers who leave at a constant risk: who has the honest trait, and the month of leaving (or *months*)."""
    rng = np.random.default_rng(seed)
    trait = rng.random(n) < 0.3
    risk = 0.04 * np.where(trait, hazard_ratio, 1)
    return rng, trait, np.minimum(rng.geometric(risk) - 1, months)


def at_risk(columns: dict[str, Any], left: Any, months: int = 8) -> sample.Sample:
    who, month = (
        part.ravel() for part in np.meshgrid(np.arange(len(left)), np.arange(months), indexing="ij")
    )
    there = month <= left[who]
    who, month = who[there], month[there]
    taken = made_up(
        {name: np.asarray(values)[who] for name, values in columns.items()},
        (left[who] == month).astype(float),
        month,
    )
    order = pd.DataFrame({"who": who, "month": month, "id": [f"c{i}" for i in range(len(who))]}).sort_values(
        ["id"]
    )
    frame = taken.frame.assign(customer_id=[f"p{i}" for i in order.who])
    return dataclasses.replace(taken, frame=frame)


def drifts(taken: sample.Sample, column: str) -> list[drift.Drift]:
    risk = drift.of_sample(taken)
    values = taken.frame[column]
    made = groups(values, np.ones(len(values), dtype=bool), 6)
    return list(undated_values._drifts(taken, risk, made, column, by_rank=True))


def test_an_honest_trait_does_not_drift_however_strong() -> None:
    z = []
    for seed in range(30):
        rng, trait, left = lives(seed, 4.0)
        found = drifts(
            at_risk({"trait": trait.astype(float) + 0.01 * rng.normal(size=len(trait))}, left), "trait"
        )
        assert not any(one.counts(dated=False) for one in found)
        z += [one.z for one in found]
    assert 0.5 < np.std(z) < 1.3


@pytest.mark.parametrize("share", [1.0, 0.5])
def test_a_value_written_at_the_end_drifts(share: float) -> None:
    for seed in range(5):
        rng, _, left = lives(seed, 1.0)
        state = np.where((left < 8) & (rng.random(len(left)) < share), "closed", "open").astype(object)
        (worst, *_) = sorted(drifts(at_risk({"state": state}, left), "state"), key=lambda one: -one.z)
        assert worst.counts(dated=False) and worst.change > 2


def test_two_cutoffs_are_too_few_for_a_drift(small: tuple[Frames, Config]) -> None:
    _, _, left = lives(0, 1.0, months=2)
    taken = at_risk({"state": left.astype(float)}, np.minimum(left, 2), months=2)
    found = undated_values.probe(open_tables(small[1], small[0]), taken)
    assert found.findings == () and found.result == "not testable"


def test_what_holds_at_its_own_time_alone_opens_a_gap() -> None:
    rng = np.random.default_rng(3)
    n, months = 8_000, 8
    cutoff, churned = np.arange(n) % months, (rng.random(n) < 0.1).astype(float)
    honest = rng.normal(size=n) + churned
    # Days since the last visit, counted from the extract: at each cutoff another number tells who left.
    since = 30.0 * (months - cutoff) + np.where(churned == 1, 1, -1) * rng.uniform(0, 14, n)
    plain = random_against_time.probe(made_up({"honest": honest}, churned, cutoff), 0, 1)
    assert plain.findings == () and abs(float(str(plain.figures["gap"]))) < 0.02
    found = random_against_time.probe(made_up({"honest": honest, "since": since}, churned, cutoff), 0, 1)
    assert about(found.leaks) == {"split"}


# ---------------------------------------------------------------- the last days of an extract


def contacts(seed: int, *, until: int = 31, **columns: Any) -> pd.DataFrame:
    """Contacts of 400 days on weekdays alone, none after a day of the month, half as many in December."""
    rng = np.random.default_rng(seed)
    at = pd.Timestamp("2025-12-01", tz="UTC") - pd.to_timedelta(rng.uniform(0, 400, 24_000), unit="D")
    odd = (at.day_of_week >= 5) | (at.day > until) | ((at.month == 12) & (rng.random(len(at)) < 0.5))
    at = at[~odd]
    ids = [f"c{i}" for i in rng.integers(0, 500, len(at))]
    frame = pd.DataFrame({"customer_id": ids, "started_at": at})
    return frame.assign(**{name: made(rng, at) for name, made in columns.items()})


def last_days(frame: pd.DataFrame) -> Probe:
    config = parse_config({"project": {"observation_end": "2025-12-01"}}, Path())
    return late_arrival.probe(open_tables(config, {"interactions": frame}))


END = pd.Timestamp("2025-12-01", tz="UTC")


def test_weekends_months_and_seasons_are_no_late_rows() -> None:
    for seed in range(5):
        frame = contacts(
            seed,
            until=28,
            topic=lambda rng, at: np.where(at.day_of_week == 4, "friday", rng.choice(["a", "b"], len(at))),
            scripted=lambda rng, at: rng.random(len(at)) < 0.3,
        )
        assert last_days(frame).findings == ()


@pytest.mark.parametrize("delay", [3, 10])
def test_what_is_filled_in_after_days_is_named(delay: int) -> None:
    def filled(rng: Any, at: Any) -> Any:
        done = at + pd.to_timedelta(rng.exponential(delay, len(at)), unit="D") < END
        return np.where(done, rng.choice(["yes", "no"], len(at)), None)

    assert about(last_days(contacts(0, topic=filled)).leaks) == {"interactions.topic"}


def test_rows_recorded_late_are_named_unless_they_say_when() -> None:
    frame = contacts(
        0, recorded_at=lambda rng, at: at + pd.to_timedelta(rng.exponential(4, len(at)), unit="D")
    )
    frame = frame[frame.recorded_at < END]
    assert last_days(frame).findings == ()
    assert about(last_days(frame.drop(columns="recorded_at")).leaks) == {"interactions.rows"}


# ---------------------------------------------------------------- the whole audit, as a job and a command


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A pipeline whose customers carry a sum up to the extract, and values that nobody may see in a page."""
    home = tmp_path_factory.mktemp("audited")
    data = jobs.simulate(home / "data", customers=400, months=10, seed=6)
    pipeline = home / "pipeline"
    shutil.copytree(data, pipeline, ignore=shutil.ignore_patterns("truth", "manifest.json"))
    people = pd.read_parquet(pipeline / "customers.parquet")
    orders = pd.read_parquet(pipeline / "orders.parquet").groupby("customer_id").size()
    people["orders so far"] = people.customer_id.map(orders).fillna(0)
    people["area"] = np.where(np.arange(len(people)) % 2, "kanari one", "kanari two")
    people.to_parquet(pipeline / "customers.parquet")
    text = (pipeline / "cxml.toml").read_text(encoding="utf-8")
    others = "recoveries|returns|charges|visits|sessions|messages|posts|agents"
    text = re.sub(rf"\[tables\.({others})\]\nsource = .*\n", "", text)
    text = re.sub(r'\[\[value.sources\]\]\ntable = "charges"(\n.+)*', "", text)
    text = text.replace(
        'source = "customers.parquet"', 'source = "customers.parquet"\nattributes = ["orders so far", "area"]'
    )
    leave_out = str(few_features()["leave_out"]).replace("'", '"')
    text += f"\n[features]\nlookbacks = [90]\nleave_out = {leave_out}\n\n[model]\nthreads = 1\n"
    (pipeline / "cxml.toml").write_text(text, encoding="utf-8")
    return pipeline


def command(monkeypatch: pytest.MonkeyPatch, *words: object) -> int:
    monkeypatch.setattr(sys, "argv", ["cxml", *map(str, words)])
    try:
        commands.main()
    except SystemExit as end:
        return int(end.code or 0)
    return 0


def test_a_leak_ends_with_code_3_and_a_page(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert command(monkeypatch, "audit", folder) == 3
    said = capsys.readouterr()
    assert "orders so far" in said.err and "fix" in said.err and "expected" in said.err
    written = folder / "runs" / "audit" / "CURRENT"
    found = json.loads((written / "audit.json").read_text(encoding="utf-8"))
    assert found["passed"] is False
    leaks = [one for probe in found["probes"] for one in probe["findings"] if one["leak"]]
    assert {one["about"] for one in leaks} == {"customer_orders_so_far"}
    assert all(one[part] for one in leaks for part in ("what", "where", "expected", "fix"))
    page = (written / "audit.md").read_text(encoding="utf-8")
    assert page.startswith("# Audit of demo\n\nFailed") and "customer_orders_so_far" in page
    for text in (page, json.dumps(found), said.out, said.err):
        assert "kanari" not in text.lower() and not re.search(r"C0000\d{4}", text)
    assert len(found["probes"]) == 7 and found["customers"] == found["everyone"]


def test_what_is_allowed_ends_with_code_0(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert (
        command(
            monkeypatch, "--json", "audit", folder, "--allow", "customer_orders_so_far", "--customers", 150
        )
        == 0
    )
    said = json.loads(capsys.readouterr().out)
    assert said["passed"] is True and said["leaks"] == []
    page = (folder / "runs" / "audit" / "CURRENT" / "audit.md").read_text(encoding="utf-8")
    assert "(allowed)" in page and re.search(r"150 customers of \d+, drawn by seed 0", page)


def test_a_name_that_nothing_is_called_is_refused(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert command(monkeypatch, "--quiet", "audit", folder, "--allow", "customer_orders_so_fr") == 2


def test_the_same_data_give_the_same_answers(small: tuple[Frames, Config]) -> None:
    frames, config = small
    mixed = {name: frame.sample(frac=1, random_state=1) for name, frame in frames.items()}
    first, second = (probed(open_tables(config, some), customers=120) for some in (frames, mixed))
    assert first == second


# ---------------------------------------------------------------- ten companies without a leak


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(10))
def test_a_clean_company_passes(seed: int) -> None:
    made = simulate(customers=2_000, months=14, seed=seed)
    raw = {name: part for name, part in tomllib.loads(made.config).items() if name != "tables"}
    found = audit(open_tables(parse_config(raw, Path()), made.tables))
    assert found.passed, found.verdict
    assert not any(probe.findings for probe in found.probes)
    assert all(probe.result == "passed" for probe in found.probes)
