"""How long work tells of itself."""

from collections.abc import Callable

Tell = Callable[[str], None]
"""Takes a sentence for people."""
Progress = Callable[[int, int], None]
"""Takes how much is done, and of how much."""
