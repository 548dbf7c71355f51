"""cxml: churn and customer value from service events.

From the tables of a help desk, a shop and a billing system to the experience that drives leaving,
what it costs and whom to call. Importing the package loads nothing heavy; each part loads its
libraries when it is used.
"""

from cxml.version import __version__

__all__ = ["__version__"]
