"""Makes rows of different tables meet, at distances that lie on a boundary."""

from __future__ import annotations

import company
import pytest
from company import CUTOFFS, DAY


def gather(patch: pytest.MonkeyPatch, *days: int) -> None:
    """Many rows lie at a few instants, or *days* before or after them, to the second.

    The instants are the cutoffs, for what must be so many days old to be judged, and one in every window.
    """
    apart = [sign * d * DAY + s for d in (0, *days) for sign in (1, -1) for s in (-1, 0, 1)]
    instants = (*CUTOFFS, CUTOFFS[0] - 20 * DAY)
    patch.setattr(company, "EDGES", [*company.EDGES, *(i + a for i in instants for a in apart)])
    patch.setattr(company, "STEPS", (*company.STEPS, *(a for a in apart if a > 0)))
