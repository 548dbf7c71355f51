"""Store: the queue, the way there, and what customers say of it."""

from __future__ import annotations

from cxml.factors.declare import EVER, Factor, Feature, Flag, Treatment, latest, mean, share, worst
from cxml.factors.product import CLOSED

# Scores are kept in whole steps of 2**-30, so that averages do not depend on the order of the rows.
ONE = 2**30
SCORE = (
    "cast(round(case when coalesce(higher_is, 'good') = 'bad' then scale_max - score else score - scale_min end"
    f" / nullif(cast(scale_max - scale_min as double), 0) * {ONE}e0) as bigint)"
)
"""The score of a survey, 0 the worst and 2**30 the best, whichever way it was asked."""

STORE = Factor(
    name="store",
    en="Store",
    ko="매장",
    kind="lever",
    family="process",
    tier=3,
    treatment=Treatment("store_queue_mean"),
    says="Queues, empty shelves, help and distance of the stores a customer uses.",
    flags=(CLOSED, Flag("store_score", "surveys", f"case when about = 'store' then {SCORE} end")),
    features=(
        Feature(
            "store_queue_mean", "sessions", mean("queue_s"), "s", "D27 G36", "+",
            "average time in the queue of a store", "매장 평균 대기 시간", (90, 365),
        ),
        Feature(
            "store_queue_max", "sessions", worst("queue_s"), "s", "D27", "+",
            "longest time in the queue of a store", "매장 최장 대기 시간", (365,),
        ),
        Feature(
            "store_queue_last", "sessions", latest("queue_s"), "s", "D27 J3", "+",
            "last time in the queue of a store", "매장 마지막 대기 시간", (365,),
        ),
        Feature(
            "store_out_of_stock_share", "sessions", share("out_of_stock > 0", of="kind = 'store'"), "share",
            "D27 K7", "+", "share of store visits on which something was not available",
            "품절을 겪은 매장 방문 비율", (365,),
        ),
        Feature(
            "store_solved_share", "interactions", share("closed_at is not null", of="channel like 'store%'"),
            "share", "B8 B26 B27", "-", "share of contacts in a store that are solved",
            "매장 문의 해결 비율", (365,),
        ),
        Feature(
            "store_score_mean", "surveys", mean("store_score") + f" / {ONE}e0", "score", "G36 D27", "-",
            "average score of the store (0 to 1)", "매장 평균 점수(0~1)", (365,),
        ),
        Feature(
            "store_score_last", "surveys", latest("store_score") + f" / {ONE}e0", "score", "G36 D27 J3", "-",
            "last score of the store (0 to 1)", "매장 마지막 점수(0~1)", (365,),
        ),
        Feature(
            "store_distance_km", "customers", latest("store_distance_km"), "km", "K14", "+",
            "kilometres to the nearest store", "가장 가까운 매장까지의 거리(km)", EVER,
        ),
    ),
)  # fmt: skip
