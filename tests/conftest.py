"""Fixtures that tests of several modules share."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
from small_forests import limit


@pytest.fixture(scope="module")
def small_forests() -> Iterator[None]:
    """Few trees: for what does not depend on how good they are."""
    with pytest.MonkeyPatch.context() as patch:
        limit(patch)
        yield
