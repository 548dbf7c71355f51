"""Personalization: whether messages use what the company knows about the customer."""

from __future__ import annotations

from cxml.features.declare import Derived, Factor, Feature, Flag, count, latest, share, total

PERSONALIZATION = Factor(
    name="personalization",
    en="Lack of personalization",
    ko="개인화 부족",
    kind="lever",
    family="process",
    tier=3,
    says="Messages that left unused what is known of the customer, or that do not fit the customer.",
    flags=(
        # Using more than is available is no merit.
        Flag(
            "used", "messages",
            "case when fields_used > fields_available then fields_available"
            " when fields_available is not null then fields_used end",
        ),
    ),
    features=(
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
            "irrelevant_n", "messages", count("not relevant"), "count", "D23", "+", "irrelevant messages",
            "관련 없는 메시지 건수", (90, 365), empty=0,
        ),
        Feature(
            "irrelevant_share", "messages", share("not relevant"), "share", "D23 G11", "+",
            "share of irrelevant messages", "관련 없는 메시지 비율", (90, 180),
        ),
        Feature(
            "opened_share", "messages", share("opened_at is not null"), "share", "B28", "-",
            "share of messages opened so far", "메시지 열람 비율", (90,),
        ),
        Feature(
            "opt_outs_n", "messages", count("opted_out_at is not null"), "count", "D23", "+",
            "messages after which the customer opted out", "수신 거부 건수", (365,), empty=0,
        ),
        Feature(
            "preference_known", "customers",
            latest("case when preferred_channel is not null then 1 else 0 end"), "flag", "K15", "-",
            "preferred channel is known", "선호 채널 파악 여부", (0,),
        ),
    ),
    derived=(
        Derived(
            "personalization_trend", "personalization_gap_{short}d / nullif(personalization_gap_{long}d, 0)",
            "ratio", "D22", "+", "recent lack of personalization over the long-run level",
            "장기 대비 최근 개인화 부족",
        ),
    ),
)  # fmt: skip
