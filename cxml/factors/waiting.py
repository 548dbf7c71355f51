"""Waiting: how long the customer waits for an agent, on hold, and for a first answer.

A wait that is not over is known to have lasted its age so far: features that say "so far" count it so, and those of
contacts that wait now hold it against what was announced. The others know waits only once they are over.

A wait is measured against what was announced, against the promise of its channel (``promised_s``), against
what is usual for the channel in the same weeks, and against what the customer is used to. A bad event is a contact
that was given up or that waited for more than ten minutes.
"""

from __future__ import annotations

from cxml.factors.declare import (
    AFTER_HOURS,
    DAY,
    ON_WEEKEND,
    Derived,
    Factor,
    Feature,
    Flag,
    Lookup,
    Norm,
    Treatment,
    count,
    days_since,
    faded,
    latest,
    mean,
    quantile,
    share,
    so_far,
    total,
    worst,
)
from cxml.factors.product import INBOUND, WHO_BEGAN

# A channel on which an answer is written: there the first reply is the wait.
WRITTEN = "channel not like 'phone%' and channel not like 'store%' and channel not like 'field%'"
_ONLINE = "(channel like 'chat%' or channel like 'web%' or channel like 'app%' or channel like 'portal%')"
_BREACH = "wait_s > promised_s"


def _not_answered_within(seconds: str, of: str = "asked") -> str:
    """True, false, or unknown: a span that is not over says nothing, one without an answer does; nor do days."""
    return (
        f"case when day_only then null when {of} and first_reply_at is not null then first_reply_after > {seconds}"
        f" when {of} and age > {seconds} then true end"
    )


def _over(value: str, limit: str) -> str:
    """How far a value lies beyond its limit; 0 where it does not."""
    return f"case when {value} > {limit} then {value} - {limit} when {value} <= {limit} then 0 end"


REPLY = Flag("reply_s", "interactions", "case when not day_only then first_reply_after end")
"""Time to the first answer; missing where only days are known."""

IN_QUEUE = Flag(
    "in_queue",
    "interactions",
    "wait_s is null and ended_at is null and channel_wait is not null"
    f" and age <= greatest({DAY}, 20 * channel_wait) and {INBOUND}",
)
"""Neither served nor over, on a channel whose waits are recorded: elsewhere a missing wait says nothing. After a day, or
twenty times what is usual for the channel, nobody recorded the end, and no customer waits so long."""

BAD = Flag("bad", "interactions", "coalesce(abandoned, false) or coalesce(wait_s > 600, false)")

_FLAGS = (
    BAD,
    Flag("asked", "interactions", f"{WRITTEN} and {INBOUND}"),
    Flag("unanswered", "interactions", "asked and first_reply_at is null"),
    Flag("reply_late", "interactions", _not_answered_within("3600")),
    Flag("reply_over_5h", "interactions", _not_answered_within("18000")),
    Flag("reply_over_44h", "interactions", _not_answered_within("158400")),
    Flag("reply_over_5m", "interactions", _not_answered_within("300", of=f"asked and {_ONLINE}")),
    Flag("reply_breach", "interactions", _not_answered_within("promised_s")),
    Flag(
        "reply_overrun_s", "interactions",
        "case when asked and not day_only then greatest(coalesce(first_reply_after, c - t) - promised_s, 0) end",
    ),
    REPLY,
    IN_QUEUE,
    Flag("waited_s", "interactions", so_far("wait_s", "in_queue")),
    Flag(
        "reply_so_far_s", "interactions",
        f"case when asked and not day_only then {so_far('first_reply_after', 'true')} end",
    ),
    Flag("on_weekend", "interactions", ON_WEEKEND),
    Flag("after_hours", "interactions", AFTER_HOURS),
    Flag("newcomer", "interactions", f"t - joined <= {30 * DAY}"),
)  # fmt: skip

_QUEUE = (
    Feature(
        "wait_mean", "interactions", mean("wait_s"), "s", "A1 D2 G8", "+", "average wait",
        "평균 대기 시간",
    ),
    Feature(
        "wait_p90", "interactions", quantile("wait_s", 0.9), "s", "A1 D2", "+",
        "wait that one contact in ten exceeds", "대기 시간(상위 10% 기준)", (90,), aloud=False,
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
        "wait_faded", "interactions", faded("wait_s", 30), "s", "D2", "+",
        "sum of waits, halved every 30 days", "누적 대기 시간(30일마다 절반 반영)", (180,), aloud=False,
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
        "bad_events_n", "interactions", count("bad"), "count", "C8", "+",
        "bad events (given up, or over 10 minutes of waiting)",
        "서비스 실패 건수(대기 중 포기 또는 10분 초과 대기)", (30, 90, 180), empty=0,
    ),
    Feature(
        "bad_days_since", "interactions", days_since("bad"), "d", "C8", "-",
        "days since the last bad event", "마지막 서비스 실패 후 경과 일수", (365,),
    ),
    Feature(
        "hold_mean", "interactions", mean("hold_s"), "s", "D2", "+", "average time on hold",
        "평균 통화 중 대기 시간", (90,),
    ),
    Feature(
        "hold_max", "interactions", worst("hold_s"), "s", "D2", "+", "longest time on hold",
        "최장 통화 중 대기 시간", (365,),
    ),
    Feature(
        "hold_share", "interactions",
        f"{total('hold_s', 'handle_s is not null')} / nullif({total('handle_s', 'hold_s is not null')}, 0)",
        "share", "D2 K12", "+", "time on hold over time of service", "상담 시간 대비 통화 중 대기 시간", (180,),
    ),
    Feature(
        "phone_wait_mean", "interactions", mean("wait_s", "channel like 'phone%'"), "s", "A1 D2 B11", "+",
        "average wait on the phone", "전화 평균 대기 시간", (90,),
    ),
    Feature(
        "chat_wait_mean", "interactions", mean("wait_s", "channel like 'chat%'"), "s", "A1 B22", "+",
        "average wait in chats", "채팅 평균 대기 시간", (90,),
    ),
    Feature(
        "early_wait_mean", "interactions", mean("wait_s", "newcomer"), "s", "J4", "+",
        "average wait within 30 days of joining", "가입 후 30일 이내 평균 대기 시간", (365,),
    ),
)  # fmt: skip

_PROMISES = (
    Feature(
        "wait_over_promise_share", "interactions", share("wait_s > promised_wait_s"), "share", "D2 G12",
        "+", "share of waits longer than announced", "대기 시간이 안내보다 길었던 비율", (90, 365), kept=0,
    ),
    Feature(
        "wait_over_announced_max", "interactions", worst(_over("wait_s", "promised_wait_s")), "s", "D2 G12",
        "+", "longest wait beyond what was announced", "안내된 시간을 넘긴 최장 대기", (365,), kept=0,
    ),
    Feature(
        "wait_breach_share", "interactions", share(_BREACH), "share", "A1 C4 C5", "+",
        "share of waits longer than their channel promises", "채널별 응답 약속을 넘긴 대기 비율", (30, 90, 365), kept=0,
    ),
    Feature(
        "wait_breach_n", "interactions", count(_BREACH), "count", "C4 C5 C6", "+",
        "waits longer than their channel promises", "채널별 응답 약속을 넘긴 대기 건수", (90,), empty=0, kept=0,
    ),
    Feature(
        "wait_overrun_max", "interactions", worst(_over("wait_s", "promised_s")), "s", "C5 D2", "+",
        "longest wait beyond the promise of its channel", "채널별 응답 약속을 가장 크게 넘긴 시간", (90, 365), kept=0,
    ),
    Feature(
        "reply_breach_share", "interactions", share("reply_breach"), "share", "A1 C1 C2 C3", "+",
        "share of written contacts not answered within the promise of their channel",
        "채널별 응답 약속을 넘긴 서면 문의 비율", (30, 90, 365), kept=0,
    ),
    Feature(
        "reply_breach_n", "interactions", count("reply_breach"), "count", "C1 C2", "+",
        "written contacts not answered within the promise of their channel",
        "채널별 응답 약속을 넘긴 서면 문의 건수", (90,), empty=0, kept=0,
    ),
    Feature(
        "reply_overrun_h_max", "interactions", worst("reply_overrun_s / 3600e0"), "h", "C1 C2 D30", "+",
        "longest overrun, so far, of the promised time to the first answer in writing",
        "서면 문의 첫 응답 약속을 가장 크게 넘긴 시간", (90, 365), kept=0,
    ),
    Feature(
        "answered_5m_share", "interactions", share("not reply_over_5m"), "share", "C4 C5 G8", "-",
        "share of online contacts answered within 5 minutes", "온라인 문의 5분 이내 응답 비율", (90,),
    ),
    Feature(
        "reply_over_1h_share", "interactions", share("reply_late"), "share", "C1 C2", "+",
        "share of written contacts not answered within an hour", "서면 문의 미응답 비율(1시간 이내)",
        (90, 365),
    ),
    Feature(
        "social_over_5h_share", "interactions", share("reply_over_5h", of="channel like 'social%'"), "share",
        "C2 B15", "+", "share of social media contacts not answered within 5 hours",
        "소셜 미디어 문의 미응답 비율(5시간 이내)", (365,),
    ),
    Feature(
        "reply_over_44h_share", "interactions", share("reply_over_44h"), "share", "C3", "+",
        "share of written contacts not answered within 44 hours", "서면 문의 미응답 비율(44시간 이내)", (365,),
    ),
)  # fmt: skip

_REPLIES = (
    Feature(
        "reply_h_mean", "interactions", mean("reply_s", "asked") + " / 3600e0", "h", "A1 G8",
        "+", "average time to the first answer in writing", "서면 문의 평균 첫 응답 시간", (30, 90),
    ),
    Feature(
        "email_reply_h_mean", "interactions",
        mean("reply_s", "asked and channel like 'email%'") + " / 3600e0", "h", "A1 B7", "+",
        "average time to the first answer by e-mail", "이메일 평균 첫 응답 시간", (180,),
    ),
    Feature(
        "social_reply_h_mean", "interactions",
        mean("reply_s", "asked and channel like 'social%'") + " / 3600e0", "h", "A1 B15 C2", "+",
        "average time to the first answer on social media", "소셜 미디어 평균 첫 응답 시간", (180,),
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
)  # fmt: skip

_RUNNING = (
    Feature(
        "wait_so_far_mean", "interactions", mean("waited_s"), "s", "A1 D2", "+",
        "average wait, of contacts still waiting so far", "평균 대기 시간(대기 중인 문의는 현재까지)", (90, 365),
    ),
    Feature(
        "wait_so_far_max", "interactions", worst("waited_s"), "s", "D2", "+",
        "longest wait, of contacts still waiting so far", "최장 대기 시간(대기 중인 문의는 현재까지)", (90, 365),
    ),
    Feature(
        "waiting_now_n", "interactions", count("in_queue"), "count", "D2 D30", "+", "contacts still waiting to be served",
        "아직 응대를 기다리는 문의 건수", (90,), empty=0,
    ),
    Feature(
        "waiting_now_h_max", "interactions", worst("age / 3600e0", "in_queue"), "h", "D2 D30", "+",
        "longest wait so far of a contact still waiting to be served", "응대를 기다리는 문의의 최장 경과 시간", (90,),
    ),
    Feature(
        "waiting_now_announced_h_max", "interactions", worst("promised_wait_s / 3600e0", "in_queue"), "h", "D2 G12", "+",
        "longest announced wait of a contact still waiting to be served",
        "응대를 기다리는 문의에 안내된 최장 대기 시간", (90,),
    ),
    Feature(
        "waiting_now_over_h_max", "interactions", worst(_over("age / 3600e0", "promised_wait_s / 3600e0"), "in_queue"),
        "h", "D2 G12", "+", "longest time beyond the announced wait of a contact still waiting to be served",
        "응대를 기다리는 문의가 안내된 시간을 넘긴 최장 시간", (90,), kept=0,
    ),
    Feature(
        "reply_so_far_h_mean", "interactions", mean("reply_so_far_s") + " / 3600e0", "h", "A1 D30", "+",
        "average time to the first answer in writing, of unanswered contacts so far",
        "서면 문의 평균 첫 응답 시간(미응답 문의는 현재까지)", (90,),
    ),
    Feature(
        "reply_so_far_h_max", "interactions", worst("reply_so_far_s / 3600e0"), "h", "A1 D30", "+",
        "longest time to the first answer in writing, of unanswered contacts so far",
        "서면 문의 최장 첫 응답 시간(미응답 문의는 현재까지)", (90, 365),
    ),
)  # fmt: skip

_OFF_HOURS = (
    Feature(
        "off_hours_wait_mean", "interactions", mean("wait_s", "after_hours"), "s", "B30", "+",
        "average wait outside weekdays 9 to 18", "평일 9~18시 외 평균 대기 시간", (365,),
    ),
    Feature(
        "off_hours_breach_share", "interactions", share(_BREACH, of="after_hours"), "share", "B30 C1", "+",
        "share of waits outside weekdays 9 to 18 longer than their channel promises",
        "평일 9~18시 외 응답 약속을 넘긴 대기 비율", (365,), kept=0,
    ),
    Feature(
        "weekend_reply_h_mean", "interactions", mean("reply_s", "asked and on_weekend") + " / 3600e0",
        "h", "B30 C1", "+", "average time to the first answer in writing to weekend contacts",
        "주말 서면 문의 평균 첫 응답 시간", (365,),
    ),
    Feature(
        "weekend_over_1h_share", "interactions", share("reply_late", of="on_weekend"), "share", "C1 B30", "+",
        "share of written weekend contacts not answered within an hour",
        "주말 서면 문의 미응답 비율(1시간 이내)", (365,),
    ),
)  # fmt: skip

_COMPARED = (
    Feature(
        "wait_vs_channel", "interactions",
        f"{mean('wait_s', 'channel_wait is not null')} / nullif({mean('channel_wait', 'wait_s is not null')}, 0)",
        "times", "A1 C34", "+", "average wait over what was usual on the channels in the same weeks",
        "같은 시기 채널 평균 대비 대기 시간", (90, 365),
    ),
    Feature(
        "reply_vs_channel", "interactions",
        f"{mean('reply_s', 'channel_reply is not null')} / nullif({mean('channel_reply', 'reply_s is not null')}, 0)",
        "times", "A1", "+",
        "average time to the first answer over what was usual on the channels in the same weeks",
        "같은 시기 채널 평균 대비 첫 응답 시간", (365,),
    ),
    Feature(
        "wait_last_vs_own", "interactions",
        f"{latest('wait_s')} / nullif({quantile('wait_s', 0.5)}, 0)", "times", "J7", "+",
        "wait at the last contact over the customer's own median", "본인 중앙값 대비 마지막 문의의 대기 시간",
        (365,),
    ),
)  # fmt: skip

WAITING = Factor(
    name="waiting",
    en="Waiting",
    ko="대기",
    kind="lever",
    family="process",
    tier=2,
    treatment=Treatment("wait_mean"),
    optional=WHO_BEGAN,
    says="Time the customer spends waiting: in the queue, on hold, and for the first answer to a message.",
    flags=_FLAGS,
    lookups=(Lookup("interactions", "customers", "customer_id", (("joined", "joined_at"),)),),
    norms=(
        Norm("channel_wait", "interactions", "wait_s", by="channel"),
        Norm("channel_reply", "interactions", REPLY.sql, by="channel"),
    ),
    features=(*_QUEUE, *_PROMISES, *_REPLIES, *_RUNNING, *_OFF_HOURS, *_COMPARED),
    derived=(
        Derived(
            "wait_trend", "wait_mean_{short}d / nullif(wait_mean_{long}d, 0)", "times", "A1 D2", "+",
            "recent average wait over the long-run average", "장기 평균 대비 최근 평균 대기 시간",
        ),
        Derived(
            "bad_event_first",
            "case when bad_events_n_30d > 0 and bad_events_n_30d = bad_events_n_180d then 1 else 0 end",
            "flag", "C8", "+", "first bad event of half a year fell in the last 30 days",
            "최근 30일에 반년 만의 첫 서비스 실패 발생 여부",
        ),
    ),
)  # fmt: skip
