"""Personalization: whether messages and contacts use what the company knows about the customer.

What was known is what stood in the tables when the message was sent: the stated language and channel,
an earlier opt-out, the state of the order it is about, what was bought just before, and the channels
and categories that the customer had used in the year before. Each is a feature of its own, so that a
missing table takes away its parts by name; the index at the end averages what is there for a
customer and says of how many parts.
"""

from __future__ import annotations

from cxml.factors.declare import (
    EVER,
    Derived,
    Factor,
    Feature,
    Flag,
    Lookup,
    Match,
    Treatment,
    count,
    latest,
    share,
    total,
)
from cxml.factors.product import INBOUND, WHO_BEGAN

# A channel holds those behind its dot: phone holds phone.human.
_SAME_CHANNEL = "channel = {0} or channel like ({0} || '.%') or {0} like (channel || '.%')"

_MESSAGE_FLAGS = (
    # Using more than is available is no merit.
    Flag(
        "used", "messages",
        "case when fields_used > fields_available then fields_available"
        " when fields_available is not null then fields_used end",
    ),
    Flag("wrong_language", "messages", "lower(language) <> lower(known_language)"),
    Flag(
        "off_channel", "messages",
        "case when channel is not null and known_channel is not null"
        f" then not ({_SAME_CHANNEL.format('known_channel')}) end",
    ),
    # What service needs may be sent to everybody; what advertises or asks may not.
    Flag(
        "after_opt_out", "messages",
        "case when purpose in ('nurture', 'offer', 'survey', 'review_request') then coalesce("
        "min(opted_out_at) over (partition by who order by t range between 31536000 preceding and current row)"
        " < t, false) end",
        reach=365,
    ),
    # The confirmation of a cancellation is no contradiction to it.
    Flag(
        "about_cancelled", "messages",
        "case when about_ordered_at is not null and purpose <> 'transactional'"
        " then coalesce(about_cancelled_at < t, false) end",
    ),
    Flag(
        "just_bought", "messages",
        "case when purpose = 'offer' and category is not null then bought_lately_at is not null end",
    ),
    Flag(
        "contradicts", "messages",
        "case when coalesce(wrong_language, false) or coalesce(off_channel, false)"
        " or coalesce(after_opt_out, false) or coalesce(about_cancelled, false)"
        " or coalesce(just_bought, false) then true"
        " when coalesce(wrong_language, off_channel, after_opt_out, about_cancelled, just_bought) is not null"
        " then false end",
        reach=365,
    ),
    Flag(
        "unused_channel", "messages",
        "case when channel is not null and contacted_before_at is not null"
        " then contacted_there_at is null end",
    ),
    Flag(
        "unused_category", "messages",
        "case when category is not null and bought_before_at is not null then bought_such_at is null end",
    ),
)  # fmt: skip

_CONTACT_FLAGS = (
    Flag(
        "personal_known", "interactions",
        "case when recognised is null then 0 else 1 end + case when name_used is null then 0 else 1 end",
    ),
    Flag(
        "personal_used", "interactions", "case when recognised then 1 else 0 end + case when name_used then 1 else 0 end",
    ),
    Flag(
        "asked_who", "interactions",
        "case when recognised then false"
        " when not recognised and (verifications is not null or context_carried is not null)"
        " then coalesce(verifications > 0, false) or coalesce(not context_carried, false) end",
    ),
    Flag(
        "off_stated_channel", "interactions",
        "case when channel is not null and stated_channel is not null"
        f" then not ({_SAME_CHANNEL.format('stated_channel')}) end",
    ),
)  # fmt: skip

_KNOWN = (
    Lookup(
        "messages", "customers", "customer_id",
        (("known_language", "language"), ("known_channel", "preferred_channel")),
    ),
    Lookup(
        "messages", "orders", "order_id",
        (("about_ordered_at", "ordered_at"), ("about_cancelled_at", "cancelled_at")),
    ),
    Lookup("interactions", "customers", "customer_id", (("stated_channel", "preferred_channel"),)),
)  # fmt: skip

_LEARNED = (
    Match(
        "contacted_before_at", "messages", "interactions", "t", "last before", 365,
        f"{INBOUND} and channel is not null",
    ),
    Match(
        "contacted_there_at", "messages", "interactions", "t", "last before", 365,
        INBOUND, on="channel",
    ),
    Match("bought_before_at", "messages", "orders", "t", "last before", 365, "category is not null and not credit_note"),
    Match("bought_such_at", "messages", "orders", "t", "last before", 365, "not credit_note", on="category"),
    Match(
        "bought_lately_at", "messages", "orders", "t", "last before", 30,
        "not credit_note and (cancelled_at is null or cancelled_at > own_t)", on="category",
    ),
)  # fmt: skip

_ATTRIBUTES_USED = (
    Feature(
        "personalization_gap", "messages",
        f"1 - cast({total('used')} as double)"
        f" / nullif(cast({total('fields_available', 'fields_used is not null')} as double), 0)",
        "share", "D22 C9 G13", "+", "share of known attributes that messages left unused",
        "활용하지 않은 고객 정보 비율(개인화 부족)",
    ),
    Feature(
        "personalization_gap_last", "messages",
        latest(
            "case when fields_available > 0 and fields_used is not null"
            " then 1 - used / cast(fields_available as double) end"
        ),
        "share", "D22 J3", "+", "share of known attributes that the last message left unused",
        "마지막 메시지의 개인화 부족", (365,),
    ),
    Feature(
        "generic_share", "messages", share("fields_used = 0", of="fields_available > 0"), "share",
        "D22 G11", "+", "share of generic messages", "일반 발송 메시지 비율", (30, 90, 180),
    ),
    Feature(
        "message_name_share", "messages", share("name_used"), "share", "G13", "-",
        "share of messages that address the customer by name", "고객 이름을 부른 메시지 비율", (365,),
    ),
    Feature(
        "contact_gap", "interactions",
        "1 - cast(sum(personal_used) as double) / nullif(cast(sum(personal_known) as double), 0)",
        "share", "D22 C9 G13 K15", "+",
        "share of chances to recognise the customer or to use their name that contacts left unused",
        "상담에서 고객 인식·이름 호명 기회를 활용하지 않은 비율", (90, 365),
    ),
    Feature(
        "unrecognised_share", "interactions", share("not recognised"), "share", "K15 G13", "+",
        "share of contacts in which the customer was not recognised", "고객을 알아보지 못한 상담 비율", (365,),
    ),
    Feature(
        "asked_who_share", "interactions", share("asked_who"), "share", "D22 K15 G5", "+",
        "share of contacts in which an unrecognised customer had to identify or explain again",
        "고객을 알아보지 못해 다시 확인하거나 설명하게 한 상담 비율", (90, 365),
    ),
)  # fmt: skip

_CONTRADICTIONS = (
    Feature(
        "wrong_language_share", "messages", share("wrong_language"), "share", "D22 D23 K15", "+",
        "share of messages in another language than the customer's", "고객 언어와 다른 언어로 보낸 메시지 비율",
        (365,),
    ),
    Feature(
        "off_channel_share", "messages", share("off_channel"), "share", "B29 K15", "+",
        "share of messages outside the stated preferred channel", "선호 채널이 아닌 채널로 보낸 메시지 비율",
        (90, 365),
    ),
    Feature(
        "contact_off_channel_share", "interactions", share("off_stated_channel"), "share", "B29 K15", "+",
        "share of contacts outside the stated preferred channel", "선호 채널이 아닌 채널의 문의 비율", (365,),
    ),
    Feature(
        "after_opt_out_n", "messages", count("after_opt_out"), "count", "D23", "+",
        "advertising or asking messages after an opt-out of the year before",
        "수신 거부 후(1년 이내) 발송한 광고·요청 메시지 건수", (365,), empty=0,
    ),
    Feature(
        "cancelled_order_messages_n", "messages", count("about_cancelled"), "count", "D23", "+",
        "messages about an order cancelled before, confirmations apart",
        "이미 취소한 주문에 관한 메시지 건수(처리 안내 제외)", (365,), empty=0,
    ),
    Feature(
        "owned_offer_share", "messages", share("just_bought"), "share", "D22 D23", "+",
        "share of offers of a category bought in the 30 days before", "직전 30일에 이미 구매한 상품군의 제안 비율",
        (365,),
    ),
    Feature(
        "contradiction_share", "messages", share("contradicts"), "share", "D22 D23 K15", "+",
        "share of messages that contradict what was known of the customer", "알고 있는 고객 정보와 어긋난 메시지 비율",
        (90, 365),
    ),
    Feature(
        "contradictions_n", "messages", count("contradicts"), "count", "D23", "+",
        "messages that contradict what was known of the customer", "알고 있는 고객 정보와 어긋난 메시지 건수",
        (90,), empty=0,
    ),
    Feature(
        "irrelevant_n", "messages", count("not relevant"), "count", "D23", "+", "irrelevant messages",
        "관련 없는 메시지 건수", (90, 365), empty=0,
    ),
    Feature(
        "irrelevant_share", "messages", share("not relevant"), "share", "D23 G11", "+",
        "share of irrelevant messages", "관련 없는 메시지 비율", (90, 180),
    ),
)  # fmt: skip

_LEARNING = (
    Feature(
        "unused_channel_share", "messages", share("unused_channel"), "share", "B29 D22", "+",
        "share of messages on a channel that the customer, in contact during the year before, did not use",
        "고객이 지난 1년간 이용하지 않은 채널로 보낸 메시지 비율", (90, 365),
    ),
    Feature(
        "unused_category_share", "messages", share("unused_category"), "share", "D22 G28", "+",
        "share of messages about a category that the customer, buying during the year before, did not buy",
        "고객이 지난 1년간 구매하지 않은 상품군의 메시지 비율", (90, 365),
    ),
    Feature(
        "recommended_order_share", "orders", share("recommended", of="purchase"), "share", "G28", "-",
        "share of purchases on a recommendation", "추천을 통한 구매 비율", (365,),
    ),
    Feature(
        "offer_clicked_share", "messages", share("clicked_at is not null", of="purpose = 'offer'"), "share",
        "G11 D22", "-", "share of offers clicked so far", "제안 메시지 클릭 비율", (365,),
    ),
    Feature(
        "opened_share", "messages", share("opened_at is not null"), "share", "B28", "-",
        "share of messages opened so far", "메시지 열람 비율", (90,),
    ),
    Feature(
        "nurture_opened_share", "messages", share("opened_at is not null", of="purpose = 'nurture'"), "share",
        "B28", "-", "share of nurture messages opened so far", "정기 안내 메시지 열람 비율", (365,),
    ),
    Feature(
        "nurture_sends_per_open", "messages",
        "count(case when purpose = 'nurture' then 1 end) / nullif(cast("
        "count(case when purpose = 'nurture' and opened_at is not null then 1 end) as double), 0)",
        "ratio", "B28", "+", "nurture messages sent per message opened", "열람 1건당 정기 안내 메시지 발송 건수", (365,),
    ),
    Feature(
        "opt_outs_n", "messages", count("opted_out_at is not null"), "count", "D23", "+",
        "messages after which the customer opted out", "수신 거부 건수", (365,), empty=0,
    ),
    Feature(
        "preference_known", "customers",
        latest("case when preferred_channel is not null then 1 else 0 end"), "flag", "K15", "-",
        "preferred channel is known", "선호 채널 파악 여부", EVER,
    ),
    Feature(
        "profile_fill", "customers",
        latest(
            "(case when language is null then 0 else 1 end + case when preferred_channel is null then 0 else 1 end"
            " + case when region is null then 0 else 1 end) / 3e0"
        ),
        "share", "D22 K15", "-", "share of language, preferred channel and region that is known",
        "언어·선호 채널·지역 정보 파악 비율", EVER,
    ),
)  # fmt: skip

PERSONALIZATION = Factor(
    name="personalization",
    en="Lack of personalization",
    ko="개인화 부족",
    kind="lever",
    family="process",
    tier=3,
    treatment=Treatment("personalization_gap"),
    optional=WHO_BEGAN,
    says="Messages and contacts that left unused, or contradicted, what is known of the customer.",
    flags=(*_MESSAGE_FLAGS, *_CONTACT_FLAGS),
    lookups=_KNOWN,
    matches=_LEARNED,
    features=(*_ATTRIBUTES_USED, *_CONTRADICTIONS, *_LEARNING),
    derived=(
        Derived(
            "personalization_trend", "personalization_gap_{short}d / nullif(personalization_gap_{long}d, 0)",
            "times", "D22", "+", "recent lack of personalization over the long-run level",
            "장기 대비 최근 개인화 부족", aloud=False,
        ),
    ),
)  # fmt: skip

PARTS: tuple[str, ...] = (
    "personalization_gap",
    "contact_gap",
    "contradiction_share",
    "asked_who_share",
    "unused_channel_share",
    "unused_category_share",
)
"""What the personalization index averages: each a share, each with the same weight."""

PERSONALIZATION_INDEX = Factor(
    name="personalization_index",
    en="Personalization gap index",
    ko="개인화 부족 지수",
    kind="index",
    family="process",
    tier=3,
    says="The average of the shares that make up the lack of personalization, over those that a customer has.",
    optional=PARTS,
    features=(),
    derived=(
        Derived(
            "personalization_parts",
            " + ".join(f"case when {part}_{{w}}d is null then 0 else 1 end" for part in PARTS),
            "count", "D22", "±", "parts of the personalization index that could be measured",
            "개인화 부족 지수를 이루는 항목 중 측정한 항목 수", (90, 365),
        ),
        Derived(
            "personalization_index",
            f"({' + '.join(f'coalesce({part}_{{w}}d, 0)' for part in PARTS)})"
            " / nullif(personalization_parts_{w}d, 0)",
            "share", "D22 C9", "+", "average of the measured parts of the personalization gap (0 good to 1 bad)",
            "개인화 부족 지수(측정 항목 평균, 0 좋음~1 나쁨)", (90, 365),
        ),
    ),
)  # fmt: skip
