"""What contacts are about, and on which channels: the words of the table ``interactions``, and what goes with them."""

from __future__ import annotations

import numpy as np

CHANNELS = (
    "phone.human",
    "chat.live",
    "email",
    "chat.bot",
    "social.messenger",
    "store",
    "phone.ivr",
    "sms",
    "portal.mobile",
)
PHONE, CHAT, EMAIL, BOT, SOCIAL, STORE, IVR, SMS, PORTAL = range(len(CHANNELS))

TOPICS = (
    "usage.how_to",
    "delivery.status",
    "plan.info",
    "usage.info",
    "sales.promotion",
    "account",
    "technical",
    "billing.dispute",
    "delivery.late",
    "contract",
    "product.defect",
    "product.install",
    "incident.fraud",
    "service.check",
    "retention",
)
QUESTIONS = range(6)
PROBLEMS = range(6, 10)
PRODUCT = range(10, 12)
COMPANY = range(12, 14)
RETENTION = 14

TOPIC_SHARE = {
    QUESTIONS: np.array([0.2, 0.2, 0.15, 0.15, 0.15, 0.15]),
    PROBLEMS: np.array([0.4, 0.3, 0.18, 0.12]),
    PRODUCT: np.array([0.65, 0.35]),
}
SOLVED = np.array([0.985, 0.985, 0.985, 0.985, 0.985, 0.98, 0.52, 0.60, 0.62, 0.58, 0.95, 0.96])
"""Chance that a contact which is served solves the issue."""
OFFICE_D = np.array([1.0, 1.5, 1.0, 1.0, 1.0, 1.0, 9.0, 8.0, 6.0, 10.0, 2.0, 2.0])
"""Days that the back office takes, typically."""
TRANSFERS_BY_TOPIC = np.array([0.3, 0.3, 0.4, 0.3, 0.3, 0.5, 1.6, 1.3, 1.1, 1.6, 0.4, 0.4])
DOCUMENTS_BY_TOPIC = np.array([0.0, 0, 0.1, 0, 0, 0.3, 0.1, 0.4, 0.2, 0.6, 0.4, 0.1, 0.5, 0, 0.2])
"""Forms asked for in a contact, on average."""

QUESTION_MIX = np.array([0.03, 0.05, 0.20, 0.40, 0.17, 0.05, 0.05, 0.02, 0.03])
PROBLEM_MIX = np.array([0.59, 0.26, 0.05, 0.02, 0.04, 0.03, 0.01, 0.0, 0.0])
PRODUCT_MIX = np.array([0.12, 0.12, 0.28, 0.08, 0.15, 0.15, 0.02, 0.03, 0.05])
"""Shares of the channels on which issues begin."""
