"""Visits: whether those who come to the customer's home come, and within the window they gave."""

from __future__ import annotations

from cxml.factors.declare import (
    Factor,
    Feature,
    Flag,
    Treatment,
    count,
    days_since,
    latest,
    mean,
    share,
    worst,
)

VISITS = Factor(
    name="visits",
    en="Field visits",
    ko="방문 서비스",
    kind="lever",
    family="process",
    tier=3,
    treatment=Treatment("late_visits_n", any=True),
    says="Visits against the window that was promised: late, missed, moved, or given up by the customer.",
    flags=(
        Flag(
            "visit_delay_s", "visits",
            "case when called_off then null when arrived_at > window_end then arrived_at - window_end"
            " when arrived_at <= window_end then 0 end",
        ),
        # Not judged before the window is over; one that was cancelled or moved before is not judged at all.
        Flag(
            "visit_kept", "visits",
            "case when called_off then null when arrived_at <= window_end then true"
            " when arrived_at > window_end or window_end < c then false end",
        ),
    ),
    features=(
        Feature(
            "visit_kept_share", "visits", share("visit_kept"), "share", "D1 G12 B24", "-",
            "share of visits that came before the end of their window (those cancelled by the customer or moved apart)",
            "약속 시간대를 지킨 방문 비율(고객 취소·일정 변경 제외)", (365,),
        ),
        Feature(
            "visit_kept_last", "visits",
            latest("case when visit_kept then 1 when not visit_kept then 0 end"), "flag", "D1 J3", "-",
            "last visit came before the end of its window", "마지막 방문의 약속 시간대 준수 여부", (365,),
        ),
        Feature(
            "late_visits_n", "visits", count("visit_delay_s > 0"), "count", "D1", "+",
            "visits that came after their window", "약속 시간대보다 늦은 방문 건수", (90, 365), empty=0,
        ),
        Feature(
            "visit_delay_h_mean", "visits", mean("visit_delay_s") + " / 3600e0", "h", "D1", "+",
            "average delay of visits after their window", "약속 시간대 이후 평균 방문 지연 시간", (365,),
        ),
        Feature(
            "visit_delay_h_max", "visits", worst("visit_delay_s / 3600e0"), "h", "D1", "+",
            "longest delay of a visit after its window", "약속 시간대 이후 최장 방문 지연 시간", (365,),
        ),
        Feature(
            "no_shows_n", "visits", count("no_show and not called_off"), "count", "D1", "+", "visits to which nobody came",
            "미방문 건수", (90, 365), empty=0,
        ),
        Feature(
            "visits_moved_n", "visits", count("rescheduled_at is not null"), "count", "D1", "+",
            "visits moved to another day", "일정을 변경한 방문 건수", (365,), empty=0,
        ),
        Feature(
            "visits_given_up_n", "visits", count("cancelled_by_customer"), "count", "D1", "+",
            "visits that the customer cancelled", "고객이 취소한 방문 건수", (365,), empty=0,
        ),
        Feature(
            "visit_window_h_mean", "visits", mean("window_end - t") + " / 3600e0", "h", "D1", "+",
            "average width of the window in which the customer waits at home", "방문 약속 시간대의 평균 길이",
            (365,),
        ),
        Feature(
            "visit_broken_days_since", "visits", days_since("not visit_kept"), "d", "D1 C8", "-",
            "days since the window of the last visit that did not come before its end",
            "약속 시간대를 지키지 못한 마지막 방문 후 경과 일수", (365,),
        ),
    ),
)  # fmt: skip
