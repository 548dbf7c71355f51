"""What a purchase is: by hand, and the same for who is at risk, who left, behaviour and value."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
import pytest
from at_cutoffs import both_at, features_at

from cxml.config.load import parse_config
from cxml.tables.check import check_tables
from cxml.tables.opening import Tables, open_tables
from cxml.training.value_target import purchase_columns

CUTOFF, END = datetime(2025, 2, 1, tzinfo=UTC), datetime(2025, 4, 1, tzinfo=UTC)
WITHIN, HORIZON = timedelta(days=60), timedelta(days=28)
SEOUL = ZoneInfo("Asia/Seoul")
LOOKED_AT = (
    "frequency",
    "recency",
    "T",
    "monetary_value",
    "purchase_value",
    "orders_n_90d",
    "order_days_since",
    "order_gap_cv",
    "margin_sum_90d",
    "value_90d",
    "categories_n_365d",
    "new_categories_n_365d",
    "order_overdue",
    "bought_again",
)


def shop(frames: dict[str, pd.DataFrame], activity: str = "orders", zone: str = "UTC") -> Tables:
    raw = {
        "project": {"observation_end": END, "timezone": zone},
        "engine": {"threads": 1},
        "population": {"by": "activity", "within": f"{WITHIN.days}D", "activity": [activity]},
        "churn": {"definition": "inactivity", "activity": [activity], "horizon": f"{HORIZON.days}D"},
        "features": {"lookbacks": [30, 90, 180, 365]},
    }
    if "orders" in frames:
        money = "revenue" if "revenue" in frames["orders"] else "margin"
        raw["value"] = {"discount_rate": 0.0, "sources": [{"table": "orders", "column": money}]}
    return open_tables(parse_config(raw, Path()), frames)


def learned(tables: Tables) -> pd.DataFrame:
    """Features and labels of everybody at risk, by customer."""
    return both_at(tables, [CUTOFF]).set_index("customer_id")


def orders(rows: list[tuple[str, str, float | None, str | None]]) -> pd.DataFrame:
    frame = pd.DataFrame(rows, columns=["customer_id", "ordered_at", "revenue", "cancelled_at"])
    for name in ("ordered_at", "cancelled_at"):
        frame[name] = pd.to_datetime(frame[name], utc=True)
    return frame.assign(order_id=[f"o{k}" for k in range(len(frame))])


BY_HAND = orders(
    [
        ("once", "2025-01-01 10:00", 100, None),
        ("twice", "2025-01-01 10:00", 100, None),
        ("twice", "2025-01-11 10:00", 500, None),
        ("cancelled", "2025-01-01 10:00", 100, None),
        ("cancelled", "2025-01-11 10:00", 500, "2025-01-11 11:00"),
        ("cancelled later", "2025-01-01 10:00", 100, None),
        ("cancelled later", "2025-01-11 10:00", 500, "2025-02-01 00:00"),
        ("given back", "2025-01-01 10:00", 100, None),
        ("given back", "2025-01-11 10:00", -100, None),
        ("free", "2025-01-01 10:00", 100, None),
        ("free", "2025-01-11 10:00", 0, None),
        ("rung up wrong", "2025-01-01 10:00", 100, None),
        ("rung up wrong", "2025-01-11 10:00", 500, None),
        ("rung up wrong", "2025-01-11 10:05", -500, None),
        ("put right", "2025-01-01 10:00", 100, None),
        ("put right", "2025-01-11 10:00", 500, None),
        ("put right", "2025-01-11 10:05", -500, None),
        ("put right", "2025-01-11 10:06", 40, None),
        ("price unknown", "2025-01-01 10:00", 100, None),
        ("price unknown", "2025-01-11 10:00", None, None),
        # The label window: one order that is taken back, one free one, one real one.
        ("cancels in it", "2025-01-01 10:00", 50, None),
        ("cancels in it", "2025-02-10 10:00", 80, "2025-02-10 12:00"),
        ("given back in it", "2025-01-01 10:00", 50, None),
        ("given back in it", "2025-02-10 10:00", -50, None),
        ("free in it", "2025-01-01 10:00", 50, None),
        ("free in it", "2025-02-10 10:00", 0, None),
        ("buys in it", "2025-01-01 10:00", 50, None),
        ("buys in it", "2025-02-10 10:00", 80, None),
        # Never bought as far as anybody knew.
        ("only cancelled", "2025-01-05 10:00", 80, "2025-01-06 10:00"),
        ("only free", "2025-01-05 10:00", 0, None),
        ("only credit", "2025-01-05 10:00", -80, None),
    ]
)
ONCE = (0, 0.0, 1, 30.583, np.nan)
EXPECTED = {  # frequency, recency, orders_n_90d, order_days_since, monetary_value; purchase_value, churned, value
    "once": (*ONCE, 100, 1, 0),
    "twice": (1, 10.0, 2, 20.583, 500, 300, 1, 0),
    "cancelled": (*ONCE, 100, 1, 0),
    "cancelled later": (1, 10.0, 2, 20.583, 500, 300, 1, 0),
    "given back": (*ONCE, 0, 1, 0),
    "free": (*ONCE, 100, 1, 0),
    "rung up wrong": (*ONCE, 100, 1, 0),
    "put right": (1, 10.004, 3, 20.579, 40, 70, 1, 0),
    "price unknown": (1, 10.0, 2, 20.583, np.nan, 50, 1, 0),
    "cancels in it": (*ONCE, 50, 1, 0),
    "given back in it": (*ONCE, 50, 1, -50),
    "free in it": (*ONCE, 50, 1, 0),
    "buys in it": (*ONCE, 50, 0, 80),
}
COLUMNS = [
    "frequency",
    "recency",
    "orders_n_90d",
    "order_days_since",
    "monetary_value",
    "purchase_value",
    "churned",
    "value",
]


def test_purchases_by_hand() -> None:
    got = learned(shop({"orders": BY_HAND}))[COLUMNS]
    want = pd.DataFrame.from_dict(EXPECTED, orient="index", columns=COLUMNS).sort_index()
    pd.testing.assert_frame_equal(got.astype(float), want.astype(float), check_names=False, rtol=0, atol=2e-3)


def chaos(seed: int) -> pd.DataFrame:
    """Orders of many kinds, often several on a day, on both sides of the cutoff and of midnight in Seoul."""
    rng = np.random.default_rng(seed)
    size = 900
    day = rng.integers(-200, 55, size)
    at = (
        pd.Timestamp(CUTOFF)
        + pd.to_timedelta(day, unit="D")
        + pd.to_timedelta(rng.integers(0, 24, size), unit="h")
    )
    late = at + pd.to_timedelta(rng.integers(0, 60 * 24, size), unit="h")
    money = rng.choice([120.0, 60.5, 60.5, 0.0, -60.5, -120.0, np.nan], size)
    return pd.DataFrame(
        {
            "order_id": [f"o{k}" for k in range(size)],
            "customer_id": [f"c{k:02d}" for k in rng.integers(0, 60, size)],
            "ordered_at": at,
            "revenue": money,
            "margin": money / 2,
            "category": rng.choice(["a", "b", "c"], size),
            "cancelled_at": pd.Series(late).where((rng.random(size) < 0.4) & (late < pd.Timestamp(END))),
        }
    )


def purchases(frame: pd.DataFrame, known: datetime) -> pd.DataFrame:
    """The purchases among the orders before *known*, by hand: as everything was known just before."""
    seen = frame[frame.ordered_at < pd.Timestamp(known)]
    seen = seen[~(seen.cancelled_at < pd.Timestamp(known))]
    day = seen.ordered_at.dt.tz_convert(SEOUL).dt.date
    spend = seen.revenue.groupby([seen.customer_id, day]).transform("sum")
    return seen[seen.revenue.isna() | ((seen.revenue > 0) & (spend > 0))]


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("versions", [False, True])
def test_who_is_at_risk_and_who_left_by_the_same_rule(seed: int, versions: bool) -> None:
    frame = chaos(seed).assign(**({"recorded_at": lambda f: f.ordered_at} if versions else {}))
    found = learned(shop({"orders": frame}, zone="Asia/Seoul"))
    before, later = purchases(frame, CUTOFF), purchases(frame, END)
    cutoff = pd.Timestamp(CUTOFF)
    assert set(found.index) == set(before[before.ordered_at >= cutoff - WITHIN].customer_id)
    in_window = later[(later.ordered_at >= cutoff) & (later.ordered_at < cutoff + HORIZON)]
    assert set(found.index[found.churned == 0]) == set(found.index) & set(in_window.customer_id)
    assert (
        found.orders_n_180d
        == before[before.ordered_at >= cutoff - timedelta(days=180)]
        .groupby("customer_id")
        .size()
        .reindex(found.index)
    ).all()
    assert 0 < found.churned.mean() < 1


@pytest.mark.parametrize("seed", range(3))
def test_dead_orders_change_nothing_but_what_counts_them(seed: int) -> None:
    frame = chaos(seed)
    frame = frame[frame.revenue.isna() | (frame.revenue >= 0)]
    dead = (frame.cancelled_at < pd.Timestamp(CUTOFF)) | (frame.revenue == 0)
    dead |= frame.cancelled_at.notna() & (frame.ordered_at >= pd.Timestamp(CUTOFF))
    whole, alive = learned(shop({"orders": frame})), learned(shop({"orders": frame[~dead]}))
    assert dead.sum() > 200 and (whole.cancelled_orders_n_180d > 0).any()
    columns = [name for name in (*LOOKED_AT, "churned", "value") if name in alive]
    assert len(columns) == len(LOOKED_AT) + 2
    whole, alive = (
        one.fillna({"margin_sum_90d": 0.0})[columns] for one in (whole, alive)
    )  # free orders add 0
    pd.testing.assert_frame_equal(whole, alive)


def test_where_there_is_no_revenue_the_margin_tells() -> None:
    frame = BY_HAND.rename(columns={"revenue": "margin"})
    got = learned(shop({"orders": frame}))
    assert "monetary_value" not in got and got.frequency.to_dict() == {k: v[0] for k, v in EXPECTED.items()}
    bare = learned_without_money(frame.drop(columns="margin"))
    assert bare["given back"] == 1 and bare["free"] == 1 and bare["cancelled"] == 0 and "only credit" in bare


def learned_without_money(frame: pd.DataFrame) -> dict[str, Any]:
    tables = shop({"orders": frame.assign(margin=1.0)})
    config = parse_config(
        {
            "project": {"observation_end": END},
            "population": {"activity": ["orders"]},
            "engine": {"threads": 1},
        },
        Path(),
    )
    tables = open_tables(config, {"orders": frame})
    found: dict[str, Any] = features_at(tables, [CUTOFF]).set_index("customer_id").frequency.to_dict()
    return found


def test_a_credit_on_a_bill_and_a_visit_given_up_are_no_activity() -> None:
    at = pd.to_datetime(["2025-01-05", "2025-01-05", "2025-02-05", "2025-02-06"], utc=True)
    who = ["a", "b", "a", "b"]
    charges = pd.DataFrame(
        {"charge_id": list("wxyz"), "customer_id": who, "charged_at": at, "amount": [10.0, 0.0, -10.0, 0.0]}
    )
    found = learned(shop({"charges": charges}, "charges"))
    assert found.churned.to_dict() == {"a": 1, "b": 0}
    assert found.charge_mean_90d.to_dict() == {"a": 10.0, "b": 0.0}
    visits = pd.DataFrame(
        {
            "visit_id": list("wxyz"),
            "customer_id": who,
            "window_start": at,
            "window_end": at + timedelta(hours=4),
            "cancelled_by_customer": [False, False, True, False],
        }
    )
    assert learned(shop({"visits": visits}, "visits")).churned.to_dict() == {"a": 1, "b": 0}


def test_check_tells_what_is_no_purchase() -> None:
    notes = " ".join(check_tables(shop({"orders": BY_HAND})).notes)
    assert "5 of 31 orders are credit notes" in notes and "3 of 31 orders brought nothing" in notes


def test_refunds_are_deducted_from_target_history_and_spend_where_returns_are_a_source() -> None:
    bought = orders(
        [
            ("kept", "2025-01-01 10:00", 100, None),
            ("kept", "2025-02-10 10:00", 80, None),
            ("back", "2025-01-01 10:00", 100, None),
            ("back", "2025-01-11 10:00", 500, None),
            ("back", "2025-02-10 10:00", 80, None),
            ("owed", "2025-01-11 10:00", 500, None),
        ]
    )
    returns = pd.DataFrame(
        {
            "return_id": ["r0", "r1", "r2"],
            "customer_id": ["back", "back", "owed"],
            "order_id": ["o3", "o4", "o5"],
            "requested_at": pd.to_datetime(["2025-01-15", "2025-02-20", "2025-01-20"], utc=True),
            "refunded_at": pd.to_datetime(
                ["2025-01-20", "2025-02-25", "2025-02-03"], utc=True
            ),  # the last after the cutoff
            "refund": [500.0, 80.0, 500.0],
        }
    )
    whole = shop({"orders": bought, "returns": returns})
    source = {
        "discount_rate": 0.0,
        "sources": [{"table": t, "column": c} for t, c in (("orders", "revenue"), ("returns", "refund"))],
    }
    raw = {
        "project": {"observation_end": END},
        "engine": {"threads": 1},
        "value": source,
        "population": {"by": "activity", "within": f"{WITHIN.days}D", "activity": ["orders"]},
        "churn": {"activity": ["orders"], "horizon": f"{HORIZON.days}D"},
        "features": {"lookbacks": [30, 90, 365]},
    }
    net = open_tables(parse_config(raw, Path()), {"orders": bought, "returns": returns})
    found, gross = learned(net), learned(whole)
    assert gross.value.to_dict() == {"kept": 80, "back": 80, "owed": 0}
    assert found.value.to_dict() == {"kept": 80, "back": 0, "owed": 0}
    assert found.value_90d.to_dict() == {"kept": 100, "back": 100, "owed": 500}, (
        "a refund is known once it is paid"
    )
    assert found.purchase_value.to_dict() == {"kept": 100, "back": 50, "owed": 500}
    assert (
        found.refund_share.dropna().to_dict() == {"back": pytest.approx(500 / 600)}
        and found.returns_n_90d["owed"] == 1
    )
    columns = purchase_columns([*found.columns], net.config)
    assert columns is not None and columns.steady == (), "what is given back does not go on at its rate"
    said = " ".join(check_tables(whole).notes)
    assert 'add [[value.sources]] with table = "returns"' in said
    assert "not deducted" not in " ".join(check_tables(net).notes)


def test_single_giants_are_named() -> None:
    usual = [(f"c{k}", "2025-01-05 10:00", 20 + k % 7, None) for k in range(150)]
    giants = [
        ("x", "2025-01-06 10:00", 168_470, "2025-01-06 10:12"),
        ("y", "2025-01-06 10:00", 400_000, None),
    ]
    notes = " ".join(check_tables(shop({"orders": orders([*usual, *giants])})).notes)
    assert "1 order holds more than a tenth of all money each (the largest is the order o151)" in notes
    assert (
        "1 order of more than 50 times the usual was cancelled within the hour (the largest is the order o150)"
        in notes
    )
    quiet = " ".join(check_tables(shop({"orders": orders(usual)})).notes)
    assert "tenth of all money" not in quiet and "within the hour" not in quiet
