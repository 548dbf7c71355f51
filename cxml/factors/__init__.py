"""Experience factors: the words to declare one in, and those that come with cxml.

>>> from cxml.factors import Factor, Feature, share
>>> share("abandoned")
'avg(case when (abandoned) then 1e0 when not (abandoned) then 0e0 end)'
"""

from cxml.factors.catalogue import FACTORS, feature_rows, labels
from cxml.factors.declare import (
    EVER,
    LOOKBACKS,
    STANDARD,
    Derived,
    Factor,
    Feature,
    Flag,
    Lookup,
    Match,
    Norm,
    Treatment,
    count,
    current,
    days_from,
    days_since,
    faded,
    latest,
    mean,
    quantile,
    share,
    so_far,
    total,
    worst,
)

__all__ = [
    "EVER",
    "FACTORS",
    "LOOKBACKS",
    "STANDARD",
    "Derived",
    "Factor",
    "Feature",
    "Flag",
    "Lookup",
    "Match",
    "Norm",
    "Treatment",
    "count",
    "current",
    "days_from",
    "days_since",
    "faded",
    "feature_rows",
    "labels",
    "latest",
    "mean",
    "quantile",
    "share",
    "so_far",
    "total",
    "worst",
]
