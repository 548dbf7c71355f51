"""What the customer brought so far: the same money that the value target adds up, before the cutoff."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from cxml.config import value
from cxml.config.sections import ValueSource
from cxml.contracts.purchases import ORDERS, RETURNS
from cxml.factors.declare import EVER, Derived, Factor, Feature, total

OF_PURCHASES = (ORDERS, RETURNS)
"""The tables whose money is that of purchases, which customers decide on anew each time: given, and given back."""
MEAN_SPEND = "purchase_value"
"""The money of a purchase of the customer so far, the first included."""


def worth(sources: Sequence[ValueSource], present: Mapping[str, frozenset[str]]) -> Factor:
    """The factor for the value sources of a config; ``value_<w>d`` is their sum.

    ``purchase_value`` is all that orders brought so far, credit notes and refunds deducted, over the purchases: beside the
    ``frequency``, ``recency`` and ``T`` of :mod:`cxml.factors.behaviour` it is what models of purchases take.
    """
    features, parts, bought = [], [], []
    for source in sources:
        stem = f"earned_{source.table}_{source.column}"
        money = value.amount(source, present.get(source.table, frozenset()))
        back = source.table == RETURNS
        en, ko = (
            ("given back by returns", "반품 환불")
            if back
            else (f"earned from {source.table}", f"{source.table} 수익")
        )
        features.append(
            Feature(
                name=stem,
                table=source.table,
                sql=total(money),
                unit="money",
                row="A8",
                direction="-",
                en=en,
                ko=f"{ko} 금액" if back else ko,
            )
        )
        parts.append(f"coalesce(cast({stem}_{{w}}d as double), 0e0)")
        if source.table in OF_PURCHASES:
            features.append(
                Feature(
                    name=f"{stem}_ever",
                    table=source.table,
                    sql=total(money),
                    unit="money",
                    row="A8",
                    direction="-",
                    en=f"{en} in all",
                    ko="반품 누적 환불 금액" if back else f"{source.table} 누적 수익",
                    lookbacks=EVER,
                )
            )
            bought.append(f"coalesce(cast({stem}_ever as double), 0e0)")
    derived = []
    if parts:
        derived.append(
            Derived(
                name="value",
                sql=" + ".join(parts),
                unit="money",
                row="A8",
                direction="-",
                en="margin earned",
                ko="발생 수익",
            )
        )
    if bought:
        derived.append(
            Derived(
                name=MEAN_SPEND,
                sql=f"({' + '.join(bought)}) / nullif(frequency + 1, 0)",
                unit="money",
                row="A8",
                direction="-",
                en="average margin of a purchase",
                ko="구매 1회당 평균 수익",
            )
        )
    return Factor(
        name="worth",
        en="What the customer brought so far",
        ko="지금까지의 고객 가치",
        kind="context",
        family="other",
        tier=0,
        says="Margin earned from the customer before the cutoff, undiscounted.",
        features=tuple(features),
        derived=tuple(derived),
    )
