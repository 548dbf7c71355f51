"""What customers say in public, and whether the company answers: the table ``posts``."""

from __future__ import annotations

import numpy as np

from cxml.simulate.customers import People
from cxml.simulate.luck import Luck, chance
from cxml.simulate.months import HOUR, Months, draw_counts, draw_times
from cxml.simulate.rows import NEVER, FloatArray, Rows, by_time, codes, numbered, take

SITES = ("app_store", "maps", "social.instagram", "forum")
_A_MONTH, _BY_VOICE = 0.13, 0.5
_NEUTRAL, _BY_FEELING, _SPREAD = 0.77, 1.1, 0.45
_ANSWERED_ODDS, _ANSWERED_BY_LUCK = 0.4, -1.7
_HOURS_TO_ANSWER, _SLOWER_BY_LUCK = 7.0, 0.5
_CONTACTED = 0.2
_HOURS = np.array([2, 1, 0.5, 0.3, 0.3, 0.4, 1, 2, 3, 3, 3, 4, 5, 4, 3, 3, 4, 5, 6, 7, 8, 8, 7, 4.0])


def draw_posts(
    rng: np.random.Generator, people: People, months: Months, luck: Luck, felt: FloatArray
) -> Rows:
    """All posts by time: how good they are reflects, with much noise, how the quarter before felt.

    Parameters
    ----------
    felt : float array (months + 1, customers)
        See ``moods.felt``.
    """
    voice = rng.standard_normal(people.count)
    rate = _A_MONTH * np.exp(_BY_VOICE * voice - _BY_VOICE**2 / 2)
    who, month = draw_counts(rng, np.repeat(rate[:, None], months.count, axis=1))
    rows: Rows = {"customer_id": who, "posted_at": draw_times(rng, months, month, np.tile(_HOURS, 7))}
    rows = by_time(take(rows, people.had_joined(who, rows["posted_at"])), "posted_at")
    who, at, size = rows["customer_id"], rows["posted_at"], len(rows["posted_at"])
    good = _BY_FEELING * (felt[months.index(at), who] - _NEUTRAL) + rng.normal(0, _SPREAD, size)
    good = np.round(good.clip(-1.0, 1.0), 2)
    bad_luck = luck.at("replies", who, at)
    answered = rng.random(size) < chance(_ANSWERED_ODDS + _ANSWERED_BY_LUCK * bad_luck)
    hours = _HOURS_TO_ANSWER * np.exp(_SLOWER_BY_LUCK * bad_luck + rng.normal(0, 0.8, size))
    replied = at + 60 + np.ceil(hours * HOUR).astype(np.int64)
    called = answered & (good < 0) & (rng.random(size) < _CONTACTED)
    rows |= {
        "site": codes(rng, size, (0.4, 0.25, 0.2, 0.15)),
        "polarity": good,
        "reach": np.ceil(rng.lognormal(4.0, 1.5, size)).astype(np.int64),
        "replied_at": np.where(answered, replied, NEVER),
        "contacted_at": np.where(called, replied + rng.integers(HOUR, 72 * HOUR, size), NEVER),
    }
    return numbered(rows, "post_id")
