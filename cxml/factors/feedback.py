"""Feedback: what customers say in surveys, whether they still answer, and what came of bad answers.

Scores other than recommendation (NPS) are put on a scale from 0 (bad) to 1 (good), whichever way they
were asked.
"""

from __future__ import annotations

from cxml.factors.declare import (
    DAY,
    Derived,
    Factor,
    Feature,
    Flag,
    Match,
    Norm,
    count,
    days_from,
    latest,
    mean,
    share,
)

# Goodness is kept in whole steps of 2**-30, so that averages do not depend on the order of the rows.
_ONE = 2**30
_GOODNESS = (
    "case when coalesce(higher_is, 'good') = 'bad' then scale_max - score else score - scale_min end"
    " / nullif(cast(scale_max - scale_min as double), 0)"
)
_BAD = f"goodness < {_ONE // 2}"
_WEEK = 7 * DAY


def _unanswered_in_a_row(among: str) -> str:
    """0 for the invitations after whose last answer nothing is left open."""
    return (
        "max(case when answered_at is not null then 1 else 0 end)"
        f" over (partition by {among} order by t, pos rows between current row and unbounded following)"
    )


def _item(about: str, row: str, en: str, ko: str) -> Feature:
    """The average answer to one question of the kind ``other``."""
    return Feature(
        name=f"{about}_mean",
        table="surveys",
        sql=mean("goodness", f"kind = 'other' and about = '{about}'") + f" / {_ONE}e0",
        unit="score",
        row=row,
        direction="-",
        en=f"average {en} in surveys (0 bad to 1 good)",
        ko=f"설문의 평균 {ko} 점수(0 나쁨~1 좋음)",
        lookbacks=(365,),
    )


_SCORES = (
    Feature(
        name="nps_last",
        table="surveys",
        sql=latest("score", "kind = 'nps'"),
        unit="score",
        row="A5 C29 G42",
        direction="-",
        en="last recommendation score (NPS, 0 to 10)",
        ko="마지막 추천 점수(NPS, 0~10)",
        lookbacks=(365,),
    ),
    Feature(
        name="nps_mean",
        table="surveys",
        sql=mean("score", "kind = 'nps'"),
        unit="score",
        row="A5 C29",
        direction="-",
        en="average recommendation score (NPS, 0 to 10)",
        ko="평균 추천 점수(NPS, 0~10)",
        lookbacks=(90, 365),
    ),
    Feature(
        name="csat_last",
        table="surveys",
        sql=latest("goodness", "kind = 'csat'") + f" / {_ONE}e0",
        unit="score",
        row="A6 J3",
        direction="-",
        en="last satisfaction score (CSAT, 0 to 1)",
        ko="마지막 고객 만족도(CSAT, 0~1)",
        lookbacks=(365,),
    ),
    Feature(
        name="csat_mean",
        table="surveys",
        sql=mean("goodness", "kind = 'csat'") + f" / {_ONE}e0",
        unit="score",
        row="A6",
        direction="-",
        en="average satisfaction score (CSAT, 0 to 1)",
        ko="평균 고객 만족도(CSAT, 0~1)",
    ),
    Feature(
        name="csat_min",
        table="surveys",
        sql=f"min(case when kind = 'csat' then goodness end) / {_ONE}e0",
        unit="score",
        row="A6 J3",
        direction="-",
        en="lowest satisfaction score (CSAT, 0 to 1)",
        ko="최저 고객 만족도(CSAT, 0~1)",
        lookbacks=(90, 365),
    ),
    Feature(
        name="csat_top_share",
        table="surveys",
        sql=share(f"goodness = {_ONE}", of="kind = 'csat'"),
        unit="share",
        row="G17 A6",
        direction="-",
        en="share of satisfaction answers (CSAT) at the top of the scale",
        ko="고객 만족도(CSAT) 최고점 응답 비율",
        lookbacks=(365,),
    ),
    Feature(
        name="csat_above_usual",
        table="surveys",
        sql=mean(f"goodness / {_ONE}e0 - usual_score", "kind = 'csat'"),
        unit="score",
        row="A6 C34",
        direction="-",
        en="satisfaction (CSAT) above what customers usually gave in the same weeks",
        ko="같은 시기 전체 고객 대비 고객 만족도(CSAT) 차이",
        lookbacks=(90, 365),
    ),
    Feature(
        name="ease_last",
        table="surveys",
        sql=latest("goodness", "kind = 'ces'") + f" / {_ONE}e0",
        unit="score",
        row="A3 G2",
        direction="-",
        en="last ease score (CES, 0 hard to 1 easy)",
        ko="마지막 이용 편의 점수(CES, 0 어려움~1 쉬움)",
        lookbacks=(365,),
    ),
    Feature(
        name="ease_mean",
        table="surveys",
        sql=mean("goodness", "kind = 'ces'") + f" / {_ONE}e0",
        unit="score",
        row="A3",
        direction="-",
        en="average ease score (CES, 0 hard to 1 easy)",
        ko="평균 이용 편의 점수(CES, 0 어려움~1 쉬움)",
        lookbacks=(90, 365),
    ),
    Feature(
        name="bad_scores_n",
        table="surveys",
        sql=count(_BAD),
        unit="count",
        row="C8",
        direction="+",
        en="answers in the bad half of the scale",
        ko="낮은 점수 응답 건수",
        lookbacks=(90, 365),
        empty=0,
    ),
    Feature(
        name="bad_score_days_since",
        table="surveys",
        sql=days_from("answered_at", _BAD),
        unit="d",
        row="C8",
        direction="-",
        en="days since the last answer in the bad half of the scale",
        ko="마지막 낮은 점수 응답 후 경과 일수",
        lookbacks=(365,),
    ),
)

_ITEMS = (
    _item("courtesy", "G6 G35 G36", "courtesy", "친절도"),
    _item("trust", "D33 G12", "trust", "신뢰도"),
    _item("listened", "G5", "feeling of being heard", "경청"),
    _item("understood", "C10 G3", "feeling of being understood", "이해도"),
    _item("quality", "G35 D35", "quality", "품질"),
    _item("packaging", "G23 D16", "packaging", "포장"),
    _item("expectation", "G17 D22", "expectation", "기대"),
)

_ANSWERS = (
    Feature(
        name="surveys_n",
        table="surveys",
        sql=count(),
        unit="count",
        row="G39",
        direction="±",
        en="survey invitations",
        ko="설문 요청 건수",
        lookbacks=(365,),
        empty=0,
    ),
    Feature(
        name="response_share",
        table="surveys",
        sql=share("answered_at is not null"),
        unit="share",
        row="G39 A6",
        direction="-",
        en="share of survey invitations answered",
        ko="설문 응답률",
        lookbacks=(365,),
    ),
    Feature(
        name="csat_response_share",
        table="surveys",
        sql=share("answered_at is not null", of="kind = 'csat'"),
        unit="share",
        row="A6 G39",
        direction="-",
        en="share of satisfaction surveys (CSAT) answered",
        ko="고객 만족도(CSAT) 설문 응답률",
        lookbacks=(365,),
    ),
    Feature(
        name="nonresponse_streak",
        table="surveys",
        sql=count("answered_later = 0"),
        unit="count",
        row="A5 G39",
        direction="+",
        en="survey invitations unanswered in a row",
        ko="연속 설문 미응답 건수",
        lookbacks=(365,),
        empty=0,
    ),
    Feature(
        name="nps_nonresponse_streak",
        table="surveys",
        sql=count("kind = 'nps' and same_answered_later = 0"),
        unit="count",
        row="A5",
        direction="+",
        en="NPS invitations unanswered in a row",
        ko="연속 추천 점수(NPS) 설문 미응답 건수",
        lookbacks=(365,),
        empty=0,
    ),
    Feature(
        name="answer_days_since",
        table="surveys",
        sql=days_from("answered_at"),
        unit="d",
        row="A3 A5 A6",
        direction="+",
        en="days since the last survey answer",
        ko="마지막 설문 응답 후 경과 일수",
        lookbacks=(365,),
    ),
    Feature(
        name="nps_days_since",
        table="surveys",
        sql=days_from("answered_at", "kind = 'nps'"),
        unit="d",
        row="A5",
        direction="+",
        en="days since the last recommendation score (NPS)",
        ko="마지막 추천 점수(NPS) 응답 후 경과 일수",
        lookbacks=(365,),
    ),
    Feature(
        name="ease_days_since",
        table="surveys",
        sql=days_from("answered_at", "kind = 'ces'"),
        unit="d",
        row="A3",
        direction="+",
        en="days since the last ease score (CES)",
        ko="마지막 이용 편의 점수(CES) 응답 후 경과 일수",
        lookbacks=(365,),
    ),
    Feature(
        name="csat_n",
        table="surveys",
        sql=count("kind = 'csat' and answered_at is not null"),
        unit="count",
        row="A6",
        direction="±",
        en="satisfaction surveys (CSAT) answered",
        ko="고객 만족도(CSAT) 응답 건수",
        lookbacks=(365,),
        empty=0,
    ),
    Feature(
        name="ease_n",
        table="surveys",
        sql=count("kind = 'ces' and answered_at is not null"),
        unit="count",
        row="A3",
        direction="±",
        en="ease surveys (CES) answered",
        ko="이용 편의 점수(CES) 응답 건수",
        lookbacks=(365,),
        empty=0,
    ),
    Feature(
        name="loop_closed_share",
        table="surveys",
        sql=share("loop_closed"),
        unit="share",
        row="G39 R9",
        direction="-",
        en="share of answers in the bad half of the scale whose next follow-up came within 7 days",
        ko="낮은 점수 응답 후 7일 이내 후속 연락 비율",
        lookbacks=(365,),
    ),
)

FEEDBACK = Factor(
    name="feedback",
    en="Survey feedback",
    ko="설문 응답",
    kind="outcome",
    family="other",
    tier=5,
    says="Scores that customers gave, invitations that they left unanswered, and bad answers followed up.",
    flags=(
        Flag("goodness", "surveys", f"cast(round({_GOODNESS} * {_ONE}e0) as bigint)"),
        Flag("answered_later", "surveys", _unanswered_in_a_row("who")),
        Flag("same_answered_later", "surveys", _unanswered_in_a_row("who, kind")),
        # Judged when the seven days are over, whatever came of it.
        Flag(
            "loop_closed",
            "surveys",
            f"case when {_BAD} and answered_at - t <= {90 * DAY} and c - answered_at > {_WEEK}"
            f" then coalesce(next_follow_up_at >= answered_at and next_follow_up_at <= answered_at + {_WEEK}, false)"
            " end",
        ),
    ),
    norms=(Norm("usual_score", "surveys", _GOODNESS, "kind"),),
    matches=(
        Match("next_follow_up_at", "surveys", "recoveries", "t", "first after", 97, "action = 'follow_up'"),
    ),
    features=(*_SCORES, *_ITEMS, *_ANSWERS),
    derived=(
        Derived(
            name="nps_change",
            sql="nps_last_365d - nps_mean_365d",
            unit="score",
            row="A5",
            direction="-",
            en="last recommendation score against the customer's average",
            ko="평균 대비 마지막 추천 점수 변화",
        ),
        Derived(
            name="promoter",
            sql="case when nps_last_365d is not null then case when nps_last_365d >= 9 then 1 else 0 end end",
            unit="flag",
            row="A5 G42",
            direction="-",
            en="last recommendation score is that of a promoter (9 or 10)",
            ko="마지막 추천 점수의 추천 고객(9~10) 여부",
        ),
        Derived(
            name="detractor",
            sql="case when nps_last_365d is not null then case when nps_last_365d <= 6 then 1 else 0 end end",
            unit="flag",
            row="A5",
            direction="+",
            en="last recommendation score is that of a detractor (0 to 6)",
            ko="마지막 추천 점수의 비추천 고객(0~6) 여부",
        ),
        Derived(
            name="csat_trend",
            sql="csat_mean_{short}d - csat_mean_{long}d",
            unit="score",
            row="A6",
            direction="-",
            en="recent satisfaction against the long-run average",
            ko="장기 평균 대비 최근 고객 만족도 변화",
        ),
        Derived(
            name="expectation_gap",
            sql="csat_mean_365d - expectation_mean_365d",
            unit="score",
            row="G17 D22",
            direction="-",
            en="average satisfaction (CSAT) above the average expectation",
            ko="평균 기대 대비 고객 만족도(CSAT) 차이",
        ),
    ),
)
