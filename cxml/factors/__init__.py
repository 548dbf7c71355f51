"""Experience factors: the words to declare them in, and those that come with cxml."""

from cxml.factors.catalogue import FACTORS, feature_rows, labels
from cxml.factors.declare import EVER, LOOKBACKS, STANDARD, Derived, Factor, Feature, Flag

__all__ = [
    "EVER",
    "FACTORS",
    "LOOKBACKS",
    "STANDARD",
    "Derived",
    "Factor",
    "Feature",
    "Flag",
    "feature_rows",
    "labels",
]
