"""Proactive service: the company moves first, before the customer has to ask.

An order is told of by a message that names it; a message about something else says nothing of it.
"""

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
    days_since,
    mean,
    share,
)

_MONTH = 30 * DAY
_HELPS = "t - {0} >= 0 and t - {0} <= " + str(_MONTH)


def _told(column: str, purposes: str) -> Match:
    """When the first message of a kind named the order."""
    return Match(
        column, "orders", "messages", "t", "first after", 30, f"purpose in ({purposes})", on="order_id"
    )


WARNED = Match("warned_at", "interactions", "messages", "t", "last before", 7, "purpose = 'alert'")
ORDER_TOLD = _told("order_told_at", "'transactional', 'status'")

PROACTIVE = Factor(
    name="proactive",
    en="Proactive service",
    ko="사전 대응",
    kind="lever",
    family="process",
    tier=3,
    treatment=Treatment("order_told_share"),
    says="Contacts, alerts, confirmations, status and after-care messages that come before the customer asks.",
    lookups=(
        Lookup("interactions", "customers", "customer_id", (("life_event_before_contact_at", "life_event_at"),)),
        Lookup("messages", "customers", "customer_id", (("life_event_before_message_at", "life_event_at"),)),
    ),
    matches=(
        WARNED,
        ORDER_TOLD,
        _told("order_confirmed_at", "'transactional'"),
        _told("order_status_at", "'status'"),
        Match("aftercare_at", "orders", "messages", "t", "first after", 30, "purpose = 'aftercare'"),
    ),
    flags=(
        Flag("incident", "interactions", "topic like 'incident%'"),
        Flag(
            "event_contact", "interactions",
            f"proactive and coalesce({_HELPS.format('life_event_before_contact_at')}, false)",
        ),
        Flag(
            "event_message", "messages",
            "purpose in ('service', 'aftercare')"
            f" and coalesce({_HELPS.format('life_event_before_message_at')}, false)",
        ),
    ),
    features=(
        Feature(
            "proactive_share", "interactions", share("proactive"), "share", "D39 G27", "-",
            "share of contacts that the company began before the customer had to", "사전 대응 비율", (180,),
        ),
        Feature(
            "proactive_days_since", "interactions", days_since("proactive"), "d", "D39 G27", "+",
            "days since the last contact that the company began before the customer had to",
            "마지막 사전 대응 후 경과 일수", (365,),
        ),
        Feature(
            "proactive_solved_share", "interactions", share("resolved_at is not null", of="proactive"), "share",
            "G13 G27", "-", "share of proactive contacts whose issue was resolved", "사전 대응으로 해결한 비율",
            (365,),
        ),
        Feature(
            "incidents_n", "interactions", count("incident"), "count", "D36", "+",
            "contacts about an incident (fraud, loss ...)", "사고(도용·분실 등) 문의 건수", (90, 365), empty=0,
        ),
        Feature(
            "incident_warned_share", "interactions",
            share("coalesce(proactive, false) or warned_at is not null", of="incident"), "share", "D36 G27", "-",
            "share of incident contacts that the company began or that an alert of the 7 days before announced",
            "먼저 알린 사고 문의 비율(사전 접촉 또는 7일 이내 알림)", (365,),
        ),
        Feature(
            "event_contacts_n", "interactions", count("event_contact"), "count", "D37 G44", "-",
            "proactive contacts within 30 days after a life event", "생활 변화 후 30일 이내 사전 접촉 건수", (180,),
            empty=0,
        ),
        Feature(
            "event_messages_n", "messages", count("event_message"), "count", "D37 G44", "-",
            "service and after-care messages within 30 days after a life event",
            "생활 변화 후 30일 이내 서비스·사후 관리 메시지 건수", (180,), empty=0,
        ),
        Feature(
            "service_message_share", "messages",
            share("purpose in ('transactional', 'status', 'aftercare', 'alert', 'service')"), "share", "D39 G25",
            "-", "share of messages that serve rather than advertise or ask", "서비스 목적 메시지 비율", (90, 365),
        ),
        Feature(
            "alerts_n", "messages", count("purpose = 'alert'"), "count", "G27 D36", "±", "alerts sent",
            "사전 알림 메시지 건수", (365,), empty=0,
        ),
        Feature(
            "order_told_share", "orders", share("order_told_at is not null", of="not credit_note"), "share", "G25", "-",
            "share of orders followed by a message about them within 30 days",
            "주문 후 30일 이내 안내 메시지를 보낸 주문 비율", (90, 365),
        ),
        Feature(
            "order_status_share", "orders", share("order_status_at is not null", of="not credit_note"), "share", "G25", "-",
            "share of orders followed by a status message about them within 30 days",
            "주문 후 30일 이내 진행 상황을 알린 주문 비율", (365,),
        ),
        Feature(
            "order_confirm_h_mean", "orders", mean("order_confirmed_at - t", "not day_only") + " / 3600e0", "h", "G24", "+",
            "average time from an order to its confirmation", "주문부터 확인 메시지까지 평균 시간", (90,),
        ),
        Feature(
            "order_date_share", "orders", share("promised_at is not null", of="not credit_note"), "share", "G24", "-",
            "share of orders with a promised date", "배송 예정일을 안내한 주문 비율", (90,),
        ),
        Feature(
            "aftercare_share", "orders", share("aftercare_at is not null", of="not credit_note"), "share", "G38", "-",
            "share of orders followed by an after-care message within 30 days",
            "주문 후 30일 이내 사후 관리 메시지를 보낸 비율", (365,),
        ),
        Feature(
            "aftercare_days_since", "messages", days_since("purpose = 'aftercare'"), "d", "G38", "±",
            "days since the last after-care message", "마지막 사후 관리 메시지 후 경과 일수", (365,),
        ),
    ),
    derived=(
        Derived(
            "life_event_unhelped",
            "case when life_event_days_since <= 180 then"
            " case when event_contacts_n_180d + event_messages_n_180d = 0 then 1 else 0 end end",
            "flag", "D37 G44", "+", "no help within 30 days after the last life event of half a year",
            "최근 반년의 생활 변화 후 30일 이내 지원 부재 여부",
        ),
    ),
)  # fmt: skip
