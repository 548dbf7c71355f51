"""Returns: whether goods go back easily, who pays for it, and how soon the money is back."""

from __future__ import annotations

from cxml.factors.declare import (
    DAY,
    Derived,
    Factor,
    Feature,
    Flag,
    Lookup,
    Match,
    Treatment,
    count,
    mean,
    share,
    so_far,
    total,
    worst,
)
from cxml.factors.product import GOODS, INBOUND, WHO_BEGAN

RETURNS = Factor(
    name="returns",
    en="Returns",
    ko="반품",
    kind="lever",
    family="process",
    tier=3,
    treatment=Treatment("returns_refused_n", any=True),
    optional=WHO_BEGAN,
    after=("delivery",),
    says="Returns that are refused, slow, at the customer's cost, or not refunded when promised.",
    lookups=(
        Lookup(
            "returns", "orders", "order_id",
            (("order_at", "ordered_at"), ("order_delivered_at", "delivered_at"), ("order_revenue", "revenue")),
        ),
    ),
    matches=(
        Match(
            "return_contact_at", "returns", "interactions", "t", "first after", 30,
            f"topic like 'return%' and {INBOUND}",
        ),
        Match("order_returned_at", "orders", "returns", "t", "first after", 30, on="order_id"),
    ),
    flags=(
        Flag("refund_owed", "returns", "coalesce(accepted, true) and not coalesce(exchanged, false)"),
        Flag(
            "refund_overdue", "returns", "refunded_at is null and refund_owed and age > refund_promise_s"
        ),
        # Days that have not passed yet say nothing, days without the money do.
        Flag(
            "refund_late", "returns",
            "case when refunded_at is not null then refunded_after > refund_promise_s"
            " when refund_overdue then true end",
        ),
        Flag(
            "in_return_window", "returns",
            "t - coalesce(order_delivered_at, order_at) <= return_window_s",
        ),
        # Judged when the thirty days are over, whatever came of it.
        Flag("return_asked_about", "returns", f"case when age > {30 * DAY} then return_contact_at is not null end"),
        Flag("sent_back", "orders", f"case when {GOODS} and age > {30 * DAY} then order_returned_at is not null end"),
    ),
    features=(
        Feature(
            "returned_share", "orders", share("sent_back"), "share", "B9 D15 D35", "±",
            "share of orders, cancelled ones apart, for which a return was asked within 30 days",
            "30일 이내 반품을 요청한 주문 비율(취소 주문 제외)", (365,),
        ),
        Feature("returns_n", "returns", count(), "count", "B9 D15", "±", "returns", "반품 건수", (90, 365), empty=0),
        Feature(
            "return_d_mean", "returns", mean(f"(t - coalesce(order_delivered_at, order_at)) / {DAY}e0"), "d", "D15 D35",
            "±", "average time from delivery (or order) to the return", "수령(또는 주문)부터 반품까지 평균 일수", (365,),
        ),
        Feature(
            "refund_sum", "returns", total("refund"), "money", "R11 D15", "±", "money given back by returns",
            "반품 환불 금액 합계", (365,),
        ),
        Feature(
            "revenue_sum", "orders", total("revenue", "kept and not credit_note"), "money", "A8 D15", "-",
            "revenue of orders, cancelled ones and credit notes apart", "주문 매출 합계(취소·대변 주문 제외)", (365,),
        ),
        Feature(
            "return_accepted_share", "returns", share("accepted"), "share", "G21 D15", "-",
            "share of returns accepted", "반품 승인 비율", (365,),
        ),
        Feature(
            "returns_refused_n", "returns", count("not accepted"), "count", "D15", "+", "refused returns",
            "거절된 반품 건수", (90, 365), empty=0,
        ),
        Feature(
            "returns_refused_in_time_n", "returns", count("not accepted and in_return_window"), "count",
            "C31 D15 G21", "+", "returns refused although asked for within the time for returns",
            "반품 가능 기간 내 거절 건수", (365,), empty=0, kept=0,
        ),
        Feature(
            "return_decided_d_mean", "returns", mean("decided_after") + f" / {DAY}e0", "d", "D15", "+",
            "average time until a return is accepted or refused", "반품 승인 여부 결정까지 평균 일수", (365,),
        ),
        Feature(
            "refund_d_mean", "returns", mean("refunded_after") + f" / {DAY}e0", "d", "R11 D15", "+",
            "average time until the money is back", "환불까지 평균 일수", (365,),
        ),
        Feature(
            "refund_so_far_d_mean", "returns", mean(so_far("refunded_after", "refund_owed")) + f" / {DAY}e0", "d",
            "R11 D15", "+", "average time until the money is back, of refunds not yet paid so far",
            "환불까지 평균 일수(미지급 건은 현재까지)", (365,),
        ),
        Feature(
            "refund_late_share", "returns", share("refund_late"), "share", "R11 G12", "+",
            "share of refunds paid, or still missing, after the promised time",
            "약속 기한을 넘긴 환불 비율(미지급 포함)", (365,), kept=0,
        ),
        Feature(
            "refunds_overdue_n", "returns", count("refund_overdue"), "count", "R11 D15", "+",
            "returns past the promised time without a refund", "약속 기한이 지난 미환불 건수", (90, 365),
            empty=0, kept=0,
        ),
        Feature(
            "refund_overdue_d_max", "returns",
            worst(f"(age - refund_promise_s) / {DAY}e0", "refund_overdue"), "d", "R11", "+",
            "longest time past the promise of a refund not paid", "미환불 건의 최장 약속 초과 일수", (365,), kept=0,
        ),
        Feature(
            "refund_full_share", "returns", share("refund >= order_revenue"), "share", "R11", "-",
            "share of refunds of the full price", "전액 환불 비율", (365,),
        ),
        Feature(
            "return_own_cost_share", "returns", share("shipping_paid_by = 'customer'"), "share", "D9 C31",
            "+", "share of returns posted at the customer's cost", "반품 배송비 고객 부담 비율", (365,),
        ),
        Feature(
            "return_posted_share", "returns", share("channel like 'post%'"), "share", "D9 R12", "+",
            "share of returns that the customer had to post", "고객이 우편으로 보낸 반품 비율", (365,),
        ),
        Feature(
            "return_exchanged_share", "returns", share("exchanged"), "share", "R12", "-",
            "share of decided returns exchanged for another item", "교환으로 처리한 반품 비율", (365,),
        ),
        Feature(
            "return_contact_share", "returns", share("return_asked_about"), "share", "D15 B9", "+",
            "share of returns the customer asked about within 30 days", "30일 이내 반품 문의 비율", (365,),
        ),
    ),
    derived=(
        Derived(
            "refund_share",
            "cast(refund_sum_365d as double) / nullif(cast(revenue_sum_365d as double), 0)",
            "share", "D15 D35 R11", "±",
            "share of the revenue of a year given back by returns", "최근 1년 매출 중 환불 비율",
        ),
    ),
)  # fmt: skip
