"""What the customer brought so far: the same money that the value target adds up, before the cutoff."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from cxml import value
from cxml.features.declare import EVER, Derived, Factor, Feature, total
from cxml.sections import ValueSource

PURCHASES = "orders"
"""The table whose rows are purchases: what customers decide on anew each time."""
MEAN_SPEND = "purchase_value"
"""The money of a purchase of the customer so far, the first included."""


def worth(sources: Sequence[ValueSource], present: Mapping[str, frozenset[str]]) -> Factor:
    """The factor for the value sources of a config; ``value_<w>d`` is their sum.

    ``purchase_value`` is all that orders brought so far, credit notes deducted, over the purchases: beside the
    ``frequency``, ``recency`` and ``T`` of :mod:`cxml.features.behaviour` it is what models of purchases take.
    """
    features, parts, bought = [], [], []
    for source in sources:
        stem = f"earned_{source.table}_{source.column}"
        money = value.amount(source, present.get(source.table, frozenset()))
        features.append(
            Feature(
                stem,
                source.table,
                total(money),
                "money",
                "A8",
                "-",
                f"earned from {source.table}",
                f"{source.table} 수익",
            )
        )
        parts.append(f"coalesce(cast({stem}_{{w}}d as double), 0e0)")
        if source.table == PURCHASES:
            features.append(
                Feature(
                    f"{stem}_ever", source.table, total(money), "money", "A8", "-",
                    f"earned from {source.table} in all", f"{source.table} 누적 수익", EVER,
                )
            )  # fmt: skip
            bought.append(f"coalesce(cast({stem}_ever as double), 0e0)")
    derived = []
    if parts:
        derived.append(Derived("value", " + ".join(parts), "money", "A8", "-", "margin earned", "발생 수익"))
    if bought:
        derived.append(
            Derived(
                MEAN_SPEND, f"({' + '.join(bought)}) / nullif(frequency + 1, 0)", "money", "A8", "-",
                "average margin of a purchase", "구매 1회당 평균 수익",
            )
        )  # fmt: skip
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
