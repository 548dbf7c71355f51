"""Contacts: how often, about what and through which channels the customer and the company meet.

Volume is demand, not service: people who use more contact more, so it is never called protective.
"""

from __future__ import annotations

from cxml.features.declare import DAY, Derived, Factor, Feature, Flag, count, days_since, latest, mean, share

CONTACTS = Factor(
    name="contacts",
    en="Contact volume",
    ko="문의량",
    kind="volume",
    family="other",
    tier=1,
    says="How many contacts, issues and messages there are, and on which channels.",
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
            "contact_gap_d", "interactions", f"(max(t) - min(t)) / {DAY}e0 / nullif(count(*) - 1, 0)", "d",
            "A10", "±", "average days between contacts", "평균 문의 간격 일수", (365,),
        ),
        Feature(
            "issues_n", "interactions", "count(distinct issue_id)", "count", "A2 A10", "±",
            "issues with a contact", "서로 다른 문의 건 수", (90, 365), empty=0,
        ),
        Feature(
            "topics_n", "interactions", "count(distinct topic)", "count", "J2", "±", "different topics",
            "문의 주제 수", (180,), empty=0,
        ),
        Feature(
            "channels_n", "interactions", "count(distinct channel)", "count", "A18 C18 B13", "±",
            "different channels", "이용 채널 수", (90, 365), empty=0,
        ),
        Feature(
            "phone_share", "interactions", share("channel like 'phone%'"), "share", "B11 B12", "±",
            "share of contacts by phone", "전화 문의 비율", (180,),
        ),
        Feature(
            "chat_share", "interactions", share("channel like 'chat%'"), "share", "B6 B22", "±",
            "share of contacts by chat", "채팅 문의 비율", (180,),
        ),
        Feature(
            "email_share", "interactions", share("channel like 'email%'"), "share", "B7 C11", "±",
            "share of contacts by e-mail", "이메일 문의 비율", (180,),
        ),
        Feature(
            "social_share", "interactions", share("channel like 'social%'"), "share", "B1 B3 B4 B5 B15 B23",
            "±", "share of contacts on social media", "소셜 미디어 문의 비율", (180,),
        ),
        Feature(
            "store_share", "interactions", share("channel like 'store%'"), "share", "B8 B26 B27", "±",
            "share of contacts in a store", "매장 문의 비율", (180,),
        ),
        Feature(
            "bot_share", "interactions", share("channel like '%bot%' or channel = 'phone.ivr'"), "share",
            "B2 B6 B12", "±", "share of contacts with a bot or voice menu", "챗봇·ARS 문의 비율", (180,),
        ),
        Feature(
            "channel_last", "interactions", latest("channel"), "text", "B13", "±",
            "channel of the last contact", "마지막 문의 채널", (365,),
        ),
        Feature(
            "topic_last", "interactions", latest("topic"), "text", "J2", "±", "topic of the last contact",
            "마지막 문의 주제", (365,),
        ),
        Feature(
            "handle_mean", "interactions", mean("handle_s"), "s", "J2 K12", "±", "average time of service",
            "평균 상담 시간", (30, 90),
        ),
        Feature(
            "off_hours_share", "interactions", share("off_hours"), "share", "B30", "±",
            "share of contacts outside weekdays 9 to 18", "평일 9~18시 외 문의 비율", (90, 365),
        ),
        Feature(
            "messages_n", "messages", count(), "count", "B28", "±", "messages sent to the customer",
            "발송 메시지 건수", (30, 90), empty=0,
        ),
    ),
    flags=(
        # 1970-01-01 was a Thursday: day 2 of its weeks is a Saturday, day 3 a Sunday.
        Flag(
            "off_hours", "interactions",
            f"mod(floor(wall / {DAY}e0), 7) in (2, 3) or mod(wall, {DAY}) < {9 * 3600} or mod(wall, {DAY}) >= {18 * 3600}",
        ),
    ),
    derived=(
        Derived(
            "contact_trend", "(contacts_n_{short}d / {short}e0) / nullif(contacts_n_{long}d / {long}e0, 0)",
            "ratio", "A2", "±", "recent rate of contacts over the long-run rate", "장기 대비 최근 문의 빈도",
        ),
        Derived(
            "contacts_per_order", "contacts_n_{w}d / nullif(cast(orders_n_{w}d as double), 0)", "ratio", "A2",
            "±", "contacts per order", "주문당 문의 횟수", (90, 365),
        ),
    ),
)  # fmt: skip
