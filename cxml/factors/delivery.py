"""Delivery: whether orders arrive when promised, and whether customers have to ask where they are.

An order that carries no promise is due after the delivery time of ``[promises]``.
"""

from __future__ import annotations

from cxml.factors.declare import (
    DAY,
    Factor,
    Feature,
    Flag,
    Match,
    Treatment,
    count,
    days_since,
    latest,
    mean,
    share,
    so_far,
    worst,
)
from cxml.factors.product import INBOUND, WHO_BEGAN

_ABOUT = f"topic like 'delivery%' and {INBOUND}"

DELIVERY = Factor(
    name="delivery",
    en="Delivery",
    ko="배송",
    kind="lever",
    family="process",
    tier=3,
    treatment=Treatment("late_delivery_share"),
    optional=WHO_BEGAN,
    says="Orders that arrive late, are still on their way past the promise, must be asked about, or come with"
    " the wrong item.",
    matches=(
        Match("status_contact_at", "orders", "interactions", "t", "first after", 30, _ABOUT),
        Match(
            "told_at", "orders", "messages", "t", "first after", 60, "purpose in ('status', 'alert')", "order_id",
        ),
        Match("late_delivery_at", "interactions", "orders", "delivered_at", "last before", 14, "late"),
    ),
    flags=(
        Flag("due_at", "orders", "case when not credit_note then coalesce(promised_at, t + delivery_promise_s) end"),
        Flag(
            "delay_s", "orders",
            "case when delivered_at > due_at then delivered_at - due_at when delivered_at <= due_at then 0 end",
        ),
        Flag("late", "orders", "delay_s > 0"),
        Flag("overdue", "orders", "delivered_at is null and kept and due_at < c"),
        # Judged when the order has come, or when the thirty days are over.
        Flag(
            "asked_on_the_way", "orders",
            f"case when not credit_note and (delivered_at is not null or age > {30 * DAY})"
            " then coalesce(status_contact_at < delivered_at, status_contact_at is not null) end",
        ),
        Flag("late_untold", "orders", "case when late or overdue then told_at is null end"),
    ),
    features=(
        Feature(
            "late_deliveries_n", "orders", count("late"), "count", "D11 C30", "+", "late deliveries",
            "배송 지연 건수", (30, 90, 365), empty=0, kept=0,
        ),
        Feature(
            "late_delivery_share", "orders", share("late"), "share", "D11 C30", "+",
            "share of deliveries that came late", "배송 지연 비율", (90, 365), kept=0,
        ),
        Feature(
            "delay_d_mean", "orders", mean("delay_s") + f" / {DAY}e0", "d", "D11", "+",
            "average delay of deliveries", "평균 배송 지연 일수", (90, 365), kept=0,
        ),
        Feature(
            "delay_d_max", "orders", worst(f"delay_s / {DAY}e0"), "d", "D11", "+",
            "longest delay of a delivery", "최장 배송 지연 일수", (365,), kept=0,
        ),
        Feature(
            "late_delivery_last", "orders", latest("case when late then 1 when not late then 0 end"), "flag",
            "D11 J3", "+", "last delivery came late", "마지막 배송 지연 여부", (365,), kept=0,
        ),
        Feature(
            "late_delivery_days_since", "orders", days_since("late"), "d", "D11 C8", "-",
            "days since an order that came late", "배송이 지연된 마지막 주문 후 경과 일수", (365,),
        ),
        Feature(
            "overdue_n", "orders", count("overdue"), "count", "D11", "+",
            "orders past their promise and not delivered", "약속일이 지난 미배송 주문 건수", (90,), empty=0, kept=0,
        ),
        Feature(
            "overdue_d_max", "orders", worst(f"(c - due_at) / {DAY}e0", "overdue"), "d", "D11", "+",
            "longest time past the promise of an order not delivered", "미배송 주문의 최장 약속 초과 일수",
            (90,), kept=0,
        ),
        Feature(
            "delivery_d_mean", "orders", mean("delivered_after") + f" / {DAY}e0", "d", "D11 C30", "+",
            "average time from order to delivery", "주문부터 배송까지 평균 일수", (90,),
        ),
        Feature(
            "delivery_so_far_d_mean", "orders", mean(so_far("delivered_after", "kept and not credit_note")) + f" / {DAY}e0",
            "d", "D11 C30", "+", "average time from order to delivery, of orders on their way so far",
            "주문부터 배송까지 평균 일수(배송 전 주문은 현재까지)", (90,),
        ),
        Feature(
            "slow_delivery_share", "orders", share("delivered_after > delivery_promise_s"), "share",
            "C30 D11", "+", "share of deliveries that took longer than the general promise",
            "일반 배송 약속 기간을 넘긴 배송 비율", (90, 365), kept=0,
        ),
        Feature(
            "wrong_items_n", "orders", count("wrong_item"), "count", "G35", "+", "deliveries of a wrong item",
            "잘못 배송된 건수", (90, 365), empty=0,
        ),
        Feature(
            "wrong_item_share", "orders", share("wrong_item"), "share", "G35", "+",
            "share of deliveries of a wrong item", "오배송 비율", (365,),
        ),
        Feature(
            "slip_missing_share", "orders", share("not return_slip"), "share", "D16 G23", "+",
            "share of parcels without return slip and instructions", "반품 안내서가 없는 배송 비율", (365,),
        ),
        Feature(
            "status_contact_share", "orders", share("asked_on_the_way"), "share", "G25", "+",
            "share of orders the customer asked about on the way", "배송 중 문의가 있었던 주문 비율",
            (90, 365),
        ),
        Feature(
            "late_untold_share", "orders", share("late_untold"), "share", "G25 D39", "+",
            "share of late orders without any message about their state", "지연 안내가 없었던 지연 주문 비율",
            (365,),
        ),
        Feature(
            "cancelled_late_n", "orders", count("cancelled_at > due_at"), "count", "K4 D11", "+",
            "orders cancelled after their promise had passed", "약속일이 지난 뒤 취소한 주문 건수", (365,),
            empty=0, kept=0,
        ),
        Feature(
            "edited_share", "orders", share("edited_at is not null", of="not credit_note"), "share", "K4", "±",
            "share of orders that the customer changed", "고객이 변경한 주문 비율", (365,),
        ),
        Feature(
            "edit_h_mean", "orders", mean("edited_after", "not day_only") + " / 3600e0", "h", "K4", "±",
            "average time until an order is changed", "주문 후 변경까지 평균 시간", (365,),
        ),
        Feature(
            "status_contacts_n", "interactions", count(_ABOUT), "count", "G25", "+",
            "questions about a delivery", "배송 문의 건수", (30, 90), empty=0,
        ),
        Feature(
            "late_delivery_contacts_n", "interactions", count(f"{INBOUND} and late_delivery_at is not null"),
            "count", "D11 G25", "+", "contacts within 14 days after a late delivery",
            "배송 지연 후 14일 이내 문의 건수", (90, 365), empty=0,
        ),
    ),
)  # fmt: skip
