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
            "charge_contact_at",
            "charges",
            "interactions",
            "t",
            "first after",
            7,
            f"topic like 'billing%' and {INBOUND}",
        ),
    ),
    flags=(
        # The median of three is the larger of their two smaller sides: no engine needs to sort.
        Flag(
            "usual_charge",
            "charges",
            f"case when kind is not null and t - lag(t, 3) {_BEFORE} <= {180 * DAY}"
            f" and {_FIRST} is not null and {_SECOND} is not null and {_THIRD} is not null"
            f" then greatest(least({_FIRST}, {_SECOND}), least(greatest({_FIRST}, {_SECOND}), {_THIRD})) end",
            reach=180,
        ),
        Flag(
            "over_usual",
            "charges",
            "case when usual_charge > 0"
            " then cast(amount as double) / nullif(cast(usual_charge as double), 0) end",
            reach=180,
        ),
        Flag("over_expected", "charges", "amount > expected_amount"),
        Flag("fee_unannounced", "charges", f"{_FEE} and not credit_note and coalesce(notified_at > t, true)"),
        # Judged when the seven days are over, whatever came of it.
        Flag(
            "charge_asked_about",
            "charges",
            f"case when not credit_note and age > {7 * DAY} then charge_contact_at is not null end",
        ),
    ),
    features=(
        Feature(
            name="charges_unexpected_n",
            table="charges",
            sql=count("over_expected"),
            unit="count",
            row="D10",
            direction="+",
            en="charges above what could be expected",
            ko="예상 금액을 넘은 청구 건수",
            lookbacks=(90, 365),
            empty=0,
        ),
        Feature(
            name="charges_unexpected_share",
            table="charges",
            sql=share("over_expected", of="not credit_note"),
            unit="share",
            row="D10",
            direction="+",
            en="share of charges above what could be expected",
            ko="예상 금액을 넘은 청구 비율",
            lookbacks=(365,),
        ),
        Feature(
            name="charge_excess",
            table="charges",
            sql=f"cast(sum(case when over_expected then {wide('amount')} - expected_amount"
            " when not over_expected then 0 end) as double)"
            " / nullif(cast(sum(case when amount is not null then expected_amount end) as double), 0)",
            unit="share",
            row="D10",
            direction="+",
            en="money charged on top of what could be expected, as a share of it",
            ko="예상 금액 대비 초과 청구 비율",
            lookbacks=(90, 365),
        ),
        Feature(
            name="charge_over_usual_max",
            table="charges",
            sql=worst("over_usual"),
            unit="times",
            row="D10",
            direction="+",
            en="largest charge over the customer's usual one",
            ko="평소 대비 최대 청구 금액",
            lookbacks=(90, 365),
        ),
        Feature(
            name="charge_over_usual_last",
            table="charges",
            sql=latest("over_usual"),
            unit="times",
            row="D10 J3",
            direction="+",
            en="last charge over the customer's usual one",
            ko="평소 대비 마지막 청구 금액",
            lookbacks=(90,),
        ),
        Feature(
            name="charge_jumps_n",
            table="charges",
            sql=count("over_usual > 1.5e0"),
            unit="count",
            row="D10 C8",
            direction="+",
            en="charges more than half above the customer's usual one",
            ko="평소보다 50% 넘게 늘어난 청구 건수",
            lookbacks=(365,),
            empty=0,
        ),
        Feature(
            name="fees_unannounced_n",
            table="charges",
            sql=count("fee_unannounced"),
            unit="count",
            row="D10",
            direction="+",
            en="fees charged without notice",
            ko="사전 안내 없이 청구된 수수료 건수",
            lookbacks=(90, 365),
            empty=0,
        ),
        Feature(
            name="fee_share",
            table="charges",
            sql=f"cast(sum(case when {_FEE} then amount when kind is not null then 0 end) as double)"
            " / nullif(cast(sum(case when kind is not null then amount end) as double), 0)",
            unit="share",
            row="D10",
            direction="+",
            en="fees as a share of all that was charged",
            ko="전체 청구 금액 대비 수수료 비율",
            lookbacks=(365,),
        ),
        Feature(
            name="disputes_n",
            table="charges",
            sql=count("disputed_at is not null"),
            unit="count",
            row="D10",
            direction="+",
            en="charges that the customer disputed",
            ko="청구 이의 건수",
            lookbacks=(90, 365),
            empty=0,
        ),
        Feature(
            name="disputed_share",
            table="charges",
            sql=share("disputed_at is not null", of="not credit_note"),
            unit="share",
            row="D10",
            direction="+",
            en="share of charges that the customer disputed",
            ko="청구 이의 비율",
            lookbacks=(365,),
        ),
        Feature(
            name="dispute_days_since",
            table="charges",
            sql=days_from("disputed_at"),
            unit="d",
            row="D10 C8",
            direction="-",
            en="days since the last dispute",
            ko="마지막 청구 이의 후 경과 일수",
            lookbacks=(365,),
        ),
        Feature(
            name="charge_contact_share",
            table="charges",
            sql=share("charge_asked_about"),
            unit="share",
            row="D10",
            direction="+",
            en="share of charges the customer asked about within 7 days",
            ko="7일 이내 청구 문의 비율",
            lookbacks=(365,),
        ),
    ),
)
