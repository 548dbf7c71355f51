"""Abandonment: contacts that the customer gave up before being served."""

from __future__ import annotations

from cxml.factors.declare import (
    AFTER_HOURS,
    Factor,
    Feature,
    Flag,
    Norm,
    Treatment,
    count,
    days_since,
    latest,
    mean,
    share,
    worst,
)

ABANDONMENT = Factor(
    name="abandonment",
    en="Giving up in the queue",
    ko="대기 중 포기",
    kind="lever",
    family="process",
    tier=2,
    treatment=Treatment("abandoned_n", any=True),
    after=("waiting",),
    says="Contacts that ended before anybody served the customer, and what the customer did next.",
    flags=(
        Flag("next_contact", "interactions", "lead(t) over (partition by who order by t, pos)", ahead=True),
        # Known only once the hour has passed: an early call back must not count more than a missing one.
        Flag(
            "recalled", "interactions",
            "case when abandoned and age > 3600 and not day_only then coalesce(next_contact - t <= 3600, false) end",
        ),
        Flag(
            "served_later", "interactions",
            "max(case when not abandoned then 1 else 0 end)"
            " over (partition by who order by t, pos rows between 1 following and unbounded following)",
        ),
        Flag("after_hours", "interactions", AFTER_HOURS),
    ),
    norms=(
        Norm(
            "channel_abandoned", "interactions",
            "case when abandoned then 1e0 when not abandoned then 0e0 end", by="channel",
        ),
    ),
    features=(
        Feature(
            "abandoned_n", "interactions", count("abandoned"), "count", "D3 C6", "+",
            "contacts given up while waiting", "대기 중 포기 건수", empty=0,
        ),
        Feature(
            "abandoned_share", "interactions", share("abandoned"), "share", "D3", "+",
            "share of contacts given up while waiting", "대기 중 포기 비율", (90, 365),
        ),
        Feature(
            "abandon_wait_mean", "interactions", mean("wait_s", "abandoned"), "s", "D3", "±",
            "average wait before giving up", "포기 전 평균 대기 시간", (90, 365),
        ),
        Feature(
            "abandoned_after_5m_n", "interactions", count("abandoned and wait_s > 300"), "count", "C6", "+",
            "contacts given up after more than 5 minutes", "5분 넘게 기다리다 포기한 건수", (90, 365),
            empty=0,
        ),
        Feature(
            "abandoned_after_10m_n", "interactions", count("abandoned and wait_s > 600"), "count", "C6", "+",
            "contacts given up after more than 10 minutes", "10분 넘게 기다리다 포기한 건수", (365,), empty=0,
        ),
        Feature(
            "abandoned_breach_share", "interactions", share("wait_s > promised_s", of="abandoned"), "share",
            "C5 C6", "+", "share of given-up contacts that had waited longer than their channel promises",
            "포기 건 중 채널별 응답 약속을 넘긴 비율", (365,), kept=0,
        ),
        Feature(
            "abandon_wait_max", "interactions", worst("wait_s", "abandoned"), "s", "D3", "+",
            "longest wait before giving up", "포기 전 최장 대기 시간", (365,),
        ),
        Feature(
            "abandoned_vs_channel", "interactions",
            mean(
                "case when abandoned then 1 - channel_abandoned when not abandoned then 0 - channel_abandoned end"
            ),
            "score", "D3", "+",
            "share of contacts given up, minus what was usual on their channels in the same weeks",
            "같은 시기 채널 평균과의 대기 중 포기 비율 차이", (365,),
        ),
        Feature(
            "ivr_abandoned_share", "interactions", share("abandoned", of="channel = 'phone.ivr'"), "share",
            "B12 D3", "+", "share of contacts with a voice menu given up", "ARS 이용 중 포기 비율", (365,),
        ),
        Feature(
            "off_hours_abandoned_share", "interactions", share("abandoned", of="after_hours"), "share",
            "B30 D3", "+", "share of contacts outside weekdays 9 to 18 given up",
            "평일 9~18시 외 대기 중 포기 비율", (365,),
        ),
        Feature(
            "recalled_1h_share", "interactions", share("recalled"), "share", "C6 D3", "±",
            "share of given-up contacts followed by another within an hour", "포기 후 1시간 내 재문의 비율",
            (365,),
        ),
        Feature(
            "abandoned_unserved_n", "interactions", count("abandoned and coalesce(served_later, 0) = 0"),
            "count", "D3", "+", "contacts given up, not served since", "포기 후 아직 상담받지 못한 건수",
            (30, 90), empty=0,
        ),
        Feature(
            "abandoned_last", "interactions",
            latest("case when abandoned then 1 when not abandoned then 0 end"), "flag", "D3 J3", "+",
            "last contact was given up", "마지막 문의 포기 여부", (365,),
        ),
        Feature(
            "abandoned_days_since", "interactions", days_since("abandoned"), "d", "D3 C8", "-",
            "days since a contact was given up", "마지막 대기 중 포기 후 경과 일수", (365,),
        ),
    ),
)  # fmt: skip
