"""Repeats: contacting again about the same thing."""

from __future__ import annotations

from cxml.factors.declare import (
    DAY,
    Derived,
    Factor,
    Feature,
    Flag,
    Treatment,
    count,
    days_since,
    mean,
    share,
    worst,
)

REPEATS = Factor(
    name="repeats",
    en="Repeat contacts",
    ko="재문의",
    kind="lever",
    family="process",
    tier=4,
    treatment=Treatment("repeats_week_n"),
    says="Contacts that should not be needed: the same topic again, after giving up or after an answer.",
    flags=(
        Flag(
            "topic_gap", "interactions",
            "case when topic is not null"
            " and t - lag(t) over (partition by who, topic order by t, pos) <= 2592000"
            " then t - lag(t) over (partition by who, topic order by t, pos) end",
            reach=30,
        ),
        Flag("repeat_week", "interactions", "coalesce(topic_gap <= 604800, false)", reach=30),
        Flag("repeat_month", "interactions", "topic_gap is not null", reach=30),
        Flag(
            "after_abandon", "interactions",
            "repeat_week and lag(abandoned) over (partition by who, topic order by t, pos)", reach=30,
        ),
        Flag(
            "after_answer", "interactions",
            "repeat_week and not lag(abandoned) over (partition by who, topic order by t, pos)", reach=30,
        ),
        Flag(
            "recurred", "interactions",
            "topic is not null"
            " and lag(once_resolved_at) over (partition by who, topic order by t, pos) <= t"
            " and t - lag(t) over (partition by who, topic order by t, pos) <= 7776000",
            reach=90,
        ),
        Flag(
            "contacts_of_issue", "interactions",
            "case when issue_id is not null then count(*) over"
            " (partition by who, issue_id order by t range between 2592000 preceding and current row) end",
            reach=30,
        ),
        Flag(
            "contacts_of_topic", "interactions",
            "case when topic is not null then count(*) over"
            " (partition by who, topic order by t range between 2592000 preceding and current row) end",
            reach=30,
        ),
        Flag(
            "issue_again", "interactions",
            "coalesce(t - lag(t) over (partition by who, issue_id order by t, pos) <= 2592000, false)"
            " and issue_id is not null",
            reach=30,
        ),
        Flag(
            "chased", "interactions",
            "issue_again"
            " and coalesce(lag(once_resolved_at) over (partition by who, issue_id order by t, pos) > t, true)",
            reach=30,
        ),
        Flag(
            "elsewhere", "interactions",
            "repeat_week"
            " and coalesce(channel <> lag(channel) over (partition by who, topic order by t, pos), false)",
            reach=30,
        ),
        Flag(
            "next_of_issue", "interactions", "lead(t) over (partition by who, issue_id order by t, pos)",
            ahead=True,
        ),
        Flag("stands", "interactions", "issue_id is not null and next_of_issue is null"),
        Flag(
            "mails_of_issue", "interactions",
            "sum(case when channel like 'email%' then 1 else 0 end) over"
            " (partition by who, issue_id order by t range between 7776000 preceding and current row)",
            reach=90,
        ),
    ),
    features=(
        Feature(
            "repeats_week_n", "interactions", count("repeat_week"), "count", "D7 G3", "+",
            "contacts on the same topic within 7 days", "재문의 건수(7일 이내)", empty=0,
        ),
        Feature(
            "repeats_month_n", "interactions", count("repeat_month"), "count", "D7", "+",
            "contacts on the same topic within 30 days", "재문의 건수(30일 이내)", (30, 90, 180), empty=0,
        ),
        Feature(
            "repeat_share", "interactions", share("repeat_month", of="topic is not null"), "share", "D7", "+",
            "share of contacts on the same topic within 30 days", "재문의 비율(30일 이내)", (90, 180),
        ),
        Feature(
            "repeats_after_abandon_n", "interactions", count("after_abandon"), "count", "D7 D3", "+",
            "repeat contacts within 7 days after giving up", "대기 중 포기 후 재문의 건수(7일 이내)",
            (90, 365), empty=0,
        ),
        Feature(
            "repeats_after_answer_n", "interactions", count("after_answer"), "count", "D7 G11", "+",
            "repeat contacts within 7 days after an answer", "상담 후 재문의 건수(7일 이내)", (90, 365),
            empty=0,
        ),
        Feature(
            "recurred_n", "interactions", count("recurred"), "count", "R7 D33", "+",
            "topics that came back within 90 days after a resolution", "해결 후 재발 건수(90일 이내)",
            # Over a year it would count how much a customer has to do with the company rather than what went wrong.
            (90,), empty=0,
        ),
        Feature(
            "issue_contacts_max", "interactions", worst("contacts_of_issue"), "count", "D7 D12", "+",
            "most contacts on one issue within 30 days", "한 문의 건의 최다 문의 횟수(30일 이내)", (90, 365),
        ),
        Feature(
            "topic_contacts_max", "interactions", worst("contacts_of_topic"), "count", "D7", "+",
            "most contacts on one topic within 30 days", "한 주제의 최다 문의 횟수(30일 이내)", (90,),
        ),
        Feature(
            "issue_again_share", "interactions", share("issue_again", of="issue_id is not null"), "share",
            "D7 D12", "+", "share of contacts on an issue that had one in the 30 days before",
            "같은 문의 건에 대한 재문의 비율(30일 이내)", (90, 365),
        ),
        Feature(
            "chased_n", "interactions", count("chased"), "count", "D7 D8", "+",
            "contacts on an issue not resolved since the contact before (30 days)",
            "미해결 건에 대한 독촉 문의 건수(30일 이내)", (30, 90, 365), empty=0,
        ),
        Feature(
            "repeats_elsewhere_n", "interactions", count("elsewhere"), "count", "D7 K3 B31", "+",
            "contacts on the same topic within 7 days on another channel",
            "다른 채널에서의 재문의 건수(7일 이내)", (90, 365), empty=0,
        ),
        Feature(
            "mails_per_issue", "interactions",
            "count(case when channel like 'email%' then issue_id end)"
            " / nullif(cast(count(distinct case when channel like 'email%' then issue_id end) as double), 0)",
            "count", "B7 K9", "+", "average e-mails per issue with e-mails", "이메일 문의 건당 평균 이메일 수",
            (90, 365),
        ),
        Feature(
            "mails_to_resolve_mean", "interactions",
            mean("mails_of_issue", "stands and resolved_at is not null and mails_of_issue > 0"), "count",
            "K9 B7", "+", "average e-mails in the 90 days until an issue with e-mails was resolved",
            "해결까지 90일 동안 주고받은 평균 이메일 수", (365,),
        ),
        Feature(
            "repeat_gap_d_mean", "interactions", mean("topic_gap") + f" / {DAY}e0", "d", "D7", "-",
            "average days between repeat contacts", "재문의까지 평균 일수", (180,),
        ),
        Feature(
            "repeat_days_since", "interactions", days_since("repeat_month"), "d", "D7 C8", "-",
            "days since the last repeat contact", "마지막 재문의 후 경과 일수", (365,),
        ),
    ),
    derived=(
        Derived(
            "repeat_trend",
            "(repeats_week_n_{short}d / {short}e0) / nullif(repeats_week_n_{long}d / {long}e0, 0)", "times",
            "D7", "+", "recent rate of repeat contacts over the long-run rate", "장기 대비 최근 재문의 빈도",
        ),
    ),
)  # fmt: skip
