"""The public names and where they live; ``lazy_loader`` reads this file when the package is imported."""

from .forecasts import (
    calibration_table as calibration_table,
    churn_metrics as churn_metrics,
    decile_table as decile_table,
    lift_table as lift_table,
    value_metrics as value_metrics,
)
from .profit import (
    empc as empc,
    gain_curve as gain_curve,
    lift_curve as lift_curve,
    maximum_profit as maximum_profit,
    profit_curve as profit_curve,
)
from .survival import (
    brier_score as brier_score,
    censoring_curve as censoring_curve,
    concordance as concordance,
    integrated_brier_score as integrated_brier_score,
    kaplan_meier as kaplan_meier,
    time_dependent_auc as time_dependent_auc,
)
