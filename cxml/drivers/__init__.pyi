"""The public names and where they live; ``lazy_loader`` reads this file when the package is imported."""

from .contributions import (
    effect as effect,
    features as features,
    summary as summary,
)
from .evidence import ranks as ranks
from .hits import (
    Usual as Usual,
    amounts as amounts,
    backwards as backwards,
    hit_factors as hit_factors,
)
from .shap_check import by_shap as by_shap
from .spoken_reasons import other_reason as other_reason, reasons as reasons
