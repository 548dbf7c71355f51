"""Digital: errors, dead ends and payments that fail, on the web and in the app, and carts left behind.

A cart is a visit with something in the cart. An open question is a contact of the last seven days
whose problem was not solved when the visit began.
"""

from __future__ import annotations

from cxml.factors.declare import (
    Factor,
    Feature,
    Flag,
    Match,
    Treatment,
    count,
    days_since,
    mean,
    share,
    total,
)
from cxml.factors.product import CLOSED, INBOUND, WHO_BEGAN

_MOBILE, _DESKTOP = "device like 'mobile%'", "device like 'desktop%'"

DIGITAL = Factor(
    name="digital",
    en="Digital friction",
    ko="디지털 이용 불편",
    kind="lever",
    family="product",
    tier=3,
    treatment=Treatment("error_share"),
    optional=WHO_BEGAN,
    says="What goes wrong on the web and in the app, on small screens above all, and the carts it costs.",
    matches=(
        Match("cart_order_at", "sessions", "orders", "t", "first after", 1, "not credit_note"),
        Match(
            "question_at", "sessions", "interactions", "t", "last before", 7,
            f"{INBOUND} and (closed_at is null or closed_at > own_t)",
        ),
    ),
    flags=(
        CLOSED,
        Flag("cart_left", "sessions", "case when cart_value > 0 then not ordered end"),
        # Judged when the day is over, whatever came of it.
        Flag(
            "cart_lost", "sessions",
            "case when cart_value > 0 and age > 86400"
            " then not coalesce(ordered, false) and cart_order_at is null end",
        ),
        Flag("cart_regained", "sessions", "case when cart_left and age > 86400 then cart_order_at is not null end"),
        Flag(
            "in_trouble", "sessions",
            "coalesce(errors > 0, false) or coalesce(rage_clicks > 0, false)"
            " or coalesce(payment_failures > 0, false)",
        ),
    ),
    features=(
        Feature(
            "error_share", "sessions", share("errors > 0"), "share", "D25 B14", "+",
            "share of visits with an error", "오류가 있었던 방문 비율", (30, 90, 365),
        ),
        Feature(
            "app_error_share", "sessions", share("errors > 0", of="kind = 'app'"), "share", "G35 D25", "+",
            "share of visits by app with an error", "오류가 있었던 앱 방문 비율", (90,),
        ),
        Feature(
            "mobile_error_share", "sessions", share("errors > 0", of=_MOBILE), "share", "C14 D24 B18", "+",
            "share of visits on a mobile device with an error", "오류가 있었던 모바일 방문 비율", (90, 365),
        ),
        Feature(
            "mobile_error_gap", "sessions",
            f"{share('errors > 0', of=_MOBILE)} - {share('errors > 0', of=_DESKTOP)}", "score", "C14 D24",
            "+", "share of visits with an error, mobile less desktop",
            "모바일과 데스크톱의 오류 방문 비율 차이", (365,),
        ),
        Feature(
            "mobile_order_gap", "sessions",
            f"{share('ordered', of=_MOBILE)} - {share('ordered', of=_DESKTOP)}", "score", "C14", "-",
            "share of visits that end in an order, mobile less desktop",
            "모바일과 데스크톱의 주문 전환율 차이", (365,),
        ),
        Feature(
            "rage_share", "sessions", share("rage_clicks > 0"), "share", "D25", "+",
            "share of visits with angry clicking", "연속 클릭이 있었던 방문 비율", (90, 365),
        ),
        Feature(
            "checkout_steps_mean", "sessions", mean("checkout_steps", "checkout_steps > 0"), "count", "D26",
            "+", "average steps in the checkout", "결제 과정의 평균 단계 수", (90,),
        ),
        Feature(
            "payment_failures_n", "sessions", total("payment_failures"), "count", "D26", "+",
            "payments that failed", "결제 실패 건수", (90,), empty=0,
        ),
        Feature(
            "payment_failure_share", "sessions", share("payment_failures > 0", of="checkout_steps > 0"),
            "share", "D26", "+", "share of checkouts with a payment that failed", "결제 실패가 있었던 결제 비율",
            (365,),
        ),
        Feature(
            "digital_trouble_days_since", "sessions", days_since("in_trouble"), "d", "D25 C8", "-",
            "days since the last visit with an error, angry clicking or a failed payment",
            "오류·연속 클릭·결제 실패가 있었던 마지막 방문 후 경과 일수", (365,),
        ),
        Feature(
            "cart_left_share", "sessions", share("cart_left"), "share", "A9", "+",
            "share of carts left without an order", "장바구니 이탈 비율", (30, 90),
        ),
        Feature(
            "cart_lost_share", "sessions", share("cart_lost"), "share", "A9", "+",
            "share of carts without an order within 24 hours", "24시간 이내 주문이 없는 장바구니 비율", (90,),
        ),
        Feature(
            "cart_regained_share", "sessions", share("cart_regained"), "share", "A9", "-",
            "share of carts left but followed by an order within 24 hours",
            "이탈 후 24시간 이내 주문으로 이어진 장바구니 비율", (365,),
        ),
        Feature(
            "cart_left_question_n", "sessions", count("cart_left and question_at is not null"), "count",
            "C7 A9", "+", "carts left with an open question of the last 7 days",
            "미해결 문의(7일 이내)가 있는 상태의 장바구니 이탈 건수", (90, 365), empty=0,
        ),
        Feature(
            "one_click_share", "orders", share("one_click", of="not credit_note"), "share", "G10 G26", "-",
            "share of orders from a saved profile", "저장된 정보로 주문한 비율", (365,),
        ),
        Feature(
            "booked_share", "sessions", share("booked"), "share", "G29", "-",
            "share of visits on which a trial or appointment was booked", "체험·상담을 예약한 방문 비율", (365,),
        ),
    ),
)  # fmt: skip
