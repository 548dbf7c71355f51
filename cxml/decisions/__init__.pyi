"""The public names and where they live; ``lazy_loader`` reads this file when the package is imported."""

from .call_plan import (
    call_plan as call_plan,
    expected_profit as expected_profit,
    holdout_flag as holdout_flag,
    list_order as list_order,
)
from .campaign_result import judge_campaign as judge_campaign
from .uplift import (
    learn_uplift as learn_uplift,
    qini as qini,
)
