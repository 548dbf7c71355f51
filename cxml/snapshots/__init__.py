"""What was known at a cutoff, who was a customer then, and which cutoffs train and test."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
