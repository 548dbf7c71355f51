"""Sentiment: the mood of the customer as contacts begin and end, from -1 to 1."""

from __future__ import annotations

from cxml.factors.declare import (
    DAY,
    Derived,
    Factor,
    Feature,
    Flag,
    Lookup,
    Norm,
    days_since,
    latest,
    mean,
    share,
)

_BEFORE = "over (partition by who order by t, pos)"

SENTIMENT = Factor(
    name="sentiment",
    en="Mood in contacts",
    ko="문의 중 감정",
    kind="outcome",
    family="people",
    tier=5,
    says="How customers feel as contacts begin and end, on the whole, at worst, at last and after bad ones.",
    lookups=(Lookup("interactions", "customers", "customer_id", (("joined", "joined_at"),)),),
    norms=(Norm("channel_mood", "interactions", "sentiment_end", by="channel"),),
    flags=(
        Flag(
            "after_bad", "interactions",
            f"coalesce(t - lag(t) {_BEFORE} <= 604800, false)"
            f" and (coalesce(lag(abandoned) {_BEFORE}, false)"
            f" or coalesce(lag(wait_s > promised_s) {_BEFORE}, false))",
            reach=7,
        ),
        Flag("newcomer", "interactions", f"t - joined <= {30 * DAY}"),
    ),
    features=(
        Feature(
            "mood_mean", "interactions", mean("sentiment_end"), "score", "D40 J3", "-",
            "average mood at the end of contacts (-1 to 1)", "문의 종료 시 평균 감정(-1~1)", (30, 90, 180),
        ),
        Feature(
            "mood_min", "interactions", "min(sentiment_end)", "score", "D40 J3", "-",
            "worst mood at the end of a contact (-1 to 1)", "문의 종료 시 최저 감정(-1~1)", (90, 365),
        ),
        Feature(
            "mood_last", "interactions", latest("sentiment_end"), "score", "D40 J3", "-",
            "mood at the end of the last contact (-1 to 1)", "마지막 문의 종료 시 감정(-1~1)", (365,),
        ),
        Feature(
            "mood_start_mean", "interactions", mean("sentiment_start"), "score", "D40", "-",
            "average mood at the start of contacts (-1 to 1)", "문의 시작 시 평균 감정(-1~1)", (90,),
        ),
        Feature(
            "mood_change_mean", "interactions", mean("sentiment_end - sentiment_start"), "score", "G7 R6", "-",
            "average change of mood during contacts", "문의 중 평균 감정 변화", (90, 365),
        ),
        Feature(
            "mood_worse_share", "interactions", share("sentiment_end < sentiment_start"), "share", "D40 G7",
            "+", "share of contacts that ended in a worse mood than they began",
            "시작보다 나쁜 감정으로 끝난 문의 비율", (180,),
        ),
        Feature(
            "mood_negative_share", "interactions", share("sentiment_end < 0"), "share", "D40", "+",
            "share of contacts that ended in a negative mood", "부정적 감정으로 끝난 문의 비율", (90, 365),
        ),
        Feature(
            "mood_negative_days_since", "interactions", days_since("sentiment_end < 0"), "d", "D40 C8", "-",
            "days since a contact that ended in a negative mood", "부정적 감정으로 끝난 문의 후 경과 일수",
            (365,),
        ),
        Feature(
            "mood_after_bad_mean", "interactions", mean("sentiment_start", "after_bad"), "score", "K2", "-",
            "average starting mood within 7 days of a contact given up or kept waiting beyond its channel's promise",
            "포기 또는 응답 약속 초과 대기 후 7일 이내 문의의 시작 시 평균 감정", (365,),
        ),
        Feature(
            "mood_recovered_mean", "interactions", mean("sentiment_end - sentiment_start", "after_bad"), "score",
            "K2 R6", "-",
            "average change of mood within 7 days of a contact given up or kept waiting beyond its channel's promise",
            "포기 또는 응답 약속 초과 대기 후 7일 이내 문의의 평균 감정 변화", (365,),
        ),
        Feature(
            "early_mood_mean", "interactions", mean("sentiment_end", "newcomer"), "score", "J4", "-",
            "average mood at the end of contacts within 30 days of joining",
            "가입 후 30일 이내 문의 종료 시 평균 감정", (365,),
        ),
        Feature(
            "mood_vs_channel", "interactions", mean("sentiment_end - channel_mood"), "score", "D40 C34", "-",
            "average mood at the end of contacts, minus what was usual on their channels in the same weeks",
            "같은 시기 채널 평균과의 문의 종료 시 감정 차이", (365,),
        ),
    ),
    derived=(
        Derived(
            "mood_trend", "mood_mean_{short}d - mood_mean_{long}d", "score", "D40", "-",
            "recent average mood at the end of contacts minus the long-run average",
            "장기 평균 대비 최근 문의 종료 시 감정",
        ),
    ),
)  # fmt: skip
