"""Price: what the customer pays beside the goods, what is taken off, and how the price of a contract moves.

A price rise is a contract at a higher price than the contract of the same plan before it: who moves
to a larger plan pays more by their own choice.
"""

from __future__ import annotations

from cxml.factors.declare import (
    DAY,
    EVER,
    Factor,
    Feature,
    Flag,
    Norm,
    Treatment,
    count,
    days_since,
    latest,
    share,
    total,
    wide,
    worst,
)

LIST_PRICE = f"{wide('revenue')} + discount"
"""What an order would have cost without its discount."""

_BEFORE = "lag(price) over (partition by who, plan order by t, pos)"

PRICE = Factor(
    name="price",
    en="Price and fees",
    ko="가격과 수수료",
    kind="lever",
    family="price",
    tier=1,
    treatment=Treatment("price_rise_new", any=True, everyone=True),
    says="Shipping fees and discounts against what is bought, and rises of the price of a contract."
    " Kept apart from delivery: it says what, not how, people buy.",
    norms=(Norm("plan_price", "subscriptions", "price", "plan"),),
    flags=(
        Flag(
            "price_rise",
            "subscriptions",
            f"case when plan is not null and {_BEFORE} > 0 and price > {_BEFORE}"
            f" then cast(price as double) / nullif(cast({_BEFORE} as double), 0) end",
        ),
        # Judged when the sixty days are over, whatever came of it.
        Flag(
            "rise_kept",
            "subscriptions",
            f"case when price_rise is not null and age > {60 * DAY}"
            f" then coalesce(ended_at - t > {60 * DAY}, true) end",
        ),
    ),
    features=(
        Feature(
            name="shipping_fee_share",
            table="orders",
            sql=f"cast({total('shipping_fee', 'purchase and revenue is not null')} as double)"
            f" / nullif(cast({total('revenue', 'purchase and shipping_fee is not null')} as double), 0)",
            unit="share",
            row="D11",
            direction="+",
            en="shipping fees over spend",
            ko="구매 금액 대비 배송비 비율",
            lookbacks=(365,),
        ),
        Feature(
            name="free_shipping_share",
            table="orders",
            sql=share("shipping_fee = 0", of="purchase"),
            unit="share",
            row="D11 G22",
            direction="-",
            en="share of purchases shipped free",
            ko="무료 배송 비율",
            lookbacks=(365,),
        ),
        Feature(
            name="full_price_share",
            table="orders",
            sql=share("discount = 0", of="purchase"),
            unit="share",
            row="K6 C26",
            direction="-",
            en="share of purchases at full price",
            ko="정가 구매 비율",
            lookbacks=(90, 365),
        ),
        Feature(
            name="discount_last",
            table="orders",
            sql=latest(f"cast(discount as double) / nullif(cast({LIST_PRICE} as double), 0)", "purchase"),
            unit="share",
            row="K5",
            direction="-",
            en="discount of the last purchase",
            ko="마지막 구매의 할인율",
            lookbacks=(365,),
        ),
        Feature(
            name="price_rises_n",
            table="subscriptions",
            sql=count("price_rise is not null"),
            unit="count",
            row="K5",
            direction="+",
            en="price rises of the same plan",
            ko="동일 요금제의 요금 인상 횟수",
            lookbacks=EVER,
            empty=0,
        ),
        Feature(
            name="price_rise_last",
            table="subscriptions",
            sql=latest("price_rise"),
            unit="times",
            row="K5",
            direction="+",
            en="price of the plan after its last rise over the price before",
            ko="동일 요금제의 마지막 인상 전 대비 인상 후 요금",
            lookbacks=EVER,
        ),
        Feature(
            name="price_rise_new",
            table="subscriptions",
            sql=worst("price_rise", f"age <= {60 * DAY}"),
            unit="times",
            row="K5",
            direction="+",
            en="price over the price before, at the largest rise of the last 60 days",
            ko="최근 60일 최대 인상의 인상 전 대비 요금",
            lookbacks=EVER,
        ),
        Feature(
            name="price_rise_days_since",
            table="subscriptions",
            sql=days_since("price_rise is not null"),
            unit="d",
            row="K5",
            direction="-",
            en="days since the last price rise",
            ko="마지막 요금 인상 후 경과 일수",
            lookbacks=EVER,
        ),
        Feature(
            name="price_rise_kept_share",
            table="subscriptions",
            sql=share("rise_kept"),
            unit="share",
            row="K6",
            direction="-",
            en="share of price rises after which the contract ran on for 60 days",
            ko="요금 인상 후 60일 넘게 유지한 계약 비율",
            lookbacks=EVER,
        ),
        Feature(
            name="price_over_plan",
            table="subscriptions",
            sql=latest("cast(price as double) / nullif(plan_price, 0)", "runs"),
            unit="times",
            row="K5",
            direction="+",
            en="price of the current contract over the average of its plan in the same weeks",
            ko="같은 시기 동일 요금제 평균 대비 현재 계약의 요금",
            lookbacks=(365,),
        ),
    ),
)
