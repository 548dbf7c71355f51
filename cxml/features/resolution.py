"""Resolution: whether the problem was solved, how fast, and what is still open.

Measured per issue: the last known contact of an issue stands for it.
"""

from __future__ import annotations

from cxml.features.declare import DAY, Factor, Feature, Flag, count, latest, mean, share, worst

RESOLUTION = Factor(
    name="resolution",
    en="Resolution",
    ko="문제 해결",
    kind="lever",
    family="process",
    tier=4,
    says="Whether problems are solved, at the first contact, in good time and for good.",
    flags=(
        Flag(
            "next_of_issue", "interactions", "lead(t) over (partition by who, issue_id order by t, pos)",
            ahead=True,
        ),
        Flag("stands", "interactions", "issue_id is not null and next_of_issue is null"),
        Flag(
            "issue_start", "interactions",
            "min(t) over"
            " (partition by who, issue_id order by t range between 15552000 preceding and current row)",
            reach=180,
        ),
        Flag(
            "next_same_topic", "interactions", "lead(t) over (partition by who, topic order by t, pos)",
            ahead=True,
        ),
        Flag(
            "first_contact", "interactions",
            "topic is not null"
            " and coalesce(t - lag(t) over (partition by who, topic order by t, pos) > 604800, true)",
            reach=7,
        ),
        # Judged when the seven days are over, whatever came of it.
        Flag(
            "held", "interactions",
            "case when first_contact and age > 604800"
            " then resolved_at is not null and coalesce(next_same_topic - t > 604800, true) end",
        ),
        Flag(
            "within_day", "interactions",
            "case when stands and resolved_at is not null then resolved_at - issue_start <= 86400"
            " when stands and c - issue_start > 86400 then false end",
        ),
    ),
    features=(
        Feature(
            "first_contact_resolution", "interactions", share("held"), "share", "A4 G3", "-",
            "share of problems solved at the first contact (no contact on the topic for 7 days)",
            "첫 문의 해결률(7일 이내 재문의 없음)", (30, 90, 180),
        ),
        Feature(
            "resolved_share", "interactions", share("resolved_at is not null", of="stands"), "share", "A4",
            "-", "share of issues resolved", "문의 건 해결률", (30, 90, 180),
        ),
        Feature(
            "resolved_1d_share", "interactions", share("within_day"), "share", "G1", "-",
            "share of issues resolved within a day", "하루 안에 해결한 문의 건 비율", (90, 365),
        ),
        Feature(
            "resolve_h_mean", "interactions", mean("resolved_at - issue_start", "stands") + " / 3600e0",
            "h", "D8", "+", "average time to resolve an issue", "평균 해결 소요 시간", (90, 180),
        ),
        Feature(
            "resolve_h_max", "interactions", worst("(resolved_at - issue_start) / 3600e0", "stands"), "h",
            "D8", "+", "longest time to resolve an issue", "최장 해결 소요 시간", (365,),
        ),
        Feature(
            "open_issues_n", "interactions", count("stands and resolved_at is null"), "count", "A4 D30", "+",
            "issues without a resolution", "미해결 문의 건수", (30, 90, 180), empty=0,
        ),
        Feature(
            "open_oldest_d", "interactions",
            worst(f"(c - issue_start) / {DAY}e0", "stands and resolved_at is null"), "d", "A4 D8", "+",
            "age of the oldest issue without a resolution", "가장 오래된 미해결 건의 경과 일수", (365,),
        ),
        Feature(
            "unresolved_last", "interactions",
            latest("case when resolved_at is null then 1 else 0 end", "stands"), "flag", "A4 J3", "+",
            "latest issue is not resolved", "마지막 문의 건 미해결 여부", (365,),
        ),
        Feature(
            "reopened_n", "interactions",
            "count(distinct case when reopened_at is not null then issue_id end)", "count", "D33 R7", "+",
            "issues that came back after they were resolved", "해결 후 다시 발생한 문의 건수", (90, 365),
            empty=0,
        ),
        Feature(
            "wrong_information_n", "interactions", count("corrected_at is not null"), "count", "D13", "+",
            "contacts with wrong information that was put right later", "나중에 정정한 잘못된 안내 건수",
            (365,), empty=0,
        ),
    ),
)  # fmt: skip
