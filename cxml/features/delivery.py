"""Delivery: whether orders arrive when promised."""

from __future__ import annotations

from cxml.features.declare import (
    DAY,
    Factor,
    Feature,
    Flag,
    count,
    days_since,
    latest,
    mean,
    share,
    worst,
)

DELIVERY = Factor(
    name="delivery",
    en="Delivery",
    ko="배송",
    kind="lever",
    family="process",
    tier=1,
    says="Orders that arrive late, are still on their way past the promise, or come with the wrong item.",
    flags=(
        Flag(
            "delay_s", "orders",
            "case when delivered_at > promised_at then delivered_at - promised_at"
            " when delivered_at <= promised_at then 0 end",
        ),
        Flag("late", "orders", "delay_s > 0"),
        Flag("overdue", "orders", "delivered_at is null and cancelled_at is null and promised_at < c"),
    ),
    features=(
        Feature(
            "late_deliveries_n", "orders", count("late"), "count", "D11 C30", "+", "late deliveries",
            "배송 지연 건수", (30, 90, 365), empty=0,
        ),
        Feature(
            "late_delivery_share", "orders", share("late"), "share", "D11 C30", "+",
            "share of deliveries that came late", "배송 지연 비율", (90, 365),
        ),
        Feature(
            "delay_d_mean", "orders", mean("delay_s") + f" / {DAY}e0", "d", "D11", "+",
            "average delay of deliveries", "평균 배송 지연 일수", (90, 365),
        ),
        Feature(
            "delay_d_max", "orders", worst(f"delay_s / {DAY}e0"), "d", "D11", "+",
            "longest delay of a delivery", "최장 배송 지연 일수", (365,),
        ),
        Feature(
            "late_delivery_last", "orders", latest("case when late then 1 when not late then 0 end"), "flag",
            "D11 J3", "+", "last delivery came late", "마지막 배송 지연 여부", (365,),
        ),
        Feature(
            "late_delivery_days_since", "orders", days_since("late"), "d", "D11 C8", "-",
            "days since an order that came late", "배송이 지연된 마지막 주문 후 경과 일수", (365,),
        ),
        Feature(
            "overdue_n", "orders", count("overdue"), "count", "D11", "+",
            "orders past their promise and not delivered", "약속일이 지난 미배송 주문 건수", (90,), empty=0,
        ),
        Feature(
            "overdue_d_max", "orders", worst(f"(c - promised_at) / {DAY}e0", "overdue"), "d", "D11", "+",
            "longest time past the promise of an order not delivered", "미배송 주문의 최장 약속 초과 일수",
            (90,),
        ),
        Feature(
            "delivery_d_mean", "orders", mean("delivered_at - t") + f" / {DAY}e0", "d", "D11 C30", "+",
            "average time from order to delivery", "주문부터 배송까지 평균 일수", (90,),
        ),
        Feature(
            "wrong_items_n", "orders", count("wrong_item"), "count", "G35", "+", "deliveries of a wrong item",
            "잘못 배송된 건수", (90, 365), empty=0,
        ),
    ),
)  # fmt: skip
