"""The planner against a log cut by hand: what pandas says was known at each cutoff, planned on its own."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime

import numpy as np
import pandas as pd
import pytest
from oracle import beside

from cxml.engine import Engine
from cxml.factors.declare import (
    EVER,
    Derived,
    Factor,
    Feature,
    Flag,
    count,
    days_from,
    days_since,
    faded,
    latest,
    mean,
    quantile,
    share,
    total,
    worst,
)
from cxml.features import planner
from cxml.snapshots.handle import Snapshots

DAY = 86400
BASE = 1_735_689_600  # 2025-01-01 UTC
CUTOFFS = (BASE + 60 * DAY, BASE + 90 * DAY, BASE + 120 * DAY)

FACTOR = Factor(
    name="probe",
    en="probe",
    ko="시험",
    kind="lever",
    family="process",
    tier=2,
    says="every kind of expression",
    features=(
        Feature(
            name="bill_next",
            table="interactions",
            sql=count("next_topic = 'bill'"),
            unit="count",
            row="A2",
            direction="+",
            en="n",
            ko="n",
            empty=0,
        ),
        Feature(
            name="n",
            table="interactions",
            sql=count(),
            unit="count",
            row="A2",
            direction="+",
            en="n",
            ko="n",
            empty=0,
        ),
        Feature(
            name="wait",
            table="interactions",
            sql=mean("wait_s"),
            unit="s",
            row="A1",
            direction="+",
            en="n",
            ko="n",
        ),
        Feature(
            name="wait_p90",
            table="interactions",
            sql=quantile("wait_s", 0.9),
            unit="s",
            row="A1",
            direction="+",
            en="n",
            ko="n",
        ),
        Feature(
            name="worst_wait",
            table="interactions",
            sql=worst("wait_s"),
            unit="s",
            row="A1",
            direction="+",
            en="n",
            ko="n",
        ),
        Feature(
            name="last_wait",
            table="interactions",
            sql=latest("wait_s"),
            unit="s",
            row="A1",
            direction="+",
            en="n",
            ko="n",
            lookbacks=(90,),
        ),
        Feature(
            name="since",
            table="interactions",
            sql=days_since(),
            unit="d",
            row="A1",
            direction="+",
            en="n",
            ko="n",
            lookbacks=EVER,
        ),
        Feature(
            name="since_fix",
            table="interactions",
            sql=days_from("resolved_at"),
            unit="d",
            row="A1",
            direction="+",
            en="n",
            ko="n",
            lookbacks=(90,),
        ),
        Feature(
            name="open",
            table="interactions",
            sql=count("resolved_at is null"),
            unit="count",
            row="A4",
            direction="+",
            en="n",
            ko="n",
            empty=0,
        ),
        Feature(
            name="repeats",
            table="interactions",
            sql=count("again"),
            unit="count",
            row="D7",
            direction="+",
            en="n",
            ko="n",
            empty=0,
        ),
        Feature(
            name="after_quit",
            table="interactions",
            sql=share("after_quit"),
            unit="share",
            row="D7",
            direction="+",
            en="n",
            ko="n",
        ),
        Feature(
            name="topics",
            table="interactions",
            sql=count("last_of_topic"),
            unit="count",
            row="D7",
            direction="+",
            en="n",
            ko="n",
            empty=0,
        ),
        Feature(
            name="fading",
            table="interactions",
            sql=faded("coalesce(wait_s, 0)", 30),
            unit="ratio",
            row="D38",
            direction="+",
            en="n",
            ko="n",
            lookbacks=(90,),
        ),
        Feature(
            name="long",
            table="interactions",
            sql=total("long_wait"),
            unit="count",
            row="C5",
            direction="+",
            en="n",
            ko="n",
            empty=0,
        ),
    ),
    flags=(
        Flag(
            "again",
            "interactions",
            "coalesce(t - lag(t) over (partition by who, topic order by t, pos) <= 604800, false)"
            " and topic is not null",
            reach=7,
        ),
        Flag(
            "next_of_topic",
            "interactions",
            "lead(t) over (partition by who, topic order by t, pos)",
            ahead=True,
        ),
        Flag("last_of_topic", "interactions", "next_of_topic is null and topic is not null"),
        Flag(
            "after_quit",
            "interactions",
            "coalesce(lag(abandoned) over (partition by who order by t, pos), false)"
            " and t - lag(t) over (partition by who order by t, pos) <= 864000",
            reach=10,
        ),
        Flag("long_wait", "interactions", "cast(wait_s > 300 as int)"),
        Flag("next_topic", "interactions", "lead(topic) over (partition by who order by t, pos)"),
    ),
    derived=(
        Derived(
            name="trend",
            sql="(n_{short}d / {short}e0) / nullif(n_{long}d / {long}e0, 0)",
            unit="ratio",
            row="A2",
            direction="+",
            en="n",
            ko="n",
        ),
        Derived(
            name="open_share",
            sql="open_{w}d / nullif(cast(n_{w}d as double), 0)",
            unit="share",
            row="A4",
            direction="+",
            en="n",
            ko="n",
        ),
    ),
)


def log(seed: int, rows: int = 400, customers: int = 25, *, versions: bool) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    t = BASE + rng.integers(0, 125 * DAY, rows)
    on_edge = rng.random(rows) < 0.15
    t[on_edge] = rng.choice(CUTOFFS, on_edge.sum()) - rng.choice(
        [0, 1, 7 * DAY, 30 * DAY, 90 * DAY], on_edge.sum()
    )
    frame = pd.DataFrame(
        {
            "interaction_id": [f"i{k:05d}" for k in range(rows)],
            "customer_id": [f"c{k:03d}" for k in rng.integers(0, customers, rows)],
            "started_at": t,
            "topic": rng.choice(["bill", "line", "move", None], rows),
            "wait_s": np.where(rng.random(rows) < 0.2, np.nan, rng.integers(0, 900, rows).astype(float)),
            "abandoned": rng.random(rows) < 0.3,
            "resolved_at": np.where(rng.random(rows) < 0.3, np.nan, t + rng.integers(0, 20 * DAY, rows)),
        }
    )
    if versions:
        frame["recorded_at"] = frame.started_at + np.where(
            rng.random(rows) < 0.1, rng.integers(0, 30 * DAY, rows), 0
        )
        again = frame.sample(60, random_state=seed)
        again = again.assign(
            recorded_at=again.recorded_at + rng.integers(1, 40 * DAY, 60),
            wait_s=rng.integers(0, 900, 60).astype(float),
            topic=rng.choice(["bill", "line"], 60),
        )
        frame = pd.concat([frame, again], ignore_index=True)
    return frame


def cut(frame: pd.DataFrame, cutoff: int) -> pd.DataFrame:
    """The log as a clerk would have copied it just before *cutoff*."""
    seen = frame[frame.started_at < cutoff]
    if "recorded_at" in seen:
        seen = (
            seen[seen.recorded_at < cutoff]
            .sort_values("recorded_at")
            .drop_duplicates("interaction_id", keep="last")
        )
        seen = seen.drop(columns="recorded_at")
    seen = seen.copy()
    over = seen.started_at + np.ceil(seen.wait_s) < cutoff  # without a wait nothing says when it was over
    seen["wait_s"] = seen.wait_s.where(over)
    seen["abandoned"] = seen.abandoned.astype(object).where(over, None)
    seen["resolved_at"] = seen.resolved_at.where(seen.resolved_at < cutoff)
    return seen


def matrix(
    frame: pd.DataFrame, cutoffs: tuple[int, ...], threads: int = 2
) -> tuple[planner.MatrixPlan, pd.DataFrame]:
    engine = Engine(threads=threads)
    typed = frame.assign(**{c: pd.to_datetime(frame[c], unit="s") for c in frame if c.endswith("_at")})
    typed["abandoned"] = typed.abandoned.astype("boolean")
    engine.register("raw_log", typed)
    engine.view(
        "interactions", f"select *, {beside('interactions')}, row_number() over () as cxml_order from raw_log"
    )
    keys = ", ".join(f"('c{k:03d}', {k})" for k in range(25))
    values = ", ".join(f"({k}, {c})" for k, c in enumerate(cutoffs))
    snapshots = Snapshots(engine).extended(
        customer_keys=f"select * from (values {keys}) v(customer_id, ci)",
        snapshots=f"select customer_id, ci, k, cast(c as bigint) as c, ci * {len(cutoffs)} + k as g"
        f" from customer_keys cross join (values {values}) v(k, c)",
    )
    planned = planner.plan({"interactions": frozenset(frame.columns)}, [FACTOR], (7, 30, 90))
    with planner.built(snapshots, planned) as relation:
        return planned, engine.arrow(f"select * from {relation} order by cutoff, customer_id").to_pandas()


@pytest.mark.parametrize("versions", [False, True])
@pytest.mark.parametrize("seed", range(4))
def test_every_cutoff_equals_a_log_cut_by_hand(seed: int, versions: bool) -> None:
    frame = log(seed, versions=versions)
    planned, together = matrix(frame, CUTOFFS)
    assert not planned.left_out
    assert (
        together["n_90d"].sum() > 0
        and together["repeats_90d"].sum() > 0
        and together["after_quit_90d"].sum() > 0
    )
    for cutoff in CUTOFFS:
        _, alone = matrix(cut(frame, cutoff), (cutoff,))
        here = together[together.cutoff == cutoff].reset_index(drop=True)
        pd.testing.assert_frame_equal(here, alone, check_exact=True)


@pytest.mark.parametrize("versions", [False, True])
def test_a_scrambled_future_changes_no_bit(versions: bool) -> None:
    frame = log(7, versions=versions)
    cutoff = CUTOFFS[1]
    _, before = matrix(frame, (cutoff,))
    rng = np.random.default_rng(1)
    known = np.maximum(frame.started_at, frame.get("recorded_at", frame.started_at))
    gone = frame[(known < cutoff) | (rng.random(len(frame)) < 0.5)].copy()
    later = gone.started_at + np.ceil(gone.wait_s.fillna(0)) >= cutoff
    unseen = np.maximum(gone.started_at, gone.get("recorded_at", gone.started_at)) >= cutoff
    gone.loc[unseen, "topic"] = "other"
    gone.loc[later & unseen, "wait_s"] = 1.0
    gone.loc[gone.resolved_at >= cutoff, "resolved_at"] += 5 * DAY
    _, after = matrix(gone.sample(frac=1, random_state=2), (cutoff,), threads=1)
    pd.testing.assert_frame_equal(before, after, check_exact=True)
    _, later_cutoff = matrix(gone, (CUTOFFS[2],))
    _, control = matrix(frame, (CUTOFFS[2],))
    assert not later_cutoff.equals(control)


def test_windows_are_half_open() -> None:
    cutoff = CUTOFFS[0]
    times = {"c000": cutoff, "c001": cutoff - 1, "c002": cutoff - 7 * DAY, "c003": cutoff - 7 * DAY - 1}
    frame = pd.DataFrame(
        {
            "interaction_id": list(times),
            "customer_id": list(times),
            "started_at": list(times.values()),
            "topic": "bill",
            "wait_s": 0.0,
            "abandoned": False,
            "resolved_at": np.nan,
        }
    )
    _, found = matrix(frame, (cutoff,))
    counts: Mapping[str, int] = found.set_index("customer_id")["n_7d"].to_dict()
    assert [counts[c] for c in ("c000", "c001", "c002", "c003")] == [0, 1, 1, 0]


def test_a_missing_column_takes_its_features_with_it_by_name() -> None:
    planned = planner.plan(
        {"interactions": frozenset({"interaction_id", "customer_id", "started_at", "topic"})}, [FACTOR], (30,)
    )
    assert planned.left_out["wait"] == ("interactions.wait_s",)
    assert planned.left_out["after_quit"] == ("interactions.abandoned", "interactions.wait_s")
    assert "open_share" in planned.left_out
    assert {c.feature.name for c in planned.columns} == {
        "n",
        "bill_next",
        "since",
        "repeats",
        "topics",
        "trend",
    }


def test_a_value_without_its_known_at_is_left_out() -> None:
    factor = Factor(
        name="f",
        en="f",
        ko="f",
        kind="lever",
        family="process",
        tier=2,
        says="f",
        features=(
            Feature(
                name="wrong",
                table="orders",
                sql=share("wrong_item"),
                unit="share",
                row="G35",
                direction="+",
                en="w",
                ko="w",
            ),
        ),
    )
    planned = planner.plan(
        {"orders": frozenset({"order_id", "customer_id", "ordered_at", "wrong_item"})}, [factor]
    )
    assert planned.left_out == {"wrong": ("orders.delivered_at",)}


OPTIONAL = Factor(
    name="f",
    en="f",
    ko="f",
    kind="lever",
    family="process",
    tier=2,
    says="f",
    optional=("interactions.corrected_at",),
    flags=(Flag("failed", "interactions", "abandoned or corrected_at is not null"),),
    features=(
        Feature(
            name="failures",
            table="interactions",
            sql=count("failed"),
            unit="count",
            row="R13",
            direction="+",
            en="f",
            ko="f",
            lookbacks=(90,),
            empty=0,
        ),
    ),
)
STRICT = Factor(
    name="g",
    en="g",
    ko="g",
    kind="lever",
    family="process",
    tier=2,
    says="g",
    features=(
        Feature(
            name="corrections",
            table="interactions",
            sql=count("corrected_at is not null"),
            unit="count",
            row="D13",
            direction="+",
            en="g",
            ko="g",
            lookbacks=(90,),
            empty=0,
        ),
    ),
)


def test_an_optional_column_is_missing_for_its_factor_and_lacking_for_others() -> None:
    present = frozenset({"interaction_id", "customer_id", "started_at", "ended_at", "abandoned"})
    planned = planner.plan({"interactions": present}, [OPTIONAL, STRICT])
    assert planned.left_out == {"corrections": ("interactions.corrected_at",)}
    assert planned.reduced == {"f": ("interactions.corrected_at",)}
    whole = planner.plan({"interactions": present | {"corrected_at"}}, [OPTIONAL, STRICT])
    assert (whole.left_out, whole.reduced) == ({}, {})
    engine = Engine(threads=1)
    engine.view(
        "interactions",
        f"select 'i' as interaction_id, 'a' as customer_id, {beside('interactions')},"
        f" make_timestamp({(CUTOFFS[0] - DAY) * 1_000_000}) as started_at, true as abandoned,"
        f" make_timestamp({(CUTOFFS[0] - DAY + 60) * 1_000_000}) as ended_at",
    )
    cutoff = datetime.fromtimestamp(CUTOFFS[0], UTC)
    with Snapshots.of(engine, ["a"], cutoff) as snapshots, planner.built(snapshots, planned) as relation:
        assert engine.rows(f"select failures_90d from {relation}") == [(1,)]


def test_a_formula_over_a_window_that_is_not_built_is_left_out() -> None:
    made = Factor(
        name="f",
        en="f",
        ko="f",
        kind="lever",
        family="process",
        tier=2,
        says="f",
        features=(
            Feature(
                name="n",
                table="interactions",
                sql=count(),
                unit="count",
                row="A2",
                direction="+",
                en="n",
                ko="n",
                empty=0,
            ),
            Feature(
                name="wait",
                table="interactions",
                sql=mean("wait_s"),
                unit="s",
                row="A1",
                direction="+",
                en="n",
                ko="n",
                lookbacks=(365,),
            ),
        ),
        derived=(
            Derived(
                name="each",
                sql="wait_365d / nullif(n_365d, 0)",
                unit="s",
                row="A1",
                direction="+",
                en="n",
                ko="n",
            ),
        ),
    )
    present = {"interactions": frozenset({"interaction_id", "customer_id", "started_at", "wait_s"})}
    assert "each" in planner.plan(present, [made], (30, 90)).left_out
    assert not planner.plan(present, [made], (30, 365)).left_out
