"""Models of churn, value and time to leave, what they have to beat, and the bundle that stores them."""

from cxml.models.baselines import BaseRate, BoostedBaseline, LogisticBaseline, NaiveValue, RecencyRule
from cxml.models.bundle import Bundle
from cxml.models.churn import ChurnClassifier
from cxml.models.spend_forecast import SpendForecast
from cxml.models.survival import SurvivalClassifier
from cxml.models.value import ValueRegressor

__all__ = [
    "BaseRate",
    "BoostedBaseline",
    "Bundle",
    "ChurnClassifier",
    "LogisticBaseline",
    "NaiveValue",
    "RecencyRule",
    "SpendForecast",
    "SurvivalClassifier",
    "ValueRegressor",
]
