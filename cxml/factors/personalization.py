"""Personalization: whether messages and contacts use what the company knows about the customer.

What was known is what stood in the tables when the message was sent: the stated language and channel,
an earlier opt-out, the state of the order it is about, what was bought just before, and the channels
and categories that the customer had used in the year before. Each is a feature of its own, so that a
missing table takes away its parts by name; the index at the end averages what is there for a
customer and says of how many parts.
"""

from __future__ import annotations

from cxml.factors.declare import (
    Derived,
    Factor,
    Feature,
    Flag,
    Lookup,
    Match,
    Treatment,
    latest,
    share,
    total,
)
from cxml.factors.personalization_memory import CONTRADICTIONS, LEARNING
from cxml.factors.product import INBOUND, WHO_BEGAN

# A channel holds those behind its dot: phone holds phone.human.
_SAME_CHANNEL = "channel = {0} or channel like ({0} || '.%') or {0} like (channel || '.%')"

_MESSAGE_FLAGS = (
    # Using more than is available is no merit.
    Flag(
        "used",
        "messages",
        "case when fields_used > fields_available then fields_available"
        " when fields_available is not null then fields_used end",
    ),
    Flag("wrong_language", "messages", "lower(language) <> lower(known_language)"),
    Flag(
        "off_channel",
        "messages",
        "case when channel is not null and known_channel is not null"
        f" then not ({_SAME_CHANNEL.format('known_channel')}) end",
    ),
    # What service needs may be sent to everybody; what advertises or asks may not.
    Flag(
        "after_opt_out",
        "messages",
        "case when purpose in ('nurture', 'offer', 'survey', 'review_request') then coalesce("
        "min(opted_out_at) over (partition by who order by t range between 31536000 preceding and current row)"
        " < t, false) end",
        reach=365,
    ),
    # The confirmation of a cancellation is no contradiction to it.
    Flag(
        "about_cancelled",
        "messages",
        "case when about_ordered_at is not null and purpose <> 'transactional'"
        " then coalesce(about_cancelled_at < t, false) end",
    ),
    Flag(
        "just_bought",
        "messages",
        "case when purpose = 'offer' and category is not null then bought_lately_at is not null end",
    ),
    Flag(
        "contradicts",
        "messages",
        "case when coalesce(wrong_language, false) or coalesce(off_channel, false)"
        " or coalesce(after_opt_out, false) or coalesce(about_cancelled, false)"
        " or coalesce(just_bought, false) then true"
        " when coalesce(wrong_language, off_channel, after_opt_out, about_cancelled, just_bought) is not null"
        " then false end",
        reach=365,
    ),
    Flag(
        "unused_channel",
        "messages",
        "case when channel is not null and contacted_before_at is not null"
        " then contacted_there_at is null end",
    ),
    Flag(
        "unused_category",
        "messages",
        "case when category is not null and bought_before_at is not null then bought_such_at is null end",
    ),
)

_CONTACT_FLAGS = (
    Flag(
        "personal_known",
        "interactions",
        "case when recognised is null then 0 else 1 end + case when name_used is null then 0 else 1 end",
    ),
    Flag(
        "personal_used",
        "interactions",
        "case when recognised then 1 else 0 end + case when name_used then 1 else 0 end",
    ),
    Flag(
        "asked_who",
        "interactions",
        "case when recognised then false"
        " when not recognised and (verifications is not null or context_carried is not null)"
        " then coalesce(verifications > 0, false) or coalesce(not context_carried, false) end",
    ),
    Flag(
        "off_stated_channel",
        "interactions",
        "case when channel is not null and stated_channel is not null"
        f" then not ({_SAME_CHANNEL.format('stated_channel')}) end",
    ),
)

_KNOWN = (
    Lookup(
        "messages",
        "customers",
        "customer_id",
        (("known_language", "language"), ("known_channel", "preferred_channel")),
    ),
    Lookup(
        "messages",
        "orders",
        "order_id",
        (("about_ordered_at", "ordered_at"), ("about_cancelled_at", "cancelled_at")),
    ),
    Lookup("interactions", "customers", "customer_id", (("stated_channel", "preferred_channel"),)),
)

_LEARNED = (
    Match(
        "contacted_before_at",
        "messages",
        "interactions",
        "t",
        "last before",
        365,
        f"{INBOUND} and channel is not null",
    ),
    Match(
        "contacted_there_at",
        "messages",
        "interactions",
        "t",
        "last before",
        365,
        INBOUND,
        on="channel",
    ),
    Match(
        "bought_before_at",
        "messages",
        "orders",
        "t",
        "last before",
        365,
        "category is not null and not credit_note",
    ),
    Match("bought_such_at", "messages", "orders", "t", "last before", 365, "not credit_note", on="category"),
    Match(
        "bought_lately_at",
        "messages",
        "orders",
        "t",
        "last before",
        30,
        "not credit_note and (cancelled_at is null or cancelled_at > own_t)",
        on="category",
    ),
)

_ATTRIBUTES_USED = (
    Feature(
        name="personalization_gap",
        table="messages",
        sql=f"1 - cast({total('used')} as double)"
        f" / nullif(cast({total('fields_available', 'fields_used is not null')} as double), 0)",
        unit="share",
        row="D22 C9 G13",
        direction="+",
        en="share of known attributes that messages left unused",
        ko="활용하지 않은 고객 정보 비율(개인화 부족)",
    ),
    Feature(
        name="personalization_gap_last",
        table="messages",
        sql=latest(
            "case when fields_available > 0 and fields_used is not null"
            " then 1 - used / cast(fields_available as double) end"
        ),
        unit="share",
        row="D22 J3",
        direction="+",
        en="share of known attributes that the last message left unused",
        ko="마지막 메시지의 개인화 부족",
        lookbacks=(365,),
    ),
    Feature(
        name="generic_share",
        table="messages",
        sql=share("fields_used = 0", of="fields_available > 0"),
        unit="share",
        row="D22 G11",
        direction="+",
        en="share of generic messages",
        ko="일반 발송 메시지 비율",
        lookbacks=(30, 90, 180),
    ),
    Feature(
        name="message_name_share",
        table="messages",
        sql=share("name_used"),
        unit="share",
        row="G13",
        direction="-",
        en="share of messages that address the customer by name",
        ko="고객 이름을 부른 메시지 비율",
        lookbacks=(365,),
    ),
    Feature(
        name="contact_gap",
        table="interactions",
        sql="1 - cast(sum(personal_used) as double) / nullif(cast(sum(personal_known) as double), 0)",
        unit="share",
        row="D22 C9 G13 K15",
        direction="+",
        en="share of chances to recognise the customer or to use their name that contacts left unused",
        ko="상담에서 고객 인식·이름 호명 기회를 활용하지 않은 비율",
        lookbacks=(90, 365),
    ),
    Feature(
        name="unrecognised_share",
        table="interactions",
        sql=share("not recognised"),
        unit="share",
        row="K15 G13",
        direction="+",
        en="share of contacts in which the customer was not recognised",
        ko="고객을 알아보지 못한 상담 비율",
        lookbacks=(365,),
    ),
    Feature(
        name="asked_who_share",
        table="interactions",
        sql=share("asked_who"),
        unit="share",
        row="D22 K15 G5",
        direction="+",
        en="share of contacts in which an unrecognised customer had to identify or explain again",
        ko="고객을 알아보지 못해 다시 확인하거나 설명하게 한 상담 비율",
        lookbacks=(90, 365),
    ),
)


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
    features=(*_ATTRIBUTES_USED, *CONTRADICTIONS, *LEARNING),
    derived=(
        Derived(
            name="personalization_trend",
            sql="personalization_gap_{short}d / nullif(personalization_gap_{long}d, 0)",
            unit="times",
            row="D22",
            direction="+",
            en="recent lack of personalization over the long-run level",
            ko="장기 대비 최근 개인화 부족",
            aloud=False,
        ),
    ),
)

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
            name="personalization_parts",
            sql=" + ".join(f"case when {part}_{{w}}d is null then 0 else 1 end" for part in PARTS),
            unit="count",
            row="D22",
            direction="±",
            en="parts of the personalization index that could be measured",
            ko="개인화 부족 지수를 이루는 항목 중 측정한 항목 수",
            lookbacks=(90, 365),
        ),
        Derived(
            name="personalization_index",
            sql=f"({' + '.join(f'coalesce({part}_{{w}}d, 0)' for part in PARTS)})"
            " / nullif(personalization_parts_{w}d, 0)",
            unit="share",
            row="D22 C9",
            direction="+",
            en="average of the measured parts of the personalization gap (0 good to 1 bad)",
            ko="개인화 부족 지수(측정 항목 평균, 0 좋음~1 나쁨)",
            lookbacks=(90, 365),
        ),
    ),
)
