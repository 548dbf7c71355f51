"""Leaving: what a customer does on the way out. It foretells the end because it is a part of it.

No model learns from it; the leak probe and the report show it.
"""

from __future__ import annotations

from cxml.factors.declare import (
    EVER,
    Derived,
    Factor,
    Feature,
    Flag,
    count,
    current,
    days_from,
    days_since,
    share,
)

LEAVING = Factor(
    name="leaving",
    en="On the way out",
    ko="이탈 절차",
    kind="consequence",
    family="other",
    tier=6,
    says="Cancel requests, retention calls, standing orders that ended, competitors named.",
    flags=(
        Flag("about_retention", "interactions", "topic like 'retention%'"),
        Flag("about_leaving", "interactions", "topic like '%port_out%' or topic like '%cancel%'"),
    ),
    features=(
        Feature(
            "cancel_requested", "subscriptions",
            current("case when cancel_requested_at is not null then 1 else 0 end"), "flag", "K4 D34", "+",
            "end of the current contract was requested", "현재 계약의 해지 요청 여부", EVER,
        ),
        Feature(
            "cancel_request_days_since", "subscriptions", days_from("cancel_requested_at"), "d", "K4", "-",
            "days since the last request to end a contract", "마지막 해지 요청 후 경과 일수", EVER,
        ),
        Feature(
            "retention_contacts_n", "interactions", count("about_retention"), "count", "D34", "+",
            "contacts about staying (retention)", "고객 유지 상담 건수", (90, 365), empty=0,
        ),
        Feature(
            "retention_days_since", "interactions", days_since("about_retention"), "d", "D34", "-",
            "days since the last contact about staying (retention)", "마지막 고객 유지 상담 후 경과 일수", (365,),
        ),
        Feature(
            "leaving_contacts_n", "interactions", count("about_leaving"), "count", "D34 K4", "+",
            "contacts about cancelling or moving to another provider", "해지·번호 이동 문의 건수", (90, 365), empty=0,
        ),
        Feature(
            "competitor_named_n", "interactions", count("competitor"), "count", "D34", "+",
            "contacts in which the customer named a competitor", "경쟁사를 언급한 문의 건수", (90, 365), empty=0,
        ),
        Feature(
            "competitor_named_share", "interactions", share("competitor"), "share", "D34", "+",
            "share of contacts in which the customer named a competitor", "경쟁사를 언급한 문의 비율", (365,),
        ),
        Feature(
            "price_match_n", "interactions", count("topic like '%price_match%'"), "count", "D34", "+",
            "contacts that asked to match a competitor's price", "경쟁사 가격 맞춤을 요청한 문의 건수", (365,),
            empty=0,
        ),
        Feature(
            "standing_cancelled_n", "orders", count("recurring and cancelled_at is not null"), "count", "K4", "+",
            "orders of a standing order that were cancelled", "정기 주문 취소 건수", (90, 365), empty=0,
        ),
        Feature(
            "standing_orders_n", "orders", count("recurring and not credit_note"), "count", "K4 J12", "-",
            "orders placed by a standing order", "정기 주문 건수", (90, 365), empty=0,
        ),
    ),
    derived=(
        Derived(
            "standing_order_ended",
            "case when standing_orders_n_365d > 0 then case when standing_orders_n_90d = 0 then 1 else 0 end end",
            "flag", "K4", "+", "standing order of the year placed nothing in the last 90 days",
            "최근 90일간 정기 주문 중단 여부",
        ),
    ),
)  # fmt: skip
