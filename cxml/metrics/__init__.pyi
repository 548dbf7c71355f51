"""The public names and where they live; ``lazy_loader`` reads this file when the package is imported."""

from .forecasts import (
    calibration_table as calibration_table,
)
from .forecasts import (
    churn_metrics as churn_metrics,
)
from .forecasts import (
    decile_table as decile_table,
)
from .forecasts import (
    lift_table as lift_table,
)
from .forecasts import (
    value_metrics as value_metrics,
)
from .profit import (
    empc as empc,
)
from .profit import (
    gain_curve as gain_curve,
)
from .profit import (
    lift_curve as lift_curve,
)
from .profit import (
    maximum_profit as maximum_profit,
)
from .profit import (
    profit_curve as profit_curve,
)
from .survival import (
    brier_score as brier_score,
)
from .survival import (
    concordance as concordance,
)
from .survival import (
    integrated_brier_score as integrated_brier_score,
)
from .survival import (
    kaplan_meier as kaplan_meier,
)
from .survival import (
    time_dependent_auc as time_dependent_auc,
)
