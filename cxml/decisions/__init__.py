"""Whom to contact, whom to leave alone, and what a campaign brought."""
