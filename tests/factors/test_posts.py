"""Public posts against plain Python, written from what each feature says."""

from __future__ import annotations

import company
import pytest
from gathered import gather
from oracle import Case, Row, biggest, check, col, last, mean, n, since, told

from cxml.factors.posts import POSTS


def complaints(rows: list[Row]) -> list[Row]:
    return [r for r in rows if r["polarity"] is not None and r["polarity"] < 0]


def reach(r: Row) -> float | None:
    return r["reach"]


def times_usual(r: Row, x: Case) -> float | None:
    usual = x.norm(r, "posts", reach, "site")
    return None if r["reach"] is None or not usual else r["reach"] / usual


def most_times_usual(rows: list[Row], x: Case) -> float | None:
    return biggest(told(times_usual(r, x) for r in complaints(rows)))


def viral(x: Case, w: int) -> int | None:
    times = x.of("complaint_reach_vs_usual_max", 365)
    return None if times is None else int(times > 10)


ORACLE = {
    "complaint_posts_n": lambda w, k, c: len(complaints(w)),
    "praise_posts_n": lambda w, k, c: n((r["polarity"] or 0) > 0 for r in w),
    "polarity_mean": lambda w, k, c: mean(col(w, "polarity")),
    "polarity_last": lambda w, k, c: last(w, lambda r: r["polarity"]),
    "complaint_post_days_since": lambda w, k, c: since(complaints(w), c),
    "complaint_reach_max": lambda w, k, c: biggest(col(complaints(w), "reach")),
    "complaint_reach_vs_usual_max": lambda w, k, c, x: most_times_usual(w, x),
    "complaint_after_contact_n": lambda w, k, c, x: n(
        x.last_before(r, "interactions", 7, lambda q: True) is not None for r in complaints(w)
    ),
    "post_sites_n": lambda w, k, c: len(set(col(w, "site"))),
    "post_site_last": lambda w, k, c: last(w, lambda r: r["site"]),
}
FORMULAS = {"complaint_viral": viral}


def test_every_column_is_what_it_says(monkeypatch: pytest.MonkeyPatch) -> None:
    gather(monkeypatch, 7)
    # One site, and so many quiet posts to each loud one, beyond 32 bits, that it stands out from their mean.
    monkeypatch.setitem(company.NUMBERS, "reach", (0, *[1] * 30, *[2] * 10, 3_000_000_000, None))
    monkeypatch.setitem(company.WORDS, "site", ("reviews", "reviews", "reviews", "social.x", None))
    check(POSTS, ORACLE, FORMULAS)
