"""Recovery: what was done to make good, against what went wrong.

A bad event is a contact that was given up or that waited for more than ten minutes.
"""

from __future__ import annotations

from cxml.features.declare import Derived, Factor, Feature, Flag, count, days_since, share, total

RECOVERY = Factor(
    name="recovery",
    en="Service recovery",
    ko="서비스 회복",
    kind="lever",
    family="process",
    tier=4,
    says="Apology, explanation, fix, compensation and follow-up, counted against the bad events they answer.",
    flags=(
        Flag("bad", "interactions", "coalesce(abandoned, false) or coalesce(wait_s > 600, false)"),
        Flag(
            "next_of_step", "recoveries", "lead(t) over (partition by who, issue_id, action order by t, pos)",
            ahead=True,
        ),
        Flag("step", "recoveries", "issue_id is not null and action <> 'gift' and next_of_step is null"),
    ),
    features=(
        Feature(
            "bad_events_n", "interactions", count("bad"), "count", "C8", "+",
            "bad events (given up, or over 10 minutes of waiting)",
            "서비스 실패 건수(대기 중 포기 또는 10분 초과 대기)", (30, 90, 180), empty=0,
        ),
        Feature(
            "bad_days_since", "interactions", days_since("bad"), "d", "C8", "-",
            "days since the last bad event", "마지막 서비스 실패 후 경과 일수", (365,),
        ),
        Feature(
            "recoveries_n", "recoveries", count("action <> 'gift'"), "count", "R13", "±",
            "acts of making good", "서비스 회복 조치 건수", (30, 90, 180), empty=0,
        ),
        Feature(
            "recovery_steps_n", "recoveries", "count(distinct case when action <> 'gift' then action end)",
            "count", "R13", "-", "different recovery steps taken", "서비스 회복 단계 수", (90, 365), empty=0,
        ),
        Feature(
            "recovery_steps_per_issue", "recoveries",
            "count(case when step then 1 end)"
            " / nullif(cast(count(distinct case when action <> 'gift' then issue_id end) as double), 0)",
            "count", "R13", "-", "recovery steps per issue made good", "문의 건당 서비스 회복 단계 수",
            (365,),
        ),
        Feature(
            "understand_n", "recoveries", count("action = 'understand'"), "count", "R1", "±",
            "times understanding was shown", "공감 표현 건수", (180,), empty=0,
        ),
        Feature(
            "apology_n", "recoveries", count("action = 'apology'"), "count", "R2", "±", "apologies",
            "사과 건수", (180,), empty=0,
        ),
        Feature(
            "explain_n", "recoveries", count("action = 'explain'"), "count", "R3", "±",
            "explanations of what went wrong", "원인 설명 건수", (180,), empty=0,
        ),
        Feature(
            "fix_n", "recoveries", count("action = 'fix'"), "count", "R4", "±", "fixes", "문제 조치 건수",
            (180,), empty=0,
        ),
        Feature(
            "compensate_n", "recoveries", count("action = 'compensate'"), "count", "R5 G4", "±",
            "compensations", "보상 건수", (180,), empty=0,
        ),
        Feature(
            "follow_up_n", "recoveries", count("action = 'follow_up'"), "count", "R9", "±",
            "follow-ups after closure", "후속 연락 건수", (180,), empty=0,
        ),
        Feature(
            "prevent_n", "recoveries", count("action = 'prevent'"), "count", "R7", "±",
            "acts against recurrence", "재발 방지 조치 건수", (180,), empty=0,
        ),
        Feature(
            "gifts_n", "recoveries", count("action = 'gift'"), "count", "G16", "±", "gifts and gestures",
            "감사 선물 건수", (365,), empty=0,
        ),
        Feature(
            "recovery_amount", "recoveries", total("amount"), "money", "R5 G4", "±",
            "amount given to make good", "보상 금액", (365,),
        ),
        Feature(
            "recovery_days_since", "recoveries", days_since("action <> 'gift'"), "d", "R13 R9", "±",
            "days since the last act of making good", "마지막 서비스 회복 조치 후 경과 일수", (365,),
        ),
        Feature(
            "proactive_share", "interactions", share("proactive"), "share", "D39 G27", "-",
            "share of contacts that the company began before the customer had to", "사전 대응 비율", (180,),
        ),
    ),
    derived=(
        Derived(
            "recovery_ratio", "recoveries_n_{w}d / nullif(cast(bad_events_n_{w}d as double), 0)", "ratio",
            "R13", "-", "acts of making good per bad event", "서비스 실패 1건당 회복 조치 수", (90, 180),
        ),
        Derived(
            "recovery_missing_n", "greatest(bad_events_n_{w}d - recoveries_n_{w}d, 0)", "count", "R13", "+",
            "bad events not made good", "회복 조치가 없는 서비스 실패 건수", (90, 180),
        ),
        Derived(
            "recovered_since_bad",
            "case when bad_days_since_365d is not null"
            " then case when recovery_days_since_365d <= bad_days_since_365d then 1 else 0 end end",
            "flag", "R13", "-", "something was made good since the last bad event",
            "마지막 서비스 실패 이후 회복 조치 여부",
        ),
    ),
)  # fmt: skip
