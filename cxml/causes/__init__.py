"""Is a driver a cause of leaving: estimates with their checks, promise cliffs, and what if."""
