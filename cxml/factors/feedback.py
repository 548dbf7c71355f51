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
        f"{about}_mean", "surveys", mean("goodness", f"kind = 'other' and about = '{about}'") + f" / {_ONE}e0",
        "score", row, "-", f"average {en} in surveys (0 bad to 1 good)", f"설문의 평균 {ko} 점수(0 나쁨~1 좋음)",
        (365,),
    )  # fmt: skip


_SCORES = (
    Feature(
        "nps_last", "surveys", latest("score", "kind = 'nps'"), "score", "A5 C29 G42", "-",
        "last recommendation score (NPS, 0 to 10)", "마지막 추천 점수(NPS, 0~10)", (365,),
    ),
    Feature(
        "nps_mean", "surveys", mean("score", "kind = 'nps'"), "score", "A5 C29", "-",
        "average recommendation score (NPS, 0 to 10)", "평균 추천 점수(NPS, 0~10)", (90, 365),
    ),
    Feature(
        "csat_last", "surveys", latest("goodness", "kind = 'csat'") + f" / {_ONE}e0", "score", "A6 J3", "-",
        "last satisfaction score (CSAT, 0 to 1)", "마지막 고객 만족도(CSAT, 0~1)", (365,),
    ),
    Feature(
        "csat_mean", "surveys", mean("goodness", "kind = 'csat'") + f" / {_ONE}e0", "score", "A6", "-",
        "average satisfaction score (CSAT, 0 to 1)", "평균 고객 만족도(CSAT, 0~1)",
    ),
    Feature(
        "csat_min", "surveys", f"min(case when kind = 'csat' then goodness end) / {_ONE}e0", "score", "A6 J3", "-",
        "lowest satisfaction score (CSAT, 0 to 1)", "최저 고객 만족도(CSAT, 0~1)", (90, 365),
    ),
    Feature(
        "csat_top_share", "surveys", share(f"goodness = {_ONE}", of="kind = 'csat'"), "share", "G17 A6", "-",
        "share of satisfaction answers (CSAT) at the top of the scale", "고객 만족도(CSAT) 최고점 응답 비율", (365,),
    ),
    Feature(
        "csat_above_usual", "surveys",
        mean(f"goodness / {_ONE}e0 - usual_score", "kind = 'csat'"), "score", "A6 C34", "-",
        "satisfaction (CSAT) above what customers usually gave in the same weeks",
        "같은 시기 전체 고객 대비 고객 만족도(CSAT) 차이", (90, 365),
    ),
    Feature(
        "ease_last", "surveys", latest("goodness", "kind = 'ces'") + f" / {_ONE}e0", "score", "A3 G2", "-",
        "last ease score (CES, 0 hard to 1 easy)", "마지막 이용 편의 점수(CES, 0 어려움~1 쉬움)", (365,),
    ),
    Feature(
        "ease_mean", "surveys", mean("goodness", "kind = 'ces'") + f" / {_ONE}e0", "score", "A3", "-",
        "average ease score (CES, 0 hard to 1 easy)", "평균 이용 편의 점수(CES, 0 어려움~1 쉬움)",
        (90, 365),
    ),
    Feature(
        "bad_scores_n", "surveys", count(_BAD), "count", "C8", "+",
        "answers in the bad half of the scale", "낮은 점수 응답 건수", (90, 365), empty=0,
    ),
    Feature(
        "bad_score_days_since", "surveys", days_from("answered_at", _BAD), "d", "C8", "-",
        "days since the last answer in the bad half of the scale", "마지막 낮은 점수 응답 후 경과 일수", (365,),
    ),
)  # fmt: skip

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
        "surveys_n", "surveys", count(), "count", "G39", "±", "survey invitations", "설문 요청 건수",
        (365,), empty=0,
    ),
    Feature(
        "response_share", "surveys", share("answered_at is not null"), "share", "G39 A6", "-",
        "share of survey invitations answered", "설문 응답률", (365,),
    ),
    Feature(
        "csat_response_share", "surveys", share("answered_at is not null", of="kind = 'csat'"), "share", "A6 G39",
        "-", "share of satisfaction surveys (CSAT) answered", "고객 만족도(CSAT) 설문 응답률", (365,),
    ),
    Feature(
        "nonresponse_streak", "surveys", count("answered_later = 0"), "count", "A5 G39", "+",
        "survey invitations unanswered in a row", "연속 설문 미응답 건수", (365,), empty=0,
    ),
    Feature(
        "nps_nonresponse_streak", "surveys", count("kind = 'nps' and same_answered_later = 0"), "count", "A5",
        "+", "NPS invitations unanswered in a row", "연속 추천 점수(NPS) 설문 미응답 건수", (365,), empty=0,
    ),
    Feature(
        "answer_days_since", "surveys", days_from("answered_at"), "d", "A3 A5 A6", "+",
        "days since the last survey answer", "마지막 설문 응답 후 경과 일수", (365,),
    ),
    Feature(
        "nps_days_since", "surveys", days_from("answered_at", "kind = 'nps'"), "d", "A5", "+",
        "days since the last recommendation score (NPS)", "마지막 추천 점수(NPS) 응답 후 경과 일수", (365,),
    ),
    Feature(
        "ease_days_since", "surveys", days_from("answered_at", "kind = 'ces'"), "d", "A3", "+",
        "days since the last ease score (CES)", "마지막 이용 편의 점수(CES) 응답 후 경과 일수", (365,),
    ),
    Feature(
        "csat_n", "surveys", count("kind = 'csat' and answered_at is not null"), "count", "A6", "±",
        "satisfaction surveys (CSAT) answered", "고객 만족도(CSAT) 응답 건수", (365,), empty=0,
    ),
    Feature(
        "ease_n", "surveys", count("kind = 'ces' and answered_at is not null"), "count", "A3", "±",
        "ease surveys (CES) answered", "이용 편의 점수(CES) 응답 건수", (365,), empty=0,
    ),
    Feature(
        "loop_closed_share", "surveys", share("loop_closed"), "share", "G39 R9", "-",
        "share of answers in the bad half of the scale whose next follow-up came within 7 days",
        "낮은 점수 응답 후 7일 이내 후속 연락 비율", (365,),
    ),
)  # fmt: skip

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
            "loop_closed", "surveys",
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
            "nps_change", "nps_last_365d - nps_mean_365d", "score", "A5", "-",
            "last recommendation score against the customer's average", "평균 대비 마지막 추천 점수 변화",
        ),
        Derived(
            "promoter", "case when nps_last_365d is not null then case when nps_last_365d >= 9 then 1 else 0 end end",
            "flag", "A5 G42", "-", "last recommendation score is that of a promoter (9 or 10)",
            "마지막 추천 점수의 추천 고객(9~10) 여부",
        ),
        Derived(
            "detractor", "case when nps_last_365d is not null then case when nps_last_365d <= 6 then 1 else 0 end end",
            "flag", "A5", "+", "last recommendation score is that of a detractor (0 to 6)",
            "마지막 추천 점수의 비추천 고객(0~6) 여부",
        ),
        Derived(
            "csat_trend", "csat_mean_{short}d - csat_mean_{long}d", "score", "A6", "-",
            "recent satisfaction against the long-run average", "장기 평균 대비 최근 고객 만족도 변화",
        ),
        Derived(
            "expectation_gap", "csat_mean_365d - expectation_mean_365d", "score", "G17 D22", "-",
            "average satisfaction (CSAT) above the average expectation",
            "평균 기대 대비 고객 만족도(CSAT) 차이",
        ),
    ),
)  # fmt: skip
