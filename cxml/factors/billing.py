"""Billing: charges that customers did not expect, were not told of, or dispute.

What is usual for a customer is the median of the three charges of the same kind before, none of them
older than 180 days: one odd bill does not move it.
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
    days_from,
    latest,
    share,
    wide,
    worst,
)
from cxml.factors.product import INBOUND, WHO_BEGAN

# A credit on a bill is no charge, and stands among credits.
_BEFORE = "over (partition by who, kind, credit_note order by t, pos)"
_FIRST, _SECOND, _THIRD = (f"lag(amount, {n}) {_BEFORE}" for n in (1, 2, 3))
_FEE = "kind like 'fee%'"

BILLING = Factor(
    name="billing",
    en="Billing",
    ko="청구",
    kind="lever",
    family="price",
    tier=3,
    treatment=Treatment("charges_unexpected_n"),
    optional=WHO_BEGAN,
    says="Charges above what could be expected or is usual, fees without notice, and disputes.",
    matches=(
        Match(
            "charge_contact_at", "charges", "interactions", "t", "first after", 7,
            f"topic like 'billing%' and {INBOUND}",
        ),
    ),
    flags=(
        # The median of three is the larger of their two smaller sides: no engine needs to sort.
        Flag(
            "usual_charge", "charges",
            f"case when kind is not null and t - lag(t, 3) {_BEFORE} <= {180 * DAY}"
            f" and {_FIRST} is not null and {_SECOND} is not null and {_THIRD} is not null"
            f" then greatest(least({_FIRST}, {_SECOND}), least(greatest({_FIRST}, {_SECOND}), {_THIRD})) end",
            reach=180,
        ),
        Flag(
            "over_usual", "charges",
            "case when usual_charge > 0"
            " then cast(amount as double) / nullif(cast(usual_charge as double), 0) end",
            reach=180,
        ),
        Flag("over_expected", "charges", "amount > expected_amount"),
        Flag("fee_unannounced", "charges", f"{_FEE} and not credit_note and coalesce(notified_at > t, true)"),
        # Judged when the seven days are over, whatever came of it.
        Flag(
            "charge_asked_about", "charges",
            f"case when not credit_note and age > {7 * DAY} then charge_contact_at is not null end",
        ),
    ),
    features=(
        Feature(
            "charges_unexpected_n", "charges", count("over_expected"), "count", "D10", "+",
            "charges above what could be expected", "예상 금액을 넘은 청구 건수", (90, 365), empty=0,
        ),
        Feature(
            "charges_unexpected_share", "charges", share("over_expected", of="not credit_note"), "share", "D10", "+",
            "share of charges above what could be expected", "예상 금액을 넘은 청구 비율", (365,),
        ),
        Feature(
            "charge_excess", "charges",
            f"cast(sum(case when over_expected then {wide('amount')} - expected_amount when not over_expected then 0 end)"
            " as double) / nullif(cast(sum(case when amount is not null then expected_amount end) as double), 0)",
            "share", "D10", "+", "money charged on top of what could be expected, as a share of it",
            "예상 금액 대비 초과 청구 비율", (90, 365),
        ),
        Feature(
            "charge_over_usual_max", "charges", worst("over_usual"), "times", "D10", "+",
            "largest charge over the customer's usual one",
            "평소 대비 최대 청구 금액", (90, 365),
        ),
        Feature(
            "charge_over_usual_last", "charges", latest("over_usual"), "times", "D10 J3", "+",
            "last charge over the customer's usual one",
            "평소 대비 마지막 청구 금액", (90,),
        ),
        Feature(
            "charge_jumps_n", "charges", count("over_usual > 1.5e0"), "count", "D10 C8", "+",
            "charges more than half above the customer's usual one", "평소보다 50% 넘게 늘어난 청구 건수",
            (365,), empty=0,
        ),
        Feature(
            "fees_unannounced_n", "charges", count("fee_unannounced"), "count", "D10", "+",
            "fees charged without notice", "사전 안내 없이 청구된 수수료 건수", (90, 365), empty=0,
        ),
        Feature(
            "fee_share", "charges",
            f"cast(sum(case when {_FEE} then amount when kind is not null then 0 end) as double)"
            " / nullif(cast(sum(case when kind is not null then amount end) as double), 0)",
            "share", "D10", "+", "fees as a share of all that was charged", "전체 청구 금액 대비 수수료 비율", (365,),
        ),
        Feature(
            "disputes_n", "charges", count("disputed_at is not null"), "count", "D10", "+",
            "charges that the customer disputed", "청구 이의 건수", (90, 365), empty=0,
        ),
        Feature(
            "disputed_share", "charges", share("disputed_at is not null", of="not credit_note"), "share", "D10", "+",
            "share of charges that the customer disputed", "청구 이의 비율", (365,),
        ),
        Feature(
            "dispute_days_since", "charges", days_from("disputed_at"), "d", "D10 C8", "-",
            "days since the last dispute", "마지막 청구 이의 후 경과 일수", (365,),
        ),
        Feature(
            "charge_contact_share", "charges", share("charge_asked_about"), "share", "D10", "+",
            "share of charges the customer asked about within 7 days", "7일 이내 청구 문의 비율", (365,),
        ),
    ),
)  # fmt: skip
