"""Experience factors: the words to declare them in, and those that come with cxml."""

from cxml.features.catalogue import FACTORS, catalogue, labels
from cxml.features.declare import EVER, LOOKBACKS, STANDARD, Derived, Factor, Feature, Flag
from cxml.features.validate import validate

__all__ = [
    "EVER", "FACTORS", "LOOKBACKS", "STANDARD", "Derived", "Factor", "Feature", "Flag", "catalogue", "labels",
    "validate",
]  # fmt: skip
