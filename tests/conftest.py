"""Fixtures that tests of several modules share."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

HERE = Path(__file__).parent
pytest.register_assert_rewrite(
    "at_cutoffs", "clerk", "company", "gathered", "oracle", "small_drivers", "small_history"
)
sys.path[:0] = [str(HERE), str(HERE / "oracles")]
from small_forests import limit  # noqa: E402  (found on the path just set)


@pytest.fixture(scope="module")
def small_forests() -> Iterator[None]:
    """Few trees: for what does not depend on how good they are."""
    with pytest.MonkeyPatch.context() as patch:
        limit(patch)
        yield
