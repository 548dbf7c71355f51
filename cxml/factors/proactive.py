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
        Lookup(
            "interactions", "customers", "customer_id", (("life_event_before_contact_at", "life_event_at"),)
        ),
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
            "event_contact",
            "interactions",
            f"proactive and coalesce({_HELPS.format('life_event_before_contact_at')}, false)",
        ),
        Flag(
            "event_message",
            "messages",
            "purpose in ('service', 'aftercare')"
            f" and coalesce({_HELPS.format('life_event_before_message_at')}, false)",
        ),
    ),
    features=(
        Feature(
            name="proactive_share",
            table="interactions",
            sql=share("proactive"),
            unit="share",
            row="D39 G27",
            direction="-",
            en="share of contacts that the company began before the customer had to",
            ko="사전 대응 비율",
            lookbacks=(180,),
        ),
        Feature(
            name="proactive_days_since",
            table="interactions",
            sql=days_since("proactive"),
            unit="d",
            row="D39 G27",
            direction="+",
            en="days since the last contact that the company began before the customer had to",
            ko="마지막 사전 대응 후 경과 일수",
            lookbacks=(365,),
        ),
        Feature(
            name="proactive_solved_share",
            table="interactions",
            sql=share("resolved_at is not null", of="proactive"),
            unit="share",
            row="G13 G27",
            direction="-",
            en="share of proactive contacts whose issue was resolved",
            ko="사전 대응으로 해결한 비율",
            lookbacks=(365,),
        ),
        Feature(
            name="incidents_n",
            table="interactions",
            sql=count("incident"),
            unit="count",
            row="D36",
            direction="+",
            en="contacts about an incident (fraud, loss ...)",
            ko="사고(도용·분실 등) 문의 건수",
            lookbacks=(90, 365),
            empty=0,
        ),
        Feature(
            name="incident_warned_share",
            table="interactions",
            sql=share("coalesce(proactive, false) or warned_at is not null", of="incident"),
            unit="share",
            row="D36 G27",
            direction="-",
            en="share of incident contacts that the company began or that an alert of the 7 days before announced",
            ko="먼저 알린 사고 문의 비율(사전 접촉 또는 7일 이내 알림)",
            lookbacks=(365,),
        ),
        Feature(
            name="event_contacts_n",
            table="interactions",
            sql=count("event_contact"),
            unit="count",
            row="D37 G44",
            direction="-",
            en="proactive contacts within 30 days after a life event",
            ko="생활 변화 후 30일 이내 사전 접촉 건수",
            lookbacks=(180,),
            empty=0,
        ),
        Feature(
            name="event_messages_n",
            table="messages",
            sql=count("event_message"),
            unit="count",
            row="D37 G44",
            direction="-",
            en="service and after-care messages within 30 days after a life event",
            ko="생활 변화 후 30일 이내 서비스·사후 관리 메시지 건수",
            lookbacks=(180,),
            empty=0,
        ),
        Feature(
            name="service_message_share",
            table="messages",
            sql=share("purpose in ('transactional', 'status', 'aftercare', 'alert', 'service')"),
            unit="share",
            row="D39 G25",
            direction="-",
            en="share of messages that serve rather than advertise or ask",
            ko="서비스 목적 메시지 비율",
            lookbacks=(90, 365),
        ),
        Feature(
            name="alerts_n",
            table="messages",
            sql=count("purpose = 'alert'"),
            unit="count",
            row="G27 D36",
            direction="±",
            en="alerts sent",
            ko="사전 알림 메시지 건수",
            lookbacks=(365,),
            empty=0,
        ),
        Feature(
            name="order_told_share",
            table="orders",
            sql=share("order_told_at is not null", of="not credit_note"),
            unit="share",
            row="G25",
            direction="-",
            en="share of orders followed by a message about them within 30 days",
            ko="주문 후 30일 이내 안내 메시지를 보낸 주문 비율",
            lookbacks=(90, 365),
        ),
        Feature(
            name="order_status_share",
            table="orders",
            sql=share("order_status_at is not null", of="not credit_note"),
            unit="share",
            row="G25",
            direction="-",
            en="share of orders followed by a status message about them within 30 days",
            ko="주문 후 30일 이내 진행 상황을 알린 주문 비율",
            lookbacks=(365,),
        ),
        Feature(
            name="order_confirm_h_mean",
            table="orders",
            sql=mean("order_confirmed_at - t", "not day_only") + " / 3600e0",
            unit="h",
            row="G24",
            direction="+",
            en="average time from an order to its confirmation",
            ko="주문부터 확인 메시지까지 평균 시간",
            lookbacks=(90,),
        ),
        Feature(
            name="order_date_share",
            table="orders",
            sql=share("promised_at is not null", of="not credit_note"),
            unit="share",
            row="G24",
            direction="-",
            en="share of orders with a promised date",
            ko="배송 예정일을 안내한 주문 비율",
            lookbacks=(90,),
        ),
        Feature(
            name="aftercare_share",
            table="orders",
            sql=share("aftercare_at is not null", of="not credit_note"),
            unit="share",
            row="G38",
            direction="-",
            en="share of orders followed by an after-care message within 30 days",
            ko="주문 후 30일 이내 사후 관리 메시지를 보낸 비율",
            lookbacks=(365,),
        ),
        Feature(
            name="aftercare_days_since",
            table="messages",
            sql=days_since("purpose = 'aftercare'"),
            unit="d",
            row="G38",
            direction="±",
            en="days since the last after-care message",
            ko="마지막 사후 관리 메시지 후 경과 일수",
            lookbacks=(365,),
        ),
    ),
    derived=(
        Derived(
            name="life_event_unhelped",
            sql="case when life_event_days_since <= 180 then"
            " case when event_contacts_n_180d + event_messages_n_180d = 0 then 1 else 0 end end",
            unit="flag",
            row="D37 G44",
            direction="+",
            en="no help within 30 days after the last life event of half a year",
            ko="최근 반년의 생활 변화 후 30일 이내 지원 부재 여부",
        ),
    ),
)
