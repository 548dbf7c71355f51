"""Replies: what the company does about what customers say in public.

A public complaint is a post of negative polarity, praise one of positive polarity.
"""

from __future__ import annotations

from cxml.factors.declare import (
    DAY,
    Factor,
    Feature,
    Flag,
    Match,
    Treatment,
    count,
    latest,
    mean,
    share,
    worst,
)

_HOUR = 3600
_COMPLAINT_AT = "polarity < 0 and not day_only"


def _judged(hours: int) -> str:
    """Late once the hours are over: an hour that has not passed yet says nothing."""
    limit = hours * _HOUR
    return (
        f"case when day_only then null when polarity < 0 and replied_at is not null then replied_after > {limit}"
        f" when polarity < 0 and age > {limit} then true end"
    )


REPLIES = Factor(
    name="replies",
    en="Replies to public posts",
    ko="공개 글 대응",
    kind="lever",
    family="process",
    tier=4,
    treatment=Treatment("complaint_reply_share"),
    says="Whether and how fast public complaints and praise are answered, and their authors contacted.",
    matches=(
        Match("made_good_after_post_at", "posts", "recoveries", "t", "first after", 14, "action <> 'gift'"),
        Match("thanked_at", "posts", "messages", "t", "first after", 14, "purpose = 'thanks'"),
    ),
    flags=(
        Flag("reply_over_1h", "posts", _judged(1)),
        Flag("reply_over_5h", "posts", _judged(5)),
    ),
    features=(
        Feature(
            name="complaint_reply_share",
            table="posts",
            sql=share("replied_at is not null", of="polarity < 0"),
            unit="share",
            row="C16 R14 G41",
            direction="-",
            en="share of public complaints answered",
            ko="공개 불만 글 응답률",
            lookbacks=(90, 365),
        ),
        Feature(
            name="complaints_unanswered_n",
            table="posts",
            sql=count("polarity < 0 and replied_at is null"),
            unit="count",
            row="C16 R14 D30",
            direction="+",
            en="public complaints still without an answer",
            ko="아직 응답하지 않은 공개 불만 글 수",
            lookbacks=(90, 365),
            empty=0,
        ),
        Feature(
            name="complaint_unanswered_d_max",
            table="posts",
            sql=worst(f"age / {DAY}e0", "polarity < 0 and replied_at is null"),
            unit="d",
            row="C16 D30",
            direction="+",
            en="age of the oldest public complaint without an answer",
            ko="가장 오래된 미응답 공개 불만 글의 경과 일수",
            lookbacks=(365,),
        ),
        Feature(
            name="complaint_reply_h_mean",
            table="posts",
            sql=mean("replied_after", _COMPLAINT_AT) + f" / {_HOUR}e0",
            unit="h",
            row="C16 G41 C2",
            direction="+",
            en="average time to the answer to a public complaint",
            ko="공개 불만 글 평균 응답 시간",
            lookbacks=(365,),
        ),
        Feature(
            name="complaint_reply_over_1h_share",
            table="posts",
            sql=share("reply_over_1h"),
            unit="share",
            row="C2 C16",
            direction="+",
            en="share of public complaints not answered within an hour",
            ko="공개 불만 글 미응답 비율(1시간 이내)",
            lookbacks=(365,),
        ),
        Feature(
            name="complaint_reply_over_5h_share",
            table="posts",
            sql=share("reply_over_5h"),
            unit="share",
            row="C2 C16",
            direction="+",
            en="share of public complaints not answered within 5 hours",
            ko="공개 불만 글 미응답 비율(5시간 이내)",
            lookbacks=(365,),
        ),
        Feature(
            name="complaint_last_unanswered",
            table="posts",
            sql=latest("case when replied_at is null then 1 else 0 end", "polarity < 0"),
            unit="flag",
            row="C16 J3",
            direction="+",
            en="last public complaint is not answered",
            ko="마지막 공개 불만 글 미응답 여부",
            lookbacks=(365,),
        ),
        Feature(
            name="praise_reply_share",
            table="posts",
            sql=share("replied_at is not null", of="polarity > 0"),
            unit="share",
            row="C17 G41",
            direction="-",
            en="share of public praise answered",
            ko="공개 칭찬 글 응답률",
            lookbacks=(365,),
        ),
        Feature(
            name="post_reply_share",
            table="posts",
            sql=share("replied_at is not null"),
            unit="share",
            row="G41",
            direction="-",
            en="share of public posts answered, good or bad",
            ko="공개 글 전체 응답률",
            lookbacks=(365,),
        ),
        Feature(
            name="complaint_contacted_share",
            table="posts",
            sql=share("contacted_at is not null", of="polarity < 0"),
            unit="share",
            row="R10",
            direction="-",
            en="share of public complaints whose author was contacted",
            ko="공개 불만 글 작성자 연락 비율",
            lookbacks=(365,),
        ),
        Feature(
            name="complaint_contacted_h_mean",
            table="posts",
            sql=mean("contacted_after", _COMPLAINT_AT) + f" / {_HOUR}e0",
            unit="h",
            row="R10",
            direction="+",
            en="average time until the author of a public complaint was contacted",
            ko="공개 불만 글 작성자 연락까지 평균 시간",
            lookbacks=(365,),
        ),
        Feature(
            name="complaint_made_good_share",
            table="posts",
            sql=share("made_good_after_post_at is not null", of="polarity < 0"),
            unit="share",
            row="R10 R13",
            direction="-",
            en="share of public complaints followed by an act of making good within 14 days",
            ko="공개 불만 글 이후 14일 이내 회복 조치 비율",
            lookbacks=(365,),
        ),
        Feature(
            name="post_thanked_share",
            table="posts",
            sql=share("thanked_at is not null", of="polarity >= 0"),
            unit="share",
            row="G40",
            direction="-",
            en="share of posts that are no complaint followed by thanks within 14 days",
            ko="불만이 아닌 공개 글에 14일 이내 감사한 비율",
            lookbacks=(365,),
        ),
        Feature(
            name="review_requests_n",
            table="messages",
            sql=count("purpose = 'review_request'"),
            unit="count",
            row="G40",
            direction="±",
            en="requests for a review",
            ko="후기 작성 요청 건수",
            lookbacks=(365,),
            empty=0,
        ),
    ),
)
