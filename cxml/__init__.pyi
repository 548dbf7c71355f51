"""The public names and where they live; ``lazy_loader`` reads this file when the package is imported."""

from . import (
    causes as causes,
    decisions as decisions,
    drivers as drivers,
    factors as factors,
    features as features,
    jobs as jobs,
    metrics as metrics,
    models as models,
    plots as plots,
    snapshots as snapshots,
)
from .config.load import (
    Config as Config,
    load_config as load_config,
)
from .errors import CxmlError as CxmlError
from .factors import (
    FACTORS as FACTORS,
    Factor as Factor,
    Feature as Feature,
)
from .models import (
    Bundle as Bundle,
    ChurnClassifier as ChurnClassifier,
    SpendForecast as SpendForecast,
    SurvivalClassifier as SurvivalClassifier,
    ValueRegressor as ValueRegressor,
)
from .snapshots import TimeGapSplit as TimeGapSplit
from .tables.check import check_tables as check_tables
from .tables.opening import (
    Tables as Tables,
    open_tables as open_tables,
)
from .training.dataset import (
    TrainingSet as TrainingSet,
    assemble as assemble,
)
from .version import __version__ as __version__
