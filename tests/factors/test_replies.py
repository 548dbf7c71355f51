"""Replies to public posts against plain Python, written from what each feature says."""

from __future__ import annotations

from typing import Any

import pytest
from gathered import gather
from oracle import DAY, HOUR, Row, biggest, check, last, mean, n, share, told

from cxml.factors.replies import REPLIES


def complaints(rows: list[Row]) -> list[Row]:
    return [r for r in rows if r["polarity"] is not None and r["polarity"] < 0]


def unanswered(rows: list[Row]) -> list[Row]:
    return [r for r in complaints(rows) if r["replied_at"] is None]


def answered(rows: list[Row]) -> list[bool]:
    return [r["replied_at"] is not None for r in rows]


def late(rows: list[Row], hours: int, c: int) -> list[bool]:
    """Complaints of which it can be said whether they were answered in so many hours."""
    limit = hours * HOUR
    said = [
        None if r["replied_at"] is None and c - r["t"] <= limit else (r["replied_at"] or c) - r["t"] > limit
        for r in complaints(rows)
    ]
    return told(said)


def hours_to(rows: list[Row], instant: str) -> float | None:
    return mean([(r[instant] - r["t"]) / HOUR for r in complaints(rows) if r[instant] is not None])


def followed(rows: list[Row], x: Any, table: str, where: Any) -> float | None:
    return share([x.first_after(r, table, 14, where) is not None for r in rows])


ORACLE = {
    "complaint_reply_share": lambda w, k, c: share(answered(complaints(w))),
    "complaints_unanswered_n": lambda w, k, c: len(unanswered(w)),
    "complaint_unanswered_d_max": lambda w, k, c: biggest([(c - r["t"]) / DAY for r in unanswered(w)]),
    "complaint_reply_h_mean": lambda w, k, c: hours_to(w, "replied_at"),
    "complaint_reply_over_1h_share": lambda w, k, c: share(late(w, 1, c)),
    "complaint_reply_over_5h_share": lambda w, k, c: share(late(w, 5, c)),
    "complaint_last_unanswered": lambda w, k, c: last(complaints(w), lambda r: int(r["replied_at"] is None)),
    "praise_reply_share": lambda w, k, c: share(answered([r for r in w if (r["polarity"] or 0) > 0])),
    "post_reply_share": lambda w, k, c: share(answered(w)),
    "complaint_contacted_share": lambda w, k, c: share(
        [r["contacted_at"] is not None for r in complaints(w)]
    ),
    "complaint_contacted_h_mean": lambda w, k, c: hours_to(w, "contacted_at"),
    "complaint_made_good_share": lambda w, k, c, x: followed(
        complaints(w), x, "recoveries", lambda q: q["action"] not in (None, "gift")
    ),
    "post_thanked_share": lambda w, k, c, x: followed(
        [r for r in w if r["polarity"] is not None and r["polarity"] >= 0],
        x,
        "messages",
        lambda m: m["purpose"] == "thanks",
    ),
    "review_requests_n": lambda w, k, c: n(r["purpose"] == "review_request" for r in w),
}


def test_every_column_is_what_it_says(monkeypatch: pytest.MonkeyPatch) -> None:
    gather(monkeypatch, 14)
    check(REPLIES, ORACLE)
