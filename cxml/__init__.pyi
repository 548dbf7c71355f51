"""The public names and where they live; ``lazy_loader`` reads this file when the package is imported."""

from . import (
    causes as causes,
)
from . import (
    decisions as decisions,
)
from . import (
    drivers as drivers,
)
from . import (
    factors as factors,
)
from . import (
    features as features,
)
from . import (
    jobs as jobs,
)
from . import (
    metrics as metrics,
)
from . import (
    models as models,
)
from . import (
    plots as plots,
)
from . import (
    snapshots as snapshots,
)
from .config.load import (
    Config as Config,
)
from .config.load import (
    load_config as load_config,
)
from .errors import CxmlError as CxmlError
from .factors import (
    FACTORS as FACTORS,
)
from .factors import (
    Factor as Factor,
)
from .factors import (
    Feature as Feature,
)
from .models import (
    Bundle as Bundle,
)
from .models import (
    ChurnClassifier as ChurnClassifier,
)
from .models import (
    SpendForecast as SpendForecast,
)
from .models import (
    SurvivalClassifier as SurvivalClassifier,
)
from .models import (
    ValueRegressor as ValueRegressor,
)
from .snapshots import TimeGapSplit as TimeGapSplit
from .tables.check import check_tables as check_tables
from .tables.opening import (
    Tables as Tables,
)
from .tables.opening import (
    open_tables as open_tables,
)
from .training.dataset import (
    TrainingSet as TrainingSet,
)
from .training.dataset import (
    assemble as assemble,
)
from .version import __version__ as __version__
