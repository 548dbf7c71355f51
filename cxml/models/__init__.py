"""Models of churn, value and time to leave, what they have to beat, and the bundle that stores them."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
