"""Whom to contact, whom to leave alone, and what a campaign brought."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
