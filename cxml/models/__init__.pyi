"""The public names and where they live; ``lazy_loader`` reads this file when the package is imported."""

from .baselines import (
    BaseRate as BaseRate,
    BoostedBaseline as BoostedBaseline,
    LogisticBaseline as LogisticBaseline,
    NaiveValue as NaiveValue,
    RecencyRule as RecencyRule,
)
from .bundle import Bundle as Bundle
from .churn import ChurnClassifier as ChurnClassifier
from .purchase_counts import (
    BgNbd as BgNbd,
    ParetoNbd as ParetoNbd,
)
from .purchase_spend import GammaGamma as GammaGamma
from .spend_forecast import SpendForecast as SpendForecast
from .survival import SurvivalClassifier as SurvivalClassifier
from .value import ValueRegressor as ValueRegressor
