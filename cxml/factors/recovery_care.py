"""Steps of a recovery and the care taken in it: features of the factor *recovery*."""

from __future__ import annotations

from cxml.factors.declare import (
    DAY,
    Feature,
    count,
    mean,
    share,
    total,
)

WEEK = 7 * DAY


def _step(name: str, column: str, row: str, en: str, ko: str) -> Feature:
    """One step, as the share of failures that were followed by it."""
    return Feature(
        name=name,
        table="interactions",
        sql=share(f"{column} is not null", of="failed"),
        unit="share",
        row=row,
        direction="-",
        en=f"share of failures followed by {en}",
        ko=f"서비스 실패 후 {ko} 비율",
        lookbacks=(365,),
    )


def _until(act: str) -> str:
    """Seconds from a row to an act; an act on the day of a row of which only the day is known came at once."""
    return f"case when {act} is not null then greatest({act} - t, 0) end"


SEVEN = (
    _step("understand_share", "understood_at", "R1", "understanding", "공감 표현"),
    _step("apology_share", "apologised_at", "R2", "an apology", "사과"),
    _step("explain_share", "explained_at", "R3", "an explanation", "원인 설명"),
    _step("fix_share", "fixed_at", "R4", "a fix", "문제 조치"),
    _step("compensate_share", "compensated_at", "R5 G4", "a compensation", "보상"),
    _step(
        "good_end_share",
        "ended_well_at",
        "R6 G7",
        "a contact of the issue that ended in a good mood or with the question for anything else",
        "좋은 분위기나 추가 문의 확인으로 끝난 상담",
    ),
    _step("prevent_share", "prevented_at", "R7", "an act against recurrence", "재발 방지 조치"),
    Feature(
        name="recovery_completeness",
        table="interactions",
        sql=mean("steps_done / 7e0", "failed"),
        unit="share",
        row="R13",
        direction="-",
        en="share of the seven recovery steps done per failure",
        ko="서비스 실패당 7단계 회복 이행률",
        lookbacks=(90, 365),
    ),
    Feature(
        name="recovery_delay_h",
        table="interactions",
        sql=mean(_until("made_good_at"), "failed") + " / 3600e0",
        unit="h",
        row="R13",
        direction="+",
        en="average time from a failure to the first act of making good",
        ko="서비스 실패부터 첫 회복 조치까지 평균 시간",
        lookbacks=(365,),
    ),
    Feature(
        name="apology_delay_h",
        table="interactions",
        sql=mean(_until("apologised_at"), "failed") + " / 3600e0",
        unit="h",
        row="R2",
        direction="+",
        en="average time from a failure to the apology",
        ko="서비스 실패부터 사과까지 평균 시간",
        lookbacks=(365,),
    ),
    Feature(
        name="fix_delay_h",
        table="interactions",
        sql=mean(_until("fixed_at"), "failed") + " / 3600e0",
        unit="h",
        row="R4",
        direction="+",
        en="average time from a failure to the fix",
        ko="서비스 실패부터 문제 조치까지 평균 시간",
        lookbacks=(365,),
    ),
)

CARE = (
    Feature(
        name="upset_apology_share",
        table="interactions",
        sql=share(f"coalesce(apologised_at - t <= {WEEK}, false)", of="upset"),
        unit="share",
        row="R2",
        direction="-",
        en="share of contacts begun in a bad mood followed by an apology within 7 days",
        ko="나쁜 기분으로 시작한 문의 중 7일 이내 사과 비율",
        lookbacks=(365,),
    ),
    Feature(
        name="upset_empathy_mean",
        table="interactions",
        sql=mean("empathy", "upset"),
        unit="score",
        row="R1 G6",
        direction="-",
        en="average empathy in contacts begun in a bad mood",
        ko="나쁜 기분으로 시작한 문의의 평균 공감 점수",
        lookbacks=(365,),
    ),
    Feature(
        name="followed_up_share",
        table="interactions",
        sql=share("followed_up"),
        unit="share",
        row="R9",
        direction="-",
        en="share of issues, resolved within 90 days, whose next follow-up came within 7 days after the resolution",
        ko="해결 후 7일 이내 후속 연락 비율",
        lookbacks=(365,),
    ),
    Feature(
        name="back_after_prevent_share",
        table="recoveries",
        sql=share("back_at is not null", of="action = 'prevent'"),
        unit="share",
        row="R7",
        direction="+",
        en="share of acts against recurrence after which the issue came back within 90 days",
        ko="재발 방지 조치 후 90일 이내 재문의 비율",
        lookbacks=(365,),
    ),
    Feature(
        name="granted_share",
        table="recoveries",
        sql=share("granted", of="asked_at is not null"),
        unit="share",
        row="G4 R5",
        direction="-",
        en="share of what the customer asked for that was granted",
        ko="고객이 요청한 보상의 수용 비율",
        lookbacks=(365,),
    ),
    Feature(
        name="refused_n",
        table="recoveries",
        sql=count("asked_at is not null and not granted"),
        unit="count",
        row="R5 G4",
        direction="+",
        en="requests to make good that were refused",
        ko="거절한 보상 요청 건수",
        lookbacks=(365,),
        empty=0,
    ),
    Feature(
        name="asked_delay_d_mean",
        table="recoveries",
        sql=mean("t - asked_at", "asked_at <= t and granted") + f" / {DAY}e0",
        unit="d",
        row="G4 R5",
        direction="+",
        en="average time from asking to what was granted",
        ko="요청부터 보상까지 평균 일수",
        lookbacks=(365,),
    ),
    Feature(
        name="amount_to_damage",
        table="recoveries",
        sql=f"cast({total('amount', 'damage > 0 and coalesce(granted, true)')} as double)"
        " / nullif(cast("
        f"{total('damage', 'damage > 0 and amount is not null and coalesce(granted, true)')} as double), 0)",
        unit="share",
        row="G4 R5",
        direction="-",
        en="amounts given over the damage they answer",
        ko="피해 금액 대비 보상 금액",
        lookbacks=(365,),
    ),
    Feature(
        name="gift_messages_n",
        table="messages",
        sql=count("purpose in ('gift', 'thanks')"),
        unit="count",
        row="G16",
        direction="±",
        en="gifts and thanks sent as messages",
        ko="선물·감사 메시지 건수",
        lookbacks=(365,),
        empty=0,
    ),
)
