"""Feedback: what customers say in surveys, and whether they still answer.

CSAT and ease (CES) are put on a scale from 0 (bad) to 1 (good), whichever way they were asked.
"""

from __future__ import annotations

from cxml.features.declare import Derived, Factor, Feature, Flag, count, days_from, latest, mean, share

# Goodness is kept in whole steps of 2**-30, so that averages do not depend on the order of the rows.
_ONE = 2**30

FEEDBACK = Factor(
    name="feedback",
    en="Survey feedback",
    ko="설문 응답",
    kind="outcome",
    family="other",
    tier=5,
    says="Scores that customers gave (NPS, CSAT, ease), and invitations that they left unanswered.",
    flags=(
        Flag(
            "goodness", "surveys",
            "cast(round(case when coalesce(higher_is, 'good') = 'bad' then scale_max - score"
            f" else score - scale_min end / nullif(cast(scale_max - scale_min as double), 0) * {_ONE}e0)"
            " as bigint)",
        ),
        Flag(
            "answered_later", "surveys",
            "max(case when answered_at is not null then 1 else 0 end)"
            " over (partition by who order by t, pos rows between current row and unbounded following)",
        ),
    ),
    features=(
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
            "ease_last", "surveys", latest("goodness", "kind = 'ces'") + f" / {_ONE}e0", "score", "A3 G2", "-",
            "last ease score (CES, 0 hard to 1 easy)", "마지막 이용 편의 점수(CES, 0 어려움~1 쉬움)", (365,),
        ),
        Feature(
            "ease_mean", "surveys", mean("goodness", "kind = 'ces'") + f" / {_ONE}e0", "score", "A3", "-",
            "average ease score (CES, 0 hard to 1 easy)", "평균 이용 편의 점수(CES, 0 어려움~1 쉬움)",
            (90, 365),
        ),
        Feature(
            "bad_scores_n", "surveys", count(f"goodness < {_ONE // 2}"), "count", "C8", "+",
            "answers in the bad half of the scale", "낮은 점수 응답 건수", (90, 365), empty=0,
        ),
        Feature(
            "surveys_n", "surveys", count(), "count", "G39", "±", "survey invitations", "설문 요청 건수",
            (365,), empty=0,
        ),
        Feature(
            "response_share", "surveys", share("answered_at is not null"), "share", "G39 A6", "-",
            "share of survey invitations answered", "설문 응답률", (365,),
        ),
        Feature(
            "nonresponse_streak", "surveys", count("answered_later = 0"), "count", "A5 G39", "+",
            "survey invitations unanswered in a row", "연속 설문 미응답 건수", (365,), empty=0,
        ),
        Feature(
            "answer_days_since", "surveys", days_from("answered_at"), "d", "A3 A5 A6", "+",
            "days since the last survey answer", "마지막 설문 응답 후 경과 일수", (365,),
        ),
    ),
    derived=(
        Derived(
            "nps_change", "nps_last_365d - nps_mean_365d", "score", "A5", "-",
            "last recommendation score against the customer's average", "평균 대비 마지막 추천 점수 변화",
        ),
        Derived(
            "csat_trend", "csat_mean_{short}d - csat_mean_{long}d", "score", "A6", "-",
            "recent satisfaction against the long-run average", "장기 평균 대비 최근 고객 만족도 변화",
        ),
    ),
)  # fmt: skip
