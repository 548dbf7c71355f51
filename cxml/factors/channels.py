"""Channels: where the customer meets the company. The customer's habit, not the company's service.

A channel is a family with levels behind dots (``social.messenger.bot``); a share counts a family or
one level of it among the contacts whose channel is known.
"""

from __future__ import annotations

from cxml.factors.declare import AFTER_HOURS, Derived, Factor, Feature, Flag, count, latest, share


def _share(name: str, where: str, row: str, en: str, ko: str) -> Feature:
    """The share of contacts on some channels."""
    return Feature(
        name=name,
        table="interactions",
        sql=share(where),
        unit="share",
        row=row,
        direction="±",
        en=f"share of contacts {en}",
        ko=f"{ko} 비율",
        lookbacks=(180,),
    )


# The families that are told apart in the spread over channels.
_FAMILIES = (
    _share("phone_share", "channel like 'phone%'", "B11 B12", "by phone", "전화 문의"),
    _share("chat_share", "channel like 'chat%'", "B6 B22", "by chat", "채팅 문의"),
    _share("email_share", "channel like 'email%'", "B7 C11", "by e-mail", "이메일 문의"),
    _share(
        "social_share", "channel like 'social%'", "B1 B3 B4 B5 B15 B23", "on social media", "소셜 미디어 문의"
    ),
    _share("store_share", "channel like 'store%'", "B8 B26 B27", "in a store", "매장 문의"),
    _share("sms_share", "channel like 'sms%'", "B17", "by text message", "문자 메시지 문의"),
    _share("app_share", "channel like 'app%'", "B10", "in the app", "앱 문의"),
    _share(
        "portal_share",
        "channel like 'portal%' or channel like 'web%'",
        "B14 B19 B20",
        "on the site or service portal",
        "웹사이트·서비스 포털 문의",
    ),
)

_LEVELS = (
    _share(
        "phone_person_share",
        "channel like 'phone.human%'",
        "B11",
        "by phone with a person",
        "상담원 전화 문의",
    ),
    _share("voice_menu_share", "channel like 'phone.ivr%'", "B12", "with a voice menu", "ARS 문의"),
    _share("live_chat_share", "channel like 'chat.live%'", "B22", "by live chat", "실시간 채팅 문의"),
    _share(
        "bot_share",
        "channel like '%bot%' or channel = 'phone.ivr'",
        "B2 B6 B12",
        "with a bot or voice menu",
        "챗봇·ARS 문의",
    ),
    _share(
        "private_message_share",
        "channel like 'social%messenger%' or channel like 'social%dm%' or channel like 'social%whatsapp%'",
        "B1 B2 B3 B23",
        "by private message on social media",
        "소셜 미디어 개인 메시지 문의",
    ),
    _share(
        "public_comment_share",
        "channel like 'social%comment%'",
        "B4 B5",
        "by public comment on social media",
        "소셜 미디어 공개 댓글 문의",
    ),
    _share(
        "store_help_share",
        "channel like 'store.tech%'",
        "B27",
        "at the technical desk of a store",
        "매장 기술 지원 문의",
    ),
    _share(
        "store_counter_share",
        "channel like 'store.counter%'",
        "B26",
        "at the counter of a store",
        "매장 판매대 문의",
    ),
    _share("field_share", "channel like 'field%'", "B24", "with a field visit", "방문 서비스 문의"),
    _share("post_share", "channel like 'post%'", "B25", "by postal mail", "우편 문의"),
    _share(
        "off_hours_share",
        "off_hours",
        "B30",
        "outside weekdays 9 to 18",
        "평일 9~18시 외 문의",
    ),
    _share(
        "mobile_contact_share", "device = 'mobile'", "B18 C13", "from a mobile device", "모바일 기기 문의"
    ),
    _share("sales_topic_share", "topic like 'sales%'", "J2 J8", "about a purchase to come", "구매 상담 문의"),
    _share(
        "account_topic_share",
        "topic like 'account%'",
        "J2 D31",
        "about the customer's own data",
        "고객 정보 관련 문의",
    ),
)

CHANNELS = Factor(
    name="channels",
    en="Channels used",
    ko="이용 채널",
    kind="context",
    family="other",
    tier=1,
    says="On which channels, from which devices and at what hours the customer makes contact.",
    flags=(Flag("off_hours", "interactions", AFTER_HOURS),),
    features=(
        Feature(
            name="channels_n",
            table="interactions",
            sql="count(distinct channel)",
            unit="count",
            row="A18 C18 B13",
            direction="±",
            en="different channels",
            ko="이용 채널 수",
            lookbacks=(90, 365),
            empty=0,
        ),
        Feature(
            name="channels_over_4",
            table="interactions",
            sql="case when count(distinct channel) > 4 then 1 else 0 end",
            unit="flag",
            row="A18 C18",
            direction="±",
            en="more than four channels used",
            ko="5개 이상 채널 이용 여부",
            lookbacks=(365,),
            empty=0,
        ),
        Feature(
            name="channel_last",
            table="interactions",
            sql=latest("channel"),
            unit="text",
            row="B13",
            direction="±",
            en="channel of the last contact",
            ko="마지막 문의 채널",
            lookbacks=(365,),
        ),
        Feature(
            name="channel_first",
            table="interactions",
            sql="min_by(channel, case when channel is not null then pos end)",
            unit="text",
            row="B13 J5",
            direction="±",
            en="channel of the first contact",
            ko="첫 문의 채널",
            lookbacks=(365,),
        ),
        Feature(
            name="topic_last",
            table="interactions",
            sql=latest("topic"),
            unit="text",
            row="J2",
            direction="±",
            en="topic of the last contact",
            ko="마지막 문의 주제",
            lookbacks=(365,),
        ),
        *_FAMILIES,
        *_LEVELS,
        Feature(
            name="mobile_visit_share",
            table="sessions",
            sql=share("device = 'mobile'"),
            unit="share",
            row="B18 C13 C15",
            direction="±",
            en="share of digital visits from a mobile device",
            ko="모바일 방문 비율",
            lookbacks=(180,),
        ),
        Feature(
            name="mobile_portal_n",
            table="sessions",
            sql=count("kind = 'portal' and device = 'mobile'"),
            unit="count",
            row="B19 C15 C12",
            direction="±",
            en="visits to the service portal from a mobile device",
            ko="모바일 서비스 포털 이용 횟수",
            lookbacks=(180,),
            empty=0,
        ),
    ),
    derived=(
        Derived(
            name="channel_spread",
            sql="1 - ("
            + " + ".join(f"{f.name}_180d * {f.name}_180d" for f in _FAMILIES)
            + f" + power(1 - ({' + '.join(f'{f.name}_180d' for f in _FAMILIES)}), 2))",
            unit="ratio",
            row="B13 A18",
            direction="±",
            en="spread of contacts over channel families, last 180 days (0: all on one)",
            ko="최근 180일 채널 분산도(0: 한 채널에 집중)",
        ),
    ),
)
