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
            "complaint_reply_share", "posts", share("replied_at is not null", of="polarity < 0"), "share",
            "C16 R14 G41", "-", "share of public complaints answered", "공개 불만 글 응답률", (90, 365),
        ),
        Feature(
            "complaints_unanswered_n", "posts", count("polarity < 0 and replied_at is null"), "count",
            "C16 R14 D30", "+", "public complaints still without an answer", "아직 응답하지 않은 공개 불만 글 수",
            (90, 365), empty=0,
        ),
        Feature(
            "complaint_unanswered_d_max", "posts",
            worst(f"age / {DAY}e0", "polarity < 0 and replied_at is null"), "d", "C16 D30", "+",
            "age of the oldest public complaint without an answer",
            "가장 오래된 미응답 공개 불만 글의 경과 일수", (365,),
        ),
        Feature(
            "complaint_reply_h_mean", "posts", mean("replied_after", _COMPLAINT_AT) + f" / {_HOUR}e0", "h",
            "C16 G41 C2", "+", "average time to the answer to a public complaint",
            "공개 불만 글 평균 응답 시간", (365,),
        ),
        Feature(
            "complaint_reply_over_1h_share", "posts", share("reply_over_1h"), "share", "C2 C16", "+",
            "share of public complaints not answered within an hour", "공개 불만 글 미응답 비율(1시간 이내)",
            (365,),
        ),
        Feature(
            "complaint_reply_over_5h_share", "posts", share("reply_over_5h"), "share", "C2 C16", "+",
            "share of public complaints not answered within 5 hours", "공개 불만 글 미응답 비율(5시간 이내)",
            (365,),
        ),
        Feature(
            "complaint_last_unanswered", "posts",
            latest("case when replied_at is null then 1 else 0 end", "polarity < 0"), "flag", "C16 J3", "+",
            "last public complaint is not answered", "마지막 공개 불만 글 미응답 여부", (365,),
        ),
        Feature(
            "praise_reply_share", "posts", share("replied_at is not null", of="polarity > 0"), "share",
            "C17 G41", "-", "share of public praise answered", "공개 칭찬 글 응답률", (365,),
        ),
        Feature(
            "post_reply_share", "posts", share("replied_at is not null"), "share", "G41", "-",
            "share of public posts answered, good or bad", "공개 글 전체 응답률", (365,),
        ),
        Feature(
            "complaint_contacted_share", "posts", share("contacted_at is not null", of="polarity < 0"), "share",
            "R10", "-", "share of public complaints whose author was contacted", "공개 불만 글 작성자 연락 비율",
            (365,),
        ),
        Feature(
            "complaint_contacted_h_mean", "posts", mean("contacted_after", _COMPLAINT_AT) + f" / {_HOUR}e0",
            "h", "R10", "+", "average time until the author of a public complaint was contacted",
            "공개 불만 글 작성자 연락까지 평균 시간", (365,),
        ),
        Feature(
            "complaint_made_good_share", "posts",
            share("made_good_after_post_at is not null", of="polarity < 0"), "share", "R10 R13", "-",
            "share of public complaints followed by an act of making good within 14 days",
            "공개 불만 글 이후 14일 이내 회복 조치 비율", (365,),
        ),
        Feature(
            "post_thanked_share", "posts", share("thanked_at is not null", of="polarity >= 0"), "share", "G40",
            "-", "share of posts that are no complaint followed by thanks within 14 days",
            "불만이 아닌 공개 글에 14일 이내 감사한 비율", (365,),
        ),
        Feature(
            "review_requests_n", "messages", count("purpose = 'review_request'"), "count", "G40", "±",
            "requests for a review", "후기 작성 요청 건수", (365,), empty=0,
        ),
    ),
)  # fmt: skip
