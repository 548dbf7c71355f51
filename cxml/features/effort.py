"""Effort: the work a customer has to do to be helped."""

from __future__ import annotations

from cxml.features.declare import Derived, Factor, Feature, Flag, count, mean, share, worst

EFFORT = Factor(
    name="effort",
    en="Customer effort",
    ko="고객 노력",
    kind="lever",
    family="process",
    tier=3,
    says="Being handed on, explaining again, proving who one is, changing channels: work the customer does.",
    flags=(
        Flag(
            "next_of_issue", "interactions", "lead(t) over (partition by who, issue_id order by t, pos)",
            ahead=True,
        ),
        Flag("stands", "interactions", "issue_id is not null and next_of_issue is null"),
        Flag(
            "last_of_agent", "interactions",
            "issue_id is not null and agent_id is not null"
            " and lead(t) over (partition by who, issue_id, agent_id order by t, pos) is null",
        ),
        Flag(
            "agents_of_issue", "interactions",
            "sum(case when last_of_agent then 1 else 0 end) over"
            " (partition by who, issue_id order by t range between 7776000 preceding and current row)",
            reach=90,
        ),
        Flag(
            "reverified", "interactions",
            "verifications > 1 or (verifications > 0"
            " and coalesce(t - max(case when verifications > 0 then t end) over (partition by who"
            " order by t, pos rows between unbounded preceding and 1 preceding) <= 86400, false))",
            reach=1,
        ),
        Flag(
            "follows", "interactions",
            "issue_id is not null"
            " and coalesce(t - lag(t) over (partition by who, issue_id order by t, pos) <= 2592000, false)",
            reach=30,
        ),
        Flag(
            "switched", "interactions",
            "follows"
            " and coalesce(channel <> lag(channel) over (partition by who, issue_id order by t, pos), false)",
            reach=30,
        ),
        Flag("machine", "interactions", "channel like '%bot%' or channel = 'phone.ivr'"),
        Flag(
            "escaped", "interactions",
            "follows and not machine and lag(machine) over (partition by who, issue_id order by t, pos)",
            reach=30,
        ),
    ),
    features=(
        Feature(
            "transfers_mean", "interactions", mean("transfers"), "count", "D6 D29 G15", "+",
            "average transfers per contact", "문의당 평균 이관 횟수", (30, 90, 180),
        ),
        Feature(
            "transfers_max", "interactions", worst("transfers"), "count", "D6", "+",
            "most transfers in one contact", "한 문의의 최다 이관 횟수", (365,),
        ),
        Feature(
            "agents_per_issue", "interactions",
            "count(case when last_of_agent then 1 end)"
            " / nullif(cast(count(distinct case when agent_id is not null then issue_id end) as double), 0)",
            "count", "D5 D21", "+", "average agents per issue", "문의 건당 평균 상담원 수", (30, 90, 180),
        ),
        Feature(
            "agents_issue_max", "interactions", worst("agents_of_issue", "stands"), "count", "D5", "+",
            "most agents on one issue", "한 문의 건의 최다 상담원 수", (90, 365),
        ),
        Feature(
            "explain_again_n", "interactions", count("not context_carried"), "count", "D5 D21", "+",
            "contacts in which the customer had to explain again", "같은 내용을 다시 설명한 문의 건수",
            (365,), empty=0,
        ),
        Feature(
            "explain_again_share", "interactions", share("not context_carried"), "share", "D5 D21 B31 G14",
            "+", "share of contacts in which the customer had to explain again",
            "같은 내용을 다시 설명한 문의 비율", (30, 90, 180),
        ),
        Feature(
            "verifications_mean", "interactions", mean("verifications"), "count", "D4", "+",
            "average identity checks per contact", "문의당 평균 본인 확인 횟수", (30, 90, 180),
        ),
        Feature(
            "reverified_n", "interactions", count("reverified"), "count", "D4", "+",
            "contacts with a second identity check within a day", "하루 안에 본인 확인을 반복한 문의 건수",
            (90, 365), empty=0,
        ),
        Feature(
            "channel_switch_share", "interactions",
            share("switched", of="issue_id is not null and channel is not null"), "share", "K3 B31", "+",
            "share of contacts that continue an issue on another channel",
            "다른 채널로 옮겨 이어간 문의 비율", (30, 90, 180),
        ),
        Feature(
            "bot_to_person_n", "interactions", count("escaped"), "count", "K3 B2 B6 B12", "+",
            "issues taken from a bot or voice menu to a person", "챗봇·ARS에서 상담원으로 넘어간 건수",
            (180,), empty=0,
        ),
        Feature(
            "contacts_per_issue", "interactions",
            "count(issue_id) / nullif(cast(count(distinct issue_id) as double), 0)", "count", "D12 B7", "+",
            "average contacts per issue", "문의 건당 평균 문의 횟수", (180,),
        ),
    ),
    derived=(
        # Openly weighted: an identity check is half the burden of the other steps.
        Derived(
            "effort_index",
            "case when transfers_mean_{w}d is not null then"
            " 1e0 * transfers_mean_{w}d"
            " + 1e0 * coalesce(explain_again_share_{w}d, 0)"
            " + 1e0 * coalesce(channel_switch_share_{w}d, 0)"
            " + 1e0 * coalesce(agents_per_issue_{w}d - 1, 0)"
            " + 0.5e0 * coalesce(verifications_mean_{w}d, 0) end",
            "score", "D12 G2", "+", "effort index: extra steps per contact",
            "고객 노력 지수(문의당 추가 단계)", (30, 90, 180),
        ),
    ),
)  # fmt: skip
