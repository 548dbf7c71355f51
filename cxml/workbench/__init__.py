"""The label workbench: what leaving could mean here, how often it happens, and when it is known."""

from cxml.workbench.findings import Horizon, Suggestion, Workbench
from cxml.workbench.recipe import workbench

__all__ = ["Horizon", "Suggestion", "Workbench", "workbench"]
