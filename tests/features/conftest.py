"""Lets the tests of this folder write ``from oracle import ...``, alone, together and in parallel."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

pytest.register_assert_rewrite("oracle")
sys.path.insert(0, str(Path(__file__).parent))
