"""What a row gets from other rows: lookups, matches and norms, on cases small enough to read."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pandas as pd
import pytest
from oracle import beside

from cxml.contracts import TABLES
from cxml.engine import Engine
from cxml.errors import ConfigError
from cxml.factors.declare import Factor, Feature, Flag, Lookup, Match, Norm, count, latest, mean, share, total
from cxml.features import planner
from cxml.features.validate import validate
from cxml.snapshots.handle import Snapshots

DAY = 86400
C = 1_735_689_600  # 2025-01-01 UTC
CUTOFF = C + 200 * DAY


def ago(days: float) -> float:
    return CUTOFF - days * DAY


def factor(*features: Feature, **more: Any) -> Factor:
    made = Factor(
        name="probe",
        en="probe",
        ko="시험",
        kind="lever",
        family="process",
        tier=2,
        says="a probe",
        features=features,
        **more,
    )
    validate([made])
    return made


def feature(sql: str, table: str = "interactions", **more: Any) -> Feature:
    return Feature(
        name="probe",
        table=table,
        sql=sql,
        unit="count",
        row="A1",
        direction="+",
        en="probe",
        ko="시험",
        lookbacks=(90,),
        **more,
    )


def answers(made: Factor, **tables: list[dict[str, Any]]) -> dict[str, Any]:
    """The probe of every customer at the one cutoff; times are seconds."""
    engine = Engine(threads=1)
    present = {}
    for name, rows in tables.items():
        frame = pd.DataFrame(rows)
        for column in frame:
            if column == TABLES[name].event or column.endswith("_at") or column == "valid_to":
                frame[column] = pd.to_datetime(frame[column].astype(float), unit="s")
        if TABLES[name].id not in frame:
            frame[TABLES[name].id] = [f"{name}{k}" for k in range(len(frame))]
        engine.register(f"{name}_given", frame)
        engine.view(name, f"select *, {beside(name)}, row_number() over () as cxml_order from {name}_given")
        present[name] = frozenset(frame.columns)
    names = sorted({row["customer_id"] for rows in tables.values() for row in rows if "customer_id" in row})
    plan = planner.plan(present, [made])
    assert not plan.left_out
    cutoff = datetime.fromtimestamp(CUTOFF, UTC)
    with Snapshots.of(engine, names, cutoff) as snapshots, planner.built(snapshots, plan) as relation:
        found = engine.arrow(f"select customer_id, probe_90d from {relation}").to_pandas()
    return {name: None if pd.isna(value) else value for name, value in found.itertuples(index=False)}


SKILL = (Lookup("interactions", "agents", "agent_id", (("agent_training_h", "training_h"),)),)


def met(days: float, agent: str | None, customer: str = "a") -> dict[str, Any]:
    return {"customer_id": customer, "started_at": ago(days), "ended_at": ago(days) + 60, "agent_id": agent}


def span(agent: str, since: float, hours: float, until: float | None = None, **more: Any) -> dict[str, Any]:
    return {
        "agent_id": agent,
        "valid_from": ago(since),
        "training_h": hours,
        "valid_to": None if until is None else ago(until),
        **more,
    }


def test_an_agent_counts_as_at_the_time_of_the_contact() -> None:
    spans = [span("x", 100, 10.0), span("x", 20, 40.0), span("y", 100, 7.0, until=30)]
    found = answers(
        factor(feature(mean("agent_training_h")), lookups=SKILL),
        agents=spans,
        interactions=[
            met(50, "x", "before"),
            met(10, "x", "after"),
            met(20, "x", "at"),
            met(10, "y", "ended"),
            met(60, "y", "held"),
            met(5, None, "nobody"),
            met(5, "z", "unknown"),
        ],
    )
    assert found == {
        "before": 10.0,
        "after": 40.0,
        "at": 40.0,
        "ended": None,
        "held": 7.0,
        "nobody": None,
        "unknown": None,
    }


def test_what_was_recorded_of_an_agent_after_the_contact_does_not_count() -> None:
    spans = [
        span("x", 100, 10.0, recorded_at=ago(100)),
        span("x", 100, 50.0, recorded_at=ago(40)),
        span("x", 60, 99.0, recorded_at=ago(5)),
    ]
    found = answers(
        factor(feature(mean("agent_training_h")), lookups=SKILL),
        agents=spans,
        interactions=[met(50, "x", "first"), met(30, "x", "corrected"), met(4, "x", "late")],
    )
    assert found == {"first": 10.0, "corrected": 50.0, "late": 99.0}


def test_a_looked_up_value_is_hidden_until_it_is_known() -> None:
    order = (Lookup("returns", "orders", "order_id", (("order_delivered_at", "delivered_at"),)),)
    delivered = {"known": ago(5), "not yet": CUTOFF, "other": ago(5)}
    orders = [
        {"order_id": f"o{k}", "customer_id": name, "ordered_at": ago(30), "delivered_at": at}
        for k, (name, at) in enumerate(delivered.items())
    ]
    returns = [
        {"customer_id": "known", "requested_at": ago(20), "order_id": "o0"},
        {"customer_id": "not yet", "requested_at": ago(20), "order_id": "o1"},
        # An order of somebody else is no order of this customer.
        {"customer_id": "thief", "requested_at": ago(20), "order_id": "o2"},
    ]
    made = factor(feature(count("order_delivered_at is not null"), "returns", empty=0), lookups=order)
    found = answers(made, orders=orders, returns=returns)
    assert (found["known"], found["not yet"], found["thief"]) == (1, 0, 0)


CART = "cart_value > 0 and asked is not null"


def cart(days: float, customer: str) -> dict[str, Any]:
    return {"customer_id": customer, "started_at": ago(days), "cart_value": 10.0}


def question(days: float, customer: str, answered: float | None) -> dict[str, Any]:
    return {
        "customer_id": customer,
        "started_at": ago(days),
        "first_reply_at": None if answered is None else ago(answered),
    }


def test_a_cart_is_matched_with_the_question_that_was_open_then() -> None:
    match = Match(
        "asked",
        "sessions",
        "interactions",
        "t",
        "last before",
        30,
        where="first_reply_at is null or first_reply_at > own_t",
    )
    found = answers(
        factor(feature(count(CART), "sessions", empty=0), matches=(match,)),
        sessions=[
            cart(10, name) for name in ("open", "late", "answered", "old", "after", "none", "edge", "same")
        ],
        interactions=[
            question(12, "open", None),
            question(12, "late", 9),
            question(12, "answered", 11),
            question(41, "old", None),
            question(9, "after", None),
            question(12, "someone", None),
            question(40, "edge", None),
            question(10, "same", None),
        ],
    )
    assert found == {
        "open": 1,
        "late": 1,
        "answered": 0,
        "old": 0,
        "after": 0,
        "none": 0,
        "someone": 0,
        "edge": 1,
        "same": 0,
    }


def test_what_follows_is_matched_only_once_it_has_happened() -> None:
    match = Match("amends_at", "interactions", "recoveries", "t", "first after", 20, on="issue_id")
    made = factor(feature(total("amends_at - t")), matches=(match,))
    contacts = [
        {"customer_id": name, "started_at": ago(30), "issue_id": "i"}
        for name in ("made", "other issue", "never", "far")
    ]
    contacts.append({"customer_id": "later", "started_at": ago(2), "issue_id": "i"})
    acts = [
        {"customer_id": name, "at": at, "issue_id": issue}
        for name, at, issue in (
            ("made", ago(30), "i"),
            ("made", ago(20), "i"),
            ("other issue", ago(20), "j"),
            ("far", ago(9), "i"),
            ("later", CUTOFF, "i"),
        )
    ]
    found = answers(made, interactions=contacts, recoveries=acts)
    assert found == {"made": 0, "other issue": None, "never": None, "far": None, "later": None}


def test_a_norm_is_that_of_the_channel_in_the_same_weeks_before_the_cutoff() -> None:
    norm = (Norm("usual", "interactions", "wait_s", "channel"),)
    rows = [
        {"customer_id": f"other{k}", "started_at": ago(3), "channel": "phone", "wait_s": 100.0}
        for k in range(4)
    ]
    rows += [
        {"customer_id": "me", "started_at": ago(4), "channel": "phone", "wait_s": 600.0},  # mean: 200
        {"customer_id": "rare", "started_at": ago(4), "channel": "store", "wait_s": 600.0},
        {"customer_id": "older", "started_at": ago(40), "channel": "phone", "wait_s": 600.0},
        # A wait that ends at the cutoff is not known, neither by itself nor in the mean.
        {"customer_id": "unknown", "started_at": CUTOFF - 900, "channel": "phone", "wait_s": 900.0},
    ]
    found = answers(factor(feature(mean("wait_s - usual")), norms=norm), interactions=rows)
    assert found["me"] == 400
    assert found["other0"] == -100
    assert [found[name] for name in ("rare", "older", "unknown")] == [None, None, None]


def test_promises_go_by_the_channel() -> None:
    rows = [
        {"customer_id": f"{channel} {wait}", "started_at": ago(3), "channel": channel, "wait_s": float(wait)}
        for channel, wait in (
            ("phone.human", 299),
            ("phone.human", 301),
            ("social.dm", 3599),
            ("social.dm", 3601),
            ("post", 158_399),
            ("post", 158_401),
        )
    ]
    found = answers(factor(feature(share("wait_s > promised_s"))), interactions=rows)
    assert found == {
        "phone.human 299": 0,
        "phone.human 301": 1,
        "social.dm 3599": 0,
        "social.dm 3601": 1,
        "post 158399": 0,
        "post 158401": 1,
    }


def test_flags_may_use_matches_and_matches_flags() -> None:
    made = factor(
        feature(latest("case when served_then then 1 else 0 end"), "orders"),
        flags=(
            Flag("served", "interactions", "wait_s < 60"),
            Flag("served_then", "orders", "contact is not null"),
        ),
        matches=(Match("contact", "orders", "interactions", "t", "last before", 30, where="served"),),
    )
    rows = [
        {"customer_id": name, "started_at": ago(9), "wait_s": wait}
        for name, wait in (("fast", 5.0), ("slow", 99.0))
    ]
    orders = [{"customer_id": name, "ordered_at": ago(8)} for name in ("fast", "slow")]
    assert answers(made, interactions=rows, orders=orders) == {"fast": 1, "slow": 0}


@pytest.mark.parametrize(
    "more, word",
    [
        ({"matches": (Match("m", "orders", "orders", "t", "last before", 3),)}, "flag with a window"),
        ({"matches": (Match("m", "orders", "sessions", "ordered_on", "last before", 3),)}, "ordered_on"),
        ({"norms": (Norm("m", "interactions", "wait", "channel"),)}, "wait_s"),
        ({"lookups": (Lookup("interactions", "agents", "agent_id", (("m", "hired"),)),)}, "hired_at"),
        ({"lookups": (Lookup("interactions", "agents", "agent_id", (("m", "hired_at"),)),)}, ""),
        (
            {"lookups": (Lookup("interactions", "agents", "agent_id", (("m", "valid_to"),)),)},
            "both become known later",
        ),
    ],
)
def test_unsound_joins_are_refused_by_name(more: dict[str, Any], word: str) -> None:
    if not word:
        factor(feature(count()), **more)
        return
    with pytest.raises(ConfigError, match=word):
        factor(feature(count()), **more)


@pytest.mark.parametrize("days", [1, 20, 90, 365])
def test_a_norm_does_not_depend_on_what_else_is_asked(days: int) -> None:
    norm = (Norm("usual", "interactions", "wait_s", "channel"),)
    asked = Feature(
        name="probe",
        table="interactions",
        sql=mean("wait_s - usual"),
        unit="s",
        row="A1",
        direction="+",
        en="probe",
        ko="시험",
        lookbacks=(90,),
    )
    more = Feature(
        name="other",
        table="interactions",
        sql=mean("wait_s"),
        unit="s",
        row="A1",
        direction="+",
        en="probe",
        ko="시험",
        lookbacks=(days,),
    )
    rows = [
        {"customer_id": f"c{k % 7}", "started_at": ago(0.5 + k / 3), "channel": "phone", "wait_s": 7.0 * k}
        for k in range(350)
    ]
    alone = answers(factor(asked, norms=norm), interactions=rows)
    assert answers(factor(asked, more, norms=norm), interactions=rows) == alone
    assert None not in alone.values()
