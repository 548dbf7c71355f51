"""Channels against plain Python, written from what each feature says."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import company
import pytest
from oracle import Case, check, col, first, last, machine, n, off_hours, share

from cxml.factors.channels import CHANNELS

FAMILIES = {
    "phone": "phone_share",
    "chat": "chat_share",
    "email": "email_share",
    "social": "social_share",
    "store": "store_share",
    "sms": "sms_share",
    "app": "app_share",
    "portal": "portal_share",
}


def on(*names: str) -> Callable[..., Any]:
    """The share of contacts, of those whose channel is known, on a channel of this name or below it."""
    return lambda w, k, c: share(
        [any((x + ".").startswith(name + ".") for name in names) for x in col(w, "channel")]
    )


def among_social(*levels: str) -> Callable[..., Any]:
    return lambda w, k, c: share(
        [x.startswith("social") and any(level in x for level in levels) for x in col(w, "channel")]
    )


def topic(name: str) -> Callable[..., Any]:
    return lambda w, k, c: share([x.split(".")[0] == name for x in col(w, "topic")])


def spread(x: Case, w: int) -> float | None:
    """The chance that two contacts are of different families; all others are one."""
    used = [
        {"web": "portal"}.get(f, f)
        for q in col(x.window("interactions", 180), "channel")
        for f in [q.split(".")[0]]
    ]
    used = [f if f in FAMILIES else "other" for f in used]
    return 1 - sum((used.count(f) / len(used)) ** 2 for f in set(used)) if used else None


ORACLE = {
    "channels_n": lambda w, k, c: len(set(col(w, "channel"))),
    "channels_over_4": lambda w, k, c: int(len(set(col(w, "channel"))) > 4),
    "channel_last": lambda w, k, c: last(w, lambda r: r["channel"]),
    "channel_first": lambda w, k, c: first(w, lambda r: r["channel"]),
    "topic_last": lambda w, k, c: last(w, lambda r: r["topic"]),
    **{stem: on(family) for family, stem in FAMILIES.items()},
    "portal_share": on("portal", "web"),
    "phone_person_share": on("phone.human"),
    "voice_menu_share": on("phone.ivr"),
    "live_chat_share": on("chat.live"),
    "bot_share": lambda w, k, c: share([machine(r) for r in w if r["channel"] is not None]),
    "private_message_share": among_social("messenger", "dm", "whatsapp"),
    "public_comment_share": among_social("comment"),
    "store_help_share": on("store.tech"),
    "store_counter_share": on("store.counter"),
    "field_share": on("field"),
    "post_share": on("post"),
    "off_hours_share": lambda w, k, c: share([off_hours(r["t"]) for r in w]),
    "mobile_contact_share": lambda w, k, c: share([x == "mobile" for x in col(w, "device")]),
    "sales_topic_share": topic("sales"),
    "account_topic_share": topic("account"),
    "mobile_visit_share": lambda w, k, c: share([x == "mobile" for x in col(w, "device")]),
    "mobile_portal_n": lambda w, k, c: n(r["kind"] == "portal" and r["device"] == "mobile" for r in w),
}


def test_every_column_is_what_it_says(monkeypatch: pytest.MonkeyPatch) -> None:
    more = ("social.instagram_comment", "social.instagram_dm", "store.tech", "store.counter", "post", "web")
    monkeypatch.setitem(
        company.WORDS, "interactions.channel", (*company.WORDS["interactions.channel"], *more)
    )
    check(CHANNELS, ORACLE, {"channel_spread": spread})
