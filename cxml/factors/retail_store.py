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
            name="store_queue_mean",
            table="sessions",
            sql=mean("queue_s"),
            unit="s",
            row="D27 G36",
            direction="+",
            en="average time in the queue of a store",
            ko="매장 평균 대기 시간",
            lookbacks=(90, 365),
        ),
        Feature(
            name="store_queue_max",
            table="sessions",
            sql=worst("queue_s"),
            unit="s",
            row="D27",
            direction="+",
            en="longest time in the queue of a store",
            ko="매장 최장 대기 시간",
            lookbacks=(365,),
        ),
        Feature(
            name="store_queue_last",
            table="sessions",
            sql=latest("queue_s"),
            unit="s",
            row="D27 J3",
            direction="+",
            en="last time in the queue of a store",
            ko="매장 마지막 대기 시간",
            lookbacks=(365,),
        ),
        Feature(
            name="store_out_of_stock_share",
            table="sessions",
            sql=share("out_of_stock > 0", of="kind = 'store'"),
            unit="share",
            row="D27 K7",
            direction="+",
            en="share of store visits on which something was not available",
            ko="품절을 겪은 매장 방문 비율",
            lookbacks=(365,),
        ),
        Feature(
            name="store_solved_share",
            table="interactions",
            sql=share("closed_at is not null", of="channel like 'store%'"),
            unit="share",
            row="B8 B26 B27",
            direction="-",
            en="share of contacts in a store that are solved",
            ko="매장 문의 해결 비율",
            lookbacks=(365,),
        ),
        Feature(
            name="store_score_mean",
            table="surveys",
            sql=mean("store_score") + f" / {ONE}e0",
            unit="score",
            row="G36 D27",
            direction="-",
            en="average score of the store (0 to 1)",
            ko="매장 평균 점수(0~1)",
            lookbacks=(365,),
        ),
        Feature(
            name="store_score_last",
            table="surveys",
            sql=latest("store_score") + f" / {ONE}e0",
            unit="score",
            row="G36 D27 J3",
            direction="-",
            en="last score of the store (0 to 1)",
            ko="매장 마지막 점수(0~1)",
            lookbacks=(365,),
        ),
        Feature(
            name="store_distance_km",
            table="customers",
            sql=latest("store_distance_km"),
            unit="km",
            row="K14",
            direction="+",
            en="kilometres to the nearest store",
            ko="가장 가까운 매장까지의 거리(km)",
            lookbacks=EVER,
        ),
    ),
)
