"""From declared factors to a feature matrix as of each cutoff."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
