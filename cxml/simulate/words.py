"""What the codes of the text columns stand for, table by table."""

from __future__ import annotations

from collections.abc import Mapping

from cxml.simulate import (
    agents,
    bills,
    commerce,
    conduct,
    customers,
    messages,
    posts,
    recovery,
    sessions,
    subscriptions,
    surveys,
    topics,
)

WORDS: Mapping[str, Mapping[str, tuple[str, ...]]] = {
    "customers": customers.WORDS,
    "interactions": {
        "channel": topics.CHANNELS,
        "topic": topics.TOPICS,
        "direction": ("inbound", "outbound"),
        "customer_language": customers.LANGUAGES,
        "agent_language": customers.LANGUAGES,
        "device": conduct.DEVICES,
    },
    "recoveries": {"action": recovery.ACTIONS},
    "orders": {"category": commerce.CATEGORIES, "device": commerce.DEVICES},
    "returns": {"shipping_paid_by": commerce.PAYERS, "channel": commerce.WAYS_BACK},
    "charges": {"kind": bills.KINDS},
    "visits": {},
    "subscriptions": {"plan": subscriptions.PLANS},
    "surveys": {"kind": surveys.KINDS, "higher_is": surveys.HIGHER_IS, "about": surveys.ABOUT},
    "sessions": {"kind": sessions.KINDS, "device": sessions.DEVICES},
    "messages": {
        "purpose": messages.PURPOSES,
        "channel": messages.CHANNELS,
        "language": customers.LANGUAGES,
        "category": commerce.CATEGORIES,
    },
    "posts": {"site": posts.SITES},
    "agents": agents.agent_words(),
}
"""The tables of a simulated company; ids are no words."""
