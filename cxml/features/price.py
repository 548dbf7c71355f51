"""Price: what the customer pays beside the goods."""

from __future__ import annotations

from cxml.features.declare import Factor, Feature, share, total

PRICE = Factor(
    name="price",
    en="Price and fees",
    ko="가격과 수수료",
    kind="lever",
    family="price",
    tier=1,
    says="Shipping fees against what is bought. Kept apart from delivery: it says what, not how, people buy.",
    features=(
        Feature(
            "shipping_fee_share", "orders",
            f"cast({total('shipping_fee', 'revenue is not null')} as double)"
            f" / nullif(cast({total('revenue', 'shipping_fee is not null')} as double), 0)",
            "ratio", "D11", "+", "shipping fees over spend", "구매 금액 대비 배송비 비율", (365,),
        ),
        Feature(
            "free_shipping_share", "orders", share("shipping_fee = 0"), "share", "D11 G22", "-",
            "share of orders shipped free", "무료 배송 비율", (365,),
        ),
    ),
)  # fmt: skip
