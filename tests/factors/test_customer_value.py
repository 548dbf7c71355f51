"""Money at the largest amounts of the contract, against Python's Decimal: no sum or product of it overflows."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pytest
from at_cutoffs import features_at, labels_at

from cxml.config.load import parse_config
from cxml.factors.declare import MEASURED
from cxml.tables.check import check_tables
from cxml.tables.opening import Tables, open_tables

CUTOFF, END = datetime(2025, 3, 1, tzinfo=UTC), datetime(2025, 6, 1, tzinfo=UTC)
MOST = Decimal("99999999999999.9999")
"""The largest amount of a DECIMAL(18,4)."""


def at(days: int) -> datetime:
    return CUTOFF + timedelta(days=days)


def table(id_: str, event: str, money: tuple[str, ...], rows: list[dict[str, Any]]) -> pa.Table:
    """Rows of one table; money as DECIMAL(18,4)."""
    kinds = {name: pa.decimal128(18, 4) for name in money}
    columns = {name: [row.get(name) for row in rows] for name in rows[0]}
    found = pa.table({n: pa.array(v, kinds.get(n)) for n, v in columns.items()})
    return found.append_column(id_, pa.array([f"{id_}{k}" for k in range(len(rows))])).select(
        [id_, *[name for name in columns if name != event], event]
    )


def company(amounts: list[Decimal], share: float, rate: float) -> Tables:
    """One customer with every money of the contract: *amounts* before the cutoff and again after it."""
    ann = {"customer_id": "ann"}
    days = [*range(-len(amounts), 0), *range(1, len(amounts) + 1)]
    both = list(zip(days, amounts * 2, strict=True))
    frames = {
        "orders": table(
            "order_id",
            "ordered_at",
            ("revenue", "margin", "discount", "shipping_fee"),
            [
                {
                    **ann,
                    "ordered_at": at(day),
                    "revenue": x,
                    "margin": x,
                    "discount": abs(x),
                    "shipping_fee": abs(x),
                    "category": "a",
                }
                for day, x in both
            ],
        ),
        "charges": table(
            "charge_id",
            "charged_at",
            ("amount", "expected_amount"),
            [
                {**ann, "charged_at": at(day), "amount": x, "expected_amount": -x, "kind": "use"}
                for day, x in both
            ],
        ),
        "recoveries": table(
            "recovery_id",
            "at",
            ("amount", "damage"),
            [
                {
                    **ann,
                    "at": at(day),
                    "amount": abs(x),
                    "damage": abs(x),
                    "action": "compensate",
                    "issue_id": "i",
                }
                for day, x in both
            ],
        ),
        "subscriptions": table(
            "subscription_id",
            "started_at",
            ("price",),
            [{**ann, "started_at": at(day), "price": abs(x), "plan": "basic"} for day, x in both],
        ),
        "returns": table(
            "return_id",
            "requested_at",
            ("refund",),
            [
                {
                    **ann,
                    "requested_at": at(day),
                    "refunded_at": at(day),
                    "refund": abs(x),
                    "order_id": f"order_id{k}",
                }
                for k, (day, x) in enumerate(both)
            ],
        ),
        "sessions": table(
            "session_id",
            "started_at",
            ("cart_value",),
            [{**ann, "started_at": at(day), "cart_value": abs(x), "ordered": False} for day, x in both],
        ),
    }
    raw = {
        "project": {"observation_end": END},
        "engine": {"threads": 1},
        "population": {"by": "activity", "within": "90D", "activity": ["orders"]},
        "churn": {"definition": "inactivity", "activity": ["orders"], "horizon": "60D"},
        "value": {
            "discount_rate": rate,
            "sources": [
                {"table": "orders", "column": "margin", "share": share},
                {"table": "charges", "column": "amount", "share": share},
            ],
        },
    }
    return open_tables(parse_config(raw, Path()), frames)


CASES = {
    "the largest": [MOST] * 6,
    "smallest beside largest": [MOST, Decimal("0.0001"), MOST, Decimal("0.0001"), MOST, MOST],
    "590 million won": [Decimal(590_000_000)] * 6,
    "given back": [MOST, MOST, MOST, MOST, MOST, -MOST],
}


@pytest.mark.parametrize("amounts", CASES.values(), ids=CASES)
@pytest.mark.parametrize("share", [1.0, 0.6, 0.001, 1000.0])
@pytest.mark.parametrize("rate", [0.0, 0.1])
def test_the_largest_amounts_are_added_and_multiplied(
    amounts: list[Decimal], share: float, rate: float
) -> None:
    tables = company(amounts, share, rate)
    assert not check_tables(tables).problems
    labels = labels_at(tables, [CUTOFF])
    (row,) = features_at(tables, [CUTOFF], MEASURED).merge(labels, on="customer_id").to_dict("records")
    earned = sum(amounts) * Decimal(str(share))
    ahead = sum(
        2 * x * Decimal(str(share)) * Decimal((1 + rate) ** (-day / 365))
        for day, x in enumerate(amounts, start=1)
    )
    bought = [x for x in amounts if x > 0]
    want = {
        "value_y": ahead,
        "value_90d": 2 * earned,
        "earned_orders_margin_90d": earned,
        "purchase_value": earned / len(bought),
        "frequency": len(bought) - 1,
        "monetary_value": sum(bought[1:]) / (len(bought) - 1),
        "margin_sum_90d": sum(amounts),
        "recovery_amount_365d": sum(map(abs, amounts)),
        "amount_to_damage_365d": 1,
        "discount_share_365d": Decimal("0.5"),
        "shipping_fee_share_365d": 1,
        "charge_mean_90d": sum(bought) / len(bought),
    }
    got = {name: row.get(name, row.get(name.removesuffix("_y"))) for name in want}
    for name, value in want.items():
        assert got[name] == pytest.approx(float(value), rel=1e-6, abs=1e-6), name


def test_the_usual_price_of_a_plan_is_that_of_large_prices_too() -> None:
    """A norm is kept in steps of 2**-20: the largest price in them is beyond 64 bits."""
    prices = [MOST, MOST, MOST / 2, MOST / 2, MOST]
    frame = table(
        "subscription_id",
        "started_at",
        ("price",),
        [
            {"customer_id": f"c{k}", "started_at": at(-5), "price": round(x, 4), "plan": "basic"}
            for k, x in enumerate(prices)
        ],
    )
    tables = open_tables(
        parse_config(
            {"project": {"observation_end": END}, "population": {"activity": ["subscriptions"]}}, Path()
        ),
        {"subscriptions": frame},
    )
    got = features_at(tables, [CUTOFF]).price_over_plan_365d.tolist()
    assert got == pytest.approx([float(x / (MOST * 4 / 5)) for x in prices], rel=1e-6)


def test_counts_beyond_32_bits_are_added_up() -> None:
    sessions = pd.DataFrame(
        {
            "session_id": ["1", "2", "3"],
            "customer_id": "ann",
            "started_at": [at(-3), at(-2), at(-1)],
            "out_of_stock": [3_000_000_000, 3_000_000_000, 2],
        }
    )
    tables = open_tables(
        parse_config({"project": {"observation_end": END}, "population": {"activity": ["sessions"]}}, Path()),
        {"sessions": sessions},
    )
    assert features_at(tables, [CUTOFF]).out_of_stock_n_90d.tolist() == [6_000_000_002]
