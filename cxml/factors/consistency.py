"""Consistency: whether service is the same every time and on every channel.

A spread is the standard deviation over the average, or the standard deviation itself where values have
a scale. It needs two values and says nothing of how good they are: that is for the other factors.
"""

from __future__ import annotations

from cxml.factors.declare import Derived, Factor, Feature, Flag, Lookup, Treatment, mean
from cxml.factors.waiting import REPLY

# Scores and moods in whole steps, so that sums of squares are exact and do not depend on the order of the rows.
_ONE = 2**20
_GROUPS = ("phone", "chat", "email", "social", "other")


def _group(channel: str) -> str:
    """The group of a channel: phone, chat, e-mail, social media or other."""
    named = "".join(f" when {channel} like '{name}%' then '{name}'" for name in _GROUPS[:-1])
    return f"case{named} when {channel} is not null then 'other' end"


def _deviation(steps: str) -> str:
    """Standard deviation of whole numbers."""
    n, total = f"cast(count({steps}) as double)", f"cast(sum({steps}) as double)"
    squares = f"cast(sum({steps} * {steps}) as double)"
    return f"sqrt(greatest({n} * {squares} - {total} * {total}, 0) / nullif({n} * ({n} - 1), 0))"


def _relative(steps: str) -> str:
    """Standard deviation over average."""
    return f"{_deviation(steps)} / nullif(avg(cast({steps} as double)), 0)"


def _apart(value: str, group: str) -> str:
    """How far the highest average of a group lies above the lowest; missing where there is one group only."""
    averages = ", ".join(mean(value, f"{group} = '{name}'") for name in _GROUPS)
    several = f"count(distinct case when {value} is not null then {group} end) > 1"
    return f"case when {several} then greatest({averages}) - least({averages}) end"


CONSISTENCY = Factor(
    name="consistency",
    en="Inconsistent service",
    ko="일관되지 않은 서비스",
    kind="lever",
    family="process",
    tier=4,
    treatment=Treatment("wait_spread"),
    says="How much waits, resolutions, scores and moods differ from time to time and from channel to channel.",
    optional=("wait_spread", "resolve_spread", "score_spread"),
    lookups=(Lookup("surveys", "interactions", "issue_id", (("channel_met", "channel"),)),),
    flags=(
        Flag("wait_whole_s", "interactions", "cast(floor(wait_s) as bigint)"),
        REPLY,
        Flag("resolve_s", "interactions", "resolved_after"),
        Flag("mood_steps", "interactions", f"cast(floor(sentiment_end * {_ONE}e0) as bigint)"),
        Flag("channel_group", "interactions", _group("channel")),
        Flag(
            "scaled",
            "surveys",
            "case when coalesce(higher_is, 'good') = 'bad' then scale_max - score else score - scale_min end"
            " / nullif(cast(scale_max - scale_min as double), 0)",
        ),
        Flag("score_steps", "surveys", f"cast(floor(scaled * {_ONE}e0) as bigint)"),
        Flag("met_group", "surveys", _group("channel_met")),
    ),
    features=(
        Feature(
            name="wait_spread",
            table="interactions",
            sql=_relative("wait_whole_s"),
            unit="ratio",
            row="G9 C34",
            direction="+",
            en="spread of waits (sd over average)",
            ko="대기 시간의 편차(표준편차÷평균)",
            lookbacks=(90, 365),
        ),
        Feature(
            name="reply_spread",
            table="interactions",
            sql=_relative("reply_s"),
            unit="ratio",
            row="G9 A1",
            direction="+",
            en="spread of the time to the first answer (sd over average)",
            ko="첫 응답 시간의 편차(표준편차÷평균)",
            lookbacks=(365,),
        ),
        Feature(
            name="resolve_spread",
            table="interactions",
            sql=_relative("resolve_s"),
            unit="ratio",
            row="G9",
            direction="+",
            en="spread of the time from contact to resolution (sd over average)",
            ko="해결 소요 시간의 편차(표준편차÷평균)",
            lookbacks=(365,),
        ),
        Feature(
            name="mood_spread",
            table="interactions",
            sql=f"{_deviation('mood_steps')} / {_ONE}e0",
            unit="score",
            row="G9 C34",
            direction="+",
            en="spread of moods at the end of contacts (sd)",
            ko="문의 종료 시 감정의 편차(표준편차)",
            lookbacks=(365,),
        ),
        Feature(
            name="score_spread",
            table="surveys",
            sql=f"{_deviation('score_steps')} / {_ONE}e0",
            unit="score",
            row="G9 C34 D20",
            direction="+",
            en="spread of survey scores (sd of scores from 0 to 1)",
            ko="설문 점수의 편차(0~1 점수의 표준편차)",
            lookbacks=(365,),
        ),
        Feature(
            name="wait_channel_gap",
            table="interactions",
            sql=_apart("wait_s", "channel_group"),
            unit="s",
            row="D20 G9",
            direction="+",
            en="average wait on the slowest kind of channel minus the fastest",
            ko="가장 느린 채널과 가장 빠른 채널의 평균 대기 시간 차이",
            lookbacks=(365,),
        ),
        Feature(
            name="score_channel_gap",
            table="surveys",
            sql=_apart("scaled", "met_group"),
            unit="score",
            row="D20 G9",
            direction="+",
            en="average survey score on the best kind of channel minus the worst (scores from 0 to 1)",
            ko="만족도가 가장 높은 채널과 가장 낮은 채널의 평균 설문 점수 차이",
            lookbacks=(365,),
        ),
    ),
    derived=(
        # Openly weighted: scores say most; a part that is missing leaves the weight to the others.
        Derived(
            name="inconsistency_index",
            sql="(coalesce(wait_spread_{w}d, 0) + coalesce(resolve_spread_{w}d, 0) + 2 * coalesce(score_spread_{w}d, 0))"
            " / nullif(case when wait_spread_{w}d is not null then 1e0 else 0e0 end"
            " + case when resolve_spread_{w}d is not null then 1e0 else 0e0 end"
            " + case when score_spread_{w}d is not null then 2e0 else 0e0 end, 0)",
            unit="score",
            row="G9 C34",
            direction="+",
            en="inconsistency: spread of waits and of times to resolve, and twice that of survey scores, averaged",
            ko="서비스 비일관성 지수(대기·해결 시간 편차와 두 배로 반영한 설문 점수 편차의 평균)",
            lookbacks=(365,),
        ),
    ),
)
