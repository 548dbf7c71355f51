"""From declared factors to a feature matrix as of each cutoff."""
