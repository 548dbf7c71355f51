"""The public names and where they live; ``lazy_loader`` reads this file when the package is imported."""

from .call_plan import (
    call_plan as call_plan,
)
from .call_plan import (
    expected_profit as expected_profit,
)
from .call_plan import (
    holdout_flag as holdout_flag,
)
from .call_plan import (
    list_order as list_order,
)
from .campaign_result import judge_campaign as judge_campaign
from .uplift import (
    learn_uplift as learn_uplift,
)
from .uplift import (
    qini as qini,
)
