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
            "price_rise", "subscriptions",
            f"case when plan is not null and {_BEFORE} > 0 and price > {_BEFORE}"
            f" then cast(price as double) / nullif(cast({_BEFORE} as double), 0) end",
        ),
        # Judged when the sixty days are over, whatever came of it.
        Flag(
            "rise_kept", "subscriptions",
            f"case when price_rise is not null and age > {60 * DAY}"
            f" then coalesce(ended_at - t > {60 * DAY}, true) end",
        ),
    ),
    features=(
        Feature(
            "shipping_fee_share", "orders",
            f"cast({total('shipping_fee', 'purchase and revenue is not null')} as double)"
            f" / nullif(cast({total('revenue', 'purchase and shipping_fee is not null')} as double), 0)",
            "share", "D11", "+", "shipping fees over spend", "구매 금액 대비 배송비 비율", (365,),
        ),
        Feature(
            "free_shipping_share", "orders", share("shipping_fee = 0", of="purchase"), "share", "D11 G22", "-",
            "share of purchases shipped free", "무료 배송 비율", (365,),
        ),
        Feature(
            "full_price_share", "orders", share("discount = 0", of="purchase"), "share", "K6 C26", "-",
            "share of purchases at full price", "정가 구매 비율", (90, 365),
        ),
        Feature(
            "discount_last", "orders",
            latest(f"cast(discount as double) / nullif(cast({LIST_PRICE} as double), 0)", "purchase"), "share",
            "K5", "-", "discount of the last purchase", "마지막 구매의 할인율", (365,),
        ),
        Feature(
            "price_rises_n", "subscriptions", count("price_rise is not null"), "count", "K5", "+",
            "price rises of the same plan", "동일 요금제의 요금 인상 횟수", EVER, empty=0,
        ),
        Feature(
            "price_rise_last", "subscriptions", latest("price_rise"), "times", "K5", "+",
            "price of the plan after its last rise over the price before",
            "동일 요금제의 마지막 인상 전 대비 인상 후 요금", EVER,
        ),
        Feature(
            "price_rise_new", "subscriptions", worst("price_rise", f"age <= {60 * DAY}"), "times", "K5", "+",
            "price over the price before, at the largest rise of the last 60 days",
            "최근 60일 최대 인상의 인상 전 대비 요금", EVER,
        ),
        Feature(
            "price_rise_days_since", "subscriptions", days_since("price_rise is not null"), "d", "K5", "-",
            "days since the last price rise", "마지막 요금 인상 후 경과 일수", EVER,
        ),
        Feature(
            "price_rise_kept_share", "subscriptions", share("rise_kept"), "share", "K6", "-",
            "share of price rises after which the contract ran on for 60 days",
            "요금 인상 후 60일 넘게 유지한 계약 비율", EVER,
        ),
        Feature(
            "price_over_plan", "subscriptions",
            latest("cast(price as double) / nullif(plan_price, 0)", "runs"), "times", "K5", "+",
            "price of the current contract over the average of its plan in the same weeks",
            "같은 시기 동일 요금제 평균 대비 현재 계약의 요금", (365,),
        ),
    ),
)  # fmt: skip
