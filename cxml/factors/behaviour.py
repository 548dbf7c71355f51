"""Behaviour and plan: what the customer buys, uses and pays. It predicts; nobody can make it good.

``frequency``, ``recency``, ``T`` and ``monetary_value`` are those of the customer-base literature
(Fader, Hardie and Lee 2005): purchases of one day (in the zone
of the project) are one purchase, and the first is not a repeat. What a purchase is says :mod:`cxml.purchases`.
"""

from __future__ import annotations

from cxml.factors.declare import (
    DAY,
    EVER,
    Derived,
    Factor,
    Feature,
    Flag,
    Match,
    count,
    current,
    days_from,
    days_since,
    latest,
    mean,
    share,
    total,
)
from cxml.factors.price import LIST_PRICE
from cxml.factors.resolution import RESOLUTION

_DAY = f"floor(wall / {DAY}e0)"
_EARLIER = "rows between unbounded preceding and 1 preceding"
_BOUGHT_BEFORE = f"max(case when purchase then t end) over (partition by who order by t, pos {_EARLIER})"
_BOUGHT_SUCH = (
    f"max(case when purchase then t end) over (partition by who, category order by t, pos {_EARLIER})"
)
_REPEAT = "repeat_day and day_spend > 0 and kept"

# Whole hours, so that sums of squares are exact and do not depend on the order of the rows.
_N = "cast(count(order_gap_h) as double)"
_SUM = "cast(sum(order_gap_h) as double)"
_SQUARES = "cast(sum(order_gap_h * order_gap_h) as double)"

BEHAVIOUR = Factor(
    name="behaviour",
    en="Behaviour and plan",
    ko="이용 행태와 요금제",
    kind="context",
    family="other",
    tier=0,
    says="Purchases, usage, contract and tenure: not a service factor.",
    flags=(
        Flag(
            "repeat_day", "orders",
            f"{_DAY} > min(case when purchase then {_DAY} end) over (partition by who order by t, pos)",
        ),
        Flag(
            "order_gap_h", "orders",
            f"case when purchase then cast(floor((t - {_BOUGHT_BEFORE}) / 3600e0) as bigint) end",
        ),
        Flag(
            "price_change", "subscriptions",
            "cast(price as double)"
            " / nullif(cast(lag(price) over (partition by who order by t, pos) as double), 0) - 1",
        ),
        Flag(
            "upgrade", "subscriptions",
            "price_change > 0 and plan <> lag(plan) over (partition by who order by t, pos)",
        ),
        Flag(
            "new_category", "orders",
            f"purchase and category is not null and coalesce(t - {_BOUGHT_SUCH} > 31536000, true)",
            reach=365,
        ),
        *(flag for flag in RESOLUTION.flags if flag.name in ("next_of_issue", "stands")),
        # Judged when the thirty days are over, whatever came of it.
        Flag(
            "ordered_after_fix", "interactions",
            f"case when stands and resolved_after <= {90 * DAY} and c - resolved_at > {30 * DAY}"
            f" then coalesce(next_order_at - resolved_at <= {30 * DAY}, false) end",
        ),
    ),
    matches=(
        Match("next_order_at", "interactions", "orders", "t", "first after", 120, "purchase"),
        Match("joined_after_visit_at", "sessions", "customers", "t", "first after", 90),
    ),
    features=(
        Feature(
            "frequency", "orders", f"nullif(count(distinct case when purchase then {_DAY} end), 0) - 1", "count",
            "A13 A7", "-", "repeat purchases", "재구매 횟수", EVER,
        ),
        Feature(
            "recency", "orders",
            f"(max(case when purchase then t end) - min(case when purchase then t end)) / {DAY}e0", "d", "A13", "-",
            "days between first and last purchase", "첫 구매부터 마지막 구매까지의 일수", EVER,
        ),
        Feature(
            "T", "orders", f"max(case when purchase then age end) / {DAY}e0", "d", "A13 J1", "-",
            "days since the first purchase", "첫 구매 후 경과 일수", EVER,
        ),
        Feature(
            "monetary_value", "orders",
            f"cast(sum(case when {_REPEAT} then revenue end) as double)"
            f" / nullif(count(distinct case when {_REPEAT} and revenue is not null then {_DAY} end), 0)",
            "money", "A8", "-", "average spend of a repeat purchase", "재구매 1회당 평균 구매 금액", EVER,
        ),
        Feature(
            "orders_n", "orders", count("purchase"), "count", "A7 A13", "-", "purchases", "구매 건수", empty=0,
        ),
        Feature(
            "order_days_since", "orders", days_since("purchase"), "d", "A7", "+", "days since the last purchase",
            "마지막 구매 후 경과 일수", EVER,
        ),
        Feature(
            "order_gap_cv", "orders",
            f"sqrt(greatest({_N} * {_SQUARES} - {_SUM} * {_SUM}, 0) / nullif({_N} * ({_N} - 1), 0))"
            f" / nullif({_SUM} / {_N}, 0)",
            "ratio", "J12", "+", "irregularity of the time between purchases (sd over mean)",
            "구매 간격의 불규칙성(표준편차÷평균)", EVER,
        ),
        Feature(
            "margin_sum", "orders", total("margin", "kept"), "money", "A8", "-", "margin of orders",
            "주문 마진 합계",
            (90, 365),
        ),
        Feature(
            "discount_share", "orders",
            f"cast({total('discount', 'purchase and revenue is not null')} as double)"
            f" / nullif(cast({total(LIST_PRICE, 'purchase')} as double), 0)",
            "share", "K5", "±", "share of the list price taken off", "할인율", (365,),
        ),
        Feature(
            "categories_n", "orders", "count(distinct case when purchase then category end)", "count", "A15 K7",
            "-", "categories bought",
            "구매한 상품군 수", (365,), empty=0,
        ),
        Feature(
            "new_categories_n", "orders", count("new_category"), "count", "A15", "-",
            "categories bought for the first time within a year", "1년 안에 처음 구매한 상품군 수", (365,), empty=0,
        ),
        Feature(
            "mobile_order_share", "orders", share("device = 'mobile'", of="purchase"), "share", "B18", "±",
            "share of purchases from a mobile device", "모바일 구매 비율", (365,),
        ),
        Feature(
            "standing_order_share", "orders", share("recurring", of="purchase"), "share", "A13 J12 K4", "-",
            "share of purchases placed by a standing order", "정기 주문 구매 비율", (365,),
        ),
        Feature(
            "order_after_fix_share", "interactions", share("ordered_after_fix"), "share", "A11 A7", "-",
            "share of issues, resolved within 90 days, after which the next purchase came by 30 days from"
            " the resolution",
            "해결 후 30일 이내 다음 구매로 이어진 비율", (365,),
        ),
        Feature(
            "offer_accepted_share", "messages", share("accepted_at is not null", of="purpose = 'offer'"), "share",
            "A15", "-", "share of offers accepted", "제안 수락률", (365,),
        ),
        Feature(
            "cancelled_orders_n", "orders", count("cancelled_at is not null"), "count", "K4", "+",
            "cancelled orders", "주문 취소 건수", (180,), empty=0,
        ),
        Feature(
            "subscription_tenure_d", "subscriptions", f"max(age) / {DAY}e0", "d", "A13 J8", "-",
            "days since the first contract", "첫 계약 후 경과 일수", EVER,
        ),
        Feature(
            "contract_age_d", "subscriptions", f"coalesce({days_since('runs')}, {days_since()})", "d", "A13", "±",
            "days since the current contract began", "현재 계약 경과 일수", EVER,
        ),
        Feature(
            "contracts_n", "subscriptions", count(), "count", "J12", "±", "contracts so far",
            "누적 계약 건수", EVER, empty=0,
        ),
        Feature("plan", "subscriptions", current("plan"), "text", "J12", "±", "plan", "요금제", EVER),
        Feature(
            "price", "subscriptions", current("price"), "money", "K5", "±", "monthly price", "월 요금", EVER,
        ),
        Feature(
            "price_change", "subscriptions", current("price_change"), "share", "K5", "+",
            "change of price from the contract before", "이전 계약 대비 요금 변동률", EVER,
        ),
        Feature(
            "upgrades_n", "subscriptions", count("upgrade"), "count", "A15", "-",
            "changes to another plan at a higher price", "더 높은 요금제로 변경한 횟수", EVER, empty=0,
        ),
        Feature(
            "auto_renew", "subscriptions",
            current("case when auto_renew then 1 when not auto_renew then 0 end"), "flag", "J12", "-",
            "renews by itself", "자동 갱신 여부", EVER,
        ),
        Feature(
            "charge_mean", "charges", mean("amount", "not credit_note"), "money", "K5", "±", "average charge",
            "평균 청구 금액", (90,),
        ),
        Feature(
            "charge_days_since", "charges", days_since("not credit_note"), "d", "A13", "±", "days since the last charge",
            "마지막 청구 후 경과 일수", (365,),
        ),
        Feature(
            "sessions_n", "sessions", count(), "count", "B14", "-", "digital and store visits",
            "디지털·매장 방문 횟수", (30, 90, 180), empty=0,
        ),
        Feature(
            "portal_sessions_n", "sessions", count("kind = 'portal'"), "count", "B20 C12", "-",
            "visits to the service portal", "서비스 포털 이용 횟수", (90,), empty=0,
        ),
        Feature(
            "session_days_since", "sessions", days_since(), "d", "B14", "+", "days since the last visit",
            "마지막 방문 후 경과 일수", (365,),
        ),
        Feature(
            "visits_before_joining_n", "sessions", count("joined_after_visit_at is not null"), "count", "J5 J1",
            "±", "digital and store visits in the 90 days before joining", "가입 전 90일 이내 디지털·매장 방문 횟수",
            (365,), empty=0,
        ),
        Feature(
            "customer_tenure_d", "customers", f"max(age) / {DAY}e0", "d", "A13 J1 J8", "-",
            "days since the customer joined", "가입 후 이용 기간", EVER,
        ),
        Feature(
            "member", "customers", latest("case when member_tier is not null then 1 else 0 end"), "flag", "K10",
            "-", "member of the membership scheme", "멤버십 가입 여부", EVER,
        ),
        Feature(
            "referred", "customers", latest("case when referred_by is not null then 1 else 0 end"), "flag",
            "C21 G42", "-", "came on a recommendation", "지인 추천 가입 여부", EVER,
        ),
        Feature(
            "life_event_days_since", "customers", days_from("life_event_at"), "d", "D37 G44 J11", "±",
            "days since the last life event", "마지막 생활 변화 후 경과 일수", EVER,
        ),
    ),
    derived=(
        Derived(
            "order_overdue", "order_days_since / nullif(recency / nullif(frequency, 0), 0)", "times",
            "J12 A7", "+", "time since the last purchase over the customer's usual gap",
            "평소 구매 간격 대비 마지막 구매 후 경과 시간",
        ),
        Derived(
            "bought_again",
            "case when orders_n_365d > orders_n_180d then case when orders_n_180d > 0 then 1 else 0 end end",
            "flag", "A7", "-", "bought in the last 180 days, having bought in the 185 days before",
            "직전 185일 구매 고객의 최근 180일 재구매 여부",
        ),
        Derived(
            "orders_trend", "(orders_n_{short}d / {short}e0) / nullif(orders_n_{long}d / {long}e0, 0)",
            "times", "A7", "-", "recent rate of purchases over the long-run rate", "장기 대비 최근 구매 빈도",
        ),
    ),
)  # fmt: skip
