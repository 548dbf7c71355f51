"""Resolution: whether the problem was solved, how fast, and what is still open.

Measured per issue: the last known contact of an issue stands for it.
"""

from __future__ import annotations

from cxml.factors.declare import (
    DAY,
    Factor,
    Feature,
    Flag,
    Norm,
    Treatment,
    count,
    latest,
    mean,
    quantile,
    share,
    worst,
)

RESOLUTION = Factor(
    name="resolution",
    en="Resolution",
    ko="문제 해결",
    kind="lever",
    family="process",
    tier=4,
    treatment=Treatment("open_issues_n"),
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
            "case when stands and resolved_at is not null then resolved_after + t - issue_start <= 86400"
            " when stands and c - issue_start > 86400 then false end",
        ),
        Flag(
            "kept_promise", "interactions",
            "case when stands and resolved_at is not null then resolved_after + t - issue_start <= resolve_promise_s"
            " when stands and c - issue_start > resolve_promise_s then false end",
        ),
        Flag(
            "after_fix", "interactions",
            "issue_id is not null"
            " and lag(once_resolved_at) over (partition by who, issue_id order by t, pos) <= t"
            " and t - lag(t) over (partition by who, issue_id order by t, pos) <= 7776000",
            reach=90,
        ),
        Flag(
            "unsolved_s", "interactions",
            "case when stands and resolved_at is not null then resolved_after + t - issue_start"
            " when stands then c - issue_start end",
        ),
        # Was the wait worth it? Judged when a day is over.
        Flag(
            "waited_in_vain", "interactions",
            "case when wait_s > 300 and age > 86400 then not coalesce(resolved_after <= 86400, false) end",
        ),
    ),
    norms=(Norm("topic_resolve_s", "interactions", "resolved_after", by="topic"),),
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
            "resolve_h_mean", "interactions", mean("resolved_after + t - issue_start", "stands") + " / 3600e0",
            "h", "D8", "+", "average time to resolve an issue", "평균 해결 소요 시간", (90, 180),
        ),
        Feature(
            "resolve_h_max", "interactions", worst("(resolved_after + t - issue_start) / 3600e0", "stands"), "h",
            "D8", "+", "longest time to resolve an issue", "최장 해결 소요 시간", (365,),
        ),
        Feature(
            "resolve_so_far_h_mean", "interactions", mean("unsolved_s") + " / 3600e0", "h", "D8", "+",
            "average time to resolve an issue, of open ones so far", "평균 해결 소요 시간(미해결 건은 현재까지)", (90, 180),
        ),
        Feature(
            "resolve_so_far_h_max", "interactions", worst("unsolved_s / 3600e0"), "h", "D8", "+",
            "longest time to resolve an issue, of open ones so far", "최장 해결 소요 시간(미해결 건은 현재까지)", (365,),
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
            "reopened_share", "interactions",
            "count(distinct case when reopened_at is not null then issue_id end)"
            " / nullif(cast(count(distinct case when resolved_at is not null or reopened_at is not null"
            " then issue_id end) as double), 0)",
            "share", "D33 R7", "+", "share of resolved issues that came back", "해결한 문의 건의 재발 비율", (365,),
        ),
        Feature(
            "after_fix_n", "interactions", count("after_fix"), "count", "D33 R4", "+",
            "contacts on an issue after it was resolved (within 90 days of the contact before)",
            "해결한 문의 건에 대한 추가 문의 건수(이전 문의 후 90일 이내)", (90, 365), empty=0,
        ),
        Feature(
            "resolve_promise_share", "interactions", share("kept_promise"), "share", "G1 G12", "-",
            "share of issues resolved within the promised time", "약속 시간 안에 해결한 문의 건 비율", (90, 365), kept=1,
        ),
        Feature(
            "overdue_issues_n", "interactions",
            count("stands and resolved_at is null and c - issue_start > resolve_promise_s"), "count",
            "D8 D30", "+", "issues open for longer than the promised time",
            "약속 시간을 넘긴 미해결 문의 건수", (90, 365), empty=0, kept=0,
        ),
        Feature(
            "resolve_h_p90", "interactions", quantile("(resolved_after + t - issue_start) / 3600e0", 0.9, "stands"),
            "h", "D8", "+", "time to resolve that one issue in ten exceeds", "해결 소요 시간(상위 10% 기준)",
            (365,), aloud=False,
        ),
        Feature(
            "resolve_vs_topic", "interactions",
            f"{mean('resolved_after', 'topic_resolve_s is not null')}"
            f" / nullif({mean('topic_resolve_s', 'resolved_at is not null')}, 0)",
            "times", "D8", "+",
            "average time from contact to resolution over what was usual for the topics in the same weeks",
            "같은 시기 주제 평균 대비 해결 소요 시간", (365,),
        ),
        Feature(
            "wait_in_vain_share", "interactions", share("waited_in_vain"), "share", "K19 G1", "+",
            "share of waits over 5 minutes not followed by a resolution within a day",
            "5분 넘게 대기하고도 하루 안에 해결되지 않은 비율", (90, 365),
        ),
    ),
)  # fmt: skip
