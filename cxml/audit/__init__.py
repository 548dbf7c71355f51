"""The leak probe: whether anything knows at a cutoff what was only known later."""

from cxml.audit.findings import Audit, Finding, Probe
from cxml.audit.page import as_json, as_markdown
from cxml.audit.recipe import CUSTOMERS, audit

__all__ = ["CUSTOMERS", "Audit", "Finding", "Probe", "as_json", "as_markdown", "audit"]
