"""From tables to a tested bundle."""
