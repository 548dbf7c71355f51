"""Waiting: how long the customer waits for an agent, on hold, and for a first answer."""

from __future__ import annotations

from cxml.features.declare import (
    Derived,
    Factor,
    Feature,
    Flag,
    count,
    faded,
    latest,
    mean,
    quantile,
    share,
    worst,
)

# A channel on which an answer is written: there the first reply is the wait.
WRITTEN = "channel not like 'phone%' and channel not like 'store%' and channel not like 'field%'"

WAITING = Factor(
    name="waiting",
    en="Waiting",
    ko="대기",
    kind="lever",
    family="process",
    tier=2,
    says="Time the customer spends waiting: in the queue, on hold, and for the first answer to a message.",
    flags=(
        Flag("asked", "interactions", f"{WRITTEN} and coalesce(direction, 'inbound') = 'inbound'"),
        Flag("unanswered", "interactions", "asked and first_reply_at is null"),
        # An hour that has not passed yet says nothing, an hour without an answer does.
        Flag(
            "reply_late", "interactions",
            "case when asked and first_reply_at is not null then first_reply_at - t > 3600"
            " when asked and age > 3600 then true end",
        ),
    ),
    features=(
        Feature(
            "wait_mean", "interactions", mean("wait_s"), "s", "A1 D2 G8", "+", "average wait",
            "평균 대기 시간",
        ),
        Feature(
            "wait_p90", "interactions", quantile("wait_s", 0.9), "s", "A1 D2", "+",
            "wait that one contact in ten exceeds", "대기 시간(상위 10% 기준)", (90,),
        ),
        Feature(
            "wait_max", "interactions", worst("wait_s"), "s", "D2", "+", "longest wait", "최장 대기 시간",
            (30, 90, 365),
        ),
        Feature(
            "wait_last", "interactions", latest("wait_s"), "s", "D2 J3", "+", "wait at the last contact",
            "마지막 문의의 대기 시간", (365,),
        ),
        Feature(
            "wait_over_5m_share", "interactions", share("wait_s > 300"), "share", "C4 C5 C6", "+",
            "share of waits over 5 minutes", "대기 5분 초과 비율",
        ),
        Feature(
            "wait_over_10m_share", "interactions", share("wait_s > 600"), "share", "C6", "+",
            "share of waits over 10 minutes", "대기 10분 초과 비율", (90,),
        ),
        Feature(
            "wait_over_promise_share", "interactions", share("wait_s > promised_wait_s"), "share", "D2 G12",
            "+", "share of waits longer than announced", "대기 시간이 안내보다 길었던 비율", (90, 365),
        ),
        Feature(
            "wait_faded", "interactions", faded("wait_s", 30), "s", "D2", "+",
            "sum of waits, halved every 30 days", "누적 대기 시간(30일마다 절반 반영)", (180,),
        ),
        Feature(
            "hold_mean", "interactions", mean("hold_s"), "s", "D2", "+", "average time on hold",
            "평균 통화 중 대기 시간", (90,),
        ),
        Feature(
            "reply_h_mean", "interactions", mean("first_reply_at - t", "asked") + " / 3600e0", "h", "A1 G8",
            "+", "average time to the first answer in writing", "서면 문의 평균 첫 응답 시간", (30, 90),
        ),
        Feature(
            "reply_over_1h_share", "interactions", share("reply_late"), "share", "C1 C2", "+",
            "share of written contacts not answered within an hour", "서면 문의 미응답 비율(1시간 이내)",
            (90, 365),
        ),
        Feature(
            "unanswered_n", "interactions", count("unanswered"), "count", "D30", "+",
            "written contacts still without an answer", "아직 응답하지 않은 서면 문의 건수", (30, 90),
            empty=0,
        ),
        Feature(
            "unanswered_oldest_h", "interactions", worst("age / 3600e0", "unanswered"), "h", "D30", "+",
            "age of the oldest unanswered written contact", "가장 오래된 미응답 서면 문의의 경과 시간", (90,),
        ),
    ),
    derived=(
        Derived(
            "wait_trend", "wait_mean_{short}d / nullif(wait_mean_{long}d, 0)", "ratio", "A1 D2", "+",
            "recent average wait over the long-run average", "장기 평균 대비 최근 평균 대기 시간",
        ),
    ),
)  # fmt: skip
