"""Contacts: how often, and about how much, the customer and the company meet.

Volume is demand, not service: people who use more contact more, so it is never called protective.
"""

from __future__ import annotations

from cxml.factors.declare import (
    DAY,
    Derived,
    Factor,
    Feature,
    Flag,
    Match,
    Treatment,
    count,
    days_since,
    mean,
    share,
)

CONTACTS = Factor(
    name="contacts",
    en="Contact volume",
    ko="문의량",
    kind="volume",
    family="other",
    tier=1,
    treatment=Treatment("issues_n", everyone=True),
    says="How many contacts, issues and messages there are, alone and against orders and visits.",
    matches=(Match("ordered_before_contact_at", "interactions", "orders", "t", "last before", 30, "not credit_note"),),
    flags=(
        Flag(
            "opens_issue", "interactions",
            "issue_id is not null"
            " and coalesce(t - lag(t) over (partition by who, issue_id order by t, pos) > 15552000, true)",
            reach=180,
        ),
    ),
    features=(
        Feature(
            "contacts_n", "interactions", count(), "count", "A2 A10", "±", "contacts", "문의 횟수", empty=0,
        ),
        Feature(
            "has_contact", "interactions", "case when count(*) > 0 then 1 else 0 end", "flag", "A2", "±",
            "any contact", "문의 여부", (30, 90, 365), empty=0,
        ),
        Feature(
            "contact_days_since", "interactions", days_since(), "d", "A2", "±", "days since the last contact",
            "마지막 문의 후 경과 일수", (365,),
        ),
        Feature(
            "service_days_n", "interactions", f"count(distinct floor(wall / {DAY}e0))", "count", "A10", "±",
            "days with a contact", "문의한 날 수", (90, 365), empty=0,
        ),
        Feature(
            "contact_gap_d", "interactions", f"(max(t) - min(t)) / {DAY}e0 / nullif(count(*) - 1, 0)", "d",
            "A10", "±", "average days between contacts", "평균 문의 간격 일수", (365,),
        ),
        Feature(
            "issues_n", "interactions", "count(distinct issue_id)", "count", "A2 A10", "±",
            "issues with a contact", "서로 다른 문의 건 수", (90, 365), empty=0,
        ),
        Feature(
            "issue_gap_d", "interactions",
            "(max(case when opens_issue then t end) - min(case when opens_issue then t end))"
            f" / {DAY}e0 / nullif(count(case when opens_issue then 1 end) - 1, 0)",
            "d", "A10", "±", "average days between the beginnings of issues", "새 문의 건 사이의 평균 일수", (365,),
        ),
        Feature(
            "topics_n", "interactions", "count(distinct topic)", "count", "J2", "±", "different topics",
            "문의 주제 수", (180,), empty=0,
        ),
        Feature(
            "handle_mean", "interactions", mean("handle_s"), "s", "J2 K12", "±", "average time of service",
            "평균 상담 시간", (30, 90),
        ),
        Feature(
            "contact_without_order_share", "interactions", share("ordered_before_contact_at is null"), "share",
            "J8", "±", "share of contacts without an order in the 30 days before",
            "직전 30일에 주문이 없는 문의 비율", (180,),
        ),
        Feature(
            "own_data_after_order_n", "interactions",
            count("topic like 'account%' and ordered_before_contact_at is not null"), "count", "D31", "±",
            "contacts about the customer's own data within 30 days after an order",
            "주문 후 30일 이내 고객 정보 관련 문의 건수", (180,), empty=0,
        ),
        Feature(
            "messages_n", "messages", count(), "count", "B28", "±", "messages sent to the customer",
            "발송 메시지 건수", (30, 90), empty=0,
        ),
    ),
    derived=(
        Derived(
            "contact_trend", "(contacts_n_{short}d / {short}e0) / nullif(contacts_n_{long}d / {long}e0, 0)",
            "times", "A2", "±", "recent rate of contacts over the long-run rate", "장기 대비 최근 문의 빈도",
        ),
        Derived(
            "contacts_per_order", "contacts_n_{w}d / nullif(cast(orders_n_{w}d as double), 0)", "ratio", "A2",
            "±", "contacts per purchase", "구매당 문의 횟수", (90, 365),
        ),
        Derived(
            "contacts_per_visit", "contacts_n_{w}d / nullif(cast(sessions_n_{w}d as double), 0)", "ratio", "A2",
            "±", "contacts per digital or store visit", "방문당 문의 횟수", (90,),
        ),
        Derived(
            "service_touch_share",
            "contacts_n_{w}d / nullif(cast(contacts_n_{w}d + orders_n_{w}d + sessions_n_{w}d as double), 0)",
            "share", "A10", "±", "share of contacts among contacts, purchases and visits",
            "전체 접점(문의·구매·방문) 중 문의 비율", (90,),
        ),
        Derived(
            "touches_per_order",
            "(contacts_n_{w}d + sessions_n_{w}d + messages_n_{w}d) / nullif(cast(orders_n_{w}d as double), 0)",
            "ratio", "A18", "±", "contacts, visits and messages per purchase", "구매당 접점 수(문의·방문·메시지)",
            (90,),
        ),
    ),
)  # fmt: skip
