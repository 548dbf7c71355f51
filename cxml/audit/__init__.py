"""The leak probe: whether anything knows at a cutoff what was only known later."""

from cxml.audit.all_probes import CUSTOMERS, audit
from cxml.audit.findings import Audit, Finding, Probe
from cxml.audit.page import as_json, as_markdown

__all__ = ["CUSTOMERS", "Audit", "Finding", "Probe", "as_json", "as_markdown", "audit"]
