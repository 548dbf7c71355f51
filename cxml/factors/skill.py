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
    "interactions",
    "agents",
    "agent_id",
    (
        ("agent_skills", "skills"),
        ("agent_languages", "languages"),
        ("agent_training_h", "training_h"),
        ("agent_hired_at", "hired_at"),
        ("agent_satisfaction", "satisfaction"),
        ("agent_team", "team"),
        ("agent_onshore", "onshore"),
    ),
)
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
            "same_agent",
            "interactions",
            "case when t - lag(t) over (partition by who order by t, pos) <= 7776000"
            " then agent_id = lag(agent_id) over (partition by who order by t, pos) end",
            reach=90,
        ),
    ),
    features=(
        Feature(
            name="unskilled_share",
            table="interactions",
            sql=share("unskilled"),
            unit="share",
            row="D17 G3 G33",
            direction="+",
            en="share of contacts whose agent was not trained for the topic",
            ko="주제에 맞지 않는 상담원 배정 비율",
            lookbacks=(90, 365),
        ),
        Feature(
            name="unskilled_n",
            table="interactions",
            sql=count("unskilled"),
            unit="count",
            row="D17",
            direction="+",
            en="contacts whose agent was not trained for the topic",
            ko="주제에 맞지 않는 상담원 배정 건수",
            lookbacks=(90,),
            empty=0,
        ),
        Feature(
            name="unskilled_last",
            table="interactions",
            sql=latest("case when unskilled then 1 when not unskilled then 0 end"),
            unit="flag",
            row="D17 J3",
            direction="+",
            en="last agent was not trained for the topic",
            ko="마지막 상담원의 주제 불일치 여부",
            lookbacks=(365,),
        ),
        Feature(
            name="unskilled_days_since",
            table="interactions",
            sql=days_since("unskilled"),
            unit="d",
            row="D17 C8",
            direction="-",
            en="days since a contact whose agent was not trained for the topic",
            ko="주제에 맞지 않는 상담원 배정 후 경과 일수",
            lookbacks=(365,),
        ),
        Feature(
            name="agent_tenure_d_mean",
            table="interactions",
            sql=mean("t - agent_hired_at") + f" / {DAY}e0",
            unit="d",
            row="A12 G33",
            direction="-",
            en="average time in the job of the agents met",
            ko="만난 상담원의 평균 근속 일수",
            lookbacks=(180,),
        ),
        Feature(
            name="new_agent_share",
            table="interactions",
            sql=share(_NEW),
            unit="share",
            row="A12 G33",
            direction="+",
            en="share of contacts whose agent was hired less than 90 days before",
            ko="입사 90일 미만 상담원의 상담 비율",
            lookbacks=(180,),
        ),
        Feature(
            name="agent_training_h_mean",
            table="interactions",
            sql=mean("agent_training_h"),
            unit="h",
            row="G33",
            direction="-",
            en="average training of the agents met",
            ko="만난 상담원의 평균 교육 시간",
            lookbacks=(180,),
        ),
        Feature(
            name="agent_satisfaction_mean",
            table="interactions",
            sql=mean("agent_satisfaction"),
            unit="score",
            row="A12 C23 K11",
            direction="-",
            en="average job satisfaction of the agents met (0 to 1)",
            ko="만난 상담원의 평균 직무 만족도(0~1)",
            lookbacks=(180,),
        ),
        Feature(
            name="agent_satisfaction_min",
            table="interactions",
            sql="min(agent_satisfaction)",
            unit="score",
            row="K11",
            direction="-",
            en="lowest job satisfaction of an agent met (0 to 1)",
            ko="만난 상담원의 최저 직무 만족도(0~1)",
            lookbacks=(365,),
        ),
        Feature(
            name="onshore_share",
            table="interactions",
            sql=share("agent_onshore"),
            unit="share",
            row="B11",
            direction="±",
            en="share of contacts whose agent worked in the customers' country",
            ko="국내 상담원의 상담 비율",
            lookbacks=(180,),
        ),
        Feature(
            name="same_agent_share",
            table="interactions",
            sql=share("same_agent"),
            unit="share",
            row="A12 D5",
            direction="-",
            en="share of contacts with the agent of the contact before (90 days)",
            ko="직전 문의와 같은 상담원의 상담 비율(90일 이내)",
            lookbacks=(365,),
        ),
        Feature(
            name="team_last",
            table="interactions",
            sql=latest("agent_team"),
            unit="text",
            row="J10",
            direction="±",
            en="team of the last agent",
            ko="마지막 상담원의 소속 부서",
            lookbacks=(365,),
        ),
    ),
)
