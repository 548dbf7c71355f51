"""The public names and where they live; ``lazy_loader`` reads this file when the package is imported."""

from .cliff_table import cliffs as cliffs
from .factor_badges import find as find
from .improvements import what_if as what_if
