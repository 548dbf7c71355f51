"""Effort: the work a customer has to do to be helped."""

from __future__ import annotations

from cxml.factors.declare import Derived, Factor, Feature, Flag, Treatment, count, mean, share, worst
from cxml.factors.skill import AGENT_MET


def _per_issue(last: str, of: str) -> str:
    """How many different ones there are per issue; *last* marks the last contact of each with an issue."""
    issues = f"count(distinct case when {of} is not null then issue_id end)"
    return f"count(case when {last} then 1 end) / nullif(cast({issues} as double), 0)"


EFFORT = Factor(
    name="effort",
    en="Customer effort",
    ko="고객 노력",
    kind="lever",
    family="process",
    tier=3,
    treatment=Treatment("transfers_mean"),
    says="Being handed on, explaining again, proving who one is, changing channels: work the customer does.",
    lookups=(AGENT_MET,),
    # An index goes on without the parts whose columns are not there, and says which.
    optional=(
        "explain_again_share",
        "channel_switch_share",
        "agents_per_issue",
        "verifications_mean",
        "channels_per_issue",
        "documents_mean",
    ),
    flags=(
        Flag(
            "next_of_issue",
            "interactions",
            "lead(t) over (partition by who, issue_id order by t, pos)",
            ahead=True,
        ),
        Flag("stands", "interactions", "issue_id is not null and next_of_issue is null"),
        Flag(
            "last_of_agent",
            "interactions",
            "issue_id is not null and agent_id is not null"
            " and lead(t) over (partition by who, issue_id, agent_id order by t, pos) is null",
        ),
        Flag(
            "agents_of_issue",
            "interactions",
            "sum(case when last_of_agent then 1 else 0 end) over"
            " (partition by who, issue_id order by t range between 7776000 preceding and current row)",
            reach=90,
        ),
        # What sales promised or heard did not reach service.
        Flag(
            "sale_unknown",
            "interactions",
            "not context_carried and coalesce(topic, '') not like 'sales%'"
            " and coalesce(t - max(case when topic like 'sales%' then t end) over (partition by who order by t, pos"
            " rows between unbounded preceding and 1 preceding) <= 2592000, false)",
            reach=30,
        ),
        Flag(
            "reverified",
            "interactions",
            "verifications > 1 or (verifications > 0"
            " and coalesce(t - max(case when verifications > 0 then t end) over (partition by who"
            " order by t, pos rows between unbounded preceding and 1 preceding) <= 86400, false))",
            reach=1,
        ),
        Flag(
            "follows",
            "interactions",
            "issue_id is not null"
            " and coalesce(t - lag(t) over (partition by who, issue_id order by t, pos) <= 2592000, false)",
            reach=30,
        ),
        Flag(
            "switched",
            "interactions",
            "follows"
            " and coalesce(channel <> lag(channel) over (partition by who, issue_id order by t, pos), false)",
            reach=30,
        ),
        Flag("machine", "interactions", "channel like '%bot%' or channel = 'phone.ivr'"),
        Flag(
            "escaped",
            "interactions",
            "follows and not machine and lag(machine) over (partition by who, issue_id order by t, pos)",
            reach=30,
        ),
        Flag(
            "next_on_channel",
            "interactions",
            "lead(t) over (partition by who, issue_id, channel order by t, pos)",
            ahead=True,
        ),
        Flag(
            "last_on_channel",
            "interactions",
            "issue_id is not null and channel is not null and next_on_channel is null",
        ),
        Flag(
            "last_of_team",
            "interactions",
            "issue_id is not null and agent_team is not null"
            " and lead(t) over (partition by who, issue_id, agent_team order by t, pos) is null",
        ),
        Flag(
            "told_another",
            "interactions",
            "follows and not context_carried"
            " and agent_id <> lag(agent_id) over (partition by who, issue_id order by t, pos)",
            reach=30,
        ),
        Flag(
            "transfers_of_issue",
            "interactions",
            "sum(transfers) over"
            " (partition by who, issue_id order by t range between 7776000 preceding and current row)",
            reach=90,
        ),
        Flag(
            "hops",
            "interactions",
            "count(*) over"
            " (partition by who, issue_id order by t range between 7776000 preceding and current row)",
            reach=90,
        ),
    ),
    features=(
        Feature(
            name="transfers_mean",
            table="interactions",
            sql=mean("transfers"),
            unit="count",
            row="D6 D29 G15",
            direction="+",
            en="average transfers per contact",
            ko="문의당 평균 이관 횟수",
            lookbacks=(30, 90, 180),
        ),
        Feature(
            name="transfers_max",
            table="interactions",
            sql=worst("transfers"),
            unit="count",
            row="D6",
            direction="+",
            en="most transfers in one contact",
            ko="한 문의의 최다 이관 횟수",
            lookbacks=(365,),
        ),
        Feature(
            name="agents_per_issue",
            table="interactions",
            sql=_per_issue("last_of_agent", of="agent_id"),
            unit="count",
            row="D5 D21",
            direction="+",
            en="average agents per issue",
            ko="문의 건당 평균 상담원 수",
            lookbacks=(30, 90, 180),
        ),
        Feature(
            name="agents_issue_max",
            table="interactions",
            sql=worst("agents_of_issue", "stands"),
            unit="count",
            row="D5",
            direction="+",
            en="most agents on one issue",
            ko="한 문의 건의 최다 상담원 수",
            lookbacks=(90, 365),
        ),
        Feature(
            name="explain_again_n",
            table="interactions",
            sql=count("not context_carried"),
            unit="count",
            row="D5 D21",
            direction="+",
            en="contacts in which the customer had to explain again",
            ko="같은 내용을 다시 설명한 문의 건수",
            lookbacks=(365,),
            empty=0,
        ),
        Feature(
            name="explain_again_share",
            table="interactions",
            sql=share("not context_carried"),
            unit="share",
            row="D5 D21 B31 G14",
            direction="+",
            en="share of contacts in which the customer had to explain again",
            ko="같은 내용을 다시 설명한 문의 비율",
            lookbacks=(30, 90, 180),
        ),
        Feature(
            name="verifications_mean",
            table="interactions",
            sql=mean("verifications"),
            unit="count",
            row="D4",
            direction="+",
            en="average identity checks per contact",
            ko="문의당 평균 본인 확인 횟수",
            lookbacks=(30, 90, 180),
        ),
        Feature(
            name="reverified_n",
            table="interactions",
            sql=count("reverified"),
            unit="count",
            row="D4",
            direction="+",
            en="contacts with a second identity check within a day",
            ko="하루 안에 본인 확인을 반복한 문의 건수",
            lookbacks=(90, 365),
            empty=0,
        ),
        Feature(
            name="sale_unknown_n",
            table="interactions",
            sql=count("sale_unknown"),
            unit="count",
            row="K13 D21",
            direction="+",
            en="contacts within 30 days of a sales contact in which the customer had to explain again",
            ko="영업 상담 후 30일 이내에 다시 설명해야 했던 문의 건수",
            lookbacks=(365,),
            empty=0,
        ),
        Feature(
            name="channel_switch_share",
            table="interactions",
            sql=share("switched", of="issue_id is not null and channel is not null"),
            unit="share",
            row="K3 B31",
            direction="+",
            en="share of contacts that continue an issue on another channel",
            ko="다른 채널로 옮겨 이어간 문의 비율",
            lookbacks=(30, 90, 180),
        ),
        Feature(
            name="bot_to_person_n",
            table="interactions",
            sql=count("escaped"),
            unit="count",
            row="K3 B2 B6 B12",
            direction="+",
            en="issues taken from a bot or voice menu to a person",
            ko="챗봇·ARS에서 상담원으로 넘어간 건수",
            lookbacks=(180,),
            empty=0,
        ),
        Feature(
            name="contacts_per_issue",
            table="interactions",
            sql="count(issue_id) / nullif(cast(count(distinct issue_id) as double), 0)",
            unit="count",
            row="D12 B7",
            direction="+",
            en="average contacts per issue",
            ko="문의 건당 평균 문의 횟수",
            lookbacks=(180,),
        ),
        Feature(
            name="channels_per_issue",
            table="interactions",
            sql=_per_issue("last_on_channel", of="channel"),
            unit="count",
            row="D12 K3",
            direction="+",
            en="average channels per issue",
            ko="문의 건당 평균 이용 채널 수",
            lookbacks=(180,),
        ),
        Feature(
            name="teams_per_issue",
            table="interactions",
            sql=_per_issue("last_of_team", of="agent_team"),
            unit="count",
            row="D21 J10",
            direction="+",
            en="average teams per issue",
            ko="문의 건당 평균 담당 부서 수",
            lookbacks=(365,),
        ),
        Feature(
            name="contacts_to_resolve_mean",
            table="interactions",
            sql=mean("hops", "stands and resolved_at is not null"),
            unit="count",
            row="D29 D12",
            direction="+",
            en="average contacts in the 90 days until an issue was resolved",
            ko="해결까지 90일 동안의 평균 문의 횟수",
            lookbacks=(180,),
        ),
        Feature(
            name="misrouted_share",
            table="interactions",
            sql=share("transfers > 0"),
            unit="share",
            row="D6 D29 G15",
            direction="+",
            en="share of contacts handed on",
            ko="이관된 문의 비율",
            lookbacks=(90, 365),
        ),
        Feature(
            name="transfers_issue_max",
            table="interactions",
            sql=worst("transfers_of_issue", "stands"),
            unit="count",
            row="D6",
            direction="+",
            en="most transfers on one issue within 90 days",
            ko="한 문의 건의 최다 이관 횟수(90일 이내)",
            lookbacks=(365,),
        ),
        Feature(
            name="told_another_n",
            table="interactions",
            sql=count("told_another"),
            unit="count",
            row="D5",
            direction="+",
            en="contacts in which the customer had to explain an issue again to another agent",
            ko="다른 상담원에게 같은 문의를 다시 설명한 건수",
            lookbacks=(90, 365),
            empty=0,
        ),
        Feature(
            name="unassigned_h_mean",
            table="interactions",
            sql=mean("unassigned_s") + " / 3600e0",
            unit="h",
            row="D21",
            direction="+",
            en="average time without anybody in charge",
            ko="문의당 담당자 없이 지난 평균 시간",
            lookbacks=(180,),
        ),
        Feature(
            name="unassigned_h_max",
            table="interactions",
            sql=worst("unassigned_s / 3600e0"),
            unit="h",
            row="D21",
            direction="+",
            en="longest time without anybody in charge",
            ko="담당자 없이 지난 최장 시간",
            lookbacks=(365,),
        ),
        Feature(
            name="documents_mean",
            table="interactions",
            sql=mean("documents_asked"),
            unit="count",
            row="D12",
            direction="+",
            en="average forms and documents asked for per contact",
            ko="문의당 평균 요청 서류 수",
            lookbacks=(180,),
        ),
    ),
    derived=(
        # Openly weighted: an identity check is half the burden of the other steps.
        Derived(
            name="effort_index",
            sql="case when transfers_mean_{w}d is not null then"
            " 1e0 * transfers_mean_{w}d"
            " + 1e0 * coalesce(explain_again_share_{w}d, 0)"
            " + 1e0 * coalesce(channel_switch_share_{w}d, 0)"
            " + 1e0 * coalesce(agents_per_issue_{w}d - 1, 0)"
            " + 0.5e0 * coalesce(verifications_mean_{w}d, 0) end",
            unit="score",
            row="D12 G2",
            direction="+",
            en="effort index: extra steps per contact",
            ko="고객 노력 지수(문의당 추가 단계)",
            lookbacks=(30, 90, 180),
        ),
        # E1, per issue: whole extra steps count 1, an identity check or a document half.
        Derived(
            name="effort_issue_index",
            sql="1e0 * (contacts_per_issue_{w}d - 1)"
            " + 1e0 * coalesce(agents_per_issue_{w}d - 1, 0)"
            " + 1e0 * coalesce(channels_per_issue_{w}d - 1, 0)"
            " + 0.5e0 * coalesce(verifications_mean_{w}d, 0)"
            " + 0.5e0 * coalesce(documents_mean_{w}d, 0)",
            unit="score",
            row="D12 G2",
            direction="+",
            en="effort per issue: extra contacts, agents and channels, half for checks and documents",
            ko="문의 건당 고객 노력 지수(추가 문의·상담원·채널, 본인 확인·서류는 절반)",
            lookbacks=(180,),
        ),
    ),
)
