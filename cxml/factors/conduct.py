"""Conduct: how agents behave towards the customer, and whether what they say is right."""

from __future__ import annotations

from cxml.factors.declare import (
    Factor,
    Feature,
    Norm,
    Treatment,
    count,
    days_since,
    latest,
    mean,
    share,
    total,
)

CONDUCT = Factor(
    name="conduct",
    en="Agent conduct",
    ko="상담원 응대",
    kind="lever",
    family="people",
    tier=3,
    treatment=Treatment("scripted_share"),
    after=("language",),
    says="Kindness, scripted, wrong or abusive answers, and whether agents saw with whom they were talking.",
    norms=(Norm("topic_handle_s", "interactions", "handle_s", by="topic"),),
    features=(
        Feature(
            "scripted_share", "interactions", share("scripted"), "share", "D14 G19", "+",
            "share of contacts answered by a script", "정해진 문구로 답변한 비율", (90, 365),
        ),
        Feature(
            "abusive_n", "interactions", count("abusive"), "count", "D19", "+",
            "contacts with rude or abusive conduct of the agent", "상담원의 불친절·부적절한 언행 건수", (90, 365),
            empty=0,
        ),
        Feature(
            "abusive_days_since", "interactions", days_since("abusive"), "d", "D19 C8", "-",
            "days since rude or abusive conduct of an agent", "상담원의 불친절·부적절한 언행 후 경과 일수",
            (365,),
        ),
        Feature(
            "wrong_information_n", "interactions", count("corrected_at is not null"), "count", "D13", "+",
            "contacts with wrong information that was put right later", "나중에 정정한 잘못된 안내 건수",
            (90, 365), empty=0,
        ),
        Feature(
            "wrong_information_share", "interactions", share("corrected_at is not null"), "share", "D13", "+",
            "share of contacts with wrong information that was put right later",
            "나중에 정정한 잘못된 안내 비율", (365,),
        ),
        Feature(
            "corrected_h_mean", "interactions", mean("corrected_after", "not day_only") + " / 3600e0", "h", "D13", "+",
            "average time until wrong information was put right", "잘못된 안내의 정정까지 평균 시간", (365,),
        ),
        Feature(
            "empathy_mean", "interactions", mean("empathy"), "score", "G6 R1", "-",
            "average kindness and empathy of agents (0 to 1)", "상담원의 평균 친절·공감 점수(0~1)", (90, 365),
        ),
        Feature(
            "empathy_min", "interactions", "min(empathy)", "score", "D19 G6 J3", "-",
            "lowest kindness and empathy of an agent (0 to 1)", "상담원의 최저 친절·공감 점수(0~1)", (365,),
        ),
        Feature(
            "empathy_last", "interactions", latest("empathy"), "score", "G6 J3", "-",
            "kindness and empathy of the last agent (0 to 1)", "마지막 상담원의 친절·공감 점수(0~1)", (365,),
        ),
        Feature(
            "empathy_after_wait_mean", "interactions", mean("empathy", "wait_s > 600"), "score", "R8 G6", "-",
            "average kindness and empathy after waits over 10 minutes (0 to 1)",
            "10분 초과 대기 후 상담원의 평균 친절·공감 점수(0~1)", (365,),
        ),
        Feature(
            "name_used_share", "interactions", share("name_used"), "share", "G13", "-",
            "share of contacts in which the customer was addressed by name", "고객 이름을 부른 상담 비율", (180,),
        ),
        Feature(
            "anything_else_share", "interactions", share("anything_else"), "share", "R6", "-",
            "share of contacts in which the agent asked whether anything else could be done",
            "추가로 도울 일을 물은 상담 비율", (180,),
        ),
        Feature(
            "history_shown_share", "interactions", share("history_shown"), "share", "G37 G43", "-",
            "share of contacts whose agent saw the history of the customer",
            "상담원이 고객 이력을 확인한 상담 비율", (90, 365),
        ),
        Feature(
            "escalated_share", "interactions", share("escalated"), "share", "D17 D6", "+",
            "share of contacts handed to a supervisor or specialist",
            "상급자·전문 담당자에게 넘긴 상담 비율", (180,),
        ),
        Feature(
            "escalated_n", "interactions", count("escalated"), "count", "D17", "+",
            "contacts handed to a supervisor or specialist", "상급자·전문 담당자에게 넘긴 상담 건수", (90,),
            empty=0,
        ),
        Feature(
            "handle_vs_topic", "interactions",
            f"{mean('handle_s', 'topic_handle_s is not null')}"
            f" / nullif({mean('topic_handle_s', 'handle_s is not null')}, 0)",
            "times", "G19", "±", "average time of service over what was usual for the topics in the same weeks",
            "같은 시기 주제 평균 대비 상담 시간", (365,),
        ),
        Feature(
            "wrap_up_share", "interactions",
            f"{total('wrap_up_s', 'handle_s is not null')}"
            f" / nullif({total('handle_s + wrap_up_s')}, 0)",
            "share", "K12", "+", "share of the agents' time that went into work after the contact",
            "상담 후 처리 시간 비중", (180,),
        ),
    ),
)  # fmt: skip
