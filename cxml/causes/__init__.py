"""Is a driver a cause of leaving: estimates with their checks, promise cliffs, and what if."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
