"""The public names and where they live; ``lazy_loader`` reads this file when the package is imported."""

from .cutoffs import usable_cutoffs as usable_cutoffs
from .handle import Snapshots as Snapshots
from .population import take as take
from .splits import (
    TimeGapSplit as TimeGapSplit,
    plan_splits as plan_splits,
)
