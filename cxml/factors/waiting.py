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
from cxml.factors.waiting_now import RUNNING
from cxml.factors.waiting_promises import BREACH, PROMISES

# A channel on which an answer is written: there the first reply is the wait.
WRITTEN = "channel not like 'phone%' and channel not like 'store%' and channel not like 'field%'"
_ONLINE = "(channel like 'chat%' or channel like 'web%' or channel like 'app%' or channel like 'portal%')"


def _not_answered_within(seconds: str, of: str = "asked") -> str:
    """True, false, or unknown: a span that is not over says nothing, one without an answer does; nor do days."""
    return (
        f"case when day_only then null when {of} and first_reply_at is not null then first_reply_after > {seconds}"
        f" when {of} and age > {seconds} then true end"
    )


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
        "reply_overrun_s",
        "interactions",
        "case when asked and not day_only then greatest(coalesce(first_reply_after, c - t) - promised_s, 0) end",
    ),
    REPLY,
    IN_QUEUE,
    Flag("waited_s", "interactions", so_far("wait_s", "in_queue")),
    Flag(
        "reply_so_far_s",
        "interactions",
        f"case when asked and not day_only then {so_far('first_reply_after', 'true')} end",
    ),
    Flag("on_weekend", "interactions", ON_WEEKEND),
    Flag("after_hours", "interactions", AFTER_HOURS),
    Flag("newcomer", "interactions", f"t - joined <= {30 * DAY}"),
)

_QUEUE = (
    Feature(
        name="wait_mean",
        table="interactions",
        sql=mean("wait_s"),
        unit="s",
        row="A1 D2 G8",
        direction="+",
        en="average wait",
        ko="평균 대기 시간",
    ),
    Feature(
        name="wait_p90",
        table="interactions",
        sql=quantile("wait_s", 0.9),
        unit="s",
        row="A1 D2",
        direction="+",
        en="wait that one contact in ten exceeds",
        ko="대기 시간(상위 10% 기준)",
        lookbacks=(90,),
        aloud=False,
    ),
    Feature(
        name="wait_max",
        table="interactions",
        sql=worst("wait_s"),
        unit="s",
        row="D2",
        direction="+",
        en="longest wait",
        ko="최장 대기 시간",
        lookbacks=(30, 90, 365),
    ),
    Feature(
        name="wait_last",
        table="interactions",
        sql=latest("wait_s"),
        unit="s",
        row="D2 J3",
        direction="+",
        en="wait at the last contact",
        ko="마지막 문의의 대기 시간",
        lookbacks=(365,),
    ),
    Feature(
        name="wait_faded",
        table="interactions",
        sql=faded("wait_s", 30),
        unit="s",
        row="D2",
        direction="+",
        en="sum of waits, halved every 30 days",
        ko="누적 대기 시간(30일마다 절반 반영)",
        lookbacks=(180,),
        aloud=False,
    ),
    Feature(
        name="wait_over_5m_share",
        table="interactions",
        sql=share("wait_s > 300"),
        unit="share",
        row="C4 C5 C6",
        direction="+",
        en="share of waits over 5 minutes",
        ko="대기 5분 초과 비율",
    ),
    Feature(
        name="wait_over_10m_share",
        table="interactions",
        sql=share("wait_s > 600"),
        unit="share",
        row="C6",
        direction="+",
        en="share of waits over 10 minutes",
        ko="대기 10분 초과 비율",
        lookbacks=(90,),
    ),
    Feature(
        name="bad_events_n",
        table="interactions",
        sql=count("bad"),
        unit="count",
        row="C8",
        direction="+",
        en="bad events (given up, or over 10 minutes of waiting)",
        ko="서비스 실패 건수(대기 중 포기 또는 10분 초과 대기)",
        lookbacks=(30, 90, 180),
        empty=0,
    ),
    Feature(
        name="bad_days_since",
        table="interactions",
        sql=days_since("bad"),
        unit="d",
        row="C8",
        direction="-",
        en="days since the last bad event",
        ko="마지막 서비스 실패 후 경과 일수",
        lookbacks=(365,),
    ),
    Feature(
        name="hold_mean",
        table="interactions",
        sql=mean("hold_s"),
        unit="s",
        row="D2",
        direction="+",
        en="average time on hold",
        ko="평균 통화 중 대기 시간",
        lookbacks=(90,),
    ),
    Feature(
        name="hold_max",
        table="interactions",
        sql=worst("hold_s"),
        unit="s",
        row="D2",
        direction="+",
        en="longest time on hold",
        ko="최장 통화 중 대기 시간",
        lookbacks=(365,),
    ),
    Feature(
        name="hold_share",
        table="interactions",
        sql=f"{total('hold_s', 'handle_s is not null')} / nullif({total('handle_s', 'hold_s is not null')}, 0)",
        unit="share",
        row="D2 K12",
        direction="+",
        en="time on hold over time of service",
        ko="상담 시간 대비 통화 중 대기 시간",
        lookbacks=(180,),
    ),
    Feature(
        name="phone_wait_mean",
        table="interactions",
        sql=mean("wait_s", "channel like 'phone%'"),
        unit="s",
        row="A1 D2 B11",
        direction="+",
        en="average wait on the phone",
        ko="전화 평균 대기 시간",
        lookbacks=(90,),
    ),
    Feature(
        name="chat_wait_mean",
        table="interactions",
        sql=mean("wait_s", "channel like 'chat%'"),
        unit="s",
        row="A1 B22",
        direction="+",
        en="average wait in chats",
        ko="채팅 평균 대기 시간",
        lookbacks=(90,),
    ),
    Feature(
        name="early_wait_mean",
        table="interactions",
        sql=mean("wait_s", "newcomer"),
        unit="s",
        row="J4",
        direction="+",
        en="average wait within 30 days of joining",
        ko="가입 후 30일 이내 평균 대기 시간",
        lookbacks=(365,),
    ),
)


_REPLIES = (
    Feature(
        name="reply_h_mean",
        table="interactions",
        sql=mean("reply_s", "asked") + " / 3600e0",
        unit="h",
        row="A1 G8",
        direction="+",
        en="average time to the first answer in writing",
        ko="서면 문의 평균 첫 응답 시간",
        lookbacks=(30, 90),
    ),
    Feature(
        name="email_reply_h_mean",
        table="interactions",
        sql=mean("reply_s", "asked and channel like 'email%'") + " / 3600e0",
        unit="h",
        row="A1 B7",
        direction="+",
        en="average time to the first answer by e-mail",
        ko="이메일 평균 첫 응답 시간",
        lookbacks=(180,),
    ),
    Feature(
        name="social_reply_h_mean",
        table="interactions",
        sql=mean("reply_s", "asked and channel like 'social%'") + " / 3600e0",
        unit="h",
        row="A1 B15 C2",
        direction="+",
        en="average time to the first answer on social media",
        ko="소셜 미디어 평균 첫 응답 시간",
        lookbacks=(180,),
    ),
    Feature(
        name="unanswered_n",
        table="interactions",
        sql=count("unanswered"),
        unit="count",
        row="D30",
        direction="+",
        en="written contacts still without an answer",
        ko="아직 응답하지 않은 서면 문의 건수",
        lookbacks=(30, 90),
        empty=0,
    ),
    Feature(
        name="unanswered_oldest_h",
        table="interactions",
        sql=worst("age / 3600e0", "unanswered"),
        unit="h",
        row="D30",
        direction="+",
        en="age of the oldest unanswered written contact",
        ko="가장 오래된 미응답 서면 문의의 경과 시간",
        lookbacks=(90,),
    ),
)


_OFF_HOURS = (
    Feature(
        name="off_hours_wait_mean",
        table="interactions",
        sql=mean("wait_s", "after_hours"),
        unit="s",
        row="B30",
        direction="+",
        en="average wait outside weekdays 9 to 18",
        ko="평일 9~18시 외 평균 대기 시간",
        lookbacks=(365,),
    ),
    Feature(
        name="off_hours_breach_share",
        table="interactions",
        sql=share(BREACH, of="after_hours"),
        unit="share",
        row="B30 C1",
        direction="+",
        en="share of waits outside weekdays 9 to 18 longer than their channel promises",
        ko="평일 9~18시 외 응답 약속을 넘긴 대기 비율",
        lookbacks=(365,),
        kept=0,
    ),
    Feature(
        name="weekend_reply_h_mean",
        table="interactions",
        sql=mean("reply_s", "asked and on_weekend") + " / 3600e0",
        unit="h",
        row="B30 C1",
        direction="+",
        en="average time to the first answer in writing to weekend contacts",
        ko="주말 서면 문의 평균 첫 응답 시간",
        lookbacks=(365,),
    ),
    Feature(
        name="weekend_over_1h_share",
        table="interactions",
        sql=share("reply_late", of="on_weekend"),
        unit="share",
        row="C1 B30",
        direction="+",
        en="share of written weekend contacts not answered within an hour",
        ko="주말 서면 문의 미응답 비율(1시간 이내)",
        lookbacks=(365,),
    ),
)

_COMPARED = (
    Feature(
        name="wait_vs_channel",
        table="interactions",
        sql=f"{mean('wait_s', 'channel_wait is not null')} / nullif({mean('channel_wait', 'wait_s is not null')}, 0)",
        unit="times",
        row="A1 C34",
        direction="+",
        en="average wait over what was usual on the channels in the same weeks",
        ko="같은 시기 채널 평균 대비 대기 시간",
        lookbacks=(90, 365),
    ),
    Feature(
        name="reply_vs_channel",
        table="interactions",
        sql=f"{mean('reply_s', 'channel_reply is not null')} / nullif({mean('channel_reply', 'reply_s is not null')}, 0)",
        unit="times",
        row="A1",
        direction="+",
        en="average time to the first answer over what was usual on the channels in the same weeks",
        ko="같은 시기 채널 평균 대비 첫 응답 시간",
        lookbacks=(365,),
    ),
    Feature(
        name="wait_last_vs_own",
        table="interactions",
        sql=f"{latest('wait_s')} / nullif({quantile('wait_s', 0.5)}, 0)",
        unit="times",
        row="J7",
        direction="+",
        en="wait at the last contact over the customer's own median",
        ko="본인 중앙값 대비 마지막 문의의 대기 시간",
        lookbacks=(365,),
    ),
)

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
    features=(*_QUEUE, *PROMISES, *_REPLIES, *RUNNING, *_OFF_HOURS, *_COMPARED),
    derived=(
        Derived(
            name="wait_trend",
            sql="wait_mean_{short}d / nullif(wait_mean_{long}d, 0)",
            unit="times",
            row="A1 D2",
            direction="+",
            en="recent average wait over the long-run average",
            ko="장기 평균 대비 최근 평균 대기 시간",
        ),
        Derived(
            name="bad_event_first",
            sql="case when bad_events_n_30d > 0 and bad_events_n_30d = bad_events_n_180d then 1 else 0 end",
            unit="flag",
            row="C8",
            direction="+",
            en="first bad event of half a year fell in the last 30 days",
            ko="최근 30일에 반년 만의 첫 서비스 실패 발생 여부",
        ),
    ),
)
