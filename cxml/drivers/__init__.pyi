"""The public names and where they live; ``lazy_loader`` reads this file when the package is imported."""

from .contributions import (
    effect as effect,
)
from .contributions import (
    features as features,
)
from .contributions import (
    other_reason as other_reason,
)
from .contributions import (
    reasons as reasons,
)
from .contributions import (
    summary as summary,
)
from .evidence import ranks as ranks
from .hits import (
    Usual as Usual,
)
from .hits import (
    amounts as amounts,
)
from .hits import (
    backwards as backwards,
)
from .hits import (
    hit_factors as hit_factors,
)
