"""What the customer brought so far: the same money that the value target adds up, before the cutoff."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from cxml import value
from cxml.features.declare import Derived, Factor, Feature, total
from cxml.sections import ValueSource


def worth(sources: Sequence[ValueSource], present: Mapping[str, frozenset[str]]) -> Factor:
    """The factor for the value sources of a config; ``value_<w>d`` is their sum."""
    features, parts = [], []
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
    return Factor(
        name="worth",
        en="What the customer brought so far",
        ko="지금까지의 고객 가치",
        kind="context",
        family="other",
        tier=0,
        says="Margin earned from the customer before the cutoff, undiscounted.",
        features=tuple(features),
        derived=(
            Derived("value", " + ".join(parts), "money", "A8", "-", "margin earned", "발생 수익"),
        ) if parts else (),
    )  # fmt: skip
