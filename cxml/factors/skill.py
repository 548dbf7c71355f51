"""Skill: whom the customer met, as it was when they met.

Who served is looked up among the spans of agents: the one that held when the contact began. An agent
skilled for ``billing`` serves ``billing.fee``, not the other way round.
"""

from __future__ import annotations

from cxml.factors.declare import (
    DAY,
    Factor,
    Feature,
    Flag,
    Lookup,
    Treatment,
    count,
    days_since,
    latest,
    mean,
    share,
)

AGENT_MET = Lookup(
    "interactions", "agents", "agent_id",
    (
        ("agent_skills", "skills"), ("agent_languages", "languages"), ("agent_training_h", "training_h"),
        ("agent_hired_at", "hired_at"), ("agent_satisfaction", "satisfaction"), ("agent_team", "team"),
        ("agent_onshore", "onshore"),
    ),
)  # fmt: skip
"""The agent of a contact; a column that the agents table lacks takes only its own features away."""


def listed(item: str, among: str) -> str:
    """Whether a text is one of those separated by ``;``.

    >>> listed("topic", "agent_skills")
    "contains(concat(';', agent_skills, ';'), concat(';', topic, ';'))"
    """
    return f"contains(concat(';', {among}, ';'), concat(';', {item}, ';'))"


_TOPIC_FAMILY = "split_part(topic, '.', 1)"
UNSKILLED = (
    "case when topic is not null and agent_skills is not null then"
    f" not ({listed('topic', 'agent_skills')} or {listed(_TOPIC_FAMILY, 'agent_skills')}) end"
)
"""Whether the agent of a contact was not trained for its topic."""
_NEW = f"t - agent_hired_at < {90 * DAY}"

SKILL = Factor(
    name="skill",
    en="Agent skill",
    ko="상담원 역량",
    kind="lever",
    family="people",
    tier=2,
    treatment=Treatment("unskilled_share"),
    says="Whether the agents met were trained for the topic, experienced and content with their work.",
    lookups=(AGENT_MET,),
    flags=(
        Flag("unskilled", "interactions", UNSKILLED),
        Flag(
            "same_agent", "interactions",
            "case when t - lag(t) over (partition by who order by t, pos) <= 7776000"
            " then agent_id = lag(agent_id) over (partition by who order by t, pos) end",
            reach=90,
        ),
    ),
    features=(
        Feature(
            "unskilled_share", "interactions", share("unskilled"), "share", "D17 G3 G33", "+",
            "share of contacts whose agent was not trained for the topic", "주제에 맞지 않는 상담원 배정 비율",
            (90, 365),
        ),
        Feature(
            "unskilled_n", "interactions", count("unskilled"), "count", "D17", "+",
            "contacts whose agent was not trained for the topic", "주제에 맞지 않는 상담원 배정 건수", (90,),
            empty=0,
        ),
        Feature(
            "unskilled_last", "interactions",
            latest("case when unskilled then 1 when not unskilled then 0 end"), "flag", "D17 J3", "+",
            "last agent was not trained for the topic", "마지막 상담원의 주제 불일치 여부", (365,),
        ),
        Feature(
            "unskilled_days_since", "interactions", days_since("unskilled"), "d", "D17 C8", "-",
            "days since a contact whose agent was not trained for the topic",
            "주제에 맞지 않는 상담원 배정 후 경과 일수", (365,),
        ),
        Feature(
            "agent_tenure_d_mean", "interactions", mean("t - agent_hired_at") + f" / {DAY}e0", "d",
            "A12 G33", "-", "average time in the job of the agents met", "만난 상담원의 평균 근속 일수", (180,),
        ),
        Feature(
            "new_agent_share", "interactions", share(_NEW), "share", "A12 G33", "+",
            "share of contacts whose agent was hired less than 90 days before",
            "입사 90일 미만 상담원의 상담 비율", (180,),
        ),
        Feature(
            "agent_training_h_mean", "interactions", mean("agent_training_h"), "h", "G33", "-",
            "average training of the agents met", "만난 상담원의 평균 교육 시간", (180,),
        ),
        Feature(
            "agent_satisfaction_mean", "interactions", mean("agent_satisfaction"), "score", "A12 C23 K11", "-",
            "average job satisfaction of the agents met (0 to 1)", "만난 상담원의 평균 직무 만족도(0~1)", (180,),
        ),
        Feature(
            "agent_satisfaction_min", "interactions", "min(agent_satisfaction)", "score", "K11", "-",
            "lowest job satisfaction of an agent met (0 to 1)", "만난 상담원의 최저 직무 만족도(0~1)", (365,),
        ),
        Feature(
            "onshore_share", "interactions", share("agent_onshore"), "share", "B11", "±",
            "share of contacts whose agent worked in the customers' country", "국내 상담원의 상담 비율", (180,),
        ),
        Feature(
            "same_agent_share", "interactions", share("same_agent"), "share", "A12 D5", "-",
            "share of contacts with the agent of the contact before (90 days)",
            "직전 문의와 같은 상담원의 상담 비율(90일 이내)", (365,),
        ),
        Feature(
            "team_last", "interactions", latest("agent_team"), "text", "J10", "±", "team of the last agent",
            "마지막 상담원의 소속 부서", (365,),
        ),
    ),
)  # fmt: skip
