"""The public names and where they live; ``lazy_loader`` reads this file when the package is imported."""

from .company import (
    FeaturePlan as FeaturePlan,
    plan_features as plan_features,
)
from .coverage import coverage_of as coverage_of
from .matrix import build_features as build_features
