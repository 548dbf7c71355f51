"""Recovery: what was done to make good, against what went wrong.

A failure, which recovery is counted against, is a contact with an issue that was a bad event (given up, or
more than ten minutes of waiting), whose issue came back after it was resolved, or that gave wrong
information. A late delivery is no failure here: acts of making good name the issue they answer, not the
order. A compensation that was refused is no act of making good. Everything is counted as far as it has come
by the cutoff, at most 30 days after the failure.

The seven steps: show understanding, apologise, explain, fix, compensate, end well, keep it from
happening again. Bell and Zemke (1987) name understanding, apology, fix, compensation, and the follow-up
that is counted apart here.
"""

from __future__ import annotations

from cxml.factors.declare import (
    DAY,
    Derived,
    Factor,
    Feature,
    Flag,
    Match,
    Treatment,
    count,
    days_since,
    share,
    total,
    worst,
)
from cxml.factors.recovery_care import CARE, SEVEN, WEEK
from cxml.factors.resolution import RESOLUTION
from cxml.factors.waiting import BAD

_MONTH = 30 * DAY
_GIVEN = "(action <> 'compensate' or coalesce(granted, true))"
_ACT = f"action <> 'gift' and {_GIVEN}"

# What was done -> the column of a failure that says when it was first done.
_ACTS = {
    "understand": "understood_at",
    "apology": "apologised_at",
    "explain": "explained_at",
    "fix": "fixed_at",
    "compensate": "compensated_at",
    "prevent": "prevented_at",
}
_STEPS = (*_ACTS.values(), "ended_well_at")


def _followed_by(column: str, where: str) -> Match:
    """When the first act of that kind on the same issue followed a contact."""
    return Match(column, "interactions", "recoveries", "t", "first after", 30, where, on="issue_id")


_FLAGS = (
    *(flag for flag in RESOLUTION.flags if flag.name in ("next_of_issue", "stands")),
    BAD,
    Flag(
        "failed",
        "interactions",
        "issue_id is not null and (bad or reopened_at is not null or corrected_at is not null)",
    ),
    # Among what is known at the cutoff: a later contact of the issue, or the failed one itself.
    Flag(
        "ended_well_at",
        "interactions",
        "min(case when anything_else or sentiment_end > 0 then t end) over"
        f" (partition by who, issue_id order by t range between current row and {_MONTH} following)",
    ),
    Flag(
        "steps_done",
        "interactions",
        " + ".join(f"case when {column} is null then 0 else 1 end" for column in _STEPS),
    ),
    Flag(
        "failed_again",
        "interactions",
        "failed and coalesce(t - max(case when failed then t end) over (partition by who, issue_id order by t, pos"
        " rows between unbounded preceding and 1 preceding) <= 7776000, false)",
        reach=90,
    ),
    Flag("upset", "interactions", "coalesce(sentiment_start <= -0.5e0, false)"),
    # Judged when the seven days are over, whatever came of it.
    Flag(
        "followed_up",
        "interactions",
        f"case when stands and resolved_after <= {90 * DAY} and c - resolved_at > {WEEK}"
        f" then coalesce(follow_up_at >= resolved_at and follow_up_at <= resolved_at + {WEEK}, false) end",
    ),
    Flag("given", "recoveries", _GIVEN),
    Flag(
        "next_of_step",
        "recoveries",
        "lead(t) over (partition by who, issue_id, action, given order by t, pos)",
        ahead=True,
    ),
    Flag(
        "step", "recoveries", "issue_id is not null and action <> 'gift' and given and next_of_step is null"
    ),
)

_MATCHES = (
    _followed_by("made_good_at", _ACT),
    *(
        _followed_by(column, f"action = '{act}'" + (f" and {_GIVEN}" if act == "compensate" else ""))
        for act, column in _ACTS.items()
    ),
    Match(
        "follow_up_at",
        "interactions",
        "recoveries",
        "t",
        "first after",
        97,
        "action = 'follow_up'",
        on="issue_id",
    ),
    Match("back_at", "recoveries", "interactions", "t", "first after", 90, on="issue_id"),
)

_FAILURES = (
    Feature(
        name="failed_again_n",
        table="interactions",
        sql=count("failed_again"),
        unit="count",
        row="R4 D33",
        direction="+",
        en="failures on an issue that had failed within the 90 days before",
        ko="90일 안에 이미 실패했던 문의 건의 재실패 건수",
        lookbacks=(365,),
        empty=0,
    ),
    Feature(
        name="unrecovered_n",
        table="interactions",
        sql=count("failed and made_good_at is null"),
        unit="count",
        row="R13",
        direction="+",
        en="failures that nothing has been done about",
        ko="회복 조치가 전혀 없는 서비스 실패 건수",
        lookbacks=(90, 365),
        empty=0,
    ),
    Feature(
        name="unrecovered_share",
        table="interactions",
        sql=share("made_good_at is null", of="failed"),
        unit="share",
        row="R13",
        direction="+",
        en="share of failures that nothing has been done about",
        ko="회복 조치가 전혀 없는 서비스 실패 비율",
        lookbacks=(365,),
    ),
    Feature(
        name="unrecovered_oldest_d",
        table="interactions",
        sql=worst(f"age / {DAY}e0", "failed and made_good_at is null"),
        unit="d",
        row="R13",
        direction="+",
        en="age of the oldest failure that nothing has been done about",
        ko="회복 조치가 전혀 없는 가장 오래된 서비스 실패의 경과 일수",
        lookbacks=(90,),
    ),
)


def _acts(name: str, action: str, row: str, en: str, ko: str) -> Feature:
    """How many acts of one kind there were, failure or not."""
    return Feature(
        name=name,
        table="recoveries",
        sql=count(f"action = '{action}' and {_GIVEN}"),
        unit="count",
        row=row,
        direction="±",
        en=en,
        ko=ko,
        lookbacks=(180,),
        empty=0,
    )


_COUNTS = (
    Feature(
        name="recoveries_n",
        table="recoveries",
        sql=count(_ACT),
        unit="count",
        row="R13",
        direction="±",
        en="acts of making good",
        ko="서비스 회복 조치 건수",
        lookbacks=(30, 90, 180),
        empty=0,
    ),
    Feature(
        name="recovery_steps_n",
        table="recoveries",
        sql=f"count(distinct case when {_ACT} then action end)",
        unit="count",
        row="R13",
        direction="-",
        en="different recovery steps taken",
        ko="서비스 회복 단계 수",
        lookbacks=(90, 365),
        empty=0,
    ),
    Feature(
        name="recovery_steps_per_issue",
        table="recoveries",
        sql="count(case when step then 1 end)"
        f" / nullif(cast(count(distinct case when {_ACT} then issue_id end) as double), 0)",
        unit="count",
        row="R13",
        direction="-",
        en="recovery steps per issue made good",
        ko="문의 건당 서비스 회복 단계 수",
        lookbacks=(365,),
    ),
    _acts("understand_n", "understand", "R1", "times understanding was shown", "공감 표현 건수"),
    _acts("apology_n", "apology", "R2", "apologies", "사과 건수"),
    _acts("explain_n", "explain", "R3", "explanations of what went wrong", "원인 설명 건수"),
    _acts("fix_n", "fix", "R4", "fixes", "문제 조치 건수"),
    _acts("compensate_n", "compensate", "R5 G4", "compensations", "보상 건수"),
    _acts("follow_up_n", "follow_up", "R9", "follow-ups after closure", "후속 연락 건수"),
    _acts("prevent_n", "prevent", "R7", "acts against recurrence", "재발 방지 조치 건수"),
    Feature(
        name="gifts_n",
        table="recoveries",
        sql=count("action = 'gift'"),
        unit="count",
        row="G16",
        direction="±",
        en="gifts and gestures",
        ko="감사 선물 건수",
        lookbacks=(365,),
        empty=0,
    ),
    Feature(
        name="recovery_amount",
        table="recoveries",
        sql=total("amount", "coalesce(granted, true)"),
        unit="money",
        row="R5 G4",
        direction="±",
        en="amount given to make good",
        ko="보상 금액",
        lookbacks=(365,),
    ),
    Feature(
        name="recovery_days_since",
        table="recoveries",
        sql=days_since(_ACT),
        unit="d",
        row="R13 R9",
        direction="±",
        en="days since the last act of making good",
        ko="마지막 서비스 회복 조치 후 경과 일수",
        lookbacks=(365,),
    ),
)

RECOVERY = Factor(
    name="recovery",
    en="Service recovery",
    ko="서비스 회복",
    kind="lever",
    family="process",
    tier=4,
    treatment=Treatment("recovery_completeness"),
    after=("repeats", "resolution"),
    says="Apology, explanation, fix, compensation and follow-up, counted against the failures they answer.",
    optional=(
        "interactions.reopened_at",
        "interactions.corrected_at",
        "interactions.sentiment_end",
        "recoveries.granted",
    ),
    flags=_FLAGS,
    matches=_MATCHES,
    features=(*_FAILURES, *SEVEN, *CARE, *_COUNTS),
    derived=(
        Derived(
            name="recovery_ratio",
            sql="recoveries_n_{w}d / nullif(cast(bad_events_n_{w}d as double), 0)",
            unit="ratio",
            row="R13",
            direction="-",
            en="acts of making good per bad event",
            ko="서비스 실패 1건당 회복 조치 수",
            lookbacks=(90, 180),
        ),
        Derived(
            name="recovery_missing_n",
            sql="greatest(bad_events_n_{w}d - recoveries_n_{w}d, 0)",
            unit="count",
            row="R13",
            direction="+",
            en="bad events not made good",
            ko="회복 조치가 없는 서비스 실패 건수",
            lookbacks=(90, 180),
        ),
        Derived(
            name="recovered_since_bad",
            sql="case when bad_days_since_365d is not null"
            " then case when recovery_days_since_365d <= bad_days_since_365d then 1 else 0 end end",
            unit="flag",
            row="R13",
            direction="-",
            en="something was made good since the last bad event",
            ko="마지막 서비스 실패 이후 회복 조치 여부",
        ),
    ),
)
