"""Why customers leave: contributions of features, factors, reasons, and what stands behind them."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
