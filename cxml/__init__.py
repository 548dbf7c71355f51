"""cxml: churn and customer value from service events.

From the tables of a help desk, a shop and a billing system to the experience that drives leaving,
what it costs and whom to call. Importing the package loads nothing heavy; each part loads its
libraries when it is used.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
